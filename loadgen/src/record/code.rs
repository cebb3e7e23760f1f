//! What a finding may be: stable codes that scripts act on, each with its usual severity.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Severity;

/// Declares the codes: variant, name in the record, usual severity, and others it may have.
macro_rules! codes {
    ($($variant:ident = $name:literal, $usual:ident $(or $other:ident)*;)*) => {
        /// The kind of a finding. `docs/verdicts.md` says of each when it is raised and what to do.
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code {
            $(#[doc = $name] $variant,)*
            /// One that this version does not know, read from a record of another version.
            Other(String),
        }

        impl Code {
            /// Every code that this version raises, in order of name.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The name in the record, a kebab-case noun.
            #[must_use]
            pub fn name(&self) -> &str {
                match self {
                    $(Self::$variant => $name,)*
                    Self::Other(name) => name,
                }
            }

            /// What it may weigh, the usual severity first.
            #[must_use]
            pub const fn severities(&self) -> &'static [Severity] {
                match self {
                    $(Self::$variant => &[Severity::$usual $(, Severity::$other)*],)*
                    Self::Other(_) => &[Severity::Warning],
                }
            }
        }
    };
}

codes! {
    AddedReplica = "added-replica", Info;
    AppearedReplica = "appeared-replica", Warning;
    CachedAnswers = "cached-answers", Warning;
    CannotTell = "cannot-tell", Warning;
    ClockSkew = "clock-skew", Warning;
    CountMismatch = "count-mismatch", Failure or Warning;
    CounterReset = "counter-reset", Warning or Invalid;
    DescriptorsExhausted = "descriptors-exhausted", Invalid;
    DroppedArrivals = "dropped-arrivals", Invalid;
    EjectedReplica = "ejected-replica", Warning;
    EndedReplica = "ended-replica", Failure;
    Errors = "errors", Warning or Failure;
    EventFailed = "event-failed", Failure;
    EventUnrecovered = "event-unrecovered", Failure or Warning;
    FailingReplica = "failing-replica", Warning;
    FewConnections = "few-connections", Warning;
    ForeignTraffic = "foreign-traffic", Warning;
    GeneratorCpu = "generator-cpu", Invalid;
    GeneratorLag = "generator-lag", Invalid;
    HealthChecks = "health-checks", Info;
    ImpossibleLatency = "impossible-latency", Invalid;
    IncompleteRun = "incomplete-run", Invalid;
    Interrupted = "interrupted", Invalid;
    JumpingCounter = "jumping-counter", Warning;
    LostSeconds = "lost-seconds", Warning or Invalid;
    LostThread = "lost-thread", Invalid;
    LostWorker = "lost-worker", Invalid;
    MachineStalls = "machine-stalls", Info or Warning or Invalid;
    MaskedErrors = "masked-errors", Warning;
    NoAnswers = "no-answers", Failure;
    NoKeepAlive = "no-keep-alive", Warning;
    NoUpstreamKeepAlive = "no-upstream-keep-alive", Warning;
    NothingSent = "nothing-sent", Invalid;
    PinnedConnections = "pinned-connections", Info;
    PolicyMismatch = "policy-mismatch", Failure;
    PortsExhausted = "ports-exhausted", Invalid;
    QueuedArrivals = "queued-arrivals", Warning or Info;
    RateNotReached = "rate-not-reached", Invalid;
    Redirected = "redirected", Warning or Failure;
    RestartedReplica = "restarted-replica", Warning;
    RetriedRequests = "retried-requests", Warning;
    SeveralAddresses = "several-addresses", Info;
    SeveralProcesses = "several-processes", Failure;
    ShareChanged = "share-changed", Warning;
    SlowClock = "slow-clock", Info;
    SlowReplica = "slow-replica", Warning;
    StarvedReplica = "starved-replica", Failure;
    StatusMismatch = "status-mismatch", Warning;
    ThresholdFailed = "threshold-failed", Failure;
    TooFewRequests = "too-few-requests", Info;
    TooManyNames = "too-many-names", Warning;
    TwinReplicas = "twin-replicas", Warning;
    UnansweredProbe = "unanswered-probe", Warning;
    UnevenBalance = "uneven-balance", Failure or Warning or Info;
    UnknownGroup = "unknown-group", Warning;
    UnreadableCounter = "unreadable-counter", Invalid;
    UnsettledCounters = "unsettled-counters", Warning;
    VanishedReplica = "vanished-replica", Failure or Warning;
    WantsCertificate = "wants-certificate", Warning;
    WantsHttps = "wants-https", Warning;
    WeightsMismatch = "weights-mismatch", Warning;
}

impl Code {
    /// What it usually weighs.
    #[must_use]
    pub const fn severity(&self) -> Severity {
        self.severities()[0]
    }

    /// The code of a name; an unknown name is kept.
    #[must_use]
    pub fn of(name: &str) -> Self {
        let mut known = Self::ALL.iter();
        let known = known.find(|code| code.name() == name).cloned();
        known.unwrap_or_else(|| Self::Other(name.to_owned()))
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl PartialEq<str> for Code {
    fn eq(&self, name: &str) -> bool {
        self.name() == name
    }
}

impl PartialEq<&str> for Code {
    fn eq(&self, name: &&str) -> bool {
        self.name() == *name
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Self::of(&String::deserialize(from)?))
    }
}

impl JsonSchema for Code {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Code".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        String::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_back_as_it_was_written_and_an_unknown_one_is_kept() {
        for code in Code::ALL
            .iter()
            .chain(&[Code::Other("from-the-future".into())])
        {
            let text = serde_json::to_string(code).expect("a string");
            assert_eq!(serde_json::from_str::<Code>(&text).expect("a code"), *code);
        }
        assert!(Code::ALL.is_sorted_by_key(Code::name));
    }
}
