//! The proxy's book: its counter, less our own reads and, where it is one number, other groups.

use super::ledger::{Entry, Ledger};
use super::replicas::{self, ReplicaBook};
use crate::checks::evidence::GroupEvidence;
use crate::scrape::ProxyDelta;

/// The proxy's book of one group.
#[derive(Clone, Debug)]
pub(in crate::checks) struct ProxyBook {
    /// Requests taken, own traffic excluded.
    pub(super) count: u64,
    pub(super) excluded: Vec<Entry>,
    pub(super) named: Vec<Entry>,
    /// What stays without a name; positive where the book has too many.
    pub(super) rest: i64,
    /// Whether the count is this host's own, not a part of one number for all.
    pub(super) is_per_host: bool,
}

/// Reads the proxy's book; `None` where there is none, or it could not be read.
pub(super) fn read(group: &GroupEvidence<'_>) -> Option<ProxyBook> {
    let delta = group.all.delta?.proxy.as_ref()?;
    let total = delta.total?;
    let is_per_host = !delta.by_host.is_empty();
    let mut ledger = Ledger::default();
    replicas::enter_unconnected(&mut ledger, group);
    replicas::enter_unanswered(&mut ledger, group);
    let (warmup, _) = replicas::reached(group);
    let mut excluded = vec![Entry::new(
        "warm-up",
        warmup.cast_signed(),
        "requests before the measured part",
    )];
    let total = if is_per_host {
        delta.by_host.get(group.host).copied()?
    } else {
        enter_all_hosts(group, delta, &mut ledger, &mut excluded);
        total
    };
    excluded.retain(|entry| entry.count != 0);
    let ours: i64 = excluded.iter().map(|entry| entry.count).sum();
    // A book that does not even hold what is ours holds nothing else.
    let surplus = ours - total.cast_signed();
    if surplus > 0 {
        excluded[0].count -= surplus;
    }
    let count = (total.cast_signed() - ours).max(0) as u64;
    let (named, rest) = ledger.settle(count.cast_signed() - group.tally.counts.sent.cast_signed());
    Some(ProxyBook {
        count,
        excluded,
        named,
        rest,
        is_per_host,
    })
}

/// One number for all hosts: our own reads and the other groups' requests are in it.
fn enter_all_hosts(
    group: &GroupEvidence<'_>,
    delta: &ProxyDelta,
    ledger: &mut Ledger,
    excluded: &mut Vec<Entry>,
) {
    let reads = delta.own_reads.cast_signed();
    if delta.is_stub_status {
        excluded.push(Entry::new(
            "own-status-reads",
            reads,
            "our own reads of the status page",
        ));
    } else {
        ledger.possible(
            "own-status-reads",
            reads,
            "our own reads of its page, if counted",
        );
    }
    let (mut others, mut unsure) = (0, 0);
    for other in group
        .all
        .groups()
        .filter(|other| other.place != group.place)
    {
        let (warmup, measured) = replicas::reached(&other);
        let foreign = replicas::read(&other, 0).map_or(0, |book: ReplicaBook| book.rest.max(0));
        others += (warmup + measured).cast_signed() + foreign;
        let mut unanswered = Ledger::default();
        replicas::enter_unanswered(&mut unanswered, &other);
        unsure += unanswered.most_lacking();
    }
    excluded.push(Entry::new(
        "other-groups",
        others,
        "requests to the other host groups",
    ));
    let note = "of other host groups: sent, but perhaps never received";
    ledger.possible("broken-connections", -(unsure.cast_signed()), note);
}
