//! Thresholds as people write them: `p99>50ms`, `error_rate>0.1%`, `achieved<99%`, `dropped>0`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{ErrorClass, Nanos};

/// The quantiles that are looked up in a server's buckets, by name.
pub const SERVER_QUANTILES: [(&str, f64); 3] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99)];

/// A condition that fails the run where a group's figure meets it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Threshold {
    /// What is looked at.
    pub figure: Figure,
    /// How it is compared.
    pub comparison: Comparison,
    /// With what: nanoseconds, a share (0–1) or a count, by [`Figure::unit`].
    pub limit: f64,
    text: String,
}

/// A figure of one group's record.
#[derive(Clone, Debug, PartialEq)]
pub enum Figure {
    /// A quantile of one of the three times: `p99`, `service.p99.9`, `lag.max`, `mean`.
    Time {
        /// Which histogram.
        of: TimeKind,
        /// Which figure of it.
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
    /// A figure of the response time of the replica that is worst by it: `replicas.p99`.
    WorstReplica(Statistic),
    /// A figure of the replica of this name: `replicas.app-1.p99`.
    OfReplica(String, ReplicaFigure),
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
    /// Requests that no book explains.
    Unnamed,
    /// Connections made.
    Opened,
    /// Connections that could not be made.
    Refused,
    /// Answers with a status, or one of these: `status.404`, `status.5xx`.
    Status(std::ops::RangeInclusive<u16>),
    /// Requests without an answer, by class: `errors.timeout`.
    Error(ErrorClass),
}

/// A figure of one replica.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ReplicaFigure {
    /// A figure of the response time of its answers.
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
}

/// A figure of a histogram.
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

/// The direction in which a figure fails.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// The figure is unknown.
    #[error("`{0}` is no figure of the record")]
    UnknownFigure(String),
    /// The limit has the wrong form for the figure.
    #[error("`{limit}` is no limit for {figure}: {reason}")]
    BadLimit {
        /// The text after the comparison.
        limit: String,
        /// The text before it.
        figure: String,
        /// What it should have been.
        reason: &'static str,
    },
}

impl Threshold {
    /// Whether an observed figure fails the run.
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

impl Figure {
    /// What its values are counted in.
    #[must_use]
    pub const fn unit(&self) -> Unit {
        match self {
            Self::Time { .. }
            | Self::WorstReplica(_)
            | Self::ServerTime(_)
            | Self::OfReplica(_, ReplicaFigure::Response(_)) => Unit::Time,
            Self::ErrorRate
            | Self::Achieved
            | Self::TailShare
            | Self::OfReplica(_, ReplicaFigure::Share) => Unit::Share,
            _ => Unit::Count,
        }
    }
}

impl FromStr for Figure {
    type Err = ThresholdError;

