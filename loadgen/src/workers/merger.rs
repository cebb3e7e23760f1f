//! Folds the windows of all workers into those of the run, and says what became of each worker.

use std::collections::BTreeMap;

use super::frame::{Frame, FrameError};
use super::job::fingerprint;
use super::lines::TooLong;
use super::message::{Final, Hello, Message};
use super::seat::{Seat, Seated};
use super::task::Fault;
use super::window;
use crate::model::{ClockOffset, Nanos, Progress};
use crate::plan::{Load, Plan};
use crate::record::{IntervalRecord, Quantiles, WorkerRecord, WorkerState};
use crate::recorder::{
    End, Histogram, Phase, Recording, Stalls, TallyPool, ThreadHealth, Window, Windows,
};
use crate::schedule::Slice;

/// How many tallies of replicas, and of requests by name, wait to be used again.
const STOCK: usize = 64;
/// The most tasks of one worker; an engine that starts one again more often is not followed.
const MOST_TASKS: usize = 16;

/// What lines are merged into.
#[derive(Clone, Debug)]
pub struct MergerOptions {
    /// The run's name in its frames.
    pub run: String,
    pub plan: Plan,
    /// How many workers share its load, at least 1.
    pub workers: u32,
    /// When they were asked for, in milliseconds since 1970 by the clock that tells when their lines are
    /// read, where that is known.
    pub asked_at_ms: Option<f64>,
}

/// Why a line tells nothing of any worker of this run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Refused {
    #[error("no frame: {0}")]
    Frame(#[from] FrameError),
    #[error("of another run, {0}")]
    OtherRun(String),
    #[error("of worker {0}, and there is no such one")]
    NoSuchWorker(u32),
    #[error("of worker {0}, which was started too often")]
    TooManyTasks(u32),
}

impl From<TooLong> for Refused {
    fn from(_: TooLong) -> Self {
        Self::Frame(FrameError::TooLong)
    }
}

/// What all lines come to.
#[derive(Debug)]
pub struct Merged {
    pub recording: Recording,
    /// The windows that were still open, in order of time.
    pub windows: Vec<Window>,
    /// Every worker, in order of number.
    pub workers: Vec<WorkerRecord>,
    /// Lines that were refused, by the reason, and how many.
    pub refused: BTreeMap<Refused, u64>,
}

/// Folds lines of workers in the order in which they come. Memory grows with the workers, and with the
/// seconds by which the slowest of them is behind the fastest.
#[derive(Debug)]
pub struct Merger {
    options: MergerOptions,
    fingerprint: String,
    workers: Vec<Worker>,
    open: Windows,
    recording: Recording,
    pool: TallyPool,
    refused: BTreeMap<Refused, u64>,
}

/// One worker.
#[derive(Debug)]
struct Worker {
    seats: Vec<Seat>,
    /// The one of them that sends.
    sender: Option<usize>,
    /// The start of the first window that it may still add to; `None` once it has ended.
    at: Option<i64>,
    /// The window that came last.
    last: Option<(i64, usize, Phase)>,
    /// The second of the measured part that came last, and the release lag at p99 in it.
    lag: Option<(i64, Nanos)>,
    /// Why it is given up, by whoever follows it or by what it said.
    lost: Option<String>,
    fault: Option<Fault>,
    clock: Option<ClockOffset>,
    planned: u64,
    dropped: u64,
    sent: u64,
    release_lag: Histogram,
    ended: Option<Ended>,
}

/// What its last message told.
#[derive(Debug)]
struct Ended {
    interrupted: bool,
    measured: Nanos,
    warmup: Nanos,
    threads: Vec<ThreadHealth>,
    stalls: Stalls,
}

impl Worker {
    fn new() -> Self {
        Self {
            seats: Vec::new(),
            sender: None,
            at: Some(i64::MIN),
            last: None,
            lag: None,
            lost: None,
            fault: None,
            clock: None,
            planned: 0,
            dropped: 0,
            sent: 0,
            release_lag: Histogram::new(),
            ended: None,
        }
    }

    /// The seat of a task, made where it is a new one.
    fn seat(&mut self, task: &str) -> Option<usize> {
        let known = self.seats.iter().position(|seat| seat.task.name == task);
        if known.is_some() || self.seats.len() >= MOST_TASKS {
            return known;
        }
        self.seats.push(Seat::new(task));
        Some(self.seats.len() - 1)
    }

