//! A run that never was, made as a real one is: requests go through a recorder and a collector.

use std::sync::mpsc;
use std::time::Duration;

use crate::model::{
    Grid, Machine, Nanos, Outcome, Policy, Proxy, ProxyCounter, Rate, Replica, ReplicaId, Selector,
    StackKind, Topology,
};
use crate::plan::{PlanFields, PlanSpec, StackAsked};
use crate::record::{EVIDENCE_VERSION, Evidence, IntervalRecord, Look, RunInfo};
use crate::recorder::{
    Collector, Coverage, CpuTime, Finished, Names, Recorder, RecorderOptions, Recording, Stored,
    ThreadMessage, Window,
};
use crate::schedule::{Load, Schedule, Slice};
use crate::scrape::{Delta, ProxyReading, ProxySnapshot, Reading, ReplicaSnapshot, Snapshot};

/// What a run consists of.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The one host group.
    pub host: String,
    /// Names of the replicas behind it.
    pub replicas: Vec<String>,
    /// Arrivals per second, evenly spaced.
    pub rate: f64,
    /// Seconds of the measured part; a second of warm-up goes before it.
    pub seconds: u64,
    /// Connections made, all at the beginning.
    pub connections: u32,
}

/// What became of one request.
#[derive(Clone, Copy, Debug)]
pub struct Fate<'a> {
    /// From due to sent.
    pub lag: Nanos,
    /// From sent to done; `None` where the arrival was given up.
    pub service: Option<Nanos>,
    pub outcome: Outcome,
    /// The replica that the answer names; empty where it names none.
    pub name: &'a str,
}

/// A run with all its evidence, owned, to be bent before it is judged.
#[derive(Clone, Debug)]
pub struct Run {
    pub plan: PlanFields,
    pub topology: Topology,
    pub machine: Machine,
    pub recording: Recording,
    pub looks: Vec<Look>,
    /// The windows of the measured part as they are stored.
    pub intervals: Vec<IntervalRecord>,
}

impl Setup {
    /// A plan for it, on a stack that fits.
    ///
    /// # Panics
    /// Where the rate is none.
    #[must_use]
    pub fn plan(&self) -> PlanFields {
        let spec = PlanSpec {
            rps: Some(Rate::new(self.rate).expect("a rate")),
            duration: Some(Duration::from_secs(self.seconds)),
            stack: Some(StackAsked::Kind(StackKind::Embedded)),
            replicas: u32::try_from(self.replicas.len()).ok(),
            counter: Some(Selector::of_path("/")),
            policy: Some(Policy::round_robin()),
            ..PlanSpec::default()
        };
        spec.resolve(&self.topology()).expect("a plan").into()
    }

    /// Its replicas behind a proxy that counts.
    #[must_use]
    pub fn topology(&self) -> Topology {
        let replica = |(place, id): (usize, &String)| Replica {
            group: self.host.clone(),
            id: ReplicaId(id.clone()),
            metrics_url: format!("http://127.0.0.1:{}/metrics", 9_101 + place),
        };
        Topology {
            kind: StackKind::Embedded,
            why: "no Docker Engine answers, so the embedded stack was started".into(),
            proxy: Proxy {
                name: "embedded round robin".into(),
                target: "http://127.0.0.1:8080".into(),
                counter: Some(ProxyCounter::StubStatus {
                    url: "http://127.0.0.1:8081/status".into(),
                }),
                workers: 1,
            },
            groups: vec![self.host.clone()],
            replicas: self.replicas.iter().enumerate().map(replica).collect(),
        }
    }

    /// The run in which arrival k, due at an instant counted from the start of the warm-up, had
    /// this fate.
    pub fn run<'a>(&self, fate: impl FnMut(u64, Nanos) -> Fate<'a>) -> Run {
        let plan = self.plan();
        let (mut recording, windows) = self.recording(&plan, fate);
        let intervals: Vec<_> = (windows.iter())
            .map(|window| IntervalRecord::of(window, &self.host))
            .collect();
        let stored = Coverage::of(recording.seconds());
        recording.stored = Stored::of(recording.seconds(), &stored, None);
        let topology = self.topology();
        Run {
            looks: looks(&topology, &recording),
            plan,
            topology,
            machine: Machine {
                cpus: 2,
                kernel: "Linux 6.12.0".into(),
                clocksource: "tsc".into(),
                cpu_model: "Synthetic CPU @ 3.00 GHz".into(),
                memory_bytes: 8 << 30,
                open_files_limit: 1_048_576,
                ephemeral_ports: Some((32_768, 60_999)),
            },
            recording,
            intervals,
        }
    }

    /// What one generator thread recorded, and its windows of the measured part.
    fn recording<'a>(
        &self,
        plan: &PlanFields,
        mut fate: impl FnMut(u64, Nanos) -> Fate<'a>,
    ) -> (Recording, Vec<Window>) {
        let Load::Open { schedule } = &plan.groups[0].load else {
            unreachable!("the plan is of an open loop");
        };
        let (out, messages) = mpsc::channel();
        let options = RecorderOptions {
            thread: 0,
            groups: vec![Vec::new()],
            measured_from: schedule.warmup,
            grid: Grid::seconds(),
            most_names: Names::MOST,
            cpu_clock: CpuTime::default,
        };
        let mut recorder = Recorder::new(options, out);
        recorder.connections(0).opened += u64::from(self.connections);
        feed(&mut recorder, schedule, &mut fate);
        recorder.end();
        let (mut recording, windows) = collect(self.host.clone(), messages);
        for thread in &mut recording.threads {
            thread.cpu = Nanos(self.seconds * 41_000_000);
            thread.busiest_second = 0.06;
        }
        recording.measured = schedule.duration;
        recording.warmup = schedule.warmup;
        (recording, windows)
    }
}

