//! A window as it is stored: in the spool while a run goes on, and in its record. Nothing is lost on
//! the way there and back.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::evidence::bounded;
use super::{Quantiles, RequestRecord};
use crate::model::{ErrorClass, Nanos, Reason, ReplicaId};
use crate::recorder::{
    Connections, Counts, Distinct, Histogram, Phase, ReplicaTally, Tally, Window,
};

/// No run is longer, drained and all, in seconds.
const MOST_SECONDS: u64 = 1_000_000;

/// One second of one group, or several where a run is too long to keep each.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IntervalRecord {
    /// Seconds since the measured part began.
    pub second: u64,
    /// Its beginning, in nanoseconds from that of the measured part; negative before it.
    #[serde(default)]
    pub start: i64,
    /// How long it is, in nanoseconds; 0 in old records, whose windows are a second.
    #[serde(default)]
    pub length: u64,
    /// Whether its requests are the warm-up's. A record has no such windows, a spool does.
    #[serde(default, skip_serializing_if = "is_measured")]
    #[schemars(skip)]
    pub phase: Phase,
    /// The group, by its name.
    pub host: String,
    /// Planned, sent and the rest, by their own instants.
    pub planned: u64,
    /// Sent in this second.
    pub sent: u64,
    /// Given up in this second.
    pub dropped: u64,
    /// Finished with success in this second.
    pub succeeded: u64,
    /// Finished without in this second.
    pub failed: u64,
    /// Response time of the requests finished in this second.
    pub response_time: Quantiles,
    /// Their service time.
    pub service_time: Quantiles,
    /// Their send lag.
    pub send_lag: Quantiles,
    /// The generator's part of it, due to released; absent in old records.
    #[serde(default)]
    pub release_lag: Quantiles,
    /// The wait for a connection, released to sent; absent in old records.
    #[serde(default)]
    pub connection_wait: Quantiles,
    /// Answers by status.
    pub status: BTreeMap<String, u64>,
    /// Failures without an answer, by class.
    pub errors: BTreeMap<String, u64>,
    /// The first failure of each class, in words.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub error_reasons: BTreeMap<String, Reason>,
    /// The replicas that answered in this second.
    pub replicas: Vec<IntervalReplica>,
    /// The same by request name, where the group has several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requests_by_name: Vec<RequestRecord>,
    /// Connections made in this second.
    #[serde(default)]
    pub connections_opened: u64,
    /// What became of connections in this second.
    #[serde(default)]
    pub connections: Connections,
    /// Answers that name no replica, by status.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unnamed: BTreeMap<String, u64>,
    /// Of these, the ones for which the proxy names an upstream server.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unnamed_upstream: BTreeMap<String, u64>,
    /// Answers for which the proxy says it tried more than one upstream server.
    #[serde(default)]
    pub retried: u64,
    /// Tries beyond the first, summed over those answers.
    #[serde(default)]
    pub extra_tries: u64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the form that serde calls"
)]
fn is_measured(phase: &Phase) -> bool {
    *phase == Phase::Measured
}

/// One replica in one second.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IntervalReplica {
    /// The name it gives in its answers.
    pub id: String,
    /// Answers that name it.
    pub requests: u64,
    /// Answers with neither 2xx nor 3xx.
    #[serde(default)]
    pub failed: u64,
    /// Response time of its answers.
    pub response_time: Quantiles,
}

impl IntervalRecord {
    /// A window of the group of this name.
    #[must_use]
    pub fn of(window: &Window, name: &str) -> Self {
        let Tally {
            counts,
            response,
            service,
            lag,
            release_lag,
            connection_wait,
            replicas,
            reasons,
            requests,
            beyond: _,
        } = &window.tally;
        let replicas = replicas.iter().map(|(id, replica)| IntervalReplica {
            id: id.0.clone(),
            requests: replica.requests,
            failed: replica.failed,
            response_time: Quantiles::of(&replica.response),
        });
        Self {
            second: window.second(),
            start: window.start,
            length: window.length.0,
            phase: window.phase,
            host: name.to_owned(),
            planned: counts.planned,
            sent: counts.sent,
            dropped: counts.dropped,
            succeeded: counts.succeeded,
            failed: counts.failed,
            response_time: Quantiles::of(response),
            service_time: Quantiles::of(service),
            send_lag: Quantiles::of(lag),
            release_lag: Quantiles::of(release_lag),
            connection_wait: Quantiles::of(connection_wait),
            status: statuses(&counts.status),
            errors: errors(counts),
            error_reasons: error_reasons(reasons),
            replicas: replicas.collect(),
            requests_by_name: requests
                .iter()
                .map(|(name, tally)| RequestRecord::of(name, tally))
                .collect(),
            connections_opened: counts.connections.opened,
            connections: counts.connections,
            unnamed: statuses(&counts.unnamed),
            unnamed_upstream: statuses(&counts.unnamed_upstream),
            retried: counts.retried,
            extra_tries: counts.extra_tries,
        }
    }

