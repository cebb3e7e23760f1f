//! The three books: client, proxy, replicas. Every difference is named, or fails the run.
//!
//! Own traffic is taken out of each book first. What is left is compared with the client's count:
//! certain differences are entered as they are, possible ones (a time-out may or may not have
//! reached a replica) only as far as needed. Foreign traffic is what both servers' books have too
//! many; it is a warning, because its count is known and the books close with it. What has no
//! name is a `count-mismatch`, a failure.

mod classes;
mod findings;
mod ledger;
mod proxy;
mod replicas;
mod server_time;

use ledger::Entry;
use proxy::ProxyBook;
use replicas::ReplicaBook;

use super::evidence::GroupEvidence;
use super::laps::spread_of;
use super::statistics::g_test;
use super::{BookVerdict, CrossCheck, Finding};

pub(super) use server_time::server_time;

/// The books of one group, and what the balance needs to know of them.
pub(super) struct Books {
    pub(super) crosscheck: CrossCheck,
    /// Whether each replica's counter holds what its answers say, so that it can be relied on.
    pub(super) counters_are_sound: bool,
    /// Requests by others that took turns in the same rotation.
    pub(super) foreign: u64,
}

/// Compares the books of one group.
pub(super) fn judge(group: &GroupEvidence<'_>, findings: &mut Vec<Finding>) -> Books {
    let mut proxy = proxy::read(group);
    let surplus = proxy.as_ref().map_or(0, |book| book.rest.max(0));
    let mut replicas = replicas::read(group, surplus.unsigned_abs());
    let foreign = name_foreign(group, replicas.as_mut(), proxy.as_mut());
    let lost: u64 = replicas
        .iter()
        .flat_map(|book| &book.short)
        .map(|(_, count)| count)
        .sum();
    let rest = |rest: Option<i64>| rest.unwrap_or(0).unsigned_abs();
    let unnamed = lost
        + rest(replicas.as_ref().map(|book| book.rest))
        + rest(proxy.as_ref().map(|book| book.rest));
    let verdict = match (&replicas, &proxy) {
        (None, None) => BookVerdict::Unavailable,
        _ if unnamed == 0 => BookVerdict::Agree,
        _ => BookVerdict::Disagree,
    };
    findings::about_pages(group, findings);
    findings::about_counts(group, replicas.as_ref(), proxy.as_ref(), findings);
    let counters_are_sound = replicas
        .as_ref()
        .is_some_and(|book| book.short.is_empty() && book.rest == 0)
        && group.books_are_whole();
    let masked = replicas.as_ref().map_or(0, |book| book.masked);
    let crosscheck = crosscheck(group, verdict, unnamed, replicas, proxy);
    let changed = classes::mismatch(group, &crosscheck, masked);
    findings.extend(changed.map(|finding| finding.of_group(group.host)));
    Books {
        crosscheck,
        counters_are_sound,
        foreign,
    }
}

fn crosscheck(
    group: &GroupEvidence<'_>,
    verdict: BookVerdict,
    unnamed: u64,
    replicas: Option<ReplicaBook>,
    proxy: Option<ProxyBook>,
) -> CrossCheck {
    let (replica_count, proxy_count) = (
        replicas.as_ref().map(|book| book.count),
        proxy.as_ref().map(|book| book.count),
    );
    let (mut residuals, mut excluded) = (Vec::new(), Vec::new());
    if let Some(book) = proxy {
        residuals.extend(
            book.named
                .into_iter()
                .map(|entry| entry.into_residual("proxy")),
        );
        excluded.extend(
            book.excluded
                .into_iter()
                .map(|entry| entry.into_residual("proxy")),
        );
    }
    if let Some(book) = replicas {
        residuals.extend(
            book.named
                .into_iter()
                .map(|entry| entry.into_residual("replicas")),
        );
        excluded.extend(
            book.excluded
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
        residuals,
        excluded,
        unnamed,
    }
}

/// Names what others sent; returns how many of it took turns in the group's rotation.
fn name_foreign(
    group: &GroupEvidence<'_>,
    replicas: Option<&mut ReplicaBook>,
    proxy: Option<&mut ProxyBook>,
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
fn name_proxy_only(proxy: &mut ProxyBook) -> u64 {
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

/// Without the proxy's book: a surplus is foreign when the replicas hold it as one even stack
/// would, and miscounted when one of them holds it or when it is a multiple of what is ours.
fn looks_foreign(group: &GroupEvidence<'_>, book: &ReplicaBook) -> bool {
    let (warmup, measured) = replicas::reached(group);
    let ours = (warmup + measured).cast_signed();
    let counts: Vec<u64> = group.deltas().filter_map(|delta| delta.requests).collect();
    let even = counts.len() > 1 && {
        let share = 1.0 / counts.len() as f64;
        let workers = f64::from(group.all.topology.proxy.workers);
        spread_of(&counts, &[]) <= workers
            || g_test(&counts, &vec![share; counts.len()]).right > 1e-3
    };
    book.rest > 0 && even && ours > 0 && book.rest % ours != 0
}
