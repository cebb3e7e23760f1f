//! What became of each worker of a run that several processes or machines sent together.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Quantiles;
use crate::model::ClockOffset;

/// One worker: a process that sent its slice of the schedule.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct WorkerRecord {
    /// Its number, from 0: which slice was its own.
    pub n: u32,
    /// The machine that it ran on; empty where it was never heard of.
    pub node: String,
    pub state: WorkerState,
    /// Why it is not `done`, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Seconds of the measured part that it delivered whole, where it did not deliver all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub second: Option<u64>,
    /// How long before the start it was ready, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready_lead_s: Option<f64>,
    /// Its wall clock less the launcher's, in milliseconds, to the time that a line is under way: at
    /// least so much. Absent where nobody read its lines as they came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock_offset_ms: Option<f64>,
    /// At most so much: a worker says nothing before it is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock_offset_most_ms: Option<f64>,
    /// CPU time of all its threads over the measured part, in seconds.
    pub cpu: f64,
    /// Arrivals of the measured part that the schedule has for it; those that it met where the
    /// schedule does not say.
    pub planned: u64,
    /// Requests of the measured part that it sent, as far as it delivered.
    pub sent: u64,
    /// Arrivals that nobody is known to have sent: planned, and in none of its windows.
    pub unsent: u64,
    /// Due to released, over all groups.
    pub release_lag: Quantiles,
}

impl WorkerRecord {
    /// What is known of its clock.
    #[must_use]
    pub fn clock(&self) -> Option<ClockOffset> {
        Some(ClockOffset {
            least: self.clock_offset_ms?,
            most: self.clock_offset_most_ms,
        })
    }
}

/// What became of a worker.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum WorkerState {
    /// All that it sent is here.
    Done,
    /// It ended, or fell silent, before it had said all.
    #[default]
    Lost,
    /// It was ready too late, and sent nothing.
    Late,
    /// What it said does not add up.
    Corrupt,
}

impl WorkerState {
    /// Its name in the record.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Lost => "lost",
            Self::Late => "late",
            Self::Corrupt => "corrupt",
        }
    }
}

/// Whether every worker delivered all that it sent; also where there was only this process.
#[must_use]
pub fn is_complete(workers: &[WorkerRecord]) -> bool {
    (workers.iter()).all(|worker| worker.state == WorkerState::Done)
}
