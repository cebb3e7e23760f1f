//! `junit.xml`: checks and thresholds as test cases, for CI systems that show those.

use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use super::sentences::{self, plain};
use super::{GroupRecord, Record};
use crate::checks::{BalanceVerdict, BookVerdict, Finding, Severity};

/// A run as a `JUnit` report: one suite for the measurement itself and one per group.
#[must_use]
pub fn render_junit(record: &Record) -> String {
    let mut report = Report::new("loadgen");
    report.add_test_suite(classed(measurement(record)));
    for group in &record.groups {
        report.add_test_suite(classed(suite(record, group)));
    }
    let xml = report.to_string();
    xml.unwrap_or_else(|error| unreachable!("XML is written to memory: {error}"))
}

/// Whether the run may be believed: an error, not a failure, where it may not.
fn measurement(record: &Record) -> TestSuite {
    let mut suite = TestSuite::new("measurement");
    let properties = [
        ("run", plain(&record.run.id)),
        ("started_at", plain(&record.run.started_at)),
        ("command", plain(&sentences::shell(&record.run.command))),
        ("loadgen", plain(&record.run.loadgen_version)),
        ("target", plain(&record.stack.target)),
    ];
    for (name, value) in properties {
        suite.add_property(Property::new(name, value));
    }
    let doubts: Vec<_> = record
        .findings
        .iter()
        .filter(|finding| finding.severity == Severity::Invalid)
        .collect();
    if record.run.interrupted {
        suite.add_test_case(case(
            "complete",
            Some((
                NonSuccessKind::Error,
                "interrupted",
                "the run was cut short".into(),
            )),
        ));
    }
    if doubts.is_empty() {
        suite.add_test_case(case("valid", None));
    }
    for doubt in doubts {
        suite.add_test_case(case(
            &doubt.code,
            Some((NonSuccessKind::Error, &doubt.code, said(doubt))),
        ));
    }
    suite
}

fn suite(record: &Record, group: &GroupRecord) -> TestSuite {
    let mut suite = TestSuite::new(plain(&group.host));
    let failed = |is: bool, code: &'static str, text: String| {
        is.then_some((NonSuccessKind::Failure, code, text))
    };
    let mut balance = case(
        "balance",
        failed(
            group.balance.verdict == BalanceVerdict::Uneven,
            "uneven-balance",
            sentences::balance(group),
        ),
    );
    let unjudged = [BalanceVerdict::TooFew, BalanceVerdict::NotJudged];
    if unjudged.contains(&group.balance.verdict) {
        balance.status = skipped(&sentences::balance(group));
    }
    let mut books = case(
        "books",
        failed(
            group.crosscheck.verdict == BookVerdict::Disagree,
            "count-mismatch",
            sentences::books(group),
        ),
    );
    if group.crosscheck.verdict == BookVerdict::Unavailable {
        books.status = skipped(&sentences::books(group));
    }
    suite.add_test_cases([balance, books]);
    for threshold in record
        .thresholds
        .iter()
        .filter(|threshold| threshold.group == group.host)
    {
        let (observed, limit) = sentences::threshold_figures(threshold);
        let text = format!("observed {observed}, limit {limit}");
        suite.add_test_case(case(
            &threshold.expression,
            failed(threshold.failed, "threshold-failed", text),
        ));
    }
    let known = ["uneven-balance", "count-mismatch", "threshold-failed"];
    let others = record.findings.iter().filter(|finding| {
        let ours = finding.group.as_deref() == Some(&group.host)
            || (finding.group.is_none() && record.groups.len() == 1);
        ours && finding.severity == Severity::Failure && !known.contains(&finding.code.as_str())
    });
    for finding in others {
        suite.add_test_case(case(
            &finding.code,
            Some((NonSuccessKind::Failure, &finding.code, said(finding))),
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

fn case(name: &str, trouble: Option<(NonSuccessKind, &str, String)>) -> TestCase {
    let status = match trouble {
        None => TestCaseStatus::success(),
        Some((kind, code, text)) => {
            let mut status = TestCaseStatus::non_success(kind);
            status.set_type(plain(code));
            status.set_message(plain(&text));
            status
        }
    };
    TestCase::new(plain(name), status)
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;

    #[test]
    fn thresholds_and_checks_are_cases_and_doubt_is_an_error() {
        let failed = render_junit(&fixture::failed());
        assert!(
            failed.contains(r#"<testcase name="p99&gt;5ms" classname="loadgen.app-group-1""#),
            "{failed}"
        );
        assert!(
            failed.contains(r#"type="starved-replica""#) && failed.contains("<failure"),
            "{failed}"
        );
        let invalid = render_junit(&fixture::invalid());
        assert!(
            invalid.contains(r#"errors="1""#) && invalid.contains("<error"),
            "{invalid}"
        );
        assert!(render_junit(&fixture::clean()).contains(r#"failures="0" errors="0""#));
    }

    #[test]
    fn what_was_not_judged_is_skipped_and_not_passed() {
        let mut record = fixture::clean();
        let group = &mut record.groups[0];
        group.balance.verdict = BalanceVerdict::TooFew;
        group.crosscheck.verdict = BookVerdict::Unavailable;
        let text = render_junit(&record);
        assert_eq!(text.matches("<skipped message=").count(), 2, "{text}");
    }

    #[test]
    fn hostile_names_stay_xml() {
        let text = render_junit(&fixture::hostile());
        let mut reader = quick_xml::Reader::from_str(&text);
        while !matches!(
            reader.read_event().expect("well-formed"),
            quick_xml::events::Event::Eof
        ) {}
    }
}
