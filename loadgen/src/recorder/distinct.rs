//! How many different names there were, of which none is kept.
//!
//! The least of the names' hashes are kept, at most [`Distinct::EXACTLY`]. As long as there are fewer,
//! each is a name. From then on their number follows from how near together they lie, to some 3 %.
//! Two of these merge by union, in any order.

use serde::{Deserialize, Serialize};

use crate::model::mixed;

/// Hashes have so many bits: no number of stored evidence is larger.
const BITS: u32 = 48;

/// A number of different names, counted by the least of their hashes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Distinct {
    /// In order, each once.
    hashes: Vec<u64>,
}

impl Distinct {
    /// Up to so many names the number is exact.
    pub const EXACTLY: usize = 1_024;

    /// Meets a name, for the first time or again.
    pub fn meet(&mut self, name: &[u8]) {
        self.take(hash(name));
    }

    fn take(&mut self, hash: u64) {
        let is_full = self.hashes.len() == Self::EXACTLY;
        if is_full && self.hashes.last().is_some_and(|last| hash >= *last) {
            return;
        }
        if let Err(place) = self.hashes.binary_search(&hash) {
            if is_full {
                self.hashes.pop();
            }
            self.hashes.insert(place, hash);
        }
    }

    /// Adds the names that another met.
    pub fn add(&mut self, other: &Self) {
        for hash in &other.hashes {
            self.take(*hash);
        }
    }

    /// How many names there were, and whether that is exact.
    #[must_use]
    pub fn count(&self) -> (u64, bool) {
        let kept = self.hashes.len();
        match self.hashes.last() {
            Some(last) if kept >= Self::EXACTLY => {
                let share = (last + 1) as f64 / (1_u64 << BITS) as f64;
                (((kept - 1) as f64 / share).round() as u64, false)
            }
            _ => (kept as u64, true),
        }
    }

    /// Whether there was none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    pub fn empty(&mut self) {
        self.hashes.clear();
    }
}

/// The same for the same bytes in every process: FNV-1a, and what spreads it over all bits.
fn hash(name: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in name {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    mixed(hash) >> (u64::BITS - BITS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(names: impl Iterator<Item = u32>) -> Distinct {
        let mut distinct = Distinct::default();
        for n in names {
            distinct.meet(format!("replica-{n}").as_bytes());
        }
        distinct
    }

    #[test]
    fn a_thousand_names_are_counted_exactly_and_more_nearly_so() {
        assert_eq!(Distinct::default().count(), (0, true));
        assert_eq!(of((0..1_000).chain(0..1_000)).count(), (1_000, true));
        for names in [5_000_u32, 100_000] {
            let (count, is_exact) = of(0..names).count();
            let off = (count as f64 / f64::from(names) - 1.0).abs();
            assert!(off < 0.1 && !is_exact, "{count} of {names}");
        }
    }

    proptest! {
        #[test]
        fn names_merge_in_any_order(names in prop::collection::vec(0..4_000_u32, 0..3_000), at in 0..3_000_usize) {
            let whole = of(names.iter().copied());
            let (some, rest) = names.split_at(at.min(names.len()));
            let mut sum = of(rest.iter().copied());
            sum.add(&of(some.iter().copied()));
            prop_assert_eq!(sum, whole);
        }
    }
}
