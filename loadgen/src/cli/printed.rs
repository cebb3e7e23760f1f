//! Where everything printed leaves the program, but for the picture of a terminal and for the commands
//! to a CI runner that are ours.

use std::io::{self, Write as _};

use super::color::colored;
use crate::model::{printed, printed_json};

/// Writes text for people to standard output.
pub fn tell(text: &str) -> io::Result<()> {
    let text = printed(text, colored(&io::stdout()));
    io::stdout().write_all(text.as_bytes())
}

/// Writes JSON to standard output, with the value that it has.
pub fn tell_json(text: &str) -> io::Result<()> {
    io::stdout().write_all(printed_json(text).as_bytes())
}

/// Writes a line to standard error. Where nobody can read it any more, nothing is said.
pub fn note(line: &str) {
    let text = printed(line, false) + "\n";
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Says what went wrong and what to do about it, on standard error.
pub fn say_error(message: &str, hint: &str) {
    let text = error_text(message, hint, colored(&io::stderr()));
    let _ = io::stderr().write_all(text.as_bytes());
}

fn error_text(message: &str, hint: &str, color: bool) -> String {
    let (red, cyan, reset) = if color {
        ("\x1b[1;31m", "\x1b[36m", "\x1b[0m")
    } else {
        ("", "", "")
    };
    let error = format!("{red}error{reset}: {}\n", indented(message));
    if hint.is_empty() {
        return error;
    }
    format!("{error}\n{cyan}hint{reset}: {}\n", indented(hint))
}

/// A message whose further lines stand under its first, so that nothing quoted in it looks like a
/// line of ours.
fn indented(text: &str) -> String {
    let text = printed(text.trim_end(), false);
    let mut further = text.lines().skip(1);
    if further.all(|line| line.is_empty() || line.starts_with(' ')) {
        return text;
    }
    text.replace('\n', "\n  ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_error_quotes_is_shown_and_not_obeyed() {
        let text = error_text("no `\u{1b}[2J\r\u{202e}`", "leave\u{7} it out", false);
        assert_eq!(
            text,
            "error: no `\\x1b[2J\\r\\u{202e}`\n\nhint: leave\\x07 it out\n"
        );
        let colored = error_text("no `\u{1b}[31m`", "", true);
        assert_eq!(colored, "\u{1b}[1;31merror\u{1b}[0m: no `\\x1b[31m`\n");
    }

    #[test]
    fn no_quoted_line_looks_like_one_of_ours() {
        let text = error_text("no host `a\n::error::b\nhint: c`", "", false);
        assert_eq!(text, "error: no host `a\n  \\x3a:error::b\n  hint: c`\n");
        let tail = error_text("it failed:\n  line 1\n\n  line 2", "", false);
        assert_eq!(tail, "error: it failed:\n  line 1\n\n  line 2\n");
    }
}
