//! The flags, as `docs/` and `--help` know them.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};

use super::color::ColorWhen;
use super::experiment::{ScalingArgs, SearchArgs, SweepArgs};
use super::manifest::ManifestCommand;
use super::workers::{CollectArgs, WorkerArgs, WorkersArgs};
use crate::model::{Protocol, exit};
use crate::plan::{Pacing, Spacing, StackAsked};

const ABOUT: &str = "Load testing that can be believed: open-loop load through a proxy, latency as \
users feel it, the balance of the replicas, and client, proxy and replicas' counts that must agree.";

const EXAMPLES: &str = "\
Examples:
  loadgen --host app-group-1 --rps 500             500 arrivals a second, for ten seconds
  loadgen http://127.0.0.1:8080/items -r 200 -d 30s
                                                   any service, with a rate and a length of its own
  loadgen http://127.0.0.1:8080 --replica shop=http://127.0.0.1:9101/metrics
                                                   and what its replicas counted
  loadgen unix:/run/app.sock:/items                a unix socket, and a path
  loadgen --host app-group-1 --host app-group-2=200 -d 1m
                                                   two groups, the second at its own rate
  loadgen -r 500 --require 'p99<50ms' --fail-if 'error_rate>0.1%'
                                                   what must hold, and what must not be
  loadgen --closed -c 64                           as fast as it goes: the ceiling
  loadgen --stages 0:50,30s:800,1m:800             a ramp, and then a plateau
  loadgen --replay access.log.gz --speed 2         what a proxy's log tells, twice as fast
  loadgen -X POST --path /items -H 'Content-Type: application/json' --body @item.json
  loadgen plan -r 500 > plan.toml && loadgen run plan.toml
                                                   a test that is kept in git

Times have a unit: 500ms, 10s, 1m30s. Rates are requests a second: 500, 0.5. Shares have a %: 0.1%.
Whoever comes from k6, oha, wrk, hey, vegeta or ab: docs/coming-from.md says what to type.";

/// The examples, and every exit code with its meaning.
fn after_help() -> String {
    let code = |(code, meaning): (u8, &str)| format!("\n  {code:>3}  {meaning}");
    let codes: String = exit::ALL.into_iter().map(code).collect();
    format!("{EXAMPLES}\n\nExit codes:{codes}")
}

/// The command line.
#[derive(Debug, Parser)]
#[command(name = "loadgen", version, about = ABOUT, after_help = after_help(), args_conflicts_with_subcommands = true, args_override_self = true)]
pub struct Cli {
    /// What is to be done; a test, where nothing else is named.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// What to load: an origin or a unix socket, which is --target, and what follows it, which is --path
    #[arg(value_name = "URL", help_heading = "Stack")]
    pub url: Option<String>,
    /// What the test is.
    #[command(flatten)]
    pub run: RunArgs,
    /// What the flags say, in a file.
    #[arg(
        help = "Any of the flags in a file, without the dashes: rps = 500, host = [\"app-group-1\"]; flags win. `loadgen plan` prints one",
        long,
        value_name = "FILE.toml",
        help_heading = "Output"
    )]
    pub config: Option<PathBuf>,
    /// Who sends it.
    #[command(flatten)]
    pub workers: WorkersArgs,
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
    /// Take the stack down, or remove the workers that a run left behind
    Down(DownArgs),
    /// List the stack's replicas with their state and ports
    Ps(StackArgs),
    /// Run a plan file, or repeat a stored run from its plan; flags win
    Run(Box<PlannedArgs>),
    /// Print the plan of these flags as a file to commit: `loadgen plan --rps 500 > plan.toml`
    Plan(Box<PlanArgs>),
    /// Judge stored runs again, from the evidence that they left
    Judge(JudgeArgs),
    /// Draw stored runs again
    Report(ReportArgs),
    /// Compare two runs, or two folders of repeated runs
    Compare(CompareArgs),
    /// Find the highest rate at which every objective holds
    Search(Box<SearchArgs>),
    /// Measure a list of rates
    Sweep(Box<SweepArgs>),
    /// Find the highest rate for several numbers of replicas, and how it grows with them
    Scaling(Box<ScalingArgs>),
    /// Be one worker of a test: send its slice from an instant on, and say so in lines
    Worker(WorkerArgs),
    /// Merge and judge the lines of workers that came another way, from files or standard input
    Collect(Box<CollectArgs>),
    /// Print a load as objects for a cluster, whose workers it then starts
    #[command(subcommand)]
    Manifest(ManifestCommand),
    /// Print the JSON Schema of record.json, or of what an experiment leaves
    Schema {
        /// Of which file
        #[arg(value_name = "FILE", default_value = "record.json",
              value_parser = PossibleValuesParser::new(["record.json", "search.json", "scaling.json"]))]
        of: String,
    },
    /// Print a completion script
    Completions {
        /// The shell it is for
        shell: clap_complete::Shell,
    },
    /// Print the manual page, in roff
    Man,
}

