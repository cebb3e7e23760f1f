//! `record.json`, version 1: everything a run has to tell. All else is drawn from it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::checks::{
    Balance, Certificate, CrossCheck, Finding, ServerTime, ThresholdResult, Verdict,
};
use crate::model::StackKind;
use crate::plan::Plan;
use crate::recorder::{Connections, Histogram, HistogramError};

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
    /// One per second and group, in order of time.
    pub intervals: Vec<IntervalRecord>,
    /// One per threshold and group.
    #[serde(default)]
    pub thresholds: Vec<ThresholdResult>,
    /// Why the measurement can be believed, or why not.
    #[serde(default)]
    pub certificate: Certificate,
    /// How each generator thread fared.
    #[serde(default)]
    pub threads: Vec<ThreadInfo>,
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

/// The machine the generator ran on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Environment {
    /// Cores this process may use.
    pub cpus: u32,
    /// Kernel name and release.
    pub kernel: String,
    /// The kernel's clock source; `unknown` where it does not say.
    pub clocksource: String,
    /// The processor's name.
    #[serde(default)]
    pub cpu_model: String,
    /// Memory, in bytes.
    #[serde(default)]
    pub memory_bytes: u64,
    /// The most open files.
    #[serde(default)]
    pub open_files_limit: u64,
    /// The first and the last ephemeral port.
    #[serde(default)]
    pub ephemeral_ports: Option<(u16, u16)>,
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
    /// What became of every planned request.
    pub requests: RequestCounts,
    /// Planned, sent and completed per second.
    pub rate: Rates,
    /// done − due: what a user would have felt.
    pub response_time: Quantiles,
    /// done − sent: what the system did once asked.
    pub service_time: Quantiles,
    /// sent − due: what the generator did.
    pub send_lag: Quantiles,
    /// Answers by status.
    pub status: BTreeMap<String, u64>,
    /// Failures without an answer, by class.
    pub errors: BTreeMap<String, u64>,
    /// Every replica known or met, in order of id.
    pub replicas: Vec<ReplicaRecord>,
    /// How the load was spread.
    pub balance: Balance,
    /// Whether the books agree.
    pub crosscheck: CrossCheck,
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

/// A histogram with its usual figures, all in nanoseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Quantiles {
    /// Values recorded.
    pub count: u64,
    /// Shortest.
    pub min: u64,
    /// Mean.
    pub mean: u64,
    /// Median.
    pub p50: u64,
    /// 90 % are not above it.
    pub p90: u64,
    /// 95 % are not above it.
    pub p95: u64,
    /// 99 % are not above it.
    pub p99: u64,
    /// 99.9 % are not above it.
    pub p99_9: u64,
    /// 99.99 % are not above it.
    pub p99_99: u64,
    /// Longest.
    pub max: u64,
    /// Base64 of `HdrHistogram` V2+DEFLATE; empty when nothing was recorded.
    pub hdr: String,
}

/// One replica of a group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReplicaRecord {
    /// The name it gives in its answers.
    pub id: String,
    /// Answers that name it.
    pub requests: u64,
    /// Its share of the answers that name a replica, 0–1.
    pub share: f64,
    /// The share the policy gives it, where it gives one.
    pub expected_share: Option<f64>,
    /// Answers with neither 2xx nor 3xx.
    #[serde(default)]
    pub failed: u64,
    /// Its share of the group's slowest 1 %, 0–1.
    #[serde(default)]
    pub tail_share: f64,
    /// What its own counter counted, own traffic excluded, where it could be read.
    #[serde(default)]
    pub counted: Option<u64>,
    /// Response time of its answers.
    pub response_time: Quantiles,
}

/// One second of one group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IntervalRecord {
    /// Seconds since the measured part began.
    pub second: u64,
    /// The host group.
    pub host: String,
    /// Planned, sent and the rest, by their own instants.
    pub planned: u64,
    /// Sent in this second.
    pub sent: u64,
    /// Given up in this second.
    pub dropped: u64,
    /// Finished with success in this second.
    pub succeeded: u64,
    /// Finished without in this second.
    pub failed: u64,
    /// Response time of the requests finished in this second.
    pub response_time: Quantiles,
    /// Their service time.
    pub service_time: Quantiles,
    /// Their send lag.
    pub send_lag: Quantiles,
    /// Answers by status.
    pub status: BTreeMap<String, u64>,
    /// Failures without an answer, by class.
    pub errors: BTreeMap<String, u64>,
    /// The replicas that answered in this second.
    pub replicas: Vec<IntervalReplica>,
    /// Connections made in this second.
    #[serde(default)]
    pub connections_opened: u64,
}

/// One replica in one second.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IntervalReplica {
    /// The name it gives in its answers.
    pub id: String,
    /// Answers that name it.
    pub requests: u64,
    /// Answers with neither 2xx nor 3xx.
    #[serde(default)]
    pub failed: u64,
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
}

impl Quantiles {
    /// The figures of a histogram, and the histogram itself.
    #[must_use]
    pub fn of(histogram: &Histogram) -> Self {
        let hdr = if histogram.is_empty() {
            String::new()
        } else {
            histogram.to_base64()
        };
        Self {
            hdr,
            ..Self::figures(histogram)
        }
    }

    /// The figures of a histogram alone, for drawing.
    #[must_use]
    pub fn figures(histogram: &Histogram) -> Self {
        let at = |quantile| histogram.quantile(quantile).0;
        Self {
            count: histogram.count(),
            min: histogram.min().0,
            mean: histogram.mean().0,
            p50: at(0.5),
            p90: at(0.9),
            p95: at(0.95),
            p99: at(0.99),
            p99_9: at(0.999),
            p99_99: at(0.9999),
            max: histogram.max().0,
            hdr: String::new(),
        }
    }

    /// The histogram itself.
    pub fn histogram(&self) -> Result<Histogram, HistogramError> {
        if self.hdr.is_empty() {
            Ok(Histogram::new())
        } else {
            Histogram::from_base64(&self.hdr)
        }
    }
}
