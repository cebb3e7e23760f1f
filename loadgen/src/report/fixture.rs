//! Synthetic records for tests: the same seed gives the same record, on every machine.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::{
    Environment, GroupRecord, IntervalRecord, IntervalReplica, Quantiles, Rates, Record,
    ReplicaInfo, ReplicaRecord, RequestCounts, RunInfo, SCHEMA_VERSION, StackInfo, ThreadInfo,
};
use crate::checks::{
    Balance, BalanceVerdict, BookVerdict, CrossCheck, Finding, Residual, Severity, Status,
    ThresholdResult, Verdict,
};
use crate::model::{Nanos, Rate, StackKind};
use crate::plan::{GroupPlan, Load, Pacing, Plan, Policy, ReplicaIdSource, Request, StackChoice};
use crate::recorder::{Connections, Histogram};
use crate::schedule::{Process, Profile, Schedule};

/// What a synthetic run looks like.
#[derive(Clone)]
pub(crate) struct Scene {
    pub(crate) host: &'static str,
    pub(crate) seconds: u64,
    pub(crate) rate: u64,
    pub(crate) replicas: Vec<&'static str>,
    /// Typical service time, in microseconds.
    pub(crate) base: f64,
    /// The replica, and from which second, that is ten times slower.
    pub(crate) slow: Option<(usize, u64)>,
    /// The replica, and the seconds, in which it gets nothing.
    pub(crate) starved: Option<(usize, std::ops::Range<u64>)>,
    /// The share of answers that are 500.
    pub(crate) failing: f64,
    /// Whether anything answers at all.
    pub(crate) answers: bool,
    /// Send lag, in microseconds.
    pub(crate) lag: f64,
    pub(crate) seed: u64,
}

impl Default for Scene {
    fn default() -> Self {
        Self {
            host: "app-group-1",
            seconds: 10,
            rate: 500,
            replicas: vec!["782bf3ef4322", "a90c11d7e85b"],
            base: 420.0,
            slow: None,
            starved: None,
            failing: 0.0,
            answers: true,
            lag: 34.0,
            seed: 1,
        }
    }
}

/// A quiet run: everything answered, even, equal books.
pub(crate) fn clean() -> Record {
    Scene::default().record()
}

/// A replica that is slow and one that starves, errors, a threshold failed, books with residuals.
pub(crate) fn failed() -> Record {
    let scene = Scene {
        replicas: vec!["782bf3ef4322", "a90c11d7e85b", "c3d0e5f60718"],
        slow: Some((1, 4)),
        starved: Some((2, 5..10)),
        failing: 0.02,
        ..Scene::default()
    };
    let mut record = scene.record();
    record.verdict = Verdict {
        status: Status::Fail,
        exit_code: 99,
    };
    record.findings = vec![
        finding(
            "starved-replica",
            Severity::Failure,
            "replica c3d0e5f60718 was running and got nothing from second 5 on",
            Some("check `max_fails` and the health check of that upstream server"),
        ),
        finding(
            "threshold-failed",
            Severity::Failure,
            "p99 was 8.91 ms, above the limit of 5 ms",
            None,
        ),
        finding(
            "retried-requests",
            Severity::Warning,
            "NGINX tried a second server for 14 requests",
            Some("see `proxy_next_upstream`"),
        ),
    ];
    record.thresholds = vec![
        threshold("p99>5ms", true, 8.91e6, 5e6, -0.782),
        threshold("error_rate>5%", false, 0.02, 0.05, 0.6),
        threshold("dropped>0", false, 0.0, 0.0, 0.0),
    ];
    let group = &mut record.groups[0];
    group.balance.verdict = BalanceVerdict::Uneven;
    group.balance.max_minus_min = 1_667;
    group.balance.identified = Some("least-conn".into());
    group.crosscheck.proxy = Some(5_000);
    group.crosscheck.replicas = Some(5_014);
    group.crosscheck.residuals = vec![Residual {
        name: "retried-requests".into(),
        count: 14,
        book: "replicas".into(),
        note: Some("answers whose X-Upstream names two servers".into()),
    }];
    record
}

/// A run whose generator could not keep up.
pub(crate) fn invalid() -> Record {
    let scene = Scene {
        lag: 9_000.0,
        ..Scene::default()
    };
    let mut record = scene.record();
    record.verdict = Verdict {
        status: Status::Invalid,
        exit_code: 4,
    };
    record.findings = vec![
        finding(
            "generator-lag",
            Severity::Invalid,
            "send lag at p99 was 26.1 ms, above its budget of 1 ms",
            Some("use fewer --connections, more --threads, or a machine with more cores"),
        ),
        finding(
            "count-mismatch",
            Severity::Failure,
            "the replicas counted 3 requests that nobody sent",
            None,
        ),
    ];
    record.threads = vec![
        ThreadInfo {
            cpu: 9_700_000_000,
            share: 0.97,
            busiest_second: 0.99,
        },
        ThreadInfo {
            cpu: 9_500_000_000,
            share: 0.95,
            busiest_second: 0.98,
        },
    ];
    let books = &mut record.groups[0].crosscheck;
    books.verdict = BookVerdict::Disagree;
    books.replicas = Some(books.client + 3);
    books.unnamed = 3;
    record
}

