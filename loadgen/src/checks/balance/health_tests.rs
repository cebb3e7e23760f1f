//! Who is slow, who fails, who owns the tail.

use super::*;

fn tally(replicas: &[(&str, u64, u64, u64)]) -> Tally {
    let mut tally = Tally::default();
    for (id, requests, failed, micros) in replicas {
        let mut replica = ReplicaTally {
            requests: *requests,
            failed: *failed,
            ..ReplicaTally::default()
        };
        for n in 0..*requests {
            let span = Nanos(micros * 1_000 + n);
            replica.response.record(span);
            tally.response.record(span);
        }
        tally.replicas.insert(ReplicaId((*id).to_owned()), replica);
    }
    tally
}

fn slow_ones(tally: &Tally) -> Vec<String> {
    let ids = tally.replicas.keys();
    let is_slow = |id: &&ReplicaId| {
        let others: Vec<_> = tally
            .replicas
            .iter()
            .filter(|(other, _)| other != id)
            .map(|(_, r)| r)
            .collect();
        slow(id, &tally.replicas[*id], &others, (0.0, 0.0)).is_some()
    };
    ids.filter(is_slow).map(|id| id.0.clone()).collect()
}

#[test]
fn twenty_milliseconds_more_are_slow_and_own_the_tail() {
    let tally = tally(&[("a", 1_000, 0, 400), ("b", 1_000, 0, 20_400)]);
    assert_eq!(slow_ones(&tally), ["b"]);
    let tails = tail_shares(&tally);
    assert!((tails["b"] - 1.0).abs() < 1e-9, "{tails:?}");
}

#[test]
fn fractions_of_a_millisecond_and_small_samples_are_not_slow() {
    assert!(slow_ones(&tally(&[("a", 1_000, 0, 400), ("b", 1_000, 0, 1_200)])).is_empty());
    assert!(slow_ones(&tally(&[("a", 1_000, 0, 400), ("b", 20, 0, 90_000)])).is_empty());
}

#[test]
fn sixty_answers_are_enough_where_the_difference_is_plain() {
    assert_eq!(
        slow_ones(&tally(&[("a", 60, 0, 2_400), ("b", 60, 0, 30_400)])),
        ["b"]
    );
    assert_eq!(
        slow_ones(&tally(&[("a", 60, 0, 2_400), ("b", 60, 0, 5_600)])),
        ["b"]
    );
    // Half as slow again is not plain, and nothing is known of a p99 of sixty.
    assert!(slow_ones(&tally(&[("a", 60, 0, 8_000), ("b", 60, 0, 9_900)])).is_empty());
}

#[test]
fn chance_makes_no_replica_slow() {
    // Exponential times, which spread most of those that services have.
    let mut number = 0_u64;
    for n in [30, 50, 100, 150] {
        for round in 0..300 {
            let mut tally = Tally::default();
            for id in ["a", "b", "c"] {
                let mut replica = ReplicaTally {
                    requests: n,
                    ..ReplicaTally::default()
                };
                for _ in 0..n {
                    number += 1;
                    let draw = crate::model::mixed(number.wrapping_mul(crate::model::GOLDEN));
                    let unit = (draw >> 11) as f64 / (1_u64 << 53) as f64;
                    replica
                        .response
                        .record(Nanos((-(1.0 - unit).ln() * 2e7) as u64));
                }
                tally.replicas.insert(ReplicaId(id.to_owned()), replica);
            }
            assert!(slow_ones(&tally).is_empty(), "{n} answers, round {round}");
        }
    }
}

#[test]
fn one_that_fails_more_than_the_others_is_named() {
    let tally = tally(&[("a", 1_000, 0, 400), ("b", 1_000, 9, 400)]);
    let [a, b] = ["a", "b"].map(|id| &tally.replicas[&ReplicaId(id.to_owned())]);
    assert!(failing(&ReplicaId("b".into()), b, &[a]).is_some());
    assert!(failing(&ReplicaId("a".into()), a, &[b]).is_none());
}
