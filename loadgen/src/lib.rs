//! Load testing that can be believed.
//!
//! # Layout
//! One way through the rooms: `cli` makes a `plan`; `runner` brings up a `stack`, takes a
//! `scrape`, runs the `engine` (`schedule`, `transport`, `recorder`), takes another scrape, lets
//! `checks` judge the evidence and `report` write the record. `docs/architecture.md` has the
//! table of who may import whom, and a test holds it.

pub mod checks;
pub mod cli;
pub mod compare;
pub mod engine;
pub mod export;
pub mod input;
pub mod manifest;
pub mod model;
pub mod plan;
pub mod record;
pub mod recorder;
pub mod report;
pub mod runner;
pub mod schedule;
pub mod scrape;
pub mod search;
pub mod stack;
pub mod store;
#[cfg(any(test, feature = "synthetic"))]
pub mod synthetic;
pub mod traffic;
pub mod transport;
pub mod workers;
