//! The flags of a load that several workers send, and of one of them.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use clap::Args;
use clap::builder::PossibleValuesParser;

use super::UsageError;
use super::args::OutputArgs;
use super::resolve::{instant, span};

/// How long workers have to get ready, where nobody says.
const START_IN: Duration = Duration::from_secs(5);
/// How long where a Swarm starts them: a container takes a second, an image that is unpacked some more.
const START_IN_SWARM: Duration = Duration::from_secs(10);
/// The least: they have to be ready a second before the start.
const LEAST_START_IN: Duration = Duration::from_secs(2);

/// Who sends the load.
#[derive(Clone, Debug, Default, Args)]
pub struct WorkersArgs {
    /// Send the load by so many processes of loadgen, each its slice of the one schedule
    #[arg(long, value_name = "N", help_heading = "Workers",
          value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub workers: Option<u32>,
    /// What starts them: processes on this machine, or the Docker Swarm of the usual engine [default: local]
    #[arg(long, value_name = "ENGINE", requires = "workers", help_heading = "Workers",
          value_parser = PossibleValuesParser::new(["local", "swarm"]))]
    pub engine: Option<String>,
    /// How long they have to get ready before the load begins [default: 5s, 10s by swarm]
    #[arg(long, value_name = "D", requires = "workers", help_heading = "Workers")]
    pub start_in: Option<String>,
    /// Begin although the clocks of the workers' machines differ by more than 100 ms
    #[arg(long, requires = "workers", help_heading = "Workers")]
    pub allow_skew: bool,
    /// The image of the workers, on every machine of the Swarm [default: loadgen]
    #[arg(
        long,
        value_name = "IMAGE",
        requires = "workers",
        help_heading = "Workers"
    )]
    pub worker_image: Option<String>,
    /// The network that they are in, one of the Swarm's [default: host, that of their machine]
    #[arg(
        long,
        value_name = "NAME",
        requires = "workers",
        help_heading = "Workers"
    )]
    pub worker_network: Option<String>,
}

/// The load that workers send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkersAsked {
    pub workers: u32,
    /// How long they have to get ready.
    pub start_in: Duration,
    pub allow_skew: bool,
    /// The image and the network of workers that a Swarm starts.
    pub swarm: Option<(String, String)>,
}

impl WorkersArgs {
    /// The workers that are wanted; `None` where this process is to send the load.
    pub fn asked(&self) -> Result<Option<WorkersAsked>, UsageError> {
        let is_swarm = self.engine.as_deref() == Some("swarm");
        for (flag, value) in [
            ("--worker-image", &self.worker_image),
            ("--worker-network", &self.worker_network),
        ] {
            if let Some(value) = value.as_ref().filter(|_| !is_swarm) {
                return Err(UsageError::new(
                    format!(
                        "{flag} `{value}`: workers that are processes on this machine have none"
                    ),
                    "give --engine swarm, or leave it out",
                ));
            }
        }
        let usual = if is_swarm { START_IN_SWARM } else { START_IN };
        let start_in = span("--start-in", self.start_in.as_deref())?.unwrap_or(usual);
        if start_in < LEAST_START_IN {
            return Err(UsageError::new(
                "--start-in is less than 2s, and workers have to be ready a second before the start",
                "give them at least 2s; 5s is the default, and 10s by --engine swarm",
            ));
        }
        let or = |value: &Option<String>, usual: &str| value.clone().unwrap_or(usual.into());
        let swarm = is_swarm.then(|| {
            (
                or(&self.worker_image, "loadgen"),
                or(&self.worker_network, "host"),
            )
        });
        Ok(self.workers.map(|workers| WorkersAsked {
            workers,
            start_in,
            allow_skew: self.allow_skew,
            swarm,
        }))
    }
}

/// One worker.
#[derive(Clone, Debug, Args)]
pub struct WorkerArgs {
    /// A plan file that names a target, a stored run, or a job as another loadgen wrote it; `-` is such
    /// a job on standard input
    #[arg(value_name = "PLAN.toml|RUN|JOB|-")]
    pub plan: PathBuf,
    /// Its number, from 0 [default: what the environment says: `JOB_COMPLETION_INDEX`, else
    /// `LOADGEN_SLOT` with `LOADGEN_NODE_ID`]
    #[arg(long, value_name = "N")]
    pub index: Option<u32>,
    /// How many workers there are
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub of: u32,
    /// The run's name, the same for all of them: letters, digits, `-`, `_` and `.`
    #[arg(long, value_name = "ID")]
    pub run_id: String,
    /// When the load begins, UTC; a worker that is not ready 500 ms before sends nothing
    #[arg(long, value_name = "2026-01-31T23:59:59Z")]
    pub start_at: String,
    /// Which attempt at being this worker it is, where it may be started again [default:
    /// `LOADGEN_TASK`, else 0]
    #[arg(long, value_name = "ID")]
    pub task: Option<String>,
    /// What its machine is called [default: `LOADGEN_NODE`, else what the machine calls itself]
    #[arg(long, value_name = "NAME")]
    pub node: Option<String>,
    /// A file whose first line is the password of the plan's user
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// Stay so long after the last line, or until it is told to end: an engine keeps what is left of a task
    /// that has ended by itself
    #[arg(long, value_name = "D")]
    pub linger: Option<String>,
    /// Stop when standard input ends: whoever started it is then gone
    #[arg(long)]
    pub until_input_ends: bool,
}

/// Lines of workers that are to be merged.
#[derive(Clone, Debug, Args)]
pub struct CollectArgs {
    /// The plan that the workers had: a plan file that names a target, the job that they were given, or
    /// the run that its launcher stored, also where that was lost
    #[arg(value_name = "PLAN.toml|JOB|RUN", required_unless_present = "run")]
    pub plan: Option<PathBuf>,
    /// Files with the workers' lines, one after another or mixed; `-` is standard input
    #[arg(value_name = "FILE|-", required_unless_present = "run")]
    pub files: Vec<PathBuf>,
    /// How many workers there were
    #[arg(long, value_name = "N", required_unless_present = "run",
          value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub workers: Option<u32>,
    /// The run's name, as the workers were given it
    #[arg(long, value_name = "ID", required_unless_present = "run")]
    pub run_id: Option<String>,
    /// In place of all that: a run whose workers the Docker Swarm still has, by the name of its folder
    #[arg(long, value_name = "ID", conflicts_with_all = ["plan", "files", "workers", "run_id"])]
    pub run: Option<String>,
    #[command(flatten)]
    pub output: OutputArgs,
}

impl WorkerArgs {
    /// How long it stays after its last line.
    pub fn lingers(&self) -> Result<Duration, UsageError> {
        Ok(span("--linger", self.linger.as_deref())?.unwrap_or_default())
    }

    /// When the load begins.
    pub fn start(&self) -> Result<SystemTime, UsageError> {
        instant("--start-at", &self.start_at)
    }
}
