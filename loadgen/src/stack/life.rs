//! What has become of a replica since it was started.

use std::fmt;

use crate::model::ReplicaId;

/// One replica, running or not. Two of them, before and after, tell of a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Life {
    /// The host group it serves.
    pub group: String,
    /// The name it gives in its answers.
    pub id: ReplicaId,
    /// Whether it runs.
    pub state: State,
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It does.
    Running,
    /// It does not: `exited (137)`, or how its process ended.
    Ended(String),
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Running => f.write_str("running"),
            Self::Ended(how) => f.write_str(how),
        }
    }
}

/// What happened to a replica between two looks at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It died and came back.
    Restarted {
        /// Which one.
        id: ReplicaId,
        /// How often, by its restart policy; 0 when somebody restarted it by hand.
        times: u64,
        /// When it was last started, RFC 3339.
        started_at: Option<String>,
    },
    /// It ran, and does not any more.
    Ended {
        /// Which one.
        id: ReplicaId,
        /// How: `Exited (137) 3 seconds ago`.
        how: String,
    },
    /// It was not there before.
    Appeared {
        /// Which one.
        id: ReplicaId,
    },
    /// It was there before, and there is no trace of it.
    Vanished {
        /// Which one.
        id: ReplicaId,
    },
}

impl fmt::Display for Change {
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
pub fn changes(before: &[Life], after: &[Life]) -> Vec<Change> {
    let find = |lives: &'_ [Life], id: &ReplicaId| lives.iter().position(|life| life.id == *id);
    let vanished = before
        .iter()
        .filter(|life| find(after, &life.id).is_none())
        .map(|life| Change::Vanished {
            id: life.id.clone(),
        });
    let others = after
        .iter()
        .filter_map(|now| match find(before, &now.id).map(|at| &before[at]) {
            Some(then) => now.since(then),
            None => Some(Change::Appeared { id: now.id.clone() }),
        });
    vanished.chain(others).collect()
}

impl Life {
    fn since(&self, before: &Self) -> Option<Change> {
        let id = self.id.clone();
        match (&before.state, &self.state) {
            (State::Running, State::Ended(how)) => Some(Change::Ended {
                id,
                how: how.clone(),
            }),
            (_, State::Running)
                if self.restarts > before.restarts || self.started_at != before.started_at =>
            {
                Some(Change::Restarted {
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

    fn life(id: &str, started_at: &str, restarts: u64) -> Life {
        Life {
            group: "g".to_owned(),
            id: ReplicaId(id.to_owned()),
            state: State::Running,
            health: None,
            started_at: Some(started_at.to_owned()),
            restarts,
            metrics_url: None,
        }
    }

    #[test]
    fn a_quiet_stack_has_no_changes() {
        let lives = [life("a", "1", 0), life("b", "2", 3)];
        assert_eq!(changes(&lives, &lives), []);
    }

    #[test]
    fn what_happened_to_each_replica_is_told() {
        let before = ["back", "dead", "gone"].map(|id| life(id, "1", 0));
        let mut dead = life("dead", "1", 0);
        dead.state = State::Ended("Exited (137)".to_owned());
        let after = [life("back", "2", 1), dead, life("new", "1", 0)];
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
