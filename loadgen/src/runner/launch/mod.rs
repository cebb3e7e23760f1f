//! Sends a load by several workers: starts them, follows what they say, and merges it.
//!
//! The workers are given one instant to start at, and do not speak with one another. None is started
//! again, and nobody takes over the slice of one that is lost: that would be another load.

mod crew;
mod left;
mod processes;
mod swarm;

pub use left::{LeftWorkers, Recollection, left_workers, recollect, remove_workers};

use std::time::{Duration, Instant, SystemTime};

use tokio::sync::{mpsc, oneshot};

use super::events::Stage;
use super::load::{self, Applied, Relay, Told};
use super::worker::wall_ms;
use super::{EventSink, RunError, Signals};
use crate::engine::{Clock, Observer as _};
use crate::export::Meter;
use crate::model::{ClockOffset, Nanos, RunEvent, Topology};
use crate::plan::Plan;
use crate::recorder::Window;
use crate::stack::swarm::Swarm;
use crate::store::Spool;
use crate::workers::{Job, Merger, MergerOptions, TooLong, run_token};
use crew::{Asked, Crew, Said};

/// How long before the start every worker must be ready.
const READY_BEFORE: Duration = Duration::from_secs(1);
/// A worker that says nothing for so long is lost: five signs of life are missing.
const MOST_SILENT: Duration = Duration::from_secs(6);
/// How long after the end of everything a worker is still waited for.
const GRACE: Duration = Duration::from_secs(10);
/// How many seconds of a worker pass before it is told again that it lags.
const TOLD_AGAIN: u64 = 10;
/// How often it is looked whether a worker is silent.
const LOOK: Duration = Duration::from_millis(500);

/// How a load is divided among workers.
#[derive(Clone, Debug)]
pub struct Launch {
    /// How many processes of this program send it, at least 1.
    pub workers: u32,
    /// How long they have to get ready.
    pub start_in: Duration,
    /// Whether they may begin although their clocks differ by more than [`ClockOffset::REFUSED`].
    pub allow_skew: bool,
    pub engine: WorkerEngine,
}

/// What starts workers.
#[derive(Clone, Debug)]
pub enum WorkerEngine {
    /// This program, on this machine.
    Local,
    /// The Docker Swarm that the usual engine manages.
    Swarm {
        image: String,
        /// The network that the workers are in.
        network: String,
    },
}

/// The plan, what it goes through, and the run's name.
type Task<'a> = (&'a Plan, &'a Topology, String);

impl Launch {
    /// Refuses a plan that cannot be divided among so many, and an engine that cannot start them.
    pub(super) async fn check(&self, plan: &Plan) -> Result<(), RunError> {
        let threads = u64::from(self.workers) * u64::from(plan.threads);
        if threads <= u64::from(plan.connections) {
            return self.check_engine().await;
        }
        let message = format!(
            "{} workers of {} threads each cannot share {} connections",
            self.workers, plan.threads, plan.connections
        );
        let hint = format!("give --connections at least {threads}, or --threads 1");
        Err(RunError::Preflight { message, hint })
    }

    async fn check_engine(&self) -> Result<(), RunError> {
        if let WorkerEngine::Swarm { image, .. } = &self.engine {
            Swarm::reach().await?.check_image(image).await?;
        }
        Ok(())
    }

