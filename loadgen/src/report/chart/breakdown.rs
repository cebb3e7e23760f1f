//! Where the time goes: from due to sent, over network, proxy and queues, and within the handler.
//!
//! Means add up, and so they make one bar; quantiles do not, and stand side by side below it.

use plotters::style::text_anchor::HPos;

use super::super::format::{percent, span};
use super::super::sentences::plain;
use super::diagram::{Diagram, NARROW, WIDE, pictures};
use super::role::Role;
use super::{Chart, Row, Table, role};
use crate::record::{BucketedQuantile, GroupRecord, ServerTime};

/// A part of the way, and its mean time in nanoseconds.
struct Part {
    name: &'static str,
    mean: f64,
    role: Role,
}

/// Height of a station, of the funnel below it, and of the bar.
const STATION: i32 = 150;
const FUNNEL: i32 = 64;
const BAR: i32 = 54;
const ROW: i32 = 64;

/// The picture of one group; none where nothing finished.
pub(in crate::report) fn breakdown(id: &str, group: &GroupRecord) -> Option<Chart> {
    if group.response_time.count == 0 {
        return None;
    }
    let parts = parts(group);
    let quantiles = group.server_time.as_ref().map_or(&[][..], |t| &t.quantiles);
    let rows = i32::try_from(quantiles.len()).unwrap_or(0);
    let bar = STATION + FUNNEL + BAR + 60;
    let ranges = if rows > 0 { rows * ROW + 80 } else { 0 };
    let svg = pictures(
        [bar + ranges, bar + ranges + rows * 34],
        |picture, narrow| {
            let width = if narrow { NARROW } else { WIDE };
            stations(picture, &parts, width);
            if rows > 0 {
                ranges_of(picture, quantiles, bar, narrow);
            }
        },
    );
    Some(Chart {
        id: id.into(),
        title: "Where the time goes".into(),
        takeaway: takeaway(group, &parts),
        description: "The mean response time, divided over the way of a request: before it left (from due to sent, the wait for a connection included), outside the replica's handler (network, proxy and every queue on the way), and in the handler, by the replica's own clock. Below, the replicas' own quantiles, known to a bucket, beside what the client saw.".into(),
        plot: None,
        svg,
        table: table(group, &parts),
    })
}

fn parts(group: &GroupRecord) -> Vec<Part> {
    let part = |name, mean, role| Part { name, mean, role };
    match &group.server_time {
        Some(time) => vec![
            part("before it left", time.lag_mean as f64, role::AXIS),
            part(
                "outside the handler",
                time.network_and_proxy_mean.max(0) as f64,
                role::SKY,
            ),
            part("in the handler", time.replica_mean as f64, role::ANSWERED),
        ],
        None => vec![
            part("before it left", group.send_lag.mean as f64, role::AXIS),
            part(
                "proxy and replica",
                group.service_time.mean as f64,
                role::ANSWERED,
            ),
        ],
    }
}

