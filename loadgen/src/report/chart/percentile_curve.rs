//! The percentile curve: how long the slowest one in ten, in a hundred, in a thousand took.
//!
//! x is 1 ÷ (1 − quantile), logarithmic; a curve stops where fewer than ten samples remain beyond
//! it, because what lies there is chance.

use super::super::format::{TimeUnit, percent, span};
use super::axis::Axis;
use super::canvas::{Frame, draw};
use super::role::{self, Role};
use super::{Chart, Row, Table, short_name};
use crate::record::{GroupRecord, Quantiles};
use crate::recorder::Histogram;

/// Samples that must remain beyond a point.
const BEYOND: f64 = 10.0;

/// One curve of the chart, and one column of its table.
pub(in crate::report) struct Line {
    pub(in crate::report) name: String,
    pub(in crate::report) histogram: Histogram,
    pub(in crate::report) role: Role,
    pub(in crate::report) width: u32,
}

impl Line {
    pub(in crate::report) fn new(name: &str, times: &Quantiles, role: Role, width: u32) -> Self {
        Self {
            name: short_name(name),
            histogram: Quantiles::sum(std::iter::once(times)),
            role,
            width,
        }
    }
}

/// The chart of one group: response, service, and each replica's response time.
pub(in crate::report) fn curve(id: &str, group: &GroupRecord) -> Chart {
    let mut lines = Vec::new();
    if group.replicas.len() > 1 {
        let replicas = group.replicas.iter().take(7).enumerate();
        lines.extend(replicas.map(|(place, replica)| {
            Line::new(&replica.id, &replica.response_time, role::replica(place), 3)
        }));
    }
    lines.push(Line::new("service", &group.service_time, role::MAX, 4));
    lines.push(Line::new("response", &group.response_time, role::INK, 6));
    let takeaway = takeaway(group);
    Chart {
        id: id.into(),
        title: "Response time by percentile".into(),
        takeaway,
        description: "The share of requests that were at least this fast, with the slow end stretched out; lines stop where fewer than ten requests were slower.".into(),
        plot: Some(Frame::WIDE.plot()),
        ..curves(&lines)
    }
}

/// Curves over one another, the last one on top and first in the table. Names are left out.
pub(in crate::report) fn curves(lines: &[Line]) -> Chart {
    let drawn: Vec<_> = lines.iter().map(|line| points(&line.histogram)).collect();
    let values = || drawn.iter().flatten().map(|point| point.1);
    let (least, most) = (
        values().min().unwrap_or(100_000),
        values().max().unwrap_or(10_000_000),
    );
    let count = lines
        .iter()
        .map(|line| line.histogram.count())
        .max()
        .unwrap_or(0);
    let x = Axis::quantiles(reach(count));
    let y = Axis::latency(least, most, "response time, logarithmic");
    let typical = lines
        .last()
        .map_or(0, |line| line.histogram.quantile(0.5).0);
    let unit = TimeUnit::spanning(typical, most);
    let mut rows = Vec::new();
    let svg = draw(Frame::WIDE, &x, &y, |canvas| {
        if count == 0 {
            canvas.label_inside(reach(count).sqrt(), 1e6, "no request finished");
        }
        for (line, points) in lines.iter().zip(&drawn) {
            let path: Vec<_> = points.iter().map(|(x, y)| Some((*x, *y as f64))).collect();
            canvas.line(&path, line.role, line.width);
            if let Some((_, last)) = points.last() {
                canvas.end_label(*last as f64, &line.name, line.role);
            }
        }
        rows = (named(count).into_iter())
            .map(|(name, quantile)| {
                row(
                    canvas.column(1.0 / (1.0 - quantile)),
                    name,
                    quantile,
                    lines,
                    unit,
                )
            })
            .collect();
    });
    let mut head = vec![format!("percentile, {}", unit.sign())];
    head.extend(lines.iter().rev().map(|line| line.name.clone()));
    Chart {
        svg,
        table: Table { head, rows },
        ..Chart::default()
    }
}

fn row(x: i32, name: String, quantile: f64, lines: &[Line], unit: TimeUnit) -> Row {
    let mut cells = vec![name];
    cells.extend(lines.iter().rev().map(|line| {
        let enough = line.histogram.count() as f64 * (1.0 - quantile) >= BEYOND;
        if enough {
            unit.of(line.histogram.quantile(quantile).0)
        } else {
            "–".into()
        }
    }));
    Row { x: Some(x), cells }
}

/// How far to the right the samples of a histogram carry.
fn reach(count: u64) -> f64 {
    (count as f64 / BEYOND).max(1.0)
}

/// A curve's points, evenly spaced on the logarithmic axis. Points that add nothing are left out.
fn points(histogram: &Histogram) -> Vec<(f64, u64)> {
    if histogram.is_empty() {
        return Vec::new();
    }
    let reach = reach(histogram.count()).log10();
    let steps = 160;
    let mut points: Vec<(f64, u64)> = Vec::new();
    for step in 0..=steps {
        let x = 10_f64.powf(reach * f64::from(step) / f64::from(steps));
        let value = histogram.quantile(1.0 - 1.0 / x).0;
        if let [.., (_, before), last] = points.as_mut_slice()
            && *before == value
            && last.1 == value
        {
            last.0 = x;
            continue;
        }
        points.push((x, value));
    }
    points
}

/// The percentiles of the table, as far as samples carry.
fn named(count: u64) -> Vec<(String, f64)> {
    let all = [
        0.0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9995, 0.9999, 0.99999,
    ];
    let carried = all
        .into_iter()
        .filter(|quantile| count as f64 * (1.0 - quantile) >= BEYOND);
    carried.map(|quantile| (name(quantile), quantile)).collect()
}

fn name(quantile: f64) -> String {
    let percent = format!("{:.3}", quantile * 100.0);
    format!("p{}", percent.trim_end_matches('0').trim_end_matches('.'))
}

fn takeaway(group: &GroupRecord) -> String {
    let times = &group.response_time;
    if times.count == 0 {
        return "No request finished, so there is no curve.".into();
    }
    let far = if times.count >= 10_000 {
        ("one in a thousand", times.p99_9)
    } else {
        ("one in a hundred", times.p99)
    };
    let ratio = far.1 as f64 / times.p50.max(1) as f64;
    let reach = percent(1.0 - BEYOND / times.count.max(1) as f64);
    if times.count < 100 {
        return format!(
            "With {} finished requests only the middle of the curve means something.",
            times.count
        );
    }
    format!(
        "Half of the requests took at most {}; the slowest {} took {} or more, {:.1} times that. There are samples enough up to {reach}.",
        span(times.p50 as f64),
        far.0,
        span(far.1 as f64),
        ratio
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Nanos;

    #[test]
    fn a_curve_stops_where_fewer_than_ten_samples_remain() {
        let mut histogram = Histogram::new();
        for n in 1..=1_000_u64 {
            histogram.record(Nanos(n * 1_000_000));
        }
        let points = points(&histogram);
        let (x, value) = *points.last().expect("points");
        assert!(
            (x - 100.0).abs() < 1e-6 && value < 992_000_000,
            "{x} {value}"
        );
        assert_eq!(
            named(1_000).last().map(|named| named.0.clone()),
            Some("p99".to_owned())
        );
    }
}
