//! Arrivals at the instants at which others once arrived.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::ProfileError;
use crate::model::Nanos;

/// The longest that a run may last, in seconds.
const A_DAY: usize = 86_400;

/// Arrivals of a measured part, and of the warm-up before it, as they were recorded.
///
/// What is intended, and drawn, are the counts of its seconds: they are stored, and the instants
/// themselves are not. A plan takes those from its log.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "RecordedFields")]
#[schemars(!try_from)]
pub struct Recorded {
    /// How many arrivals each second has; the last one may be a part of a second.
    per_second: Vec<u32>,
    /// In nanoseconds.
    #[schemars(with = "u64")]
    length: Nanos,
    /// Instants from the beginning of the warm-up.
    #[serde(skip)]
    before: Arc<[Nanos]>,
    /// Instants from the beginning of the measured part.
    #[serde(skip)]
    due: Arc<[Nanos]>,
}

#[derive(Deserialize)]
struct RecordedFields {
    per_second: Vec<u32>,
    length: Nanos,
}

impl TryFrom<RecordedFields> for Recorded {
    type Error = ProfileError;

    fn try_from(fields: RecordedFields) -> Result<Self, ProfileError> {
        let seconds = fields.length.0.div_ceil(Nanos::SECOND.0);
        if fields.per_second.len() as u64 != seconds || fields.per_second.len() > A_DAY {
            return Err(ProfileError::Recorded(fields.per_second.len()));
        }
        Ok(Self {
            per_second: fields.per_second,
            length: fields.length,
            before: [].into(),
            due: [].into(),
        })
    }
}

impl PartialEq for Recorded {
    /// By what is stored.
    fn eq(&self, other: &Self) -> bool {
        self.per_second == other.per_second && self.length == other.length
    }
}

impl Recorded {
    /// Instants in order, from the beginning of the warm-up until the measured part is this long.
    #[must_use]
    pub fn new(instants: &[Nanos], warmup: Nanos, length: Nanos) -> Self {
        let end = warmup.plus(length);
        let (from, to) = (
            instants.partition_point(|due| *due < warmup),
            instants.partition_point(|due| *due < end),
        );
        let due = instants[from..to].iter().map(|due| due.since(warmup));
        let due: Arc<[Nanos]> = due.collect();
        let seconds = length.0.div_ceil(Nanos::SECOND.0) as usize;
        // A longer run is refused, whatever it has.
        let mut per_second = vec![0; seconds.min(A_DAY + 1)];
        for due in &*due {
            if let Some(count) = per_second.get_mut((due.0 / Nanos::SECOND.0) as usize) {
                *count += 1;
            }
        }
        Self {
            per_second,
            length,
            before: instants[..from].into(),
            due,
        }
    }

    /// Arrivals of the measured part.
    #[must_use]
    pub fn arrivals(&self) -> u64 {
        self.per_second.iter().map(|count| u64::from(*count)).sum()
    }

    /// Length of the measured part, in seconds.
    pub(super) fn length(&self) -> f64 {
        self.length.as_secs_f64()
    }

    /// The most arrivals of a second.
    pub(super) fn peak(&self) -> f64 {
        f64::from(self.per_second.iter().copied().max().unwrap_or(0))
    }

    pub(super) fn rate_at(&self, at: f64) -> f64 {
        let second = at as usize;
        let count = self.per_second.get(second).filter(|_| at >= 0.0);
        count.map_or(0.0, |count| f64::from(*count) / self.length_of(second))
    }

    /// How long this second is: the last may be shorter.
    fn length_of(&self, second: usize) -> f64 {
        (self.length() - second as f64).clamp(1e-9, 1.0)
    }

    /// Arrivals until an instant, exact where a second ends.
    pub(super) fn integral(&self, until: f64) -> f64 {
        let counts = self.per_second.iter().enumerate();
        let until_then = counts.map(|(second, count)| {
            let part = (until - second as f64) / self.length_of(second);
            f64::from(*count) * part.clamp(0.0, 1.0)
        });
        until_then.sum()
    }

