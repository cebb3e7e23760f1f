//! A comparison as text, Markdown and JSON.

use std::fmt::Write as _;

use super::super::TextOptions;
use super::super::format::{percent, rate, significant, span};
use super::super::sentences::plain;
use crate::compare::{Change, Comparison, FigureComparison, FigureUnit, Outcome, Why};

/// The comparison as JSON, indented, histograms included.
#[must_use]
pub fn render_comparison_json(comparison: &Comparison) -> String {
    let mut text = serde_json::to_string_pretty(comparison)
        .unwrap_or_else(|error| unreachable!("a comparison has string keys only: {error}"));
    text.push('\n');
    text
}

/// The comparison for a terminal: verdict first, one line per figure.
#[must_use]
pub fn render_comparison_text(comparison: &Comparison, options: &TextOptions) -> String {
    let mut text = format!("{}\n", headline(comparison));
    for group in &comparison.groups {
        let _ = write!(text, "\n{}\n", plain(&group.host));
        let _ = writeln!(
            text,
            "  {:<12} {:>10} {:>10} {:>9}  {:<19} {:>8}  verdict",
            "", "base", "candidate", "change", "interval", "noise"
        );
        for figure in &group.figures {
            let word = word(figure);
            let word = if options.color {
                inked(figure, &word)
            } else {
                word
            };
            let _ = writeln!(
                text,
                "  {:<12} {:>10} {:>10} {:>9}  {:<19} {:>8}  {word}",
                figure.name,
                value(figure.unit, figure.base),
                value(figure.unit, figure.candidate),
                change(figure),
                interval(figure),
                noise(figure)
            );
        }
    }
    for finding in &comparison.findings {
        let hint = finding.hint.as_deref().unwrap_or_default();
        let _ = write!(text, "\nhint: {}", plain(hint));
    }
    for caveat in &comparison.caveats {
        let _ = write!(text, "\nnote: {}", plain(caveat));
    }
    if !comparison.caveats.is_empty() || !comparison.findings.is_empty() {
        text.push('\n');
    }
    text.replace('\u{a0}', " ")
}

fn inked(figure: &FigureComparison, word: &str) -> String {
    let code = match figure.verdict {
        Change::Better => "1;32",
        Change::Worse => "1;31",
        Change::Same => "2",
        Change::CannotTell => "33",
    };
    format!("\u{1b}[{code}m{word}\u{1b}[0m")
}

/// The comparison as GitHub-flavoured Markdown.
#[must_use]
pub fn render_comparison_markdown(comparison: &Comparison) -> String {
    let sign = match comparison.outcome {
        Outcome::Regression => "❌",
        Outcome::CannotTell => "❔",
        _ => "✅",
    };
    let mut text = format!("### {sign} {}\n", headline(comparison));
    for group in &comparison.groups {
        let _ = write!(
            text,
            "\n#### {}\n\n| figure | base | candidate | change | interval | noise up to | verdict |\n|:--|--:|--:|--:|:--|--:|:--|\n",
            super::super::markdown::md(&group.host)
        );
        for figure in &group.figures {
            let bold = if figure.regression { "**" } else { "" };
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} | {} | {bold}{}{bold} |",
                super::super::markdown::md(&figure.name),
                value(figure.unit, figure.base),
                value(figure.unit, figure.candidate),
                change(figure),
                interval(figure),
                noise(figure),
                word(figure)
            );
        }
    }
    for finding in &comparison.findings {
        let hint = finding.hint.as_deref().unwrap_or_default();
        let _ = write!(text, "\n> Hint: {}\n", super::super::markdown::md(hint));
    }
    for caveat in &comparison.caveats {
        let _ = write!(text, "\n> {}\n", super::super::markdown::md(caveat));
    }
    text
}

/// What comparison found, in one sentence.
pub(super) fn headline(comparison: &Comparison) -> String {
    let (word, rest) = summary(comparison);
    format!("{word}{rest}")
}

