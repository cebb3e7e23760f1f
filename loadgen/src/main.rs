//! The thin binary: from a command line to an exit code.

use std::io::{BufRead as _, Read as _};
use std::path::Path;
use std::process::ExitCode;
use std::time::SystemTime;

use loadgen::cli::{
    self, Cli, CollectArgs, Command, CompareArgs, CompareFormat, ExperimentAsked, Format,
    JudgeArgs, KubernetesArgs, ManifestCommand, OutputArgs, PlanArgs, ProgressMode, ReportArgs,
    RunArgs, ScalingArgs, SearchArgs, StackArgs, SweepArgs, UsageError, View, WorkerArgs,
    WorkersArgs,
};
use loadgen::compare::{self, CompareOptions};
use loadgen::input::Limit;
use loadgen::manifest::{self, Shipped};
use loadgen::model::{ReplicaStatus, RunEvent, StackChoice, StackKind, User, exit, plain};
use loadgen::plan::{PlanSpec, Sense, StackAsked};
use loadgen::record::{self, Record, Versions};
use loadgen::report::{self, TextOptions};
use loadgen::runner::{
    self, Assignment, Course, EventSink, Experiment, Gathering, Known, Launch, LeftWorkers,
    Operated, PlanSource, Recollection, RunError, Signals, Stored, Test, WorkerEngine,
};
use loadgen::search;
use loadgen::stack::{Project, StackSpec};
use loadgen::store::StorageError;
use loadgen::workers::{self, Job};

fn main() -> ExitCode {
    // The embedded stack's replicas and proxy are this program, started again.
    if let Some(code) = loadgen::stack::child_main() {
        return code;
    }
    let cli = cli::parse();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let code = match runtime {
        Ok(runtime) => runtime.block_on(dispatch(cli)),
        Err(error) => fail(
            &format!("no runtime: {error}"),
            "see `ulimit -a`",
            exit::INTERNAL,
        ),
    };
    ExitCode::from(code)
}

async fn dispatch(mut cli: Cli) -> u8 {
    match cli.command.take() {
        None => {
            let flags = cli::aimed(cli.run, cli.url.as_deref());
            let spec = flags.and_then(|flags| cli::spec(flags, cli.config.as_deref()));
            let spec = spec.and_then(cli::ready);
            let source = spec.map(|spec| PlanSource::Spec(Box::new(spec)));
            Box::pin(test(source, &cli.workers, cli.output)).await
        }
        Some(Command::Run(args)) => {
            let source = planned(&args.plan, args.run);
            Box::pin(test(source, &args.workers, args.output)).await
        }
        Some(Command::Plan(args)) => print_plan(*args),
        Some(Command::Judge(args)) => judge(&args),
        Some(Command::Search(args)) => Box::pin(search(*args)).await,
        Some(Command::Sweep(args)) => Box::pin(sweep(*args)).await,
        Some(Command::Scaling(args)) => Box::pin(scaling(*args)).await,
        Some(Command::Worker(args)) => Box::pin(worker(&args)).await,
        Some(Command::Collect(args)) => Box::pin(collect(*args)).await,
        Some(Command::Manifest(ManifestCommand::Kubernetes(args))) => {
            Box::pin(kubernetes(*args)).await
        }
        Some(Command::Schema { of }) => print(&schema(&of)),
        Some(Command::Completions { shell }) => print(&cli::completions(shell)),
        Some(Command::Man) => print(&cli::manual()),
        Some(Command::Report(args)) => redraw(&args),
        Some(Command::Compare(args)) => compare_runs(&args),
        Some(Command::Up(args)) => operate(Operation::Up, &args).await,
        Some(Command::Down(args)) => match &args.run {
            Some(run) => remove_workers(run).await,
            None => operate(Operation::Down, &args.stack).await,
        },
        Some(Command::Ps(args)) => operate(Operation::Ps, &args).await,
    }
}

