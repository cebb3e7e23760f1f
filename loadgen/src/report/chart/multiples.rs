//! One small panel per replica, all with the same axes, so that the odd one is seen at a glance.

use super::super::chance;
use super::super::format::{TimeUnit, rate, span};
use super::super::series::Series;
use super::axis::Axis;
use super::canvas::{Frame, panels};
use super::svg::Drawing;
use super::{Chart, Row, Table, role, short_name};
use crate::record::{GroupRecord, Quantiles, ReplicaRecord};

/// Panels drawn; more would be a wall.
const MOST: usize = 12;
const HIGH: u32 = 330;

type FigureOf = fn(&Quantiles) -> u64;

/// The chart of one group; none with fewer than two replicas that answered.
pub(in crate::report) fn multiples(
    id: &str,
    group: &GroupRecord,
    series: &Series,
) -> Option<Chart> {
    let shown: Vec<_> = group.replicas.iter().take(MOST).collect();
    let values = || {
        series
            .buckets
            .iter()
            .flat_map(|bucket| bucket.replicas.values())
            .filter(|part| part.response.count > 0)
    };
    let least = values().map(|part| part.response.p50).min()?;
    let most = values().map(|part| part.response.p99).max()?;
    if shown.len() < 2 {
        return None;
    }
    let (x, y) = (
        Axis::time(series.end).marked(&series.marks).sparse(),
        Axis::latency(least, most, ""),
    );
    let paint = |place: usize, canvas: &mut super::canvas::Canvas| {
        let replica = shown[place];
        canvas.name(&format!(
            "{}, p99 {}",
            short_name(&replica.id),
            span(replica.response_time.p99 as f64)
        ));
        let figures: [(FigureOf, _, _); 2] = [
            (|q| q.p99, role::PERCENTILES[2], 3),
            (|q| q.p50, role::PERCENTILES[0], 4),
        ];
        for (figure, role, width) in figures {
            let points: Vec<_> = series
                .buckets
                .iter()
                .map(|bucket| {
                    let part = bucket
                        .replicas
                        .get(&replica.id)
                        .filter(|part| part.response.count > 0)?;
                    Some((bucket.middle(), figure(&part.response) as f64))
                })
                .collect();
            canvas.line(&points, role, width);
        }
    };
    let svg = Drawing {
        wide: panels(&frames(shown.len(), false), &x, &y, paint),
        narrow: panels(&frames(shown.len(), true), &x, &y, paint),
        narrow_plot: [0; 4],
    };
    let unit = TimeUnit::spanning(least, most);
    Some(Chart {
        id: id.into(),
        title: "Each replica by itself".into(),
        takeaway: takeaway(group),
        description: "p50 (dark) and p99 (lighter) of each replica's response time; all panels have the same scales.".into(),
        plot: None,
        svg,
        table: Table {
            head: std::iter::once("from, s".to_owned()).chain(shown.iter().map(|replica| format!("{} p99, {}", short_name(&replica.id), unit.sign()))).collect(),
            rows: series.buckets.iter().map(|bucket| Row {
                x: None,
                cells: std::iter::once(rate(bucket.from)).chain(shown.iter().map(|replica| {
                    let part = bucket.replicas.get(&replica.id).filter(|part| part.response.count > 0);
                    part.map_or_else(|| "–".into(), |part| unit.of(part.response.p99))
                })).collect(),
            }).collect(),
        },
    })
}

/// Two or three panels a line; on a phone one.
fn frames(count: usize, narrow: bool) -> Vec<Frame> {
    let across = match count {
        _ if narrow => 1,
        n if n.is_multiple_of(3) => 3,
        _ => 2,
    };
    let count = count as u32;
    let whole = if narrow { 760 } else { 1600 };
    let size = (whole, count.div_ceil(across) * HIGH);
    let wide = size.0 / across;
    let frame = |place: u32| {
        let (column, line) = (place % across, place / across);
        let (left, top) = (column * wide + 110, line * HIGH + 56);
        Frame {
            size,
            left,
            right: size.0 - (column + 1) * wide + 24,
            top,
            bottom: size.1 - (line + 1) * HIGH + 62,
            narrow,
        }
    };
    (0..count).map(frame).collect()
}

/// Who is slower than whom, where their p99s are further apart than chance leaves them.
fn takeaway(group: &GroupRecord) -> String {
    let answered = || {
        group
            .replicas
            .iter()
            .filter(|replica| replica.response_time.count > 0)
    };
    let p99 = |replica: &ReplicaRecord| span(replica.response_time.p99 as f64);
    let slow = answered().max_by_key(|replica| replica.response_time.p99);
    let fast = answered().min_by_key(|replica| replica.response_time.p99);
    let (Some(slow), Some(fast)) = (slow, fast) else {
        return "No answer named a replica.".into();
    };
    if slow.id == fast.id {
        return format!(
            "Only {} answered, with a p99 of {}.",
            short_name(&slow.id),
            p99(slow)
        );
    }
    let range = |replica: &ReplicaRecord| {
        let times = replica.response_time.histogram().ok()?;
        chance::range(&times, 0.99)
    };
    match (range(fast), range(slow)) {
        (Some((_, most)), Some((least, _))) if most < least => format!(
            "{} is the slowest with a p99 of {}, against {} of {}.",
            short_name(&slow.id),
            p99(slow),
            p99(fast),
            short_name(&fast.id)
        ),
        (Some(_), Some(_)) => format!(
            "Their p99s lie between {} and {}, no further apart than chance leaves them.",
            p99(fast),
            p99(slow)
        ),
        _ => format!(
            "Their p99s lie between {} and {}; with so few answers each that tells no difference.",
            p99(fast),
            p99(slow)
        ),
    }
}
