//! Thresholds as people write them: `p99>50ms`, `error_rate>0.1%`, `achieved<99%`, `dropped>0`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::model::{ErrorClass, Nanos, span_of};

/// The quantiles that are looked up in a server's buckets, by name.
pub const SERVER_QUANTILES: [(&str, f64); 3] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99)];

/// A condition on a metric of each group. Whether the run fails where it is met, or where it is not,
/// is its [`Sense`], which the plan keeps beside it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Threshold {
    /// What is looked at.
    pub metric: Metric,
    /// How it is compared.
    pub comparison: Comparison,
    /// With what: nanoseconds, a share (0–1) or a count, by [`Metric::unit`].
    pub limit: f64,
    text: String,
}

/// What a condition is for.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Sense {
    /// The run fails where it is met.
    #[default]
    FailIf,
    /// The run fails where it is not met.
    Require,
}

/// A metric of one group's record, written as in a threshold: `p99`, `requests.dropped`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub enum Metric {
    /// A quantile of one of the three times: `p99`, `service.p99.9`, `lag.max`, `mean`.
    Time {
        /// Which histogram.
        of: TimeKind,
        /// Which metric of it.
        statistic: Statistic,
    },
    /// failed / sent.
    ErrorRate,
    /// Rate completed over rate intended.
    Achieved,
    /// Arrivals given up.
    Dropped,
    /// Requests failed.
    Failed,
    /// Requests that never finished.
    Unfinished,
    /// Requests sent per second.
    SentRate,
    /// Requests completed per second.
    CompletedRate,
    /// Requests per second that the schedule asked for; 0 in closed loop.
    IntendedRate,
    /// max − min of the replicas' requests.
    MaxMinusMin,
    /// max / min of the replicas' requests; max where one got nothing.
    MaxOverMin,
    /// Standard deviation of the replicas' requests over their mean.
    CoefficientOfVariation,
    /// The largest share of the slowest 1 % that one replica has.
    TailShare,
    /// A metric of the response time of the replica that is worst by it: `replicas.p99`.
    WorstReplica(Statistic),
    /// A metric of the replica of this name: `replicas.app-1.p99`.
    OfReplica(String, ReplicaMetric),
    /// The replicas' own time, by their histograms: mean, p50, p90 or p99. A quantile is the upper end
    /// of its bucket.
    ServerTime(Statistic),
    /// Arrivals that the schedule asked for.
    Planned,
    /// Requests sent.
    Sent,
    /// Requests answered with 2xx or 3xx.
    Succeeded,
    /// Requests that the proxy tried again, by its own word.
    Retried,
    /// Requests that no count explains.
    Unnamed,
    /// Connections made.
    Opened,
    /// Connections that could not be made.
    Refused,
    /// Answers with a status, or one of these: `status.404`, `status.5xx`.
    Status(std::ops::RangeInclusive<u16>),
    /// Requests without an answer, by class: `errors.timeout`.
    Error(ErrorClass),
    /// A metric of the request of this name: `create.p99`, `create.error_rate`.
    OfRequest(String, Box<Metric>),
    /// Of one event by its number, or of the worst of them: `events.1.detection`, `events.lost`.
    Event(Option<u32>, EventMetric),
}

/// A metric of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventMetric {
    /// Requests that failed by it.
    Lost,
    Detection,
    Recovery,
    Rebalance,
}

impl EventMetric {
    const ALL: [(&'static str, Self); 4] = [
        ("lost", Self::Lost),
        ("detection", Self::Detection),
        ("recovery", Self::Recovery),
        ("rebalance", Self::Rebalance),
    ];
}

impl Metric {
    /// Whether it says how many requests may fail, so that no usual bound is needed.
    #[must_use]
    pub const fn is_about_errors(&self) -> bool {
        matches!(
            self,
            Self::ErrorRate
                | Self::Failed
                | Self::Succeeded
                | Self::Unfinished
                | Self::Status(_)
                | Self::Error(_)
        )
    }
}

/// A metric of one replica.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ReplicaMetric {
    /// A metric of the response time of its answers.
    Response(Statistic),
    /// Its share of the answers that name a replica, 0–1.
    Share,
    /// Answers that name it.
    Requests,
    /// Its answers with neither 2xx nor 3xx.
    Failed,
}

