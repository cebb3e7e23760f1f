//! Lines for a log: one for each change of state, and one per group every few seconds.

use std::fmt::Write as _;

use crate::model::{Course, GroupProgress, Nanos, Notice, Progress};
use crate::report::plain;

/// Seconds between two lines.
const EVERY: u64 = 5;

/// What was written last.
#[derive(Debug, Default)]
pub struct Plain {
    last_line: Option<u64>,
}

impl Plain {
    /// The lines that a notice is worth.
    pub(super) fn lines(&mut self, notice: Notice<'_>) -> Vec<String> {
        match notice {
            Notice::Stack(text) | Notice::State(text) => vec![plain(text)],
            Notice::Load(course) => vec![begins(course)],
            Notice::Progress(progress) => self.progress(progress),
            Notice::Done => Vec::new(),
        }
    }

    fn progress(&mut self, progress: &Progress) -> Vec<String> {
        let second = progress.elapsed.0 / Nanos::SECOND.0;
        if self.last_line.is_some_and(|last| second < last + EVERY) {
            return Vec::new();
        }
        self.last_line = Some(second);
        let groups = progress.groups.iter();
        groups.map(|group| line(second, group)).collect()
    }
}

fn begins(course: Course) -> String {
    let span = |nanos: Nanos| humantime::format_duration(nanos.into());
    let length = match course.requests {
        Some(requests) => format!("until {requests} requests are sent"),
        None => format!("for {}", span(course.duration)),
    };
    if course.warmup == Nanos::ZERO {
        format!("load begins: measured {length}")
    } else {
        let warmup = span(course.warmup);
        format!("load begins: warm-up for {warmup}, then measured {length}")
    }
}

fn line(second: u64, group: &GroupProgress) -> String {
    let [planned, sent, done] = group.last_second;
    let time = |nanos: Nanos| nanos.to_string().replace(' ', "");
    let mut line = format!(
        "t={second}s {} intended={planned}/s sent={sent}/s answered={done}/s p50={} p99={} max={} lag_p99={}",
        plain(&group.host),
        time(group.response[0]),
        time(group.response[2]),
        time(group.response[3]),
        time(group.lag_p99)
    );
    for (name, count) in [("failed", group.failed), ("dropped", group.dropped)] {
        if count > 0 {
            // Writing to a string cannot fail.
            let _ = write!(line, " {name}={count}");
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> Progress {
        Progress {
            elapsed: Nanos(second * Nanos::SECOND.0),
            groups: vec![GroupProgress {
                host: "app\u{1b}[31m\r".into(),
                failed: 3,
                last_second: [500, 499, 498],
                response: [400_000, 500_000, 1_234_567, 9_000_000].map(Nanos),
                lag_p99: Nanos(80_000),
                ..GroupProgress::default()
            }],
        }
    }

    #[test]
    fn a_line_every_few_seconds_and_for_each_change_of_state() {
        let mut plain = Plain::default();
        let mut written = Vec::new();
        for second in 1..=12 {
            written.extend(plain.lines(Notice::Progress(&at(second))));
        }
        assert_eq!(written.len(), 3, "{written:?}");
        assert_eq!(
            written[1],
            "t=6s app\u{fffd}[31m\u{fffd} intended=500/s sent=499/s answered=498/s p50=400µs \
             p99=1.23ms max=9.00ms lag_p99=80.0µs failed=3"
        );
        let said = plain.lines(Notice::State("closing the books"));
        assert_eq!(said, ["closing the books"]);
    }

    #[test]
    fn the_beginning_tells_how_long_it_takes() {
        let course = |warmup: u64, requests| Course {
            warmup: Nanos(warmup),
            duration: Nanos(10_000_000_000),
            requests,
        };
        assert_eq!(begins(course(0, None)), "load begins: measured for 10s");
        assert_eq!(
            begins(course(500_000_000, Some(7))),
            "load begins: warm-up for 500ms, then measured until 7 requests are sent"
        );
    }
}
