//! Turns samples into histograms and counts that merge by addition.
//!
//! A generator thread writes to its own [`Recorder`], which holds one window and hands it over; a
//! [`Collector`] folds the threads' [`Window`]s into those of the run and these into a
//! [`Recording`]. Whatever reads windows again, from a spool or from elsewhere, folds them the same
//! way. This is the only room that knows how a histogram is stored.
//!
//! **Invariant:** folding is associative, commutative and exact, because every histogram has the
//! same bounds and the names that are kept apart do not depend on an order.

mod collector;
mod coverage;
mod distinct;
mod histogram;
pub mod length;
mod moment;
mod names;
mod pool;
mod progress;
mod recording;
mod stalls;
mod tally;
#[cfg(test)]
mod tests;
mod thread;
mod timeline;
mod window;

pub use collector::Collector;
pub use coverage::Coverage;
pub use distinct::Distinct;
pub use histogram::{Histogram, HistogramError};
pub use moment::Moment;
pub use names::Names;
pub use pool::TallyPool;
pub use recording::{End, GroupRecording, Recording, Stored, ThreadHealth, TimelinePoint};
pub use stalls::{StallSecond, Stalls};
pub use tally::{Connections, Counts, ReplicaTally, RequestTally, Tally};
pub use thread::{CpuTime, Finished, Passed, Recorder, RecorderOptions, ThreadMessage};
pub use window::{Phase, Window, Windows};
