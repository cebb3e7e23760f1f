//! Whether colours are written: what was typed, then the environment, then the stream.

use std::ffi::OsStr;
use std::io::IsTerminal;
use std::sync::OnceLock;

use clap::ValueEnum;

/// When colours are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorWhen {
    /// On a terminal, unless the environment says otherwise.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What was typed. One for the process, as its streams are: errors are told from everywhere.
static TYPED: OnceLock<ColorWhen> = OnceLock::new();

/// Keeps what was typed; the first call counts.
pub(super) fn decide(typed: ColorWhen) {
    // A second call would be ours, and changes nothing.
    let _ = TYPED.set(typed);
}

/// Whether a stream gets colours.
pub fn colored(stream: &impl IsTerminal) -> bool {
    let typed = TYPED.get().copied().unwrap_or_default();
    wanted(typed, stream.is_terminal(), |name| std::env::var_os(name))
}

/// What was typed wins over `NO_COLOR`, that over `CLICOLOR_FORCE` and `FORCE_COLOR`, and those
/// over what the stream is.
fn wanted<S: AsRef<OsStr>>(
    typed: ColorWhen,
    terminal: bool,
    variable: impl Fn(&str) -> Option<S>,
) -> bool {
    let set = |name: &str| variable(name).is_some_and(|value| !value.as_ref().is_empty());
    let on = |name: &str| set(name) && variable(name).is_some_and(|value| value.as_ref() != "0");
    match typed {
        ColorWhen::Always => true,
        ColorWhen::Never => false,
        ColorWhen::Auto if set("NO_COLOR") => false,
        ColorWhen::Auto if on("CLICOLOR_FORCE") || on("FORCE_COLOR") => true,
        ColorWhen::Auto => terminal && !is_dumb(variable("TERM")),
    }
}

/// Whether a terminal of this name obeys no escape sequence: `dumb`, or nothing at all.
pub(super) fn is_dumb<S: AsRef<OsStr>>(term: Option<S>) -> bool {
    term.is_none_or(|term| term.as_ref().is_empty() || term.as_ref() == "dumb")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(typed: ColorWhen, terminal: bool, environment: &[(&str, &str)], expected: bool) {
        let variable = |name: &str| {
            let found = environment.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| *value)
        };
        let got = wanted(typed, terminal, variable);
        assert_eq!(got, expected, "{typed:?} {terminal} {environment:?}");
    }

    #[test]
    fn what_was_typed_wins_then_no_color_then_force_then_the_stream() {
        use ColorWhen::{Always, Auto, Never};
        let xterm = ("TERM", "xterm");
        check(Auto, true, &[xterm], true);
        check(Auto, false, &[xterm], false);
        check(Always, false, &[("NO_COLOR", "1")], true);
        check(Never, true, &[xterm, ("FORCE_COLOR", "1")], false);
        let both = [xterm, ("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")];
        check(Auto, true, &both, false);
        check(Auto, false, &[("CLICOLOR_FORCE", "1")], true);
        check(Auto, false, &[("FORCE_COLOR", "3")], true);
    }

    #[test]
    fn an_empty_variable_says_nothing_and_a_zero_does_not_force() {
        use ColorWhen::Auto;
        let xterm = ("TERM", "xterm");
        check(Auto, true, &[xterm, ("NO_COLOR", "")], true);
        check(Auto, false, &[("CLICOLOR_FORCE", "0")], false);
        check(Auto, false, &[("FORCE_COLOR", "0")], false);
    }

    #[test]
    fn a_dumb_terminal_has_no_colours() {
        check(ColorWhen::Auto, true, &[("TERM", "dumb")], false);
        check(ColorWhen::Auto, true, &[], false);
        check(ColorWhen::Always, true, &[("TERM", "dumb")], true);
    }
}
