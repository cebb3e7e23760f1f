//! An experiment as one self-contained page.

use askama::Template;

use super::super::chart::Chart;
use super::super::html::{SHELL, Shell, figure};
use super::super::sentences::plain;
use super::chart;
use super::text::{POINT_TITLES, STEP_TITLES, about, limits, point_cells, step_cells};
use super::words::{self, Headline};
use crate::search::{Scaling, Search};

#[derive(Template)]
#[template(path = "experiment.html")]
struct Page {
    shell: Shell,
    kind: &'static str,
    status: &'static str,
    word: String,
    headline: String,
    about: String,
    sentences: Vec<String>,
    charts: Vec<String>,
    titles: Vec<&'static str>,
    rows: Vec<RowView>,
}

struct RowView {
    cells: Vec<String>,
    link: String,
    name: String,
    bad: bool,
}

/// A search or a sweep as one HTML file.
#[must_use]
pub fn render_search_html(search: &Search) -> String {
    let kind = if search.limit.is_none() && !search.interrupted {
        "sweep"
    } else {
        "search"
    };
    let charts = [Some(chart::latency(search)), chart::errors(search)];
    let reasons = search
        .steps
        .iter()
        .filter(|step| step.holds == Some(false))
        .take(1);
    let reasons = reasons.filter_map(|step| step.reason.clone());
    let rows = search.steps.iter().map(|step| {
        let [cells @ .., name] = step_cells(step);
        RowView {
            cells: cells.to_vec(),
            link: link(&step.run),
            name,
            bad: step.holds != Some(true),
        }
    });
    render(&Page {
        about: about(&search.hosts, &search.slo),
        sentences: reasons
            .chain(words::limit(search))
            .map(|one| plain(&one))
            .collect(),
        charts: drawn(&charts),
        titles: STEP_TITLES.to_vec(),
        rows: rows.collect(),
        ..Page::of(kind, words::of_search(search))
    })
}

/// A scaling as one HTML file.
#[must_use]
pub fn render_scaling_html(scaling: &Scaling) -> String {
    let rows = scaling.points.iter().map(|point| {
        let [cells @ .., name] = point_cells(point);
        RowView {
            cells: cells.to_vec(),
            link: link(&point.search),
            name,
            bad: point.rate.is_none(),
        }
    });
    let sentences = words::law(scaling).into_iter().chain(limits(scaling));
    render(&Page {
        about: about(&scaling.hosts, &scaling.slo),
        sentences: sentences.map(|one| plain(&one)).collect(),
        charts: drawn(&[Some(chart::scaling(scaling))]),
        titles: POINT_TITLES.to_vec(),
        rows: rows.collect(),
        ..Page::of("scaling", words::of_scaling(scaling))
    })
}

impl Page {
    fn of(kind: &'static str, headline: Headline) -> Self {
        Self {
            shell: SHELL,
            kind,
            status: headline.status,
            word: headline.word,
            headline: headline.rest,
            about: String::new(),
            sentences: Vec::new(),
            charts: Vec::new(),
            titles: Vec::new(),
            rows: Vec::new(),
        }
    }
}

fn render(page: &Page) -> String {
    page.render()
        .unwrap_or_else(|error| unreachable!("a template is written to memory: {error}"))
}

fn drawn(charts: &[Option<Chart>]) -> Vec<String> {
    charts.iter().flatten().map(figure).collect()
}

/// A folder beside the page. What was not written by us leads nowhere.
fn link(folder: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._/".contains(c);
    if folder.chars().all(plain) && !folder.starts_with('/') && !folder.contains("..") {
        format!("{folder}/index.html")
    } else {
        String::new()
    }
}
