//! The replicas' count: the sum of their counters, what is ours in it, what may be missing.

use std::collections::BTreeMap;

use super::ledger::{Entry, Ledger, Parts, sum, take_warmup};
use super::uncounted::{UNCOUNTED, enter_uncounted, unseen_in_warmup};
use crate::checks::evidence::{GroupEvidence, connected};
use crate::model::{ErrorClass, ReplicaId, StatusClass};
use crate::recorder::Counts;
use crate::scrape::{ReplicaDelta, ReplicaState, path_of};

/// A count for some of the replicas.
pub(super) type ByReplica = Vec<(ReplicaId, u64)>;

/// The replicas' count of one group.
#[derive(Clone, Debug)]
pub(in crate::checks) struct ReplicaSide {
    /// Requests counted in the measured part.
    pub(in crate::checks) count: u64,
    pub(super) excluded: Vec<Entry>,
    pub(super) named: Vec<Entry>,
    /// What stays without a name; positive where the count has too many.
    pub(super) rest: i64,
    /// Replicas that counted fewer requests than they gave answers, and how many fewer.
    pub(super) short: ByReplica,
    /// Replicas that counted more requests than they gave answers, and how many more.
    pub(super) long: ByReplica,
    /// Errors the replicas counted that no client saw.
    pub(super) masked: u64,
    /// Answers from a cache, warm-up included.
    pub(in crate::checks) cached: u64,
    /// All that was counted, our own reads excluded: of one request twice, say.
    pub(super) total: u64,
}

impl ReplicaSide {
    /// Whether answers are in it of which nobody can tell whose they are.
    pub(super) fn is_undecided(&self) -> bool {
        self.named(UNCOUNTED) > 0
    }

    /// How many requests stand under a name, lacking or beyond.
    pub(super) fn named(&self, name: &str) -> u64 {
        let entries = self.named.iter().filter(|entry| entry.name == name);
        entries.map(|entry| entry.count.unsigned_abs()).sum()
    }
}

/// Reads the replicas' count; `None` where there is none, or a page of it is missing or is that of one
/// process of several. `foreign` is the surplus that the proxy counted: errors of others are not
/// masked, only not ours.
pub(super) fn read(group: &GroupEvidence<'_>, foreign: u64) -> Option<ReplicaSide> {
    let deltas: Vec<&ReplicaDelta> = group.deltas().collect();
    let unusable = |delta: &&ReplicaDelta| {
        matches!(delta.state, ReplicaState::Unreadable(_)) || delta.processes.is_some()
    };
    if deltas.is_empty() || deltas.iter().any(unusable) {
        return None;
    }
    let counted: u64 = deltas.iter().filter_map(|delta| group.counted(delta)).sum();
    let own: u64 = deltas.iter().map(|delta| group.own_scrapes(delta)).sum();
    let total = counted.saturating_sub(own);
    let masked = masked_errors(group, &deltas).saturating_sub(foreign);
    let (mut short, long) = compare_by_name(group, &deltas);
    let cached = cached(group, &deltas);
    if cached > 0 {
        short.clear();
    }
    let lost: u64 = short.iter().map(|(_, count)| count).sum();
    let (warmup, sent) = (connected(&group.warmup.counts), group.tally.counts.sent);
    // What a replica demonstrably lost cannot make up for what another counted too much.
    let difference = (total + lost).cast_signed() - (warmup + sent).cast_signed();
    let (mut named, rest) = ledger(group, &deltas, masked, cached).settle(difference);
    let unseen = unseen_in_warmup(group, rest);
    let warmup = warmup.cast_signed() + take_warmup(&mut named) - unseen.cast_signed();
    // A count that does not even hold the warm-up holds nothing else.
    let held = warmup.clamp(0, total.cast_signed());
    let mut excluded = vec![
        Entry::new("warm-up", held, "requests before the measured part"),
        Entry::new(
            "own-scrapes",
            own.cast_signed(),
            "our own reads of the metrics pages",
        ),
    ];
    excluded.retain(|entry| entry.count != 0);
    let count = total - held.unsigned_abs();
    Some(ReplicaSide {
        count,
        excluded,
        rest: (count + lost).cast_signed() - sent.cast_signed() - sum(&named),
        named,
        short,
        long,
        masked,
        cached,
        total,
    })
}

/// So many of the measured part, and so many of the warm-up.
pub(super) fn parts(group: &GroupEvidence<'_>, of: impl Fn(&Counts) -> u64) -> Parts {
    Parts {
        measured: of(&group.tally.counts),
        warmup: of(&group.warmup.counts),
    }
}

/// A number of the whole run, of which the warm-up has its part by the requests it sent.
pub(super) fn shared(group: &GroupEvidence<'_>, count: u64) -> Parts {
    let (warmup, all) = (connected(&group.warmup.counts), group.connected().max(1));
    let warmup = (u128::from(count) * u128::from(warmup) / u128::from(all)) as u64;
    Parts {
        measured: count - warmup,
        warmup,
    }
}

