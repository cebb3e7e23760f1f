//! Turns two snapshots into what was counted between them.

use std::collections::BTreeMap;

use super::{Latency, ProxySnapshot, Reading, ReplicaSnapshot, Route, ScrapeError, Snapshot};
use crate::model::{ReplicaId, StatusClass};

/// What every count counted between two snapshots.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Delta {
    /// One per replica of either snapshot.
    pub replicas: Vec<ReplicaDelta>,
    /// The proxy's, if it keeps a count.
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
    /// Whether its count is whole.
    pub state: ReplicaState,
    /// Requests counted by the selected series: all of them when the state is
    /// [`ReplicaState::Whole`], those after the reset or appearance otherwise; `None` when
    /// nothing can be counted.
    pub requests: Option<u64>,
    /// The same by status class, where the series tell it.
    pub by_class: BTreeMap<StatusClass, u64>,
    /// The counter by `handler` label, selected or not.
    pub by_handler: BTreeMap<String, u64>,
    /// The counter by route and status class, selected or not.
    pub by_route: BTreeMap<Route, BTreeMap<StatusClass, u64>>,
    /// Reads of this page that fall between the two retained counts. A service that counts its
    /// metrics page among the selected series has counted them.
    pub own_reads: u64,
    /// Connections it accepted, our own reads among them, where the page tells.
    pub connections: Option<u64>,
    /// Its own latency histograms by family, for those that can be subtracted.
    pub latencies: BTreeMap<String, Latency>,
    /// Counts of two idle reads in a row, where the second was lower.
    pub fell_while_idle: Option<(u64, u64)>,
    /// Processes that answered behind the page, where there was more than one.
    pub processes: Option<u64>,
    /// Whether each request is in the selected series twice.
    pub doubled: bool,
    /// CPU time that its process used, in seconds.
    pub cpu_seconds: Option<f64>,
    /// The selected series when the first count was taken: whether it has ever counted anything.
    pub counted_before: u64,
}

/// Whether a replica's count is whole.
#[derive(Clone, Debug, PartialEq)]
pub enum ReplicaState {
    /// Read before and after, by one and the same process.
    Whole,
    /// Its process or its counter began anew in between.
    Reset {
        /// Seconds between the first snapshot and its new start, where the page tells.
        after: Option<f64>,
    },
    Appeared,
    /// Not there after, or nothing answers any more.
    Vanished,
    /// There, but its page could not be read.
    Unreadable(ScrapeError),
}

/// What the proxy counted.
#[derive(Clone, Debug, PartialEq)]
pub struct ProxyDelta {
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
        Self::since(before.taken_at, before, after)
    }

    /// The same in a run whose first count was taken at `begun_at`.
    fn since(begun_at: f64, before: &Snapshot, after: &Snapshot) -> Self {
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
            .map(|(now, then)| ReplicaDelta::between(then, now, begun_at, after.reads))
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

    /// What was counted over all snapshots in a row: the sum of what was counted from each to the
    /// next, so that a counter that began anew between two of them spoils no other stretch. `None`
    /// where there are less than two.
    #[must_use]
    pub fn over(snapshots: &[Snapshot]) -> Option<Self> {
        let whole = carried_forward(snapshots);
        let mut stretches = whole
            .windows(2)
            .map(|pair| Self::since(snapshots[0].taken_at, &pair[0], &pair[1]));
        let first = stretches.next()?;
        Some(stretches.fold(first, Self::then))
    }

    /// This stretch and the one that follows it.
    fn then(mut self, next: Self) -> Self {
        for later in next.replicas {
            let same = |one: &&mut ReplicaDelta| one.group == later.group && one.id == later.id;
            match self.replicas.iter_mut().find(same) {
                Some(earlier) => earlier.extend(later),
                None => self.replicas.push(later),
            }
        }
        self.proxy = match (self.proxy, next.proxy) {
            (Some(earlier), Some(later)) => Some(earlier.then(later)),
            (earlier, later) => earlier.or(later),
        };
        self.settled_after = next.settled_after;
        self
    }

    /// The replicas of one group, in order.
    pub fn replicas_of<'a>(&'a self, group: &'a str) -> impl Iterator<Item = &'a ReplicaDelta> {
        self.replicas
            .iter()
            .filter(move |replica| replica.group == group)
    }
}

/// The same, where a page that could not be read between the first and the last time says what it
/// said before: its replica was away, and what it counts when it is back is of the next stretch.
fn carried_forward(snapshots: &[Snapshot]) -> Vec<Snapshot> {
    let mut whole: Vec<Snapshot> = Vec::with_capacity(snapshots.len());
    for (place, snapshot) in snapshots.iter().enumerate() {
        let mut snapshot = snapshot.clone();
        let is_between = place + 1 < snapshots.len();
        if let Some(before) = whole.last().filter(|_| is_between) {
            snapshot.carry_forward(before);
        }
        whole.push(snapshot);
    }
    whole
}

