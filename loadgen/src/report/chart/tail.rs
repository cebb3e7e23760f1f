//! Tail ownership: each replica's share of the traffic beside its share of the slowest requests.

use plotters::style::text_anchor::HPos;

use super::super::chance;
use super::super::format::{counted, share, span};
use super::super::sentences::plain;
use super::diagram::pictures;
use super::{Chart, Row, Table, role, short_name};
use crate::record::GroupRecord;

/// Where bars begin and how long the whole is: on a page, and on a phone.
const BARS: [(i32, i32); 2] = [(260, 1_040), (4, 480)];
const ROW: i32 = 96;
/// On a phone a name stands above its bars.
const NAME: i32 = 40;

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
    let svg = pictures(
        [rows * ROW + 10, rows * (ROW + NAME) + 10],
        |picture, narrow| {
            let (left, full) = BARS[usize::from(narrow)];
            let above = if narrow { NAME } else { 0 };
            for (place, replica) in group.replicas.iter().enumerate() {
                let top = i32::try_from(place).unwrap_or(0) * (ROW + above) + 8 + above;
                let name = short_name(&replica.id);
                if narrow {
                    picture.text((left, top - 22), &name, role::INK, 30, HPos::Left);
                } else {
                    picture.text((left - 20, top + 32), &name, role::INK, 27, HPos::Right);
                }
                let bars = [
                    (replica.share, role::AXIS, "of the traffic"),
                    (replica.tail_share, role::replica(place), "of the tail"),
                ];
                for (n, (part, role, what)) in bars.into_iter().enumerate() {
                    let y = top + i32::try_from(n).unwrap_or(0) * 36;
                    let length = ((f64::from(full) * part.clamp(0.0, 1.0)) as i32).max(2);
                    picture.rect([(left, y), (left + length, y + 26)], role, true);
                    let text = format!("{} {what}", share(part));
                    picture.text(
                        (left + length + 12, y + 13),
                        &text,
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

/// The replica whose part of the tail departs most from its part of the traffic.
fn takeaway(group: &GroupRecord) -> String {
    let excess = |replica: &&crate::record::ReplicaRecord| replica.tail_share - replica.share;
    let owner = group
        .replicas
        .iter()
        .max_by(|a, b| excess(a).total_cmp(&excess(b)));
    let p99 = span(group.response_time.p99 as f64);
    let slow = group.response_time.count as f64 * 0.01;
    let Some(owner) = owner else {
        return String::new();
    };
    let parts = format!(
        "{} took {} of the traffic and {} of the requests slower than {p99}",
        short_name(&owner.id),
        share(owner.share),
        share(owner.tail_share)
    );
    if chance::departs(owner.tail_share, owner.share, slow) {
        format!("{parts}.")
    } else {
        let count = counted(slow.round() as u64, "such request");
        format!("{parts}; with {count} that is within chance.")
    }
}
