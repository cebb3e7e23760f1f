//! What chance does. A sentence that tells a difference tells one that chance would not make.

use crate::recorder::Histogram;

/// Standard deviations from which on it is no chance: a page has a dozen sentences, and each is to
/// be right.
const SURE: f64 = 4.0;
/// The fewest requests of which a share means anything.
const FEWEST: f64 = 10.0;

/// Whether there are more than independent events would be.
pub(super) fn stands_out(count: u64, expected: f64) -> bool {
    count as f64 > expected + SURE * expected.sqrt() + 3.0
}

/// Whether a part of so many is another one than draws with this share give.
pub(super) fn departs(part: f64, share: f64, of: f64) -> bool {
    let deviation = (share * (1.0 - share) / of.max(1.0)).sqrt();
    of >= FEWEST && (part - share).abs() > SURE * deviation + 0.5 / of
}

/// Where a quantile lies, by the ranks around it; none where there are too few values to say.
pub(super) fn range(of: &Histogram, quantile: f64) -> Option<(u64, u64)> {
    let all = of.count() as f64;
    let deviation = SURE * (quantile * (1.0 - quantile) / all.max(1.0)).sqrt();
    let (low, high) = (quantile - deviation, quantile + deviation);
    (low > 0.0 && high < 1.0).then(|| (of.quantile(low).0, of.quantile(high).0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Nanos;

    #[test]
    fn what_chance_makes_is_not_told_and_what_it_does_not_is() {
        assert!(!stands_out(9, 5.0) && stands_out(20, 5.0) && !stands_out(3, 0.1));
        // 20 requests of a tail, 63.3 % of them one of two replicas' own.
        assert!(!departs(0.633, 0.5, 20.0) && departs(0.633, 0.5, 2_000.0));
        assert!(!departs(1.0, 0.5, 5.0));
    }

    #[test]
    fn a_quantile_is_known_to_a_range_that_narrows_with_the_values() {
        let of = |count: u64| {
            let mut histogram = Histogram::new();
            for n in 1..=count {
                histogram.record(Nanos(n * 1_000_000_000 / count));
            }
            range(&histogram, 0.99)
        };
        assert_eq!(of(500), None);
        let width = |count| of(count).map(|(low, high)| high - low).expect("enough");
        assert!(width(100_000) < width(5_000));
    }
}
