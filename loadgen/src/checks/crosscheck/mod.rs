//! The three counts: client, proxy, replicas. Every difference is named, or fails the run.
//!
//! Own traffic is taken out of each count first. What is left is compared with the client's count:
//! certain differences are entered as they are, possible ones (a time-out may or may not have
//! reached a replica) only as far as needed. Foreign traffic is what both servers' counts have too
//! many; it is a warning, because its count is known and the counts agree with it. What has no
//! name is a `count-mismatch`, a failure. Where answers are in no replica's count and nothing shows
//! whether the proxy made them, the counts are undecided.

mod classes;
mod findings;
mod ledger;
mod proxy;
mod replicas;
mod server_time;
mod uncounted;

use ledger::Entry;
use proxy::ProxySide;
use replicas::ReplicaSide;

use super::evidence::GroupEvidence;
use super::per_weight::spread_of;
use super::statistics::g_test;
use super::workers;
use crate::record::{CountVerdict, CrossCheck, Finding};
use crate::scrape::ReplicaDelta;

pub(super) use server_time::server_time;

/// The name of requests that come at a steady pace, whether a load runs or not.
const HEALTH_CHECKS: &str = "health-checks";
/// The most health checks that a replica gets in a second. What comes faster is a load.
const FASTEST_CHECKS: f64 = 25.0;

/// The counts of one group, and what the balance needs to know of them.
pub(super) struct Checked {
    pub(super) crosscheck: CrossCheck,
    /// Whether each replica's counter holds what its answers say, so that it can be relied on.
    pub(super) counters_are_sound: bool,
    /// Requests by others that took turns in the same rotation.
    pub(super) foreign: u64,
    /// Answers that a cache gave, and no turn of any rotation.
    pub(super) cached: u64,
    /// Health checks in the replicas' counters.
    pub(super) health_checks: u64,
    /// Errors the replicas counted that no client saw.
    pub(super) masked: u64,
}

/// Compares the counts of one group.
pub(super) fn judge(group: &GroupEvidence<'_>, findings: &mut Vec<Finding>) -> Checked {
    let mut proxy = proxy::read(group);
    let surplus = proxy.as_ref().map_or(0, |side| side.rest.max(0));
    let mut replicas = replicas::read(group, surplus.unsigned_abs());
    name_health_checks(group, replicas.as_mut(), proxy.as_ref());
    let undelivered = name_undelivered(group, replicas.as_mut(), proxy.as_mut());
    let foreign = undelivered + name_foreign(group, replicas.as_mut(), proxy.as_mut());
    let lost: u64 = replicas
        .iter()
        .flat_map(|side| &side.short)
        .map(|(_, count)| count)
        .sum();
    let rest = |rest: Option<i64>| rest.unwrap_or(0).unsigned_abs();
    let unnamed = lost
        + rest(replicas.as_ref().map(|side| side.rest))
        + rest(proxy.as_ref().map(|side| side.rest));
    let undecided = replicas.as_ref().is_some_and(ReplicaSide::is_undecided);
    let verdict = match (&replicas, &proxy) {
        (None, None) => CountVerdict::Unavailable,
        _ if unnamed > 0 => CountVerdict::Disagree,
        _ if undecided => CountVerdict::Undecided,
        _ => CountVerdict::Agree,
    };
    findings::about_pages(group, findings);
    findings::about_counts(group, replicas.as_ref(), proxy.as_ref(), findings);
    let counters_are_sound = replicas
        .as_ref()
        .is_some_and(|side| side.short.is_empty() && side.rest == 0 && side.cached == 0)
        && group.counters_are_whole();
    let masked = replicas.as_ref().map_or(0, |side| side.masked);
    let cached = replicas.as_ref().map_or(0, |side| side.cached);
    let health_checks = replicas
        .as_ref()
        .map_or(0, |side| side.named(HEALTH_CHECKS));
    let crosscheck = crosscheck(group, verdict, unnamed, replicas, proxy);
    let changed = classes::mismatch(group, &crosscheck, masked);
    findings.extend(changed.map(|finding| finding.of_group(group.name)));
    Checked {
        crosscheck,
        counters_are_sound,
        foreign,
        cached,
        health_checks,
        masked,
    }
}

fn crosscheck(
    group: &GroupEvidence<'_>,
    verdict: CountVerdict,
    unnamed: u64,
    replicas: Option<ReplicaSide>,
    proxy: Option<ProxySide>,
) -> CrossCheck {
    let (replica_count, proxy_count) = (
        replicas.as_ref().map(|side| side.count),
        proxy.as_ref().map(|side| side.count),
    );
    let (mut residuals, mut excluded) = (Vec::new(), Vec::new());
    if let Some(side) = proxy {
        residuals.extend(
            side.named
                .into_iter()
                .map(|entry| entry.into_residual("proxy")),
        );
        excluded.extend(
            side.excluded
                .into_iter()
                .map(|entry| entry.into_residual("proxy")),
        );
    }
    if let Some(side) = replicas {
        residuals.extend(
            side.named
                .into_iter()
                .map(|entry| entry.into_residual("replicas")),
        );
        excluded.extend(
            side.excluded
                .into_iter()
                .map(|entry| entry.into_residual("replicas")),
        );
    }
    CrossCheck {
        verdict,
        client: group.tally.counts.sent,
        proxy: proxy_count,
        replicas: replica_count,
        by_class: classes::by_class(group),
        by_handler: classes::by_handler(group),
        counted_by: group.counted_by.map(str::to_owned),
        residuals,
        excluded,
        unnamed,
    }
}

