//! The validated run: complete, serialisable, and impossible to write wrongly.
//!
//! A run can be repeated from its plan. Behind this room nothing is checked again.
//!
//! **Invariant:** neither flags nor the environment are known here.

mod limits;
mod policy;
mod request;
mod threshold;

pub use limits::{PlanError, validate};
pub use policy::{Policy, PolicyError};
pub use request::{Request, RequestError};
pub use threshold::{
    Comparison, Figure, ReplicaFigure, SERVER_QUANTILES, Statistic, Threshold, ThresholdError,
    TimeKind, Unit,
};

pub use crate::schedule::{Process, Profile, ProfileError, Schedule, Stage};

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Everything a run is made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Plan {
    /// The host groups to load, each with its own load, in order.
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
    /// Generator threads.
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
    /// What is sent.
    pub request: Request,
    /// How an answer names its replica.
    pub replica_id: ReplicaIdSource,
    /// Where the load goes.
    pub stack: StackChoice,
    /// Replicas per group, for stacks that loadgen starts; absent leaves it to the stack.
    pub replicas: Option<u32>,
    /// What the proxy is supposed to do.
    pub policy: Policy,
    /// Workers of the proxy that each have a rotation of their own; absent leaves it to the stack.
    #[serde(default)]
    pub proxy_workers: Option<u32>,
    /// The replicas' counter that counts requests: `NAME{label="value"}`.
    pub counter: String,
    /// Thresholds that fail the run.
    pub thresholds: Vec<Threshold>,
}

/// One host group and its load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct GroupPlan {
    /// The `Host` header.
    pub host: String,
    /// The load it gets.
    pub load: Load,
}

/// How requests are released.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Load {
    /// By a schedule, whatever the answers do.
    Open {
        /// When.
        schedule: Schedule,
    },
    /// By the answers: each connection sends as soon as it is answered.
    Closed {
        /// The most requests, if bounded.
        requests: Option<u64>,
    },
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

/// Where an answer names its replica.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "in", content = "name")]
pub enum ReplicaIdSource {
    /// The body, a JSON string or plain text.
    Body,
    /// A header of this name.
    Header(String),
}

/// Where the load goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum StackChoice {
    /// The running compose stack if there is one, else embedded.
    Auto,
    /// Child processes on loopback.
    Embedded,
    /// This project's containers.
    Compose,
    /// Anything that listens.
    External {
        /// Its origin.
        target: String,
        /// Replicas' metrics pages by group.
        replicas: Vec<ReplicaPage>,
        /// The proxy's own metrics page: `stub_status` or a Prometheus page.
        proxy_metrics: Option<String>,
        /// The counter to read from it: `NAME{label="value"}`.
        proxy_counter: Option<String>,
        /// Whether certificates go unchecked.
        insecure: bool,
        /// A file with certificates to trust, PEM.
        cacert: Option<String>,
    },
}

/// A replica's metrics page given by hand. A name with several addresses is several replicas.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ReplicaPage {
    /// The host group it serves.
    pub group: String,
    /// The page.
    pub url: String,
}

impl Plan {
    /// The same plan for the groups a stack turned out to have, where none were named.
    #[must_use]
    pub fn for_groups(mut self, hosts: &[String], load: &Load) -> Self {
        if self.groups.is_empty() {
            let group = |host: &String| GroupPlan {
                host: host.clone(),
                load: load.clone(),
            };
            self.groups = hosts.iter().map(group).collect();
        }
        self
    }
}

impl Load {
    /// Arrivals per second that are intended at most; `None` in closed loop.
    #[must_use]
    pub fn peak_rate(&self) -> Option<f64> {
        match self {
            Self::Open { schedule } => Some(schedule.profile.peak()),
            Self::Closed { .. } => None,
        }
    }

    /// Whether arrivals are drawn, so that their number differs from rate × time by chance.
    #[must_use]
    pub fn is_random(&self) -> bool {
        match self {
            Self::Open { schedule } => schedule.process != Process::Constant,
            Self::Closed { .. } => false,
        }
    }
}

mod seconds {
    //! Durations as decimal seconds.
    use serde::{Deserialize as _, Deserializer, Serializer};
    use std::time::Duration;

    pub(super) fn serialize<S: Serializer>(span: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_f64(span.as_secs_f64())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        Duration::try_from_secs_f64(f64::deserialize(from)?).map_err(serde::de::Error::custom)
    }
}