/// The plan of a file or of a stored run. Flags win; without any, a stored plan is taken as it is.
fn planned(from: &Path, flags: RunArgs) -> Result<PlanSource, UsageError> {
    let said = cli::spec(flags, None)?;
    Ok(match begin_with(from)? {
        PlanSource::Plan(plan) if said == PlanSpec::default() && !plan.needs_files() => {
            PlanSource::Plan(plan)
        }
        PlanSource::Plan(plan) => {
            let mut spec = said.over(PlanSpec::from(&*plan));
            cli::attach(&mut spec, Path::new(""))?;
            let spec = cli::ready(spec)?;
            PlanSource::Spec(Box::new(spec))
        }
        PlanSource::Spec(file) => PlanSource::Spec(Box::new(cli::ready(said.over(*file))?)),
    })
}

/// What a path holds: a stored run where it is a folder or a record, else a plan file.
fn begin_with(from: &Path) -> Result<PlanSource, UsageError> {
    let is_record = from
        .extension()
        .is_some_and(|extension| extension == "json");
    if from.is_dir() || is_record {
        let plan = runner::plan_of(from);
        let plan = plan.map_err(|error| UsageError::new(error.to_string(), error.hint()))?;
        Ok(PlanSource::Plan(Box::new(plan)))
    } else {
        Ok(PlanSource::Spec(Box::new(cli::read_plan(from)?)))
    }
}

/// What flags ask for, over a plan file, a stored run, or what to load.
fn begun(args: PlanArgs) -> Result<PlanSpec, UsageError> {
    let (url, plan) = match args.plan {
        Some(plan) if plan.to_str().is_some_and(cli::is_url) => {
            (plan.to_str().map(str::to_owned), None)
        }
        plan => (None, plan),
    };
    let said = cli::spec(cli::aimed(args.run, url.as_deref())?, None)?;
    Ok(match plan.as_deref().map(begin_with).transpose()? {
        None => said,
        Some(PlanSource::Spec(file)) => said.over(*file),
        Some(PlanSource::Plan(plan)) => said.over(PlanSpec::from(&*plan)),
    })
}

fn print_plan(args: PlanArgs) -> u8 {
    let text = begun(args).and_then(|spec| cli::write_plan(cli::ready(spec)?.explicit()));
    match text {
        Ok(text) => print(&text),
        Err(error) => misused(&error),
    }
}

async fn test(
    source: Result<PlanSource, UsageError>,
    workers: &WorkersArgs,
    output: OutputArgs,
) -> u8 {
    let asked = source.and_then(|source| Ok((source, workers.asked()?)));
    let (source, asked) = match asked {
        Ok(asked) => asked,
        Err(error) => return misused(&error),
    };
    let launch = asked.map(|asked| Launch {
        workers: asked.workers,
        start_in: asked.start_in,
        allow_skew: asked.allow_skew,
        engine: match asked.swarm {
            Some((image, network)) => WorkerEngine::Swarm { image, network },
            None => WorkerEngine::Local,
        },
    });
    let (mode, shown) = (progress(&output), shown(&output));
    let test = Test {
        source,
        out: output.out,
        force: output.force,
        command: cli::command(),
        csv: output.csv,
        metrics: output.metrics_listen,
        launch,
    };
    let mut signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => return deaf(&error),
    };
    let promises = promises(&test.source);
    match Box::pin(runner::run(
        test,
        watcher(mode, shown, promises),
        &mut signals,
    ))
    .await
    {
        Ok(stored) => conclude(&stored, shown),
        Err(error) => ended(&error),
    }
}

/// Prints the objects of a load whose workers an Indexed Job starts, and what to type then.
async fn kubernetes(args: KubernetesArgs) -> u8 {
    let source = begun(args.plan.clone()).and_then(|mut spec| {
        cli::attach(&mut spec, Path::new(""))?;
        spec.threads.get_or_insert(args.threads());
        let (start, ahead) = args.start(SystemTime::now())?;
        let source = PlanSource::Spec(Box::new(cli::ready(spec)?));
        Ok((source, start, ahead, args.kept()?))
    });
    let (source, start, ahead, log_kept) = match source {
        Ok(source) => source,
        Err(error) => return misused(&error),
    };
    let (job, longest) = match runner::job_for(source, args.workers).await {
        Ok(job) => job,
        Err(error) => return ended(&error),
    };
    let manifest = || {
        let files = job.plan.files().into_iter().map(|(path, is_secret)| {
            let bytes = cli::shipped(&path)?;
            Ok(Shipped {
                path,
                bytes,
                is_secret,
            })
        });
        let begins = humantime::format_rfc3339_seconds(start).to_string();
        let run = match &args.run_id {
            Some(run) => name("--run-id", run)?,
            None => begins.replace(['-', ':'], ""),
        };
        let asked = manifest::Asked {
            files: files.collect::<Result<_, UsageError>>()?,
            job,
            workers: args.workers,
            image: args.image,
            namespace: args.namespace,
            name: args.name,
            run,
            start,
            deadline: ahead + longest,
            cpu: args.pod_cpu,
            memory: args.pod_memory,
            log_kept,
        };
        manifest::kubernetes(&asked)
            .map_err(|error| UsageError::new(error.to_string(), error.hint()))
    };
    match manifest() {
        Ok(manifest) => {
            cli::note(&manifest.steps);
            print_json(&manifest.text)
        }
        Err(error) => misused(&error),
    }
}

