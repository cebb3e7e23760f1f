//! What a run measured: one window for the whole of each group and phase, and its time line.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Coverage, Distinct, Moment, Phase, Stalls, Tally, TallyPool, Window, timeline};
use crate::model::{Nanos, ReplicaId};

/// What a run measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Recording {
    pub groups: Vec<GroupRecording>,
    /// The windows of the measured part in small: enough to see when a share changed.
    pub timeline: Vec<TimelinePoint>,
    /// Shorter windows of the measured part, near events.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub moments: Vec<Moment>,
    /// How each generator thread fared; empty where that was lost with the process.
    pub threads: Vec<ThreadHealth>,
    /// Length of the measured part that took place (shorter when interrupted).
    pub measured: Nanos,
    /// Length of the warm-up that took place.
    pub warmup: Nanos,
    pub end: End,
    /// How much of the time line is on disk.
    pub stored: Stored,
    #[serde(default)]
    pub stalls: Stalls,
}

/// One group, over the whole run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GroupRecording {
    pub name: String,
    /// In no figure, but in the servers' counters.
    pub warmup: Tally,
    pub measured: Tally,
}

/// How a run came to its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    #[default]
    ByItself,
    /// By a signal.
    Interrupted,
    /// With its process; what is known comes from the spool.
    Lost,
}

/// The windows of the measured part that were stored, of those that there were.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// Windows, over all groups, that the run had.
    pub expected: u64,
    /// Windows that could be read back.
    pub read: u64,
    /// The seconds that are missing, the first of them.
    pub missing: Vec<u64>,
    /// Why they could not be written, where the system said why.
    pub reason: Option<String>,
}

/// The most missing seconds that are listed.
const MOST_MISSING: usize = 100;

/// One window of the measured part, in a few hundred bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimelinePoint {
    /// Seconds since the measured part began.
    pub second: u64,
    /// How many seconds it is of: more than one where a run is too long for a point each.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub length: u64,
    /// The group's place in the plan.
    pub group: usize,
    pub planned: u64,
    pub sent: u64,
    pub succeeded: u64,
    pub failed: u64,
    /// Answers by the replica they name.
    pub replicas: BTreeMap<ReplicaId, u64>,
    /// Response time at p99; of the worst second where it is of several. So are the two below.
    pub response_p99: Nanos,
    /// Release lag at p99.
    pub release_lag_p99: Nanos,
    /// Wait for a connection at p99.
    pub connection_wait_p99: Nanos,
}

const fn one() -> u64 {
    1
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the form that serde calls"
)]
const fn is_one(length: &u64) -> bool {
    *length == 1
}

impl Default for TimelinePoint {
    fn default() -> Self {
        Self {
            second: 0,
            length: 1,
            group: 0,
            planned: 0,
            sent: 0,
            succeeded: 0,
            failed: 0,
            replicas: BTreeMap::new(),
            response_p99: Nanos::ZERO,
            release_lag_p99: Nanos::ZERO,
            connection_wait_p99: Nanos::ZERO,
        }
    }
}

/// How one generator thread fared.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ThreadHealth {
    /// CPU time it used over the measured part.
    pub cpu: Nanos,
    /// The time for which it could have run, and others did.
    #[serde(default)]
    pub waited: Nanos,
    /// Its share of one core in its busiest second, 0–1.
    pub busiest_second: f64,
    /// Whether it ended by itself, with everything handed over.
    pub finished: bool,
}

impl Recording {
    /// A recording of groups of these names, with nothing in it.
    #[must_use]
    pub fn of(names: impl IntoIterator<Item = String>, pool: &mut TallyPool) -> Self {
        let group = |name| GroupRecording {
            name,
            warmup: Tally::default(),
            measured: pool.tally(),
        };
        Self {
            groups: names.into_iter().map(group).collect(),
            ..Self::default()
        }
    }

    /// Adds a window that is complete over all threads: to the totals, and to the time line.
    pub fn add(&mut self, window: &Window, pool: &mut TallyPool) {
        let Some(group) = self.groups.get_mut(window.group) else {
            return;
        };
        match window.phase {
            Phase::WarmUp => group.warmup.add_from(&window.tally, pool),
            Phase::Measured => {
                group.measured.add_from(&window.tally, pool);
                timeline::push(&mut self.timeline, TimelinePoint::of(window));
            }
        }
    }

    /// Keeps a window of the measured part that is shorter than a second.
    pub(super) fn keep_moment(&mut self, window: &Window) {
        if window.phase == Phase::Measured && window.length < Nanos::SECOND {
            self.moments.push(Moment::of(window));
        }
    }

    /// Adds the short windows of another process: those of the same group and instant become one.
    pub fn add_moments(&mut self, moments: Vec<Moment>) {
        let key = |moment: &Moment| (moment.start, moment.group);
        let mut all: BTreeMap<_, _> = (self.moments.drain(..))
            .map(|moment| (key(&moment), moment))
            .collect();
        for moment in moments {
            match all.entry(key(&moment)) {
                Entry::Occupied(mut sum) => sum.get_mut().add(&moment),
                Entry::Vacant(place) => drop(place.insert(moment)),
            }
        }
        self.moments = all.into_values().collect();
    }

    /// Adds the names of each group that somebody who counted a part of it did not tell apart.
    pub fn add_beyond(&mut self, beyond: &[Distinct]) {
        for (group, names) in self.groups.iter_mut().zip(beyond) {
            group.measured.beyond.add(names);
        }
    }

    /// Whether a signal cut it short.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        self.end == End::Interrupted
    }

    /// What the time line has: of a group, from a second on, so many.
    pub fn seconds(&self) -> impl Iterator<Item = (usize, u64, u64)> {
        let points = self.timeline.iter();
        points.map(|point| (point.group, point.second, point.length))
    }
}

impl Stored {
    /// What was read back of the seconds that there must be, told as [`Recording::seconds`].
    #[must_use]
    pub fn of(
        expected: impl Iterator<Item = (usize, u64, u64)>,
        read: &Coverage,
        reason: Option<String>,
    ) -> Self {
        let mut stored = Self {
            reason,
            ..Self::default()
        };
        let mut all_missing = BTreeSet::new();
        for (group, from, seconds) in expected {
            let (there, missing) = read.within(group, from, seconds, MOST_MISSING);
            stored.expected += seconds;
            stored.read += there;
            all_missing.extend(missing);
            while all_missing.len() > MOST_MISSING {
                all_missing.pop_last();
            }
        }
        stored.missing = all_missing.into_iter().collect();
        stored
    }
}

impl TimelinePoint {
    fn of(window: &Window) -> Self {
        let Tally {
            counts,
            response,
            release_lag,
            connection_wait,
            replicas,
            ..
        } = &window.tally;
        let answers = replicas
            .iter()
            .map(|(id, tally)| (id.clone(), tally.requests));
        Self {
            second: window.second(),
            length: (window.length.0 / Nanos::SECOND.0).max(1),
            group: window.group,
            planned: counts.planned,
            sent: counts.sent,
            succeeded: counts.succeeded,
            failed: counts.failed,
            replicas: answers.collect(),
            response_p99: response.quantile(0.99),
            release_lag_p99: release_lag.quantile(0.99),
            connection_wait_p99: connection_wait.quantile(0.99),
        }
    }
}