/// The shortest run people make.
pub(crate) fn one_second() -> Record {
    Scene {
        seconds: 1,
        rate: 100,
        ..Scene::default()
    }
    .record()
}

/// Nothing listens: every request failed to connect.
pub(crate) fn no_answers() -> Record {
    let mut record = Scene {
        answers: false,
        ..Scene::default()
    }
    .record();
    record.verdict = Verdict {
        status: Status::Fail,
        exit_code: 99,
    };
    record.findings = vec![finding(
        "all-failed",
        Severity::Failure,
        "none of 5000 requests was answered: connect",
        Some("is anything listening at http://127.0.0.1:8080?"),
    )];
    record
}

/// Names that would like to be markup or escape sequences.
pub(crate) fn hostile() -> Record {
    let mut record = Scene {
        host: "evil\"><img src=x onerror=alert(1)>",
        replicas: vec![
            "<script>alert(1)</script>",
            "\u{1b}[31mred\u{7}",
            "]]>&amp;'\"",
        ],
        ..Scene::default()
    }
    .record();
    record.findings = vec![finding(
        "<b>code</b>",
        Severity::Warning,
        "</script><script>alert(2)</script>",
        Some("`<i>` & \u{202e}gnirts"),
    )];
    record.run.command = ["loadgen", "--host", "a'b", "--header", "X: </pre><script>"]
        .map(str::to_owned)
        .to_vec();
    record.stack.target = "javascript:alert(1)".into();
    record
}

/// Ten minutes over four replicas, one of which has a bad minute.
pub(crate) fn ten_minutes() -> Record {
    Scene {
        seconds: 600,
        rate: 200,
        replicas: vec!["web-1", "web-2", "web-3", "web-4"],
        slow: Some((3, 400)),
        starved: Some((1, 200..230)),
        failing: 0.001,
        ..Scene::default()
    }
    .record()
}

/// Two groups side by side.
pub(crate) fn two_groups() -> Record {
    let mut record = clean();
    let other = Scene {
        host: "app-group-2",
        rate: 200,
        base: 2_500.0,
        seed: 2,
        ..Scene::default()
    }
    .record();
    record.groups.extend(other.groups);
    record.plan.groups.extend(other.plan.groups);
    record.stack.replicas.extend(other.stack.replicas);
    record.intervals.extend(other.intervals);
    record.intervals.sort_by_key(|interval| interval.second);
    record
}

/// Every record that is quick to make, by name.
pub(crate) fn short() -> Vec<(&'static str, Record)> {
    vec![
        ("clean", clean()),
        ("failed", failed()),
        ("invalid", invalid()),
        ("one-second", one_second()),
        ("no-answers", no_answers()),
        ("hostile", hostile()),
        ("two-groups", two_groups()),
    ]
}

fn finding(code: &str, severity: Severity, message: &str, hint: Option<&str>) -> Finding {
    Finding {
        code: code.into(),
        severity,
        group: Some("app-group-1".into()),
        replica: None,
        message: message.into(),
        hint: hint.map(str::to_owned),
    }
}

fn threshold(
    expression: &str,
    failed: bool,
    observed: f64,
    limit: f64,
    margin: f64,
) -> ThresholdResult {
    ThresholdResult {
        group: "app-group-1".into(),
        expression: expression.into(),
        failed,
        observed,
        limit,
        margin,
    }
}

/// One histogram per kind, for a second or for the whole.
#[derive(Default)]
struct Bag {
    response: Histogram,
    service: Histogram,
    lag: Histogram,
    replicas: BTreeMap<usize, (u64, u64, Histogram)>,
    status: BTreeMap<String, u64>,
    errors: BTreeMap<String, u64>,
    succeeded: u64,
    failed: u64,
}

impl Bag {
    fn add(&mut self, other: &Self) {
        self.response.add(&other.response);
        self.service.add(&other.service);
        self.lag.add(&other.lag);
        for (place, (requests, failed, histogram)) in &other.replicas {
            let ours = self.replicas.entry(*place).or_default();
            ours.0 += requests;
            ours.1 += failed;
            ours.2.add(histogram);
        }
        for (theirs, ours) in [
            (&other.status, &mut self.status),
            (&other.errors, &mut self.errors),
        ] {
            for (key, count) in theirs {
                *ours.entry(key.clone()).or_default() += count;
            }
        }
        self.succeeded += other.succeeded;
        self.failed += other.failed;
    }
}

