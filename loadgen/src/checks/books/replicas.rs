//! The replicas' book: the sum of their counters, what is ours in it, what may be missing.

use std::collections::BTreeMap;

use super::ledger::{Entry, Ledger};
use crate::checks::evidence::{GroupEvidence, path_of};
use crate::model::{ErrorClass, ReplicaId, StatusClass};
use crate::scrape::{ReplicaDelta, ReplicaState};

/// A count for some of the replicas.
pub(super) type ByReplica = Vec<(ReplicaId, u64)>;

/// The replicas' book of one group.
#[derive(Clone, Debug)]
pub(in crate::checks) struct ReplicaBook {
    /// Requests counted, own traffic excluded.
    pub(in crate::checks) count: u64,
    pub(super) excluded: Vec<Entry>,
    pub(super) named: Vec<Entry>,
    /// What stays without a name; positive where the book has too many.
    pub(super) rest: i64,
    /// Replicas that counted fewer requests than they gave answers, and how many fewer.
    pub(super) short: ByReplica,
    /// Replicas that counted more requests than they gave answers, and how many more.
    pub(super) long: ByReplica,
    /// Errors the replicas counted that no client saw.
    pub(super) masked: u64,
}

/// Reads the replicas' book; `None` where there is none, or a page of it is missing. `foreign` is
/// the surplus that the proxy counted: errors of others are not masked, only not ours.
pub(super) fn read(group: &GroupEvidence<'_>, foreign: u64) -> Option<ReplicaBook> {
    let deltas: Vec<&ReplicaDelta> = group.deltas().collect();
    let unreadable = |delta: &&ReplicaDelta| matches!(delta.state, ReplicaState::Unreadable(_));
    if deltas.is_empty() || deltas.iter().any(unreadable) {
        return None;
    }
    let total: u64 = deltas.iter().filter_map(|delta| delta.requests).sum();
    let own: u64 = deltas.iter().map(|delta| group.own_scrapes(delta)).sum();
    let (warmup, _) = reached(group);
    let mut excluded = vec![
        Entry::new(
            "warm-up",
            warmup.min(total).cast_signed(),
            "requests before the measured part",
        ),
        Entry::new(
            "own-scrapes",
            own.cast_signed(),
            "our own reads of the metrics pages",
        ),
    ];
    excluded.retain(|entry| entry.count != 0);
    let ours: i64 = excluded.iter().map(|entry| entry.count).sum();
    let count = total.saturating_sub(ours.unsigned_abs());
    let masked = masked_errors(group, &deltas).saturating_sub(foreign);
    let (short, long) = compare_by_name(group, &deltas);
    let lost: u64 = short.iter().map(|(_, count)| count).sum();
    // What a replica demonstrably lost cannot make up for what another counted too much.
    let difference =
        count.cast_signed() - group.tally.counts.sent.cast_signed() + lost.cast_signed();
    let (named, rest) = ledger(group, &deltas, masked).settle(difference);
    Some(ReplicaBook {
        count,
        excluded,
        named,
        rest,
        short,
        long,
        masked,
    })
}

/// Requests of the warm-up and of the measured part that were handed to a connection.
pub(super) fn reached(group: &GroupEvidence<'_>) -> (u64, u64) {
    let counts = &group.tally.counts;
    let unconnected = |errors: &BTreeMap<ErrorClass, u64>| -> u64 {
        let never = errors
            .iter()
            .filter(|(class, _)| !class.may_have_reached_a_replica());
        never.map(|(_, count)| count).sum()
    };
    (
        counts
            .warmup
            .sent
            .saturating_sub(unconnected(&counts.warmup.errors)),
        counts.sent.saturating_sub(unconnected(&counts.errors)),
    )
}

/// Enters what both the proxy's and the replicas' book may lack.
pub(super) fn enter_unanswered(ledger: &mut Ledger, group: &GroupEvidence<'_>) {
    for class in ErrorClass::ALL {
        let count = group.errors(class).cast_signed();
        if count > 0 && class.may_have_reached_a_replica() {
            let name = match class {
                ErrorClass::Timeout | ErrorClass::BodyTimeout => "timed-out-requests",
                _ => "broken-connections",
            };
            ledger.possible(
                name,
                -count,
                format!("{class}: sent, but perhaps never received"),
            );
        }
    }
    let unfinished = group.unfinished().cast_signed();
    ledger.possible(
        "unfinished-requests",
        -unfinished,
        "cut off by the end of the run",
    );
}

/// Enters requests that never left this machine.
pub(super) fn enter_unconnected(ledger: &mut Ledger, group: &GroupEvidence<'_>) {
    let sent = group.tally.counts.sent;
    let (_, connected) = reached(group);
    let count = sent.cast_signed() - connected.cast_signed();
    ledger.certain(
        "not-connected",
        -count,
        "no connection could be made for them",
    );
}

