//! Several engines, each with its slice: what they say merges into what they measured, and what they
//! planned is what one would have planned.

use loadgen::engine::{self, Clock, Job, Observer, Stop};
use loadgen::model::{Nanos, Progress};
use loadgen::plan::Plan;
use loadgen::record::{self, IntervalRecord, WorkerState};
use loadgen::recorder::{Recording, Tally, Window};
use loadgen::schedule::Slice;
use loadgen::workers::{
    Final, FrameWriter, Hello, Merged, Merger, MergerOptions, Message, fingerprint,
};
use tokio::sync::watch;

use crate::transport::{Fake, open, status, warmed_up};

const RUN: &str = "run";

/// A plan of the one group that there is.
fn plan() -> Plan {
    let text = include_str!("../../../../reports/sample/record.json");
    record::from_json(text).expect("a record").plan
}

struct Voice<'a> {
    writer: FrameWriter<&'a mut Vec<u8>>,
    name: String,
}

impl Observer for Voice<'_> {
    fn begin(&mut self, _: Clock, _: Nanos) {}

    fn window(&mut self, window: &Window) {
        let interval = IntervalRecord::of(window, &self.name);
        let message = Message::Interval(Box::new(interval));
        self.writer.send(&message).expect("memory");
    }

    fn progress(&mut self, _: &Progress) {}
}

/// Sends a slice; gives away what the engine measured, and what was said of it.
fn send(fake: &Fake, job: &Job, worker: u32, of: u32) -> (Recording, Vec<u8>) {
    let plan = plan();
    let mut lines = Vec::new();
    let mut voice = Voice {
        writer: FrameWriter::new(&mut lines, RUN.into(), worker, "0".into()),
        name: plan.groups[0].name.clone(),
    };
    let hello = Hello {
        plan: fingerprint(&plan),
        of,
        node: "here".into(),
        cores: 1,
        version: String::new(),
        wall_ms: 0.0,
    };
    voice.writer.send(&Message::Hello(hello)).expect("memory");
    let job = Job {
        slice: Slice {
            index: worker as usize,
            of: of as usize,
        },
        ..job.clone()
    };
    let (_go_on, stopped) = watch::channel(Stop::No);
    let fake = fake.clone();
    let transport = move |_| Ok(fake.clone());
    let recording = engine::run(&job, transport, &mut voice, &stopped).expect("a run");
    let last = Final {
        measured: recording.measured,
        warmup: recording.warmup,
        threads: recording.threads.clone(),
        ..Final::default()
    };
    voice.writer.end(last).expect("memory");
    (recording, lines)
}

fn merged(of: u32, said: &[Vec<u8>]) -> Merged {
    let mut merger = Merger::new(MergerOptions {
        run: RUN.into(),
        plan: plan(),
        workers: of,
        asked_at_ms: None,
    });
    for lines in said {
        for line in std::str::from_utf8(lines).expect("text").lines() {
            merger.accept(Ok(line), None).expect("a frame");
        }
    }
    merger.finish()
}

#[test]
fn what_workers_say_merges_into_what_they_measured() {
    let fake =
        Fake::new(|number| status(if number % 7 == 0 { 503 } else { 200 }).taking(number % 30));
    let mut job = warmed_up(open(200.0, 2_000, 12), 500);
    job.groups[0].name = plan().groups[0].name.clone();
    job.threads = 2;
    let one = send(&fake, &job, 0, 1).0;
    let of = 3;
    let workers: Vec<_> = (0..of).map(|n| send(&fake, &job, n, of)).collect();
    let (recordings, said): (Vec<_>, Vec<_>) = workers.into_iter().unzip();
    let merged = merged(of, &said);

    let measured = |recording: &Recording| recording.groups[0].measured.clone();
    let mut sum = Tally::default();
    for recording in &recordings {
        sum.add(&measured(recording));
    }
    // Too long to be shown.
    assert!(measured(&merged.recording) == sum, "bucket by bucket");
    let (whole, counts) = (measured(&one).counts, sum.counts);
    assert_eq!((whole.planned, counts.planned), (400, 400));
    assert_eq!(
        one.groups[0].warmup.counts.planned,
        merged.recording.groups[0].warmup.counts.planned
    );
    let of_second = |recording: &Recording, second: u64| -> u64 {
        let points = recording
            .timeline
            .iter()
            .filter(|point| point.second == second);
        points.map(|point| point.sent).sum()
    };
    for second in 0..2 {
        let each = recordings
            .iter()
            .map(|recording| of_second(recording, second));
        assert_eq!(of_second(&merged.recording, second), each.sum::<u64>());
    }
    assert_eq!(merged.recording.threads.len(), 6);
    assert_eq!(merged.recording.measured, one.measured);
    for worker in &merged.workers {
        assert_eq!(worker.state, WorkerState::Done);
        assert!(worker.planned.abs_diff(133) <= 1, "{worker:?}");
    }
}
