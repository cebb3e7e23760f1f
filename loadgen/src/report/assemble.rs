//! Puts a record together: from what was known before, what was measured, and what was judged.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::record::{
    Environment, GroupRecord, IntervalRecord, IntervalReplica, Quantiles, Rates, Record,
    ReplicaInfo, ReplicaRecord, RequestCounts, RunInfo, SCHEMA_VERSION, StackInfo, ThreadInfo,
};
use crate::checks::{
    Balance, BalanceVerdict, BookVerdict, CrossCheck, Finding, GroupJudgement, Judgement, Severity,
    Status, Verdict,
};
use crate::model::{ErrorClass, Nanos, Topology};
use crate::plan::{Load, Plan, Policy};
use crate::recorder::{Counts, Interval, Recording, Tally};

/// Everything that is known of a run before its load begins; the first line of the spool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parts {
    /// When and what.
    pub run: RunInfo,
    /// The validated run.
    pub plan: Plan,
    /// Where it runs.
    pub environment: Environment,
    /// What it goes through.
    pub stack: StackInfo,
}

impl Parts {
    /// The parts of a run that is about to begin.
    #[must_use]
    pub fn begin(
        run: &RunInfo,
        plan: &Plan,
        environment: &Environment,
        topology: &Topology,
    ) -> Self {
        Self {
            run: run.clone(),
            plan: plan.clone(),
            environment: environment.clone(),
            stack: StackInfo::of(topology),
        }
    }
}

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
    fn of(topology: &Topology) -> Self {
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
        }
    }
}

impl IntervalRecord {
    /// One second of one group, in the words of the record.
    #[must_use]
    pub fn of(interval: &Interval, host: &str) -> Self {
        let Tally {
            counts,
            response,
            service,
            lag,
            replicas,
        } = &interval.tally;
        let replicas = replicas.iter().map(|(id, replica)| IntervalReplica {
            id: id.0.clone(),
            requests: replica.requests,
            failed: replica.failed,
            response_time: Quantiles::of(&replica.response),
        });
        Self {
            second: interval.second,
            host: host.to_owned(),
            planned: counts.planned,
            sent: counts.sent,
            dropped: counts.dropped,
            succeeded: counts.succeeded,
            failed: counts.failed,
            response_time: Quantiles::of(response),
            service_time: Quantiles::of(service),
            send_lag: Quantiles::of(lag),
            status: statuses(counts),
            errors: errors(counts),
            replicas: replicas.collect(),
            connections_opened: counts.connections.opened,
        }
    }
}

/// The record of a run that came to its end.
#[must_use]
pub fn assemble(
    parts: Parts,
    recording: &Recording,
    judgement: &Judgement,
    intervals: Vec<IntervalRecord>,
) -> Record {
    let Parts {
        mut run,
        plan,
        environment,
        stack,
    } = parts;
    run.duration_s = recording.measured.as_secs_f64();
    run.warmup_s = recording.warmup.as_secs_f64();
    run.interrupted = recording.interrupted;
    let groups = (recording
        .totals
        .iter()
        .zip(&judgement.groups)
        .zip(&plan.groups))
    .map(|(((host, tally), judged), planned)| {
        let group = GroupParts {
            host,
            tally,
            judged,
            load: &planned.load,
            measured: recording.measured,
        };
        group.record(&plan.policy, &stack)
    })
    .collect();
    let threads = recording.threads.iter().map(|thread| ThreadInfo {
        cpu: thread.cpu.0,
        share: ratio(thread.cpu.as_secs_f64(), recording.measured.as_secs_f64()),
        busiest_second: thread.busiest_second,
    });
    Record {
        schema_version: SCHEMA_VERSION,
        verdict: judgement.verdict,
        findings: judgement.findings.clone(),
        groups,
        intervals,
        thresholds: judgement.thresholds.clone(),
        certificate: judgement.certificate.clone(),
        threads: threads.collect(),
        run,
        plan,
        environment,
        stack,
    }
}

struct GroupParts<'a> {
    host: &'a str,
    tally: &'a Tally,
    judged: &'a GroupJudgement,
    load: &'a Load,
    measured: Nanos,
}

