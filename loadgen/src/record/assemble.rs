//! Puts a record together: from the evidence, and what was judged by it.

use super::interval;
use super::{
    Environment, Evidence, GroupJudgement, GroupRecord, IntervalRecord, Judgement, Pairing,
    Quantiles, REPLICAS, Rates, Record, ReplicaInfo, ReplicaRecord, RequestCounts, RequestRecord,
    RunInfo, SCHEMA_VERSION, StackInfo, StallInfo, ThreadInfo, is_complete,
};
use crate::model::{CpuUse, Nanos, Policy};
use crate::plan::{GroupPlan, Plan, RequestPlan};
use crate::recorder::{Counts, End, RequestTally, Stalls, Tally};

impl RunInfo {
    /// A run that is about to begin; its lengths are the planned ones.
    #[must_use]
    pub fn begin(id: String, started_at: String, plan: &Plan, command: Vec<String>) -> Self {
        Self {
            id,
            started_at,
            duration_s: plan.duration.as_secs_f64(),
            warmup_s: plan.warmup.as_secs_f64(),
            command,
            loadgen_version: env!("CARGO_PKG_VERSION").into(),
            interrupted: false,
        }
    }
}

impl StackInfo {
    fn of(evidence: &Evidence) -> Self {
        let topology = &evidence.topology;
        let looks = evidence.first_and_last_look();
        let cpu = looks.map(|(first, last)| CpuUse::between(&first.cpu, &last.cpu));
        let replicas = topology.replicas.iter().map(|replica| ReplicaInfo {
            group: replica.group.clone(),
            id: replica.id.0.clone(),
            metrics_url: replica.metrics_url.clone(),
        });
        Self {
            kind: topology.kind,
            why: topology.why.clone(),
            proxy: topology.proxy.name.clone(),
            target: topology.proxy.target.clone(),
            replicas: replicas.collect(),
            cpu: cpu.unwrap_or_default(),
        }
    }
}

/// The record of a run that came to its end.
#[must_use]
pub fn assemble(
    evidence: &Evidence,
    judgement: &Judgement,
    intervals: Vec<IntervalRecord>,
) -> Record {
    let Evidence {
        run,
        plan,
        environment,
        recording,
        ..
    } = evidence;
    let stack = StackInfo::of(evidence);
    let groups = recording
        .groups
        .iter()
        .zip(&judgement.groups)
        .zip(&plan.groups);
    let groups = groups.map(|((recorded, judged), planned)| {
        let group = GroupParts {
            planned,
            tally: &recorded.measured,
            warmup_requests: recorded.warmup.counts.sent,
            judged,
            measured: recording.measured,
        };
        group.record(&plan.policy)
    });
    let threads = recording.threads.iter().map(|thread| ThreadInfo {
        cpu: thread.cpu.0,
        share: ratio(thread.cpu.as_secs_f64(), recording.measured.as_secs_f64()),
        busiest_second: thread.busiest_second,
        waited: thread.waited.0,
    });
    Record {
        schema_version: SCHEMA_VERSION,
        run: RunInfo {
            duration_s: recording.measured.as_secs_f64(),
            warmup_s: recording.warmup.as_secs_f64(),
            interrupted: recording.end != End::ByItself,
            ..run.clone()
        },
        plan: plan.clone(),
        environment: Environment {
            machine: environment.clone(),
            stalls: stalls(&recording.stalls),
        },
        verdict: judgement.verdict,
        findings: judgement.findings.clone(),
        groups: groups.collect(),
        interval_s: interval_s(&intervals),
        intervals,
        events: judgement.events.clone(),
        routes: Vec::new(),
        thresholds: judgement.thresholds.clone(),
        certificate: judgement.certificate.clone(),
        threads: threads.collect(),
        workers: evidence.workers.clone(),
        complete: recording.end == End::ByItself && is_complete(&evidence.workers),
        stack,
    }
}

/// How long intervals are, in seconds.
pub(super) fn interval_s(intervals: &[IntervalRecord]) -> u64 {
    let lengths = intervals.iter().map(IntervalRecord::seconds);
    lengths.max().unwrap_or(1)
}

struct GroupParts<'a> {
    planned: &'a GroupPlan,
    tally: &'a Tally,
    warmup_requests: u64,
    judged: &'a GroupJudgement,
    measured: Nanos,
}

