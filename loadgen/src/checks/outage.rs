//! Finds the seconds in which a replica was away, and what the group lost meanwhile.

use super::evidence::GroupEvidence;
use super::finding::counted;
use crate::model::ReplicaId;

/// Neighbouring seconds in which a replica answered less than usual, or requests failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outage {
    /// First and last second, from the start of the measured part.
    seconds: (u64, u64),
    /// Requests of the group that failed in them.
    failed: u64,
    /// Whether seconds of the run follow.
    is_over: bool,
}

/// The outage of a replica that holds the second `at`, or one beside it: it may have died in the
/// last moments of the second before its new start, and be missed only in the one after.
pub(super) fn around(group: &GroupEvidence<'_>, id: &ReplicaId, at: u64) -> Option<Outage> {
    let seconds: Vec<_> = group.seconds().collect();
    let answers: Vec<u64> = seconds
        .iter()
        .map(|point| point.replicas.get(id).copied().unwrap_or(0))
        .collect();
    let mut sorted = answers.clone();
    sorted.sort_unstable();
    let usual = sorted.get(sorted.len() / 2).copied().unwrap_or(0);
    let is_off = |place: usize| seconds[place].failed > 0 || 10 * answers[place] < 9 * usual;
    let near = seconds
        .iter()
        .position(|point| point.last() >= at)
        .unwrap_or(seconds.len().saturating_sub(1));
    let candidates = [Some(near), near.checked_sub(1), Some(near + 1)];
    let mut candidates = candidates.into_iter().flatten();
    let start = candidates.find(|place| *place < seconds.len() && is_off(*place))?;
    let first = (0..=start)
        .rev()
        .take_while(|place| is_off(*place))
        .last()?;
    let last = (start..seconds.len())
        .take_while(|place| is_off(*place))
        .last()?;
    Some(Outage {
        seconds: (seconds[first].second, seconds[last].last()),
        failed: seconds[first..=last].iter().map(|point| point.failed).sum(),
        is_over: last + 1 < seconds.len(),
    })
}

/// `14 requests failed in second 3, and from second 4 on it answered as before`.
pub(super) fn in_words(outage: Option<Outage>) -> String {
    let Some(Outage {
        seconds: (first, last),
        failed,
        is_over,
    }) = outage
    else {
        return "no request was lost by it".to_owned();
    };
    let when = if first == last {
        format!("in second {}", first + 1)
    } else {
        format!("from second {} to {}", first + 1, last + 1)
    };
    let lost = if failed == 0 {
        format!("it answered less {when}")
    } else {
        format!("{} failed {when}", counted(failed, "request"))
    };
    if is_over {
        format!(
            "{lost}, and from second {} on it answered as before",
            last + 2
        )
    } else {
        format!("{lost}, up to the end")
    }
}
