//! Sends what the schedule asks for, when it asks for it, and records what happens.
//!
//! One OS thread = one current-thread runtime = its own slice of the schedule, its own
//! connections, its own recorder. This is the only room that spawns threads and tasks.
//!
//! **Invariant:** nothing is shared between threads on the hot path, and a request takes no lock,
//! no channel and no allocation.

mod calls;
mod clock;
mod contention;
mod dispatch;
mod identity;
mod pacer;
mod stall;
mod thread;
mod worker;

pub use clock::Clock;
pub use identity::name_in;

use std::sync::mpsc;
use std::time::Duration;

use tokio::sync::watch;

use crate::model::{Grid, NameSource, Nanos, Progress};
use crate::recorder::{Collector, End, Names, Recording, Window};
use crate::schedule::{Load, Slice};
use crate::traffic::Choice;
use crate::transport::Transport;
use stall::StallMeter;

/// What the engine is to do.
#[derive(Clone, Debug)]
pub struct Job {
    /// One entry per host group.
    pub groups: Vec<GroupJob>,
    /// Generator threads, at least 1.
    pub threads: usize,
    /// Which arrivals are this process's; its threads share them.
    pub slice: Slice,
    /// How time is cut into the windows that the recording is made of.
    pub grid: Grid,
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
    /// Whether connections are used more than once.
    pub keep_alive: bool,
    /// How many names of replicas each group may tell apart.
    pub most_names: usize,
}

/// One group's part of a [`Job`].
#[derive(Clone, Debug)]
pub struct GroupJob {
    /// What it is called in the recording.
    pub name: String,
    /// When requests are released.
    pub load: Load,
    /// Which arrivals of the load are this group's.
    pub slice: Slice,
    /// Places that its arrivals go to in turn, each with a transport and connections of its own;
    /// at least 1.
    pub lanes: usize,
    /// The most connections over all threads.
    pub connections: usize,
    /// Which request an arrival is.
    pub choice: Choice,
    /// The names of its requests; none where it has only one.
    pub requests: Vec<String>,
}

impl GroupJob {
    /// A group of one lane that has the whole of its load, and one request.
    #[must_use]
    pub fn new(name: impl Into<String>, load: Load, connections: usize) -> Self {
        Self {
            name: name.into(),
            load,
            slice: Slice::WHOLE,
            lanes: 1,
            connections,
            choice: Choice::only(),
            requests: Vec::new(),
        }
    }
}

/// One of the places that a group's arrivals go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lane {
    /// The group's place in the job.
    pub group: usize,
    /// Its number among the group's lanes, from 0.
    pub number: usize,
}

/// The time line begins this long before the first arrival can be due, so that every thread is
/// there when it is: setting up is nobody's latency.
const LEAD: Nanos = Nanos(10_000_000);

impl Job {
    /// A job of one thread without a warm-up, for the whole of the schedule.
    #[must_use]
    pub fn new(groups: Vec<GroupJob>, duration: Nanos) -> Self {
        Self {
            groups,
            threads: 1,
            slice: Slice::WHOLE,
            grid: Grid::seconds(),
            warmup: Nanos::ZERO,
            duration,
            patience: Duration::from_secs(5),
            connect_patience: Duration::from_secs(2),
            spin: false,
            name_source: NameSource::Body,
            keep_alive: true,
            most_names: Names::MOST,
        }
    }

    /// How long after the time line begins everything is over, whatever becomes of it.
    #[must_use]
    pub fn longest(&self) -> Nanos {
        let drain = self.patience * 2 + self.connect_patience + Duration::from_secs(2);
        self.end().plus(drain.into())
    }

    /// When the measured part begins, on the run's time line.
    const fn measured_from(&self) -> Nanos {
        LEAD.plus(self.warmup)
    }

    /// The most arrivals per second that one thread releases.
    fn peak_of_thread(&self) -> f64 {
        let peaks = self
            .groups
            .iter()
            .filter_map(|group| Some(group.load.peak_rate()? / group.slice.of as f64));
        peaks.sum::<f64>() / (self.threads * self.slice.of.max(1)) as f64
    }

    /// The part of the arrivals that one of the threads has.
    const fn slice_of(&self, thread: usize) -> Slice {
        self.slice.sliced(Slice {
            index: thread,
            of: self.threads,
        })
    }

    /// When the last arrival can be due, on the run's time line.
    const fn end(&self) -> Nanos {
        self.measured_from().plus(self.duration)
    }
}

/// Tells the engine to end early; the sender is the signal handler's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stop {
    #[default]
    No,
    /// No more arrivals; wait shortly for what is in flight.
    Soon,
}

