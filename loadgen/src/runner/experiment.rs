//! Experiments: one session measured again and again, at the rates that a controller asks for.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{EventSink, PlanSource, RunError, Session, SessionOptions, Signals};
use crate::model::{Rate, RunEvent, StackKind};
use crate::plan::PlanSpec;
use crate::record::Record;
use crate::report;
use crate::search::{
    Bounds, Controller, Next, Purpose, SEARCH_SCHEMA_VERSION, Scaling, ScalingPoint, Search, Step,
    StepRecord, bottleneck,
};
use crate::stack::{self, StackSpec};
use crate::store;

/// The name of the folder of an experiment's runs.
const RUNS: &str = "runs";

/// An experiment that is to be made.
#[derive(Clone, Debug)]
pub struct Experiment {
    /// What is measured, but for rate and length; its thresholds are the objectives.
    pub spec: PlanSpec,
    /// Where it is to be stored, if not in `reports/`.
    pub out: Option<PathBuf>,
    /// The command as it was typed.
    pub command: Vec<String>,
    /// How long a rate is measured.
    pub step: Duration,
    /// How long one is that is confirmed or refuted.
    pub confirm: Duration,
    pub course: Course,
    /// Whether the intervals of each run are wanted as CSV too.
    pub csv: bool,
    /// Where the generator's metrics are served meanwhile, `HOST:PORT`.
    pub metrics: Option<String>,
}

/// Which rates are measured.
#[derive(Clone, Debug)]
pub enum Course {
    /// Those that find the highest at which every objective holds.
    Search(Bounds),
    /// These, in this order.
    Sweep(Vec<f64>),
}

/// An experiment that took place, and where it is.
#[derive(Debug)]
pub struct Experimented<T> {
    pub result: T,
    pub folder: PathBuf,
}

/// Finds the highest rate, or measures a list of rates.
pub async fn search(
    experiment: Experiment,
    mut events: EventSink,
    signals: &mut Signals,
) -> Result<Experimented<Search>, RunError> {
    let spec = PlanSource::Spec(Box::new(experiment.spec.clone())).stack_spec()?;
    let mut session =
        Session::open(&spec, experiment.metrics.as_deref(), &mut events, signals).await?;
    let hosts = hosts(&experiment, &session);
    let kind = experiment.course.name();
    let folder = store::create_experiment(experiment.out.clone(), kind, &hosts)?;
    let found = steps(&experiment, &mut session, &folder, &mut events, signals).await;
    session.close().await;
    Ok(Experimented {
        result: found?,
        folder,
    })
}

/// Finds the highest rate for each number of replicas, and fits the law of scaling to them.
pub async fn scaling(
    experiment: Experiment,
    counts: &[u32],
    want: Option<f64>,
    mut events: EventSink,
    signals: &mut Signals,
) -> Result<Experimented<Scaling>, RunError> {
    let mut spec = PlanSource::Spec(Box::new(experiment.spec.clone())).stack_spec()?;
    let (before, hosts) = first_look(&experiment, &mut spec, &mut events, signals).await?;
    let folder = store::create_experiment(experiment.out.clone(), "scaling", &hosts)?;
    let mut scaling = Scaling::begin(&experiment.command, hosts, &experiment.spec, want);
    let mut measured = Ok(());
    for count in counts {
        measured = point(
            &experiment,
            &mut spec,
            *count,
            &folder,
            &mut scaling,
            &mut events,
            signals,
        )
        .await;
        store::write_again(&folder, report::scaling_files(&scaling).into_iter())?;
        if measured.is_err() || scaling.interrupted {
            break;
        }
    }
    put_back(spec, before, &mut events).await?;
    measured?;
    Ok(Experimented {
        result: scaling,
        folder,
    })
}

/// Which stack it is, and how many replicas its groups have.
async fn first_look(
    experiment: &Experiment,
    spec: &mut StackSpec,
    events: &mut EventSink,
    signals: &mut Signals,
) -> Result<(Option<u32>, Vec<String>), RunError> {
    let session = Session::open(spec, None, events, signals).await?;
    let topology = session.topology();
    let hosts = hosts(experiment, &session);
    let kind = topology.kind;
    let of_group = |group: &String| {
        let replicas = topology.replicas.iter();
        replicas.filter(|one| one.group == *group).count()
    };
    let count = topology.groups.first().map(of_group);
    session.close().await;
    match kind {
        StackKind::External => Err(RunError::Preflight {
            message: "an external stack cannot be given another number of replicas".into(),
            hint: "scale it yourself and run `loadgen search` for each number, or use --stack embedded or compose".into(),
        }),
        StackKind::Embedded => {
            spec.choice = crate::model::StackChoice::Embedded;
            Ok((None, hosts))
        }
        StackKind::Compose => {
            spec.choice = crate::model::StackChoice::Compose;
            Ok((count.and_then(|count| u32::try_from(count).ok()), hosts))
        }
    }
}

/// Searches with so many replicas.
async fn point(
    experiment: &Experiment,
    spec: &mut StackSpec,
    count: u32,
    folder: &Path,
    scaling: &mut Scaling,
    events: &mut EventSink,
    signals: &mut Signals,
) -> Result<(), RunError> {
    events(RunEvent::State(&format!("scaling: {count} replicas")));
    spec.replicas = Some(count);
    let mut session = Session::open_scaled(spec, events, signals).await?;
    let name = format!("{count}-replicas");
    let place = folder.join(&name);
    let mut experiment = experiment.clone();
    experiment.spec.replicas = Some(count);
    let found = async {
        store::create_experiment(Some(place.clone()), "search", &[])?;
        steps(&experiment, &mut session, &place, events, signals).await
    }
    .await;
    session.close().await;
    let found = found?;
    scaling.interrupted = found.interrupted;
    scaling.add(ScalingPoint::of(count, &found, name));
    scaling.conclude();
    Ok(())
}

