//! Names a difference between two counts: certain entries first, then only as much of each
//! uncertain one as is needed.

use crate::checks::Residual;

/// A named number of requests that a book has beyond the client's; negative where it lacks them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: &'static str,
    pub(super) count: i64,
    pub(super) note: String,
}

/// What is known of the differences between one book and the client's.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    /// Differences that must be there.
    certain: Vec<Entry>,
    /// Differences that may be there, each up to its count, the likeliest first.
    possible: Vec<Entry>,
}

impl Entry {
    pub(super) fn new(name: &'static str, count: i64, note: impl Into<String>) -> Self {
        Self {
            name,
            count,
            note: note.into(),
        }
    }

    pub(super) fn into_residual(self, book: &str) -> Residual {
        Residual {
            name: self.name.to_owned(),
            count: self.count,
            book: book.to_owned(),
            note: (!self.note.is_empty()).then_some(self.note),
        }
    }
}

impl Ledger {
    /// `count` requests more than the client's (fewer when negative), for certain.
    pub(super) fn certain(&mut self, name: &'static str, count: i64, note: impl Into<String>) {
        self.certain.push(Entry::new(name, count, note));
    }

    /// Up to `count` requests more than the client's (fewer when negative).
    pub(super) fn possible(&mut self, name: &'static str, count: i64, note: impl Into<String>) {
        self.possible.push(Entry::new(name, count, note));
    }

    /// The most requests that the book may lack, or have too many, without a contradiction.
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
                named.push(Entry {
                    count,
                    ..entry.clone()
                });
                rest -= count;
            }
        }
        named.retain(|entry| entry.count != 0);
        (named, rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_what_is_needed_is_named() {
        let mut ledger = Ledger::default();
        ledger.certain("not-connected", -3, "");
        ledger.possible("timeout-errors", -5, "");
        ledger.possible("retried-requests", 4, "");
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
            possible in prop::collection::vec(-9i64..9, 0..5),
        ) {
            let mut ledger = Ledger::default();
            for count in certain { ledger.certain("c", count, ""); }
            for count in possible { ledger.possible("p", count, ""); }
            let (named, rest) = ledger.settle(difference);
            prop_assert_eq!(named.iter().map(|entry| entry.count).sum::<i64>() + rest, difference);
        }
    }
}
