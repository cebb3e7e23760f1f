//! Sends what the schedule asks for, when it asks for it, and records what happens.
//!
//! One OS thread = one current-thread runtime = its own slice of the schedule, its own
//! connections, its own recorder. This is the only room that spawns threads and tasks.
//!
//! **Invariant:** nothing is shared between threads on the hot path, and a request takes no lock,
//! no channel and no allocation.

mod clock;
mod dispatch;
mod identity;
mod pacer;
mod thread;
mod worker;

pub use clock::Clock;
pub use identity::{NameSource, name_in};

use std::sync::mpsc;
use std::time::Duration;

use tokio::sync::watch;

use crate::model::{Nanos, Progress};
use crate::recorder::{Collector, Interval, Recording};
use crate::schedule::Schedule;
use crate::transport::Transport;

/// What the engine is to do.
#[derive(Clone, Debug)]
pub struct Load {
    /// One entry per host group.
    pub groups: Vec<GroupLoad>,
    /// Generator threads, at least 1.
    pub threads: usize,
    /// Length of the warm-up.
    pub warmup: Nanos,
    /// Length of the measured part.
    pub duration: Nanos,
    /// How long an arrival may wait for a connection before it is given up.
    pub patience: Duration,
    /// How long a connection may take to be made.
    pub connect_patience: Duration,
    /// Whether to poll for the last stretch before an arrival.
    pub spin: bool,
    /// Where an answer names its replica.
    pub name_source: NameSource,
}

/// One group's part of a [`Load`].
#[derive(Clone, Debug)]
pub struct GroupLoad {
    /// The host group.
    pub host: String,
    /// When requests are due.
    pub arrivals: Arrivals,
    /// The most connections over all threads.
    pub connections: usize,
}

/// What releases requests.
#[derive(Clone, Debug)]
pub enum Arrivals {
    /// A schedule, whatever the answers do.
    Open(Schedule),
    /// The answers: each connection sends as soon as it is answered.
    Closed {
        /// The most requests of the measured part, if bounded.
        requests: Option<u64>,
    },
}

/// The time line begins this long before the first arrival can be due, so that every thread is
/// there when it is: setting up is nobody's latency.
const LEAD: Nanos = Nanos(10_000_000);

impl Load {
    /// When the measured part begins, on the run's time line.
    const fn measured_from(&self) -> Nanos {
        LEAD.plus(self.warmup)
    }

    /// The most arrivals per second that one thread releases.
    fn peak_of_thread(&self) -> f64 {
        let peak = |group: &GroupLoad| match &group.arrivals {
            Arrivals::Open(schedule) => schedule.profile.peak(),
            Arrivals::Closed { .. } => 0.0,
        };
        self.groups.iter().map(peak).sum::<f64>() / self.threads as f64
    }

    /// When the last arrival can be due, on the run's time line.
    const fn end(&self) -> Nanos {
        self.measured_from().plus(self.duration)
    }
}

/// Tells the engine to end early; the sender is the signal handler's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stop {
    /// Go on.
    #[default]
    No,
    /// No more arrivals; wait shortly for what is in flight.
    Soon,
}

/// Hears of a run while it goes on.
pub trait Observer {
    /// A second is complete. It is not kept: whoever wants it has to store it.
    fn interval(&mut self, interval: &Interval);
    /// The state after that second.
    fn progress(&mut self, progress: &Progress);
}

/// Why a run could not begin.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The system refused a thread.
    #[error("a generator thread could not be started: {0}")]
    Thread(std::io::Error),
    /// A thread could not set itself up: no runtime, no timer, no transport.
    #[error("generator thread {thread} could not be set up: {reason}")]
    SetUp {
        /// Its number.
        thread: usize,
        /// Why.
        reason: String,
    },
}