/// One of the three times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeKind {
    /// done − due.
    Response,
    /// done − sent.
    Service,
    /// sent − due.
    Lag,
    /// released − due.
    ReleaseLag,
    /// sent − released.
    ConnectionWait,
}

/// A metric of a histogram.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Statistic {
    /// The quantile, 0–1.
    Quantile(f64),
    /// The mean.
    Mean,
    /// The shortest.
    Min,
    /// The longest.
    Max,
}

/// The direction in which a metric fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `>`
    Above,
    /// `>=`
    AtLeast,
    /// `<`
    Below,
    /// `<=`
    AtMost,
}

/// What a limit is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Nanoseconds.
    Time,
    /// A share, 0–1.
    Share,
    /// A plain number.
    Count,
}

/// Why a text is no threshold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ThresholdError {
    /// No `<` or `>`.
    #[error("`{0}` has no comparison")]
    NoComparison(String),
    /// The metric is unknown.
    #[error("`{0}` is no metric of the record")]
    UnknownMetric(String),
    /// The limit has the wrong form for the metric.
    #[error("`{limit}` is no limit for {metric}: {reason}")]
    BadLimit {
        /// The text after the comparison.
        limit: String,
        /// The text before it.
        metric: String,
        /// What it should have been.
        reason: &'static str,
    },
}

impl Threshold {
    /// Whether the run fails with this observed.
    #[must_use]
    pub fn fails(&self, sense: Sense, observed: f64) -> bool {
        self.is_met_by(observed) == (sense == Sense::FailIf)
    }

    /// Whether it is about a share that was written without `%`, so that it may have been meant as
    /// a percentage. Stored runs may have such ones.
    #[must_use]
    pub fn is_bare_share(&self) -> bool {
        self.metric.unit() == Unit::Share && !self.text.ends_with('%') && self.limit != 0.0
    }

    /// The limit as it was written.
    pub(super) fn written_limit(&self) -> &str {
        let limit = self.text.rsplit(['<', '>', '=']).next();
        limit.unwrap_or_default().trim()
    }

    /// Whether the condition holds for what was observed.
    #[must_use]
    pub fn is_met_by(&self, observed: f64) -> bool {
        match self.comparison {
            Comparison::Above => observed > self.limit,
            Comparison::AtLeast => observed >= self.limit,
            Comparison::Below => observed < self.limit,
            Comparison::AtMost => observed <= self.limit,
        }
    }
}

impl Metric {
    /// What its values are counted in.
    #[must_use]
    pub fn unit(&self) -> Unit {
        match self {
            Self::OfRequest(_, metric) => metric.unit(),
            Self::Time { .. }
            | Self::WorstReplica(_)
            | Self::ServerTime(_)
            | Self::OfReplica(_, ReplicaMetric::Response(_))
            | Self::Event(
                _,
                EventMetric::Detection | EventMetric::Recovery | EventMetric::Rebalance,
            ) => Unit::Time,
            Self::ErrorRate
            | Self::Achieved
            | Self::TailShare
            | Self::OfReplica(_, ReplicaMetric::Share) => Unit::Share,
            _ => Unit::Count,
        }
    }
}

impl FromStr for Metric {
    type Err = ThresholdError;

    fn from_str(text: &str) -> Result<Self, ThresholdError> {
        let name = short(text);
        let metric = event(name)
            .or_else(|| counted(name))
            .or_else(|| listed(name))
            .or_else(|| timed(name))
            .or_else(|| of_request(name));
        metric.ok_or_else(|| ThresholdError::UnknownMetric(text.to_owned()))
    }
}

