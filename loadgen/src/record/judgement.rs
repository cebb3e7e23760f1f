//! What `judge` gives away, in the words of the record.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Code, EventRecord};
use crate::model::ReplicaId;
use crate::plan::{Metric, Sense, Threshold, Unit};

/// Everything the checks have to say about a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// Pass, fail or invalid.
    pub verdict: Verdict,
    /// In order of weight: invalid, failure, warning, info.
    pub findings: Vec<Finding>,
    /// One per group, in plan order.
    pub groups: Vec<GroupJudgement>,
    /// One per event, in the plan's order.
    #[serde(default)]
    pub events: Vec<EventRecord>,
    /// One per threshold and group.
    pub thresholds: Vec<ThresholdResult>,
    /// Why the measurement can be believed, or why not.
    #[serde(default)]
    pub certificate: Certificate,
}

/// What was checked to know whether the measurement can be believed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Certificate {
    /// In the order of the checks.
    pub items: Vec<CertificateItem>,
    /// What holds of an invalid run nevertheless.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holds: Vec<Held>,
}

/// A figure that stands although the run is invalid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Held {
    /// The group it is of, by its name.
    pub group: String,
    /// What is known, with its figures: part of a sentence.
    pub what: String,
}

/// One check of the [`Certificate`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CertificateItem {
    /// What was looked at, as `send lag p99`.
    pub name: String,
    /// The host group, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// What was seen, with its unit.
    pub observed: String,
    /// What is allowed, with its unit.
    pub budget: String,
    /// Whether it holds.
    pub ok: bool,
}

/// The balance and the counts of one group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupJudgement {
    /// The host group.
    pub host: String,
    /// How the load was spread.
    pub balance: Balance,
    /// Whether the counts agree.
    pub crosscheck: CrossCheck,
    /// Whether the counts of each request name agree; empty where there is only one.
    #[serde(default)]
    pub requests: BTreeMap<String, RequestCheck>,
    /// Where the time went, where the replicas tell their own.
    #[serde(default)]
    pub server_time: Option<ServerTime>,
    /// Every replica's share of the group's slowest 1 %, 0–1, by the name in its answers.
    #[serde(default)]
    pub tail_share: BTreeMap<String, f64>,
    /// Every replica, by its page, its name, or both.
    #[serde(default)]
    pub replicas: Vec<Pairing>,
}

/// The counts of one request name: the client's and those of the replicas' series for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RequestCheck {
    /// Whether they agree.
    pub verdict: CountVerdict,
    /// Requests sent, of all names that are counted together.
    pub client: u64,
    /// Requests counted in the measured part; absent where no series is known to count them.
    pub replicas: Option<u64>,
    /// Method and handler of the series that count them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted_by: Option<String>,
    /// Other names that the same series count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counted_with: Vec<String>,
}

/// Where a group's time went, by the replicas' own histograms. Times in nanoseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ServerTime {
    /// The histogram it comes from.
    pub metric: String,
    /// Requests in it: all handlers, all clients and the warm-up where it does not tell them apart.
    pub count: u64,
    /// Mean time from due to sent: the generator.
    pub lag_mean: u64,
    /// Mean time from sent to done, less the replica's mean: network and proxy. Negative where
    /// the scopes differ.
    pub network_and_proxy_mean: i64,
    /// Mean time within the replica.
    pub replica_mean: u64,
    /// The replica's quantiles, known to a bucket.
    pub quantiles: Vec<BucketedQuantile>,
}

/// A quantile known to its bucket: above `lower`, at most `upper`. Nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct BucketedQuantile {
    /// The quantile, 0–1.
    pub quantile: f64,
    /// Exclusive.
    pub lower: u64,
    /// Inclusive; absent for the last bucket, which has no bound.
    pub upper: Option<u64>,
    /// The client's service time at the same quantile.
    pub client: u64,
}

/// The outcome of a run, and the exit code that tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Verdict {
    /// Pass, fail or invalid.
    pub status: Status,
    /// 0, 4, 99 or 130.
    pub exit_code: u8,
}

/// Pass, fail or invalid. Invalid beats everything: what was measured cannot be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// All checks passed.
    Pass,
    /// A check or threshold failed.
    Fail,
    /// The measurement cannot be trusted, or is incomplete.
    Invalid,
}

/// How much a finding weighs.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Worth looking at.
    Warning,
    /// Fails the run.
    Failure,
    /// Makes the run worthless as a measurement.
    Invalid,
}

/// One thing found, in words a tired person understands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Finding {
    /// A stable kebab-case noun, as `starved-replica`.
    pub code: Code,
    /// How much it weighs.
    pub severity: Severity,
    /// The host group it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The replica it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replica: Option<String>,
    /// What was seen, with its figures.
    pub message: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Finding {
    /// A finding about the whole run, of its code's usual severity.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            severity: code.severity(),
            code,
            group: None,
            replica: None,
            message: message.into(),
            hint: None,
        }
    }

    /// The same, weighing what its code does not usually weigh.
    #[must_use]
    pub fn weighing(mut self, severity: Severity) -> Self {
        debug_assert!(self.code.severities().contains(&severity), "{}", self.code);
        self.severity = severity;
        self
    }

    /// The same about one host group.
    #[must_use]
    pub fn of_group(mut self, host: &str) -> Self {
        self.group = Some(host.to_owned());
        self
    }

    /// The same about one replica.
    #[must_use]
    pub fn of_replica(mut self, id: &ReplicaId) -> Self {
        self.replica = Some(id.0.clone());
        self
    }

    /// The same with what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// The source of a balance: the replicas' own counters.
