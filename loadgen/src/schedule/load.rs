//! How the requests of a group are released.

use serde::{Deserialize, Serialize};

use super::{Process, Schedule};
use crate::model::Nanos;

/// How requests are released.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Load {
    /// By a schedule, whatever the answers do.
    Open { schedule: Schedule },
    /// By the answers: each connection sends as soon as it is answered.
    Closed {
        /// The most requests of the measured part, if bounded.
        requests: Option<u64>,
    },
}

impl Load {
    /// Arrivals per second that are intended at most; `None` in closed loop.
    #[must_use]
    pub fn peak_rate(&self) -> Option<f64> {
        match self {
            Self::Open { schedule } => Some(schedule.profile.peak()),
            Self::Closed { .. } => None,
        }
    }

    /// Arrivals per second that are intended in so much of the measured part; 0 in closed loop,
    /// which intends none.
    #[must_use]
    pub fn intended_rate(&self, measured: Nanos) -> f64 {
        match self {
            Self::Open { schedule } => schedule.intended_rate(measured),
            Self::Closed { .. } => 0.0,
        }
    }

    /// Whether arrivals are drawn, so that their number differs from rate × time by chance.
    #[must_use]
    pub fn is_random(&self) -> bool {
        match self {
            Self::Open { schedule } => schedule.process != Process::Constant,
            Self::Closed { .. } => false,
        }
    }

    /// The most requests of the measured part, if bounded.
    #[must_use]
    pub const fn requests(&self) -> Option<u64> {
        match self {
            Self::Open { schedule } => schedule.requests,
            Self::Closed { requests } => *requests,
        }
    }
}
