//! What stands of an invalid run, and what does not.

use super::scene::{Scene, scene};
use crate::model::{ErrorClass, Nanos};
use crate::record::{CountVerdict, Status};
use crate::recorder::{End, Histogram};

fn quiet() -> Scene {
    scene(2, 500, 4, |k| (k % 2) as usize)
}

/// The same, sent late by the generator.
fn late(mut scene: Scene) -> Scene {
    let mut lag = Histogram::new();
    for n in 0..2_000_u64 {
        lag.record(Nanos(if n % 5 == 0 { 30_000_000 } else { 40_000 }));
    }
    scene.tally().release_lag = lag;
    scene
}

fn held(scene: &Scene) -> Vec<String> {
    let judgement = scene.judge();
    assert_eq!(judgement.verdict.status, Status::Invalid);
    let holds = judgement.certificate.holds.into_iter();
    holds.map(|held| held.what).collect()
}

#[test]
fn a_valid_run_needs_no_list_of_what_holds() {
    assert!(quiet().judge().certificate.holds.is_empty());
}

#[test]
fn a_late_generator_leaves_counts_and_answers_standing() {
    let mut scene = late(quiet());
    let tally = scene.tally();
    tally.counts.succeeded -= 280;
    tally.counts.failed += 280;
    tally.counts.status = [(200, 1_720), (500, 280)].into();
    let judgement = scene.judge();
    assert_eq!(judgement.groups[0].crosscheck.verdict, CountVerdict::Agree);
    assert_eq!(
        held(&scene),
        [
            "2,000 requests sent, and the proxy and the replicas counted as many",
            "1,720 × status 200 and 280 × status 500 were answered",
        ]
    );
    // Not without somebody who confirms the count.
    scene.delta = None;
    assert_eq!(held(&scene).len(), 1);
}

#[test]
fn a_time_out_under_a_late_generator_is_nobodys_for_certain_and_a_refusal_is() {
    let mut scene = late(quiet());
    scene.fail(ErrorClass::Timeout, 10);
    scene.fail(ErrorClass::Reset, 3);
    let held = held(&scene);
    assert_eq!(
        held.last().expect("errors"),
        "3 × reset failed without an answer"
    );
}

#[test]
fn of_a_lost_run_only_what_was_seen_stands() {
    let mut scene = quiet();
    scene.recording.end = End::Lost;
    assert_eq!(held(&scene), ["at least 2,000 × status 200 were answered"]);
}

#[test]
fn a_service_that_died_before_the_end_fails_whatever_a_threshold_allows() {
    let mut scene = quiet();
    scene.plan.thresholds = vec!["error_rate>30%".parse().expect("a threshold")];
    for point in &mut scene.recording.timeline {
        if point.second == 3 {
            (point.succeeded, point.failed) = (0, point.succeeded);
        }
    }
    scene.fail(ErrorClass::Connect, 500);
    let judgement = scene.judge();
    assert_eq!(judgement.verdict.exit_code, 99, "{:#?}", judgement.findings);
    let said = judgement.findings.iter().any(|finding| {
        finding.code == *"no-answers" && finding.message.contains("from second 4 on: 500 requests")
    });
    assert!(said, "{:#?}", judgement.findings);
}

#[test]
fn a_last_failure_among_many_is_no_death() {
    let mut scene = scene(2, 1, 8, |k| (k % 2) as usize);
    scene.plan.thresholds = vec!["error_rate>60%".parse().expect("a threshold")];
    for point in &mut scene.recording.timeline {
        if point.second % 2 == 1 {
            (point.succeeded, point.failed) = (0, 1);
        }
    }
    scene.fail(ErrorClass::Connect, 4);
    assert!(!scene.codes().contains(&"no-answers".to_owned()));
}

#[test]
fn redirects_with_a_few_errors_beside_them_are_no_service() {
    let mut scene = quiet();
    let counts = &mut scene.tally().counts;
    (counts.succeeded, counts.failed) = (1_990, 10);
    counts.status = [(301, 1_990), (500, 10)].into();
    let judgement = scene.judge();
    assert_eq!(judgement.verdict.exit_code, 99, "{:#?}", judgement.findings);
    assert!(scene.codes().contains(&"redirected".to_owned()));
}
