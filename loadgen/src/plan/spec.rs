//! What is asked for, by flags, a file or a stored plan; what is left open has a default.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    Body, DataPlan, GroupPlan, Load, Pacing, Plan, PlanError, PlanFields, Process, Profile,
    ReplayPlan, Request, RequestPlan, Route, Schedule, Stages, Threshold, replay, routes, text,
};
use crate::model::{
    EmbeddedSpec, External, Memory, NameSource, PlannedEvent, Policy, Protocol, Rate, ReplicaArg,
    ReplicaPage, Retries, Selector, StackChoice, StackKind, Topology, User,
};
use crate::schedule::Slice;
use crate::traffic::Order;

/// The longest that a run may last: for runs that only a number of requests bounds.
const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// The same for a closed loop, with room for its warm-up.
const ALMOST_A_DAY: Duration = Duration::from_secs(23 * 60 * 60);
/// Measured time where nothing else bounds it.
const DURATION: Duration = Duration::from_secs(10);
const WARMUP: Duration = Duration::from_secs(1);
const TIMEOUT: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const LAG_BUDGET: Duration = Duration::from_millis(1);
const WINDOW: Duration = Duration::from_millis(100);

/// What plans say that were written before they could say it.
pub(super) const fn lag_budget() -> Duration {
    LAG_BUDGET
}

/// Of plans that say none.
pub(super) const fn seed() -> u64 {
    1
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the form that serde calls"
)]
pub(super) const fn is_usual_seed(value: &u64) -> bool {
    *value == seed()
}

pub(super) const fn window() -> Duration {
    WINDOW
}

const CONNECTIONS: u32 = 64;
const RPS: f64 = 100.0;
const PATH: &str = "/?example=test";
const METHOD: &str = "GET";
/// In which our own replica and the stacks made of it name the replica.
const REPLICA_HEADER: &str = "x-replica";

/// Everything that may be asked of a run, as flags and files name it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct PlanSpec {
    #[serde(with = "text::duration", skip_serializing_if = "Option::is_none")]
    pub duration: Option<Duration>,
    #[serde(with = "text::duration", skip_serializing_if = "Option::is_none")]
    pub warmup: Option<Duration>,
    #[serde(with = "text::rate", skip_serializing_if = "Option::is_none")]
    pub rps: Option<Rate>,
    #[serde(with = "text::option", skip_serializing_if = "Option::is_none")]
    pub stages: Option<Stages>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub closed: bool,
    /// Planned requests per host group after which it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<u64>,
    #[serde(with = "text::option", skip_serializing_if = "Option::is_none")]
    pub arrivals: Option<Spacing>,
    /// Of Poisson arrivals, of the order of requests, and of the values in them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Most connections per host group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connections: Option<u32>,
    /// Generator threads; 1 where nobody says how many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pacing: Option<Pacing>,
    #[serde(with = "text::duration", skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    #[serde(with = "text::duration", skip_serializing_if = "Option::is_none")]
    pub connect_timeout: Option<Duration>,
    #[serde(with = "text::duration", skip_serializing_if = "Option::is_none")]
    pub lag_budget: Option<Duration>,
    /// What the measurement may take of memory.
    #[serde(with = "text::option", skip_serializing_if = "Option::is_none")]
    pub memory: Option<Memory>,

    /// The log whose requests are sent again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replay: Option<ReplayPlan>,
    /// How many times as fast as it was; over what the log's own table says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speed: Option<f64>,

    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Further headers, `Name: value`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub header: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Body>,

    /// The version of HTTP; what the target speaks where nothing is said.
    #[serde(with = "text::option", skip_serializing_if = "Option::is_none")]
    pub http: Option<Protocol>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub no_keep_alive: bool,
    /// `NAME:PASSWORD`; written as the name alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<User>,

    /// Absent, or `auto`: the running compose stack if there is one, else embedded.
    #[serde(with = "text::option", skip_serializing_if = "Option::is_none")]
    pub stack: Option<StackAsked>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    #[serde(with = "text::list", skip_serializing_if = "Vec::is_empty")]
    pub replica: Vec<ReplicaPage>,
    #[serde(with = "text::option", skip_serializing_if = "Option::is_none")]
    pub replica_id: Option<NameSource>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_metrics: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_counter: Option<Selector>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_workers: Option<u32>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub insecure: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cacert: Option<String>,
    /// The client's certificate, PEM; with `key`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cert: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    #[serde(with = "text::option", skip_serializing_if = "Option::is_none")]
    pub embedded_policy: Option<Policy>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub replica_arg: Vec<ReplicaArg>,

    #[serde(with = "text::option", skip_serializing_if = "Option::is_none")]
    pub policy: Option<Policy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counter: Option<Selector>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fail_if: Vec<Threshold>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub require: Vec<Threshold>,

    /// Groups in short: `NAME` or `NAME=RPS`. They come before those in `group`.
    #[serde(with = "text::list", skip_serializing_if = "Vec::is_empty")]
    pub host: Vec<GroupSpec>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub group: Vec<GroupSpec>,
    /// The routes that take each group's arrivals in turn.
    #[serde(with = "text::list", skip_serializing_if = "Vec::is_empty")]
    pub via: Vec<Route>,
    /// The files whose rows requests take, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub data: BTreeMap<String, DataPlan>,

    /// Of the embedded proxy.
    #[serde(with = "text::option", skip_serializing_if = "Option::is_none")]
    pub embedded_retries: Option<Retries>,
    /// Length of the windows near events.
    #[serde(with = "text::duration", skip_serializing_if = "Option::is_none")]
    pub window: Option<Duration>,
    /// What is done to the stack while the load goes on.
    #[serde(with = "text::events", skip_serializing_if = "Vec::is_empty")]
    pub event: Vec<PlannedEvent>,
}

