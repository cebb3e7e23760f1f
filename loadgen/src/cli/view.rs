//! What a person sees on standard error while a run goes on.

use std::fmt::Write as _;
use std::io::Write as _;

use super::args::ProgressMode;
use crate::model::{GroupProgress, Nanos, Notice, Progress};

/// Seconds between two plain lines.
const EVERY: u64 = 5;

/// The live view.
#[derive(Debug)]
pub struct View {
    on: bool,
    last_line: Option<u64>,
}

impl View {
    /// A view for one run.
    #[must_use]
    pub fn new(mode: ProgressMode) -> Self {
        Self {
            on: mode != ProgressMode::None,
            last_line: None,
        }
    }

    /// Shows one notice. What cannot be shown is let go: a view never ends a run.
    pub fn show(&mut self, notice: Notice<'_>) {
        match notice {
            _ if !self.on => {}
            Notice::Stack(text) | Notice::State(text) => say(text),
            Notice::Progress(progress) => self.progress(progress),
            Notice::Done => {}
        }
    }

    fn progress(&mut self, progress: &Progress) {
        let second = progress.elapsed.0 / Nanos::SECOND.0;
        if self.last_line.is_some_and(|last| second < last + EVERY) {
            return;
        }
        self.last_line = Some(second);
        for group in &progress.groups {
            say(&line(second, group));
        }
    }
}

fn line(second: u64, group: &GroupProgress) -> String {
    let [planned, sent, done] = group.last_second;
    let mut line = format!(
        "t={second}s {} intended={planned}/s sent={sent}/s answered={done}/s p50={} p99={} lag_p99={}",
        group.host, group.response[0], group.response[2], group.lag_p99
    );
    for (name, count) in [("failed", group.failed), ("dropped", group.dropped)] {
        if count > 0 {
            // Writing to a string cannot fail.
            let _ = write!(line, " {name}={count}");
        }
    }
    line
}

fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Whether a stream may have colours: a terminal may, unless `NO_COLOR` is set.
pub fn colored(stream: &impl std::io::IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

/// Says what went wrong and what to do about it, on standard error.
pub fn say_error(message: &str, hint: &str) {
    let color = colored(&std::io::stderr());
    let (red, cyan, reset) = if color {
        ("\x1b[1;31m", "\x1b[36m", "\x1b[0m")
    } else {
        ("", "", "")
    };
    let mut text = format!("{red}error{reset}: {message}\n");
    if !hint.is_empty() {
        let _ = writeln!(text, "\n{cyan}hint{reset}: {hint}");
    }
    let _ = std::io::stderr().write_all(text.as_bytes());
}
