//! The next command worth typing.

use crate::model::{StackKind, Target};
use crate::record::{Code, GroupRecord, Record, Status};
use crate::report::load;
use crate::report::sentences;

/// The command that helps most after this run, whose folder is given as a shell takes it.
pub(super) fn command(record: &Record, folder: &str) -> String {
    let has = |code: &Code| record.findings.iter().any(|finding| finding.code == *code);
    let sum = |of: fn(&crate::record::RequestCounts) -> u64| {
        let groups = record.groups.iter();
        groups.map(|group| of(&group.requests)).sum::<u64>()
    };
    let too_much = [
        Code::DroppedArrivals,
        Code::RateNotReached,
        Code::GeneratorCpu,
    ];
    let replicas = [
        Code::StarvedReplica,
        Code::EndedReplica,
        Code::VanishedReplica,
        Code::RestartedReplica,
    ];
    if record.verdict.status == Status::Pass {
        format!("loadgen compare {folder} NEXT_RUN")
    } else if record.run.interrupted {
        again(folder)
    } else if sum(|counts| counts.sent) > 0 && sum(|counts| counts.succeeded) == 0 {
        look(record)
    } else if too_much.iter().any(has) {
        gentler(record, folder)
    } else if record.stack.kind == StackKind::Compose && replicas.iter().any(has) {
        "loadgen ps".into()
    } else {
        again(folder)
    }
}

/// A look at a stack that answers nothing.
fn look(record: &Record) -> String {
    match (record.stack.kind, record.groups.first()) {
        (StackKind::External, Some(group)) => {
            let mut words = vec![
                "curl".into(),
                "-sSi".into(),
                "-H".into(),
                format!("Host: {}", sentences::plain(&group.host)),
            ];
            let target = sentences::plain(&record.stack.target);
            match target.strip_prefix(Target::SOCKET) {
                Some(path) => words.extend([
                    "--unix-socket".into(),
                    path.to_owned(),
                    "http://localhost".into(),
                ]),
                None => words.push(target),
            }
            sentences::shell(&words)
        }
        _ => "loadgen ps".into(),
    }
}

/// The same run from its plan alone: does it come to the same?
fn again(folder: &str) -> String {
    format!("loadgen run {folder}")
}

/// The same run with four fifths of what each group completed, and never more than was asked of it.
/// A ramp or a closed loop has no one rate that could be lowered.
fn gentler(record: &Record, folder: &str) -> String {
    let lower = |group: &GroupRecord| {
        let rates = group.rate;
        let is_one = rates.intended > 0.0 && load::is_constant(record, group);
        let rate = (rates.completed.min(rates.intended) * 0.8).floor();
        (is_one && rate >= 1.0 && group.name.is_none()).then_some(rate)
    };
    let lower: Option<Vec<_>> = record.groups.iter().map(lower).collect();
    let flags = match lower.as_deref() {
        None | Some([]) => return again(folder),
        Some([rate]) => format!("--rps {rate:.0}"),
        Some(rates) => {
            let groups = record.groups.iter().zip(rates);
            let flag = groups.map(|(group, rate)| {
                let value = format!("{}={rate:.0}", sentences::plain(&group.host));
                format!("--host {}", sentences::shell(&[value]))
            });
            flag.collect::<Vec<_>>().join(" ")
        }
    };
    format!("{} {flags}", again(folder))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic;

    #[test]
    fn each_outcome_has_a_command_of_its_own() {
        let next = |record: &Record| command(record, "reports/x");
        let clean = synthetic::clean();
        assert_eq!(next(&clean), "loadgen compare reports/x NEXT_RUN");
        // A threshold on latency says nothing of another rate.
        assert_eq!(next(&synthetic::failed()), "loadgen run reports/x");

        let mut interrupted = clean.clone();
        interrupted.verdict.status = Status::Invalid;
        interrupted.run.interrupted = true;
        assert_eq!(next(&interrupted), "loadgen run reports/x");

        let mut starved = clean.clone();
        starved.verdict.status = Status::Fail;
        starved.findings = vec![crate::record::Finding::new(Code::StarvedReplica, "")];
        assert_eq!(next(&starved), "loadgen run reports/x");
        starved.stack.kind = StackKind::Compose;
        assert_eq!(next(&starved), "loadgen ps");

        let mut silent = synthetic::no_answers();
        silent.stack.kind = StackKind::External;
        let silent = next(&silent);
        assert!(
            silent.starts_with("curl -sSi -H 'Host: app-group-1' http://"),
            "{silent}"
        );
    }

    #[test]
    fn no_group_is_asked_for_more_than_before() {
        let mut record = synthetic::two_groups();
        record.verdict.status = Status::Invalid;
        record.findings = vec![crate::record::Finding::new(Code::RateNotReached, "")];
        assert_eq!(
            command(&record, "x"),
            "loadgen run x --host app-group-1=400 --host app-group-2=160"
        );
        record.groups.truncate(1);
        assert_eq!(command(&record, "x"), "loadgen run x --rps 400");
    }
}
