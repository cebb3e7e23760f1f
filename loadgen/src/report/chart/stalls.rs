//! When this machine stood still: the time for which the generator's process was not run.

use super::super::format::{TimeUnit, percent, rate};
use super::super::sentences;
use super::super::series::Series;
use super::axis::Axis;
use super::canvas::{Frame, draw};
use super::{Chart, Row, Table, role};
use crate::record::Record;
use crate::recorder::StallSecond;

/// Stalls over time; none where nobody watched.
pub(in crate::report) fn stalls(id: &str, record: &Record, series: &Series) -> Option<Chart> {
    let stalls = record.environment.stalls.as_ref()?;
    let spans: Vec<_> = (series.buckets.iter())
        .map(|bucket| {
            let inside = |at: &&StallSecond| {
                (bucket.from..bucket.to.max(bucket.from + 1.0)).contains(&(at.second as f64))
            };
            let inside: Vec<_> = stalls.by_second.iter().filter(inside).collect();
            let lost: u64 = inside.iter().map(|at| at.lost.0).sum();
            let longest = inside.iter().map(|at| at.longest.0).max().unwrap_or(0);
            (
                bucket,
                lost as f64 / 1e9 / bucket.length().max(1e-3),
                longest,
            )
        })
        .collect();
    let most = spans.iter().map(|(_, lost, _)| *lost).fold(0.01, f64::max);
    let frame = Frame {
        size: (1600, 300),
        ..Frame::WIDE
    };
    let (x, y) = (
        Axis::time(series.end),
        Axis::part(most, "part of the time that was lost"),
    );
    let mut rows = Vec::new();
    let svg = draw(frame, &x, &y, |canvas| {
        let bars = spans.iter().map(|(bucket, lost, _)| {
            (*lost > 0.0).then_some([bucket.from, bucket.to, 0.0, lost.min(most)])
        });
        canvas.band(&bars.collect::<Vec<_>>(), role::UNSENT);
        rows = (spans.iter())
            .map(|(bucket, lost, longest)| Row {
                x: Some(canvas.column(bucket.middle())),
                cells: vec![
                    rate(bucket.from),
                    percent((lost * 1e5).round() / 1e5),
                    TimeUnit::Millis.of(*longest),
                ],
            })
            .collect();
    });
    Some(Chart {
        id: id.into(),
        title: "Did the machine stand still?".into(),
        takeaway: sentences::stalls(stalls),
        description: "The time for which the generator's process was not run at all, by a thread of its own that looks at the clock every two milliseconds: what was due or answered meanwhile was met late.".into(),
        plot: Some(frame.plot()),
        svg,
        table: Table {
            head: ["from, s", "lost", "longest, ms"].map(str::to_owned).to_vec(),
            rows,
        },
    })
}
