//! Everything counted for one host group, for a second or for a whole run.

use std::collections::BTreeMap;

use super::{Histogram, Names, Spare};
use crate::model::{ErrorClass, Nanos, Outcome, ReplicaId, Sample};

/// Counts and histograms of one group. Two tallies merge by [`Tally::add`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    /// Plain counts.
    pub counts: Counts,
    /// Response time of every finished request, errors and time-outs included.
    pub response: Histogram,
    /// Service time of every finished request.
    pub service: Histogram,
    /// Send lag of every finished request.
    pub lag: Histogram,
    /// What each replica named in an answer did.
    pub replicas: BTreeMap<ReplicaId, ReplicaTally>,
}

/// The plain counts of a [`Tally`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Arrivals the schedule asked for.
    pub planned: u64,
    /// Requests whose first byte was handed to the kernel, or whose connection failed.
    pub sent: u64,
    /// Arrivals given up because every connection was busy for too long.
    pub dropped: u64,
    /// Requests answered with 2xx or 3xx.
    pub succeeded: u64,
    /// Requests answered with another status, or not at all.
    pub failed: u64,
    /// Answers by status.
    pub status: BTreeMap<u16, u64>,
    /// Failures without an answer, by class.
    pub errors: BTreeMap<ErrorClass, u64>,
    /// Answers that name no replica (made by the proxy, or unreadable), by status.
    pub unnamed: BTreeMap<u16, u64>,
    /// Answers for which the proxy says it tried more than one upstream server.
    pub retried: u64,
    /// Tries beyond the first, summed over those answers.
    pub extra_tries: u64,
    /// What became of the connections.
    pub connections: Connections,
    /// The warm-up: in no figure, but in the servers' counters.
    pub warmup: WarmUp,
}

/// What the warm-up sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WarmUp {
    /// Requests sent.
    pub sent: u64,
    /// Of those, the ones that got no answer, by class.
    pub errors: BTreeMap<ErrorClass, u64>,
    /// Answers by status.
    pub status: BTreeMap<u16, u64>,
    /// Answers that name no replica, by status.
    pub unnamed: BTreeMap<u16, u64>,
    /// Tries beyond the first.
    pub extra_tries: u64,
    /// Answers by the replica they name.
    pub replicas: BTreeMap<ReplicaId, u64>,
}

/// What one replica did, as far as the client can tell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReplicaTally {
    /// Answers that name it.
    pub requests: u64,
    /// Of those, the ones with neither 2xx nor 3xx.
    pub failed: u64,
    /// Response time of its answers.
    pub response: Histogram,
}

/// Events of connections, over one group.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
pub struct Connections {
    /// Connections made.
    pub opened: u64,
    /// Attempts that failed.
    pub refused: u64,
    /// Connections ended by the peer between requests, as HTTP allows.
    pub closed_by_peer: u64,
}

impl Tally {
    /// Counts one finished request under the replica it names, if any. Allocates only for a
    /// status or an error class met for the first time.
    #[inline]
    pub fn finish(&mut self, sample: &Sample, replica: Option<&mut ReplicaTally>) {
        let response = sample.response();
        self.response.record(response);
        self.service.record(sample.service());
        self.lag.record(sample.lag());
        let counts = &mut self.counts;
        let succeeded = sample.outcome.succeeded();
        if succeeded {
            counts.succeeded += 1;
        } else {
            counts.failed += 1;
        }
        match sample.outcome {
            Outcome::Answered { status } => {
                *counts.status.entry(status).or_default() += 1;
                if replica.is_none() {
                    *counts.unnamed.entry(status).or_default() += 1;
                }
            }
            Outcome::Failed(class) => *counts.errors.entry(class).or_default() += 1,
        }
        if sample.tries > 1 {
            counts.retried += 1;
            counts.extra_tries += u64::from(sample.tries - 1);
        }
        if let Some(tally) = replica {
            tally.requests += 1;
            tally.failed += u64::from(!succeeded);
            tally.response.record(response);
        }
    }

    /// Adds another tally: counts by addition, histograms bucket by bucket.
    pub fn add(&mut self, other: &Self) {
        self.add_from(other, &mut Spare::default());
    }

    /// The same, with the memory for a replica met for the first time from a stock.
    pub fn add_from(&mut self, other: &Self, spare: &mut Spare) {
        self.counts.add(&other.counts);
        self.response.add(&other.response);
        self.service.add(&other.service);
        self.lag.add(&other.lag);
        for (id, theirs) in &other.replicas {
            if let Some(ours) = self.replicas.get_mut(id) {
                ours.add(theirs);
                continue;
            }
            // Each thread bounds its own names; together they are held to the same bound.
            let id = if self.replicas.len() < Names::MOST - 1 {
                id.clone()
            } else {
                ReplicaId(Names::OTHERS.to_owned())
            };
            let ours = self.replicas.entry(id);
            ours.or_insert_with(|| spare.replica()).add(theirs);
        }
    }
}