/// The metric's own name, without the place it has in the record.
fn short(text: &str) -> &str {
    match text {
        "rate.sent" => "sent_rate",
        "rate.completed" => "completed_rate",
        "rate.intended" => "intended_rate",
        _ => ["requests.", "balance.", "crosscheck.", "connections."]
            .iter()
            .find_map(|place| text.strip_prefix(place))
            .unwrap_or(text),
    }
}

/// The metrics that are counts, rates and shares of the group, by name.
const COUNTED: [(&str, Metric); 19] = [
    ("error_rate", Metric::ErrorRate),
    ("achieved", Metric::Achieved),
    ("dropped", Metric::Dropped),
    ("failed", Metric::Failed),
    ("unfinished", Metric::Unfinished),
    ("sent_rate", Metric::SentRate),
    ("completed_rate", Metric::CompletedRate),
    ("intended_rate", Metric::IntendedRate),
    ("max_minus_min", Metric::MaxMinusMin),
    ("max_over_min", Metric::MaxOverMin),
    ("coefficient_of_variation", Metric::CoefficientOfVariation),
    ("tail_share", Metric::TailShare),
    ("planned", Metric::Planned),
    ("sent", Metric::Sent),
    ("succeeded", Metric::Succeeded),
    ("retried", Metric::Retried),
    ("unnamed", Metric::Unnamed),
    ("opened", Metric::Opened),
    ("refused", Metric::Refused),
];

fn counted(name: &str) -> Option<Metric> {
    let mut known = COUNTED.into_iter();
    known
        .find(|(known, _)| *known == name)
        .map(|(_, metric)| metric)
}

/// `events.lost`, `events.1.detection`.
fn event(name: &str) -> Option<Metric> {
    let name = name.strip_prefix("events.")?;
    let (number, name) = match name.split_once('.') {
        Some((number, name)) => (Some(number.parse().ok().filter(|n| *n > 0)?), name),
        None => (None, name),
    };
    let mut known = EventMetric::ALL.into_iter();
    known
        .find(|(known, _)| *known == name)
        .map(|(_, metric)| Metric::Event(number, metric))
}

/// `status.404`, `status.5xx`, `errors.timeout`.
fn listed(name: &str) -> Option<Metric> {
    if let Some(class) = name.strip_prefix("errors.") {
        return ErrorClass::of(class).map(Metric::Error);
    }
    let status = name.strip_prefix("status.")?;
    let (first, last) = match status.strip_suffix("xx") {
        Some(class) => {
            let class: u16 = class.parse().ok()?;
            (100 * class.min(10), 100 * class.min(10) + 99)
        }
        None => (status.parse().ok()?, status.parse().ok()?),
    };
    (100..=999)
        .contains(&first)
        .then_some(Metric::Status(first..=last))
}

/// `p99`, `service.p99.9`, `send_lag.max`, `replicas.p99`.
fn timed(name: &str) -> Option<Metric> {
    let kinds = [
        ("response.", TimeKind::Response),
        ("response_time.", TimeKind::Response),
        ("service.", TimeKind::Service),
        ("service_time.", TimeKind::Service),
        ("lag.", TimeKind::Lag),
        ("send_lag.", TimeKind::Lag),
        ("release_lag.", TimeKind::ReleaseLag),
        ("connection_wait.", TimeKind::ConnectionWait),
    ];
    if let Some(name) = name.strip_prefix("replicas.") {
        return statistic(name)
            .map(Metric::WorstReplica)
            .or_else(|| of_replica(name));
    }
    if let Some(name) = name.strip_prefix("server_time.") {
        let quantile = SERVER_QUANTILES.iter().find(|(known, _)| *known == name);
        let quantile = quantile.map(|(_, quantile)| Statistic::Quantile(*quantile));
        return quantile
            .or((name == "mean").then_some(Statistic::Mean))
            .map(Metric::ServerTime);
    }
    let (of, name) = kinds
        .iter()
        .find_map(|(prefix, kind)| name.strip_prefix(prefix).map(|name| (*kind, name)))
        .unwrap_or((TimeKind::Response, name));
    Some(Metric::Time {
        of,
        statistic: statistic(name)?,
    })
}

