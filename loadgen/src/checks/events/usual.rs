//! How a group was before an event, and whether a second is like that again.

use std::collections::BTreeMap;

use super::series::{STEADY, Series, Stretch};
use crate::model::{Deed, Nanos, ReplicaId};
use crate::record::Happened;

/// How long before an event is looked at.
const BEFORE: Nanos = Nanos(4 * Nanos::SECOND.0);
/// Answers below which shares tell nothing.
const FEW: u64 = 20;
/// A replica has its share when it is this near to it, as a part of the share.
const NEAR: f64 = 0.1;
/// The p99 of a second may be so many times the highest one before, and so much more.
const SLOWER: u64 = 2;
const SLOWER_BY: Nanos = Nanos(2_000_000);

/// The group before an event.
pub(super) struct Usual {
    pub(super) before: Stretch,
    /// The highest error rate and p99 of any whole second of it.
    error_rate: f64,
    p99: Nanos,
    /// The shares that there are to be afterwards, with how far seconds before were from theirs.
    shares: BTreeMap<ReplicaId, (f64, f64)>,
}

impl Usual {
    /// What was usual from `since` on, until an event.
    pub(super) fn of(series: &Series, since: Nanos, began: Nanos, happened: &Happened) -> Self {
        let until = series.beginning_of(began);
        let from = until.minus(BEFORE).max(since);
        let moments = series.within(from, until);
        let before = Stretch::of(moments);
        let fits = |start: &Nanos| start.plus(STEADY) <= until;
        let starts = moments.iter().map(|one| one.start).filter(fits);
        let seconds: Vec<_> = starts
            .filter_map(|start| series.second_from(start))
            .collect();
        let apart = |id: &ReplicaId| {
            let usual = before.share(id);
            let apart = seconds
                .iter()
                .map(|second| (second.share(id) - usual).abs());
            apart.fold(0.0, f64::max)
        };
        let shares = expected(&before, happened);
        Self {
            error_rate: seconds.iter().map(Stretch::error_rate).fold(0.0, f64::max),
            p99: (seconds.iter().map(|second| second.quantile(0.99)))
                .max()
                .unwrap_or_default(),
            shares: (shares.into_iter())
                .map(|(id, share)| {
                    let apart = apart(&id);
                    (id, (share, apart))
                })
                .collect(),
            before,
        }
    }

    /// Whether a second is as it was.
    pub(super) fn is_like(&self, second: &Stretch) -> bool {
        let most = Nanos(self.p99.0 * SLOWER).plus(SLOWER_BY);
        let slow = self.p99 > Nanos::ZERO && second.quantile(0.99) > most;
        let failing = second.failed > 0 && second.error_rate() > self.error_rate;
        let silent = second.requests() == 0 && self.before.requests() > 0;
        !failing && !slow && !silent && self.shares.keys().all(|id| self.has_share(id, second))
    }

    /// Whether a replica has the share that it should have.
    pub(super) fn has_share(&self, id: &ReplicaId, second: &Stretch) -> bool {
        let Some((share, apart)) = self.shares.get(id) else {
            return true;
        };
        let named = second.named();
        // What is answered in a second is not quite what was sent in it.
        let allowed = apart.max(NEAR * share) + 2.0 / named.max(1) as f64;
        named < FEW || (second.share(id) - share).abs() <= allowed
    }

    /// Failures in a stretch that there would have been without the event.
    pub(super) fn failures_anyway(&self, stretch: &Stretch) -> u64 {
        (self.before.error_rate() * stretch.requests() as f64).round() as u64
    }
}

/// The shares that there are to be after an event.
fn expected(before: &Stretch, happened: &Happened) -> BTreeMap<ReplicaId, f64> {
    let is_target = |id: &ReplicaId| happened.replicas.contains(id);
    let equal = |ids: Vec<ReplicaId>| {
        let share = 1.0 / ids.len().max(1) as f64;
        ids.into_iter().map(|id| (id, share)).collect()
    };
    let others = || before.replicas.keys().filter(|id| !is_target(id)).cloned();
    match &happened.deed {
        Deed::Scale { .. } => equal(happened.replicas.clone()),
        Deed::Stop(_) if happened.asked.until.is_none() => equal(others().collect()),
        Deed::Start(_) => equal(others().chain(happened.replicas.iter().cloned()).collect()),
        // Nobody knows what a command does.
        Deed::Exec(_) => BTreeMap::new(),
        _ => {
            let share = |id: &ReplicaId| (id.clone(), before.share(id));
            before.replicas.keys().map(share).collect()
        }
    }
}
