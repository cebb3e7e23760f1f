//! Turns samples into histograms and counts that merge by addition.
//!
//! A generator thread writes to its own [`Recorder`], which holds one second and hands it over;
//! a [`Collector`] adds the threads' seconds into [`Tally`]s. This is the only room that knows
//! `hdrhistogram`.
//!
//! **Invariant:** merging is associative and exact, because every histogram has the same bounds.

mod collector;
mod histogram;
mod names;
mod spare;
mod tally;
mod thread;

pub use collector::{Collector, Interval};
pub use histogram::{Histogram, HistogramError};
pub use names::Names;
pub use spare::Spare;
pub use tally::{
    Connections, Counts, Moment, Recording, ReplicaTally, Tally, ThreadHealth, WarmUp,
};
pub use thread::{Finished, HandOver, Recorder, Second};