/// Enters what both the proxy's and the replicas' count may lack.
pub(super) fn enter_unanswered(ledger: &mut Ledger, group: &GroupEvidence<'_>) {
    for class in ErrorClass::ALL {
        let parts = parts(group, |counts| {
            counts.errors.get(&class).copied().unwrap_or(0)
        });
        if parts.sum() > 0 && class.may_have_reached_a_replica() {
            let name = match class {
                ErrorClass::Timeout | ErrorClass::BodyTimeout => "timed-out-requests",
                _ => "broken-connections",
            };
            ledger.lacking(
                name,
                parts,
                format!("{class}: sent, but perhaps never received"),
            );
        }
    }
    ledger.lacking(
        "unfinished-requests",
        parts(group, Counts::unfinished),
        "cut off by the end of the run",
    );
}

/// Enters requests that never left this machine.
pub(super) fn enter_unconnected(ledger: &mut Ledger, group: &GroupEvidence<'_>) {
    let sent = group.tally.counts.sent;
    let count = sent.cast_signed() - connected(&group.tally.counts).cast_signed();
    ledger.certain(
        "not-connected",
        -count,
        "no connection could be made for them",
    );
}

fn ledger(group: &GroupEvidence<'_>, deltas: &[&ReplicaDelta], masked: u64, cached: u64) -> Ledger {
    let mut ledger = Ledger::default();
    enter_unconnected(&mut ledger, group);
    enter_uncounted(&mut ledger, group, deltas, cached);
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
        let lost = answers(id).saturating_sub(counted);
        // What it counted of the warm-up came before it ended, and is lost first.
        let warmup = group.warmup.replicas.get(id);
        let warmup = warmup.map_or(0, |tally| tally.requests).min(lost);
        let parts = Parts {
            measured: lost - warmup,
            warmup,
        };
        ledger.lacking(name, parts, format!("{id} {what}"));
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
        ledger.surplus("appeared-replica", measured(surplus), note);
    }
    ledger
}

const fn measured(measured: u64) -> Parts {
    Parts {
        measured,
        warmup: 0,
    }
}

fn enter_surplus(
    ledger: &mut Ledger,
    group: &GroupEvidence<'_>,
    deltas: &[&ReplicaDelta],
    masked: u64,
) {
    let told = parts(group, |counts| counts.extra_tries);
    ledger.surplus(
        "retried-requests",
        told,
        "tried again by the proxy, by its own word",
    );
    let implied = masked.saturating_sub(told.sum());
    let note = "the replicas answered errors that no client saw, so the proxy tried again";
    ledger.surplus("retried-requests", measured(implied), note);
    if group.counts_own_handlers() {
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
            ledger.surplus(
                "own-scrapes",
                measured(delta.own_reads),
                "our own reads, if counted",
            );
        }
    }
    ledger.surplus(
        "other-handlers",
        measured(other),
        "counted by handlers that were not loaded",
    );
}

/// Answers that a cache gave: they name replicas that counted less than half of them, and counted such
/// requests before, so that it is the counters that stand still and not the wrong ones.
fn cached(group: &GroupEvidence<'_>, deltas: &[&ReplicaDelta]) -> u64 {
    let named = group.named();
    let known = |delta: &&&ReplicaDelta| named.contains_key(&delta.id);
    let (mut given, mut counted, mut alive) = (0, 0, true);
    for delta in deltas.iter().filter(known) {
        let own = group.counted(delta).unwrap_or(0);
        given += named[&delta.id];
        counted += own;
        alive &= delta.state == ReplicaState::Whole && own + delta.counted_before > 0;
    }
    let elsewhere: u64 = deltas
        .iter()
        .map(|delta| group.counted_elsewhere(delta))
        .sum();
    let uncounted = given.saturating_sub(counted);
    let is_cache = alive && 2 * counted < given && 2 * elsewhere < uncounted;
    if is_cache { uncounted } else { 0 }
}

/// Per replica, answers that name it against requests it counted: (short, long).
///
/// An answer in hand was surely given, so a whole count that has fewer lost some.
fn compare_by_name(group: &GroupEvidence<'_>, deltas: &[&ReplicaDelta]) -> (ByReplica, ByReplica) {
    let named = group.named();
    let (mut short, mut long) = (Vec::new(), Vec::new());
    for delta in deltas {
        let twins = deltas.iter().filter(|other| other.id == delta.id).count();
        let (Some(answers), Some(counted)) = (named.get(&delta.id), group.counted(delta)) else {
            continue;
        };
        if twins > 1 || delta.state != ReplicaState::Whole {
            continue;
        }
        let counted = counted.saturating_sub(group.own_scrapes(delta));
        // Its answers may be counted under another handler of its own.
        let most = counted + group.counted_elsewhere(delta);
        if most < *answers {
            short.push((delta.id.clone(), answers - most));
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
    let of = |status: &BTreeMap<u16, u64>| status.range(500..600).map(|(_, n)| n).sum::<u64>();
    let gateway =
        |status: &BTreeMap<u16, u64>| status.range(502..=504).map(|(_, n)| n).sum::<u64>();
    let (measured, warmup) = (&group.tally.counts, &group.warmup.counts);
    let seen = of(&measured.status) + of(&warmup.status);
    let made = gateway(&measured.unnamed) + gateway(&warmup.unnamed);
    counted.saturating_sub(seen.saturating_sub(made))
}
