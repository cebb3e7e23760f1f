//! What is asked for ([`PlanSpec`]), and the validated run that becomes of it ([`Plan`]).
//!
//! A spec may leave things open: groups, defaults. It is resolved against the stack that was
//! found, and what comes out is complete: a run can be repeated from its plan alone.
//!
//! **Invariant:** a [`Plan`] is made by [`PlanFields::validate`] and by nothing else, also where it
//! is read from a file; behind this room nothing is checked again. Neither flags nor the
//! environment are known here.

mod body;
mod client;
mod events;
mod group;
mod limits;
mod memory;
mod replay;
mod request;
mod routes;
mod seconds;
mod spec;
mod text;
mod threads;
mod threshold;
mod traffic;
mod words;

pub use body::{Body, LargeFile};
pub use client::ClientRefused;
pub use group::{GroupPlan, Route};
pub use limits::PlanError;
pub use replay::ReplayPlan;
pub use request::{Request, RequestError};
pub use routes::RoutesRefused;
pub use spec::{GroupSpec, PlanSpec, Spacing, StackAsked};
pub use threshold::{
    Comparison, EventMetric, Metric, ReplicaMetric, SERVER_QUANTILES, Sense, Statistic, Threshold,
    ThresholdError, TimeKind, Unit,
};

pub use traffic::{DataPlan, RequestPlan};

pub use crate::schedule::{Load, Process, Profile, ProfileError, Schedule, Stage, Stages};

use std::collections::BTreeMap;
use std::ops::Deref;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{
    EmbeddedSpec, Memory, NameSource, PlannedEvent, Policy, Protocol, Selector, StackChoice, User,
};

/// A run that can be carried out: [`PlanFields`] that were validated, and cannot be changed since.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "PlanFields", into = "PlanFields")]
#[schemars(with = "PlanFields")]
pub struct Plan(PlanFields);

/// Everything a run is made of, before it is validated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[schemars(rename = "Plan")]
pub struct PlanFields {
    /// The host groups to load, each with its own load, in order; at least one.
    pub groups: Vec<GroupPlan>,
    /// Time before the measured part, kept out of every figure, in seconds.
    #[serde(with = "seconds")]
    #[schemars(with = "f64")]
    pub warmup: Duration,
    /// Length of the measured part, in seconds.
    #[serde(with = "seconds")]
    #[schemars(with = "f64")]
    pub duration: Duration,
    /// The most connections per group.
    pub connections: u32,
    pub threads: u32,
    /// How a thread waits for the next arrival.
    pub pacing: Pacing,
    /// How long an answer may take, in seconds.
    #[serde(with = "seconds")]
    #[schemars(with = "f64")]
    pub timeout: Duration,
    /// How long a connection may take to be made, in seconds.
    #[serde(with = "seconds")]
    #[schemars(with = "f64")]
    pub connect_timeout: Duration,
    /// The release lag that is tolerated at p99, in seconds.
    #[serde(with = "seconds", default = "spec::lag_budget")]
    #[schemars(with = "f64")]
    pub lag_budget: Duration,
    /// What the measurement may take of memory, in bytes.
    #[serde(default, skip_serializing_if = "Memory::is_usual")]
    pub memory: Memory,
    /// What groups send that have no requests of their own.
    pub request: Request,
    /// Of which request an arrival is, and of the values in it.
    #[serde(default = "spec::seed", skip_serializing_if = "spec::is_usual_seed")]
    pub seed: u64,
    /// The files whose rows requests take, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub data: BTreeMap<String, DataPlan>,
    /// The version of HTTP; absent where the target decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<Protocol>,
    /// Whether connections are used more than once.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub keep_alive: bool,
    /// Who asks, by basic authentication. The password is never written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<User>,
    /// The log whose requests are sent again, where it is one that gives the load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<ReplayPlan>,
    /// How an answer names its replica.
    pub replica_id: NameSource,
    /// Where the load goes.
    pub stack: StackChoice,
    /// What an embedded stack is told.
    #[serde(default)]
    pub embedded: EmbeddedSpec,
    /// Replicas per group, for stacks that loadgen starts; absent leaves it to the stack.
    pub replicas: Option<u32>,
    /// What the proxy is supposed to do.
    pub policy: Policy,
    /// Workers of the proxy that each have a rotation of their own; absent leaves it to the stack.
    #[serde(default)]
    pub proxy_workers: Option<u32>,
    /// The replicas' counter that counts requests.
    pub counter: Selector,
    /// What fails the run where it is met.
    pub thresholds: Vec<Threshold>,
    /// What fails the run where it does not hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub require: Vec<Threshold>,
    /// What is done to the stack while the load goes on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<PlannedEvent>,
    /// Length of the windows near events, in seconds.
    #[serde(with = "seconds", default = "spec::window")]
    #[schemars(with = "f64")]
    pub window: Duration,
}

const fn yes() -> bool {
    true
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the form that serde calls"
)]
const fn is_yes(value: &bool) -> bool {
    *value
}

/// How a thread waits for the next arrival.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Pacing {
    /// By a kernel timer: idle between arrivals.
    #[default]
    Timer,
    /// By a kernel timer until shortly before, then by polling: costs a core.
    Spin,
}

impl FromStr for Pacing {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "timer" => Ok(Self::Timer),
            "spin" => Ok(Self::Spin),
            _ => Err(format!("`{text}` is neither timer nor spin")),
        }
    }
}

impl Deref for Plan {
    type Target = PlanFields;

    fn deref(&self) -> &PlanFields {
        &self.0
    }
}

impl From<Plan> for PlanFields {
    fn from(plan: Plan) -> Self {
        plan.0
    }
}

impl TryFrom<PlanFields> for Plan {
    type Error = PlanError;

    fn try_from(fields: PlanFields) -> Result<Self, PlanError> {
        fields.validate()
    }
}

impl PlanFields {
    /// Checks a plan whole. Everything behind this point relies on it.
    pub fn validate(mut self) -> Result<Plan, PlanError> {
        replay::settle(&mut self)?;
        limits::check(&self)?;
        Ok(Plan(self))
    }
}

impl Plan {
    /// The same run held to other thresholds.
    #[must_use]
    pub fn with_thresholds(mut self, fail_if: Vec<Threshold>, require: Vec<Threshold>) -> Self {
        self.0.thresholds = fail_if;
        self.0.require = require;
        self
    }

    /// Every threshold with what it is for, those that fail the run where they are met first.
    pub fn all_thresholds(&self) -> impl Iterator<Item = (Sense, &Threshold)> {
        let fail_if = self.thresholds.iter().map(|one| (Sense::FailIf, one));
        fail_if.chain(self.require.iter().map(|one| (Sense::Require, one)))
    }
}

#[cfg(test)]
mod tests;
