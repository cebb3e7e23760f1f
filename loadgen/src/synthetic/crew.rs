//! Workers that never were: what each of them would say of its slice of one load.

use std::io::{self, Write};

use super::run::Setup;
use crate::model::{GOLDEN, Nanos, Outcome, ReplicaId, Sample, mixed, second_of};
use crate::plan::{Load, Plan};
use crate::record::IntervalRecord;
use crate::recorder::{End, Phase, Tally, ThreadHealth, Window};
use crate::schedule::{Schedule, Slice};
use crate::workers::{Final, FrameWriter, Hello, Job, Message, Ready, Tick, fingerprint};

/// Of the first message: any instant will do.
const WALL_MS: f64 = 1.8e12;

/// So many workers of one load. What became of arrival k is the same whoever sends it.
#[derive(Clone, Debug)]
pub struct Crew {
    setup: Setup,
    plan: Plan,
    schedule: Schedule,
    /// The run's name in their frames.
    pub run: String,
    pub workers: u32,
}

impl Crew {
    /// Workers that send so many requests a second each, for so many seconds after one of warm-up.
    ///
    /// # Panics
    /// Where that is no load.
    #[must_use]
    pub fn new(workers: u32, rate_of_each: f64, seconds: u64) -> Self {
        let setup = Setup {
            host: "app-group-1".into(),
            replicas: ["782bf3ef4322", "3c56bd588a50"].map(str::to_owned).into(),
            rate: rate_of_each * f64::from(workers),
            seconds,
            connections: workers,
        };
        let plan = setup.plan();
        let Load::Open { schedule } = &plan.groups[0].load else {
            unreachable!("the plan is of an open loop");
        };
        Self {
            schedule: schedule.clone(),
            plan: plan.validate().expect("a plan"),
            run: "20260801T120000Z-crew".into(),
            setup,
            workers,
        }
    }

    /// What each of them was given.
    #[must_use]
    pub fn job(&self) -> Job {
        Job {
            plan: self.plan.clone(),
            topology: self.setup.topology(),
            password: None,
        }
    }

    /// The seconds of a slice of the load, in order.
    pub fn windows(&self, slice: Slice) -> impl Iterator<Item = Window> {
        let first = slice.index as u64;
        let mut arrivals = (self.schedule.arrivals(slice))
            .zip((first..).step_by(slice.of))
            .peekable();
        std::iter::from_fn(move || {
            let start = self.start_of(arrivals.peek()?.0);
            let mut window = Window {
                group: 0,
                phase: if start < 0 {
                    Phase::WarmUp
                } else {
                    Phase::Measured
                },
                start,
                length: Nanos::SECOND,
                tally: Tally::default(),
            };
            while let Some((due, k)) = arrivals.next_if(|(due, _)| self.start_of(*due) == start) {
                self.finish(&mut window.tally, due, k);
            }
            Some(window)
        })
    }

    /// The second in which an instant is, from the beginning of the measured part.
    fn start_of(&self, due: Nanos) -> i64 {
        second_of(due.0.cast_signed() - self.schedule.warmup.0.cast_signed())
    }

    /// Counts arrival k.
    fn finish(&self, tally: &mut Tally, due: Nanos, k: u64) {
        let replicas = &self.setup.replicas;
        let id = ReplicaId(replicas[k as usize % replicas.len()].clone());
        let mut replica = tally.replicas.remove(&id).unwrap_or_default();
        let sample = sample(due, k);
        tally.counts.planned += 1;
        tally.counts.sent += 1;
        tally.finish(&sample, Some(&mut replica));
        tally.replicas.insert(id, replica);
    }

    /// Writes all that worker `n` says.
    pub fn write(&self, n: u32, to: impl Write) -> io::Result<()> {
        let mut writer = FrameWriter::new(to, self.run.clone(), n, "0".into());
        writer.send(&Message::Hello(Hello {
            plan: fingerprint(&self.plan),
            of: self.workers,
            node: format!("node-{n}"),
            cores: 2,
            version: "0.1.0".into(),
            wall_ms: WALL_MS,
        }))?;
        writer.send(&Message::Ready(Ready {
            wall_ms: WALL_MS,
            lead_s: 3.0,
        }))?;
        let slice = Slice {
            index: n as usize,
            of: self.workers as usize,
        };
        let mut sent = 0;
        for window in self.windows(slice) {
            let interval = IntervalRecord::of(&window, &self.setup.host);
            writer.send(&Message::Interval(Box::new(interval)))?;
            sent += window.tally.counts.sent;
            writer.send(&Message::Tick(Tick {
                wall_ms: WALL_MS,
                sent,
                finished: sent,
            }))?;
        }
        writer.end(Final {
            interrupted: End::default() == End::Interrupted,
            measured: self.schedule.duration,
            warmup: self.schedule.warmup,
            threads: vec![ThreadHealth {
                cpu: Nanos(self.setup.seconds * 20_000_000),
                waited: Nanos::ZERO,
                busiest_second: 0.03,
                finished: true,
            }],
            ..Final::default()
        })
    }
}

/// What became of arrival k: 2 ms and more with a long tail, and tens of microseconds late.
fn sample(due: Nanos, k: u64) -> Sample {
    let chance = |purpose: u64| {
        let bits = mixed(mixed(k.wrapping_mul(GOLDEN)) ^ purpose) >> 11;
        // 53 bits are a share of 1, without 0.
        (bits + 1) as f64 / (1_u64 << 53) as f64
    };
    let released = due.plus(Nanos((15_000.0 - 25_000.0 * chance(1).ln()) as u64));
    let sent = released.plus(Nanos(1_500));
    let service = 2e6 - 3e6 * chance(2).ln();
    Sample {
        due,
        released,
        sent,
        done: sent.plus(Nanos(service as u64)),
        outcome: Outcome::Answered { status: 200 },
        tries: 1,
    }
}
