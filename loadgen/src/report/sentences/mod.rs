//! The words of a report, shared by every renderer: what a run did, said in sentences.

mod counts;

pub(super) use counts::{counts, request_counts};

pub(super) use crate::model::plain;

use super::format::{counted, grouped, percent, seconds, significant, span};
use super::load;
use crate::model::Reason;
use crate::plan::Unit;
use crate::record::{
    Balance, BalanceVerdict, Finding, GroupRecord, Quantiles, REPLICAS, Record, Severity,
    StallInfo, Status, ThresholdResult, is_complete,
};

/// The verdict as one word.
pub(super) const fn word(status: Status) -> &'static str {
    match status {
        Status::Pass => "PASS",
        Status::Fail => "FAIL",
        Status::Invalid => "INVALID",
    }
}

/// The verdict in one sentence.
pub(super) fn verdict(record: &Record) -> String {
    let failures = findings_of(record, Severity::Failure);
    let doubts = findings_of(record, Severity::Invalid);
    match record.verdict.status {
        Status::Pass => match findings_of(record, Severity::Warning) {
            0 => "Every check passed.".into(),
            1 => "Every check passed, with one warning.".into(),
            n => format!("Every check passed, with {n} warnings."),
        },
        Status::Fail => match failures {
            0 => "A check or a threshold failed.".into(),
            1 => "One check failed.".into(),
            n => format!("{n} checks failed."),
        },
        Status::Invalid if record.run.interrupted && doubts <= 1 => {
            "The run was interrupted, so its figures are incomplete.".into()
        }
        Status::Invalid => {
            let why = match doubts {
                0 | 1 => "The measurement cannot be trusted".to_owned(),
                n => format!("It cannot be trusted, for {n} reasons"),
            };
            let what = if record.certificate.holds.is_empty() {
                "its figures prove nothing"
            } else {
                "latencies and rates prove nothing"
            };
            format!("{why}: {what}.")
        }
    }
}

/// The heading of [`holds`].
pub(super) const HOLDS: &str = "What holds nevertheless";

/// What stands although the run is invalid, a sentence each.
pub(super) fn holds(record: &Record) -> Vec<String> {
    let several = record.groups.len() > 1;
    let sentence = |held: &crate::record::Held| {
        let group = if several {
            format!("{}: ", plain(&held.group))
        } else {
            String::new()
        };
        format!("{group}{}.", plain(&held.what))
    };
    record.certificate.holds.iter().map(sentence).collect()
}

fn findings_of(record: &Record, severity: Severity) -> usize {
    let of = |finding: &&Finding| finding.severity == severity;
    record.findings.iter().filter(of).count()
}

/// A severity as one word.
pub(super) const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "note",
        Severity::Warning => "warning",
        Severity::Failure => "failure",
        Severity::Invalid => "invalid",
    }
}

/// What was asked of a group and what came of it.
pub(super) fn achieved(record: &Record, group: &GroupRecord) -> String {
    let counts = group.requests;
    let time = seconds(record.run.duration_s);
    if group.rate.intended <= 0.0 {
        return format!(
            "Closed loop: {} sent in {time}, each connection as soon as it was answered; \
             response time is service time here.",
            counted(counts.sent, "request")
        );
    }
    let answered = if counts.succeeded == counts.planned {
        "all were answered".to_owned()
    } else if counts.succeeded == 0 {
        "none was answered with success".to_owned()
    } else {
        format!(
            "{} of them answered with success ({})",
            grouped(counts.succeeded),
            percent(counts.succeeded as f64 / counts.sent.max(1) as f64)
        )
    };
    let is_lost = !is_complete(&record.workers);
    let sent = if is_lost && counts.sent == counts.planned {
        // What a lost worker was to send is in neither number.
        let sent = counted(counts.sent, "request");
        format!("{sent} sent as far as the workers told")
    } else if counts.sent == counts.planned {
        format!("{} sent as planned", counted(counts.sent, "request"))
    } else {
        format!(
            "{} of {} planned requests sent",
            grouped(counts.sent),
            grouped(counts.planned)
        )
    };
    format!(
        "{} for {time}: {sent}, {answered}.",
        load::words(record, group)
    )
}

