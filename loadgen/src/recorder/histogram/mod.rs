//! The one kind of histogram: nanoseconds, 1 µs to 120 s, three significant digits.
//!
//! # Layout
//! `counts` holds the buckets, in memory as far as they are used; `coded` is how they are stored.

mod coded;
mod counts;
#[cfg(test)]
mod tests;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{
    Deserialize, Deserializer as SerdeDeserializer, Serialize, Serializer as SerdeSerializer,
};

use crate::model::Nanos;
use counts::{Counts, bucket_of, longest_of, span_of};

/// The smallest span that is told from its neighbours.
const LOWEST: u64 = 1_000;
/// The largest span; longer ones are recorded as this.
const HIGHEST: u64 = Nanos::CEILING.0;
/// Decimal digits kept.
const DIGITS: u8 = 3;
/// Buckets that this makes.
const BUCKETS: usize = 19_456;

/// A histogram of spans with fixed bounds, so that any two can be added without loss.
///
/// Memory grows with the buckets that are used, to 155 kB at the most; a single span takes one
/// kilobyte, and what a service answers in a second ten or twenty.
#[derive(Clone)]
pub struct Histogram {
    counts: Counts,
    total: u64,
}

/// Equal in every bucket.
impl PartialEq for Histogram {
    fn eq(&self, other: &Self) -> bool {
        self.total == other.total && self.counts == other.counts
    }
}

/// Not its thousands of buckets.
impl std::fmt::Debug for Histogram {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Histogram({} spans, {} to {})",
            self.count(),
            self.min(),
            self.max()
        )
    }
}

/// Why a stored histogram could not be read.
#[derive(Debug, thiserror::Error)]
pub enum HistogramError {
    /// Not base64.
    #[error("histogram is not base64: {0}")]
    Base64(#[from] base64::DecodeError),
    /// Not `HdrHistogram` V2 + DEFLATE.
    #[error("histogram is not HdrHistogram V2+DEFLATE: {0}")]
    Format(&'static str),
    /// Its buckets are others than ours.
    #[error("histogram is not of 1 µs to 120 s with three digits")]
    Bounds,
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

impl Histogram {
    /// The most bytes that the buckets of one histogram take.
    pub const MOST_BYTES: usize = BUCKETS * size_of::<u64>();

    /// An empty histogram, which has no memory yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            counts: Counts::new(),
            total: 0,
        }
    }

    /// Records one span; spans above the ceiling count at the ceiling. Allocates only where a
    /// kilobyte of buckets is used for the first time.
    #[inline]
    pub fn record(&mut self, span: Nanos) {
        self.counts.record(bucket_of(span.0.min(HIGHEST)));
        self.total += 1;
    }

    /// Forgets every span and keeps the memory.
    pub fn empty(&mut self) {
        if !self.is_empty() {
            self.counts.empty();
            self.total = 0;
        }
    }

    /// Adds another histogram, bucket by bucket.
    pub fn add(&mut self, other: &Self) {
        self.counts.add(&other.counts);
        self.total = self.total.saturating_add(other.total);
    }

    /// How many spans were recorded.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.total
    }

    /// Whether nothing was recorded.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// The span that a share `quantile` (0–1) of the recorded ones do not exceed; zero when empty.
    #[must_use]
    pub fn quantile(&self, quantile: f64) -> Nanos {
        if quantile <= 0.0 {
            return self.min();
        }
        let wanted = (quantile.min(1.0) * self.total as f64).ceil().max(1.0) as u64;
        let mut reached = 0_u64;
        let found = self.counts.iter().find(|(_, count)| {
            reached = reached.saturating_add(*count);
            reached >= wanted
        });
        found.map_or(Nanos::ZERO, |(bucket, _)| Nanos(longest_of(bucket)))
    }

    /// The shortest span; zero when empty.
    #[must_use]
    pub fn min(&self) -> Nanos {
        let first = self.counts.iter().next();
        first.map_or(Nanos::ZERO, |(bucket, _)| Nanos(span_of(bucket).0))
    }

    /// The longest span; zero when empty.
    #[must_use]
    pub fn max(&self) -> Nanos {
        let last = self.counts.iter().next_back();
        last.map_or(Nanos::ZERO, |(bucket, _)| Nanos(longest_of(bucket)))
    }

    /// The mean; zero when empty.
    #[must_use]
    pub fn mean(&self) -> Nanos {
        let total = self.total as f64;
        let part = |(bucket, count): (usize, u64)| {
            let (shortest, width) = span_of(bucket);
            (shortest + width / 2) as f64 * count as f64 / total
        };
        Nanos(self.counts.iter().map(part).sum::<f64>().round() as u64)
    }

    /// How many spans are longer than `span`, to the width of a bucket.
    #[must_use]
    pub fn count_above(&self, span: Nanos) -> u64 {
        let last = bucket_of(span.0);
        let above = self.counts.iter().rev();
        let above = above.take_while(|(bucket, _)| *bucket > last);
        above.map(|(_, count)| count).sum()
    }

    /// The non-empty buckets in order: the highest span that falls into each, and its count.
    pub fn buckets(&self) -> impl Iterator<Item = (Nanos, u64)> + '_ {
        let buckets = self.counts.iter();
        buckets.map(|(bucket, count)| (Nanos(longest_of(bucket)), count))
    }

    /// Bytes of memory that it holds beyond itself.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.counts.bytes()
    }

    /// Base64 of `HdrHistogram` V2 + DEFLATE, the form every `HdrHistogram` library reads.
    #[must_use]
    pub fn to_base64(&self) -> String {
        STANDARD.encode(coded::encode(&self.counts))
    }

    /// Reads what [`Self::to_base64`] wrote. Other bounds are refused.
    pub fn from_base64(text: &str) -> Result<Self, HistogramError> {
        let counts = coded::decode(&STANDARD.decode(text)?)?;
        let total = counts.iter().map(|(_, count)| count);
        Ok(Self {
            total: total.fold(0, u64::saturating_add),
            counts,
        })
    }
}

/// As [`Histogram::to_base64`] writes it; an empty one is an empty text.
impl Serialize for Histogram {
    fn serialize<S: SerdeSerializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if self.is_empty() {
            to.serialize_str("")
        } else {
            to.serialize_str(&self.to_base64())
        }
    }
}

impl<'de> Deserialize<'de> for Histogram {
    fn deserialize<D: SerdeDeserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        if text.is_empty() {
            return Ok(Self::new());
        }
        Self::from_base64(&text).map_err(serde::de::Error::custom)
    }
}
