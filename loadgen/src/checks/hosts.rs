//! What is counted together: groups of one host have the same replicas, whose counters cannot tell one
//! group's requests from another's.

use std::collections::BTreeMap;

use crate::plan::{Plan, Route};
use crate::recorder::{Recording, Tally};

/// The counts of every group of one host.
#[derive(Debug, Default)]
pub(super) struct HostTally {
    pub(super) host: String,
    pub(super) all: Phases,
    /// Of these, what went through the proxy.
    pub(super) through: Phases,
    /// Requests of the measured part that went past it.
    pub(super) direct: u64,
}

#[derive(Debug, Default)]
pub(super) struct Phases {
    pub(super) warmup: Tally,
    pub(super) measured: Tally,
}

/// The hosts whose counts are more than one group's, or not all in the proxy's book.
pub(super) fn of(plan: &Plan, recording: &Recording) -> Vec<HostTally> {
    let mut groups: BTreeMap<&str, u64> = BTreeMap::new();
    for group in &plan.groups {
        let past = u64::from(group.route == Route::Direct);
        *groups.entry(&group.host).or_default() += 1 + past;
    }
    let several = groups.into_iter().filter(|(_, groups)| *groups > 1);
    several
        .map(|(host, _)| HostTally::of(host, plan, recording))
        .collect()
}

impl HostTally {
    fn of(host: &str, plan: &Plan, recording: &Recording) -> Self {
        let mut sum = Self {
            host: host.to_owned(),
            ..Self::default()
        };
        let groups = plan.groups.iter().zip(&recording.groups);
        for (group, counted) in groups.filter(|(group, _)| group.host == host) {
            sum.all.add(&counted.warmup, &counted.measured);
            match group.route {
                Route::Proxy => sum.through.add(&counted.warmup, &counted.measured),
                Route::Direct => sum.direct += counted.measured.counts.sent,
            }
        }
        sum
    }
}

impl Phases {
    fn add(&mut self, warmup: &Tally, measured: &Tally) {
        self.warmup.add(warmup);
        self.measured.add(measured);
    }
}
