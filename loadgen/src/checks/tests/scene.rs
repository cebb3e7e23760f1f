//! A quiet run with its counters, to be bent and judged: what the tests of the checks begin with.

use crate::checks::evidence::Evidence;
use crate::checks::{hosts, weigh};
use crate::model::{ErrorClass, GOLDEN, Machine, Nanos, Outcome, ReplicaId, Topology, mixed};
use crate::plan::PlanFields;
use crate::record::{Judgement, ThresholdResult, WorkerRecord};
use crate::recorder::{Recording, Tally};
use crate::scrape::{Delta, IdleWatch, ProxyDelta, ReplicaDelta};
use crate::synthetic::{Fate, Setup};

pub(in crate::checks) const GROUP: &str = "g";

/// All evidence, owned, to be bent before it is judged.
pub(in crate::checks) struct Scene {
    pub(in crate::checks) plan: PlanFields,
    pub(in crate::checks) topology: Topology,
    pub(in crate::checks) recording: Recording,
    pub(in crate::checks) delta: Option<Delta>,
    /// What the counters did by themselves afterwards.
    pub(in crate::checks) idle: Option<IdleWatch>,
    pub(in crate::checks) machine: Machine,
    pub(in crate::checks) workers: Vec<WorkerRecord>,
}

fn setup(n: usize, rate: f64, seconds: u64) -> Setup {
    Setup {
        host: GROUP.into(),
        replicas: (0..n).map(|place| id(place).0).collect(),
        rate,
        seconds,
        connections: 64,
    }
}

/// A quiet run of `seconds` at `rate`, after a second of warm-up, over `n` replicas; request k
/// goes to replica `pick(k)`.
pub(in crate::checks) fn scene(
    n: usize,
    rate: u64,
    seconds: u64,
    mut pick: impl FnMut(u64) -> usize,
) -> Scene {
    let setup = setup(n, rate as f64, seconds);
    let names = setup.replicas.clone();
    let run = setup.run(|k, _due| Fate {
        lag: Nanos(50_000 + k % 97 * 1_000),
        service: Some(Nanos(400_000)),
        outcome: Outcome::Answered { status: 200 },
        name: &names[pick(k)],
    });
    Scene {
        delta: run.delta(),
        idle: None,
        plan: run.plan,
        topology: run.topology,
        recording: run.recording,
        machine: run.machine,
        workers: Vec::new(),
    }
}

pub(in crate::checks) fn id(place: usize) -> ReplicaId {
    ReplicaId(format!("r{place}"))
}

impl Scene {
    pub(in crate::checks) fn judge(&self) -> Judgement {
        let plan = self.plan.clone().validate().expect("a plan");
        let hosts = hosts::of(&plan, &self.recording);
        let all = Evidence {
            events: &[],
            plan: &plan,
            topology: &self.topology,
            recording: &self.recording,
            delta: self.delta.as_ref(),
            routes: &[],
            hosts: &hosts,
            elapsed: (self.plan.warmup + self.plan.duration).as_secs_f64(),
            idle: self.idle.as_ref(),
            machine: &self.machine,
            workers: &self.workers,
        };
        weigh(&all, Vec::new())
    }

    /// What becomes of this threshold alone.
    pub(in crate::checks) fn threshold(&mut self, text: &str) -> ThresholdResult {
        self.plan.thresholds = vec![text.parse().expect(text)];
        let result = self.judge().thresholds.remove(0);
        self.plan.thresholds.clear();
        result
    }

    /// The codes of what was found, in order.
    pub(in crate::checks) fn codes(&self) -> Vec<String> {
        let findings = self.judge().findings.into_iter();
        findings.map(|finding| finding.code.to_string()).collect()
    }

    pub(in crate::checks) fn policy(mut self, policy: &str) -> Self {
        self.plan.policy = policy.parse().expect("a policy");
        self
    }

    pub(in crate::checks) fn tally(&mut self) -> &mut Tally {
        &mut self.recording.groups[0].measured
    }

    pub(in crate::checks) fn warmup(&mut self) -> &mut Tally {
        &mut self.recording.groups[0].warmup
    }

    pub(in crate::checks) fn replica(&mut self, place: usize) -> &mut ReplicaDelta {
        let delta = self.delta.as_mut().expect("a delta");
        &mut delta.replicas[place]
    }

    pub(in crate::checks) fn proxy(&mut self) -> &mut ProxyDelta {
        let delta = self.delta.as_mut().expect("a delta");
        delta.proxy.as_mut().expect("a proxy's count")
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

/// The plan of a run at this rate.
pub(in crate::checks) fn plan(rate: f64, seconds: u64) -> PlanFields {
    setup(2, rate, seconds).plan()
}

/// Draws that no release of any crate changes.
pub(in crate::checks) struct Dice(pub(super) u64);

impl Dice {
    /// A number below `n`, by `SplitMix64`.
    pub(in crate::checks) fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(GOLDEN);
        (mixed(self.0) % n as u64) as usize
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
