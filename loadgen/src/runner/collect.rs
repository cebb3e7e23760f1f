//! Merges the lines of workers that came some other way than through a launcher, and judges what they
//! are together.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::{EventSink, PlanSource, RunError, Stored, again, machine, session};
use crate::model::{RunEvent, StackChoice, Topology};
use crate::plan::Plan;
use crate::record::{EVIDENCE_VERSION, Evidence, RunInfo, Versions};
use crate::recorder::{Recording, TallyPool, Window};
use crate::stack;
use crate::store::{self, Folder, Spool, StorageError};
use crate::workers::{Job, Lines, Merged, Merger, MergerOptions};

/// How many bytes are read of one file before the next one's turn: so workers whose lines are in
/// files of their own stay near one another in time.
const TURN: usize = 64 << 10;

/// What is to be merged.
#[derive(Clone, Debug)]
pub struct Gathering {
    pub known: Known,
    /// Where the lines are; `-` is standard input.
    pub files: Vec<PathBuf>,
    /// How many workers there were.
    pub workers: u32,
    /// The run's name in their frames.
    pub run: String,
    /// Where the run is to be stored, if not in `reports/`.
    pub out: Option<PathBuf>,
    /// Whether that folder is used although it holds another run.
    pub force: bool,
    /// The command as it was typed.
    pub command: Vec<String>,
    /// Whether the intervals are wanted as CSV too.
    pub csv: bool,
}

/// Where the plan comes from that the workers had.
#[derive(Clone, Debug)]
pub enum Known {
    /// A stored run: what its launcher knew of the stack and its counters goes with it.
    Run(PathBuf),
    /// A plan that names its target. No server's counters are known.
    Plan(PlanSource),
    /// What each of them was given, from a file. The same is known as by a plan.
    Job(Box<Job>),
}

/// Merges, judges and stores.
pub async fn collect(gathering: Gathering, mut events: EventSink) -> Result<Stored, RunError> {
    if let Some(out) = gathering.out.as_deref().filter(|_| !gathering.force) {
        store::refuse_taken(out)?;
    }
    let mut evidence = evidence(&gathering).await?;
    let sources = gathering.files.iter().map(store::open_lines);
    let sources = sources.collect::<Result<Vec<_>, StorageError>>()?;
    let mut merger = Merger::new(MergerOptions {
        run: gathering.run.clone(),
        plan: evidence.plan.clone(),
        workers: gathering.workers,
        asked_at_ms: None,
    });
    let folder = Folder::create(gathering.out.clone(), &evidence.plan)?;
    let (id, command) = (folder.id(), gathering.command.clone());
    evidence.run = RunInfo::begin(id, evidence.run.started_at, &evidence.plan, command);
    let spool = folder.begin(&evidence)?;
    let spool = merge(&mut merger, sources, spool)?;
    let merged = merger.finish();
    if let Some(error) = nothing(&gathering.run, &merged) {
        folder.forget();
        return Err(error);
    }
    Ok(conclude(
        evidence,
        merged,
        (folder, spool),
        gathering.csv,
        &mut events,
    ))
}

/// Judges and stores what was merged.
pub(super) fn conclude(
    mut evidence: Evidence,
    merged: Merged,
    (folder, spool): (Folder, Spool),
    csv: bool,
    events: &mut EventSink,
) -> Stored {
    for (reason, lines) in &merged.refused {
        let lines = if *lines == 1 {
            "1 line is".to_owned()
        } else {
            format!("{lines} lines are")
        };
        events(RunEvent::State(&format!("warning: {lines} {reason}")));
    }
    let spool = pass_on(spool, &merged.windows);
    evidence.recording = merged.recording;
    evidence.workers = merged.workers;
    events(RunEvent::Done);
    let stored = session::Measured::of(evidence, folder, &spool).write(csv);
    again::list_runs(&stored.folder);
    stored
}

/// All that is known but what the workers say.
async fn evidence(gathering: &Gathering) -> Result<Evidence, RunError> {
    match &gathering.known {
        Known::Run(run) => stored(run),
        Known::Plan(source) => {
            let topology = topology(source).await?;
            let plan = source.clone().resolve(&topology)?;
            Ok(of_plan(plan, topology))
        }
        Known::Job(job) => Ok(of_plan(job.plan.clone(), job.topology.clone())),
    }
}

