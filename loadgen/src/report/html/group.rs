//! One host group's section: its numbers, then its charts in a fixed order.

use askama::Template;

use super::super::chart::{self, Chart};
use super::super::format::{TimeUnit, grouped, rate, share, span};
use super::super::load;
use super::super::sentences::{self, plain};
use super::super::series::Series;
use crate::record::{Balance, CountVerdict, GroupRecord, Quantiles, Record, RequestRecord};

/// The section of one group; `id` is its anchor.
pub(super) fn section(id: &str, record: &Record, group: &GroupRecord) -> String {
    let series = Series::of(record, group.label());
    let named = |name: &str| format!("{id}-{name}");
    let charts = [
        Some(chart::throughput(
            &named("throughput"),
            record,
            group,
            &series,
        )),
        Some(chart::percentiles(&named("percentiles"), group, &series)),
        Some(chart::counts(&named("counts"), group)),
        chart::heatmap(&named("heatmap"), group, &series),
        Some(chart::curve(&named("curve"), group)),
        chart::failures(&named("failures"), group, &series),
        Some(chart::shares(&named("shares"), group, &series)),
        chart::tail(&named("tail"), group),
        chart::multiples(&named("replicas"), group, &series),
        chart::breakdown(&named("journey"), group),
        chart::generator(&named("generator"), record, group, &series),
        // The machine's, and so the same under every group.
        (record.groups.first().map(GroupRecord::label) == Some(group.label()))
            .then(|| chart::stalls(&named("stalls"), record, &series))
            .flatten(),
    ];
    let times = sentences::times(group);
    let units: Vec<_> = times
        .iter()
        .map(|(_, times)| TimeUnit::for_column(times))
        .collect();
    let heads = times.iter().zip(&units);
    let section = Section {
        id,
        host: plain(group.label()),
        heads: heads
            .map(|((name, _), unit)| (*name, unit.sign()))
            .collect(),
        response_unit: units[0].sign(),
        tiles: tiles(record, group),
        times: times_of(&times, &units),
        requests: requests_of(group),
        replicas: replicas_of(group, units[0]),
        by_name: by_name(group, units[0]),
        by_name_counts: (group.requests_by_name.iter())
            .filter_map(sentences::request_counts)
            .collect(),
        reasons: sentences::reasons(group),
        waiting: sentences::waiting(group),
        balance: sentences::balance(group),
        charts: charts.iter().flatten().map(figure).collect(),
    };
    section
        .render()
        .unwrap_or_else(|error| unreachable!("a template is written to memory: {error}"))
}

/// A chart with its words and its table.
pub(in crate::report) fn figure(chart: &Chart) -> String {
    Figure { chart }
        .render()
        .unwrap_or_else(|error| unreachable!("a template is written to memory: {error}"))
}

#[derive(Template)]
#[template(path = "chart.html")]
struct Figure<'a> {
    chart: &'a Chart,
}

#[derive(Template)]
#[template(path = "group.html")]
struct Section<'a> {
    id: &'a str,
    host: String,
    /// The times, each with its unit.
    heads: Vec<(&'static str, &'static str)>,
    response_unit: &'static str,
    tiles: Vec<Tile>,
    times: Vec<Line>,
    requests: Vec<Line>,
    replicas: Vec<Line>,
    by_name: Vec<Line>,
    by_name_counts: Vec<String>,
    reasons: Vec<String>,
    waiting: String,
    balance: String,
    charts: Vec<String>,
}

struct Line {
    name: String,
    cells: Vec<String>,
    bad: bool,
}

impl Line {
    fn new(name: &str, cells: Vec<String>) -> Self {
        Self {
            name: plain(name),
            cells,
            bad: false,
        }
    }
}

/// A figure to be read from across the room.
struct Tile {
    name: &'static str,
    value: String,
    note: String,
    bad: bool,
}

fn tiles(record: &Record, group: &GroupRecord) -> Vec<Tile> {
    let (counts, times) = (group.requests, &group.response_time);
    let time = |nanos: u64| {
        if times.count == 0 {
            "–".to_owned()
        } else {
            span(nanos as f64)
        }
    };
    let service = |nanos: u64| format!("service {}", time(nanos));
    let tile = |name, value, note, bad| Tile {
        name,
        value,
        note,
        bad,
    };
    let lost = counts.failed + counts.dropped;
    let intended = match load::intended(record, group, " to ") {
        Some(rates) => format!("of {rates}/s intended"),
        None => "closed loop".to_owned(),
    };
    vec![
        tile(
            "sent",
            format!("{}/s", rate(group.rate.sent)),
            intended,
            false,
        ),
        tile(
            "p50",
            time(times.p50),
            service(group.service_time.p50),
            false,
        ),
        tile(
            "p99",
            time(times.p99),
            service(group.service_time.p99),
            false,
        ),
        tile(
            "slowest",
            time(times.max),
            service(group.service_time.max),
            false,
        ),
        tile(
            "failed or dropped",
            grouped(lost),
            format!("of {}", grouped(counts.planned)),
            lost > 0,
        ),
        books_tile(group),
    ]
}

