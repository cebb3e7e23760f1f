//! The three counts: they close on a quiet stack, every difference has a name, or fails the run.

use super::scene::{Scene, id, scene};
use crate::model::{ErrorClass, StackKind, StatusClass};
use crate::record::{CountVerdict, Severity, Status};
use crate::scrape::{Latency, ReplicaState, ScrapeError};

fn quiet() -> Scene {
    scene(2, 500, 4, |k| (k % 2) as usize)
}

/// (name, count, count) of every residual, and what stays unnamed.
fn residuals(scene: &Scene) -> (Vec<(String, i64, String)>, u64) {
    let check = scene.judge().groups[0].crosscheck.clone();
    let sum = |side: &str| -> i64 {
        let own = check
            .residuals
            .iter()
            .filter(|residual| residual.side == side);
        own.map(|residual| residual.count).sum()
    };
    if check.unnamed == 0 {
        for (side, count) in [("proxy", check.proxy), ("replicas", check.replicas)] {
            let expected = check.client.cast_signed() + sum(side);
            assert!(
                count.is_none_or(|count| count.cast_signed() == expected),
                "{side}: {check:?}"
            );
        }
    }
    let each = check.residuals.into_iter();
    (
        each.map(|residual| (residual.name, residual.count, residual.side))
            .collect(),
        check.unnamed,
    )
}

fn add(scene: &mut Scene, place: usize, count: u64) {
    let replica = scene.replica(place);
    replica.requests = replica.requests.map(|requests| requests + count);
}

#[test]
fn on_a_quiet_stack_all_three_are_equal() {
    let check = quiet().judge().groups[0].crosscheck.clone();
    assert_eq!(check.verdict, CountVerdict::Agree);
    assert_eq!(
        (check.client, check.proxy, check.replicas),
        (2_000, Some(2_000), Some(2_000))
    );
    assert_eq!(check.residuals, []);
    let excluded: Vec<_> = check
        .excluded
        .iter()
        .map(|r| (r.name.as_str(), r.count, r.side.as_str()))
        .collect();
    assert_eq!(
        excluded,
        [
            ("warm-up", 500, "proxy"),
            ("own-status-reads", 2, "proxy"),
            ("warm-up", 500, "replicas")
        ]
    );
}

#[test]
fn a_second_client_is_foreign_traffic_with_its_count() {
    let mut scene = quiet();
    add(&mut scene, 0, 50);
    add(&mut scene, 1, 50);
    scene.proxy().total = Some(2_602);
    assert_eq!(
        residuals(&scene),
        (
            vec![
                ("foreign-traffic".into(), 100, "proxy".into()),
                ("foreign-traffic".into(), 100, "replicas".into())
            ],
            0
        )
    );
    assert_eq!(scene.codes(), ["foreign-traffic"]);
    assert!(scene.judge().findings[0].message.contains("100 requests"));
    assert_eq!(scene.judge().verdict.status, Status::Pass);
}

#[test]
fn errors_of_a_second_client_are_not_masked_ones() {
    let mut scene = quiet();
    add(&mut scene, 0, 50);
    add(&mut scene, 1, 50);
    scene.proxy().total = Some(2_602);
    scene.replica(0).by_class.insert(StatusClass(5), 7);
    assert_eq!(scene.codes(), ["foreign-traffic"]);
}

#[test]
fn without_the_proxys_book_an_even_surplus_is_foreign_and_a_multiple_is_not() {
    let mut foreign = quiet();
    foreign.delta.as_mut().expect("a delta").proxy = None;
    let mut doubled = quiet();
    doubled.delta.as_mut().expect("a delta").proxy = None;
    add(&mut foreign, 0, 50);
    add(&mut foreign, 1, 50);
    assert_eq!(foreign.codes(), ["foreign-traffic"]);
    add(&mut doubled, 0, 1_250);
    add(&mut doubled, 1, 1_250);
    assert_eq!(doubled.codes(), ["count-mismatch"]);
}

