//! What a list of runs says of one of them.

use serde::{Deserialize, Serialize};

use super::{GroupRecord, Record, Status};
use crate::model::StackKind;

/// What the list says of a run; small enough to be kept for thousands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordSummary {
    /// The run's folder, relative to the list.
    pub folder: String,
    /// RFC 3339, UTC.
    pub started_at: String,
    /// Pass, fail or invalid.
    pub status: Status,
    /// The kind of stack; absent in summaries of old.
    #[serde(default)]
    pub stack: Option<StackKind>,
    /// One per host group.
    pub groups: Vec<GroupSummary>,
}

/// One group of a [`RecordSummary`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupSummary {
    /// The host group.
    pub host: String,
    /// Per second by the schedule; 0 in closed loop, and in summaries of old.
    #[serde(default)]
    pub intended: f64,
    /// Completed per second.
    pub completed: f64,
    /// Response time at p50, in nanoseconds.
    pub p50: u64,
    /// Response time at p99, in nanoseconds.
    pub p99: u64,
    /// Requests failed.
    pub failed: u64,
}

impl RecordSummary {
    /// The summary of a record that lies in the folder it was stored in.
    #[must_use]
    pub fn of(record: &Record) -> Self {
        let group = |group: &GroupRecord| GroupSummary {
            host: group.label().to_owned(),
            intended: group.rate.intended,
            completed: group.rate.completed,
            p50: group.response_time.p50,
            p99: group.response_time.p99,
            failed: group.requests.failed,
        };
        Self {
            folder: record.run.id.clone(),
            started_at: record.run.started_at.clone(),
            status: record.verdict.status,
            stack: Some(record.stack.kind),
            groups: record.groups.iter().map(group).collect(),
        }
    }
}