/// Sends one slice of a test.
async fn worker(args: &WorkerArgs) -> u8 {
    let assignment = match assignment(args) {
        Ok(assignment) => assignment,
        Err(error) => return misused(&error),
    };
    let mut signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => return deaf(&error),
    };
    match runner::work(assignment, &mut signals).await {
        Ok(()) => exit::PASSED,
        Err(error) => ended(&error),
    }
}

/// Merges lines of workers.
async fn collect(args: CollectArgs) -> u8 {
    let shown = shown(&args.output);
    let watcher = watcher(ProgressMode::Plain, Shown::Line, String::new());
    let collected = if let Some(run) = args.run {
        let mut signals = match Signals::listen() {
            Ok(signals) => signals,
            Err(error) => return deaf(&error),
        };
        let recollection = Recollection {
            run,
            out: args.output.out,
            force: args.output.force,
            command: cli::command(),
            csv: args.output.csv,
        };
        Box::pin(runner::recollect(recollection, watcher, &mut signals)).await
    } else {
        match gathering(args) {
            Ok(gathering) => Box::pin(runner::collect(gathering, watcher)).await,
            Err(error) => return misused(&error),
        }
    };
    match collected {
        Ok(stored) => conclude(&stored, shown),
        Err(error) => ended(&error),
    }
}

fn gathering(args: CollectArgs) -> Result<Gathering, UsageError> {
    let run = name("--run-id", &args.run_id.unwrap_or_default())?;
    let plan = args.plan.unwrap_or_default();
    let known = if plan.is_dir() {
        Known::Run(plan)
    } else {
        match job_of(&plan)? {
            Some(job) => Known::Job(Box::new(job)),
            None => Known::Plan(planned(&plan, RunArgs::default())?),
        }
    };
    Ok(Gathering {
        known,
        files: args.files,
        workers: args.workers.unwrap_or(1),
        run,
        out: args.output.out,
        force: args.output.force,
        command: cli::command(),
        csv: args.output.csv,
    })
}

/// The name of a run or a task, as it stands in frames.
fn name(flag: &str, text: &str) -> Result<String, UsageError> {
    workers::token(text).ok_or_else(|| {
        let message = format!("{flag} `{text}` is no name");
        UsageError::new(message, "use letters, digits, `-`, `_` and `.`, at most 96")
    })
}

fn assignment(args: &WorkerArgs) -> Result<Assignment, UsageError> {
    let identity = args.identity()?;
    let run = name("--run-id", &args.run_id)?;
    let task = name(identity.task_said_by, &identity.task)?;
    let start = args.start()?;
    let job = if args.plan == Path::new("-") {
        Some(job()?)
    } else {
        job_of(&args.plan)?
    };
    let (source, topology) = match job {
        Some(job) => (given(&job)?, Some(job.topology)),
        None => (planned(&args.plan, RunArgs::default())?, None),
    };
    let source = match &args.password_file {
        Some(file) => with_password(source, file)?,
        None => source,
    };
    Ok(Assignment {
        source,
        topology,
        run,
        index: identity.index,
        of: args.of,
        task,
        node: identity.node,
        start,
        linger: args.lingers()?,
        until_input_ends: args.until_input_ends,
    })
}

