//! Percentiles over time, each from its own second's histogram. No averages of percentiles.

use super::super::chance;
use super::super::format::{TimeUnit, rate, span};
use super::super::series::{Bucket, Series};
use super::axis::Axis;
use super::canvas::{Frame, draw};
use super::role::{self, Role};
use super::{Chart, Row, Table};
use crate::record::{GroupRecord, Quantiles};

type FigureOf = fn(&Quantiles) -> u64;

type Named = (&'static str, FigureOf, Role, u32);

const LINES: [Named; 5] = [
    ("max", |q| q.max, role::MAX, 3),
    ("p99.9", |q| q.p99_9, role::PERCENTILES[3], 4),
    ("p99", |q| q.p99, role::PERCENTILES[2], 5),
    ("p90", |q| q.p90, role::PERCENTILES[1], 4),
    ("p50", |q| q.p50, role::PERCENTILES[0], 5),
];

/// The chart of one group's response time.
pub(in crate::report) fn percentiles(id: &str, group: &GroupRecord, series: &Series) -> Chart {
    let buckets = || {
        series
            .buckets
            .iter()
            .filter(|bucket| bucket.response.count > 0)
    };
    let least = buckets()
        .map(|bucket| bucket.response.p50)
        .min()
        .unwrap_or(100_000);
    let most = buckets()
        .map(|bucket| bucket.response.max)
        .max()
        .unwrap_or(10_000_000);
    // With fewer than a thousand answers, p99.9 is the maximum under another name.
    let typical = buckets()
        .map(|bucket| bucket.response.count)
        .max()
        .unwrap_or(0);
    let lines: Vec<_> = LINES
        .iter()
        .filter(|line| line.0 != "p99.9" || typical >= 1_000)
        .collect();
    let x = Axis::time(series.end).marked(&series.marks);
    let y = Axis::latency(least, most, "response time, logarithmic");
    let unit = TimeUnit::spanning(least, most);
    let mut rows = Vec::new();
    let svg = draw(Frame::WIDE, &x, &y, |canvas| {
        if series.is_silent() {
            canvas.label_inside(series.end / 2.0, 1e6, "no request finished");
        }
        for (name, figure, role, width) in &lines {
            let points: Vec<_> = series
                .buckets
                .iter()
                .map(|bucket| {
                    (bucket.response.count > 0)
                        .then(|| (bucket.middle(), figure(&bucket.response) as f64))
                })
                .collect();
            if series.buckets.len() < 3 {
                // Too few points for a line: each holds for the time it was measured in.
                canvas.steps(&levels(series, *figure), *role, *width);
            } else {
                canvas.line(&points, *role, *width);
            }
            if let Some((_, last)) = points.iter().rev().flatten().next() {
                canvas.end_label(*last, &format!("{name} {}", span(*last)), *role);
            }
        }
        let columns = series
            .buckets
            .iter()
            .map(|bucket| canvas.column(bucket.middle()));
        rows = (columns.zip(&series.buckets))
            .map(|(x, bucket)| row(x, bucket, &lines, unit))
            .collect();
    });
    let mut head = vec!["from, s".to_owned()];
    head.extend(
        lines
            .iter()
            .rev()
            .map(|(name, ..)| format!("{name}, {}", unit.sign())),
    );
    Chart {
        id: id.into(),
        title: "Response time over time".into(),
        takeaway: takeaway(group, series),
        description: "Percentiles of response time, on a logarithmic scale; each point is computed from all requests that finished in its time.".into(),
        plot: Some(Frame::WIDE.plot()),
        svg,
        table: Table { head, rows },
    }
}

fn row(x: i32, bucket: &Bucket, lines: &[&Named], unit: TimeUnit) -> Row {
    let mut cells = vec![rate(bucket.from)];
    cells.extend(lines.iter().rev().map(|(_, figure, ..)| {
        if bucket.response.count > 0 {
            unit.of(figure(&bucket.response))
        } else {
            "–".into()
        }
    }));
    Row { x: Some(x), cells }
}

fn levels(series: &Series, figure: FigureOf) -> Vec<Option<(f64, f64, f64)>> {
    let level = |bucket: &Bucket| {
        let value = figure(&bucket.response) as f64;
        (bucket.response.count > 0).then_some((bucket.from, bucket.to, value))
    };
    series.buckets.iter().map(level).collect()
}

/// The lowest and the highest p99 in the order in which they came, where the highest is no chance.
fn takeaway(group: &GroupRecord, series: &Series) -> String {
    let with = || {
        series
            .buckets
            .iter()
            .filter(|bucket| bucket.response.count > 0)
    };
    let p99 = |bucket: &Bucket| span(bucket.response.p99 as f64);
    let (Some(best), Some(worst)) = (
        with().min_by_key(|bucket| bucket.response.p99),
        with().max_by_key(|bucket| bucket.response.p99),
    ) else {
        return "No request finished, so there is no response time.".into();
    };
    let whole = format!(
        "Over the whole run p50 was {} and p99 {}",
        span(group.response_time.p50 as f64),
        span(group.response_time.p99 as f64)
    );
    let expected = 0.01 * worst.response.count as f64;
    let no_chance = chance::stands_out(worst.above(group.response_time.p99), expected);
    if with().count() < 2 {
        format!("{whole}.")
    } else if no_chance && worst.response.p99 > best.response.p99 * 2 {
        let (first, verb, last) = if best.from < worst.from {
            (best, "rose", worst)
        } else {
            (worst, "fell", best)
        };
        format!(
            "{whole}; p99 {verb} from {} in {} to {} in {}.",
            p99(first),
            first.name(),
            p99(last),
            last.name()
        )
    } else {
        format!(
            "{whole}; from {} to {} p99 lay between {} and {}.",
            with().next().map_or_else(String::new, Bucket::name),
            with().next_back().map_or_else(String::new, Bucket::name),
            p99(best),
            p99(worst)
        )
    }
}
