//! Generator health: was it the generator that was slow?

use super::super::figures::{TimeUnit, percent, rate, span};
use super::super::series::Series;
use super::super::{GroupRecord, Quantiles, Record};
use super::axis::Axis;
use super::canvas::{Frame, draw};
use super::role::{self, Role};
use super::{Chart, Row, Table};

type FigureOf = fn(&Quantiles) -> u64;

const LINES: [(&str, FigureOf, Role, u32); 3] = [
    ("max", |q| q.max, role::MAX, 3),
    ("p99", |q| q.p99, role::PERCENTILES[2], 5),
    ("p50", |q| q.p50, role::PERCENTILES[0], 5),
];

/// Send lag of one group over time; none in closed loop or where nothing was sent.
pub(in crate::report) fn generator(
    id: &str,
    record: &Record,
    group: &GroupRecord,
    series: &Series,
) -> Option<Chart> {
    let buckets = || series.buckets.iter().filter(|bucket| bucket.lag.count > 0);
    let least = buckets().map(|bucket| bucket.lag.p50).min()?;
    let most = buckets().map(|bucket| bucket.lag.max).max()?;
    if group.rate.intended <= 0.0 {
        return None;
    }
    let (x, y) = (
        Axis::time(series.end),
        Axis::latency(least, most, "send lag, logarithmic"),
    );
    let unit = TimeUnit::spanning(least, most);
    let mut rows = Vec::new();
    let svg = draw(Frame::WIDE, &x, &y, |canvas| {
        for (name, figure, role, width) in LINES {
            let points: Vec<_> = series
                .buckets
                .iter()
                .map(|bucket| {
                    (bucket.lag.count > 0).then(|| (bucket.middle(), figure(&bucket.lag) as f64))
                })
                .collect();
            canvas.line(&points, role, width);
            if let Some((_, last)) = points.iter().rev().flatten().next() {
                canvas.end_label(*last, &format!("{name} {}", span(*last)), role);
            }
        }
        rows = series
            .buckets
            .iter()
            .map(|bucket| Row {
                x: Some(canvas.column(bucket.middle())),
                cells: std::iter::once(rate(bucket.from))
                    .chain(LINES.iter().rev().map(|line| {
                        if bucket.lag.count > 0 {
                            unit.of((line.1)(&bucket.lag))
                        } else {
                            "–".into()
                        }
                    }))
                    .chain([bucket.connections_opened.to_string()])
                    .collect(),
            })
            .collect();
    });
    let mut head = vec!["from, s".to_owned()];
    head.extend(
        LINES
            .iter()
            .rev()
            .map(|line| format!("{}, {}", line.0, unit.sign())),
    );
    head.push("connections opened".into());
    Some(Chart {
        id: id.into(),
        title: "Was it the generator?".into(),
        takeaway: takeaway(record, group),
        description: "Send lag: from the instant a request was due to the instant its first byte was handed to the kernel. It is the generator's own doing and part of response time.".into(),
        plot: Some(Frame::WIDE.plot()),
        svg,
        table: Table { head, rows },
    })
}

fn takeaway(record: &Record, group: &GroupRecord) -> String {
    let lag = group.send_lag.p99;
    let busiest = record
        .threads
        .iter()
        .map(|thread| thread.busiest_second)
        .fold(0.0, f64::max);
    let threads = match record.threads.len() {
        0 => String::new(),
        1 => format!(
            " Its thread used at most {} of a core in any second.",
            percent((busiest * 1e3).round() / 1e3)
        ),
        n => format!(
            " The busiest of its {n} threads used at most {} of a core in any second.",
            percent((busiest * 1e3).round() / 1e3)
        ),
    };
    // The budget of a valid run: 1 ms, or a tenth of the response time.
    let budget = (group.response_time.p99 / 10).max(1_000_000);
    let verdict = if lag > budget || busiest > 0.9 {
        "the generator was part of what was measured"
    } else {
        "the generator kept its schedule"
    };
    format!(
        "99 % of the requests were sent within {} of being due: {verdict}.{threads}",
        span(lag as f64)
    )
}