/// Whether a server counted more than was sent, for no reason that is known yet.
pub(super) fn has_surplus(group: &GroupEvidence<'_>) -> bool {
    let replicas = replicas::read(group, 0).is_some_and(|side| side.rest > 0);
    let proxy = proxy::read(group).is_some_and(|side| side.rest > 0);
    replicas || proxy
}

/// Seconds from one surplus request to the next, at one replica; `None` where the replicas have none.
pub(super) fn period_of_surplus(group: &GroupEvidence<'_>) -> Option<f64> {
    let surplus = replicas::read(group, 0)?.rest;
    let replicas = group.deltas().count() as f64;
    (surplus > 0).then(|| group.all.elapsed * replicas / surplus as f64)
}

/// Names what comes by itself at a steady pace and around the proxy, as the counters show it when
/// nothing is sent.
fn name_health_checks(
    group: &GroupEvidence<'_>,
    replicas: Option<&mut ReplicaSide>,
    proxy: Option<&ProxySide>,
) {
    let through_proxy = proxy.is_some_and(|side| side.rest > 0);
    let (Some(idle), Some(side)) = (group.all.idle, replicas) else {
        return;
    };
    if side.rest <= 0 || through_proxy {
        return;
    }
    let own = |delta: &ReplicaDelta| group.own_scrapes(delta) > 0;
    let expected = group
        .deltas()
        .filter_map(|delta| idle.expected(&delta.id, own(delta), group.all.elapsed));
    let (least, most) = expected.fold((0.0, 0.0), |(least, most), (a, b)| (least + a, most + b));
    let count = side.rest;
    let pace = count as f64 / group.all.elapsed.max(1e-3);
    let replicas = group.deltas().count().max(1) as f64;
    if (least..=most).contains(&(count as f64)) && pace <= FASTEST_CHECKS * replicas {
        let note = format!("{pace:.1}/s, and as many when nothing is sent");
        side.named.push(Entry::new(HEALTH_CHECKS, count, note));
        side.rest = 0;
    }
}

/// Names what workers sent that were lost before they told of it; returns how many.
fn name_undelivered(
    group: &GroupEvidence<'_>,
    replicas: Option<&mut ReplicaSide>,
    proxy: Option<&mut ProxySide>,
) -> u64 {
    let most = workers::most_undelivered(group.all).cast_signed();
    let mut sides: Vec<_> = (replicas.into_iter())
        .map(|side| (&mut side.named, &mut side.rest))
        .chain(proxy.map(|side| (&mut side.named, &mut side.rest)))
        .collect();
    let surplus = sides.iter().map(|(_, rest)| **rest).min();
    let count = surplus.unwrap_or(0).clamp(0, most.max(0));
    if count > 0 {
        let note = "sent by a worker that was lost before it told of them";
        for (named, rest) in &mut sides {
            named.push(Entry::new("lost-worker", count, note));
            **rest -= count;
        }
    }
    count.unsigned_abs()
}

/// Names what others sent; returns how many of it took turns in the group's rotation.
fn name_foreign(
    group: &GroupEvidence<'_>,
    replicas: Option<&mut ReplicaSide>,
    proxy: Option<&mut ProxySide>,
) -> u64 {
    let name = |named: &mut Vec<Entry>, rest: &mut i64, name, count: i64, note: &str| {
        if count > 0 {
            named.push(Entry::new(name, count, note));
            *rest -= count;
        }
    };
    match (replicas, proxy) {
        (Some(replicas), Some(proxy)) => {
            let both = replicas.rest.min(proxy.rest).max(0);
            let note = "sent by someone else, through the proxy to the replicas";
            name(
                &mut replicas.named,
                &mut replicas.rest,
                "foreign-traffic",
                both,
                note,
            );
            name(
                &mut proxy.named,
                &mut proxy.rest,
                "foreign-traffic",
                both,
                note,
            );
            both as u64 + name_proxy_only(proxy)
        }
        (Some(replicas), None) if looks_foreign(group, replicas) => {
            let count = replicas.rest;
            let note = "sent by someone else: the replicas hold it in even parts";
            name(
                &mut replicas.named,
                &mut replicas.rest,
                "foreign-traffic",
                count,
                note,
            );
            count as u64
        }
        (None, Some(proxy)) => name_proxy_only(proxy),
        _ => 0,
    }
}

/// Requests at the proxy that reached no counted handler of a replica.
fn name_proxy_only(proxy: &mut ProxySide) -> u64 {
    if proxy.rest <= 0 {
        return 0;
    }
    let count = proxy.rest;
    proxy.rest = 0;
    if proxy.is_per_host {
        let note = "sent to this host by someone else, not counted by the replicas";
        proxy.named.push(Entry::new("foreign-traffic", count, note));
        count as u64
    } else {
        let note =
            "taken by the proxy for no group of this run: its own health checks, other hosts";
        proxy.named.push(Entry::new("other-requests", count, note));
        0
    }
}

/// Without the proxy's count: a surplus is foreign when the replicas hold it as one even stack
/// would, and miscounted when one of them holds it or when it is a multiple of what is ours.
fn looks_foreign(group: &GroupEvidence<'_>, side: &ReplicaSide) -> bool {
    let ours = group.connected().cast_signed();
    let counts: Vec<u64> = group.deltas().filter_map(|delta| delta.requests).collect();
    let even = counts.len() > 1 && {
        let share = 1.0 / counts.len() as f64;
        let workers = f64::from(group.all.topology.proxy.workers);
        spread_of(&counts, &[]) <= workers
            || g_test(&counts, &vec![share; counts.len()]).right > 1e-3
    };
    side.rest > 0 && even && ours > 0 && side.rest % ours != 0
}
