//! An experiment for a terminal, and as GitHub-flavoured Markdown.

use std::fmt::Write as _;

use super::super::TextOptions;
use super::super::format::{percent, rate, span};
use super::super::markdown::md;
use super::super::sentences::plain;
use super::words::{self, Headline};
use crate::search::{Scaling, ScalingPoint, Search, StepRecord};

/// The titles of a step's figures.
pub(super) const STEP_TITLES: [&str; 7] =
    ["rate/s", "completed/s", "p50", "p99", "failed", "", "run"];
/// The titles of a point's figures.
pub(super) const POINT_TITLES: [&str; 5] = [
    "replicas",
    "highest rate/s",
    "each/s",
    "efficiency",
    "search",
];

/// A search or a sweep for a terminal: what was found, then a line per step.
#[must_use]
pub fn render_search_text(search: &Search, options: &TextOptions) -> String {
    let mut text = head(
        &words::of_search(search),
        &search.hosts,
        &search.slo,
        options,
    );
    let rows = search.steps.iter().map(step_cells);
    table(&mut text, &STEP_TITLES, rows);
    for step in search
        .steps
        .iter()
        .filter(|step| step.holds == Some(false))
        .take(1)
    {
        if let Some(reason) = &step.reason {
            let _ = writeln!(text, "\nat {}/s: {}", rate(step.rate), plain(reason));
        }
    }
    if let Some(step) = search.steps.iter().rfind(|step| step.holds.is_none()) {
        let reason = step.reason.as_deref().map(plain).unwrap_or_default();
        let _ = writeln!(text, "\nat {}/s, invalid: {reason}", rate(step.rate));
    }
    if let Some(limit) = words::limit(search) {
        let _ = writeln!(text, "\n{}", plain(&limit));
    }
    ended(text, options)
}

/// A scaling for a terminal.
#[must_use]
pub fn render_scaling_text(scaling: &Scaling, options: &TextOptions) -> String {
    let mut text = head(
        &words::of_scaling(scaling),
        &scaling.hosts,
        &scaling.slo,
        options,
    );
    table(
        &mut text,
        &POINT_TITLES,
        scaling.points.iter().map(point_cells),
    );
    text.push('\n');
    for line in words::law(scaling).into_iter().chain(limits(scaling)) {
        let _ = writeln!(text, "{}", plain(&line));
    }
    ended(text, options)
}

/// What was the limit with each number of replicas.
pub(super) fn limits(scaling: &Scaling) -> Vec<String> {
    let of = |point: &ScalingPoint| {
        let found = point.bottleneck.as_ref()?;
        Some(format!(
            "With {}: {}",
            point.replicas,
            words::bottleneck(found)
        ))
    };
    scaling.points.iter().filter_map(of).collect()
}

/// The same as Markdown.
#[must_use]
pub fn render_search_markdown(search: &Search) -> String {
    let mut text = head_markdown(&words::of_search(search), &search.hosts, &search.slo);
    let rows = search.steps.iter().map(step_cells);
    table_markdown(&mut text, &STEP_TITLES, rows);
    if let Some(limit) = words::limit(search) {
        let _ = write!(text, "\n{}\n", md(&limit));
    }
    text
}

/// The same as Markdown.
#[must_use]
pub fn render_scaling_markdown(scaling: &Scaling) -> String {
    let mut text = head_markdown(&words::of_scaling(scaling), &scaling.hosts, &scaling.slo);
    table_markdown(
        &mut text,
        &POINT_TITLES,
        scaling.points.iter().map(point_cells),
    );
    for line in words::law(scaling).into_iter().chain(limits(scaling)) {
        let _ = write!(text, "\n{}\n", md(&line));
    }
    text
}

pub(super) fn step_cells(step: &StepRecord) -> [String; 7] {
    [
        rate(step.rate),
        rate(step.completed),
        span(step.p50 as f64),
        span(step.p99 as f64),
        percent(step.error_rate),
        words::holds(step).to_owned(),
        plain(&step.run),
    ]
}

pub(super) fn point_cells(point: &ScalingPoint) -> [String; 5] {
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "–".into());
    [
        point.replicas.to_string(),
        or_none(point.rate.map(rate)),
        or_none(point.rate.map(|all| rate(all / f64::from(point.replicas)))),
        or_none(point.efficiency.map(percent)),
        plain(&point.search),
    ]
}

fn head(headline: &Headline, hosts: &[String], slo: &[String], options: &TextOptions) -> String {
    let word = if options.color {
        let code = match headline.status {
            "pass" => "1;32",
            "fail" => "1;31",
            _ => "1;33",
        };
        format!("\u{1b}[{code}m{}\u{1b}[0m", headline.word)
    } else {
        headline.word.clone()
    };
    let mut text = format!("{word} {}\n", headline.rest);
    let _ = writeln!(text, "{}", about(hosts, slo));
    text
}

/// Of which groups, and what had to hold.
pub(super) fn about(hosts: &[String], slo: &[String]) -> String {
    let hosts: Vec<_> = hosts.iter().map(|host| plain(host)).collect();
    let slo: Vec<_> = slo.iter().map(|one| plain(one)).collect();
    if slo.is_empty() {
        hosts.join(", ")
    } else {
        format!("{}: {}", hosts.join(", "), slo.join(", "))
    }
}

/// Figures to the right, the last column, which holds words, to the left.
fn table<const N: usize>(
    text: &mut String,
    titles: &[&str; N],
    rows: impl Iterator<Item = [String; N]>,
) {
    let titles = titles.map(str::to_owned);
    let lines: Vec<_> = std::iter::once(titles).chain(rows).collect();
    let width = |column: usize| {
        let cells = lines.iter().map(|line| line[column].chars().count());
        cells.max().unwrap_or_default()
    };
    let widths: Vec<_> = (0..N).map(width).collect();
    for line in &lines {
        let cells = line
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(place, (cell, width))| {
                if place + 1 == N {
                    cell.clone()
                } else {
                    format!("{cell:>width$}")
                }
            });
        let cells: Vec<_> = cells.collect();
        let _ = write!(text, "\n  {}", cells.join("  ").trim_end());
    }
    text.push('\n');
}

fn head_markdown(headline: &Headline, hosts: &[String], slo: &[String]) -> String {
    let sign = match headline.status {
        "pass" => "✅",
        "fail" => "❌",
        _ => "⚠️",
    };
    format!(
        "### {sign} {} {}\n\n{}\n",
        md(&headline.word),
        md(&headline.rest),
        md(&about(hosts, slo))
    )
}

fn table_markdown<const N: usize>(
    text: &mut String,
    titles: &[&str; N],
    rows: impl Iterator<Item = [String; N]>,
) {
    let _ = write!(
        text,
        "\n| {} |\n|{}\n",
        titles.join(" | "),
        "--:|".repeat(N)
    );
    for row in rows {
        let cells = row.map(|cell| md(&cell));
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
}

/// Terminals do not break at narrow spaces.
fn ended(mut text: String, options: &TextOptions) -> String {
    if let Some(folder) = &options.folder {
        let _ = write!(text, "\nreport: {folder}/index.html\n");
    }
    text.replace('\u{202f}', ",").replace('\u{a0}', " ")
}
