//! Charts: each is an SVG with a title, a sentence that says what it shows, and its table.

pub(super) mod axis;
pub(super) mod canvas;
pub(super) mod role;

mod diagram;
mod legend;
mod svg;

mod breakdown;
mod counts;
mod ecdf;
mod failures;
mod generator;
mod heatmap;
mod multiples;
mod percentile_curve;
mod percentiles;
mod shares;
mod stalls;
mod tail;
mod throughput;
mod trend;

pub(super) use axis::Mark;
pub(super) use breakdown::breakdown;
pub(super) use counts::counts;
pub(super) use ecdf::ecdf;
pub(super) use failures::failures;
pub(super) use generator::generator;
pub(super) use heatmap::heatmap;
pub(super) use multiples::multiples;
pub(super) use percentile_curve::{Line, curve, curves};
pub(super) use percentiles::percentiles;
pub(super) use shares::shares;
pub(super) use stalls::stalls;
pub(super) use tail::tail;
pub(super) use throughput::throughput;
pub(super) use trend::{TrendPoint, trend};

use super::sentences::plain;

/// A chart, ready for a page.
#[derive(Clone, Debug, Default)]
pub(super) struct Chart {
    /// Unique on the page.
    pub(super) id: String,
    pub(super) title: String,
    /// What it tells, in one sentence made from its figures.
    pub(super) takeaway: String,
    /// How to read it.
    pub(super) description: String,
    /// Left, top, right and bottom of the plot, for the crosshair; none where there is no x axis.
    pub(super) plot: Option<[u32; 4]>,
    pub(super) svg: svg::Drawing,
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

impl Table {
    /// Whether a column holds words, which begin at the left, and no figures.
    pub(super) fn is_text(&self, column: usize) -> bool {
        let figure =
            |text: &str| text.starts_with(|c: char| c.is_ascii_digit() || "+−–-".contains(c));
        let cells = self.rows.iter().filter_map(|row| row.cells.get(column));
        cells.clone().any(|cell| !cell.is_empty()) && !cells.into_iter().any(|cell| figure(cell))
    }
}

impl Chart {
    /// The drawing for a page with its name and description, for `role="img"`.
    pub(super) fn wide(&self) -> String {
        self.named(&self.svg.wide, "wide", "")
    }

    /// The drawing for a phone. Without a style sheet it is not shown.
    pub(super) fn narrow(&self) -> String {
        self.named(&self.svg.narrow, "narrow", "n")
    }

    /// Where the plots are, for the crosshair: the wide one's, then the narrow one's.
    pub(super) fn plots(&self) -> Option<String> {
        let numbers = self.plot?.into_iter().chain(self.svg.narrow_plot);
        Some(numbers.map(|n| n.to_string()).collect::<Vec<_>>().join(" "))
    }

    fn named(&self, svg: &str, class: &str, mark: &str) -> String {
        let id = format!("{}-{mark}", self.id);
        let body = svg.find('>').map_or("", |end| &svg[end + 1..]);
        let head = svg
            .split_once("viewBox=\"")
            .and_then(|(_, rest)| rest.split_once('"'));
        let view = head.map_or("0 0 1600 540", |(view, _)| view);
        let hidden = if mark.is_empty() {
            ""
        } else {
            " display=\"none\""
        };
        format!(
            "<svg class=\"{class}\"{hidden} viewBox=\"{view}\" role=\"img\" \
             aria-labelledby=\"{id}t {id}d\" \
             font-family=\"system-ui,sans-serif\" stroke-linejoin=\"round\">\
             <title id=\"{id}t\">{}</title><desc id=\"{id}d\">{} {}</desc>{body}",
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
