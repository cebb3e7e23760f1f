//! From flags to a validated plan: parsed once, with the defaults of the contract.

use std::time::Duration;

use super::args::{ArrivalsArg, Cli, OutputArgs, PacingArg, RunArgs, StackKindArg};
use super::{UsageError, config};
use crate::model::Rate;
use crate::plan::{
    GroupPlan, Load, Pacing, Plan, PlanError, Policy, Process, Profile, ReplicaIdSource,
    ReplicaPage, Request, Schedule, StackChoice, Stage, Threshold, validate,
};

/// The longest a run may last: for runs that only a number of requests bounds.
const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// The same for a closed loop, with room for its warm-up.
const ALMOST_A_DAY: Duration = Duration::from_secs(23 * 60 * 60);

/// A test to run.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// The plan; without groups where none were named.
    pub plan: Plan,
    /// The load of groups that were not named.
    pub load: Load,
    /// What the embedded stack is told for an experiment.
    pub experiment: Experiment,
    /// What becomes of the results.
    pub output: OutputArgs,
}

/// What the embedded stack is told for an experiment.
#[derive(Clone, Debug, Default)]
pub struct Experiment {
    /// Flags of `app` by group, or by group and number.
    pub replica_args: Vec<(String, Vec<String>)>,
    /// What the embedded proxy really does.
    pub policy: Option<String>,
}

/// Turns a command line (without a subcommand) into a test.
pub fn invocation(cli: Cli) -> Result<Invocation, UsageError> {
    let args = match &cli.output.config {
        Some(path) => config::merge(cli.run, config::read(path)?),
        None => cli.run,
    };
    let connections = args.connections.unwrap_or(64);
    let load = load(&args, args.rps.as_deref())?;
    let groups = args
        .host
        .iter()
        .map(|text| group(text, &args))
        .collect::<Result<Vec<_>, _>>()?;
    let request = request(&args)?;
    let plan = Plan {
        warmup: span("--warmup", args.warmup.as_deref(), Duration::from_secs(1))?,
        duration: run_length(&args, &groups, &load)?,
        connections,
        threads: args.threads.unwrap_or_else(|| default_threads(connections)),
        pacing: match args.pacing {
            Some(PacingArg::Spin) => Pacing::Spin,
            Some(PacingArg::Timer) | None => Pacing::Timer,
        },
        timeout: span("--timeout", args.timeout.as_deref(), Duration::from_secs(5))?,
        connect_timeout: span(
            "--connect-timeout",
            args.connect_timeout.as_deref(),
            Duration::from_secs(2),
        )?,
        replica_id: replica_id(args.replica_id.as_deref())?,
        stack: stack(&args)?,
        replicas: args.replicas,
        policy: policy(args.policy.as_deref())?,
        proxy_workers: args.proxy_workers,
        counter: (args.counter.clone()).unwrap_or_else(|| default_counter(&request.path)),
        thresholds: thresholds(&args.fail_if)?,
        groups,
        request,
    };
    let plan = validate(plan)?;
    // The groups a stack turns out to have get this load, so it keeps the same bounds.
    let probe = GroupPlan {
        host: "any".into(),
        load: load.clone(),
    };
    validate(Plan {
        groups: vec![probe],
        ..plan.clone()
    })?;
    let experiment = experiment(&args)?;
    Ok(Invocation {
        plan,
        load,
        experiment,
        output: cli.output,
    })
}

fn group(text: &str, args: &RunArgs) -> Result<GroupPlan, UsageError> {
    match text.split_once('=') {
        None => Ok(GroupPlan {
            host: text.to_owned(),
            load: load(args, args.rps.as_deref())?,
        }),
        Some((_, rate)) if args.closed || args.stages.is_some() => Err(UsageError::new(
            format!(
                "--host {text} gives a rate of {rate}, which --closed and --stages leave no room for"
            ),
            "leave the rate out, or leave --closed and --stages out",
        )),
        Some((host, rate)) => Ok(GroupPlan {
            host: host.to_owned(),
            load: load(args, Some(rate))?,
        }),
    }
}