    /// When arrival number `count` is due, in seconds.
    pub(super) fn time_of(&self, count: f64) -> Option<f64> {
        self.due.get(count as usize).map(|due| due.as_secs_f64())
    }

    /// The arrivals of the warm-up.
    pub(super) fn warm_up(&self) -> Self {
        Self {
            due: Arc::clone(&self.before),
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Process, Profile, Schedule, Slice};
    use super::*;
    use proptest::prelude::*;

    const MS: u64 = 1_000_000;

    fn schedule(instants: &[Nanos], warmup: Nanos, duration: Nanos) -> Schedule {
        Schedule {
            process: Process::Constant,
            profile: Profile::Recorded(Recorded::new(instants, warmup, duration)),
            warmup,
            duration,
            requests: None,
        }
    }

    #[test]
    fn what_is_intended_are_the_counts_of_seconds() {
        let instants = [0, 500, 1_000, 1_250, 1_300, 3_100, 3_999, 4_000].map(|ms| Nanos(ms * MS));
        let schedule = schedule(&instants, Nanos::SECOND, Nanos(2_500 * MS));
        let Profile::Recorded(recorded) = &schedule.profile else {
            unreachable!("it was made so");
        };
        assert_eq!(recorded.per_second, [3, 0, 1]);
        assert_eq!(recorded.arrivals(), 4);
        let until = |ms| schedule.expected(Nanos::ZERO, Nanos(ms * MS));
        let profile = &schedule.profile;
        for (figure, expected) in [
            (profile.peak(), 3.0),
            (profile.rate_at(0.5), 3.0),
            (profile.rate_at(2.25), 2.0),
            (until(2_000), 3.0),
            (until(9_000), 4.0),
        ] {
            assert!((figure - expected).abs() < 1e-9, "{figure} {expected}");
        }
        let due: Vec<_> = schedule
            .arrivals(Slice::WHOLE)
            .map(|due| due.0 / MS)
            .collect();
        assert_eq!(due, [0, 500, 1_000, 1_250, 1_300, 3_100]);
    }

    #[test]
    fn counts_that_do_not_fill_the_time_are_refused() {
        for text in [
            r#"{"per_second":[1],"length":1000000001}"#,
            r#"{"per_second":[1,2],"length":1000000000}"#,
            r#"{"per_second":[],"length":18446744073709551615}"#,
        ] {
            assert!(serde_json::from_str::<Recorded>(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn instants_are_kept_to_the_nanosecond_however_they_are_sliced(
            mut instants in prop::collection::vec(0_u64..20_000_000_000, 0..200),
            warmup in 0_u64..3_000_000_000, duration in 1_u64..25_000_000_000, n in 1_usize..9,
        ) {
            instants.sort_unstable();
            let instants: Vec<Nanos> = instants.into_iter().map(Nanos).collect();
            let schedule = schedule(&instants, Nanos(warmup), Nanos(duration));
            let end = Nanos(warmup + duration);
            let expected: Vec<Nanos> = instants.iter().copied().filter(|due| *due < end).collect();
            let whole: Vec<_> = schedule.arrivals(Slice::WHOLE).collect();
            prop_assert_eq!(&whole, &expected);
            for index in 0..n {
                let slice: Vec<_> = schedule.arrivals(Slice { index, of: n }).collect();
                let of_whole: Vec<_> = whole.iter().copied().skip(index).step_by(n).collect();
                prop_assert_eq!(slice, of_whole);
            }
            let measured = expected.iter().filter(|due| due.0 >= warmup).count() as f64;
            let intended = schedule.expected(Nanos::ZERO, schedule.duration);
            prop_assert!((intended - measured).abs() < 1e-6, "{} {}", intended, measured);
        }
    }
}
