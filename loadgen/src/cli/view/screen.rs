//! Draws a picture over the last one, and leaves everything above it as it was.
//!
//! The cursor stands in the line under the picture. A picture is drawn by going up as many lines
//! as the last one had, so nothing has to be asked of the terminal and nothing to be restored.

use std::fmt::Write as _;
use std::io::Write;

use super::line::{Line, width};
use super::terminal::Size;
use crate::model::plain;

/// Clears from the cursor to the end of the screen.
const CLEAR_BELOW: &str = "\u{1b}[J";
/// Clears from the cursor to the end of the line.
const CLEAR_LINE: &str = "\u{1b}[K";

/// A terminal that is drawn on.
#[derive(Debug)]
pub(super) struct Screen<W> {
    out: W,
    color: bool,
    /// Columns of each line of the picture that is there.
    there: Vec<usize>,
}

impl<W: Write> Screen<W> {
    /// A screen without a picture.
    pub(super) const fn new(out: W, color: bool) -> Self {
        Self {
            out,
            color,
            there: Vec::new(),
        }
    }

    /// Draws a picture where the last one was.
    pub(super) fn draw(&mut self, lines: &[Line], size: Size) {
        let mut text = self.up(size);
        for line in lines {
            let _ = write!(text, "{}{CLEAR_LINE}\r\n", line.text(self.color));
        }
        if !self.there.is_empty() {
            text.push_str(CLEAR_BELOW);
        }
        self.there = lines.iter().map(|line| width(&line.text(false))).collect();
        self.write(&text);
    }

    /// Writes a sentence that stays, above the picture.
    pub(super) fn say(&mut self, sentence: &str, size: Size) {
        self.clear(size);
        self.write(&format!("{}\r\n", plain(sentence)));
    }

    /// Takes the picture away.
    pub(super) fn clear(&mut self, size: Size) {
        if !self.there.is_empty() {
            let text = format!("{}{CLEAR_BELOW}", self.up(size));
            self.there.clear();
            self.write(&text);
        }
    }

    /// Goes to where the picture begins. On a terminal that has become narrower its lines were
    /// broken into more.
    fn up(&self, size: Size) -> String {
        let columns = size.columns.max(1);
        let rows = |width: &usize| width.div_ceil(columns).max(1);
        match self.there.iter().map(rows).sum::<usize>() {
            0 => String::new(),
            rows => format!("\r\u{1b}[{rows}A"),
        }
    }

    /// One write a picture, so that none is seen half. A terminal that is gone shows nothing.
    fn write(&mut self, text: &str) {
        let _ = self.out.write_all(text.as_bytes());
        let _ = self.out.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::super::line::Ink;
    use super::*;

    const SIZE: Size = Size {
        columns: 20,
        rows: 10,
    };

    fn lines(texts: &[&str]) -> Vec<Line> {
        let line = |text: &&str| {
            let mut line = Line::new(SIZE.columns, 0);
            line.cut(Ink::Usual, text, SIZE.columns);
            line
        };
        texts.iter().map(line).collect()
    }

    /// What a call writes.
    fn written(screen: &mut Screen<Vec<u8>>, call: impl FnOnce(&mut Screen<Vec<u8>>)) -> String {
        screen.out.clear();
        call(screen);
        String::from_utf8(screen.out.clone()).expect("text")
    }

    #[test]
    fn a_picture_is_drawn_over_the_last_one() {
        let mut screen = Screen::new(Vec::new(), false);
        let first = written(&mut screen, |screen| screen.draw(&lines(&["a", "b"]), SIZE));
        assert_eq!(first, "a\u{1b}[K\r\nb\u{1b}[K\r\n");
        let second = written(&mut screen, |screen| screen.draw(&lines(&["c"]), SIZE));
        assert_eq!(second, "\r\u{1b}[2Ac\u{1b}[K\r\n\u{1b}[J");
        let cleared = written(&mut screen, |screen| screen.clear(SIZE));
        assert_eq!(cleared, "\r\u{1b}[1A\u{1b}[J");
        let nothing = written(&mut screen, |screen| screen.clear(SIZE));
        assert_eq!(nothing, "", "there is nothing to take away");
    }

    #[test]
    fn a_sentence_stays_and_cannot_steer() {
        let mut screen = Screen::new(Vec::new(), false);
        screen.draw(&lines(&["a"]), SIZE);
        let said = written(&mut screen, |screen| screen.say("stop\u{1b}[2J", SIZE));
        assert_eq!(said, "\r\u{1b}[1A\u{1b}[Jstop\\x1b[2J\r\n");
        let drawn = written(&mut screen, |screen| screen.draw(&lines(&["a"]), SIZE));
        assert_eq!(drawn, "a\u{1b}[K\r\n", "under the sentence");
    }

    #[test]
    fn lines_that_a_narrower_terminal_broke_are_counted() {
        let mut screen = Screen::new(Vec::new(), false);
        screen.draw(&lines(&["0123456789012345", "b"]), SIZE);
        let narrow = Size { columns: 5, ..SIZE };
        let drawn = written(&mut screen, |screen| screen.draw(&[], narrow));
        assert!(drawn.starts_with("\r\u{1b}[5A"), "{drawn:?}");
    }
}
