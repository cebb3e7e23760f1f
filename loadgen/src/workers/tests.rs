//! Frames, messages and their merger: what goes through comes out as it was, and nothing else does.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::model::{Nanos, Outcome, Sample};
use crate::plan::Plan;
use crate::record::{IntervalRecord, WorkerState};
use crate::recorder::{Phase, Recording, Tally, Window};
use crate::synthetic::Scene;

const RUN: &str = "20260101T000000Z-a";

fn plan() -> Plan {
    Scene::default().run().evidence().plan
}

/// One second of the only group with a request for each of these service times, in milliseconds.
fn second(start: i64, phase: Phase, times: &[u16]) -> Window {
    let mut tally = Tally::default();
    for millis in times {
        let due = Nanos(1_000);
        let sample = Sample {
            due,
            released: due,
            sent: due,
            done: due.plus(Nanos(u64::from(*millis) * 1_000_000)),
            outcome: Outcome::Answered { status: 200 },
            tries: 1,
        };
        tally.counts.planned += 1;
        tally.counts.sent += 1;
        tally.finish(&sample, None);
    }
    Window {
        group: 0,
        phase,
        start: start * Nanos::SECOND.0.cast_signed(),
        length: Nanos::SECOND,
        tally,
    }
}

fn hello(of: u32) -> Message {
    Message::Hello(Hello {
        plan: fingerprint(&plan()),
        of,
        node: "here".into(),
        cores: 2,
        version: "0".into(),
        wall_ms: 1.8e12,
    })
}

fn interval(window: &Window) -> Message {
    let name = &plan().groups[0].name;
    Message::Interval(Box::new(IntervalRecord::of(window, name)))
}

/// All that a task says that sends these windows, line by line.
fn said_by(task: &str, n: u32, of: u32, windows: &[Window]) -> Vec<String> {
    let mut bytes = Vec::new();
    let mut writer = FrameWriter::new(&mut bytes, RUN.into(), n, task.into());
    writer.send(&hello(of)).expect("memory");
    let ready = Ready {
        wall_ms: 1.8e12 + 1.5,
        lead_s: 3.0,
    };
    writer.send(&Message::Ready(ready)).expect("memory");
    for window in windows {
        writer.send(&interval(window)).expect("memory");
        writer
            .send(&Message::Tick(Tick::default()))
            .expect("memory");
    }
    let last = Final {
        measured: Nanos(2 * Nanos::SECOND.0),
        ..Final::default()
    };
    writer.end(last).expect("memory");
    let text = String::from_utf8(bytes).expect("text");
    text.lines().map(str::to_owned).collect()
}

fn said(n: u32, of: u32, windows: &[Window]) -> Vec<String> {
    said_by("0", n, of, windows)
}

fn merger(workers: u32) -> Merger {
    Merger::new(MergerOptions {
        run: RUN.into(),
        plan: plan(),
        workers,
        asked_at_ms: None,
    })
}

fn merged<'a>(workers: u32, lines: impl IntoIterator<Item = &'a String>) -> Merged {
    let mut merger = merger(workers);
    for line in lines {
        let windows = merger.accept(Ok(line), None).unwrap_or_default();
        merger.recycle(windows);
    }
    merger.finish()
}

fn bytes_merged(workers: u32, bytes: &[u8]) -> Merged {
    let (mut merger, mut lines) = (merger(workers), Lines::default());
    // In pieces that end anywhere.
    for piece in bytes.chunks(777) {
        for line in lines.push(piece) {
            let _ = merger.accept(line.as_deref().map_err(|long| *long), None);
        }
    }
    if let Some(line) = lines.finish() {
        let _ = merger.accept(line.as_deref().map_err(|long| *long), None);
    }
    merger.finish()
}

fn state(merged: &Merged, n: usize) -> WorkerState {
    merged.workers[n].state
}

fn reason(merged: &Merged, n: usize) -> &str {
    merged.workers[n].reason.as_deref().unwrap_or_default()
}

/// Two seconds and a warm-up.
fn usual() -> Vec<Window> {
    vec![
        second(-1, Phase::WarmUp, &[3]),
        second(0, Phase::Measured, &[1, 2, 40]),
        second(1, Phase::Measured, &[5]),
    ]
}