    /// Runs the plan's load by workers.
    pub(super) async fn apply(
        &self,
        (plan, topology, run): Task<'_>,
        (spool, meter): (Spool, Option<Meter>),
        stage: &Stage<'_>,
        events: &mut EventSink,
        signals: &mut Signals,
    ) -> Result<Applied, RunError> {
        let (told, mut progress) = mpsc::unbounded_channel();
        let (begin, begun) = oneshot::channel();
        let say = told.clone();
        let ended = meter.clone();
        let relay = Relay::new(plan, (spool, meter), told, begin);
        let start = Start::within(self.start_in);
        let (mut following, mut said) = self
            .begin((plan, topology, run), start, relay, say.clone())
            .await?;
        let from = humantime::format_duration(self.start_in);
        events(RunEvent::State(&format!(
            "{} workers begin in {from}",
            self.workers
        )));
        let over = start.at + load::job(plan, &[]).longest().into() + GRACE;
        let play = stage.play(begun, |line| {
            let _ = say.send(Told::State(line));
        });
        tokio::pin!(play);
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let (mut step, mut stopping, mut played) = (Step::Gather, false, false);
        while following.left > 0 {
            tokio::select! {
                biased;
                () = signals.next() => {
                    if stopping {
                        Signals::now();
                    }
                    stopping = true;
                    following.crew.let_go().await;
                    events(RunEvent::State("stopping: what is in flight may end; once more to stop now"));
                }
                () = tokio::time::sleep_until(start.of(step).into()), if !stopping && step != Step::Go => {
                    if step == Step::Gather {
                        following.refuse_missing(Missing::NotReady).await?;
                        if !self.allow_skew {
                            following.refuse_skewed().await?;
                        }
                        following.relay.begin(Clock::at_wall(start.nanos()), plan.warmup.into());
                        step = Step::Wait;
                    } else {
                        events(RunEvent::Load(load::outline(plan)));
                        step = Step::Go;
                    }
                }
                () = &mut play, if !stopping && !played => played = true,
                Some(told) = progress.recv() => told.pass_on(events),
                Some(said) = said.recv() => {
                    let is_end = following.hear(said).await;
                    if is_end && step == Step::Gather && !stopping {
                        following.refuse_missing(Missing::Ended).await?;
                    }
                }
                _ = look.tick() => {
                    following.look(over);
                    following.tell_lag();
                }
            }
        }
        if let Some(meter) = ended {
            meter.end();
        }
        let applied = following.finish().await;
        while let Ok(told) = progress.try_recv() {
            told.pass_on(events);
        }
        Ok(applied)
    }

    /// Starts the workers, and tells each what it is to do.
    async fn begin(
        &self,
        (plan, topology, run): Task<'_>,
        start: Start,
        relay: Relay,
        say: mpsc::UnboundedSender<Told>,
    ) -> Result<(Following, mpsc::Receiver<Said>), RunError> {
        let run = run_token(&run);
        let user = plan.user.as_ref();
        let job = Job {
            plan: plan.clone(),
            topology: topology.clone(),
            password: user.and_then(|user| user.password().map(str::to_owned)),
        };
        let asked = Asked {
            run: run.clone(),
            workers: self.workers,
            start: start.wall,
            until: start.wall + load::job(plan, &[]).longest().into() + GRACE,
        };
        let asked_at_ms = Some(wall_ms());
        let (crew, said) = Crew::start(&self.engine, &asked, &job).await?;
        let merger = Merger::new(MergerOptions {
            run,
            plan: plan.clone(),
            workers: self.workers,
            asked_at_ms,
        });
        let following = Following {
            merger,
            heard: vec![Instant::now(); self.workers as usize],
            relay,
            crew,
            lag_told: vec![0; self.workers as usize],
            lag_budget: plan.lag_budget.into(),
            left: self.workers,
            say,
        };
        Ok((following, said))
    }
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Every worker gets ready.
    Gather,
    /// All are, and wait for the start.
    Wait,
    /// The load goes on.
    Go,
}

/// Who counts as missing before the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Missing {
    /// Whoever has ended.
    Ended,
    /// Whoever is not ready, too.
    NotReady,
}

/// The instant at which the load begins, by both clocks.
#[derive(Clone, Copy, Debug)]
struct Start {
    at: Instant,
    wall: SystemTime,
}

impl Start {
    fn within(span: Duration) -> Self {
        Self {
            at: Instant::now() + span,
            wall: SystemTime::now() + span,
        }
    }

    /// When a step is over.
    fn of(self, step: Step) -> Instant {
        match step {
            Step::Gather => self.at.checked_sub(READY_BEFORE).unwrap_or(self.at),
            Step::Wait | Step::Go => self.at,
        }
    }

    /// Nanoseconds since 1970.
    fn nanos(self) -> u64 {
        super::worker::nanos(self.wall)
    }
}

/// Workers that are followed.
struct Following {
    merger: Merger,
    /// When each was heard of last.
    heard: Vec<Instant>,
    relay: Relay,
    crew: Crew,
    /// The second up to which it is told of each that it lags.
    lag_told: Vec<u64>,
    lag_budget: Nanos,
    /// How many have not ended.
    left: u32,
    say: mpsc::UnboundedSender<Told>,
}

