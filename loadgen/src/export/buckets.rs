//! A histogram in the buckets of a metrics page.

use crate::model::Nanos;
use crate::recorder::Histogram;

/// Upper bounds of the buckets, in nanoseconds: three a decade from 10 µs to 10 s.
pub(super) const BOUNDS: [u64; 19] = [
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    10_000_000_000,
];

/// Counts by bucket; they only ever grow.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Buckets {
    /// Spans in each bucket; the last one has no bound.
    counts: [u64; BOUNDS.len() + 1],
    /// The sum of all spans, in seconds, to the precision of the histograms (0.1 %).
    pub(super) sum: f64,
}

impl Buckets {
    /// Adds what a second recorded. A span counts in the bucket of the highest value that its
    /// histogram cannot tell it from, which is at most 0.1 % above it.
    pub(super) fn add(&mut self, histogram: &Histogram) {
        for (span, count) in histogram.buckets() {
            self.counts[BOUNDS.partition_point(|bound| *bound < span.0)] += count;
        }
        self.sum += histogram.mean().as_secs_f64() * histogram.count() as f64;
    }

    /// Each bound in seconds with the spans up to it.
    pub(super) fn cumulative(&self) -> impl Iterator<Item = (f64, u64)> + '_ {
        let mut sum = 0;
        BOUNDS.iter().zip(&self.counts).map(move |(bound, count)| {
            sum += count;
            (Nanos(*bound).as_secs_f64(), sum)
        })
    }

    pub(super) fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_span_is_in_one_bucket_and_in_all_above() {
        let mut histogram = Histogram::new();
        for span in [9_000, 900_000, 900_000, 60_000_000_000] {
            histogram.record(Nanos(span));
        }
        let mut buckets = Buckets::default();
        buckets.add(&histogram);
        buckets.add(&histogram);
        let told: Vec<_> = buckets.cumulative().collect();
        assert_eq!(told[0], (0.000_01, 2));
        assert_eq!(told[5], (0.000_5, 2));
        assert_eq!(told[6], (0.001, 6));
        assert_eq!(told[18], (10.0, 6));
        assert_eq!(buckets.count(), 8);
        assert!((buckets.sum - 120.003_6).abs() < 0.06, "{}", buckets.sum);
    }
}
