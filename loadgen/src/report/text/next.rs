//! The next command worth typing.

use crate::checks::Status;
use crate::model::StackKind;
use crate::report::{Record, sentences};

/// The command that helps most after this run, whose folder is given as a shell takes it.
pub(super) fn command(record: &Record, folder: &str) -> String {
    let has = |code: &str| record.findings.iter().any(|finding| finding.code == code);
    let sum = |of: fn(&crate::report::RequestCounts) -> u64| {
        let groups = record.groups.iter();
        groups.map(|group| of(&group.requests)).sum::<u64>()
    };
    let too_slow = |expression: &str| {
        let figure = expression.split('.').next().unwrap_or_default();
        figure.starts_with('p') || ["response", "service", "max"].contains(&figure)
    };
    let mut failed = record
        .thresholds
        .iter()
        .filter(|threshold| threshold.failed);
    let late = ["generator-lag", "dropped-arrivals", "rate-not-reached"];
    if record.verdict.status == Status::Pass {
        format!("loadgen compare {folder} NEXT_RUN")
    } else if record.run.interrupted {
        again(record, None)
    } else if sum(|counts| counts.sent) > 0 && sum(|counts| counts.succeeded) == 0 {
        look(record)
    } else if late.iter().any(|code| has(code)) || failed.any(|one| too_slow(&one.expression)) {
        again(record, Some(gentler(record)))
    } else if record.stack.kind == StackKind::Compose {
        "loadgen ps".into()
    } else {
        again(record, None)
    }
}

/// A look at a stack that answers nothing.
fn look(record: &Record) -> String {
    match (record.stack.kind, record.groups.first()) {
        (StackKind::External, Some(group)) => {
            let words = [
                "curl".into(),
                "-sSi".into(),
                "-H".into(),
                format!("Host: {}", sentences::plain(&group.host)),
                sentences::plain(&record.stack.target),
            ];
            sentences::shell(&words)
        }
        _ => "loadgen ps".into(),
    }
}

/// Four fifths of what the best group completed.
fn gentler(record: &Record) -> f64 {
    let rates = record.groups.iter().map(|group| group.rate.completed);
    (rates.fold(0.0, f64::max) * 0.8).floor().max(1.0)
}

/// The command as it was typed, with another rate where one is given.
fn again(record: &Record, rate: Option<f64>) -> String {
    let mut words = Vec::new();
    let mut rest = record.run.command.iter();
    while let Some(word) = rest.next() {
        if rate.is_some() && word == "--rps" {
            rest.next();
        } else if rate.is_none() || !word.starts_with("--rps=") {
            words.push(sentences::plain(word));
        }
    }
    if let Some(rate) = rate {
        words.extend(["--rps".into(), format!("{rate:.0}")]);
    }
    sentences::shell(&words)
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture;
    use super::*;

    #[test]
    fn each_outcome_has_a_command_of_its_own() {
        let next = |record: &Record| command(record, "reports/x");
        let clean = fixture::clean();
        assert_eq!(next(&clean), "loadgen compare reports/x NEXT_RUN");
        let failed = next(&fixture::failed());
        assert!(failed.ends_with(" --rps 400"), "{failed}");

        let mut interrupted = clean.clone();
        interrupted.verdict.status = Status::Invalid;
        interrupted.run.interrupted = true;
        assert_eq!(next(&interrupted), sentences::shell(&clean.run.command));

        let mut uneven = clean.clone();
        uneven.verdict.status = Status::Fail;
        assert_eq!(next(&uneven), sentences::shell(&clean.run.command));
        uneven.stack.kind = StackKind::Compose;
        assert_eq!(next(&uneven), "loadgen ps");

        let mut silent = fixture::no_answers();
        silent.stack.kind = StackKind::External;
        let silent = next(&silent);
        assert!(
            silent.starts_with("curl -sSi -H 'Host: app-group-1' http://"),
            "{silent}"
        );
    }
}
