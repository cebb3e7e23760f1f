//! The three counts as a picture: what the client sent, the proxy took and the replicas counted.

use plotters::style::text_anchor::HPos;

use super::super::format::{grouped, signed};
use super::super::sentences;
use super::diagram::{Diagram, NARROW, WIDE, pictures};
use super::role::Role;
use super::{Chart, Row, Table, role};
use crate::record::{CountVerdict, CrossCheck, GroupRecord, Residual};

/// A box on a page; on a phone it is as wide as that.
const BOX: (i32, i32) = (400, 170);
const TOP: i32 = 14;
const LINE: i32 = 40;

/// The picture of one group.
pub(in crate::report) fn counts(id: &str, group: &GroupRecord) -> Chart {
    let check = &group.crosscheck;
    let below = ["client", "proxy", "replicas"].map(|side| entries(check, side));
    let all: usize = below.iter().map(Vec::len).sum();
    let most = below.iter().map(Vec::len).max().unwrap_or(0);
    let high = |lines: usize| i32::try_from(lines).unwrap_or(0) * LINE;
    let heights = [
        TOP + BOX.1 + 30 + high(most),
        3 * (BOX.1 + 100) - 90 + high(all),
    ];
    let svg = pictures(heights, |picture, narrow| {
        let checked = [
            ("client sent", Some(check.client)),
            ("proxy took", check.proxy),
            ("replicas counted", check.replicas),
        ];
        let mut top = TOP;
        for (place, (name, count)) in checked.into_iter().enumerate() {
            let (left, wide) = if narrow {
                (2, NARROW - 4)
            } else {
                (left(place), BOX.0)
            };
            let middle = left + wide / 2;
            if place > 0 {
                let sign = sign(check.client, count, check.verdict);
                if narrow {
                    picture.arrow((middle, top - 84), (middle, top - 14));
                    picture.text(
                        (middle + 34, top - 48),
                        sign,
                        role::INK,
                        size(sign),
                        HPos::Left,
                    );
                } else {
                    let y = top + BOX.1 / 2 + 24;
                    let from = self::left(place - 1) + BOX.0;
                    picture.arrow((from + 14, y), (left - 12, y));
                    let between = (i32::midpoint(from, left), y - 38);
                    picture.text(between, sign, role::INK, size(sign), HPos::Center);
                }
            }
            picture.station([(left, top), (left + wide, top + BOX.1)]);
            written(picture, (middle, top), name, count);
            let mut y = top + BOX.1 + 32;
            for (text, role) in &below[place] {
                picture.text((middle, y), text, *role, 28, HPos::Center);
                y += LINE;
            }
            if narrow {
                top = y + 70;
            }
        }
    });
    Chart {
        id: id.into(),
        title: "The three counts".into(),
        takeaway: sentences::counts(group),
        description: "Three independent counts of the same requests, from left to right; what a count has beyond the client's is named below it.".into(),
        plot: None,
        svg,
        table: table(group),
    }
}

/// What stands under a count: what it has beyond the client's, and what was taken out before.
fn entries(check: &CrossCheck, side: &str) -> Vec<(String, Role)> {
    let line = |sign: String, residual: &Residual, role| {
        let name: String = sentences::plain(&residual.name).chars().take(28).collect();
        (format!("{sign} {name}"), role)
    };
    let named = of_side(&check.residuals, side)
        .map(|residual| line(signed(residual.count), residual, role::INK));
    let excluded = of_side(&check.excluded, side).map(|residual| {
        let count = grouped(residual.count.unsigned_abs());
        line(format!("without {count}"), residual, role::FAINT)
    });
    named.chain(excluded).collect()
}

fn of_side<'a>(residuals: &'a [Residual], side: &'a str) -> impl Iterator<Item = &'a Residual> {
    residuals
        .iter()
        .filter(move |residual| residual.side == side)
}

fn left(place: usize) -> i32 {
    i32::try_from(place).unwrap_or(0) * (WIDE - BOX.0 - 4) / 2 + 2
}

/// A sign is read from afar, a word is not.
fn size(sign: &str) -> i32 {
    if sign.chars().count() == 1 { 52 } else { 27 }
}

fn sign(client: u64, count: Option<u64>, verdict: CountVerdict) -> &'static str {
    match count {
        None => "?",
        Some(count) if count == client => "=",
        Some(_) if verdict == CountVerdict::Disagree => "≠",
        Some(_) => "explained",
    }
}

fn written(picture: &Diagram, (middle, top): (i32, i32), name: &str, count: Option<u64>) {
    picture.text((middle, top + 44), name, role::FAINT, 29, HPos::Center);
    let (text, role, size) = match count {
        Some(count) => (grouped(count), role::INK, 58),
        None => ("not readable".into(), role::FAINT, 36),
    };
    picture.text((middle, top + 110), &text, role, size, HPos::Center);
}

fn table(group: &GroupRecord) -> Table {
    let check = &group.crosscheck;
    let row = |side: &str, entry: &str, count: String, note: &str| Row {
        x: None,
        cells: vec![side.into(), entry.into(), count, note.into()],
    };
    let side = |count: Option<u64>| count.map_or_else(|| "–".into(), grouped);
    let mut rows = vec![row(
        "client",
        "sent",
        grouped(check.client),
        "measured part only",
    )];
    for (name, count) in [("proxy", check.proxy), ("replicas", check.replicas)] {
        rows.push(row(name, "counted", side(count), "own traffic taken out"));
        for residual in of_side(&check.residuals, name) {
            rows.push(row(
                name,
                &sentences::plain(&residual.name),
                signed(residual.count),
                &sentences::plain(residual.note.as_deref().unwrap_or("")),
            ));
        }
    }
    for own in &check.excluded {
        rows.push(row(
            &sentences::plain(&own.side),
            &sentences::plain(&own.name),
            grouped(own.count.unsigned_abs()),
            sentences::plain(
                own.note
                    .as_deref()
                    .unwrap_or("own traffic, taken out before"),
            )
            .as_str(),
        ));
    }
    rows.push(row("all", "unexplained", grouped(check.unnamed), ""));
    Table {
        head: ["count of", "entry", "requests", "note"]
            .map(str::to_owned)
            .to_vec(),
        rows,
    }
}
