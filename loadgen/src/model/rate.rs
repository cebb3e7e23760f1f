//! Arrivals per second, as a decimal number that is never divided as an integer.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A finite rate above zero, in arrivals per second.
#[derive(
    Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(try_from = "f64", into = "f64")]
pub struct Rate(f64);

/// Why a text or number is no rate.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RateError {
    /// Not a decimal number at all.
    #[error("`{0}` is not a number of requests per second")]
    NotANumber(String),
    /// Zero, negative, infinite or NaN.
    #[error("a rate must be above 0 and finite, and {0} is not")]
    OutOfRange(f64),
}

impl Rate {
    /// Checks and wraps a number of arrivals per second.
    pub fn new(per_second: f64) -> Result<Self, RateError> {
        if per_second.is_finite() && per_second > 0.0 {
            Ok(Self(per_second))
        } else {
            Err(RateError::OutOfRange(per_second))
        }
    }

    /// Arrivals per second.
    #[must_use]
    pub const fn per_second(self) -> f64 {
        self.0
    }
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let number = text.trim();
        let number: f64 = (number.strip_suffix("/s").unwrap_or(number))
            .parse()
            .map_err(|_| RateError::NotANumber(text.to_owned()))?;
        Self::new(number)
    }
}

impl TryFrom<f64> for Rate {
    type Error = RateError;

    fn try_from(per_second: f64) -> Result<Self, RateError> {
        Self::new(per_second)
    }
}

impl From<Rate> for f64 {
    fn from(rate: Rate) -> Self {
        rate.0
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/s", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_may_be_a_fraction_but_not_zero_negative_or_infinite() {
        assert_eq!("0.5".parse::<Rate>().map(Rate::per_second), Ok(0.5));
        assert_eq!("500/s".parse::<Rate>().map(Rate::per_second), Ok(500.0));
        for text in ["0", "-1", "inf", "NaN"] {
            assert!(
                matches!(text.parse::<Rate>(), Err(RateError::OutOfRange(_))),
                "{text}"
            );
        }
        assert_eq!(
            "many".parse::<Rate>(),
            Err(RateError::NotANumber("many".into()))
        );
    }
}
