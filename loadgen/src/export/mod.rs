//! The generator's own metrics while a test runs, for Prometheus to read beside the service's.
//!
//! **Invariant:** off the hot path. What is served was handed over by the generator threads once
//! a second, and a reader can slow nobody down but other readers.

mod buckets;
mod meter;
mod page;
mod server;

pub use meter::Meter;
pub use server::{ExportError, Exporter};
