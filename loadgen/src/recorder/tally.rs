//! Everything counted for one host group, for a second or for a whole run: it adds, exactly.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Distinct, Histogram, Names, TallyPool};
use crate::model::{ErrorClass, Outcome, Reason, ReplicaId, Sample};

/// Counts and histograms of one group. Two tallies merge by [`Tally::add`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tally {
    pub counts: Counts,
    /// Response time of every finished request, errors and time-outs included.
    pub response: Histogram,
    /// Service time of every finished request.
    pub service: Histogram,
    /// Send lag of every finished request.
    pub lag: Histogram,
    /// The generator's part of it: from when a request was due until it was released.
    pub release_lag: Histogram,
    /// The other part: from when it was released until a connection was there for it.
    pub connection_wait: Histogram,
    /// What each replica named in an answer did.
    pub replicas: BTreeMap<ReplicaId, ReplicaTally>,
    /// The names that are counted together, as [`Names::OTHERS`], as far as it is known here.
    #[serde(skip_serializing_if = "Distinct::is_empty")]
    pub beyond: Distinct,
    /// The first failure of each class, in words.
    pub reasons: BTreeMap<ErrorClass, Reason>,
    /// The same by request name, where the group has several.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub requests: BTreeMap<String, RequestTally>,
}

/// The plain counts of a [`Tally`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
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
    pub status: BTreeMap<u16, u64>,
    /// Failures without an answer, by class.
    pub errors: BTreeMap<ErrorClass, u64>,
    /// Answers that name no replica (made by the proxy, or unreadable), by status.
    pub unnamed: BTreeMap<u16, u64>,
    /// Of these, the ones for which the proxy names an upstream server, so that one of them gave it
    /// or failed to.
    pub unnamed_upstream: BTreeMap<u16, u64>,
    /// Answers for which the proxy says it tried more than one upstream server.
    pub retried: u64,
    /// Tries beyond the first, summed over those answers.
    pub extra_tries: u64,
    /// What became of the connections.
    pub connections: Connections,
}

/// What one replica did, as far as the client can tell.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReplicaTally {
    /// Answers that name it.
    pub requests: u64,
    /// Of those, the ones with neither 2xx nor 3xx.
    pub failed: u64,
    /// Response time of its answers.
    pub response: Histogram,
}

/// What became of the requests of one name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RequestTally {
    pub counts: Counts,
    /// Response time of every finished request.
    pub response: Histogram,
    /// Service time of every finished request.
    pub service: Histogram,
}

impl RequestTally {
    /// The part of a whole group's tally that is kept for each name.
    #[must_use]
    pub fn of(tally: &Tally) -> Self {
        Self {
            counts: tally.counts.clone(),
            response: tally.response.clone(),
            service: tally.service.clone(),
        }
    }

    /// Counts one finished request, whose answer names a replica or not.
    #[inline]
    pub(super) fn finish(&mut self, sample: &Sample, is_named: bool) {
        self.counts.finish(sample, is_named);
        self.response.record(sample.response());
        self.service.record(sample.service());
    }

    /// Adds what another counted.
    pub fn add(&mut self, other: &Self) {
        self.counts.add(&other.counts);
        self.response.add(&other.response);
        self.service.add(&other.service);
    }

    /// Whether nothing was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let counts = &self.counts;
        counts.planned + counts.sent + counts.dropped + counts.succeeded + counts.failed == 0
    }

    /// Forgets what was counted and keeps the memory.
    pub fn empty(&mut self) {
        self.counts = Counts::default();
        self.response.empty();
        self.service.empty();
    }
}

