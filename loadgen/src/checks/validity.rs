//! Whether the measurement can be believed at all: the certificate, item by item.
//!
//! An item that does not hold makes the run invalid. Errors of the service are not among them: a
//! service that fails is well measured.

use super::evidence::{Evidence, GroupEvidence};
use super::finding::{counted, grouped, listed, percent};
use super::thresholds::intended;
use super::{BookVerdict, Certificate, CertificateItem, Finding, GroupJudgement, Severity};
use crate::model::{ErrorClass, Nanos, lag_budget};
use crate::plan::{Load, Pacing};

/// The least share of the intended arrivals that must have been sent.
const LEAST_SENT: f64 = 0.99;
/// The largest share of a core that a generator thread may use.
const MOST_CPU: f64 = 0.9;
/// Clock sources that are read without a system call.
const FAST_CLOCKS: [&str; 4] = [
    "tsc",
    "kvm-clock",
    "arch_sys_counter",
    "hyperv_clocksource_tsc_page",
];

/// Checks every item, and says what does not hold.
pub(super) fn judge(
    evidence: &Evidence<'_>,
    groups: &[GroupJudgement],
    findings: &mut Vec<Finding>,
) -> Certificate {
    let mut items = Vec::new();
    for (group, judgement) in evidence.groups().zip(groups) {
        let checks = [
            lag(&group),
            rate(&group),
            Some(dropped(&group)),
            Some(resources(&group)),
        ];
        for (item, finding) in checks.into_iter().flatten() {
            items.push(CertificateItem {
                group: Some(group.host.to_owned()),
                ..item
            });
            findings.extend(finding.map(|finding| finding.of_group(group.host)));
        }
        items.push(books(&group, judgement));
        findings.extend(answers(&group).map(|finding| finding.of_group(group.host)));
    }
    for (item, finding) in [
        completeness(evidence),
        threads(evidence),
        cpu(evidence),
        clock(evidence),
    ] {
        items.push(item);
        findings.extend(finding);
    }
    Certificate { items }
}

type Checked = (CertificateItem, Option<Finding>);

fn item(
    name: &str,
    observed: impl Into<String>,
    budget: impl Into<String>,
    ok: bool,
) -> CertificateItem {
    CertificateItem {
        name: name.to_owned(),
        group: None,
        observed: observed.into(),
        budget: budget.into(),
        ok,
    }
}

/// How many of `count` requests may be late before their p99 is late for certain: 1 %, and three
/// standard deviations of it. In a hundred requests one hiccup is the p99; it proves nothing.
fn late_by_chance(count: u64) -> u64 {
    let expected = 0.01 * count as f64;
    (expected + 3.0 * expected.sqrt()).floor() as u64
}

/// The generator's own lateness.
///
/// An arrival that finds every connection busy waits, and its wait is in the response time: that
/// is the system's slowness, not ours. It is told from our own lateness by arithmetic: to make
/// the late ones wait, all connections must have been busy for as long, so the service times must
/// add up to at least that.
fn lag(group: &GroupEvidence<'_>) -> Option<Checked> {
    let (tally, plan) = (group.tally, group.all.plan);
    if tally.lag.is_empty() {
        return None;
    }
    let p99 = tally.lag.quantile(0.99);
    let budget = lag_budget(tally.response.quantile(0.99));
    let allowed = late_by_chance(tally.lag.count());
    let late = tally.lag.count_above(budget);
    let observed = format!("{p99}, {} late", grouped(late));
    let within = format!("at most {budget}, or {} late", grouped(allowed));
    if p99 <= budget || late <= allowed {
        return Some((item("send lag p99", observed, within, true), None));
    }
    let late = late as f64 / tally.lag.count() as f64;
    let busy = tally.service.mean().as_secs_f64() * tally.service.count() as f64;
    let needed = f64::from(plan.connections) * group.all.recording.measured.as_secs_f64() * late;
    if busy >= 0.8 * needed {
        let message = format!(
            "{} of the requests waited for a free connection, {p99} at p99: all {} were busy. The wait is in the response time, but fewer requests were in flight than an open loop would have had",
            percent(late),
            plan.connections
        );
        let finding = Finding::new("queued-arrivals", Severity::Warning, message).hint(
            "raise --connections to the rate times the time an answer takes, if the wait is not what you want to see",
        );
        let budget = format!("at most {budget}, or all connections busy");
        return Some((item("send lag p99", observed, budget, true), Some(finding)));
    }
    let message = format!(
        "the generator sent late: {p99} at p99, where {budget} is allowed; the latencies hold its lateness too"
    );
    let finding = Finding::new("generator-lag", Severity::Invalid, message).hint(
        "this machine has too little CPU for the rate: stop other work, lower --rps, or try --pacing spin",
    );
    Some((
        item("send lag p99", observed, format!("at most {budget}"), false),
        Some(finding),
    ))
}