/// What a launcher knew whose run is stored, also where it was lost.
pub(super) fn stored(run: &Path) -> Result<Evidence, RunError> {
    let evidence = store::read_evidence(run, Versions::Known)?;
    let recording = empty(&evidence.plan);
    Ok(Evidence {
        recording,
        workers: Vec::new(),
        ..evidence
    })
}

/// What is known by a plan alone.
pub(super) fn of_plan(plan: Plan, topology: Topology) -> Evidence {
    Evidence {
        evidence_version: EVIDENCE_VERSION,
        run: RunInfo::begin(String::new(), store::now(), &plan, Vec::new()),
        environment: machine::read(),
        topology,
        warnings: Vec::new(),
        looks: Vec::new(),
        idle: None,
        events: Vec::new(),
        recording: empty(&plan),
        workers: Vec::new(),
        plan,
    }
}

fn empty(plan: &Plan) -> Recording {
    let names = plan.groups.iter().map(|group| group.name.clone());
    Recording::of(names, &mut TallyPool::default())
}

/// What a plan's load goes through, where it says that by itself: a worker, and whoever collects,
/// brings up no stack.
pub(super) async fn topology(source: &PlanSource) -> Result<Topology, RunError> {
    let spec = source.stack_spec()?;
    if let StackChoice::External(_) = &spec.choice {
        return Ok(stack::bring_up(&spec).await?.topology().clone());
    }
    Err(RunError::Preflight {
        message: "the plan names no target, and no stack is brought up for it here".into(),
        hint: "give the plan one: `loadgen plan http://127.0.0.1:8080 > plan.toml`".into(),
    })
}

/// Reads every source to its end, in turns.
fn merge(
    merger: &mut Merger,
    sources: Vec<Box<dyn Read>>,
    mut spool: Spool,
) -> Result<Spool, RunError> {
    let mut open: Vec<_> = (sources.into_iter())
        .map(|source| (source, Lines::default()))
        .collect();
    let mut piece = vec![0; TURN];
    while !open.is_empty() {
        let mut place = 0;
        while place < open.len() {
            let (source, lines) = &mut open[place];
            let length = source
                .read(&mut piece)
                .map_err(|reason| unreadable(&reason))?;
            let ended = if length == 0 { lines.finish() } else { None };
            let whole = lines.push(&piece[..length]);
            for line in whole.into_iter().chain(ended) {
                // What is refused is counted by the merger.
                let line = line.as_deref().map_err(|too_long| *too_long);
                let windows = merger.accept(line, None).unwrap_or_default();
                spool = pass_on(spool, &windows);
                merger.recycle(windows);
            }
            if length == 0 {
                drop(open.remove(place));
            } else {
                place += 1;
            }
        }
    }
    Ok(spool)
}

pub(super) fn pass_on(mut spool: Spool, windows: &[Window]) -> Spool {
    for window in windows {
        // What could not be written is said by the certificate.
        let _ = spool.write(window);
    }
    spool
}

fn unreadable(reason: &std::io::Error) -> RunError {
    RunError::Preflight {
        message: format!("the lines cannot be read to their end: {reason}"),
        hint: "give the files that workers wrote their standard output to, or - for standard input"
            .into(),
    }
}

/// That there is nothing of this run in the lines, and what there is instead.
pub(super) fn nothing(run: &str, merged: &Merged) -> Option<RunError> {
    if merged.workers.iter().any(|worker| !worker.node.is_empty()) {
        return None;
    }
    let faults = merged.workers.iter().find_map(|worker| {
        let reason = worker.reason.as_ref().filter(|_| worker.second.is_some())?;
        Some(format!("worker {}: {reason}", worker.n))
    });
    let refused = merged
        .refused
        .iter()
        .map(|(reason, n)| format!("{n} × {reason}"));
    let refused: Vec<_> = refused.take(3).chain(faults).collect();
    let instead = if refused.is_empty() {
        String::new()
    } else {
        format!(": {}", refused.join("; "))
    };
    Some(RunError::Preflight {
        message: format!("no worker of run `{run}` is in these lines{instead}"),
        hint: "--run-id, --workers and the plan have to be those that the workers were given"
            .into(),
    })
}
