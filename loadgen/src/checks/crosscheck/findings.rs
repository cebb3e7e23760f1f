//! What the counts have to say, in sentences.

use super::HEALTH_CHECKS;
use super::ledger::Entry;
use super::proxy::ProxySide;
use super::replicas::ReplicaSide;
use super::uncounted::{UNCOUNTED, marked_errors};
use crate::checks::evidence::{GroupEvidence, connected};
use crate::checks::finding::{counted, grouped, listed};
use crate::checks::outage;
use crate::model::ReplicaId;
use crate::record::{Code, Finding, Severity};
use crate::scrape::{ReplicaDelta, ReplicaState, ScrapeError};

/// Pages that could not be read, restarts, replicas that came and went.
pub(super) fn about_pages(group: &GroupEvidence<'_>, findings: &mut Vec<Finding>) {
    for delta in group.deltas() {
        if let Some(processes) = delta.processes {
            findings.push(several(delta, processes).of_group(group.name));
            continue;
        }
        if let Some(finding) = about_state(group, delta) {
            findings.push(finding.of_group(group.name).of_replica(&delta.id));
        }
        if let (Some((first, second)), ReplicaState::Whole) = (delta.fell_while_idle, &delta.state)
        {
            let message = format!(
                "the counter of {} went from {} back to {} between two reads while nothing was sent",
                delta.id,
                grouped(first),
                grouped(second)
            );
            findings.push(
                Finding::new(Code::JumpingCounter, message)
                    .of_group(group.name)
                    .of_replica(&delta.id)
                    .hint("several processes seem to share this port, each with a counter of its own; run one worker, or use the client library's multiprocess mode"),
            );
        }
    }
    let Some(delta) = group.all.delta else { return };
    findings.extend(missing_host(group));
    // The proxy is one: said once, with the first group.
    if let Some(proxy) = delta.proxy.as_ref().filter(|_| group.place == 0) {
        if let Some(error) = &proxy.error {
            findings.push(unreadable("the proxy's", error));
        }
        if proxy.reset {
            let message = format!(
                "the proxy's counter at {} began anew during the run",
                proxy.url
            );
            findings.push(
                Finding::new(Code::CounterReset, message)
                    .weighing(Severity::Invalid)
                    .hint("was the proxy restarted? repeat the run"),
            );
        }
    }
    if group.place == 0 && !delta.settled_before && !delta.replicas.is_empty() {
        let message = "the servers' counters were moving for two seconds before the first request";
        findings.push(
            Finding::new(Code::UnsettledCounters, message).hint(
                "someone else is sending requests to this stack, or several processes answer behind one metrics page",
            ),
        );
    }
    if group.place == 0 && !delta.settled_after && !delta.replicas.is_empty() {
        let message = "the servers' counters were still moving two seconds after the last answer";
        findings.push(
            Finding::new(Code::UnsettledCounters, message).hint(
                "someone else is sending requests to this stack, or a service counts very late",
            ),
        );
    }
}

/// A page of one process of several: what it says depends on who answers.
fn several(delta: &ReplicaDelta, processes: u64) -> Finding {
    let message = format!(
        "{processes} processes or more answer behind {}, each with counters of its own: a read shows one of them, and so the replica's count is not known",
        delta.url
    );
    Finding::new(Code::SeveralProcesses, message)
        .of_replica(&delta.id)
        .hint("use the metrics library's multiprocess mode (`PROMETHEUS_MULTIPROC_DIR` in Python), or one worker per replica")
}

fn about_state(group: &GroupEvidence<'_>, delta: &ReplicaDelta) -> Option<Finding> {
    let id = &delta.id;
    let answers = group.named().get(id).copied().unwrap_or(0);
    match &delta.state {
        ReplicaState::Whole => None,
        ReplicaState::Reset { after } => {
            let warmup = group.all.recording.warmup.as_secs_f64();
            let into = after.map(|after| after - warmup);
            let when = into.map_or_else(String::new, |into| {
                format!(" {into:.1} s into the measured part")
            });
            let at = into.map(|into| into.max(0.0) as u64);
            let meanwhile = at.map_or_else(String::new, |at| {
                format!("{}; ", outage::in_words(outage::around(group, id, at)))
            });
            let message = format!(
                "{id} began to count anew{when}: {meanwhile}it gave {}, and {} are in its counter since",
                counted(answers, "answer"),
                grouped(delta.requests.unwrap_or(0))
            );
            let hint =
                "its process was restarted; its log says why, and `docker inspect` its exit code";
            Some(Finding::new(Code::CounterReset, message).hint(hint))
        }
        ReplicaState::Appeared => {
            let message = format!(
                "{id} joined during the run, and gave {}",
                counted(answers, "answer")
            );
            Some(Finding::new(Code::AppearedReplica, message))
        }
        ReplicaState::Vanished => {
            let last = group
                .seconds()
                .filter(|second| second.replicas.contains_key(id))
                .last();
            let since = last.map_or_else(String::new, |last| {
                let (at, lost) = (last.last(), outage::around(group, id, last.end()));
                format!(
                    ": its last answer is in second {}; {}",
                    at + 1,
                    outage::in_words(lost)
                )
            });
            let message = format!(
                "{id} is gone since the run began{since}; it had given {}, and its counter is lost",
                counted(answers, "answer")
            );
            let hint = "it crashed or was removed and did not come back; look at its log";
            Some(Finding::new(Code::VanishedReplica, message).hint(hint))
        }
        ReplicaState::Unreadable(error) => Some(unreadable("its", error)),
    }
}