/// Runs a load to its end and returns what was measured. Blocks the calling thread.
///
/// `transport` makes the transport of one group; it is called inside each thread's runtime.
pub fn run<T, F>(
    load: &Load,
    transport: F,
    observer: &mut dyn Observer,
    stop: &watch::Receiver<Stop>,
) -> Result<Recording, EngineError>
where
    T: Transport,
    F: Fn(usize) -> Result<T, String> + Clone + Send + 'static,
{
    let hosts = load.groups.iter().map(|group| group.host.clone()).collect();
    let mut collector = Collector::new(hosts, load.threads);
    let (out, seconds) = mpsc::channel();
    let (ready, all_ready) = mpsc::channel();
    let (gates, threads): (Vec<_>, Vec<_>) = (0..load.threads)
        .map(|number| {
            let (open, opened) = mpsc::channel();
            let gate = Gate {
                ready: ready.clone(),
                opened,
            };
            thread::spawn(
                number,
                load,
                transport.clone(),
                (out.clone(), gate),
                stop.clone(),
            )
            .map(|thread| (open, thread))
        })
        .collect::<Result<Vec<_>, _>>()
        .map_err(EngineError::Thread)?
        .into_iter()
        .unzip();
    drop((out, ready));
    open_when_all_are_ready(&all_ready, gates)?;
    // Ends when the last thread has let go of its sender.
    for message in seconds {
        let intervals = collector.accept(message);
        tell(observer, &collector, &intervals);
        collector.recycle(intervals);
    }
    let (recording, intervals) = collector.finish();
    for interval in &intervals {
        observer.interval(interval);
    }
    conclude(recording, load, threads)
}

/// What a thread waits at when it is set up: it says so, and begins when it is told to.
struct Gate {
    ready: mpsc::Sender<Result<(), EngineError>>,
    opened: mpsc::Receiver<Clock>,
}

impl Gate {
    /// Passes when every thread is set up, with the time line that begins then; not at all where
    /// one of them could not be.
    fn pass(self) -> Option<Clock> {
        let Self { ready, opened } = self;
        let _ = ready.send(Ok(()));
        // So that a thread that was lost is not waited for.
        drop(ready);
        opened.recv().ok()
    }

    /// Tells why this thread will not come, so that no other begins.
    fn shut<T>(self, thread: usize, reason: String) -> Result<T, String> {
        let told = EngineError::SetUp {
            thread,
            reason: reason.clone(),
        };
        let _ = self.ready.send(Err(told));
        Err(reason)
    }
}

/// Lets the threads begin, or ends them all where one of them could not be set up: a run that
/// lacks a thread is not the one that was planned.
fn open_when_all_are_ready(
    ready: &mpsc::Receiver<Result<(), EngineError>>,
    gates: Vec<mpsc::Sender<Clock>>,
) -> Result<(), EngineError> {
    // A thread that was lost on its way says nothing; it is missed when the threads are joined.
    for outcome in ready.iter().take(gates.len()) {
        outcome?;
    }
    let clock = Clock::start();
    for gate in gates {
        // Whoever is no longer there is missed then, too.
        let _ = gate.send(clock);
    }
    Ok(())
}

fn tell(observer: &mut dyn Observer, collector: &Collector, intervals: &[Interval]) {
    for interval in intervals {
        observer.interval(interval);
    }
    if !intervals.is_empty() {
        observer.progress(&collector.progress(intervals));
    }
}

/// Joins the threads. One that was lost leaves its mark in the recording: it is not finished.
fn conclude(
    mut recording: Recording,
    load: &Load,
    threads: Vec<std::thread::JoinHandle<Result<thread::Ended, String>>>,
) -> Result<Recording, EngineError> {
    let mut until = Nanos::ZERO;
    for (number, handle) in threads.into_iter().enumerate() {
        match handle.join() {
            Ok(Ok(ended)) => {
                recording.interrupted |= ended.interrupted;
                until = until.max(ended.arrivals_until);
            }
            Ok(Err(reason)) => {
                return Err(EngineError::SetUp {
                    thread: number,
                    reason,
                });
            }
            Err(_panic) => recording.threads[number].finished = false,
        }
    }
    recording.warmup = until.since(LEAD).min(load.warmup);
    recording.measured = until.since(load.measured_from());
    Ok(recording)
}
