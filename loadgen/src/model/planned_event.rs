//! What is to be done to the stack while the load goes on, as people write it:
//! `15s kill app-group-1/2`, `10s..12s pause app-group-1/1`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Nanos, ReplicaId, Topology};

/// The most replicas that a group may be scaled to.
const MOST_REPLICAS: u32 = 64;
/// The smallest and the largest part of one CPU that a replica may be held to.
const CPUS: std::ops::RangeInclusive<f64> = 0.01..=64.0;

/// One event of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct PlannedEvent {
    /// When, from the beginning of the measured part.
    pub at: Nanos,
    /// When it is undone, for one that lasts.
    pub until: Option<Nanos>,
    pub deed: Deed,
}

/// What is done, and to whom.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Deed {
    /// Its process dies at once, and whoever runs it starts it again: a crash.
    Kill(Whom),
    Stop(Whom),
    Start(Whom),
    /// Its process stands still.
    Pause(Whom),
    /// It may use so many CPUs.
    Throttle(Whom, f64),
    /// It leaves the network.
    Disconnect(Whom),
    Scale {
        group: String,
        replicas: u32,
    },
    /// Each replica in turn, the next when the last one serves again.
    RollingRestart {
        group: String,
    },
    ReloadProxy,
    KillProxy,
    /// A command line for the shell.
    Exec(String),
}

/// A replica: the N-th of its group in the order of `loadgen ps`, or any one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whom {
    pub group: String,
    /// From 1; `None` is one that the seed draws.
    pub number: Option<u32>,
}

/// Why a text is no event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlannedEventError {
    #[error("`{0}` is not WHEN VERB WHOM")]
    Shape(String),
    #[error("`{text}` is no time of the measured part: {reason}")]
    When { text: String, reason: String },
    #[error("`{0}` ends before it begins")]
    Backwards(String),
    #[error("`{0}` is no verb that is known")]
    Verb(String),
    #[error("`{0}` is no replica: neither GROUP/N nor GROUP")]
    Whom(String),
    #[error("`{verb}` lasts, and `{when}` does not say until when")]
    NoEnd { verb: String, when: String },
    #[error("`{verb}` does not last, and `{when}` says until when")]
    NeedlessEnd { verb: String, when: String },
    #[error("`{verb}` needs a value: {reason}")]
    Value { verb: String, reason: &'static str },
}

impl PlannedEventError {
    /// What to write instead.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Verb(_) => {
                "verbs are kill, stop, start, pause, throttle, disconnect, scale, rolling-restart, reload, and exec"
            }
            Self::NoEnd { .. } => "give it a span, as --event '10s..12s pause app-group-1/1'",
            Self::NeedlessEnd { .. } => "give it an instant, as --event '10s kill app-group-1/2'",
            _ => {
                "events are like --event '15s kill app-group-1/2', '10s..12s pause app-group-1', '20s scale app-group-1=3' or '5s exec COMMAND'"
            }
        }
    }
}

impl PlannedEvent {
    /// When it is over as far as the plan knows.
    #[must_use]
    pub fn planned_end(&self) -> Nanos {
        self.until.unwrap_or(self.at)
    }
}

