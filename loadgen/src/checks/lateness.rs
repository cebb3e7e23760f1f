//! Whether requests left when they were due, and who held back those that did not: the generator,
//! which makes the run invalid, or the connections, which were all in use.
//!
//! Both are measured, a request at a time. So is the time for which this process could not run at
//! all; a cause is named only where it accounts for half of what was late.

use super::certificate::{Checked, item};
use super::evidence::{Evidence, GroupEvidence};
use super::finding::{counted, grouped, percent};
use crate::model::{Nanos, lag_budget};
use crate::plan::{Load, Pacing};
use crate::record::{Code, Finding, Severity};
use crate::recorder::Histogram;

/// The part of the time for which a generator may not run, and still be believed.
const MOST_LOST: f64 = 0.03;
/// From this part on it is worth knowing: as many requests as are beyond p99 may be late by it.
const WORTH_TELLING: f64 = 0.01;
/// The largest share of a core that a generator thread may use.
pub(super) const MOST_CPU: f64 = 0.9;

/// How many of `count` requests may be late before their p99 is late for certain: 1 %, and three
/// standard deviations of it. In a hundred requests one hiccup is the p99; it proves nothing.
pub(super) fn late_by_chance(count: u64) -> u64 {
    let expected = 0.01 * count as f64;
    (expected + 3.0 * expected.sqrt()).floor() as u64
}

/// One part of the lag against its budget.
struct Lag {
    p99: Nanos,
    budget: Nanos,
    late: u64,
    allowed: u64,
    count: u64,
}

impl Lag {
    /// `None` where nothing was recorded.
    fn of(group: &GroupEvidence<'_>, times: &Histogram) -> Option<Self> {
        if times.is_empty() {
            return None;
        }
        let allowed = group.all.plan.lag_budget.into();
        let budget = lag_budget(allowed, group.tally.response.quantile(0.99));
        Some(Self {
            p99: times.quantile(0.99),
            budget,
            late: times.count_above(budget),
            allowed: late_by_chance(times.count()),
            count: times.count(),
        })
    }

    fn is_over(&self) -> bool {
        self.p99 > self.budget && self.late > self.allowed
    }

    fn share(&self) -> f64 {
        self.late as f64 / self.count.max(1) as f64
    }

    fn observed(&self) -> String {
        format!("{}, {} late", self.p99, grouped(self.late))
    }

    fn budgeted(&self) -> String {
        format!("at most {}, or {} late", self.budget, grouped(self.allowed))
    }
}

/// The generator's own lateness. A closed loop has none: nothing in it is due.
pub(super) fn release(group: &GroupEvidence<'_>) -> Option<Checked> {
    if matches!(group.all.plan.groups[group.place].load, Load::Closed { .. }) {
        return None;
    }
    let lag = Lag::of(group, &group.tally.release_lag)?;
    let checked = item(
        "release lag p99",
        lag.observed(),
        lag.budgeted(),
        !lag.is_over(),
    );
    let finding = lag.is_over().then(|| {
        let message = format!(
            "{} of {} were released late, {} at p99 where {} is allowed; the latencies hold that lateness too",
            grouped(lag.late),
            counted(lag.count, "request"),
            lag.p99,
            lag.budget
        );
        explained(Code::GeneratorLag, &message, group.all, lag.share())
    });
    Some((checked, finding))
}

/// The wait for a connection: in the response time, and not the generator's fault.
pub(super) fn wait(group: &GroupEvidence<'_>) -> Option<Checked> {
    let lag = Lag::of(group, &group.tally.connection_wait)?;
    let checked = item(
        "connection wait p99",
        lag.observed(),
        "any: it is in the response time",
        true,
    );
    let finding = lag.is_over().then(|| {
        if !group.all.plan.keep_alive {
            return made_anew(&lag);
        }
        let (most, opened) = (
            u64::from(group.all.plan.connections),
            group.tally.counts.connections.opened,
        );
        let (where_, hint) = if opened >= most {
            (
                format!("all of {} were in use", counted(most, "connection")),
                "raise --connections to the rate times the time an answer takes, if the wait is not what you want to see",
            )
        } else {
            (
                format!("{} of at most {most} were made, and none was free", grouped(opened)),
                "a connection that takes long to be made is waited for: is the server slow to accept, or its handshake?",
            )
        };
        let streams = match group.tally.counts.connections.stream_limit {
            0 | u32::MAX => String::new(),
            limit => format!(
                "; the server allows {} at once on each",
                counted(u64::from(limit), "request")
            ),
        };
        let message = format!(
            "{} of the requests waited for a connection, {} at p99: {where_}{streams}. The wait is in the response time, but fewer requests were in flight than an open loop would have had",
            percent(lag.share()),
            lag.p99,
        );
        Finding::new(Code::QueuedArrivals, message).hint(hint)
    });
    Some((checked, finding))
}

