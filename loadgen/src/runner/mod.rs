//! The order of steps, and nothing else.
//!
//! **Invariant:** no arithmetic. Each step is another room's; this one only hands things on.

mod environment;
mod error;
mod github;
mod lives;
mod load;
mod operate;
mod preflight;
mod signals;
mod storage;

pub use error::RunError;
pub use operate::{Operated, down, ps, up};
pub use signals::Signals;
pub use storage::{StorageError, read_records, redraw};

use storage::Folder;

use std::path::PathBuf;

use futures_util::future::join;

use crate::checks::{self, Evidence};
use crate::export::Exporter;
use crate::model::{Notice, Topology};
use crate::plan::{Load, Plan, StackChoice};
use crate::report::{Parts, Record, RunInfo, assemble};
use crate::scrape::{Delta, Scraper};
use crate::stack::{self, Choice, EmbeddedOptions, External, Project, Stack, Wanted};

/// What a signal is answered with when the load is over.
const LATE_SIGNAL: &str = "the load is over; once more to leave the books open";

/// A test to run.
#[derive(Clone, Debug)]
pub struct Test {
    /// The plan; groups may still be open.
    pub plan: Plan,
    /// The load of groups that the plan does not name.
    pub load: Load,
    /// What embedded children are told.
    pub embedded: EmbeddedOptions,
    /// Where the run is to be stored, if not in `reports/`.
    pub out: Option<PathBuf>,
    /// The command as it was typed.
    pub command: Vec<String>,
    /// Whether the intervals are wanted as CSV too.
    pub csv: bool,
    /// Where the generator's metrics are served while the test runs, `HOST:PORT`.
    pub metrics: Option<String>,
}

/// What a person is told while a run goes on.
pub type Tell = Box<dyn FnMut(Notice<'_>) + Send>;

/// A run that took place, and where it is.
#[derive(Debug)]
pub struct Stored {
    /// The run.
    pub record: Record,
    /// Its folder.
    pub folder: PathBuf,
    /// Files that could not be written, with the reason.
    pub unwritten: Option<StorageError>,
}

/// Runs a test from its stack to its report.
pub async fn run(test: Test, mut tell: Tell, signals: &mut Signals) -> Result<Stored, RunError> {
    let wanted = wanted(&test);
    let exporter = match &test.metrics {
        Some(address) => Some(Exporter::start(address).await?),
        None => None,
    };
    let mut stack = signals.or_interrupt(stack::bring_up(&wanted)).await??;
    tell(Notice::Stack(&stack.topology().why));
    if let Some(exporter) = &exporter {
        tell(Notice::State(&format!("metrics: {}", exporter.url())));
    }
    let result = measure(test, &mut stack, exporter.as_ref(), tell, signals).await;
    stack.take_down().await;
    result
}

async fn measure(
    test: Test,
    stack: &mut Stack,
    exporter: Option<&Exporter>,
    mut tell: Tell,
    signals: &mut Signals,
) -> Result<Stored, RunError> {
    let topology = stack.topology().clone();
    let topology = topology.with_workers(test.plan.proxy_workers);
    let plan = test.plan.for_groups(&hosts(&topology), &test.load);
    let environment = environment::read();
    let machine = environment::machine(&environment);
    let mut noted = preflight::check(&plan, &topology, &machine)?;
    signals
        .or_interrupt(load::reach(&plan, &topology))
        .await??;
    noted.extend(lives::warnings(stack));
    let scraper = Scraper::new(&plan.counter)?;
    let mut folder = Folder::create(test.out, &plan)?;
    let run = RunInfo::begin(folder.id(), folder.started_at(), &plan, test.command);
    let parts = Parts::begin(&run, &plan, &environment, &topology);
    folder.begin(&parts)?;

    let before = signals
        .or_interrupt(join(scraper.settled(&topology), lives::look(stack)))
        .await?;
    let hearers = (folder.spool(), exporter.map(Exporter::meter));
    let recording = load::apply(&plan, &topology, hearers, &mut tell, signals).await?;
    tell(Notice::State("closing the books"));
    // A replica that came back has another port; one that cannot be found keeps its old one, and
    // then its page says so.
    let books = async {
        let _ = stack.refresh().await;
        join(scraper.settled(stack.topology()), lives::look(stack)).await
    };
    let told = || {
        tell(Notice::State(LATE_SIGNAL));
    };
    let after = signals.or_now(books, told).await;
    let delta = Delta::between(&before.0, &after.0);
    noted.extend(lives::findings(&before.1, &after.1));
    tell(Notice::Done);

    let judgement = checks::judge(&Evidence {
        plan: &plan,
        topology: &topology,
        recording: &recording,
        delta: Some(&delta),
        machine: &machine,
        preflight: &noted,
    });
    let record = assemble(parts, &recording, &judgement, folder.intervals());
    let unwritten = folder.finish(&record, test.csv).err();
    storage::list_runs(&folder.path());
    github::tell(&record);
    Ok(Stored {
        record,
        folder: folder.path(),
        unwritten,
    })
}

/// The groups that are loaded when none are named: every one the stack has, or the target itself.
fn hosts(topology: &Topology) -> Vec<String> {
    if topology.groups.is_empty() {
        let target = &topology.proxy.target;
        let authority = target
            .split_once("://")
            .map_or(target.as_str(), |(_, rest)| rest);
        vec![authority.trim_end_matches('/').to_owned()]
    } else {
        topology.groups.clone()
    }
}

/// What the plan asks of the stack.
fn wanted(test: &Test) -> Wanted {
    let plan = &test.plan;
    let choice = match &plan.stack {
        StackChoice::Auto => Choice::Auto,
        StackChoice::Embedded => Choice::Embedded,
        StackChoice::Compose => Choice::Compose,
        StackChoice::External {
            target,
            replicas,
            proxy_metrics,
            proxy_counter,
            ..
        } => Choice::External(External {
            target: target.clone(),
            replicas: replicas
                .iter()
                .map(|page| (page.group.clone(), page.url.clone()))
                .collect(),
            proxy_metrics: proxy_metrics.clone(),
            proxy_counter: proxy_counter.clone(),
            id_header: match &plan.replica_id {
                crate::plan::ReplicaIdSource::Header(name) => Some(name.clone()),
                crate::plan::ReplicaIdSource::Body => None,
            },
        }),
    };
    Wanted {
        groups: plan.groups.iter().map(|group| group.host.clone()).collect(),
        replicas: plan.replicas,
        embedded: test.embedded.clone(),
        project: Project::here(),
        ..Wanted::new(choice)
    }
}