/// Gives a stack that stays as many replicas as it had.
async fn put_back(
    mut spec: StackSpec,
    before: Option<u32>,
    events: &mut EventSink,
) -> Result<(), RunError> {
    if let Some(count) = before {
        events(RunEvent::State(&format!(
            "scaling back to {count} replicas"
        )));
        spec.replicas = Some(count);
        stack::up(&spec).await?;
    }
    Ok(())
}

fn hosts(experiment: &Experiment, session: &Session) -> Vec<String> {
    let named: Vec<_> = experiment.spec.named_groups().map(str::to_owned).collect();
    if named.is_empty() {
        session.topology().groups.clone()
    } else {
        named
    }
}

/// Measures one rate after another, and stores what is known after each.
async fn steps(
    experiment: &Experiment,
    session: &mut Session,
    folder: &Path,
    events: &mut EventSink,
    signals: &mut Signals,
) -> Result<Search, RunError> {
    let mut search = Search::begin(
        &experiment.command,
        hosts(experiment, session),
        &experiment.spec,
    );
    let mut course = Walk::of(&experiment.course);
    // The step that broke last, for what was the limit.
    while let Some(step) = course.next(&mut search) {
        events(RunEvent::State(&search.outlook(&step)));
        let name = format!("{RUNS}/{:02}-{}", search.steps.len() + 1, step.rate);
        let record = measure(
            experiment,
            session,
            &step,
            folder.join(&name),
            (events, signals),
        )
        .await?;
        search.interrupted = record.run.interrupted;
        if !search.interrupted {
            let told = StepRecord::of(step, &record, name);
            if told.holds == Some(false) {
                search.bottleneck = bottleneck(&record);
            }
            course.answer(step, &told);
            search.steps.push(told);
        }
        store::write_again(folder, report::search_files(&search).into_iter())?;
        if search.interrupted {
            return Ok(search);
        }
    }
    store::write_again(folder, report::search_files(&search).into_iter())?;
    Ok(search)
}

/// One rate, as an ordinary run.
async fn measure(
    experiment: &Experiment,
    session: &mut Session,
    step: &Step,
    out: PathBuf,
    (events, signals): (&mut EventSink, &mut Signals),
) -> Result<Record, RunError> {
    let asked = PlanSpec {
        rps: Some(Rate::new(step.rate).map_err(crate::plan::PlanError::from)?),
        duration: Some(if step.purpose.is_long() {
            experiment.confirm
        } else {
            experiment.step
        }),
        ..PlanSpec::default()
    };
    let plan = asked
        .over(experiment.spec.clone())
        .resolve(session.topology())?;
    let options = SessionOptions {
        out: Some(out),
        launch: None,
        command: experiment.command.clone(),
    };
    let stored = session
        .measure(&plan, options, events, signals)
        .await?
        .write(experiment.csv);
    match stored.unwritten {
        Some(error) => Err(error.into()),
        None => Ok(stored.record),
    }
}

/// A course that goes on.
enum Walk {
    Search(Controller),
    Sweep(std::vec::IntoIter<f64>),
}

impl Course {
    const fn name(&self) -> &'static str {
        match self {
            Self::Search(_) => "search",
            Self::Sweep(_) => "sweep",
        }
    }
}

impl Walk {
    fn of(course: &Course) -> Self {
        match course {
            Course::Search(bounds) => Self::Search(Controller::new(*bounds)),
            Course::Sweep(rates) => Self::Sweep(rates.clone().into_iter()),
        }
    }

    /// The next step; where there is none, what was found is in the search.
    fn next(&mut self, search: &mut Search) -> Option<Step> {
        match self {
            Self::Sweep(rates) => rates.next().map(|rate| Step {
                rate,
                purpose: Purpose::Sweep,
            }),
            Self::Search(controller) => match controller.next() {
                Next::Measure(step) => Some(step),
                Next::Done(found) => {
                    search.conclude(&found);
                    None
                }
            },
        }
    }

    fn answer(&mut self, step: Step, told: &StepRecord) {
        if let Self::Search(controller) = self {
            controller.answer(step, told.answer());
        }
    }
}

impl Search {
    fn begin(command: &[String], hosts: Vec<String>, spec: &PlanSpec) -> Self {
        Self {
            schema_version: SEARCH_SCHEMA_VERSION,
            started_at: store::now(),
            command: command.to_vec(),
            hosts,
            slo: spec.objectives(),
            found: None,
            limit: None,
            bottleneck: None,
            steps: Vec::new(),
            interrupted: false,
        }
    }
}

impl Scaling {
    fn begin(command: &[String], hosts: Vec<String>, spec: &PlanSpec, want: Option<f64>) -> Self {
        Self {
            schema_version: SEARCH_SCHEMA_VERSION,
            started_at: store::now(),
            command: command.to_vec(),
            hosts,
            slo: spec.objectives(),
            points: Vec::new(),
            usl: None,
            want,
            needed: None,
            interrupted: false,
        }
    }
}