#[test]
fn a_replica_that_miscounts_is_a_mismatch_and_named() {
    for (wrong, word) in [(1_250u64 + 1_250, "more"), (1_250 - 12, "fewer")] {
        let mut scene = quiet();
        scene.replica(1).requests = Some(wrong);
        let judgement = scene.judge();
        assert_eq!(
            scene.codes(),
            ["count-mismatch"],
            "{:?}",
            judgement.findings
        );
        assert!(
            judgement.findings[0].message.contains(word),
            "{}",
            judgement.findings[0].message
        );
        assert_eq!(judgement.findings[0].replica, Some(id(1).0));
        assert_eq!(
            judgement.groups[0].crosscheck.unnamed,
            wrong.abs_diff(1_250)
        );
        assert_eq!(judgement.verdict.exit_code, 99);
    }
}

#[test]
fn one_that_counts_too_much_does_not_make_up_for_one_that_counts_too_little() {
    let mut scene = quiet();
    add(&mut scene, 0, 7);
    scene.replica(1).requests = Some(1_243);
    assert_eq!(residuals(&scene).1, 14);
    assert_eq!(scene.codes(), ["count-mismatch"]);
}

#[test]
fn retries_are_named_by_the_proxys_word_and_by_the_counts() {
    let mut told = quiet();
    add(&mut told, 0, 9);
    told.tally().counts.extra_tries = 9;
    told.tally().counts.retried = 9;
    assert_eq!(
        residuals(&told),
        (vec![("retried-requests".into(), 9, "replicas".into())], 0)
    );
    let mut implied = quiet();
    add(&mut implied, 0, 9);
    implied.replica(0).by_class.insert(StatusClass(5), 9);
    assert_eq!(residuals(&implied), residuals(&told));
    assert_eq!(
        implied.judge().groups[0].crosscheck.verdict,
        CountVerdict::Agree
    );
    let codes = implied.codes();
    assert!(
        codes.contains(&"masked-errors".to_owned())
            && codes.contains(&"retried-requests".to_owned())
    );
}

#[test]
fn a_time_out_may_or_may_not_have_reached_a_replica() {
    let mut reached = quiet();
    reached.fail(ErrorClass::Timeout, 5);
    assert_eq!(residuals(&reached), (vec![], 0));
    let mut lost = quiet();
    lost.fail(ErrorClass::Timeout, 5);
    lost.replica(0).requests = Some(1_247);
    assert_eq!(
        residuals(&lost),
        (
            vec![("timed-out-requests".into(), -3, "replicas".into())],
            0
        )
    );
    let mut too_many = quiet();
    too_many.fail(ErrorClass::Timeout, 5);
    too_many.replica(0).requests = Some(1_240);
    assert!(residuals(&too_many).1 > 0);
}

#[test]
fn what_never_left_is_in_neither_server_book() {
    let mut scene = quiet();
    scene.fail(ErrorClass::Connect, 5);
    scene.replica(0).requests = Some(1_245);
    scene.proxy().total = Some(2_497);
    let entry = |side: &str| ("not-connected".to_owned(), -5, side.to_owned());
    assert_eq!(
        residuals(&scene),
        (vec![entry("proxy"), entry("replicas")], 0)
    );
}

#[test]
fn a_restart_takes_counts_with_it_and_says_so() {
    let mut scene = quiet();
    scene.replica(0).state = ReplicaState::Reset { after: Some(3.0) };
    scene.replica(0).requests = Some(250);
    assert_eq!(
        residuals(&scene),
        (vec![("counter-reset".into(), -750, "replicas".into())], 0)
    );
    let found = scene.judge().findings.remove(0);
    assert_eq!(
        (found.code.name(), found.severity),
        ("counter-reset", Severity::Warning)
    );
    assert!(
        found.message.contains("2.0 s into the measured part"),
        "{}",
        found.message
    );
}

