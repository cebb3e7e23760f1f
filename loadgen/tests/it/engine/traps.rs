//! Ten traps that load generators have fallen into, each with a test that would see us in it.
//!
//! The seventh, *every sample kept*, is in `allocations.rs`, where memory is counted.

use std::sync::mpsc;
use std::time::Duration;

use clap::Parser as _;
use loadgen::cli::{Cli, ready, spec};
use loadgen::model::{ErrorClass, Grid, Nanos, Outcome};
use loadgen::recorder::{
    Collector, CpuTime, Finished, Names, Recorder, RecorderOptions, Recording,
};

use crate::transport::{Fake, act, open, status, warmed_up};

const fn millis(n: u64) -> Nanos {
    Nanos(n * 1_000_000)
}

/// Due is arithmetic: whoever reads the clock after a wake-up hides that it came late.
#[test]
fn trap_1_wake_up_time_used_as_due_time() {
    // One exchange keeps the thread for 400 ms, so the arrivals of that time are met late.
    let fake = Fake::new(|number| {
        let blocks = if number == 10 { 400 } else { 0 };
        status(200).blocking(Duration::from_millis(blocks))
    });
    let recording = fake.run(&open(100.0, 2_000, 4));
    let tally = &recording.groups[0].measured;
    assert_eq!(tally.counts.succeeded, 200);
    for late in [&tally.lag, &tally.response] {
        assert!(late.max() >= millis(350), "{}", late.max());
        // Forty were due meanwhile, and thirty of them had to wait for 100 ms and more.
        let waited = late.count_above(millis(95));
        assert!(waited >= 29, "{waited}");
    }
}

/// What was due in time is sent, however long after the end.
#[test]
fn trap_2_unsent_backlog_discarded_at_the_deadline() {
    let fake = Fake::new(|_| status(200).taking(10));
    // One connection carries at most 100 a second: half of the arrivals are unsent at the end.
    let recording = fake.run(&open(200.0, 1_000, 1));
    let tally = &recording.groups[0].measured;
    let counts = &tally.counts;
    assert_eq!((counts.planned, counts.sent, counts.dropped), (200, 200, 0));
    assert_eq!(counts.succeeded, 200);
    // 200 answers of 10 ms take 2 s, and the last arrival was due before 1 s.
    assert!(
        tally.response.max() >= millis(990),
        "{}",
        tally.response.max()
    );
    assert_eq!(recording.measured, Nanos::SECOND);
}

/// 7/s is neither 6/s on three threads nor 9/s, and 0.5/s is not nothing.
#[test]
fn trap_3_integer_division_of_the_rate() {
    let fake = Fake::new(|_| status(200));
    let mut load = open(7.0, 4_000, 3);
    load.threads = 3;
    for rate in [0.5, 2.75] {
        load.groups.extend(open(rate, 4_000, 3).groups);
    }
    let recording = fake.run(&load);
    let planned = |group: usize| recording.groups[group].measured.counts.planned;
    assert_eq!([planned(0), planned(1), planned(2)], [28, 2, 11]);
}

/// An error took its time, too, and its user waited for it.
#[test]
fn trap_4_errors_missing_from_the_histogram() {
    let classes = [
        ErrorClass::Timeout,
        ErrorClass::BodyTimeout,
        ErrorClass::Reset,
        ErrorClass::Protocol,
    ];
    let fake = Fake::new(move |number| match number % 5 {
        0 => status(200),
        class => act(Err(classes[class as usize - 1])).taking(60),
    })
    .connecting(|attempt| match attempt {
        0 => act(Err(ErrorClass::Connect)),
        1..=8 => act(Err(ErrorClass::ConnectTimeout)).taking(60),
        _ => act(Ok(())),
    });
    let recording = fake.run(&open(100.0, 1_000, 64));
    let tally = &recording.groups[0].measured;
    assert_eq!(tally.counts.planned, 100);
    assert_eq!(tally.counts.errors.len(), 6, "{:?}", tally.counts.errors);
    assert!(tally.counts.failed >= 79, "{:?}", tally.counts);
    // All that failed in flight took 60 ms; an attempt to connect may have begun before its
    // arrival was due.
    let in_flight = |class| tally.counts.errors[class];
    let slow: u64 = classes.iter().map(in_flight).sum();
    for times in [&tally.response, &tally.service, &tally.lag] {
        assert_eq!(times.count(), 100);
    }
    for times in [&tally.response, &tally.service] {
        let recorded = times.count_above(millis(59));
        assert!(recorded >= slow, "{recorded} of {slow}");
    }
}

