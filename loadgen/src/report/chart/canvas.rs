//! The one place that knows plotters: a plot with axes, and lines, bands and labels on it.
//!
//! Coordinates of its SVG backend are whole numbers, so everything is drawn at twice its size and
//! scaled by the page. What the backend lacks (classes, titles, dashes) is put in afterwards.

use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axis::Axis;
use super::role::{self, Role};

/// Size of a full-width drawing.
pub(in crate::report) const WIDE: (u32, u32) = (1600, 540);
const TEXT: i32 = 31;

/// A drawing's size and the room around its plot.
#[derive(Clone, Copy, Debug)]
pub(in crate::report) struct Frame {
    pub(in crate::report) size: (u32, u32),
    pub(in crate::report) left: u32,
    pub(in crate::report) right: u32,
    pub(in crate::report) top: u32,
    pub(in crate::report) bottom: u32,
}

impl Frame {
    /// Full width, with room for labels at the ends of lines.
    pub(in crate::report) const WIDE: Self = Self {
        size: WIDE,
        left: 110,
        right: 250,
        top: 58,
        bottom: 56,
    };

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
    x: Axis,
    y: Axis,
    labels: Vec<(i32, String, Role)>,
}

/// Draws a plot and returns it as an `<svg>` without name or description.
pub(in crate::report) fn draw(
    frame: Frame,
    x: &Axis,
    y: &Axis,
    paint: impl FnOnce(&mut Canvas),
) -> String {
    let mut paint = Some(paint);
    panels(&[frame], x, y, |_, canvas| {
        if let Some(paint) = paint.take() {
            paint(canvas);
        }
    })
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
            };
            canvas.axes();
            paint(place, &mut canvas);
            canvas.end_labels();
        }
        sure(root.present());
    }
    finish(&svg)
}

/// Draws freely, in the picture's own coordinates.
pub(in crate::report) fn picture(size: (u32, u32), paint: impl FnOnce(&Picture)) -> String {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        paint(&Picture { root: &root });
        sure(root.present());
    }
    finish(&svg)
}

/// A surface without axes.
pub(in crate::report) struct Picture<'a, 'b> {
    root: &'a DrawingArea<SVGBackend<'b>, plotters::coord::Shift>,
}

impl Picture<'_, '_> {
    pub(in crate::report) fn text(
        &self,
        at: (i32, i32),
        text: &str,
        role: Role,
        size: i32,
        align: HPos,
    ) {
        sure(self.root.draw(&Text::new(
            text.to_owned(),
            at,
            style(role, size, align, VPos::Center),
        )));
    }

    pub(in crate::report) fn rect(&self, corners: [(i32, i32); 2], role: Role, filled: bool) {
        let style = if filled {
            role.filled()
        } else {
            role.stroke_width(2)
        };
        sure(self.root.draw(&Rectangle::new(corners, style)));
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
}

impl Canvas<'_> {
    fn axes(&self) {
        let [left, top, right, bottom] = self.frame.plot().map(u32::cast_signed);
        for (at, label) in &self.y.ticks {
            let y = self.pixel(self.x.from, *at).1;
            self.stroke(vec![(left, y), (right, y)], role::GRID, 2);
            self.text((left - 14, y), label, role::FAINT, HPos::Right);
        }
        for (at, label) in &self.x.ticks {
            let x = self.pixel(*at, self.y.from).0;
            self.stroke(vec![(x, bottom), (x, bottom + 9)], role::AXIS, 2);
            self.text((x, bottom + 30), label, role::FAINT, HPos::Center);
        }
        self.stroke(vec![(left, bottom), (right, bottom)], role::AXIS, 2);
        self.text(
            (left - 110, top - 38),
            &self.y.title,
            role::FAINT,
            HPos::Left,
        );
    }

    fn pixel(&self, x: f64, y: f64) -> (i32, i32) {
        self.chart.backend_coord(&(x, y))
    }

    /// Where a value of the x axis is drawn.
    pub(in crate::report) fn column(&self, x: f64) -> i32 {
        self.pixel(self.x.place(x), self.y.from).0
    }

    fn at(&self, x: f64, y: f64) -> (i32, i32) {
        self.pixel(self.x.place(x), self.y.place(y))
    }

    fn stroke(&self, points: Vec<(i32, i32)>, role: Role, width: u32) {
        sure(
            self.root
                .draw(&PathElement::new(points, role.stroke_width(width))),
        );
    }

    fn text(&self, at: (i32, i32), text: &str, role: Role, align: HPos) {
        if !text.is_empty() {
            sure(self.root.draw(&Text::new(
                text.to_owned(),
                at,
                style(role, TEXT, align, VPos::Center),
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

    /// One step of a colour key at the right, the highest on top.
    pub(in crate::report) fn key(&mut self, step: i32, role: Role, text: &str, steps: i32) {
        let [_, top, right, bottom] = self.frame.plot().map(u32::cast_signed);
        let high = (bottom - top) / steps;
        let y = bottom - (step + 1) * high;
        let corners = [(right + 24, y), (right + 54, y + high)];
        sure(self.root.draw(&Rectangle::new(corners, role.filled())));
        self.text(
            (right + 66, y + high / 2),
            &format!("≥ {text}"),
            role::FAINT,
            HPos::Left,
        );
    }

    /// Names a line at its right end. Labels that would overlap are moved apart.
    pub(in crate::report) fn end_label(&mut self, y: f64, text: &str, role: Role) {
        let y = self.at(self.x.to, y).1;
        self.labels.push((y, text.to_owned(), role));
    }

    fn end_labels(&mut self) {
        const APART: i32 = 36;
        let [_, top, right, bottom] = self.frame.plot().map(u32::cast_signed);
        let mut labels = std::mem::take(&mut self.labels);
        labels.sort_by_key(|label| label.0);
        let mut floor = top + 4;
        for label in &mut labels {
            label.0 = label.0.max(floor);
            floor = label.0 + APART;
        }
        let mut ceiling = bottom - 8;
        for label in labels.iter_mut().rev() {
            label.0 = label.0.min(ceiling);
            ceiling = label.0 - APART;
        }
        for (y, text, role) in labels {
            self.stroke(vec![(right + 12, y), (right + 38, y)], role, 6);
            self.text((right + 48, y), &text, role::INK, HPos::Left);
        }
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

fn style<'a>(role: Role, size: i32, align: HPos, vertical: VPos) -> TextStyle<'a> {
    ("sans-serif", size)
        .into_font()
        .color(&role)
        .pos(Pos::new(align, vertical))
}

/// Writing an SVG to memory cannot fail.
fn sure<T, E: std::fmt::Debug>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|error| unreachable!("an SVG is written to memory: {error:?}"))
}

/// Takes out what is the same everywhere, and puts dashes in.
fn finish(svg: &str) -> String {
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
