//! How far a worker's wall clock is from that of whoever reads its lines.
//!
//! A line that says what its writer's clock shows was under way for a time that nobody knows: the clock is
//! ahead by at least what it is ahead of the reader's when it is read. And a worker says nothing before it
//! was asked for: it is ahead by at most what it was ahead of that instant.

/// What is known of an offset, in milliseconds; positive where the worker's clock is ahead.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClockOffset {
    /// It is at least this. All lines of a worker together leave the time of the fastest of them.
    pub least: f64,
    /// It is at most this, where it is known when the worker was asked for.
    pub most: Option<f64>,
}

/// The largest offset that is told: thirty years.
const MOST: f64 = 1e12;

impl ClockOffset {
    /// An offset that is told, in milliseconds.
    pub const TOLD: f64 = 10.0;
    /// An offset with which a load begins only where that was asked for, in milliseconds.
    pub const REFUSED: f64 = 100.0;

    /// Takes in a line that says `wall`, and was read at `read`; the worker was asked for at `asked`.
    #[must_use]
    pub fn hear(known: Option<Self>, wall: f64, read: f64, asked: Option<f64>) -> Option<Self> {
        let least = wall - read;
        if least.abs() >= MOST {
            return known;
        }
        let most = asked.map(|asked| wall - asked);
        let lesser = |one: f64, other: Option<f64>| other.map_or(one, |other| one.min(other));
        Some(match known {
            None => Self { least, most },
            Some(known) => Self {
                least: known.least.max(least),
                most: most.map(|most| lesser(most, known.most)).or(known.most),
            },
        })
    }

    /// By how much the clocks differ, or may differ, by more than `limit`, as what a clock is; none where
    /// they do not.
    #[must_use]
    pub fn beyond(self, limit: f64) -> Option<String> {
        let Self { least, most } = self;
        Some(match most {
            _ if least > limit => format!("ahead of the launcher's by {least:.0} ms"),
            Some(most) if most < -limit => {
                format!("behind the launcher's by {:.0} to {:.0} ms", -most, -least)
            }
            _ if least < -limit => format!(
                "behind the launcher's by up to {:.0} ms, or all that it says is under way for so long",
                -least
            ),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    impl ClockOffset {
        /// Whether the clocks differ by more than `limit`, whatever time the lines took.
        fn is_beyond(self, limit: f64) -> bool {
            self.least > limit || self.most.is_some_and(|most| most < -limit)
        }
    }

    proptest! {
        /// Whatever lines take, the truth is between the bounds.
        #[test]
        fn the_truth_is_between_the_bounds(
            truth in -1_000.0_f64..1_000.0,
            startup in 0.0_f64..2_000.0,
            lines in proptest::collection::vec((0.0_f64..10_000.0, 0.0_f64..500.0), 1..20),
        ) {
            let asked = 1e12;
            let mut known = None;
            for (after, under_way) in &lines {
                let said = asked + startup + after;
                known = ClockOffset::hear(known, said + truth, said + under_way, Some(asked));
            }
            let known = known.unwrap();
            prop_assert!(known.least <= truth + 1e-3);
            prop_assert!(known.most.unwrap() >= truth - 1e-3);
            let fastest = lines.iter().map(|line| line.1).fold(f64::MAX, f64::min);
            prop_assert!((known.least - (truth - fastest)).abs() < 1e-3);
            for limit in [10.0, 100.0] {
                prop_assert!(!known.is_beyond(limit) || truth.abs() > limit - 1e-3);
            }
        }
    }

    #[test]
    fn a_clock_that_is_ahead_is_told_from_one_that_is_behind() {
        let of = |wall: f64| ClockOffset::hear(None, wall, 1_001.0, Some(980.0)).unwrap();
        assert!(of(1_200.0).is_beyond(100.0));
        assert!(of(800.0).is_beyond(100.0));
        assert_eq!(of(1_000.0).beyond(10.0), None);
        // Behind by 31, or under way for 31: it was asked for 10 before.
        let unknown = of(970.0 + 1.0);
        assert!(!unknown.is_beyond(10.0), "{unknown:?}");
        let words = unknown.beyond(10.0).unwrap();
        assert!(words.contains("up to 30 ms, or"), "{words}");
        let words = of(800.0).beyond(100.0).unwrap();
        assert!(words.contains("by 180 to 201 ms"), "{words}");
    }

    #[test]
    fn a_clock_of_another_age_is_no_offset() {
        assert_eq!(ClockOffset::hear(None, 0.0, 1e13, None), None);
    }
}