    /// How many seconds it is of.
    #[must_use]
    pub const fn seconds(&self) -> u64 {
        let seconds = self.length / Nanos::SECOND.0;
        if seconds > 1 { seconds } else { 1 }
    }

    /// Whether its instants are such as a run has: sums of them do not overflow.
    pub(super) const fn is_of_a_run(&self) -> bool {
        let most = MOST_SECONDS * Nanos::SECOND.0;
        self.second <= MOST_SECONDS && self.start.unsigned_abs() <= most && self.length <= most
    }

    /// About how many bytes of memory it takes.
    #[must_use]
    pub fn weight(&self) -> u64 {
        let own = [
            &self.response_time,
            &self.service_time,
            &self.send_lag,
            &self.release_lag,
            &self.connection_wait,
        ];
        let replicas = self.replicas.iter().map(|replica| {
            let named = size_of::<IntervalReplica>() + replica.id.len();
            named + replica.response_time.hdr.len()
        });
        let requests = self.requests_by_name.iter().map(|request| {
            let times = request.response_time.hdr.len() + request.service_time.hdr.len();
            size_of::<RequestRecord>() + request.name.len() + times
        });
        let own: usize = own.iter().map(|times| times.hdr.len()).sum();
        let named: usize = replicas.chain(requests).sum();
        (size_of::<Self>() + own + named) as u64
    }

    /// Reads a window as it was stored; `None` where it is cut short, or no window.
    #[must_use]
    pub fn from_json(bytes: &[u8]) -> Option<Self> {
        bounded(bytes)
    }

    /// The window of the group that has this place in the plan.
    #[must_use]
    pub fn window(&self, group: usize) -> Window {
        let (start, length) = match self.length {
            0 => ((self.second * Nanos::SECOND.0).cast_signed(), Nanos::SECOND),
            length => (self.start, Nanos(length)),
        };
        Window {
            group,
            phase: self.phase,
            start,
            length,
            tally: self.tally(),
        }
    }

    /// What the window counted.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let opened = Connections {
            opened: self.connections_opened,
            ..self.connections
        };
        Counts {
            planned: self.planned,
            sent: self.sent,
            dropped: self.dropped,
            succeeded: self.succeeded,
            failed: self.failed,
            status: known(&self.status, |status| status.parse().ok()),
            errors: known(&self.errors, ErrorClass::of),
            unnamed: known(&self.unnamed, |status| status.parse().ok()),
            unnamed_upstream: known(&self.unnamed_upstream, |status| status.parse().ok()),
            retried: self.retried,
            extra_tries: self.extra_tries,
            connections: opened,
        }
    }

    /// What the window held, as far as the record has it. A histogram that cannot be read is empty.
    #[must_use]
    pub fn tally(&self) -> Tally {
        let replica = |replica: &IntervalReplica| {
            let tally = ReplicaTally {
                requests: replica.requests,
                failed: replica.failed,
                response: histogram(&replica.response_time),
            };
            (ReplicaId(replica.id.clone()), tally)
        };
        Tally {
            counts: self.counts(),
            response: histogram(&self.response_time),
            service: histogram(&self.service_time),
            lag: histogram(&self.send_lag),
            release_lag: histogram(&self.release_lag),
            connection_wait: histogram(&self.connection_wait),
            replicas: self.replicas.iter().map(replica).collect(),
            reasons: known(&self.error_reasons, ErrorClass::of),
            beyond: Distinct::default(),
            requests: (self.requests_by_name.iter())
                .map(|request| (request.name.clone(), request.tally()))
                .collect(),
        }
    }
}