/// A proxy that counts by host, and does not know this one.
fn missing_host(group: &GroupEvidence<'_>) -> Option<Finding> {
    let proxy = group.all.delta?.proxy.as_ref()?;
    let is_missing = !proxy.by_host.is_empty() && !proxy.by_host.contains_key(group.host);
    is_missing.then(|| {
        let known: Vec<_> = proxy.by_host.keys().take(8).cloned().collect();
        let message = format!(
            "the proxy counts by host and has no {}, only {}",
            group.host,
            listed(&known)
        );
        Finding::new(Code::UnreadableCounter, message)
            .of_group(group.name)
            .hint("does the proxy see the Host header as it was sent?")
    })
}

/// A page that the stack promises, or that was given by hand, is one that has to be read: without it
/// the run is not what was asked for.
fn unreadable(whose: &str, error: &ScrapeError) -> Finding {
    let message = format!("{whose} counter could not be read: {error}");
    Finding::new(Code::UnreadableCounter, message).hint(error.hint())
}

/// Foreign traffic, retries, masked errors, and what has no name.
pub(super) fn about_counts(
    group: &GroupEvidence<'_>,
    replicas: Option<&ReplicaSide>,
    proxy: Option<&ProxySide>,
    findings: &mut Vec<Finding>,
) {
    let mut push = |finding: Finding| findings.push(finding.of_group(group.name));
    let named = |name: &str| {
        let entries = [
            replicas.map(|side| &side.named),
            proxy.map(|side| &side.named),
        ];
        let count = |entries: &Vec<Entry>| -> i64 {
            entries
                .iter()
                .filter(|entry| entry.name == name)
                .map(|entry| entry.count)
                .sum()
        };
        entries
            .into_iter()
            .flatten()
            .map(count)
            .max()
            .unwrap_or(0)
            .unsigned_abs()
    };
    let foreign = named("foreign-traffic");
    if foreign > 0 {
        let message = format!(
            "someone else sent {} to this group during the run",
            counted(foreign, "request")
        );
        push(Finding::new(Code::ForeignTraffic, message).hint(
            "latency and shares were measured under their load too; stop the other client and repeat",
        ));
    }
    if let Some(retried) = retries(group, named("retried-requests")) {
        push(retried);
    }
    if let Some(side) = replicas.filter(|side| side.masked > 0) {
        let message = format!(
            "the replicas answered {} that the client never saw{}: the proxy turned them into something else",
            counted(side.masked, "error"),
            // The counters tell of both parts together.
            if connected(&group.warmup.counts) > 0 {
                ", warm-up included"
            } else {
                ""
            }
        );
        push(Finding::new(Code::MaskedErrors, message).hint(
            "the service fails more often than its users see; `proxy_next_upstream` hides it at the price of a second try",
        ));
    }
    if let Some(side) = replicas.filter(|side| side.rest != 0 || !side.short.is_empty()) {
        push(mismatch_of_replicas(group, side));
    }
    if let Some(side) = replicas {
        let found = [uncounted(group, side), from_cache(side), checks(side)];
        found.into_iter().flatten().for_each(&mut push);
    }
    if let Some(side) = proxy.filter(|side| side.rest != 0) {
        let message = format!(
            "the proxy counted {}, the client sent {}, and nothing explains a difference of {}",
            counted(side.count, "request"),
            grouped(group.tally.counts.sent),
            grouped(side.rest.unsigned_abs())
        );
        push(
            Finding::new(Code::CountMismatch, message)
                .hint("does the counter belong to this proxy, and to all of its workers?"),
        );
    }
}

/// Answers that nobody may have counted.
fn uncounted(group: &GroupEvidence<'_>, side: &ReplicaSide) -> Option<Finding> {
    let count = side.named(UNCOUNTED);
    let unmarked = group.tally.counts.unnamed.range(300..);
    let statuses: Vec<_> = unmarked
        .take(4)
        .map(|(status, count)| format!("{} × {status}", grouped(*count)))
        .collect();
    let message = format!(
        "{} name no replica and are in no replica's count ({}): made by the proxy, or not counted by the replicas",
        counted(count, "answer"),
        listed(&statuses)
    );
    (count > 0).then(|| {
        Finding::new(Code::CountMismatch, message)
            .weighing(Severity::Warning)
            .hint("let the proxy say whom it asked, also in errors: in nginx `add_header X-Upstream $upstream_addr always;`")
    })
}

