//! Intervals in bounded memory: as they become many, neighbours are folded, bucket by bucket.
//!
//! **Invariant:** what is folded is neither more nor less than before, in any count or bucket, and
//! only what follows without a gap is folded: a second that is missing stays missing.

use std::collections::BTreeMap;
use std::fmt::Formatter;

use serde::Deserializer;
use serde::de::{Error as _, SeqAccess, Visitor};

use super::IntervalRecord;
use crate::model::{Memory, Nanos};
use crate::recorder::{Names, Phase, TallyPool, Window, length};

/// Folds intervals of each group as they come, in order of time, to ones of a length.
#[derive(Debug)]
pub struct Folding {
    /// In seconds.
    length: u64,
    /// Where the measured part ends, in nanoseconds from its beginning.
    end: i64,
    open: BTreeMap<(String, Phase), Window>,
    pool: TallyPool,
}

impl Folding {
    /// Folds to `length` seconds; what is before the end of the measured part and what is after it
    /// stay apart.
    #[must_use]
    pub fn to(length: u64, end: Nanos, pool: TallyPool) -> Self {
        Self {
            length,
            end: i64::try_from(end.0).unwrap_or(i64::MAX),
            open: BTreeMap::new(),
            pool,
        }
    }

    /// Takes in an interval, and gives away the one that is complete by it: the one before it, or
    /// itself where it is as long as any becomes.
    pub fn take(&mut self, interval: IntervalRecord) -> Option<IntervalRecord> {
        let key = (interval.host.clone(), interval.phase);
        if interval.seconds() >= self.length && !self.open.contains_key(&key) {
            return Some(interval);
        }
        let window = interval.window(0);
        let place = |start| length::place(start, self.length, self.end);
        if let Some(open) = self.open.get_mut(&key)
            && open.end() == window.start
            && place(open.start) == place(window.start)
        {
            open.fold(&window, &mut self.pool);
            self.pool.give(window.tally);
            return None;
        }
        let done = self.open.insert(key, window)?;
        let folded = IntervalRecord::of(&done, &interval.host);
        self.pool.give(done.tally);
        Some(folded)
    }

    /// Gives away what is still open, in order of time.
    pub fn rest(&mut self) -> Vec<IntervalRecord> {
        let open = std::mem::take(&mut self.open);
        let open = open.into_iter();
        let mut rest: Vec<_> = open
            .map(|((host, _), window)| IntervalRecord::of(&window, &host))
            .collect();
        rest.sort_by_key(|interval| interval.start);
        rest
    }
}

/// A day in one is as long as it gets, in seconds.
const LONGEST: u64 = 86_400;

/// Holds intervals that come in order of time, as finely as fits.
#[derive(Debug)]
pub struct Aged {
    most: u64,
    end: Nanos,
    names: usize,
    /// Of the intervals that are held, in seconds.
    length: u64,
    weight: u64,
    held: Vec<IntervalRecord>,
    folding: Option<Folding>,
}

impl Aged {
    /// Holds at most so many bytes, for a measured part that ends there, and names of replicas up to a
    /// number.
    #[must_use]
    pub const fn at_most(bytes: u64, end: Nanos, names: usize) -> Self {
        Self {
            most: bytes,
            end,
            names,
            length: 1,
            weight: 0,
            held: Vec::new(),
            folding: None,
        }
    }

    /// Whether there are more than a run can have: windows of a day each that do not fit.
    #[must_use]
    pub const fn is_too_many(&self) -> bool {
        self.weight > self.most && self.length > LONGEST
    }

    /// Takes in the next interval. One that is longer than those before makes all as long.
    pub fn take(&mut self, interval: IntervalRecord) {
        if interval.seconds() > self.length {
            self.lengthen(interval.seconds());
        }
        match &mut self.folding {
            None => self.hold(interval),
            Some(folding) => {
                if let Some(done) = folding.take(interval) {
                    self.hold(done);
                }
            }
        }
    }

    fn hold(&mut self, interval: IntervalRecord) {
        self.weight += interval.weight();
        self.held.push(interval);
        if self.weight > self.most && self.length <= LONGEST {
            self.lengthen(self.length + 1);
        }
    }

    /// Folds what is held to intervals of at least so many seconds.
    fn lengthen(&mut self, seconds: u64) {
        while self.length < seconds {
            self.length = length::longer(self.length);
        }
        let pool = TallyPool::telling_apart(self.names);
        let before = self
            .folding
            .replace(Folding::to(self.length, self.end, pool));
        let mut held = std::mem::take(&mut self.held);
        held.extend(before.into_iter().flat_map(|mut before| before.rest()));
        held.sort_by_key(|interval| interval.start);
        self.weight = 0;
        for interval in held {
            self.take(interval);
        }
    }

    /// Everything, in order of time.
    #[must_use]
    pub fn finish(mut self) -> Vec<IntervalRecord> {
        if let Some(mut folding) = self.folding {
            self.held.extend(folding.rest());
            self.held.sort_by_key(|interval| interval.start);
        }
        self.held
    }
}

/// The most bytes of intervals that are read of a record; it may be anybody's.
const MOST_READ: u64 = Memory::USUAL.0 / 8;