/// The first line of standard input, where another loadgen says what is to be done.
fn job() -> Result<Job, UsageError> {
    const HINT: &str = "`-` is for a worker that another loadgen starts; give a plan file";
    let mut line = Vec::new();
    let mut input = std::io::stdin().lock().take(Limit::JOB.bytes);
    let read = input.read_until(b'\n', &mut line);
    read.map_err(|error| UsageError::new(format!("standard input cannot be read: {error}"), HINT))?;
    Job::read(&line)
        .map_err(|error| UsageError::new(format!("standard input holds no job: {error}"), HINT))
}

/// The job that a file holds; `None` where it is a plan file or a run.
fn job_of(file: &Path) -> Result<Option<Job>, UsageError> {
    let Some(json) = cli::json_of(file) else {
        return Ok(None);
    };
    match Job::read(&json) {
        Ok(job) => Ok(Some(job)),
        // The record of a run is JSON too.
        Err(_)
            if file
                .extension()
                .is_some_and(|extension| extension == "json") =>
        {
            Ok(None)
        }
        Err(error) => Err(UsageError::new(
            format!("{} holds no job: {error}", file.display()),
            "give a plan file, a run, or a job as another loadgen wrote it",
        )),
    }
}

/// The same load, by a user whose password is in a file.
fn with_password(source: PlanSource, file: &Path) -> Result<PlanSource, UsageError> {
    let mut spec = match source {
        PlanSource::Spec(spec) => *spec,
        PlanSource::Plan(plan) => {
            let mut spec = PlanSpec::from(&*plan);
            cli::attach(&mut spec, Path::new(""))?;
            spec
        }
    };
    cli::take_password(&mut spec, file)?;
    Ok(PlanSource::Spec(Box::new(cli::ready(spec)?)))
}

/// A job's plan, with the files that it names and the password that it does not tell.
fn given(job: &Job) -> Result<PlanSource, UsageError> {
    if !job.plan.needs_files() && job.password.is_none() {
        return Ok(PlanSource::Plan(Box::new(job.plan.clone())));
    }
    let mut spec = PlanSpec::from(&job.plan);
    let user = job.plan.user.as_ref();
    spec.user = user.map(|user| User::new(user.name().to_owned(), job.password.clone()));
    cli::attach(&mut spec, Path::new(""))?;
    Ok(PlanSource::Spec(Box::new(cli::ready(spec)?)))
}

fn schema(of: &str) -> String {
    match of {
        "search.json" => report::json(&search::search_schema()),
        "scaling.json" => report::json(&search::scaling_schema()),
        _ => record::schema(),
    }
}

async fn search(args: SearchArgs) -> u8 {
    let bounds = args.search.bounds();
    let asked = args.search.asked(args.run);
    let search = match experiment(asked, Course::Search(bounds), &args.output) {
        Ok(experiment) => experiment,
        Err(error) => return misused(&error),
    };
    Box::pin(find(search, args.at_least, &args.output)).await
}

async fn sweep(args: SweepArgs) -> u8 {
    let course = Course::Sweep(args.rates.clone());
    match experiment(args.asked(), course, &args.output) {
        Ok(sweep) => Box::pin(find(sweep, None, &args.output)).await,
        Err(error) => misused(&error),
    }
}

/// Measures rates, and prints what was found.
async fn find(experiment: Experiment, at_least: Option<f64>, output: &OutputArgs) -> u8 {
    let mut signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => return deaf(&error),
    };
    let watcher = watcher(progress(output), shown(output), String::new());
    match runner::search(experiment, watcher, &mut signals).await {
        Ok(found) => {
            let options = text_options(Some(&found.folder));
            let printed = match output.format {
                Format::Json => print_json(&report::json(&found.result)),
                Format::Text => print(&report::render_search_text(&found.result, &options)),
            };
            weighed(printed, found.result.exit_code(at_least))
        }
        Err(error) => ended(&error),
    }
}

