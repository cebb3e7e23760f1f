//! How a run's time is cut into windows: seconds, and shorter ones near instants of interest.

use std::ops::Range;

use super::Nanos;

/// Seconds, some of which are cut further. Every thread has the same grid, so that their windows add.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Length of the shorter windows; a whole part of a second.
    pub fine: Nanos,
    /// Where they are, in nanoseconds from the beginning of the measured part; each second that has
    /// a part in one of these is cut whole.
    pub near: Vec<Range<i64>>,
}

impl Grid {
    /// Seconds alone.
    #[must_use]
    pub const fn seconds() -> Self {
        Self {
            fine: Nanos::SECOND,
            near: Vec::new(),
        }
    }

    /// Beginning and length of the window that an instant lies in, counted from the beginning of the
    /// measured part.
    #[must_use]
    pub fn window_at(&self, at: i64) -> (i64, Nanos) {
        let second = second_of(at);
        let end = second.saturating_add_unsigned(Nanos::SECOND.0);
        let is_near = |near: &Range<i64>| near.start < end && second < near.end;
        if self.near.iter().any(is_near) {
            let fine = self.fine.0.cast_signed().max(1);
            (at.div_euclid(fine) * fine, self.fine)
        } else {
            (second, Nanos::SECOND)
        }
    }
}

/// The beginning of the second that an instant lies in.
#[must_use]
pub const fn second_of(at: i64) -> i64 {
    let second = Nanos::SECOND.0.cast_signed();
    at.div_euclid(second) * second
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    #[test]
    fn seconds_near_an_instant_are_cut_whole_and_others_are_not() {
        let grid = Grid {
            fine: Nanos(100_000_000),
            near: std::iter::once(1_500 * MS..2_100 * MS).collect(),
        };
        for (at, start, length) in [
            (-1, -1_000, 1_000),
            (999, 0, 1_000),
            (1_000, 1_000, 100),
            (1_999, 1_900, 100),
            (2_950, 2_900, 100),
            (3_000, 3_000, 1_000),
        ] {
            let found = grid.window_at(at * MS);
            assert_eq!(found, (start * MS, Nanos(length * 1_000_000)), "{at}");
        }
        assert_eq!(Grid::seconds().window_at(2_500 * MS).0, 2_000 * MS);
    }
}