/// How many requests were in flight over one connection, and how many the server allows there. Only
/// where several may be.
pub(super) fn streams(group: &GroupEvidence<'_>) -> Option<Checked> {
    let connections = &group.tally.counts.connections;
    let most = (connections.most_streams > 0).then_some(u64::from(connections.most_streams))?;
    let allowed = match connections.stream_limit {
        u32::MAX => "any: the server sets no limit".to_owned(),
        limit => format!("{}: the server allows no more", grouped(u64::from(limit))),
    };
    let observed = format!("{} at most", grouped(most));
    Some((
        item(
            "requests in flight on one connection",
            observed,
            allowed,
            true,
        ),
        None,
    ))
}

/// The wait where each request has a connection of its own: it is the making of it, and was asked for.
fn made_anew(lag: &Lag) -> Finding {
    let message = format!(
        "{} of the requests waited for their connection, {} at p99: each has one of its own, as --no-keep-alive asks. The wait is in the response time",
        percent(lag.share()),
        lag.p99,
    );
    Finding::new(Code::QueuedArrivals, message)
        .weighing(Severity::Info)
        .hint("leave --no-keep-alive out to see it without; connection_wait has it alone")
}

/// The time for which this process could not run, whatever was due meanwhile.
pub(super) fn stalls(evidence: &Evidence<'_>) -> Option<Checked> {
    let stalls = &evidence.recording.stalls;
    if stalls.watched == Nanos::ZERO {
        return None;
    }
    let (share, longest) = (stalls.share(), stalls.longest);
    let ok = share <= MOST_LOST;
    let observed = format!("{} of the time, {longest} at the longest", percent(share));
    let checked = item(
        "machine stalls",
        observed.clone(),
        format!("at most {}", percent(MOST_LOST)),
        ok,
    );
    let finding = (share >= WORTH_TELLING).then(|| {
        let message = format!("this process was not run for {observed}: what was due or answered meanwhile was met late");
        let finding = explained(Code::MachineStalls, &message, evidence, share);
        let closed = |group: &crate::plan::GroupPlan| matches!(group.load, Load::Closed { .. });
        match ok {
            false => finding.weighing(Severity::Invalid),
            // Nothing else tells of it there.
            true if evidence.plan.groups.iter().any(closed) => finding.weighing(Severity::Warning),
            true => finding,
        }
    });
    Some((checked, finding))
}

/// A finding with its cause, where one of those that are measured accounts for half of the part of
/// the time that is affected.
fn explained(code: Code, message: &str, evidence: &Evidence<'_>, affected: f64) -> Finding {
    let recording = evidence.recording;
    let measured = recording.measured.as_secs_f64();
    let enough =
        |time: Nanos| time.as_secs_f64() > 0.0 && time.as_secs_f64() >= 0.5 * affected * measured;
    let stalls = &recording.stalls;
    let waited = recording
        .threads
        .iter()
        .map(|thread| thread.waited)
        .max()
        .unwrap_or_default();
    let busiest = recording
        .threads
        .iter()
        .map(|thread| thread.cpu)
        .max()
        .unwrap_or_default();
    let (cause, hint) = if let Some(time) = stalls.throttled.filter(|time| enough(*time)) {
        (
            format!("a quota of CPU held it back for {time}, by its control group's count"),
            "raise the quota of the container or slice that loadgen runs in",
        )
    } else if let Some(time) = stalls.stolen.filter(|time| enough(*time)) {
        (
            format!("the hypervisor gave {time} of this machine's CPUs to others"),
            "run on a machine that is not shared, or compare only what was measured side by side",
        )
    } else if enough(waited) {
        (
            format!("a thread of it waited {waited} for a CPU on which others ran"),
            "stop other work on this machine, or give loadgen cores of its own",
        )
    } else if code != Code::MachineStalls && enough(stalls.lost) {
        (
            format!(
                "it was not run for {} of the time, {} at the longest: it was stopped, or the machine stood still",
                percent(stalls.share()),
                stalls.longest
            ),
            "repeat it; where that stays, the machine is not fit to measure these latencies",
        )
    } else if code != Code::MachineStalls
        && evidence.plan.pacing == Pacing::Timer
        && busiest.as_secs_f64() > MOST_CPU * measured
    {
        (
            format!("a thread of it was busy for {busiest}"),
            "more --threads, where there are cores for them, or a lower --rps",
        )
    } else if code == Code::MachineStalls {
        (
            "it was stopped, or the machine stood still".to_owned(),
            "repeat it; where that stays, the machine is not fit to measure short latencies",
        )
    } else {
        (
            "the cause is not known".to_owned(),
            "repeat it on a quiet machine, lower --rps, or allow for more with --lag-budget",
        )
    };
    Finding::new(code, format!("{message}; {cause}")).hint(hint)
}
