//! From flags to what they ask for: each text is read once, and its error names the flag.

use std::fmt::Display;
use std::path::Path;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use super::args::RunArgs;
use super::attach::{attach_log, digest};
use super::user::{take_from_target, user};
use super::{UsageError, config};
use crate::input::{self, Limit};
use crate::model::{PlannedEvent, PlannedEventError, span_of};
use crate::plan::{Body, GroupSpec, PlanSpec, ReplayPlan, Stages, Threshold};

/// What the flags ask for, over what a plan file asks for where there is one.
pub fn spec(args: RunArgs, file: Option<&Path>) -> Result<PlanSpec, UsageError> {
    let said = said(args)?;
    let spec = match file {
        Some(path) => said.over(config::read(path)?),
        None => said,
    };
    Ok(spec)
}

/// The same, checked, and with as many threads as fit this machine where nobody said how many.
pub fn ready(mut spec: PlanSpec) -> Result<PlanSpec, UsageError> {
    if spec.threads.is_none() {
        spec.threads = Some(default_threads(spec.connections.unwrap_or(64)));
    }
    spec.check()?;
    Ok(spec)
}

fn said(args: RunArgs) -> Result<PlanSpec, UsageError> {
    let mut spec = as_typed(args)?;
    take_from_target(&mut spec)?;
    Ok(spec)
}

fn as_typed(args: RunArgs) -> Result<PlanSpec, UsageError> {
    let host: Vec<_> = (args.host.iter())
        .map(|text| group(text, &args))
        .collect::<Result<_, _>>()?;
    Ok(PlanSpec {
        duration: span("--duration", args.duration.as_deref())?,
        warmup: span("--warmup", args.warmup.as_deref())?,
        timeout: span("--timeout", args.timeout.as_deref())?,
        connect_timeout: span("--connect-timeout", args.connect_timeout.as_deref())?,
        lag_budget: span("--lag-budget", args.lag_budget.as_deref())?,
        memory: optional(args.memory.as_deref(), "--memory: ", MEMORY_HINT)?,
        rps: optional(args.rps.as_deref(), "rate: ", RATE_HINT)?,
        stages: (args.stages.as_deref()).map(stages).transpose()?,
        closed: args.closed,
        requests: args.requests,
        arrivals: args.arrivals,
        seed: args.seed,
        connections: args.connections,
        threads: args.threads,
        pacing: args.pacing,
        replay: args.replay.map(replayed).transpose()?,
        speed: args.speed,
        path: args.path,
        method: args.method,
        header: args.header,
        body: args.body.as_deref().map(body_of).transpose()?,
        stack: args.stack,
        target: args.target,
        replica: each(&args.replica, "--replica ", PAGE_HINT)?,
        replica_id: optional(args.replica_id.as_deref(), "--replica-id ", NAME_HINT)?,
        replicas: optional(args.replicas.as_deref(), "--replicas: ", REPLICAS_HINT)?,
        proxy_metrics: args.proxy_metrics,
        proxy_counter: optional(
            args.proxy_counter.as_deref(),
            "--proxy-counter ",
            COUNTER_HINT,
        )?,
        proxy_workers: args.proxy_workers,
        insecure: args.insecure,
        cacert: args.cacert,
        cert: args.cert,
        key: args.key,
        http: args.http,
        no_keep_alive: args.no_keep_alive,
        user: args.user.as_deref().map(user).transpose()?,
        via: each(&args.via, "--via: ", "give --via proxy,direct")?,
        policy: optional(args.policy.as_deref(), "--policy: ", POLICY_HINT)?,
        counter: optional(args.counter.as_deref(), "--counter ", COUNTER_HINT)?,
        fail_if: thresholds("--fail-if", &args.fail_if)?,
        require: thresholds("--require", &args.require)?,
        replica_arg: each(&args.replica_arg, "--replica-arg ", ARG_HINT)?,
        embedded_policy: optional(args.embedded_policy.as_deref(), "", "")?,
        embedded_retries: optional(
            args.embedded_retries.as_deref(),
            "--embedded-retries ",
            "give --embedded-retries off, connect or on",
        )?,
        window: span("--window", args.window.as_deref())?,
        event: events(&args.event)?,
        host,
        group: Vec::new(),
        data: std::collections::BTreeMap::new(),
    })
}

fn replayed(file: String) -> Result<ReplayPlan, UsageError> {
    attach_log(ReplayPlan::of(file), Path::new(""))
}