    /// The task that is told of: the one that sends, or that was heard of first.
    fn foremost(&self) -> Option<&Seat> {
        self.seats.get(self.sender.unwrap_or(0))
    }

    fn hello(&self) -> Option<&Hello> {
        self.foremost()?.hello.as_ref()
    }

    fn is_late(&self) -> bool {
        self.sender.is_none() && self.seats.iter().any(|seat| seat.late.is_some())
    }

    fn state(&self) -> WorkerState {
        if self.fault.is_some() {
            WorkerState::Corrupt
        } else if self.ended.is_some() {
            WorkerState::Done
        } else if self.is_late() {
            WorkerState::Late
        } else {
            WorkerState::Lost
        }
    }

    /// Why it is not done.
    fn reason(&self) -> Option<String> {
        let late = || self.seats.iter().find_map(|seat| seat.late);
        match self.state() {
            WorkerState::Done => None,
            WorkerState::Corrupt => self.fault.as_ref().map(Fault::to_string),
            WorkerState::Late => late().map(|late| match late.lead_s {
                lead if lead < 0.0 => format!("it was ready {:.1} s after the start", -lead),
                lead => format!("it was ready {lead:.1} s before the start, which is too late"),
            }),
            WorkerState::Lost => Some(match (&self.lost, self.seats.is_empty()) {
                (Some(reason), _) => reason.clone(),
                (None, true) => "nothing was heard of it".to_owned(),
                (None, false) => "its last message is missing".to_owned(),
            }),
        }
    }

    /// Seconds of the measured part that it delivered whole.
    fn delivered(&self) -> u64 {
        let second = Nanos::SECOND.0.cast_signed();
        let last = self.last.map_or(-1, |(start, ..)| start / second);
        (last + 1).max(0).cast_unsigned()
    }
}

impl Merger {
    #[must_use]
    pub fn new(options: MergerOptions) -> Self {
        let names = options.plan.groups.iter().map(|group| group.name.clone());
        let mut pool = TallyPool::telling_apart(options.plan.names_per_group());
        Self {
            fingerprint: fingerprint(&options.plan),
            workers: (0..options.workers.max(1)).map(|_| Worker::new()).collect(),
            open: Windows::default(),
            recording: Recording::of(names, &mut pool),
            pool,
            refused: BTreeMap::new(),
            options,
        }
    }

    /// Takes in a line as it was cut from its stream, and when it was read, where that is when it was
    /// written (milliseconds since 1970). Gives away the windows that are complete by it.
    pub fn accept(
        &mut self,
        line: Result<&str, TooLong>,
        read_at_ms: Option<f64>,
    ) -> Result<Vec<Window>, Refused> {
        let heard = match line {
            Ok(line) => self.hear(line, read_at_ms),
            Err(too_long) => Err(too_long.into()),
        };
        match heard {
            Ok(()) => Ok(self.close()),
            Err(refused) => {
                *self.refused.entry(refused.clone()).or_default() += 1;
                Err(refused)
            }
        }
    }

    fn hear(&mut self, line: &str, read_at_ms: Option<f64>) -> Result<(), Refused> {
        let frame = Frame::read(line)?;
        if frame.run != self.options.run {
            return Err(Refused::OtherRun(frame.run));
        }
        let n = frame.worker;
        let worker = self.workers.get_mut(n as usize);
        let worker = worker.ok_or(Refused::NoSuchWorker(n))?;
        let seat = worker.seat(&frame.task).ok_or(Refused::TooManyTasks(n))?;
        if worker.seats[seat].is_refused {
            return Ok(());
        }
        let heard = match worker.seats[seat].task.take(&frame, line) {
            Ok(None) => return Ok(()),
            Ok(Some(message)) => {
                if let Some((wall, read)) = message.wall_ms().zip(read_at_ms) {
                    let asked = self.options.asked_at_ms;
                    worker.clock = ClockOffset::hear(worker.clock, wall, read, asked);
                }
                self.take(n as usize, seat, message)
            }
            Err(fault) => Err(fault),
        };
        if let Err(fault) = heard {
            self.refuse(n as usize, seat, fault);
        }
        Ok(())
    }

    /// Nothing more is taken of a task; with it its worker, unless another task of it sends.
    fn refuse(&mut self, n: usize, seat: usize, fault: Fault) {
        let worker = &mut self.workers[n];
        worker.seats[seat].is_refused = true;
        let is_another = worker.sender.is_some_and(|sender| sender != seat);
        if !is_another || matches!(fault, Fault::TwoTasks(..)) {
            worker.fault.get_or_insert(fault);
            worker.at = None;
        }
    }