/// What a test is. Every one of these can stand in a plan file under the same name.
#[expect(
    clippy::doc_markdown,
    reason = "these comments are the help, where backticks would be seen"
)]
#[derive(Clone, Debug, Default, Args)]
pub struct RunArgs {
    /// A host group to load, optionally at a rate of its own; repeatable [default: every group the stack has]
    #[arg(long = "host", value_name = "NAME[=RPS]", help_heading = "Load")]
    pub host: Vec<String>,
    /// Intended arrivals per second per host group, open loop [default: 100]
    #[arg(
        long,
        short = 'r',
        visible_alias = "rate",
        value_name = "N",
        allow_negative_numbers = true,
        help_heading = "Load"
    )]
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
    /// Send the requests of an NGINX access log again, in the combined format or in the JSON that
    /// nginx.conf has for it, gzip or not: its instants, methods and paths, in open loop, to one --host
    /// whatever the log says, or to each of several what the log has for it. POST, PUT and PATCH are
    /// left out, for their bodies are in no log; --duration cuts it, and --warmup marks its beginning
    #[arg(long, value_name = "ACCESS.LOG", help_heading = "Load")]
    pub replay: Option<String>,
    /// How many times as fast as it was: 2, 0.5 [default: 1]
    #[arg(
        long,
        value_name = "N",
        allow_negative_numbers = true,
        help_heading = "Load"
    )]
    pub speed: Option<f64>,
    /// Measured time [default: 10s]
    #[arg(long, short, value_name = "D", help_heading = "Load")]
    pub duration: Option<String>,
    /// Time before it that is kept out of every figure [default: 1s]
    #[arg(long, value_name = "D", help_heading = "Load")]
    pub warmup: Option<String>,
    /// Stop after N planned requests per host group
    #[arg(long, value_name = "N", help_heading = "Load")]
    pub requests: Option<u64>,
    /// Most connections per host group [default: 64]
    #[arg(long, short, value_name = "N", help_heading = "Load")]
    pub connections: Option<u32>,
    /// Spacing of the arrivals [default: constant]
    #[arg(long, value_name = "KIND", help_heading = "Load",
          value_parser = one_of::<Spacing>(&["constant", "poisson"]))]
    pub arrivals: Option<Spacing>,
    /// Makes poisson arrivals reproducible [default: 1]
    #[arg(long, value_name = "N", help_heading = "Load")]
    pub seed: Option<u64>,
    /// Generator threads [default: cores, at most one per 16 connections]
    #[arg(long, value_name = "N", help_heading = "Load")]
    pub threads: Option<u32>,
    /// How a thread waits for the next arrival; spin costs a core [default: timer]
    #[arg(long, value_name = "HOW", help_heading = "Load",
          value_parser = one_of::<Pacing>(&["timer", "spin"]))]
    pub pacing: Option<Pacing>,

    /// Path and query [default: /?example=test]
    #[arg(long, help_heading = "Request")]
    pub path: Option<String>,
    /// Method [default: GET]
    #[arg(long, short = 'X', help_heading = "Request")]
    pub method: Option<String>,
    /// A further header; repeatable
    #[arg(long, short = 'H', value_name = "K:V", help_heading = "Request")]
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
    /// The version of HTTP [default: HTTP/2 where an https target offers it, else 1.1]; 2 in the clear is with prior knowledge
    #[arg(long, value_name = "1.1|2", help_heading = "Request",
          value_parser = one_of::<Protocol>(&["1.1", "2"]))]
    pub http: Option<Protocol>,
    /// Each request on a connection of its own, with `Connection: close`
    #[arg(long, help_heading = "Request")]
    pub no_keep_alive: bool,
    /// Who asks, by basic authentication; the password is stored nowhere
    #[arg(long, value_name = "NAME:PASSWORD", help_heading = "Request")]
    pub user: Option<String>,
    /// The lateness of the generator itself that is tolerated at p99, or a tenth of the response time
    /// at p99 where that is more [default: 1ms]
    #[arg(long, value_name = "D", help_heading = "Load")]
    pub lag_budget: Option<String>,
    /// What the measurement may take of memory: names of replicas beyond it are counted together, and
    /// long runs are kept in longer intervals [default: 256MB]
    #[arg(long, value_name = "SIZE", help_heading = "Output")]
    pub memory: Option<String>,

    /// Where the load goes [default: auto: the running compose stack if there is one, else embedded]
    #[arg(long, value_name = "KIND", help_heading = "Stack", value_parser = stacks())]
    pub stack: Option<StackAsked>,
    /// The proxy to hit, or a unix socket, as unix:/run/app.sock; implies --stack external
    #[arg(long, value_name = "URL|unix:PATH", help_heading = "Stack")]
    pub target: Option<String>,
    /// A replica's metrics page, for an external stack; a name with several addresses is several replicas; repeatable
    #[arg(long, value_name = "GROUP=URL", help_heading = "Stack")]
    pub replica: Vec<String>,
    /// How an answer names its replica [default: body]
    #[arg(long, value_name = "body|header:NAME", help_heading = "Stack")]
    pub replica_id: Option<String>,
    /// Replicas per group, for stacks that loadgen starts [default: 2]
    #[arg(long, value_name = "N", help_heading = "Stack")]
    pub replicas: Option<String>,
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
    /// The client's own certificate for an https target, PEM, with what signed it behind it; with --key
    #[arg(long, value_name = "FILE", help_heading = "Stack")]
    pub cert: Option<String>,
    /// The private key that belongs to --cert, PEM, without a passphrase
    #[arg(long, value_name = "FILE", help_heading = "Stack")]
    pub key: Option<String>,

    /// The routes that take each group's arrivals in turn: through the proxy, and directly to the replicas, to see
    /// what the proxy costs [default: proxy]
    #[arg(
        long,
        value_name = "ROUTE,ROUTE",
        value_delimiter = ',',
        help_heading = "Load"
    )]
    pub via: Vec<String>,

    /// What the proxy is supposed to do: round-robin or round-robin:WEIGHTS, random, least-conn, hash, none [default: round-robin]
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
    /// What must hold, else the run fails; repeatable: p99<50ms, error_rate<0.1%, achieved>=99%
    #[arg(long, value_name = "EXPR", help_heading = "Checks")]
    pub require: Vec<String>,

    /// What is done to the stack while the load goes on; repeatable: '15s kill app-group-1/2', '10s..12s pause app-group-1',
    /// '20s scale app-group-1=3', '20s rolling-restart app-group-1', '5s exec COMMAND'
    #[arg(long, value_name = "WHEN VERB WHOM", help_heading = "Events")]
    pub event: Vec<String>,
    /// Length of the windows near events, a whole part of a second [default: 100ms]
    #[arg(long, value_name = "D", help_heading = "Events")]
    pub window: Option<String>,

    /// For experiments: when the embedded proxy asks another replica: off, connect, on
    #[arg(long, value_name = "WHEN", hide = true)]
    pub embedded_retries: Option<String>,
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
    /// Where the run is stored; by default a folder in `reports/` named by time and hosts.
    #[arg(
        help = "Where the run is stored [default: reports/<UTC time>-<hosts>]",
        long,
        short,
        value_name = "DIR",
        help_heading = "Output"
    )]
    pub out: Option<PathBuf>,
    /// Use the folder of --out although it holds another run, whose record becomes record.previous.json
    #[arg(long, requires = "out", help_heading = "Output")]
    pub force: bool,
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
    /// Nothing but errors and one line with the verdict
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
    #[arg(long, value_name = "KIND", default_value = "compose", value_parser = stacks())]
    pub stack: StackAsked,
    /// Replicas per group
    #[arg(long, value_name = "N")]
    pub replicas: Option<u32>,
}

