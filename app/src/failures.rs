//! Decides which answers are errors: an exact share of them, spaced evenly.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::FailRatio;

/// Of any n requests in a row, the share times n fail, to within one.
///
/// Evenly spaced rather than drawn, so that an experiment can predict the count and
/// not only its expectation. The seed moves the first failure.
#[derive(Debug)]
pub(crate) struct Failures {
    share: f64,
    phase: f64,
    n_decided: AtomicU64,
}

impl Failures {
    pub(crate) fn new(ratio: FailRatio, seed: u64) -> Self {
        // The golden ratio spreads neighbouring seeds over the period.
        let phase = (seed as f64 * 0.618_033_988_749_895).fract();
        Self {
            share: ratio.share(),
            phase,
            n_decided: AtomicU64::new(0),
        }
    }

    /// Whether the next request fails.
    pub(crate) fn next(&self) -> bool {
        if self.share == 0.0 {
            return false;
        }
        let nth = self.n_decided.fetch_add(1, Ordering::Relaxed);
        self.n_failed_of(nth + 1) > self.n_failed_of(nth)
    }

    fn n_failed_of(&self, n_requests: u64) -> u64 {
        self.share.mul_add(n_requests as f64, self.phase) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn n_failed(share: &str, seed: u64, n_requests: usize) -> usize {
        let failures = Failures::new(share.parse().unwrap(), seed);
        (0..n_requests).filter(|_| failures.next()).count()
    }

    #[test]
    fn the_share_is_exact_for_every_seed() {
        for seed in [0, 1, 2, 42, u64::MAX] {
            assert_eq!(n_failed("0", seed, 10_000), 0);
            assert_eq!(n_failed("0.25", seed, 10_000), 2_500);
            assert_eq!(n_failed("1", seed, 10_000), 10_000);
            assert!(n_failed("0.01", seed, 10_000).abs_diff(100) <= 1);
        }
    }

    #[test]
    fn the_seed_moves_the_first_failure() {
        let first = |seed| {
            let failures = Failures::new("0.1".parse().unwrap(), seed);
            (0..10).position(|_| failures.next())
        };
        assert!(first(1).is_some());
        assert_ne!(first(1), first(2));
    }
}
