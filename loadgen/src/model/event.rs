//! What happens in a run, for those who watch it.

use std::collections::BTreeMap;

use super::{ErrorClass, Nanos};

/// What a load is going to be, as far as a watcher can know beforehand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoadOutline {
    /// Length of the warm-up.
    pub warmup: Nanos,
    /// The most that the measured part can last.
    pub duration: Nanos,
    /// Requests after which it ends before that, where that is known.
    pub requests: Option<u64>,
}

/// The state of a run at the end of one second. Counts are totals of the measured part.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// Time since the measured part began.
    pub elapsed: Nanos,
    /// One entry per host group, in plan order.
    pub groups: Vec<GroupProgress>,
}

/// Something that a person who watches should hear of.
#[derive(Clone, Copy, Debug)]
pub enum RunEvent<'a> {
    /// Which stack was taken, and why: the first line of output.
    Stack(&'a str),
    /// A step begins, or something needs to be known now.
    State(&'a str),
    Load(LoadOutline),
    /// The load goes on.
    Progress(&'a Progress),
    /// The load is over.
    Done,
}

/// One group's part of a [`Progress`].
#[derive(Clone, Debug, Default)]
pub struct GroupProgress {
    pub host: String,
    /// Requests planned so far.
    pub planned: u64,
    /// Requests sent so far.
    pub sent: u64,
    /// Requests answered with success so far.
    pub succeeded: u64,
    /// Requests failed so far.
    pub failed: u64,
    /// Arrivals dropped so far.
    pub dropped: u64,
    /// Answers so far, by status.
    pub status: BTreeMap<u16, u64>,
    /// Failures without an answer so far, by class.
    pub errors: BTreeMap<ErrorClass, u64>,
    /// Planned, sent and answered with success within the last second.
    pub last_second: [u64; 3],
    /// Response time of the last second at p50, p90, p99 and its maximum.
    pub response: [Nanos; 4],
    /// Release lag of the last second at p99: the generator's own.
    pub lag_p99: Nanos,
    /// What it may be.
    pub lag_budget: Nanos,
    /// Wait for a connection of the last second at p99.
    pub wait_p99: Nanos,
    /// Each replica's requests so far.
    pub replicas: Vec<ReplicaProgress>,
}

/// One replica's part of a [`GroupProgress`].
#[derive(Clone, Debug, Default)]
pub struct ReplicaProgress {
    /// The name it gives in its answers.
    pub id: String,
    /// Requests it answered so far.
    pub requests: u64,
    /// Of those, the ones of the last second.
    pub last_second: u64,
}