/// Sends every arrival through a recorder, in the order in which things happen.
fn feed<'a>(
    recorder: &mut Recorder,
    schedule: &Schedule,
    fate: &mut impl FnMut(u64, Nanos) -> Fate<'a>,
) {
    let arrivals = schedule.arrivals(Slice::WHOLE).zip(0..);
    let mut ends: Vec<(Nanos, Nanos, Nanos, Fate<'_>)> = Vec::new();
    let finish = |recorder: &mut Recorder, ends: &mut Vec<_>, until: Nanos| {
        ends.sort_unstable_by_key(|end: &(Nanos, Nanos, Nanos, Fate<'_>)| std::cmp::Reverse(end.0));
        while let Some((done, due, sent, fate)) = ends.pop_if(|end| end.0 <= until) {
            let finished = Finished {
                request: 0,
                due,
                released: sent,
                sent,
                done,
                outcome: fate.outcome,
                name: fate.name.as_bytes(),
                tries: 1,
                previous: None,
            };
            recorder.finished(0, finished);
        }
    };
    for (due, k) in arrivals {
        finish(recorder, &mut ends, due);
        recorder.turn(due);
        recorder.planned(0, 0, due);
        let fate = fate(k, due);
        match fate.service {
            None => recorder.dropped(0, 0, due),
            Some(service) => {
                let sent = due.plus(fate.lag);
                recorder.sent(0, 0, due);
                ends.push((sent.plus(service), due, sent, fate));
            }
        }
    }
    finish(recorder, &mut ends, Nanos(u64::MAX));
}

fn collect(host: String, messages: mpsc::Receiver<ThreadMessage>) -> (Recording, Vec<Window>) {
    let mut collector = Collector::new(vec![host], 1, Names::MOST);
    let mut windows = Vec::new();
    for message in messages {
        let last = matches!(message, ThreadMessage::End { .. });
        windows.extend(collector.accept(message));
        if last {
            break;
        }
    }
    let (recording, rest) = collector.finish();
    windows.extend(rest);
    windows.retain(|window| window.phase == crate::recorder::Phase::Measured);
    (recording, windows)
}

/// What quiet servers say before and after: every request once, and two reads of the proxy's page.
fn looks(topology: &Topology, recording: &Recording) -> Vec<Look> {
    let look = |counters| Look {
        cpu: Vec::new(),
        counters,
        replicas: Vec::new(),
    };
    [0, 1]
        .map(|share| look(snapshot(topology, recording, share)))
        .into()
}

/// The counters at the beginning (`share` 0) or at the end (1).
fn snapshot(topology: &Topology, recording: &Recording, share: u64) -> Snapshot {
    let reads = 2;
    let replica = |replica: &Replica| {
        let tallies = (recording.groups.iter()).flat_map(|group| [&group.warmup, &group.measured]);
        let answers = tallies.filter_map(|tally| tally.replicas.get(&replica.id));
        let (mut good, mut bad) = (0, 0);
        for tally in answers {
            good += tally.requests - tally.failed;
            bad += tally.failed;
        }
        let total = share * (good + bad);
        let by_class = [(2, share * good), (5, share * bad)];
        let by_class = by_class
            .into_iter()
            .filter(|(class, count)| *class == 2 || *count > 0);
        let page = Reading {
            total,
            by_class: by_class
                .map(|(class, count)| (crate::model::StatusClass(class), count))
                .collect(),
            by_handler: [
                ("/".to_owned(), total),
                ("/metrics".to_owned(), share * reads),
            ]
            .into(),
            ..Reading::default()
        };
        ReplicaSnapshot {
            processes: None,
            replica: replica.clone(),
            page: Ok(page),
            fell: None,
        }
    };
    let sent = recording.groups.iter().map(|group| {
        let connected = |tally: &crate::recorder::Tally| tally.counts.sent;
        connected(&group.warmup) + connected(&group.measured)
    });
    let total = share * (sent.sum::<u64>() + reads);
    Snapshot {
        taken_at: 0.0,
        replicas: topology.replicas.iter().map(replica).collect(),
        proxy: Some(ProxySnapshot {
            url: "http://127.0.0.1:8081/status".into(),
            is_stub_status: true,
            page: Ok(ProxyReading {
                total,
                ..ProxyReading::default()
            }),
        }),
        reads,
        settled: true,
    }
}

impl Run {
    /// What the servers counted.
    #[must_use]
    pub fn delta(&self) -> Option<Delta> {
        let counters: Vec<_> = self
            .looks
            .iter()
            .map(|look| look.counters.clone())
            .collect();
        Delta::over(&counters)
    }

    /// The evidence, as it would be stored.
    ///
    /// # Panics
    /// Where the plan was bent so that it cannot be carried out.
    #[must_use]
    pub fn evidence(&self) -> Evidence {
        let plan = self.plan.clone().validate().expect("a plan");
        let command = ["loadgen", "--host", &plan.groups[0].host, "--rps", "500"];
        let id = format!("20260801T120000Z-{}", plan.groups[0].host);
        Evidence {
            evidence_version: EVIDENCE_VERSION,
            run: RunInfo {
                loadgen_version: "0.1.0".into(),
                ..RunInfo::begin(
                    id,
                    "2026-08-01T12:00:00Z".into(),
                    &plan,
                    command.map(str::to_owned).to_vec(),
                )
            },
            plan,
            environment: self.machine.clone(),
            topology: self.topology.clone(),
            warnings: Vec::new(),
            looks: self.looks.clone(),
            idle: None,
            events: Vec::new(),
            recording: self.recording.clone(),
            workers: Vec::new(),
        }
    }
}
