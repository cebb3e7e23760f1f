//! A stack that runs, and measurements on it, as many as are wanted.

use std::path::PathBuf;

use futures_util::future::join;

use super::aim::{self, Aim};
use super::events::Stage;
use super::load::Applied;
use super::reach::{self, Reached};
use super::{EventSink, Launch, RunError, Signals, Stored, again, load, machine, preflight};
use crate::checks;
use crate::export::Exporter;
use crate::model::{Machine, RunEvent, StackKind, Topology};
use crate::plan::Plan;
use crate::record::{EVIDENCE_VERSION, Evidence, Look, Record, RunInfo};
use crate::recorder::{Coverage, End, Recording, Stored as StoredSeconds, TallyPool};
use crate::scrape::Scraper;
use crate::stack::{self, Stack, StackError, StackSpec};
use crate::store::{Folder, Spool, StorageError};

/// What a signal is answered with when the load is over.
const LATE_SIGNAL: &str = "the load is over; once more to end without the final counters";

/// What a signal is answered with while what events did is put back.
const MENDING: &str = "putting back what events changed; once more to leave it as it is";

/// What is said where the servers counted more than this run sent.
const SURPLUS: &str = "the servers counted more than was sent: watching what comes by itself";

/// A stack, and what is kept between measurements on it.
pub struct Session {
    stack: Stack,
    exporter: Option<Exporter>,
    machine: Machine,
}

/// Says so where something that events changed stays changed.
fn put_back(outcome: Result<(), StackError>, events: &mut EventSink) {
    if let Err(error) = outcome {
        let warning = format!("warning: not everything is put back: {error}");
        events(RunEvent::State(&warning));
    }
}

/// What becomes of one measurement.
#[derive(Clone, Debug, Default)]
pub struct SessionOptions {
    /// Where it is stored, if not in `reports/`.
    pub out: Option<PathBuf>,
    /// The command as it was typed.
    pub command: Vec<String>,
    /// The workers that send the load, where it is not this process.
    pub launch: Option<Launch>,
}

/// A measurement that is over: judged, and stored as far as it cannot be drawn again.
#[derive(Debug)]
pub struct Measured {
    pub record: Record,
    pub evidence: Evidence,
    folder: Folder,
    kept: Result<(), StorageError>,
}

impl Session {
    /// Brings a stack up, or finds it, and serves the generator's own metrics where that is wanted.
    pub async fn open(
        spec: &StackSpec,
        metrics: Option<&str>,
        events: &mut EventSink,
        signals: &mut Signals,
    ) -> Result<Self, RunError> {
        let exporter = match metrics {
            Some(address) => Some(Exporter::start(address).await?),
            None => None,
        };
        let stack = signals.or_interrupt(stack::bring_up(spec)).await??;
        events(RunEvent::Stack(&stack.topology().why));
        if let Some(exporter) = &exporter {
            events(RunEvent::State(&format!("metrics: {}", exporter.url())));
        }
        Ok(Self {
            stack,
            exporter,
            machine: machine::read(),
        })
    }

    /// Brings a stack up with as many replicas as the spec says, also where it runs with others.
    pub async fn open_scaled(
        spec: &StackSpec,
        events: &mut EventSink,
        signals: &mut Signals,
    ) -> Result<Self, RunError> {
        let stack = signals.or_interrupt(stack::up(spec)).await??;
        events(RunEvent::State(&stack.topology().why));
        Ok(Self {
            stack,
            exporter: None,
            machine: machine::read(),
        })
    }

    /// What the load goes through.
    #[must_use]
    pub fn topology(&self) -> &Topology {
        self.stack.topology()
    }

    /// Carries out a plan on the stack: reads counters, sends the load, reads counters, judges, and
    /// stores.
    pub async fn measure(
        &mut self,
        plan: &Plan,
        options: SessionOptions,
        events: &mut EventSink,
        signals: &mut Signals,
    ) -> Result<Measured, RunError> {
        let topology = self.stack.topology().clone();
        preflight::check(plan, &topology, &self.machine)?;
        let deeds = plan.deeds_on(&topology)?;
        if let Some(launch) = &options.launch {
            signals.or_interrupt(launch.check(plan)).await??;
        }
        let (aims, reached) = signals.or_interrupt(reach_all(plan, &topology)).await??;
        self.stack.name_replicas(&reached.names);
        let scraper = Scraper::new(&plan.counter)?;
        let folder = Folder::create(options.out, plan)?;
        let before = signals
            .or_interrupt(first_look(&scraper, &self.stack))
            .await?;
        let mut evidence = self.evidence(&folder, plan, options.command, before);
        evidence.warnings.extend(reached.warnings);
        let spool = folder.begin(&evidence)?;

        let meter = self.exporter.as_ref().map(Exporter::meter);
        let stage = Stage::new(plan, deeds, &self.stack, &scraper);
        let applied = if let Some(launch) = &options.launch {
            let job = (plan, &topology, folder.id());
            Box::pin(launch.apply(job, (spool, meter), &stage, events, signals)).await
        } else {
            let applied = load::apply(plan, aims, (spool, meter), &stage, events, signals);
            Box::pin(applied).await
        };
        let (happened, looks) = stage.close();
        // Whatever became of the load.
        let told = || events(RunEvent::State(MENDING));
        let mended = signals.or_now(Box::pin(self.stack.mend()), told).await;
        let Applied {
            recording,
            spool,
            workers,
        } = match applied {
            Ok(applied) => applied,
            Err(error) => {
                if error.is_before_load() {
                    folder.forget();
                }
                return Err(error);
            }
        };
        evidence.workers = workers;
        put_back(mended, events);
        evidence.events = happened;
        evidence.looks.extend(looks);
        events(RunEvent::State("reading final counters"));
        let closing = async {
            // A replica that came back has another port; one that cannot be found keeps its old
            // one, and then its page says so.
            let _ = self.stack.refresh().await;
            last_look(&scraper, &self.stack).await
        };
        let told = || events(RunEvent::State(LATE_SIGNAL));
        let after = signals.or_now(closing, told).await;
        evidence.looks.push(after);
        evidence.recording = recording;
        let worth = checks::worth_watching(&evidence);
        if let Some(within) = worth.filter(|_| evidence.recording.end == End::ByItself) {
            events(RunEvent::State(&format!(
                "{SURPLUS}, {} s",
                within.as_secs()
            )));
            let watch = scraper.watch_idle(self.stack.topology(), within);
            // Whoever does not want to wait gets the verdict without it.
            evidence.idle = signals.or_interrupt(watch).await.ok();
        }
        put_back(Box::pin(self.stack.restore()).await, events);
        events(RunEvent::Done);
        Ok(Measured::of(evidence, folder, &spool))
    }

