//! What the books have to say, in sentences.

use super::ledger::Entry;
use super::proxy::ProxyBook;
use super::replicas::ReplicaBook;
use crate::checks::evidence::GroupEvidence;
use crate::checks::finding::{counted, grouped, listed};
use crate::checks::{Finding, Severity, outage};
use crate::model::ReplicaId;
use crate::scrape::{ReplicaDelta, ReplicaState, ScrapeError};

/// Pages that could not be read, restarts, replicas that came and went.
pub(super) fn about_pages(group: &GroupEvidence<'_>, findings: &mut Vec<Finding>) {
    for delta in group.deltas() {
        if let Some(finding) = about_state(group, delta) {
            findings.push(finding.of_group(group.host).of_replica(&delta.id));
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
                Finding::new("jumping-counter", Severity::Warning, message)
                    .of_group(group.host)
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
                Finding::new("counter-reset", Severity::Invalid, message)
                    .hint("was the proxy restarted? repeat the run"),
            );
        }
    }
    if group.place == 0 && !delta.settled_before && !delta.replicas.is_empty() {
        let message = "the servers' counters were moving for two seconds before the first request";
        findings.push(
            Finding::new("unsettled-counters", Severity::Warning, message).hint(
                "someone else is sending requests to this stack, or several processes answer behind one metrics page",
            ),
        );
    }
    if group.place == 0 && !delta.settled_after && !delta.replicas.is_empty() {
        let message = "the servers' counters were still moving two seconds after the last answer";
        findings.push(
            Finding::new("unsettled-counters", Severity::Warning, message).hint(
                "someone else is sending requests to this stack, or a service counts very late",
            ),
        );
    }
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
            Some(Finding::new("counter-reset", Severity::Warning, message).hint(hint))
        }
        ReplicaState::Appeared => {
            let message = format!(
                "{id} joined during the run, and gave {}",
                counted(answers, "answer")
            );
            Some(Finding::new("appeared-replica", Severity::Warning, message))
        }
        ReplicaState::Vanished => {
            let last = group
                .seconds()
                .filter(|second| second.replicas.contains_key(id))
                .last();
            let since = last.map_or_else(String::new, |last| {
                let (at, lost) = (last.second, outage::around(group, id, last.second + 1));
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
            Some(Finding::new("vanished-replica", Severity::Failure, message).hint(hint))
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
        Finding::new("unreadable-counter", Severity::Invalid, message)
            .of_group(group.host)
            .hint("does the proxy see the Host header as it was sent?")
    })
}

/// A page that the stack promises, or that was given by hand, is one that has to be read: without it
/// the run is not what was asked for.
fn unreadable(whose: &str, error: &ScrapeError) -> Finding {
    let message = format!("{whose} counter could not be read: {error}");
    Finding::new("unreadable-counter", Severity::Invalid, message).hint(error.hint())
}

/// Foreign traffic, retries, masked errors, and what has no name.
pub(super) fn about_counts(
    group: &GroupEvidence<'_>,
    replicas: Option<&ReplicaBook>,
    proxy: Option<&ProxyBook>,
    findings: &mut Vec<Finding>,
) {
    let mut push = |finding: Finding| findings.push(finding.of_group(group.host));
    let named = |name: &str| {
        let entries = [
            replicas.map(|book| &book.named),
            proxy.map(|book| &book.named),
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
        push(Finding::new("foreign-traffic", Severity::Warning, message).hint(
            "latency and shares were measured under their load too; stop the other client and repeat",
        ));
    }
    if let Some(retried) = retries(group, named("retried-requests")) {
        push(retried);
    }
    if let Some(book) = replicas.filter(|book| book.masked > 0) {
        let message = format!(
            "the replicas answered {} that the client never saw: the proxy turned them into something else",
            counted(book.masked, "error")
        );
        push(Finding::new("masked-errors", Severity::Warning, message).hint(
            "the service fails more often than its users see; `proxy_next_upstream` hides it at the price of a second try",
        ));
    }
    if let Some(book) = replicas.filter(|book| book.rest != 0 || !book.short.is_empty()) {
        push(mismatch_of_replicas(group, book));
    }
    if let Some(book) = proxy.filter(|book| book.rest != 0) {
        let message = format!(
            "the proxy counted {}, the client sent {}, and nothing explains a difference of {}",
            counted(book.count, "request"),
            grouped(group.tally.counts.sent),
            grouped(book.rest.unsigned_abs())
        );
        push(
            Finding::new("count-mismatch", Severity::Failure, message)
                .hint("does the counter belong to this proxy, and to all of its workers?"),
        );
    }
}

fn retries(group: &GroupEvidence<'_>, named: u64) -> Option<Finding> {
    let told = group.extra_tries();
    let count = told.max(named);
    let message = format!(
        "the proxy tried {} a second time at another replica{}",
        counted(count, "request"),
        if told == 0 {
            ", as the counts imply"
        } else {
            ""
        }
    );
    (count > 0).then(|| {
        Finding::new("retried-requests", Severity::Warning, message)
            .hint("a replica failed or broke connections; the proxy's error log says which")
    })
}

fn mismatch_of_replicas(group: &GroupEvidence<'_>, book: &ReplicaBook) -> Finding {
    let sent = group.tally.counts.sent;
    let mut parts = Vec::new();
    let each = |list: &[(ReplicaId, u64)], what: &str| -> Vec<String> {
        let part =
            |(id, count): &(ReplicaId, u64)| format!("{id} counted {} {what}", grouped(*count));
        list.iter().take(8).map(part).collect()
    };
    parts.extend(each(&book.short, "fewer than the answers it gave"));
    if book.rest > 0 {
        parts.extend(each(&book.long, "more than the answers it gave"));
    }
    let lost: u64 = book.short.iter().map(|(_, count)| count).sum();
    let unnamed = lost + book.rest.unsigned_abs();
    let detail = if parts.is_empty() {
        String::new()
    } else {
        format!(": {}", listed(&parts))
    };
    let message = format!(
        "the replicas counted {}, the client sent {}, and nothing explains {}{detail}",
        counted(book.count, "request"),
        grouped(sent),
        counted(unnamed, "request"),
    );
    let finding = Finding::new("count-mismatch", Severity::Failure, message).hint(
        "is `--counter` the one that counts these requests, and is every replica of the group known?",
    );
    match (book.short.as_slice(), book.long.as_slice()) {
        ([(only, _)], _) if book.rest <= 0 => finding.of_replica(only),
        ([], [(only, _)]) => finding.of_replica(only),
        _ => finding,
    }
}
