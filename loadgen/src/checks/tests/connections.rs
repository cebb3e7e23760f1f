//! Connections that are not kept, answers that name nobody, counts by class, and outages.

use super::scene::{Scene, id, scene};
use crate::model::{ReplicaId, StatusClass};
use crate::record::{BalanceVerdict, ClassCount, Status};
use crate::recorder::ReplicaTally;
use crate::scrape::ReplicaState;

fn quiet() -> Scene {
    scene(2, 500, 4, |k| (k % 2) as usize)
}

#[test]
fn a_connection_for_each_request_is_told_with_its_ports() {
    let mut scene = quiet();
    scene.tally().counts.connections.opened = 2_500;
    scene.tally().counts.connections.closed_by_peer = 2_500;
    assert_eq!(scene.codes(), ["no-keep-alive"]);
    let message = scene.judge().findings.remove(0).message;
    assert!(message.contains("500/s come to 30,000"), "{message}");
    assert_eq!(scene.judge().verdict.status, Status::Pass);
}

#[test]
fn connections_that_we_gave_up_ourselves_say_nothing_of_the_server() {
    let mut scene = quiet();
    scene.tally().counts.connections.opened = 2_500;
    assert_eq!(scene.codes(), Vec::<String>::new());
}

#[test]
fn connections_that_are_in_use_at_a_time_are_kept_ones() {
    let mut scene = quiet();
    scene.tally().counts.connections.opened = 140;
    for place in 0..2 {
        scene.replica(place).connections = Some(70);
    }
    assert_eq!(scene.codes(), Vec::<String>::new());
}

#[test]
fn a_proxy_that_keeps_no_connection_is_told() {
    let mut scene = quiet();
    for place in 0..2 {
        scene.replica(place).connections = Some(1_252);
    }
    assert_eq!(scene.codes(), ["no-upstream-keep-alive"]);
    let message = scene.judge().findings.remove(0).message;
    assert!(
        message.contains("2,504 connections for 2,500 requests"),
        "{message}"
    );
    // A page that does not count them says nothing.
    for place in 0..2 {
        scene.replica(place).connections = None;
    }
    assert_eq!(scene.codes(), Vec::<String>::new());
}

#[test]
fn answers_that_say_something_else_each_time_are_no_replicas() {
    for pages in [true, false] {
        let mut scene = quiet();
        scene.warmup().replicas.clear();
        let tally = scene.tally();
        tally.replicas.clear();
        for number in 0..200 {
            let replica = ReplicaTally {
                requests: 1,
                ..ReplicaTally::default()
            };
            tally
                .replicas
                .insert(ReplicaId(format!("word {number}")), replica);
        }
        if !pages {
            scene.delta = None;
        }
        let judgement = scene.judge();
        assert_eq!(
            scene.codes(),
            ["too-many-names"],
            "{:?}",
            judgement.findings
        );
        let hint = judgement.findings[0].hint.clone().unwrap_or_default();
        assert!(hint.contains("--replica-id header:NAME"), "{hint}");
        // The replicas' own counters need no names.
        let expected = if pages {
            BalanceVerdict::Even
        } else {
            BalanceVerdict::NotJudged
        };
        assert_eq!(judgement.groups[0].balance.verdict, expected);
        assert_eq!(judgement.verdict.status, Status::Pass);
    }
}

#[test]
fn answers_that_are_changed_on_their_way_are_told_by_class() {
    let mut scene = quiet();
    let check = scene.judge().groups[0].crosscheck.clone();
    let both = |class: &str, client, replicas| ClassCount {
        class: class.into(),
        client,
        replicas,
    };
    assert_eq!(check.by_class, [both("2xx", 2_500, 2_500)]);
    assert_eq!(check.by_handler["/"], 2_500);
    assert_eq!(check.by_handler["/metrics"], 4);
    scene.tally().counts.status.insert(200, 1_980);
    scene.tally().counts.status.insert(403, 20);
    assert_eq!(scene.codes(), ["status-mismatch"]);
    let found = scene.judge();
    let expected = [both("2xx", 2_480, 2_500), both("4xx", 20, 0)];
    assert_eq!(found.groups[0].crosscheck.by_class, expected);
    let told = "2,480 × 2xx and 20 × 4xx, and the replicas counted 2,500 × 2xx";
    assert!(
        found.findings[0].message.contains(told),
        "{:?}",
        found.findings
    );
    // Errors that the replicas count as such are nobody's doing.
    scene.replica(0).by_class = [(StatusClass(2), 1_230), (StatusClass(4), 20)].into();
    assert_eq!(scene.codes(), Vec::<String>::new());
}

