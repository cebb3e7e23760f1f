//! What a measured rate says: whether the objectives held, and which part of the system was the
//! limit where they did not, as far as the run's own figures show it.

use super::{Answer, Bottleneck, Purpose, Step, StepRecord};
use crate::model::{CpuUse, Role};
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

/// The part that a run shows to be the limit: the one whose CPUs were busy; or else where most of the
/// failures were made, or where most of the time went. `None` where none of it can be told, or where
/// one contradicts another.
#[must_use]
pub fn bottleneck(record: &Record) -> Option<Bottleneck> {
    let by_cpu = match (busy(record, Role::Proxy), busy(record, Role::Replica)) {
        (Some(_), Some(_)) => return None,
        (proxy, replicas) => proxy.or(replicas),
    };
    let parts: Vec<_> = record.groups.iter().map(of_group).collect();
    let Some(by_cpu) = by_cpu else {
        let first = parts.first()?.as_ref()?;
        let same =
            |part: &Option<Bottleneck>| part.as_ref().is_some_and(|one| one.part == first.part);
        return parts.iter().all(same).then(|| first.clone());
    };
    // Whose CPUs are busy is not the limit where another part failed, or took the time.
    let shown = parts.into_iter().flatten().collect::<Vec<_>>();
    let agrees = |one: &Bottleneck| by_cpu.part.starts_with(&one.part);
    if !shown.iter().all(agrees) {
        return None;
    }
    let evidence = shown.into_iter().map(|one| one.evidence).next();
    let evidence = [Some(by_cpu.evidence), evidence];
    Some(Bottleneck {
        part: by_cpu.part,
        evidence: evidence
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join("; "),
    })
}

/// The proxy, or all the replicas, where their CPUs were busy for most of the time.
fn busy(record: &Record, role: Role) -> Option<Bottleneck> {
    let uses = record.stack.cpu.iter().filter(|one| one.role == role);
    let least = uses.min_by(|one, other| one.share().total_cmp(&other.share()))?;
    if least.share() < MOST_OF_IT {
        return None;
    }
    let CpuUse { name, cpus, of, .. } = least;
    let held = match least.workers {
        Some(1) => "its one worker can use".to_owned(),
        Some(workers) => format!("its {workers} workers can use"),
        None => "may use".to_owned(),
    };
    let (part, whose) = match role {
        Role::Proxy => ("proxy-cpu", String::new()),
        Role::Replica => (
            "replicas-cpu",
            "each replica's were as busy, or busier: ".to_owned(),
        ),
    };
    Some(Bottleneck {
        part: part.to_owned(),
        evidence: format!("{whose}{name} kept {cpus:.3} of {of:.3} CPUs busy, and {held} no more"),
    })
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
            Self::Narrow => "between what held and what broke, and longer: the answer stands",
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

    /// A record whose containers were so busy; one group, whose time was spent between the client and
    /// the replica as far as `between` says.
    fn with_cpu(between: u64, uses: &[(Role, f64)]) -> Record {
        let mut record = record();
        record.groups.truncate(1);
        let group = &mut record.groups[0];
        group.requests.failed = 0;
        group.response_time.mean = 100_000_000;
        group.server_time = Some(crate::record::ServerTime {
            metric: String::new(),
            count: 1,
            lag_mean: 0,
            network_and_proxy_mean: between.cast_signed(),
            replica_mean: 100_000_000 - between,
            quantiles: Vec::new(),
        });
        let uses = uses.iter().map(|(role, cpus)| CpuUse {
            role: *role,
            name: format!("{role} 1"),
            cpus: *cpus,
            of: 1.0,
            workers: (*role == Role::Proxy).then_some(1),
        });
        record.stack.cpu = uses.collect();
        record
    }

    #[test]
    fn busy_cpus_are_named_where_nothing_contradicts_them() {
        let part = |between, uses: &[_]| bottleneck(&with_cpu(between, uses)).map(|one| one.part);
        let (busy, calm) = (0.95, 0.30);
        let (mostly, half, hardly) = (90_000_000, 50_000_000, 10_000_000);
        let proxy_is_busy = [(Role::Proxy, busy), (Role::Replica, calm)];
        assert_eq!(part(mostly, &proxy_is_busy).as_deref(), Some("proxy-cpu"));
        assert_eq!(part(half, &proxy_is_busy).as_deref(), Some("proxy-cpu"));
        assert_eq!(
            part(hardly, &proxy_is_busy),
            None,
            "the time went elsewhere"
        );
        let replicas_are_busy = [
            (Role::Proxy, calm),
            (Role::Replica, busy),
            (Role::Replica, busy),
        ];
        assert_eq!(
            part(hardly, &replicas_are_busy).as_deref(),
            Some("replicas-cpu")
        );
        assert_eq!(part(mostly, &replicas_are_busy), None);
        let one_is_busy = [(Role::Replica, busy), (Role::Replica, calm)];
        assert_eq!(
            part(half, &one_is_busy),
            None,
            "the other one could do more"
        );
        let all_are_busy = [(Role::Proxy, busy), (Role::Replica, busy)];
        assert_eq!(part(half, &all_are_busy), None, "which of them was it?");
        assert_eq!(
            part(mostly, &[(Role::Proxy, calm)]).as_deref(),
            Some("proxy")
        );
        let told = bottleneck(&with_cpu(mostly, &proxy_is_busy)).expect("a part");
        let both = [
            "proxy 1 kept 0.950 of 1.000 CPUs busy, and its one worker can use no more",
            "90.00 ms between",
        ];
        assert!(
            both.iter().all(|words| told.evidence.contains(words)),
            "{}",
            told.evidence
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
