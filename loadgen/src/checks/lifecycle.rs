//! What became of the replicas while the load went on, by the word of whoever runs them.

use crate::model::{ReplicaStatus, StatusChange, changes};
use crate::record::{Code, Finding, Severity};

/// What happened to replicas between two looks; nothing where one of them saw none.
pub(super) fn judge(before: &[ReplicaStatus], after: &[ReplicaStatus]) -> Vec<Finding> {
    if before.is_empty() || after.is_empty() {
        return Vec::new();
    }
    changes(before, after).iter().map(finding).collect()
}

fn finding(change: &StatusChange) -> Finding {
    let (code, id, hint) = match change {
        StatusChange::Restarted { id, .. } => (
            Code::RestartedReplica,
            id,
            "see `docker logs` of that container for why it died",
        ),
        StatusChange::Ended { id, .. } => (
            Code::EndedReplica,
            id,
            "bring it back with `loadgen up`, or look at its log",
        ),
        StatusChange::Appeared { id } => (Code::AddedReplica, id, UNTOUCHED),
        StatusChange::Vanished { id } => (Code::VanishedReplica, id, UNTOUCHED),
    };
    let severity = match change {
        // A counter that is gone with it is the cross-check's to weigh.
        StatusChange::Vanished { .. } => Severity::Warning,
        _ => code.severity(),
    };
    Finding::new(code, change.to_string())
        .weighing(severity)
        .of_replica(id)
        .hint(hint)
}

const UNTOUCHED: &str = "leave the stack alone while it is measured";