async fn scaling(args: ScalingArgs) -> u8 {
    let bounds = args.search.bounds();
    let (asked, counts) = match args.asked() {
        Ok((asked, counts)) => (Ok(asked), counts),
        Err(error) => return misused(&error),
    };
    let scaling = match experiment(asked, Course::Search(bounds), &args.output) {
        Ok(scaling) => scaling,
        Err(error) => return misused(&error),
    };
    let mut signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => return deaf(&error),
    };
    let format = args.output.format;
    let watcher = watcher(progress(&args.output), shown(&args.output), String::new());
    match Box::pin(runner::scaling(
        scaling,
        &counts,
        args.want,
        watcher,
        &mut signals,
    ))
    .await
    {
        Ok(found) => {
            let options = text_options(Some(&found.folder));
            let printed = match format {
                Format::Json => print_json(&report::json(&found.result)),
                Format::Text => print(&report::render_scaling_text(&found.result, &options)),
            };
            weighed(printed, found.result.exit_code())
        }
        Err(error) => ended(&error),
    }
}

fn experiment(
    asked: Result<ExperimentAsked, UsageError>,
    course: Course,
    output: &OutputArgs,
) -> Result<Experiment, UsageError> {
    let asked = asked?;
    Ok(Experiment {
        spec: asked.spec,
        out: output.out.clone(),
        command: cli::command(),
        step: asked.step,
        confirm: asked.confirm,
        course,
        csv: output.csv,
        metrics: output.metrics_listen.clone(),
    })
}

const fn progress(output: &OutputArgs) -> ProgressMode {
    if output.quiet {
        ProgressMode::None
    } else {
        output.progress
    }
}

/// The exit code, where it could be told.
const fn weighed(printed: u8, code: u8) -> u8 {
    if printed == exit::PASSED {
        code
    } else {
        printed
    }
}

fn ended(error: &RunError) -> u8 {
    match error {
        RunError::Interrupted => fail(&error.to_string(), "", exit::INTERRUPTED),
        _ => fail(&error.to_string(), &error.hint(), error.exit_code()),
    }
}

/// What a run prints on standard output.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    Summary,
    Line,
    Record,
}

impl Shown {
    const fn of(format: Format) -> Self {
        match format {
            Format::Json => Self::Record,
            Format::Text => Self::Summary,
        }
    }
}

/// What a test prints by its flags.
fn shown(output: &OutputArgs) -> Shown {
    match Shown::of(output.format) {
        Shown::Summary if output.quiet => Shown::Line,
        shown => shown,
    }
}

/// What of a log is sent again, where one is, and what the run is held to, in words.
fn promises(source: &PlanSource) -> String {
    let (replay, fail_if, require) = match source {
        PlanSource::Spec(spec) => (spec.replay(), &spec.fail_if, &spec.require),
        PlanSource::Plan(plan) => (plan.replay.clone(), &plan.thresholds, &plan.require),
    };
    let replay = replay.map(|replay| replay.in_words() + "\n");
    let fail_if = fail_if.iter().map(|one| one.in_words(Sense::FailIf));
    let require = require.iter().map(|one| one.in_words(Sense::Require));
    let held_to = fail_if.chain(require).map(|line| line + "\n");
    replay.into_iter().chain(held_to).collect()
}

/// Shows what happens. The first line of output says which stack was taken, whatever is shown while
/// the load goes on; the next ones what the thresholds mean.
fn watcher(mode: ProgressMode, shown: Shown, promises: String) -> EventSink {
    let mut view = Some(View::new(mode));
    Box::new(move |event: RunEvent<'_>| match event {
        RunEvent::Stack(why) if shown == Shown::Summary => {
            let _ = print(&format!("{}\n{promises}", plain(why)));
        }
        // An experiment has several loads, each with a picture of its own.
        RunEvent::Done => {
            if let Some(mut view) = view.take() {
                view.show(RunEvent::Done);
            }
        }
        other => view.get_or_insert_with(|| View::new(mode)).show(other),
    })
}

