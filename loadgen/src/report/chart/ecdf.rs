//! Two distributions over one another, and where they are furthest apart.

use super::super::format::{TimeUnit, share, span};
use super::axis::Axis;
use super::canvas::{Frame, draw};
use super::{Chart, Row, Table, role};
use crate::record::Quantiles;
use crate::recorder::Histogram;

/// Values and the share of requests not above each.
type Curve = Vec<(u64, f64)>;

/// The chart of a baseline and a candidate.
pub(in crate::report) fn ecdf(id: &str, base: &Quantiles, candidate: &Quantiles) -> Chart {
    let curves = [base, candidate].map(|times| curve(&Quantiles::sum(std::iter::once(times))));
    let values = || curves.iter().flatten().map(|point| point.0);
    let (least, most) = (
        values().min().unwrap_or(100_000),
        values().max().unwrap_or(10_000_000),
    );
    let (x, y) = (
        Axis::latency(least, most, ""),
        Axis::share("share of requests at most this slow"),
    );
    let gap = widest(&curves);
    let svg = draw(Frame::WIDE, &x, &y, |canvas| {
        if let Some((at, low, high)) = gap {
            canvas.line(
                &[Some((at as f64, low)), Some((at as f64, high))],
                role::FAILED,
                4,
            );
            let name = format!("gap of {}", share(high - low));
            canvas.end_label(f64::midpoint(low, high), &name, role::FAILED);
        }
        for (curve, name, role) in curves
            .iter()
            .zip(["base", "candidate"])
            .zip([role::FAINT, role::ANSWERED])
            .map(|((c, n), r)| (c, n, r))
        {
            let path: Vec<_> = curve
                .iter()
                .map(|(value, part)| Some((*value as f64, *part)))
                .collect();
            canvas.line(&path, role, 4);
            canvas.end_label(1.0, name, role);
        }
    });
    let unit = TimeUnit::spanning(base.p50, most);
    let rows = [0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99].map(|part| Row {
        x: None,
        cells: std::iter::once(share(part))
            .chain(curves.iter().map(|curve| {
                curve
                    .iter()
                    .find(|point| point.1 >= part)
                    .map_or_else(|| "–".into(), |point| unit.of(point.0))
            }))
            .collect(),
    });
    Chart {
        id: id.into(),
        title: "The two distributions".into(),
        takeaway: match gap {
            Some((at, low, high)) => format!("They are furthest apart at {}, where they differ by {} of the requests.", span(at as f64), share(high - low)),
            None => "One side has no finished request.".into(),
        },
        description: "For each response time, the share of requests that took no longer; the line further to the left is faster.".into(),
        plot: None,
        svg,
        table: Table { head: vec!["share".into(), format!("base, {}", unit.sign()), format!("candidate, {}", unit.sign())], rows: rows.to_vec() },
    }
}

fn curve(histogram: &Histogram) -> Curve {
    let all = histogram.count().max(1) as f64;
    let mut seen = 0;
    let mut points: Curve = Vec::new();
    for (value, count) in histogram.buckets() {
        seen += count;
        let part = seen as f64 / all;
        // Steps smaller than can be seen are left out, the ends never.
        if points.last().is_none_or(|last| part - last.1 > 0.002) || seen == histogram.count() {
            points.push((value.0, part));
        }
    }
    points
}

fn at(curve: &Curve, value: u64) -> f64 {
    let after = curve.partition_point(|point| point.0 <= value);
    after.checked_sub(1).map_or(0.0, |place| curve[place].1)
}

fn widest(curves: &[Curve; 2]) -> Option<(u64, f64, f64)> {
    if curves.iter().any(Vec::is_empty) {
        return None;
    }
    let gap = |value: u64| (at(&curves[0], value) - at(&curves[1], value)).abs();
    let value = curves
        .iter()
        .flatten()
        .map(|point| point.0)
        .max_by(|a, b| gap(*a).total_cmp(&gap(*b)))?;
    let (one, other) = (at(&curves[0], value), at(&curves[1], value));
    Some((value, one.min(other), one.max(other)))
}