/// Whether what was intended was sent.
fn rate(group: &GroupEvidence<'_>) -> Option<Checked> {
    let counts = &group.tally.counts;
    if counts.sent == 0 {
        let finding = Finding::new(
            "nothing-sent",
            Severity::Invalid,
            "not a single request was sent",
        )
        .hint("is the duration long enough for the rate?");
        return Some((
            item("requests sent", "0", "at least 1", false),
            Some(finding),
        ));
    }
    // A run that was cut short is held to what it had released by then.
    let intended = match intended(group)? {
        _ if group.all.recording.interrupted => counts.planned as f64,
        intended => intended,
    };
    let share = if intended > 0.0 {
        counts.sent as f64 / intended
    } else {
        1.0
    };
    let ok = share >= LEAST_SENT;
    let seconds = group.all.recording.measured.as_secs_f64();
    let finding = (!ok).then(|| {
        let message = format!(
            "{} were sent of {:.0} that the schedule asked for in {seconds:.1} s ({})",
            counted(counts.sent, "request"),
            intended,
            percent(share)
        );
        Finding::new("rate-not-reached", Severity::Invalid, message)
            .hint("more --connections or --threads, or a lower --rps")
    });
    let checked = item(
        "arrivals sent",
        percent(share),
        format!("at least {}", percent(LEAST_SENT)),
        ok,
    );
    Some((checked, finding))
}

fn dropped(group: &GroupEvidence<'_>) -> Checked {
    let counts = &group.tally.counts;
    let ok = counts.dropped == 0;
    let finding = (!ok).then(|| {
        let share = counts.dropped as f64 / counts.planned.max(1) as f64;
        let message = format!(
            "{} were given up because every connection was busy for too long ({} of those planned); their wait is in no figure",
            counted(counts.dropped, "arrival"),
            percent(share)
        );
        Finding::new("dropped-arrivals", Severity::Invalid, message)
            .hint("the system cannot carry this rate with these connections: lower --rps, or raise --connections")
    });
    (
        item("arrivals dropped", grouped(counts.dropped), "0", ok),
        finding,
    )
}

/// Descriptors and ports of this machine.
fn resources(group: &GroupEvidence<'_>) -> Checked {
    let count = |class| group.errors(class);
    let (descriptors, ports) = (count(ErrorClass::Descriptors), count(ErrorClass::Ports));
    let (code, what, hint) = if descriptors > 0 {
        (
            "descriptors-exhausted",
            "descriptors",
            "raise the limit with `ulimit -n`, or use fewer --connections",
        )
    } else {
        (
            "ports-exhausted",
            "ephemeral ports",
            "does the server close each connection? keep-alive, or fewer requests per second, spares ports",
        )
    };
    let failed = descriptors + ports;
    let finding = (failed > 0).then(|| {
        let message = format!(
            "this machine ran out of {what}: {} failed by it",
            counted(failed, "request")
        );
        Finding::new(code, Severity::Invalid, message).hint(hint)
    });
    (
        item(
            "descriptors and ports",
            format!("{} failures", grouped(failed)),
            "0 failures",
            failed == 0,
        ),
        finding,
    )
}

fn books(group: &GroupEvidence<'_>, judgement: &GroupJudgement) -> CertificateItem {
    let check = &judgement.crosscheck;
    let (observed, ok) = match check.verdict {
        BookVerdict::Agree => ("closed".to_owned(), true),
        BookVerdict::Disagree => (
            format!("{} unnamed", counted(check.unnamed, "request")),
            false,
        ),
        BookVerdict::Unavailable => ("no second book".to_owned(), true),
    };
    CertificateItem {
        group: Some(group.host.to_owned()),
        ..item("books", observed, "every difference named", ok)
    }
}

