//! Workers that a launcher left behind: what they said is collected, and they are removed.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc;

use super::super::collect::{conclude, nothing, of_plan, pass_on, stored};
use super::super::worker::nanos;
use super::super::{EventSink, RunError, Signals, Stored};
use super::crew::MOST_WAITING;
use super::swarm::Tasks;
use crate::model::RunEvent;
use crate::record::{Evidence, RunInfo};
use crate::stack::swarm::{Remains, Swarm};
use crate::store::{self, Folder};
use crate::workers::{Job, Merger, MergerOptions, fingerprint, run_token};

/// How long is waited for what workers said that have ended.
const READING: Duration = Duration::from_secs(60);

/// A run whose workers' lines are to be read again from their Swarm.
#[derive(Clone, Debug)]
pub struct Recollection {
    /// The run's name, which its folder has too.
    pub run: String,
    /// Where it is to be stored, if not in a new folder of `reports/`.
    pub out: Option<PathBuf>,
    /// Whether that folder is used although it holds another run.
    pub force: bool,
    /// The command as it was typed.
    pub command: Vec<String>,
    /// Whether the intervals are wanted as CSV too.
    pub csv: bool,
}

/// A run whose workers a Swarm has, and nobody may be following.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftWorkers {
    pub run: String,
    pub workers: u32,
    /// How long they send at most; none where they have ended.
    pub left: Option<Duration>,
}

/// The runs whose workers the usual engine's Swarm has; none where it manages none.
pub async fn left_workers() -> Vec<LeftWorkers> {
    let Ok(swarm) = Swarm::reach().await else {
        return Vec::new();
    };
    let remains = swarm.remains().await.unwrap_or_default();
    let now = nanos(SystemTime::now()) / 1_000_000_000;
    let left = remains.into_iter().map(|one| LeftWorkers {
        run: one.run,
        workers: one.workers,
        left: Some(Duration::from_secs(one.until.saturating_sub(now)))
            .filter(|left| !left.is_zero()),
    });
    left.collect()
}

/// Ends a run's workers, and removes all that belongs to it.
pub async fn remove_workers(run: &str) -> Result<u32, RunError> {
    let swarm = Swarm::reach().await?;
    let remains = find(&swarm, run).await?;
    swarm.clear(&remains.run).await?;
    Ok(remains.workers)
}

async fn find(swarm: &Swarm, run: &str) -> Result<Remains, RunError> {
    let token = run_token(run);
    let mut remains = swarm.remains().await?;
    if let Some(place) = remains.iter().position(|one| one.run == token) {
        return Ok(remains.swap_remove(place));
    }
    let known: Vec<_> = remains
        .iter()
        .take(10)
        .map(|one| one.run.as_str())
        .collect();
    let hint = match known.as_slice() {
        [] => "it has no run's workers; a launcher that ends removes those of its run".to_owned(),
        known => format!("it has those of {}", known.join(", ")),
    };
    Err(RunError::Preflight {
        message: format!("the Swarm has no workers of run `{run}`"),
        hint,
    })
}

/// Reads what the workers of a run said, to its end, then merges, judges and stores it. They stay.
pub async fn recollect(
    asked: Recollection,
    mut events: EventSink,
    signals: &mut Signals,
) -> Result<Stored, RunError> {
    if let Some(out) = asked.out.as_deref().filter(|_| !asked.force) {
        store::refuse_taken(out)?;
    }
    let swarm = Swarm::reach().await?;
    let remains = find(&swarm, &asked.run).await?;
    let mut evidence = evidence(&swarm, &remains, &asked.run).await?;
    let mut merger = Merger::new(MergerOptions {
        run: remains.run.clone(),
        plan: evidence.plan.clone(),
        workers: remains.workers,
        asked_at_ms: None,
    });
    let folder = Folder::create(asked.out, &evidence.plan)?;
    let id = folder.id();
    evidence.run = RunInfo::begin(id, evidence.run.started_at, &evidence.plan, asked.command);
    let mut spool = folder.begin(&evidence)?;

    let (said, mut heard) = mpsc::channel(MOST_WAITING);
    let until = Duration::from_secs(remains.until);
    let now = Duration::from_nanos(nanos(SystemTime::now()));
    let patience = until.saturating_sub(now) + READING;
    let crew = swarm.take_over(&remains);
    let tasks = Tasks::listen_to(crew, remains.run.clone(), remains.workers, said);
    let over = tokio::time::sleep(patience);
    tokio::pin!(over);
    let mut left = remains.workers;
    while left > 0 {
        let said = tokio::select! {
            biased;
            () = signals.next() => break,
            () = &mut over => break,
            said = heard.recv() => said,
        };
        let Some(said) = said else { break };
        let windows = if let Some(line) = said.line {
            let line = line.as_deref().map_err(|too_long| *too_long);
            // What is refused is counted by the merger.
            let windows = merger.accept(line, None).unwrap_or_default();
            if merger.has_ended(said.n) {
                tasks.give_up(said.n);
            }
            windows
        } else {
            left -= 1;
            merger.lose(said.n, tasks.ended(said.n))
        };
        spool = pass_on(spool, &windows);
        merger.recycle(windows);
    }
    tasks.stop_listening();
    let merged = merger.finish();
    if let Some(error) = nothing(&remains.run, &merged) {
        folder.forget();
        return Err(error);
    }
    events(RunEvent::State(&format!(
        "the workers' service stays until `loadgen down --run {}`",
        remains.run
    )));
    Ok(conclude(
        evidence,
        merged,
        (folder, spool),
        asked.csv,
        &mut events,
    ))
}

/// What the launcher knew, where its folder is here, or else the plan and the stack that the workers were
/// told.
async fn evidence(swarm: &Swarm, remains: &Remains, run: &str) -> Result<Evidence, RunError> {
    let job = swarm.first_file(remains).await?;
    let job = Job::read(&job).map_err(|error| RunError::Preflight {
        message: format!("what the workers of run `{run}` were given is no plan of ours: {error}"),
        hint: "another version of loadgen started them, perhaps; collect with that one".into(),
    })?;
    let folder = Path::new("reports").join(run);
    Ok(match stored(&folder) {
        Ok(evidence) if fingerprint(&evidence.plan) == fingerprint(&job.plan) => evidence,
        _ => of_plan(job.plan, job.topology),
    })
}
