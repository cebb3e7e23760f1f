//! Everything the checks look at, and the view of it by host group.

use std::collections::BTreeMap;

use super::events::Disturbance;
use super::hosts::{HostTally, Phases};
use super::requests::RequestRoutes;
use crate::model::{ErrorClass, Machine, ProxyCounter, ReplicaId, StackKind, Topology};
use crate::plan::{Plan, Route};
use crate::record::{EventRecord, WorkerRecord};
use crate::recorder::{Counts, Names, Recording, Tally, TimelinePoint};
use crate::scrape::{Delta, IdleWatch, ReplicaDelta, ReplicaState, path_of};

/// Names that no page knows, from which on they have to come up several times each.
const MANY_NAMES: u64 = 20;

/// The evidence with what is made of it once for all checks.
#[derive(Clone, Copy)]
pub(super) struct Evidence<'a> {
    pub(super) plan: &'a Plan,
    /// As discovered before the run, with the plan's word on the proxy's workers.
    pub(super) topology: &'a Topology,
    pub(super) recording: &'a Recording,
    /// What the servers counted; `None` when they were not asked twice.
    pub(super) delta: Option<&'a Delta>,
    /// Which series count which requests, by group; empty where a group has one request.
    pub(super) routes: &'a [RequestRoutes],
    /// Counts of hosts that are more than one group's.
    pub(super) hosts: &'a [HostTally],
    /// Seconds between the first count and the last.
    pub(super) elapsed: f64,
    /// What the counters did by themselves afterwards, where that was watched.
    pub(super) idle: Option<&'a IdleWatch>,
    pub(super) machine: &'a Machine,
    /// What became of each worker; none where only this process sent.
    pub(super) workers: &'a [WorkerRecord],
    /// What was done to the stack, and what came of it.
    pub(super) events: &'a [EventRecord],
}

/// The evidence about one host group.
#[derive(Clone, Copy)]
pub(super) struct GroupEvidence<'a> {
    pub(super) all: &'a Evidence<'a>,
    pub(super) place: usize,
    pub(super) name: &'a str,
    pub(super) host: &'a str,
    pub(super) tally: &'a Tally,
    /// The warm-up: in no figure, but in the servers' counters.
    pub(super) warmup: &'a Tally,
    /// The handler that counted these requests, where it is another than the selected one.
    pub(super) counted_by: Option<&'a str>,
}

/// How many names of replicas were met.
#[derive(Clone, Copy, Debug)]
pub(super) struct NamesMet {
    /// Those that are told apart.
    pub(super) apart: u64,
    /// Those that are counted together; 0 where nobody knows how many.
    pub(super) others: u64,
    pub(super) is_exact: bool,
    pub(super) answers_of_others: u64,
}

impl<'a> Evidence<'a> {
    pub(super) fn groups(&'a self) -> impl Iterator<Item = GroupEvidence<'a>> {
        let groups = self.recording.groups.iter().zip(&self.plan.groups);
        groups.enumerate().map(|(place, (recorded, planned))| {
            let group = GroupEvidence {
                all: self,
                place,
                name: &planned.name,
                host: &planned.host,
                tally: &recorded.measured,
                warmup: &recorded.warmup,
                counted_by: None,
            };
            GroupEvidence {
                counted_by: group.of_host().other_handler(),
                ..group
            }
        })
    }
}

impl<'a> GroupEvidence<'a> {
    /// The way that its requests took.
    pub(super) fn route(&self) -> Route {
        self.all.plan.groups[self.place].route
    }

    /// The same with the counts of every group of its host.
    pub(super) fn of_host(&self) -> Self {
        match self.host_tally() {
            Some(host) => self.with(&host.all),
            None => *self,
        }
    }

    /// The same with the counts of what went through the proxy, and how much went past it.
    pub(super) fn through_proxy(&self) -> (Self, u64) {
        match self.host_tally() {
            Some(host) => (self.with(&host.through), host.direct),
            None => (*self, 0),
        }
    }

    /// Whether the servers' counts hold more than this group's.
    pub(super) fn shares_counts(&self) -> bool {
        self.host_tally().is_some()
    }

