//! `junit.xml`: checks and thresholds as test cases, for CI systems that show those.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use super::sentences::{self, plain};
use crate::record::{
    BalanceVerdict, Code, CountVerdict, EventRecord, Finding, GroupRecord, Record, Severity,
};

/// What is checked of every measurement, whatever is found: the cases of its suite.
const MEASUREMENT: [&str; 5] = [
    "complete",
    "generator in time",
    "load as intended",
    "counters readable",
    "measurement plausible",
];
/// What is checked of every group beside its thresholds, whatever is found.
const GROUP: [&str; 4] = ["balance", "counts", "answers", "replicas"];

/// The check whose finding this is.
fn check(code: &Code) -> &'static str {
    match code {
        Code::Interrupted | Code::IncompleteRun | Code::LostSeconds | Code::LostThread => {
            MEASUREMENT[0]
        }
        Code::GeneratorLag | Code::GeneratorCpu | Code::MachineStalls => MEASUREMENT[1],
        Code::RateNotReached
        | Code::DroppedArrivals
        | Code::NothingSent
        | Code::DescriptorsExhausted
        | Code::PortsExhausted => MEASUREMENT[2],
        Code::UnreadableCounter | Code::CounterReset => MEASUREMENT[3],
        Code::UnevenBalance | Code::PolicyMismatch | Code::StarvedReplica => GROUP[0],
        Code::CountMismatch => GROUP[1],
        Code::Errors | Code::NoAnswers | Code::Redirected => GROUP[2],
        _ => "",
    }
}

/// A run as a `JUnit` report: one suite for the measurement itself and one per group. A case is
/// named by what is checked and never by what was found, so that it has a history.
#[must_use]
pub fn render_junit(record: &Record) -> String {
    let mut report = Report::new("loadgen");
    report.set_time(lasted(record));
    report.add_test_suite(classed(measurement(record)));
    for group in &record.groups {
        report.add_test_suite(classed(suite(record, group)));
    }
    if !record.events.is_empty() {
        report.add_test_suite(classed(events(record)));
    }
    let xml = report.to_string();
    xml.unwrap_or_else(|error| unreachable!("XML is written to memory: {error}"))
}

