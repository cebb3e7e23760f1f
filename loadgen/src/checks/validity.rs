//! Whether the measurement can be believed at all: the certificate, item by item.
//!
//! An item that does not hold makes the run invalid. Errors of the service are not among them: a
//! service that fails is well measured.

use super::certificate::{Checked, item};
use super::evidence::{Evidence, GroupEvidence};
use super::finding::{counted, grouped, listed, percent};
use super::lateness::{self, MOST_CPU};
use super::reasons;
use super::stopped;
use super::thresholds::intended;
use super::workers;
use crate::model::{ErrorClass, Nanos};
use crate::plan::{Load, Pacing};
use crate::record::{
    Certificate, CertificateItem, Code, CountVerdict, Finding, GroupJudgement, Severity,
    is_complete,
};
use crate::recorder::End;

/// The least share of the intended arrivals that must have been sent.
const LEAST_SENT: f64 = 0.99;
/// The share of failed requests that a run may have where no threshold says so.
const MOST_FAILED: f64 = 0.01;
/// The share of answers from which on it is worth to say that they are redirects.
const WORTH_TELLING: f64 = 0.01;
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
            lateness::release(&group),
            lateness::wait(&group),
            lateness::streams(&group),
            rate(&group),
            Some(dropped(&group)),
            Some(resources(&group)),
        ];
        for (item, finding) in checks.into_iter().flatten() {
            items.push(CertificateItem {
                group: Some(group.host.to_owned()),
                ..item
            });
            findings.extend(finding.map(|finding| finding.of_group(group.name)));
        }
        items.push(counts(&group, judgement));
        let about = [answers(&group), stopped::judge(&group), redirects(&group)];
        findings.extend(
            about
                .into_iter()
                .flatten()
                .map(|finding| finding.of_group(group.name)),
        );
    }
    let all = [
        Some(completeness(evidence)),
        Some(stored(evidence)),
        Some(threads(evidence)),
        Some(cpu(evidence)),
        lateness::stalls(evidence),
        Some(clock(evidence)),
    ];
    for (item, finding) in all.into_iter().flatten() {
        items.push(item);
        findings.extend(finding);
    }
    items.extend(workers::judge(evidence, findings));
    Certificate {
        items,
        ..Certificate::default()
    }
}

