//! The flags, as `docs/` and `--help` know them.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use serde::Deserialize;

use super::color::ColorWhen;

const ABOUT: &str = "Load testing that can be believed: open-loop load through a proxy, latency as \
users feel it, the balance of the replicas, and client, proxy and replicas' counts that must agree.";

const AFTER_HELP: &str = "\
Examples:
  loadgen --host app-group-1 --rps 500
  loadgen --host app-group-1 --host app-group-2=200 --duration 30s
  loadgen --rps 500 --fail-if 'p99>50ms' --fail-if 'error_rate>0.1%'
  loadgen --closed --connections 64
  loadgen --target http://127.0.0.1:8080 --replica shop=http://127.0.0.1:9101/metrics

Exit codes:
    0  all checks passed
    1  internal error
    2  usage: a flag, a plan or a file that cannot be
    3  the stack or the target could not be reached
    4  the measurement cannot be trusted: invalid or incomplete (wins over 99)
   99  a check or a threshold failed
  130  interrupted; what was measured is stored";

/// The command line.
#[derive(Debug, Parser)]
#[command(name = "loadgen", version, about = ABOUT, after_help = AFTER_HELP, args_conflicts_with_subcommands = true, args_override_self = true)]
pub struct Cli {
    /// What is to be done; a test, where nothing else is named.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// What the test is.
    #[command(flatten)]
    pub run: RunArgs,
    /// What becomes of it.
    #[command(flatten)]
    pub output: OutputArgs,
    /// When colours are written.
    #[arg(
        help = "Colours; NO_COLOR, CLICOLOR_FORCE and FORCE_COLOR are heard where this is auto",
        long,
        global = true,
        default_value = "auto",
        value_name = "WHEN",
        help_heading = "Output"
    )]
    pub color: ColorWhen,
}

/// Everything but running a test.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Bring the stack up and leave it running
    Up(StackArgs),
    /// Take the stack down
    Down(StackArgs),
    /// List the stack's replicas with their state and ports
    Ps(StackArgs),
    /// Draw stored runs again
    Report(ReportArgs),
    /// Compare two runs, or two folders of repeated runs
    Compare(CompareArgs),
    /// Print the JSON Schema of record.json
    Schema,
    /// Print a completion script
    Completions {
        /// The shell it is for
        shell: clap_complete::Shell,
    },
    /// Print the manual page, in roff
    Man,
}