/// `app-1.p99`, `app-1.share`: a name, which may have dots of its own, and what is looked at.
fn of_replica(text: &str) -> Option<Metric> {
    text.match_indices('.').find_map(|(at, _)| {
        let metric = match &text[at + 1..] {
            "share" => ReplicaMetric::Share,
            "requests" => ReplicaMetric::Requests,
            "failed" => ReplicaMetric::Failed,
            name => ReplicaMetric::Response(statistic(name)?),
        };
        (at > 0).then(|| Metric::OfReplica(text[..at].to_owned(), metric))
    })
}

/// Whether a metric may begin with this word, so that no request may be called so.
pub(super) fn is_place(word: &str) -> bool {
    const PLACES: [&str; 18] = [
        "response",
        "response_time",
        "service",
        "service_time",
        "lag",
        "send_lag",
        "release_lag",
        "connection_wait",
        "replicas",
        "server_time",
        "status",
        "errors",
        "events",
        "requests",
        "rate",
        "balance",
        "crosscheck",
        "connections",
    ];
    PLACES.contains(&word)
}

/// `create.p99`, `create.failed`: what is kept of each request name.
fn of_request(text: &str) -> Option<Metric> {
    let (request, name) = text.split_once('.')?;
    let metric = counted(name)
        .or_else(|| listed(name))
        .or_else(|| timed(name))?;
    let kept = matches!(
        metric,
        Metric::Time {
            of: TimeKind::Response | TimeKind::Service,
            ..
        } | Metric::ErrorRate
            | Metric::Dropped
            | Metric::Failed
            | Metric::Unfinished
            | Metric::Planned
            | Metric::Sent
            | Metric::Succeeded
            | Metric::Status(_)
            | Metric::Error(_)
    );
    (kept && crate::traffic::is_name(request) && !is_place(request))
        .then(|| Metric::OfRequest(request.to_owned(), Box::new(metric)))
}

fn statistic(name: &str) -> Option<Statistic> {
    Some(match name {
        "mean" => Statistic::Mean,
        "min" => Statistic::Min,
        "max" => Statistic::Max,
        _ => {
            let percent: f64 = name.strip_prefix('p')?.replace('_', ".").parse().ok()?;
            let is_percent = (0.0..=100.0).contains(&percent);
            is_percent.then_some(Statistic::Quantile(percent / 100.0))?
        }
    })
}

impl FromStr for Threshold {
    type Err = ThresholdError;

    fn from_str(text: &str) -> Result<Self, ThresholdError> {
        let (at, sign) = text
            .char_indices()
            .find(|(_, c)| matches!(c, '<' | '>'))
            .ok_or_else(|| ThresholdError::NoComparison(text.to_owned()))?;
        let rest = &text[at + 1..];
        let (comparison, limit) = match (sign, rest.strip_prefix('=')) {
            ('>', Some(limit)) => (Comparison::AtLeast, limit),
            ('>', None) => (Comparison::Above, rest),
            (_, Some(limit)) => (Comparison::AtMost, limit),
            (_, None) => (Comparison::Below, rest),
        };
        let name = text[..at].trim();
        let metric: Metric = name.parse()?;
        let limit = parse_limit(limit.trim(), metric.unit()).map_err(|reason| {
            ThresholdError::BadLimit {
                limit: limit.trim().to_owned(),
                metric: name.to_owned(),
                reason,
            }
        })?;
        Ok(Self {
            metric,
            comparison,
            limit,
            text: text.trim().to_owned(),
        })
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time { of, statistic } => {
                let place = match of {
                    TimeKind::Response => "",
                    TimeKind::Service => "service.",
                    TimeKind::Lag => "lag.",
                    TimeKind::ReleaseLag => "release_lag.",
                    TimeKind::ConnectionWait => "connection_wait.",
                };
                write!(f, "{place}{statistic}")
            }
            Self::WorstReplica(statistic) => write!(f, "replicas.{statistic}"),
            Self::OfReplica(name, metric) => write!(f, "replicas.{name}.{metric}"),
            Self::ServerTime(statistic) => write!(f, "server_time.{statistic}"),
            Self::Error(class) => write!(f, "errors.{class}"),
            Self::OfRequest(name, metric) => write!(f, "{name}.{metric}"),
            Self::Event(None, metric) => write!(f, "events.{metric}"),
            Self::Event(Some(number), metric) => write!(f, "events.{number}.{metric}"),
            Self::Status(range) if range.start() == range.end() => {
                write!(f, "status.{}", range.start())
            }
            Self::Status(range) => write!(f, "status.{}xx", range.start() / 100),
            counted => {
                let mut known = COUNTED.iter();
                let name = known.find(|(_, metric)| metric == counted);
                f.write_str(name.map_or("", |(name, _)| name))
            }
        }
    }
}