/// The stations of the way, and under them the bar in which each has its length.
fn stations(picture: &Diagram, parts: &[Part], width: i32) {
    let narrow = width == NARROW;
    let all: f64 = parts.iter().map(|part| part.mean).sum::<f64>().max(1.0);
    let count = i32::try_from(parts.len()).unwrap_or(1);
    let between = if narrow { 14 } else { 90 };
    let wide = (width - 4 - between * (count - 1)) / count;
    let top = 6;
    let bar = top + STATION + FUNNEL;
    let mut from = 2.0;
    for (place, part) in (0..).zip(parts) {
        let left = 2 + place * (wide + between);
        let to = from + f64::from(width - 4) * part.mean / all;
        let (start, stop) = (from as i32, (to as i32).max(from as i32 + 2));
        let (floor, foot) = (top + STATION, bar);
        picture.polygon(
            vec![
                (left, floor),
                (left + wide, floor),
                (stop, foot),
                (start, foot),
            ],
            role::FUNNEL,
        );
        picture.station([(left, top), (left + wide, floor)]);
        if place > 0 && !narrow {
            picture.arrow(
                (left - between + 10, top + STATION / 2),
                (left - 10, top + STATION / 2),
            );
        }
        let middle = left + wide / 2;
        let (small, large) = if narrow { (25, 37) } else { (27, 46) };
        picture.text(
            (middle, top + 32),
            part.name,
            role::FAINT,
            small,
            HPos::Center,
        );
        picture.text(
            (middle, top + 80),
            &span(part.mean),
            role::INK,
            large,
            HPos::Center,
        );
        let share = rounded(part.mean / all);
        picture.text(
            (middle, top + 124),
            &share,
            role::FAINT,
            small,
            HPos::Center,
        );
        picture.rect([(start, bar), (stop, bar + BAR)], part.role, true);
        if place > 0 {
            picture.line(vec![(start, bar), (start, bar + BAR)], role::PAPER, 5);
        }
        from = to;
    }
    let note = format!("mean response time {}", span(all));
    picture.text((2, bar + BAR + 30), "due", role::FAINT, 27, HPos::Left);
    picture.text(
        (width / 2, bar + BAR + 30),
        &note,
        role::FAINT,
        27,
        HPos::Center,
    );
    picture.text(
        (width - 2, bar + BAR + 30),
        "answered",
        role::FAINT,
        27,
        HPos::Right,
    );
}

/// For each quantile the replicas' bucket as a bar and the client's service time as a mark, on a
/// logarithmic scale.
fn ranges_of(picture: &Diagram, quantiles: &[BucketedQuantile], top: i32, narrow: bool) {
    let (left, right) = if narrow {
        (90, NARROW - 30)
    } else {
        (90, 1_000)
    };
    let reach = |one: &BucketedQuantile| one.upper.unwrap_or(one.lower * 2).max(one.client) as f64;
    let most = quantiles.iter().map(reach).fold(1e3, f64::max) * 1.3;
    let least = quantiles
        .iter()
        .map(|one| (one.lower as f64).max(1e3).min(one.client as f64));
    let least = (least.fold(f64::INFINITY, f64::min) / 1.6).max(500.0);
    let place = |nanos: f64| {
        let part = (nanos.max(least) / least).ln() / (most / least).ln();
        left + (f64::from(right - left) * part.clamp(0.0, 1.0)) as i32
    };
    let title = "the replica by its own clock (bar), the client's service time (line)";
    let title = if narrow {
        "bar: replica's own clock · line: service time"
    } else {
        title
    };
    picture.text((2, top + 40), title, role::FAINT, 27, HPos::Left);
    let row = if narrow { ROW + 34 } else { ROW };
    for (n, one) in (0..).zip(quantiles) {
        let y = top + 96 + n * row;
        let name = format!("p{}", (one.quantile * 1e3).round() / 10.0);
        picture.text((2, y), &name, role::INK, 28, HPos::Left);
        picture.line(vec![(left, y), (right, y)], role::GRID, 2);
        let upper = one.upper.map_or(most, |upper| upper as f64);
        let ends = [place(one.lower as f64), place(upper)];
        picture.rect(
            [(ends[0], y - 11), (ends[1].max(ends[0] + 6), y + 11)],
            role::ANSWERED,
            true,
        );
        let client = place(one.client as f64);
        picture.line(vec![(client, y - 22), (client, y + 22)], role::INK, 6);
        let text = format!(
            "{} in the replica, {} in all",
            bucket(one),
            span(one.client as f64)
        );
        let at = if narrow {
            (left, y + 40)
        } else {
            (right + 40, y)
        };
        picture.text(at, &text, role::FAINT, 27, HPos::Left);
    }
}

/// A bucket in words.
fn bucket(one: &BucketedQuantile) -> String {
    match one.upper {
        Some(upper) if one.lower == 0 => format!("at most {}", span(upper as f64)),
        Some(upper) => format!("{}–{}", span(one.lower as f64), span(upper as f64)),
        None => format!("over {}", span(one.lower as f64)),
    }
}

