//! Tallies that were read and wait to be used again.
//!
//! A second of a group is ten or twenty kilobytes a histogram. Used again, it costs neither an
//! allocation nor fresh pages, and resident memory is as large in the third second as after an hour.

use super::{Names, ReplicaTally, RequestTally, Tally};
use crate::model::{Nanos, Outcome, Sample};

/// The most tallies of replicas that are kept: a target that answers ever new names must not make
/// the stock as large as its imagination.
const MOST_REPLICAS: usize = 32;

/// The most tallies that are kept of those that came from elsewhere: what is read from a spool, or
/// from a worker, is given back and never asked for.
const MOST_TALLIES: usize = 8;

/// A stock of empty tallies; without one in stock, a new one is made. It knows how many names each
/// of them may tell apart.
#[derive(Debug)]
pub struct TallyPool {
    most_names: usize,
    most_tallies: usize,
    tallies: Vec<Tally>,
    replicas: Vec<ReplicaTally>,
    requests: Vec<RequestTally>,
}

impl Default for TallyPool {
    fn default() -> Self {
        Self::telling_apart(Names::MOST)
    }
}

impl TallyPool {
    /// An empty stock of tallies that tell at most so many names apart, [`Names::OTHERS`] among them.
    #[must_use]
    pub fn telling_apart(most_names: usize) -> Self {
        Self {
            most_names: most_names.clamp(2, Names::MOST),
            most_tallies: MOST_TALLIES,
            tallies: Vec::new(),
            replicas: Vec::new(),
            requests: Vec::new(),
        }
    }

    pub(super) const fn most_names(&self) -> usize {
        self.most_names
    }

    /// The same with so many tallies in it, and a replica each, that have held something.
    #[must_use]
    pub fn stocked(self, tallies: usize) -> Self {
        let mut stock = self;
        stock.most_tallies += 2 * tallies;
        for _ in 0..tallies {
            let sample = Sample {
                due: Nanos::ZERO,
                released: Nanos::ZERO,
                sent: Nanos::ZERO,
                done: Nanos::ZERO,
                outcome: Outcome::Answered { status: 200 },
                tries: 1,
            };
            let (mut tally, mut replica) = (Tally::default(), ReplicaTally::default());
            tally.finish(&sample, Some(&mut replica));
            replica.empty();
            stock.replicas.push(replica);
            stock.give(tally);
        }
        stock
    }

    pub fn tally(&mut self) -> Tally {
        self.tallies.pop().unwrap_or_default()
    }

    /// An empty tally of a replica.
    pub fn replica(&mut self) -> ReplicaTally {
        self.replicas.pop().unwrap_or_default()
    }

    /// An empty tally of a request name.
    pub fn request(&mut self) -> RequestTally {
        self.requests.pop().unwrap_or_default()
    }

    /// Empties a tally and takes it into stock, where there is room.
    pub fn give(&mut self, mut tally: Tally) {
        for replica in std::mem::take(&mut tally.replicas).into_values() {
            self.give_replica(replica);
        }
        if self.tallies.len() >= self.most_tallies {
            return;
        }
        for mut request in std::mem::take(&mut tally.requests).into_values() {
            // As many as the plan has names.
            request.empty();
            self.requests.push(request);
        }
        tally.empty();
        self.tallies.push(tally);
    }

    /// Empties the tally of a replica and takes it into stock, where there is room.
    pub fn give_replica(&mut self, mut replica: ReplicaTally) {
        if self.replicas.len() < MOST_REPLICAS {
            replica.empty();
            self.replicas.push(replica);
        }
    }

    /// A part of the stock: so many tallies, and so many of replicas and request names, as far as
    /// there are.
    #[must_use]
    pub fn part(&mut self, tallies: usize, replicas: usize, requests: usize) -> Self {
        let tallies = self.tallies.len().saturating_sub(tallies);
        let replicas = self.replicas.len().saturating_sub(replicas);
        let requests = self.requests.len().saturating_sub(requests);
        Self {
            most_names: self.most_names,
            most_tallies: self.most_tallies,
            tallies: self.tallies.split_off(tallies),
            replicas: self.replicas.split_off(replicas),
            requests: self.requests.split_off(requests),
        }
    }

    /// Takes over another stock.
    pub fn absorb(&mut self, mut other: Self) {
        self.tallies.append(&mut other.tallies);
        self.replicas.append(&mut other.replicas);
        self.requests.append(&mut other.requests);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ReplicaId;

    #[test]
    fn what_was_given_back_comes_out_as_good_as_new() {
        let sample = Sample {
            due: Nanos(1),
            released: Nanos(1),
            sent: Nanos(2_000),
            done: Nanos(9_000),
            outcome: Outcome::Answered { status: 503 },
            tries: 2,
        };
        let mut tally = Tally::default();
        let mut replica = ReplicaTally::default();
        tally.finish(&sample, Some(&mut replica));
        tally.replicas.insert(ReplicaId("a".into()), replica);
        let mut pool = TallyPool::default();
        pool.give(tally);
        assert_eq!(pool.tally(), Tally::default());
        assert_eq!(pool.replica(), ReplicaTally::default());
    }

    #[test]
    fn a_stock_is_of_empty_tallies() {
        let mut pool = TallyPool::default().stocked(2);
        for _ in 0..3 {
            assert_eq!(pool.tally(), Tally::default());
            assert_eq!(pool.replica(), ReplicaTally::default());
        }
    }

    #[test]
    fn what_is_given_and_never_asked_for_does_not_pile_up() {
        let mut pool = TallyPool::default();
        for _ in 0..1_000 {
            pool.give(Tally::default());
        }
        assert_eq!(pool.tallies.len(), MOST_TALLIES);
        let mut pool = pool.stocked(100);
        for _ in 0..1_000 {
            pool.give(Tally::default());
        }
        assert!(pool.tallies.len() >= 200, "as many as are on their way");
    }

    #[test]
    fn the_stock_is_bounded_whatever_names_a_target_invents() {
        let mut pool = TallyPool::default();
        for n in 0..3 * MOST_REPLICAS {
            let mut tally = Tally::default();
            tally
                .replicas
                .insert(ReplicaId(format!("r{n}")), ReplicaTally::default());
            pool.give(tally);
        }
        assert_eq!(pool.replicas.len(), MOST_REPLICAS);
    }

    #[test]
    fn names_of_all_threads_together_are_held_to_the_bound() {
        let mut sum = Tally::default();
        for thread in 0..3 {
            for n in 0..200 {
                let mut tally = Tally::default();
                let id = ReplicaId(format!("{thread}/{n}"));
                let counted = ReplicaTally {
                    requests: 1,
                    ..ReplicaTally::default()
                };
                tally.replicas.insert(id, counted);
                sum.add(&tally);
            }
        }
        assert_eq!(sum.replicas.len(), Names::MOST);
        let counted: u64 = sum.replicas.values().map(|replica| replica.requests).sum();
        assert_eq!(counted, 600);
    }
}
