//! Puts into findings what became of the stack while the load went on.

use crate::checks::{Finding, Severity};
use crate::stack::{Change, Life, Stack, changes};

/// The replicas as they are now; none where the stack cannot tell, which is no reason to stop.
pub(super) async fn look(stack: &Stack) -> Vec<Life> {
    stack.lives().await.unwrap_or_default()
}

/// What happened to replicas between two looks.
pub(super) fn findings(before: &[Life], after: &[Life]) -> Vec<Finding> {
    if before.is_empty() || after.is_empty() {
        return Vec::new();
    }
    changes(before, after).iter().map(finding).collect()
}

/// What looked wrong while the stack was brought up.
pub(super) fn warnings(stack: &Stack) -> Vec<Finding> {
    let warning = |text: String| Finding::new("unknown-group", Severity::Warning, text);
    stack
        .warnings()
        .iter()
        .map(|one| warning(one.to_string()))
        .collect()
}

fn finding(change: &Change) -> Finding {
    let (code, severity, id) = match change {
        Change::Restarted { id, .. } => ("restarted-replica", Severity::Warning, id),
        Change::Ended { id, .. } => ("ended-replica", Severity::Failure, id),
        Change::Appeared { id } => ("added-replica", Severity::Info, id),
        Change::Vanished { id } => ("vanished-replica", Severity::Warning, id),
    };
    let hint = match change {
        Change::Restarted { .. } => "see `docker logs` of that container for why it died",
        Change::Ended { .. } => "bring it back with `loadgen up`, or look at its log",
        Change::Appeared { .. } | Change::Vanished { .. } => {
            "leave the stack alone while it is measured"
        }
    };
    Finding::new(code, severity, change.to_string())
        .of_replica(id)
        .hint(hint)
}
