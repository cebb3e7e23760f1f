//! Which seconds of which groups there are: a few numbers, however long a run is.

use std::collections::BTreeMap;

/// Seconds of groups, as stretches without a gap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage(BTreeMap<usize, BTreeMap<u64, u64>>);

impl Coverage {
    /// Those of a group, from a second on, so many.
    #[must_use]
    pub fn of(stretches: impl Iterator<Item = (usize, u64, u64)>) -> Self {
        let mut coverage = Self::default();
        for (group, from, seconds) in stretches {
            coverage.add(group, from, seconds);
        }
        coverage
    }

    /// Adds so many seconds of a group.
    pub fn add(&mut self, group: usize, from: u64, seconds: u64) {
        let stretches = self.0.entry(group).or_default();
        let (mut from, mut to) = (from, from.saturating_add(seconds));
        // What it touches becomes a part of it: the one before, and those that begin within.
        while let Some((begin, end)) = stretches.range(..=to).next_back()
            && *end >= from
        {
            let (begin, end) = (*begin, *end);
            stretches.remove(&begin);
            (from, to) = (from.min(begin), to.max(end));
        }
        stretches.insert(from, to);
    }

    /// The seconds of a stretch that are there, and the first `most` of those that are not.
    pub(super) fn within(
        &self,
        group: usize,
        from: u64,
        seconds: u64,
        most: usize,
    ) -> (u64, Vec<u64>) {
        let to = from.saturating_add(seconds);
        let nothing = BTreeMap::new();
        let stretches = self.0.get(&group).unwrap_or(&nothing);
        let before = stretches.range(..from).next_back();
        let (mut at, mut there, mut missing) = (from, 0, Vec::new());
        let mut miss = |gap: std::ops::Range<u64>| {
            let left = most - missing.len();
            missing.extend(gap.take(left));
        };
        for (begin, end) in before.into_iter().chain(stretches.range(from..to)) {
            let (begin, end) = ((*begin).clamp(at, to), (*end).clamp(at, to));
            miss(at..begin);
            there += end - begin;
            at = end;
        }
        miss(at..to);
        (there, missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn it_knows_each_second_that_a_set_of_them_would(
            stretches in prop::collection::vec((0..2_usize, 0..40_u64, 1..6_u64), 0..12),
            from in 0..40_u64, seconds in 1..30_u64,
        ) {
            let coverage = Coverage::of(stretches.iter().copied());
            let set: BTreeSet<_> = stretches.iter()
                .flat_map(|(group, from, n)| (*from..from + n).map(move |second| (*group, second)))
                .collect();
            let (there, missing) = coverage.within(1, from, seconds, 5);
            let (is, is_not): (Vec<_>, Vec<_>) = (from..from + seconds)
                .partition(|second| set.contains(&(1, *second)));
            prop_assert_eq!(there, is.len() as u64);
            prop_assert_eq!(missing, is_not.into_iter().take(5).collect::<Vec<_>>());
        }
    }
}
