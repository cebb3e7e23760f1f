//! The time line in bounded memory: as it becomes long, neighbouring points are folded.

use super::{TimelinePoint, length};
use crate::model::{Nanos, ReplicaId};

/// The most numbers that a time line is made of: one for each point, and one for each replica in it.
/// Two groups of four replicas have so many in nearly four hours.
const MOST_NUMBERS: usize = 1 << 17;
/// How often that is looked at, in points.
const EACH: usize = 256;

/// Adds a point, and folds what is before it where there are too many.
pub(super) fn push(timeline: &mut Vec<TimelinePoint>, point: TimelinePoint) {
    timeline.push(point);
    if timeline.len().is_multiple_of(EACH) && numbers(timeline) > MOST_NUMBERS {
        let longest = timeline.iter().map(|point| point.length).max();
        let mut length = longest.unwrap_or(1);
        fold(timeline, length);
        // What is new has become as long as what is old. Longer ones are for where that is not enough.
        while numbers(timeline) > MOST_NUMBERS / 4 * 3 && length < 86_400 {
            length = length::longer(length);
            fold(timeline, length);
        }
    }
}

fn numbers(timeline: &[TimelinePoint]) -> usize {
    timeline.iter().map(|point| 1 + point.replicas.len()).sum()
}

/// Folds points to a length.
fn fold(timeline: &mut Vec<TimelinePoint>, length: u64) {
    let mut last_of: Vec<Option<usize>> = Vec::new();
    let mut folded: Vec<TimelinePoint> = Vec::with_capacity(timeline.len() / 2);
    for point in timeline.drain(..) {
        if last_of.len() <= point.group {
            last_of.resize(point.group + 1, None);
        }
        let last = last_of[point.group].map(|place| &mut folded[place]);
        let bucket = |second| length::place(seconds(second), length, i64::MAX);
        match last {
            Some(last)
                if last.end() == point.second && bucket(last.second) == bucket(point.second) =>
            {
                last.add(&point);
            }
            _ => {
                last_of[point.group] = Some(folded.len());
                folded.push(point);
            }
        }
    }
    folded.shrink_to_fit();
    *timeline = folded;
}

fn seconds(second: u64) -> i64 {
    i64::try_from(second.saturating_mul(Nanos::SECOND.0)).unwrap_or(i64::MAX)
}

impl TimelinePoint {
    /// The second behind its last.
    #[must_use]
    pub const fn end(&self) -> u64 {
        self.second.saturating_add(self.length)
    }

    /// The last of its seconds.
    #[must_use]
    pub const fn last(&self) -> u64 {
        self.end().saturating_sub(1)
    }

    /// Adds the point that follows it.
    fn add(&mut self, next: &Self) {
        self.length += next.length;
        self.planned += next.planned;
        self.sent += next.sent;
        self.succeeded += next.succeeded;
        self.failed += next.failed;
        for (id, answers) in &next.replicas {
            match self.replicas.get_mut(id) {
                Some(ours) => *ours += answers,
                None => drop(self.replicas.insert(ReplicaId(id.0.clone()), *answers)),
            }
        }
        self.response_p99 = self.response_p99.max(next.response_p99);
        self.release_lag_p99 = self.release_lag_p99.max(next.release_lag_p99);
        self.connection_wait_p99 = self.connection_wait_p99.max(next.connection_wait_p99);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A day of two groups with so many replicas each; second 40,000 is missing.
    fn day(replicas: usize) -> Vec<TimelinePoint> {
        let mut timeline = Vec::new();
        for second in (0..86_400).filter(|second| *second != 40_000) {
            for group in 0..2 {
                let point = TimelinePoint {
                    second,
                    group,
                    sent: 10,
                    replicas: (0..replicas)
                        .map(|n| (ReplicaId(format!("r{n}")), second % 3))
                        .collect(),
                    response_p99: Nanos(second),
                    ..TimelinePoint::default()
                };
                push(&mut timeline, point);
            }
        }
        timeline
    }

    #[test]
    fn a_day_is_held_in_bounds_and_nothing_of_it_is_lost() {
        for replicas in [0, 4, 256] {
            let day = day(replicas);
            assert!(numbers(&day) <= MOST_NUMBERS + EACH * (replicas + 1));
            assert!(day.len() > 300, "{} points", day.len());
            for group in 0..2 {
                let ours = || day.iter().filter(|point| point.group == group);
                assert_eq!(ours().map(|point| point.length).sum::<u64>(), 86_399);
                assert_eq!(ours().map(|point| point.sent).sum::<u64>(), 863_990);
                let answers = ours().flat_map(|point| point.replicas.values());
                let each: u64 = (0..86_400).filter(|n| *n != 40_000).map(|n| n % 3).sum();
                assert_eq!(answers.sum::<u64>(), each * replicas as u64);
                let gap = ours().any(|point| point.second <= 40_000 && point.end() > 40_000);
                assert!(!gap, "the missing second is in no point");
                assert!(ours().all(|point| point.response_p99.0 == point.last()));
            }
        }
    }
}