impl Tally {
    /// Forgets what was counted and keeps the memory.
    pub fn empty(&mut self) {
        self.counts = Counts::default();
        self.response.empty();
        self.service.empty();
        self.lag.empty();
        self.replicas.clear();
    }
}

impl ReplicaTally {
    /// Adds what another counted.
    pub fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.failed += other.failed;
        self.response.add(&other.response);
    }

    /// Forgets what was counted and keeps the memory.
    pub fn empty(&mut self) {
        (self.requests, self.failed) = (0, 0);
        self.response.empty();
    }
}

impl Counts {
    /// Requests sent that have no outcome yet; with a whole run, the ones never finished.
    #[must_use]
    pub const fn unfinished(&self) -> u64 {
        self.sent.saturating_sub(self.succeeded + self.failed)
    }

    /// Answers read, whatever their status.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.status.values().sum()
    }

    /// Adds other counts.
    pub fn add(&mut self, other: &Self) {
        self.planned += other.planned;
        self.sent += other.sent;
        self.dropped += other.dropped;
        self.succeeded += other.succeeded;
        self.failed += other.failed;
        add_each(&mut self.status, &other.status);
        add_each(&mut self.errors, &other.errors);
        add_each(&mut self.unnamed, &other.unnamed);
        self.retried += other.retried;
        self.extra_tries += other.extra_tries;
        self.connections.opened += other.connections.opened;
        self.connections.refused += other.connections.refused;
        self.connections.closed_by_peer += other.connections.closed_by_peer;
        self.warmup.add(&other.warmup);
    }
}

impl WarmUp {
    /// Counts one finished request of the warm-up.
    pub fn finish(&mut self, sample: &Sample, replica: Option<&ReplicaId>) {
        match (sample.outcome, replica) {
            (Outcome::Failed(class), _) => *self.errors.entry(class).or_default() += 1,
            (Outcome::Answered { status }, named) => {
                *self.status.entry(status).or_default() += 1;
                match named {
                    Some(id) => *self.replicas.entry(id.clone()).or_default() += 1,
                    None => *self.unnamed.entry(status).or_default() += 1,
                }
            }
        }
        self.extra_tries += u64::from(sample.tries.saturating_sub(1));
    }

    fn add(&mut self, other: &Self) {
        self.sent += other.sent;
        add_each(&mut self.errors, &other.errors);
        add_each(&mut self.status, &other.status);
        add_each(&mut self.unnamed, &other.unnamed);
        self.extra_tries += other.extra_tries;
        add_each(&mut self.replicas, &other.replicas);
    }
}

fn add_each<K: Clone + Ord>(ours: &mut BTreeMap<K, u64>, theirs: &BTreeMap<K, u64>) {
    for (key, count) in theirs {
        *ours.entry(key.clone()).or_default() += count;
    }
}

/// What a run measured: per group in plan order, per second, and of the generator itself.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    /// The whole measured part, one tally per group.
    pub totals: Vec<(String, Tally)>,
    /// Its seconds in small: enough to see when a share changed.
    pub timeline: Vec<Moment>,
    /// How each generator thread fared.
    pub threads: Vec<ThreadHealth>,
    /// Length of the measured part that took place (shorter when interrupted).
    pub measured: Nanos,
    /// Length of the warm-up that took place.
    pub warmup: Nanos,
    /// Whether a signal cut it short.
    pub interrupted: bool,
}

/// One second of one group, in a few hundred bytes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Moment {
    /// Seconds since the measured part began.
    pub second: u64,
    /// The group's place in the plan.
    pub group: usize,
    /// Plain counts (connections and warm-up left out).
    pub planned: u64,
    /// Requests sent.
    pub sent: u64,
    /// Requests finished with success.
    pub succeeded: u64,
    /// Requests finished without.
    pub failed: u64,
    /// Answers by the replica they name.
    pub replicas: BTreeMap<ReplicaId, u64>,
    /// Response time at p99.
    pub response_p99: Nanos,
    /// Send lag at p99.
    pub lag_p99: Nanos,
}

/// How one generator thread fared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ThreadHealth {
    /// CPU time it used over the measured part.
    pub cpu: Nanos,
    /// Its share of one core in its busiest second, 0–1.
    pub busiest_second: f64,
    /// Whether it ended by itself, with everything handed over.
    pub finished: bool,
}
