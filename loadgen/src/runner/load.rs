//! Hands the plan to the engine, and what the engine tells to the spool and the watcher.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use super::storage::Spool;
use super::{RunError, Signals, Tell};
use crate::engine::{self, Arrivals, GroupLoad, NameSource, Observer, Stop};
use crate::export::Meter;
use crate::model::{Course, Notice, Progress, Topology};
use crate::plan::{self, Pacing, Plan, ReplicaIdSource, StackChoice};
use crate::recorder::{Interval, Recording};
use crate::transport::general::{General, GeneralOptions, Trust};
use crate::transport::http1::{Http1, request_bytes};
use crate::transport::{Scheme, Target, Watch};

/// Runs the plan's load against a stack.
pub(super) async fn apply(
    plan: &Plan,
    topology: &Topology,
    (spool, meter): (Spool, Option<Meter>),
    tell: &mut Tell,
    signals: &mut Signals,
) -> Result<Recording, RunError> {
    let target: Target = topology.proxy.target.parse()?;
    let (stop, stopped) = watch::channel(Stop::No);
    let (told, mut progress) = mpsc::unbounded_channel();
    let ended = meter.clone();
    if let Some(meter) = &meter {
        meter.begin(plan.groups.iter().map(|group| group.host.as_str()));
    }
    let observer = Relay { spool, meter, told };
    let engine = start(plan, &target, observer, stopped)?;
    tell(Notice::Load(course(plan)));
    tokio::pin!(engine);
    let mut stopping = false;
    loop {
        tokio::select! {
            biased;
            recording = &mut engine => {
                if let Some(meter) = ended {
                    meter.end();
                }
                while let Ok(told) = progress.try_recv() {
                    told.pass_on(tell);
                }
                return recording
                    .map_err(|error| RunError::Internal(error.to_string()))?
                    .map_err(RunError::Engine);
            }
            () = signals.next() => {
                if stopping {
                    Signals::now();
                }
                stopping = true;
                // The engine may have ended meanwhile, and then there is nobody to tell.
                let _ = stop.send(Stop::Soon);
                tell(Notice::State("stopping: what is in flight may end; once more to stop now"));
            }
            Some(told) = progress.recv() => told.pass_on(tell),
        }
    }
}

type Running = tokio::task::JoinHandle<Result<Recording, engine::EngineError>>;

/// Starts the engine with the transport that the target needs.
fn start(
    plan: &Plan,
    target: &Target,
    mut observer: Relay,
    stop: watch::Receiver<Stop>,
) -> Result<Running, RunError> {
    let load = engine_load(plan);
    let watch = watch(plan);
    match target.scheme {
        Scheme::Http => {
            let addresses: Arc<[_]> = target.resolve()?.into();
            let transports: Vec<_> = (plan.groups.iter())
                .map(|group| http1(plan, &group.host, &addresses, &watch))
                .collect();
            let transport = move |group: usize| Ok(transports[group].clone());
            Ok(tokio::task::spawn_blocking(move || {
                engine::run(&load, transport, &mut observer, &stop)
            }))
        }
        Scheme::Https => {
            let options = all_general(plan, target, &watch)?;
            let transport = move |group: usize| {
                General::new(&options[group]).map_err(|error| error.to_string())
            };
            Ok(tokio::task::spawn_blocking(move || {
                engine::run(&load, transport, &mut observer, &stop)
            }))
        }
    }
}

fn watch(plan: &Plan) -> Watch {
    Watch {
        name_header: match &plan.replica_id {
            ReplicaIdSource::Body => None,
            ReplicaIdSource::Header(name) => Some(name.clone()),
        },
    }
}

/// Asks an https target once for each group: a certificate that is not trusted is told in words
/// before the load, instead of failing every request of it. In the clear the stack has asked.
pub(super) async fn reach(plan: &Plan, topology: &Topology) -> Result<(), RunError> {
    let target: Target = topology.proxy.target.parse()?;
    if target.scheme == Scheme::Https {
        for options in all_general(plan, &target, &watch(plan))? {
            General::probe(&options).await.map_err(RunError::General)?;
        }
    }
    Ok(())
}

