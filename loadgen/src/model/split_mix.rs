//! Chance that is no state: numbers in a row become numbers that look like nothing of the kind.

/// 2^64 divided by the golden ratio, odd: its multiples are spread as evenly as any can be.
pub const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// The finaliser of `SplitMix64` (Steele, Lea and Flood, 2014): each bit depends on each.
#[must_use]
pub const fn mixed(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
