//! Names beyond what memory is for, from the threads to the total.

use std::collections::BTreeSet;
use std::sync::mpsc;

use super::*;
use crate::model::{Grid, Nanos, Outcome, ReplicaId};

/// What so many names may take that come once each: a kilobyte for the histogram, and its place.
const A_NAME: usize = 2 << 10;

fn recorder(thread: usize, most_names: usize, out: &mpsc::Sender<ThreadMessage>) -> Recorder {
    let options = RecorderOptions {
        thread,
        groups: vec![Vec::new()],
        measured_from: Nanos::ZERO,
        grid: Grid::seconds(),
        most_names,
        cpu_clock: CpuTime::default,
    };
    Recorder::new(options, out.clone())
}

/// One answer of this name in a second.
fn answer(recorder: &mut Recorder, second: u64, name: &str) {
    let due = Nanos(second * Nanos::SECOND.0 + 1_000_000);
    recorder.planned(0, 0, due);
    recorder.sent(0, 0, due);
    let finished = Finished {
        request: 0,
        due,
        released: due,
        sent: due,
        done: due.plus(Nanos(400_000 + second * 10_000)),
        outcome: Outcome::Answered { status: 200 },
        name: name.as_bytes(),
        tries: 1,
        previous: None,
    };
    recorder.finished(0, finished);
}

/// What two threads counted of ever new names in one group, each of them with some of its own.
fn two_threads(names: u64, most_names: usize) -> Recording {
    let (out, messages) = mpsc::channel();
    let mut threads: Vec<_> = (0..2).map(|n| recorder(n, most_names, &out)).collect();
    drop(out);
    for n in 0..names {
        // Downwards, so that names are given up for others all the time.
        let name = format!("replica-{:06}", names - n);
        let thread = (n % 2) as usize;
        answer(&mut threads[thread], n / 500, &name);
        if n % 5 == 0 {
            answer(&mut threads[1 - thread], n / 500, &name);
        }
    }
    for thread in threads {
        thread.end();
    }
    let mut collector = Collector::new(vec!["g".into()], 2, most_names);
    for message in messages {
        let windows = collector.accept(message);
        collector.recycle(windows);
    }
    collector.finish().0
}

#[test]
fn names_beyond_the_bound_are_counted_together_and_their_number_is_known() {
    for (names, most) in [(5_u64, 10), (300, 10), (1_000, 256), (3_000, 100)] {
        let recording = two_threads(names, most);
        let tally = &recording.groups[0].measured;
        let others = ReplicaId(Names::OTHERS.into());
        let apart: BTreeSet<_> = tally.replicas.keys().filter(|id| **id != others).collect();
        assert_eq!(apart.len() as u64, names.min(most as u64 - 1), "{names}");
        // Those that are first in their order, whenever they came and from whom.
        let first = (1..=apart.len()).map(|n| format!("replica-{n:06}"));
        assert!(apart.iter().map(|id| id.0.clone()).eq(first), "{names}");
        let (beyond, is_exact) = tally.beyond.count();
        let truth = names - apart.len() as u64;
        if truth < Distinct::EXACTLY as u64 {
            assert_eq!((beyond, is_exact), (truth, true), "{names}");
        } else {
            assert!(!is_exact && beyond.abs_diff(truth) < truth / 10, "{beyond}");
        }
        // Nothing is lost by it, in no count and in no bucket.
        let answers = names + names.div_ceil(5);
        let counted: u64 = tally.replicas.values().map(|one| one.requests).sum();
        assert_eq!((counted, tally.response.count()), (answers, answers));
        let mut sum = Histogram::new();
        for one in tally.replicas.values() {
            sum.add(&one.response);
        }
        assert!(sum == tally.response, "{names}");
        for window in &recording.timeline {
            assert!(window.replicas.len() <= most);
        }
    }
}

#[test]
fn a_name_takes_what_its_answers_need() {
    let recording = two_threads(2_000, Names::MOST);
    let replicas = &recording.groups[0].measured.replicas;
    assert_eq!(replicas.len(), Names::MOST);
    let named = replicas.iter().filter(|(id, _)| id.0 != Names::OTHERS);
    for (id, replica) in named {
        let bytes = replica.response.bytes() + size_of::<ReplicaTally>();
        assert!(bytes <= A_NAME, "{} takes {bytes} bytes", id.0);
    }
}
