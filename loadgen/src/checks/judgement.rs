//! What `judge` gives away, in the words of the record.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Everything the checks have to say about a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// Pass, fail or invalid.
    pub verdict: Verdict,
    /// In order of weight: invalid, failure, warning, info.
    pub findings: Vec<Finding>,
    /// One per group, in plan order.
    pub groups: Vec<GroupJudgement>,
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

/// The balance and the books of one group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupJudgement {
    /// The host group.
    pub host: String,
    /// How the load was spread.
    pub balance: Balance,
    /// Whether the books agree.
    pub crosscheck: CrossCheck,
    /// Where the time went, where the replicas tell their own.
    #[serde(default)]
    pub server_time: Option<ServerTime>,
    /// Every replica's share of the group's slowest 1 %, 0–1, by the name in its answers.
    #[serde(default)]
    pub tail_share: BTreeMap<String, f64>,
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
    pub code: String,
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

/// How the load was spread over a group's replicas.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Balance {
    /// The declared policy.
    pub policy: String,
    /// Whether the spread is what that policy gives.
    pub verdict: BalanceVerdict,
    /// Where the counts come from: `client` or `replicas`.
    pub source: String,
    /// Requests of the busiest replica minus those of the idlest (weighted ones per weight).
    pub max_minus_min: u64,
    /// The most that policy allows, where it is deterministic.
    pub bound: Option<u64>,
    /// The allowances the bound is made of, by name.
    pub allowances: BTreeMap<String, u64>,
    /// What the proxy seems to do, where the counts tell.
    pub identified: Option<String>,
    /// The largest share over the smallest, 1 when even; absent when a replica got nothing.
    pub max_over_min: Option<f64>,
    /// Standard deviation of the shares over their mean.
    pub coefficient_of_variation: f64,
    /// p of a G-test against the expected shares, where one was made.
    pub p_value: Option<f64>,
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
/// Own traffic (warm-up, own scrapes, own status reads) is taken out of each book first and listed
/// in `excluded`; what else differs is listed in `residuals`, so that
/// `replicas = client + Σ residuals of the replicas' book`, and likewise for the proxy's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CrossCheck {
    /// Whether the books agree.
    pub verdict: BookVerdict,
    /// Requests the client sent in the measured part.
    pub client: u64,
    /// Requests the proxy took, own traffic excluded; absent where it keeps no readable book.
    pub proxy: Option<u64>,
    /// Requests the replicas counted, own traffic excluded; absent where they cannot be read.
    pub replicas: Option<u64>,
    /// Both by status class, warm-up included, where the replicas' counter tells.
    #[serde(default)]
    pub by_class: Vec<ClassCount>,
    /// What the replicas counted by handler, own reads and warm-up included.
    #[serde(default)]
    pub by_handler: BTreeMap<String, u64>,
    /// Every named difference to the client's count.
    pub residuals: Vec<Residual>,
    /// Own traffic taken out.
    pub excluded: Vec<Residual>,
    /// What stays unnamed, summed without sign; 0 when the books agree.
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
    /// How many requests the book has beyond the client's; negative where it lacks them.
    pub count: i64,
    /// Whose book: `proxy` or `replicas`.
    pub book: String,
    /// Where it comes from, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Whether the books agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BookVerdict {
    /// Every difference is named.
    Agree,
    /// Something stays unnamed.
    Disagree,
    /// There is no second book.
    Unavailable,
}

/// One threshold, judged on one group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ThresholdResult {
    /// The host group.
    pub group: String,
    /// As it was written.
    pub expression: String,
    /// Whether the run fails by it.
    pub failed: bool,
    /// The figure: nanoseconds, a share (0–1) or a count.
    pub observed: f64,
    /// The limit in the same unit.
    pub limit: f64,
    /// How far the figure is from its limit, as a share of the limit; negative when it failed.
    pub margin: f64,
}