/// The longest wait that a plan allows is recorded as what it was.
#[test]
fn trap_5_ceiling_too_low_for_a_time_out() {
    let plan = |timeout: &str| {
        let words = [
            "loadgen",
            "--timeout",
            timeout,
            "--connect-timeout",
            timeout,
        ];
        let flags = Cli::try_parse_from(words).expect("flags").run;
        spec(flags, None).and_then(ready)
    };
    assert!(plan("60001ms").is_err(), "longer than can be recorded");
    let timeout = Nanos::from(plan("60s").expect("a plan").timeout.expect("said"));
    // As long in the queue as in flight.
    let (out, handed_over) = mpsc::channel();
    let options = RecorderOptions {
        thread: 0,
        groups: vec![Vec::new()],
        measured_from: Nanos::ZERO,
        grid: Grid::seconds(),
        most_names: Names::MOST,
        cpu_clock: CpuTime::default,
    };
    let mut recorder = Recorder::new(options, out);
    recorder.planned(0, 0, Nanos::ZERO);
    recorder.sent(0, 0, Nanos::ZERO);
    recorder.finished(
        0,
        Finished {
            request: 0,
            due: Nanos::ZERO,
            released: Nanos::ZERO,
            sent: timeout,
            done: timeout.plus(timeout),
            outcome: Outcome::Failed(ErrorClass::Timeout),
            name: &[],
            tries: 1,
            previous: None,
        },
    );
    recorder.end();
    let recording = collected(handed_over);
    let tally = &recording.groups[0].measured;
    for (histogram, truth) in [
        (&tally.response, timeout.plus(timeout)),
        (&tally.service, timeout),
        (&tally.lag, timeout),
    ] {
        let error = histogram.max().as_secs_f64() / truth.as_secs_f64() - 1.0;
        assert!(error.abs() < 0.001, "{} for {truth}", histogram.max());
    }
}

fn collected(messages: mpsc::Receiver<loadgen::recorder::ThreadMessage>) -> Recording {
    let mut collector = Collector::new(vec!["group".into()], 1, Names::MOST);
    for message in messages {
        collector.accept(message);
    }
    collector.finish().0
}

/// A service of 150 µs is neither one of 0 nor one of 1 ms.
#[test]
fn trap_6_millisecond_clocks_for_sub_millisecond_services() {
    let fake = Fake::new(|_| status(200).blocking(Duration::from_micros(150)));
    let recording = fake.run(&open(200.0, 1_000, 4));
    let service = &recording.groups[0].measured.service;
    // A busy machine makes some longer, but not all of them; nothing makes one shorter.
    assert!(service.min() >= Nanos(149_800), "{}", service.min());
    assert!(service.min() < Nanos(950_000), "{}", service.min());
}

/// A page that says that nothing works was not a success because it came.
#[test]
fn trap_8_any_answer_is_a_success() {
    let statuses = [200, 204, 301, 399, 400, 404, 429, 500, 503, 599];
    let fake = Fake::new(move |number| status(statuses[number as usize % 10]));
    let recording = fake.run(&open(100.0, 1_000, 8));
    let tally = &recording.groups[0].measured;
    assert_eq!((tally.counts.succeeded, tally.counts.failed), (40, 60));
    for code in statuses {
        assert_eq!(tally.counts.status[&code], 10, "{code}");
    }
    // They were answers all the same: counted by replica, and timed.
    assert_eq!(tally.response.count(), 100);
    let replica = tally.replicas.values().next().expect("a replica");
    assert_eq!((replica.requests, replica.failed), (100, 60));
}

/// What belongs to the warm-up is in no figure: not in counts, nor in times, nor in shares.
#[test]
fn trap_9_warm_up_in_the_totals_but_not_in_the_percentiles() {
    // The warm-up has its own status, so that it can be seen wherever it got in. Its last answers
    // come when the measured part has begun.
    let fake = Fake::new(|number| {
        if number < 50 {
            status(418).taking(300)
        } else {
            status(200)
        }
    });
    let recording = fake.run(&warmed_up(open(100.0, 1_000, 64), 500));
    let tally = &recording.groups[0].measured;
    let counts = &tally.counts;
    assert_eq!(
        (counts.planned, counts.sent, counts.succeeded, counts.failed),
        (100, 100, 100, 0)
    );
    assert_eq!(counts.status, [(200, 100)].into());
    assert_eq!(tally.response.count(), 100);
    assert_eq!(
        tally.replicas.values().map(|one| one.requests).sum::<u64>(),
        100
    );
    let seconds = recording.timeline.iter();
    assert_eq!(seconds.map(|second| second.planned).sum::<u64>(), 100);
    // It is known apart, for the servers counted it.
    let warmup = &recording.groups[0].warmup;
    assert_eq!(warmup.counts.sent, 50);
    assert_eq!(warmup.counts.status, [(418, 50)].into());
    assert_eq!(warmup.response.count(), 50);
    assert_eq!(recording.measured, Nanos::SECOND);
}

/// Whoever cannot connect now goes on, or fewer and fewer connections carry the load unseen.
#[test]
fn trap_10_a_worker_that_quits_on_emfile() {
    let fake = Fake::new(|_| status(200).taking(50)).connecting(|attempt| match attempt {
        0..12 => act(Err(ErrorClass::Descriptors)),
        _ => act(Ok(())),
    });
    let recording = fake.run(&open(200.0, 1_500, 4));
    let counts = &recording.groups[0].measured.counts;
    assert_eq!(counts.errors, [(ErrorClass::Descriptors, 12)].into());
    assert_eq!((counts.planned, counts.succeeded), (300, 288), "{counts:?}");
    assert_eq!(
        fake.book.most_in_flight(),
        4,
        "all four connections carry the load"
    );
    assert_eq!(counts.connections.refused, 12);
}
