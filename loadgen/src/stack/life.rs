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
