//! Generator health: was it the generator that was slow?

use super::super::format::{TimeUnit, grouped, percent, rate, span};
use super::super::series::{Bucket, Series};
use super::axis::Axis;
use super::canvas::{Frame, draw};
use super::role::{self, Role};
use super::{Chart, Row, Table};
use crate::model::{Nanos, lag_budget};
use crate::record::{GroupRecord, Quantiles, Record};

type FigureOf = fn(&Bucket) -> (&Quantiles, u64);

struct Named {
    name: &'static str,
    of: FigureOf,
    role: Role,
    width: u32,
}

const fn named(name: &'static str, of: FigureOf, role: Role, width: u32) -> Named {
    Named {
        name,
        of,
        role,
        width,
    }
}

/// The lag as it is measured in its two parts.
const PARTS: [Named; 4] = [
    named(
        "wait max",
        |b| (&b.connection_wait, b.connection_wait.max),
        role::SKY,
        3,
    ),
    named(
        "wait p99",
        |b| (&b.connection_wait, b.connection_wait.p99),
        role::ANSWERED,
        5,
    ),
    named(
        "release max",
        |b| (&b.release_lag, b.release_lag.max),
        role::MAX,
        3,
    ),
    named(
        "release p99",
        |b| (&b.release_lag, b.release_lag.p99),
        role::PERCENTILES[2],
        5,
    ),
];

/// The lag of an old record, in one piece.
const WHOLE: [Named; 3] = [
    named("max", |b| (&b.lag, b.lag.max), role::MAX, 3),
    named("p99", |b| (&b.lag, b.lag.p99), role::PERCENTILES[2], 5),
    named("p50", |b| (&b.lag, b.lag.p50), role::PERCENTILES[0], 5),
];

fn value(line: &Named, bucket: &Bucket) -> Option<u64> {
    let (of, value) = (line.of)(bucket);
    (of.count > 0).then_some(value)
}

/// Send lag of one group over time; none in closed loop or where nothing was sent.
pub(in crate::report) fn generator(
    id: &str,
    record: &Record,
    group: &GroupRecord,
    series: &Series,
) -> Option<Chart> {
    let lines: &[Named] = if group.release_lag.count > 0 {
        &PARTS
    } else {
        &WHOLE
    };
    let values = || {
        let all = lines.iter();
        all.flat_map(|line| {
            series
                .buckets
                .iter()
                .filter_map(|bucket| value(line, bucket))
        })
    };
    let (least, most) = (values().min()?, values().max()?);
    if group.rate.intended <= 0.0 {
        return None;
    }
    let (x, y) = (
        Axis::time(series.end).marked(&series.marks),
        Axis::latency(least, most, "send lag, logarithmic"),
    );
    let unit = TimeUnit::spanning(least, most);
    let mut rows = Vec::new();
    let svg = draw(Frame::WIDE, &x, &y, |canvas| {
        for line in lines {
            let points: Vec<_> = series
                .buckets
                .iter()
                .map(|bucket| Some((bucket.middle(), value(line, bucket)? as f64)))
                .collect();
            canvas.line(&points, line.role, line.width);
            if let Some((_, last)) = points.iter().rev().flatten().next() {
                canvas.end_label(*last, &format!("{} {}", line.name, span(*last)), line.role);
            }
        }
        let buckets = series.buckets.iter();
        rows = buckets
            .map(|bucket| row(canvas.column(bucket.middle()), bucket, lines, unit))
            .collect();
    });
    let mut head = vec!["from, s".to_owned()];
    let columns = lines.iter().rev();
    head.extend(columns.map(|line| format!("{}, {}", line.name, unit.sign())));
    head.push("connections opened".into());
    Some(Chart {
        id: id.into(),
        title: "Was it the generator?".into(),
        takeaway: takeaway(record, group),
        description: "Send lag in its two parts: release lag, from the instant a request was due to its release, is the generator's own doing; the wait for a connection after that is the system's. Both are part of response time.".into(),
        plot: Some(Frame::WIDE.plot()),
        svg,
        table: Table { head, rows },
    })
}

fn row(x: i32, bucket: &Bucket, lines: &[Named], unit: TimeUnit) -> Row {
    let mut cells = vec![rate(bucket.from)];
    let shown = |line: &Named| value(line, bucket).map_or_else(|| "–".into(), |of| unit.of(of));
    cells.extend(lines.iter().rev().map(shown));
    cells.push(grouped(bucket.counts.connections.opened));
    Row { x: Some(x), cells }
}

/// Whether requests left when they were due, by the part of the lag that is the generator's own.
fn takeaway(record: &Record, group: &GroupRecord) -> String {
    let (lag, what) = if group.release_lag.count > 0 {
        (group.release_lag.p99, "released")
    } else {
        (group.send_lag.p99, "sent")
    };
    let budget = lag_budget(
        record.plan.lag_budget.into(),
        Nanos(group.response_time.p99),
    );
    let verdict = if lag > budget.0 {
        "more than"
    } else {
        "within"
    };
    let wait = if group.connection_wait.count > 0 {
        format!(
            "; 99 % of them then waited at most {} for a connection",
            span(group.connection_wait.p99 as f64)
        )
    } else {
        String::new()
    };
    format!(
        "99 % of the requests were {what} within {} of being due, {verdict} the {} that is allowed{wait}.{}",
        span(lag as f64),
        span(budget.0 as f64),
        threads(record)
    )
}

fn threads(record: &Record) -> String {
    let each = record.threads.iter();
    let busiest = each.map(|thread| thread.busiest_second).fold(0.0, f64::max);
    let busiest = percent((busiest * 1e3).round() / 1e3);
    match record.threads.len() {
        0 => String::new(),
        1 => format!(" Its thread used at most {busiest} of a core in any second."),
        n => format!(
            " The busiest of its {n} threads used at most {busiest} of a core in any second."
        ),
    }
}