fn windows() -> impl Strategy<Value = Vec<Window>> {
    prop::collection::vec(prop::collection::vec(1_u16..200, 0..12), 1..5).prop_map(|seconds| {
        let each = (0..).zip(&seconds);
        each.map(|(start, times)| second(start, Phase::Measured, times))
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_frame_is_read_as_it_was_written(
        worker: u32, seq: u32, payload in prop::collection::vec(any::<u8>(), 0..frame::MOST_PAYLOAD + 1),
        name in "[A-Za-z0-9._-]{1,96}",
    ) {
        let frame = Frame { run: name.clone(), worker, task: name, seq, payload };
        let line = frame.line();
        prop_assert!(line.len() < MOST_LINE);
        prop_assert_eq!(Frame::read(&line), Ok(frame));
    }

    #[test]
    fn a_line_with_any_byte_changed_is_refused(
        payload in prop::collection::vec(any::<u8>(), 1..40), place: prop::sample::Index, to: u8,
    ) {
        let frame = Frame { run: "r".into(), worker: 3, task: "t".into(), seq: 7, payload };
        let mut bytes = frame.line().into_bytes();
        let place = place.index(bytes.len());
        prop_assume!(bytes[place] != to);
        bytes[place] = to;
        prop_assert!(Frame::read(&String::from_utf8_lossy(&bytes)).is_err());
    }

}

proptest! {
    // Histograms are large.
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn no_change_of_a_byte_goes_unnoticed(
        windows in windows(), place: prop::sample::Index, to: u8,
    ) {
        let mut bytes = (said(0, 1, &windows).join("\n") + "\n").into_bytes();
        let whole = bytes_merged(1, &bytes);
        prop_assert_eq!(state(&whole, 0), WorkerState::Done);
        let place = place.index(bytes.len());
        bytes[place] = to;
        let changed = bytes_merged(1, &bytes);
        let is_same = changed.recording == whole.recording;
        prop_assert!(state(&changed, 0) != WorkerState::Done || is_same);
    }

    #[test]
    fn anything_may_come(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        let merged = bytes_merged(2, &bytes);
        prop_assert_eq!(state(&merged, 0), WorkerState::Lost);
        prop_assert_eq!(merged.recording.measured, Nanos::ZERO);
    }

    #[test]
    fn workers_merge_into_what_one_would_have_measured(
        windows in windows(), of in 1_usize..7, order: u64,
    ) {
        // Request k is worker k mod N's.
        let part = |n: usize| -> Vec<Window> {
            windows.iter().map(|window| part_of(window, n, of)).collect()
        };
        let whole = merged(1, &said(0, 1, &windows));
        let all: Vec<_> = (0..of).map(|n| said(n as u32, of as u32, &part(n))).collect();
        let merged = merged(of as u32, &mixed(all, order));
        prop_assert!(merged.workers.iter().all(|one| one.state == WorkerState::Done));
        same(&merged.recording, &whole.recording);
        let counted: u64 = merged.workers.iter().map(|one| one.sent).sum();
        prop_assert_eq!(counted, whole.workers[0].sent);
    }

    #[test]
    fn a_line_that_is_missing_is_missed(windows in windows(), place: prop::sample::Index) {
        let mut lines = said(0, 1, &windows);
        lines.remove(place.index(lines.len()));
        prop_assert!(state(&merged(1, &lines), 0) != WorkerState::Done);
    }

    #[test]
    fn lines_that_come_again_are_taken_once(windows in windows(), from: prop::sample::Index) {
        let lines = said(0, 1, &windows);
        let again = &lines[from.index(lines.len())..];
        let twice = merged(1, lines.iter().chain(again));
        prop_assert_eq!(state(&twice, 0), WorkerState::Done);
        same(&twice.recording, &merged(1, &lines).recording);
    }
}

/// Bucket by bucket.
#[track_caller]
fn same(one: &Recording, other: &Recording) {
    assert!(one.groups == other.groups, "the totals are others");
    assert_eq!(one.timeline, other.timeline);
    assert_eq!((one.measured, one.end), (other.measured, other.end));
}

/// The times that a window was made of, by its histogram, in milliseconds.
fn part_of(window: &Window, n: usize, of: usize) -> Window {
    let buckets = window.tally.response.buckets();
    let times = buckets.flat_map(|(span, count)| {
        let millis = (span.as_secs_f64() * 1e3).round() as u16;
        std::iter::repeat_n(millis, count as usize)
    });
    let times: Vec<_> = times.skip(n).step_by(of).collect();
    let second_ = window.start / Nanos::SECOND.0.cast_signed();
    second(second_, window.phase, &times)
}

/// Lines of several workers in an order that chance made; each worker's own stays.
fn mixed(all: Vec<Vec<String>>, seed: u64) -> Vec<String> {
    let mut queues: Vec<_> = all.into_iter().map(Vec::into_iter).collect();
    let (mut lines, mut state) = (Vec::new(), seed);
    while !queues.is_empty() {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let place = (state >> 33) as usize % queues.len();
        match queues[place].next() {
            Some(line) => lines.push(line),
            None => drop(queues.remove(place)),
        }
    }
    lines
}

#[test]
fn what_one_worker_says_is_all_there() {
    let merged = merged(1, &said(0, 1, &usual()));
    let group = &merged.recording.groups[0];
    assert_eq!(
        (group.warmup.counts.sent, group.measured.counts.sent),
        (1, 4)
    );
    assert_eq!(merged.recording.timeline.len(), 2);
    let worker = &merged.workers[0];
    assert_eq!((worker.sent, worker.planned, worker.unsent), (4, 4, 0));
    assert_eq!(
        (worker.node.as_str(), worker.ready_lead_s),
        ("here", Some(3.0))
    );
    assert!(worker.reason.is_none() && worker.second.is_none());
}

#[test]
fn a_window_is_given_away_when_every_worker_is_past_it() {
    let (one, other) = (said(0, 2, &usual()), said(1, 2, &usual()));
    let mut merger = merger(2);
    for line in &one {
        assert_eq!(
            merger.accept(Ok(line), None),
            Ok(Vec::new()),
            "the other may add"
        );
    }
    let mut starts = Vec::new();
    for line in &other {
        for window in merger.accept(Ok(line), None).expect("a frame") {
            assert_eq!(window.tally.counts.planned % 2, 0, "both are in it");
            starts.push(window.start);
        }
    }
    assert_eq!(starts.len(), 3);
    assert!(starts.is_sorted());
}

#[test]
fn a_worker_that_ends_early_is_lost_and_holds_nobody_up() {
    let (one, other) = (said(0, 2, &usual()), said(1, 2, &usual()));
    let mut merger = merger(2);
    // It has sent its first second whole.
    for line in other.iter().take(6) {
        merger.accept(Ok(line), None).expect("a frame");
    }
    for line in &one {
        merger.accept(Ok(line), None).expect("a frame");
    }
    let windows = merger.lose(1, "its process ended");
    assert_eq!(
        windows.last().map(|window| window.tally.counts.planned),
        Some(1)
    );
    let merged = merger.finish();
    assert_eq!(
        (state(&merged, 0), state(&merged, 1)),
        (WorkerState::Done, WorkerState::Lost)
    );
    let worker = &merged.workers[1];
    assert_eq!(worker.second, Some(1));
    assert_eq!(reason(&merged, 1), "its process ended");
    // The schedule has half of ten seconds at 500/s for it, and three are known of.
    assert_eq!(
        (worker.planned, worker.sent, worker.unsent),
        (2_500, 3, 2_497)
    );
    assert_eq!(merged.recording.groups[0].measured.counts.sent, 7);
}

#[test]
fn of_a_worker_that_was_never_heard_of_nothing_is_known_but_its_slice() {
    let merged = merged(2, &said(0, 2, &usual()));
    let worker = &merged.workers[1];
    assert_eq!((worker.state, worker.unsent), (WorkerState::Lost, 2_500));
    assert_eq!(reason(&merged, 1), "nothing was heard of it");
}

#[test]
fn other_runs_workers_plans_and_counts_are_refused() {
    let lines = said(0, 1, &usual());
    let other_run = |line: &String| {
        let frame = Frame::read(line).expect("a frame");
        let run = "another".to_owned();
        Frame { run, ..frame }.line()
    };
    let strangers: Vec<_> = lines.iter().map(other_run).collect();
    let merged_ = merged(1, strangers.iter().chain(&lines));
    assert_eq!(state(&merged_, 0), WorkerState::Done, "they do no harm");
    let refused: Vec<_> = merged_.refused.iter().collect();
    let expected = Refused::OtherRun("another".into());
    assert_eq!(refused, [(&expected, &(lines.len() as u64))]);

    let nobody = merged(1, &said(1, 1, &usual()));
    assert!(nobody.refused.contains_key(&Refused::NoSuchWorker(1)));

    let counted = merged(1, &said(0, 2, &usual()));
    assert_eq!(state(&counted, 0), WorkerState::Corrupt);
    assert!(
        reason(&counted, 0).contains("one of 2 workers"),
        "{counted:?}"
    );

    let mut merger = Merger::new(MergerOptions {
        run: RUN.into(),
        plan: plan().with_thresholds(vec!["p99>1ms".parse().expect("one")], Vec::new()),
        workers: 1,
        asked_at_ms: None,
    });
    for line in &lines {
        merger.accept(Ok(line), None).expect("a frame");
    }
    let planned = merger.finish();
    assert_eq!(state(&planned, 0), WorkerState::Corrupt);
    assert!(reason(&planned, 0).contains("another plan"));
    assert_eq!(planned.recording.groups[0].measured.counts.sent, 0);
}

/// The worker is corrupt for this reason, and nothing of what it said last was taken.
#[track_caller]
fn is_corrupt(lines: &[String], why: &str) {
    let merged = merged(1, lines);
    assert_eq!(state(&merged, 0), WorkerState::Corrupt);
    assert!(reason(&merged, 0).contains(why), "{}", reason(&merged, 0));
}

/// Everything a worker says that sends these messages after its first.
fn messages(messages: &[Message]) -> Vec<String> {
    let mut bytes = Vec::new();
    let mut writer = FrameWriter::new(&mut bytes, RUN.into(), 0, "0".into());
    writer.send(&hello(1)).expect("memory");
    for message in messages {
        writer.send(message).expect("memory");
    }
    let text = String::from_utf8(bytes).expect("text");
    text.lines().map(str::to_owned).collect()
}

#[test]
fn windows_that_are_none_of_this_run_are_refused() {
    let with = |change: &dyn Fn(&mut IntervalRecord)| {
        let name = &plan().groups[0].name;
        let mut interval = IntervalRecord::of(&second(0, Phase::Measured, &[1, 2]), name);
        change(&mut interval);
        messages(&[Message::Interval(Box::new(interval))])
    };
    is_corrupt(&with(&|one| one.host = "other".into()), "no such group");
    is_corrupt(&with(&|one| one.length = 100_000_000), "whole second");
    is_corrupt(&with(&|one| one.start = 5), "whole second");
    is_corrupt(
        &with(&|one| one.start = 3_600_000_000_000),
        "outside of the run",
    );
    is_corrupt(
        &with(&|one| one.start = -1_000_000_000),
        "outside of the run",
    );
    is_corrupt(&with(&|one| one.sent = 1 << 40), "more than any worker");
    is_corrupt(&with(&|one| one.response_time.count = 3), "histogram");
    is_corrupt(
        &with(&|one| one.service_time.hdr = "AAAA".into()),
        "histogram",
    );
    let names = |one: &mut IntervalRecord| {
        one.replicas = vec![crate::record::IntervalReplica::default(); 600];
    };
    is_corrupt(&with(&names), "too many names");
    // A number that no run has is in no message.
    is_corrupt(&with(&|one| one.planned = u64::MAX), "part of no message");
    let twice = [
        interval(&second(1, Phase::Measured, &[])),
        interval(&second(0, Phase::Measured, &[])),
    ];
    is_corrupt(&messages(&twice), "not later than the one before");
}

#[test]
fn what_does_not_add_up_at_the_end_is_corrupt() {
    let last = |frames: u32, sha256: &str, measured: u64| {
        Message::Final(Box::new(Final {
            frames,
            sha256: sha256.into(),
            measured: Nanos(measured),
            ..Final::default()
        }))
    };
    is_corrupt(&messages(&[last(9, "", 0)]), "counts 9 frames, and 1 came");
    is_corrupt(&messages(&[last(1, "00", 0)]), "digest");
    let mut lines = said(0, 1, &usual());
    let more = messages(&vec![Message::Tick(Tick::default()); 12]);
    // Its frames go on where the others end.
    lines.extend(more.into_iter().skip(lines.len()));
    is_corrupt(&lines, "after its end");
    is_corrupt(
        &messages(&[Message::Error(Complaint {
            reason: "no timer".into(),
        })]),
        "no timer",
    );
}

#[test]
fn a_frame_that_comes_again_with_another_content_is_a_conflict() {
    let lines = said(0, 1, &usual());
    let frame = Frame::read(&lines[3]).expect("a frame");
    let payload = b".TICK {}".to_vec();
    let other = Frame { payload, ..frame }.line();
    is_corrupt(&[&lines[..5], &[other]].concat(), "frame 3 came twice");
}

#[test]
fn a_message_that_is_longer_than_a_line_comes_in_several() {
    let reason = "a reason ".repeat(3_000);
    let lines = messages(&[Message::Error(Complaint { reason })]);
    assert!(lines.len() > 4, "{}", lines.len());
    assert!(lines.iter().all(|line| line.len() < MOST_LINE));
    is_corrupt(&lines, "it said: a reason");
}

#[test]
fn one_that_is_late_sends_nothing_and_one_that_is_started_again_takes_nothing_over() {
    let late = |task: &str| {
        let mut bytes = Vec::new();
        let mut writer = FrameWriter::new(&mut bytes, RUN.into(), 0, task.into());
        writer.send(&hello(1)).expect("memory");
        let late = Late {
            wall_ms: 1.8e12,
            lead_s: -2.0,
        };
        writer.send(&Message::Late(late)).expect("memory");
        let text = String::from_utf8(bytes).expect("text");
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let alone = merged(1, &late("0"));
    assert_eq!(state(&alone, 0), WorkerState::Late);
    assert_eq!(reason(&alone, 0), "it was ready 2.0 s after the start");
    assert_eq!(alone.workers[0].unsent, 5_000);

    // Its task died half way, and the engine started another one: what the first delivered is there.
    let first = said(0, 1, &usual());
    let again = merged(1, first[..6].iter().chain(&late("1")));
    assert_eq!(state(&again, 0), WorkerState::Lost);
    assert_eq!(again.workers[0].sent, 3);
    // Where the first came to its end, the second changes nothing.
    let done = merged(1, first.iter().chain(&late("1")));
    assert_eq!(state(&done, 0), WorkerState::Done);
    // One that sends the slice once more makes it worthless.
    let second = said_by("1", 0, 1, &usual());
    let twice = merged(1, first[..6].iter().chain(&second));
    assert_eq!(state(&twice, 0), WorkerState::Corrupt);
    assert!(reason(&twice, 0).contains("two tasks sent its slice, 0 and 1"));
    assert_eq!(twice.workers[0].sent, 3);
}

#[test]
fn the_clock_of_a_worker_is_known_to_the_time_that_its_lines_take() {
    let mut merger = merger(1);
    // Written at 0 and 1.5 ms past by its clock, which is 30 ms ahead.
    let read_at = [1.8e12 - 30.0 + 0.4, 1.8e12 - 28.5 + 25.0];
    for (line, read_at) in said(0, 1, &usual()).iter().zip(read_at) {
        merger.accept(Ok(line), Some(read_at)).expect("a frame");
    }
    let merged = merger.finish();
    let offset = merged.workers[0].clock_offset_ms.expect("an offset");
    assert!((offset - 29.6).abs() < 0.01, "{offset}");
}

#[test]
fn lines_are_cut_wherever_the_pieces_end_and_take_no_more_memory_than_a_frame() {
    let mut lines = Lines::default();
    assert_eq!(lines.push(b"one\r\ntw"), [Ok("one".to_owned())]);
    assert_eq!(
        lines.push(b"o\n\nthree"),
        [Ok("two".to_owned()), Ok(String::new())]
    );
    assert_eq!(lines.finish(), Some(Ok("three".to_owned())));
    assert_eq!(lines.finish(), None);
    for _ in 0..100 {
        assert_eq!(lines.push(&[b'x'; 1_000]), []);
    }
    assert_eq!(
        lines.push(b"\nfour\n"),
        [Err(TooLong), Ok("four".to_owned())]
    );
}

#[test]
fn what_is_no_frame_says_why() {
    let line = said(0, 1, &usual()).remove(0);
    let fields: BTreeMap<usize, &str> = line.split(' ').enumerate().collect();
    let with = |place: usize, text: &str| {
        let field = |(n, field): (&usize, &&str)| {
            if *n == place {
                text.to_owned()
            } else {
                (*field).to_owned()
            }
        };
        fields.iter().map(field).collect::<Vec<_>>().join(" ")
    };
    let refused = |line: &str| Frame::read(line).expect_err("refused");
    assert_eq!(refused("hello"), FrameError::Foreign);
    assert_eq!(refused(""), FrameError::Foreign);
    assert_eq!(refused("LG1 a 0"), FrameError::Fields);
    assert_eq!(refused(&(line.clone() + " more")), FrameError::Fields);
    assert_eq!(refused(&with(1, "a/b")), FrameError::Name);
    assert_eq!(refused(&with(2, "01")), FrameError::Number);
    assert_eq!(refused(&with(4, "-1")), FrameError::Number);
    assert_eq!(refused(&with(5, "00000000")), FrameError::Checksum);
    assert_eq!(
        refused(&format!("LG1 {}", "x".repeat(MOST_LINE))),
        FrameError::TooLong
    );
    assert_eq!(run_token("my run/ä"), "my-run--");
    assert_eq!(token("my run"), None);
}