    fn take(&mut self, n: usize, seat: usize, message: Message) -> Result<(), Fault> {
        let worker = &mut self.workers[n];
        match worker.seats[seat].hear(message, &self.fingerprint, self.options.workers)? {
            Seated::Nothing => Ok(()),
            Seated::Ended => {
                if worker.sender.is_none_or(|sender| sender == seat) {
                    worker.at = None;
                }
                Ok(())
            }
            Seated::Interval(interval) => self.add(n, seat, &interval),
            Seated::Final(last) => self.end(n, seat, *last),
        }
    }

    fn add(&mut self, n: usize, seat: usize, interval: &IntervalRecord) -> Result<(), Fault> {
        self.sits(n, seat)?;
        let worker = &mut self.workers[n];
        let window = window::of(interval, &self.options.plan, worker.last)?;
        worker.last = Some((window.start, window.group, window.phase));
        worker.at = Some(window.start);
        if window.phase == Phase::Measured {
            let counts = &window.tally.counts;
            worker.planned += counts.planned;
            worker.dropped += counts.dropped;
            worker.sent += counts.sent;
            worker.release_lag.add(&window.tally.release_lag);
            let p99 = window.tally.release_lag.quantile(0.99);
            worker.lag = Some((window.start, p99));
        }
        // What was read brings memory of its own each time: a stock of it would grow with every line.
        drop(self.open.fold(window, &mut self.pool));
        Ok(())
    }

    /// Makes a task the one that sends its worker's slice; a second one is refused.
    fn sits(&mut self, n: usize, seat: usize) -> Result<(), Fault> {
        let worker = &mut self.workers[n];
        let name = |seat: usize| worker.seats[seat].task.name.clone();
        match worker.sender {
            Some(sender) if sender == seat => {}
            Some(sender) => return Err(Fault::TwoTasks(name(sender), name(seat))),
            // It was given up by what another task of it said.
            None if worker.at.is_none() => return Err(Fault::TwoTasks(name(0), name(seat))),
            None => worker.sender = Some(seat),
        }
        Ok(())
    }

    fn end(&mut self, n: usize, seat: usize, last: Final) -> Result<(), Fault> {
        self.sits(n, seat)?;
        let worker = &mut self.workers[n];
        worker.seats[seat].task.is_whole(&last)?;
        window::check_final(&last, &self.options.plan)?;
        worker.at = None;
        worker.ended = Some(Ended {
            interrupted: last.interrupted,
            measured: last.measured,
            warmup: last.warmup,
            threads: last.threads,
            stalls: last.stalls,
        });
        self.recording.add_moments(last.moments);
        self.recording.add_beyond(&last.beyond);
        Ok(())
    }

    /// Gives a worker up: its stream has ended, or it is silent. Gives away the windows that are
    /// complete by it.
    pub fn lose(&mut self, n: u32, reason: impl Into<String>) -> Vec<Window> {
        if let Some(worker) = self.workers.get_mut(n as usize)
            && worker.at.take().is_some()
        {
            worker.lost = Some(reason.into());
        }
        self.close()
    }

    /// Closes every window that no worker can add to any more.
    fn close(&mut self) -> Vec<Window> {
        let reached = self.workers.iter().filter_map(|worker| worker.at).min();
        let reached = reached.unwrap_or(i64::MAX);
        let closed: Vec<_> = self.open.take_before(reached).collect();
        for window in &closed {
            self.recording.add(window, &mut self.pool);
        }
        closed
    }

    /// Takes back the memory of windows that were passed on.
    pub fn recycle(&mut self, windows: Vec<Window>) {
        for window in windows {
            self.pool.give(window.tally);
        }
        self.pool = self.pool.part(0, STOCK, STOCK);
    }

    /// What to tell a watcher after `windows` were closed.
    #[must_use]
    pub fn progress(&self, windows: &[Window]) -> Option<Progress> {
        self.recording.progress(windows)
    }

    /// Whether a worker waits for the start, or sends.
    #[must_use]
    pub fn is_ready(&self, n: u32) -> bool {
        let worker = self.workers.get(n as usize);
        worker.is_some_and(|one| one.seats.iter().any(|seat| seat.ready.is_some()))
    }

