//! The bound of a round robin: its rotations, and turns that left no mark, each with its name.

use std::collections::BTreeMap;

use super::{Case, Identified};
use crate::checks::crosscheck::Checked;
use crate::model::{ErrorClass, StackKind};
use crate::recorder::Counts;
use crate::scrape::ReplicaState;

/// The name of what workers of the proxy leave that take turns on their own, where nobody said how many
/// there are.
pub(super) const WORKERS: &str = "workers";

/// Whether the proxy may have more workers that take turns on their own than is known.
pub(super) fn workers_may_be_more(case: &Case<'_>) -> bool {
    let group = case.group;
    group.all.topology.kind == StackKind::External && group.all.plan.proxy_workers.is_none()
}

/// Every allowance that applies, in requests per weight.
pub(super) fn of(case: &Case<'_>, checked: &Checked) -> BTreeMap<String, u64> {
    let group = case.group;
    let rotations = u64::from(group.all.topology.proxy.workers.max(1));
    // A try that was not counted takes a turn from one and gives it to another.
    let retries = 2 * group.extra_tries();
    let mut allowances: BTreeMap<String, u64> = [
        ("rotations", rotations),
        ("retries", retries),
        ("unanswered", unanswered(case)),
        ("peer-down", peer_down(case)),
        ("events", disturbed(case)),
    ]
    .map(|(name, count)| (name.to_owned(), count))
    .into();
    if case.spread.from_replicas && checked.health_checks > 0 {
        // One more to one than to another, at each end of the run.
        allowances.insert("health-checks".to_owned(), 2);
    }
    if !case.spread.from_replicas {
        // Others' requests took turns that our answers do not show.
        allowances.insert("foreign-traffic".to_owned(), checked.foreign);
    }
    allowances.retain(|_, count| *count > 0);
    let bound = allowances.values().sum::<u64>();
    let apart = case.spread.max_minus_min().ceil() as u64;
    let is_workers = case.identified == Some(Identified::Workers);
    if is_workers && apart > bound && workers_may_be_more(case) {
        allowances.insert(WORKERS.to_owned(), apart - bound);
    }
    allowances
}

/// Turns that are in no count for certain, or as good as: the client's lack what was not answered, the
/// replicas' what the proxy could not deliver.
fn unanswered(case: &Case<'_>) -> u64 {
    let group = case.group;
    let undelivered: u64 = [&group.tally.counts, &group.warmup.counts]
        .iter()
        .map(|counts| undelivered(counts))
        .sum();
    if case.spread.from_replicas {
        return undelivered;
    }
    let classes = ErrorClass::ALL
        .into_iter()
        .filter(|class| class.may_have_reached_a_replica());
    let failed: u64 = classes.map(|class| group.errors(class)).sum();
    let nameless: u64 = [&group.tally.counts, &group.warmup.counts]
        .iter()
        .map(|counts| counts.unnamed.range(..300).map(|(_, n)| n).sum::<u64>() + listed(counts))
        .sum();
    failed + undelivered + nameless + group.unfinished()
}

/// Errors that say that a server behind the proxy could not be reached or understood.
fn undelivered(counts: &Counts) -> u64 {
    let gateway = [502, 504].iter();
    gateway
        .filter_map(|status| counts.unnamed.get(status))
        .sum()
}

/// Other errors for which the proxy lists a server that it asked.
fn listed(counts: &Counts) -> u64 {
    let listed = counts.unnamed_upstream.range(300..);
    let others = listed.filter(|(status, _)| !matches!(status, 502 | 504));
    others.map(|(_, count)| count).sum()
}

/// Answers that may have taken a turn without a trace, and may as well have been the proxy's own: no
/// bound is widened by them, and nothing is a failure that they may explain.
pub(super) fn unproven(case: &Case<'_>) -> u64 {
    let group = case.group;
    if group.silence_is_proof() {
        return 0;
    }
    let of = |counts: &Counts| {
        let unmarked = |status: &u16, count: &u64| {
            let listed = counts.unnamed_upstream.get(status).copied().unwrap_or(0);
            count.saturating_sub(listed)
        };
        // Whatever the replicas answered is in their own counts. What HAProxy, say, could not deliver is
        // 503; NGINX says 502 of it.
        let own = case.spread.from_replicas;
        let may_be = |status: &u16| match status {
            502 | 504 => false,
            503 => !(own && group.proxy_is_nginx()),
            _ => !own,
        };
        let errors = counts.unnamed.range(300..);
        let errors = errors.filter(|(status, _)| may_be(status));
        errors
            .map(|(status, count)| unmarked(status, count))
            .sum::<u64>()
    };
    of(&group.tally.counts) + of(&group.warmup.counts)
}

/// Answers in the seconds in which a replica was out, where there is evidence that it was: its
/// process was restarted or came or went, or the proxy had to try again.
fn peer_down(case: &Case<'_>) -> u64 {
    let group = case.group;
    let mut allowed = 0;
    for delta in group.deltas() {
        if !matches!(
            delta.state,
            ReplicaState::Whole | ReplicaState::Unreadable(_)
        ) {
            // It may have been down in the warm-up, of which there are no seconds.
            allowed += group.warmup.counts.sent;
            allowed += answers_in_shifts(case, |id| *id == delta.id);
        }
    }
    let failed = undelivered(&group.tally.counts) + listed(&group.tally.counts) > 0;
    if allowed == 0 && (group.extra_tries() > 0 || failed) {
        allowed = answers_in_shifts(case, |_| true);
        // One that is out in the first second may have been since the warm-up.
        let first = case.windows.first().map(|window| window.second);
        let mut shifts = case.shifts.iter();
        if shifts.any(|shift| shift.share < shift.usual && Some(shift.seconds.0) == first) {
            allowed += group.warmup.counts.sent;
        }
    }
    allowed
}

/// Answers in the seconds that events disturbed.
fn disturbed(case: &Case<'_>) -> u64 {
    let disturbance = case.group.disturbance();
    let seconds = case.windows.iter();
    let seconds = seconds.filter(|window| disturbance.covers(window.second, window.last));
    seconds.flat_map(|window| &window.counts).sum()
}

fn answers_in_shifts(case: &Case<'_>, of: impl Fn(&crate::model::ReplicaId) -> bool) -> u64 {
    let low = case
        .shifts
        .iter()
        .filter(|shift| shift.share < shift.usual && of(&shift.id));
    low.map(|shift| shift.answers).sum()
}