impl GroupParts<'_> {
    fn record(&self, policy: &Policy, stack: &StackInfo) -> GroupRecord {
        let counts = &self.tally.counts;
        let per_second = |count: u64| ratio(count as f64, self.measured.as_secs_f64());
        GroupRecord {
            host: self.host.to_owned(),
            requests: requests(counts),
            rate: Rates {
                intended: match self.load {
                    Load::Open { schedule } => schedule.intended_rate(self.measured),
                    Load::Closed { .. } => 0.0,
                },
                sent: per_second(counts.sent),
                completed: per_second(counts.succeeded + counts.failed),
            },
            response_time: Quantiles::of(&self.tally.response),
            service_time: Quantiles::of(&self.tally.service),
            send_lag: Quantiles::of(&self.tally.lag),
            status: statuses(counts),
            errors: errors(counts),
            replicas: self.replicas(policy, stack),
            balance: self.judged.balance.clone(),
            crosscheck: self.judged.crosscheck.clone(),
            server_time: self.judged.server_time.clone(),
            connections: counts.connections,
            warmup_requests: counts.warmup.sent,
        }
    }

    /// Every replica known or met. A known one that answered nothing is there too, with zero.
    fn replicas(&self, policy: &Policy, stack: &StackInfo) -> Vec<ReplicaRecord> {
        let known = stack
            .replicas
            .iter()
            .filter(|replica| replica.group == self.host);
        let known: Vec<_> = known.map(|replica| replica.id.as_str()).collect();
        let met = self.tally.replicas.keys().map(|id| id.0.as_str());
        let mut ids: Vec<_> = known.clone();
        ids.extend(met.filter(|id| !known.contains(id)));
        let named: u64 = self
            .tally
            .replicas
            .values()
            .map(|replica| replica.requests)
            .sum();
        let shares = expected_shares(policy, ids.len());
        let record = |(place, id): (usize, &&str)| {
            let tally = self
                .tally
                .replicas
                .get(&crate::model::ReplicaId((*id).to_owned()));
            let requests = tally.map_or(0, |tally| tally.requests);
            ReplicaRecord {
                id: (*id).to_owned(),
                requests,
                share: ratio(requests as f64, named as f64),
                expected_share: shares.as_ref().map(|shares| shares[place]),
                failed: tally.map_or(0, |tally| tally.failed),
                tail_share: self.judged.tail_share.get(*id).copied().unwrap_or(0.0),
                counted: None,
                response_time: tally
                    .map_or_else(Quantiles::default, |tally| Quantiles::of(&tally.response)),
            }
        };
        let mut replicas: Vec<_> = ids.iter().enumerate().map(record).collect();
        replicas.sort_by(|a, b| a.id.cmp(&b.id));
        replicas
    }
}

