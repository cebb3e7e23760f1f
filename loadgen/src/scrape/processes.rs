//! Several processes behind one page: each with counters of its own, of which a read shows one.
//!
//! It is looked for while nothing is sent, over connections that are not used again: one after
//! another, for a worker that is free takes all that wait, and some at the same time, for a busy one
//! leaves them to others.

use std::collections::BTreeMap;

use futures_util::future::join_all;

use super::{Reading, Scraper, Snapshot};
use crate::model::Topology;

/// Connections at the same time, in each round; the reads of a round have no order.
const ROUNDS: [usize; 18] = [1, 1, 1, 1, 1, 1, 1, 1, 8, 8, 1, 1, 1, 1, 1, 1, 1, 1];

impl Scraper {
    /// Enters into a snapshot how many processes answered behind each replica's page.
    pub async fn count_processes(&self, topology: &Topology, snapshot: &mut Snapshot) {
        let each = topology.replicas.iter().map(|replica| async {
            let mut rounds = Vec::new();
            for at_once in ROUNDS {
                let reads = (0..at_once).map(|_| self.fresh_page(&replica.metrics_url));
                let read: Vec<_> = join_all(reads).await.into_iter().flatten().collect();
                // One that does not answer is not worth the time of all the others.
                if read.is_empty() {
                    break;
                }
                rounds.push(read);
            }
            processes(&rounds)
        });
        for (replica, processes) in snapshot.replicas.iter_mut().zip(join_all(each).await) {
            replica.processes = processes;
        }
    }
}

/// How many processes gave these readings, as far as they show it; `None` where the pages do not tell.
///
/// A process is known by when it began, and by when its series did. What only rises in one process
/// cannot go back and forth: that tells of two at least, whatever else the page says.
fn processes(rounds: &[Vec<Reading>]) -> Option<u64> {
    let readings: Vec<&Reading> = rounds.iter().flatten().collect();
    let starts: Option<Vec<f64>> = readings.iter().map(|one| one.process_start).collect();
    let by_start = starts.and_then(|starts| steady(&starts));
    let series = readings.iter().flat_map(|one| one.created.keys());
    let by_series = series.filter_map(|key| {
        let begun = readings.iter().filter_map(|one| one.created.get(key));
        steady(&begun.copied().collect::<Vec<_>>())
    });
    let total = goes_back_and_forth(rounds, |one| Some(one.total as f64));
    let cpu = goes_back_and_forth(rounds, |one| one.cpu_seconds);
    let by_counts = (total || cpu).then_some(2);
    by_series.chain(by_start).chain(by_counts).max()
}

/// How many values there are, where each comes up again; a service that works one out anew for each
/// page gives ever new ones.
fn steady(values: &[f64]) -> Option<u64> {
    let mut seen: BTreeMap<u64, usize> = BTreeMap::new();
    for value in values {
        *seen.entry(value.to_bits()).or_default() += 1;
    }
    let steady = !seen.is_empty() && 2 * seen.len() <= values.len();
    steady.then_some(seen.len() as u64)
}

/// Whether a counter fell from one round to a later one, and was then where it had been: a restart
/// falls and stays.
fn goes_back_and_forth(rounds: &[Vec<Reading>], of: impl Fn(&Reading) -> Option<f64>) -> bool {
    let mut highest = f64::NEG_INFINITY;
    let mut fell = false;
    for round in rounds {
        let values = || round.iter().filter_map(&of);
        if fell && values().any(|value| value >= highest) {
            return true;
        }
        fell |= values().any(|value| value < highest);
        highest = values().fold(highest, f64::max);
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun(starts: &[Option<f64>]) -> Vec<Vec<Reading>> {
        let reading = |start: &Option<f64>| Reading {
            process_start: *start,
            ..Reading::default()
        };
        starts.iter().map(|start| vec![reading(start)]).collect()
    }

    fn counted(rounds: &[&[u64]]) -> Vec<Vec<Reading>> {
        let reading = |total: &u64| Reading {
            total: *total,
            ..Reading::default()
        };
        let each = rounds.iter();
        each.map(|round| round.iter().map(reading).collect())
            .collect()
    }

    #[test]
    fn processes_are_told_by_when_they_began() {
        let (a, b) = (Some(1_700_000_000.12), Some(1_700_000_000.15));
        assert_eq!(processes(&begun(&[a, a, a, a])), Some(1));
        assert_eq!(processes(&begun(&[a, b, a, b, a])), Some(2));
        assert_eq!(processes(&begun(&[a, None, a])), None);
        let jittering: Vec<_> = (0..8).map(|n| Some(1.7e9 + f64::from(n) / 100.0)).collect();
        assert_eq!(processes(&begun(&jittering)), None);
        assert_eq!(processes(&[]), None);
    }

    #[test]
    fn processes_that_began_in_one_tick_are_told_by_when_their_series_did() {
        let of = |key: &str, created: f64| {
            vec![Reading {
                process_start: Some(1_700_000_000.12),
                created: [(key.to_owned(), created)].into(),
                ..Reading::default()
            }]
        };
        let (a, b) = (of("s", 1.7e9 + 0.251), of("s", 1.7e9 + 0.252));
        let both = [a.clone(), b.clone(), a.clone(), b, a.clone()];
        assert_eq!(processes(&both), Some(2));
        // A series that is there from the second read on is no other process.
        let none = begun(&[Some(1_700_000_000.12)]).remove(0);
        assert_eq!(processes(&[none, a.clone(), a]), Some(1));
    }

    #[test]
    fn a_counter_that_goes_back_and_forth_is_that_of_several() {
        assert_eq!(processes(&counted(&[&[7], &[3], &[7]])), Some(2));
        assert_eq!(processes(&counted(&[&[7, 3], &[7, 3], &[7]])), Some(2));
        // Its own reads are in it, or others' requests.
        assert_eq!(
            processes(&counted(&[&[7], &[8], &[11, 9, 10], &[12]])),
            None
        );
        // It began anew between two reads.
        assert_eq!(processes(&counted(&[&[7], &[0], &[1], &[2]])), None);
    }
}