/// Whether the service answered. Failures are worth a look; thresholds decide how many are too
/// many. Not one answer is a failure without any threshold.
fn answers(group: &GroupEvidence<'_>) -> Option<Finding> {
    let counts = &group.tally.counts;
    if counts.failed == 0 {
        return None;
    }
    let bad = counts
        .status
        .iter()
        .filter(|(status, _)| !(200..400).contains(*status));
    let mut classes: Vec<String> = bad
        .map(|(status, count)| format!("{} × status {status}", grouped(*count)))
        .collect();
    classes.extend(
        counts
            .errors
            .iter()
            .map(|(class, count)| format!("{} × {class}", grouped(*count))),
    );
    classes.truncate(8);
    let (failed, sent) = (counted(counts.failed, "request"), grouped(counts.sent));
    if counts.answered() == 0 {
        let message = format!("not one answer: all {failed} failed ({})", listed(&classes));
        return Some(
            Finding::new("no-answers", Severity::Failure, message)
                .hint("does anything listen at the target, and is it what you mean to test?"),
        );
    }
    if counts.succeeded == 0 {
        let message = format!(
            "every answer was an error: {failed} failed ({})",
            listed(&classes)
        );
        return Some(
            Finding::new("no-answers", Severity::Failure, message).hint(
                "check --path, --method and the host group; success means a 2xx or 3xx answer",
            ),
        );
    }
    let share = counts.failed as f64 / counts.sent.max(1) as f64;
    let message = format!(
        "{failed} of {sent} failed, {} ({})",
        percent(share),
        listed(&classes)
    );
    Some(
        Finding::new("errors", Severity::Warning, message)
            .hint("`--fail-if 'error_rate>0.1%'` makes too many of them fail the run"),
    )
}

fn completeness(evidence: &Evidence<'_>) -> Checked {
    let recording = evidence.recording;
    let seconds = format!("{:.1} s", recording.measured.as_secs_f64());
    let planned = format!("{:.1} s, by itself", evidence.plan.duration.as_secs_f64());
    let finding = recording.interrupted.then(|| {
        let message = format!("the run was interrupted after {seconds} of the measured part; the figures hold what there was until then");
        Finding::new("interrupted", Severity::Invalid, message)
    });
    (
        item("measured", seconds, planned, !recording.interrupted),
        finding,
    )
}

fn threads(evidence: &Evidence<'_>) -> Checked {
    let threads = &evidence.recording.threads;
    let lost = threads.iter().filter(|thread| !thread.finished).count();
    let finding = (lost > 0).then(|| {
        let message = format!("{lost} of {} generator threads did not come to their end; what they measured last is missing", threads.len());
        Finding::new("lost-thread", Severity::Invalid, message).hint("this is an error of loadgen; please report it with the command")
    });
    (
        item(
            "threads finished",
            format!("{} of {}", threads.len() - lost, threads.len()),
            "all",
            lost == 0,
        ),
        finding,
    )
}

fn cpu(evidence: &Evidence<'_>) -> Checked {
    let recording = evidence.recording;
    let share = |cpu: Nanos| cpu.as_secs_f64() / recording.measured.as_secs_f64().max(1e-9);
    let busiest = recording
        .threads
        .iter()
        .map(|thread| share(thread.cpu))
        .fold(0.0, f64::max);
    let observed = format!("{} of a core", percent(busiest));
    if evidence.plan.pacing == Pacing::Spin {
        return (item("generator CPU", observed, "any: it spins", true), None);
    }
    let ok = busiest <= MOST_CPU || recording.measured == Nanos::ZERO;
    let is_closed = |group: &crate::plan::GroupPlan| matches!(group.load, Load::Closed { .. });
    let finding = (!ok).then(|| {
        let closed = evidence.plan.groups.iter().all(is_closed);
        let what = if closed {
            "the throughput is its own ceiling, not the system's"
        } else {
            "it may have sent and read late"
        };
        let message = format!("a generator thread used {observed}: {what}");
        Finding::new("generator-cpu", Severity::Invalid, message)
            .hint("give it more --threads, a machine of its own, or a lower --rps")
    });
    (
        item(
            "generator CPU",
            observed,
            format!("at most {} of a core", percent(MOST_CPU)),
            ok,
        ),
        finding,
    )
}

/// A slow clock makes every reading dearer; it does not make it wrong.
fn clock(evidence: &Evidence<'_>) -> Checked {
    let source = evidence.machine.clocksource.as_str();
    let fast = FAST_CLOCKS.contains(&source);
    let finding = (!fast && !source.is_empty() && source != "unknown").then(|| {
        let message = format!(
            "the kernel's clock source is {source}: each look at the clock is a system call"
        );
        Finding::new("slow-clock", Severity::Info, message)
            .hint("`tsc` or `kvm-clock` is faster, where the machine allows it")
    });
    let observed = if source.is_empty() { "unknown" } else { source };
    (
        item(
            "clock source",
            observed,
            "tsc or the like",
            fast || finding.is_none(),
        ),
        finding,
    )
}
