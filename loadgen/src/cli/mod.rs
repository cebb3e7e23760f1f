//! What people type: flags, help, completions; and from flags to a validated plan.
//!
//! **Invariant:** the only room that knows `clap`. It does no work: it says what is to be done.

mod args;
mod attach;
mod color;
mod config;
mod environment;
mod error;
mod experiment;
mod manifest;
mod manual;
mod printed;
mod resolve;
mod secret;
mod table;
mod url;
mod user;
mod view;
mod workers;

pub use args::{
    Cli, Command, CompareArgs, CompareFormat, DownArgs, Format, JudgeArgs, OutputArgs, PlanArgs,
    PlannedArgs, ProgressMode, ReportArgs, RunArgs, StackArgs,
};
pub use attach::attach;
pub use color::{ColorWhen, colored};
pub use config::{read as read_plan, write as write_plan};
pub use environment::Identity;
pub use error::UsageError;
pub use experiment::{ExperimentAsked, ScalingArgs, SearchArgs, SweepArgs};
pub use manifest::{KubernetesArgs, ManifestCommand, shipped};
pub use manual::manual;
pub use printed::{note, say_error, tell, tell_json};
pub use resolve::{ready, share, spec, thresholds};
pub use secret::{json_of, take_password};
pub use table::table;
pub use url::{aimed, is_url};
pub use user::command;
pub use view::{View, columns};
pub use workers::{CollectArgs, WorkerArgs, WorkersArgs};

use clap::{CommandFactory as _, Parser as _};

use crate::model::{no_command, plain};

/// Reads the command line; prints help, or what is wrong with it, and exits where it is not a
/// command to run.
#[must_use]
pub fn parse() -> Cli {
    let cli = Cli::try_parse().unwrap_or_else(|error| refuse(&error));
    color::decide(cli.color);
    cli
}

/// Says what is wrong with the command line, or prints its help, and ends the process.
fn refuse(error: &clap::Error) -> ! {
    let mut words = std::env::args_os();
    let harmless = |word: std::ffi::OsString| {
        let word = word.to_string_lossy();
        plain(&word) == *word && no_command(&word) == *word
    };
    if words.all(harmless) {
        error.exit();
    }
    // Without colours, for what is quoted may have some of its own.
    note(error.render().to_string().trim_end());
    std::process::exit(error.exit_code())
}

/// A completion script for a shell.
#[must_use]
pub fn completions(shell: clap_complete::Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "loadgen", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}
