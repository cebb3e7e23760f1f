//! Adds the seconds of all threads into intervals and totals.

use std::collections::BTreeMap;

use super::{HandOver, Moment, Recording, Second, Spare, Tally, ThreadHealth};
use crate::model::{GroupProgress, Nanos, Progress, ReplicaProgress};

/// One second of one group, complete over all threads. Lives only until it was passed on.
#[derive(Clone, Debug)]
pub struct Interval {
    /// Seconds since the measured part began.
    pub second: u64,
    /// The group's place in the plan.
    pub group: usize,
    /// What was counted.
    pub tally: Tally,
}

/// Merges what the threads hand over. Memory grows with groups and threads, not with time (but
/// for a [`Moment`] a second).
#[derive(Debug)]
pub struct Collector {
    hosts: Vec<String>,
    open: BTreeMap<u64, Vec<Tally>>,
    /// The first second each thread may still add to; `None` once it has ended.
    at: Vec<Option<u64>>,
    recording: Recording,
    spare: Spare,
}

impl Collector {
    /// A collector for the groups `hosts`, fed by `threads` threads.
    #[must_use]
    pub fn new(hosts: Vec<String>, threads: usize) -> Self {
        // For each group the total, the second that is open, and the one before it.
        let mut spare = Spare::stocked(3 * hosts.len());
        let totals = hosts
            .iter()
            .map(|host| (host.clone(), spare.tally()))
            .collect();
        Self {
            hosts,
            open: BTreeMap::new(),
            at: vec![Some(0); threads],
            recording: Recording {
                totals,
                threads: vec![ThreadHealth::default(); threads],
                ..Recording::default()
            },
            spare,
        }
    }

    /// Takes back the memory of intervals that were passed on.
    pub fn recycle(&mut self, intervals: Vec<Interval>) {
        for interval in intervals {
            self.spare.give(interval.tally);
        }
    }

    /// Takes in what a thread handed over; returns the intervals that are complete by it.
    pub fn accept(&mut self, message: HandOver) -> Vec<Interval> {
        match message {
            HandOver::Second(second) => self.add(second),
            HandOver::End { thread, cpu } => {
                self.at[thread] = None;
                self.recording.threads[thread].cpu = cpu;
                self.recording.threads[thread].finished = true;
            }
        }
        self.close()
    }

    fn add(&mut self, second: Second) {
        let groups = self.hosts.len();
        let health = &mut self.recording.threads[second.thread];
        health.busiest_second = health.busiest_second.max(second.cpu.as_secs_f64());
        // Arrivals due in the second before stay open for one second more.
        self.at[second.thread] = Some(second.number);
        let mut empty = || (0..groups).map(|_| self.spare.tally()).collect();
        if second.number > 0 && second.planned_before.iter().any(|n| *n > 0) {
            let before = self
                .open
                .entry(second.number - 1)
                .or_insert_with(&mut empty);
            for (tally, late) in before.iter_mut().zip(&second.planned_before) {
                tally.counts.planned += late;
            }
        }
        let open = self.open.entry(second.number).or_insert_with(empty);
        for (sum, tally) in open.iter_mut().zip(&second.tallies) {
            sum.add_from(tally, &mut self.spare);
        }
        second.give_back();
    }

    /// Closes every second that no thread can add to any more.
    fn close(&mut self) -> Vec<Interval> {
        let reached = self.at.iter().filter_map(|at| *at).min();
        let mut intervals = Vec::new();
        while let Some(entry) = self.open.first_entry() {
            if reached.is_some_and(|reached| *entry.key() >= reached) {
                break;
            }
            let (second, tallies) = entry.remove_entry();
            for (group, tally) in tallies.into_iter().enumerate() {
                self.recording.totals[group].1.add(&tally);
                self.recording
                    .timeline
                    .push(Moment::of(second, group, &tally));
                intervals.push(Interval {
                    second,
                    group,
                    tally,
                });
            }
        }
        intervals
    }

    /// What to tell a watcher after `intervals` were closed.
    #[must_use]
    pub fn progress(&self, intervals: &[Interval]) -> Progress {
        let group = |(place, host): (usize, &String)| {
            let total = &self.recording.totals[place].1;
            let last = intervals
                .iter()
                .rev()
                .find(|interval| interval.group == place);
            GroupProgress {
                host: host.clone(),
                planned: total.counts.planned,
                sent: total.counts.sent,
                succeeded: total.counts.succeeded,
                failed: total.counts.failed,
                dropped: total.counts.dropped,
                status: total.counts.status.clone(),
                errors: total.counts.errors.clone(),
                last_second: last.map_or(
                    [0; 3],
                    |Interval {
                         tally: Tally { counts, .. },
                         ..
                     }| {
                        [
                            counts.planned,
                            counts.sent,
                            counts.succeeded + counts.failed,
                        ]
                    },
                ),
                response: last.map_or([Nanos::ZERO; 4], |interval| {
                    let response = &interval.tally.response;
                    [
                        response.quantile(0.5),
                        response.quantile(0.9),
                        response.quantile(0.99),
                        response.max(),
                    ]
                }),
                lag_p99: last.map_or(Nanos::ZERO, |interval| interval.tally.lag.quantile(0.99)),
                replicas: (total.replicas.iter())
                    .map(|(id, tally)| ReplicaProgress {
                        id: id.0.clone(),
                        requests: tally.requests,
                        last_second: last
                            .and_then(|interval| interval.tally.replicas.get(id))
                            .map_or(0, |tally| tally.requests),
                    })
                    .collect(),
            }
        };
        Progress {
            elapsed: Nanos(
                intervals
                    .last()
                    .map_or(0, |last| (last.second + 1) * Nanos::SECOND.0),
            ),
            groups: self.hosts.iter().enumerate().map(group).collect(),
        }
    }

    /// Closes what is still open, as after a thread was lost, and gives the recording away.
    #[must_use]
    pub fn finish(mut self) -> (Recording, Vec<Interval>) {
        self.at.fill(None);
        let intervals = self.close();
        (self.recording, intervals)
    }
}

impl Moment {
    fn of(second: u64, group: usize, tally: &Tally) -> Self {
        Self {
            second,
            group,
            planned: tally.counts.planned,
            sent: tally.counts.sent,
            succeeded: tally.counts.succeeded,
            failed: tally.counts.failed,
            replicas: (tally.replicas.iter())
                .map(|(id, replica)| (id.clone(), replica.requests))
                .collect(),
            response_p99: tally.response.quantile(0.99),
            lag_p99: tally.lag.quantile(0.99),
        }
    }
}
