//! Colours by what they mean. Each is one hex value that the style sheet can find and replace.
//!
//! Series take Okabe and Ito's palette; percentiles are one hue from dark to light, because their
//! order is their meaning. Dashes come after drawing: plotters has none that stay small.

use plotters::style::RGBColor;

/// A colour with a meaning.
pub(in crate::report) type Role = RGBColor;

/// Titles and end labels.
pub(in crate::report) const INK: Role = RGBColor(0x1B, 0x1F, 0x24);
pub(in crate::report) const FAINT: Role = RGBColor(0x5A, 0x64, 0x6F);
/// Lines of the grid.
pub(in crate::report) const GRID: Role = RGBColor(0xE4, 0xE7, 0xEB);
/// The base line and the outlines of boxes.
pub(in crate::report) const AXIS: Role = RGBColor(0x9A, 0xA3, 0xAD);
/// The page itself, under lines that lie on a band.
pub(in crate::report) const PAPER: Role = RGBColor(0xFF, 0xFF, 0xFE);
/// The ground of boxes.
pub(in crate::report) const BOX: Role = RGBColor(0xF4, 0xF6, 0xF8);
/// What was asked for: dashed.
pub(in crate::report) const INTENDED: Role = RGBColor(0x3A, 0x3D, 0x40);
/// Requests sent: broad and pale, so that what lies on it is seen.
pub(in crate::report) const SENT: Role = RGBColor(0xA9, 0xD6, 0xF5);
/// What was due and not sent: a ground, so paler than any line.
pub(in crate::report) const UNSENT: Role = RGBColor(0xF6, 0xC9, 0xA8);
/// What lies between the parts of a bar and their names.
pub(in crate::report) const FUNNEL: Role = RGBColor(0xEE, 0xF1, 0xF4);
pub(in crate::report) const ANSWERED: Role = RGBColor(0x00, 0x72, 0xB2);
/// The way between generator and replica.
pub(in crate::report) const SKY: Role = RGBColor(0x56, 0xB4, 0xE9);
pub(in crate::report) const FAILED: Role = RGBColor(0xD5, 0x5E, 0x00);
/// The largest value: dotted.
pub(in crate::report) const MAX: Role = RGBColor(0x75, 0x79, 0x7D);
/// p50, p90, p99, p99.9.
pub(in crate::report) const PERCENTILES: [Role; 4] = [
    RGBColor(0x0A, 0x2F, 0x57),
    RGBColor(0x15, 0x51, 0x8F),
    RGBColor(0x2E, 0x78, 0xBD),
    RGBColor(0x4F, 0x95, 0xCF),
];

const REPLICAS: [Role; 7] = [
    RGBColor(0x00, 0x72, 0xB2),
    RGBColor(0x00, 0x9E, 0x73),
    RGBColor(0xE6, 0x9F, 0x00),
    RGBColor(0xCC, 0x79, 0xA7),
    RGBColor(0x56, 0xB4, 0xE9),
    RGBColor(0xD5, 0x5E, 0x00),
    RGBColor(0x00, 0x00, 0x00),
];

/// Kinds of failure, most frequent first.
const FAILURES: [Role; 5] = [
    RGBColor(0xD5, 0x5E, 0x00),
    RGBColor(0xE6, 0x9F, 0x00),
    RGBColor(0xCC, 0x79, 0xA7),
    RGBColor(0x56, 0xB4, 0xE9),
    RGBColor(0x75, 0x79, 0x7D),
];

/// Viridis, from few to many; the dark theme turns it round, so that few is near the page.
pub(in crate::report) const HEAT: [Role; 8] = [
    RGBColor(0xFD, 0xE7, 0x25),
    RGBColor(0xA0, 0xDA, 0x39),
    RGBColor(0x4A, 0xC1, 0x6D),
    RGBColor(0x1F, 0xA1, 0x87),
    RGBColor(0x27, 0x7F, 0x8E),
    RGBColor(0x36, 0x5C, 0x8D),
    RGBColor(0x46, 0x32, 0x7E),
    RGBColor(0x44, 0x01, 0x54),
];

/// The colour of the nth replica.
pub(in crate::report) const fn replica(place: usize) -> Role {
    REPLICAS[place % REPLICAS.len()]
}

/// The colour of the nth kind of failure; the last stands for all others.
pub(in crate::report) fn failure(place: usize) -> Role {
    FAILURES[place.min(FAILURES.len() - 1)]
}

/// As it stands in the SVG.
pub(in crate::report) fn hex(role: Role) -> String {
    format!("#{:02X}{:02X}{:02X}", role.0, role.1, role.2)
}

/// The dash patterns of the roles that have one.
pub(super) const DASHED: [(Role, &str); 2] = [(INTENDED, "14 9"), (MAX, "3 7")];