#[test]
fn an_outage_is_told_with_its_losses_and_its_end() {
    let mut scene = quiet();
    scene.replica(0).state = ReplicaState::Reset { after: Some(3.1) };
    scene.replica(0).requests = Some(250);
    let lost = "no request was lost by it";
    assert!(scene.judge().findings[0].message.contains(lost));
    let point = &mut scene.recording.timeline[2];
    point.failed = 14;
    point.replicas.insert(id(0), 236);
    let message = scene.judge().findings.remove(0).message;
    let told = "2.1 s into the measured part: 14 requests failed in second 3, and from second 4 on it answered as before";
    assert!(message.contains(told), "{message}");
    let point = &mut scene.recording.timeline[3];
    point.replicas.insert(id(0), 0);
    let message = scene.judge().findings.remove(0).message;
    assert!(
        message.contains("from second 3 to 4, up to the end"),
        "{message}"
    );
}

#[test]
fn counters_that_move_before_the_run_are_told() {
    let mut scene = quiet();
    scene.delta.as_mut().expect("a delta").settled_before = false;
    assert_eq!(scene.codes(), ["unsettled-counters"]);
}

#[test]
fn a_replica_that_is_stuck_for_a_second_is_not_taken_for_ejected() {
    // Its turns come all the same, and their answers a second later.
    let mut scene = quiet();
    let (stuck, later) = (1, 2);
    scene.recording.timeline[stuck].replicas.insert(id(0), 0);
    scene.recording.timeline[later].replicas.insert(id(0), 500);
    assert!(!scene.codes().contains(&"ejected-replica".to_owned()));
}

#[test]
fn workers_with_rotations_of_their_own_are_hinted_at_and_allowed_when_told() {
    let mut scene = quiet();
    for (place, count) in [(0, 1_252), (1, 1_248)] {
        scene.replica(place).requests = Some(count);
    }
    scene
        .tally()
        .replicas
        .get_mut(&id(0))
        .expect("there")
        .requests += 2;
    scene
        .tally()
        .replicas
        .get_mut(&id(1))
        .expect("there")
        .requests -= 2;
    for (place, count) in [(0, 1_252), (1, 1_248)] {
        scene.replica(place).by_class = [(StatusClass(2), count)].into();
    }
    let judgement = scene.judge();
    assert_eq!(
        scene.codes(),
        ["uneven-balance"],
        "{:?}",
        judgement.findings
    );
    let hint = judgement.findings[0].hint.clone().unwrap_or_default();
    assert!(hint.contains("--proxy-workers"), "{hint}");
    scene.topology = scene.topology.with_workers(Some(4));
    assert_eq!(scene.codes(), Vec::<String>::new());
}

#[test]
fn a_threshold_may_be_over_any_figure() {
    let mut scene = quiet();
    scene.tally().counts.retried = 3;
    for (text, observed) in [
        ("requests.planned>2000", 2_000.0),
        ("requests.sent<2000", 2_000.0),
        ("succeeded<1", 2_000.0),
        ("retried>3", 3.0),
        ("crosscheck.unnamed>0", 0.0),
        ("connections.opened>64", 64.0),
        ("refused>0", 0.0),
        ("status.200<2000", 2_000.0),
        ("status.5xx>0", 0.0),
        ("errors.timeout>0", 0.0),
        ("balance.coefficient_of_variation>0", 0.0),
        ("balance.max_over_min>1", 1.0),
        ("rate.sent<500", 500.0),
        ("rate.intended<500", 500.0),
    ] {
        let result = scene.threshold(text);
        assert!(
            (result.observed - observed).abs() < 1e-9,
            "{text}: {result:?}"
        );
        assert!(!result.failed, "{text}");
    }
    let result = scene.threshold("replicas.max>500us");
    // The histogram keeps three digits of 546 µs.
    assert!(
        (545e3..547e3).contains(&result.observed) && result.failed,
        "{result:?}"
    );
    let result = scene.threshold("tail_share>100%");
    assert!((0.4..=1.0).contains(&result.observed), "{result:?}");
}

#[test]
fn a_threshold_may_be_over_one_replica() {
    let mut scene = quiet();
    for (text, observed, failed) in [
        ("share<60%", 0.5, true),
        ("requests<1000", 1_000.0, false),
        ("failed>0", 0.0, false),
    ] {
        let text = format!("replicas.{}.{text}", id(1).0);
        let result = scene.threshold(&text);
        assert!((result.observed - observed).abs() < 1e-9, "{result:?}");
        assert_eq!(result.failed, failed, "{text}");
    }
}

#[test]
fn a_threshold_over_what_was_not_to_be_had_fails_and_says_so() {
    for (text, part) in [
        (
            "replicas.stranger.p99>1s",
            "no answer names a replica `stranger`",
        ),
        ("server_time.mean>1s", "tell no such time"),
    ] {
        let mut scene = quiet();
        scene.plan.thresholds = vec![text.parse().expect("valid")];
        let judgement = scene.judge();
        assert_eq!(judgement.verdict.exit_code, 99, "{text}");
        assert_eq!(judgement.thresholds, []);
        let message = &judgement.findings[0].message;
        assert!(message.contains(part), "{message}");
    }
}