/// Events of connections, over one group.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
pub struct Connections {
    pub opened: u64,
    pub refused: u64,
    /// Connections ended by the peer between requests, as HTTP allows.
    pub closed_by_peer: u64,
    /// Of these, the ones that it ended without saying so in an answer, while they were idle.
    #[serde(default)]
    pub closed_while_idle: u64,
    /// Connections that loadgen ended because an answer left doubts of where it ends.
    #[serde(default)]
    pub let_go: u64,
    /// Connections that loadgen ended because bytes came behind an answer that nobody asked for.
    #[serde(default)]
    pub surplus: u64,
    /// Requests that failed because the server closed an idle connection as they went out.
    #[serde(default)]
    pub lost_while_idle: u64,
    /// Requests that were sent again because the server said that it had not looked at them.
    #[serde(default)]
    pub sent_again: u64,
    /// The most requests in flight at once over one connection; 0 where that is always one.
    #[serde(default)]
    pub most_streams: u32,
    /// The fewest that a server allowed at once over one connection; 0 where that is always one,
    /// 4294967295 where it set no limit.
    #[serde(default)]
    pub stream_limit: u32,
    /// Answers that name the same replica as the one before on their connection.
    #[serde(default)]
    pub same_replica: u64,
    /// Answers that name another.
    #[serde(default)]
    pub other_replica: u64,
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
        self.release_lag.record(sample.release_lag());
        self.connection_wait.record(sample.connection_wait());
        self.counts.finish(sample, replica.is_some());
        let succeeded = sample.outcome.succeeded();
        if let Some(tally) = replica {
            tally.requests += 1;
            tally.failed += u64::from(!succeeded);
            tally.response.record(response);
        }
    }

    /// Adds another tally: counts by addition, histograms bucket by bucket, names to the bound.
    pub fn add(&mut self, other: &Self) {
        self.add_from(other, &mut TallyPool::default());
    }

    /// The same, with the memory for a replica met for the first time from a pool.
    pub fn add_from(&mut self, other: &Self, pool: &mut TallyPool) {
        self.counts.add(&other.counts);
        self.response.add(&other.response);
        self.service.add(&other.service);
        self.lag.add(&other.lag);
        self.release_lag.add(&other.release_lag);
        self.connection_wait.add(&other.connection_wait);
        for (id, theirs) in &other.replicas {
            self.replica_mut(id, pool).add(theirs);
        }
        self.beyond.add(&other.beyond);
        for (class, reason) in &other.reasons {
            self.explain(*class, reason);
        }
        for (name, theirs) in &other.requests {
            let place = self.requests.entry(name.clone());
            place.or_insert_with(|| pool.request()).add(theirs);
        }
    }

    /// Keeps the earlier of two reasons.
    fn explain(&mut self, class: ErrorClass, reason: &Reason) {
        let kept = self.reasons.entry(class);
        let kept = kept.or_insert_with(|| reason.clone());
        if reason < kept {
            kept.clone_from(reason);
        }
    }

    /// The place where a replica of this name is counted: its own, or that of all [`Names::OTHERS`]
    /// when the bound on names is reached.
    ///
    /// The names that stay are the first in their order, whatever order they come in, so that the
    /// sum of any number of tallies does not depend on how they are added up.
    fn replica_mut(&mut self, id: &ReplicaId, pool: &mut TallyPool) -> &mut ReplicaTally {
        let is_name = id.0 != Names::OTHERS && !self.replicas.contains_key(id);
        if is_name && self.names() + 1 >= pool.most_names() {
            let last = self.replicas.keys().rev().find(|id| id.0 != Names::OTHERS);
            if let Some(last) = last.filter(|last| *last > id).cloned() {
                self.give_up_name(&last, pool);
            } else {
                self.beyond.meet(id.0.as_bytes());
                return self.others(pool);
            }
        }
        let place = self.replicas.entry(id.clone());
        place.or_insert_with(|| pool.replica())
    }

    /// How many names are told apart.
    fn names(&self) -> usize {
        let others = self.replicas.contains_key(&others());
        self.replicas.len() - usize::from(others)
    }

    /// Counts what has this name among all others from now on.
    fn give_up_name(&mut self, id: &ReplicaId, pool: &mut TallyPool) {
        if let Some(tally) = self.replicas.remove(id) {
            self.beyond.meet(id.0.as_bytes());
            self.others(pool).add(&tally);
            pool.give_replica(tally);
        }
    }

    fn others(&mut self, pool: &mut TallyPool) -> &mut ReplicaTally {
        let place = self.replicas.entry(others());
        place.or_insert_with(|| pool.replica())
    }
}

/// The name under which all further names are counted.
fn others() -> ReplicaId {
    ReplicaId(Names::OTHERS.to_owned())
}

impl Tally {
    /// Forgets what was counted and keeps the memory.
    pub fn empty(&mut self) {
        self.counts = Counts::default();
        self.response.empty();
        self.service.empty();
        self.lag.empty();
        self.release_lag.empty();
        self.connection_wait.empty();
        self.replicas.clear();
        self.beyond.empty();
        self.reasons.clear();
        self.requests.clear();
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
    /// Counts one finished request, whose answer names a replica or not.
    #[inline]
    fn finish(&mut self, sample: &Sample, is_named: bool) {
        if sample.outcome.succeeded() {
            self.succeeded += 1;
        } else {
            self.failed += 1;
        }
        match sample.outcome {
            Outcome::Answered { status } => {
                *self.status.entry(status).or_default() += 1;
                if !is_named {
                    *self.unnamed.entry(status).or_default() += 1;
                    if sample.tries > 0 {
                        *self.unnamed_upstream.entry(status).or_default() += 1;
                    }
                }
            }
            Outcome::Failed(class) => *self.errors.entry(class).or_default() += 1,
        }
        if sample.tries > 1 {
            self.retried += 1;
            self.extra_tries += u64::from(sample.tries - 1);
        }
    }

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

    pub fn add(&mut self, other: &Self) {
        self.planned += other.planned;
        self.sent += other.sent;
        self.dropped += other.dropped;
        self.succeeded += other.succeeded;
        self.failed += other.failed;
        add_each(&mut self.status, &other.status);
        add_each(&mut self.errors, &other.errors);
        add_each(&mut self.unnamed, &other.unnamed);
        add_each(&mut self.unnamed_upstream, &other.unnamed_upstream);
        self.retried += other.retried;
        self.extra_tries += other.extra_tries;
        self.connections.add(&other.connections);
    }
}

impl Connections {
    fn add(&mut self, other: &Self) {
        self.opened += other.opened;
        self.refused += other.refused;
        self.closed_by_peer += other.closed_by_peer;
        self.closed_while_idle += other.closed_while_idle;
        self.let_go += other.let_go;
        self.surplus += other.surplus;
        self.lost_while_idle += other.lost_while_idle;
        self.sent_again += other.sent_again;
        self.meet_streams(other.most_streams, other.stream_limit);
        self.same_replica += other.same_replica;
        self.other_replica += other.other_replica;
    }

    /// Takes in how many requests were in flight over one connection, and how many may be.
    pub fn meet_streams(&mut self, most: u32, limit: u32) {
        self.most_streams = self.most_streams.max(most);
        self.stream_limit = match (self.stream_limit, limit) {
            (0, limit) | (limit, 0) => limit,
            (ours, theirs) => ours.min(theirs),
        };
    }
}

/// Adds what others counted, by what they counted it of.
pub(super) fn add_each<K: Clone + Ord>(ours: &mut BTreeMap<K, u64>, theirs: &BTreeMap<K, u64>) {
    for (key, count) in theirs {
        *ours.entry(key.clone()).or_default() += count;
    }
}
