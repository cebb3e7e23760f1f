//! A run that never was: a proxy that picks, replicas that count, a client that records.

use std::time::Duration;

use crate::checks::{Evidence, Judgement, Machine, ThresholdResult, judge};
use crate::model::{
    ErrorClass, Nanos, Proxy, ProxyBook, Replica, ReplicaId, StackKind, StatusClass, Topology,
};
use crate::plan::{GroupPlan, Pacing, Plan, ReplicaIdSource, Request, StackChoice};
use crate::recorder::{Moment, Recording, Tally, ThreadHealth};
use crate::scrape::{Delta, ProxyDelta, ReplicaDelta, ReplicaState};

pub(in crate::checks) const GROUP: &str = "g";

/// All evidence, owned, to be bent before it is judged.
pub(in crate::checks) struct Scene {
    pub(in crate::checks) plan: Plan,
    pub(in crate::checks) topology: Topology,
    pub(in crate::checks) recording: Recording,
    pub(in crate::checks) delta: Option<Delta>,
    pub(in crate::checks) machine: Machine,
}

/// A quiet run of `seconds` at `rate`, after a second of warm-up, over `n` replicas; request k
/// goes to replica `pick(k)`.
pub(in crate::checks) fn scene(
    n: usize,
    rate: u64,
    seconds: u64,
    mut pick: impl FnMut(u64) -> usize,
) -> Scene {
    let mut scene = Scene {
        plan: plan(rate as f64, seconds),
        topology: topology(n),
        recording: recording(rate, seconds),
        delta: None,
        machine: Machine {
            cpus: 2,
            clocksource: "tsc".into(),
            ..Machine::default()
        },
    };
    let warmup = rate;
    for k in 0..warmup + rate * seconds {
        let id = id(pick(k));
        let tally = &mut scene.recording.totals[0].1;
        if k < warmup {
            *tally.counts.warmup.replicas.entry(id).or_default() += 1;
            continue;
        }
        let (response, service, lag) = (
            Nanos(450_000 + k % 97 * 1_000),
            Nanos(400_000),
            Nanos(40_000),
        );
        tally.response.record(response);
        tally.service.record(service);
        tally.lag.record(lag);
        let replica = tally.replicas.entry(id.clone()).or_default();
        replica.requests += 1;
        replica.response.record(response);
        let second = ((k - warmup) / rate) as usize;
        let moment = &mut scene.recording.timeline[second];
        *moment.replicas.entry(id).or_default() += 1;
    }
    scene.delta = Some(delta(&scene));
    scene
}

pub(in crate::checks) fn id(place: usize) -> ReplicaId {
    ReplicaId(format!("r{place}"))
}

impl Scene {
    pub(in crate::checks) fn judge(&self) -> Judgement {
        judge(&Evidence {
            plan: &self.plan,
            topology: &self.topology,
            recording: &self.recording,
            delta: self.delta.as_ref(),
            machine: &self.machine,
            preflight: &[],
        })
    }

    /// The codes of what was found, in order.
    /// What becomes of this threshold alone.
    pub(in crate::checks) fn threshold(&mut self, text: &str) -> ThresholdResult {
        self.plan.thresholds = vec![text.parse().expect(text)];
        let result = self.judge().thresholds.remove(0);
        self.plan.thresholds.clear();
        result
    }

    pub(in crate::checks) fn codes(&self) -> Vec<String> {
        let findings = self.judge().findings.into_iter();
        findings.map(|finding| finding.code).collect()
    }

    pub(in crate::checks) fn policy(mut self, policy: &str) -> Self {
        self.plan.policy = policy.parse().expect("a policy");
        self
    }

    pub(in crate::checks) fn tally(&mut self) -> &mut Tally {
        &mut self.recording.totals[0].1
    }

    pub(in crate::checks) fn replica(&mut self, place: usize) -> &mut ReplicaDelta {
        let delta = self.delta.as_mut().expect("a delta");
        &mut delta.replicas[place]
    }

    pub(in crate::checks) fn proxy(&mut self) -> &mut ProxyDelta {
        let delta = self.delta.as_mut().expect("a delta");
        delta.proxy.as_mut().expect("a proxy's book")
    }

    /// The last answers of replica 0 become failures of a class.
    pub(in crate::checks) fn fail(&mut self, class: ErrorClass, count: u64) {
        let tally = self.tally();
        tally.counts.succeeded -= count;
        tally.counts.failed += count;
        *tally.counts.errors.entry(class).or_default() += count;
        *tally.counts.status.entry(200).or_default() -= count;
        if let Some(replica) = tally.replicas.get_mut(&id(0)) {
            replica.requests -= count;
        }
    }
}

