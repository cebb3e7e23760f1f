//! Pictures without axes: boxes, bars and the lines between them, in coordinates of their own.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::role::Role;
use super::svg::{Drawing, finish, style, sure};

/// How wide a picture is on a page.
pub(in crate::report) const WIDE: i32 = 1600;
/// How wide it is on a phone.
pub(in crate::report) const NARROW: i32 = 760;

/// Draws freely, once for a page and once for a phone.
pub(in crate::report) fn pictures(heights: [i32; 2], paint: impl Fn(&Diagram, bool)) -> Drawing {
    let draw = |width: i32, height: i32| {
        let mut svg = String::new();
        {
            let size = (width.unsigned_abs(), height.unsigned_abs());
            let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
            paint(&Diagram { root: &root }, width == NARROW);
            sure(root.present());
        }
        finish(&svg)
    };
    Drawing {
        wide: draw(WIDE, heights[0]),
        narrow: draw(NARROW, heights[1]),
        narrow_plot: [0; 4],
    }
}

/// A surface without axes.
pub(in crate::report) struct Diagram<'a, 'b> {
    root: &'a DrawingArea<SVGBackend<'b>, plotters::coord::Shift>,
}

impl Diagram<'_, '_> {
    pub(in crate::report) fn text(
        &self,
        at: (i32, i32),
        text: &str,
        role: Role,
        size: i32,
        align: HPos,
    ) {
        sure(
            self.root
                .draw(&Text::new(text.to_owned(), at, style(role, size, align))),
        );
    }

    pub(in crate::report) fn rect(&self, corners: [(i32, i32); 2], role: Role, filled: bool) {
        let style = if filled {
            role.filled()
        } else {
            role.stroke_width(2)
        };
        sure(self.root.draw(&Rectangle::new(corners, style)));
    }

    /// A station on a way: a box with its outline.
    pub(in crate::report) fn station(&self, corners: [(i32, i32); 2]) {
        self.rect(corners, super::role::BOX, true);
        self.rect(corners, super::role::AXIS, false);
    }

    pub(in crate::report) fn line(&self, points: Vec<(i32, i32)>, role: Role, width: u32) {
        sure(
            self.root
                .draw(&PathElement::new(points, role.stroke_width(width))),
        );
    }

    pub(in crate::report) fn polygon(&self, points: Vec<(i32, i32)>, role: Role) {
        sure(self.root.draw(&Polygon::new(points, role.filled())));
    }

    /// From one station to the next: to the right, or down on a phone.
    pub(in crate::report) fn arrow(&self, from: (i32, i32), to: (i32, i32)) {
        let tip = if from.1 == to.1 {
            vec![(to.0 - 20, to.1 - 11), to, (to.0 - 20, to.1 + 11)]
        } else {
            vec![(to.0 - 11, to.1 - 20), to, (to.0 + 11, to.1 - 20)]
        };
        let neck = if from.1 == to.1 {
            (to.0 - 18, to.1)
        } else {
            (to.0, to.1 - 18)
        };
        self.line(vec![from, neck], super::role::AXIS, 3);
        self.polygon(tip, super::role::AXIS);
    }
}
