//! The intervals as CSV: one row per interval and group, and one per interval, group and request
//! name; times in nanoseconds. `seconds` says how long an interval is, which is 1 but in long runs.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::record::{IntervalRecord, Quantiles, Record, RequestRecord};

const HEAD: &str = "second,host,planned,sent,dropped,succeeded,failed,\
response_p50_ns,response_p90_ns,response_p99_ns,response_p99_9_ns,response_max_ns,\
service_p50_ns,service_p99_ns,service_max_ns,\
send_lag_p50_ns,send_lag_p99_ns,send_lag_max_ns,connections_opened,replicas,\
release_lag_p50_ns,release_lag_p99_ns,release_lag_max_ns,\
connection_wait_p50_ns,connection_wait_p99_ns,connection_wait_max_ns,stalled_ns,seconds";

/// Every interval of a run as RFC 4180 CSV. Times of seconds without an answer are empty.
#[must_use]
pub fn render_csv(record: &Record) -> String {
    let mut csv = format!("{HEAD}\r\n");
    for interval in &record.intervals {
        row(&mut csv, record, interval);
    }
    csv
}

const REQUESTS: &str = "second,host,request,planned,sent,dropped,succeeded,failed,\
response_p50_ns,response_p90_ns,response_p99_ns,response_p99_9_ns,response_max_ns,\
service_p50_ns,service_p99_ns,service_max_ns";

/// The same by request name; nothing where no group has several requests.
#[must_use]
pub fn render_requests_csv(record: &Record) -> Option<String> {
    let mut groups = record.groups.iter();
    groups.find(|group| !group.requests_by_name.is_empty())?;
    let mut csv = format!("{REQUESTS}\r\n");
    for interval in &record.intervals {
        for request in &interval.requests_by_name {
            request_row(&mut csv, interval, request);
        }
    }
    Some(csv)
}

fn request_row(csv: &mut String, interval: &IntervalRecord, request: &RequestRecord) {
    let (host, name) = (field(&interval.host), field(&request.name));
    let _ = write!(csv, "{},{host},{name}", interval.second);
    let counts = [
        request.planned,
        request.sent,
        request.dropped,
        request.succeeded,
        request.failed,
    ];
    for count in counts {
        let _ = write!(csv, ",{count}");
    }
    response(csv, &request.response_time);
    ends(csv, &request.service_time);
    csv.push_str("\r\n");
}

fn row(csv: &mut String, record: &Record, interval: &IntervalRecord) {
    let counts = [
        interval.planned,
        interval.sent,
        interval.dropped,
        interval.succeeded,
        interval.failed,
    ];
    let _ = write!(csv, "{},{}", interval.second, field(&interval.host));
    for count in counts {
        let _ = write!(csv, ",{count}");
    }
    response(csv, &interval.response_time);
    ends(csv, &interval.service_time);
    ends(csv, &interval.send_lag);
    let replicas: Vec<_> = interval
        .replicas
        .iter()
        .map(|replica| format!("{}={}", guarded(&replica.id), replica.requests))
        .collect();
    let _ = write!(
        csv,
        ",{},{}",
        interval.connections_opened,
        field(&replicas.join(";"))
    );
    for lag in [&interval.release_lag, &interval.connection_wait] {
        ends(csv, lag);
    }
    csv.push(',');
    if let Some(stalls) = &record.environment.stalls {
        let within = interval.second..interval.second.saturating_add(interval.seconds());
        let seconds = stalls.by_second.iter();
        let seconds = seconds.filter(|at| within.contains(&at.second));
        let _ = write!(csv, "{}", seconds.map(|at| at.lost.0).sum::<u64>());
    }
    let _ = write!(csv, ",{}\r\n", interval.seconds());
}

fn response(csv: &mut String, of: &Quantiles) {
    times(csv, of, &[of.p50, of.p90, of.p99, of.p99_9, of.max]);
}

fn ends(csv: &mut String, of: &Quantiles) {
    times(csv, of, &[of.p50, of.p99, of.max]);
}

fn times(csv: &mut String, of: &Quantiles, values: &[u64]) {
    for value in values {
        csv.push(',');
        if of.count > 0 {
            let _ = write!(csv, "{value}");
        }
    }
}

/// A text as one field: quoted where it must be, and never a formula to a spreadsheet.
fn field(text: &str) -> String {
    let text = super::sentences::plain(text);
    if is_formula(&text) || text.contains(['"', ',']) {
        format!("\"{}\"", guarded(&text).replace('"', "\"\""))
    } else {
        text
    }
}

/// A text that no spreadsheet takes for a formula, in whatever cell it ends up: where lists are parted
/// by semicolons, each of several replicas has one of its own.
fn guarded(text: &str) -> Cow<'_, str> {
    if is_formula(text) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// What OWASP lists under "CSV injection"; tabs and ends of lines are shown as escapes before.
fn is_formula(text: &str) -> bool {
    let signs = [
        '=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}',
    ];
    text.trim_start().starts_with(signs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic;

    #[test]
    fn every_row_has_as_many_fields_as_the_head() {
        let csv = render_csv(&synthetic::clean());
        let lines: Vec<_> = csv.lines().collect();
        assert_eq!(lines.len(), 11);
        for line in lines {
            assert_eq!(line.split(',').count(), HEAD.split(',').count(), "{line}");
        }
    }

    #[test]
    fn a_row_for_every_request_name_and_second() {
        assert_eq!(render_requests_csv(&synthetic::clean()), None);
        let record = synthetic::mix();
        let csv = render_requests_csv(&record).unwrap();
        let lines: Vec<_> = csv.split_terminator("\r\n").collect();
        assert_eq!(lines.len(), 1 + 2 * record.intervals.len());
        let fields = REQUESTS.split(',').count();
        assert_eq!(lines[1].split(',').count(), fields, "{}", lines[1]);
        // The comma that is in the name is no end of a field.
        assert!(
            lines[2].contains(",\"'=create, \"\"<b>\"\"\","),
            "{}",
            lines[2]
        );
        assert_eq!(lines[2].split(',').count(), fields + 1, "{}", lines[2]);
    }

    #[test]
    fn a_name_cannot_be_a_formula_or_a_second_field() {
        for text in ["=1+1", "+1", "-1", "@a", " =1", "\u{ff1d}1"] {
            assert_eq!(field(text), format!("\"'{text}\""));
        }
        assert_eq!(field("\t=1\r"), "\\t=1\\r");
        assert_eq!(guarded("=cmd()"), "'=cmd()");
        assert_eq!(field("a,\"b\""), "\"a,\"\"b\"\"\"");
    }
}
