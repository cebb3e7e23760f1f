//! The order of steps, and nothing else.
//!
//! # Layout
//! [`run`] opens a [`Session`] on a stack, measures the plan on it, closes it, and writes the files.
//! `load` hands a plan to the engine, `launch` to workers, and `worker` is one of them;
//! `collect` merges lines that came another way; `again` reads stored runs: repeats, judges and draws them.
//!
//! **Invariant:** no arithmetic. Each step is another room's; this one only hands things on.

mod again;
mod aim;
mod collect;
mod error;
mod events;
mod experiment;
mod github;
mod launch;
mod load;
mod machine;
mod manifest;
mod operate;
mod preflight;
mod reach;
mod session;
mod signals;
mod worker;

pub use again::{judge, plan_of, read_records, redraw};
pub use collect::{Gathering, Known, collect};
pub use error::RunError;
pub use experiment::{Course, Experiment, Experimented, scaling, search};
pub use launch::{
    Launch, LeftWorkers, Recollection, WorkerEngine, left_workers, recollect, remove_workers,
};
pub use manifest::job as job_for;
pub use operate::{Operated, down, ps, up};
pub use session::{Measured, Session, SessionOptions};
pub use signals::Signals;
pub use worker::{Assignment, work};

use std::path::PathBuf;

use crate::model::{RunEvent, Topology};
use crate::plan::{ClientRefused, Plan, PlanError, PlanSpec};
use crate::record::Record;
use crate::stack::StackSpec;
use crate::store::{self, StorageError};

/// Where what happens in a run is told.
pub type EventSink = Box<dyn FnMut(RunEvent<'_>) + Send>;

/// A test to run.
#[derive(Clone, Debug)]
pub struct Test {
    pub source: PlanSource,
    /// Where the run is to be stored, if not in `reports/`.
    pub out: Option<PathBuf>,
    /// Whether that folder is used although it holds another run.
    pub force: bool,
    /// The command as it was typed.
    pub command: Vec<String>,
    /// Whether the intervals are wanted as CSV too.
    pub csv: bool,
    /// Where the generator's metrics are served while the test runs, `HOST:PORT`.
    pub metrics: Option<String>,
    /// The workers that send the load, where it is not this process.
    pub launch: Option<Launch>,
}

/// Where a run's plan comes from.
#[derive(Clone, Debug)]
pub enum PlanSource {
    /// What was asked for; it is resolved on the stack that is found.
    Spec(Box<PlanSpec>),
    /// The plan of a stored run, as it is.
    Plan(Box<Plan>),
}

/// A run that took place, and where it is.
#[derive(Debug)]
pub struct Stored {
    pub record: Record,
    pub folder: PathBuf,
    /// Files that could not be written, with the reason.
    pub unwritten: Option<StorageError>,
}

/// Runs a test from its stack to its report.
pub async fn run(
    test: Test,
    mut events: EventSink,
    signals: &mut Signals,
) -> Result<Stored, RunError> {
    if let Some(out) = test.out.as_deref().filter(|_| !test.force) {
        store::refuse_taken(out)?;
    }
    let spec = test.source.stack_spec()?;
    let mut session = Session::open(&spec, test.metrics.as_deref(), &mut events, signals).await?;
    let options = SessionOptions {
        out: test.out,
        command: test.command,
        launch: test.launch,
    };
    let measured = match test.source.resolve(session.topology()) {
        Ok(plan) => session.measure(&plan, options, &mut events, signals).await,
        Err(error) => Err(error.into()),
    };
    session.close().await;
    let stored = measured?.write(test.csv);
    again::list_runs(&stored.folder);
    github::tell(&stored.record);
    Ok(stored)
}

impl PlanSource {
    fn resolve(self, topology: &Topology) -> Result<Plan, PlanError> {
        match self {
            Self::Spec(spec) => spec.resolve(topology),
            Self::Plan(plan) => Ok(*plan),
        }
    }

    /// What it asks of the stack. One that cannot be carried out is refused before there is any.
    fn stack_spec(&self) -> Result<StackSpec, PlanError> {
        ClientRefused::without_password(match self {
            Self::Spec(spec) => spec.user.as_ref(),
            Self::Plan(plan) => plan.user.as_ref(),
        })?;
        Ok(match self {
            Self::Spec(spec) => {
                let mut stack = StackSpec::new(spec.stack_choice()?);
                stack.groups = spec.named_groups().map(str::to_owned).collect();
                stack.replicas = spec.replicas;
                stack.name_source = spec.replica_id.clone().unwrap_or_default();
                stack.embedded.spec = spec.embedded();
                stack
            }
            Self::Plan(plan) => {
                let mut stack = StackSpec::new(plan.stack.clone());
                stack.groups = plan.groups.iter().map(|group| group.host.clone()).collect();
                stack.replicas = plan.replicas;
                stack.name_source = plan.replica_id.clone();
                stack.embedded.spec = plan.embedded.clone();
                stack
            }
        })
    }
}
