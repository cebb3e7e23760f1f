//! One worker: sends its slice of a test at the instant that it is told, and says what it did in
//! lines on standard output. It knows of no other worker, and judges nothing.

use std::io::{Read as _, Stdout};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

use super::aim::{self, Aim};
use super::{PlanSource, RunError, Signals, collect, load, machine};
use crate::engine::{self, Begin, Clock, EngineError, Lane, Observer, Stop};
use crate::model::{Nanos, Progress, Topology};
use crate::plan::Plan;
use crate::record::IntervalRecord;
use crate::recorder::{End, Recording, Window};
use crate::schedule::Slice;
use crate::transport::Client;
use crate::workers::{
    Complaint, Final, FrameWriter, Hello, Late, Message, Ready, Tick, fingerprint,
};

/// How long before the start a worker must be ready; later it sends nothing.
const LEAST_LEAD: f64 = 0.5;
/// How often it gives a sign of life.
const TICK: Duration = Duration::from_secs(1);

/// What a worker is told.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// The plan of the whole test.
    pub source: PlanSource,
    /// What it goes through, where whoever started it knows.
    pub topology: Option<Topology>,
    /// The run's name in its frames.
    pub run: String,
    /// Its number, from 0.
    pub index: u32,
    /// How many there are.
    pub of: u32,
    /// Which attempt at being this worker it is.
    pub task: String,
    /// What its machine is called, where that is said.
    pub node: Option<String>,
    /// When the load begins.
    pub start: SystemTime,
    /// How long it stays after its last line, where it is not told to end.
    pub linger: Duration,
    /// Whether it ends with its standard input: whoever started it is then gone.
    pub until_input_ends: bool,
}

/// Nanoseconds since 1970.
pub(super) fn nanos(instant: SystemTime) -> u64 {
    let since = instant.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// This machine's wall clock, in milliseconds since 1970.
pub(super) fn wall_ms() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs_f64() * 1e3
}

/// An instant so many nanoseconds later, or earlier.
fn shifted(instant: SystemTime, by: i64) -> SystemTime {
    let span = Duration::from_nanos(by.unsigned_abs());
    let shifted = if by < 0 {
        instant.checked_sub(span)
    } else {
        instant.checked_add(span)
    };
    shifted.unwrap_or(instant)
}

/// By how much a worker's wall clock is set wrong, in nanoseconds, for tests of what is then said:
/// `LOADGEN_TEST_CLOCK_SHIFT=1:300` is worker 1, 300 ms ahead.
fn shift(index: u32) -> i64 {
    let asked = std::env::var("LOADGEN_TEST_CLOCK_SHIFT").unwrap_or_default();
    let shift = asked.split_once(':').and_then(|(of, ms)| {
        let is_meant = of.parse() == Ok(index);
        is_meant.then(|| ms.parse::<i32>().ok()).flatten()
    });
    i64::from(shift.unwrap_or(0)) * 1_000_000
}

/// Sends the slice, and says so. What it delivered is in its lines; that they could be written is all
/// that its end means.
pub async fn work(mut assignment: Assignment, signals: &mut Signals) -> Result<(), RunError> {
    let (plan, topology) = resolved(&assignment).await?;
    let shift = shift(assignment.index);
    assignment.start = shifted(assignment.start, -shift);
    let (stop, stopped) = watch::channel(Stop::No);
    let voice = Voice::new(&assignment, &plan, shift, stop.clone());
    voice.say(&Message::Hello(voice.hello(&assignment, &plan)));
    let engine = async {
        let (aims, _) = aim::at(&plan, &topology).await?;
        let running = start(&plan, &assignment, aims, voice.clone(), stopped);
        let ended = running.await;
        ended.map_err(|error| RunError::Internal(error.to_string()))
    };
    let gone = input_ends(assignment.until_input_ends);
    tokio::pin!(engine, gone);
    let (mut tick, mut is_gone) = (tokio::time::interval(TICK), false);
    let ended = loop {
        tokio::select! {
            biased;
            ended = &mut engine => break ended,
            // Where the engine has ended there is nobody to tell, here and below.
            () = signals.next() => { let _ = stop.send(Stop::Soon); }
            () = &mut gone, if !is_gone => {
                is_gone = true;
                let _ = stop.send(Stop::Soon);
            }
            _ = tick.tick() => voice.tick(),
        }
    };
    match ended {
        Ok(Ok(recording)) => voice.end(recording)?,
        // It has said that it is late.
        Ok(Err(EngineError::NotBegun)) => {}
        Ok(Err(error)) => return Err(voice.fail(error.into())),
        Err(error) => return Err(voice.fail(error)),
    }
    // Told to end, or not: it has nothing more to say.
    let _ = tokio::time::timeout(assignment.linger, signals.next()).await;
    Ok(())
}

/// The plan, and what it goes through. A worker brings up no stack.
async fn resolved(assignment: &Assignment) -> Result<(Plan, Topology), RunError> {
    let topology = match &assignment.topology {
        Some(topology) => topology.clone(),
        None => collect::topology(&assignment.source).await?,
    };
    let plan = assignment.source.clone().resolve(&topology)?;
    Ok((plan, topology))
}

type Running = tokio::task::JoinHandle<Result<Recording, EngineError>>;

