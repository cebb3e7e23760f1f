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
fn one_that_fails_more_than_the_others_is_named() {
    let tally = tally(&[("a", 1_000, 0, 400), ("b", 1_000, 9, 400)]);
    let [a, b] = ["a", "b"].map(|id| &tally.replicas[&ReplicaId(id.to_owned())]);
    assert!(failing(&ReplicaId("b".into()), b, &[a]).is_some());
    assert!(failing(&ReplicaId("a".into()), a, &[b]).is_none());
}