impl fmt::Display for EventMetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut known = Self::ALL.iter();
        let name = known.find(|(_, metric)| metric == self);
        f.write_str(name.map_or("", |(name, _)| name))
    }
}

impl fmt::Display for ReplicaMetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Response(statistic) => statistic.fmt(f),
            Self::Share => f.write_str("share"),
            Self::Requests => f.write_str("requests"),
            Self::Failed => f.write_str("failed"),
        }
    }
}

impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Nine decimals of a percentage are more than anybody types, and hide binary dust.
            Self::Quantile(quantile) => {
                let percent = format!("{:.9}", quantile * 100.0);
                write!(
                    f,
                    "p{}",
                    percent.trim_end_matches('0').trim_end_matches('.')
                )
            }
            Self::Mean => f.write_str("mean"),
            Self::Min => f.write_str("min"),
            Self::Max => f.write_str("max"),
        }
    }
}

impl TryFrom<String> for Metric {
    type Error = ThresholdError;

    fn try_from(text: String) -> Result<Self, ThresholdError> {
        text.parse()
    }
}

impl From<Metric> for String {
    fn from(metric: Metric) -> Self {
        metric.to_string()
    }
}

fn parse_limit(text: &str, unit: Unit) -> Result<f64, &'static str> {
    let number = |text: &str, reason| match text.trim().parse::<f64>() {
        Ok(number) if number.is_finite() && number >= 0.0 => Ok(number),
        _ => Err(reason),
    };
    match unit {
        Unit::Time => {
            // A plain 0 is one of any unit, and no bound of a time.
            let bare = text.parse::<f64>().is_ok();
            let span = span_of(text).ok().filter(|_| !bare);
            let span = span.ok_or("it needs a time with its unit, as 50ms or 1s 500ms")?;
            Ok(Nanos::from(span).0 as f64)
        }
        Unit::Share => match text.strip_suffix('%') {
            Some(percent) => Ok(number(percent, "it needs a percentage, as 0.1%")? / 100.0),
            None => number(text, "it needs a percentage, as 0.1%, or a share, as 0.001"),
        },
        Unit::Count => number(text, "it needs a number that is 0 or more"),
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for Threshold {
    type Error = ThresholdError;

    fn try_from(text: String) -> Result<Self, ThresholdError> {
        text.parse()
    }
}

impl From<Threshold> for String {
    fn from(threshold: Threshold) -> Self {
        threshold.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_says_what_is_compared_with_what() {
        for (text, limit) in [
            ("p99>50ms", 50e6),
            ("service.p99.9>=20ms", 20e6),
            ("lag.max > 1ms", 1e6),
            ("error_rate>0.1%", 0.001),
            ("achieved<99%", 0.99),
            ("dropped>0", 0.0),
        ] {
            let threshold: Threshold = text.parse().expect(text);
            assert!(
                (threshold.limit - limit).abs() < 1e-9,
                "{text}: {}",
                threshold.limit
            );
            assert_eq!(threshold.to_string(), text);
        }
    }

    #[test]
    fn a_threshold_that_is_none_says_why() {
        for (text, part) in [
            ("p99=50ms", "no comparison"),
            ("q99>50ms", "no metric"),
            ("status.0>1", "no metric"),
            ("status.9999xx>1", "no metric"),
            ("errors.boredom>1", "no metric"),
            ("requests.p>1ms", "no metric"),
            ("replicas..share>1%", "no metric"),
            ("server_time.max>1ms", "no metric"),
            ("server_time.p95>1ms", "no metric"),
            ("p101>50ms", "no metric"),
            ("p99>50", "needs a time"),
            ("error_rate>many", "needs a percentage"),
            ("dropped>-1", "0 or more"),
            ("events.0.lost>1", "no metric"),
            ("events.joy>1", "no metric"),
            ("events.recovery>5", "needs a time"),
        ] {
            let message = text.parse::<Threshold>().expect_err(text).to_string();
            assert!(message.contains(part), "{text}: {message}");
        }
    }

    #[test]
    fn a_figure_may_be_named_as_the_record_names_it() {
        for (long, brief) in [
            ("requests.dropped>0", "dropped>0"),
            ("rate.sent<99", "sent_rate<99"),
            ("rate.intended<99", "intended_rate<99"),
            ("response_time.p99_9>1s", "p99.9>1s"),
            ("send_lag.max>1ms", "lag.max>1ms"),
            ("balance.max_minus_min>2", "max_minus_min>2"),
            ("balance.max_over_min>2", "max_over_min>2"),
            ("crosscheck.unnamed>0", "unnamed>0"),
            ("status.503>0", "status.503>0"),
            ("replicas.p99>9ms", "replicas.p99>9ms"),
        ] {
            let metric = |text: &str| text.parse::<Threshold>().expect(text).metric;
            assert_eq!(metric(long), metric(brief), "{long}");
        }
        let metric = |text: &str| text.parse::<Metric>().expect(text);
        for (text, name, of) in [
            ("replicas.app-1.share", "app-1", ReplicaMetric::Share),
            (
                "replicas.10.0.0.1.p12.5",
                "10.0.0.1",
                ReplicaMetric::Response(Statistic::Quantile(0.125)),
            ),
        ] {
            assert_eq!(metric(text), Metric::OfReplica(name.into(), of), "{text}");
        }
        assert_eq!(
            metric("server_time.mean"),
            Metric::ServerTime(Statistic::Mean)
        );
        assert_eq!(metric("status.5xx"), Metric::Status(500..=599));
        assert_eq!(metric("errors.timeout"), Metric::Error(ErrorClass::Timeout));
    }

    #[test]
    fn a_metric_reads_back_as_it_is_written() {
        let fixed = COUNTED.iter().map(|(name, _)| (*name).to_owned());
        let others = [
            "p99",
            "service.p99.9",
            "lag.max",
            "replicas.mean",
            "replicas.a.b.share",
        ];
        let others = others.into_iter().chain([
            "replicas.app-1.p99.99",
            "server_time.p90",
            "errors.timeout",
            "status.404",
            "status.5xx",
            "events.lost",
            "events.12.detection",
        ]);
        for text in fixed.chain(others.map(str::to_owned)) {
            let metric: Metric = text.parse().expect(&text);
            assert_eq!(metric.to_string(), text);
        }
    }

    #[test]
    fn what_is_required_fails_where_it_is_not_met() {
        let threshold: Threshold = "p99<50ms".parse().expect("valid");
        assert!(!threshold.fails(Sense::Require, 49e6) && threshold.fails(Sense::FailIf, 49e6));
        assert!(threshold.fails(Sense::Require, 50e6) && !threshold.fails(Sense::FailIf, 50e6));
    }

    #[test]
    fn the_limit_itself_passes_a_strict_comparison() {
        let threshold: Threshold = "dropped>0".parse().expect("valid");
        assert!(!threshold.is_met_by(0.0));
        assert!(threshold.is_met_by(1.0));
    }
}
