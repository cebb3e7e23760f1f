//! The replica from the outside: through its router, on loopback, and as a program.

mod client;
mod counting;
mod exposition;
mod program;
mod resources;
mod serving;
mod station;
