//! Holds every threshold of the plan against every group.

use super::balance::share_of;
use super::evidence::{Evidence, GroupEvidence};
use super::finding::percent;
use super::{Finding, GroupJudgement, Severity, ThresholdResult};
use crate::model::{Nanos, ReplicaId};
use crate::plan::{Comparison, Figure, Load, ReplicaFigure, Statistic, Threshold, TimeKind, Unit};
use crate::recorder::Histogram;

/// Judges every threshold on every group, on the measured part.
pub(super) fn judge(
    evidence: &Evidence<'_>,
    groups: &[GroupJudgement],
    findings: &mut Vec<Finding>,
) -> Vec<ThresholdResult> {
    let mut results = Vec::new();
    for (group, judgement) in evidence.groups().zip(groups) {
        for threshold in &evidence.plan.thresholds {
            let Some(observed) = observed(&group, judgement, &threshold.figure) else {
                findings.push(unobserved(threshold).of_group(group.host));
                continue;
            };
            let failed = threshold.is_met_by(observed);
            if failed {
                findings.push(finding(threshold, observed).of_group(group.host));
            }
            results.push(ThresholdResult {
                group: group.host.to_owned(),
                expression: threshold.to_string(),
                failed,
                observed,
                limit: threshold.limit,
                margin: margin(threshold, observed),
            });
        }
    }
    results
}

fn finding(threshold: &Threshold, observed: f64) -> Finding {
    let unit = threshold.figure.unit();
    let (seen, limit) = (in_words(observed, unit), in_words(threshold.limit, unit));
    let message = format!("`{threshold}` is met: {seen} was observed, {limit} is the limit");
    Finding::new("threshold-failed", Severity::Failure, message)
}

/// What was asked for and could not be seen is no success.
fn unobserved(threshold: &Threshold) -> Finding {
    let (message, hint) = match &threshold.figure {
        Figure::OfReplica(name, _) => (
            format!("`{threshold}` cannot be judged: no answer names a replica `{name}`"),
            "names are those that the replicas give in their answers; the summary lists them",
        ),
        _ => (
            format!("`{threshold}` cannot be judged: the replicas tell no such time"),
            "it is read from a histogram on their metrics pages (`--replica GROUP=URL` names them)",
        ),
    };
    Finding::new("threshold-failed", Severity::Failure, message).hint(hint)
}

/// How far the figure is from its limit, as a share of the limit; of the figure's own size where
/// the limit is 0. Negative when it failed.
fn margin(threshold: &Threshold, observed: f64) -> f64 {
    let room = match threshold.comparison {
        Comparison::Above | Comparison::AtLeast => threshold.limit - observed,
        Comparison::Below | Comparison::AtMost => observed - threshold.limit,
    };
    let scale = if threshold.limit > 0.0 {
        threshold.limit
    } else {
        observed.abs().max(1.0)
    };
    room / scale
}

fn in_words(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Time => Nanos(value as u64).to_string(),
        Unit::Share => percent(value),
        Unit::Count if value.fract() == 0.0 => format!("{value:.0}"),
        Unit::Count => format!("{value:.2}"),
    }
}

