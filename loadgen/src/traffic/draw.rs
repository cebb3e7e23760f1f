//! Chance that is no state: a number for each seed, purpose and k.

use crate::model::{GOLDEN, mixed};

/// What is drawn for, so that draws for one purpose tell nothing of those for another.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    Request,
    /// The high or low half of an identifier.
    Uuid(u64),
    /// The table in this place.
    Row(u64),
}

/// A number for arrival `k`, uniform over all there are.
pub(super) const fn draw(seed: u64, purpose: Purpose, k: u64) -> u64 {
    let stream = match purpose {
        Purpose::Request => 1,
        Purpose::Uuid(half) => 2 + half,
        Purpose::Row(place) => 16 + place,
    };
    let start = mixed(seed ^ mixed(stream.wrapping_mul(GOLDEN)));
    mixed(start.wrapping_add(k.wrapping_mul(GOLDEN)))
}

/// `draw` as a number below `n`.
pub(super) const fn below(n: u64, drawn: u64) -> u64 {
    ((drawn as u128 * n as u128) >> 64) as u64
}