impl Scene {
    /// The record of this scene.
    pub(crate) fn record(&self) -> Record {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let mut whole = Bag::default();
        let mut intervals = Vec::new();
        let mut turn = 0;
        for second in 0..self.seconds {
            let bag = self.second(second, &mut turn, &mut rng);
            whole.add(&bag);
            intervals.push(self.interval(second, &bag));
        }
        let planned = self.seconds * self.rate;
        let group = self.group(planned, &whole);
        Record {
            schema_version: SCHEMA_VERSION,
            run: RunInfo {
                id: format!("20260801T120000Z-{}", self.host),
                started_at: "2026-08-01T12:00:00Z".into(),
                duration_s: self.seconds as f64,
                warmup_s: 1.0,
                command: ["loadgen", "--host", self.host, "--rps", "500"]
                    .map(str::to_owned)
                    .to_vec(),
                loadgen_version: "0.1.0".into(),
                interrupted: false,
            },
            plan: self.plan(),
            environment: Environment {
                cpus: 2,
                kernel: "Linux 6.12.0".into(),
                clocksource: "tsc".into(),
                cpu_model: "Synthetic CPU @ 3.00 GHz".into(),
                memory_bytes: 8 << 30,
                open_files_limit: 1_048_576,
                ephemeral_ports: Some((32_768, 60_999)),
            },
            stack: self.stack(),
            verdict: Verdict {
                status: Status::Pass,
                exit_code: 0,
            },
            findings: Vec::new(),
            groups: vec![group],
            intervals,
            thresholds: Vec::new(),
            threads: vec![
                ThreadInfo {
                    cpu: self.seconds * 41_000_000,
                    share: 0.041,
                    busiest_second: 0.06,
                },
                ThreadInfo {
                    cpu: self.seconds * 38_000_000,
                    share: 0.038,
                    busiest_second: 0.05,
                },
            ],
        }
    }

    fn second(&self, second: u64, turn: &mut usize, rng: &mut ChaCha8Rng) -> Bag {
        let mut bag = Bag::default();
        for _ in 0..self.rate {
            let lag = self.lag * 1e3 * (0.6 + rng.random::<f64>() * rng.random::<f64>() * 2.0);
            if !self.answers {
                let refused = 90e3 + 40e3 * rng.random::<f64>();
                record_times(&mut bag, lag, refused);
                bag.failed += 1;
                *bag.errors.entry("connect".into()).or_default() += 1;
                continue;
            }
            let place = self.turn(second, turn);
            let slow = self
                .slow
                .is_some_and(|(which, from)| which == place && second >= from);
            let base = self.base * if slow { 10.0 } else { 1.0 };
            let noise = -(1.0 - rng.random::<f64>()).ln();
            let spike = if rng.random::<f64>() < 0.004 {
                6.0
            } else {
                1.0
            };
            let service = base * 1e3 * (0.8 + 0.25 * noise) * spike;
            record_times(&mut bag, lag, service);
            let ok = rng.random::<f64>() >= self.failing;
            let replica = bag.replicas.entry(place).or_default();
            replica.0 += 1;
            replica.1 += u64::from(!ok);
            replica.2.record(Nanos((lag + service) as u64));
            let status = if ok { "200" } else { "500" };
            *bag.status.entry(status.into()).or_default() += 1;
            *(if ok {
                &mut bag.succeeded
            } else {
                &mut bag.failed
            }) += 1;
        }
        bag
    }

    fn turn(&self, second: u64, turn: &mut usize) -> usize {
        loop {
            let place = *turn % self.replicas.len();
            *turn += 1;
            let starves = self.starved.as_ref();
            if !starves.is_some_and(|(which, when)| *which == place && when.contains(&second)) {
                return place;
            }
        }
    }

    fn interval(&self, second: u64, bag: &Bag) -> IntervalRecord {
        let replica = |(place, (requests, failed, histogram)): (&usize, &(u64, u64, Histogram))| {
            IntervalReplica {
                id: self.replicas[*place].into(),
                requests: *requests,
                failed: *failed,
                response_time: Quantiles::of(histogram),
            }
        };
        IntervalRecord {
            second,
            host: self.host.into(),
            planned: self.rate,
            sent: self.rate,
            dropped: 0,
            succeeded: bag.succeeded,
            failed: bag.failed,
            response_time: Quantiles::of(&bag.response),
            service_time: Quantiles::of(&bag.service),
            send_lag: Quantiles::of(&bag.lag),
            status: bag.status.clone(),
            errors: bag.errors.clone(),
            replicas: bag.replicas.iter().map(replica).collect(),
            connections_opened: if second == 0 { 4 } else { 0 },
        }
    }