    /// Whether it is the first group of its host.
    pub(super) fn is_first_of_host(&self) -> bool {
        let before = &self.all.plan.groups[..self.place];
        before.iter().all(|group| group.host != self.host)
    }

    fn host_tally(&self) -> Option<&'a HostTally> {
        self.all.hosts.iter().find(|one| one.host == self.host)
    }

    const fn with(&self, phases: &'a Phases) -> Self {
        Self {
            tally: &phases.measured,
            warmup: &phases.warmup,
            ..*self
        }
    }

    /// The routes of its requests, where it has requests of its own and the pages tell.
    pub(super) fn routes(&self) -> Option<&'a RequestRoutes> {
        let routes = self.all.routes.get(self.place);
        routes.filter(|routes| !routes.all().is_empty())
    }

    /// Whether what is selected of the replicas' counter are handlers that were loaded, and no others.
    pub(super) fn counts_own_handlers(&self) -> bool {
        self.routes().is_some() || self.all.plan.counter.label("handler").is_some()
    }

    /// Whether a handler is selected by name.
    pub(super) fn selects(&self, handler: &str) -> bool {
        match self.routes() {
            Some(routes) => routes.all().iter().any(|route| route.handler() == handler),
            None => self.all.plan.counter.label("handler") == Some(handler),
        }
    }

    /// What events did to it.
    pub(super) fn disturbance(&self) -> Disturbance {
        Disturbance::of(self.all.events, self.host, self.all.recording.measured)
    }

    /// The replicas' counts.
    pub(super) fn deltas(&self) -> impl Iterator<Item = &'a ReplicaDelta> + use<'a> {
        let host = self.host;
        self.all
            .delta
            .into_iter()
            .flat_map(move |delta| delta.replicas_of(host))
    }

    /// The one handler that counted exactly these requests, where the selected series counted none:
    /// a service counts `/items/7` as `/items/{id}`.
    fn other_handler(&self) -> Option<&'a str> {
        let counted = |delta: &ReplicaDelta| delta.requests.unwrap_or(0);
        let selected: u64 = self.deltas().map(counted).sum();
        if selected > 0 || !self.counts_own_handlers() || !self.counters_are_whole() {
            return None;
        }
        let sent = self.connected();
        let mut handlers: BTreeMap<&str, u64> = BTreeMap::new();
        for delta in self.deltas() {
            for (handler, count) in &delta.by_handler {
                *handlers.entry(handler).or_default() += count;
            }
        }
        let mut exact = handlers
            .into_iter()
            .filter(|(handler, count)| *count == sent && !self.selects(handler));
        let (handler, _) = exact.next().filter(|_| sent > 0)?;
        exact.next().is_none().then_some(handler)
    }

    /// What a replica counted of these requests.
    pub(super) fn counted(&self, delta: &ReplicaDelta) -> Option<u64> {
        match self.counted_by {
            Some(handler) => delta.by_handler.get(handler).copied(),
            None => delta.requests,
        }
    }

    /// What a replica counted under handlers that are not selected, our own reads excepted.
    pub(super) fn counted_elsewhere(&self, delta: &ReplicaDelta) -> u64 {
        if !self.counts_own_handlers() {
            return 0;
        }
        let page = path_of(&delta.url);
        let others = delta.by_handler.iter().filter(|(handler, _)| {
            !self.selects(handler) && Some(handler.as_str()) != self.counted_by
        });
        let each = others.map(|(handler, count)| {
            let own = if handler == page { delta.own_reads } else { 0 };
            count.saturating_sub(own)
        });
        each.sum()
    }

    /// Requests that were handed to a connection, warm-up included.
    pub(super) fn connected(&self) -> u64 {
        connected(&self.warmup.counts) + connected(&self.tally.counts)
    }

    /// The group's seconds.
    pub(super) fn seconds(&self) -> impl Iterator<Item = &'a TimelinePoint> + use<'a> {
        let place = self.place;
        let timeline = &self.all.recording.timeline;
        timeline.iter().filter(move |point| point.group == place)
    }

    /// Answers by the replica they name, warm-up included.
    pub(super) fn named(&self) -> BTreeMap<ReplicaId, u64> {
        let mut named = BTreeMap::new();
        for (id, replica) in self.warmup.replicas.iter().chain(&self.tally.replicas) {
            *named.entry(id.clone()).or_default() += replica.requests;
        }
        named
    }

    /// How many names the answers give, warm-up included.
    pub(super) fn names(&self) -> NamesMet {
        let named = self.named();
        let others = ReplicaId(Names::OTHERS.into());
        let mut beyond = self.warmup.beyond.clone();
        beyond.add(&self.tally.beyond);
        let (others_met, is_exact) = beyond.count();
        NamesMet {
            apart: (named.len() - usize::from(named.contains_key(&others))) as u64,
            others: others_met,
            is_exact,
            answers_of_others: named.get(&others).copied().unwrap_or(0),
        }
    }

    /// Whether the names in the answers are those of replicas. A page that says something else
    /// each time gives as many names as answers; the recorder keeps a bounded number apart.
    pub(super) fn names_are_of_replicas(&self) -> bool {
        let named = self.named();
        let known = |id: &ReplicaId| {
            let mut replicas = self.all.topology.replicas_of(self.host);
            replicas.any(|replica| replica.id == *id) || self.deltas().any(|delta| delta.id == *id)
        };
        let strangers = named.iter().filter(|(id, _)| !known(id));
        let (names, answers) = strangers.fold((0, 0), |(names, answers), (_, count)| {
            (names + 1, answers + count)
        });
        let bounded = named.keys().any(|id| id.0 == Names::OTHERS);
        !bounded && (names < MANY_NAMES || answers >= 5 * names)
    }

    /// Failures of one class, warm-up included.
    pub(super) fn errors(&self, class: ErrorClass) -> u64 {
        let of = |tally: &Tally| tally.counts.errors.get(&class).copied().unwrap_or(0);
        of(self.tally) + of(self.warmup)
    }

    /// Whether the proxy is NGINX, by the page of its own that is read.
    pub(super) fn proxy_is_nginx(&self) -> bool {
        match &self.all.topology.proxy.counter {
            Some(ProxyCounter::StubStatus { .. }) => true,
            Some(ProxyCounter::Prometheus { counter, .. }) => counter.name.starts_with("nginx"),
            None => false,
        }
    }

    /// Whether an answer without the proxy's list of upstream servers was made by the proxy: the
    /// stack is one whose proxy always lists them, or it did so in another error of this run.
    pub(super) fn silence_is_proof(&self) -> bool {
        let ours = matches!(
            self.all.topology.kind,
            StackKind::Embedded | StackKind::Compose
        );
        let listed = |tally: &Tally| {
            let mut errors = tally.counts.unnamed_upstream.range(400..);
            errors.any(|(_, count)| *count > 0)
        };
        ours || listed(self.tally) || listed(self.warmup)
    }

    /// Requests cut off by the end of the run, warm-up included.
    pub(super) fn unfinished(&self) -> u64 {
        self.tally.counts.unfinished() + self.warmup.counts.unfinished()
    }

    /// Tries beyond the first that the proxy told of, warm-up included.
    pub(super) fn extra_tries(&self) -> u64 {
        self.tally.counts.extra_tries + self.warmup.counts.extra_tries
    }

    /// Own reads of a replica's page that are among its selected requests for certain: the page
    /// is a handler of its own, and the selector takes all handlers.
    pub(super) fn own_scrapes(&self, delta: &ReplicaDelta) -> u64 {
        let counted = delta.by_handler.get(path_of(&delta.url)).copied();
        if self.counts_own_handlers() || self.counted_by.is_some() {
            0
        } else {
            counted.unwrap_or(0).min(delta.own_reads)
        }
    }

    /// Whether every replica's count is whole, and there is one.
    pub(super) fn counters_are_whole(&self) -> bool {
        let mut deltas = self.deltas().peekable();
        deltas.peek().is_some()
            && deltas.all(|delta| {
                delta.state == ReplicaState::Whole
                    && delta.requests.is_some()
                    && delta.processes.is_none()
            })
    }
}

/// Requests that were handed to a connection.
pub(super) fn connected(counts: &Counts) -> u64 {
    let never = (counts.errors.iter()).filter(|(class, _)| !class.may_have_reached_a_replica());
    let never = never.map(|(_, count)| count).sum();
    counts.sent.saturating_sub(never)
}
