//! What a measured rate says: whether the objectives held, and which part of the system was the
//! limit where they did not, as far as the run's own figures show it.

use super::{Answer, Bottleneck, Purpose, Step, StepRecord};
use crate::record::{Code, Finding, GroupRecord, Record, Severity};

/// Findings that make a run invalid because of the system, or that leave its latencies and errors as
/// they are.
const NOT_THE_GENERATOR: [Code; 4] = [
    Code::DroppedArrivals,
    Code::RateNotReached,
    Code::UnreadableCounter,
    Code::CounterReset,
];
/// Findings that break a rate also where no objective is about them.
const BREAKING: [Code; 5] = [
    Code::DroppedArrivals,
    Code::RateNotReached,
    Code::ThresholdFailed,
    Code::NoAnswers,
    Code::EndedReplica,
];
/// The part of the time, or of the failures, that names a bottleneck.
const MOST_OF_IT: f64 = 0.8;

/// What a run at a rate says of that rate, and the finding that it rests on where it does not hold.
#[must_use]
pub fn answer(record: &Record) -> (Answer, Option<&Finding>) {
    let first = |wanted: &dyn Fn(&&Finding) -> bool| record.findings.iter().find(wanted);
    let generator = first(&|finding| {
        finding.severity == Severity::Invalid && !NOT_THE_GENERATOR.contains(&finding.code)
    });
    if generator.is_some() {
        return (Answer::Generator, generator);
    }
    let broken = first(&|finding| {
        BREAKING.contains(&finding.code)
            || (finding.code == Code::Errors && finding.severity >= Severity::Failure)
    });
    match broken {
        Some(_) => (Answer::Breaks, broken),
        None => (Answer::Holds, None),
    }
}

impl StepRecord {
    /// What is told of a measured step; `run` is where it is stored, relative to the experiment.
    #[must_use]
    pub fn of(step: Step, record: &Record, run: String) -> Self {
        let (answer, finding) = answer(record);
        let worst =
            |value: fn(&GroupRecord) -> f64| record.groups.iter().map(value).fold(0.0, f64::max);
        let completed = record.groups.iter().map(|group| group.rate.completed);
        Self {
            rate: step.rate,
            purpose: step.purpose,
            run,
            holds: match answer {
                Answer::Holds => Some(true),
                Answer::Breaks => Some(false),
                Answer::Generator => None,
            },
            verdict: record.verdict.status,
            reason: finding.map(|finding| finding.message.clone()),
            completed: completed.reduce(f64::min).unwrap_or_default(),
            p50: worst(|group| group.response_time.p50 as f64) as u64,
            p99: worst(|group| group.response_time.p99 as f64) as u64,
            error_rate: worst(error_rate),
        }
    }

    /// What it told the controller.
    #[must_use]
    pub const fn answer(&self) -> Answer {
        match self.holds {
            Some(true) => Answer::Holds,
            Some(false) => Answer::Breaks,
            None => Answer::Generator,
        }
    }
}

fn error_rate(group: &GroupRecord) -> f64 {
    group.requests.failed as f64 / group.requests.sent.max(1) as f64
}

/// The part that a run shows to be the limit: where most of the failures were made, or else where
/// most of the time went. `None` where neither can be told, or where the two contradict.
#[must_use]
pub fn bottleneck(record: &Record) -> Option<Bottleneck> {
    let parts: Vec<_> = record.groups.iter().filter_map(of_group).collect();
    let first = parts.first()?;
    let same = parts.iter().all(|part| part.part == first.part);
    (same && parts.len() == record.groups.len()).then(|| first.clone())
}

fn of_group(group: &GroupRecord) -> Option<Bottleneck> {
    if error_rate(group) > 0.01 {
        return by_failures(group);
    }
    by_time(group)
}

/// Failed answers that no replica counted, beside those that one did.
fn by_failures(group: &GroupRecord) -> Option<Bottleneck> {
    let answered =
        |class: &&crate::record::ClassCount| class.class == "5xx" || class.class == "4xx";
    let classes = || group.crosscheck.by_class.iter().filter(answered);
    let client: u64 = classes().map(|class| class.client).sum();
    let replicas: u64 = classes().map(|class| class.replicas).sum();
    if client == 0 {
        return None;
    }
    let by_replicas = replicas.min(client) as f64 / client as f64;
    let part = match by_replicas {
        share if share >= MOST_OF_IT => "replicas",
        share if share <= 1.0 - MOST_OF_IT => "proxy",
        _ => return None,
    };
    Some(Bottleneck {
        part: part.to_owned(),
        evidence: format!(
            "{client} answers were errors, and the replicas counted {replicas} such answers"
        ),
    })
}