fn from_cache(side: &ReplicaSide) -> Option<Finding> {
    (side.cached > 0).then(|| {
        let message = format!(
            "{} name replicas whose counters stood still meanwhile: something before them answered from a cache",
            counted(side.cached, "answer")
        );
        Finding::new(Code::CachedAnswers, message).hint(
            "what was measured is the cache; `proxy_cache` does that in nginx, and a query that differs from request to request goes past it",
        )
    })
}

fn checks(side: &ReplicaSide) -> Option<Finding> {
    let count = side.named(HEALTH_CHECKS);
    (count > 0).then(|| {
        let message = format!(
            "{} of those that the replicas counted come at a steady pace, whether a load runs or not, as health checks of the loaded path do",
            counted(count, "request")
        );
        Finding::new(Code::HealthChecks, message).hint(
            "they are in the replicas' counts and not in this run's; a path of their own keeps them apart",
        )
    })
}

fn retries(group: &GroupEvidence<'_>, named: u64) -> Option<Finding> {
    let counts = &group.tally.counts;
    let by_events = counts.retried > 0 && group.disturbance().retried >= counts.retried;
    if by_events && group.extra_tries() >= named {
        return None;
    }
    let (told, warmup) = (
        group.tally.counts.extra_tries,
        group.warmup.counts.extra_tries,
    );
    let count = told.max(named);
    let basis = match (told + warmup, warmup) {
        (0, _) => ", as the counts imply".to_owned(),
        (_, 0) => String::new(),
        (_, warmup) => format!(", and {} in the warm-up", grouped(warmup)),
    };
    let message = format!(
        "the proxy tried {} a second time at another replica{basis}",
        counted(count, "request")
    );
    (count + warmup > 0).then(|| {
        Finding::new(Code::RetriedRequests, message)
            .hint("a replica failed or broke connections; the proxy's error log says which")
    })
}

fn mismatch_of_replicas(group: &GroupEvidence<'_>, side: &ReplicaSide) -> Finding {
    let sent = group.tally.counts.sent;
    let mut parts = Vec::new();
    let each = |list: &[(ReplicaId, u64)], what: &str| -> Vec<String> {
        let part =
            |(id, count): &(ReplicaId, u64)| format!("{id} counted {} {what}", grouped(*count));
        list.iter().take(8).map(part).collect()
    };
    parts.extend(each(&side.short, "fewer than the answers it gave"));
    if side.rest > 0 {
        parts.extend(each(&side.long, "more than the answers it gave"));
    }
    let lost: u64 = side.short.iter().map(|(_, count)| count).sum();
    let unnamed = lost + side.rest.unsigned_abs();
    let detail = if parts.is_empty() {
        String::new()
    } else {
        format!(": {}", listed(&parts))
    };
    let message = format!(
        "the replicas counted {}, the client sent {}, and nothing explains {}{detail}",
        counted(side.count, "request"),
        grouped(sent),
        counted(unnamed, "request"),
    );
    let finding = Finding::new(Code::CountMismatch, message).hint(hint_of(group, side));
    match (side.short.as_slice(), side.long.as_slice()) {
        ([(only, _)], _) if side.rest <= 0 => finding.of_replica(only),
        ([], [(only, _)]) => finding.of_replica(only),
        _ => finding,
    }
}

/// What explains a mismatch best, by what the pages say.
fn hint_of(group: &GroupEvidence<'_>, side: &ReplicaSide) -> String {
    let sent = group.connected();
    if sent > 0 && side.total == 2 * sent {
        return if group.deltas().any(|delta| delta.doubled) {
            "each request is counted twice: one of the series is the sum of the others; select one of them with `--counter`".into()
        } else {
            "each request is counted exactly twice: a mirror, a subrequest, or two series for one request; select one with `--counter`".into()
        };
    }
    let marked = marked_errors(&group.tally.counts);
    if marked > 0 && side.rest == -marked.cast_signed() {
        return "as many errors came from the replicas, by the proxy's word (`X-Upstream`): something in the service answers before its metrics see the request, as an outer middleware does".into();
    }
    if let Some(handler) = likely_handler(group) {
        let name = &group.all.plan.counter.name;
        return format!(
            "the handler {handler} counted as many: try `--counter '{name}{{handler=\"{handler}\"}}'`"
        );
    }
    "is `--counter` the one that counts these requests, and is every replica of the group known?"
        .into()
}

/// A handler that is not selected and counted at least as much as was sent, less than a tenth more.
fn likely_handler(group: &GroupEvidence<'_>) -> Option<String> {
    let sent = group.connected();
    let mut handlers: std::collections::BTreeMap<&str, u64> = std::collections::BTreeMap::new();
    for delta in group.deltas() {
        for (handler, count) in &delta.by_handler {
            *handlers.entry(handler).or_default() += count;
        }
    }
    let mut likely = handlers.into_iter().filter(|(handler, count)| {
        !group.selects(handler) && *count >= sent && *count * 10 <= sent * 11 && sent > 0
    });
    let (handler, _) = likely.next()?;
    likely.next().is_none().then(|| handler.to_owned())
}