pub const REPLICAS: &str = "replicas";
/// The source of a balance: the names in the answers.
pub const CLIENT: &str = "client";

/// How the load was spread over a group's replicas.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Balance {
    /// The declared policy.
    pub policy: String,
    /// Whether the spread is what that policy gives.
    pub verdict: BalanceVerdict,
    /// Where the counts come from: `client` or `replicas`.
    pub source: String,
    /// The counts that are judged, warm-up included, in the replicas' order.
    #[serde(default)]
    pub counts: Vec<BalanceCount>,
    /// Requests of the busiest replica minus those of the idlest (weighted ones per weight).
    pub max_minus_min: u64,
    /// The most that policy allows, where it is deterministic.
    pub bound: Option<u64>,
    /// The allowances the bound is made of, by name.
    pub allowances: BTreeMap<String, u64>,
    /// Answers that may have taken a turn without a trace, or been the proxy's own; in no allowance.
    #[serde(default)]
    pub unproven: u64,
    /// What the proxy seems to do, where the counts tell.
    pub identified: Option<String>,
    /// The largest share over the smallest, 1 when even; absent when a replica got nothing.
    pub max_over_min: Option<f64>,
    /// Standard deviation of the shares over their mean.
    pub coefficient_of_variation: f64,
    /// p of a G-test against the expected shares, where one was made.
    pub p_value: Option<f64>,
}

/// One replica's part of a balance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct BalanceCount {
    /// What it is called.
    pub id: String,
    /// Requests, warm-up included.
    pub count: u64,
    /// Its declared weight; 0 is a standby.
    pub weight: u32,
}

/// A replica by its page and by its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Pairing {
    /// What it is called in the record.
    pub id: String,
    /// What its page is called, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
    /// What the answers call it, where any name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Why the two are one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ground: Option<Ground>,
}

/// Why a metrics page and a name in the answers are the same replica's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Ground {
    /// The page's origin gave the name in an answer of its own, or whoever runs it knows.
    Answer,
    /// The one page that counted as many requests as the one name gave answers.
    Counts,
    /// The only page and the only name that were left.
    Elimination,
}

/// Whether a spread is what the declared policy gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BalanceVerdict {
    /// It is.
    Even,
    /// It is not.
    Uneven,
    /// Too few requests or replicas to tell.
    TooFew,
    /// The policy is `none`, or fixes no spread.
    NotJudged,
}

/// The client's, the proxy's and the replicas' count of the measured requests.
///
/// Own traffic (warm-up, own scrapes, own status reads) is taken out of each count first and listed
/// in `excluded`; what else differs is listed in `residuals`, so that
/// `replicas = client + Σ residuals of the replicas' count`, and likewise for the proxy's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CrossCheck {
    /// Whether the counts agree.
    pub verdict: CountVerdict,
    /// Requests the client sent in the measured part.
    pub client: u64,
    /// Requests the proxy took, own traffic excluded; absent where it keeps no readable count.
    pub proxy: Option<u64>,
    /// Requests the replicas counted, own traffic excluded; absent where they cannot be read.
    pub replicas: Option<u64>,
    /// Both by status class, warm-up included, where the replicas' counter tells.
    #[serde(default)]
    pub by_class: Vec<ClassCount>,
    /// What the replicas counted by handler, own reads and warm-up included.
    #[serde(default)]
    pub by_handler: BTreeMap<String, u64>,
    /// The handler that counted these requests, where it is another than the selected one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted_by: Option<String>,
    /// Every named difference to the client's count.
    pub residuals: Vec<Residual>,
    /// Own traffic taken out.
    pub excluded: Vec<Residual>,
    /// What stays unnamed, summed without sign; 0 when the counts agree.
    pub unnamed: u64,
}

/// Answers of one status class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ClassCount {
    /// The class: `2xx`.
    pub class: String,
    /// Answers of it that the client saw, those that the proxy made among them.
    pub client: u64,
    /// Requests that the replicas counted under it.
    pub replicas: u64,
}

/// A named difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Residual {
    /// A kebab-case noun, as `retried-requests`.
    pub name: String,
    /// How many requests the count has beyond the client's; negative where it lacks them.
    pub count: i64,
    /// Whose count: `proxy` or `replicas`.
    #[serde(rename = "book")]
    pub side: String,
    /// Where it comes from, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Whether the counts agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CountVerdict {
    /// Every difference is named.
    Agree,
    /// Something stays unnamed.
    Disagree,
    /// Answers are in no replica's count, and nothing shows whether the proxy made them.
    Undecided,
    /// There is no second count.
    Unavailable,
}

/// One threshold, judged on one group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ThresholdResult {
    /// The host group.
    pub group: String,
    /// As it was written.
    pub expression: String,
    /// Whether it fails the run where it is met, or where it is not.
    #[serde(default)]
    pub sense: Sense,
    /// What was looked at; old records leave it to the expression.
    #[serde(default)]
    pub metric: Option<Metric>,
    /// What `observed` and `limit` are counted in.
    #[serde(default)]
    pub unit: Option<Unit>,
    /// Whether the run fails by it.
    pub failed: bool,
    /// The figure: nanoseconds, a share (0–1) or a count.
    pub observed: f64,
    /// The limit in the same unit.
    pub limit: f64,
    /// How far the figure is from its limit, as a share of the limit; negative when it failed.
    pub margin: f64,
}

impl ThresholdResult {
    /// Fills in what records had to leave to the expression before they told the metric.
    pub(super) fn complete(&mut self) {
        if let (None, Ok(threshold)) = (&self.metric, self.expression.parse::<Threshold>()) {
            self.unit = Some(threshold.metric.unit());
            self.metric = Some(threshold.metric);
        }
    }
}
