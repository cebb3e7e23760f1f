//! A worker as the Swarm sees it, and the machine that it is on.

use bollard::models::{self, NodeSpecAvailabilityEnum, NodeState, TaskState};

/// How far a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskPhase {
    /// It does not run yet.
    Coming,
    Running,
    /// It ran, or never will.
    Over,
}

/// A task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    pub id: String,
    /// The number of its worker, from 0.
    pub slot: u32,
    /// The id of its machine; none where it waits for one.
    pub node: Option<String>,
    pub phase: TaskPhase,
    /// What the engine says of it: `failed: task: non-zero exit (2)`.
    pub words: String,
}

/// A machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    pub id: String,
    pub hostname: String,
    pub is_down: bool,
    /// It is there, and neither paused nor drained.
    pub takes_tasks: bool,
}

impl Task {
    pub(super) fn of(task: models::Task) -> Option<Self> {
        let status = task.status.unwrap_or_default();
        let state = status.state.unwrap_or(TaskState::NEW);
        let phase = match state {
            TaskState::RUNNING => TaskPhase::Running,
            TaskState::COMPLETE
            | TaskState::SHUTDOWN
            | TaskState::FAILED
            | TaskState::REJECTED
            | TaskState::REMOVE
            | TaskState::ORPHANED => TaskPhase::Over,
            _ => TaskPhase::Coming,
        };
        let reason = status.err.filter(|err| !err.is_empty());
        let reason = reason.or(status.message).unwrap_or_default();
        // An engine's sentence may be a page long.
        let words: String = format!("{state}: {reason}").chars().take(300).collect();
        Some(Self {
            id: task.id?,
            // Slot 0 is left out.
            slot: u32::try_from(task.slot.unwrap_or(0)).ok()?,
            node: task.node_id.filter(|id| !id.is_empty()),
            phase,
            words,
        })
    }
}

impl Node {
    pub(super) fn of(node: models::Node) -> Option<Self> {
        let state = node.status.and_then(|status| status.state);
        let available = node.spec.and_then(|spec| spec.availability);
        let is_ready = state == Some(NodeState::READY);
        Some(Self {
            id: node.id?,
            hostname: (node.description.and_then(|it| it.hostname)).unwrap_or_default(),
            is_down: state == Some(NodeState::DOWN),
            takes_tasks: is_ready && available == Some(NodeSpecAvailabilityEnum::ACTIVE),
        })
    }
}

#[cfg(test)]
mod tests {
    use bollard::models::TaskStatus;

    use super::*;

    #[test]
    fn a_slot_that_is_left_out_is_the_first() {
        let task = models::Task {
            id: Some("t".into()),
            status: Some(TaskStatus {
                state: Some(TaskState::REJECTED),
                err: Some("No such image: loadgen:latest".into()),
                message: Some("preparing".into()),
                ..TaskStatus::default()
            }),
            ..models::Task::default()
        };
        let task = Task::of(task).expect("a task");
        assert_eq!((task.slot, task.phase), (0, TaskPhase::Over));
        assert_eq!(task.words, "rejected: No such image: loadgen:latest");
    }
}
