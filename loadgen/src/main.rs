//! The thin binary: from a command line to an exit code.

use std::process::ExitCode;

use loadgen::cli::{
    self, Cli, Command, CompareArgs, CompareFormat, Format, Invocation, ProgressMode, StackArgs,
    StackKindArg, View,
};
use loadgen::model::Notice;
use loadgen::report::{self, CompareOptions, TextOptions};
use loadgen::runner::{self, Operated, RunError, Signals, Stored, Test};
use loadgen::stack::{Choice, EmbeddedOptions, Life, Project, Wanted};

/// Exit code of an error of our own.
const INTERNAL: u8 = 1;
/// Exit code of a mistake in what was typed.
const USAGE: u8 = 2;

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
        Err(error) => fail(&format!("no runtime: {error}"), "see `ulimit -a`", INTERNAL),
    };
    ExitCode::from(code)
}

async fn dispatch(mut cli: Cli) -> u8 {
    match cli.command.take() {
        None => match cli::invocation(cli) {
            Ok(invocation) => test(invocation).await,
            Err(error) => fail(&error.to_string(), error.hint(), USAGE),
        },
        Some(Command::Schema) => print(&report::schema()),
        Some(Command::Completions { shell }) => print(&cli::completions(shell)),
        Some(Command::Man) => print(&cli::manual()),
        Some(Command::Report(args)) => redraw(&args.runs),
        Some(Command::Compare(args)) => compare(&args),
        Some(Command::Up(args)) => operate(Operation::Up, &args).await,
        Some(Command::Down(args)) => operate(Operation::Down, &args).await,
        Some(Command::Ps(args)) => operate(Operation::Ps, &args).await,
    }
}

async fn test(invocation: Invocation) -> u8 {
    let Invocation {
        plan,
        load,
        experiment,
        output,
    } = invocation;
    let mut embedded = EmbeddedOptions {
        replica_args: experiment.replica_args,
        ..EmbeddedOptions::default()
    };
    if let Some(policy) = experiment.policy {
        match policy.parse() {
            Ok(rotation) => embedded.rotation = rotation,
            Err(error) => return fail(&error.to_string(), "", USAGE),
        }
    }
    let test = Test {
        plan,
        load,
        embedded,
        out: output.out,
        command: std::env::args().collect(),
        csv: output.csv,
        metrics: output.metrics_listen,
    };
    let mode = if output.quiet {
        ProgressMode::None
    } else {
        output.progress
    };
    let mut view = View::new(mode);
    let mut signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => return fail(&format!("signals cannot be heard: {error}"), "", INTERNAL),
    };
    let text = output.format == Format::Text;
    let tell = move |notice: Notice<'_>| match notice {
        // The first line of output, whatever is shown while the load goes on.
        Notice::Stack(why) if text => {
            let _ = print(&format!("{why}\n"));
        }
        other => view.show(other),
    };
    match runner::run(test, Box::new(tell), &mut signals).await {
        Ok(stored) => conclude(&stored, output.format),
        Err(RunError::Interrupted) => fail("interrupted before the load began", "", 130),
        Err(error) => fail(&error.to_string(), &error.hint(), error.exit_code()),
    }
}

/// Prints a run and tells its exit code.
fn conclude(stored: &Stored, format: Format) -> u8 {
    let text = match format {
        Format::Json => report::to_json(&stored.record),
        Format::Text => report::render_text(&stored.record, &text_options(&stored.folder)),
    };
    let printed = print(&text);
    if let Some(error) = &stored.unwritten {
        return fail(&error.to_string(), &error.hint(), INTERNAL);
    }
    if printed == 0 {
        stored.record.verdict.exit_code
    } else {
        printed
    }
}