/// The figure in its unit: nanoseconds, a share, or a count; `None` where it was not to be had.
fn observed(group: &GroupEvidence<'_>, judgement: &GroupJudgement, figure: &Figure) -> Option<f64> {
    let counts = &group.tally.counts;
    let measured = group.all.recording.measured.as_secs_f64();
    let per_second = |count: u64| {
        if measured > 0.0 {
            count as f64 / measured
        } else {
            0.0
        }
    };
    let completed = counts.succeeded + counts.failed;
    Some(match figure {
        Figure::Time { of, statistic } => {
            let histogram = match of {
                TimeKind::Response => &group.tally.response,
                TimeKind::Service => &group.tally.service,
                TimeKind::Lag => &group.tally.lag,
            };
            time(histogram, *statistic)
        }
        Figure::WorstReplica(statistic) => {
            let each = group.tally.replicas.values();
            each.map(|replica| time(&replica.response, *statistic))
                .fold(0.0, f64::max)
        }
        // Nothing sent is no success.
        Figure::ErrorRate if counts.sent == 0 => 1.0,
        Figure::ErrorRate => counts.failed as f64 / counts.sent as f64,
        Figure::Achieved => match intended(group) {
            Some(intended) if intended > 0.0 => completed as f64 / intended,
            _ => 1.0,
        },
        Figure::Dropped => counts.dropped as f64,
        Figure::Failed => counts.failed as f64,
        Figure::Unfinished => counts.unfinished() as f64,
        Figure::SentRate => per_second(counts.sent),
        Figure::CompletedRate => per_second(completed),
        Figure::IntendedRate => match &group.all.plan.groups.get(group.place)?.load {
            Load::Open { schedule } => schedule.intended_rate(group.all.recording.measured),
            Load::Closed { .. } => 0.0,
        },
        Figure::MaxMinusMin => judgement.balance.max_minus_min as f64,
        // Where one got nothing there is no quotient, and max − 0 is what stands for it.
        Figure::MaxOverMin => {
            (judgement.balance.max_over_min).unwrap_or(judgement.balance.max_minus_min as f64)
        }
        Figure::CoefficientOfVariation => judgement.balance.coefficient_of_variation,
        Figure::TailShare => judgement.tail_share.values().copied().fold(0.0, f64::max),
        Figure::Planned => counts.planned as f64,
        Figure::Sent => counts.sent as f64,
        Figure::Succeeded => counts.succeeded as f64,
        Figure::Retried => counts.retried as f64,
        Figure::Unnamed => judgement.crosscheck.unnamed as f64,
        Figure::Opened => counts.connections.opened as f64,
        Figure::Refused => counts.connections.refused as f64,
        Figure::Status(range) => {
            let each = counts.status.range(range.clone());
            each.map(|(_, count)| *count).sum::<u64>() as f64
        }
        Figure::OfReplica(name, figure) => of_replica(group, name, *figure)?,
        Figure::ServerTime(statistic) => server_time(judgement, *statistic)?,
        Figure::Error(class) => counts.errors.get(class).copied().unwrap_or(0) as f64,
    })
}

fn of_replica(group: &GroupEvidence<'_>, name: &str, figure: ReplicaFigure) -> Option<f64> {
    let replicas = &group.tally.replicas;
    let replica = replicas.get(&ReplicaId(name.to_owned()))?;
    Some(match figure {
        ReplicaFigure::Response(statistic) => time(&replica.response, statistic),
        ReplicaFigure::Requests => replica.requests as f64,
        ReplicaFigure::Failed => replica.failed as f64,
        ReplicaFigure::Share => share_of(replica, replicas),
    })
}

fn server_time(judgement: &GroupJudgement, statistic: Statistic) -> Option<f64> {
    let told = judgement.server_time.as_ref()?;
    match statistic {
        Statistic::Mean => Some(told.replica_mean as f64),
        Statistic::Quantile(wanted) => (told.quantiles.iter())
            .find(|known| (known.quantile - wanted).abs() < 1e-9)
            .and_then(|known| known.upper)
            .map(|upper| upper as f64),
        Statistic::Min | Statistic::Max => None,
    }
}

fn time(histogram: &Histogram, statistic: Statistic) -> f64 {
    let nanos = match statistic {
        Statistic::Quantile(quantile) => histogram.quantile(quantile),
        Statistic::Mean => histogram.mean(),
        Statistic::Min => histogram.min(),
        Statistic::Max => histogram.max(),
    };
    nanos.0 as f64
}

/// Arrivals that the schedule asked for in the measured part that took place; `None` in closed
/// loop, which intends none.
pub(super) fn intended(group: &GroupEvidence<'_>) -> Option<f64> {
    let load = &group.all.plan.groups.get(group.place)?.load;
    let Load::Open { schedule } = load else {
        return None;
    };
    let expected = schedule.expected(Nanos::ZERO, group.all.recording.measured);
    // Random arrivals are what they are: what was drawn is what was intended.
    let drawn = group.tally.counts.planned as f64;
    let plausible = load.is_random() && (drawn - expected).abs() <= 6.0 * expected.sqrt();
    Some(if plausible { drawn } else { expected })
}