/// One host group, and the load it gets where that is another than the run's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct GroupSpec {
    /// What it is called where results are told; its host where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub host: String,
    #[serde(skip_serializing_if = "is_default")]
    pub route: Route,
    #[serde(with = "text::rate", skip_serializing_if = "Option::is_none")]
    pub rps: Option<Rate>,
    #[serde(with = "text::option", skip_serializing_if = "Option::is_none")]
    pub stages: Option<Stages>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub closed: bool,
    /// Planned requests per host group after which it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<u64>,
    #[serde(with = "text::option", skip_serializing_if = "Option::is_none")]
    pub arrivals: Option<Spacing>,
    /// Of Poisson arrivals.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// What it sends, by weight; the run's request where there is none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub request: Vec<RequestPlan>,
    /// How requests follow one another.
    #[serde(skip_serializing_if = "is_default")]
    pub order: Order,
}

/// Which stack is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StackAsked {
    #[default]
    Auto,
    Kind(StackKind),
}

/// How arrivals are spaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spacing {
    #[default]
    Constant,
    /// Exponential gaps.
    Poisson,
}

/// A list, or another where it is empty.
fn or<T>(ours: Vec<T>, theirs: Vec<T>) -> Vec<T> {
    if ours.is_empty() { theirs } else { ours }
}

