//! A run that is made of an access log: its arrivals, methods and paths are the log's.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::body::MOST_HELD;
use super::request::Request;
use super::{GroupPlan, GroupSpec, Load, PlanError, PlanFields, PlanSpec, Process, Profile};
use super::{RequestPlan, Schedule};
use crate::model::{Nanos, grouped};
use crate::schedule::Recorded;
use crate::traffic::{
    AccessLog, Choice, Data, LeftOut, Log, Order, Replay, RequestText, Table, Template, Traffic,
    Values,
};

/// The longest text of a log that a plan holds itself, in bytes; longer ones stay in their file.
/// How much slower and faster a log may be replayed.
const SPEEDS: std::ops::RangeInclusive<f64> = 0.01..=1_000.0;

/// A log whose requests are sent again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(from = "ReplayForm")]
#[schemars(!from)]
pub struct ReplayPlan {
    /// Where it lies, seen from the plan file.
    pub file: String,
    /// How many times as fast as it was.
    #[serde(skip_serializing_if = "is_as_it_was")]
    #[schemars(default = "as_it_was")]
    pub speed: f64,
    /// Of the file, in hexadecimal digits: what was measured with is what it is repeated with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// How many lines it has.
    #[serde(skip_serializing_if = "is_none")]
    #[schemars(default)]
    pub lines: u64,
    /// How many of them are not sent again, by reason.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(default)]
    pub left_out: BTreeMap<LeftOut, u64>,
    /// Whether it tells whole seconds, over each of which its requests are spread evenly.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schemars(default)]
    pub whole_seconds: bool,
    /// Its requests; absent where their text is longer than 256 KiB.
    #[serde(skip_serializing_if = "is_too_long")]
    pub log: Option<Log>,
}

/// As it is written: a file alone, or with what else is said.
#[derive(Deserialize)]
#[serde(untagged)]
enum ReplayForm {
    File(String),
    Fields(ReplayFields),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReplayFields {
    file: String,
    #[serde(default = "as_it_was")]
    speed: f64,
    sha256: Option<String>,
    #[serde(default)]
    lines: u64,
    #[serde(default)]
    left_out: BTreeMap<LeftOut, u64>,
    #[serde(default)]
    whole_seconds: bool,
    log: Option<Log>,
}

const fn as_it_was() -> f64 {
    1.0
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the form that serde calls"
)]
fn is_as_it_was(speed: &f64) -> bool {
    (*speed - as_it_was()).abs() < f64::EPSILON
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the form that serde calls"
)]
const fn is_none(n: &u64) -> bool {
    *n == 0
}

#[expect(clippy::ref_option, reason = "the form that serde calls")]
fn is_too_long(log: &Option<Log>) -> bool {
    log.as_ref()
        .is_none_or(|log| log.stored_length() > MOST_HELD)
}

impl From<ReplayForm> for ReplayPlan {
    fn from(form: ReplayForm) -> Self {
        match form {
            ReplayForm::File(file) => Self::of(file),
            ReplayForm::Fields(fields) => Self {
                file: fields.file,
                speed: fields.speed,
                sha256: fields.sha256,
                lines: fields.lines,
                left_out: fields.left_out,
                whole_seconds: fields.whole_seconds,
                log: fields.log,
            },
        }
    }
}

