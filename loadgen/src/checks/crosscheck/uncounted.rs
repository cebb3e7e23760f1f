//! Answers that no replica counted: whose they are, as far as anything shows it.

use std::collections::BTreeMap;

use super::ledger::{Ledger, take_warmup};
use super::replicas::{parts, shared};
use crate::checks::evidence::GroupEvidence;
use crate::recorder::Counts;
use crate::scrape::{ReplicaDelta, path_of};

/// The name of answers that the proxy made, or that the replicas did not count: nobody can tell.
pub(super) const UNCOUNTED: &str = "uncounted-answers";
/// The name of answers from a cache.
const CACHED: &str = "cached-answers";

/// Enters answers that no replica counted although there was one, with what shows whose they are.
pub(super) fn enter_uncounted(
    ledger: &mut Ledger,
    group: &GroupEvidence<'_>,
    deltas: &[&ReplicaDelta],
    cached: u64,
) {
    let elsewhere: u64 = deltas
        .iter()
        .map(|delta| group.counted_elsewhere(delta))
        .sum();
    ledger.lacking(
        "other-handlers",
        shared(group, elsewhere),
        format!(
            "counted by the replicas under other handlers: {}",
            handlers_in_words(group, deltas)
        ),
    );
    ledger.lacking(
        CACHED,
        shared(group, cached),
        "they name replicas whose counters stood still: a cache gave them",
    );
    ledger.lacking(
        "answered-by-proxy",
        parts(group, |counts| made_by_proxy(group, counts)),
        "answers that name no replica, with a status or without a mark that only the proxy gives",
    );
    ledger.lacking(
        UNCOUNTED,
        parts(group, |counts| {
            unnamed_errors(counts) - made_by_proxy(group, counts)
        }),
        "answers that name no replica: made by the proxy, or not counted by the replicas",
    );
}

/// Errors that came from a replica by the proxy's word, without a name.
pub(super) fn marked_errors(counts: &Counts) -> u64 {
    let marked = counts.unnamed_upstream.range(300..);
    let marked = marked.filter(|(status, _)| !matches!(status, 502 | 504));
    marked.map(|(_, count)| count).sum()
}

/// Of what the counts lack without a name, the warm-up's part of errors that came from a replica and
/// were not counted there.
pub(super) fn unseen_in_warmup(group: &GroupEvidence<'_>, rest: i64) -> u64 {
    let marked = parts(group, marked_errors);
    let mut ledger = Ledger::default();
    ledger.lacking("", marked, "");
    let (mut named, _) = ledger.settle(rest);
    take_warmup(&mut named).unsigned_abs()
}

/// Answers that name no replica, and no success.
fn unnamed_errors(counts: &Counts) -> u64 {
    let unnamed = counts.unnamed.range(300..);
    let from_upstream = |status: &u16| match status {
        // It says that the server behind it could not be reached or understood.
        502 | 504 => 0,
        status => counts.unnamed_upstream.get(status).copied().unwrap_or(0),
    };
    unnamed
        .map(|(status, count)| count.saturating_sub(from_upstream(status)))
        .sum()
}

/// Of these, the ones that the proxy made for certain: gateway errors, and all where it would have
/// said which server it asked.
fn made_by_proxy(group: &GroupEvidence<'_>, counts: &Counts) -> u64 {
    if group.silence_is_proof() {
        return unnamed_errors(counts);
    }
    [502, 504]
        .iter()
        .filter_map(|status| counts.unnamed.get(status))
        .sum()
}

/// `none (240), /items/{id} (12)`.
fn handlers_in_words(group: &GroupEvidence<'_>, deltas: &[&ReplicaDelta]) -> String {
    let mut handlers: BTreeMap<&str, u64> = BTreeMap::new();
    for delta in deltas {
        for (handler, count) in &delta.by_handler {
            let own = handler == path_of(&delta.url);
            let selected = group.selects(handler);
            if !own && !selected && *count > 0 {
                *handlers.entry(handler).or_default() += count;
            }
        }
    }
    let named = handlers.into_iter().take(4);
    let named: Vec<_> = named
        .map(|(handler, count)| format!("{handler} ({count})"))
        .collect();
    named.join(", ")
}
