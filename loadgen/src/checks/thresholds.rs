//! Holds every threshold of the plan against every group.

use super::balance::share_of;
use super::evidence::{Evidence, GroupEvidence};
use super::finding::percent;
use crate::model::{Nanos, ReplicaId};
use crate::plan::{
    Comparison, EventMetric, Load, Metric, ReplicaMetric, Sense, Statistic, Threshold, TimeKind,
    Unit,
};
use crate::record::{Code, EventRecord, Finding, GroupJudgement, ThresholdResult};
use crate::recorder::{Histogram, RequestTally};

/// Judges every threshold on every group, on the measured part.
pub(super) fn judge(
    evidence: &Evidence<'_>,
    groups: &[GroupJudgement],
    findings: &mut Vec<Finding>,
) -> Vec<ThresholdResult> {
    let mut results = Vec::new();
    for (group, judgement) in evidence.groups().zip(groups) {
        for (sense, threshold) in evidence.plan.all_thresholds() {
            if is_of_another_group(evidence, &group, &threshold.metric)
                || is_about_others(&group, threshold)
            {
                continue;
            }
            let Some(observed) = observed(&group, judgement, &threshold.metric) else {
                findings.push(unobserved(threshold).of_group(group.name));
                continue;
            };
            let failed = threshold.fails(sense, observed);
            if failed {
                findings.push(finding(sense, threshold, observed).of_group(group.name));
            }
            results.push(ThresholdResult {
                group: group.host.to_owned(),
                expression: threshold.to_string(),
                sense,
                metric: Some(threshold.metric.clone()),
                unit: Some(threshold.metric.unit()),
                failed,
                observed,
                limit: threshold.limit,
                margin: margin(sense, threshold, observed),
            });
        }
    }
    results
}

/// Whether a metric is of a request that other groups have, and this one not.
fn is_of_another_group(
    evidence: &Evidence<'_>,
    group: &GroupEvidence<'_>,
    metric: &Metric,
) -> bool {
    let Metric::OfRequest(name, _) = metric else {
        return false;
    };
    let has = |place: usize| {
        let mut requests = evidence.plan.groups[place].requests.iter();
        requests.any(|request| request.name == *name)
    };
    !has(group.place) && (0..evidence.plan.groups.len()).any(has)
}

fn finding(sense: Sense, threshold: &Threshold, observed: f64) -> Finding {
    let unit = threshold.metric.unit();
    let (seen, limit) = (in_words(observed, unit), in_words(threshold.limit, unit));
    let what = match sense {
        Sense::FailIf => "is met",
        Sense::Require => "does not hold",
    };
    let message = format!("`{threshold}` {what}: {seen} was observed, {limit} is the limit");
    Finding::new(Code::ThresholdFailed, message)
}

/// What was asked for and could not be seen is no success.
fn unobserved(threshold: &Threshold) -> Finding {
    let (message, hint) = match &threshold.metric {
        Metric::OfReplica(name, _) => (
            format!("`{threshold}` cannot be judged: no answer names a replica `{name}`"),
            "names are those that the replicas give in their answers; the summary lists them",
        ),
        Metric::OfRequest(name, _) => (
            format!("`{threshold}` cannot be judged: no group has a request `{name}`"),
            "names are those of [[group.request]] in the plan file",
        ),
        Metric::Event(..) => (
            format!("`{threshold}` cannot be judged: no event of the run has such a figure"),
            "events are numbered from 1 in the plan's order; --event gives one",
        ),
        _ => (
            format!("`{threshold}` cannot be judged: the replicas tell no such time"),
            "it is read from a histogram on their metrics pages (`--replica GROUP=URL` names them)",
        ),
    };
    Finding::new(Code::ThresholdFailed, message).hint(hint)
}

