//! The one place that knows plotters: a plot with axes, and lines, bands and labels on it.
//!
//! Coordinates of its SVG backend are whole numbers, so everything is drawn at twice its size and
//! scaled by the page. What the backend lacks (classes, titles, dashes) is put in afterwards.

use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::axis::Axis;
use super::legend::{self, Label};
use super::role::{self, Role};
use super::svg::{Drawing, finish, style, sure, width_of};

/// Size of a full-width drawing.
const WIDE: (u32, u32) = (1600, 540);

/// A drawing's size and the room around its plot.
#[derive(Clone, Copy, Debug)]
pub(in crate::report) struct Frame {
    pub(in crate::report) size: (u32, u32),
    pub(in crate::report) left: u32,
    pub(in crate::report) right: u32,
    pub(in crate::report) top: u32,
    pub(in crate::report) bottom: u32,
    /// Whether it is for a phone.
    pub(in crate::report) narrow: bool,
}

impl Frame {
    /// Full width, with room for labels at the ends of lines.
    pub(in crate::report) const WIDE: Self = Self {
        size: WIDE,
        left: 110,
        right: 250,
        top: 58,
        bottom: 56,
        narrow: false,
    };

    /// For a phone, with this much above the plot for names.
    const fn narrow(above: u32) -> Self {
        Self {
            size: (760, 470 + above),
            left: 118,
            right: 30,
            top: 58 + above,
            bottom: 56,
            narrow: true,
        }
    }

    /// The size of text.
    pub(super) const fn text(&self) -> i32 {
        if self.narrow { 29 } else { 26 }
    }

    /// Left, top, right and bottom of the plot.
    pub(in crate::report) const fn plot(&self) -> [u32; 4] {
        [
            self.left,
            self.top,
            self.size.0 - self.right,
            self.size.1 - self.bottom,
        ]
    }
}

type Context<'a> = ChartContext<'a, SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// A plot to draw on, in the values of its axes.
pub(in crate::report) struct Canvas<'a> {
    chart: Context<'a>,
    root: DrawingArea<SVGBackend<'a>, plotters::coord::Shift>,
    frame: Frame,
    pub(super) x: Axis,
    y: Axis,
    labels: Vec<Label>,
    /// Whether there is a colour key.
    keyed: bool,
}

/// Draws a plot, once for a page and once for a phone, without name or description.
pub(in crate::report) fn draw(
    frame: Frame,
    x: &Axis,
    y: &Axis,
    mut paint: impl FnMut(&mut Canvas),
) -> Drawing {
    let mut above = 0;
    let wide = panels(&[frame], x, y, |_, canvas| {
        paint(canvas);
        let size = Frame::narrow(0);
        let names = legend::lines(&canvas.labels, size.size.0.cast_signed(), size.text());
        above = if canvas.keyed { 2 } else { names } * legend::LINE;
    });
    let narrow = Frame::narrow(above.unsigned_abs());
    Drawing {
        wide,
        narrow: panels(&[narrow], x, y, |_, canvas| paint(canvas)),
        narrow_plot: narrow.plot(),
    }
}

/// Draws several plots with the same axes into one picture, each in its own frame.
pub(in crate::report) fn panels(
    frames: &[Frame],
    x: &Axis,
    y: &Axis,
    mut paint: impl FnMut(usize, &mut Canvas),
) -> String {
    let mut svg = String::new();
    let size = frames.first().map_or(WIDE, |frame| frame.size);
    {
        let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        for (place, frame) in frames.iter().enumerate() {
            let built = ChartBuilder::on(&root)
                .margin_left(frame.left)
                .margin_right(frame.right)
                .margin_top(frame.top)
                .margin_bottom(frame.bottom)
                .build_cartesian_2d(x.from..x.to, y.from..y.to);
            let mut canvas = Canvas {
                chart: sure(built),
                root: root.clone(),
                frame: *frame,
                x: x.clone(),
                y: y.clone(),
                labels: Vec::new(),
                keyed: false,
            };
            canvas.axes();
            paint(place, &mut canvas);
            canvas.legend();
        }
        sure(root.present());
    }
    finish(&svg)
}

