//! Reads metrics pages: text exposition to typed counters, before and after to a delta.
//!
//! A page that cannot be read is a value in the [`Snapshot`], never a failure of the run: what it
//! means is for the checks to say.
//!
//! **Invariant:** neither our own client's counts nor any verdict is known here.

mod cursor;
mod delta;
mod error;
mod exposition;
mod fetch;
mod idle;
mod latency;
mod processes;
mod reading;
mod route;
mod selector;
mod snapshot;
mod stub_status;

pub use delta::{Delta, ProxyDelta, ReplicaDelta, ReplicaState};
pub use error::{ParseError, Reason, ScrapeError};
pub use exposition::{Exposition, Kind, Sample, parse};
pub use fetch::{ClientError, Limits, Scraper};
pub use idle::IdleWatch;
pub use latency::{Bucket, Latency};
pub use reading::{ProxyReading, Reading};
pub use route::{Route, segments};
pub use selector::SelectorError;
pub use snapshot::{ProxySnapshot, ReplicaSnapshot, Snapshot, path_of};
pub use stub_status::stub_status;