impl Deed {
    #[must_use]
    pub const fn verb(&self) -> &'static str {
        match self {
            Self::Kill(_) | Self::KillProxy => "kill",
            Self::Stop(_) => "stop",
            Self::Start(_) => "start",
            Self::Pause(_) => "pause",
            Self::Throttle(..) => "throttle",
            Self::Disconnect(_) => "disconnect",
            Self::Scale { .. } => "scale",
            Self::RollingRestart { .. } => "rolling-restart",
            Self::ReloadProxy => "reload",
            Self::Exec(_) => "exec",
        }
    }

    /// Whom it is done to, with the value where it has one; of a command, its text.
    #[must_use]
    pub fn whom(&self) -> String {
        match self {
            Self::Kill(whom)
            | Self::Stop(whom)
            | Self::Start(whom)
            | Self::Pause(whom)
            | Self::Disconnect(whom) => whom.to_string(),
            Self::Throttle(whom, cpus) => format!("{whom}={cpus}"),
            Self::Scale { group, replicas } => format!("{group}={replicas}"),
            Self::RollingRestart { group } => group.clone(),
            Self::ReloadProxy | Self::KillProxy => "proxy".to_owned(),
            Self::Exec(command) => command.clone(),
        }
    }

    /// The replica that it is done to, where it is one.
    #[must_use]
    pub const fn replica(&self) -> Option<&Whom> {
        match self {
            Self::Kill(whom)
            | Self::Stop(whom)
            | Self::Start(whom)
            | Self::Pause(whom)
            | Self::Throttle(whom, _)
            | Self::Disconnect(whom) => Some(whom),
            _ => None,
        }
    }

    /// The group that it is done to; of the proxy and of a command nobody knows.
    #[must_use]
    pub fn group(&self) -> Option<&str> {
        match self {
            Self::Scale { group, .. } | Self::RollingRestart { group } => Some(group),
            other => other.replica().map(|whom| whom.group.as_str()),
        }
    }

    /// Whether both may be about the same replica, or about the proxy.
    #[must_use]
    pub fn meets(&self, other: &Self) -> bool {
        match (self.group(), other.group()) {
            (Some(ours), Some(theirs)) if ours == theirs => {
                let number = |deed: &Self| deed.replica().and_then(|whom| whom.number);
                number(self).is_none() || number(other).is_none() || number(self) == number(other)
            }
            (None, None) => self.whom() == "proxy" && other.whom() == "proxy",
            _ => false,
        }
    }

    /// The same about one replica, where it was about any of a group.
    #[must_use]
    pub fn about(mut self, drawn: u32) -> Self {
        if let Self::Kill(whom)
        | Self::Stop(whom)
        | Self::Start(whom)
        | Self::Pause(whom)
        | Self::Throttle(whom, _)
        | Self::Disconnect(whom) = &mut self
        {
            whom.number.get_or_insert(drawn);
        }
        self
    }

    /// The ids of the replicas that it is done to, of those that there are.
    #[must_use]
    pub fn targets(&self, topology: &Topology) -> Vec<ReplicaId> {
        let of_group = |group| topology.replicas_of(group).map(|one| one.id.clone());
        match (self.replica(), self.group()) {
            (Some(whom), _) => {
                let place = whom.number.unwrap_or(1).saturating_sub(1) as usize;
                of_group(&whom.group).skip(place).take(1).collect()
            }
            (None, Some(group)) => of_group(group).collect(),
            (None, None) => Vec::new(),
        }
    }

    /// Whether it goes on until it is undone.
    #[must_use]
    pub const fn lasts(&self) -> bool {
        matches!(
            self,
            Self::Pause(_) | Self::Throttle(..) | Self::Disconnect(_)
        )
    }
}

impl fmt::Display for Whom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number {
            Some(number) => write!(f, "{}/{number}", self.group),
            None => f.write_str(&self.group),
        }
    }
}

impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb(), self.whom())
    }
}

impl PlannedEvent {
    /// `15s`, or `10s..12s`.
    #[must_use]
    pub fn when(&self) -> String {
        let text = |at: Nanos| humantime::format_duration(Duration::from(at)).to_string();
        let text = |at| text(at).replace(' ', "");
        match self.until {
            Some(until) => format!("{}..{}", text(self.at), text(until)),
            None => text(self.at),
        }
    }

    /// An event of its two parts: when, and what.
    pub fn of(when: &str, what: &str) -> Result<Self, PlannedEventError> {
        let (at, until) = match when.split_once("..") {
            Some((at, until)) => (instant(at)?, Some(instant(until)?)),
            None => (instant(when)?, None),
        };
        if until.is_some_and(|until| until <= at) {
            return Err(PlannedEventError::Backwards(when.to_owned()));
        }
        let deed: Deed = what.parse()?;
        let (verb, when) = (deed.verb().to_owned(), when.to_owned());
        let may_last = deed.lasts() || matches!(deed, Deed::Stop(_));
        match until {
            None if deed.lasts() => Err(PlannedEventError::NoEnd { verb, when }),
            Some(_) if !may_last => Err(PlannedEventError::NeedlessEnd { verb, when }),
            _ => Ok(Self { at, until, deed }),
        }
    }
}

