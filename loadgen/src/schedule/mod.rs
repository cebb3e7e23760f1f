//! When requests are due: an iterator of instants, made of an arrival process and a rate profile.
//!
//! An arrival process counts in *expected arrivals* (0, 1, 2, … when constant; a unit-rate
//! Poisson stream otherwise); a profile maps that count to time by the inverse of its integral.
//! So every process works with every profile, and `skip`, `take` and `step_by` are the adapters.
//!
//! **Invariant:** a schedule is a pure function of its specification and a [`Slice`]. It reads no
//! clock and never sleeps, and the slices of any N together are exactly the whole.

mod load;
mod process;
mod profile;
mod recorded;

pub use load::Load;
pub use process::Process;
pub use profile::{Profile, ProfileError, Stage, Stages};
pub use recorded::Recorded;

use serde::{Deserialize, Serialize};

use crate::model::Nanos;

/// Which arrivals of a schedule are whose: those with k ≡ `index` (mod `of`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Slice {
    /// This share's number, from 0.
    pub index: usize,
    /// How many shares there are, at least 1.
    pub of: usize,
}

impl Slice {
    pub const WHOLE: Self = Self { index: 0, of: 1 };

    /// A slice of this slice.
    #[must_use]
    pub const fn sliced(self, inner: Self) -> Self {
        Self {
            index: self.index + self.of * inner.index,
            of: self.of * inner.of,
        }
    }
}

impl Default for Slice {
    fn default() -> Self {
        Self::WHOLE
    }
}

/// The specification of one group's arrivals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Schedule {
    /// How arrivals are spaced.
    pub process: Process,
    /// How many per second, over time.
    pub profile: Profile,
    /// Time before the measured part, in nanoseconds, at the profile's first rate.
    #[schemars(with = "u64")]
    pub warmup: Nanos,
    /// Length of the measured part, in nanoseconds.
    #[schemars(with = "u64")]
    pub duration: Nanos,
    /// The most arrivals of the measured part, if it is bounded.
    pub requests: Option<u64>,
}

impl Schedule {
    /// The instants of one slice in order, counted from the start of the warm-up.
    pub fn arrivals(&self, slice: Slice) -> impl Iterator<Item = Nanos> + use<> {
        let warmup = self.warmup;
        let before = (self.profile.warm_up())
            .map(|profile| bounded(self.process.warm_up(), profile, warmup, None));
        let measured = bounded(
            self.process,
            self.profile.clone(),
            self.duration,
            self.requests,
        );
        (before.into_iter().flatten())
            .chain(measured.map(move |due| warmup.plus(due)))
            .skip(slice.index)
            .step_by(slice.of.max(1))
    }

    /// The same schedule, ended where its bound on requests ends it: at the instant the first
    /// arrival too many would have been due.
    #[must_use]
    pub fn ended_by_requests(mut self) -> Self {
        // Far beyond what the duration can hold, the bound decides nothing and is not worth
        // counting up to: ten standard deviations are more than chance ever gives.
        let most = self.profile.integral(self.duration.as_secs_f64());
        let beyond = most + 10.0 * most.sqrt() + 10.0;
        if self.requests.is_some_and(|n| n as f64 > beyond) {
            return self;
        }
        let surplus = self
            .requests
            .and_then(|n| self.process.counts().nth(usize::try_from(n).ok()?));
        if let Some(end) = surplus.and_then(|count| self.profile.time_of(count)) {
            self.duration = self.duration.min(Nanos::from_secs_f64(end));
        }
        self
    }

    /// How many arrivals a span of the measured part is expected to have.
    #[must_use]
    pub fn expected(&self, from: Nanos, to: Nanos) -> f64 {
        let until = |t: Nanos| self.profile.integral(t.min(self.duration).as_secs_f64());
        let bound = self.requests.map_or(f64::INFINITY, |n| n as f64);
        until(to).min(bound) - until(from).min(bound)
    }

    /// Arrivals per second that are expected in so much of the measured part; 0 in none of it.
    #[must_use]
    pub fn intended_rate(&self, measured: Nanos) -> f64 {
        let length = measured.min(self.duration);
        if length == Nanos::ZERO {
            return 0.0;
        }
        self.expected(Nanos::ZERO, length) / length.as_secs_f64()
    }
}

