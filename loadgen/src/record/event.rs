//! What an event did, as the record tells it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One event of the plan, and what came of it. Instants are nanoseconds from the beginning of the
/// measured part, known to a short window.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct EventRecord {
    /// Its number, from 1 in the plan's order.
    pub n: u64,
    /// When it was asked for.
    pub asked: u64,
    /// When it was begun; absent where the run ended before.
    pub began: Option<u64>,
    /// When it was carried out: a killed replica ran again, a pause was over. Absent where it was not.
    pub done: Option<u64>,
    pub verb: String,
    /// `GROUP/N`, `GROUP`, `proxy` or a command, with a value where the verb has one.
    pub whom: String,
    /// The host group that it is about; absent where it is about all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The replicas that it was done to, by the names in their answers.
    pub replicas: Vec<String>,
    /// Why it could not be carried out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
    /// What a command said.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub output: String,
    /// Requests that failed from its beginning until all was as before, beyond those that failed at
    /// such a rate before it.
    pub lost: u64,
    /// The same by status or class of error.
    pub lost_by: BTreeMap<String, u64>,
    /// Requests that the proxy tried again meanwhile, by its own word.
    pub retried: u64,
    /// From its beginning until the last request failed at the lost replica, was answered by it or was
    /// tried again, as long as it was away.
    pub detection_s: Option<f64>,
    /// From its beginning until errors had ended and p99 and shares were as before, for a second;
    /// absent where that was not seen.
    pub recovery_s: Option<f64>,
    /// From when it was carried out until the new or returned replica had its share for a second.
    pub rebalance_s: Option<f64>,
    /// The seconds before it, those until all was as before, and those after.
    pub before: Option<EventPhase>,
    pub during: Option<EventPhase>,
    pub after: Option<EventPhase>,
}

/// A stretch of time beside an event. Times in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct EventPhase {
    /// Requests that came to their end.
    pub requests: u64,
    pub failed: u64,
    /// Failed of these, 0–1.
    pub error_rate: f64,
    /// Response time of those that were answered or failed.
    pub p50: u64,
    pub p99: u64,
}
