//! `record.json`, version 1: everything a run has to tell. All else is drawn from it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Ground;
use super::RouteCost;
use super::aged;
use super::{
    Balance, Certificate, CrossCheck, EventRecord, Finding, IntervalRecord, Quantiles,
    RequestRecord, ServerTime, ThresholdResult, Verdict, WorkerRecord,
};
use crate::model::{CpuUse, Machine, Reason, StackKind};
use crate::plan::{Plan, Route};
use crate::recorder::Connections;
use crate::recorder::StallSecond;

/// Bumped when a field changes its meaning, never when one is added.
pub const SCHEMA_VERSION: u32 = 1;

/// A whole run. Times are integer nanoseconds, rates per second, shares 0–1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Record {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// When and what.
    pub run: RunInfo,
    /// The validated run, complete: it can be repeated from this.
    pub plan: Plan,
    /// Where it ran.
    pub environment: Environment,
    /// What it went through.
    pub stack: StackInfo,
    /// Pass, fail or invalid.
    pub verdict: Verdict,
    /// In order of weight.
    pub findings: Vec<Finding>,
    /// One per host group, in plan order.
    pub groups: Vec<GroupRecord>,
    /// Seconds in an interval; absent where it is one. A run that is too long to keep each second has
    /// longer ones, which hold what their seconds held, bucket by bucket.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub interval_s: u64,
    /// One per [`Self::interval_s`] and group, in order of time.
    #[serde(deserialize_with = "aged::in_bounds")]
    pub intervals: Vec<IntervalRecord>,
    /// What was done to the stack while the load went on, in the plan's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<EventRecord>,
    /// What the proxy costs, where groups were loaded by both routes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<RouteCost>,
    /// One per threshold and group.
    #[serde(default)]
    pub thresholds: Vec<ThresholdResult>,
    /// Why the measurement can be believed, or why not.
    #[serde(default)]
    pub certificate: Certificate,
    /// How each generator thread fared.
    #[serde(default)]
    pub threads: Vec<ThreadInfo>,
    /// What became of each worker, where several sent the load.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub workers: Vec<WorkerRecord>,
    /// Whether all that was sent is here: the run came to its end by itself, and every worker
    /// delivered. Old records do not tell, and say so by `run.interrupted` alone.
    #[serde(default = "yes")]
    pub complete: bool,
}

const fn one() -> u64 {
    1
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the form that serde calls"
)]
const fn is_one(seconds: &u64) -> bool {
    *seconds == 1
}

const fn yes() -> bool {
    true
}

/// The generator's machine, and what it did during the measured part.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Environment {
    #[serde(flatten)]
    pub machine: Machine,
    /// The time for which this process could not run; absent in old records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stalls: Option<StallInfo>,
}

/// The time for which the generator's process could not run at all, by a thread that looks at the
/// clock every two milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StallInfo {
    /// The part of the measured part that was lost, 0–1.
    pub lost_share: f64,
    /// The longest stall, in nanoseconds.
    pub longest: u64,
    /// The seconds that had any.
    pub by_second: Vec<StallSecond>,
    /// The time for which a CPU quota held this process back, in nanoseconds; absent where the kernel
    /// does not say.
    pub throttled: Option<u64>,
    /// The time of all CPUs that a hypervisor gave to others, in nanoseconds; absent where the kernel
    /// does not say.
    pub stolen: Option<u64>,
}

/// When a run was, and what was asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunInfo {
    /// The folder's name: UTC time and hosts.
    pub id: String,
    /// RFC 3339, UTC.
    pub started_at: String,
    /// Length of the measured part that took place, in seconds.
    pub duration_s: f64,
    /// Length of the warm-up that took place, in seconds.
    pub warmup_s: f64,
    /// The command as it was typed.
    pub command: Vec<String>,
    /// The version that wrote this.
    pub loadgen_version: String,
    /// Whether a signal cut it short.
    #[serde(default)]
    pub interrupted: bool,
}

/// The stack as it was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StackInfo {
    /// Embedded, compose or external.
    pub kind: StackKind,
    /// Why this one was taken.
    #[serde(default)]
    pub why: String,
    /// The proxy's name.
    pub proxy: String,
    /// The proxy's origin.
    pub target: String,
    /// Every replica known by its metrics page.
    pub replicas: Vec<ReplicaInfo>,
    /// How busy its containers were, where their engine tells.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cpu: Vec<CpuUse>,
}