impl Canvas<'_> {
    fn axes(&self) {
        let [left, top, right, bottom] = self.frame.plot().map(u32::cast_signed);
        self.marks();
        for (at, label) in &self.y.ticks {
            let y = self.pixel(self.x.from, *at).1;
            self.stroke(vec![(left, y), (right, y)], role::GRID, 2);
            self.text((left - 14, y), label, role::FAINT, HPos::Right);
        }
        let mut free = i32::MIN;
        for (at, label) in &self.x.ticks {
            let x = self.pixel(*at, self.y.from).0;
            let half = width_of(label, self.frame.text()) / 2;
            self.stroke(vec![(x, bottom), (x, bottom + 9)], role::AXIS, 2);
            // A label that would touch the one before it is left out; its tick stays.
            if x - half >= free {
                self.text((x, bottom + 32), label, role::FAINT, HPos::Center);
                free = x + half + 14;
            }
        }
        self.stroke(vec![(left, bottom), (right, bottom)], role::AXIS, 2);
        self.text(
            (left - self.frame.left.cast_signed().min(118), top - 38),
            &self.y.title,
            role::FAINT,
            HPos::Left,
        );
    }

    /// Bands behind everything, each with its number.
    fn marks(&self) {
        let [_, top, _, bottom] = self.frame.plot().map(u32::cast_signed);
        for mark in &self.x.marks {
            let from = self.pixel(self.x.place(mark.from), self.y.from).0;
            // One that is over at once is still to be seen.
            let to = self
                .pixel(self.x.place(mark.to), self.y.from)
                .0
                .max(from + 4);
            let band = Rectangle::new([(from, top), (to, bottom)], role::FUNNEL.filled());
            sure(self.root.draw(&band));
            self.text((from, top - 14), &mark.name, role::FAINT, HPos::Left);
        }
    }

    fn pixel(&self, x: f64, y: f64) -> (i32, i32) {
        self.chart.backend_coord(&(x, y))
    }

    /// Where a value of the x axis is in a drawing of full width; the script scales it.
    pub(in crate::report) fn column(&self, x: f64) -> i32 {
        let [left, _, right, _] = Frame::WIDE.plot().map(f64::from);
        let part = (self.x.place(x) - self.x.from) / (self.x.to - self.x.from);
        (left + part * (right - left)).round() as i32
    }

    pub(super) fn at(&self, x: f64, y: f64) -> (i32, i32) {
        self.pixel(self.x.place(x), self.y.place(y))
    }

    pub(super) fn stroke(&self, points: Vec<(i32, i32)>, role: Role, width: u32) {
        sure(
            self.root
                .draw(&PathElement::new(points, role.stroke_width(width))),
        );
    }

    pub(super) fn text(&self, at: (i32, i32), text: &str, role: Role, align: HPos) {
        if !text.is_empty() {
            sure(self.root.draw(&Text::new(
                text.to_owned(),
                at,
                style(role, self.frame.text(), align),
            )));
        }
    }

    /// A line through points; a missing one is a gap, a lonely one a dot.
    pub(in crate::report) fn line(
        &mut self,
        points: &[Option<(f64, f64)>],
        role: Role,
        width: u32,
    ) {
        for run in points.split(Option::is_none) {
            let run: Vec<_> = run.iter().flatten().map(|(x, y)| self.at(*x, *y)).collect();
            // Few points are marked, so that it is seen where the line has a value.
            if run.len() == 1 || (points.len() <= 30 && width >= 3) {
                for at in &run {
                    sure(
                        self.root
                            .draw(&Circle::new(*at, width.cast_signed() + 1, role.filled())),
                    );
                }
            }
            if run.len() > 1 {
                self.stroke(run, role, width);
            }
        }
    }

    /// A level line from end to end.
    pub(in crate::report) fn rule(&mut self, level: f64, role: Role, width: u32) {
        let ends = [self.x.from, self.x.to].map(|x| self.pixel(x, self.y.place(level)));
        self.stroke(ends.to_vec(), role, width);
    }

    /// Levels that hold from an instant to another, joined where they touch.
    pub(in crate::report) fn steps(
        &mut self,
        levels: &[Option<(f64, f64, f64)>],
        role: Role,
        width: u32,
    ) {
        for run in levels.split(Option::is_none) {
            let mut path: Vec<(i32, i32)> = Vec::new();
            for (from, to, level) in run.iter().flatten() {
                let (start, stop) = (self.at(*from, *level), self.at(*to, *level));
                match path.as_slice() {
                    // A level that goes on needs no corner.
                    [.., before, last] if last.1 == start.1 && before.1 == start.1 => {
                        path.pop();
                    }
                    _ => path.push(start),
                }
                path.push(stop);
            }
            if path.len() > 1 {
                self.stroke(path, role, width);
            }
        }
    }

    /// Fills between two levels that hold from an instant to another; missing ones are gaps.
    pub(in crate::report) fn band(&mut self, levels: &[Option<[f64; 4]>], role: Role) {
        for run in levels.split(Option::is_none) {
            let run: Vec<_> = run.iter().flatten().collect();
            let upper = run
                .iter()
                .flat_map(|[from, to, _, high]| [(*from, *high), (*to, *high)]);
            let lower =
                (run.iter().rev()).flat_map(|[from, to, low, _]| [(*to, *low), (*from, *low)]);
            let outline: Vec<_> = upper.chain(lower).map(|(x, y)| self.at(x, y)).collect();
            if outline.len() >= 4 {
                sure(
                    self.root
                        .draw(&Polygon::new(simple(outline), role.filled())),
                );
            }
        }
    }

    /// A short text above the plot, as the name of a panel.
    pub(in crate::report) fn name(&mut self, text: &str) {
        let [left, top, ..] = self.frame.plot().map(u32::cast_signed);
        self.text((left, top - 22), text, role::INK, HPos::Left);
    }

    /// A filled rectangle between two corners.
    pub(in crate::report) fn block(&mut self, from: (f64, f64), to: (f64, f64), role: Role) {
        let corners = [self.at(from.0, from.1), self.at(to.0, to.1)];
        sure(self.root.draw(&Rectangle::new(corners, role.filled())));
    }

    /// A remark in the middle of a plot that has nothing to show.
    pub(in crate::report) fn label_inside(&mut self, x: f64, y: f64, text: &str) {
        let (x, y) = self.at(x, y);
        self.text((x, y), text, role::FAINT, HPos::Center);
    }
}

