//! How requests were spread over a group's replicas: counts, weights, and where they come from.

use crate::checks::crosscheck::Checked;
use crate::checks::evidence::GroupEvidence;
use crate::checks::pairing::Member;
use crate::checks::per_weight::{per_weight, spread_of};
use crate::model::{ReplicaId, shares};
use crate::record::BalanceCount;
use crate::scrape::ReplicaDelta;

/// Counts per replica, warm-up included: the rotation runs through it, so that only the whole
/// run is a stretch of turns without a gap.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Spread {
    /// The replicas: the discovered ones in their order, then any other that answered.
    pub(super) ids: Vec<ReplicaId>,
    /// What the page of each is called, where it has one.
    pages: Vec<Option<ReplicaId>>,
    pub(super) counts: Vec<u64>,
    /// Declared weights, as many as replicas; 0 is a standby.
    pub(super) weights: Vec<u32>,
    /// Whether the counts are the replicas' own.
    pub(super) from_replicas: bool,
}

impl Spread {
    /// The most reliable counts there are: the replicas' own where they hold every request that was
    /// sent, whatever the answers name; else what the answers name.
    pub(super) fn of(group: &GroupEvidence<'_>, members: &[Member], checked: &Checked) -> Self {
        // Health checks are in the replicas' counters, and took no turn.
        let nameless = members.iter().any(|member| member.name.is_none());
        let from_replicas = checked.counters_are_sound && (checked.health_checks == 0 || nameless);
        let named = group.named();
        let of_name = |member: &Member| {
            let name = member.name.as_ref()?;
            named.get(name).copied()
        };
        let of_page = |member: &Member| {
            let page = member.page.as_ref()?;
            let own = group.deltas().filter(|delta| delta.id == *page);
            let each = own.map(|delta| {
                let counted = group.counted(delta).unwrap_or(0);
                counted.saturating_sub(group.own_scrapes(delta))
            });
            Some(each.sum())
        };
        let counted: Vec<(&Member, u64)> = if from_replicas {
            let each = members.iter();
            each.filter_map(|member| Some((member, of_page(member)?)))
                .collect()
        } else {
            // A page without a name is that of a replica which got nothing, unless it may be that
            // of a name without a page.
            let strangers = members.iter().any(|member| member.page.is_none());
            let each = members
                .iter()
                .filter(|member| member.name.is_some() || !strangers);
            each.map(|member| (member, of_name(member).unwrap_or(0)))
                .collect()
        };
        let (members, counts): (Vec<&Member>, Vec<u64>) = counted.into_iter().unzip();
        let weights = group.all.plan.policy.weights(members.len());
        Self {
            weights: weights.unwrap_or_else(|| vec![1; members.len()]),
            counts,
            ids: members.iter().map(|member| member.id()).collect(),
            pages: members.iter().map(|member| member.page.clone()).collect(),
            from_replicas,
        }
    }

    /// What the page of a replica counted, where it has one.
    pub(super) fn deltas<'a>(
        &self,
        group: &GroupEvidence<'a>,
        place: usize,
    ) -> impl Iterator<Item = &'a ReplicaDelta> + use<'a> {
        let page = self.pages[place].clone();
        let deltas = group.deltas();
        deltas.filter(move |delta| Some(&delta.id) == page.as_ref())
    }

    pub(super) fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The share the weights give each replica.
    pub(super) fn expected_shares(&self) -> Vec<f64> {
        shares(&self.weights)
    }

    /// Each replica with its count, for the record.
    pub(super) fn per_replica(&self) -> Vec<BalanceCount> {
        let each = self.ids.iter().zip(&self.counts).zip(&self.weights);
        each.map(|((id, count), weight)| BalanceCount {
            id: id.0.clone(),
            count: *count,
            weight: *weight,
        })
        .collect()
    }

    /// Busiest minus idlest, per weight; what standbys got is beyond any turn.
    pub(super) fn max_minus_min(&self) -> f64 {
        let standby = self.counts.iter().zip(&self.weights);
        let standby = standby.filter(|(_, weight)| **weight == 0);
        let beyond: u64 = standby.map(|(count, _)| count).sum();
        spread_of(&self.counts, &self.weights) + beyond as f64
    }

    /// Largest share over smallest, per weight; `None` when a replica got nothing.
    pub(super) fn max_over_min(&self) -> Option<f64> {
        let per_weight = per_weight(&self.counts, &self.weights);
        let max = per_weight.iter().copied().fold(0.0, f64::max);
        let min = per_weight.iter().copied().fold(f64::INFINITY, f64::min);
        (min > 0.0 && min.is_finite()).then(|| max / min)
    }

    /// Standard deviation of the counts per weight over their mean.
    pub(super) fn coefficient_of_variation(&self) -> f64 {
        let per_weight = per_weight(&self.counts, &self.weights);
        let n = per_weight.len() as f64;
        let mean = per_weight.iter().sum::<f64>() / n;
        if per_weight.is_empty() || mean <= 0.0 {
            return 0.0;
        }
        let variance = per_weight
            .iter()
            .map(|per_weight| (per_weight - mean).powi(2))
            .sum::<f64>()
            / n;
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
