//! Records runs of hours within seconds, through what records a real one, and says how much memory
//! that took: `day FOLDER [HOURS]`, for `.ci/memory`.
//!
//! Two groups of four replicas each, twenty requests a second to each group.

use std::path::PathBuf;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use loadgen::model::{
    Grid, Machine, Nanos, Outcome, Policy, Proxy, Rate, Replica, ReplicaId, Selector, StackKind,
    Topology,
};
use loadgen::plan::{Plan, PlanSpec, StackAsked};
use loadgen::record::{EVIDENCE_VERSION, Evidence, RunInfo, assemble};
use loadgen::recorder::{
    Collector, Coverage, CpuTime, Finished, Recorder, RecorderOptions, Recording, Stored,
    TallyPool, ThreadMessage, Window,
};
use loadgen::store::{Folder, Spool};
use loadgen::{checks, report};

const GROUPS: [&str; 2] = ["app-group-1", "app-group-2"];
const REPLICAS: usize = 4;
const RATE: u64 = 20;

fn topology() -> Topology {
    let replica = |n: usize| Replica {
        group: GROUPS[n / REPLICAS].to_owned(),
        id: ReplicaId(format!("replica-{n}")),
        metrics_url: format!("http://127.0.0.1:{}/metrics", 9_101 + n),
    };
    Topology {
        kind: StackKind::Embedded,
        why: "synthetic".into(),
        proxy: Proxy {
            name: "none".into(),
            target: "http://127.0.0.1:8080".into(),
            counter: None,
            workers: 1,
        },
        groups: GROUPS.map(str::to_owned).to_vec(),
        replicas: (0..GROUPS.len() * REPLICAS).map(replica).collect(),
    }
}

fn plan(topology: &Topology, hours: u64) -> Plan {
    let spec = PlanSpec {
        rps: Rate::new(RATE as f64).ok(),
        duration: Some(Duration::from_secs(hours * 3_600)),
        warmup: Some(Duration::ZERO),
        stack: Some(StackAsked::Kind(StackKind::Embedded)),
        replicas: Some(REPLICAS as u32),
        counter: Some(Selector::of_path("/")),
        policy: Some(Policy::round_robin()),
        ..PlanSpec::default()
    };
    spec.resolve(topology).expect("a plan")
}

/// Some hundred microseconds, that differ by request and by the time of day.
fn service(second: u64, number: u64, group: usize) -> Nanos {
    let mixed = loadgen::model::mixed(second * RATE * 2 + number * 2 + group as u64);
    let spread = (mixed % 1_000) * (mixed >> 32 & 0x3ff);
    Nanos(250_000 + second / 3_600 * 10_000 + spread)
}

fn second(recorder: &mut Recorder, second: u64) {
    for number in 0..RATE {
        let due = Nanos(second * Nanos::SECOND.0 + number * (Nanos::SECOND.0 / RATE));
        recorder.turn(due);
        for group in 0..GROUPS.len() {
            recorder.planned(group, 0, due);
            recorder.sent(group, 0, due);
            let sent = due.plus(Nanos(20_000 + number * 500));
            let name = format!(
                "replica-{}",
                group * REPLICAS + (number as usize) % REPLICAS
            );
            let finished = Finished {
                request: 0,
                due,
                released: sent,
                sent,
                done: sent.plus(service(second, number, group)),
                outcome: Outcome::Answered { status: 200 },
                name: name.as_bytes(),
                tries: 1,
                previous: None,
            };
            recorder.finished(group, finished);
        }
    }
}

fn record(plan: &Plan, spool: &mut Spool, hours: u64) -> Recording {
    let (out, messages) = mpsc::channel();
    let options = RecorderOptions {
        thread: 0,
        groups: vec![Vec::new(); GROUPS.len()],
        measured_from: Nanos::ZERO,
        grid: Grid::seconds(),
        most_names: plan.names_per_group(),
        cpu_clock: CpuTime::default,
    };
    let mut recorder = Recorder::new(options, out);
    let names = GROUPS.map(str::to_owned).to_vec();
    let mut collector = Collector::new(names, 1, plan.names_per_group());
    let mut store = |windows: &[Window]| {
        for window in windows {
            spool.write(window).expect("written");
        }
    };
    let mut take = |collector: &mut Collector, message: ThreadMessage| {
        let windows = collector.accept(message);
        store(&windows);
        collector.recycle(windows);
    };
    for at in 0..hours * 3_600 {
        second(&mut recorder, at);
        for message in messages.try_iter() {
            take(&mut collector, message);
        }
    }
    recorder.end();
    for message in messages {
        take(&mut collector, message);
    }
    let (mut recording, windows) = collector.finish();
    store(&windows);
    recording.measured = plan.duration.into();
    recording
}

/// The most that was resident so far, as the kernel says.
fn resident() -> String {
    let status = std::fs::read_to_string("/proc/self/status").expect("a kernel that tells");
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    most.expect("a figure").trim().to_owned()
}

fn main() {
    let mut words = std::env::args().skip(1);
    let out = PathBuf::from(words.next().expect("a folder"));
    let hours = words
        .next()
        .map_or(24, |hours| hours.parse().expect("hours"));
    let topology = topology();
    let plan = plan(&topology, hours);
    let names = plan.groups.iter().map(|group| group.name.clone());
    let folder = Folder::create(Some(out), &plan).expect("a folder");
    let mut evidence = Evidence {
        evidence_version: EVIDENCE_VERSION,
        run: RunInfo::begin(folder.id(), folder.started_at(), &plan, Vec::new()),
        recording: Recording::of(names, &mut TallyPool::default()),
        plan: plan.clone(),
        environment: Machine::default(),
        topology,
        warnings: Vec::new(),
        looks: Vec::new(),
        idle: None,
        events: Vec::new(),
        workers: Vec::new(),
    };
    let mut spool = folder.begin(&evidence).expect("a spool");
    let since = Instant::now();
    evidence.recording = record(&plan, &mut spool, hours);
    println!(
        "{hours} h recorded: at most {} resident, {:.1?}",
        resident(),
        since.elapsed()
    );
    let since = Instant::now();
    let intervals = spool.intervals();
    let read = Coverage::of(intervals.iter().filter_map(|interval| {
        let group = GROUPS.iter().position(|group| *group == interval.host)?;
        Some((group, interval.second, interval.seconds()))
    }));
    let expected = evidence.recording.seconds();
    evidence.recording.stored = Stored::of(expected, &read, spool.failure());
    let record = assemble(&evidence, &checks::judge(&evidence), intervals);
    folder.keep(&record, &evidence).expect("kept");
    folder.write(report::files(&record)).expect("drawn");
    println!(
        "judged and drawn: at most {} resident, {:.1?}; {} intervals of {} s, {} seconds read of {}",
        resident(),
        since.elapsed(),
        record.intervals.len(),
        record.interval_s,
        evidence.recording.stored.read,
        evidence.recording.stored.expected,
    );
}