/// Whether what was intended was sent.
fn rate(group: &GroupEvidence<'_>) -> Option<Checked> {
    let counts = &group.tally.counts;
    if counts.sent == 0 {
        let finding = Finding::new(Code::NothingSent, "not a single request was sent")
            .hint("is the duration long enough for the rate?");
        return Some((
            item("requests sent", "0", "at least 1", false),
            Some(finding),
        ));
    }
    // A run that was cut short is held to what it had released by then, and so is one that lacks a
    // worker, which is told for itself.
    let is_short = group.all.recording.is_interrupted() || !is_complete(group.all.workers);
    let intended = match intended(group)? {
        _ if is_short => counts.planned as f64,
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
        Finding::new(Code::RateNotReached, message)
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
        Finding::new(Code::DroppedArrivals, message)
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
            Code::DescriptorsExhausted,
            "descriptors",
            "raise the limit with `ulimit -n`, or use fewer --connections",
        )
    } else {
        (
            Code::PortsExhausted,
            "ephemeral ports",
            if group.all.plan.keep_alive {
                "does the server close each connection? keep-alive, or fewer requests per second, spares ports"
            } else {
                "each connection of --no-keep-alive may hold its port for a minute: send fewer requests per second, or leave it out"
            },
        )
    };
    let failed = descriptors + ports;
    let finding = (failed > 0).then(|| {
        let message = format!(
            "this machine ran out of {what}: {} failed by it",
            counted(failed, "request")
        );
        Finding::new(code, message).hint(hint)
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

fn counts(group: &GroupEvidence<'_>, judgement: &GroupJudgement) -> CertificateItem {
    let check = &judgement.crosscheck;
    let (observed, ok) = match check.verdict {
        CountVerdict::Agree => ("closed".to_owned(), true),
        CountVerdict::Disagree => (
            format!("{} unnamed", counted(check.unnamed, "request")),
            false,
        ),
        CountVerdict::Undecided => ("answers that nobody may have counted".to_owned(), true),
        CountVerdict::Unavailable => ("no second count".to_owned(), true),
    };
    CertificateItem {
        group: Some(group.host.to_owned()),
        ..item("counts", observed, "every difference named", ok)
    }
}

/// Whether the service answered. Failures are worth a look; thresholds decide how many are too
/// many. Not one answer is a failure without any threshold.
fn answers(group: &GroupEvidence<'_>) -> Option<Finding> {
    let counts = &group.tally.counts;
    // What events cost is told under them, as long as there is anything else.
    let by_events = match counts.succeeded {
        0 => 0,
        _ => group.disturbance().lost,
    };
    let failed = counts.failed.saturating_sub(by_events);
    if failed == 0 {
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
    let share = failed as f64 / counts.sent.max(1) as f64;
    let besides = match by_events {
        0 => "",
        _ => " besides those that events cost",
    };
    let (failed, sent) = (counted(failed, "request"), grouped(counts.sent));
    let (why, foremost) = (reasons::told(group), reasons::foremost(group));
    if counts.answered() == 0 {
        let message = format!(
            "not one answer: all {failed} failed ({}){why}",
            listed(&classes)
        );
        let finding = Finding::new(Code::NoAnswers, message);
        let hint = foremost.and_then(|reason| reasons::hint_of(reason.cause));
        return Some(match hint {
            Some(hint) => finding.hint(hint),
            None => finding.hint("is the target what you mean to test? its log may say more"),
        });
    }
    if counts.succeeded == 0 {
        let message = format!(
            "every answer was an error: {failed} failed ({}){why}",
            listed(&classes)
        );
        let usual = "check --path, --method and the host group; success means a 2xx or 3xx answer";
        let hint = reasons::who_asks(group).unwrap_or_else(|| usual.to_owned());
        return Some(Finding::new(Code::NoAnswers, message).hint(hint));
    }
    let message = format!(
        "{failed} of {sent} failed{besides}, {} ({}){why}",
        percent(share),
        listed(&classes)
    );
    let decided = (group.all.plan.all_thresholds()).any(|(_, one)| one.metric.is_about_errors());
    let finding = Finding::new(Code::Errors, message);
    Some(if share > MOST_FAILED && !decided {
        let most = percent(MOST_FAILED);
        finding.weighing(Severity::Failure).hint(format!(
            "more than {most} fail a run; `--require 'error_rate<5%'` says how many may"
        ))
    } else {
        finding.hint("`--fail-if 'error_rate>0.1%'` makes too many of them fail the run")
    })
}

/// Whether there was a service at all behind the answers: redirects are not followed, and so what they
/// lead to was not tested.
fn redirects(group: &GroupEvidence<'_>) -> Option<Finding> {
    let counts = &group.tally.counts;
    let is_redirect = |status: &u16| matches!(status, 301 | 302 | 303 | 307 | 308);
    let found = counts
        .status
        .iter()
        .filter(|(status, _)| is_redirect(status));
    let found: Vec<_> = found.collect();
    let redirected: u64 = found.iter().map(|(_, count)| **count).sum();
    let share = redirected as f64 / counts.answered().max(1) as f64;
    if redirected == 0 || share < WORTH_TELLING {
        return None;
    }
    let listed_: Vec<_> = found
        .iter()
        .map(|(status, count)| format!("{} × {status}", grouped(**count)))
        .collect();
    // Errors beside them are no service either.
    let all = redirected == counts.succeeded;
    let what = if redirected == counts.answered() {
        "every answer is a redirect".to_owned()
    } else if all {
        format!(
            "every answer but {} is a redirect",
            counted(counts.answered() - redirected, "error")
        )
    } else {
        format!("{} of the answers are redirects", percent(share))
    };
    let message = format!(
        "{what} ({}), and redirects are not followed: what they lead to was not tested",
        listed(&listed_)
    );
    let finding = Finding::new(Code::Redirected, message)
        .hint("load what the redirect leads to: https instead of http, or the --path with or without its last /");
    Some(if all {
        finding.weighing(Severity::Failure)
    } else {
        finding
    })
}

fn completeness(evidence: &Evidence<'_>) -> Checked {
    let recording = evidence.recording;
    let seconds = format!("{:.1} s", recording.measured.as_secs_f64());
    let planned = format!("{:.1} s, by itself", evidence.plan.duration.as_secs_f64());
    let finding = match recording.end {
        End::ByItself => None,
        End::Interrupted => Some(Finding::new(
            Code::Interrupted,
            format!("the run was interrupted after {seconds} of the measured part; the figures hold what there was until then"),
        )),
        End::Lost => Some(
            Finding::new(
                Code::IncompleteRun,
                format!("the run was lost after {seconds} of the measured part; what is here comes from its spool"),
            )
            .hint("repeat it: `loadgen run` takes its folder"),
        ),
    };
    let by_itself = finding.is_none();
    (item("measured", seconds, planned, by_itself), finding)
}

/// Whether every window of the time line is on disk.
fn stored(evidence: &Evidence<'_>) -> Checked {
    let stored = &evidence.recording.stored;
    let ok = stored.read == stored.expected;
    let finding = (!ok).then(|| {
        let lost = counted(stored.expected.saturating_sub(stored.read), "second");
        let which: Vec<_> = (stored.missing.iter().take(8))
            .map(u64::to_string)
            .collect();
        let why = match &stored.reason {
            Some(reason) => format!(": {reason}"),
            None => String::new(),
        };
        let message = format!(
            "{lost} of {} could not be stored or read back{why}; the time line lacks {}",
            grouped(stored.expected),
            listed(&which)
        );
        let finding = Finding::new(Code::LostSeconds, message)
            .hint("is the disk of --out full, or taken away?");
        // With the process gone, what is not on disk is in no total either.
        match evidence.recording.end {
            End::Lost => finding.weighing(Severity::Invalid),
            _ => finding,
        }
    });
    let observed = format!("{} of {}", grouped(stored.read), grouped(stored.expected));
    (item("seconds stored", observed, "all", ok), finding)
}

fn threads(evidence: &Evidence<'_>) -> Checked {
    let threads = &evidence.recording.threads;
    let lost = threads.iter().filter(|thread| !thread.finished).count();
    let finding = (lost > 0).then(|| {
        let message = format!("{lost} of {} generator threads did not come to their end; what they measured last is missing", threads.len());
        Finding::new(Code::LostThread, message).hint("this is an error of loadgen; please report it with the command")
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
        Finding::new(Code::GeneratorCpu, message)
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
        Finding::new(Code::SlowClock, message)
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
