//! What all drawings share: how text is set, and what is put into an SVG after it was drawn.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::role::{self, Role};

/// A chart as it is drawn: once for a page of full width, once for a phone.
#[derive(Clone, Debug, Default)]
pub(in crate::report) struct Drawing {
    pub(in crate::report) wide: String,
    /// For a phone; the style sheet shows one of the two.
    pub(in crate::report) narrow: String,
    /// Left, top, right and bottom of the narrow drawing's plot.
    pub(in crate::report) narrow_plot: [u32; 4],
}

pub(super) fn style<'a>(role: Role, size: i32, align: HPos) -> TextStyle<'a> {
    ("sans-serif", size)
        .into_font()
        .color(&role)
        .pos(Pos::new(align, VPos::Center))
}

/// Writing an SVG to memory cannot fail.
pub(super) fn sure<T, E: std::fmt::Debug>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|error| unreachable!("an SVG is written to memory: {error:?}"))
}

/// About how wide a text is drawn: fonts differ, and there is none to ask.
pub(super) fn width_of(text: &str, size: i32) -> i32 {
    i32::try_from(text.chars().count()).unwrap_or(0) * size * 58 / 100
}

/// Takes out what is the same everywhere, and puts dashes in.
pub(super) fn finish(svg: &str) -> String {
    let mut svg = svg
        .replace(" opacity=\"1\"", "")
        .replace(" font-family=\"sans-serif\"", "");
    svg = svg
        .replace(">\n", ">")
        .replace("\n</text>", "</text>")
        .replace(" stroke-width=\"1\"", "");
    for (role, pattern) in role::DASHED {
        let stroke = format!("stroke=\"{}\"", role::hex(role));
        svg = svg.replace(&stroke, &format!("{stroke} stroke-dasharray=\"{pattern}\""));
    }
    svg
}
