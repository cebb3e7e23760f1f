//! The one kind of histogram: nanoseconds, 1 µs to 120 s, three significant digits.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram as Hdr;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};
use serde::{
    Deserialize, Deserializer as SerdeDeserializer, Serialize, Serializer as SerdeSerializer,
};

use crate::model::Nanos;

/// The smallest span that is told from its neighbours.
const LOWEST: u64 = 1_000;
/// The largest span; longer ones are recorded as this.
const HIGHEST: u64 = Nanos::CEILING.0;
/// Decimal digits kept.
const DIGITS: u8 = 3;

/// A histogram of spans with fixed bounds, so that any two can be added without loss.
#[derive(Clone)]
pub struct Histogram {
    inner: Hdr<u64>,
}

/// Equal in every bucket. An emptied histogram remembers a largest value that it never held, so
/// empty ones are told by their count.
impl PartialEq for Histogram {
    fn eq(&self, other: &Self) -> bool {
        (self.is_empty() && other.is_empty()) || self.inner == other.inner
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
    Format(#[from] hdrhistogram::serialization::DeserializeError),
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
    /// An empty histogram: some 155 kB, allocated once.
    #[must_use]
    pub fn new() -> Self {
        let inner = Hdr::new_with_bounds(LOWEST, HIGHEST, DIGITS).unwrap_or_else(|error| {
            unreachable!("the bounds are constants that are valid: {error}")
        });
        Self { inner }
    }

    /// Records one span. Never allocates; spans above the ceiling count at the ceiling.
    #[inline]
    pub fn record(&mut self, span: Nanos) {
        // Not 0, which a histogram that was written and read again takes for its bucket's end.
        self.inner.saturating_record(span.0.max(1));
    }

    /// Forgets every span and keeps the memory.
    pub fn empty(&mut self) {
        if !self.is_empty() {
            self.inner.reset();
        }
    }

    /// Adds another histogram, bucket by bucket.
    pub fn add(&mut self, other: &Self) {
        if !other.is_empty() {
            self.inner
                .add(&other.inner)
                .unwrap_or_else(|error| unreachable!("equal bounds always add: {error}"));
        }
    }

    /// How many spans were recorded.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.inner.len()
    }

    /// Whether nothing was recorded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.inner.is_empty()
    }

    /// The span that a share `quantile` (0–1) of the recorded ones do not exceed; zero when empty.
    #[must_use]
    pub fn quantile(&self, quantile: f64) -> Nanos {
        Nanos(self.inner.value_at_quantile(quantile).min(self.max().0))
    }

    /// The shortest span; zero when empty.
    #[must_use]
    pub fn min(&self) -> Nanos {
        Nanos(if self.is_empty() { 0 } else { self.inner.min() })
    }

    /// The longest span; zero when empty.
    #[must_use]
    pub fn max(&self) -> Nanos {
        Nanos(if self.is_empty() { 0 } else { self.inner.max() })
    }

    /// The mean; zero when empty.
    #[must_use]
    pub fn mean(&self) -> Nanos {
        Nanos(self.inner.mean().round() as u64)
    }

    /// How many spans are longer than `span`, to the width of a bucket.
    #[must_use]
    pub fn count_above(&self, span: Nanos) -> u64 {
        let ceiling = self.inner.highest_equivalent(span.0);
        self.buckets()
            .filter(|(value, _)| value.0 > ceiling)
            .map(|(_, count)| count)
            .sum()
    }