impl Following {
    /// Ends them all where one is missing, before there is any load.
    async fn refuse_missing(&mut self, missing: Missing) -> Result<(), RunError> {
        let of = self.heard.len() as u32;
        let is_missing = |n: &u32| {
            let is_late = missing == Missing::NotReady && !self.merger.is_ready(*n);
            is_late || self.merger.has_ended(*n)
        };
        let missing: Vec<_> = (0..of).filter(is_missing).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let why = |n: &u32| {
            if self.merger.has_ended(*n) {
                let reason = self.merger.reason(*n).unwrap_or_default();
                format!("worker {n}: {reason}")
            } else {
                let about = self.crew.about(*n);
                let about = about.map_or_else(String::new, |words| format!(", {words}"));
                format!("worker {n} still gets ready{about}")
            }
        };
        let missing = missing.iter().map(why).collect();
        self.end_all().await;
        Err(RunError::MissingWorkers { missing, of })
    }

    /// Ends them all where a clock is too far from ours, before there is any load: what such a worker sends
    /// would be at another instant than the schedule has it.
    async fn refuse_skewed(&mut self) -> Result<(), RunError> {
        let of = self.heard.len() as u32;
        let skewed = |n: u32| {
            let clock = self.merger.clock(n)?;
            let node = self.merger.node(n).filter(|node| !node.is_empty());
            let on = node.map_or_else(String::new, |node| format!(" on {node}"));
            let how = clock.beyond(ClockOffset::REFUSED)?;
            Some(format!("the clock of worker {n}{on} is {how}"))
        };
        let skewed: Vec<_> = (0..of).filter_map(skewed).collect();
        if skewed.is_empty() {
            return Ok(());
        }
        self.end_all().await;
        Err(RunError::SkewedClocks { skewed })
    }

    async fn end_all(&mut self) {
        if let Some(left) = self.crew.kill_all().await {
            let _ = self.say.send(Told::State(format!("warning: {left}")));
        }
    }

    /// Takes in what a worker said; tells whether that was its end.
    async fn hear(&mut self, said: Said) -> bool {
        let Said {
            n,
            line,
            read_at_ms,
        } = said;
        self.heard[n as usize] = Instant::now();
        let Some(line) = line else {
            self.left -= 1;
            let reason = self.crew.ended(n).await;
            let windows = self.merger.lose(n, reason);
            self.pass_on(windows);
            self.complain(n);
            return true;
        };
        let line: Result<&str, TooLong> = line.as_deref().map_err(|too_long| *too_long);
        // What is refused is counted there, and missed where it was a frame.
        let windows = self.merger.accept(line, Some(read_at_ms));
        self.pass_on(windows.unwrap_or_default());
        if self.crew.lingers() && self.merger.has_ended(n) {
            self.crew.kill(n);
        }
        false
    }

    fn pass_on(&mut self, windows: Vec<Window>) {
        for window in &windows {
            self.relay.window(window);
        }
        if let Some(progress) = self.merger.progress(&windows) {
            self.relay.progress(&progress);
        }
        self.merger.recycle(windows);
    }

    /// Says so where a worker ended before its end.
    fn complain(&self, n: u32) {
        if let Some(reason) = self.merger.reason(n) {
            let warning = format!("warning: worker {n} is lost: {reason}");
            let _ = self.say.send(Told::State(warning));
        }
    }

    /// Ends workers that are silent, or that there should be no more.
    fn look(&mut self, over: Instant) {
        for n in 0..self.heard.len() as u32 {
            if self.crew.has_ended(n) {
                continue;
            }
            let silent = self.heard[n as usize].elapsed();
            if silent > MOST_SILENT {
                let windows = self.merger.lose(n, "it fell silent, and was ended");
                self.pass_on(windows);
                self.crew.kill(n);
            } else if Instant::now() > over {
                let windows = self.merger.lose(n, "it did not end in time, and was ended");
                self.pass_on(windows);
                self.crew.kill(n);
            }
        }
    }

    /// Says which workers lag: the sum of all may hide it.
    fn tell_lag(&mut self) {
        for n in 0..self.heard.len() as u32 {
            let told = &mut self.lag_told[n as usize];
            let Some((second, p99)) = self.merger.lag(n) else {
                continue;
            };
            if p99 <= self.lag_budget || second < *told {
                continue;
            }
            *told = second + TOLD_AGAIN;
            let budget = self.lag_budget;
            let node = self.merger.node(n).unwrap_or_default();
            let line = format!(
                "worker {n} on {node} lags: it released its requests {p99} late at p99 in second {second}, where {budget} is allowed"
            );
            let _ = self.say.send(Told::State(line));
        }
    }

    async fn finish(mut self) -> Applied {
        self.end_all().await;
        let merged = self.merger.finish();
        for window in &merged.windows {
            self.relay.window(window);
        }
        Applied {
            recording: merged.recording,
            spool: self.relay.spool,
            workers: merged.workers,
        }
    }
}
