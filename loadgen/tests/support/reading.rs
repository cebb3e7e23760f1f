//! What every record must hold, whatever happened, and whether it may be believed.

use loadgen::record::{GroupRecord, IntervalRecord, Quantiles, Record, Severity};

use super::found::is_of_timing;
use super::program::Ended;

/// The run ended with this code; or with 4, where nothing but a busy machine is the reason.
#[track_caller]
pub fn ended_with(ended: &Ended, code: u8) {
    let record = ended.record();
    let told = ended.code.and_then(|code| u8::try_from(code).ok());
    assert_eq!(told, Some(record.verdict.exit_code), "{ended:?}");
    let mut invalid = record
        .findings
        .iter()
        .filter(|finding| finding.severity == Severity::Invalid)
        .peekable();
    if told == Some(4) && code != 4 && invalid.peek().is_some() {
        for finding in invalid {
            assert!(is_of_timing(finding), "{finding:?}");
        }
        // What the code would have been.
        let fails = record
            .findings
            .iter()
            .any(|finding| finding.severity == Severity::Failure);
        assert_eq!(fails, code == 99, "{:#?}", record.findings);
    } else {
        assert_eq!(told, Some(code), "{:#?}\n{}", record.findings, ended.stderr);
    }
}

/// The identities of the contract, and what follows from them.
#[track_caller]
pub fn identities_hold(record: &Record) {
    for group in &record.groups {
        let counts = &group.requests;
        assert_eq!(counts.planned, counts.sent + counts.dropped, "{counts:?}");
        assert_eq!(
            counts.sent,
            counts.succeeded + counts.failed + counts.unfinished,
            "{counts:?}"
        );
        for times in [&group.response_time, &group.service_time, &group.send_lag] {
            assert_eq!(times.count, counts.succeeded + counts.failed, "{counts:?}");
            read_back(times);
        }
        let answered: u64 = group.status.values().sum();
        let broken: u64 = group.errors.values().sum();
        assert_eq!(answered + broken, counts.succeeded + counts.failed);
        seconds_add_up(record, group);
    }
}

/// The stored histogram is the one that the figures are of.
fn read_back(times: &Quantiles) {
    let histogram = times.histogram().unwrap();
    assert_eq!(histogram.count(), times.count);
    assert_eq!(histogram.quantile(0.99).0, times.p99);
}

#[track_caller]
fn seconds_add_up(record: &Record, group: &GroupRecord) {
    let seconds = || {
        let intervals = record.intervals.iter();
        intervals.filter(|interval| interval.host == group.host)
    };
    let sum = |of: fn(&IntervalRecord) -> u64| seconds().map(of).sum::<u64>();
    let counts = &group.requests;
    assert_eq!(sum(|second| second.planned), counts.planned, "planned");
    assert_eq!(sum(|second| second.sent), counts.sent, "sent");
    assert_eq!(sum(|second| second.dropped), counts.dropped, "dropped");
    assert_eq!(
        sum(|second| second.succeeded),
        counts.succeeded,
        "succeeded"
    );
    assert_eq!(sum(|second| second.failed), counts.failed, "failed");
    assert_eq!(
        sum(|second| second.response_time.count),
        group.response_time.count,
        "histograms"
    );
    for (class, count) in &group.errors {
        let told = seconds().filter_map(|second| second.errors.get(class));
        assert_eq!(told.sum::<u64>(), *count, "{class}");
    }
    for replica in &group.replicas {
        let told = seconds()
            .flat_map(|second| &second.replicas)
            .filter(|told| told.id == replica.id);
        assert_eq!(
            told.map(|told| told.requests).sum::<u64>(),
            replica.requests
        );
    }
}