fn or_else<T>(ours: BTreeMap<String, T>, theirs: BTreeMap<String, T>) -> BTreeMap<String, T> {
    if ours.is_empty() { theirs } else { ours }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl PlanSpec {
    /// What was said here, and from `under` what was not. One way to give a load replaces another.
    #[must_use]
    pub fn over(self, mut under: Self) -> Self {
        let load = self.load_spec();
        if self.replay.is_some() {
            under = under.without_traffic();
        } else if load.is_said() {
            (under.replay, under.speed) = (None, None);
        }
        let says_request = self.says_request();
        let (host, group) = if self.named_groups().next().is_some() {
            (self.host, self.group)
        } else if load.is_said() {
            // A rate that is typed is every group's, also of those that had one of their own.
            let without = |groups: Vec<GroupSpec>| groups.into_iter().map(GroupSpec::without_load);
            (
                without(under.host).collect(),
                without(under.group).collect(),
            )
        } else {
            (under.host, under.group)
        };
        let group = if says_request {
            // So is a request.
            group.into_iter().map(GroupSpec::without_requests).collect()
        } else {
            group
        };
        let load = load.over(&LoadSpec {
            rps: under.rps,
            stages: under.stages,
            closed: under.closed,
            requests: under.requests,
            arrivals: under.arrivals,
            seed: under.seed,
        });
        let merged = Self {
            duration: self.duration.or(under.duration),
            warmup: self.warmup.or(under.warmup),
            connections: self.connections.or(under.connections),
            threads: self.threads.or(under.threads),
            pacing: self.pacing.or(under.pacing),
            timeout: self.timeout.or(under.timeout),
            connect_timeout: self.connect_timeout.or(under.connect_timeout),
            lag_budget: self.lag_budget.or(under.lag_budget),
            memory: self.memory.or(under.memory),
            method: self.method.or(under.method),
            path: self.path.or(under.path),
            replay: self.replay.or(under.replay),
            speed: self.speed.or(under.speed),
            header: or(self.header, under.header),
            body: self.body.or(under.body),
            stack: self.stack.or(under.stack),
            target: self.target.or(under.target),
            replica: or(self.replica, under.replica),
            replica_id: self.replica_id.or(under.replica_id),
            replicas: self.replicas.or(under.replicas),
            proxy_metrics: self.proxy_metrics.or(under.proxy_metrics),
            proxy_counter: self.proxy_counter.or(under.proxy_counter),
            proxy_workers: self.proxy_workers.or(under.proxy_workers),
            insecure: self.insecure || under.insecure,
            cacert: self.cacert.or(under.cacert),
            cert: self.cert.or(under.cert),
            key: self.key.or(under.key),
            http: self.http.or(under.http),
            no_keep_alive: self.no_keep_alive || under.no_keep_alive,
            user: self.user.or(under.user),
            embedded_policy: self.embedded_policy.or(under.embedded_policy),
            replica_arg: or(self.replica_arg, under.replica_arg),
            embedded_retries: self.embedded_retries.or(under.embedded_retries),
            window: self.window.or(under.window),
            event: or(self.event, under.event),
            policy: self.policy.or(under.policy),
            counter: self.counter.or(under.counter),
            fail_if: or(self.fail_if, under.fail_if),
            require: or(self.require, under.require),
            host,
            group,
            via: or(self.via, under.via),
            data: or_else(self.data, under.data),
            ..Self::default()
        };
        merged.with_load(load)
    }

    /// The same without what a log says: the load, and what is sent.
    fn without_traffic(self) -> Self {
        let without = |groups: Vec<GroupSpec>| {
            let groups = groups.into_iter().map(GroupSpec::without_load);
            groups.map(GroupSpec::without_requests).collect()
        };
        let mut under = self.with_load(LoadSpec::default());
        (under.host, under.group) = (without(under.host), without(under.group));
        (under.replay, under.speed) = (None, None);
        (under.method, under.path, under.body) = (None, None, None);
        under
    }

    /// Whether a part of the run's one request is given.
    const fn says_request(&self) -> bool {
        self.path.is_some()
            || self.method.is_some()
            || self.body.is_some()
            || !self.header.is_empty()
    }

    /// Whether a group has requests of its own.
    fn has_requests(&self) -> bool {
        self.replay.is_some() || self.group.iter().any(|group| !group.request.is_empty())
    }

    /// Time before the measured part: what is replayed has it only where it is asked for, for it is
    /// the log's own beginning.
    pub(super) fn warm_up(&self) -> Duration {
        let usual = if self.replay.is_some() {
            Duration::ZERO
        } else {
            WARMUP
        };
        self.warmup.unwrap_or(usual)
    }

    /// The replicas' counter that counts requests: where nothing is said that of the one path, or
    /// that of all of them.
    fn counted(&self, path: &str) -> Selector {
        let usual = || {
            let one = Selector::of_path(path);
            if self.has_requests() {
                Selector::of_name(one.name())
            } else {
                one
            }
        };
        self.counter.clone().unwrap_or_else(usual)
    }

    /// Checks what can be checked before a stack is found.
    pub fn check(&self) -> Result<(), PlanError> {
        self.for_hosts(&["any".to_owned()]).map(drop)
    }

    /// The run that this becomes on a stack. Where no group is named it is every one that the
    /// stack has, or the target itself.
    pub fn resolve(&self, topology: &Topology) -> Result<Plan, PlanError> {
        let hosts = if topology.groups.is_empty() {
            &[topology.proxy.authority().to_owned()][..]
        } else {
            &topology.groups
        };
        let mut fields: PlanFields = self.for_hosts(hosts)?.into();
        // Stacks of our own name the replica in a header of every answer, whatever its body.
        if self.replica_id.is_none() && self.has_requests() && topology.kind != StackKind::External
        {
            fields.replica_id = NameSource::Header(REPLICA_HEADER.into());
        }
        fields.stack = match (fields.stack, topology.kind) {
            (StackChoice::Auto, StackKind::Compose) => StackChoice::Compose,
            (StackChoice::Auto, _) => StackChoice::Embedded,
            (said, _) => said,
        };
        fields.validate()
    }

    fn for_hosts(&self, hosts: &[String]) -> Result<Plan, PlanError> {
        let mut groups: Vec<_> = self.host.iter().chain(&self.group).cloned().collect();
        if groups.is_empty() {
            groups = hosts.iter().map(|host| GroupSpec::of(host)).collect();
        }
        let (groups, replay) = if let Some(log) = self.replayed()? {
            let (groups, log) = replay::groups(&log, &groups, self.warm_up(), self.duration)?;
            (groups, Some(log))
        } else {
            let groups = groups.iter().map(|group| group.plan(self));
            (groups.collect::<Result<Vec<_>, _>>()?, None)
        };
        let groups = routes::split(groups, &self.via)?;
        let request = self.request()?;
        let fields = PlanFields {
            duration: self.length(&groups),
            warmup: self.warm_up(),
            connections: self.connections.unwrap_or(CONNECTIONS),
            threads: self.threads.unwrap_or(1),
            pacing: self.pacing.unwrap_or_default(),
            timeout: self.timeout.unwrap_or(TIMEOUT),
            connect_timeout: self.connect_timeout.unwrap_or(CONNECT_TIMEOUT),
            lag_budget: self.lag_budget.unwrap_or(LAG_BUDGET),
            memory: self.memory.unwrap_or_default(),
            http: self.http,
            keep_alive: !self.no_keep_alive,
            user: self.user.clone(),
            replica_id: self.replica_id.clone().unwrap_or_default(),
            stack: self.stack_choice()?,
            embedded: self.embedded(),
            replicas: self.replicas,
            policy: (self.policy.clone()).unwrap_or_else(Policy::round_robin),
            proxy_workers: self.proxy_workers,
            counter: self.counted(request.path()),
            seed: self.seed.unwrap_or_else(seed),
            data: self.data.clone(),
            replay,
            thresholds: self.fail_if.clone(),
            require: self.require.clone(),
            events: self.event.clone(),
            window: self.window.unwrap_or(WINDOW),
            groups,
            request,
        };
        fields.validate()
    }

    /// The run is as long as its longest group.
    fn length(&self, groups: &[GroupPlan]) -> Duration {
        let length = |group: &GroupPlan| match &group.load {
            Load::Open { schedule } => Duration::from(schedule.duration),
            // A closed loop that is bounded by requests alone ends with them.
            Load::Closed { requests } => self.duration.unwrap_or(match requests {
                Some(_) => ALMOST_A_DAY,
                None => DURATION,
            }),
        };
        groups.iter().map(length).max().unwrap_or_default()
    }

    fn request(&self) -> Result<Request, PlanError> {
        let method = self.method.as_deref().unwrap_or(METHOD);
        let path = self.path.as_deref().unwrap_or(PATH);
        Ok(Request::new(method, path, &self.header, self.body.clone())?)
    }

    /// What an embedded stack is told.
    #[must_use]
    pub fn embedded(&self) -> EmbeddedSpec {
        EmbeddedSpec {
            policy: (self.embedded_policy.clone()).unwrap_or_else(Policy::round_robin),
            replica_args: self.replica_arg.clone(),
            retries: self.embedded_retries.unwrap_or_default(),
        }
    }

    /// Which stack is meant; a target says that it is an external one.
    pub fn stack_choice(&self) -> Result<StackChoice, PlanError> {
        let asked = self.stack.unwrap_or_default();
        let external = self.target.is_some() || asked == StackAsked::Kind(StackKind::External);
        match asked {
            StackAsked::Kind(StackKind::Embedded | StackKind::Compose) if external => {
                return Err(PlanError::TwoStacks);
            }
            _ if external => {}
            asked => {
                self.refuse_external_options()?;
                return Ok(match asked {
                    StackAsked::Kind(StackKind::Embedded) => StackChoice::Embedded,
                    StackAsked::Kind(StackKind::Compose) => StackChoice::Compose,
                    _ => StackChoice::Auto,
                });
            }
        }
        Ok(StackChoice::External(External {
            target: self.target.clone().ok_or(PlanError::NoTarget)?,
            replicas: self.replica.clone(),
            proxy_metrics: self.proxy_metrics.clone(),
            proxy_counter: self.proxy_counter.clone(),
            insecure: self.insecure,
            cacert: self.cacert.clone(),
            identity: self.identity()?,
        }))
    }

    /// What only an external stack can be told.
    fn refuse_external_options(&self) -> Result<(), PlanError> {
        let said = [
            ("--replica", !self.replica.is_empty()),
            ("--proxy-metrics", self.proxy_metrics.is_some()),
            ("--insecure", self.insecure),
            ("--cacert", self.cacert.is_some()),
            ("--cert", self.cert.is_some()),
            ("--key", self.key.is_some()),
        ];
        match said.into_iter().find(|(_, said)| *said) {
            Some((flag, _)) => Err(PlanError::ForExternal(flag)),
            None => Ok(()),
        }
    }

    /// The same with every default written out, as far as it does not depend on a stack.
    #[must_use]
    pub fn explicit(mut self) -> Self {
        let is_replay = self.replay.is_some();
        if self.requests.is_none() && self.stages.is_none() && !is_replay {
            self.duration.get_or_insert(DURATION);
        }
        self.warmup = Some(self.warm_up());
        if !self.load_spec().is_said() && !is_replay {
            self.rps = Rate::new(RPS).ok();
        }
        self.connections.get_or_insert(CONNECTIONS);
        self.pacing.get_or_insert_default();
        self.timeout.get_or_insert(TIMEOUT);
        self.connect_timeout.get_or_insert(CONNECT_TIMEOUT);
        self.lag_budget.get_or_insert(LAG_BUDGET);
        self.counter = Some(self.counted(self.path.as_deref().unwrap_or(PATH)));
        let has_own = |group: &GroupSpec| !group.request.is_empty();
        if !is_replay && (self.group.is_empty() || !self.group.iter().all(has_own)) {
            self.path.get_or_insert_with(|| PATH.into());
            self.method.get_or_insert_with(|| METHOD.into());
        }
        self.replica_id.get_or_insert_default();
        self.policy.get_or_insert_with(Policy::round_robin);
        self
    }

    /// Every threshold as it is written: what must hold, and what must not be met.
    #[must_use]
    pub fn objectives(&self) -> Vec<String> {
        let require = self.require.iter().map(ToString::to_string);
        let fail_if = self.fail_if.iter().map(|one| format!("not {one}"));
        require.chain(fail_if).collect()
    }

    /// The groups that are named, in order; none means every one that the stack has.
    pub fn named_groups(&self) -> impl Iterator<Item = &str> {
        let groups = self.host.iter().chain(&self.group);
        groups.map(|group| group.host.as_str())
    }
}

/// How requests are released, as far as it is said of a run or of a group.
#[derive(Clone, Debug, Default)]
struct LoadSpec {
    rps: Option<Rate>,
    stages: Option<Stages>,
    closed: bool,
    requests: Option<u64>,
    arrivals: Option<Spacing>,
    seed: Option<u64>,
}

/// Takes a load out of what has its fields, and puts it in.
macro_rules! has_load {
    ($($spec:ty),*) => {$(
        impl $spec {
            fn load_spec(&self) -> LoadSpec {
                LoadSpec {
                    rps: self.rps,
                    stages: self.stages.clone(),
                    closed: self.closed,
                    requests: self.requests,
                    arrivals: self.arrivals,
                    seed: self.seed,
                }
            }

            fn with_load(mut self, load: LoadSpec) -> Self {
                (self.rps, self.stages, self.closed) = (load.rps, load.stages, load.closed);
                (self.requests, self.arrivals, self.seed) =
                    (load.requests, load.arrivals, load.seed);
                self
            }
        }
    )*};
}

has_load!(PlanSpec, GroupSpec);

impl LoadSpec {
    /// Whether a kind of load is given.
    const fn is_said(&self) -> bool {
        self.rps.is_some() || self.stages.is_some() || self.closed
    }

    /// What was said here, and from `under` what was not. The three ways to give a load exclude one
    /// another, so one that is said replaces another that is not.
    fn over(self, under: &Self) -> Self {
        let kind = if self.is_said() { &self } else { under };
        Self {
            rps: kind.rps,
            stages: kind.stages.clone(),
            closed: kind.closed,
            requests: self.requests.or(under.requests),
            arrivals: self.arrivals.or(under.arrivals),
            seed: self.seed.or(under.seed),
        }
    }

    /// The load of a run that may last `duration`, after so much of warm-up.
    fn load(&self, duration: Option<Duration>, warmup: Duration) -> Result<Load, PlanError> {
        if self.requests == Some(0) {
            // Said here, because a schedule that ends with them has no length either.
            return Err(PlanError::NoRequests);
        }
        if self.closed {
            return Ok(Load::Closed {
                requests: self.requests,
            });
        }
        let profile = match &self.stages {
            Some(stages) => Profile::Stages {
                stages: stages.clone(),
            },
            None => Profile::Constant {
                rate: match self.rps {
                    Some(rate) => rate,
                    None => Rate::new(RPS)?,
                },
            },
        };
        let natural = profile.length().map(Duration::from_secs_f64);
        let unbounded = match self.requests {
            Some(_) => A_DAY,
            None => DURATION,
        };
        let duration = duration.unwrap_or(natural.unwrap_or(unbounded));
        let duration = natural.map_or(duration, |natural| natural.min(duration));
        let schedule = Schedule {
            process: match self.arrivals.unwrap_or_default() {
                Spacing::Constant => Process::Constant,
                Spacing::Poisson => Process::Poisson {
                    seed: self.seed.unwrap_or(1),
                },
            },
            profile,
            warmup: warmup.into(),
            duration: duration.min(A_DAY + Duration::from_secs(1)).into(),
            requests: self.requests,
        };
        Ok(Load::Open {
            schedule: schedule.ended_by_requests(),
        })
    }
}

impl GroupSpec {
    fn of(host: &str) -> Self {
        Self {
            host: host.to_owned(),
            ..Self::default()
        }
    }

    fn without_requests(self) -> Self {
        Self {
            request: Vec::new(),
            ..self
        }
    }

    fn without_load(self) -> Self {
        self.with_load(LoadSpec::default())
    }

    /// The group with its own load, or the run's.
    fn plan(&self, run: &PlanSpec) -> Result<GroupPlan, PlanError> {
        let load = self.load_spec().over(&run.load_spec());
        let load = load.load(run.duration, run.warm_up())?;
        Ok(GroupPlan {
            name: self.name.clone().unwrap_or_else(|| self.host.clone()),
            host: self.host.clone(),
            route: self.route,
            load,
            slice: Slice::WHOLE,
            requests: self.request.clone(),
            order: self.order,
        })
    }
}

impl From<&Plan> for PlanSpec {
    /// Everything that the plan says, with nothing left open.
    fn from(plan: &Plan) -> Self {
        let request = &plan.request;
        let header = |(name, value): &(String, String)| format!("{name}: {value}");
        let mut spec = Self {
            duration: Some(plan.duration),
            warmup: Some(plan.warmup),
            connections: Some(plan.connections),
            threads: Some(plan.threads),
            pacing: Some(plan.pacing),
            timeout: Some(plan.timeout),
            connect_timeout: Some(plan.connect_timeout),
            method: Some(request.method().to_owned()),
            path: Some(request.path().to_owned()),
            header: request.headers().iter().map(header).collect(),
            body: request.body().cloned(),
            http: plan.http,
            no_keep_alive: !plan.keep_alive,
            user: plan.user.clone(),
            replica_id: Some(plan.replica_id.clone()),
            replicas: plan.replicas,
            proxy_workers: plan.proxy_workers,
            embedded_policy: Some(plan.embedded.policy.clone()),
            replica_arg: plan.embedded.replica_args.clone(),
            embedded_retries: Some(plan.embedded.retries),
            window: Some(plan.window),
            event: plan.events.clone(),
            policy: Some(plan.policy.clone()),
            counter: Some(plan.counter.clone()),
            fail_if: plan.thresholds.clone(),
            require: plan.require.clone(),
            group: routes::joined(&plan.groups).map(GroupSpec::from).collect(),
            via: routes::taken(&plan.groups),
            seed: (plan.seed != seed()).then_some(plan.seed),
            data: plan.data.clone(),
            replay: plan.replay.clone(),
            ..Self::default()
        };
        if spec.replay.is_some() {
            // They are the log's.
            (spec.method, spec.path) = (None, None);
        }
        spec.stack = Some(match &plan.stack {
            StackChoice::Auto => StackAsked::Auto,
            StackChoice::Embedded => StackAsked::Kind(StackKind::Embedded),
            StackChoice::Compose => StackAsked::Kind(StackKind::Compose),
            StackChoice::External(external) => {
                spec.target = Some(external.target.clone());
                spec.replica.clone_from(&external.replicas);
                spec.proxy_metrics.clone_from(&external.proxy_metrics);
                spec.proxy_counter.clone_from(&external.proxy_counter);
                spec.insecure = external.insecure;
                spec.cacert.clone_from(&external.cacert);
                spec.show(external.identity.as_ref());
                StackAsked::Kind(StackKind::External)
            }
        });
        spec
    }
}

impl From<&GroupPlan> for GroupSpec {
    fn from(group: &GroupPlan) -> Self {
        let mut spec = Self {
            name: (group.name != group.host).then(|| group.name.clone()),
            route: group.route,
            requests: group.load.requests(),
            request: group.requests.clone(),
            order: group.order,
            ..Self::of(&group.host)
        };
        match &group.load {
            Load::Closed { .. } => spec.closed = true,
            Load::Open { schedule } => {
                match &schedule.profile {
                    Profile::Constant { rate } => spec.rps = Some(*rate),
                    Profile::Stages { stages } => spec.stages = Some(stages.clone()),
                    // Its requests are the log's, too.
                    Profile::Recorded(_) => spec.request = Vec::new(),
                }
                if let Process::Poisson { seed } = schedule.process {
                    (spec.arrivals, spec.seed) = (Some(Spacing::Poisson), Some(seed));
                }
            }
        }
        spec
    }
}

impl FromStr for GroupSpec {
    type Err = crate::model::RateError;

    /// `NAME` or `NAME=RPS`
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (host, rate) = match text.split_once('=') {
            Some((host, rate)) => (host, Some(rate.parse()?)),
            None => (text, None),
        };
        let mut group = Self::of(host);
        group.rps = rate;
        Ok(group)
    }
}

impl fmt::Display for GroupSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.rps {
            Some(rate) => write!(f, "{}={}", self.host, rate.per_second()),
            None => f.write_str(&self.host),
        }
    }
}

impl FromStr for StackAsked {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            _ => match text.parse() {
                Ok(kind) => Ok(Self::Kind(kind)),
                Err(_) => Err(format!(
                    "`{text}` is none of auto, embedded, compose and external"
                )),
            },
        }
    }
}

impl fmt::Display for StackAsked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Kind(kind) => kind.fmt(f),
        }
    }
}

impl FromStr for Spacing {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "constant" => Ok(Self::Constant),
            "poisson" => Ok(Self::Poisson),
            _ => Err(format!("`{text}` is neither constant nor poisson")),
        }
    }
}

impl fmt::Display for Spacing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Constant => "constant",
            Self::Poisson => "poisson",
        })
    }
}
