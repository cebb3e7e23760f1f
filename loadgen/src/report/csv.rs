//! The intervals as CSV: one row per second and group, times in nanoseconds.

use std::fmt::Write as _;

use crate::record::{IntervalRecord, Quantiles, Record};

const HEAD: &str = "second,host,planned,sent,dropped,succeeded,failed,\
response_p50_ns,response_p90_ns,response_p99_ns,response_p99_9_ns,response_max_ns,\
service_p50_ns,service_p99_ns,service_max_ns,\
send_lag_p50_ns,send_lag_p99_ns,send_lag_max_ns,connections_opened,replicas,\
release_lag_p50_ns,release_lag_p99_ns,release_lag_max_ns,\
connection_wait_p50_ns,connection_wait_p99_ns,connection_wait_max_ns,stalled_ns";

/// Every interval of a run as RFC 4180 CSV. Times of seconds without an answer are empty.
#[must_use]
pub fn render_csv(record: &Record) -> String {
    let mut csv = format!("{HEAD}\r\n");
    for interval in &record.intervals {
        row(&mut csv, record, interval);
    }
    csv
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
    let (response, service, lag) = (
        &interval.response_time,
        &interval.service_time,
        &interval.send_lag,
    );
    times(
        csv,
        response,
        &[
            response.p50,
            response.p90,
            response.p99,
            response.p99_9,
            response.max,
        ],
    );
    times(csv, service, &[service.p50, service.p99, service.max]);
    times(csv, lag, &[lag.p50, lag.p99, lag.max]);
    let replicas: Vec<_> = interval
        .replicas
        .iter()
        .map(|replica| format!("{}={}", replica.id, replica.requests))
        .collect();
    let _ = write!(
        csv,
        ",{},{}",
        interval.connections_opened,
        field(&replicas.join(";"))
    );
    for lag in [&interval.release_lag, &interval.connection_wait] {
        times(csv, lag, &[lag.p50, lag.p99, lag.max]);
    }
    csv.push(',');
    if let Some(stalls) = &record.environment.stalls {
        let mut seconds = stalls.by_second.iter();
        let second = seconds.find(|at| at.second == interval.second);
        let _ = write!(csv, "{}", second.map_or(0, |at| at.lost.0));
    }
    csv.push_str("\r\n");
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
    let formula = text.starts_with(['=', '+', '-', '@']);
    if formula || text.contains(['"', ',']) {
        let guard = if formula { "'" } else { "" };
        format!("\"{guard}{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
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
    fn a_name_cannot_be_a_formula_or_a_second_field() {
        assert_eq!(field("=1+1"), "\"'=1+1\"");
        assert_eq!(field("a,\"b\""), "\"a,\"\"b\"\"\"");
    }
}
