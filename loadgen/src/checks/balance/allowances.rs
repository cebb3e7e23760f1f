//! The bound of a round robin: its rotations, and turns that left no mark, each with its name.

use std::collections::BTreeMap;

use super::Case;
use crate::checks::books::Books;
use crate::model::ErrorClass;
use crate::scrape::ReplicaState;

/// Every allowance that applies, in requests per weight.
pub(super) fn of(case: &Case<'_>, books: &Books) -> BTreeMap<String, u64> {
    let group = case.group;
    let rotations = u64::from(group.all.topology.proxy.workers.max(1));
    // A try that was not counted takes a turn from one and gives it to another.
    let retries = 2 * group.extra_tries();
    let mut allowances: BTreeMap<String, u64> = [
        ("rotations", rotations),
        ("retries", retries),
        ("unanswered", unanswered(case)),
        ("peer-down", peer_down(case)),
    ]
    .map(|(name, count)| (name.to_owned(), count))
    .into();
    if !case.spread.from_replicas {
        // Others' requests took turns that our answers do not show.
        allowances.insert("foreign-traffic".to_owned(), books.foreign);
    }
    allowances.retain(|_, count| *count > 0);
    allowances
}

/// Turns that are in no count: the client's lack what was not answered or names nobody, the
/// replicas' what the proxy could not deliver.
fn unanswered(case: &Case<'_>) -> u64 {
    let group = case.group;
    let counts = &group.tally.counts;
    if case.spread.from_replicas {
        let failed = counts
            .unnamed
            .range(500..)
            .chain(counts.warmup.unnamed.range(500..));
        return failed.map(|(_, count)| count).sum();
    }
    let classes = ErrorClass::ALL
        .into_iter()
        .filter(|class| class.may_have_reached_a_replica());
    let failed: u64 = classes.map(|class| group.errors(class)).sum();
    let unnamed = counts
        .unnamed
        .values()
        .chain(counts.warmup.unnamed.values());
    failed + unnamed.sum::<u64>() + group.unfinished()
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
            allowed += group.tally.counts.warmup.sent;
            allowed += answers_in_shifts(case, |id| *id == delta.id);
        }
    }
    let made_by_proxy = group.tally.counts.unnamed.range(500..).next().is_some();
    if allowed == 0 && (group.extra_tries() > 0 || made_by_proxy) {
        allowed = answers_in_shifts(case, |_| true);
        // One that is out in the first second may have been since the warm-up.
        let first = case.windows.first().map(|window| window.second);
        let mut shifts = case.shifts.iter();
        if shifts.any(|shift| shift.share < shift.usual && Some(shift.seconds.0) == first) {
            allowed += group.tally.counts.warmup.sent;
        }
    }
    allowed
}

fn answers_in_shifts(case: &Case<'_>, of: impl Fn(&crate::model::ReplicaId) -> bool) -> u64 {
    let low = case
        .shifts
        .iter()
        .filter(|shift| shift.share < shift.usual && of(&shift.id));
    low.map(|shift| shift.answers).sum()
}
