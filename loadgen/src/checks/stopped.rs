//! Whether the service stopped answering before the run was over: a share of failures says how
//! many there were, and not that nothing came after them.

use super::evidence::GroupEvidence;
use super::finding::counted;
use crate::record::{Code, Finding};
use crate::recorder::TimelinePoint;

/// Failures at the end that independent ones would be, at most so often.
const BY_CHANCE: f64 = 1e-6;

/// A service that answered, and did not any more at the end.
pub(super) fn judge(group: &GroupEvidence<'_>) -> Option<Finding> {
    let seconds: Vec<_> = group.seconds().filter(|point| ended(point) > 0).collect();
    let alive = seconds.iter().rposition(|point| point.succeeded > 0)?;
    let (before, after) = seconds.split_at(alive + 1);
    let failed: u64 = after.iter().map(|point| point.failed).sum();
    if failed == 0 || !is_certain(before, failed) {
        return None;
    }
    let from = after.first()?.second + 1;
    let message = format!(
        "nothing was answered with success from second {from} on: {} failed until the end",
        counted(failed, "request")
    );
    Some(
        Finding::new(Code::NoAnswers, message)
            .hint("did the service die, or the proxy take all its replicas out? See their logs"),
    )
}

fn ended(point: &TimelinePoint) -> u64 {
    point.succeeded + point.failed
}

/// Whether so many failures in a row are no chance, with as many failing as before.
fn is_certain(before: &[&TimelinePoint], failed: u64) -> bool {
    let all: u64 = before.iter().map(|point| ended(point)).sum();
    let bad: u64 = before.iter().map(|point| point.failed).sum();
    let usual = (bad + 1) as f64 / (all + 2) as f64;
    failed as f64 * usual.ln() < BY_CHANCE.ln()
}