/// Judges runs again. The exit code is that of the worst of them.
fn judge(args: &JudgeArgs) -> u8 {
    let thresholds = || {
        let fail_if = cli::thresholds("--fail-if", &args.fail_if)?;
        let require = cli::thresholds("--require", &args.require)?;
        let given = !(fail_if.is_empty() && require.is_empty());
        Ok(given.then_some((fail_if, require)))
    };
    let thresholds = match thresholds() {
        Ok(thresholds) => thresholds,
        Err(error) => return misused(&error),
    };
    let versions = Versions::forced(args.force);
    let mut codes = Vec::new();
    for run in &args.runs {
        let record = match runner::judge(run, thresholds.clone(), versions) {
            Ok(record) => record,
            Err(error) => return unreadable(&error),
        };
        // Its folder holds what the run itself came to, by its own thresholds.
        codes.push(print_record(&record, None, Shown::of(args.format)));
    }
    let weight = |code: &u8| exit::BY_WEIGHT.iter().position(|known| known == code);
    codes.into_iter().max_by_key(weight).unwrap_or(exit::PASSED)
}

/// Prints a run and tells its exit code.
fn conclude(stored: &Stored, shown: Shown) -> u8 {
    let code = print_record(&stored.record, Some(&stored.folder), shown);
    match &stored.unwritten {
        Some(error) => fail(&error.to_string(), &error.hint(), exit::INTERNAL),
        None => code,
    }
}

/// Prints a record, and tells the exit code of its verdict.
fn print_record(record: &Record, folder: Option<&Path>, shown: Shown) -> u8 {
    let printed = match shown {
        Shown::Record => print_json(&record::to_json(record)),
        Shown::Summary => print(&report::render_text(record, &text_options(folder))),
        Shown::Line => print(&(report::render_line(record) + "\n")),
    };
    match printed {
        exit::PASSED => record.verdict.exit_code,
        unprinted => unprinted,
    }
}

fn text_options(folder: Option<&Path>) -> TextOptions {
    TextOptions {
        color: cli::colored(&std::io::stdout()),
        width: cli::columns(&std::io::stdout()).unwrap_or(TextOptions::default().width),
        folder: folder.map(|folder| folder.display().to_string()),
    }
}

/// What is done with a stack when no test is run.
#[derive(Clone, Copy)]
enum Operation {
    Up,
    Down,
    Ps,
}

async fn operate(operation: Operation, args: &StackArgs) -> u8 {
    let choice = match args.stack {
        StackAsked::Auto => StackChoice::Auto,
        StackAsked::Kind(StackKind::Embedded) => StackChoice::Embedded,
        StackAsked::Kind(StackKind::Compose) => StackChoice::Compose,
        StackAsked::Kind(StackKind::External) => {
            return fail(
                "an external stack is not loadgen's to bring up or down",
                "give --stack compose or --stack embedded",
                exit::USAGE,
            );
        }
    };
    let output: fn(&str) = cli::note;
    let spec = StackSpec {
        replicas: args.replicas,
        output: Some(output),
        project: Project::here(),
        ..StackSpec::new(choice)
    };
    let result = match operation {
        Operation::Ps => runner::ps(&spec).await.map(|statuses| listed(&statuses)),
        Operation::Down => {
            let taken = runner::down(&spec).await.map(told);
            let _ = print(&left(&runner::left_workers().await));
            taken
        }
        Operation::Up => match Signals::listen() {
            Ok(mut signals) => {
                let tell = |statuses: &[ReplicaStatus], target: &str| {
                    let _ = print(&up_text(statuses, target));
                };
                runner::up(&spec, tell, &mut signals).await.map(told)
            }
            Err(error) => return deaf(&error),
        },
    };
    result.unwrap_or_else(|error| fail(&error.to_string(), &error.hint(), error.exit_code()))
}

/// The replicas of a stack. Where there is none, that is said, and nothing is listed.
fn listed(statuses: &[ReplicaStatus]) -> u8 {
    if statuses.is_empty() {
        cli::note("no stack of this project is up; `loadgen up` brings one up");
        return exit::PASSED;
    }
    print(&cli::table(&rows(statuses)))
}

fn told(operated: Operated) -> u8 {
    match operated {
        Operated::Up(statuses, target) => print(&up_text(&statuses, &target)),
        Operated::Down(project) => print(&format!("{project} is down\n")),
        Operated::NothingUp => print("nothing was up; an embedded stack ends with its run\n"),
        Operated::WasUp => 0,
    }
}

/// Removes the workers of a run from their Swarm.
async fn remove_workers(run: &str) -> u8 {
    match runner::remove_workers(run).await {
        Ok(workers) => print(&format!("{workers} workers of run {run} are removed\n")),
        Err(error) => ended(&error),
    }
}

