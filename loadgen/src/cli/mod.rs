//! What people type: flags, help, completions; and from flags to a validated plan.
//!
//! **Invariant:** the only room that knows `clap`. It does no work: it says what is to be done.

mod args;
mod attach;
mod color;
mod config;
mod error;
mod experiment;
mod manual;
mod resolve;
mod table;
mod url;
mod user;
mod view;

pub use args::{
    Cli, Command, CompareArgs, CompareFormat, Format, JudgeArgs, OutputArgs, PlanArgs, PlannedArgs,
    ProgressMode, ReportArgs, RunArgs, StackArgs,
};
pub use attach::attach;
pub use color::{ColorWhen, colored};
pub use config::{read as read_plan, write as write_plan};
pub use error::UsageError;
pub use experiment::{ExperimentAsked, ScalingArgs, SearchArgs, SweepArgs};
pub use manual::manual;
pub use resolve::{ready, share, spec, thresholds};
pub use table::table;
pub use url::{aimed, is_url};
pub use user::command;
pub use view::{View, columns, say_error};

use clap::{CommandFactory as _, Parser as _};

/// Reads the command line; prints help, or what is wrong with it, and exits where it is not a
/// command to run.
#[must_use]
pub fn parse() -> Cli {
    let cli = Cli::parse();
    color::decide(cli.color);
    cli
}

/// A completion script for a shell.
#[must_use]
pub fn completions(shell: clap_complete::Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "loadgen", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}
