//! Text that came from anywhere, as it may be printed: nothing in it steers a terminal, turns a
//! line around, or gives a command to a CI runner that reads along.
//!
//! Everything printed passes here: each piece by [`plain`] where it is put into a line, and the whole
//! by [`printed`] or [`printed_json`] where it leaves the program.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Text on one line. Control characters and invisible ones are shown as escapes: `\x1b`, `\n`,
/// `\u{202e}`.
#[must_use]
pub fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        push(&mut shown, c);
    }
    shown
}

/// Text of several lines as it may leave the program. Ends of lines and tabs stay, and colours where
/// they are wanted: no other escape sequence, and no line that is a command.
#[must_use]
pub fn printed(text: &str, colors: bool) -> String {
    let line = |line: &str| no_command(&line_of(line, colors)).into_owned();
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// JSON with the same value, in which the same characters are escapes of JSON.
#[must_use]
pub fn printed_json(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for (place, c) in text.char_indices() {
        if c != '\n' && is_hidden(c) || begins_command(&text[place..]) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                let _ = write!(shown, "\\u{unit:04x}");
            }
        } else {
            shown.push(c);
        }
    }
    shown
}

/// A line that no CI runner takes for a command: GitHub's obeys `::name::` at the start of a line, it
/// and others `##[name]`, `##vso[name]` and their kin anywhere.
#[must_use]
pub fn no_command(line: &str) -> Cow<'_, str> {
    let start = line.len() - line.trim_start().len();
    let mut command = line[start..].strip_prefix("::").into_iter();
    let leads = command.any(|name| name.starts_with(|c: char| c.is_ascii_alphabetic()));
    if !leads && !line.contains("##") {
        return Cow::Borrowed(line);
    }
    let mut shown = String::with_capacity(line.len() + 3);
    for (place, c) in line.char_indices() {
        let is_command = (leads && place == start) || begins_command(&line[place..]);
        if is_command {
            // Writing to a string cannot fail.
            let _ = write!(shown, "\\x{:02x}", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// `##[`, or with the name of a system between.
fn begins_command(text: &str) -> bool {
    let name = text.strip_prefix("##");
    name.is_some_and(|name| {
        name.trim_start_matches(|c: char| c.is_ascii_alphabetic())
            .starts_with('[')
    })
}

fn line_of(line: &str, colors: bool) -> String {
    let mut shown = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        let color = if colors { color_code(rest) } else { 0 };
        match c {
            _ if color > 0 => shown.push_str(&rest[..color]),
            '\t' => shown.push(c),
            _ => push(&mut shown, c),
        }
        rest = &rest[color.max(c.len_utf8())..];
    }
    shown
}

/// The length of the colour code that a text begins with: `ESC [ 1;31 m`.
fn color_code(text: &str) -> usize {
    let digits = |text: &str| text.find(|c: char| !c.is_ascii_digit() && c != ';');
    let code = text.strip_prefix("\u{1b}[");
    let end = code.and_then(|code| digits(code).filter(|end| code[*end..].starts_with('m')));
    end.map_or(0, |end| end + 3)
}

fn push(shown: &mut String, c: char) {
    let _ = match c {
        c if !is_hidden(c) => {
            shown.push(c);
            Ok(())
        }
        '\n' => write!(shown, "\\n"),
        '\r' => write!(shown, "\\r"),
        '\t' => write!(shown, "\\t"),
        c if c.is_ascii() => write!(shown, "\\x{:02x}", u32::from(c)),
        c => write!(shown, "\\u{{{:x}}}", u32::from(c)),
    };
}

/// Whether a character does something instead of being seen: controls, marks of direction, joiners,
/// separators of lines, tags.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_seen_is_shown() {
        let hostile = "\u{1b}[31mred\u{7}\r\n\t\u{202e}x\u{9b}\u{200b}\u{2028}";
        assert_eq!(
            plain(hostile),
            r"\x1b[31mred\x07\r\n\t\u{202e}x\u{9b}\u{200b}\u{2028}"
        );
        assert_eq!(plain("名 µs \u{5e9} C:\\n"), "名 µs \u{5e9} C:\\n");
    }

    #[test]
    fn no_line_is_a_command_to_a_runner() {
        for (line, shown) in [
            ("  ::set-output name=a::b", r"  \x3a:set-output name=a::b"),
            ("::stop-commands::x", r"\x3a:stop-commands::x"),
            ("a ##[error]b", r"a \x23#[error]b"),
            ("a ###[error]b", r"a #\x23#[error]b"),
            ("##vso[task.complete]", r"\x23#vso[task.complete]"),
            ("##teamcity[x]", r"\x23#teamcity[x]"),
            ("a::b is a name", "a::b is a name"),
            ("::1 is an address", "::1 is an address"),
            ("## A heading [1]", "## A heading [1]"),
            ("", ""),
        ] {
            assert_eq!(no_command(line), shown);
        }
    }

    #[test]
    fn colours_stay_where_they_are_wanted_and_nothing_else_does() {
        let text = "\u{1b}[1;31merror\u{1b}[0m: \u{1b}[2J\u{1b}]0;t\u{7}\n::error::x\n\u{1b}[";
        assert_eq!(
            printed(text, true),
            "\u{1b}[1;31merror\u{1b}[0m: \\x1b[2J\\x1b]0;t\\x07\n\\x3a:error::x\n\\x1b["
        );
        assert!(!printed(text, false).contains('\u{1b}'));
        assert_eq!(printed("a\tb\n\n", false), "a\tb\n\n");
    }

    #[test]
    fn json_has_escapes_of_its_own() {
        let text = "{\n  \"a\": \"\u{202e}##[x]\u{e0041}\u{9b}\",\n  \"b\": \"##vso[y] # ##\"\n}\n";
        assert_eq!(
            printed_json(text),
            "{\n  \"a\": \"\\u202e\\u0023#[x]\\udb40\\udc41\\u009b\",\n  \"b\": \"\\u0023#vso[y] # ##\"\n}\n"
        );
    }
}
