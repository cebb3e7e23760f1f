//! The three books as a picture: what the client sent, the proxy took and the replicas counted.

use plotters::style::text_anchor::HPos;

use super::super::GroupRecord;
use super::super::figures::{grouped, signed};
use super::super::sentences;
use super::canvas::{Picture, picture};
use super::{Chart, Row, Table, role};
use crate::checks::{BookVerdict, Residual};

const BOX: (i32, i32) = (400, 170);
const TOP: i32 = 30;

/// The picture of one group.
pub(in crate::report) fn books(id: &str, group: &GroupRecord) -> Chart {
    let check = &group.crosscheck;
    let most = ["proxy", "replicas"].map(|book| of_book(&check.residuals, book).count());
    let lines = i32::try_from(most.into_iter().max().unwrap_or(0)).unwrap_or(0);
    let height = u32::try_from(TOP + BOX.1 + 30 + 40 * lines.max(1)).unwrap_or(400);
    let svg = picture((1600, height), |picture| {
        let books = [
            ("client sent", Some(check.client)),
            ("proxy took", check.proxy),
            ("replicas counted", check.replicas),
        ];
        for (place, (name, count)) in books.into_iter().enumerate() {
            draw_box(picture, left(place), name, count);
            if place > 0 {
                arrow(
                    picture,
                    left(place - 1) + BOX.0,
                    left(place),
                    sign(check.client, count, check.verdict),
                );
            }
        }
        for (place, book) in [(1, "proxy"), (2, "replicas")] {
            let mut y = TOP + BOX.1 + 34;
            for residual in of_book(&check.residuals, book) {
                let text = format!(
                    "{} {}",
                    signed(residual.count),
                    sentences::plain(&residual.name)
                );
                picture.text(
                    (left(place) + BOX.0 / 2, y),
                    &text,
                    role::INK,
                    31,
                    HPos::Center,
                );
                y += 40;
            }
        }
    });
    Chart {
        id: id.into(),
        title: "The three books".into(),
        takeaway: sentences::books(group),
        description: "Three independent counts of the same requests, from left to right; what a book has beyond the client's is named below it.".into(),
        plot: None,
        svg,
        table: table(group),
    }
}

fn of_book<'a>(residuals: &'a [Residual], book: &'a str) -> impl Iterator<Item = &'a Residual> {
    residuals
        .iter()
        .filter(move |residual| residual.book == book)
}

fn left(place: usize) -> i32 {
    i32::try_from(place).unwrap_or(0) * (1600 - BOX.0 - 4) / 2 + 2
}

fn sign(client: u64, count: Option<u64>, verdict: BookVerdict) -> &'static str {
    match count {
        None => "?",
        Some(count) if count == client => "=",
        Some(_) if verdict == BookVerdict::Disagree => "≠",
        Some(_) => "explained",
    }
}

fn draw_box(picture: &Picture, left: i32, name: &str, count: Option<u64>) {
    let corners = [(left, TOP), (left + BOX.0, TOP + BOX.1)];
    picture.rect(corners, role::BOX, true);
    picture.rect(corners, role::AXIS, false);
    let middle = left + BOX.0 / 2;
    picture.text((middle, TOP + 44), name, role::FAINT, 33, HPos::Center);
    match count {
        Some(count) => picture.text(
            (middle, TOP + 110),
            &grouped(count),
            role::INK,
            66,
            HPos::Center,
        ),
        None => picture.text(
            (middle, TOP + 110),
            "not readable",
            role::FAINT,
            40,
            HPos::Center,
        ),
    }
}

fn arrow(picture: &Picture, from: i32, to: i32, sign: &str) {
    let y = TOP + BOX.1 / 2 + 24;
    picture.line(vec![(from + 14, y), (to - 30, y)], role::AXIS, 3);
    picture.polygon(
        vec![(to - 32, y - 11), (to - 12, y), (to - 32, y + 11)],
        role::AXIS,
    );
    let size = if sign.chars().count() == 1 { 56 } else { 31 };
    picture.text(
        (i32::midpoint(from, to), y - 38),
        sign,
        role::INK,
        size,
        HPos::Center,
    );
}

fn table(group: &GroupRecord) -> Table {
    let check = &group.crosscheck;
    let row = |book: &str, entry: &str, count: String, note: &str| Row {
        x: None,
        cells: vec![book.into(), entry.into(), count, note.into()],
    };
    let book = |count: Option<u64>| count.map_or_else(|| "–".into(), grouped);
    let mut rows = vec![row(
        "client",
        "sent",
        grouped(check.client),
        "measured part only",
    )];
    for (name, count) in [("proxy", check.proxy), ("replicas", check.replicas)] {
        rows.push(row(name, "counted", book(count), "own traffic taken out"));
        for residual in of_book(&check.residuals, name) {
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
            &sentences::plain(&own.book),
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
        head: ["book", "entry", "requests", "note"]
            .map(str::to_owned)
            .to_vec(),
        rows,
    }
}
