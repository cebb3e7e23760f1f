//! One instant or span on the run's own monotonic time line.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Nanoseconds: an instant when counted from the run's epoch, a span otherwise.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(transparent)]
pub struct Nanos(pub u64);

impl Nanos {
    /// The epoch, or an empty span.
    pub const ZERO: Self = Self(0);
    pub const SECOND: Self = Self(1_000_000_000);

    /// The longest span that a histogram records as itself: 120 s.
    pub const CEILING: Self = Self(120_000_000_000);

    /// The span since `earlier`, zero where `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Self {
        Self(self.0.saturating_sub(earlier.0))
    }

    /// This instant moved later by `span`.
    #[must_use]
    pub const fn plus(self, span: Self) -> Self {
        Self(self.0.saturating_add(span.0))
    }

    /// This instant moved earlier by `span`, at most to the epoch.
    #[must_use]
    pub const fn minus(self, span: Self) -> Self {
        Self(self.0.saturating_sub(span.0))
    }

    /// The span in seconds.
    #[must_use]
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// The nearest span to `seconds`; negative and non-finite values become zero.
    #[must_use]
    pub fn from_secs_f64(seconds: f64) -> Self {
        if seconds.is_finite() && seconds > 0.0 {
            Self((seconds * 1e9).round() as u64)
        } else {
            Self::ZERO
        }
    }
}

impl From<Duration> for Nanos {
    fn from(duration: Duration) -> Self {
        Self(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
    }
}

impl From<Nanos> for Duration {
    fn from(nanos: Nanos) -> Self {
        Self::from_nanos(nanos.0)
    }
}

impl fmt::Display for Nanos {
    /// Three significant digits and the unit that fits: `843 ns`, `12.3 ms`, `1.00 s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scale, unit) = match self.0 {
            0..1_000 => return write!(f, "{} ns", self.0),
            1_000..1_000_000 => (1e3, "µs"),
            1_000_000..1_000_000_000 => (1e6, "ms"),
            _ => (1e9, "s"),
        };
        let value = self.0 as f64 / scale;
        let decimals = if value < 9.995 {
            2
        } else {
            usize::from(value < 99.95)
        };
        write!(f, "{value:.decimals$} {unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_shown_with_three_significant_digits() {
        for (nanos, text) in [
            (843, "843 ns"),
            (1_234, "1.23 µs"),
            (12_345_678, "12.3 ms"),
            (123_456_789, "123 ms"),
            (1_000_000_000, "1.00 s"),
        ] {
            assert_eq!(Nanos(nanos).to_string(), text);
        }
    }

    #[test]
    fn since_never_goes_below_zero() {
        assert_eq!(Nanos(5).since(Nanos(9)), Nanos::ZERO);
    }
}
