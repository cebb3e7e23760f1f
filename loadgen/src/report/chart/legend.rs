//! Where the names of lines stand: at their ends on a page, above the plot on a phone.

use super::role::Role;
use super::svg::width_of;

/// A line of a narrow drawing's legend.
pub(super) const LINE: i32 = 42;
pub(super) const SWATCH: i32 = 34;

/// The name of a line, where its right end is.
#[derive(Clone, Debug)]
pub(super) struct Label {
    pub(super) y: i32,
    pub(super) text: String,
    pub(super) role: Role,
}

/// How many lines the names take above a plot of this width, in the size of their text.
pub(super) fn lines(labels: &[Label], width: i32, size: i32) -> i32 {
    placed(labels, width, size)
        .last()
        .map_or(0, |(_, line)| line + 1)
}

/// Where each name begins, and in which line.
pub(super) fn placed(labels: &[Label], width: i32, size: i32) -> Vec<(i32, i32)> {
    let (mut x, mut line) = (0, 0);
    let place = |label: &Label| {
        let wide = SWATCH + 12 + width_of(&label.text, size);
        if x > 0 && x + wide > width {
            (x, line) = (0, line + 1);
        }
        let at = (x, line);
        x += wide + 30;
        at
    };
    labels.iter().map(place).collect()
}

/// Names at the right ends of their lines, moved apart where they would overlap.
pub(super) fn apart(labels: &[Label], top: i32, bottom: i32) -> Vec<Label> {
    const APART: i32 = 32;
    let mut labels = labels.to_vec();
    let mut floor = top + 4;
    for label in &mut labels {
        label.y = label.y.max(floor);
        floor = label.y + APART;
    }
    let mut ceiling = bottom - 8;
    for label in labels.iter_mut().rev() {
        label.y = label.y.min(ceiling);
        ceiling = label.y - APART;
    }
    labels
}
