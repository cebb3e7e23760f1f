//! Throughput over time: what was intended, what was sent, what was answered, what failed.

use super::super::format::{counted, percent, rate, seconds};
use super::super::load;
use super::super::series::{Bucket, Series};
use super::axis::Axis;
use super::canvas::{Canvas, Frame, draw};
use super::{Chart, Row, Table, role};
use crate::record::{GroupRecord, Record};

type CountOf = fn(&Bucket) -> u64;

/// The chart of one group.
pub(in crate::report) fn throughput(
    id: &str,
    record: &Record,
    group: &GroupRecord,
    series: &Series,
) -> Chart {
    let counts: [CountOf; 4] = [
        |b| b.counts.planned,
        |b| b.counts.sent,
        |b| b.counts.succeeded,
        |b| b.counts.failed + b.counts.dropped,
    ];
    let most = series
        .buckets
        .iter()
        .flat_map(|bucket| counts.iter().filter_map(|count| level(bucket, *count)));
    let most = most.fold(load::bounds(record, group).1, f64::max);
    let x = Axis::time(series.end).marked(&series.marks);
    let y = Axis::counts(most, "requests per second");
    let mut rows = Vec::new();
    let svg = draw(Frame::WIDE, &x, &y, |canvas| {
        unsent(canvas, group, series);
        lines(canvas, group, series, counts);
        if group.rate.intended > 0.0 {
            canvas.line(&intended(record, group, series), role::INTENDED, 2);
            let last = load::intended_at(record, group, series.end * 0.999);
            canvas.end_label(last, "intended", role::INTENDED);
        }
        let columns = series
            .buckets
            .iter()
            .map(|bucket| canvas.column(bucket.middle()));
        rows = (columns.zip(&series.buckets))
            .map(|(x, bucket)| row(x, bucket, counts))
            .collect();
    });
    Chart {
        id: id.into(),
        title: "Throughput over time".into(),
        takeaway: takeaway(record, group, series),
        description: format!(
            "Requests per second over {}: the intended rate as a dashed line, sent as a broad pale one, answered and failed as thin ones; what was due and not sent in its time is shaded.",
            seconds(series.end)
        ),
        plot: Some(Frame::WIDE.plot()),
        svg,
        table: Table {
            head: [
                "from, s",
                "planned/s",
                "sent/s",
                "answered/s",
                "failed/s",
                "not sent/s",
            ]
            .map(str::to_owned)
            .to_vec(),
            rows,
        },
    }
}

fn level(bucket: &Bucket, count: CountOf) -> Option<f64> {
    bucket.rate(count(bucket))
}

fn lines(canvas: &mut Canvas, group: &GroupRecord, series: &Series, counts: [CountOf; 4]) {
    let failed = if group.requests.dropped > 0 {
        "failed, dropped"
    } else {
        "failed"
    };
    let lines = [
        (counts[1], "sent", role::SENT, 15),
        (counts[2], "answered", role::ANSWERED, 5),
        (counts[3], failed, role::FAILED, 5),
    ];
    for (count, name, role, width) in lines {
        if name == failed && series.buckets.iter().all(|bucket| count(bucket) == 0) {
            continue;
        }
        let step = |bucket: &Bucket| Some((bucket.from, bucket.to, level(bucket, count)?));
        let steps: Vec<_> = series.buckets.iter().map(step).collect();
        let last = steps
            .iter()
            .rev()
            .flatten()
            .next()
            .map_or(0.0, |step| step.2);
        canvas.steps(&steps, role, width);
        canvas.end_label(last, name, role);
    }
}

