//! Charts: each is an SVG with a title, a sentence that says what it shows, and its table.

pub(super) mod axis;
pub(super) mod canvas;
pub(super) mod role;

mod books;
mod curve;
mod ecdf;
mod failures;
mod generator;
mod heatmap;
mod multiples;
mod percentiles;
mod shares;
mod tail;
mod throughput;
mod trend;

pub(super) use books::books;
pub(super) use curve::{Line, curve, curves};
pub(super) use ecdf::ecdf;
pub(super) use failures::failures;
pub(super) use generator::generator;
pub(super) use heatmap::heatmap;
pub(super) use multiples::multiples;
pub(super) use percentiles::percentiles;
pub(super) use shares::shares;
pub(super) use tail::tail;
pub(super) use throughput::throughput;
pub(super) use trend::{TrendPoint, trend};

use super::sentences::plain;

/// A chart, ready for a page.
#[derive(Clone, Debug, Default)]
pub(super) struct Chart {
    /// Unique on the page.
    pub(super) id: String,
    /// What is shown.
    pub(super) title: String,
    /// What it tells, in one sentence made from its figures.
    pub(super) takeaway: String,
    /// How to read it.
    pub(super) description: String,
    /// Left, top, right and bottom of the plot, for the crosshair; none where there is no x axis.
    pub(super) plot: Option<[u32; 4]>,
    pub(super) svg: String,
    /// The same figures as text.
    pub(super) table: Table,
}

/// The figures of a chart. The script on the page reads them from here.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    pub(super) head: Vec<String>,
    pub(super) rows: Vec<Row>,
}

/// One row, and the column of the drawing it belongs to.
#[derive(Clone, Debug, Default)]
pub(super) struct Row {
    pub(super) x: Option<i32>,
    pub(super) cells: Vec<String>,
}

impl Chart {
    /// The drawing with its name and description, for `role="img"`.
    pub(super) fn svg(&self) -> String {
        let (id, rest) = (&self.id, &self.svg);
        let body = rest.find('>').map_or("", |end| &rest[end + 1..]);
        let head = rest
            .split_once("viewBox=\"")
            .and_then(|(_, rest)| rest.split_once('"'));
        let view = head.map_or("0 0 1600 540", |(view, _)| view);
        format!(
            "<svg viewBox=\"{view}\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\" \
             font-family=\"system-ui,sans-serif\" stroke-linejoin=\"round\">\
             <title id=\"{id}-t\">{}</title><desc id=\"{id}-d\">{} {}</desc>{body}",
            escape(&self.title),
            escape(&self.takeaway),
            escape(&self.description),
        )
    }
}

/// Text as XML.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in plain(text).chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A name short enough for the end of a line.
pub(super) fn short_name(name: &str) -> String {
    let name = plain(name);
    if name.chars().count() <= 13 {
        return name;
    }
    let head: String = name.chars().take(12).collect();
    format!("{head}…")
}