/// The mean time within the replica, as part of the mean response time.
fn by_time(group: &GroupRecord) -> Option<Bottleneck> {
    let time = group.server_time.as_ref()?;
    let between = u64::try_from(time.network_and_proxy_mean).ok()?;
    let served = time.replica_mean + between;
    let response = group.response_time.mean;
    let share = |part: u64| part as f64 / response.max(1) as f64;
    // A wait before a request was sent is nobody's but its own.
    if served == 0 || share(served) < MOST_OF_IT {
        return None;
    }
    let part = match time.replica_mean as f64 / served as f64 {
        share if share >= MOST_OF_IT => "replicas",
        share if share <= 1.0 - MOST_OF_IT => "proxy",
        _ => return None,
    };
    let ms = |nanos: u64| format!("{:.2} ms", nanos as f64 / 1e6);
    Some(Bottleneck {
        part: part.to_owned(),
        evidence: format!(
            "of {} in the mean a request spent {} within the replica and {} between it and the client",
            ms(response),
            ms(time.replica_mean),
            ms(between)
        ),
    })
}

impl Purpose {
    /// What a step is measured for.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Explore => "to find a rate that breaks",
            Self::Bisect => "between what held and what broke",
            Self::Confirm => "once more and longer: it has to hold",
            Self::Refute => "once more and longer: it has to break",
            Self::Sweep => "as asked for",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic::ten_minutes_scene;

    fn record() -> Record {
        let mut record = ten_minutes_scene().record();
        record.findings.clear();
        record
    }

    fn with(code: Code, severity: Severity) -> Record {
        let mut record = record();
        let mut finding = Finding::new(code, "as seen");
        finding.severity = severity;
        record.findings.push(finding);
        record
    }

    #[test]
    fn what_the_generator_could_not_do_is_nothing_about_the_system() {
        assert_eq!(answer(&record()).0, Answer::Holds);
        for (code, severity, expected) in [
            (Code::GeneratorLag, Severity::Invalid, Answer::Generator),
            (Code::MachineStalls, Severity::Invalid, Answer::Generator),
            (Code::MachineStalls, Severity::Info, Answer::Holds),
            (Code::DroppedArrivals, Severity::Invalid, Answer::Breaks),
            (Code::RateNotReached, Severity::Invalid, Answer::Breaks),
            (Code::ThresholdFailed, Severity::Failure, Answer::Breaks),
            (Code::Errors, Severity::Failure, Answer::Breaks),
            (Code::Errors, Severity::Warning, Answer::Holds),
            (Code::UnevenBalance, Severity::Failure, Answer::Holds),
        ] {
            let record = with(code.clone(), severity);
            assert_eq!(answer(&record).0, expected, "{code} as {severity:?}");
        }
        let mut both = with(Code::DroppedArrivals, Severity::Invalid);
        both.findings.push(Finding::new(Code::GeneratorLag, "late"));
        assert_eq!(answer(&both).0, Answer::Generator);
    }

    #[test]
    fn a_bottleneck_is_named_by_most_of_the_time_and_not_otherwise() {
        let time = |replica_mean: u64, between: i64| {
            let mut record = record();
            record.groups.truncate(1);
            let group = &mut record.groups[0];
            group.requests.failed = 0;
            group.response_time.mean = replica_mean + between.max(0).unsigned_abs();
            group.server_time = Some(crate::record::ServerTime {
                metric: String::new(),
                count: 1,
                lag_mean: 0,
                network_and_proxy_mean: between,
                replica_mean,
                quantiles: Vec::new(),
            });
            bottleneck(&record).map(|found| found.part)
        };
        assert_eq!(time(95_000_000, 5_000_000).as_deref(), Some("replicas"));
        assert_eq!(time(5_000_000, 95_000_000).as_deref(), Some("proxy"));
        assert_eq!(time(50_000_000, 50_000_000), None);
        assert_eq!(
            time(95_000_000, -5_000_000),
            None,
            "scopes that differ tell nothing"
        );
    }

    #[test]
    fn errors_that_no_replica_counted_are_the_proxys() {
        let mut record = record();
        record.groups.truncate(1);
        let group = &mut record.groups[0];
        (group.requests.failed, group.requests.sent) = (500, 1_000);
        group.crosscheck.by_class = vec![crate::record::ClassCount {
            class: "5xx".into(),
            client: 500,
            replicas: 0,
        }];
        let found = bottleneck(&record).expect("a part");
        assert_eq!(found.part, "proxy");
        assert!(found.evidence.contains("500 answers"), "{}", found.evidence);
        record.groups[0].crosscheck.by_class[0].replicas = 250;
        assert_eq!(bottleneck(&record), None);
    }
}
