//! Turns two snapshots into what was counted between them.

use std::collections::BTreeMap;

use super::{Latency, ProxySnapshot, Reading, ReplicaSnapshot, ScrapeError, Snapshot};
use crate::model::{ReplicaId, StatusClass};

/// What every book counted between two snapshots.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Delta {
    /// One per replica of either snapshot.
    pub replicas: Vec<ReplicaDelta>,
    /// The proxy's, if it keeps a book.
    pub proxy: Option<ProxyDelta>,
    /// Whether every counter stood still before the run.
    pub settled_before: bool,
    /// Whether every counter stood still after the run.
    pub settled_after: bool,
}

/// What one replica counted.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplicaDelta {
    /// The host group it serves.
    pub group: String,
    /// The name it gives in its answers.
    pub id: ReplicaId,
    /// Its metrics page, as last known.
    pub url: String,
    /// Whether its book is whole.
    pub state: ReplicaState,
    /// Requests counted by the selected series: all of them when the state is
    /// [`ReplicaState::Whole`], those after the reset or appearance otherwise; `None` when
    /// nothing can be counted.
    pub requests: Option<u64>,
    /// The same by status class, where the series tell it.
    pub by_class: BTreeMap<StatusClass, u64>,
    /// The counter by `handler` label, selected or not.
    pub by_handler: BTreeMap<String, u64>,
    /// Reads of this page that fall between the two retained counts. A service that counts its
    /// metrics page among the selected series has counted them.
    pub own_reads: u64,
    /// Connections it accepted, our own reads among them, where the page tells.
    pub connections: Option<u64>,
    /// Its own latency histograms by family, for those that can be subtracted.
    pub latencies: BTreeMap<String, Latency>,
    /// Counts of two idle reads in a row, where the second was lower.
    pub fell_while_idle: Option<(u64, u64)>,
}

/// Whether a replica's book is whole.
#[derive(Clone, Debug, PartialEq)]
pub enum ReplicaState {
    /// Read before and after, by one and the same process.
    Whole,
    /// Its process or its counter began anew in between.
    Reset {
        /// Seconds between the first snapshot and its new start, where the page tells.
        after: Option<f64>,
    },
    /// Not there before.
    Appeared,
    /// Not there after, or nothing answers any more.
    Vanished,
    /// There, but its page could not be read.
    Unreadable(ScrapeError),
}

/// What the proxy counted.
#[derive(Clone, Debug, PartialEq)]
pub struct ProxyDelta {
    /// Its page.
    pub url: String,
    /// Whether it is NGINX's status page: one number for all hosts, own reads included.
    pub is_stub_status: bool,
    /// Requests taken, all hosts; `None` after a restart.
    pub total: Option<u64>,
    /// The same by host, where its counter has such a label.
    pub by_host: BTreeMap<String, u64>,
    /// Reads of this page that fall between the two retained counts.
    pub own_reads: u64,
    /// Whether its counter began anew.
    pub reset: bool,
    /// Why it could not be read.
    pub error: Option<ScrapeError>,
}

impl Delta {
    /// What was counted between two snapshots. Replicas are matched by group and name, then by
    /// group and page.
    #[must_use]
    pub fn between(before: &Snapshot, after: &Snapshot) -> Self {
        let mut unmatched: Vec<&ReplicaSnapshot> = before.replicas.iter().collect();
        let mut take = |same: &dyn Fn(&ReplicaSnapshot) -> bool| {
            let place = unmatched.iter().position(|then| same(then))?;
            Some(unmatched.remove(place))
        };
        let mut matches = Vec::new();
        for now in &after.replicas {
            let replica = &now.replica;
            let then =
                take(&|then| then.replica.group == replica.group && then.replica.id == replica.id);
            matches.push((now, then));
        }
        for (now, then) in &mut matches {
            let replica = &now.replica;
            *then = then.or_else(|| {
                take(&|then| {
                    then.replica.group == replica.group
                        && then.replica.metrics_url == replica.metrics_url
                })
            });
        }
        let mut replicas: Vec<_> = matches
            .into_iter()
            .map(|(now, then)| ReplicaDelta::between(then, now, before.taken_at, after.reads))
            .collect();
        replicas.extend(unmatched.into_iter().map(ReplicaDelta::vanished));
        Self {
            replicas,
            proxy: (before.proxy.as_ref().zip(after.proxy.as_ref()))
                .map(|(then, now)| ProxyDelta::between(then, now, after.reads)),
            settled_before: before.settled,
            settled_after: after.settled,
        }
    }

