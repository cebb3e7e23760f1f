//! The workers of a load, whichever engine runs them.

use std::time::{Duration, SystemTime};

use tokio::sync::mpsc;

use super::super::RunError;
use super::WorkerEngine;
use super::processes::Processes;
use super::swarm::Tasks;
use crate::workers::{Job, TooLong};

/// How many lines may wait to be merged before those who say them have to wait.
pub(super) const MOST_WAITING: usize = 1_024;
/// How long a worker may take to end after its last line.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// How much of what a worker says to people is kept: its end.
pub(super) const KEPT: usize = 1_024;

/// What workers are asked for.
pub(super) struct Asked {
    pub(super) run: String,
    pub(super) workers: u32,
    pub(super) start: SystemTime,
    /// By when all of them have ended by themselves.
    pub(super) until: SystemTime,
}

/// A line of a worker, as it was read; `None` at its end.
pub(super) struct Said {
    pub(super) n: u32,
    pub(super) line: Option<Result<String, TooLong>>,
    pub(super) read_at_ms: f64,
}

/// The workers that run, or have run.
pub(super) enum Crew {
    Local(Processes),
    Swarm(Box<Tasks>),
}

impl Crew {
    /// Starts them, gives each its job, and listens.
    pub(super) async fn start(
        engine: &WorkerEngine,
        asked: &Asked,
        job: &Job,
    ) -> Result<(Self, mpsc::Receiver<Said>), RunError> {
        let (said, heard) = mpsc::channel(MOST_WAITING);
        let crew = match engine {
            WorkerEngine::Local => Self::Local(Processes::start(asked, &job.line(), said).await?),
            WorkerEngine::Swarm { image, network } => {
                let tasks = Tasks::start(asked, job, (image, network), said).await?;
                Self::Swarm(Box::new(tasks))
            }
        };
        Ok((crew, heard))
    }

    /// Asks all of them to end.
    pub(super) async fn let_go(&mut self) {
        match self {
            Self::Local(processes) => processes.let_go(),
            Self::Swarm(tasks) => tasks.let_go().await,
        }
    }

    /// Gives one of them up.
    pub(super) fn kill(&mut self, n: u32) {
        match self {
            Self::Local(processes) => processes.kill(n),
            Self::Swarm(tasks) => tasks.give_up(n),
        }
    }

    /// Ends all of them, and waits for it; a clause where something is left of them.
    pub(super) async fn kill_all(&mut self) -> Option<String> {
        match self {
            Self::Local(processes) => {
                processes.kill_all().await;
                None
            }
            Self::Swarm(tasks) => tasks.remove().await,
        }
    }

    /// Whether a worker stays when it has said all, for us to end it.
    pub(super) const fn lingers(&self) -> bool {
        matches!(self, Self::Swarm(_))
    }

    pub(super) fn has_ended(&self, n: u32) -> bool {
        match self {
            Self::Local(processes) => processes.has_ended(n),
            Self::Swarm(tasks) => tasks.has_ended(n),
        }
    }

    /// How a worker ended whose lines are over, in words.
    pub(super) async fn ended(&mut self, n: u32) -> String {
        match self {
            Self::Local(processes) => processes.ended(n).await,
            Self::Swarm(tasks) => tasks.ended(n),
        }
    }

    /// What the engine knows of a worker that is not ready yet, as a clause.
    pub(super) fn about(&self, n: u32) -> Option<String> {
        match self {
            Self::Local(_) => None,
            Self::Swarm(tasks) => tasks.about(n),
        }
    }
}

/// Adds to what is kept of a text of which only the end matters.
pub(super) fn tail(kept: &mut Vec<u8>, piece: &[u8], most: usize) {
    kept.extend_from_slice(piece);
    let surplus = kept.len().saturating_sub(most);
    kept.drain(..surplus);
}

/// What was said to people, in one line.
pub(super) fn in_a_line(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
