//! What is known of a running test, added up second by second.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::buckets::Buckets;
use crate::model::{Nanos, ReplicaId};
use crate::recorder::{Counts, Phase, Window};

/// The sums so far. A copy is another way to the same sums.
#[derive(Clone, Debug)]
pub struct Meter {
    sums: Arc<Mutex<Sums>>,
}

/// Everything a page tells.
#[derive(Clone, Debug)]
pub(super) struct Sums {
    /// When this process began to serve.
    pub(super) started: SystemTime,
    /// Whether the load is on.
    pub(super) running: bool,
    /// Seconds of the measured part that are complete.
    pub(super) seconds: u64,
    /// One per host group, in plan order.
    pub(super) groups: Vec<GroupSums>,
}

/// One group's part of [`Sums`].
#[derive(Clone, Debug, Default)]
pub(super) struct GroupSums {
    pub(super) host: String,
    pub(super) counts: Counts,
    pub(super) warmup_requests: u64,
    /// Answers by the replica they name: with success, and without.
    pub(super) replicas: BTreeMap<ReplicaId, (u64, u64)>,
    pub(super) response: Buckets,
    pub(super) service: Buckets,
    pub(super) lag: Buckets,
}

impl Meter {
    /// A meter for a test that has not begun.
    pub(super) fn new() -> Self {
        let sums = Sums {
            started: SystemTime::now(),
            running: false,
            seconds: 0,
            groups: Vec::new(),
        };
        Self {
            sums: Arc::new(Mutex::new(sums)),
        }
    }

    /// The load of these groups begins.
    pub fn begin<'a>(&self, hosts: impl Iterator<Item = &'a str>) {
        let mut sums = self.lock();
        let group = |host: &str| GroupSums {
            host: host.to_owned(),
            ..GroupSums::default()
        };
        sums.groups = hosts.map(group).collect();
        sums.running = true;
    }

    /// A window of a group is complete.
    pub fn add(&self, window: &Window) {
        let mut sums = self.lock();
        let end = Nanos(window.end().max(0).cast_unsigned());
        sums.seconds = sums.seconds.max(end.0 / Nanos::SECOND.0);
        let Some(group) = sums.groups.get_mut(window.group) else {
            return;
        };
        let tally = &window.tally;
        if window.phase == Phase::WarmUp {
            group.warmup_requests += tally.counts.sent;
            return;
        }
        group.counts.add(&tally.counts);
        group.response.add(&tally.response);
        group.service.add(&tally.service);
        group.lag.add(&tally.lag);
        for (id, replica) in &tally.replicas {
            let (good, bad) = group.replicas.entry(id.clone()).or_default();
            *good += replica.requests - replica.failed;
            *bad += replica.failed;
        }
    }

    /// The load is over, and nothing will change any more.
    pub fn end(&self) {
        self.lock().running = false;
    }

    /// The sums of now: a copy, so that a reader never keeps the next second waiting.
    pub(super) fn sums(&self) -> Sums {
        self.lock().clone()
    }

    /// Sums are whole at any time: each call leaves them so, even one that was cut short.
    fn lock(&self) -> MutexGuard<'_, Sums> {
        self.sums.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
