//! Everything the checks look at, and the view of it by host group.

use std::collections::BTreeMap;

use super::Finding;
use crate::model::{ErrorClass, ReplicaId, Topology};
use crate::plan::Plan;
use crate::recorder::{Moment, Names, Recording, Tally};
use crate::scrape::{Delta, ReplicaDelta, ReplicaState, Selector};

/// Names that no page knows, from which on they have to come up several times each.
const MANY_NAMES: u64 = 20;

/// What is known of a run when it is over.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// What was asked for.
    pub plan: &'a Plan,
    /// What it went through, as discovered before the run.
    pub topology: &'a Topology,
    /// What the client measured.
    pub recording: &'a Recording,
    /// What the servers counted; `None` when no page was read.
    pub delta: Option<&'a Delta>,
    /// The generator's machine.
    pub machine: &'a Machine,
    /// What was found before the load began.
    pub preflight: &'a [Finding],
}

/// What the checks need to know of the generator's machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    /// Cores this process may use.
    pub cpus: u32,
    /// The kernel's clock source, `unknown` where it does not say.
    pub clocksource: String,
    /// The most open files; 0 when unknown.
    pub open_files_limit: u64,
    /// The first and the last ephemeral port.
    pub ephemeral_ports: Option<(u16, u16)>,
}

/// The evidence about one host group.
#[derive(Clone, Copy)]
pub(super) struct GroupEvidence<'a> {
    pub(super) all: &'a Evidence<'a>,
    pub(super) place: usize,
    pub(super) host: &'a str,
    pub(super) tally: &'a Tally,
}

impl<'a> Evidence<'a> {
    pub(super) fn groups(&'a self) -> impl Iterator<Item = GroupEvidence<'a>> {
        let totals = self.recording.totals.iter().enumerate();
        totals.map(|(place, (host, tally))| GroupEvidence {
            all: self,
            place,
            host,
            tally,
        })
    }

    /// What counts at the replicas; nothing is restricted when the plan's text is malformed, and
    /// then no page could be read either.
    pub(super) fn selector(&self) -> Option<Selector> {
        self.plan.counter.parse().ok()
    }
}

impl<'a> GroupEvidence<'a> {
    /// The replicas' books.
    pub(super) fn deltas(&self) -> impl Iterator<Item = &'a ReplicaDelta> + use<'a> {
        let host = self.host;
        self.all
            .delta
            .into_iter()
            .flat_map(move |delta| delta.replicas_of(host))
    }

    /// The group's seconds.
    pub(super) fn seconds(&self) -> impl Iterator<Item = &'a Moment> + use<'a> {
        let place = self.place;
        let timeline = &self.all.recording.timeline;
        timeline.iter().filter(move |moment| moment.group == place)
    }

    /// Answers by the replica they name, warm-up included.
    pub(super) fn named(&self) -> BTreeMap<ReplicaId, u64> {
        let mut named = self.tally.counts.warmup.replicas.clone();
        for (id, replica) in &self.tally.replicas {
            *named.entry(id.clone()).or_default() += replica.requests;
        }
        named
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
        let counts = &self.tally.counts;
        let of = |errors: &BTreeMap<ErrorClass, u64>| errors.get(&class).copied().unwrap_or(0);
        of(&counts.errors) + of(&counts.warmup.errors)
    }

    /// Answers that name no replica and look made by the proxy, warm-up included.
    pub(super) fn made_by_proxy(&self) -> u64 {
        let counts = &self.tally.counts;
        let of = |unnamed: &BTreeMap<u16, u64>| unnamed.range(300..).map(|(_, n)| n).sum::<u64>();
        of(&counts.unnamed) + of(&counts.warmup.unnamed)
    }

    /// Requests cut off by the end of the run, warm-up included.
    pub(super) fn unfinished(&self) -> u64 {
        let counts = &self.tally.counts;
        let warmup = &counts.warmup;
        let ended: u64 = warmup.status.values().chain(warmup.errors.values()).sum();
        counts.unfinished() + warmup.sent.saturating_sub(ended)
    }

    /// Tries beyond the first that the proxy told of, warm-up included.
    pub(super) fn extra_tries(&self) -> u64 {
        self.tally.counts.extra_tries + self.tally.counts.warmup.extra_tries
    }

    /// Own reads of a replica's page that are among its selected requests for certain: the page
    /// is a handler of its own, and the selector takes all handlers.
    pub(super) fn own_scrapes(&self, delta: &ReplicaDelta) -> u64 {
        let takes_all = self
            .all
            .selector()
            .is_some_and(|selector| selector.label("handler").is_none());
        let counted = delta.by_handler.get(path_of(&delta.url)).copied();
        if takes_all {
            counted.unwrap_or(0).min(delta.own_reads)
        } else {
            0
        }
    }

    /// Whether every replica's book is whole, and there is one.
    pub(super) fn books_are_whole(&self) -> bool {
        let mut deltas = self.deltas().peekable();
        deltas.peek().is_some()
            && deltas.all(|delta| delta.state == ReplicaState::Whole && delta.requests.is_some())
    }
}

/// The path of a page's address, without its query.
pub(super) fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.find('/').map_or("/", |at| &rest[at..]);
    path.split(['?', '#']).next().unwrap_or(path)
}
