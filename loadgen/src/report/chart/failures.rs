//! What failed, and when: stacked by kind.

use std::collections::BTreeMap;

use super::super::format::{counted, grouped, percent};
use super::super::sentences::plain;
use super::super::series::Series;
use super::axis::Axis;
use super::canvas::{Frame, draw};
use super::{Chart, Row, Table, role};
use crate::record::GroupRecord;

/// Kinds drawn apart; all others are one.
const APART: usize = 4;

/// The chart of one group; none where nothing failed.
pub(in crate::report) fn failures(id: &str, group: &GroupRecord, series: &Series) -> Option<Chart> {
    let kinds = kinds(series);
    if kinds.is_empty() {
        return None;
    }
    let names: Vec<_> = kinds
        .iter()
        .take(APART)
        .map(|(kind, _)| kind.clone())
        .collect();
    let mut layers: Vec<(String, Vec<u64>)> = names
        .iter()
        .map(|kind| (plain(kind), of_kind(series, kind)))
        .collect();
    if kinds.len() > APART {
        let others = series.buckets.iter().map(|bucket| {
            let other = bucket
                .failures
                .iter()
                .filter(|(kind, _)| !names.contains(kind));
            other.map(|(_, count)| count).sum()
        });
        layers.push(("others".into(), others.collect()));
    }
    let per_second = |place: usize, count: u64| series.buckets[place].rate(count);
    let most = (0..series.buckets.len())
        .filter_map(|place| per_second(place, layers.iter().map(|layer| layer.1[place]).sum()));
    let (x, y) = (
        Axis::time(series.end).marked(&series.marks),
        Axis::counts(most.fold(0.0, f64::max), "failures per second"),
    );
    let svg = draw(Frame::WIDE, &x, &y, |canvas| {
        let mut floors = vec![0.0; series.buckets.len()];
        for (n, (kind, counts)) in layers.iter().enumerate() {
            let levels: Vec<_> = counts
                .iter()
                .enumerate()
                .map(|(place, count)| {
                    let (low, height) = (floors[place], per_second(place, *count)?);
                    floors[place] += height;
                    let bucket = &series.buckets[place];
                    Some([bucket.from, bucket.to, low, floors[place]])
                })
                .collect();
            canvas.band(&levels, role::failure(n));
            let last = levels.iter().rev().flatten().next();
            let middle = last.map_or(0.0, |[_, _, low, high]| f64::midpoint(*low, *high));
            let name = if kind.starts_with(|c: char| c.is_ascii_digit()) {
                format!("status {kind}")
            } else {
                kind.clone()
            };
            canvas.end_label(middle, &name, role::failure(n));
        }
    });
    Some(Chart {
        id: id.into(),
        title: "What failed, and when".into(),
        takeaway: takeaway(group, series, &kinds),
        description: "Failures per second, stacked by kind: answers that are neither 2xx nor 3xx by their status, requests without an answer by what stopped them.".into(),
        plot: None,
        svg,
        table: table(series, &kinds),
    })
}

/// Every kind with its count, most frequent first.
fn kinds(series: &Series) -> Vec<(String, u64)> {
    let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
    for (kind, count) in series.buckets.iter().flat_map(|bucket| &bucket.failures) {
        *sums.entry(kind).or_default() += count;
    }
    let mut kinds: Vec<_> = sums
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(kind, count)| (kind.to_owned(), count))
        .collect();
    kinds.sort_by_key(|kind| std::cmp::Reverse(kind.1));
    kinds
}

fn of_kind(series: &Series, kind: &str) -> Vec<u64> {
    series
        .buckets
        .iter()
        .map(|bucket| bucket.failures.get(kind).copied().unwrap_or(0))
        .collect()
}

fn seen(series: &Series, kind: &str) -> Vec<f64> {
    let with = series
        .buckets
        .iter()
        .filter(|bucket| bucket.failures.get(kind).is_some_and(|count| *count > 0));
    with.map(|bucket| bucket.from).collect()
}

fn takeaway(group: &GroupRecord, series: &Series, kinds: &[(String, u64)]) -> String {
    let failed = group.requests.failed;
    let share = failed as f64 / group.requests.sent.max(1) as f64;
    let (kind, count) = &kinds[0];
    let first = series
        .buckets
        .iter()
        .find(|bucket| bucket.failures.get(kind).is_some_and(|count| *count > 0));
    let first = first.map_or_else(String::new, |bucket| {
        format!(", first in {}", bucket.name())
    });
    let main = match *count {
        all if all == failed => "all of them".to_owned(),
        most if most * 2 > failed => format!("most of them ({})", grouped(most)),
        some => format!("the largest part ({})", grouped(some)),
    };
    let kind = if kind.starts_with(|c: char| c.is_ascii_digit()) {
        format!("status {kind}")
    } else {
        plain(kind)
    };
    format!(
        "{} failed, {} of those sent; {main} with {kind}{first}.",
        counted(failed, "request"),
        percent(share),
    )
}

fn table(series: &Series, kinds: &[(String, u64)]) -> Table {
    let row = |(kind, count): &(String, u64)| {
        let seen = seen(series, kind);
        let second = |at: Option<&f64>| at.map_or_else(|| "–".into(), |at| format!("{at:.0}"));
        Row {
            x: None,
            cells: vec![
                plain(kind),
                grouped(*count),
                second(seen.first()),
                second(seen.last()),
            ],
        }
    };
    Table {
        head: ["kind", "requests", "first, s", "last, s"]
            .map(str::to_owned)
            .to_vec(),
        rows: kinds.iter().map(row).collect(),
    }
}