fn books_tile(group: &GroupRecord) -> Tile {
    let check = &group.crosscheck;
    let (value, note) = match check.verdict {
        CountVerdict::Agree => ("agree".to_owned(), "to the last request".to_owned()),
        CountVerdict::Disagree => (
            "disagree".to_owned(),
            format!("{} unexplained", grouped(check.unnamed)),
        ),
        CountVerdict::Undecided => (
            "undecided".to_owned(),
            "answers that nobody may have counted".to_owned(),
        ),
        CountVerdict::Unavailable => ("–".to_owned(), "only the client's is known".to_owned()),
    };
    Tile {
        name: "counts",
        value,
        note,
        bad: check.verdict == CountVerdict::Disagree,
    }
}

type FigureOf = fn(&Quantiles) -> u64;

fn times_of(times: &[(&str, &Quantiles)], units: &[TimeUnit]) -> Vec<Line> {
    let rows: [(&str, FigureOf); 8] = [
        ("min", |q| q.min),
        ("mean", |q| q.mean),
        ("p50", |q| q.p50),
        ("p90", |q| q.p90),
        ("p99", |q| q.p99),
        ("p99.9", |q| q.p99_9),
        ("p99.99", |q| q.p99_99),
        ("max", |q| q.max),
    ];
    let cell = |quantiles: &Quantiles, unit: TimeUnit, figure: FigureOf| {
        if quantiles.count == 0 {
            "–".to_owned()
        } else {
            unit.of(figure(quantiles))
        }
    };
    let line = |(name, figure): (&str, FigureOf)| {
        Line::new(
            name,
            times
                .iter()
                .zip(units)
                .map(|((_, quantiles), unit)| cell(quantiles, *unit, figure))
                .collect(),
        )
    };
    rows.into_iter().map(line).collect()
}

fn requests_of(group: &GroupRecord) -> Vec<Line> {
    let counts = group.requests;
    let rates = group.rate;
    let line = |name, count, per_second: Option<f64>| {
        Line::new(
            name,
            vec![grouped(count), per_second.map_or_else(String::new, rate)],
        )
    };
    let intended = (rates.intended > 0.0).then_some(rates.intended);
    let mut lines = vec![
        line("planned", counts.planned, intended),
        line("sent", counts.sent, Some(rates.sent)),
        line("answered", counts.succeeded, None),
        line("failed", counts.failed, None),
        line("dropped", counts.dropped, None),
        line("unfinished", counts.unfinished, None),
    ];
    lines[2].cells[1] = rate(
        rates.completed * counts.succeeded as f64
            / (counts.succeeded + counts.failed).max(1) as f64,
    );
    for line in &mut lines[3..] {
        line.bad = line.cells[0] != "0";
    }
    for (name, count, failed) in sentences::kinds(group) {
        let cells = vec![grouped(count), String::new()];
        lines.push(Line {
            bad: failed,
            ..Line::new(&name, cells)
        });
    }
    lines
}

fn replicas_of(group: &GroupRecord, unit: TimeUnit) -> Vec<Line> {
    let line = |replica: &crate::record::ReplicaRecord| {
        let times = &replica.response_time;
        Line {
            name: plain(&replica.id),
            cells: vec![
                grouped(replica.requests),
                share(replica.share),
                replica.expected_share.map_or_else(|| "–".into(), share),
                judged(&group.balance, replica),
                if times.count == 0 {
                    "–".into()
                } else {
                    unit.of(times.p99)
                },
            ],
            bad: replica.requests == 0,
        }
    };
    group.replicas.iter().map(line).collect()
}

/// A line for each request name, marked where some failed or its counts disagree.
fn by_name(group: &GroupRecord, unit: TimeUnit) -> Vec<Line> {
    let line = |request: &RequestRecord| {
        let times = &request.response_time;
        let time = |value: u64| match times.count {
            0 => "–".to_owned(),
            _ => unit.of(value),
        };
        let check = request.crosscheck.as_ref();
        let counted = check.and_then(|check| check.replicas);
        Line {
            name: plain(&request.name),
            cells: vec![
                grouped(request.sent),
                grouped(request.succeeded),
                grouped(request.failed),
                time(times.p50),
                time(times.p99),
                time(times.max),
                counted.map_or_else(|| "–".into(), grouped),
            ],
            bad: request.failed > 0
                || check.is_some_and(|check| check.verdict == CountVerdict::Disagree),
        }
    };
    group.requests_by_name.iter().map(line).collect()
}

/// The count by which the balance is judged.
fn judged(balance: &Balance, replica: &crate::record::ReplicaRecord) -> String {
    let mut counts = balance.counts.iter();
    let count = counts.find(|count| count.id == replica.id);
    count.map_or_else(|| "–".into(), |count| grouped(count.count))
}