impl fmt::Display for PlannedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.when(), self.deed)
    }
}

fn instant(text: &str) -> Result<Nanos, PlannedEventError> {
    let parsed = humantime::parse_duration(text.trim());
    let span = parsed.map_err(|reason| PlannedEventError::When {
        text: text.to_owned(),
        reason: reason.to_string(),
    })?;
    Ok(span.into())
}

impl FromStr for PlannedEvent {
    type Err = PlannedEventError;

    fn from_str(text: &str) -> Result<Self, PlannedEventError> {
        let text = text.trim();
        let parts = text.split_once(char::is_whitespace);
        let (when, what) = parts.ok_or_else(|| PlannedEventError::Shape(text.to_owned()))?;
        Self::of(when, what)
    }
}

impl FromStr for Deed {
    type Err = PlannedEventError;

    fn from_str(text: &str) -> Result<Self, PlannedEventError> {
        let text = text.trim();
        let parts = text.split_once(char::is_whitespace);
        let (verb, rest) = parts.map_or((text, ""), |(verb, rest)| (verb, rest.trim()));
        let on = || whom(rest);
        Ok(match verb {
            "kill" if rest == "proxy" => Self::KillProxy,
            "kill" => Self::Kill(on()?),
            "stop" => Self::Stop(on()?),
            "start" => Self::Start(on()?),
            "pause" => Self::Pause(on()?),
            "throttle" => throttle(rest)?,
            "disconnect" => Self::Disconnect(on()?),
            "scale" => scale(rest)?,
            "rolling-restart" => Self::RollingRestart {
                group: group(rest)?,
            },
            "reload" if rest == "proxy" => Self::ReloadProxy,
            "reload" => return Err(PlannedEventError::Whom(rest.to_owned())),
            "exec" if rest.is_empty() => {
                return Err(PlannedEventError::Value {
                    verb: verb.to_owned(),
                    reason: "a command",
                });
            }
            "exec" => Self::Exec(unquoted(rest).to_owned()),
            _ => return Err(PlannedEventError::Verb(verb.to_owned())),
        })
    }
}

/// A command may stand in quotes of its own, as `exec "kubectl rollout restart deploy/a"`.
fn unquoted(text: &str) -> &str {
    let inner = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    inner.filter(|inner| !inner.contains('"')).unwrap_or(text)
}

fn group(text: &str) -> Result<String, PlannedEventError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    if text.is_empty() || text.len() > 255 || !text.bytes().all(plain) || text == "proxy" {
        return Err(PlannedEventError::Whom(text.to_owned()));
    }
    Ok(text.to_owned())
}

fn whom(text: &str) -> Result<Whom, PlannedEventError> {
    let no_replica = || PlannedEventError::Whom(text.to_owned());
    match text.split_once('/') {
        None => Ok(Whom {
            group: group(text).map_err(|_| no_replica())?,
            number: None,
        }),
        Some((name, number)) => {
            let number = number.parse().ok().filter(|number| *number > 0);
            Ok(Whom {
                group: group(name).map_err(|_| no_replica())?,
                number: Some(number.ok_or_else(no_replica)?),
            })
        }
    }
}

fn throttle(text: &str) -> Result<Deed, PlannedEventError> {
    let reason = "the CPUs that are left, from 0.01 to 64, as app-group-1/2=0.1";
    let verb = "throttle".to_owned();
    let parts = text.split_once('=');
    let cpus = parts.and_then(|(of, cpus)| Some((of, cpus.parse::<f64>().ok()?)));
    match cpus {
        Some((of, cpus)) if CPUS.contains(&cpus) => Ok(Deed::Throttle(whom(of)?, cpus)),
        _ => Err(PlannedEventError::Value { verb, reason }),
    }
}