/// What comparison found: a word, and the rest of its sentence.
pub(super) fn summary(comparison: &Comparison) -> (&'static str, String) {
    let named = |keep: &dyn Fn(&FigureComparison) -> bool| -> Vec<String> {
        let several = comparison.groups.len() > 1;
        let groups = comparison.groups.iter();
        groups
            .flat_map(|group| {
                group
                    .figures
                    .iter()
                    .filter(|figure| keep(figure))
                    .map(move |figure| {
                        let place = if several {
                            format!(" of {}", plain(&group.host))
                        } else {
                            String::new()
                        };
                        format!("{}{place} ({})", figure.name, change(figure))
                    })
            })
            .collect()
    };
    let of = |verdict| named(&|figure: &FigureComparison| figure.verdict == verdict);
    let allowed = percent(comparison.max_regression);
    match comparison.outcome {
        Outcome::Regression => {
            let regressions = named(&|figure| figure.regression);
            let rest = format!(" beyond {allowed}: {}.", regressions.join(", "));
            ("REGRESSION", rest)
        }
        Outcome::CannotTell => ("CANNOT TELL", format!(": {}.", reasons(comparison))),
        Outcome::Worse => {
            let worse = of(Change::Worse).join(", ");
            ("WORSE", format!(", but within {allowed}: {worse}."))
        }
        Outcome::Better => ("BETTER", format!(": {}.", of(Change::Better).join(", "))),
        Outcome::Same => {
            let open = of(Change::CannotTell);
            let rest = match open.len() {
                0 => ".".to_owned(),
                _ => format!("; of {} nothing can be told.", names(comparison)),
            };
            ("THE SAME", format!(": nothing changed beyond noise{rest}"))
        }
    }
}

/// Why nothing can be told, each reason once.
fn reasons(comparison: &Comparison) -> String {
    let medians = comparison.figures().filter(|figure| figure.name == "p50");
    let mut reasons: Vec<_> = medians.filter_map(|figure| figure.why).collect();
    reasons.dedup();
    let words = reasons.iter().map(|why| match why {
        Why::NoValue => "a side has no finished request",
        Why::TooFewRequests => "the runs have too few requests",
        Why::TooFewSeconds => "the runs are too short",
        Why::WideInterval => "the times differ too much within the runs",
        Why::DifferentLoad => "the two sides had different loads",
        Why::DifferentRequest => "the two sides sent different requests",
    });
    words.collect::<Vec<_>>().join(", and ")
}

/// The figures of which nothing can be told, each once.
fn names(comparison: &Comparison) -> String {
    let open = comparison
        .figures()
        .filter(|figure| figure.verdict == Change::CannotTell);
    let mut names: Vec<&str> = Vec::new();
    for figure in open {
        if !names.contains(&figure.name.as_str()) {
            names.push(&figure.name);
        }
    }
    names.join(", ")
}

/// The verdict of a figure in words.
pub(super) fn word(figure: &FigureComparison) -> String {
    match (figure.verdict, figure.why) {
        (Change::Worse, _) if figure.regression => "worse: regression".into(),
        (Change::Better, _) => "better".into(),
        (Change::Worse, _) => "worse".into(),
        (Change::Same, _) => "the same".into(),
        (Change::CannotTell, Some(why)) => format!("cannot tell: {}", why.words()),
        (Change::CannotTell, None) => "cannot tell".into(),
    }
}

/// A value in its unit.
pub(super) fn value(unit: FigureUnit, value: Option<f64>) -> String {
    let Some(value) = value else {
        return "–".into();
    };
    match unit {
        FigureUnit::Time => span(value),
        FigureUnit::Rate => format!("{}/s", rate(value)),
        FigureUnit::Share => percent(value),
    }
}

/// A change with its sign: relative, or in percentage points.
pub(super) fn change(figure: &FigureComparison) -> String {
    figure
        .change
        .map_or_else(|| "–".into(), |change| points(figure.unit, change))
}

fn points(unit: FigureUnit, change: f64) -> String {
    let sign = if change > 0.0 { "+" } else { "" };
    let per_cent = change * 100.0;
    let number = if per_cent.abs() >= 0.05 {
        significant((per_cent * 100.0).round() / 100.0)
    } else {
        "0".into()
    };
    let sign = if number == "0" { "" } else { sign };
    let name = if unit == FigureUnit::Share { "pp" } else { "%" };
    format!("{sign}{number}\u{a0}{name}")
}

/// Where the change lies.
pub(super) fn interval(figure: &FigureComparison) -> String {
    let between = figure.interval.map(|(low, high)| {
        format!(
            "{} … {}",
            points(figure.unit, low),
            points(figure.unit, high)
        )
    });
    between.unwrap_or_else(|| "–".into())
}

/// The change up to which a figure is the same.
pub(super) fn noise(figure: &FigureComparison) -> String {
    let text = percent(figure.noise);
    if figure.unit == FigureUnit::Share {
        text.replace('%', "pp")
    } else {
        text
    }
}