impl GroupParts<'_> {
    fn record(&self, policy: &Policy) -> GroupRecord {
        let counts = &self.tally.counts;
        let per_second = |count: u64| ratio(count as f64, self.measured.as_secs_f64());
        GroupRecord {
            host: self.planned.host.clone(),
            name: (self.planned.name != self.planned.host).then(|| self.planned.name.clone()),
            route: self.planned.route,
            requests: requests(counts),
            rate: Rates {
                intended: self.planned.intended_rate(self.measured),
                sent: per_second(counts.sent),
                completed: per_second(counts.succeeded + counts.failed),
            },
            response_time: Quantiles::of(&self.tally.response),
            service_time: Quantiles::of(&self.tally.service),
            send_lag: Quantiles::of(&self.tally.lag),
            release_lag: Quantiles::of(&self.tally.release_lag),
            connection_wait: Quantiles::of(&self.tally.connection_wait),
            status: interval::statuses(&counts.status),
            errors: interval::errors(counts),
            error_reasons: interval::error_reasons(&self.tally.reasons),
            replicas: self.replicas(policy),
            balance: self.judged.balance.clone(),
            crosscheck: self.judged.crosscheck.clone(),
            requests_by_name: self.requests_by_name(),
            server_time: self.judged.server_time.clone(),
            connections: counts.connections,
            warmup_requests: self.warmup_requests,
        }
    }

    fn requests_by_name(&self) -> Vec<RequestRecord> {
        if self.planned.requests.len() < 2 {
            return Vec::new();
        }
        let nothing = RequestTally::default();
        let record = |request: &RequestPlan| {
            let tally = self.tally.requests.get(&request.name).unwrap_or(&nothing);
            RequestRecord {
                crosscheck: self.judged.requests.get(&request.name).cloned(),
                ..RequestRecord::of(&request.name, tally)
            }
        };
        self.planned.requests.iter().map(record).collect()
    }

    /// Every replica known or met. A known one that answered nothing is there too, with zero, unless a
    /// name without a page may be its own.
    fn replicas(&self, policy: &Policy) -> Vec<ReplicaRecord> {
        let paired = &self.judged.replicas;
        let strangers = paired.iter().any(|one| one.page.is_none());
        let shown = paired
            .iter()
            .filter(|one| one.name.is_some() || !strangers)
            .collect::<Vec<_>>();
        let counted = |one: &Pairing| {
            let mut counts = self.judged.balance.counts.iter();
            let own = self.judged.balance.source == REPLICAS;
            counts
                .find(|count| own && count.id == one.id)
                .map(|count| count.count)
        };
        let nameless = paired.iter().all(|one| one.name.is_none());
        let tally = |one: &Pairing| {
            let name = crate::model::ReplicaId(one.name.clone()?);
            self.tally.replicas.get(&name)
        };
        let requests = |one: &Pairing| match tally(one) {
            Some(tally) => tally.requests,
            None if nameless => counted(one).unwrap_or(0),
            None => 0,
        };
        let all: u64 = shown.iter().map(|one| requests(one)).sum();
        let shares = policy.expected_shares(shown.len());
        let record = |(place, one): (usize, &&Pairing)| {
            let tally = tally(one);
            ReplicaRecord {
                id: one.id.clone(),
                requests: requests(one),
                share: ratio(requests(one) as f64, all as f64),
                expected_share: shares.as_ref().map(|shares| shares[place]),
                failed: tally.map_or(0, |tally| tally.failed),
                tail_share: self.judged.tail_share.get(&one.id).copied().unwrap_or(0.0),
                counted: counted(one),
                paired_by: one.ground,
                response_time: tally
                    .map_or_else(Quantiles::default, |tally| Quantiles::of(&tally.response)),
            }
        };
        let mut replicas: Vec<_> = shown.iter().enumerate().map(record).collect();
        replicas.sort_by(|a, b| a.id.cmp(&b.id));
        replicas
    }
}

fn requests(counts: &Counts) -> RequestCounts {
    RequestCounts {
        planned: counts.planned,
        sent: counts.sent,
        dropped: counts.dropped,
        succeeded: counts.succeeded,
        failed: counts.failed,
        unfinished: counts.unfinished(),
    }
}

/// A quotient that is 0 where there is nothing to divide by.
fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

/// What the stall meter saw; nothing where nobody watched.
fn stalls(stalls: &Stalls) -> Option<StallInfo> {
    (stalls.watched > Nanos::ZERO).then(|| StallInfo {
        lost_share: stalls.share(),
        longest: stalls.longest.0,
        by_second: stalls.seconds.clone(),
        throttled: stalls.throttled.map(|time| time.0),
        stolen: stalls.stolen.map(|time| time.0),
    })
}