    fn group(&self, planned: u64, whole: &Bag) -> GroupRecord {
        let tail = whole.response.quantile(0.99);
        let beyond = whole.response.count_above(tail).max(1) as f64;
        let named: u64 = whole.replicas.values().map(|replica| replica.0).sum();
        let replicas = self.replicas.iter().enumerate().map(|(place, id)| {
            let nothing = (0, 0, Histogram::new());
            let (requests, failed, histogram) = whole.replicas.get(&place).unwrap_or(&nothing);
            ReplicaRecord {
                id: (*id).into(),
                requests: *requests,
                share: *requests as f64 / named.max(1) as f64,
                expected_share: Some(1.0 / self.replicas.len() as f64),
                failed: *failed,
                tail_share: histogram.count_above(tail) as f64 / beyond,
                counted: Some(*requests),
                response_time: Quantiles::of(histogram),
            }
        });
        let per_second = (whole.succeeded + whole.failed) as f64 / self.seconds as f64;
        GroupRecord {
            host: self.host.into(),
            requests: RequestCounts {
                planned,
                sent: planned,
                dropped: 0,
                succeeded: whole.succeeded,
                failed: whole.failed,
                unfinished: 0,
            },
            rate: Rates {
                intended: self.rate as f64,
                sent: self.rate as f64,
                completed: per_second,
            },
            response_time: Quantiles::of(&whole.response),
            service_time: Quantiles::of(&whole.service),
            send_lag: Quantiles::of(&whole.lag),
            status: whole.status.clone(),
            errors: whole.errors.clone(),
            replicas: replicas.collect(),
            balance: Balance {
                policy: "round-robin".into(),
                verdict: if self.answers {
                    BalanceVerdict::Even
                } else {
                    BalanceVerdict::TooFew
                },
                source: "replicas".into(),
                max_minus_min: 0,
                bound: Some(1),
                allowances: BTreeMap::new(),
                identified: None,
                max_over_min: self.answers.then_some(1.0),
                coefficient_of_variation: 0.0,
                p_value: None,
            },
            crosscheck: CrossCheck {
                verdict: BookVerdict::Agree,
                client: planned,
                proxy: Some(planned),
                replicas: Some(planned),
                residuals: Vec::new(),
                excluded: vec![Residual {
                    name: "warm-up".into(),
                    count: self.rate as i64,
                    book: "replicas".into(),
                    note: None,
                }],
                unnamed: 0,
            },
            connections: Connections {
                opened: 4,
                refused: 0,
                closed_by_peer: 0,
            },
            warmup_requests: self.rate,
        }
    }

    fn plan(&self) -> Plan {
        Plan {
            groups: vec![GroupPlan {
                host: self.host.into(),
                load: Load::Open {
                    schedule: Schedule {
                        process: Process::Constant,
                        profile: Profile::Constant {
                            rate: Rate::new(self.rate as f64).expect("a rate"),
                        },
                        warmup: Nanos::SECOND,
                        duration: Nanos(self.seconds * Nanos::SECOND.0),
                        requests: None,
                    },
                },
            }],
            warmup: Duration::from_secs(1),
            duration: Duration::from_secs(self.seconds),
            connections: 64,
            threads: 2,
            pacing: Pacing::Timer,
            timeout: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(2),
            request: Request::new("GET", "/?example=test", &[], None).expect("a request"),
            replica_id: ReplicaIdSource::Body,
            stack: StackChoice::Auto,
            replicas: self.replicas.len() as u32,
            policy: Policy::RoundRobin {
                weights: Vec::new(),
            },
            counter: "http_requests_total{handler=\"/\"}".into(),
            thresholds: Vec::new(),
        }
    }

    fn stack(&self) -> StackInfo {
        let replica = |(place, id): (usize, &&str)| ReplicaInfo {
            group: self.host.into(),
            id: (*id).into(),
            metrics_url: format!("http://127.0.0.1:{}/metrics", 9_101 + place),
        };
        StackInfo {
            kind: StackKind::Embedded,
            why: "no Docker Engine answers, so the embedded stack was started".into(),
            proxy: "embedded round robin".into(),
            target: "http://127.0.0.1:8080".into(),
            replicas: self.replicas.iter().enumerate().map(replica).collect(),
        }
    }
}

fn record_times(bag: &mut Bag, lag: f64, service: f64) {
    bag.lag.record(Nanos(lag as u64));
    bag.service.record(Nanos(service as u64));
    bag.response.record(Nanos((lag + service) as u64));
}
