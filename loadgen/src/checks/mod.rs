//! Turns evidence into findings and a verdict: balance, the three counts, validity, thresholds.
//!
//! **Invariant:** pure. No network, no clock, no printing; the same evidence gives the same words.

mod balance;
mod certificate;
mod connections;
mod crosscheck;
mod events;
mod evidence;
mod finding;
mod holds;
mod hosts;
mod lateness;
mod lifecycle;
mod outage;
mod pairing;
mod per_weight;
mod preflight;
mod reasons;
mod requests;
mod statistics;
mod stopped;
mod thresholds;
mod validity;
mod workers;

pub use balance::tail_shares;
pub use preflight::preflight;
pub use reasons::hint_of;

use std::time::Duration;

use crate::model::{Cause, StackWarning, exit};
use crate::record::{self, Code, Finding, GroupJudgement, Judgement, Severity, Status, Verdict};
use crate::recorder::End;
use crate::scrape::Delta;
use evidence::Evidence;

/// Three gaps of what comes at a steady pace, and some more.
const WATCHED_PERIODS: f64 = 4.5;
const SHORTEST_WATCH: Duration = Duration::from_secs(5);
/// What comes more seldom is not waited for.
const LONGEST_WATCH: Duration = Duration::from_secs(30);

/// Weighs everything that was seen. The same evidence gives the same words.
#[must_use]
pub fn judge(evidence: &record::Evidence) -> Judgement {
    let record::Evidence {
        plan, environment, ..
    } = evidence;
    let topology = evidence.topology.clone().with_workers(plan.proxy_workers);
    let counters: Vec<_> = (evidence.looks.iter())
        .map(|look| look.counters.clone())
        .collect();
    let mut noted = preflight(plan, &topology, environment);
    noted.extend(evidence.warnings.iter().map(noted_before));
    if let Some((first, last)) = evidence.first_and_last_look() {
        noted.extend(lifecycle::judge(&first.replicas, &last.replicas));
    }
    let (delta, routes) = requests::narrowed(plan, Delta::over(&counters));
    let events = events::judge(evidence);
    noted.extend(events::findings(evidence, &events));
    let hosts = hosts::of(plan, &evidence.recording);
    let all = Evidence {
        events: &events,
        plan,
        topology: &topology,
        recording: &evidence.recording,
        delta: delta.as_ref(),
        routes: &routes,
        hosts: &hosts,
        elapsed: elapsed(evidence),
        idle: evidence.idle.as_ref(),
        machine: environment,
        workers: &evidence.workers,
    };
    weigh(&all, noted)
}

/// How long it is worth to see what the servers count when nothing is sent: where they counted more
/// than was, and long enough to see at least three of what came so seldom.
#[must_use]
pub fn worth_watching(evidence: &record::Evidence) -> Option<Duration> {
    // A worker that is lost explains it.
    if !record::is_complete(&evidence.workers) {
        return None;
    }
    let counters: Vec<_> = (evidence.looks.iter())
        .map(|look| look.counters.clone())
        .collect();
    let (delta, routes) = requests::narrowed(&evidence.plan, Delta::over(&counters));
    let hosts = hosts::of(&evidence.plan, &evidence.recording);
    let all = Evidence {
        events: &[],
        plan: &evidence.plan,
        topology: &evidence.topology,
        recording: &evidence.recording,
        delta: delta.as_ref(),
        routes: &routes,
        hosts: &hosts,
        elapsed: elapsed(evidence),
        idle: None,
        machine: &evidence.environment,
        workers: &evidence.workers,
    };
    let mut groups = all.groups();
    groups
        .any(|group| crosscheck::has_surplus(&group.of_host()))
        .then(|| {
            let periods = all
                .groups()
                .filter_map(|group| crosscheck::period_of_surplus(&group.of_host()));
            let longest = periods.fold(0.0, f64::max);
            Duration::from_secs_f64(WATCHED_PERIODS * longest).clamp(SHORTEST_WATCH, LONGEST_WATCH)
        })
}

/// Seconds between the first look at the servers and the last.
fn elapsed(evidence: &record::Evidence) -> f64 {
    let looks = evidence.first_and_last_look();
    looks.map_or(0.0, |(first, last)| {
        last.counters.taken_at - first.counters.taken_at
    })
}

/// What was noted of the stack before the load.
fn noted_before(warning: &StackWarning) -> Finding {
    let (code, hint) = match warning {
        StackWarning::GroupNotServed { .. } => (Code::UnknownGroup, None),
        StackWarning::Unanswered { why, .. } => (Code::UnansweredProbe, hint_of(why.cause)),
        StackWarning::WantsHttps { .. } => (Code::WantsHttps, hint_of(Cause::SpeaksTls)),
        StackWarning::WantsCertificate { .. } => {
            (Code::WantsCertificate, hint_of(Cause::CertificateWanted))
        }
        StackWarning::TwinReplicas { .. } => (Code::TwinReplicas, Some(reasons::TWINS)),
        StackWarning::SeveralAddresses { .. } => (Code::SeveralAddresses, None),
    };
    let finding = Finding::new(code, warning.to_string());
    let finding = match hint {
        Some(hint) => finding.hint(hint),
        None => finding,
    };
    match warning.group() {
        Some(group) => finding.of_group(group),
        None => finding,
    }
}

/// Adds to what was noted whatever the checks find.
fn weigh(evidence: &Evidence<'_>, mut findings: Vec<Finding>) -> Judgement {
    let mut groups = Vec::new();
    for group in evidence.groups() {
        // What several groups of a host have together is told once.
        let (counted, mut untold) = (group.of_host(), Vec::new());
        let told = if group.is_first_of_host() {
            &mut findings
        } else {
            &mut untold
        };
        let mut checked = crosscheck::judge(&counted, told);
        let server_time = crosscheck::server_time(&counted, &checked.crosscheck, told);
        let requests = requests::judge(&counted, &checked, told);
        // How one group's requests were spread is in no counter that holds another's too.
        checked.counters_are_sound &= !group.shares_counts();
        let members = pairing::members(&group);
        let balance = balance::judge(&group, &members, &checked, &mut findings);
        connections::judge(&group, &mut findings);
        groups.push(GroupJudgement {
            host: group.name.to_owned(),
            balance,
            requests,
            crosscheck: checked.crosscheck,
            server_time,
            tail_share: tail_shares(group.tally),
            replicas: members.iter().map(pairing::Member::record).collect(),
        });
    }
    let thresholds = thresholds::judge(evidence, &groups, &mut findings);
    let mut certificate = validity::judge(evidence, &groups, &mut findings);
    events::explain(evidence.events, &mut findings);
    certificate.holds = holds::judge(evidence, &groups, &findings);
    // Stable: within a severity the order of discovery stays.
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    Judgement {
        verdict: verdict(&findings, evidence.recording.end),
        findings,
        groups,
        events: evidence.events.to_vec(),
        thresholds,
        certificate,
    }
}

/// Invalid wins over fail, and an interruption is told apart by its exit code.
fn verdict(findings: &[Finding], end: End) -> Verdict {
    let worst = findings.iter().map(|finding| finding.severity).max();
    let (status, exit_code) = match worst {
        _ if end == End::Interrupted => (Status::Invalid, exit::INTERRUPTED),
        Some(Severity::Invalid) => (Status::Invalid, exit::UNTRUSTED),
        Some(Severity::Failure) => (Status::Fail, exit::FAILED),
        _ => (Status::Pass, exit::PASSED),
    };
    Verdict { status, exit_code }
}

#[cfg(test)]
mod tests;