    fn from_str(text: &str) -> Result<Self, ThresholdError> {
        let name = short(text);
        let figure = counted(name)
            .or_else(|| listed(name))
            .or_else(|| timed(name));
        figure.ok_or_else(|| ThresholdError::UnknownFigure(text.to_owned()))
    }
}

/// The figure's own name, without the place it has in the record.
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

fn counted(name: &str) -> Option<Figure> {
    Some(match name {
        "error_rate" => Figure::ErrorRate,
        "achieved" => Figure::Achieved,
        "dropped" => Figure::Dropped,
        "failed" => Figure::Failed,
        "unfinished" => Figure::Unfinished,
        "sent_rate" => Figure::SentRate,
        "completed_rate" => Figure::CompletedRate,
        "intended_rate" => Figure::IntendedRate,
        "max_minus_min" => Figure::MaxMinusMin,
        "max_over_min" => Figure::MaxOverMin,
        "coefficient_of_variation" => Figure::CoefficientOfVariation,
        "tail_share" => Figure::TailShare,
        "planned" => Figure::Planned,
        "sent" => Figure::Sent,
        "succeeded" => Figure::Succeeded,
        "retried" => Figure::Retried,
        "unnamed" => Figure::Unnamed,
        "opened" => Figure::Opened,
        "refused" => Figure::Refused,
        _ => return None,
    })
}

/// `status.404`, `status.5xx`, `errors.timeout`.
fn listed(name: &str) -> Option<Figure> {
    if let Some(class) = name.strip_prefix("errors.") {
        let class = ErrorClass::ALL
            .into_iter()
            .find(|known| known.name() == class)?;
        return Some(Figure::Error(class));
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
        .then_some(Figure::Status(first..=last))
}

/// `p99`, `service.p99.9`, `send_lag.max`, `replicas.p99`.
fn timed(name: &str) -> Option<Figure> {
    let kinds = [
        ("response.", TimeKind::Response),
        ("response_time.", TimeKind::Response),
        ("service.", TimeKind::Service),
        ("service_time.", TimeKind::Service),
        ("lag.", TimeKind::Lag),
        ("send_lag.", TimeKind::Lag),
    ];
    if let Some(name) = name.strip_prefix("replicas.") {
        return statistic(name)
            .map(Figure::WorstReplica)
            .or_else(|| of_replica(name));
    }
    if let Some(name) = name.strip_prefix("server_time.") {
        let quantile = SERVER_QUANTILES.iter().find(|(known, _)| *known == name);
        let quantile = quantile.map(|(_, quantile)| Statistic::Quantile(*quantile));
        return quantile
            .or((name == "mean").then_some(Statistic::Mean))
            .map(Figure::ServerTime);
    }
    let (of, name) = kinds
        .iter()
        .find_map(|(prefix, kind)| name.strip_prefix(prefix).map(|name| (*kind, name)))
        .unwrap_or((TimeKind::Response, name));
    Some(Figure::Time {
        of,
        statistic: statistic(name)?,
    })
}

/// `app-1.p99`, `app-1.share`: a name, which may have dots of its own, and what is looked at.
fn of_replica(text: &str) -> Option<Figure> {
    text.match_indices('.').find_map(|(at, _)| {
        let figure = match &text[at + 1..] {
            "share" => ReplicaFigure::Share,
            "requests" => ReplicaFigure::Requests,
            "failed" => ReplicaFigure::Failed,
            name => ReplicaFigure::Response(statistic(name)?),
        };
        (at > 0).then(|| Figure::OfReplica(text[..at].to_owned(), figure))
    })
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
        let figure: Figure = name.parse()?;
        let limit = parse_limit(limit.trim(), figure.unit()).map_err(|reason| {
            ThresholdError::BadLimit {
                limit: limit.trim().to_owned(),
                figure: name.to_owned(),
                reason,
            }
        })?;
        Ok(Self {
            figure,
            comparison,
            limit,
            text: text.trim().to_owned(),
        })
    }
}

fn parse_limit(text: &str, unit: Unit) -> Result<f64, &'static str> {
    let number = |text: &str, reason| match text.trim().parse::<f64>() {
        Ok(number) if number.is_finite() && number >= 0.0 => Ok(number),
        _ => Err(reason),
    };
    match unit {
        Unit::Time => {
            let span: Duration = humantime::parse_duration(text)
                .map_err(|_| "it needs a time with its unit, as 50ms or 1s 500ms")?;
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
            ("q99>50ms", "no figure"),
            ("status.0>1", "no figure"),
            ("status.9999xx>1", "no figure"),
            ("errors.boredom>1", "no figure"),
            ("requests.p>1ms", "no figure"),
            ("replicas..share>1%", "no figure"),
            ("server_time.max>1ms", "no figure"),
            ("server_time.p95>1ms", "no figure"),
            ("p101>50ms", "no figure"),
            ("p99>50", "needs a time"),
            ("error_rate>many", "needs a percentage"),
            ("dropped>-1", "0 or more"),
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
            let figure = |text: &str| text.parse::<Threshold>().expect(text).figure;
            assert_eq!(figure(long), figure(brief), "{long}");
        }
        let figure = |text: &str| text.parse::<Figure>().expect(text);
        for (text, name, of) in [
            ("replicas.app-1.share", "app-1", ReplicaFigure::Share),
            (
                "replicas.10.0.0.1.p12.5",
                "10.0.0.1",
                ReplicaFigure::Response(Statistic::Quantile(0.125)),
            ),
        ] {
            assert_eq!(figure(text), Figure::OfReplica(name.into(), of), "{text}");
        }
        assert_eq!(
            figure("server_time.mean"),
            Figure::ServerTime(Statistic::Mean)
        );
        assert_eq!(figure("status.5xx"), Figure::Status(500..=599));
        assert_eq!(figure("errors.timeout"), Figure::Error(ErrorClass::Timeout));
    }

    #[test]
    fn the_limit_itself_passes_a_strict_comparison() {
        let threshold: Threshold = "dropped>0".parse().expect("valid");
        assert!(!threshold.is_met_by(0.0));
        assert!(threshold.is_met_by(1.0));
    }
}