/// A run whose plan is given.
#[derive(Clone, Debug, Args)]
pub struct PlannedArgs {
    /// A plan file, the folder of a run, or its record.json
    #[arg(value_name = "PLAN.toml|RUN")]
    pub plan: PathBuf,
    #[command(flatten)]
    pub run: RunArgs,
    #[command(flatten)]
    pub workers: WorkersArgs,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// What is taken down.
#[derive(Clone, Debug, Args)]
pub struct DownArgs {
    #[command(flatten)]
    pub stack: StackArgs,
    /// In place of the stack: the workers of this run, of which a Docker Swarm has some
    #[arg(long, value_name = "ID")]
    pub run: Option<String>,
}

/// A plan that is printed.
#[derive(Clone, Debug, Args)]
pub struct PlanArgs {
    /// What to begin with: a plan file, the folder of a run, its record.json, or what to load
    #[arg(value_name = "PLAN.toml|RUN|URL")]
    pub plan: Option<PathBuf>,
    #[command(flatten)]
    pub run: RunArgs,
}

/// Which runs are judged again.
#[derive(Clone, Debug, Args)]
pub struct JudgeArgs {
    /// Folders of runs
    #[arg(required = true, value_name = "RUN")]
    pub runs: Vec<PathBuf>,
    /// A threshold instead of those that the run had; repeatable
    #[arg(long, value_name = "EXPR")]
    pub fail_if: Vec<String>,
    /// What must hold, instead of what the run was held to; repeatable
    #[arg(long, value_name = "EXPR")]
    pub require: Vec<String>,
    /// Take what a newer loadgen stored too, as far as it is known here
    #[arg(long)]
    pub force: bool,
    /// What goes to standard output: the summary, or the record
    #[arg(long, default_value = "text")]
    pub format: Format,
}

/// Which runs are drawn again.
#[derive(Clone, Debug, Args)]
pub struct ReportArgs {
    /// Folders of runs, or their record.json
    #[arg(required = true, value_name = "RUN")]
    pub runs: Vec<PathBuf>,
    /// Take what a newer loadgen stored too, as far as it is known here
    #[arg(long)]
    pub force: bool,
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
    /// Take what a newer loadgen stored too, as far as it is known here
    #[arg(long)]
    pub force: bool,
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

/// One of these words, as what it means.
fn one_of<T>(words: &'static [&'static str]) -> impl TypedValueParser<Value = T>
where
    T: std::str::FromStr<Err: std::fmt::Debug> + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(words).map(|word| word.parse().expect("every word is one"))
}

fn stacks() -> impl TypedValueParser<Value = StackAsked> {
    one_of(&["auto", "embedded", "compose", "external"])
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
    fn the_short_flags_are_those_of_other_tools() {
        let short = "loadgen http://a/b -r 5 -d 3s -c 8 -H K:V -X PUT -o run -q";
        let long = "loadgen http://a/b --rate 5 --duration 3s --connections 8 --header K:V --method PUT --out run --quiet";
        let read = |line: &str| {
            let cli = Cli::try_parse_from(line.split(' ')).expect("valid");
            format!("{cli:?}")
        };
        assert_eq!(read(short), read(long));
    }

    #[test]
    fn help_teaches_the_exit_codes() {
        let help = Cli::command().render_help().to_string();
        for code in ["    0  ", "    4  ", "   99  ", "  130  "] {
            assert!(help.contains(code), "{help}");
        }
    }
}
