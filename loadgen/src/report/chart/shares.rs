//! The share of each replica over time, with the share its policy gives it.

use super::super::format::{percent, rate, share};
use super::super::series::{Bucket, Series};
use super::axis::Axis;
use super::canvas::{Canvas, Frame, draw};
use super::{Chart, Row, Table, role, short_name};
use crate::record::{GroupRecord, ReplicaRecord};

/// Answers per replica in a time in which one without any got nothing by no chance.
const ENOUGH: u64 = 20;

/// The chart of one group.
pub(in crate::report) fn shares(id: &str, group: &GroupRecord, series: &Series) -> Chart {
    let (x, y) = (
        Axis::time(series.end).marked(&series.marks),
        Axis::share("share of the answers"),
    );
    let mut rows = Vec::new();
    let svg = draw(Frame::WIDE, &x, &y, |canvas| {
        if group.replicas.iter().all(|replica| replica.requests == 0) {
            canvas.label_inside(series.end / 2.0, 0.5, "no answer named a replica");
        }
        bands(canvas, group, series);
        expected(canvas, group);
        rows = series
            .buckets
            .iter()
            .map(|bucket| row(canvas.column(bucket.middle()), bucket, group))
            .collect();
    });
    let mut head = vec!["from, s".to_owned()];
    head.extend(group.replicas.iter().map(|replica| short_name(&replica.id)));
    Chart {
        id: id.into(),
        title: "Share per replica over time".into(),
        takeaway: takeaway(group, series),
        description: "Each band is a replica's share of the answers in that time; dashed lines are where the declared policy puts the borders.".into(),
        plot: Some(Frame::WIDE.plot()),
        svg,
        table: Table { head, rows },
    }
}

fn bands(canvas: &mut Canvas, group: &GroupRecord, series: &Series) {
    let mut floors = vec![0.0; series.buckets.len()];
    for (place, replica) in group.replicas.iter().enumerate() {
        let levels: Vec<_> = (series.buckets.iter().zip(&mut floors))
            .map(|(bucket, floor)| {
                let (low, part) = (*floor, part(bucket, replica)?);
                *floor += part;
                Some([bucket.from, bucket.to, low, *floor])
            })
            .collect();
        canvas.band(&levels, role::replica(place));
        // A border between bands, for those who do not see their colours.
        let top = |level: &Option<[f64; 4]>| level.map(|[from, to, _, high]| (from, to, high));
        let tops: Vec<_> = levels.iter().map(top).collect();
        canvas.steps(&tops, role::PAPER, 3);
        let last = levels.iter().rev().flatten().next();
        let middle = last.map_or(0.0, |[_, _, low, high]| f64::midpoint(*low, *high));
        canvas.end_label(middle, &short_name(&replica.id), role::replica(place));
    }
}

/// The borders that the declared policy gives, on a pale line so that they show on any band.
fn expected(canvas: &mut Canvas, group: &GroupRecord) {
    let mut expected = 0.0;
    for replica in group.replicas.iter().rev().skip(1).rev() {
        let Some(share) = replica.expected_share else {
            continue;
        };
        expected += share;
        canvas.rule(expected, role::PAPER, 5);
        canvas.rule(expected, role::INTENDED, 3);
    }
}

fn row(x: i32, bucket: &Bucket, group: &GroupRecord) -> Row {
    let mut cells = vec![rate(bucket.from)];
    cells.extend(
        group
            .replicas
            .iter()
            .map(|replica| part(bucket, replica).map_or_else(|| "–".into(), share)),
    );
    Row { x: Some(x), cells }
}

/// A replica's share in a bucket; none where nobody was named.
fn part(bucket: &Bucket, replica: &ReplicaRecord) -> Option<f64> {
    let all: u64 = bucket
        .replicas
        .values()
        .map(|replica| replica.requests)
        .sum();
    let ours = bucket
        .replicas
        .get(&replica.id)
        .map_or(0, |replica| replica.requests);
    (all > 0).then(|| ours as f64 / all as f64)
}

fn takeaway(group: &GroupRecord, series: &Series) -> String {
    let named: Vec<_> = group
        .replicas
        .iter()
        .filter(|replica| replica.requests > 0)
        .collect();
    if named.is_empty() {
        return "No answer named a replica, so there are no shares.".into();
    }
    if let Some(sentence) = silence(group, series) {
        return sentence;
    }
    let off = group
        .replicas
        .iter()
        .filter_map(|replica| Some((replica, (replica.share - replica.expected_share?).abs())));
    match off.max_by(|a, b| a.1.total_cmp(&b.1)) {
        Some((_, off)) if off < 0.000_5 => format!(
            "Each of {} replicas had the share of the answers that {} gives it.",
            group.replicas.len(),
            group.balance.policy
        ),
        Some((replica, _)) => format!(
            "{} had {} of the answers, where {} gives it {}.",
            short_name(&replica.id),
            percent(replica.share),
            group.balance.policy,
            percent(replica.expected_share.unwrap_or(0.0))
        ),
        None => format!(
            "{} replicas answered; the policy {} fixes no share.",
            named.len(),
            group.balance.policy
        ),
    }
}

/// The replica that first got nothing while others answered enough for its turn to come.
fn silence(group: &GroupRecord, series: &Series) -> Option<String> {
    let enough = |bucket: &&Bucket| {
        let all: u64 = bucket.replicas.values().map(|part| part.requests).sum();
        all >= ENOUGH * group.replicas.len() as u64
    };
    let telling: Vec<_> = series.buckets.iter().filter(enough).collect();
    let silent = |replica: &ReplicaRecord, bucket: &Bucket| {
        let due = replica.expected_share.is_none_or(|share| share > 0.0);
        due && part(bucket, replica) == Some(0.0)
    };
    let first = telling.iter().find_map(|bucket| {
        let replica = group
            .replicas
            .iter()
            .find(|replica| silent(replica, bucket));
        replica.map(|replica| (replica, *bucket))
    });
    let (replica, bucket) = first?;
    let times = telling
        .iter()
        .filter(|bucket| silent(replica, bucket))
        .count();
    Some(format!(
        "{} got nothing for {} of the run, first in {}.",
        short_name(&replica.id),
        percent(times as f64 / series.buckets.len() as f64),
        bucket.name()
    ))
}