    fn evidence(
        &self,
        folder: &Folder,
        plan: &Plan,
        command: Vec<String>,
        before: Look,
    ) -> Evidence {
        let names = plan.groups.iter().map(|group| group.name.clone());
        Evidence {
            evidence_version: EVIDENCE_VERSION,
            run: RunInfo::begin(folder.id(), folder.started_at(), plan, command),
            plan: plan.clone(),
            environment: self.machine.clone(),
            topology: self.topology().clone(),
            warnings: self.stack.warnings().to_vec(),
            looks: vec![before],
            idle: None,
            events: Vec::new(),
            recording: Recording::of(names, &mut TallyPool::default()),
            workers: Vec::new(),
        }
    }

    /// Takes the stack down, where it was brought up for this session alone.
    pub async fn close(self) {
        self.stack.take_down().await;
    }
}

/// Where the load goes, and what is known of it before. A stack of our own was asked when it was
/// brought up.
async fn reach_all(plan: &Plan, topology: &Topology) -> Result<(Vec<Aim>, Reached), RunError> {
    let (aims, several) = aim::at(plan, topology).await?;
    let mut reached = match topology.kind {
        StackKind::External => reach::reach(&aims, topology).await?,
        // Which version of HTTP its proxy speaks is not known of it.
        StackKind::Compose if plan.http.is_some() => Reached {
            warnings: reach::ask_target(&aims, topology).await?,
            ..Reached::default()
        },
        StackKind::Embedded | StackKind::Compose => Reached::default(),
    };
    reached.warnings.extend(several);
    Ok((aims, reached))
}

/// The servers before the load, and how many processes answer behind each page. What the containers
/// used is read last, and after the load first: what lies between is the load, and little else.
async fn first_look(scraper: &Scraper, stack: &Stack) -> Look {
    let mut uncounted = scraper.snapshot(stack.topology()).await;
    scraper
        .count_processes(stack.topology(), &mut uncounted)
        .await;
    let mut first = look(scraper, stack).await;
    for (replica, seen) in (first.counters.replicas.iter_mut()).zip(uncounted.replicas) {
        replica.processes = seen.processes;
    }
    first.cpu = Box::pin(stack.cpu()).await;
    first
}

/// The same after it. What is read once more does not count among our own reads: the counters were
/// taken before.
async fn last_look(scraper: &Scraper, stack: &Stack) -> Look {
    let cpu = Box::pin(stack.cpu()).await;
    let mut last = look(scraper, stack).await;
    scraper
        .count_processes(stack.topology(), &mut last.counters)
        .await;
    Look { cpu, ..last }
}

/// The servers as they are now. That the stack cannot tell of its replicas is no reason to stop.
async fn look(scraper: &Scraper, stack: &Stack) -> Look {
    let (counters, replicas) = join(scraper.settled(stack.topology()), stack.statuses()).await;
    Look {
        counters,
        replicas: replicas.unwrap_or_default(),
        ..Look::default()
    }
}

impl Measured {
    pub(super) fn of(mut evidence: Evidence, folder: Folder, spool: &Spool) -> Self {
        let intervals = spool.intervals();
        let groups = &evidence.plan.groups;
        let read = Coverage::of(intervals.iter().filter_map(|interval| {
            let group = groups
                .iter()
                .position(|group| group.name == interval.host)?;
            Some((group, interval.second, interval.seconds()))
        }));
        let expected = evidence.recording.seconds();
        evidence.recording.stored = StoredSeconds::of(expected, &read, spool.failure());
        let record = again::judged(&evidence, intervals);
        let kept = folder.keep(&record, &evidence);
        Self {
            record,
            evidence,
            folder,
            kept,
        }
    }

    /// Draws the files of the run, and writes them beside its record.
    #[must_use]
    pub fn write(self, csv: bool) -> Stored {
        let files = again::files(&self.record, csv);
        let written = self.kept.and_then(|()| self.folder.write(files));
        Stored {
            record: self.record,
            folder: self.folder.path(),
            unwritten: written.err(),
        }
    }
}