impl Snapshot {
    fn carry_forward(&mut self, before: &Self) {
        for then in before.replicas.iter().filter(|then| then.page.is_ok()) {
            let same = |now: &&mut ReplicaSnapshot| {
                now.replica.group == then.replica.group && now.replica.id == then.replica.id
            };
            match self.replicas.iter_mut().find(same) {
                Some(now) if now.page.is_err() => now.page.clone_from(&then.page),
                Some(_) => {}
                None => self.replicas.push(then.clone()),
            }
        }
        if let (Some(now), Some(then)) = (&mut self.proxy, &before.proxy)
            && now.page.is_err()
        {
            now.page.clone_from(&then.page);
        }
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
            by_route: BTreeMap::new(),
            own_reads: 0,
            connections: None,
            latencies: BTreeMap::new(),
            fell_while_idle: of.fell,
            processes: of.processes.filter(|processes| *processes > 1),
            doubled: false,
            cpu_seconds: None,
            counted_before: 0,
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
            by_route: subtract_routes(&page.by_route, &base.by_route),
            own_reads: reads,
            connections: page
                .connections
                .and_then(|now| now.checked_sub(base.connections.unwrap_or(0))),
            latencies: latencies.collect(),
            doubled: page.doubled,
            cpu_seconds: page
                .cpu_seconds
                .map(|now| now - base.cpu_seconds.unwrap_or(0.0)),
            counted_before: base.total,
            ..Self::empty(now, state)
        };
        delta.fell_while_idle = delta.fell_while_idle.or(then.and_then(|then| then.fell));
        let before = then.and_then(|then| then.processes);
        delta.processes = before.filter(|n| *n > 1).max(delta.processes);
        delta
    }

    /// Adds the stretch that follows. What spoils either spoils the sum; a replica that vanished and
    /// is there again began to count anew.
    fn extend(&mut self, later: Self) {
        let state = match (&self.state, later.state) {
            (ReplicaState::Unreadable(error), _) => ReplicaState::Unreadable(error.clone()),
            (_, ReplicaState::Unreadable(error)) => ReplicaState::Unreadable(error),
            (ReplicaState::Vanished, ReplicaState::Appeared | ReplicaState::Whole) => {
                ReplicaState::Reset { after: None }
            }
            (_, ReplicaState::Vanished) => ReplicaState::Vanished,
            (ReplicaState::Whole, later) => later,
            (earlier, _) => earlier.clone(),
        };
        self.state = state;
        self.requests = match (self.requests, later.requests) {
            (Some(ours), Some(theirs)) => Some(ours + theirs),
            (ours, theirs) => ours.or(theirs),
        };
        add(&mut self.by_class, later.by_class);
        add(&mut self.by_handler, later.by_handler);
        for (route, classes) in later.by_route {
            add(self.by_route.entry(route).or_default(), classes);
        }
        self.own_reads += later.own_reads;
        self.connections = self.connections.zip(later.connections).map(|(a, b)| a + b);
        self.latencies.retain(|family, latency| {
            (later.latencies.get(family)).is_some_and(|later| latency.add(later))
        });
        self.fell_while_idle = self.fell_while_idle.or(later.fell_while_idle);
        self.processes = self.processes.max(later.processes);
        self.doubled |= later.doubled;
        self.cpu_seconds = match (self.cpu_seconds, later.cpu_seconds) {
            (Some(ours), Some(theirs)) => Some(ours + theirs),
            (ours, theirs) => ours.or(theirs),
        };
        self.url = later.url;
    }

    /// The same with the selected series being those of some routes.
    #[must_use]
    pub fn of_routes(mut self, routes: &[Route]) -> Self {
        if self.requests.is_none() {
            return self;
        }
        self.by_class = BTreeMap::new();
        for (_, classes) in (self.by_route.iter()).filter(|(route, _)| routes.contains(route)) {
            for (class, count) in classes {
                *self.by_class.entry(*class).or_default() += count;
            }
        }
        self.requests = Some(self.by_class.values().sum());
        self.by_class.remove(&StatusClass(0));
        self
    }

    /// What a route counted, all classes.
    #[must_use]
    pub fn counted_by(&self, route: &Route) -> u64 {
        let classes = self.by_route.get(route).into_iter();
        classes.flat_map(BTreeMap::values).sum()
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
    /// This stretch and the one that follows it.
    fn then(mut self, later: Self) -> Self {
        self.total = self
            .total
            .zip(later.total)
            .map(|(ours, theirs)| ours + theirs);
        add(&mut self.by_host, later.by_host);
        self.own_reads += later.own_reads;
        self.reset |= later.reset;
        self.error = self.error.or(later.error);
        self
    }

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

fn add<K: Ord>(sum: &mut BTreeMap<K, u64>, more: BTreeMap<K, u64>) {
    for (key, count) in more {
        *sum.entry(key).or_default() += count;
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

type Routes = BTreeMap<Route, BTreeMap<StatusClass, u64>>;

fn subtract_routes(now: &Routes, then: &Routes) -> Routes {
    let nothing = BTreeMap::new();
    let since = |(route, now): (&Route, _)| {
        (
            route.clone(),
            subtract(now, then.get(route).unwrap_or(&nothing)),
        )
    };
    now.iter().map(since).collect()
}

#[cfg(test)]
#[path = "delta_tests.rs"]
mod tests;
