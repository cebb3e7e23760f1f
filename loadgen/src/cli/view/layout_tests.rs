//! The picture at several sizes, and of targets that mean ill.

use super::*;
use crate::model::{ErrorClass, Progress};

fn replica(id: &str, requests: u64) -> ReplicaProgress {
    ReplicaProgress {
        id: id.into(),
        requests,
        last_second: 250,
    }
}

fn quiet(host: &str) -> GroupProgress {
    GroupProgress {
        host: host.into(),
        planned: 2_000,
        sent: 2_000,
        succeeded: 2_000,
        last_second: [500, 500, 498],
        response: [449_000, 618_000, 946_000, 4_600_000].map(Nanos),
        lag_p99: Nanos(79_400),
        lag_budget: Nanos(1_000_000),
        replicas: vec![replica("782bf3ef4322", 1_500), replica("a90c11d7e85b", 500)],
        ..GroupProgress::default()
    }
}

fn state(groups: &[GroupProgress]) -> State {
    let mut state = State::default();
    state.begin(LoadOutline {
        warmup: Nanos(1_000_000_000),
        duration: Nanos(10_000_000_000),
        requests: None,
    });
    for second in 1..=4 {
        let mut groups = groups.to_vec();
        for group in &mut groups {
            group.last_second[2] = group.last_second[2] * second / 4;
        }
        state.take(Progress {
            elapsed: Nanos(second * 1_000_000_000),
            groups,
        });
    }
    state
}

fn picture(state: &State, seconds: f64, columns: usize, rows: usize) -> String {
    let since = Duration::from_secs_f64(seconds);
    let lines = lines(state, since, Size { columns, rows });
    let text: Vec<_> = lines.iter().map(|line| line.text(false)).collect();
    text.join("\n")
}

#[test]
fn a_usual_terminal_shows_everything() {
    let expected = "\
load  ████████████░░░░░░░░░░░░░░░░░░  4 s of 10 s, 6 s left
app-group-1  intended 500/s  sent 500/s  answered 498/s  ▂▄▆█
  response  p50 449 µs  p90 618 µs  p99 946 µs  max 4.60 ms
  release lag p99 79.4 µs  dropped 0  errors 0
  782bf3ef4322  ██████████████████████████████  1,500   75.0 %
  a90c11d7e85b  ██████████                        500   25.0 %";
    let state = state(&[quiet("app-group-1")]);
    assert_eq!(picture(&state, 5.0, 80, 24), expected);
}

#[test]
fn forty_columns_are_enough() {
    let expected = "\
load  ████░░░░░░  4 s of 10 s, 6 s left
app-group-1  500 → 500 → 498/s  ▂▄▆█
  p50 449 µs  p99 946 µs  max 4.60 ms
  lag 79.4 µs  errors 0  dropped 0
  782bf3ef4322  ██████████████   75.0 %
  a90c11d7e85b  ████▋            25.0 %";
    let state = state(&[quiet("app-group-1")]);
    assert_eq!(picture(&state, 5.0, 40, 24), expected);
}

#[test]
fn a_low_window_folds_the_replicas_and_then_the_groups() {
    let state = state(&[quiet("app-group-1"), quiet("app-group-2")]);
    let folded = picture(&state, 5.0, 80, 11);
    assert!(
        folded.contains("2 replicas with 25.0 to 75.0 % each"),
        "{folded}"
    );
    let least = picture(&state, 5.0, 80, 6);
    let expected = "\
load  ████████████░░░░░░░░░░░░░░░░░░  4 s of 10 s, 6 s left
app-group-1  498/s  p99 946 µs
app-group-2  498/s  p99 946 µs";
    assert_eq!(least, expected);
    let cut = picture(&state, 5.0, 80, 4);
    assert!(
        cut.ends_with("and 2 more lines in a higher window"),
        "{cut}"
    );
}

#[test]
fn what_goes_wrong_is_said_in_words_and_in_colour() {
    let mut group = quiet("app-group-1");
    group.failed = 12;
    group.dropped = 1_000;
    group.status.insert(500, 2);
    group.errors.insert(ErrorClass::Timeout, 10);
    group.lag_p99 = Nanos(1_420_000);
    let state = state(&[group]);
    let wide = picture(&state, 5.0, 100, 24);
    let line = "  release lag p99 1.42 ms, over 1.00 ms  dropped 1,000  errors 12 (timeout 10, status 500 2)";
    assert!(wide.contains(line), "{wide}");
    let size = Size {
        columns: 100,
        rows: 24,
    };
    let lines = lines(&state, Duration::from_secs(5), size);
    let colored = lines[3].text(true);
    assert_eq!(colored.matches("\u{1b}[1;31m").count(), 3, "{colored:?}");
    let narrow = picture(&state, 5.0, 40, 24);
    assert!(narrow.contains("  lag 1.42 ms!  errors 12\n"), "{narrow}");
}

#[test]
fn before_during_and_after() {
    assert_eq!(picture(&State::default(), 0.0, 80, 24), "");
    let state = state(&[]);
    assert_eq!(
        picture(&state, 0.25, 60, 24),
        "warm-up  ███████▌░░░░░░░░░░░░░░░░░░░░░░  1 s left"
    );
    let after = picture(&state, 11.2, 80, 24);
    assert!(
        after.ends_with("█  waiting for the last answers"),
        "{after}"
    );
}

#[test]
fn a_load_bounded_by_requests_counts_them() {
    let mut state = state(&[quiet("a")]);
    state.outline = state.outline.map(|outline| LoadOutline {
        requests: Some(8_000),
        ..outline
    });
    let told = picture(&state, 5.0, 80, 24);
    assert!(told.starts_with("load  ███████▌"), "{told}");
    assert!(told.contains("2,000 of 8,000 requests"), "{told}");
}

#[test]
fn every_size_gets_lines_that_fit() {
    let mut hostile = quiet("東京\u{1b}[2J-of-a-name-that-does-not-end-soon-enough");
    hostile.failed = u64::MAX;
    hostile.last_second = [u64::MAX / 8; 3];
    hostile.replicas = (0..6)
        .map(|n| replica(&format!("\u{1b}]0;{n}\u{7}名\r\n\u{202e}"), u64::MAX / 16))
        .collect();
    let state = state(&[hostile, quiet("b"), quiet("c")]);
    for columns in 1..130 {
        for rows in 1..40 {
            let size = Size { columns, rows };
            let lines = lines(&state, Duration::from_secs(5), size);
            assert!(lines.len() < (rows - 1).max(2), "{columns}×{rows}");
            for line in lines {
                let text = line.text(false);
                assert!(width(&text) < columns.max(2), "{columns}×{rows}: {text:?}");
                assert!(!text.chars().any(char::is_control), "{text:?}");
            }
        }
    }
}

#[test]
fn long_times_are_told_in_minutes_and_hours() {
    assert_eq!(span(119.2), "2:00");
    assert_eq!(span(42.0), "42 s");
    assert_eq!(span(3_905.0), "1:05:05");
}