    /// The replicas of one group, in order.
    pub fn replicas_of<'a>(&'a self, group: &'a str) -> impl Iterator<Item = &'a ReplicaDelta> {
        self.replicas
            .iter()
            .filter(move |replica| replica.group == group)
    }
}

impl ReplicaDelta {
    fn empty(of: &ReplicaSnapshot, state: ReplicaState) -> Self {
        Self {
            group: of.replica.group.clone(),
            id: of.replica.id.clone(),
            url: of.replica.metrics_url.clone(),
            state,
            requests: None,
            by_class: BTreeMap::new(),
            by_handler: BTreeMap::new(),
            own_reads: 0,
            connections: None,
            latencies: BTreeMap::new(),
            fell_while_idle: of.fell,
        }
    }

    fn vanished(then: &ReplicaSnapshot) -> Self {
        Self::empty(then, ReplicaState::Vanished)
    }

    fn between(
        then: Option<&ReplicaSnapshot>,
        now: &ReplicaSnapshot,
        begun_at: f64,
        reads: u64,
    ) -> Self {
        let nothing = Reading::default();
        let (state, page, base) = match (then.map(|then| &then.page), &now.page) {
            (Some(Ok(then)), Ok(now)) if now.is_reset_since(then) => {
                let after = now.process_start.map(|start| start - begun_at);
                let after = after.filter(|after| *after >= 0.0);
                (ReplicaState::Reset { after }, now, &nothing)
            }
            (Some(Ok(then)), Ok(now)) => (ReplicaState::Whole, now, then),
            (None, Ok(now)) => (ReplicaState::Appeared, now, &nothing),
            (Some(Ok(_)), Err(error)) if error.is_unreachable() => {
                return Self::empty(now, ReplicaState::Vanished);
            }
            (Some(Err(error)), _) | (_, Err(error)) => {
                return Self::empty(now, ReplicaState::Unreadable(error.clone()));
            }
        };
        let latencies = (page.latencies.iter()).filter_map(|(family, latency)| {
            let since = match base.latencies.get(family) {
                Some(base) => latency.since(base)?,
                None => latency.clone(),
            };
            Some((family.clone(), since))
        });
        let mut delta = Self {
            requests: Some(page.total - base.total),
            by_class: subtract(&page.by_class, &base.by_class),
            by_handler: subtract(&page.by_handler, &base.by_handler),
            own_reads: reads,
            connections: page
                .connections
                .and_then(|now| now.checked_sub(base.connections.unwrap_or(0))),
            latencies: latencies.collect(),
            ..Self::empty(now, state)
        };
        delta.fell_while_idle = delta.fell_while_idle.or(then.and_then(|then| then.fell));
        delta
    }

    /// The latency histogram that tells most of the selected requests: first one whose count is
    /// theirs exactly, then the one with the most buckets.
    #[must_use]
    pub fn finest_latency(&self) -> Option<(&str, &Latency)> {
        let rank =
            |latency: &Latency| (Some(latency.count) == self.requests, latency.buckets.len());
        self.latencies
            .iter()
            .filter(|(_, latency)| latency.count > 0)
            .max_by_key(|(_, latency)| rank(latency))
            .map(|(family, latency)| (family.as_str(), latency))
    }
}

impl ProxyDelta {
    fn between(then: &ProxySnapshot, now: &ProxySnapshot, reads: u64) -> Self {
        let mut delta = Self {
            url: now.url.clone(),
            is_stub_status: now.is_stub_status,
            total: None,
            by_host: BTreeMap::new(),
            own_reads: reads,
            reset: false,
            error: None,
        };
        match (&then.page, &now.page) {
            (Ok(then), Ok(now)) => {
                let fell = (then.by_host.iter())
                    .any(|(host, count)| now.by_host.get(host).copied().unwrap_or(0) < *count);
                delta.reset = fell || now.total < then.total;
                if !delta.reset {
                    delta.total = Some(now.total - then.total);
                    delta.by_host = subtract(&now.by_host, &then.by_host);
                }
            }
            (Err(error), _) | (_, Err(error)) => delta.error = Some(error.clone()),
        }
        delta
    }
}

fn subtract<K: Ord + Clone>(now: &BTreeMap<K, u64>, then: &BTreeMap<K, u64>) -> BTreeMap<K, u64> {
    now.iter()
        .map(|(key, now)| {
            let then = then.get(key).copied().unwrap_or(0);
            (key.clone(), now.saturating_sub(then))
        })
        .collect()
}

#[cfg(test)]
#[path = "delta_tests.rs"]
mod tests;