/// The times of a group by their names, each as far as the record has it.
pub(super) fn times(group: &GroupRecord) -> Vec<(&'static str, &Quantiles)> {
    let all = [
        ("response", &group.response_time),
        ("service", &group.service_time),
        ("send lag", &group.send_lag),
        ("release", &group.release_lag),
        ("wait", &group.connection_wait),
    ];
    let known = |(place, (_, times)): &(usize, (&str, &Quantiles))| *place < 3 || times.count > 0;
    let known = all.into_iter().enumerate().filter(known);
    known.map(|(_, times)| times).collect()
}

/// Answers by status, and failures without one by their class: what each is called, how many there
/// were, and whether it is a failure.
pub(super) fn kinds(group: &GroupRecord) -> Vec<(String, u64, bool)> {
    let status = |(status, count): (&String, &u64)| {
        let failed = !status.starts_with(['2', '3']);
        (format!("status {}", plain(status)), *count, failed)
    };
    let error = |(class, count): (&String, &u64)| (plain(class), *count, true);
    let answers = group.status.iter().map(status);
    answers.chain(group.errors.iter().map(error)).collect()
}

/// Why the first request of each class failed, in the order of the classes.
pub(super) fn reasons(group: &GroupRecord) -> Vec<String> {
    let reason = |(class, reason): (&String, &Reason)| {
        let at = reason.at.as_secs_f64();
        format!(
            "First {}, at {at:.3} s: {}.",
            plain(class),
            plain(&reason.text)
        )
    };
    group.error_reasons.iter().map(reason).collect()
}

/// What the gap between response and service time tells.
pub(super) fn waiting(group: &GroupRecord) -> String {
    let (response, service) = (group.response_time.p99, group.service_time.p99);
    if group.response_time.count == 0 {
        return "Nothing finished, so there is no time to show.".into();
    }
    if group.rate.intended <= 0.0 {
        return "In closed loop nothing is due before it is sent: the two times are one.".into();
    }
    let ratio = response as f64 / service.max(1) as f64;
    if ratio < 1.1 || response.saturating_sub(service) < 100_000 {
        format!(
            "At p99 a user waited {}, of which the system took {}: next to nothing was spent \
             waiting to be sent.",
            span(response as f64),
            span(service as f64)
        )
    } else {
        format!(
            "At p99 a user waited {}, but the system took only {} once asked: requests waited \
             to be sent, {}.",
            span(response as f64),
            span(service as f64),
            lag(group)
        )
    }
}

/// Where the send lag comes from, as it was measured.
fn lag(group: &GroupRecord) -> String {
    let p99 = |times: &Quantiles| span(times.p99 as f64);
    if group.release_lag.count == 0 {
        return format!("{} at p99", p99(&group.send_lag));
    }
    format!(
        "at p99 {} for the generator and {} for a connection",
        p99(&group.release_lag),
        p99(&group.connection_wait)
    )
}

/// How the load was spread, by the counts that were judged.
pub(super) fn balance(group: &GroupRecord) -> String {
    let balance = &group.balance;
    let spread = spread(balance);
    let allowed = match (balance.bound, balance.p_value) {
        (Some(bound), _) => format!("{} allows {}", balance.policy, grouped(bound)),
        (None, Some(p)) => format!("draws are that far apart with p = {}", significant(p)),
        (None, None) => format!("the policy is {}", balance.policy),
    };
    let seems = match &balance.identified {
        Some(policy) if *policy != balance.policy => format!("; the counts look like {policy}"),
        _ => String::new(),
    };
    let text = match balance.verdict {
        BalanceVerdict::Even => format!("Balance is {}: {spread}; {allowed}.", balance.policy),
        BalanceVerdict::Uneven => {
            format!(
                "Balance is not {}: {spread}; {allowed}{seems}.",
                balance.policy
            )
        }
        BalanceVerdict::TooFew => "Balance: too few requests or replicas to judge.".into(),
        BalanceVerdict::NotJudged => {
            format!(
                "Balance is not judged (policy {}): {spread}{seems}.",
                balance.policy
            )
        }
    };
    plain(&text)
}

