//! The bounds a plan must keep, each with the arithmetic in its message.

use std::time::Duration;

use super::{GroupPlan, Plan};
use crate::model::Nanos;

/// The longest span a histogram holds, to which a wait in the queue and an answer must add up.
const CEILING: Nanos = Nanos::CEILING;
/// Answers that one connection can carry in a second at the very most: 20 µs each, which only
/// loopback reaches.
const MOST_PER_CONNECTION: f64 = 50_000.0;
/// The most connections one address can open to one target: every port there is.
const MOST_CONNECTIONS: u32 = 60_000;

/// The longest run.
const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Why a plan cannot be run. Every message names the value; [`PlanError::hint`] the remedy.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PlanError {
    /// Nothing to measure.
    #[error("duration {0:?} leaves nothing to measure")]
    NoDuration(Duration),
    /// Too long.
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
    Threads {
        /// As asked for.
        threads: u32,
        /// As asked for.
        connections: u32,
    },
    /// A rate beyond what connections can carry.
    #[error(
        "{rate}/s to {host} is above the {most:.0}/s that {connections} connections can carry at 20 µs an answer"
    )]
    RateTooHigh {
        /// The group.
        host: String,
        /// Its peak rate.
        rate: f64,
        /// Connections per group.
        connections: u32,
        /// The bound.
        most: f64,
    },
    /// A time-out of zero, or one that the histogram could not hold.
    #[error("{what} {value:?} is outside of 1 ms to {most:?}")]
    Timeout {
        /// Which flag.
        what: &'static str,
        /// Its value.
        value: Duration,
        /// The longest allowed.
        most: Duration,
    },
    /// No replica at all, or more than a machine should start.
    #[error("{0} replicas per group are outside of 1 to 64")]
    Replicas(u32),
    /// No worker at all, or more than a machine has.
    #[error("{0} workers of the proxy are outside of 1 to 1024")]
    ProxyWorkers(u32),
    /// The same group twice.
    #[error("host group {0} is given twice")]
    Twice(String),
    /// A host name that cannot be a header.
    #[error("`{0}` cannot be a host name")]
    Host(String),
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
            Self::Threads { connections, .. } => {
                format!("give --threads from 1 to {connections}, or leave it out")
            }
            Self::RateTooHigh { rate, .. } => format!(
                "raise --connections to at least {:.0}, or lower the rate",
                (rate / MOST_PER_CONNECTION).ceil()
            ),
            Self::Timeout { what, .. } => format!("give a time with its unit, as {what} 5s"),
            Self::Replicas(_) => "give --replicas from 1 to 64; 2 is the default".into(),
            Self::ProxyWorkers(_) => {
                "give --proxy-workers the number of the proxy's worker processes; 1 where they share a rotation".into()
            }
            Self::Twice(host) => format!("give --host {host} once, with its rate as {host}=RPS"),
            Self::Host(_) => {
                "host groups are names like app-group-1, with an optional :port".into()
            }
        }
    }
}

/// Checks a plan whole. Everything behind this point relies on it.
pub fn validate(plan: Plan) -> Result<Plan, PlanError> {
    if plan.duration.is_zero() {
        return Err(PlanError::NoDuration(plan.duration));
    }
    let whole = plan.duration.saturating_add(plan.warmup);
    if whole > A_DAY {
        return Err(PlanError::TooLong(whole));
    }
    match plan.connections {
        0 => return Err(PlanError::NoConnections),
        n if n > MOST_CONNECTIONS => return Err(PlanError::TooManyConnections(n)),
        n if plan.threads == 0 || plan.threads > n => {
            return Err(PlanError::Threads {
                threads: plan.threads,
                connections: n,
            });
        }
        _ => {}
    }
    // A request may wait in the queue for as long as it may then take.
    timeout("--timeout", plan.timeout, Duration::from(CEILING) / 2)?;
    timeout(
        "--connect-timeout",
        plan.connect_timeout,
        Duration::from(CEILING) / 2,
    )?;
    if let Some(replicas) = plan.replicas.filter(|n| !(1..=64).contains(n)) {
        return Err(PlanError::Replicas(replicas));
    }
    if let Some(workers) = plan.proxy_workers.filter(|n| !(1..=1_024).contains(n)) {
        return Err(PlanError::ProxyWorkers(workers));
    }
    for (place, group) in plan.groups.iter().enumerate() {
        check_group(group, plan.connections)?;
        if plan.groups[..place]
            .iter()
            .any(|other| other.host == group.host)
        {
            return Err(PlanError::Twice(group.host.clone()));
        }
    }
    Ok(plan)
}

fn timeout(what: &'static str, value: Duration, most: Duration) -> Result<(), PlanError> {
    if (Duration::from_millis(1)..=most).contains(&value) {
        Ok(())
    } else {
        Err(PlanError::Timeout { what, value, most })
    }
}

fn check_group(group: &GroupPlan, connections: u32) -> Result<(), PlanError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    if group.host.is_empty() || group.host.len() > 255 || !group.host.bytes().all(plain) {
        return Err(PlanError::Host(group.host.clone()));
    }
    let requests = match &group.load {
        super::Load::Open { schedule } => schedule.requests,
        super::Load::Closed { requests } => *requests,
    };
    if requests == Some(0) {
        return Err(PlanError::NoRequests);
    }
    let most = f64::from(connections) * MOST_PER_CONNECTION;
    match group.load.peak_rate() {
        Some(rate) if rate > most => Err(PlanError::RateTooHigh {
            host: group.host.clone(),
            rate,
            connections,
            most,
        }),
        _ => Ok(()),
    }
}