/// Reads intervals of a record one by one, so that no number of them takes more memory than that.
pub(super) fn in_bounds<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Vec<IntervalRecord>, D::Error> {
    struct Intervals;

    impl<'de> Visitor<'de> for Intervals {
        type Value = Vec<IntervalRecord>;

        fn expecting(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
            f.write_str("a list of intervals")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            // Where the measured part ends nobody has said yet; a day, the longest one, ends with an
            // interval of every length.
            let mut aged = Aged::at_most(MOST_READ, Nanos(u64::MAX), Names::MOST);
            while let Some(interval) = list.next_element::<IntervalRecord>()? {
                if !interval.is_of_a_run() {
                    return Err(A::Error::custom("an interval is out of bounds"));
                }
                aged.take(interval);
                if aged.is_too_many() {
                    return Err(A::Error::custom("it has more intervals than a run"));
                }
            }
            Ok(aged.finish())
        }
    }

    from.deserialize_seq(Intervals)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Outcome, ReplicaId, Sample};
    use crate::recorder::{Histogram, ReplicaTally, Tally};
    use proptest::prelude::*;

    /// A second of a group with requests of these lengths, in microseconds.
    fn second(group: &str, second: i64, spans: &[u64]) -> IntervalRecord {
        let mut tally = Tally::default();
        let mut replica = ReplicaTally::default();
        for span in spans {
            let sample = Sample {
                due: Nanos::ZERO,
                released: Nanos(10_000),
                sent: Nanos(20_000),
                done: Nanos(20_000 + span * 1_000),
                outcome: Outcome::Answered { status: 200 },
                tries: 1,
            };
            tally.counts.sent += 1;
            tally.finish(&sample, Some(&mut replica));
        }
        tally.replicas.insert(ReplicaId("a".into()), replica);
        let window = Window {
            group: 0,
            phase: Phase::Measured,
            start: second * 1_000_000_000,
            length: Nanos::SECOND,
            tally,
        };
        IntervalRecord::of(&window, group)
    }

    fn sum<'a>(intervals: impl Iterator<Item = &'a IntervalRecord>) -> (u64, Histogram, Tally) {
        let (mut seconds, mut replicas, mut all) = (0, Histogram::new(), Tally::default());
        for interval in intervals {
            let tally = interval.tally();
            seconds += interval.seconds();
            for replica in tally.replicas.values() {
                replicas.add(&replica.response);
            }
            all.add(&tally);
        }
        (seconds, replicas, all)
    }

    #[test]
    fn few_seconds_are_held_as_they_are() {
        let seconds: Vec<_> = (0..20).map(|n| second("g", n, &[400, 500])).collect();
        let mut aged = Aged::at_most(1 << 20, Nanos(20 * Nanos::SECOND.0), 256);
        for one in seconds.iter().cloned() {
            aged.take(one);
        }
        assert_eq!(aged.finish(), seconds);
    }

    #[test]
    fn a_gap_and_the_end_stay_where_they_are() {
        let mut aged = Aged::at_most(20_000, Nanos(50 * Nanos::SECOND.0), 256);
        for n in (0..60).filter(|n| *n != 21) {
            aged.take(second("g", n, &[400]));
        }
        let held = aged.finish();
        assert!(held.iter().any(|one| one.seconds() > 1), "{}", held.len());
        let covered = |second| {
            held.iter()
                .any(|one| (one.second..one.second + one.seconds()).contains(&second))
        };
        let missing: Vec<_> = (0..60).filter(|second| !covered(*second)).collect();
        assert_eq!(missing, [21]);
        let ends = held.iter().any(|one| one.second + one.seconds() == 50);
        assert!(ends, "no interval is of both sides of the end");
    }

    /// Ever the same second: none follows the one before, so that nothing can be folded.
    #[test]
    fn what_cannot_be_folded_is_too_many_at_its_bound() {
        let one = second("g", 0, &[400]);
        let most = 20 * one.weight();
        let mut aged = Aged::at_most(most, Nanos(u64::MAX), 256);
        for n in 1..=60 {
            aged.take(one.clone());
            assert_eq!(aged.is_too_many(), n > 21, "{n}");
        }
        let list = serde_json::to_string(&[&one, &one]).expect("JSON");
        let read = in_bounds(&mut serde_json::Deserializer::from_str(&list));
        assert_eq!(read.expect("read"), [one.clone(), one]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn folding_changes_no_sum_and_no_bucket(
            seconds in prop::collection::vec(prop::collection::vec(1..60_000_000_u64, 0..6), 1..150),
            most in 2_000..200_000_u64,
        ) {
            let seconds: Vec<_> = (0..).zip(&seconds)
                .flat_map(|(n, spans)| [second("g0", n, spans), second("g1", n, &[7])])
                .collect();
            let mut aged = Aged::at_most(most, Nanos(u64::MAX), 256);
            for one in seconds.iter().cloned() {
                aged.take(one);
            }
            let held = aged.finish();
            for group in ["g0", "g1"] {
                let of = |interval: &&IntervalRecord| interval.host == group;
                prop_assert!(sum(held.iter().filter(of)) == sum(seconds.iter().filter(of)));
            }
            let weight: u64 = held.iter().map(IntervalRecord::weight).sum();
            let is_whole = held.iter().all(|one| one.seconds() >= 86_400);
            // What was open at the end, one of each group, comes on top.
            prop_assert!(is_whole || held.len() <= 4 || weight <= 2 * most, "{weight} of {most}");
            prop_assert!(held.is_sorted_by_key(|one| one.start));
        }
    }
}