/// Counts that are told one by one.
const MOST_COUNTS: usize = 6;

/// The counts, whose they are, and how far they are apart.
fn spread(balance: &Balance) -> String {
    let weighted = balance.counts.iter().any(|count| count.weight > 1);
    let per_weight = if weighted { " per weight" } else { "" };
    let apart = format!("{}{per_weight} apart", grouped(balance.max_minus_min));
    if balance.counts.is_empty() {
        return format!("busiest and idlest are {apart}");
    }
    let whose = if balance.source == REPLICAS {
        "by the replicas' counters"
    } else {
        "by the names in the answers"
    };
    let counts = || balance.counts.iter().map(|count| count.count);
    let said = if balance.counts.len() <= MOST_COUNTS {
        let each: Vec<_> = counts().map(grouped).collect();
        each.join(" / ")
    } else {
        let bounds = (counts().min().unwrap_or(0), counts().max().unwrap_or(0));
        format!(
            "{} replicas with {} to {}",
            balance.counts.len(),
            grouped(bounds.0),
            grouped(bounds.1)
        )
    };
    format!("{said} {whose}, warm-up included, {apart}")
}

/// What was lost, and by whose count of it.
pub(super) fn stalls(stalls: &StallInfo) -> String {
    if stalls.longest == 0 {
        return "The generator's process was run whenever it looked at the clock.".into();
    }
    let counts = [
        (stalls.throttled, "a CPU quota held it back for"),
        (
            stalls.stolen,
            "the hypervisor took from this machine's CPUs",
        ),
    ];
    let counts = counts.iter().filter_map(|(time, what)| {
        let time = time.filter(|time| *time > 0)?;
        Some(format!("; {what} {}", span(time as f64)))
    });
    format!(
        "The generator's process was not run for {} of the time, {} at the longest{}.",
        percent((stalls.lost_share * 1e5).round() / 1e5),
        span(stalls.longest as f64),
        counts.collect::<String>()
    )
}

/// A threshold's observed figure and its limit, in its unit.
pub(super) fn threshold_figures(threshold: &ThresholdResult) -> (String, String) {
    let write = |value: f64| match threshold.unit {
        Some(Unit::Time) => span(value),
        Some(Unit::Share) => percent(value),
        _ => significant(value),
    };
    (write(threshold.observed), write(threshold.limit))
}

/// How far a threshold was from its limit.
pub(super) fn margin(threshold: &ThresholdResult) -> String {
    if threshold.limit == 0.0 {
        return "–".into();
    }
    percent(threshold.margin)
}

/// A command as it can be pasted into a POSIX shell.
pub(super) fn shell(command: &[String]) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    let quote = |word: &String| {
        if !word.is_empty() && word.chars().all(safe) {
            word.clone()
        } else {
            format!("'{}'", word.replace('\'', r"'\''"))
        }
    };
    command.iter().map(quote).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic;

    #[test]
    fn a_command_pastes_back_as_it_was() {
        let words = ["loadgen", "--header", "X: it's", ""].map(str::to_owned);
        assert_eq!(shell(&words), r"loadgen --header 'X: it'\''s' ''");
    }

    #[test]
    fn equal_counts_are_said_with_equal_signs() {
        let record = synthetic::clean();
        assert_eq!(
            counts(&record.groups[0]),
            "Counts agree: client 5,000 = proxy 5,000 = replicas 5,000."
        );
        let failed = synthetic::failed();
        assert!(counts(&failed.groups[0]).contains("+14 retried-requests"));
        assert!(counts(&synthetic::invalid().groups[0]).contains("cannot be explained"));
    }

    #[test]
    fn every_verdict_has_a_sentence() {
        assert_eq!(verdict(&synthetic::clean()), "Every check passed.");
        assert_eq!(verdict(&synthetic::failed()), "2 checks failed.");
        assert!(verdict(&synthetic::invalid()).contains("cannot be trusted"));
    }
}