fn ledger(group: &GroupEvidence<'_>, deltas: &[&ReplicaDelta], masked: u64) -> Ledger {
    let mut ledger = Ledger::default();
    enter_unconnected(&mut ledger, group);
    let made = group.made_by_proxy().cast_signed();
    ledger.possible(
        "answered-by-proxy",
        -made,
        "answers that name no replica, with 3xx to 5xx",
    );
    enter_unanswered(&mut ledger, group);
    let named = group.named();
    let answers = |id: &ReplicaId| named.get(id).copied().unwrap_or(0);
    for delta in deltas {
        let (id, counted) = (&delta.id, delta.requests.unwrap_or(0));
        let (name, what) = match delta.state {
            ReplicaState::Reset { .. } => ("counter-reset", "began to count anew during the run"),
            ReplicaState::Vanished => ("vanished-replica", "is gone, and its counter with it"),
            _ => continue,
        };
        let lost = answers(id).saturating_sub(counted).cast_signed();
        ledger.possible(name, -lost, format!("{id} {what}"));
    }
    enter_surplus(&mut ledger, group, deltas, masked);
    for delta in deltas
        .iter()
        .filter(|delta| delta.state == ReplicaState::Appeared)
    {
        let surplus = delta
            .requests
            .unwrap_or(0)
            .saturating_sub(answers(&delta.id));
        let note = format!("{} was not there before; its count may be older", delta.id);
        ledger.possible("appeared-replica", surplus.cast_signed(), note);
    }
    ledger
}

fn enter_surplus(
    ledger: &mut Ledger,
    group: &GroupEvidence<'_>,
    deltas: &[&ReplicaDelta],
    masked: u64,
) {
    let told = group.extra_tries();
    ledger.possible(
        "retried-requests",
        told.cast_signed(),
        "tried again by the proxy, by its own word",
    );
    let implied = masked.saturating_sub(told).cast_signed();
    let note = "the replicas answered errors that no client saw, so the proxy tried again";
    ledger.possible("retried-requests", implied, note);
    let selector = group.all.selector();
    if selector.is_none_or(|selector| selector.label("handler").is_some()) {
        return;
    }
    // The selector takes every handler: what is not ours may be health checks and the like.
    let mut other = 0;
    for delta in deltas {
        let busiest = delta.by_handler.values().max().copied().unwrap_or(0);
        let all: u64 = delta.by_handler.values().sum();
        let scrapes = delta
            .by_handler
            .get(path_of(&delta.url))
            .copied()
            .unwrap_or(0);
        other += (all - busiest).saturating_sub(scrapes.min(delta.own_reads));
        if delta.by_handler.is_empty() {
            ledger.possible(
                "own-scrapes",
                delta.own_reads.cast_signed(),
                "our own reads, if counted",
            );
        }
    }
    ledger.possible(
        "other-handlers",
        other.cast_signed(),
        "counted by handlers that were not loaded",
    );
}

/// Per replica, answers that name it against requests it counted: (short, long).
///
/// An answer in hand was surely given, so a whole book that has fewer lost some.
fn compare_by_name(group: &GroupEvidence<'_>, deltas: &[&ReplicaDelta]) -> (ByReplica, ByReplica) {
    let named = group.named();
    let (mut short, mut long) = (Vec::new(), Vec::new());
    for delta in deltas {
        let twins = deltas.iter().filter(|other| other.id == delta.id).count();
        let (Some(answers), Some(counted)) = (named.get(&delta.id), delta.requests) else {
            continue;
        };
        if twins > 1 || delta.state != ReplicaState::Whole {
            continue;
        }
        let counted = counted.saturating_sub(group.own_scrapes(delta));
        if counted < *answers {
            short.push((delta.id.clone(), answers - counted));
        } else if counted > *answers {
            long.push((delta.id.clone(), counted - answers));
        }
    }
    (short, long)
}

/// Answers of the 5xx class that the replicas counted beyond those the client saw: the proxy
/// turned them into something else, most likely by another try. A lone replica has no other.
fn masked_errors(group: &GroupEvidence<'_>, deltas: &[&ReplicaDelta]) -> u64 {
    if deltas.len() < 2 && group.extra_tries() == 0 {
        return 0;
    }
    let server_error = StatusClass(5);
    let counted: u64 = (deltas.iter())
        .filter_map(|delta| delta.by_class.get(&server_error))
        .sum();
    let counts = &group.tally.counts;
    let of = |status: &BTreeMap<u16, u64>| status.range(500..600).map(|(_, n)| n).sum::<u64>();
    let gateway =
        |status: &BTreeMap<u16, u64>| status.range(502..=504).map(|(_, n)| n).sum::<u64>();
    let seen = of(&counts.status) + of(&counts.warmup.status);
    let made = gateway(&counts.unnamed) + gateway(&counts.warmup.unnamed);
    counted.saturating_sub(seen.saturating_sub(made))
}