/// When the time line begins, once every thread is set up.
#[derive(Clone, Copy, Debug)]
pub enum Begin {
    Now,
    /// With the first arrival that can be due at this instant of the wall clock, in nanoseconds since
    /// 1970.
    At(u64),
    /// Not at all.
    Never,
}

/// Hears of a run while it goes on.
pub trait Observer {
    /// Every thread is set up: when does the time line begin?
    fn ready(&mut self) -> Begin {
        Begin::Now
    }
    /// The time line begins; the measured part does so much later.
    fn begin(&mut self, clock: Clock, measured_from: Nanos);
    /// A window is complete. It is not kept: whoever wants it has to store it.
    fn window(&mut self, window: &Window);
    /// The state after a window of the measured part.
    fn progress(&mut self, progress: &Progress);
}

/// Why a run could not begin.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The system refused a thread.
    #[error("a generator thread could not be started: {0}")]
    Thread(std::io::Error),
    /// Whoever was asked when to begin wants no load.
    #[error("the load was not begun")]
    NotBegun,
    /// A thread could not set itself up: no runtime, no timer, no transport.
    #[error("generator thread {thread} could not be set up: {reason}")]
    SetUp { thread: usize, reason: String },
}

/// Runs a load to its end and returns what was measured. Blocks the calling thread.
///
/// `transport` makes the transport of one lane of one group; it is called inside each thread's
/// runtime.
pub fn run<T, F>(
    job: &Job,
    transport: F,
    observer: &mut dyn Observer,
    stop: &watch::Receiver<Stop>,
) -> Result<Recording, EngineError>
where
    T: Transport,
    F: Fn(Lane) -> Result<T, String> + Clone + Send + 'static,
{
    let names = job.groups.iter().map(|group| group.name.clone()).collect();
    let mut collector = Collector::new(names, job.threads, job.most_names);
    let (out, seconds) = mpsc::channel();
    let (ready, all_ready) = mpsc::channel();
    let (gates, threads): (Vec<_>, Vec<_>) = (0..job.threads)
        .map(|number| {
            let (open, opened) = mpsc::channel();
            let gate = Gate {
                ready: ready.clone(),
                opened,
            };
            thread::spawn(
                number,
                job,
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
    wait_for_all(&all_ready, gates.len())?;
    let clock = match observer.ready() {
        Begin::Now => Clock::start(),
        Begin::At(instant) => Clock::at_wall(instant.saturating_sub(LEAD.0)),
        Begin::Never => return Err(EngineError::NotBegun),
    };
    open(clock, gates);
    let meter = StallMeter::start(clock, job.measured_from(), job.end());
    let meter = meter.map_err(EngineError::Thread)?;
    observer.begin(clock, job.measured_from());
    // Ends when the last thread has let go of its sender.
    for message in seconds {
        let windows = collector.accept(message);
        tell(observer, &collector, &windows);
        collector.recycle(windows);
    }
    let (mut recording, windows) = collector.finish();
    recording.stalls = meter.finish();
    for window in &windows {
        observer.window(window);
    }
    conclude(recording, job, threads)
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

/// Waits until every thread is set up. Where one of them could not be, none begins: a run that lacks
/// a thread is not the one that was planned.
fn wait_for_all(
    ready: &mpsc::Receiver<Result<(), EngineError>>,
    threads: usize,
) -> Result<(), EngineError> {
    // A thread that was lost on its way says nothing; it is missed when the threads are joined.
    ready.iter().take(threads).collect()
}

/// Lets the threads begin.
fn open(clock: Clock, gates: Vec<mpsc::Sender<Clock>>) {
    for gate in gates {
        // Whoever is no longer there is missed when the threads are joined, too.
        let _ = gate.send(clock);
    }
}

fn tell(observer: &mut dyn Observer, collector: &Collector, windows: &[Window]) {
    for window in windows {
        observer.window(window);
    }
    if let Some(progress) = collector.progress(windows) {
        observer.progress(&progress);
    }
}

/// Joins the threads. One that was lost leaves its mark in the recording: it is not finished.
fn conclude(
    mut recording: Recording,
    job: &Job,
    threads: Vec<std::thread::JoinHandle<Result<thread::Ended, String>>>,
) -> Result<Recording, EngineError> {
    let mut until = Nanos::ZERO;
    for (number, handle) in threads.into_iter().enumerate() {
        match handle.join() {
            Ok(Ok(ended)) => {
                if ended.interrupted {
                    recording.end = End::Interrupted;
                }
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
    recording.warmup = until.since(LEAD).min(job.warmup);
    recording.measured = until.since(job.measured_from());
    Ok(recording)
}
