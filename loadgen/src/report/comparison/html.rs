//! A comparison as one self-contained page.

use askama::Template;

use super::super::chart::{self, Chart, Line, role};
use super::super::format::{counted, significant};
use super::super::html::{SHELL, Shell, figure};
use super::super::sentences::plain;
use super::text;
use crate::compare::{Comparison, GroupComparison, Outcome};

/// The comparison as one HTML file.
#[must_use]
pub fn render_comparison_html(comparison: &Comparison) -> String {
    let (word, rest) = text::summary(comparison);
    let page = Page {
        shell: SHELL,
        status: match comparison.outcome {
            Outcome::Regression => "fail",
            Outcome::CannotTell => "invalid",
            _ => "pass",
        },
        word,
        base: side(&comparison.base),
        candidate: side(&comparison.candidate),
        headline: rest.trim_start_matches([':', ',', ' ']).to_owned(),
        hints: comparison
            .findings
            .iter()
            .filter_map(|finding| finding.hint.as_deref().map(plain))
            .collect(),
        caveats: comparison
            .caveats
            .iter()
            .map(|caveat| plain(caveat))
            .collect(),
        groups: comparison
            .groups
            .iter()
            .enumerate()
            .map(|(place, group)| GroupView::of(place, group))
            .collect(),
    };
    page.render()
        .unwrap_or_else(|error| unreachable!("a template is written to memory: {error}"))
}

fn side(runs: &[String]) -> String {
    match runs {
        [run] => plain(run),
        runs => counted(runs.len() as u64, "run"),
    }
}

#[derive(Template)]
#[template(path = "compare.html")]
struct Page {
    shell: Shell,
    status: &'static str,
    word: &'static str,
    base: String,
    candidate: String,
    headline: String,
    hints: Vec<String>,
    caveats: Vec<String>,
    groups: Vec<GroupView>,
}

struct GroupView {
    id: String,
    host: String,
    rows: Vec<RowView>,
    charts: Vec<String>,
}

struct RowView {
    name: String,
    cells: [String; 6],
    word: String,
    bad: bool,
}

impl GroupView {
    fn of(place: usize, group: &GroupComparison) -> Self {
        let rows = group.figures.iter().map(|figure| RowView {
            name: figure.name.clone(),
            cells: [
                text::value(figure.unit, figure.base),
                text::value(figure.unit, figure.candidate),
                text::change(figure),
                text::interval(figure),
                text::noise(figure),
                figure.p_value.map_or_else(|| "–".into(), significant),
            ],
            word: text::word(figure),
            bad: figure.regression,
        });
        let (base, candidate) = (&group.base_response, &group.candidate_response);
        let lines = [
            Line::new("base", base, role::FAINT, 4),
            Line::new("candidate", candidate, role::ANSWERED, 6),
        ];
        let curves = Chart {
            id: format!("c{place}-curve"),
            title: "Response time by percentile".into(),
            takeaway: takeaway(group),
            description: "The share of requests that were at least this fast, with the slow end stretched out; lines stop where fewer than ten requests were slower.".into(),
            plot: Some(chart::canvas::Frame::WIDE.plot()),
            ..chart::curves(&lines)
        };
        let ecdf = chart::ecdf(&format!("c{place}-ecdf"), base, candidate);
        Self {
            id: format!("c{place}"),
            host: plain(&group.host),
            rows: rows.collect(),
            charts: [curves, ecdf].iter().map(figure).collect(),
        }
    }
}

/// How the middle and the tail moved.
fn takeaway(group: &GroupComparison) -> String {
    let moved = ["p50", "p99"].iter().filter_map(|name| {
        let figure = group.figures.iter().find(|figure| figure.name == *name)?;
        figure.base.and(figure.candidate)?;
        Some(format!(
            "{name} went from {} to {} ({})",
            text::value(figure.unit, figure.base),
            text::value(figure.unit, figure.candidate),
            text::change(figure)
        ))
    });
    let moved: Vec<_> = moved.collect();
    if moved.is_empty() {
        return "One side has no finished request.".into();
    }
    format!("{}.", moved.join(", and "))
}