    /// The non-empty buckets in order: the highest span that falls into each, and its count.
    pub fn buckets(&self) -> impl Iterator<Item = (Nanos, u64)> + '_ {
        self.inner
            .iter_recorded()
            .map(|step| (Nanos(step.value_iterated_to()), step.count_at_value()))
    }

    /// Base64 of `HdrHistogram` V2 + DEFLATE, the form every `HdrHistogram` library reads.
    #[must_use]
    pub fn to_base64(&self) -> String {
        let mut bytes = Vec::new();
        V2DeflateSerializer::new()
            .serialize(&self.inner, &mut bytes)
            .unwrap_or_else(|error| unreachable!("writing to memory cannot fail: {error}"));
        STANDARD.encode(bytes)
    }

    /// Reads what [`Self::to_base64`] wrote. Other bounds are converted to ours.
    pub fn from_base64(text: &str) -> Result<Self, HistogramError> {
        let bytes = STANDARD.decode(text)?;
        let stored: Hdr<u64> = Deserializer::new().deserialize(&mut bytes.as_slice())?;
        let bounds = (stored.low(), stored.high(), stored.sigfig());
        if bounds != (LOWEST, HIGHEST, DIGITS) {
            return Err(HistogramError::Bounds);
        }
        let mut histogram = Self::new();
        histogram
            .inner
            .add(&stored)
            .map_err(|_| HistogramError::Bounds)?;
        Ok(histogram)
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(spans: &[u64]) -> Histogram {
        let mut histogram = Histogram::new();
        for span in spans {
            histogram.record(Nanos(*span));
        }
        histogram
    }

    #[test]
    fn a_span_above_the_ceiling_counts_at_the_ceiling() {
        let histogram = of(&[u64::MAX]);
        assert_eq!(histogram.count(), 1);
        assert!(histogram.max() >= Nanos::CEILING);
    }

    #[test]
    fn a_histogram_is_as_large_as_bounds_on_threads_assume() {
        // `plan::threads` reckons with 155 kB.
        assert_eq!(8 * Histogram::new().inner.distinct_values(), 155_648);
    }

    #[test]
    fn an_empty_histogram_is_all_zero() {
        let empty = Histogram::new();
        assert_eq!(
            (empty.min(), empty.max(), empty.quantile(0.5)),
            (Nanos(0), Nanos(0), Nanos(0))
        );
    }

    #[test]
    fn an_emptied_histogram_is_as_good_as_new() {
        let mut histogram = of(&[5_000, 7_000_000]);
        histogram.empty();
        assert_eq!(histogram, Histogram::new());
        assert_eq!(histogram.max(), Nanos(0));
        histogram.record(Nanos(90_000));
        assert_eq!(histogram, of(&[90_000]));
    }

    #[test]
    fn garbage_is_refused_and_never_a_panic() {
        assert!(Histogram::from_base64("no base64!").is_err());
        assert!(Histogram::from_base64("AAAAAAAA").is_err());
    }

    #[test]
    fn other_bounds_or_digits_are_refused() {
        for (low, high, digits) in [
            (LOWEST, HIGHEST, 2),
            (1, HIGHEST, DIGITS),
            (LOWEST, 60_000_000_000, DIGITS),
        ] {
            let mut inner = Hdr::new_with_bounds(low, high, digits).expect("bounds");
            inner.record(5_000_000).expect("within");
            let text = Histogram { inner }.to_base64();
            let refused = Histogram::from_base64(&text);
            assert!(matches!(refused, Err(HistogramError::Bounds)), "{low}");
        }
    }

    proptest! {
        #[test]
        fn adding_is_recording_the_union(a in prop::collection::vec(1_000..HIGHEST, 0..50),
                                         b in prop::collection::vec(1_000..HIGHEST, 0..50)) {
            let mut sum = of(&a);
            sum.add(&of(&b));
            prop_assert_eq!(sum, of(&[a, b].concat()));
        }

        #[test]
        fn base64_keeps_every_bucket(spans in prop::collection::vec(1_000..HIGHEST, 0..50)) {
            let histogram = of(&spans);
            let read = Histogram::from_base64(&histogram.to_base64()).expect("what we wrote");
            prop_assert_eq!(read.buckets().collect::<Vec<_>>(), histogram.buckets().collect::<Vec<_>>());
        }
    }
}
