//! Whether connections are kept, by the client's count and by the replicas'.
//!
//! A connection per request costs more than most services do, and each one that was closed holds
//! a port of its closer for a minute: what runs well for ten seconds may end at the sixtieth.

use super::evidence::GroupEvidence;
use super::finding::{counted, grouped};
use crate::record::{Code, Finding};
use crate::recorder::Connections;

/// Requests below which nothing is said.
const FEW: u64 = 100;
/// How long a closed connection holds its port: `TIME_WAIT` of Linux.
const HELD_SECONDS: f64 = 60.0;
/// Ports that a machine has for it, where it does not say: Linux's default range.
const USUAL_PORTS: u64 = 28_232;

/// Says where connections are not kept.
pub(super) fn judge(group: &GroupEvidence<'_>, findings: &mut Vec<Finding>) {
    let found = [to_the_target(group), to_the_replicas(group)];
    findings.extend(
        found
            .into_iter()
            .flatten()
            .map(|finding| finding.of_group(group.name)),
    );
}

/// Whether so many connections are one for each request or two: kept ones are no more than can
/// be in use at a time, and some that were made anew.
fn is_churn(group: &GroupEvidence<'_>, connections: u64, requests: u64) -> bool {
    let in_use = u64::from(group.all.plan.connections);
    requests >= FEW && connections > 2 * in_use + 20 && 2 * connections > requests
}

fn held(group: &GroupEvidence<'_>, connections: u64) -> String {
    let seconds = (group.all.recording.measured.as_secs_f64()
        + group.all.recording.warmup.as_secs_f64())
    .max(1e-3);
    let rate = connections as f64 / seconds;
    format!(
        "each holds a port for {HELD_SECONDS} s when it is closed, so {rate:.0}/s come to {}",
        grouped((rate * HELD_SECONDS) as u64)
    )
}

fn to_the_target(group: &GroupEvidence<'_>) -> Option<Finding> {
    let counts = &group.tally.counts;
    let (opened, requests) = (
        counts.connections.opened,
        counts.sent + group.warmup.counts.sent,
    );
    // Closed by the peer: one that we gave up after a time-out says nothing of the server.
    if !is_churn(group, counts.connections.closed_by_peer, requests) {
        return None;
    }
    let ports = (group.all.machine.ephemeral_ports).map_or(USUAL_PORTS, |(first, last)| {
        u64::from(last.saturating_sub(first)) + 1
    });
    let message = format!(
        "{} were made for {}: {}; {} of this machine's {} ports",
        counted(opened, "connection"),
        counted(requests, "request"),
        who_ended(&counts.connections),
        held(group, opened),
        grouped(ports)
    );
    Some(Finding::new(Code::NoKeepAlive, message).hint(
        "users' browsers keep connections; does the server answer `Connection: close`, and why?",
    ))
}

/// Why connections ended, by what was counted.
fn who_ended(connections: &Connections) -> String {
    let idle = connections.closed_while_idle;
    if 2 * idle > connections.closed_by_peer {
        return format!(
            "the server closed {} of them while they were idle",
            grouped(idle)
        );
    }
    "the server keeps none".to_owned()
}

fn to_the_replicas(group: &GroupEvidence<'_>) -> Option<Finding> {
    let all = group.all;
    if !all.plan.keep_alive && all.topology.proxy.counter.is_none() {
        // They may be ours, which were asked for.
        return None;
    }
    let told = group
        .deltas()
        .filter_map(|delta| Some((delta.connections?, delta.requests?)));
    let (mut replicas, mut connections, mut requests) = (0, 0, 0);
    for (of_one, requests_of_one) in told {
        replicas += 1;
        connections += of_one;
        requests += requests_of_one;
    }
    if !is_churn(group, connections, requests) {
        return None;
    }
    // Without a count of its own nobody knows that there is a proxy.
    let who = match group.all.topology.proxy.counter {
        Some(_) => "the proxy keeps none",
        None => "whoever asks them keeps none",
    };
    let message = format!(
        "the replicas accepted {} for {}: {who}; {} of some {} ports for each replica",
        counted(connections, "connection"),
        counted(requests, "request"),
        held(group, connections / replicas),
        grouped(USUAL_PORTS)
    );
    Some(
        Finding::new(Code::NoUpstreamKeepAlive, message)
            .hint("in nginx a bare `proxy_pass http://name` keeps none: an `upstream` block with `keepalive`, and before 1.29.7 `proxy_http_version 1.1` and `Connection \"\"`"),
    )
}