/// Shades what was due and not sent in its time: it waited, or was given up.
fn unsent(canvas: &mut Canvas, group: &GroupRecord, series: &Series) {
    let gap = |bucket: &Bucket| {
        let (sent, due) = (
            bucket.rate(bucket.counts.sent)?,
            bucket.rate(bucket.counts.planned)?,
        );
        // One request more or less in a second is where its border fell.
        (due - sent > 1.5 / bucket.length()).then_some([bucket.from, bucket.to, sent, due])
    };
    let gaps: Vec<_> = series.buckets.iter().map(gap).collect();
    if group.rate.intended <= 0.0 || gaps.iter().all(Option::is_none) {
        return;
    }
    canvas.band(&gaps, role::UNSENT);
    let last = gaps.iter().rev().flatten().next();
    let middle = last.map_or(0.0, |[_, _, low, high]| f64::midpoint(*low, *high));
    canvas.end_label(middle, "due, not sent", role::UNSENT);
}

fn row(x: i32, bucket: &Bucket, counts: [CountOf; 4]) -> Row {
    let mut cells = vec![rate(bucket.from)];
    let shown = |count: u64| bucket.rate(count).map_or_else(|| "–".into(), rate);
    cells.extend(counts.map(|count| shown(count(bucket))));
    cells.push(shown(
        bucket.counts.planned.saturating_sub(bucket.counts.sent),
    ));
    Row { x: Some(x), cells }
}

fn intended(record: &Record, group: &GroupRecord, series: &Series) -> Vec<Option<(f64, f64)>> {
    // A constant rate needs its two ends only; a ramp is followed closely.
    let points = if load::is_constant(record, group) {
        1
    } else {
        200
    };
    let at = |n: u32| series.end * 0.999_999 * f64::from(n) / f64::from(points);
    (0..=points)
        .map(|n| Some((at(n), load::intended_at(record, group, at(n)))))
        .collect()
}

fn takeaway(record: &Record, group: &GroupRecord, series: &Series) -> String {
    if group.requests.sent == 0 {
        return "Nothing was sent.".into();
    }
    let drained = if series.drained > 0 {
        format!(
            " Another {} came after the end, when the last requests were waited for.",
            counted(series.drained, "answer")
        )
    } else {
        String::new()
    };
    let Some(sent) = sent(record, group) else {
        let completed = rate(group.rate.completed);
        return format!("{completed}/s were completed in closed loop.{drained}");
    };
    let answers = match group.requests.succeeded {
        n if n == group.requests.sent => "and every request was answered".to_owned(),
        0 => "and none was answered with success".to_owned(),
        n => format!(
            "and {} of them were answered with success",
            percent(n as f64 / group.requests.sent as f64)
        ),
    };
    format!("{sent}, {answers}.{drained}")
}

/// What was sent of what was intended; none where nothing was.
fn sent(record: &Record, group: &GroupRecord) -> Option<String> {
    let (counts, rates) = (group.requests, group.rate);
    let intended = format!("{}/s", load::intended(record, group, " to ")?);
    let mean = format!("{}/s", rate(rates.sent));
    let as_intended = (rates.sent / rates.intended - 1.0).abs() < 0.001;
    Some(if counts.sent < counts.planned {
        format!(
            "{mean} were sent, {} of the planned {} ({intended} intended)",
            percent(counts.sent as f64 / counts.planned as f64),
            counted(counts.planned, "request")
        )
    } else if load::is_constant(record, group) && as_intended {
        format!("The intended {intended} were sent")
    } else {
        // A ramp, or arrivals that were drawn: their mean is no rate that was intended.
        format!(
            "All {} were sent, {mean} on average where {intended} was intended",
            counted(counts.planned, "planned request")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic;

    fn chart(record: &Record) -> Chart {
        let group = &record.groups[0];
        throughput("t", record, group, &Series::of(record, group.label()))
    }

    #[test]
    fn what_was_due_and_not_sent_is_shaded_and_counted() {
        let shade = role::hex(role::UNSENT);
        let chart_of_a_calm_run = chart(&synthetic::clean());
        assert!(!chart_of_a_calm_run.svg.wide.contains(&shade));
        let chart = chart(&synthetic::overloaded());
        assert!(chart.svg.wide.contains(&shade) && chart.svg.narrow.contains(&shade));
        let unsent: Vec<_> = chart.table.rows.iter().map(|row| &row.cells[5]).collect();
        assert_eq!(unsent[4..9], ["0", "200", "200", "200", "0"]);
    }
}
