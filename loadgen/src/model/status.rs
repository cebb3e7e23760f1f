//! What has become of a replica since it was started, and what happened between two looks.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ReplicaId;

/// One replica, running or not. Two of them, before and after, tell of a restart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicaStatus {
    /// The host group it serves.
    pub group: String,
    /// The name it gives in its answers.
    pub id: ReplicaId,
    pub state: RunState,
    /// What its health check says, where it has one: `healthy`, `starting`, `unhealthy`.
    pub health: Option<String>,
    /// When its process was last started, RFC 3339, where the engine tells.
    pub started_at: Option<String>,
    /// How often its restart policy has brought it back.
    pub restarts: u64,
    /// Its metrics page, where it can be reached.
    pub metrics_url: Option<String>,
}

/// Whether a replica runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunState {
    Running,
    /// It does not: `exited (137)`, or how its process ended.
    Ended(String),
}

impl fmt::Display for RunState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Running => f.write_str("running"),
            Self::Ended(how) => f.write_str(how),
        }
    }
}

/// What happened to a replica between two looks at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StatusChange {
    /// It died and came back.
    Restarted {
        id: ReplicaId,
        /// How often, by its restart policy; 0 when somebody restarted it by hand.
        times: u64,
        /// When it was last started, RFC 3339.
        started_at: Option<String>,
    },
    /// It ran, and does not any more.
    Ended {
        id: ReplicaId,
        /// How: `Exited (137) 3 seconds ago`.
        how: String,
    },
    /// It was not there before.
    Appeared { id: ReplicaId },
    /// It was there before, and there is no trace of it.
    Vanished { id: ReplicaId },
}

impl fmt::Display for StatusChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Restarted {
                id,
                started_at: Some(when),
                ..
            } => write!(f, "replica {id} died and was started again at {when}"),
            Self::Restarted { id, .. } => write!(f, "replica {id} died and was started again"),
            Self::Ended { id, how } => write!(f, "replica {id} ended: {how}"),
            Self::Appeared { id } => write!(f, "replica {id} was added"),
            Self::Vanished { id } => write!(f, "replica {id} was removed"),
        }
    }
}

/// What happened between two looks at the same stack.
pub fn changes(before: &[ReplicaStatus], after: &[ReplicaStatus]) -> Vec<StatusChange> {
    let find = |statuses: &'_ [ReplicaStatus], id: &ReplicaId| {
        statuses.iter().position(|status| status.id == *id)
    };
    let vanished = before
        .iter()
        .filter(|status| find(after, &status.id).is_none())
        .map(|status| StatusChange::Vanished {
            id: status.id.clone(),
        });
    let others = after
        .iter()
        .filter_map(|now| match find(before, &now.id).map(|at| &before[at]) {
            Some(then) => now.since(then),
            None => Some(StatusChange::Appeared { id: now.id.clone() }),
        });
    vanished.chain(others).collect()
}

impl ReplicaStatus {
    fn since(&self, before: &Self) -> Option<StatusChange> {
        let id = self.id.clone();
        match (&before.state, &self.state) {
            (RunState::Running, RunState::Ended(how)) => Some(StatusChange::Ended {
                id,
                how: how.clone(),
            }),
            (_, RunState::Running)
                if self.restarts > before.restarts || self.started_at != before.started_at =>
            {
                Some(StatusChange::Restarted {
                    id,
                    times: self.restarts.saturating_sub(before.restarts),
                    started_at: self.started_at.clone(),
                })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(id: &str, started_at: &str, restarts: u64) -> ReplicaStatus {
        ReplicaStatus {
            group: "g".to_owned(),
            id: ReplicaId(id.to_owned()),
            state: RunState::Running,
            health: None,
            started_at: Some(started_at.to_owned()),
            restarts,
            metrics_url: None,
        }
    }

    #[test]
    fn a_quiet_stack_has_no_changes() {
        let statuses = [status("a", "1", 0), status("b", "2", 3)];
        assert_eq!(changes(&statuses, &statuses), []);
    }

    #[test]
    fn what_happened_to_each_replica_is_told() {
        let before = ["back", "dead", "gone"].map(|id| status(id, "1", 0));
        let mut dead = status("dead", "1", 0);
        dead.state = RunState::Ended("Exited (137)".to_owned());
        let after = [status("back", "2", 1), dead, status("new", "1", 0)];
        let told: Vec<_> = changes(&before, &after)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            told,
            [
                "replica gone was removed",
                "replica back died and was started again at 2",
                "replica dead ended: Exited (137)",
                "replica new was added",
            ]
        );
    }
}