const RATE_HINT: &str = "give --rps, or --host NAME=RPS, a number of requests per second above 0, as 500 or 0.5: 30k is 30000, and 90 a minute are 1.5";
const MEMORY_HINT: &str = "give --memory a whole number with its unit, as 256MB, 1GB or 512MiB";
const REPLICAS_HINT: &str = "give --replicas a whole number, as 2";
const PAGE_HINT: &str = "give --replica app-group-1=http://127.0.0.1:9101/metrics";
const NAME_HINT: &str = "give --replica-id header:X-Replica, or leave it out for the body";
const POLICY_HINT: &str =
    "policies are round-robin, round-robin:3,1, random, least-conn, hash and none";
const COUNTER_HINT: &str = "give --counter as NAME{label=\"value\"}";
const ARG_HINT: &str = "give --replica-arg app-group-1/2=--service-time=fixed:20ms";

fn optional<T>(text: Option<&str>, what: &str, hint: &str) -> Result<Option<T>, UsageError>
where
    T: FromStr<Err: Display>,
{
    let parse = |text: &str| {
        let refused = |reason| UsageError::new(format!("{what}{reason}"), hint);
        text.parse().map_err(refused)
    };
    text.map(parse).transpose()
}

fn each<T>(texts: &[String], what: &str, hint: &str) -> Result<Vec<T>, UsageError>
where
    T: FromStr<Err: Display>,
{
    let parse = |text: &String| optional(Some(text), what, hint);
    let values: Result<Vec<Option<T>>, UsageError> = texts.iter().map(parse).collect();
    Ok(values?.into_iter().flatten().collect())
}

fn group(text: &str, args: &RunArgs) -> Result<GroupSpec, UsageError> {
    match text.split_once('=') {
        Some((_, rate)) if args.closed || args.stages.is_some() => Err(UsageError::new(
            format!(
                "--host {text} gives a rate of {rate}, which --closed and --stages leave no room for"
            ),
            "leave the rate out, or leave --closed and --stages out",
        )),
        _ => text
            .parse()
            .map_err(|error| UsageError::new(format!("rate: {error}"), RATE_HINT)),
    }
}

pub(super) fn span(flag: &str, text: Option<&str>) -> Result<Option<Duration>, UsageError> {
    let parse = |text| {
        span_of(text).map_err(|error| {
            UsageError::new(
                format!("{flag} `{text}` is no length of time: {error}"),
                format!("give it a number with its unit, as {flag} 10s, 500ms or 1m30s"),
            )
        })
    };
    text.map(parse).transpose()
}

/// An instant by the wall clock.
pub(super) fn instant(flag: &str, text: &str) -> Result<SystemTime, UsageError> {
    humantime::parse_rfc3339(text).map_err(|reason| {
        UsageError::new(
            format!("{flag} `{text}` is no instant: {reason}"),
            "give it in UTC, as 2026-01-31T23:59:59Z",
        )
    })
}

fn stages(text: &str) -> Result<Stages, UsageError> {
    text.parse().map_err(|error| {
        UsageError::new(
            format!("--stages {text}: {error}"),
            "stages are TIME:RPS, as --stages 0:100,30s:500,60s:500, the first at 0",
        )
    })
}

fn events(texts: &[String]) -> Result<Vec<PlannedEvent>, UsageError> {
    let parse = |text: &String| {
        text.parse().map_err(|error: PlannedEventError| {
            UsageError::new(format!("--event `{text}`: {error}"), error.hint())
        })
    };
    texts.iter().map(parse).collect()
}

/// Cores, at most one per 16 connections.
fn default_threads(connections: u32) -> u32 {
    let cores = std::thread::available_parallelism().map_or(1, |n| n.get() as u32);
    cores.min(connections / 16).max(1)
}

/// A body as it is given: the text itself, or `@FILE`.
pub(super) fn body_of(text: &str) -> Result<Body, UsageError> {
    match text.strip_prefix('@') {
        None => Ok(text.as_bytes().to_vec().into()),
        Some(path) => match input::read(Path::new(path), Limit::BODY) {
            Ok(bytes) => Ok(Body::of_file(path.to_owned(), digest(&bytes), bytes)),
            Err(reason) => {
                let usual = "give --body @FILE the path of a file, or the body itself";
                Err(UsageError::new(
                    format!("body file {path} cannot be read: {reason}"),
                    reason.hint().unwrap_or_else(|| usual.into()),
                ))
            }
        },
    }
}