/// A share of a mean, which has no more than three digits to it.
fn rounded(share: f64) -> String {
    percent((share * 1e3).round() / 1e3)
}

fn takeaway(group: &GroupRecord, parts: &[Part]) -> String {
    let all: f64 = parts.iter().map(|part| part.mean).sum::<f64>().max(1.0);
    let shares: Vec<_> = parts
        .iter()
        .map(|part| format!("{} {}", part.name, rounded(part.mean / all)))
        .collect();
    let whole = format!("Of a mean of {}: {}.", span(all), shares.join(", "));
    match &group.server_time {
        None => format!(
            "{whole} The replicas tell no time of their own, so proxy and replica cannot be told apart."
        ),
        Some(ServerTime {
            network_and_proxy_mean,
            ..
        }) if *network_and_proxy_mean < 0 => {
            format!(
                "{whole} The replicas' own mean is the longer one, for it holds requests that are not in the client's."
            )
        }
        Some(_) => format!(
            "{whole} The replicas' own clock runs in their handlers: what waits for a replica's CPU or in its socket before that is outside of it, with network and proxy."
        ),
    }
}

fn table(group: &GroupRecord, parts: &[Part]) -> Table {
    let all: f64 = parts.iter().map(|part| part.mean).sum::<f64>().max(1.0);
    let row = |cells: [String; 3]| Row {
        x: None,
        cells: cells.to_vec(),
    };
    let mut rows: Vec<_> = parts
        .iter()
        .map(|part| {
            row([
                format!("mean, {}", part.name),
                span(part.mean),
                rounded(part.mean / all),
            ])
        })
        .collect();
    rows.push(row([
        "mean response time".into(),
        span(all),
        "100 %".into(),
    ]));
    if let Some(time) = &group.server_time {
        rows.extend(time.quantiles.iter().map(|one| {
            row([
                format!("p{} in the replica", (one.quantile * 1e3).round() / 10.0),
                bucket(one),
                format!("of {} in all", span(one.client as f64)),
            ])
        }));
        rows.push(row([
            "taken from".into(),
            plain(&time.metric),
            String::new(),
        ]));
    }
    Table {
        head: ["part", "time", "of the whole"].map(str::to_owned).to_vec(),
        rows,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic;

    fn group() -> GroupRecord {
        synthetic::timed(synthetic::clean()).groups.remove(0)
    }

    #[test]
    fn the_parts_add_up_to_the_mean_response_time() {
        let group = group();
        let sum: f64 = parts(&group).iter().map(|part| part.mean).sum();
        let mean = group.response_time.mean as f64;
        assert!((sum / mean - 1.0).abs() < 0.01, "{sum} against {mean}");
        let chart = breakdown("j", &group).expect("answers");
        assert!(
            chart.takeaway.contains("outside the handler 37"),
            "{}",
            chart.takeaway
        );
        assert!(chart.svg.wide.contains("p99") && chart.svg.narrow.contains("p99"));
    }

    #[test]
    fn replicas_that_tell_no_time_are_one_with_their_proxy() {
        let mut group = group();
        group.server_time = None;
        let chart = breakdown("j", &group).expect("answers");
        assert!(chart.takeaway.contains("cannot be told apart"));
        assert_eq!(chart.table.rows.len(), 3);
    }

    #[test]
    fn a_replica_that_claims_more_than_the_client_saw_leaves_nothing_to_the_network() {
        let mut group = group();
        let time = group.server_time.as_mut().expect("timed");
        time.network_and_proxy_mean = -20_000;
        time.replica_mean += 500_000;
        let chart = breakdown("j", &group).expect("answers");
        assert!(
            chart.takeaway.contains("the longer one"),
            "{}",
            chart.takeaway
        );
        assert!(!chart.svg.wide.contains("points=\"-"));
    }

    #[test]
    fn nothing_finished_is_no_picture() {
        let mut group = group();
        group.response_time = crate::record::Quantiles::default();
        assert!(breakdown("j", &group).is_none());
    }
}