/// Says which runs' workers a Swarm has, where nothing else is to be taken down.
fn left(workers: &[LeftWorkers]) -> String {
    let lines = workers.iter().map(|one| {
        let until = match one.left {
            Some(left) => format!("may send for another {}", humantime::format_duration(left)),
            None => "have ended".to_owned(),
        };
        format!(
            "{} workers of run {} {until}; `loadgen down --run {}` removes them\n",
            one.workers, one.run, one.run
        )
    });
    lines.collect()
}

fn up_text(statuses: &[ReplicaStatus], target: &str) -> String {
    format!("{target} is up\n{}", cli::table(&rows(statuses)))
}

/// The replicas as rows for [`cli::table`], the first of them their titles.
fn rows(statuses: &[ReplicaStatus]) -> Vec<[String; 6]> {
    let titles = ["GROUP", "REPLICA", "STATE", "HEALTH", "RESTARTS", "METRICS"].map(str::to_owned);
    let row = |status: &ReplicaStatus| {
        [
            status.group.clone(),
            status.id.to_string(),
            status.state.to_string(),
            status.health.clone().unwrap_or_else(|| "-".into()),
            status.restarts.to_string(),
            status.metrics_url.clone().unwrap_or_else(|| "-".into()),
        ]
    };
    std::iter::once(titles)
        .chain(statuses.iter().map(row))
        .collect()
}

fn compare_runs(args: &CompareArgs) -> u8 {
    let max_regression = match cli::share("--max-regression", &args.max_regression) {
        Ok(share) => share,
        Err(error) => return misused(&error),
    };
    let read = |path| runner::read_records(path, Versions::forced(args.force));
    let (base, candidate) = match (read(&args.base), read(&args.candidate)) {
        (Ok(base), Ok(candidate)) => (base, candidate),
        (Err(error), _) | (_, Err(error)) => return unreadable(&error),
    };
    let options = CompareOptions {
        max_regression,
        ..CompareOptions::default()
    };
    let comparison = match compare::compare(&base, &candidate, &options) {
        Ok(comparison) => comparison,
        Err(error) => return fail(&error.to_string(), &error.hint(), error.exit_code()),
    };
    let printed = match args.format {
        CompareFormat::Text => {
            let options = TextOptions {
                color: cli::colored(&std::io::stdout()),
                ..TextOptions::default()
            };
            print(&report::render_comparison_text(&comparison, &options))
        }
        CompareFormat::Json => print_json(&report::render_comparison_json(&comparison)),
        CompareFormat::Markdown => print(&report::render_comparison_markdown(&comparison)),
        CompareFormat::Html => print(&report::render_comparison_html(&comparison)),
    };
    if printed == exit::PASSED {
        comparison.exit_code()
    } else {
        printed
    }
}

fn redraw(args: &ReportArgs) -> u8 {
    for run in &args.runs {
        match runner::redraw(run, Versions::forced(args.force)) {
            Ok(page) => {
                let _ = print(&format!("{}\n", page.display()));
            }
            Err(error) => return unreadable(&error),
        }
    }
    0
}

/// Writes to standard output.
fn print(text: &str) -> u8 {
    told_to(cli::tell(text))
}

/// Writes JSON to standard output.
fn print_json(text: &str) -> u8 {
    told_to(cli::tell_json(text))
}

/// A reader that has gone (`| head`) is no error.
fn told_to(written: std::io::Result<()>) -> u8 {
    match written {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => fail(
            &format!("standard output cannot be written: {error}"),
            "",
            exit::INTERNAL,
        ),
        _ => 0,
    }
}

fn misused(error: &UsageError) -> u8 {
    fail(&error.to_string(), error.hint(), exit::USAGE)
}

fn unreadable(error: &StorageError) -> u8 {
    fail(&error.to_string(), &error.hint(), exit::USAGE)
}

fn deaf(error: &std::io::Error) -> u8 {
    fail(
        &format!("signals cannot be heard: {error}"),
        "",
        exit::INTERNAL,
    )
}

fn fail(message: &str, hint: &str, code: u8) -> u8 {
    cli::say_error(message, hint);
    code
}