/// Thresholds as they are typed behind a flag.
pub fn thresholds(flag: &str, texts: &[String]) -> Result<Vec<Threshold>, UsageError> {
    let parse = |text: &String| {
        text.parse().map_err(|error| {
            UsageError::new(
                format!("{flag} `{text}`: {error}"),
                "thresholds are like p99>50ms, service.p99.9>20ms, lag.max>1ms, error_rate>0.1%, achieved<99%, dropped>0",
            )
        })
    };
    let parsed: Vec<Threshold> = texts.iter().map(parse).collect::<Result<_, _>>()?;
    unambiguous(flag, &parsed)?;
    Ok(parsed)
}

/// Refuses a share without `%`, for 0.1 may be meant as a share or as a percentage.
pub(super) fn unambiguous(flag: &str, thresholds: &[Threshold]) -> Result<(), UsageError> {
    let Some(threshold) = thresholds.iter().find(|one| one.is_bare_share()) else {
        return Ok(());
    };
    let text = threshold.to_string();
    let name = text.trim_end_matches(|c: char| !matches!(c, '<' | '>' | '='));
    let (number, share) = (&text[name.len()..], threshold.limit * 100.0);
    Err(UsageError::new(
        format!("{flag} `{text}`: {number} could be {number}% or {share}%"),
        format!("write {name}{share}% if it is a share of 1, or {name}{number}%"),
    ))
}

/// A share as a percentage: `5%`. Without the sign, 5 might be anything.
pub fn share(flag: &str, text: &str) -> Result<f64, UsageError> {
    let number = text
        .strip_suffix('%')
        .map(|text| text.trim().parse::<f64>());
    match number {
        Some(Ok(number)) if number.is_finite() && number >= 0.0 => Ok(number / 100.0),
        _ => Err(UsageError::new(
            format!("{flag} `{text}` is no share"),
            format!("give it a percentage, as {flag} 5%"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::super::args::Cli;
    use super::*;
    use clap::Parser as _;

    fn checked(words: &str) -> Result<PlanSpec, UsageError> {
        let words = std::iter::once("loadgen").chain(words.split(' '));
        let cli = Cli::try_parse_from(words).expect("well-formed flags");
        ready(spec(cli.run, None)?)
    }

    #[test]
    fn times_that_no_run_can_last_are_refused() {
        for words in [
            "--stages 0:100,25h:100",
            "--stages 0:100,18446744073709551615s:100",
            "--warmup 18446744073709551615s",
            "--closed --duration 18446744073709551615s",
        ] {
            let error = checked(words).expect_err(words);
            assert!(error.to_string().contains("day"), "{words}: {error}");
        }
    }

    #[test]
    fn what_has_no_unit_or_one_of_two_meanings_is_refused_with_the_remedy() {
        for (words, message, remedy) in [
            ("--duration 10", "`10` has no unit", "--duration 10s, 500ms"),
            ("--timeout 5M", "`M` could be minutes", "--timeout 10s"),
            ("--stages 0:1,30:5", "`30` has no unit", "0:100,30s:500"),
            ("--rps 30k", "`30k` is not a number", "30k is 30000"),
            (
                "--rps 90/m",
                "`90/m` is not a number",
                "90 a minute are 1.5",
            ),
            (
                "--fail-if error_rate>0.1",
                "0.1 could be 0.1% or 10%",
                "error_rate>10% if",
            ),
            (
                "--require achieved>=0.99",
                "0.99 could be 0.99% or 99%",
                "achieved>=99% if",
            ),
            ("--require p99<50", "needs a time with its unit", "p99>50ms"),
        ] {
            let error = checked(words).expect_err(words);
            assert!(error.to_string().contains(message), "{words}: {error}");
            assert!(error.hint().contains(remedy), "{words}: {}", error.hint());
        }
        assert!(share("--max-regression", "5").is_err());
        for words in ["--rps 500/s", "--fail-if error_rate>0", "--warmup 0s"] {
            assert!(checked(words).is_ok(), "{words}");
        }
    }

    #[test]
    fn a_bound_beyond_what_the_duration_holds_is_not_counted_up_to() {
        let words = "--arrivals poisson --duration 1s --requests 10000000000";
        let spec = checked(words).expect("a spec");
        assert_eq!(spec.duration, Some(Duration::from_secs(1)));
    }
}
