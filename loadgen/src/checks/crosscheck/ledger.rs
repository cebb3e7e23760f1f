//! Names a difference between two counts: certain entries first, then only as much of each
//! uncertain one as is needed.

use crate::record::Residual;

/// A named number of requests that a count has beyond the client's over the whole run; negative where
/// it lacks them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: &'static str,
    pub(super) count: i64,
    /// The part of it that belongs to the warm-up.
    pub(super) warmup: i64,
    pub(super) note: String,
}

/// What is known of the differences between one count and the client's.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    /// Differences that must be there.
    certain: Vec<Entry>,
    /// Differences that may be there, each up to its count, the likeliest first.
    possible: Vec<Entry>,
}

/// How many requests there are of a kind: in the measured part, and in the warm-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Parts {
    pub(super) measured: u64,
    pub(super) warmup: u64,
}

impl Parts {
    pub(super) const fn sum(self) -> u64 {
        self.measured + self.warmup
    }
}

impl Entry {
    /// One that is the measured part's alone, or no part of it at all.
    pub(super) fn new(name: &'static str, count: i64, note: impl Into<String>) -> Self {
        Self {
            name,
            count,
            warmup: 0,
            note: note.into(),
        }
    }

    /// So much of it as `count`; of the warm-up a part in proportion, where both parts had some.
    fn of(&self, count: i64) -> Self {
        let whole = i128::from(self.count.max(1).max(-self.count));
        let part = i128::from(count.abs()) * i128::from(self.warmup.abs());
        let part = (part + whole / 2) / whole;
        Self {
            count,
            warmup: count.signum() * i64::try_from(part).unwrap_or(0),
            ..self.clone()
        }
    }

    pub(super) fn into_residual(self, side: &str) -> Residual {
        Residual {
            name: self.name.to_owned(),
            count: self.count,
            side: side.to_owned(),
            note: (!self.note.is_empty()).then_some(self.note),
        }
    }
}

impl Ledger {
    /// `count` requests more than the client's (fewer when negative), for certain.
    pub(super) fn certain(&mut self, name: &'static str, count: i64, note: impl Into<String>) {
        self.certain.push(Entry::new(name, count, note));
    }

    /// Up to so many requests fewer than the client's.
    pub(super) fn lacking(&mut self, name: &'static str, parts: Parts, note: impl Into<String>) {
        self.possible.push(Entry {
            name,
            count: -parts.sum().cast_signed(),
            warmup: -parts.warmup.cast_signed(),
            note: note.into(),
        });
    }

    /// Up to so many requests more than the client's.
    pub(super) fn surplus(&mut self, name: &'static str, parts: Parts, note: impl Into<String>) {
        self.possible.push(Entry {
            name,
            count: parts.sum().cast_signed(),
            warmup: parts.warmup.cast_signed(),
            note: note.into(),
        });
    }

    /// The most requests that the count may lack without a contradiction.
    pub(super) fn most_lacking(&self) -> u64 {
        let lacking = self.possible.iter().filter(|entry| entry.count < 0);
        lacking.map(|entry| entry.count.unsigned_abs()).sum()
    }

    /// Names `difference`; gives away what stays without a name.
    pub(super) fn settle(&self, difference: i64) -> (Vec<Entry>, i64) {
        let mut named: Vec<Entry> = self.certain.clone();
        let mut rest = difference - named.iter().map(|entry| entry.count).sum::<i64>();
        for entry in &self.possible {
            if rest.signum() == entry.count.signum() {
                let count = rest.signum() * rest.abs().min(entry.count.abs());
                named.push(entry.of(count));
                rest -= count;
            }
        }
        named.retain(|entry| entry.count != 0);
        (named, rest)
    }
}

/// All that is named together.
pub(super) fn sum(named: &[Entry]) -> i64 {
    named.iter().map(|entry| entry.count).sum()
}

/// Takes the warm-up's part out of what is named; gives away the sum of what was taken.
pub(super) fn take_warmup(named: &mut Vec<Entry>) -> i64 {
    let mut taken = 0;
    for entry in named.iter_mut() {
        taken += entry.warmup;
        entry.count -= std::mem::take(&mut entry.warmup);
    }
    named.retain(|entry| entry.count != 0);
    taken
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn of(measured: u64) -> Parts {
        Parts {
            measured,
            warmup: 0,
        }
    }

    #[test]
    fn the_warmups_part_is_taken_out_in_proportion() {
        let mut ledger = Ledger::default();
        let parts = Parts {
            measured: 43,
            warmup: 17,
        };
        ledger.lacking("broken-connections", parts, "");
        let settle = |difference| {
            let (mut named, rest) = ledger.settle(difference);
            let warmup = take_warmup(&mut named);
            (named.first().map_or(0, |entry| entry.count), warmup, rest)
        };
        assert_eq!(settle(-60), (-43, -17, 0));
        assert_eq!(settle(-30), (-21, -9, 0));
        assert_eq!(settle(-61), (-43, -17, -1));
        assert_eq!(settle(0), (0, 0, 0));
    }

    #[test]
    fn only_what_is_needed_is_named() {
        let mut ledger = Ledger::default();
        ledger.certain("not-connected", -3, "");
        ledger.lacking("timeout-errors", of(5), "");
        ledger.surplus("retried-requests", of(4), "");
        let settle = |difference| {
            let (named, rest) = ledger.settle(difference);
            let named: Vec<_> = named
                .iter()
                .map(|entry| (entry.name, entry.count))
                .collect();
            (named, rest)
        };
        assert_eq!(settle(-3), (vec![("not-connected", -3)], 0));
        assert_eq!(
            settle(-5),
            (vec![("not-connected", -3), ("timeout-errors", -2)], 0)
        );
        assert_eq!(
            settle(-10),
            (vec![("not-connected", -3), ("timeout-errors", -5)], -2)
        );
        assert_eq!(
            settle(0),
            (vec![("not-connected", -3), ("retried-requests", 3)], 0)
        );
        assert_eq!(
            settle(9),
            (vec![("not-connected", -3), ("retried-requests", 4)], 8)
        );
    }

    proptest! {
        #[test]
        fn what_is_named_and_the_rest_are_the_difference(
            difference in -50i64..50,
            certain in prop::collection::vec(-9i64..9, 0..3),
            possible in prop::collection::vec((-9i64..9, 0u64..9), 0..5),
        ) {
            let mut ledger = Ledger::default();
            for count in certain { ledger.certain("c", count, ""); }
            for (count, warmup) in possible {
                let parts = Parts { measured: count.unsigned_abs(), warmup };
                if count < 0 {
                    ledger.lacking("p", parts, "");
                } else {
                    ledger.surplus("p", parts, "");
                }
            }
            let (mut named, rest) = ledger.settle(difference);
            let sum = |named: &[Entry]| named.iter().map(|entry| entry.count).sum::<i64>();
            prop_assert_eq!(sum(&named) + rest, difference);
            let warmup = take_warmup(&mut named);
            prop_assert_eq!(sum(&named) + warmup + rest, difference);
        }
    }
}
