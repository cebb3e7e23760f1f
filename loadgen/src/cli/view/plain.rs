//! Lines for a log: one for each change of state, and one per group every few seconds.

use std::fmt::Write as _;

use crate::model::plain;
use crate::model::{GroupProgress, LoadOutline, Nanos, Progress, RunEvent};

/// Seconds between two lines.
const EVERY: u64 = 5;

/// What was seen since the last line.
#[derive(Debug, Default)]
pub struct Plain {
    last_line: Option<u64>,
    /// One per group, in plan order.
    since: Vec<Since>,
}

/// A group since the last line: no second of it is passed over.
#[derive(Clone, Debug, Default)]
struct Since {
    seconds: u64,
    /// Planned, sent and answered with success, summed.
    counts: [u64; 3],
    /// The worst second's response time at p50, p90, p99, and its maximum.
    response: [Nanos; 4],
    release_lag: Nanos,
    wait: Nanos,
}

impl Since {
    fn add(&mut self, group: &GroupProgress) {
        self.seconds += 1;
        for (sum, count) in self.counts.iter_mut().zip(group.last_second) {
            *sum += count;
        }
        for (worst, time) in self.response.iter_mut().zip(group.response) {
            *worst = (*worst).max(time);
        }
        self.release_lag = self.release_lag.max(group.lag_p99);
        self.wait = self.wait.max(group.wait_p99);
    }

    /// A count per second.
    fn rate(&self, place: usize) -> u64 {
        let seconds = self.seconds.max(1);
        (self.counts[place] + seconds / 2) / seconds
    }
}

impl Plain {
    /// The lines that a notice is worth.
    pub(super) fn lines(&mut self, notice: RunEvent<'_>) -> Vec<String> {
        match notice {
            RunEvent::Stack(text) | RunEvent::State(text) => vec![plain(text)],
            RunEvent::Load(outline) => vec![begins(outline)],
            RunEvent::Progress(progress) => self.progress(progress),
            RunEvent::Done => Vec::new(),
        }
    }

    fn progress(&mut self, progress: &Progress) -> Vec<String> {
        let second = progress.elapsed.0 / Nanos::SECOND.0;
        self.since.resize(progress.groups.len(), Since::default());
        for (since, group) in self.since.iter_mut().zip(&progress.groups) {
            since.add(group);
        }
        if self.last_line.is_some_and(|last| second < last + EVERY) {
            return Vec::new();
        }
        self.last_line = Some(second);
        let groups = progress.groups.iter().zip(std::mem::take(&mut self.since));
        groups
            .map(|(group, since)| line(second, group, &since))
            .collect()
    }
}

fn begins(outline: LoadOutline) -> String {
    let span = |nanos: Nanos| humantime::format_duration(nanos.into());
    let length = match outline.requests {
        Some(requests) => format!("until {requests} requests are sent"),
        None => format!("for {}", span(outline.duration)),
    };
    if outline.warmup == Nanos::ZERO {
        format!("load begins: measured {length}")
    } else {
        let warmup = span(outline.warmup);
        format!("load begins: warm-up for {warmup}, then measured {length}")
    }
}

fn line(second: u64, group: &GroupProgress, since: &Since) -> String {
    let time = |nanos: Nanos| nanos.to_string().replace(' ', "");
    let mut line = format!(
        "t={second}s {} intended={}/s sent={}/s answered={}/s worst_second: p50={} p99={} max={} release_lag_p99={}",
        plain(&group.host),
        since.rate(0),
        since.rate(1),
        since.rate(2),
        time(since.response[0]),
        time(since.response[2]),
        time(since.response[3]),
        time(since.release_lag)
    );
    if since.wait > group.lag_budget {
        let _ = write!(line, " wait_p99={}", time(since.wait));
    }
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
                lag_budget: Nanos(1_000_000),
                ..GroupProgress::default()
            }],
        }
    }

    #[test]
    fn a_line_every_few_seconds_and_for_each_change_of_state() {
        let mut plain = Plain::default();
        let mut written = Vec::new();
        for second in 1..=12 {
            written.extend(plain.lines(RunEvent::Progress(&at(second))));
        }
        assert_eq!(written.len(), 3, "{written:?}");
        assert_eq!(
            written[1],
            "t=6s app\\x1b[31m\\r intended=500/s sent=499/s answered=498/s worst_second: p50=400µs \
             p99=1.23ms max=9.00ms release_lag_p99=80.0µs failed=3"
        );
        let said = plain.lines(RunEvent::State("reading final counters"));
        assert_eq!(said, ["reading final counters"]);
    }

    #[test]
    fn no_second_between_two_lines_is_passed_over() {
        let mut plain = Plain::default();
        let mut written = Vec::new();
        for second in 1..=6 {
            let mut progress = at(second);
            if second == 3 {
                let group = &mut progress.groups[0];
                group.response[3] = Nanos(354_000_000);
                group.last_second = [500, 0, 0];
            }
            written.extend(plain.lines(RunEvent::Progress(&progress)));
        }
        assert!(written[1].contains(" max=354ms "), "{written:?}");
        assert!(written[1].contains(" sent=399/s "), "{written:?}");
    }

    #[test]
    fn the_beginning_tells_how_long_it_takes() {
        let outline = |warmup: u64, requests| LoadOutline {
            warmup: Nanos(warmup),
            duration: Nanos(10_000_000_000),
            requests,
        };
        assert_eq!(begins(outline(0, None)), "load begins: measured for 10s");
        assert_eq!(
            begins(outline(500_000_000, Some(7))),
            "load begins: warm-up for 500ms, then measured until 7 requests are sent"
        );
    }
}
