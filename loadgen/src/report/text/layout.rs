//! Lines of a terminal: ink, wrapping at words, bars in eighths of a cell.

use crate::model::no_command;

/// What a piece of text means; colour is never its only sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    /// Passed, held.
    Good,
    Bad,
    /// To be doubted, or looked at.
    Doubt,
    /// A heading.
    Strong,
    /// Labels of a table.
    Faint,
    Series,
}

/// A text under construction.
pub(super) struct Page {
    text: String,
    color: bool,
    width: usize,
}

impl Page {
    pub(super) fn new(color: bool, width: usize) -> Self {
        Self {
            text: String::new(),
            color,
            width: width.clamp(40, 200),
        }
    }

    pub(super) const fn width(&self) -> usize {
        self.width
    }

    /// Text with its colour, where colours are wanted.
    pub(super) fn ink(&self, ink: Ink, text: &str) -> String {
        let code = match ink {
            Ink::Good => "1;32",
            Ink::Bad => "1;31",
            Ink::Doubt => "1;33",
            Ink::Strong => "1",
            Ink::Faint => "2",
            Ink::Series => "34",
        };
        if self.color {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }

    pub(super) fn line(&mut self, text: &str) {
        self.text.push_str(no_command(&terminal(text)).trim_end());
        self.text.push('\n');
    }

    pub(super) fn blank(&mut self) {
        self.text.push('\n');
    }

    /// A sentence, wrapped at words and indented; its later lines two columns more.
    pub(super) fn sentence(&mut self, indent: usize, text: &str) {
        let text = terminal(text);
        let mut line = " ".repeat(indent);
        let mut used = indent;
        let mut first = true;
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            let length = shown(word);
            if !first && used + 1 + length > self.width {
                self.line(&line);
                line = " ".repeat(indent + 2);
                used = indent + 2;
                first = true;
            }
            if !first {
                line.push(' ');
                used += 1;
            }
            line.push_str(word);
            used += length;
            first = false;
        }
        self.line(&line);
    }

    pub(super) fn finish(self) -> String {
        self.text
    }
}

/// Spaces as a terminal can be trusted to show them: plain blanks.
pub(super) fn terminal(text: &str) -> String {
    text.replace('\u{a0}', " ")
}

/// Columns that a word takes: its characters, without colour codes.
fn shown(word: &str) -> usize {
    let mut columns = 0;
    let mut code = false;
    for c in word.chars() {
        match c {
            '\u{1b}' => code = true,
            'm' if code => code = false,
            _ if !code => columns += 1,
            _ => {}
        }
    }
    columns
}

/// A bar for `value`, `width` cells long at `most`, in eighths of a cell.
pub(super) fn bar(value: f64, most: f64, width: usize) -> String {
    const EIGHTHS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
    if most <= 0.0 || value <= 0.0 {
        return String::new();
    }
    let eighths = (value / most * width as f64 * 8.0).round() as usize;
    let mut bar = "█".repeat(eighths / 8);
    if !eighths.is_multiple_of(8) {
        bar.push(EIGHTHS[eighths % 8]);
    }
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_grow_by_eighths() {
        assert_eq!(bar(1.0, 1.0, 4), "████");
        assert_eq!(bar(0.56, 1.0, 2), "█▏");
        assert_eq!(bar(0.0, 1.0, 4), "");
        assert_eq!(bar(0.0, 0.0, 4), "");
    }

    #[test]
    fn colour_codes_take_no_room_when_lines_are_wrapped() {
        let mut page = Page::new(true, 40);
        let word = page.ink(Ink::Bad, "failure");
        page.sentence(2, &format!("{word} {}", "word ".repeat(10)));
        let lines = page.finish();
        assert!(lines.lines().count() == 2, "{lines}");
    }
}
