//! A run that is stopped at any time keeps its identities.

use std::time::Duration;

use loadgen::engine::Job;
use loadgen::model::ErrorClass;

use crate::transport::{Fake, act, closed, open, status, warmed_up};

/// Before the first arrival, in the warm-up, at its end, within the load, at the end of a second
/// and of the load, and while what is in flight is waited for.
const INSTANTS: [u64; 14] = [
    0, 1, 9, 11, 50, 209, 211, 333, 500, 900, 1_209, 1_300, 1_409, 1_430,
];

/// Slow and quick answers, errors, and some that never come; connections that end or fail.
fn motley() -> Fake {
    Fake::new(|number| match number % 8 {
        0 => status(200).taking(200),
        1 => act(Err(ErrorClass::Reset)).taking(5),
        2 => status(500).taking(30),
        3 if number > 20 => status(200).taking(60_000),
        _ => status(200),
    })
    .connecting(|attempt| match attempt % 4 {
        3 => act(Err(ErrorClass::Connect)),
        2 => act(Ok(())).taking(40),
        _ => act(Ok(())),
    })
}

/// Stops the load at every instant, all at once, each in a run of its own.
fn stopped_at_any_time(job: &Job) {
    let runs: Vec<_> = INSTANTS
        .into_iter()
        .map(|millis| {
            let job = job.clone();
            let stop = tokio::time::sleep;
            let run = move || {
                let stop = async move { stop(Duration::from_millis(millis)).await };
                // It checks the identities, of the whole and of its seconds.
                motley().run_until(&job, stop)
            };
            (millis, std::thread::spawn(run))
        })
        .collect();
    for (millis, run) in runs {
        let recording = run
            .join()
            .unwrap_or_else(|_| panic!("stopped at {millis} ms"));
        assert!(recording.is_interrupted(), "stopped at {millis} ms");
        assert!(recording.measured <= job.duration);
        assert!(recording.warmup <= job.warmup);
        assert!(recording.threads.iter().all(|thread| thread.finished));
        for tally in recording.groups.iter().map(|group| &group.measured) {
            // What was due before the stop was planned, and nothing else was.
            let seconds = recording.measured.as_secs_f64() + 0.001;
            let most = (seconds * 300.0).ceil() as u64;
            if job.groups.len() > 1 {
                assert!(tally.counts.planned <= most, "{:?}", tally.counts);
            }
        }
    }
}

#[test]
fn an_open_loop_that_is_stopped_at_any_time_loses_no_arrival() {
    let mut job = open(300.0, 1_200, 8);
    job.groups.extend(open(7.5, 1_200, 2).groups);
    job.threads = 2;
    stopped_at_any_time(&warmed_up(job, 200));
}

#[test]
fn a_closed_loop_that_is_stopped_at_any_time_loses_no_request() {
    let mut job = closed(None, 1_200, 8);
    job.threads = 2;
    stopped_at_any_time(&warmed_up(job, 200));
}

#[test]
fn a_loop_that_ends_by_itself_is_not_interrupted() {
    let recording = Fake::new(|_| status(200)).run(&closed(Some(500), 60_000, 8));
    assert!(!recording.is_interrupted());
    assert_eq!(recording.groups[0].measured.counts.succeeded, 500);
}
