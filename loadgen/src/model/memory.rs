//! How much memory a run may take.

use std::fmt::{Display, Formatter, Result as Formatted};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Units, the ones in which a size is written first.
const UNITS: [(&str, u64); 6] = [
    ("GB", 1_000_000_000),
    ("GiB", 1 << 30),
    ("MB", 1_000_000),
    ("MiB", 1 << 20),
    ("kB", 1_000),
    ("KiB", 1 << 10),
];

/// A size in bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(transparent)]
pub struct Memory(pub u64);

impl Memory {
    /// What a run may take where nobody says how much.
    pub const USUAL: Self = Self(256_000_000);

    /// Whether it is as much as where nobody says how much.
    #[must_use]
    pub fn is_usual(&self) -> bool {
        *self == Self::USUAL
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::USUAL
    }
}

/// `256MB`, `1GB`, `64MiB`: a whole number and a unit.
impl FromStr for Memory {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused = || format!("`{text}` is no size");
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let mut units = UNITS.iter();
        let unit = units.find(|(name, _)| *name == unit.trim_start());
        let number: u64 = number.parse().map_err(|_| refused())?;
        let bytes = unit.and_then(|(_, bytes)| number.checked_mul(*bytes));
        bytes.map(Self).ok_or_else(refused)
    }
}

impl Display for Memory {
    fn fmt(&self, f: &mut Formatter<'_>) -> Formatted {
        let whole = UNITS
            .iter()
            .find(|(_, bytes)| self.0.is_multiple_of(*bytes));
        match whole {
            Some((unit, bytes)) => write!(f, "{}{unit}", self.0 / bytes),
            None => write!(f, "{}kB", self.0.div_ceil(1_000)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_a_number_and_a_unit() {
        for (text, bytes) in [
            ("256MB", 256_000_000),
            ("64MiB", 64 << 20),
            ("1GB", 1_000_000_000),
            ("1500 kB", 1_500_000),
        ] {
            assert_eq!(text.parse(), Ok(Memory(bytes)), "{text}");
        }
        assert_eq!(Memory(256_000_000).to_string(), "256MB");
        assert_eq!(Memory(64 << 20).to_string(), "64MiB");
        assert_eq!(Memory(1_001).to_string(), "2kB");
        for refused in ["256", "5M", "MB", "-1MB", "1.5GB", "99999999999GB", ""] {
            assert!(refused.parse::<Memory>().is_err(), "{refused}");
        }
    }
}
