//! A histogram as the record has it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::recorder::{Histogram, HistogramError};

/// A histogram with its usual figures, all in nanoseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Quantiles {
    /// Values recorded.
    pub count: u64,
    /// Shortest.
    pub min: u64,
    /// Mean.
    pub mean: u64,
    /// Median.
    pub p50: u64,
    /// 90 % are not above it.
    pub p90: u64,
    /// 95 % are not above it.
    pub p95: u64,
    /// 99 % are not above it.
    pub p99: u64,
    /// 99.9 % are not above it.
    pub p99_9: u64,
    /// 99.99 % are not above it.
    pub p99_99: u64,
    /// Longest.
    pub max: u64,
    /// Base64 of `HdrHistogram` V2+DEFLATE; empty when nothing was recorded.
    pub hdr: String,
}

impl Quantiles {
    /// The figures of a histogram, and the histogram itself.
    #[must_use]
    pub fn of(histogram: &Histogram) -> Self {
        let hdr = if histogram.is_empty() {
            String::new()
        } else {
            histogram.to_base64()
        };
        Self {
            hdr,
            ..Self::figures(histogram)
        }
    }

    /// The figures of a histogram alone, for drawing.
    #[must_use]
    pub fn figures(histogram: &Histogram) -> Self {
        let at = |quantile| histogram.quantile(quantile).0;
        Self {
            count: histogram.count(),
            min: histogram.min().0,
            mean: histogram.mean().0,
            p50: at(0.5),
            p90: at(0.9),
            p95: at(0.95),
            p99: at(0.99),
            p99_9: at(0.999),
            p99_99: at(0.9999),
            max: histogram.max().0,
            hdr: String::new(),
        }
    }

    /// The sum of histograms. One that cannot be read is passed over: an old record is always read.
    #[must_use]
    pub fn sum<'a>(parts: impl Iterator<Item = &'a Self>) -> Histogram {
        let mut sum = Histogram::new();
        for histogram in parts.filter_map(|part| part.histogram().ok()) {
            sum.add(&histogram);
        }
        sum
    }

    /// The histogram itself.
    pub fn histogram(&self) -> Result<Histogram, HistogramError> {
        if self.hdr.is_empty() {
            Ok(Histogram::new())
        } else {
            Histogram::from_base64(&self.hdr)
        }
    }
}
