//! What the benches measure on: plans, samples and records, made without a clock or a network.

use std::sync::mpsc;
use std::time::Duration;

use loadgen::checks::{Evidence, Judgement, Machine, judge};
use loadgen::model::{Nanos, Outcome, Proxy, Rate, Replica, ReplicaId, StackKind, Topology};
use loadgen::plan::{
    GroupPlan, Load, Pacing, Plan, Policy, Process, Profile, ReplicaIdSource, Request, Schedule,
    StackChoice,
};
use loadgen::recorder::{Collector, Finished, HandOver, Recorder, Recording};
use loadgen::report::{Environment, IntervalRecord, Parts, Record, RunInfo, assemble};
use loadgen::scrape::Delta;

/// The names the replicas of the fixtures give.
pub const REPLICAS: [&str; 4] = [
    "782bf3ef4322",
    "3c56bd588a50",
    "a1b2c3d4e5f6",
    "0f1e2d3c4b5a",
];

/// A constant schedule.
///
/// # Panics
/// Where `rate` is no rate.
#[must_use]
pub fn schedule(rate: f64, seconds: u64, process: Process) -> Schedule {
    Schedule {
        process,
        profile: Profile::Constant {
            rate: Rate::new(rate).expect("a rate"),
        },
        warmup: Nanos::ZERO,
        duration: Nanos(seconds * Nanos::SECOND.0),
        requests: None,
    }
}

/// A plan of one group.
#[must_use]
pub fn plan(rate: f64, seconds: u64) -> Plan {
    let schedule = schedule(rate, seconds, Process::Constant);
    Plan {
        groups: vec![GroupPlan {
            host: "app-group-1".into(),
            load: Load::Open { schedule },
        }],
        warmup: Duration::ZERO,
        duration: Duration::from_secs(seconds),
        connections: 64,
        threads: 1,
        pacing: Pacing::Timer,
        timeout: Duration::from_secs(5),
        connect_timeout: Duration::from_secs(2),
        request: Request {
            method: "GET".into(),
            path: "/?example=test".into(),
            headers: Vec::new(),
            body: None,
        },
        replica_id: ReplicaIdSource::Body,
        stack: StackChoice::Embedded,
        replicas: None,
        policy: Policy::RoundRobin {
            weights: Vec::new(),
        },
        proxy_workers: None,
        counter: "http_requests_total{handler=\"/\"}".into(),
        thresholds: Vec::new(),
    }
}

/// Four replicas behind a proxy.
#[must_use]
pub fn topology() -> Topology {
    Topology {
        kind: StackKind::Embedded,
        why: "embedded stack: a bench".into(),
        proxy: Proxy {
            name: "none".into(),
            target: "http://127.0.0.1:1".into(),
            book: None,
            workers: 1,
        },
        groups: vec!["app-group-1".into()],
        replicas: REPLICAS
            .map(|id| Replica {
                group: "app-group-1".into(),
                id: ReplicaId(id.into()),
                metrics_url: format!("http://127.0.0.1:1/{id}"),
            })
            .into(),
    }
}

/// A stream of pseudo-random service times: 200 µs and up, with a long tail.
pub fn service_times() -> impl Iterator<Item = Nanos> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let uniform = (state >> 11) as f64 / (1_u64 << 53) as f64;
        Nanos((200_000.0 - 80_000.0 * (1.0 - uniform).ln()) as u64)
    })
}

/// A recording and its seconds, as a run of one thread would have left them.
#[must_use]
pub fn recording(plan: &Plan, rate: f64) -> (Recording, Vec<IntervalRecord>) {
    let (out, seconds) = mpsc::channel();
    let mut recorder = Recorder::new(0, 1, Nanos::ZERO, out, || Nanos::ZERO);
    let due = schedule(rate, plan.duration.as_secs(), Process::Constant);
    let arrivals = due.arrivals(loadgen::schedule::Slice::WHOLE);
    for ((due, service), name) in arrivals.zip(service_times()).zip(REPLICAS.iter().cycle()) {
        let sent = due.plus(Nanos(20_000));
        recorder.turn(due);
        recorder.planned(0, due);
        recorder.sent(0, due);
        recorder.finished(
            0,
            Finished {
                due,
                sent,
                done: sent.plus(service),
                outcome: Outcome::Answered { status: 200 },
                name: name.as_bytes(),
                tries: 1,
            },
        );
    }
    recorder.end();
    let mut collector = Collector::new(vec!["app-group-1".into()], 1);
    let mut intervals = Vec::new();
    for message in seconds {
        let last = matches!(message, HandOver::End { .. });
        let closed = collector.accept(message);
        intervals.extend(
            closed
                .iter()
                .map(|one| IntervalRecord::of(one, "app-group-1")),
        );
        if last {
            break;
        }
    }
    let (mut recording, _) = collector.finish();
    recording.measured = plan.duration.into();
    (recording, intervals)
}

/// What the checks say of a recording.
#[must_use]
pub fn judged(plan: &Plan, recording: &Recording) -> Judgement {
    judge(&Evidence {
        plan,
        topology: &topology(),
        recording,
        delta: Some(&Delta::default()),
        machine: &Machine::default(),
        preflight: &[],
    })
}

/// The record of a run of ten minutes with four replicas.
#[must_use]
pub fn ten_minutes() -> Record {
    let rate = 500.0;
    let plan = plan(rate, 600);
    let (recording, intervals) = recording(&plan, rate);
    let judgement = judged(&plan, &recording);
    let run = RunInfo::begin(
        "bench".into(),
        "2026-01-31T12:00:00Z".into(),
        &plan,
        Vec::new(),
    );
    let parts = Parts::begin(&run, &plan, &Environment::default(), &topology());
    assemble(parts, &recording, &judgement, intervals)
}

/// A metrics page as the replica serves it, some 150 lines.
#[must_use]
pub fn metrics_page() -> String {
    use std::fmt::Write as _;
    let mut page = String::new();
    for family in [
        "http_request_duration_seconds",
        "http_request_duration_highr_seconds",
        "fine_seconds",
    ] {
        let _ = writeln!(page, "# HELP {family} Latency.\n# TYPE {family} histogram");
        for bucket in 1..=40 {
            let _ = writeln!(
                page,
                "{family}_bucket{{handler=\"/\",le=\"{}\",method=\"GET\"}} {}",
                f64::from(bucket) / 100.0,
                bucket * 1_000
            );
        }
        let _ = writeln!(
            page,
            "{family}_bucket{{handler=\"/\",le=\"+Inf\",method=\"GET\"}} 40000"
        );
        let _ = writeln!(
            page,
            "{family}_sum{{handler=\"/\",method=\"GET\"}} 1.234567e+06"
        );
        let _ = writeln!(page, "{family}_count{{handler=\"/\",method=\"GET\"}} 40000");
    }
    page.push_str("# HELP http_requests_total Requests.\n# TYPE http_requests_total counter\n");
    for handler in ["/", "/metrics", "/healthz", "none"] {
        for status in ["2xx", "4xx", "5xx"] {
            let _ = writeln!(
                page,
                "http_requests_total{{handler=\"{handler}\",method=\"GET\",status=\"{status}\"}} 12345.0"
            );
        }
    }
    page
}