fn scale(text: &str) -> Result<Deed, PlannedEventError> {
    let reason = "how many replicas there shall be, from 1 to 64, as app-group-1=3";
    let verb = "scale".to_owned();
    let parts = text.split_once('=');
    let replicas = parts.and_then(|(of, number)| Some((of, number.parse::<u32>().ok()?)));
    match replicas {
        Some((of, replicas)) if (1..=MOST_REPLICAS).contains(&replicas) => Ok(Deed::Scale {
            group: group(of)?,
            replicas,
        }),
        _ => Err(PlannedEventError::Value { verb, reason }),
    }
}

impl TryFrom<String> for PlannedEvent {
    type Error = PlannedEventError;

    fn try_from(text: String) -> Result<Self, PlannedEventError> {
        text.parse()
    }
}

impl From<PlannedEvent> for String {
    fn from(event: PlannedEvent) -> Self {
        event.to_string()
    }
}

impl TryFrom<String> for Deed {
    type Error = PlannedEventError;

    fn try_from(text: String) -> Result<Self, PlannedEventError> {
        text.parse()
    }
}

impl From<Deed> for String {
    fn from(deed: Deed) -> Self {
        deed.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_reads_back_as_it_is_written() {
        for text in [
            "15s kill app-group-1/2",
            "500ms kill proxy",
            "1s stop a/1",
            "1s..2s stop a/1",
            "1m5s start a",
            "10s..12s pause app-group-1/1",
            "10s..12s throttle a/1=0.1",
            "10s..12s disconnect a",
            "20s scale app-group-1=3",
            "20s rolling-restart app-group-1",
            "20s reload proxy",
            "5s exec kubectl rollout restart deploy/a",
        ] {
            let event: PlannedEvent = text.parse().expect(text);
            assert_eq!(event.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_event_is_refused_with_its_reason() {
        for (text, part) in [
            ("kill", "not WHEN VERB WHOM"),
            ("soon kill a/1", "`soon` is no time"),
            ("5s..2s pause a/1", "ends before it begins"),
            ("5s..5s pause a/1", "ends before it begins"),
            ("5s explode a/1", "`explode` is no verb"),
            ("5s kill", "`` is no replica"),
            ("5s kill a/0", "`a/0` is no replica"),
            ("5s kill a/two", "`a/two` is no replica"),
            ("5s kill a b", "`a b` is no replica"),
            ("5s pause a/1", "`pause` lasts"),
            ("5s..6s kill a/1", "`kill` does not last"),
            ("5s..6s throttle a/1", "`throttle` needs a value"),
            ("5s..6s throttle a/1=0", "`throttle` needs a value"),
            ("5s scale a=0", "`scale` needs a value"),
            ("5s scale a/2", "`scale` needs a value"),
            ("5s scale a=65", "`scale` needs a value"),
            ("5s reload a", "`a` is no replica"),
            ("5s exec", "`exec` needs a value"),
        ] {
            let error = text.parse::<PlannedEvent>().expect_err(text);
            assert!(error.to_string().contains(part), "{text}: {error}");
            assert!(!error.hint().is_empty());
        }
    }

    #[test]
    fn events_meet_where_they_may_be_about_the_same_replica() {
        let deed = |text: &str| text.parse::<Deed>().expect(text);
        let meet = |one, other| deed(one).meets(&deed(other));
        assert!(meet("kill a/1", "pause a/1"));
        assert!(meet("kill a/1", "kill a"));
        assert!(meet("kill a/1", "rolling-restart a"));
        assert!(meet("kill proxy", "reload proxy"));
        assert!(!meet("kill a/1", "kill a/2"));
        assert!(!meet("kill a/1", "kill b/1"));
        assert!(!meet("exec date", "exec date"));
    }

    #[test]
    fn a_replica_is_drawn_only_where_none_was_named() {
        let drawn = |text: &str| text.parse::<Deed>().expect(text).about(2).whom();
        assert_eq!(drawn("kill a"), "a/2");
        assert_eq!(drawn("kill a/1"), "a/1");
        assert_eq!(drawn("scale a=3"), "a=3");
    }
}