/// The share of each replica in the stack's order, where the policy fixes one.
fn expected_shares(policy: &Policy, n_replicas: usize) -> Option<Vec<f64>> {
    match policy {
        Policy::RoundRobin { weights } if weights.len() == n_replicas => {
            let total: u32 = weights.iter().sum();
            Some(
                weights
                    .iter()
                    .map(|weight| ratio(f64::from(*weight), f64::from(total)))
                    .collect(),
            )
        }
        Policy::RoundRobin { .. } | Policy::Random => {
            Some(vec![ratio(1.0, n_replicas as f64); n_replicas])
        }
        Policy::LeastConn | Policy::Hash | Policy::None => None,
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

fn statuses(counts: &Counts) -> BTreeMap<String, u64> {
    counts
        .status
        .iter()
        .map(|(status, count)| (status.to_string(), *count))
        .collect()
}

fn errors(counts: &Counts) -> BTreeMap<String, u64> {
    let named = |(class, count): (&ErrorClass, &u64)| (class.name().to_owned(), *count);
    counts.errors.iter().map(named).collect()
}

/// A quotient that is 0 where there is nothing to divide by.
fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

/// The record of a run whose process was lost: from its spool, as far as that goes.
///
/// Totals are the sums of the seconds; nothing can be judged, so the run is invalid.
#[must_use]
pub fn recover(spool: &str) -> Option<Record> {
    let mut lines = spool.lines();
    let Parts {
        mut run,
        plan,
        environment,
        stack,
    } = serde_json::from_str(lines.next()?).ok()?;
    let intervals: Vec<IntervalRecord> =
        lines.filter_map(super::json::interval_from_json).collect();
    let seconds = intervals
        .iter()
        .map(|interval| interval.second + 1)
        .max()
        .unwrap_or(0);
    run.duration_s = (seconds as f64).min(plan.duration.as_secs_f64());
    run.interrupted = true;
    let groups = (plan.groups.iter())
        .map(|group| recovered_group(&group.host, &intervals, run.duration_s))
        .collect();
    Some(Record {
        schema_version: SCHEMA_VERSION,
        verdict: Verdict {
            status: Status::Invalid,
            exit_code: 4,
        },
        findings: vec![Finding {
            code: "incomplete-run".into(),
            severity: Severity::Invalid,
            group: None,
            replica: None,
            message: format!(
                "the run was lost after {seconds} s; what is here comes from its spool"
            ),
            hint: Some("repeat the run; its command stands below".into()),
        }],
        groups,
        intervals,
        thresholds: Vec::new(),
        certificate: crate::checks::Certificate::default(),
        threads: Vec::new(),
        run,
        plan,
        environment,
        stack,
    })
}

fn recovered_group(host: &str, intervals: &[IntervalRecord], duration_s: f64) -> GroupRecord {
    let mut requests = RequestCounts::default();
    let (mut status, mut errors) = (BTreeMap::new(), BTreeMap::new());
    let mut times = [const { None }; 3];
    for interval in intervals.iter().filter(|interval| interval.host == host) {
        requests.planned += interval.planned;
        requests.sent += interval.sent;
        requests.dropped += interval.dropped;
        requests.succeeded += interval.succeeded;
        requests.failed += interval.failed;
        let maps = [
            (&mut status, &interval.status),
            (&mut errors, &interval.errors),
        ];
        for (sum, part) in maps {
            for (key, count) in part {
                *sum.entry(key.clone()).or_default() += count;
            }
        }
        let parts = [
            &interval.response_time,
            &interval.service_time,
            &interval.send_lag,
        ];
        for (sum, part) in times.iter_mut().zip(parts) {
            if let Ok(histogram) = part.histogram() {
                sum.get_or_insert_with(crate::recorder::Histogram::new)
                    .add(&histogram);
            }
        }
    }
    // Planned arrivals that the spool does not know the end of were sent or waiting.
    requests.dropped = requests.planned.saturating_sub(requests.sent);
    requests.unfinished = requests
        .sent
        .saturating_sub(requests.succeeded + requests.failed);
    let [response, service, lag] =
        times.map(|time| time.as_ref().map_or_else(Quantiles::default, Quantiles::of));
    let rate = |count: u64| ratio(count as f64, duration_s);
    GroupRecord {
        host: host.to_owned(),
        rate: Rates {
            intended: rate(requests.planned),
            sent: rate(requests.sent),
            completed: rate(requests.succeeded + requests.failed),
        },
        requests,
        response_time: response,
        service_time: service,
        send_lag: lag,
        status,
        errors,
        replicas: Vec::new(),
        balance: Balance {
            policy: "unknown".into(),
            verdict: BalanceVerdict::NotJudged,
            source: "client".into(),
            max_minus_min: 0,
            bound: None,
            allowances: BTreeMap::new(),
            identified: None,
            max_over_min: None,
            coefficient_of_variation: 0.0,
            p_value: None,
        },
        crosscheck: CrossCheck {
            verdict: BookVerdict::Unavailable,
            client: requests.sent,
            proxy: None,
            replicas: None,
            by_class: Vec::new(),
            by_handler: BTreeMap::new(),
            residuals: Vec::new(),
            excluded: Vec::new(),
            unnamed: 0,
        },
        server_time: None,
        connections: crate::recorder::Connections::default(),
        warmup_requests: 0,
    }
}
