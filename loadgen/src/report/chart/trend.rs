//! How a group's percentiles moved from run to run.

use super::super::format::{TimeUnit, span};
use super::super::sentences::plain;
use super::axis::Axis;
use super::canvas::{Frame, draw};
use super::{Chart, Row, Table, role};

/// One run of a trend, oldest first.
#[derive(Clone, Debug)]
pub(in crate::report) struct TrendPoint {
    pub(in crate::report) name: String,
    /// Response time at p50, in nanoseconds.
    pub(in crate::report) p50: u64,
    /// Response time at p99, in nanoseconds.
    pub(in crate::report) p99: u64,
}

type FigureOf = fn(&TrendPoint) -> u64;

/// The chart of one host group over its runs.
pub(in crate::report) fn trend(id: &str, host: &str, points: &[TrendPoint]) -> Chart {
    let least = points.iter().map(|point| point.p50).min().unwrap_or(1_000);
    let most = points
        .iter()
        .map(|point| point.p99)
        .max()
        .unwrap_or(1_000_000);
    let unit = TimeUnit::spanning(least, most);
    let frame = Frame {
        size: (1600, 380),
        ..Frame::WIDE
    };
    let (x, y) = (
        Axis::runs(points.len()),
        Axis::latency(least, most, "response time, logarithmic"),
    );
    let lines: [(&str, FigureOf, _); 2] = [
        ("p99", |p| p.p99, role::PERCENTILES[2]),
        ("p50", |p| p.p50, role::PERCENTILES[0]),
    ];
    let mut rows = Vec::new();
    let svg = draw(frame, &x, &y, |canvas| {
        for (name, figure, role) in lines {
            let line: Vec<_> = points
                .iter()
                .enumerate()
                .map(|(n, point)| Some((n as f64 + 0.5, figure(point) as f64)))
                .collect();
            canvas.line(&line, role, 4);
            let last = points.last().map_or(0, figure) as f64;
            canvas.end_label(last, &format!("{name} {}", span(last)), role);
        }
        rows = points
            .iter()
            .enumerate()
            .map(|(n, point)| Row {
                x: Some(canvas.column(n as f64 + 0.5)),
                cells: vec![plain(&point.name), unit.of(point.p50), unit.of(point.p99)],
            })
            .collect();
    });
    Chart {
        id: id.into(),
        title: format!("{}, run by run", plain(host)),
        takeaway: takeaway(points),
        description:
            "p50 and p99 of response time of each run that can be believed, oldest at the left."
                .into(),
        plot: Some(frame.plot()),
        svg,
        table: Table {
            head: vec![
                "started".into(),
                format!("p50, {}", unit.sign()),
                format!("p99, {}", unit.sign()),
            ],
            rows,
        },
    }
}

fn takeaway(points: &[TrendPoint]) -> String {
    let (Some(last), rest) = (points.last(), &points[..points.len() - 1]) else {
        return String::new();
    };
    let mut before: Vec<u64> = rest.iter().map(|point| point.p99).collect();
    before.sort_unstable();
    let usual = before.get(before.len() / 2).copied().unwrap_or(last.p99);
    format!(
        "The last run's p99 was {}; the median of the {} before it was {}.",
        span(last.p99 as f64),
        rest.len(),
        span(usual as f64)
    )
}
