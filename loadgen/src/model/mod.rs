//! The words every other room speaks: instants, samples, rates, replicas, the topology.
//!
//! **Invariant:** nothing here reads a clock, does I/O or imports a sibling room.

mod count;
mod outcome;
mod progress;
mod rate;
mod sample;
mod time;
mod topology;

pub use count::grouped;
pub use outcome::{ErrorClass, Outcome, StatusClass};
pub use progress::{Course, GroupProgress, Notice, Progress, ReplicaProgress};
pub use rate::{Rate, RateError};
pub use sample::{Sample, lag_budget};
pub use time::Nanos;
pub use topology::{Proxy, ProxyBook, Replica, ReplicaId, StackKind, Topology};