fn load(args: &RunArgs, rate: Option<&str>) -> Result<Load, UsageError> {
    if args.requests == Some(0) {
        // Said here, because a schedule that ends with them has no length either.
        return Err(PlanError::NoRequests.into());
    }
    if args.closed {
        return Ok(Load::Closed {
            requests: args.requests,
        });
    }
    let profile = match &args.stages {
        Some(text) => stages(text)?,
        None => Profile::Constant {
            rate: parse_rate(rate.unwrap_or("100"))?,
        },
    };
    let natural = profile.length().map(Duration::from_secs_f64);
    let unbounded = if args.requests.is_some() {
        A_DAY
    } else {
        Duration::from_secs(10)
    };
    let duration = span(
        "--duration",
        args.duration.as_deref(),
        natural.unwrap_or(unbounded),
    )?;
    let seed = args.seed.unwrap_or(1);
    let schedule = Schedule {
        process: match args.arrivals {
            Some(ArrivalsArg::Poisson) => Process::Poisson { seed },
            Some(ArrivalsArg::Constant) | None => Process::Constant,
        },
        profile,
        warmup: span("--warmup", args.warmup.as_deref(), Duration::from_secs(1))?.into(),
        duration: natural
            .map_or(duration, |natural| natural.min(duration))
            .into(),
        requests: args.requests,
    };
    if args.requests.is_some_and(|n| n > 100_000_000_000) {
        return Err(UsageError::new(
            format!(
                "{} requests are more than a day can hold",
                args.requests.unwrap_or_default()
            ),
            "give --requests a smaller number, or --duration instead",
        ));
    }
    Ok(Load::Open {
        schedule: schedule.ended_by_requests(),
    })
}

/// The run is as long as its longest group. A closed loop bounded by requests alone ends with them.
fn run_length(args: &RunArgs, groups: &[GroupPlan], other: &Load) -> Result<Duration, UsageError> {
    let unbounded = if args.requests.is_some() {
        ALMOST_A_DAY
    } else {
        Duration::from_secs(10)
    };
    let closed = span("--duration", args.duration.as_deref(), unbounded)?;
    let length = |load: &Load| match load {
        Load::Open { schedule } => Duration::from(schedule.duration),
        Load::Closed { .. } => closed,
    };
    let longest = groups.iter().map(|group| length(&group.load)).max();
    Ok(longest.unwrap_or_else(|| length(other)))
}

fn parse_rate(text: &str) -> Result<Rate, UsageError> {
    text.parse().map_err(|error| {
        UsageError::new(
            format!("rate: {error}"),
            "give --rps, or --host NAME=RPS, a number above 0, as 500 or 0.5",
        )
    })
}

fn span(flag: &str, text: Option<&str>, default: Duration) -> Result<Duration, UsageError> {
    let Some(text) = text else { return Ok(default) };
    humantime::parse_duration(text).map_err(|error| {
        UsageError::new(
            format!("{flag} `{text}` is no length of time: {error}"),
            format!("give it a number with its unit, as {flag} 10s, 500ms or 1m30s"),
        )
    })
}

/// `0:100,30s:500,60s:500`
fn stages(text: &str) -> Result<Profile, UsageError> {
    let hint = "stages are TIME:RPS, as --stages 0:100,30s:500,60s:500, the first at 0";
    let bad = |part: &str, why: &str| UsageError::new(format!("stage `{part}` {why}"), hint);
    let stage = |part: &str| {
        let (at, rate) = part
            .trim()
            .split_once(':')
            .ok_or_else(|| bad(part, "has no `:`"))?;
        let at = match at.parse::<f64>() {
            Ok(seconds) => seconds,
            Err(_) => humantime::parse_duration(at)
                .map_err(|error| bad(part, &format!("begins with no time: {error}")))?
                .as_secs_f64(),
        };
        if !(0.0..=A_DAY.as_secs_f64()).contains(&at) {
            return Err(bad(part, "is not within a day"));
        }
        let rate = rate
            .parse()
            .map_err(|_| bad(part, "ends with no number of requests per second"))?;
        Ok(Stage { at, rate })
    };
    let stages = text
        .split(',')
        .map(stage)
        .collect::<Result<_, UsageError>>()?;
    Profile::stages(stages)
        .map_err(|error| UsageError::new(format!("--stages {text}: {error}"), hint))
}