fn text_options(folder: &std::path::Path) -> TextOptions {
    TextOptions {
        color: cli::colored(&std::io::stdout()),
        width: cli::columns(&std::io::stdout()).unwrap_or(TextOptions::default().width),
        folder: Some(folder.display().to_string()),
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
        StackKindArg::Embedded => Choice::Embedded,
        StackKindArg::Auto => Choice::Auto,
        StackKindArg::Compose => Choice::Compose,
        StackKindArg::External => {
            return fail(
                "an external stack is not loadgen's to bring up or down",
                "give --stack compose or --stack embedded",
                USAGE,
            );
        }
    };
    let output: fn(&str) = |line| eprintln!("{line}");
    let wanted = Wanted {
        replicas: args.replicas,
        output: Some(output),
        project: Project::here(),
        ..Wanted::new(choice)
    };
    let result = match operation {
        Operation::Ps => runner::ps(&wanted)
            .await
            .map(|lives| print(&cli::table(&rows(&lives)))),
        Operation::Down => runner::down(&wanted).await.map(told),
        Operation::Up => match Signals::listen() {
            Ok(mut signals) => {
                let tell = |lives: &[Life], target: &str| {
                    let _ = print(&up_text(lives, target));
                };
                runner::up(&wanted, tell, &mut signals).await.map(told)
            }
            Err(error) => return fail(&format!("signals cannot be heard: {error}"), "", INTERNAL),
        },
    };
    result.unwrap_or_else(|error| fail(&error.to_string(), &error.hint(), error.exit_code()))
}

fn told(operated: Operated) -> u8 {
    match operated {
        Operated::Up(lives, target) => print(&up_text(&lives, &target)),
        Operated::Down(project) => print(&format!("{project} is down\n")),
        Operated::NothingUp => print("nothing was up; an embedded stack ends with its run\n"),
        Operated::WasUp => 0,
    }
}

fn up_text(lives: &[Life], target: &str) -> String {
    format!("{target} is up\n{}", cli::table(&rows(lives)))
}

/// The replicas as rows for [`cli::table`], the first of them their titles.
fn rows(lives: &[Life]) -> Vec<[String; 6]> {
    let titles = ["GROUP", "REPLICA", "STATE", "HEALTH", "RESTARTS", "METRICS"].map(str::to_owned);
    let row = |life: &Life| {
        [
            life.group.clone(),
            life.id.to_string(),
            life.state.to_string(),
            life.health.clone().unwrap_or_else(|| "-".into()),
            life.restarts.to_string(),
            life.metrics_url.clone().unwrap_or_else(|| "-".into()),
        ]
    };
    std::iter::once(titles)
        .chain(lives.iter().map(row))
        .collect()
}

fn compare(args: &CompareArgs) -> u8 {
    let max_regression = match cli::share("--max-regression", &args.max_regression) {
        Ok(share) => share,
        Err(error) => return fail(&error.to_string(), error.hint(), USAGE),
    };
    let read = |path| runner::read_records(path);
    let (base, candidate) = match (read(&args.base), read(&args.candidate)) {
        (Ok(base), Ok(candidate)) => (base, candidate),
        (Err(error), _) | (_, Err(error)) => return fail(&error.to_string(), &error.hint(), USAGE),
    };
    let options = CompareOptions {
        max_regression,
        ..CompareOptions::default()
    };
    let comparison = match report::compare(&base, &candidate, &options) {
        Ok(comparison) => comparison,
        Err(error) => return fail(&error.to_string(), &error.hint(), error.exit_code()),
    };
    let printed = print(&match args.format {
        CompareFormat::Text => {
            let options = TextOptions {
                color: cli::colored(&std::io::stdout()),
                ..TextOptions::default()
            };
            report::render_comparison_text(&comparison, &options)
        }
        CompareFormat::Json => report::render_comparison_json(&comparison),
        CompareFormat::Markdown => report::render_comparison_markdown(&comparison),
        CompareFormat::Html => report::render_comparison_html(&comparison),
    });
    if printed == 0 {
        comparison.exit_code()
    } else {
        printed
    }
}

fn redraw(runs: &[std::path::PathBuf]) -> u8 {
    for run in runs {
        match runner::redraw(run) {
            Ok(page) => {
                let _ = print(&format!("{}\n", page.display()));
            }
            Err(error) => return fail(&error.to_string(), &error.hint(), USAGE),
        }
    }
    0
}

/// Writes to standard output. A reader that has gone (`| head`) is no error.
fn print(text: &str) -> u8 {
    use std::io::Write as _;
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => fail(
            &format!("standard output cannot be written: {error}"),
            "",
            INTERNAL,
        ),
        _ => 0,
    }
}

fn fail(message: &str, hint: &str, code: u8) -> u8 {
    cli::say_error(message, hint);
    code
}