#[test]
fn a_vanished_replica_fails_the_run_with_its_books_named() {
    let mut scene = quiet();
    scene.replica(0).state = ReplicaState::Vanished;
    scene.replica(0).requests = None;
    assert_eq!(residuals(&scene).1, 0);
    assert_eq!(scene.codes(), ["vanished-replica"]);
}

#[test]
fn an_unreadable_page_is_invalid_whoever_runs_the_stack() {
    let mut scene = quiet();
    scene.replica(0).state = ReplicaState::Unreadable(ScrapeError::Status {
        url: "http://r0/metrics".into(),
        status: 500,
    });
    scene.replica(0).requests = None;
    assert_eq!(scene.codes(), ["unreadable-counter"]);
    assert_eq!(scene.judge().verdict.exit_code, 4);
    assert_eq!(scene.judge().groups[0].crosscheck.replicas, None);
    scene.topology.kind = StackKind::External;
    assert_eq!(scene.judge().verdict.exit_code, 4);
}

#[test]
fn one_number_for_two_groups_is_shared_out() {
    let mut scene = quiet();
    let mut other = scene.recording.groups[0].clone();
    other.name = "h".into();
    scene.recording.groups.push(other);
    let mut group = scene.plan.groups[0].clone();
    (group.name, group.host) = ("h".into(), "h".into());
    scene.plan.groups.push(group);
    scene.proxy().total = Some(2 * 2_500 + 2);
    let judgement = scene.judge();
    for group in &judgement.groups {
        assert_eq!(
            group.crosscheck.proxy,
            Some(2_000),
            "{:?}",
            group.crosscheck
        );
    }
    scene.proxy().total = Some(2 * 2_500 + 2 - 8);
    assert!(scene.codes().contains(&"count-mismatch".to_owned()));
}

#[test]
fn what_the_proxy_took_for_nobody_is_no_alarm() {
    let mut scene = quiet();
    scene.proxy().total = Some(2_507);
    assert_eq!(
        residuals(&scene),
        (vec![("other-requests".into(), 5, "proxy".into())], 0)
    );
    assert_eq!(scene.codes(), Vec::<String>::new());
}

#[test]
fn a_counter_that_takes_every_handler_leaves_out_our_own_reads() {
    let mut scene = quiet();
    scene.plan.counter = "http_requests_total".parse().expect("a counter");
    add(&mut scene, 0, 2);
    add(&mut scene, 1, 2);
    assert_eq!(residuals(&scene), (vec![], 0));
}

#[test]
fn a_client_faster_than_its_replica_is_impossible() {
    let latency = |bound: f64| Latency {
        count: 1_250,
        sum: bound * 1_250.0,
        buckets: vec![(bound, 0), (2.0 * bound, 1_250), (f64::INFINITY, 1_250)],
    };
    let mut scene = quiet();
    for place in 0..2 {
        scene
            .replica(place)
            .latencies
            .insert("d".into(), latency(0.000_2));
    }
    let time = scene.judge().groups[0]
        .server_time
        .clone()
        .expect("a histogram");
    assert_eq!(time.replica_mean, 200_000);
    // The client's histogram keeps three digits.
    assert!((199_000..=201_000).contains(&time.network_and_proxy_mean));
    assert_eq!(scene.codes(), Vec::<String>::new());
    for (text, observed) in [
        ("server_time.mean>200us", 200e3),
        // Known to its bucket: what counts is that it is not above its upper end.
        ("server_time.p99>400us", 400e3),
    ] {
        let result = scene.threshold(text);
        assert!((result.observed - observed).abs() < 2.0, "{result:?}");
        assert!(!result.failed, "{text}");
    }
    for place in 0..2 {
        scene
            .replica(place)
            .latencies
            .insert("d".into(), latency(0.000_5));
    }
    assert_eq!(scene.codes(), ["impossible-latency"]);
    assert_eq!(scene.judge().verdict.exit_code, 4);
}
