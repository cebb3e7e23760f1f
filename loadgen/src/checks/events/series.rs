//! The short windows of the groups that an event is about, in order of time, and stretches of them.

use std::collections::BTreeMap;

use crate::model::{Nanos, ReplicaId};
use crate::record::EventPhase;
use crate::recorder::Moment;

/// What must hold for a whole second to be as before.
pub(super) const STEADY: Nanos = Nanos::SECOND;

/// Windows one behind the other.
pub(super) struct Series {
    moments: Vec<Moment>,
}

/// Windows added up.
#[derive(Clone, Debug, Default)]
pub(super) struct Stretch {
    pub(super) succeeded: u64,
    pub(super) failed: u64,
    pub(super) retried: u64,
    pub(super) failures: BTreeMap<String, u64>,
    pub(super) replicas: BTreeMap<ReplicaId, u64>,
    response: BTreeMap<Nanos, u64>,
}

impl Series {
    /// The windows of some groups, by their place in the plan, added up where several are.
    pub(super) fn of(moments: &[Moment], is_concerned: impl Fn(usize) -> bool) -> Self {
        let mut by_start: BTreeMap<Nanos, Moment> = BTreeMap::new();
        for moment in moments.iter().filter(|moment| is_concerned(moment.group)) {
            match by_start.get_mut(&moment.start) {
                Some(sum) => add(sum, moment),
                None => drop(by_start.insert(moment.start, moment.clone())),
            }
        }
        Self {
            moments: by_start.into_values().collect(),
        }
    }

    /// The windows that begin in a span.
    pub(super) fn within(&self, from: Nanos, to: Nanos) -> &[Moment] {
        let at = |instant| self.moments.partition_point(|one| one.start < instant);
        let (first, last) = (at(from), at(to));
        &self.moments[first..last.max(first)]
    }

    /// The beginning of the window that holds an instant.
    pub(super) fn beginning_of(&self, instant: Nanos) -> Nanos {
        let next = self.moments.partition_point(|one| one.start <= instant);
        let holds = next.checked_sub(1).map(|place| &self.moments[place]);
        let holds = holds.filter(|one| instant < one.end());
        holds.map_or(instant, |one| one.start)
    }

    /// The windows of the second that begins with one of them; `None` where the second is not whole.
    pub(super) fn second_from(&self, from: Nanos) -> Option<Stretch> {
        let within = self.within(from, from.plus(STEADY));
        let is_whole = within.first().is_some_and(|first| first.start == from)
            && within
                .last()
                .is_some_and(|last| last.end() >= from.plus(STEADY));
        let without_gap = within.windows(2).all(|pair| pair[0].end() == pair[1].start);
        (is_whole && without_gap).then(|| Stretch::of(within))
    }
}

fn add(sum: &mut Moment, other: &Moment) {
    sum.succeeded += other.succeeded;
    sum.failed += other.failed;
    sum.retried += other.retried;
    for (status, count) in &other.status {
        *sum.status.entry(*status).or_default() += count;
    }
    for (class, count) in &other.errors {
        *sum.errors.entry(*class).or_default() += count;
    }
    for (id, count) in &other.replicas {
        *sum.replicas.entry(id.clone()).or_default() += count;
    }
    sum.response.extend(other.response.iter().copied());
}

impl Stretch {
    pub(super) fn of(moments: &[Moment]) -> Self {
        let mut sum = Self::default();
        for moment in moments {
            sum.succeeded += moment.succeeded;
            sum.failed += moment.failed;
            sum.retried += moment.retried;
            let status = moment.status.iter();
            let status = status.map(|(status, count)| (status.to_string(), *count));
            let errors = moment.errors.iter();
            let errors = errors.map(|(class, count)| (class.name().to_owned(), *count));
            for (name, count) in status.chain(errors) {
                *sum.failures.entry(name).or_default() += count;
            }
            for (id, count) in &moment.replicas {
                *sum.replicas.entry(id.clone()).or_default() += count;
            }
            for (span, count) in &moment.response {
                *sum.response.entry(*span).or_default() += count;
            }
        }
        sum
    }

    pub(super) const fn requests(&self) -> u64 {
        self.succeeded + self.failed
    }

    pub(super) fn error_rate(&self) -> f64 {
        self.failed as f64 / self.requests().max(1) as f64
    }

    /// The span that a share of the response times does not exceed; zero where there are none.
    pub(super) fn quantile(&self, quantile: f64) -> Nanos {
        let all: u64 = self.response.values().sum();
        let rank = ((all as f64 * quantile).ceil() as u64).max(1);
        let mut seen = 0;
        let found = self.response.iter().find(|(_, count)| {
            seen += **count;
            seen >= rank
        });
        found.map_or(Nanos::ZERO, |(span, _)| *span)
    }

    /// A replica's share of the answers that name one, 0–1.
    pub(super) fn share(&self, id: &ReplicaId) -> f64 {
        let own = self.replicas.get(id).copied().unwrap_or(0);
        own as f64 / self.named().max(1) as f64
    }

    /// Answers that name a replica.
    pub(super) fn named(&self) -> u64 {
        self.replicas.values().sum()
    }

    pub(super) fn phase(&self) -> EventPhase {
        EventPhase {
            requests: self.requests(),
            failed: self.failed,
            error_rate: self.error_rate(),
            p50: self.quantile(0.5).0,
            p99: self.quantile(0.99).0,
        }
    }
}
