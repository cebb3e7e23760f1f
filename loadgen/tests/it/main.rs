//! The binary as people use it: what is typed, what is printed, what is left, and the exit code.
//!
//! One program for all of it, because linking costs more than running. The machine may be busy:
//! counts, identities, codes and words are asserted, and never how long something took.

mod bad_input;
mod codes;
mod embedded;
mod errors;
mod fake;
mod interrupted;
mod lost;
mod metrics;
mod pages;
mod program;
mod reading;
#[path = "../schema/mod.rs"]
mod schema;
mod secure;
mod terminal;