/// Cores, at most one per 16 connections.
fn default_threads(connections: u32) -> u32 {
    let cores = std::thread::available_parallelism().map_or(1, |n| n.get() as u32);
    cores.min(connections / 16).max(1)
}

fn request(args: &RunArgs) -> Result<Request, UsageError> {
    let body = match args.body.as_deref() {
        None => None,
        Some(text) => Some(match text.strip_prefix('@') {
            None => text.as_bytes().to_vec(),
            Some(path) => std::fs::read(path).map_err(|reason| {
                UsageError::new(
                    format!("body file {path} cannot be read: {reason}"),
                    "give --body @FILE the path of a file, or the body itself",
                )
            })?,
        }),
    };
    let path = args.path.as_deref().unwrap_or("/?example=test");
    let method = args.method.as_deref().unwrap_or("GET");
    Request::new(method, path, &args.header, body).map_err(|error| {
        UsageError::new(
            error.to_string(),
            "see --method, --path and --header in loadgen --help",
        )
    })
}

fn replica_id(text: Option<&str>) -> Result<ReplicaIdSource, UsageError> {
    match text {
        None | Some("body") => Ok(ReplicaIdSource::Body),
        Some(text) => match text.strip_prefix("header:") {
            Some(name) if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic()) => {
                Ok(ReplicaIdSource::Header(name.to_ascii_lowercase()))
            }
            _ => Err(UsageError::new(
                format!("--replica-id `{text}` is neither `body` nor `header:NAME`"),
                "give --replica-id header:X-Replica, or leave it out for the body",
            )),
        },
    }
}

fn stack(args: &RunArgs) -> Result<StackChoice, UsageError> {
    let external = args.target.is_some() || args.stack == Some(StackKindArg::External);
    if external
        && !matches!(
            args.stack,
            None | Some(StackKindArg::External | StackKindArg::Auto)
        )
    {
        return Err(UsageError::new(
            "--target names a stack of its own, and --stack another",
            "leave out one of the two",
        ));
    }
    let for_external = [
        ("--replica", !args.replica.is_empty()),
        ("--proxy-metrics", args.proxy_metrics.is_some()),
        ("--insecure", args.insecure),
        ("--cacert", args.cacert.is_some()),
    ];
    if let (false, Some((flag, _))) = (external, for_external.iter().find(|(_, given)| *given)) {
        return Err(UsageError::new(
            format!("{flag} is for external stacks, and no --target is given"),
            "give --target URL too; the embedded and compose stacks are discovered",
        ));
    }
    Ok(match args.stack.unwrap_or(StackKindArg::Auto) {
        StackKindArg::Embedded => StackChoice::Embedded,
        StackKindArg::Compose => StackChoice::Compose,
        StackKindArg::Auto if !external => StackChoice::Auto,
        StackKindArg::Auto | StackKindArg::External => StackChoice::External {
            target: args.target.clone().ok_or_else(|| {
                UsageError::new(
                    "an external stack has no address",
                    "give --target URL, as http://127.0.0.1:8080",
                )
            })?,
            replicas: args
                .replica
                .iter()
                .map(|text| page(text))
                .collect::<Result<_, _>>()?,
            proxy_metrics: args.proxy_metrics.clone(),
            proxy_counter: args.proxy_counter.clone(),
            insecure: args.insecure,
            cacert: args.cacert.clone(),
        },
    })
}

