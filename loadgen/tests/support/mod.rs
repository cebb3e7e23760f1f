//! What end-to-end tests share: one way to run the program, one server, one transport, and how
//! findings and figures are looked up. `it` uses all of it; the other binaries use parts.

pub mod found;
pub mod judged;
pub mod program;
pub mod reading;
pub mod run;
pub mod schema;
pub mod server;
pub mod transport;
