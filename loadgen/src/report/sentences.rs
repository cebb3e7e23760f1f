//! The words of a report, shared by every renderer: what a run did, said in sentences.

use super::figures::{counted, grouped, percent, rate, seconds, signed, significant, span};
use super::{GroupRecord, Record};
use crate::checks::{BalanceVerdict, BookVerdict, Finding, Severity, Status, ThresholdResult};
use crate::plan::{Threshold, Unit};

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
        Status::Invalid if record.run.interrupted && doubts == 0 => {
            "The run was interrupted, so its figures are incomplete.".into()
        }
        Status::Invalid => match doubts {
            0 | 1 => "The measurement cannot be trusted, so its figures prove nothing.".into(),
            n => format!("The measurement cannot be trusted, for {n} reasons."),
        },
    }
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
    let sent = if counts.sent == counts.planned {
        format!("{} sent as planned", counted(counts.sent, "request"))
    } else {
        format!(
            "{} of {} planned requests sent",
            grouped(counts.sent),
            grouped(counts.planned)
        )
    };
    format!(
        "{}/s for {time}: {sent}, {answered}.",
        rate(group.rate.intended)
    )
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
    let lag = group.send_lag.p99;
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
             to be sent (send lag p99 {}), for a free connection or for the generator.",
            span(response as f64),
            span(service as f64),
            span(lag as f64)
        )
    }
}

/// How the load was spread.
pub(super) fn balance(group: &GroupRecord) -> String {
    let balance = &group.balance;
    let gap = match balance.max_minus_min {
        0 => "every replica got the same".to_owned(),
        n => format!(
            "the busiest replica got {} more than the idlest",
            counted(n, "request")
        ),
    };
    let allowed = match balance.bound {
        Some(bound) => format!("{} allows {}", balance.policy, grouped(bound)),
        None => match balance.p_value {
            Some(p) => format!("under {} that has p = {}", balance.policy, significant(p)),
            None => format!("the policy is {}", balance.policy),
        },
    };
    let seems = match &balance.identified {
        Some(policy) if *policy != balance.policy => format!("; the counts look like {policy}"),
        _ => String::new(),
    };
    match balance.verdict {
        BalanceVerdict::Even => format!("Balance is {}: {gap}; {allowed}.", balance.policy),
        BalanceVerdict::Uneven => {
            format!(
                "Balance is not {}: {gap}; {allowed}{seems}.",
                balance.policy
            )
        }
        BalanceVerdict::TooFew => "Balance: too few requests or replicas to judge.".into(),
        BalanceVerdict::NotJudged => {
            format!(
                "Balance is not judged (policy {}): {gap}{seems}.",
                balance.policy
            )
        }
    }
}

/// Whether the three books agree.
pub(super) fn books(group: &GroupRecord) -> String {
    let check = &group.crosscheck;
    let mut books = vec![("client", check.client)];
    books.extend(check.proxy.map(|count| ("proxy", count)));
    books.extend(check.replicas.map(|count| ("replicas", count)));
    if books.len() == 1 || check.verdict == BookVerdict::Unavailable {
        return format!(
            "Only the client's book could be read: it sent {}, and nobody can confirm it.",
            counted(check.client, "request")
        );
    }
    let equal = books.iter().all(|(_, count)| *count == check.client);
    let side_by_side = |sign: &str| {
        let parts = books
            .iter()
            .map(|(name, count)| format!("{name} {}", grouped(*count)));
        parts.collect::<Vec<_>>().join(sign)
    };
    match check.verdict {
        BookVerdict::Agree if equal => format!("Books agree: {}.", side_by_side(" = ")),
        BookVerdict::Disagree => format!(
            "Books disagree: {}; {} cannot be explained.",
            side_by_side(", "),
            counted(check.unnamed, "request")
        ),
        _ => {
            let named = check.residuals.iter().map(|residual| {
                format!(
                    "{} {} ({})",
                    signed(residual.count),
                    residual.name,
                    residual.book
                )
            });
            format!(
                "Books agree: {}; every difference is named: {}.",
                side_by_side(", "),
                named.collect::<Vec<_>>().join(", ")
            )
        }
    }
}

/// A threshold's observed figure and its limit, in the figure's unit.
pub(super) fn threshold_figures(threshold: &ThresholdResult) -> (String, String) {
    let unit = threshold
        .expression
        .parse::<Threshold>()
        .map(|parsed| parsed.figure.unit());
    let write = |value: f64| match unit {
        Ok(Unit::Time) => span(value),
        Ok(Unit::Share) => percent(value),
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

/// Text from a target without control characters, which a terminal would obey, and without the
/// marks that turn the direction of a line.
#[must_use]
pub fn plain(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars()
        .map(|c| {
            if c.is_control() || turns(c) {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;

    #[test]
    fn a_command_pastes_back_as_it_was() {
        let words = ["loadgen", "--header", "X: it's", ""].map(str::to_owned);
        assert_eq!(shell(&words), r"loadgen --header 'X: it'\''s' ''");
    }

    #[test]
    fn control_characters_never_reach_a_terminal() {
        assert_eq!(
            plain("\u{1b}[31mred\u{7}\u{202e}"),
            "\u{fffd}[31mred\u{fffd}\u{fffd}"
        );
    }

    #[test]
    fn equal_books_are_said_with_equal_signs() {
        let record = fixture::clean();
        assert_eq!(
            books(&record.groups[0]),
            "Books agree: client 5\u{202f}000 = proxy 5\u{202f}000 = replicas 5\u{202f}000."
        );
        let failed = fixture::failed();
        assert!(books(&failed.groups[0]).contains("+14 retried-requests"));
        assert!(books(&fixture::invalid().groups[0]).contains("cannot be explained"));
    }

    #[test]
    fn every_verdict_has_a_sentence() {
        assert_eq!(verdict(&fixture::clean()), "Every check passed.");
        assert_eq!(verdict(&fixture::failed()), "2 checks failed.");
        assert!(verdict(&fixture::invalid()).contains("cannot be trusted"));
    }
}