    /// What is known of a worker's clock.
    #[must_use]
    pub fn clock(&self, n: u32) -> Option<ClockOffset> {
        self.workers.get(n as usize)?.clock
    }

    /// The machine of a worker, as it says itself.
    #[must_use]
    pub fn node(&self, n: u32) -> Option<&str> {
        let hello = self.workers.get(n as usize)?.hello()?;
        Some(hello.node.as_str())
    }

    /// The second of the measured part that a worker told last, and how late it released its requests in
    /// it, at p99.
    #[must_use]
    pub fn lag(&self, n: u32) -> Option<(u64, Nanos)> {
        let (start, p99) = self.workers.get(n as usize)?.lag?;
        Some((start.max(0).cast_unsigned() / Nanos::SECOND.0, p99))
    }

    /// Whether nothing more is expected of a worker.
    #[must_use]
    pub fn has_ended(&self, n: u32) -> bool {
        let worker = self.workers.get(n as usize);
        worker.is_none_or(|worker| worker.at.is_none())
    }

    /// Why a worker is not done, as far as is known.
    #[must_use]
    pub fn reason(&self, n: u32) -> Option<String> {
        self.workers.get(n as usize)?.reason()
    }

    /// Closes what is still open; whoever has not ended is lost.
    #[must_use]
    pub fn finish(mut self) -> Merged {
        for worker in &mut self.workers {
            worker.at = None;
        }
        let windows = self.close();
        let mut recording = self.recording;
        for ended in self.workers.iter_mut().filter_map(|one| one.ended.as_mut()) {
            if ended.interrupted {
                recording.end = End::Interrupted;
            }
            recording.measured = recording.measured.max(ended.measured);
            recording.warmup = recording.warmup.max(ended.warmup);
            recording.stalls.worsen(&ended.stalls);
            recording.threads.extend(ended.threads.iter().cloned());
        }
        if self.workers.iter().all(|worker| worker.ended.is_none()) {
            let seconds = self.workers.iter().map(Worker::delivered).max();
            let seconds = Nanos(seconds.unwrap_or(0).saturating_mul(Nanos::SECOND.0));
            recording.measured = seconds.min(self.options.plan.duration.into());
            if recording.measured > Nanos::ZERO {
                recording.warmup = self.options.plan.warmup.into();
            }
        }
        let workers = self.workers.iter().enumerate();
        let record = |(n, worker): (usize, &Worker)| record(n, worker, &self.options);
        Merged {
            workers: workers.map(record).collect(),
            recording,
            windows,
            refused: self.refused,
        }
    }
}

fn record(n: usize, worker: &Worker, options: &MergerOptions) -> WorkerRecord {
    let state = worker.state();
    let is_done = state == WorkerState::Done;
    let slice = Slice {
        index: n,
        of: options.workers.max(1) as usize,
    };
    let met = worker.sent + worker.dropped;
    let planned = match state {
        WorkerState::Done => worker.planned,
        _ => planned(&options.plan, slice).unwrap_or(worker.planned),
    };
    let threads = worker.ended.iter().flat_map(|ended| &ended.threads);
    let cpu = threads.fold(Nanos::ZERO, |sum, thread| sum.plus(thread.cpu));
    let ready = worker.foremost().and_then(|seat| seat.ready);
    WorkerRecord {
        n: n as u32,
        node: worker
            .hello()
            .map_or_else(String::new, |hello| hello.node.clone()),
        state,
        reason: worker.reason(),
        second: (!is_done).then(|| worker.delivered()),
        ready_lead_s: ready.map(|ready| ready.lead_s),
        clock_offset_ms: worker.clock.map(|clock| clock.least),
        clock_offset_most_ms: worker.clock.and_then(|clock| clock.most),
        cpu: cpu.as_secs_f64(),
        planned,
        sent: worker.sent,
        unsent: planned.saturating_sub(met),
        release_lag: Quantiles::of(&worker.release_lag),
    }
}

/// How many arrivals of the measured part a slice has over all groups; `None` where a group's load has
/// no schedule.
fn planned(plan: &Plan, slice: Slice) -> Option<u64> {
    let groups = plan.groups.iter().map(|group| match &group.load {
        Load::Open { schedule } => {
            let arrivals = schedule.arrivals(group.slice.sliced(slice));
            Some(arrivals.filter(|due| *due >= schedule.warmup).count() as u64)
        }
        Load::Closed { .. } => None,
    });
    groups.sum()
}
