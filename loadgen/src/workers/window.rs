//! Whether a window that a worker sent can be one of this run, before any of it is folded.

use super::message::Final;
use super::task::Fault;
use crate::model::Nanos;
use crate::plan::Plan;
use crate::record::{IntervalRecord, Quantiles};
use crate::recorder::{Counts, Names, Phase, Tally, Window};

/// The most replicas, requests or connections that one window may count: sums of a thousand workers
/// over days do not overflow.
const MOST_COUNT: u64 = 1 << 32;
/// The most names of replicas in one window; a worker keeps no more apart.
const MOST_NAMES: usize = 2 * Names::MOST;
/// The most generator threads of a worker.
const MOST_THREADS: usize = 4_096;
/// The most short windows of a worker.
const MOST_MOMENTS: usize = 1 << 20;
/// How long after the last arrival's patience a window may still begin.
const SLACK: Nanos = Nanos(30 * Nanos::SECOND.0);

/// The window that an interval is, where it is the next one of a worker of this plan.
pub(super) fn of(
    interval: &IntervalRecord,
    plan: &Plan,
    last: Option<(i64, usize, Phase)>,
) -> Result<Window, Fault> {
    let refused = |why: &'static str| Fault::Window {
        group: interval.host.chars().take(100).collect(),
        second: interval.second,
        why,
    };
    let mut groups = plan.groups.iter();
    let group = groups.position(|group| group.name == interval.host);
    let group = group.ok_or_else(|| refused("there is no such group"))?;
    let second = Nanos::SECOND.0.cast_signed();
    if interval.length != Nanos::SECOND.0 || interval.start % second != 0 {
        return Err(refused("it is no whole second"));
    }
    if !is_within(interval.start, interval.phase, plan) {
        return Err(refused("it is outside of the run"));
    }
    if last.is_some_and(|last| (interval.start, group, interval.phase) <= last) {
        return Err(refused("it is not later than the one before"));
    }
    if interval.replicas.len() > MOST_NAMES || interval.requests_by_name.len() > MOST_NAMES {
        return Err(refused("it has too many names"));
    }
    let window = interval.window(group);
    if !is_whole(interval, &window.tally) {
        return Err(refused("a histogram cannot be read, or has other bounds"));
    }
    let by_name = window.tally.requests.values().map(|one| &one.counts);
    let mut counts = std::iter::once(&window.tally.counts).chain(by_name);
    let replicas = window.tally.replicas.values();
    if !counts.all(is_bounded)
        || replicas
            .map(|one| one.requests)
            .any(|count| count > MOST_COUNT)
    {
        return Err(refused("it counts more than any worker can"));
    }
    Ok(window)
}

fn is_within(start: i64, phase: Phase, plan: &Plan) -> bool {
    let first = match phase {
        Phase::WarmUp => Nanos::from(plan.warmup).plus(Nanos::SECOND),
        Phase::Measured => Nanos::ZERO,
    };
    start >= -first.0.cast_signed() && start <= end_of(plan)
}

/// After this, from the beginning of the measured part, no worker is at work.
fn end_of(plan: &Plan) -> i64 {
    let answers = Nanos::from(plan.timeout * 2 + plan.connect_timeout);
    let end = Nanos::from(plan.duration).plus(answers).plus(SLACK);
    end.0.cast_signed()
}

/// Whether every histogram was read: one that cannot be is empty.
fn is_whole(interval: &IntervalRecord, tally: &Tally) -> bool {
    let whole = [
        (&interval.response_time, &tally.response),
        (&interval.service_time, &tally.service),
        (&interval.send_lag, &tally.lag),
        (&interval.release_lag, &tally.release_lag),
        (&interval.connection_wait, &tally.connection_wait),
    ];
    let replicas = interval.replicas.iter().map(|replica| {
        let tally = tally.replicas.iter().find(|(id, _)| id.0 == replica.id);
        tally.map(|(_, tally)| (&replica.response_time, &tally.response))
    });
    let by_name = interval.requests_by_name.iter().flat_map(|request| {
        let tally = tally.requests.get(&request.name);
        [
            tally.map(|tally| (&request.response_time, &tally.response)),
            tally.map(|tally| (&request.service_time, &tally.service)),
        ]
    });
    let all = whole.into_iter().map(Some).chain(replicas).chain(by_name);
    let is_read = |(told, read): (&Quantiles, &crate::recorder::Histogram)| {
        told.count == read.count() && read.count() <= MOST_COUNT
    };
    all.into_iter().all(|one| one.is_some_and(is_read))
}

fn is_bounded(counts: &Counts) -> bool {
    let connections = &counts.connections;
    let plain = [
        counts.planned,
        counts.sent,
        counts.dropped,
        counts.succeeded,
        counts.failed,
        counts.retried,
        counts.extra_tries,
        connections.opened,
        connections.refused,
    ];
    let told = counts.status.values().chain(counts.errors.values());
    let unnamed = counts
        .unnamed
        .values()
        .chain(counts.unnamed_upstream.values());
    let mut all = plain.iter().chain(told).chain(unnamed);
    all.all(|count| *count <= MOST_COUNT)
}

/// Whether a last message can be one of this plan.
pub(super) fn check_final(last: &Final, plan: &Plan) -> Result<(), Fault> {
    if last.measured > plan.duration.into() || last.warmup > plan.warmup.into() {
        return Err(Fault::Final("it is longer than the run"));
    }
    if last.threads.len() > MOST_THREADS || last.moments.len() > MOST_MOMENTS {
        return Err(Fault::Final("it has too many threads or windows"));
    }
    let longest = Nanos(end_of(plan).cast_unsigned());
    if last.threads.iter().any(|thread| thread.cpu > longest) {
        return Err(Fault::Final("a thread took more CPU time than the run"));
    }
    let known = |group: usize| group < plan.groups.len();
    if !last.moments.iter().all(|moment| known(moment.group)) {
        return Err(Fault::Final("it has a window of no group"));
    }
    Ok(())
}
