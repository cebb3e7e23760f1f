//! The proxy's count: its counter, less our own reads and, where it is one number, other groups.

use super::ledger::{Entry, Ledger, Parts, sum, take_warmup};
use super::replicas::{self, ReplicaSide};
use crate::checks::evidence::{GroupEvidence, connected};
use crate::scrape::ProxyDelta;

/// The proxy's count of one group.
#[derive(Clone, Debug)]
pub(in crate::checks) struct ProxySide {
    /// Requests taken, own traffic excluded.
    pub(super) count: u64,
    pub(super) excluded: Vec<Entry>,
    pub(super) named: Vec<Entry>,
    /// What stays without a name; positive where the count has too many.
    pub(super) rest: i64,
    /// Whether the count is this host's own, not a part of one number for all.
    pub(super) is_per_host: bool,
}

/// Reads the proxy's count; `None` where there is none, or it could not be read.
pub(super) fn read(group: &GroupEvidence<'_>) -> Option<ProxySide> {
    let delta = group.all.delta?.proxy.as_ref()?;
    let total = delta.total?;
    let (group, direct) = group.through_proxy();
    let group = &group;
    let is_per_host = !delta.by_host.is_empty();
    let mut ledger = Ledger::default();
    replicas::enter_unconnected(&mut ledger, group);
    replicas::enter_unanswered(&mut ledger, group);
    let mut excluded = Vec::new();
    let total = if is_per_host {
        delta.by_host.get(group.host).copied()?
    } else {
        enter_all_hosts(group, delta, &mut ledger, &mut excluded);
        total
    };
    let others: i64 = excluded.iter().map(|entry| entry.count).sum();
    let ours = total.cast_signed() - others;
    let (warmup, sent) = (
        connected(&group.warmup.counts).cast_signed(),
        group.tally.counts.sent.cast_signed(),
    );
    let (mut named, _) = ledger.settle(ours - warmup - sent);
    let warmup = warmup + take_warmup(&mut named);
    // A count that does not even hold the warm-up holds nothing else.
    let held = warmup.clamp(0, ours.max(0));
    excluded.insert(
        0,
        Entry::new("warm-up", held, "requests before the measured part"),
    );
    excluded.retain(|entry| entry.count != 0);
    let count = (ours - held).max(0);
    let rest = count - sent - sum(&named);
    if direct > 0 {
        let note = "sent straight to the replicas, past the proxy";
        named.push(Entry::new("direct-requests", -direct.cast_signed(), note));
    }
    Some(ProxySide {
        count: count.unsigned_abs(),
        excluded,
        rest,
        named,
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
        ledger.surplus(
            "own-status-reads",
            Parts {
                measured: delta.own_reads,
                warmup: 0,
            },
            "our own reads of its page, if counted",
        );
    }
    let (mut others, mut unsure) = (0, 0);
    let others_hosts =
        (group.all.groups()).filter(|other| other.is_first_of_host() && other.host != group.host);
    for other in others_hosts {
        let foreign = replicas::read(&other.of_host(), 0);
        let foreign = foreign.map_or(0, |side: ReplicaSide| side.rest.max(0));
        let (other, _) = other.through_proxy();
        others += other.connected().cast_signed() + foreign;
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
    ledger.lacking(
        "broken-connections",
        Parts {
            measured: unsure,
            warmup: 0,
        },
        note,
    );
}