pub(in crate::checks) fn plan(rate: f64, seconds: u64) -> Plan {
    let load = serde_json::from_value(serde_json::json!({
        "kind": "open",
        "schedule": {
            "process": { "kind": "constant" },
            "profile": { "kind": "constant", "rate": rate },
            "warmup": Nanos::SECOND,
            "duration": seconds * Nanos::SECOND.0,
            "requests": null,
        },
    }));
    Plan {
        groups: vec![GroupPlan {
            host: GROUP.into(),
            load: load.expect("a load"),
        }],
        warmup: Duration::from_secs(1),
        duration: Duration::from_secs(seconds),
        connections: 64,
        threads: 1,
        pacing: Pacing::Timer,
        timeout: Duration::from_secs(5),
        connect_timeout: Duration::from_secs(2),
        request: Request::new("GET", "/", &[], None).expect("a request"),
        replica_id: ReplicaIdSource::Body,
        stack: StackChoice::Auto,
        replicas: Some(2),
        policy: "round-robin".parse().expect("a policy"),
        proxy_workers: None,
        counter: r#"http_requests_total{handler="/"}"#.into(),
        thresholds: Vec::new(),
    }
}

fn topology(n: usize) -> Topology {
    let replica = |place| Replica {
        group: GROUP.into(),
        id: id(place),
        metrics_url: format!("http://127.0.0.1:{}/metrics", 9_101 + place),
    };
    Topology {
        kind: StackKind::Embedded,
        why: String::new(),
        proxy: Proxy {
            name: "embedded round robin".into(),
            target: "http://127.0.0.1:1".into(),
            book: Some(ProxyBook::StubStatus {
                url: "http://127.0.0.1:2/status".into(),
            }),
            workers: 1,
        },
        groups: vec![GROUP.into()],
        replicas: (0..n).map(replica).collect(),
    }
}

fn recording(rate: u64, seconds: u64) -> Recording {
    let mut tally = Tally::default();
    let total = rate * seconds;
    tally.counts.planned = total;
    tally.counts.sent = total;
    tally.counts.succeeded = total;
    tally.counts.status.insert(200, total);
    tally.counts.connections.opened = 64;
    tally.counts.warmup.sent = rate;
    tally.counts.warmup.status.insert(200, rate);
    let moment = |second| Moment {
        second,
        planned: rate,
        sent: rate,
        succeeded: rate,
        ..Moment::default()
    };
    Recording {
        totals: vec![(GROUP.into(), tally)],
        timeline: (0..seconds).map(moment).collect(),
        threads: vec![ThreadHealth {
            cpu: Nanos(seconds * Nanos::SECOND.0 / 10),
            busiest_second: 0.2,
            finished: true,
        }],
        measured: Nanos(seconds * Nanos::SECOND.0),
        warmup: Nanos::SECOND,
        interrupted: false,
    }
}

/// What quiet servers count: every request once, and two reads of the proxy's page.
fn delta(scene: &Scene) -> Delta {
    let tally = &scene.recording.totals[0].1;
    let replicas = scene.topology.replicas.iter().map(|replica| {
        let measured = tally
            .replicas
            .get(&replica.id)
            .map_or(0, |tally| tally.requests);
        let warmup = tally
            .counts
            .warmup
            .replicas
            .get(&replica.id)
            .copied()
            .unwrap_or(0);
        ReplicaDelta {
            group: GROUP.into(),
            id: replica.id.clone(),
            url: replica.metrics_url.clone(),
            state: ReplicaState::Whole,
            requests: Some(measured + warmup),
            by_class: [(StatusClass(2), measured + warmup)].into(),
            by_handler: [
                ("/".to_owned(), measured + warmup),
                ("/metrics".to_owned(), 2),
            ]
            .into(),
            own_reads: 2,
            connections: None,
            latencies: std::collections::BTreeMap::new(),
            fell_while_idle: None,
        }
    });
    Delta {
        replicas: replicas.collect(),
        proxy: Some(ProxyDelta {
            url: "http://127.0.0.1:2/status".into(),
            is_stub_status: true,
            total: Some(tally.counts.sent + tally.counts.warmup.sent + 2),
            by_host: std::collections::BTreeMap::new(),
            own_reads: 2,
            reset: false,
            error: None,
        }),
        settled_before: true,
        settled_after: true,
    }
}

/// Draws that no release of any crate changes.
pub(in crate::checks) struct Dice(pub(super) u64);

impl Dice {
    /// A number below `n`, by `SplitMix64`.
    pub(in crate::checks) fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    }
}

/// The smooth weighted rotation of nginx.
pub(in crate::checks) fn smooth(weights: &[i64]) -> impl FnMut(u64) -> usize {
    let weights = weights.to_vec();
    let mut current = vec![0; weights.len()];
    move |_| {
        for (current, weight) in current.iter_mut().zip(&weights) {
            *current += weight;
        }
        let mut best = 0;
        for place in 1..current.len() {
            if current[place] > current[best] {
                best = place;
            }
        }
        current[best] -= weights.iter().sum::<i64>();
        best
    }
}
