//! One of a group's several requests: over a window, and over the whole run.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::interval::{errors, histogram, known, statuses};
use super::{Quantiles, RequestCheck};
use crate::model::ErrorClass;
use crate::recorder::{Counts, RequestTally};

/// What became of the requests of one name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RequestRecord {
    /// What the plan calls it.
    pub name: String,
    /// Arrivals that were to send it.
    pub planned: u64,
    /// Requests sent.
    pub sent: u64,
    /// Arrivals given up.
    #[serde(default)]
    pub dropped: u64,
    /// Answered with 2xx or 3xx.
    pub succeeded: u64,
    /// Answered otherwise, or not at all.
    pub failed: u64,
    /// done − due.
    pub response_time: Quantiles,
    /// done − sent.
    pub service_time: Quantiles,
    /// Answers by status.
    pub status: BTreeMap<String, u64>,
    /// Failures without an answer, by class.
    #[serde(default)]
    pub errors: BTreeMap<String, u64>,
    /// Answers that name no replica, by status.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unnamed: BTreeMap<String, u64>,
    /// Tries beyond the first that the proxy tells of.
    #[serde(default)]
    pub extra_tries: u64,
    /// Whether the counts agree; absent in a window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crosscheck: Option<RequestCheck>,
}

impl RequestRecord {
    pub(super) fn of(name: &str, tally: &RequestTally) -> Self {
        let counts = &tally.counts;
        Self {
            name: name.to_owned(),
            planned: counts.planned,
            sent: counts.sent,
            dropped: counts.dropped,
            succeeded: counts.succeeded,
            failed: counts.failed,
            response_time: Quantiles::of(&tally.response),
            service_time: Quantiles::of(&tally.service),
            status: statuses(&counts.status),
            errors: errors(counts),
            unnamed: statuses(&counts.unnamed),
            extra_tries: counts.extra_tries,
            crosscheck: None,
        }
    }

    pub(super) fn tally(&self) -> RequestTally {
        RequestTally {
            counts: Counts {
                planned: self.planned,
                sent: self.sent,
                dropped: self.dropped,
                succeeded: self.succeeded,
                failed: self.failed,
                status: known(&self.status, |status| status.parse().ok()),
                errors: known(&self.errors, ErrorClass::of),
                unnamed: known(&self.unnamed, |status| status.parse().ok()),
                extra_tries: self.extra_tries,
                ..Counts::default()
            },
            response: histogram(&self.response_time),
            service: histogram(&self.service_time),
        }
    }
}
