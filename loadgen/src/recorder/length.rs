//! How long windows are as they age: a day of seconds is more than anybody can look at, or hold.

use crate::model::Nanos;

/// Lengths in seconds, each a multiple of the one before. Those beyond double.
const LENGTHS: [u64; 7] = [1, 2, 4, 12, 60, 120, 240];

/// The next length, in seconds, to which windows of `seconds` are folded.
#[must_use]
pub fn longer(seconds: u64) -> u64 {
    let known = LENGTHS.into_iter().find(|length| *length > seconds);
    known.unwrap_or_else(|| {
        let mut length = LENGTHS[LENGTHS.len() - 1];
        while length <= seconds {
            length = length.saturating_mul(2);
        }
        length
    })
}

/// Which of the windows of this length an instant of the time line lies in. What begins at the `end`
/// of the measured part or later shares none with what was before.
#[must_use]
pub fn place(start: i64, seconds: u64, end: i64) -> (bool, i64) {
    let length = seconds.saturating_mul(Nanos::SECOND.0).cast_signed().max(1);
    (start >= end, start.div_euclid(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_length_is_a_multiple_of_the_one_before() {
        let (mut length, mut lengths) = (1, vec![1]);
        while length < 86_400 {
            assert_eq!(longer(length) % length, 0);
            length = longer(length);
            lengths.push(length);
        }
        assert_eq!(lengths[..9], [1, 2, 4, 12, 60, 120, 240, 480, 960]);
        assert_eq!((longer(3), longer(100)), (4, 120));
    }

    #[test]
    fn what_comes_after_the_end_is_apart() {
        let second = |n: i64| n * 1_000_000_000;
        assert_eq!(place(second(-1), 4, i64::MAX), (false, -1));
        assert_eq!(place(second(7), 4, i64::MAX), (false, 1));
        assert_eq!(place(second(7), 4, second(7)), (true, 1));
    }
}
