//! The bounds a plan must keep, each with the arithmetic in its message.

use std::time::Duration;

use super::{ClientRefused, RequestError, client, events, memory, threads};
use super::{GroupPlan, Load, Metric, PlanFields, RoutesRefused};
use crate::model::{Memory, Nanos, Policy, RateError, StackKind};

/// The longest span a histogram holds, to which a wait in the queue and an answer must add up.
const CEILING: Nanos = Nanos::CEILING;
/// Answers that one connection can carry in a second at the very most: 20 µs each, which only
/// loopback reaches.
const MOST_PER_CONNECTION: f64 = 50_000.0;
/// The smallest budget that a clock could tell from none.
const LEAST_LAG_BUDGET: Duration = Duration::from_micros(10);
/// The most connections one address can open to one target: every port there is.
pub(super) const MOST_CONNECTIONS: u32 = 60_000;
/// The most requests of a group.
const MOST_REQUESTS: u64 = 100_000_000_000;
const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Why a plan cannot be run. Every message names the value; [`PlanError::hint`] the remedy.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PlanError {
    #[error("duration {0:?} leaves nothing to measure")]
    NoDuration(Duration),
    #[error("duration {0:?} is longer than a day")]
    TooLong(Duration),
    /// A bound on requests of zero.
    #[error("0 requests leave nothing to measure")]
    NoRequests,
    /// No connection at all.
    #[error("0 connections can carry no request")]
    NoConnections,
    /// More connections than ports.
    #[error(
        "{0} connections per host group are more than the {MOST_CONNECTIONS} that ports can carry"
    )]
    TooManyConnections(u32),
    /// More threads than connections, or none.
    #[error("{threads} threads cannot share {connections} connections")]
    Threads { threads: u32, connections: u32 },
    /// More threads than machines have cores.
    #[error(
        "{threads} threads are more than the {} that could have a core each; for {groups} \
         host groups their histograms alone take {:.1} GB",
        threads::MOST,
        threads::tallied_gb(*.threads, *.groups)
    )]
    TooManyThreads { threads: u32, groups: usize },
    /// A rate beyond what connections can carry.
    #[error(
        "{rate}/s to {host} is above the {most:.0}/s that {connections} connections can carry at 20 µs an answer"
    )]
    RateTooHigh {
        host: String,
        rate: f64,
        connections: u32,
        most: f64,
    },
    #[error("memory of {0} is outside of {least} to {most}", least = memory::LEAST, most = memory::MOST)]
    Memory(Memory),
    /// A time of zero, or one that the histogram could not hold.
    #[error("{what} {value:?} is outside of {least:?} to {most:?}")]
    Span {
        what: &'static str,
        value: Duration,
        least: Duration,
        most: Duration,
    },
    /// No replica at all, or more than a machine should start.
    #[error("{0} replicas per group are outside of 1 to 64")]
    Replicas(u32),
    /// No worker at all, or more than a machine has.
    #[error("{0} workers of the proxy are outside of 1 to 1024")]
    ProxyWorkers(u32),
    /// No group at all.
    #[error("a plan without a host group loads nothing")]
    NoGroups,
    /// The same group twice.
    #[error("host group {0} is given twice")]
    Twice(String),
    /// More requests than a day can hold.
    #[error("{0} requests are more than a day can hold")]
    TooManyRequests(u64),
    /// A weight of zero.
    #[error("policy {0} has a weight of 0")]
    Weights(String),
    /// A schedule that is not of this run.
    #[error(
        "the schedule of {group} has {warmup:?} of warm-up and {duration:?} after it, which are not the run's"
    )]
    Spans {
        group: String,
        /// Its warm-up.
        warmup: Duration,
        duration: Duration,
    },
    /// The request cannot be written.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// One of several requests cannot be written.
    #[error("request {request} of {group}: {reason}")]
    RequestOf {
        group: String,
        request: String,
        reason: String,
    },
    /// A threshold of a request that no group has.
    #[error("`{metric}` is no metric of the record, and no group has a request `{request}`")]
    NoSuchRequest { metric: String, request: String },
    /// A file of data cannot be used.
    #[error("data {name}: {reason}")]
    Data { name: String, reason: String },
    /// A log that cannot be replayed so.
    #[error("the log {file} cannot be replayed: {reason}")]
    Replay { file: String, reason: String },
    #[error("group {0} has recorded arrivals, and the plan no log")]
    NoReplay(String),
    #[error("--replay says what is sent and when, and {0} says it otherwise")]
    BesideReplay(&'static str),
    #[error("speed {0} is outside of 0.01 to 1000")]
    Speed(f64),
    #[error("--speed is that of a log, and no --replay is given")]
    SpeedOfNothing,
    /// The routes are none that a load can take.
    #[error(transparent)]
    Routes(#[from] RoutesRefused),
    /// A rate that is none.
    #[error("rate: {0}")]
    Rate(#[from] RateError),
    /// An external stack and another one.
    #[error("--target names a stack of its own, and --stack another")]
    TwoStacks,
    /// An external stack without an address.
    #[error("an external stack has no address")]
    NoTarget,
    /// An option of external stacks, without one.
    #[error("{0} is for external stacks, and no --target is given")]
    ForExternal(&'static str),
    /// The load cannot show itself as asked.
    #[error(transparent)]
    Client(#[from] ClientRefused),
    /// A host name that cannot be a header.
    #[error("`{0}` cannot be a host name")]
    Host(String),
    #[error("windows of {0:?} do not fill a second")]
    Window(Duration),
    #[error("{0} events are more than a page can show")]
    TooManyEvents(usize),
    #[error("event `{event}` is not before the end of the measured part, {duration:?}")]
    EventAfterEnd { event: String, duration: Duration },
    #[error("events `{one}` and `{other}` overlap on one replica")]
    EventsOverlap { one: String, other: String },
    #[error("event `{event}` is about {group}, which gets no load")]
    EventGroup {
        event: String,
        group: String,
        loaded: Vec<String>,
    },
    #[error("event `{event}` names a replica that is not there: {group} has {there}")]
    EventReplica {
        event: String,
        group: String,
        there: u32,
    },
    /// The stack has no means for it.
    #[error("event `{event}` cannot be carried out on the {kind} stack: {lacks}")]
    EventStack {
        event: String,
        kind: StackKind,
        lacks: &'static str,
    },
}

impl PlanError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::NoDuration(_) | Self::TooLong(_) => {
                "give a time with its unit, as --duration 10s".into()
            }
            Self::NoRequests => "give --requests at least 1, or leave it out".into(),
            Self::NoConnections => "give --connections at least 1; 64 is the default".into(),
            Self::TooManyConnections(_) => {
                "lower --connections; HTTP keep-alive reuses each of them".into()
            }
            Self::Threads { connections, .. } => threads::hint(*connections),
            Self::TooManyThreads { .. } => {
                "leave --threads out, for one per core at most".into()
            }
            Self::RateTooHigh { rate, .. } => format!(
                "raise --connections to at least {:.0}, or lower the rate",
                (rate / MOST_PER_CONNECTION).ceil()
            ),
            Self::Memory(_) => "give --memory a size with its unit; 256MB is the default".into(),
            Self::Span { what, .. } => format!("give a time with its unit, as {what} 5s"),
            Self::Replicas(_) => "give --replicas from 1 to 64; 2 is the default".into(),
            Self::ProxyWorkers(_) => {
                "give --proxy-workers the number of the proxy's worker processes; 1 where they share a rotation".into()
            }
            Self::NoGroups => "give --host NAME, or a [[group]] with a host in the file".into(),
            Self::TooManyRequests(_) => {
                "give --requests a smaller number, or --duration instead".into()
            }
            Self::Weights(_) => "weights are whole numbers, as round-robin:3,1; 0 is a standby, and not all can be".into(),
            Self::Spans { .. } => {
                "warm-up and duration are the run's, and each group's schedule has the same".into()
            }
            Self::Twice(host) => format!("give --host {host} once, with its rate as {host}=RPS"),
            Self::RequestOf { .. } => {
                "see docs/plans.md: name, weight, method, path, headers, body and the variables in them".into()
            }
            Self::NoSuchRequest { .. } => {
                "thresholds are like p99>50ms, service.p99.9>20ms, error_rate>0.1%, or NAME.p99<80ms for a request of the plan file".into()
            }
            Self::Data { .. } => {
                "give [data.NAME] a CSV file with a header line, its path seen from the plan file".into()
            }
            Self::Replay { .. } => {
                "give --host one group, or those that the log names; --duration and --warmup cut it".into()
            }
            Self::NoReplay(_) => "take the plan as it was stored".into(),
            Self::BesideReplay(_) => {
                "leave out one of the two; --speed, --duration and --header go with --replay".into()
            }
            Self::Speed(_) => "give --speed a number, as 2 for twice as fast or 0.5 for half".into(),
            Self::Routes(refused) => refused.hint(),
            Self::SpeedOfNothing => "give --replay ACCESS.LOG too, or --rps for a rate".into(),
            Self::Request(error) => error.hint(),
            Self::Rate(_) => "give --rps, or --host NAME=RPS, a number of requests per second above 0, as 500 or 0.5".into(),
            Self::TwoStacks => "leave out one of the two".into(),
            Self::NoTarget => "give --target URL, as http://127.0.0.1:8080".into(),
            Self::ForExternal(_) => {
                "give --target URL too; the embedded and compose stacks are discovered".into()
            }
            Self::Window(_) => "give --window a whole part of a second, from 10ms on, as 100ms or 250ms".into(),
            Self::TooManyEvents(_) => "give --event at most 100 times".into(),
            Self::EventAfterEnd { .. } => {
                "move it forward, or lengthen --duration; after an event some seconds are needed to see it end".into()
            }
            Self::EventsOverlap { .. } => {
                "let the second begin when the first is over, or name another replica".into()
            }
            Self::EventGroup { loaded, .. } => {
                format!("name one of the loaded groups, {}, or load it with --host", loaded.join(", "))
            }
            Self::EventReplica { .. } => {
                "replicas are GROUP/N in the order of `loadgen ps`, from 1; --replicas says how many there are".into()
            }
            Self::EventStack { .. } => {
                "use --stack compose, which has every verb, or `exec` with a command of your own".into()
            }
            Self::Client(refused) => refused.hint(),
            Self::Host(_) => {
                "host groups are names like app-group-1, with an optional :port".into()
            }
        }
    }
}

pub(super) fn check(plan: &PlanFields) -> Result<(), PlanError> {
    if plan.duration.is_zero() {
        return Err(PlanError::NoDuration(plan.duration));
    }
    let whole = plan.duration.saturating_add(plan.warmup);
    if whole > A_DAY {
        return Err(PlanError::TooLong(whole));
    }
    threads::check(plan.threads, plan.connections, plan.groups.len())?;
    if !(memory::LEAST..=memory::MOST).contains(&plan.memory) {
        return Err(PlanError::Memory(plan.memory));
    }
    // A request may wait in the queue for as long as it may then take.
    let (millisecond, most) = (Duration::from_millis(1), Duration::from(CEILING) / 2);
    span("--timeout", plan.timeout, millisecond, most)?;
    span("--connect-timeout", plan.connect_timeout, millisecond, most)?;
    span("--lag-budget", plan.lag_budget, LEAST_LAG_BUDGET, most)?;
    if let Some(replicas) = plan.replicas.filter(|n| !(1..=64).contains(n)) {
        return Err(PlanError::Replicas(replicas));
    }
    if let Some(workers) = plan.proxy_workers.filter(|n| !(1..=1_024).contains(n)) {
        return Err(PlanError::ProxyWorkers(workers));
    }
    check_policy(&plan.policy)?;
    check_policy(&plan.embedded.policy)?;
    check_window(plan.window)?;
    check_groups(plan)?;
    super::routes::check(plan)?;
    check_thresholds(plan)?;
    events::check(plan)?;
    client::check(plan)?;
    super::traffic::compile(plan).map(drop)
}

fn check_thresholds(plan: &PlanFields) -> Result<(), PlanError> {
    let requests = || plan.groups.iter().flat_map(|group| &group.requests);
    for threshold in plan.thresholds.iter().chain(&plan.require) {
        if let Metric::OfRequest(name, _) = &threshold.metric
            && !requests().any(|request| request.name == *name)
        {
            return Err(PlanError::NoSuchRequest {
                metric: threshold.metric.to_string(),
                request: name.clone(),
            });
        }
    }
    Ok(())
}

/// Windows near events must fill a second.
fn check_window(window: Duration) -> Result<(), PlanError> {
    let (least, most) = (Duration::from_millis(10), Duration::from_secs(1));
    let is_part = !window.is_zero() && most.as_nanos() % window.as_nanos() == 0;
    if is_part {
        span("--window", window, least, most)
    } else {
        Err(PlanError::Window(window))
    }
}

fn check_policy(policy: &Policy) -> Result<(), PlanError> {
    match policy {
        Policy::RoundRobin { weights } | Policy::Random { weights }
            if !weights.is_empty() && weights.iter().all(|weight| *weight == 0) =>
        {
            Err(PlanError::Weights(policy.to_string()))
        }
        _ => Ok(()),
    }
}

fn check_groups(plan: &PlanFields) -> Result<(), PlanError> {
    if plan.groups.is_empty() {
        return Err(PlanError::NoGroups);
    }
    for (place, group) in plan.groups.iter().enumerate() {
        check_group(group, plan)?;
        let mut before = plan.groups[..place].iter();
        if before.any(|other| other.name == group.name) {
            return Err(PlanError::Twice(group.name.clone()));
        }
    }
    Ok(())
}

fn span(
    what: &'static str,
    value: Duration,
    least: Duration,
    most: Duration,
) -> Result<(), PlanError> {
    if (least..=most).contains(&value) {
        Ok(())
    } else {
        Err(PlanError::Span {
            what,
            value,
            least,
            most,
        })
    }
}

fn check_group(group: &GroupPlan, plan: &PlanFields) -> Result<(), PlanError> {
    let connections = plan.connections;
    if !crate::traffic::is_host(&group.host) {
        return Err(PlanError::Host(group.host.clone()));
    }
    match group.load.requests() {
        Some(0) => return Err(PlanError::NoRequests),
        Some(n) if n > MOST_REQUESTS => return Err(PlanError::TooManyRequests(n)),
        _ => {}
    }
    if let Load::Open { schedule } = &group.load {
        let spans = (schedule.warmup, schedule.duration);
        if spans.0 != Nanos::from(plan.warmup) || spans.1 > Nanos::from(plan.duration) {
            return Err(PlanError::Spans {
                group: group.name.clone(),
                warmup: spans.0.into(),
                duration: spans.1.into(),
            });
        }
    }
    let most = f64::from(connections) * MOST_PER_CONNECTION;
    match group.peak_rate() {
        Some(rate) if rate > most => Err(PlanError::RateTooHigh {
            host: group.host.clone(),
            rate,
            connections,
            most,
        }),
        _ => Ok(()),
    }
}