pub(super) fn histogram(quantiles: &Quantiles) -> Histogram {
    quantiles.histogram().unwrap_or_default()
}

/// The counts whose names have a meaning.
pub(super) fn known<K: Ord, V: Clone>(
    counts: &BTreeMap<String, V>,
    key: impl Fn(&str) -> Option<K>,
) -> BTreeMap<K, V> {
    let known = counts.iter();
    known
        .filter_map(|(name, count)| Some((key(name)?, count.clone())))
        .collect()
}

/// Answers by status, as the record has them.
pub(super) fn statuses(counts: &BTreeMap<u16, u64>) -> BTreeMap<String, u64> {
    let statuses = counts.iter();
    statuses
        .map(|(status, count)| (status.to_string(), *count))
        .collect()
}

/// Failures by class, as the record has them.
pub(super) fn errors(counts: &Counts) -> BTreeMap<String, u64> {
    let named = |(class, count): (&ErrorClass, &u64)| (class.name().to_owned(), *count);
    counts.errors.iter().map(named).collect()
}

/// The first failure of each class, as the record has them.
pub(super) fn error_reasons(reasons: &BTreeMap<ErrorClass, Reason>) -> BTreeMap<String, Reason> {
    let named = |(class, reason): (&ErrorClass, &Reason)| (class.name().to_owned(), reason.clone());
    reasons.iter().map(named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Cause;
    use crate::model::{Outcome, Sample};
    use crate::recorder::{Names, Recording, TallyPool};
    use proptest::prelude::*;

    #[test]
    fn a_cause_of_another_version_is_one_that_is_not_known() {
        let text = r#"{"at":1,"cause":"of-the-future","text":"why"}"#;
        let read: Reason = serde_json::from_str(text).expect("a reason");
        assert_eq!((read.cause, read.text.as_str()), (Cause::Unknown, "why"));
    }

    /// One request in one of a few windows, by one of many replicas.
    fn requests() -> impl Strategy<Value = Vec<(usize, bool, i64, Sample, u16)>> {
        let outcome = prop_oneof![
            (200_u16..600).prop_map(|status| Outcome::Answered { status }),
            (0..ErrorClass::ALL.len()).prop_map(|n| Outcome::Failed(ErrorClass::ALL[n])),
        ];
        let sample = (
            0..1_000_000_u64,
            0..9_000_000_u64,
            0..200_000_000_000_u64,
            outcome,
            1..4_u16,
        );
        let sample = sample.prop_map(|(due, lag, service, outcome, tries)| Sample {
            released: Nanos(due + lag / 3),
            due: Nanos(due),
            sent: Nanos(due + lag),
            done: Nanos(due + lag + service),
            outcome,
            tries,
        });
        prop::collection::vec(
            (0..2_usize, any::<bool>(), -2..4_i64, sample, 0..300_u16),
            1..60,
        )
    }

    /// The windows that one recorder would have made of some requests, as they are stored.
    fn stored(requests: &[(usize, bool, i64, Sample, u16)]) -> Vec<String> {
        let mut windows: BTreeMap<(i64, usize, Phase), Window> = BTreeMap::new();
        for (group, warmup, start, sample, name) in requests {
            let phase = if *warmup {
                Phase::WarmUp
            } else {
                Phase::Measured
            };
            let start = start * Nanos::SECOND.0.cast_signed();
            let window = windows
                .entry((start, *group, phase))
                .or_insert_with(|| Window {
                    group: *group,
                    phase,
                    start,
                    length: Nanos::SECOND,
                    tally: Tally::default(),
                });
            let counts = &mut window.tally.counts;
            (counts.planned, counts.sent) = (counts.planned + 1, counts.sent + 1);
            let mut replica = ReplicaTally::default();
            let is_named = name % 7 > 0;
            window
                .tally
                .finish(sample, is_named.then_some(&mut replica));
            if is_named {
                let id = ReplicaId(format!("replica-{name:03}"));
                let mut one = Tally::default();
                one.replicas.insert(id, replica);
                window.tally.add(&one);
            }
        }
        let name = |group: usize| format!("g{group}");
        let line = |window: &Window| {
            let interval = IntervalRecord::of(window, &name(window.group));
            serde_json::to_string(&interval).expect("JSON")
        };
        windows.values().map(line).collect()
    }

    /// Everything that windows fold into, read from how they are stored.
    fn folded<'a>(lines: impl Iterator<Item = &'a String>) -> Recording {
        let mut pool = TallyPool::default();
        let mut recording = Recording::of(["g0".to_owned(), "g1".to_owned()], &mut pool);
        for line in lines {
            let interval: IntervalRecord = serde_json::from_str(line).expect("an interval");
            let group = usize::from(interval.host == "g1");
            recording.add(&interval.window(group), &mut pool);
        }
        recording.timeline.clear();
        recording
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn windows_fold_into_the_same_whole_however_they_were_split_and_stored(
            requests in requests(), parts in 1_usize..5, turn in 0_usize..60,
        ) {
            let whole = folded(stored(&requests).iter());
            let part = |n: usize| -> Vec<_> {
                requests.iter().skip(n).step_by(parts).copied().collect()
            };
            let mut lines: Vec<String> = (0..parts).flat_map(|n| stored(&part(n))).collect();
            let turn = turn % lines.len();
            lines.rotate_left(turn);
            prop_assert!(folded(lines.iter()) == whole);
            prop_assert!(folded(lines.iter().rev()) == whole);
            let counted: u64 = whole.groups.iter()
                .flat_map(|group| [&group.warmup, &group.measured])
                .map(|tally| tally.response.count())
                .sum();
            prop_assert_eq!(counted, requests.len() as u64);
        }
    }

    /// A tally of one answer each by the replicas with these numbers.
    fn answered_by(numbers: impl Iterator<Item = u32>) -> Tally {
        let mut sum = Tally::default();
        for number in numbers {
            let replica = ReplicaTally {
                requests: 1,
                failed: u64::from(number % 3 == 0),
                ..ReplicaTally::default()
            };
            let mut one = Tally::default();
            one.replicas
                .insert(ReplicaId(format!("r{number:04}")), replica);
            sum.add(&one);
        }
        sum
    }

    #[test]
    fn three_hundred_names_fold_the_same_in_any_order() {
        let straight = answered_by(0..300);
        let backwards = answered_by((0..300).rev());
        let mut halves = answered_by((0..300).filter(|n| n % 2 == 1));
        halves.add(&answered_by((0..300).filter(|n| n % 2 == 0)));
        assert!(straight == backwards && straight == halves);
        assert_eq!(straight.replicas.len(), Names::MOST);
        let counted: u64 = straight.replicas.values().map(|one| one.requests).sum();
        assert_eq!(counted, 300);
        assert_eq!(
            straight.replicas[&ReplicaId(Names::OTHERS.into())].requests,
            45
        );
    }

    #[test]
    fn an_interval_of_an_old_record_is_a_second_of_the_measured_part() {
        let old = r#"{"second":3,"host":"a","planned":1,"sent":1,"dropped":0,"succeeded":1,"failed":0,
            "response_time":{"count":0,"min":0,"mean":0,"p50":0,"p90":0,"p95":0,"p99":0,"p99_9":0,
            "p99_99":0,"max":0,"hdr":""},"service_time":{"count":0,"min":0,"mean":0,"p50":0,"p90":0,
            "p95":0,"p99":0,"p99_9":0,"p99_99":0,"max":0,"hdr":""},"send_lag":{"count":0,"min":0,
            "mean":0,"p50":0,"p90":0,"p95":0,"p99":0,"p99_9":0,"p99_99":0,"max":0,"hdr":""},
            "status":{"200":1},"errors":{},"replicas":[],"connections_opened":2}"#;
        let interval: IntervalRecord = serde_json::from_str(old).expect("an interval");
        let window = interval.window(0);
        assert_eq!(
            (window.start, window.length),
            (3_000_000_000, Nanos::SECOND)
        );
        assert_eq!(window.phase, Phase::Measured);
        assert_eq!(window.tally.counts.connections.opened, 2);
    }
}