fn page(text: &str) -> Result<ReplicaPage, UsageError> {
    match text.split_once('=') {
        Some((group, url)) if !group.is_empty() && !url.is_empty() => Ok(ReplicaPage {
            group: group.to_owned(),
            url: url.to_owned(),
        }),
        _ => Err(UsageError::new(
            format!("--replica `{text}` is not GROUP=URL"),
            "give --replica app-group-1=http://127.0.0.1:9101/metrics",
        )),
    }
}

fn policy(text: Option<&str>) -> Result<Policy, UsageError> {
    text.unwrap_or("round-robin").parse().map_err(|error| {
        UsageError::new(
            format!("--policy: {error}"),
            "policies are round-robin, round-robin:3,1, random, least-conn, hash and none",
        )
    })
}

fn thresholds(texts: &[String]) -> Result<Vec<Threshold>, UsageError> {
    let parse = |text: &String| {
        text.parse().map_err(|error| {
            UsageError::new(
                format!("--fail-if `{text}`: {error}"),
                "thresholds are like p99>50ms, service.p99.9>20ms, lag.max>1ms, error_rate>0.1%, achieved<99%, dropped>0",
            )
        })
    };
    texts.iter().map(parse).collect()
}

/// A share as people write it: `5%` or `0.05`.
pub fn share(flag: &str, text: &str) -> Result<f64, UsageError> {
    let (number, scale) = text
        .strip_suffix('%')
        .map_or((text, 1.0), |percent| (percent, 100.0));
    match number.trim().parse::<f64>() {
        Ok(number) if number.is_finite() && number >= 0.0 => Ok(number / scale),
        _ => Err(UsageError::new(
            format!("{flag} `{text}` is no share"),
            format!("give it a percentage, as {flag} 5%"),
        )),
    }
}

/// The replicas' contract counts by handler, which for a plain path is the path.
fn default_counter(path: &str) -> String {
    let handler = path.split('?').next().unwrap_or("/");
    let handler = handler.replace('\\', "\\\\").replace('"', "\\\"");
    format!("http_requests_total{{handler=\"{handler}\"}}")
}

fn experiment(args: &RunArgs) -> Result<Experiment, UsageError> {
    let mut replica_args: Vec<(String, Vec<String>)> = Vec::new();
    for text in &args.replica_arg {
        let (whose, flag) = text.split_once('=').ok_or_else(|| {
            UsageError::new(
                format!("--replica-arg `{text}` is not GROUP[/N]=FLAG"),
                "give --replica-arg app-group-1/2=--service-time=fixed:20ms",
            )
        })?;
        match replica_args.iter_mut().find(|(known, _)| known == whose) {
            Some((_, flags)) => flags.push(flag.to_owned()),
            None => replica_args.push((whose.to_owned(), vec![flag.to_owned()])),
        }
    }
    Ok(Experiment {
        replica_args,
        policy: args.embedded_policy.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    #[test]
    fn times_that_no_run_can_last_are_refused() {
        for words in [
            "--stages 0:100,inf:100",
            "--stages 0:100,1e30:100",
            "--stages 0:100,NaN:100",
            "--warmup 18446744073709551615s",
            "--closed --duration 18446744073709551615s",
        ] {
            let cli = Cli::try_parse_from(std::iter::once("loadgen").chain(words.split(' ')));
            let error = invocation(cli.expect("well-formed flags")).expect_err(words);
            assert!(error.to_string().contains("day"), "{words}: {error}");
        }
    }

    #[test]
    fn a_bound_beyond_what_the_duration_holds_is_not_counted_up_to() {
        let words = "loadgen --arrivals poisson --duration 1s --requests 10000000000";
        let cli = Cli::try_parse_from(words.split(' ')).expect("well-formed flags");
        let plan = invocation(cli).expect("a plan").plan;
        assert_eq!(plan.duration, Duration::from_secs(1));
    }
}
