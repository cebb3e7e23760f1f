//! One line of the picture: pieces of text with a meaning, cut to the columns there are.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::model::plain;

/// What a piece means; colour is never its only sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    /// Nothing in particular.
    Usual,
    /// A heading.
    Strong,
    /// A label.
    Faint,
    /// A bar.
    Bar,
    /// Something that is wrong.
    Bad,
}

/// Blanks between two pieces.
const GAP: usize = 2;

/// A line under construction. It never grows beyond its columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pieces: Vec<(Ink, String)>,
    used: usize,
    most: usize,
}

impl Line {
    /// An empty line of at most `most` columns, which begins with `indent` blanks.
    pub(super) fn new(most: usize, indent: usize) -> Self {
        let indent = indent.min(most);
        Self {
            pieces: vec![(Ink::Usual, " ".repeat(indent))],
            used: indent,
            most,
        }
    }

    /// Columns that are left for a further piece.
    pub(super) fn left(&self) -> usize {
        self.most.saturating_sub(self.used + self.gap())
    }

    /// Columns that are used.
    pub(super) const fn used(&self) -> usize {
        self.used
    }

    /// Adds the first of several ways to say a thing that fits; none where none does.
    pub(super) fn say<S: AsRef<str>>(&mut self, ink: Ink, ways: &[S]) -> &mut Self {
        let left = self.left();
        let fitting = ways.iter().map(|way| plain(way.as_ref()));
        if let Some(text) = { fitting }.find(|text| text.width() <= left) {
            self.push(ink, text);
        }
        self
    }

    /// Adds a text, cut to at most `columns` and to what is left.
    pub(super) fn cut(&mut self, ink: Ink, text: &str, columns: usize) -> &mut Self {
        let text = cut(&plain(text), columns.min(self.left()));
        self.push(ink, text);
        self
    }

    /// Blanks until `columns` are used, so that what follows stands in a column.
    pub(super) fn pad_to(&mut self, columns: usize) -> &mut Self {
        let blanks = columns.min(self.most).saturating_sub(self.used);
        self.pieces.push((Ink::Usual, " ".repeat(blanks)));
        self.used += blanks;
        self
    }

    /// The line with its colours, or without; no blanks at its end.
    pub(super) fn text(&self, color: bool) -> String {
        let filled = |(_, text): &(Ink, String)| !text.trim_end().is_empty();
        let last = self.pieces.iter().rposition(filled);
        let pieces = &self.pieces[..last.map_or(0, |last| last + 1)];
        let paint = |(ink, text): &(Ink, String)| {
            let code = match ink {
                Ink::Strong => "1",
                Ink::Faint => "2",
                Ink::Bar => "34",
                Ink::Bad => "1;31",
                Ink::Usual => "",
            };
            if color && !code.is_empty() {
                format!("\u{1b}[{code}m{text}\u{1b}[0m")
            } else {
                text.clone()
            }
        };
        let text: String = pieces.iter().map(paint).collect();
        text.trim_end().to_owned()
    }

    const fn gap(&self) -> usize {
        if self.pieces.len() > 1 { GAP } else { 0 }
    }

    fn push(&mut self, ink: Ink, text: String) {
        if text.is_empty() {
            return;
        }
        let gap = self.gap();
        self.used += gap + text.width();
        self.pieces.push((Ink::Usual, " ".repeat(gap)));
        self.pieces.push((ink, text));
    }
}

/// A text of at most `columns`, with an ellipsis where some of it is missing.
pub(super) fn cut(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = 0;
    for c in text.chars() {
        let width = c.width().unwrap_or(0);
        if used + width + 1 > columns {
            break;
        }
        used += width;
        kept.push(c);
    }
    if columns > 0 {
        kept.push('…');
    }
    kept
}

/// Columns that a text takes.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_never_grows_beyond_its_columns() {
        for most in 0..40 {
            let mut line = Line::new(most, 2);
            line.cut(Ink::Strong, "東京-replica-with-a-long-name", 20)
                .say(Ink::Usual, &["a rather long way to say it", "short"])
                .pad_to(30)
                .cut(Ink::Bar, "█████████", 40);
            assert!(width(&line.text(false)) <= most, "{most}: {line:?}");
            assert!(line.used() <= most.max(2), "{most}: {line:?}");
        }
    }

    #[test]
    fn the_shorter_way_is_taken_where_the_longer_does_not_fit() {
        let mut line = Line::new(12, 0);
        line.say(Ink::Usual, &["response p50 1 ms", "p50 1 ms"]);
        assert_eq!(line.text(false), "p50 1 ms");
    }

    #[test]
    fn what_a_target_says_cannot_steer_the_terminal() {
        let mut line = Line::new(80, 0);
        line.cut(
            Ink::Strong,
            "\u{1b}[2J\u{1b}]0;title\u{7}\r\n\u{202e}evil\u{9b}31m",
            60,
        )
        .say(Ink::Usual, &["\u{1b}[5m"]);
        let text = line.text(false);
        assert!(!text.chars().any(char::is_control), "{text:?}");
        assert!(!text.contains('\u{202e}'), "{text:?}");
    }

    #[test]
    fn a_wide_name_is_cut_at_its_columns() {
        assert_eq!(cut("東京都", 5), "東京…");
        assert_eq!(cut("東京都", 6), "東京都");
        assert_eq!(cut("abc", 0), "");
    }
}