/// What a test is. Every one of these can stand in `--config FILE.toml` under the same name.
#[expect(
    clippy::doc_markdown,
    reason = "these comments are the help, where backticks would be seen"
)]
#[derive(Clone, Debug, Default, Args, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct RunArgs {
    /// A host group to load, optionally at a rate of its own; repeatable [default: every group the stack has]
    #[arg(long = "host", value_name = "NAME[=RPS]", help_heading = "Load")]
    pub host: Vec<String>,
    /// Intended arrivals per second per host group, open loop [default: 100]
    #[arg(
        long,
        value_name = "N",
        allow_negative_numbers = true,
        help_heading = "Load"
    )]
    #[serde(deserialize_with = "super::config::number")]
    pub rps: Option<String>,
    /// A rate that changes linearly between points, instead of --rps: 0:100,30s:500,60s:500
    #[arg(
        long,
        value_name = "T:RPS,…",
        conflicts_with = "rps",
        help_heading = "Load"
    )]
    pub stages: Option<String>,
    /// Closed loop instead: each connection sends as soon as it is answered; finds the throughput ceiling
    #[arg(long, conflicts_with_all = ["rps", "stages"], help_heading = "Load")]
    pub closed: bool,
    /// Measured time [default: 10s]
    #[arg(long, value_name = "D", help_heading = "Load")]
    pub duration: Option<String>,
    /// Time before it that is kept out of every figure [default: 1s]
    #[arg(long, value_name = "D", help_heading = "Load")]
    pub warmup: Option<String>,
    /// Stop after N planned requests per host group
    #[arg(long, value_name = "N", help_heading = "Load")]
    pub requests: Option<u64>,
    /// Most connections per host group [default: 64]
    #[arg(long, value_name = "N", help_heading = "Load")]
    pub connections: Option<u32>,
    /// Spacing of the arrivals [default: constant]
    #[arg(long, value_name = "KIND", help_heading = "Load")]
    pub arrivals: Option<ArrivalsArg>,
    /// Makes poisson arrivals reproducible [default: 1]
    #[arg(long, value_name = "N", help_heading = "Load")]
    pub seed: Option<u64>,
    /// Generator threads [default: cores, at most one per 16 connections]
    #[arg(long, value_name = "N", help_heading = "Load")]
    pub threads: Option<u32>,
    /// How a thread waits for the next arrival; spin costs a core [default: timer]
    #[arg(long, value_name = "HOW", help_heading = "Load")]
    pub pacing: Option<PacingArg>,

    /// Path and query [default: /?example=test]
    #[arg(long, help_heading = "Request")]
    pub path: Option<String>,
    /// Method [default: GET]
    #[arg(long, help_heading = "Request")]
    pub method: Option<String>,
    /// A further header; repeatable
    #[arg(long, value_name = "K:V", help_heading = "Request")]
    pub header: Vec<String>,
    /// A body, or @FILE to read it from
    #[arg(long, value_name = "S|@FILE", help_heading = "Request")]
    pub body: Option<String>,
    /// A request that exceeds it is an error, and is in the histogram [default: 5s]
    #[arg(long, value_name = "D", help_heading = "Request")]
    pub timeout: Option<String>,
    /// The same for making a connection [default: 2s]
    #[arg(long, value_name = "D", help_heading = "Request")]
    pub connect_timeout: Option<String>,

    /// Where the load goes [default: auto: the running compose stack if there is one, else embedded]
    #[arg(long, value_name = "KIND", help_heading = "Stack")]
    pub stack: Option<StackKindArg>,
    /// The proxy to hit; implies --stack external
    #[arg(long, value_name = "URL", help_heading = "Stack")]
    pub target: Option<String>,
    /// A replica's metrics page, for an external stack; a name with several addresses is several replicas; repeatable
    #[arg(long, value_name = "GROUP=URL", help_heading = "Stack")]
    pub replica: Vec<String>,
    /// How an answer names its replica [default: body]
    #[arg(long, value_name = "body|header:NAME", help_heading = "Stack")]
    pub replica_id: Option<String>,
    /// Replicas per group, for stacks that loadgen starts [default: 2]
    #[arg(long, value_name = "N", help_heading = "Stack")]
    pub replicas: Option<u32>,
    /// The proxy's own metrics page: NGINX's stub_status, or a Prometheus page with --proxy-counter
    #[arg(long, value_name = "URL", help_heading = "Stack")]
    pub proxy_metrics: Option<String>,
    /// The proxy's counter of requests
    #[arg(
        long,
        value_name = "NAME{label=\"value\"}",
        requires = "proxy_metrics",
        help_heading = "Stack"
    )]
    pub proxy_counter: Option<String>,
    /// Accept any certificate of an https target
    #[arg(long, help_heading = "Stack")]
    pub insecure: bool,
    /// Certificates to trust for an https target, PEM
    #[arg(long, value_name = "FILE", help_heading = "Stack")]
    pub cacert: Option<String>,

    /// What the proxy is supposed to do: round-robin[:WEIGHTS], random, least-conn, hash, none [default: round-robin]
    #[arg(long, value_name = "POLICY", help_heading = "Checks")]
    pub policy: Option<String>,
    /// The proxy's workers, where each takes turns on its own, as NGINX's do without `zone` [default: 1]
    #[arg(long, value_name = "N", help_heading = "Checks")]
    pub proxy_workers: Option<u32>,
    /// The replicas' counter of requests [default: http_requests_total{handler="PATH"}]
    #[arg(long, value_name = "NAME{label=\"value\"}", help_heading = "Checks")]
    pub counter: Option<String>,
    /// A threshold; repeatable: p99>50ms, service.p99>20ms, error_rate>0.1%, achieved<99%, dropped>0
    #[arg(long, value_name = "EXPR", help_heading = "Checks")]
    pub fail_if: Vec<String>,

    /// For experiments: flags of app for the embedded replicas of a group, or one: app-group-1/2=--service-time=fixed:20ms
    #[arg(long, value_name = "GROUP[/N]=FLAG", hide = true)]
    pub replica_arg: Vec<String>,
    /// For experiments: what the embedded proxy really does
    #[arg(long, value_name = "POLICY", hide = true)]
    pub embedded_policy: Option<String>,
}