impl ReplayPlan {
    /// A log that is still to be read.
    #[must_use]
    pub fn of(file: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            speed: as_it_was(),
            sha256: None,
            lines: 0,
            left_out: BTreeMap::new(),
            whole_seconds: false,
            log: None,
        }
    }

    /// The same with what its file holds.
    #[must_use]
    pub fn with_log(self, log: AccessLog) -> Self {
        Self {
            lines: log.lines,
            left_out: log.left_out,
            whole_seconds: log.whole_seconds,
            log: Some(log.log),
            ..self
        }
    }

    /// The same as it is written to be read by people: without what its file holds.
    #[must_use]
    pub fn without_log(self) -> Self {
        Self {
            speed: self.speed,
            sha256: self.sha256,
            ..Self::of(self.file)
        }
    }

    /// Whether a plan as it is stored holds its requests.
    #[must_use]
    pub fn is_held(&self) -> bool {
        !is_too_long(&self.log)
    }

    /// What is sent again and what is not, as a sentence.
    #[must_use]
    pub fn in_words(&self) -> String {
        let left_out: u64 = self.left_out.values().sum();
        let sent = grouped(self.lines.saturating_sub(left_out));
        let (file, speed) = (self.file.escape_debug(), self.speed);
        let mut text = format!("replays {file} at {speed}× its speed: ");
        let lines = grouped(self.lines);
        let _ = write!(text, "{sent} of its {lines} lines are sent again");
        for (place, (why, n)) in self.left_out.iter().enumerate() {
            text += if place == 0 { "; left out are " } else { "; " };
            let _ = write!(text, "{} {why}", grouped(*n));
        }
        if self.whole_seconds {
            text +=
                ". Its times are whole seconds, over each of which the requests are spread evenly";
        }
        text
    }

    /// The same as a group would see it that is one of so many: who is left out for its host.
    fn for_groups(&self, groups: &[GroupPlan]) -> Self {
        let mut replay = self.clone();
        replay.left_out.remove(&LeftOut::OtherHost);
        let ours: u64 = groups
            .iter()
            .flat_map(|group| &group.requests)
            .map(|request| u64::from(request.weight))
            .sum();
        let all = self.log.as_ref().map_or(0, |log| log.len() as u64);
        if let Some(others) = all.checked_sub(ours).filter(|others| *others > 0) {
            replay.left_out.insert(LeftOut::OtherHost, others);
        }
        replay
    }

    fn refused(&self, reason: impl Into<String>) -> PlanError {
        PlanError::Replay {
            file: self.file.clone(),
            reason: reason.into(),
        }
    }

    fn log(&self) -> Result<&Log, PlanError> {
        self.log
            .as_ref()
            .ok_or_else(|| self.refused("it was not read"))
    }

    /// When and by which names the requests of a host are sent.
    fn of_host(
        &self,
        host: Option<&str>,
        warmup: Nanos,
        most: Option<Duration>,
    ) -> Result<(Load, Vec<RequestPlan>), PlanError> {
        let log = self.log()?;
        if !SPEEDS.contains(&self.speed) {
            return Err(PlanError::Speed(self.speed));
        }
        let whole = log.length(self.speed);
        let length = whole.since(warmup);
        if length == Nanos::ZERO {
            let whole = Duration::from(whole);
            return Err(self.refused(format!("it is over after {whole:?}, within the warm-up")));
        }
        let length = most.map_or(length, |most| length.min(most.into()));
        let replay = Replay::of(log, host, self.speed);
        let recorded = Recorded::new(&replay.due, warmup, length);
        if recorded.arrivals() == 0 {
            let whose = host.map_or_else(String::new, |host| format!(" for {host}"));
            return Err(self.refused(format!(
                "it has no request{whose} in the {:?} that are measured",
                Duration::from(length)
            )));
        }
        let load = Load::Open {
            schedule: Schedule {
                process: Process::Constant,
                profile: Profile::Recorded(recorded),
                warmup,
                duration: length,
                requests: None,
            },
        };
        let names = replay.names.into_iter().map(|one| RequestPlan {
            weight: one.requests,
            path: one.path,
            ..RequestPlan::of(one.name, one.method)
        });
        Ok((load, names.collect()))
    }
}

/// Whose requests a group sends: those of its host where there are several groups.
fn host_of(host: &str, groups: usize) -> Option<&str> {
    (groups > 1).then_some(host)
}

/// The groups of a run that is replayed, and the log as they see it.
pub(super) fn groups(
    replay: &ReplayPlan,
    specs: &[GroupSpec],
    warmup: Duration,
    most: Option<Duration>,
) -> Result<(Vec<GroupPlan>, ReplayPlan), PlanError> {
    let tells_hosts = replay.log()?.requests().any(|one| one.host.is_some());
    if specs.len() > 1 && !tells_hosts {
        let reason = format!("it names no hosts, and {} groups are loaded", specs.len());
        return Err(replay.refused(reason));
    }
    let group = |spec: &GroupSpec| -> Result<GroupPlan, PlanError> {
        let host = host_of(&spec.host, specs.len());
        let (load, requests) = replay.of_host(host, warmup.into(), most)?;
        Ok(GroupPlan {
            name: spec.name.clone().unwrap_or_else(|| spec.host.clone()),
            route: spec.route,
            requests,
            ..GroupPlan::new(spec.host.clone(), load)
        })
    };
    let groups: Vec<GroupPlan> = specs.iter().map(group).collect::<Result<_, _>>()?;
    let replay = replay.for_groups(&groups);
    Ok((groups, replay))
}

