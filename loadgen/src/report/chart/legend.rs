//! What lines are called: at their ends on a page, above the plot on a phone.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::canvas::Canvas;
use super::role::{self, Role};
use super::svg::{sure, width_of};

/// A line of a narrow drawing's legend.
pub(super) const LINE: i32 = 42;
const SWATCH: i32 = 34;

/// The name of a line, where its right end is.
#[derive(Clone, Debug)]
pub(super) struct Label {
    y: i32,
    text: String,
    role: Role,
}

/// How many lines the names take above a plot of this width, in the size of their text.
pub(super) fn lines(labels: &[Label], width: i32, size: i32) -> i32 {
    placed(labels, width, size)
        .last()
        .map_or(0, |(_, line)| line + 1)
}

/// Where each name begins, and in which line.
fn placed(labels: &[Label], width: i32, size: i32) -> Vec<(i32, i32)> {
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

impl Canvas<'_> {
    /// Names a line at its right end. Labels that would overlap are moved apart.
    pub(in crate::report) fn end_label(&mut self, y: f64, text: &str, role: Role) {
        let y = self.at(self.x.to, y).1;
        self.labels.push(Label {
            y,
            text: text.to_owned(),
            role,
        });
        self.labels.sort_by_key(|label| label.y);
    }

    pub(super) fn legend(&mut self) {
        if self.frame.narrow {
            self.legend_above();
        } else {
            self.end_labels();
        }
    }

    fn end_labels(&mut self) {
        const APART: i32 = 32;
        let [_, top, right, bottom] = self.frame.plot().map(u32::cast_signed);
        let mut labels = self.labels.clone();
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
        for Label { y, text, role } in labels {
            self.stroke(vec![(right + 12, y), (right + 38, y)], role, 6);
            self.text((right + 48, y), &text, role::INK, HPos::Left);
        }
    }

    fn legend_above(&mut self) {
        let width = self.frame.size.0.cast_signed();
        let places = placed(&self.labels, width, self.frame.text());
        for (Label { text, role, .. }, (x, line)) in self.labels.clone().into_iter().zip(places) {
            let y = 18 + line * LINE;
            self.stroke(vec![(x, y), (x + SWATCH, y)], role, 9);
            self.text((x + SWATCH + 12, y), &text, role::INK, HPos::Left);
        }
    }

    /// One step of a colour key, the highest on top; on a phone side by side above the plot.
    pub(in crate::report) fn key(&mut self, step: i32, role: Role, text: &str, steps: i32) {
        self.keyed = true;
        let [_, top, right, bottom] = self.frame.plot().map(u32::cast_signed);
        let (corners, at, align) = if self.frame.narrow {
            let wide = self.frame.size.0.cast_signed() / steps;
            let x = step * wide;
            ([(x, 4), (x + wide, 26)], (x + wide / 2, 48), HPos::Center)
        } else {
            let high = (bottom - top) / steps;
            let y = bottom - (step + 1) * high;
            (
                [(right + 24, y), (right + 54, y + high)],
                (right + 66, y + high / 2),
                HPos::Left,
            )
        };
        sure(self.root.draw(&Rectangle::new(corners, role.filled())));
        self.text(at, &format!("≥ {text}"), role::FAINT, align);
    }
}
