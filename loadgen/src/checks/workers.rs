//! Whether every worker delivered what it was to send, and which of them was late by itself: the sum
//! of many hides one.

use super::certificate::{Checked, item};
use super::evidence::Evidence;
use super::finding::{counted, grouped, percent};
use super::lateness::late_by_chance;
use crate::model::{ClockOffset, Nanos, lag_budget};
use crate::record::{CertificateItem, Code, Finding, WorkerRecord, WorkerState};

/// The items of the workers, and a finding for each of them with which something is wrong; nothing
/// where only this process sent.
pub(super) fn judge(evidence: &Evidence<'_>, findings: &mut Vec<Finding>) -> Vec<CertificateItem> {
    if evidence.workers.is_empty() {
        return Vec::new();
    }
    findings.extend(evidence.workers.iter().filter_map(lost));
    findings.extend(evidence.workers.iter().filter_map(skewed));
    let (item, lagging) = lag(evidence);
    findings.extend(lagging);
    vec![delivered(evidence.workers), item]
}

/// The most requests that workers may have sent, and did not tell of: what was left of their slices,
/// and of the warm-up that goes with it.
pub(super) fn most_undelivered(evidence: &Evidence<'_>) -> u64 {
    let lost = evidence.workers.iter();
    let lost = lost.filter(|one| one.state != WorkerState::Done);
    let warmup =
        evidence.plan.warmup.as_secs_f64() / evidence.plan.duration.as_secs_f64().max(1e-9);
    let most = lost.map(|one| one.unsent as f64 + one.planned as f64 * warmup);
    most.sum::<f64>().ceil() as u64
}

fn delivered(workers: &[WorkerRecord]) -> CertificateItem {
    let done = workers.iter().filter(|one| one.state == WorkerState::Done);
    let done = done.count();
    let observed = format!("{done} of {}", workers.len());
    item(
        "workers that delivered",
        observed,
        "all",
        done == workers.len(),
    )
}

/// A worker of which something is missing.
fn lost(worker: &WorkerRecord) -> Option<Finding> {
    let (what, hint) = match worker.state {
        WorkerState::Done => return None,
        WorkerState::Lost => (
            "was lost",
            "the reason may say more, or its machine's log; what it delivered, and the others, is here. Repeat the run",
        ),
        WorkerState::Late => (
            "came too late, and sent nothing",
            "give the workers longer to get ready: --start-in",
        ),
        WorkerState::Corrupt => (
            "said what does not add up",
            "read its lines again from where they were written, with `loadgen collect`",
        ),
    };
    let when = match (worker.state, worker.second) {
        (WorkerState::Late, _) | (_, None) => String::new(),
        (_, Some(0)) => " before the first second was whole".to_owned(),
        (_, Some(second)) => format!(" after second {second}"),
    };
    let why = worker.reason.as_ref().map(|why| format!(": {why}"));
    let unsent = match worker.unsent {
        0 => String::new(),
        unsent => format!(
            "; {} of its {} are in no figure, and nobody took over its slice",
            grouped(unsent),
            counted(worker.planned, "arrival")
        ),
    };
    let message = format!(
        "{} {what}{when}{}{unsent}",
        name(worker),
        why.unwrap_or_default()
    );
    Some(Finding::new(Code::LostWorker, message).hint(hint))
}

/// A worker whose clock is too far from the launcher's: its requests left at other instants than the
/// schedule has them, and its seconds are not those of the others. No latency is touched by it.
fn skewed(worker: &WorkerRecord) -> Option<Finding> {
    let clock = worker.clock()?;
    let how = clock.beyond(ClockOffset::TOLD)?;
    let message = format!(
        "the clock of {} is {how}; as far as it is off, its requests left apart from those of the others, and no latency is touched",
        name(worker)
    );
    let hint = "set the clocks by NTP or PTP; `timedatectl` shows whether they are";
    Some(Finding::new(Code::ClockSkew, message).hint(hint))
}

fn name(worker: &WorkerRecord) -> String {
    match worker.node.as_str() {
        "" => format!("worker {}", worker.n),
        node => format!("worker {} on {node}", worker.n),
    }
}

/// The worker that released its requests latest, against the budget that all of them have.
fn lag(evidence: &Evidence<'_>) -> Checked {
    let groups = evidence.recording.groups.iter();
    let fastest = groups
        .map(|group| group.measured.response.quantile(0.99))
        .min();
    let allowed = evidence.plan.lag_budget.into();
    let budget = lag_budget(allowed, fastest.unwrap_or_default());
    let late = |worker: &&WorkerRecord| {
        let times = worker.release_lag.histogram().unwrap_or_default();
        let late = times.count_above(budget);
        times.quantile(0.99) > budget && late > late_by_chance(times.count())
    };
    let slowest = evidence
        .workers
        .iter()
        .max_by_key(|one| one.release_lag.p99);
    let p99 = slowest.map_or(Nanos::ZERO, |one| Nanos(one.release_lag.p99));
    let finding = slowest.filter(late).map(|worker| {
        let times = worker.release_lag.histogram().unwrap_or_default();
        let late = times.count_above(budget);
        let message = format!(
            "{} released {} of its requests late, {p99} at p99 where {budget} is allowed",
            name(worker),
            percent(late as f64 / times.count().max(1) as f64),
        );
        Finding::new(Code::GeneratorLag, message)
            .hint("give that worker a machine, or cores, of its own")
    });
    let observed = slowest.map_or_else(String::new, |one| format!("{p99}, worker {}", one.n));
    let ok = finding.is_none();
    (
        item(
            "release lag p99 of the latest worker",
            observed,
            format!("at most {budget}"),
            ok,
        ),
        finding,
    )
}
