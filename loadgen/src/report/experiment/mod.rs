//! Draws what an experiment found: as text, Markdown, JSON and a page.

mod chart;
mod html;
mod text;
mod words;

pub use html::{render_scaling_html, render_search_html};
pub use text::{
    render_scaling_markdown, render_scaling_text, render_search_markdown, render_search_text,
};

use crate::search::{Scaling, Search};

/// Every file that is drawn from a search, the one that holds it all first.
#[must_use]
pub fn search_files(search: &Search) -> Vec<(String, String)> {
    vec![
        ("search.json".into(), json(search)),
        ("index.html".into(), render_search_html(search)),
        ("summary.md".into(), render_search_markdown(search)),
    ]
}

/// The same of a scaling.
#[must_use]
pub fn scaling_files(scaling: &Scaling) -> Vec<(String, String)> {
    vec![
        ("scaling.json".into(), json(scaling)),
        ("index.html".into(), render_scaling_html(scaling)),
        ("summary.md".into(), render_scaling_markdown(scaling)),
    ]
}

/// As JSON, indented.
#[must_use]
pub fn json(result: &impl serde::Serialize) -> String {
    let mut text = serde_json::to_string_pretty(result)
        .unwrap_or_else(|error| unreachable!("an experiment has string keys only: {error}"));
    text.push('\n');
    text
}

#[cfg(test)]
mod tests;
