//! How requests were spread over a group's replicas: counts, weights, and where they come from.

use crate::checks::books::Books;
use crate::checks::evidence::GroupEvidence;
use crate::checks::laps::{laps, spread_of};
use crate::model::ReplicaId;
use crate::plan::Policy;

/// Counts per replica, warm-up included: the rotation runs through it, so that only the whole
/// run is a stretch of turns without a gap.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Spread {
    /// The replicas: the discovered ones in their order, then any other that answered.
    pub(super) ids: Vec<ReplicaId>,
    /// Requests of each.
    pub(super) counts: Vec<u64>,
    /// Declared weights, as many as replicas.
    pub(super) weights: Vec<u32>,
    /// Whether the counts are the replicas' own.
    pub(super) from_replicas: bool,
}

impl Spread {
    /// The most reliable counts there are.
    pub(super) fn of(group: &GroupEvidence<'_>, books: &Books) -> Self {
        let named = group.named();
        let discovered = group.all.topology.replicas_of(group.host);
        let mut ids: Vec<ReplicaId> = discovered.map(|replica| replica.id.clone()).collect();
        ids.extend(group.deltas().map(|delta| delta.id.clone()));
        let mut seen = std::collections::BTreeSet::new();
        ids.retain(|id| seen.insert(id.clone()));
        // Pages given by hand may carry other names than the answers; then the answers count.
        let named = if group.names_are_of_replicas() {
            named
        } else {
            std::collections::BTreeMap::new()
        };
        if !named.is_empty() && !ids.iter().any(|id| named.contains_key(id)) {
            ids.clear();
        }
        let strangers = named.keys().filter(|id| !ids.contains(id));
        let mut strangers: Vec<_> = strangers.cloned().collect();
        let all_known = strangers.is_empty();
        ids.append(&mut strangers);
        let from_replicas = books.counters_are_sound && all_known && !ids.is_empty();
        let count = |id: &ReplicaId| {
            if from_replicas {
                let own = group.deltas().filter(|delta| delta.id == *id);
                own.map(|delta| {
                    delta
                        .requests
                        .unwrap_or(0)
                        .saturating_sub(group.own_scrapes(delta))
                })
                .sum()
            } else {
                named.get(id).copied().unwrap_or(0)
            }
        };
        let weights = match &group.all.plan.policy {
            Policy::RoundRobin { weights } if weights.len() == ids.len() => weights.clone(),
            _ => vec![1; ids.len()],
        };
        Self {
            counts: ids.iter().map(count).collect(),
            weights,
            ids,
            from_replicas,
        }
    }

    pub(super) fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The share the weights give each replica.
    pub(super) fn expected_shares(&self) -> Vec<f64> {
        let sum: f64 = self.weights.iter().copied().map(f64::from).sum();
        self.weights
            .iter()
            .map(|weight| f64::from(*weight) / sum)
            .collect()
    }

    /// Busiest minus idlest, per weight.
    pub(super) fn max_minus_min(&self) -> f64 {
        spread_of(&self.counts, &self.weights)
    }

    /// Largest share over smallest, per weight; `None` when a replica got nothing.
    pub(super) fn max_over_min(&self) -> Option<f64> {
        let laps = laps(&self.counts, &self.weights);
        let max = laps.iter().copied().fold(0.0, f64::max);
        let min = laps.iter().copied().fold(f64::INFINITY, f64::min);
        (min > 0.0 && min.is_finite()).then(|| max / min)
    }

    /// Standard deviation of the counts per weight over their mean.
    pub(super) fn coefficient_of_variation(&self) -> f64 {
        let laps = laps(&self.counts, &self.weights);
        let n = laps.len() as f64;
        let mean = laps.iter().sum::<f64>() / n;
        if laps.is_empty() || mean <= 0.0 {
            return 0.0;
        }
        let variance = laps.iter().map(|lap| (lap - mean).powi(2)).sum::<f64>() / n;
        variance.sqrt() / mean
    }

    /// `4,000, 3,000 and 3,000`, or the extremes where there are many.
    pub(super) fn in_words(&self) -> String {
        use crate::checks::finding::{grouped, listed};
        if self.counts.len() <= 6 {
            let counts: Vec<_> = self.counts.iter().map(|count| grouped(*count)).collect();
            return listed(&counts);
        }
        let (min, max) = (self.counts.iter().min(), self.counts.iter().max());
        let end = |end: Option<&u64>| grouped(end.copied().unwrap_or(0));
        format!("between {} and {}", end(min), end(max))
    }
}