/// One replica as it was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReplicaInfo {
    /// The host group it serves.
    pub group: String,
    /// The name it gives in its answers.
    pub id: String,
    /// Its metrics page.
    pub metrics_url: String,
}

/// One host group, over the whole measured part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GroupRecord {
    /// The host group.
    pub host: String,
    /// What the group is called, where that is not its host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The way its requests took.
    #[serde(default)]
    pub route: Route,
    /// What became of every planned request.
    pub requests: RequestCounts,
    /// Planned, sent and completed per second.
    pub rate: Rates,
    /// done − due: what a user would have felt.
    pub response_time: Quantiles,
    /// done − sent: what the system did once asked.
    pub service_time: Quantiles,
    /// sent − due: what came before it left.
    pub send_lag: Quantiles,
    /// released − due: the generator's part of the send lag; absent in old records.
    #[serde(default)]
    pub release_lag: Quantiles,
    /// sent − released: the wait for a connection; absent in old records.
    #[serde(default)]
    pub connection_wait: Quantiles,
    /// Answers by status.
    pub status: BTreeMap<String, u64>,
    /// Failures without an answer, by class.
    pub errors: BTreeMap<String, u64>,
    /// The first failure of each class, in words.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub error_reasons: BTreeMap<String, Reason>,
    /// Every replica known or met, in order of id.
    pub replicas: Vec<ReplicaRecord>,
    /// How the load was spread.
    pub balance: Balance,
    /// Whether the counts agree.
    pub crosscheck: CrossCheck,
    /// The same by request name, in plan order; empty where there is only one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requests_by_name: Vec<RequestRecord>,
    /// Where the time went, where the replicas tell their own.
    #[serde(default)]
    pub server_time: Option<ServerTime>,
    /// What became of the connections.
    #[serde(default)]
    pub connections: Connections,
    /// Requests of the warm-up, which are in no figure.
    #[serde(default)]
    pub warmup_requests: u64,
}

impl GroupRecord {
    /// What the group is called: its name, or else its host.
    #[must_use]
    pub fn label(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.host)
    }
}

/// `planned = sent + dropped` and `sent = succeeded + failed + unfinished`, always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RequestCounts {
    /// Arrivals the schedule asked for.
    pub planned: u64,
    /// Requests sent.
    pub sent: u64,
    /// Arrivals given up.
    pub dropped: u64,
    /// Answered with 2xx or 3xx.
    pub succeeded: u64,
    /// Answered otherwise, or not at all.
    pub failed: u64,
    /// Sent, and cut off by the end of the run.
    pub unfinished: u64,
}

/// Requests per second over the measured part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rates {
    /// By the schedule; 0 in closed loop, which intends none.
    pub intended: f64,
    /// Sent.
    pub sent: f64,
    /// Succeeded or failed.
    pub completed: f64,
}

/// One replica of a group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReplicaRecord {
    /// The name it gives in its answers; what its page is called, where no answer names it.
    pub id: String,
    /// Answers that name it; what its own counter has, where no answer names anybody.
    pub requests: u64,
    /// Its share of these, 0–1.
    pub share: f64,
    /// The share the policy gives it, where it gives one.
    pub expected_share: Option<f64>,
    /// Answers with neither 2xx nor 3xx.
    #[serde(default)]
    pub failed: u64,
    /// Its share of the group's slowest 1 %, 0–1.
    #[serde(default)]
    pub tail_share: f64,
    /// What its own counter counted, warm-up included and our own reads not, where it can be relied
    /// on.
    #[serde(default)]
    pub counted: Option<u64>,
    /// Why its metrics page and its name are one replica's; absent where it has only one of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paired_by: Option<Ground>,
    /// Response time of its answers.
    pub response_time: Quantiles,
}

/// How one generator thread fared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ThreadInfo {
    /// CPU time over the measured part, in nanoseconds.
    pub cpu: u64,
    /// Its share of one core, 0–1.
    pub share: f64,
    /// The same, in its busiest second.
    pub busiest_second: f64,
    /// The time for which it could have run and others did, in nanoseconds; absent in old records.
    #[serde(default)]
    pub waited: u64,
}
