//! Hands the plan to the engine, and what the engine tells to the spool and the watcher.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};

use super::aim::Aim;
use super::events::Stage;
use super::{EventSink, RunError, Signals};
use crate::engine::{self, Clock, GroupJob, Job, Lane, Observer, Stop};
use crate::export::Meter;
use crate::model::{LoadOutline, Nanos, Progress, RunEvent, lag_budget};
use crate::plan::{Load, Pacing, Plan};
use crate::record::WorkerRecord;
use crate::recorder::{Recording, Window};
use crate::schedule::Slice;
use crate::store::Spool;
use crate::transport::Client;

/// A load that is over.
pub(super) struct Applied {
    pub(super) recording: Recording,
    pub(super) spool: Spool,
    /// What became of each worker, where several sent it.
    pub(super) workers: Vec<WorkerRecord>,
}

/// Runs the plan's load; the spool comes back with what became of it.
pub(super) async fn apply(
    plan: &Plan,
    aims: Vec<Aim>,
    (spool, meter): (Spool, Option<Meter>),
    stage: &Stage<'_>,
    events: &mut EventSink,
    signals: &mut Signals,
) -> Result<Applied, RunError> {
    let (stop, stopped) = watch::channel(Stop::No);
    let (told, mut progress) = mpsc::unbounded_channel();
    let (begin, begun) = oneshot::channel();
    let say = told.clone();
    let ended = meter.clone();
    let observer = Relay::new(plan, (spool, meter), told, begin);
    let engine = start(plan, aims, observer, stopped);
    events(RunEvent::Load(outline(plan)));
    let play = stage.play(begun, |line| {
        let _ = say.send(Told::State(line));
    });
    tokio::pin!(engine, play);
    let (mut stopping, mut played) = (false, false);
    loop {
        tokio::select! {
            biased;
            recording = &mut engine => {
                if let Some(meter) = ended {
                    meter.end();
                }
                while let Ok(told) = progress.try_recv() {
                    told.pass_on(events);
                }
                let (recording, relay) =
                    recording.map_err(|error| RunError::Internal(error.to_string()))?;
                return Ok(Applied {
                    recording: recording.map_err(RunError::Engine)?,
                    spool: relay.spool,
                    workers: Vec::new(),
                });
            }
            () = signals.next() => {
                if stopping {
                    Signals::now();
                }
                stopping = true;
                // The engine may have ended meanwhile, and then there is nobody to tell.
                let _ = stop.send(Stop::Soon);
                events(RunEvent::State("stopping: what is in flight may end; once more to stop now"));
            }
            () = &mut play, if !stopping && !played => played = true,
            Some(told) = progress.recv() => told.pass_on(events),
        }
    }
}

type Running = tokio::task::JoinHandle<(Result<Recording, engine::EngineError>, Relay)>;

/// Starts the engine.
fn start(plan: &Plan, aims: Vec<Aim>, mut observer: Relay, stop: watch::Receiver<Stop>) -> Running {
    let job = job(plan, &aims);
    let transport = move |lane: Lane| {
        Ok(Client::new(Arc::clone(
            &aims[lane.group].lanes[lane.number],
        )))
    };
    tokio::task::spawn_blocking(move || {
        let recording = engine::run(&job, transport, &mut observer, &stop);
        (recording, observer)
    })
}

/// What a watcher may know beforehand.
pub(super) fn outline(plan: &Plan) -> LoadOutline {
    let bounded = plan.groups.iter().map(|group| match &group.load {
        // A schedule that ends with its requests has a length that says so.
        Load::Open { .. } => None,
        Load::Closed { requests } => *requests,
    });
    LoadOutline {
        warmup: plan.warmup.into(),
        duration: plan.duration.into(),
        requests: bounded.sum(),
    }
}

/// What the engine is to do of a plan; all of it.
pub(super) fn job(plan: &Plan, aims: &[Aim]) -> Job {
    let groups = plan.groups.iter().zip(plan.traffic()).zip(aims);
    let groups = groups.map(|((group, traffic), aim)| GroupJob {
        name: group.name.clone(),
        load: group.load.clone(),
        slice: group.slice,
        lanes: aim.lanes.len(),
        connections: plan.connections as usize,
        requests: traffic.names(),
        choice: traffic.choice,
    });
    Job {
        groups: groups.collect(),
        threads: plan.threads as usize,
        slice: Slice::WHOLE,
        grid: plan.grid(),
        warmup: plan.warmup.into(),
        duration: plan.duration.into(),
        patience: plan.timeout,
        connect_patience: plan.connect_timeout,
        spin: plan.pacing == Pacing::Spin,
        name_source: plan.replica_id.clone(),
        keep_alive: plan.keep_alive,
        most_names: plan.names_per_group(),
    }
}

/// What is on its way to the watcher.
pub(super) enum Told {
    Progress(Progress),
    State(String),
}

impl Told {
    pub(super) fn pass_on(&self, events: &mut EventSink) {
        match self {
            Self::Progress(progress) => events(RunEvent::Progress(progress)),
            Self::State(line) => events(RunEvent::State(line)),
        }
    }
}

/// Passes each second on: to the spool and the meter at once, to the watcher when it has time.
pub(super) struct Relay {
    pub(super) spool: Spool,
    meter: Option<Meter>,
    lag_budget: Nanos,
    told: mpsc::UnboundedSender<Told>,
    /// Who waits for the time line to begin.
    begin: Option<oneshot::Sender<(Clock, Nanos)>>,
}

impl Relay {
    /// A relay for a run that is about to begin.
    pub(super) fn new(
        plan: &Plan,
        (spool, meter): (Spool, Option<Meter>),
        told: mpsc::UnboundedSender<Told>,
        begin: oneshot::Sender<(Clock, Nanos)>,
    ) -> Self {
        if let Some(meter) = &meter {
            meter.begin(plan.groups.iter().map(|group| group.name.as_str()));
        }
        Self {
            spool,
            meter,
            lag_budget: plan.lag_budget.into(),
            told,
            begin: Some(begin),
        }
    }
}

impl Observer for Relay {
    fn begin(&mut self, clock: Clock, measured_from: Nanos) {
        if let Some(begin) = self.begin.take() {
            // Nobody waits where the run is already over.
            let _ = begin.send((clock, measured_from));
        }
    }

    fn window(&mut self, window: &Window) {
        if let Some(meter) = &self.meter {
            meter.add(window);
        }
        // A watcher that is gone misses nothing that is not stored, here and below.
        if let Err(error) = self.spool.write(window) {
            let warning = format!("warning: the seconds can no longer be stored: {error}");
            let _ = self.told.send(Told::State(warning));
        }
    }

    fn progress(&mut self, progress: &Progress) {
        let mut progress = progress.clone();
        for group in &mut progress.groups {
            group.lag_budget = lag_budget(self.lag_budget, group.response[2]);
        }
        let _ = self.told.send(Told::Progress(progress));
    }
}
