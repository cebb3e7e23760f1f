//! One load sent by several processes: the lines in which a worker tells what it did, and how the
//! lines of all of them become one recording.
//!
//! # Layout
//! A worker writes [`Message`]s through a [`FrameWriter`], as lines of at most [`MOST_LINE`] bytes.
//! Whoever reads them cuts a stream by [`Lines`] and gives each line to a [`Merger`], which folds the
//! windows of all workers and says what became of each. A [`Job`] is what a worker is given.
//!
//! **Invariant:** what is read was written by anybody. A line, a message, a window and their number
//! are bounded, and nothing is folded that is not proven whole: a frame has a checksum, frames are
//! counted, and the last of them holds the digest of all before it. No I/O but to the writer it is
//! given, and no clock.

#[cfg(test)]
mod crew_tests;
mod frame;
mod job;
mod lines;
mod merger;
mod message;
mod seat;
mod task;
#[cfg(test)]
mod tests;
mod window;
mod writer;

pub use frame::{Frame, FrameError, MOST_LINE, run_token, token};
pub use job::{Job, fingerprint};
pub use lines::{Lines, TooLong};
pub use merger::{Merged, Merger, MergerOptions, Refused};
pub use message::{Complaint, Final, Hello, Late, Message, Ready, Tick};
pub use task::Fault;
pub use writer::FrameWriter;

/// The most workers that one load is divided among.
pub const MOST_WORKERS: u32 = 1_000;