/// Holds the groups of a plan to its log, and gives them the log's instants.
pub(super) fn settle(plan: &mut PlanFields) -> Result<(), PlanError> {
    let Some(replay) = &plan.replay else {
        let recorded = plan.groups.iter().find(|group| is_recorded(&group.load));
        return recorded.map_or(Ok(()), |group| Err(PlanError::NoReplay(group.name.clone())));
    };
    if replay.log.is_none() {
        return Ok(());
    }
    let (warmup, most) = (Nanos::from(plan.warmup), Some(plan.duration));
    let several = plan.groups.len();
    for group in &mut plan.groups {
        let (load, requests) = replay.of_host(host_of(&group.host, several), warmup, most)?;
        if load != group.load || requests != group.requests {
            return Err(replay.refused(format!("what {} sends is not its", group.name)));
        }
        group.load = load;
    }
    Ok(())
}

pub(super) const fn is_recorded(load: &Load) -> bool {
    matches!(load, Load::Open { schedule } if matches!(schedule.profile, Profile::Recorded(_)))
}

/// What a group sends of the log: the run's headers, and no bodies.
pub(super) fn traffic(
    replay: &ReplayPlan,
    group: &GroupPlan,
    plan: &PlanFields,
    place: usize,
) -> Traffic {
    let host = host_of(&group.host, plan.groups.len());
    let (choice, paths) = match &replay.log {
        Some(log) => (
            Replay::of(log, host, replay.speed).choice(),
            Replay::paths(log, host),
        ),
        None => (Choice::only(), no_paths()),
    };
    let data: Arc<[Data]> = [paths].into();
    let path = Template::read(b"{log.path}", &data).unwrap_or_default();
    let headers = headers(&plan.request);
    let request = |request: &RequestPlan| RequestText {
        name: request.name.clone(),
        method: request.method.clone(),
        path: path.clone(),
        headers: headers.clone(),
        body: None,
    };
    Traffic {
        choice,
        requests: group.requests.iter().map(request).collect(),
        values: Values {
            seed: plan.seed,
            group: place as u64,
            data,
        },
    }
}

fn no_paths() -> Data {
    Data {
        name: "log".into(),
        order: Order::InTurn,
        table: Table::of_columns(vec!["path".into()]),
    }
}

fn headers(request: &Request) -> Vec<(String, Template)> {
    let headers = request.headers().iter();
    let headers = headers.map(|(name, value)| (name.clone(), Template::fixed(value.as_bytes())));
    headers.collect()
}

impl PlanSpec {
    /// The log as the groups that are named will see it; as it is where none are.
    #[must_use]
    pub fn replay(&self) -> Option<ReplayPlan> {
        let replay = self.replayed().ok()??;
        let named: Vec<GroupSpec> = self.host.iter().chain(&self.group).cloned().collect();
        let seen = groups(&replay, &named, self.warm_up(), self.duration);
        Some(match seen {
            Ok((groups, seen)) if !groups.is_empty() => seen,
            _ => replay,
        })
    }

    /// The log, at the speed that is asked for.
    pub(super) fn replayed(&self) -> Result<Option<ReplayPlan>, PlanError> {
        let Some(replay) = &self.replay else {
            return match self.speed {
                Some(_) => Err(PlanError::SpeedOfNothing),
                None => Ok(None),
            };
        };
        if let Some(other) = self.said_beside_replay() {
            return Err(PlanError::BesideReplay(other));
        }
        Ok(Some(ReplayPlan {
            speed: self.speed.unwrap_or(replay.speed),
            ..replay.clone()
        }))
    }

    /// What a log says itself, and is said otherwise.
    fn said_beside_replay(&self) -> Option<&'static str> {
        let mut groups = self.host.iter().chain(&self.group);
        let any = |of: fn(&GroupSpec) -> bool| groups.clone().any(of);
        let said = [
            ("--rps", self.rps.is_some() || any(|one| one.rps.is_some())),
            (
                "--stages",
                self.stages.is_some() || any(|one| one.stages.is_some()),
            ),
            ("--closed", self.closed || any(|one| one.closed)),
            (
                "--requests",
                self.requests.is_some() || any(|one| one.requests.is_some()),
            ),
            (
                "--arrivals",
                self.arrivals.is_some() || any(|one| one.arrivals.is_some()),
            ),
            ("--method", self.method.is_some()),
            ("--path", self.path.is_some()),
            ("--body", self.body.is_some()),
            (
                "[[group.request]]",
                groups.any(|one| !one.request.is_empty()),
            ),
        ];
        let mut said = said.into_iter().filter(|(_, said)| *said);
        said.next().map(|(name, _)| name)
    }
}
