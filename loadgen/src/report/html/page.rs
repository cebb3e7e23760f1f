//! The page as a whole: verdict and findings first, then a section per group, then the plan.

use askama::Template;

use super::super::events::{self, EventRow};
use super::super::format::seconds;
use super::super::routes;
use super::super::sentences::{self, plain};
use super::super::workers;
use super::{SHELL, Shell, group, health, plan};
use crate::record::{GroupRecord, Record};

/// A run as one HTML file.
#[must_use]
pub fn render_html(record: &Record) -> String {
    let hosts: Vec<_> = record
        .groups
        .iter()
        .map(|group| plain(group.label()))
        .collect();
    let page = Page {
        shell: SHELL,
        version: &record.run.loadgen_version,
        schema_version: record.schema_version,
        run_id: plain(&record.run.id),
        word: sentences::word(record.verdict.status),
        status: sentences::word(record.verdict.status).to_ascii_lowercase(),
        headline: sentences::verdict(record),
        banner: workers::banner(record).unwrap_or_default(),
        hosts: hosts.join(", "),
        started_at: plain(&record.run.started_at),
        started: plain(&record.run.started_at)
            .replace('T', " ")
            .replace('Z', " UTC"),
        sentences: record
            .groups
            .iter()
            .flat_map(|group| lead(record, group))
            .collect(),
        holds: sentences::holds(record),
        findings: record
            .findings
            .iter()
            .map(|finding| FindingView::of(record, finding))
            .collect(),
        event_titles: events::TITLES,
        events: (record.events.iter())
            .map(|event| EventRow::of(event).cells())
            .collect(),
        route_titles: routes::TITLES,
        routes: (record.routes.iter())
            .map(|cost| (routes::sentence(cost), routes::rows(cost)))
            .collect(),
        thresholds: record.thresholds.iter().map(ThresholdView::of).collect(),
        several: record.groups.len() > 1,
        groups: record
            .groups
            .iter()
            .enumerate()
            .map(|(place, group)| GroupView {
                id: format!("g{}", place + 1),
                host: plain(group.label()),
                html: group::section(&format!("g{}", place + 1), record, group),
            })
            .collect(),
        health: health::section(record),
        plan: plan::section(record),
    };
    page.render()
        .unwrap_or_else(|error| unreachable!("a template is written to memory: {error}"))
}

/// What a reader has to know of a group before any table.
fn lead(record: &Record, group: &GroupRecord) -> Vec<String> {
    let several = record.groups.len() > 1;
    let name = if several {
        format!("{}: ", plain(group.label()))
    } else {
        String::new()
    };
    let mut sentences = vec![format!(
        "{name}{} {}",
        sentences::achieved(record, group),
        sentences::counts(group)
    )];
    if record.run.interrupted {
        sentences.push(format!(
            "The run was interrupted after {}.",
            seconds(record.run.duration_s)
        ));
    }
    sentences
}

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    shell: Shell,
    version: &'a str,
    schema_version: u32,
    run_id: String,
    word: &'a str,
    status: String,
    headline: String,
    /// What became of the load when a worker was lost; empty where none was.
    banner: String,
    hosts: String,
    started_at: String,
    started: String,
    sentences: Vec<String>,
    holds: Vec<String>,
    findings: Vec<FindingView>,
    event_titles: [&'static str; 9],
    events: Vec<[String; 9]>,
    route_titles: [&'static str; 5],
    routes: Vec<(String, Vec<[String; 5]>)>,
    thresholds: Vec<ThresholdView>,
    several: bool,
    groups: Vec<GroupView>,
    health: String,
    plan: String,
}

struct GroupView {
    id: String,
    host: String,
    html: String,
}

struct FindingView {
    severity: &'static str,
    code: String,
    message: Vec<Piece>,
    hint: Vec<Piece>,
    place: String,
}

/// Words, or what stands between backticks.
struct Piece {
    code: bool,
    text: String,
}

/// Cuts a sentence at its backticks. A lonely one is a character like any other.
fn pieces(text: &str) -> Vec<Piece> {
    let text = plain(text);
    let parts: Vec<_> = text.split('`').collect();
    if parts.len() % 2 == 0 {
        return vec![Piece { code: false, text }];
    }
    let piece = |(place, text): (usize, &&str)| Piece {
        code: place % 2 == 1,
        text: (*text).to_owned(),
    };
    parts.iter().enumerate().map(piece).collect()
}

impl FindingView {
    fn of(record: &Record, finding: &crate::record::Finding) -> Self {
        let group = finding.group.iter().filter(|_| record.groups.len() > 1);
        let place: Vec<_> = group
            .chain(&finding.replica)
            .map(|name| plain(name))
            .collect();
        Self {
            severity: sentences::severity(finding.severity),
            code: plain(finding.code.name()),
            message: pieces(&finding.message),
            hint: finding.hint.as_deref().map(pieces).unwrap_or_default(),
            place: place.join(", "),
        }
    }
}

struct ThresholdView {
    class: &'static str,
    group: String,
    expression: String,
    observed: String,
    limit: String,
    margin: String,
}

impl ThresholdView {
    fn of(threshold: &crate::record::ThresholdResult) -> Self {
        let (observed, limit) = sentences::threshold_figures(threshold);
        Self {
            class: if threshold.failed { "failed" } else { "held" },
            group: plain(&threshold.group),
            expression: plain(&threshold.expression),
            observed,
            limit,
            margin: sentences::margin(threshold),
        }
    }
}