/// What becomes of a test's results.
#[derive(Clone, Debug, Args)]
pub struct OutputArgs {
    /// Any of the above in a file; flags win
    #[arg(long, value_name = "FILE.toml", help_heading = "Output")]
    pub config: Option<PathBuf>,
    /// Where the run is stored; by default a folder in `reports/` named by time and hosts.
    #[arg(
        help = "Where the run is stored [default: reports/<UTC time>-<hosts>]",
        long,
        value_name = "DIR",
        help_heading = "Output"
    )]
    pub out: Option<PathBuf>,
    /// What goes to standard output: the summary, or the record
    #[arg(long, default_value = "text", help_heading = "Output")]
    pub format: Format,
    /// Live view, on standard error
    #[arg(
        long,
        default_value = "auto",
        value_name = "MODE",
        help_heading = "Output"
    )]
    pub progress: ProgressMode,
    /// Nothing on standard error but errors; the same as --progress none
    #[arg(long, short, help_heading = "Output")]
    pub quiet: bool,
    /// Also write the intervals as intervals.csv
    #[arg(long, help_heading = "Output")]
    pub csv: bool,
    /// Serve the generator's own Prometheus metrics at /metrics while the test runs; port 0 is any free one
    #[arg(long, value_name = "HOST:PORT", help_heading = "Output")]
    pub metrics_listen: Option<String>,
}

/// Which stack `up`, `down` and `ps` are about.
#[derive(Clone, Debug, Args)]
pub struct StackArgs {
    /// Which stack
    #[arg(long, value_name = "KIND", default_value = "compose")]
    pub stack: StackKindArg,
    /// Replicas per group
    #[arg(long, value_name = "N")]
    pub replicas: Option<u32>,
}

/// Which runs are drawn again.
#[derive(Clone, Debug, Args)]
pub struct ReportArgs {
    /// Folders of runs, or their record.json
    #[arg(required = true, value_name = "RUN")]
    pub runs: Vec<PathBuf>,
}

/// What is compared, and when it fails.
#[derive(Clone, Debug, Args)]
pub struct CompareArgs {
    /// A run, or a folder of repeated runs
    pub base: PathBuf,
    /// A run, or a folder of repeated runs
    pub candidate: PathBuf,
    /// A change for the worse beyond this is a regression: exit code 99
    #[arg(long, value_name = "PERCENT", default_value = "5%")]
    pub max_regression: String,
    /// What goes to standard output
    #[arg(long, default_value = "text")]
    pub format: CompareFormat,
}

/// How a comparison is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CompareFormat {
    /// A table for people.
    Text,
    /// For machines.
    Json,
    /// A table for issues and pull requests.
    Markdown,
    /// A page.
    Html,
}

/// What goes to standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// The summary.
    Text,
    /// The record.
    Json,
}

/// The live view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProgressMode {
    /// `tui` on a terminal, else `plain`.
    Auto,
    /// A view that is drawn again and again.
    Tui,
    /// A line every few seconds.
    Plain,
    /// Nothing.
    None,
}

/// A stack's kind, as it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StackKindArg {
    /// The running compose stack if there is one, else embedded.
    Auto,
    /// Child processes on loopback.
    Embedded,
    /// This project's containers.
    Compose,
    /// Anything that listens.
    External,
}

/// Spacing of arrivals, as it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ArrivalsArg {
    /// Evenly spaced.
    Constant,
    /// Exponential gaps.
    Poisson,
}

/// Pacing, as it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PacingArg {
    /// By a kernel timer.
    Timer,
    /// By polling.
    Spin,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_last_of_a_repeated_flag_counts_and_lists_still_grow() {
        let words = [
            "loadgen", "--rps", "1", "--rps", "2", "--host", "a", "--host", "b",
        ];
        let cli = Cli::try_parse_from(words).expect("valid");
        assert_eq!(cli.run.rps.as_deref(), Some("2"));
        assert_eq!(cli.run.host, ["a", "b"]);
    }

    #[test]
    fn help_teaches_the_exit_codes() {
        let help = Cli::command().render_help().to_string();
        for code in ["    0  ", "    4  ", "   99  ", "  130  "] {
            assert!(help.contains(code), "{help}");
        }
    }
}
