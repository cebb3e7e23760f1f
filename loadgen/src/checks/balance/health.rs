//! Compares the replicas of a group with one another: slow ones, failing ones, tail ownership.

use std::collections::BTreeMap;

use crate::checks::evidence::GroupEvidence;
use crate::checks::finding::{counted, percent};
use crate::model::{Nanos, ReplicaId};
use crate::record::{Code, Finding};
use crate::recorder::{ReplicaTally, Tally};

/// Answers from which a replica's quantiles are compared as they are.
const PLENTY: u64 = 200;
/// Answers below which its latency is not compared. In between chance is left room.
const FEW: u64 = 30;

/// Every replica's share of the group's slowest 1 %: of the answers above the group's p99, by the
/// name in the answer. Empty where no answer that names a replica is among them.
#[must_use]
pub fn tail_shares(tally: &Tally) -> BTreeMap<String, f64> {
    let p99 = tally.response.quantile(0.99);
    // Where the slowest per cent share one bucket, nothing is above it: then the bucket counts.
    let limit = match tally.response.count_above(p99) {
        0 => Nanos(p99.0 - p99.0 / 1_000),
        _ => p99,
    };
    let slow = |replica: &ReplicaTally| replica.response.count_above(limit);
    let total: u64 = tally.replicas.values().map(slow).sum();
    if total == 0 {
        return BTreeMap::new();
    }
    let share = |(id, replica): (&ReplicaId, &ReplicaTally)| {
        (id.0.clone(), slow(replica) as f64 / total as f64)
    };
    tally.replicas.iter().map(share).collect()
}

/// Finds replicas that are much slower than the others, or fail much more often.
pub(super) fn judge(group: &GroupEvidence<'_>, findings: &mut Vec<Finding>) {
    let replicas = &group.tally.replicas;
    if replicas.len() < 2 || !group.names_are_of_replicas() {
        return;
    }
    let tails = tail_shares(group.tally);
    for (id, replica) in replicas {
        let others: Vec<&ReplicaTally> = replicas
            .iter()
            .filter(|(other, _)| *other != id)
            .map(|(_, replica)| replica)
            .collect();
        let tail = tails.get(&id.0).copied().unwrap_or(0.0);
        let share = share_of(replica, replicas);
        let found = slow(id, replica, &others, (tail, share)).into_iter();
        for finding in found.chain(failing(id, replica, &others)) {
            findings.push(finding.of_group(group.name).of_replica(id));
        }
    }
}

/// Its share of the answers that name a replica, 0–1.
pub(in crate::checks) fn share_of(
    replica: &ReplicaTally,
    all: &BTreeMap<ReplicaId, ReplicaTally>,
) -> f64 {
    let total: u64 = all.values().map(|replica| replica.requests).sum();
    replica.requests as f64 / total.max(1) as f64
}

/// The ranks between which three standard deviations of the sampling leave the median of so many
/// answers.
fn middle(replica: &ReplicaTally) -> (f64, f64) {
    let room = if replica.requests < PLENTY {
        1.5 / (replica.requests as f64).sqrt()
    } else {
        0.0
    };
    (0.5 - room, 0.5 + room)
}

/// Slow in the middle: half as slow again as the median of the others, and by two milliseconds. Slow
/// at the end: p99 three times that of the slowest other, and by five; only of plenty of answers.
fn slow(
    id: &ReplicaId,
    replica: &ReplicaTally,
    others: &[&ReplicaTally],
    (tail, share): (f64, f64),
) -> Option<Finding> {
    let enough: Vec<_> = others
        .iter()
        .filter(|other| other.requests >= FEW)
        .collect();
    if replica.requests < FEW || enough.is_empty() {
        return None;
    }
    let sorted = |of: fn(&ReplicaTally) -> Nanos| {
        let mut times: Vec<Nanos> = enough.iter().map(|other| of(other)).collect();
        times.sort_unstable();
        times
    };
    let beyond = |own: Nanos, other: Nanos, factor: f64, least: u64| {
        own.0 as f64 > other.0 as f64 * factor && own.0 > other.0.saturating_add(least)
    };
    let (p50, p99) = (
        replica.response.quantile(0.5),
        replica.response.quantile(0.99),
    );
    let typical = |times: Vec<Nanos>| times[times.len() / 2];
    let others_p50 = typical(sorted(|other| other.response.quantile(0.5)));
    let least_p50 = replica.response.quantile(middle(replica).0);
    let most_p50 = typical(sorted(|other| other.response.quantile(middle(other).1)));
    let is_plenty = |one: &&&ReplicaTally| one.requests >= PLENTY;
    let tails = enough.iter().filter(|one| is_plenty(one));
    let others_p99 = tails.map(|other| other.response.quantile(0.99)).max();
    let others_p99 = others_p99.filter(|_| replica.requests >= PLENTY);
    let others_p99 = others_p99.unwrap_or(Nanos(u64::MAX));
    let (name, own, other) = if beyond(least_p50, most_p50, 1.5, 2_000_000) {
        ("p50", p50, others_p50)
    } else if beyond(p99, others_p99, 3.0, 5_000_000) {
        ("p99", p99, others_p99)
    } else {
        return None;
    };
    let message = format!(
        "{id} is slow: its {name} is {own}, the others' {other}; it gave {} of the answers and {} of the slowest 1 %",
        percent(share),
        percent(tail)
    );
    Some(
        Finding::new(Code::SlowReplica, message)
            .hint("look for a noisy neighbour, a cold cache or less CPU on that one"),
    )
}

/// Fails five times at least, and three times as often as the others together.
fn failing(id: &ReplicaId, replica: &ReplicaTally, others: &[&ReplicaTally]) -> Option<Finding> {
    let ratio = |failed: u64, requests: u64| failed as f64 / requests.max(1) as f64;
    let failed: u64 = others.iter().map(|other| other.failed).sum();
    let requests: u64 = others.iter().map(|other| other.requests).sum();
    let own = ratio(replica.failed, replica.requests);
    if replica.failed < 5 || own <= 3.0 * ratio(failed, requests) {
        return None;
    }
    let message = format!(
        "{id} answered {} of {} with an error, the others {} of theirs",
        percent(own),
        counted(replica.requests, "request"),
        percent(ratio(failed, requests))
    );
    Some(
        Finding::new(Code::FailingReplica, message)
            .hint("the errors are this replica's own, not the service's; look at its log"),
    )
}

#[cfg(test)]
#[path = "health_tests.rs"]
mod tests;
