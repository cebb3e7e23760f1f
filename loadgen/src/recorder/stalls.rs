//! The time for which this process could not run at all, as its stall meter saw it.

use serde::{Deserialize, Serialize};

use crate::model::Nanos;

/// Stalls of the measured part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Stalls {
    /// The time that was watched; 0 where nobody watched.
    pub watched: Nanos,
    /// The sum of all stalls.
    pub lost: Nanos,
    pub longest: Nanos,
    /// The seconds of the measured part that had any, in order.
    pub seconds: Vec<StallSecond>,
    /// The time for which a quota of CPU held this process back; `None` where the kernel does not
    /// say.
    pub throttled: Option<Nanos>,
    /// The time of all CPUs that went to other virtual machines, by the kernel's count.
    pub stolen: Option<Nanos>,
}

/// The stalls of one second.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
pub struct StallSecond {
    /// Since the measured part began.
    pub second: u64,
    /// The part of this second that was lost, in nanoseconds.
    #[schemars(with = "u64")]
    pub lost: Nanos,
    /// The longest stall that began in it, whole, in nanoseconds.
    #[schemars(with = "u64")]
    pub longest: Nanos,
}

impl Stalls {
    /// Adds a stall, later than all before it.
    pub fn add(&mut self, from: Nanos, to: Nanos) {
        let length = to.since(from);
        self.lost = self.lost.plus(length);
        self.longest = self.longest.max(length);
        let mut at = from;
        while at < to {
            let second = at.0 / Nanos::SECOND.0;
            let end = Nanos((second + 1) * Nanos::SECOND.0).min(to);
            let place = self.second(second);
            place.lost = place.lost.plus(end.since(at));
            if at == from {
                place.longest = place.longest.max(length);
            }
            at = end;
        }
    }

    fn second(&mut self, second: u64) -> &mut StallSecond {
        if self.seconds.last().is_none_or(|last| last.second != second) {
            self.seconds.push(StallSecond {
                second,
                ..StallSecond::default()
            });
        }
        let last = self.seconds.len() - 1;
        &mut self.seconds[last]
    }

    /// Takes in what another process saw over the same time: in each second the worse of the two, and
    /// the sum of these. With any number of processes it is what none of them was better than.
    pub fn worsen(&mut self, other: &Self) {
        self.watched = self.watched.max(other.watched);
        self.longest = self.longest.max(other.longest);
        self.throttled = self.throttled.max(other.throttled);
        self.stolen = self.stolen.max(other.stolen);
        for second in &other.seconds {
            match self
                .seconds
                .iter_mut()
                .find(|at| at.second == second.second)
            {
                Some(at) => {
                    at.lost = at.lost.max(second.lost);
                    at.longest = at.longest.max(second.longest);
                }
                None => self.seconds.push(*second),
            }
        }
        self.seconds.sort_by_key(|at| at.second);
        let lost = self.seconds.iter().map(|at| at.lost);
        self.lost = lost.fold(Nanos::ZERO, Nanos::plus);
    }

    /// The part of the watched time that was lost, 0–1.
    #[must_use]
    pub fn share(&self) -> f64 {
        match self.watched {
            Nanos::ZERO => 0.0,
            watched => (self.lost.as_secs_f64() / watched.as_secs_f64()).min(1.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_processes_each_second_is_the_worse_one() {
        let with = |stalls: &[(u64, u64)]| {
            let mut all = Stalls {
                watched: Nanos(2_000_000_000),
                ..Stalls::default()
            };
            for (from, to) in stalls {
                all.add(Nanos(from * 1_000_000), Nanos(to * 1_000_000));
            }
            all
        };
        let (one, other) = (with(&[(100, 120), (1_500, 1_510)]), with(&[(300, 305)]));
        let mut sum = one.clone();
        sum.worsen(&other);
        assert_eq!(sum, one, "it was the worse in every second");
        let mut sum = other.clone();
        sum.worsen(&one);
        assert_eq!(sum, one, "in any order");
        let mut sum = with(&[(1_000, 1_040)]);
        sum.worsen(&one);
        assert_eq!(sum.lost, Nanos(60_000_000));
    }

    #[test]
    fn a_stall_is_split_at_the_seconds_it_spans() {
        let mut stalls = Stalls {
            watched: Nanos(4_000_000_000),
            ..Stalls::default()
        };
        stalls.add(Nanos(100_000_000), Nanos(120_000_000));
        stalls.add(Nanos(900_000_000), Nanos(2_300_000_000));
        let seconds: Vec<_> = stalls
            .seconds
            .iter()
            .map(|at| (at.second, at.lost.0 / 1_000_000, at.longest.0 / 1_000_000))
            .collect();
        assert_eq!(seconds, [(0, 120, 1_400), (1, 1_000, 0), (2, 300, 0)]);
        assert_eq!(stalls.longest, Nanos(1_400_000_000));
        assert!((stalls.share() - 0.355).abs() < 1e-9);
        assert!(Stalls::default().share() < 1e-9);
    }
}