fn bounded(
    process: Process,
    profile: Profile,
    end: Nanos,
    most: Option<u64>,
) -> impl Iterator<Item = Nanos> {
    process
        .counts()
        .map_while(move |count| profile.time_of(count))
        .map(Nanos::from_secs_f64)
        .take_while(move |due| *due < end)
        .take(most.map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Rate;
    use proptest::prelude::*;

    fn constant(rate: f64, seconds: u64) -> Schedule {
        Schedule {
            process: Process::Constant,
            profile: Profile::Constant {
                rate: Rate::new(rate).expect("a rate"),
            },
            warmup: Nanos::ZERO,
            duration: Nanos(seconds * 1_000_000_000),
            requests: None,
        }
    }

    #[test]
    fn a_constant_rate_has_exactly_rate_times_duration_arrivals() {
        for (rate, seconds, count) in [
            (500.0, 10, 5_000),
            (7.0, 3, 21),
            (0.5, 10, 5),
            (33_333.0, 3, 99_999),
        ] {
            assert_eq!(
                constant(rate, seconds).arrivals(Slice::WHOLE).count(),
                count,
                "{rate}/s"
            );
        }
    }

    #[test]
    fn instants_are_multiplied_and_never_accumulated() {
        let last = constant(3.0, 1_000_000)
            .arrivals(Slice::WHOLE)
            .nth(2_999_999);
        assert_eq!(last, Some(Nanos(999_999_666_666_667)));
    }

    #[test]
    fn the_warm_up_comes_first_and_at_the_same_rate() {
        let mut schedule = constant(10.0, 1);
        schedule.warmup = Nanos::SECOND;
        let due: Vec<_> = schedule.arrivals(Slice::WHOLE).collect();
        assert_eq!(due.len(), 20);
        assert_eq!(due[10], Nanos::SECOND);
    }

    #[test]
    fn requests_bound_the_measured_part_only() {
        let mut schedule = constant(10.0, 100);
        schedule.warmup = Nanos::SECOND;
        schedule.requests = Some(7);
        assert_eq!(schedule.arrivals(Slice::WHOLE).count(), 17);
    }

    #[test]
    fn a_bound_on_requests_ends_the_schedule() {
        let mut schedule = constant(10.0, 100);
        schedule.requests = Some(7);
        assert_eq!(
            schedule.clone().ended_by_requests().duration,
            Nanos(700_000_000)
        );
        schedule.process = Process::Poisson { seed: 3 };
        let ended = Schedule {
            requests: None,
            ..schedule.ended_by_requests()
        };
        assert_eq!(ended.arrivals(Slice::WHOLE).count(), 7);
    }

    #[test]
    fn poisson_gaps_have_the_mean_and_the_spread_of_an_exponential() {
        let mut schedule = constant(1_000.0, 200);
        schedule.process = Process::Poisson { seed: 7 };
        let due: Vec<_> = schedule.arrivals(Slice::WHOLE).collect();
        let gaps: Vec<f64> = due
            .windows(2)
            .map(|pair| pair[1].since(pair[0]).as_secs_f64())
            .collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        assert!((mean * 1_000.0 - 1.0).abs() < 0.01, "mean gap {mean}");
        assert!(
            (variance.sqrt() / mean - 1.0).abs() < 0.01,
            "coefficient of variation"
        );
    }

    #[test]
    fn stages_ramp_linearly() {
        let stages = vec![
            Stage { at: 0.0, rate: 0.0 },
            Stage {
                at: 10.0,
                rate: 100.0,
            },
            Stage {
                at: 20.0,
                rate: 100.0,
            },
        ];
        let schedule = Schedule {
            profile: Profile::stages(stages).expect("valid stages"),
            ..constant(1.0, 20)
        };
        let due: Vec<_> = schedule.arrivals(Slice::WHOLE).collect();
        let in_ramp = due.iter().filter(|due| due.0 < 10_000_000_000).count();
        assert_eq!((in_ramp, due.len()), (500, 1_500));
        assert!((schedule.expected(Nanos::ZERO, Nanos(5_000_000_000)) - 125.0).abs() < 1e-9);
    }

    #[test]
    fn a_seed_gives_the_same_arrivals_on_every_machine_and_release() {
        let mut schedule = constant(10.0, 1);
        schedule.process = Process::Poisson { seed: 42 };
        let due = |schedule: &Schedule| -> Vec<_> {
            let arrivals = schedule.arrivals(Slice::WHOLE);
            arrivals.map(|due| due.0).take(4).collect()
        };
        assert_eq!(due(&schedule), SEED_42);
        schedule.process = Process::Poisson { seed: 43 };
        assert_ne!(due(&schedule), SEED_42);
    }

    /// The first arrivals of seed 42 at 10/s: a stored plan is repeated by them.
    const SEED_42: [u64; 4] = [114_537_751, 414_663_316, 470_440_436, 569_154_823];

    #[test]
    fn a_fraction_of_a_request_a_second_is_kept_and_split_without_loss() {
        // 0.5/s has its arrivals at 0, 2, 4 … s, and 7/s on three threads at k / 7.
        let half: Vec<_> = constant(0.5, 10).arrivals(Slice::WHOLE).collect();
        assert_eq!(
            half,
            [0, 2, 4, 6, 8].map(|second| Nanos(second * Nanos::SECOND.0))
        );
        let seven = constant(7.0, 2);
        let third = |index| seven.arrivals(Slice { index, of: 3 }).collect::<Vec<_>>();
        let lengths = [third(0).len(), third(1).len(), third(2).len()];
        assert_eq!(lengths, [5, 5, 4]);
        for (place, due) in third(1).iter().enumerate() {
            let k = 1 + 3 * place as u64;
            assert_eq!(
                due.0,
                (k * Nanos::SECOND.0 + 3) / 7,
                "the {k}th, to the nearest"
            );
        }
    }

    #[test]
    fn a_thousand_slices_have_each_arrival_once() {
        for process in [Process::Constant, Process::Poisson { seed: 11 }] {
            let schedule = Schedule {
                process,
                warmup: Nanos(500_000_000),
                ..constant(2_345.0, 2)
            };
            let whole: Vec<_> = schedule.arrivals(Slice::WHOLE).collect();
            let mut taken = vec![0; whole.len()];
            for index in 0..1_000 {
                let arrivals = schedule.arrivals(Slice { index, of: 1_000 });
                for (place, due) in arrivals.enumerate() {
                    let k = index + 1_000 * place;
                    assert_eq!(due, whole[k]);
                    taken[k] += 1;
                }
            }
            assert!(taken.len() > 5_000 && taken.iter().all(|times| *times == 1));
        }
    }

    proptest! {
        #[test]
        fn the_slices_of_any_n_are_exactly_the_whole(
            rate in 0.5_f64..500.0, n in 1_usize..17, threads in 1_usize..4, poisson: bool, seed: u64, ramp: bool,
            warmup in 0_u64..2_000_000_000, requests in prop::option::of(1_u64..600),
        ) {
            let rate = Rate::new(rate).expect("a rate");
            let schedule = Schedule {
                process: if poisson { Process::Poisson { seed } } else { Process::Constant },
                profile: if ramp {
                    Profile::stages(vec![
                        Stage { at: 0.0, rate: 0.0 },
                        Stage { at: 1.5, rate: rate.per_second() },
                        Stage { at: 3.0, rate: 0.0 },
                    ]).expect("valid stages")
                } else {
                    Profile::Constant { rate }
                },
                warmup: Nanos(warmup),
                duration: Nanos(3_000_000_000),
                requests,
            };
            let whole: Vec<_> = schedule.arrivals(Slice::WHOLE).collect();
            let slices: Vec<Vec<_>> =
                (0..n).map(|index| schedule.arrivals(Slice { index, of: n }).collect()).collect();
            for (k, due) in whole.iter().enumerate() {
                prop_assert_eq!(slices[k % n].get(k / n), Some(due));
            }
            prop_assert_eq!(slices.iter().map(Vec::len).sum::<usize>(), whole.len());
            // Of each worker's slice, its threads' slices are the whole again.
            for (index, of_worker) in slices.iter().enumerate() {
                let worker = Slice { index, of: n };
                let of_thread = |index| -> Vec<_> {
                    let thread = Slice { index, of: threads };
                    schedule.arrivals(worker.sliced(thread)).collect()
                };
                let threads_: Vec<_> = (0..threads).map(of_thread).collect();
                for (k, due) in of_worker.iter().enumerate() {
                    prop_assert_eq!(threads_[k % threads].get(k / threads), Some(due));
                }
            }
            prop_assert!(whole.is_sorted());
            let measured = whole.iter().filter(|due| due.0 >= warmup).count() as u64;
            prop_assert!(measured <= requests.unwrap_or(u64::MAX));
            let unbounded = Schedule { requests: None, ..schedule };
            let unbounded: Vec<_> = unbounded.arrivals(Slice::WHOLE).collect();
            prop_assert!(unbounded.starts_with(&whole), "a bound cuts, and changes nothing before");
        }

        #[test]
        fn a_piecewise_linear_rate_has_exactly_its_integral(
            points in prop::collection::vec((1_u32..40, 0_u32..400), 1..6), first in 0_u32..400,
        ) {
            prop_assume!(first > 0 || points.iter().any(|(_, rate)| *rate > 0));
            let mut stages = vec![Stage { at: 0.0, rate: f64::from(first) }];
            let mut twice_tenths = 0_u64;
            let (mut at, mut before) = (0_u32, first);
            for (tenths, rate) in points {
                at += tenths;
                twice_tenths += u64::from(tenths) * u64::from(before + rate);
                before = rate;
                stages.push(Stage { at: f64::from(at) / 10.0, rate: f64::from(rate) });
            }
            // The area of trapezia, in whole numbers: twice the tenths of an arrival.
            let area = twice_tenths as f64 / 20.0;
            let schedule = Schedule {
                profile: Profile::stages(stages).expect("valid stages"),
                duration: Nanos(u64::from(at) * 100_000_000),
                ..constant(1.0, 1)
            };
            let due: Vec<_> = schedule.arrivals(Slice::WHOLE).collect();
            // Arrivals 0, 1, 2 … come where the integral is 0, 1, 2 …, before the end.
            // Where the whole is a whole number, rounding decides whether the last is at the end.
            let slack = if twice_tenths.is_multiple_of(20) { 1.0 } else { 0.0 };
            prop_assert!((due.len() as f64 - area.ceil()).abs() <= slack);
            for (k, due) in due.iter().enumerate() {
                let reached = schedule.profile.integral(due.as_secs_f64());
                // An instant is a whole nanosecond, in which 400/s are 4e-7 of an arrival.
                prop_assert!((reached - k as f64).abs() < 1e-5, "{k}: {reached}");
            }
            prop_assert!((schedule.expected(Nanos::ZERO, schedule.duration) - area).abs() < 1e-6);
        }
    }
}