/// How far the metric is from its limit, as a share of the limit; of the metric's own size where
/// the limit is 0. Negative when it failed.
fn margin(sense: Sense, threshold: &Threshold, observed: f64) -> f64 {
    let is_ceiling = matches!(
        (sense, threshold.comparison),
        (Sense::FailIf, Comparison::Above | Comparison::AtLeast)
            | (Sense::Require, Comparison::Below | Comparison::AtMost)
    );
    let room = if is_ceiling {
        threshold.limit - observed
    } else {
        observed - threshold.limit
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

/// The metric in its unit: nanoseconds, a share, or a count; `None` where it was not to be had.
fn observed(group: &GroupEvidence<'_>, judgement: &GroupJudgement, metric: &Metric) -> Option<f64> {
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
    Some(match metric {
        Metric::Time { of, statistic } => {
            let histogram = match of {
                TimeKind::Response => &group.tally.response,
                TimeKind::Service => &group.tally.service,
                TimeKind::Lag => &group.tally.lag,
                TimeKind::ReleaseLag => &group.tally.release_lag,
                TimeKind::ConnectionWait => &group.tally.connection_wait,
            };
            time(histogram, *statistic)
        }
        Metric::WorstReplica(statistic) => {
            let each = group.tally.replicas.values();
            each.map(|replica| time(&replica.response, *statistic))
                .fold(0.0, f64::max)
        }
        // Nothing sent is no success.
        Metric::ErrorRate if counts.sent == 0 => 1.0,
        Metric::ErrorRate => counts.failed as f64 / counts.sent as f64,
        Metric::Achieved => match intended(group) {
            Some(intended) if intended > 0.0 => completed as f64 / intended,
            _ => 1.0,
        },
        Metric::Dropped => counts.dropped as f64,
        Metric::Failed => counts.failed as f64,
        Metric::Unfinished => counts.unfinished() as f64,
        Metric::SentRate => per_second(counts.sent),
        Metric::CompletedRate => per_second(completed),
        Metric::IntendedRate => {
            let planned = group.all.plan.groups.get(group.place)?;
            planned.intended_rate(group.all.recording.measured)
        }
        Metric::MaxMinusMin => judgement.balance.max_minus_min as f64,
        // Where one got nothing there is no quotient, and max − 0 is what stands for it.
        Metric::MaxOverMin => {
            (judgement.balance.max_over_min).unwrap_or(judgement.balance.max_minus_min as f64)
        }
        Metric::CoefficientOfVariation => judgement.balance.coefficient_of_variation,
        Metric::TailShare => judgement.tail_share.values().copied().fold(0.0, f64::max),
        Metric::Planned => counts.planned as f64,
        Metric::Sent => counts.sent as f64,
        Metric::Succeeded => counts.succeeded as f64,
        Metric::Retried => counts.retried as f64,
        Metric::Unnamed => judgement.crosscheck.unnamed as f64,
        Metric::Opened => counts.connections.opened as f64,
        Metric::Refused => counts.connections.refused as f64,
        Metric::Status(range) => {
            let each = counts.status.range(range.clone());
            each.map(|(_, count)| *count).sum::<u64>() as f64
        }
        Metric::OfReplica(name, metric) => of_replica(group, name, *metric)?,
        Metric::ServerTime(statistic) => server_time(judgement, *statistic)?,
        Metric::Event(number, metric) => of_events(group, *number, *metric)?,
        Metric::Error(class) => counts.errors.get(class).copied().unwrap_or(0) as f64,
        Metric::OfRequest(name, metric) => of_request(group, name, metric)?,
    })
}

/// Whether a threshold is about events of other groups alone.
fn is_about_others(group: &GroupEvidence<'_>, threshold: &Threshold) -> bool {
    let Metric::Event(number, _) = threshold.metric else {
        return false;
    };
    let wanted = || numbered(group.all.events, number);
    wanted().next().is_some() && !wanted().any(|event| concerns(event, group))
}

fn numbered(events: &[EventRecord], number: Option<u32>) -> impl Iterator<Item = &EventRecord> {
    let wanted = move |event: &&EventRecord| number.is_none_or(|n| event.n == u64::from(n));
    events.iter().filter(wanted)
}

fn concerns(event: &EventRecord, group: &GroupEvidence<'_>) -> bool {
    event.group.as_deref().is_none_or(|host| host == group.host)
}

/// The worst of the group's events, or the one of this number.
fn of_events(group: &GroupEvidence<'_>, number: Option<u32>, metric: EventMetric) -> Option<f64> {
    let events = numbered(group.all.events, number).filter(|event| concerns(event, group));
    let values = events.filter_map(|event| {
        let began = Nanos(event.began?);
        // What was not seen took at least until the end.
        let rest = || group.all.recording.measured.since(began).as_secs_f64();
        let nanos = |seconds: f64| Nanos::from_secs_f64(seconds).0 as f64;
        Some(match metric {
            EventMetric::Lost => event.lost as f64,
            EventMetric::Detection => nanos(event.detection_s?),
            EventMetric::Recovery => nanos(event.recovery_s.unwrap_or_else(rest)),
            EventMetric::Rebalance if event.replicas.is_empty() => return None,
            EventMetric::Rebalance => nanos(event.rebalance_s.unwrap_or_else(rest)),
        })
    });
    values.reduce(f64::max)
}

fn of_replica(group: &GroupEvidence<'_>, name: &str, metric: ReplicaMetric) -> Option<f64> {
    let replicas = &group.tally.replicas;
    let replica = replicas.get(&ReplicaId(name.to_owned()))?;
    Some(match metric {
        ReplicaMetric::Response(statistic) => time(&replica.response, statistic),
        ReplicaMetric::Requests => replica.requests as f64,
        ReplicaMetric::Failed => replica.failed as f64,
        ReplicaMetric::Share => share_of(replica, replicas),
    })
}

fn of_request(group: &GroupEvidence<'_>, name: &str, metric: &Metric) -> Option<f64> {
    let nothing = RequestTally::default();
    let planned = &group.all.plan.groups.get(group.place)?.requests;
    planned.iter().find(|request| request.name == name)?;
    // A group with one request keeps no figures of its own for it: they are the group's.
    let whole = RequestTally::of(group.tally);
    let tally = match planned.len() {
        1 => &whole,
        _ => group.tally.requests.get(name).unwrap_or(&nothing),
    };
    let counts = &tally.counts;
    Some(match metric {
        Metric::Time {
            of: TimeKind::Service,
            statistic,
        } => time(&tally.service, *statistic),
        Metric::Time { statistic, .. } => time(&tally.response, *statistic),
        Metric::ErrorRate if counts.sent == 0 => 1.0,
        Metric::ErrorRate => counts.failed as f64 / counts.sent as f64,
        Metric::Dropped => counts.dropped as f64,
        Metric::Failed => counts.failed as f64,
        Metric::Unfinished => counts.unfinished() as f64,
        Metric::Planned => counts.planned as f64,
        Metric::Sent => counts.sent as f64,
        Metric::Succeeded => counts.succeeded as f64,
        Metric::Status(range) => {
            let each = counts.status.range(range.clone());
            each.map(|(_, count)| *count).sum::<u64>() as f64
        }
        Metric::Error(class) => counts.errors.get(class).copied().unwrap_or(0) as f64,
        _ => return None,
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
    let planned = group.all.plan.groups.get(group.place)?;
    let load = &planned.load;
    let Load::Open { schedule } = load else {
        return None;
    };
    let expected = planned.part(schedule.expected(Nanos::ZERO, group.all.recording.measured));
    // Random arrivals are what they are: what was drawn is what was intended.
    let drawn = group.tally.counts.planned as f64;
    let plausible = load.is_random() && (drawn - expected).abs() <= 6.0 * expected.sqrt();
    Some(if plausible { drawn } else { expected })
}