/// Starts the engine on this worker's slice.
fn start(
    plan: &Plan,
    assignment: &Assignment,
    aims: Vec<Aim>,
    mut voice: Voice,
    stop: watch::Receiver<Stop>,
) -> Running {
    let job = engine::Job {
        slice: Slice {
            index: assignment.index as usize,
            of: assignment.of as usize,
        },
        ..load::job(plan, &aims)
    };
    let transport = move |lane: Lane| {
        let options = &aims[lane.group].lanes[lane.number];
        Ok(Client::new(Arc::clone(options)))
    };
    tokio::task::spawn_blocking(move || engine::run(&job, transport, &mut voice, &stop))
}

/// Returns when standard input has ended, where that is to be watched. The thread that reads it is
/// nobody's to wait for.
async fn input_ends(is_watched: bool) {
    let (told, ended) = tokio::sync::oneshot::channel::<()>();
    let mut is_read = false;
    if is_watched {
        let watch = move || {
            let (mut input, mut piece) = (std::io::stdin(), [0; 1_024]);
            while let Ok(1..) = input.read(&mut piece) {}
            drop(told);
        };
        let spawned = std::thread::Builder::new()
            .name("input".into())
            .spawn(watch);
        is_read = spawned.is_ok();
    }
    if is_read {
        // It is never told, only let go.
        let _ = ended.await;
    } else {
        std::future::pending::<()>().await;
    }
}

/// Says what the worker does, from whichever thread knows.
#[derive(Clone)]
struct Voice {
    writer: Arc<Mutex<FrameWriter<Stdout>>>,
    ticked: Arc<Mutex<Tick>>,
    names: Vec<String>,
    start: SystemTime,
    /// Added to what the wall clock shows, in nanoseconds.
    shift: i64,
    stop: watch::Sender<Stop>,
}

impl Voice {
    fn new(assignment: &Assignment, plan: &Plan, shift: i64, stop: watch::Sender<Stop>) -> Self {
        let Assignment {
            run, index, task, ..
        } = assignment.clone();
        Self {
            writer: Arc::new(Mutex::new(FrameWriter::new(
                std::io::stdout(),
                run,
                index,
                task,
            ))),
            ticked: Arc::default(),
            names: plan.groups.iter().map(|group| group.name.clone()).collect(),
            start: assignment.start,
            shift,
            stop,
        }
    }

    fn hello(&self, assignment: &Assignment, plan: &Plan) -> Hello {
        Hello {
            plan: fingerprint(plan),
            of: assignment.of,
            node: assignment.node.clone().unwrap_or_else(machine::node),
            cores: machine::read().cpus,
            version: env!("CARGO_PKG_VERSION").into(),
            wall_ms: self.wall_ms(),
        }
    }

    /// What the worker's wall clock shows.
    fn wall_ms(&self) -> f64 {
        wall_ms() + self.shift as f64 / 1e6
    }

    /// Writes a message. Where nobody reads any more, there is nothing more to send for.
    fn say(&self, message: &Message) {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if writer.send(message).is_err() {
            let _ = self.stop.send(Stop::Soon);
        }
    }

    fn tick(&self) {
        let ticked = *self.ticked.lock().unwrap_or_else(PoisonError::into_inner);
        self.say(&Message::Tick(Tick {
            wall_ms: self.wall_ms(),
            ..ticked
        }));
    }

    fn fail(&self, error: RunError) -> RunError {
        let reason = error.to_string();
        self.say(&Message::Error(Complaint { reason }));
        error
    }

    fn end(&self, recording: Recording) -> Result<(), RunError> {
        let last = Final {
            interrupted: recording.end == End::Interrupted,
            measured: recording.measured,
            warmup: recording.warmup,
            threads: recording.threads,
            stalls: recording.stalls,
            moments: recording.moments,
            beyond: recording
                .groups
                .into_iter()
                .map(|group| group.measured.beyond)
                .collect(),
            ..Final::default()
        };
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let written = writer.end(last);
        written.map_err(|error| RunError::Internal(format!("its lines cannot be written: {error}")))
    }
}

impl Observer for Voice {
    fn ready(&mut self) -> Begin {
        let (start, now) = (nanos(self.start), nanos(SystemTime::now()));
        let lead_s = Duration::from_nanos(start.saturating_sub(now)).as_secs_f64()
            - Duration::from_nanos(now.saturating_sub(start)).as_secs_f64();
        let wall_ms = self.wall_ms();
        if lead_s < LEAST_LEAD {
            self.say(&Message::Late(Late { wall_ms, lead_s }));
            return Begin::Never;
        }
        self.say(&Message::Ready(Ready { wall_ms, lead_s }));
        Begin::At(start)
    }

    fn begin(&mut self, _: Clock, _: Nanos) {}

    fn window(&mut self, window: &Window) {
        let interval = IntervalRecord::of(window, &self.names[window.group]);
        self.say(&Message::Interval(Box::new(interval)));
    }

    fn progress(&mut self, progress: &Progress) {
        let mut ticked = self.ticked.lock().unwrap_or_else(PoisonError::into_inner);
        ticked.sent = progress.groups.iter().map(|group| group.sent).sum();
        let finished = progress
            .groups
            .iter()
            .map(|group| group.succeeded + group.failed);
        ticked.finished = finished.sum();
    }
}