/// Leaves out points in the middle of a level line.
fn simple(points: Vec<(i32, i32)>) -> Vec<(i32, i32)> {
    let mut kept: Vec<(i32, i32)> = Vec::new();
    for point in points {
        if let [.., before, last] = kept.as_slice()
            && before.1 == last.1
            && last.1 == point.1
        {
            kept.pop();
        }
        kept.push(point);
    }
    kept
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

    fn legend(&mut self) {
        if self.frame.narrow {
            self.legend_above();
        } else {
            self.end_labels();
        }
    }

    fn end_labels(&mut self) {
        let [_, top, right, bottom] = self.frame.plot().map(u32::cast_signed);
        for Label { y, text, role } in legend::apart(&self.labels, top, bottom) {
            self.stroke(vec![(right + 12, y), (right + 38, y)], role, 6);
            self.text((right + 48, y), &text, role::INK, HPos::Left);
        }
    }

    fn legend_above(&mut self) {
        let width = self.frame.size.0.cast_signed();
        let places = legend::placed(&self.labels, width, self.frame.text());
        for (Label { text, role, .. }, (x, line)) in self.labels.clone().into_iter().zip(places) {
            let y = 18 + line * legend::LINE;
            self.stroke(vec![(x, y), (x + legend::SWATCH, y)], role, 9);
            self.text((x + legend::SWATCH + 12, y), &text, role::INK, HPos::Left);
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
