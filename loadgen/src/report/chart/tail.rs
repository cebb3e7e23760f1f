//! Tail ownership: each replica's share of the traffic beside its share of the slowest requests.

use plotters::style::text_anchor::HPos;

use super::super::GroupRecord;
use super::super::figures::{share, span};
use super::super::sentences::plain;
use super::canvas::picture;
use super::{Chart, Row, Table, role, short_name};

const LEFT: i32 = 260;
const FULL: i32 = 1_040;
const ROW: i32 = 96;

/// The chart of one group; none where there is nothing to compare.
pub(in crate::report) fn tail(id: &str, group: &GroupRecord) -> Option<Chart> {
    let owned: f64 = group
        .replicas
        .iter()
        .map(|replica| replica.tail_share)
        .sum();
    if group.replicas.len() < 2 || owned <= 0.0 {
        return None;
    }
    let rows = i32::try_from(group.replicas.len()).unwrap_or(1);
    let svg = picture(
        (1600, u32::try_from(rows * ROW + 10).unwrap_or(200)),
        |picture| {
            for (place, replica) in group.replicas.iter().enumerate() {
                let top = i32::try_from(place).unwrap_or(0) * ROW + 8;
                picture.text(
                    (LEFT - 20, top + 32),
                    &short_name(&replica.id),
                    role::INK,
                    31,
                    HPos::Right,
                );
                let bars = [
                    (replica.share, role::AXIS, "of the traffic"),
                    (replica.tail_share, role::replica(place), "of the tail"),
                ];
                for (n, (part, role, what)) in bars.into_iter().enumerate() {
                    let y = top + i32::try_from(n).unwrap_or(0) * 36;
                    let length = ((f64::from(FULL) * part.clamp(0.0, 1.0)) as i32).max(2);
                    picture.rect([(LEFT, y), (LEFT + length, y + 26)], role, true);
                    picture.text(
                        (LEFT + length + 12, y + 13),
                        &format!("{} {what}", share(part)),
                        role::FAINT,
                        27,
                        HPos::Left,
                    );
                }
            }
        },
    );
    Some(Chart {
        id: id.into(),
        title: "Who owns the tail".into(),
        takeaway: takeaway(group),
        description: "For each replica, its share of all answers and its share of the answers slower than the group's p99. Equal bars are fair.".into(),
        plot: None,
        svg,
        table: Table {
            head: ["replica", "share of traffic", "share of tail"].map(str::to_owned).to_vec(),
            rows: group.replicas.iter().map(|replica| Row { x: None, cells: vec![plain(&replica.id), share(replica.share), share(replica.tail_share)] }).collect(),
        },
    })
}

fn takeaway(group: &GroupRecord) -> String {
    let excess = |replica: &&super::super::ReplicaRecord| replica.tail_share - replica.share;
    let owner = group
        .replicas
        .iter()
        .max_by(|a, b| excess(a).total_cmp(&excess(b)));
    let p99 = span(group.response_time.p99 as f64);
    match owner {
        Some(owner) if excess(&owner) > 0.15 => format!(
            "{} took {} of the traffic and {} of the requests slower than {p99}.",
            short_name(&owner.id),
            share(owner.share),
            share(owner.tail_share)
        ),
        _ => format!(
            "The requests slower than {p99} are spread as the traffic is: no replica owns the tail."
        ),
    }
}