fn all_general(
    plan: &Plan,
    target: &Target,
    watch: &Watch,
) -> Result<Vec<GeneralOptions>, RunError> {
    let addresses: Arc<[_]> = target.resolve()?.into();
    let groups = plan.groups.iter();
    Ok(groups
        .map(|group| general(plan, &group.host, target, &addresses, watch))
        .collect())
}

fn http1(plan: &Plan, host: &str, addresses: &Arc<[std::net::SocketAddr]>, watch: &Watch) -> Http1 {
    let request = &plan.request;
    let body = request.body.as_deref();
    let bytes = request_bytes(&request.method, &request.path, host, &request.headers, body);
    Http1 {
        addresses: Arc::clone(addresses),
        method: request.method.as_str().into(),
        request: bytes.into(),
        watch: watch.clone(),
        connect_timeout: plan.connect_timeout,
        timeout: plan.timeout,
    }
}

fn general(
    plan: &Plan,
    host: &str,
    target: &Target,
    addresses: &Arc<[std::net::SocketAddr]>,
    watch: &Watch,
) -> GeneralOptions {
    let trust = match &plan.stack {
        StackChoice::External { insecure: true, .. } => Trust::Anything,
        StackChoice::External { cacert, .. } => Trust::System {
            and: cacert.as_ref().map(PathBuf::from),
        },
        _ => Trust::System { and: None },
    };
    GeneralOptions {
        target: target.clone(),
        addresses: Arc::clone(addresses),
        path: plan.request.path.clone(),
        method: plan.request.method.clone(),
        host: host.to_owned(),
        headers: plan.request.headers.clone(),
        body: plan.request.body.clone(),
        watch: watch.clone(),
        connect_timeout: plan.connect_timeout,
        timeout: plan.timeout,
        connections: plan.connections as usize,
        trust,
    }
}

/// What a watcher may know beforehand.
fn course(plan: &Plan) -> Course {
    let bounded = plan.groups.iter().map(|group| match &group.load {
        // A schedule that ends with its requests has a length that says so.
        plan::Load::Open { .. } => None,
        plan::Load::Closed { requests } => *requests,
    });
    Course {
        warmup: plan.warmup.into(),
        duration: plan.duration.into(),
        requests: bounded.sum(),
    }
}

fn engine_load(plan: &Plan) -> engine::Load {
    let groups = plan.groups.iter().map(|group| GroupLoad {
        host: group.host.clone(),
        arrivals: match &group.load {
            plan::Load::Open { schedule } => Arrivals::Open(schedule.clone()),
            plan::Load::Closed { requests } => Arrivals::Closed {
                requests: *requests,
            },
        },
        connections: plan.connections as usize,
    });
    engine::Load {
        groups: groups.collect(),
        threads: plan.threads as usize,
        warmup: plan.warmup.into(),
        duration: plan.duration.into(),
        patience: plan.timeout,
        connect_patience: plan.connect_timeout,
        spin: plan.pacing == Pacing::Spin,
        name_source: match plan.replica_id {
            ReplicaIdSource::Body => NameSource::Body,
            ReplicaIdSource::Header(_) => NameSource::Header,
        },
    }
}

/// What is on its way to the watcher.
enum Told {
    Progress(Progress),
    Warning(String),
}

impl Told {
    fn pass_on(&self, tell: &mut Tell) {
        match self {
            Self::Progress(progress) => tell(Notice::Progress(progress)),
            Self::Warning(warning) => tell(Notice::State(warning)),
        }
    }
}

/// Passes each second on: to the spool and the meter at once, to the watcher when it has time.
struct Relay {
    spool: Spool,
    meter: Option<Meter>,
    told: mpsc::UnboundedSender<Told>,
}

impl Observer for Relay {
    fn interval(&mut self, interval: &Interval) {
        if let Some(meter) = &self.meter {
            meter.add(interval);
        }
        // A watcher that is gone misses nothing that is not stored, here and below.
        if let Err(error) = self.spool.write(interval) {
            let warning = format!("warning: the seconds can no longer be stored: {error}");
            let _ = self.told.send(Told::Warning(warning));
        }
    }

    fn progress(&mut self, progress: &Progress) {
        let _ = self.told.send(Told::Progress(progress.clone()));
    }
}
