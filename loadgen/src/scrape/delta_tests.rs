//! What is counted when replicas stay, restart, appear, vanish or cannot be read.

use super::*;
use crate::model::Replica;

type Page = Result<Reading, ScrapeError>;

fn reading(total: u64, start: f64) -> Reading {
    Reading {
        total,
        by_class: [(StatusClass(2), total)].into(),
        process_start: Some(start),
        ..Reading::default()
    }
}

fn gone() -> Page {
    Err(ScrapeError::Unreachable {
        url: "u".into(),
        reason: "refused".into(),
    })
}

fn snapshot(replicas: &[(&str, &Page)]) -> Snapshot {
    let replicas = replicas.iter().map(|(id, page)| ReplicaSnapshot {
        processes: None,
        replica: Replica {
            group: "g".into(),
            id: ReplicaId((*id).to_owned()),
            metrics_url: format!("http://{id}/metrics"),
        },
        page: (*page).clone(),
        fell: None,
    });
    Snapshot {
        taken_at: 1_000.0,
        replicas: replicas.collect(),
        reads: 2,
        settled: true,
        ..Snapshot::default()
    }
}

fn delta(
    before: &[(&str, &Page)],
    after: &[(&str, &Page)],
) -> Vec<(String, Option<u64>, ReplicaState)> {
    let delta = Delta::between(&snapshot(before), &snapshot(after));
    let replicas = delta.replicas.into_iter();
    replicas
        .map(|replica| (replica.id.0, replica.requests, replica.state))
        .collect()
}

#[test]
fn a_replica_that_stays_is_counted_by_difference() {
    let (then, now) = (Ok(reading(5, 1.0)), Ok(reading(12, 1.0)));
    assert_eq!(
        delta(&[("a", &then)], &[("a", &now)]),
        [("a".into(), Some(7), ReplicaState::Whole)]
    );
}

#[test]
fn after_a_restart_what_came_later_still_counts() {
    let (then, now) = (Ok(reading(5, 1.0)), Ok(reading(12, 1_004.5)));
    let reset = ReplicaState::Reset { after: Some(4.5) };
    assert_eq!(
        delta(&[("a", &then)], &[("a", &now)]),
        [("a".into(), Some(12), reset)]
    );
}

#[test]
fn replicas_appear_vanish_and_fail_each_in_their_own_way() {
    let (then, now, gone) = (Ok(reading(5, 1.0)), Ok(reading(12, 1.0)), gone());
    let error = || gone.clone().expect_err("an error");
    assert_eq!(
        delta(
            &[("a", &then), ("b", &then), ("c", &gone)],
            &[("b", &gone), ("c", &now), ("d", &now)]
        ),
        [
            ("b".into(), None, ReplicaState::Vanished),
            ("c".into(), None, ReplicaState::Unreadable(error())),
            ("d".into(), Some(12), ReplicaState::Appeared),
            ("a".into(), None, ReplicaState::Vanished),
        ]
    );
}

#[test]
fn the_latency_in_scope_wins_over_the_one_with_more_buckets() {
    let latency = |count, buckets: usize| Latency {
        count,
        sum: 1.0,
        buckets: (0..buckets).map(|n| (n as f64, count)).collect(),
    };
    let latencies = [
        ("exact".to_owned(), latency(10, 4)),
        ("exact_fine".to_owned(), latency(10, 8)),
        ("wide".to_owned(), latency(13, 20)),
    ];
    let then = Ok(reading(0, 1.0));
    let now = Ok(Reading {
        latencies: latencies.into(),
        ..reading(10, 1.0)
    });
    let delta = Delta::between(&snapshot(&[("a", &then)]), &snapshot(&[("a", &now)]));
    let finest = delta.replicas[0].finest_latency().map(|(family, _)| family);
    assert_eq!(finest, Some("exact_fine"));
}
