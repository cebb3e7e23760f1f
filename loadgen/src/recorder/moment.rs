//! A short window near an event, in small: what happened within it, precisely enough to see when an
//! outage began and ended.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Window;
use super::tally::add_each;
use crate::model::{ErrorClass, Nanos, ReplicaId};

/// One short window of one group. Requests are counted when they are done.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Moment {
    /// The group's place in the plan.
    pub group: usize,
    /// From the beginning of the measured part.
    pub start: Nanos,
    pub length: Nanos,
    pub succeeded: u64,
    pub failed: u64,
    /// Answers with neither 2xx nor 3xx, by status.
    pub status: BTreeMap<u16, u64>,
    /// Failures without an answer, by class.
    pub errors: BTreeMap<ErrorClass, u64>,
    /// Answers for which the proxy says it tried more than one upstream server.
    pub retried: u64,
    /// Answers by the replica they name.
    pub replicas: BTreeMap<ReplicaId, u64>,
    /// Response times: the highest span of each bucket that holds any, and how many it holds.
    pub response: Vec<(Nanos, u64)>,
}

impl Moment {
    pub(super) fn of(window: &Window) -> Self {
        let counts = &window.tally.counts;
        let bad = |(status, _): &(&u16, &u64)| !(200..400).contains(*status);
        let replicas = window.tally.replicas.iter();
        Self {
            group: window.group,
            start: Nanos(window.start.max(0).cast_unsigned()),
            length: window.length,
            succeeded: counts.succeeded,
            failed: counts.failed,
            status: (counts.status.iter().filter(bad))
                .map(|(status, count)| (*status, *count))
                .collect(),
            errors: counts.errors.clone(),
            retried: counts.retried,
            replicas: replicas
                .map(|(id, tally)| (id.clone(), tally.requests))
                .collect(),
            response: window.tally.response.buckets().collect(),
        }
    }

    /// Adds what another process counted in the same window of the same group.
    pub fn add(&mut self, other: &Self) {
        self.succeeded += other.succeeded;
        self.failed += other.failed;
        self.retried += other.retried;
        add_each(&mut self.status, &other.status);
        add_each(&mut self.errors, &other.errors);
        add_each(&mut self.replicas, &other.replicas);
        let mut response: BTreeMap<_, _> = self.response.iter().copied().collect();
        add_each(&mut response, &other.response.iter().copied().collect());
        self.response = response.into_iter().collect();
    }

    /// Its end, from the beginning of the measured part.
    #[must_use]
    pub const fn end(&self) -> Nanos {
        self.start.plus(self.length)
    }
}
