//! Finds replicas that ran all along and were left out for whole seconds: ejected by the proxy.

use super::Case;
use super::timeline::when;
use crate::checks::finding::{grouped, listed};
use crate::record::{Code, Finding};
use crate::scrape::ReplicaState;

/// The most stretches that a message names.
const MOST_NAMED: usize = 4;

/// Requests that must have been a replica's part of a second for their absence to mean something.
const PLENTY: f64 = 20.0;

/// A replica that was left out.
pub(super) struct Ejected {
    /// Its place among the ids.
    pub(super) place: usize,
    /// Stretches of seconds in which it got nothing: first and last.
    stretches: Vec<(u64, u64)>,
    /// Requests that were its part in them.
    missing: u64,
}

/// The replicas that were left out, as far as the evidence allows to say so: counts that are whole,
/// and turns that never came. A replica that was merely stuck gives its answers later, so the
/// whole of the run does not lack them.
pub(super) fn find(case: &Case<'_>) -> Vec<Ejected> {
    let group = case.group;
    let fixed = group.all.plan.policy.declared_weights().is_some();
    if !fixed || !group.counters_are_whole() {
        return Vec::new();
    }
    let shares = case.spread.expected_shares();
    // Without a name that is its own, nobody knows when it answered.
    let named = group.named();
    let total = case.spread.total() as f64;
    let places = (0..shares.len()).filter(|place| {
        !case.starved.contains(place) && named.contains_key(&case.spread.ids[*place])
    });
    places
        .filter_map(|place| {
            let ejected = left_out(case, place, shares[place])?;
            let short = total * shares[place] - case.spread.counts[place] as f64;
            let mut own = case.spread.deltas(group, place);
            let alive = own.all(|delta| delta.state == ReplicaState::Whole);
            (alive && 2.0 * short > ejected.missing as f64).then_some(ejected)
        })
        .collect()
}

/// Seconds in which plenty of others' answers came and none of this replica's.
fn left_out(case: &Case<'_>, place: usize, share: f64) -> Option<Ejected> {
    let disturbance = case.group.disturbance();
    let mut stretches: Vec<(u64, u64)> = Vec::new();
    let mut missing = 0.0;
    for window in &case.windows {
        let total: u64 = window.counts.iter().sum();
        let by_event = disturbance.covers(window.second, window.last);
        if by_event || window.counts[place] > 0 || total as f64 * share < PLENTY {
            continue;
        }
        missing += total as f64 * share;
        match stretches.last_mut() {
            Some((_, last)) if *last + 1 == window.second => *last = window.last,
            _ => stretches.push((window.second, window.last)),
        }
    }
    (!stretches.is_empty()).then_some(Ejected {
        place,
        stretches,
        missing: missing as u64,
    })
}

impl Ejected {
    /// What happened, and why as far as it shows.
    pub(super) fn finding(&self, case: &Case<'_>) -> Finding {
        let counts = &case.group.tally.counts;
        let refused = counts.extra_tries > 0 || counts.unnamed.range(500..).next().is_some();
        let id = &case.spread.ids[self.place];
        let named = self.stretches.iter().take(MOST_NAMED);
        let mut named: Vec<String> = named.map(|stretch| when(*stretch)).collect();
        if self.stretches.len() > MOST_NAMED {
            named.push("later again".to_owned());
        }
        let why = if refused { " after a failed try" } else { "" };
        let message = format!(
            "{id} was running and received nothing {}, where some {} requests were its part: the proxy left it out{why}",
            listed(&named),
            grouped(self.missing),
        );
        Finding::new(Code::EjectedReplica, message)
            .of_replica(id)
            .hint("nginx takes a peer out for `fail_timeout` (10 s) after `max_fails` (1) errors; `max_fails=0` turns that off")
    }
}