/// Warm-up and measured part.
fn lasted(record: &Record) -> Duration {
    let seconds = record.run.warmup_s + record.run.duration_s;
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

/// Whether the run may be believed: an error, not a failure, where it may not. The run's time is
/// that of its first case, so that a sum of times is right.
fn measurement(record: &Record) -> TestSuite {
    let mut suite = TestSuite::new("measurement");
    suite.set_time(lasted(record));
    properties(&mut suite, record);
    let doubts = |name: &str| {
        let doubts = record.findings.iter().filter(|finding| {
            let last = check(&finding.code).is_empty() && name == MEASUREMENT[4];
            finding.severity == Severity::Invalid && (check(&finding.code) == name || last)
        });
        trouble(NonSuccessKind::Error, &doubts.collect::<Vec<_>>())
    };
    for name in MEASUREMENT {
        let found = match doubts(name) {
            None if name == MEASUREMENT[0] && record.run.interrupted => Some((
                NonSuccessKind::Error,
                "interrupted".to_owned(),
                "the run was cut short".into(),
            )),
            found => found,
        };
        suite.add_test_case(case(name, found));
    }
    if let Some(first) = suite.test_cases.first_mut() {
        first.set_time(lasted(record));
    }
    suite
}

fn properties(suite: &mut TestSuite, record: &Record) {
    let mut properties = vec![
        ("run".to_owned(), record.run.id.clone()),
        ("started_at".to_owned(), record.run.started_at.clone()),
        ("command".to_owned(), sentences::shell(&record.run.command)),
        ("loadgen".to_owned(), record.run.loadgen_version.clone()),
        ("target".to_owned(), record.stack.target.clone()),
    ];
    if let Some(stalls) = &record.environment.stalls {
        let lost = format!("{:.6}", stalls.lost_share);
        properties.push(("stalls.lost_share".to_owned(), lost));
        properties.push(("stalls.longest_ns".to_owned(), stalls.longest.to_string()));
    }
    let held = record.certificate.holds.iter();
    properties
        .extend(held.map(|held| ("holds".to_owned(), format!("{}: {}", held.group, held.what))));
    for (name, value) in properties {
        suite.add_property(Property::new(name, plain(&value)));
    }
}

/// The figures of a group, as properties of its suite.
fn figures(suite: &mut TestSuite, group: &GroupRecord) {
    let counts = [
        ("sent".to_owned(), group.requests.sent),
        ("succeeded".to_owned(), group.requests.succeeded),
        ("failed".to_owned(), group.requests.failed),
    ];
    let times = sentences::times(group)
        .into_iter()
        .filter(|(_, times)| times.count > 0);
    let times = times.flat_map(|(name, times)| {
        let name = name.replace(' ', "_");
        [("p50", times.p50), ("p99", times.p99), ("max", times.max)]
            .map(|(figure, value)| (format!("{name}.{figure}_ns"), value))
    });
    let kinds = sentences::kinds(group).into_iter();
    let kinds = kinds.map(|(name, count, _)| (name.replace(' ', "."), count));
    let by_name = group.requests_by_name.iter().flat_map(|request| {
        let times = &request.response_time;
        [
            ("sent", request.sent),
            ("succeeded", request.succeeded),
            ("failed", request.failed),
            ("response.p50_ns", times.p50),
            ("response.p99_ns", times.p99),
        ]
        .map(|(figure, value)| (format!("{}.{figure}", request.name), value))
    });
    for (name, value) in counts.into_iter().chain(times).chain(kinds).chain(by_name) {
        suite.add_property(Property::new(plain(&name), value.to_string()));
    }
}

/// What was done to the stack: a case for each event of the plan, named by the plan.
fn events(record: &Record) -> TestSuite {
    let mut suite = TestSuite::new("events");
    suite.set_time(Duration::ZERO);
    for event in &record.events {
        let of_event = format!("event {}, ", event.n);
        let found = record
            .findings
            .iter()
            .filter(|finding| is_of_event(&finding.code) && finding.message.starts_with(&of_event));
        let (failures, others): (Vec<_>, Vec<_>) =
            found.partition(|finding| finding.severity >= Severity::Failure);
        let name = format!(
            "{} {} at {} s",
            event.verb,
            event.whom,
            event.asked as f64 / 1e9
        );
        let mut case = case(&name, trouble(NonSuccessKind::Failure, &failures));
        if let (Some(unseen), true) = (others.first(), failures.is_empty()) {
            case.status = skipped(&said(unseen));
        }
        for (figure, value) in figures_of(event) {
            suite.add_property(Property::new(format!("{}.{figure}", event.n), value));
        }
        suite.add_test_case(case);
    }
    suite
}

const fn is_of_event(code: &Code) -> bool {
    matches!(code, Code::EventFailed | Code::EventUnrecovered)
}

fn figures_of(event: &EventRecord) -> Vec<(&'static str, String)> {
    let times = [
        ("detection_s", event.detection_s),
        ("recovery_s", event.recovery_s),
        ("rebalance_s", event.rebalance_s),
    ];
    let times = times.into_iter();
    let times = times.filter_map(|(name, time)| Some((name, format!("{:.3}", time?))));
    std::iter::once(("lost", event.lost.to_string()))
        .chain(times)
        .collect()
}

type Trouble = (NonSuccessKind, String, String);

/// Everything found by one check, under the first one's code.
fn trouble(kind: NonSuccessKind, found: &[&Finding]) -> Option<Trouble> {
    let code = found.first()?.code.name().to_owned();
    let said: Vec<_> = found.iter().map(|finding| said(finding)).collect();
    Some((kind, code, said.join("; ")))
}

fn suite(record: &Record, group: &GroupRecord) -> TestSuite {
    let mut suite = TestSuite::new(plain(group.label()));
    suite.set_time(Duration::ZERO);
    figures(&mut suite, group);
    let found = |name: &str| {
        let of = record.findings.iter().filter(|finding| {
            let ours = finding.group.as_deref() == Some(group.label())
                || (finding.group.is_none() && record.groups.len() == 1);
            let check = check(&finding.code);
            let last = !GROUP.contains(&check)
                && name == GROUP[3]
                && finding.code != Code::ThresholdFailed
                && !is_of_event(&finding.code);
            ours && finding.severity == Severity::Failure && (check == name || last)
        });
        trouble(NonSuccessKind::Failure, &of.collect::<Vec<_>>())
    };
    let failed = |is: bool, code: &Code, text: String| {
        is.then(|| (NonSuccessKind::Failure, code.name().to_owned(), text))
    };
    for name in GROUP {
        let (mut trouble, mut unjudged) = (found(name), None);
        if name == "balance" {
            let uneven = group.balance.verdict == BalanceVerdict::Uneven;
            let said = sentences::balance(group);
            trouble = trouble.or_else(|| failed(uneven, &Code::UnevenBalance, said.clone()));
            let open = [BalanceVerdict::TooFew, BalanceVerdict::NotJudged];
            unjudged = open.contains(&group.balance.verdict).then_some(said);
        } else if name == "counts" {
            let verdict = group.crosscheck.verdict;
            let said = sentences::counts(group);
            let disagree = verdict == CountVerdict::Disagree;
            trouble = trouble.or_else(|| failed(disagree, &Code::CountMismatch, said.clone()));
            unjudged = (verdict == CountVerdict::Unavailable).then_some(said);
        }
        let unjudged = unjudged.filter(|_| trouble.is_none());
        let mut case = case(name, trouble);
        if let Some(why) = unjudged {
            case.status = skipped(&why);
        }
        suite.add_test_case(case);
    }
    for threshold in record
        .thresholds
        .iter()
        .filter(|threshold| threshold.group == group.host || threshold.group == group.label())
    {
        let (observed, limit) = sentences::threshold_figures(threshold);
        let text = format!("observed {observed}, limit {limit}");
        suite.add_test_case(case(
            &threshold.expression,
            failed(threshold.failed, &Code::ThresholdFailed, text),
        ));
    }
    suite
}

/// What was not judged is not passed.
fn skipped(why: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    status.set_message(plain(why));
    status
}

/// Gives each case the class it is sorted under; readers that know no suites go by that.
fn classed(mut suite: TestSuite) -> TestSuite {
    let class = format!("loadgen.{}", suite.name.as_str());
    for case in &mut suite.test_cases {
        case.set_classname(class.clone());
    }
    suite
}

fn said(finding: &Finding) -> String {
    match &finding.hint {
        Some(hint) => format!("{} (hint: {hint})", finding.message),
        None => finding.message.clone(),
    }
}

fn case(name: &str, trouble: Option<Trouble>) -> TestCase {
    let status = match trouble {
        None => TestCaseStatus::success(),
        Some((kind, code, text)) => {
            let mut status = TestCaseStatus::non_success(kind);
            status.set_type(plain(&code));
            status.set_message(plain(&text));
            status
        }
    };
    let mut case = TestCase::new(plain(name), status);
    case.set_time(Duration::ZERO);
    case
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic;

    #[test]
    fn thresholds_and_checks_are_cases_and_doubt_is_an_error() {
        let failed = render_junit(&synthetic::failed());
        assert!(
            failed.contains(r#"<testcase name="p99&gt;5ms" classname="loadgen.app-group-1""#),
            "{failed}"
        );
        assert!(
            failed.contains(r#"type="starved-replica""#) && failed.contains("<failure"),
            "{failed}"
        );
        let invalid = render_junit(&synthetic::invalid());
        assert!(
            invalid.contains(r#"errors="1""#) && invalid.contains("<error"),
            "{invalid}"
        );
        assert!(render_junit(&synthetic::clean()).contains(r#"failures="0" errors="0""#));
    }

    #[test]
    fn what_was_not_judged_is_skipped_and_not_passed() {
        let mut record = synthetic::clean();
        let group = &mut record.groups[0];
        group.balance.verdict = BalanceVerdict::TooFew;
        group.crosscheck.verdict = CountVerdict::Unavailable;
        let text = render_junit(&record);
        assert_eq!(text.matches("<skipped message=").count(), 2, "{text}");
    }

    #[test]
    fn cases_are_named_by_what_is_checked_and_not_by_what_was_found() {
        let names = |record: &Record| -> Vec<String> {
            let text = render_junit(record);
            let cases = text.split("<testcase name=\"").skip(1);
            let named = cases.filter_map(|case| case.split('"').next());
            named.map(str::to_owned).collect()
        };
        let fixed: Vec<_> = MEASUREMENT.into_iter().chain(GROUP).collect();
        for record in [
            synthetic::clean(),
            synthetic::invalid(),
            synthetic::no_answers(),
        ] {
            assert_eq!(names(&record), fixed);
        }
        let failed = synthetic::failed();
        let thresholds = failed.thresholds.len();
        assert_eq!(names(&failed).len(), fixed.len() + thresholds);
    }

    #[test]
    fn a_case_has_a_time_and_their_sum_is_the_runs() {
        let text = render_junit(&synthetic::clean());
        let times = text.split("<testcase ").skip(1).filter_map(|case| {
            let (_, time) = case.split_once("time=\"")?;
            time.split('"').next()?.parse::<f64>().ok()
        });
        let times: Vec<_> = times.collect();
        assert_eq!(times.len(), MEASUREMENT.len() + GROUP.len(), "{text}");
        assert!((times.iter().sum::<f64>() - 11.0).abs() < 1e-6, "{text}");
    }

    #[test]
    fn hostile_names_stay_xml() {
        let text = render_junit(&synthetic::hostile());
        let mut reader = quick_xml::Reader::from_str(&text);
        while !matches!(
            reader.read_event().expect("well-formed"),
            quick_xml::events::Event::Eof
        ) {}
    }
}
