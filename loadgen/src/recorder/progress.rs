//! What a watcher is told of a recording that grows.

use super::{Phase, Recording, Tally, Window};
use crate::model::{GroupProgress, Nanos, Progress, ReplicaProgress};

impl Recording {
    /// What to tell after `windows` were added; nothing where none was of the measured part.
    #[must_use]
    pub fn progress(&self, windows: &[Window]) -> Option<Progress> {
        let measured = windows.iter().rev();
        let measured = measured.filter(|window| window.phase == Phase::Measured);
        let last = measured.clone().next()?;
        let groups = self.groups.iter().enumerate();
        Some(Progress {
            elapsed: Nanos(last.end().max(0).cast_unsigned()),
            groups: groups
                .map(|(place, group)| {
                    let last = measured.clone().find(|window| window.group == place);
                    progress_of(
                        &group.name,
                        &group.measured,
                        last.map(|window| &window.tally),
                    )
                })
                .collect(),
        })
    }
}

fn progress_of(name: &str, total: &Tally, last: Option<&Tally>) -> GroupProgress {
    let counts = &total.counts;
    GroupProgress {
        host: name.to_owned(),
        planned: counts.planned,
        sent: counts.sent,
        succeeded: counts.succeeded,
        failed: counts.failed,
        dropped: counts.dropped,
        status: counts.status.clone(),
        errors: counts.errors.clone(),
        last_second: last.map_or([0; 3], |last| {
            let counts = &last.counts;
            [counts.planned, counts.sent, counts.succeeded]
        }),
        response: last.map_or([Nanos::ZERO; 4], |last| {
            let response = &last.response;
            let at = |quantile| response.quantile(quantile);
            [at(0.5), at(0.9), at(0.99), response.max()]
        }),
        lag_p99: last.map_or(Nanos::ZERO, |last| last.release_lag.quantile(0.99)),
        // The plan's, which nobody here knows.
        lag_budget: Nanos::ZERO,
        wait_p99: last.map_or(Nanos::ZERO, |last| last.connection_wait.quantile(0.99)),
        replicas: (total.replicas.iter())
            .map(|(id, tally)| ReplicaProgress {
                id: id.0.clone(),
                requests: tally.requests,
                last_second: last
                    .and_then(|last| last.replicas.get(id))
                    .map_or(0, |tally| tally.requests),
            })
            .collect(),
    }
}
