//! What makes a run worthless, what fails it, and what wins.

use super::scene::{Scene, scene};
use crate::model::{ErrorClass, Nanos};
use crate::record::{Severity, Status};
use crate::recorder::{Histogram, Recording, Stalls};

fn quiet() -> Scene {
    scene(2, 500, 4, |k| (k % 2) as usize)
}

fn of(spans: &[(u64, u64)]) -> Histogram {
    let mut histogram = Histogram::new();
    for (micros, count) in spans {
        for _ in 0..*count {
            histogram.record(Nanos(micros * 1_000));
        }
    }
    histogram
}

fn is_invalid_by(scene: &Scene, code: &str) {
    let judgement = scene.judge();
    assert_eq!(judgement.verdict.exit_code, 4, "{:?}", judgement.findings);
    assert_eq!(judgement.verdict.status, Status::Invalid);
    assert!(
        scene.codes().contains(&code.to_owned()),
        "{:?}",
        judgement.findings
    );
    assert!(judgement.certificate.items.iter().any(|item| !item.ok));
}

#[test]
fn a_generator_that_sends_late_is_invalid_not_slow() {
    let mut scene = quiet();
    scene.tally().release_lag = of(&[(40, 1_800), (30_000, 200)]);
    scene.tally().response = of(&[(450, 1_800), (30_400, 200)]);
    is_invalid_by(&scene, "generator-lag");
}

#[test]
fn a_frozen_server_is_slow_and_not_the_generators_fault() {
    // A second of 4 frozen at 500/s and 64 connections: 64 requests are held for up to a second,
    // some 430 wait for a free connection.
    let mut scene = quiet();
    scene.tally().service = of(&[(400, 1_936), (935_000, 64)]);
    scene.tally().connection_wait =
        of(&[(1, 1_564), (100_000, 36), (300_000, 200), (600_000, 200)]);
    scene.tally().response = of(&[(450, 1_500), (200_000, 100), (500_000, 200), (900_000, 200)]);
    assert_eq!(scene.codes(), ["queued-arrivals"]);
    assert_eq!(scene.judge().verdict.exit_code, 0);
}

#[test]
fn a_wait_is_told_by_the_connections_that_were_made() {
    let mut scene = quiet();
    scene.tally().connection_wait = of(&[(1, 1_600), (100_000, 400)]);
    scene.tally().counts.connections.opened = 7;
    let message = |scene: &Scene| scene.judge().findings[0].message.clone();
    assert!(
        message(&scene).contains("7 of at most 64 were made"),
        "{}",
        message(&scene)
    );
    scene.tally().counts.connections.opened = 64;
    assert!(
        message(&scene).contains("all of 64 connections"),
        "{}",
        message(&scene)
    );
}

#[test]
fn whatever_froze_the_generator_is_invalid_though_nothing_was_due_meanwhile() {
    let mut scene = quiet();
    scene.recording.stalls = stalls(4_000, &[300, 300, 300]);
    is_invalid_by(&scene, "machine-stalls");
    scene.recording.stalls = stalls(4_000, &[20, 25]);
    let judgement = scene.judge();
    assert_eq!(judgement.findings[0].severity, Severity::Info);
    assert_eq!(judgement.verdict.exit_code, 0);
    scene.recording.stalls = stalls(4_000, &[20]);
    assert_eq!(scene.codes(), Vec::<String>::new());
}

/// Stalls of so many milliseconds each, one in each second from the first on.
fn stalls(watched: u64, millis: &[u64]) -> Stalls {
    const MILLI: u64 = 1_000_000;
    let mut stalls = Stalls {
        watched: Nanos(watched * MILLI),
        ..Stalls::default()
    };
    for (second, length) in (0u64..).zip(millis) {
        let from = second * 1_000;
        stalls.add(Nanos(from * MILLI), Nanos((from + length) * MILLI));
    }
    stalls
}

#[test]
fn the_cause_of_lateness_is_one_that_accounts_for_it() {
    const ENOUGH: Nanos = Nanos(250_000_000);
    let late = |change: fn(&mut Recording)| {
        let mut scene = quiet();
        // A tenth of the requests, of four seconds: 200 ms explain half of it.
        scene.tally().release_lag = of(&[(40, 1_800), (30_000, 200)]);
        change(&mut scene.recording);
        let judgement = scene.judge();
        judgement.findings[0].message.clone()
    };
    let has = |change: fn(&mut Recording), words: &str| {
        let message = late(change);
        assert!(message.contains(words), "{message}");
    };
    has(|_| (), "the cause is not known");
    has(
        |of| of.threads[0].waited = Nanos(150_000_000),
        "the cause is not known",
    );
    has(
        |of| of.threads[0].waited = ENOUGH,
        "waited 250 ms for a CPU",
    );
    has(
        |of| of.stalls = stalls(4_000, &[100, 130]),
        "it was stopped, or the machine stood still",
    );
    has(
        |of| of.stalls.stolen = Some(ENOUGH),
        "the hypervisor gave 250 ms",
    );
    has(
        |of| of.stalls.throttled = Some(ENOUGH),
        "a quota of CPU held it back for 250 ms",
    );
    has(
        |of| of.threads[0].cpu = Nanos(3_900_000_000),
        "was busy for 3.90 s",
    );
}

#[test]
fn a_tenth_of_the_response_time_is_allowed_as_lag() {
    let mut scene = quiet();
    scene.tally().release_lag = of(&[(4_000, 2_000)]);
    scene.tally().response = of(&[(60_000, 2_000)]);
    assert_eq!(scene.codes(), Vec::<String>::new());
}

#[test]
fn too_few_sent_and_any_dropped_are_invalid() {
    let mut scene = quiet();
    let counts = &mut scene.tally().counts;
    counts.sent -= 30;
    counts.succeeded -= 30;
    counts.dropped += 30;
    is_invalid_by(&scene, "rate-not-reached");
    is_invalid_by(&scene, "dropped-arrivals");
}

#[test]
fn a_thread_that_is_lost_or_used_up_is_invalid() {
    let mut lost = quiet();
    lost.recording.threads[0].finished = false;
    is_invalid_by(&lost, "lost-thread");
    let mut used = quiet();
    used.recording.threads[0].cpu = Nanos(3_800_000_000);
    is_invalid_by(&used, "generator-cpu");
    used.plan.pacing = crate::plan::Pacing::Spin;
    assert_eq!(used.judge().verdict.exit_code, 0);
}

#[test]
fn exhausted_descriptors_are_invalid() {
    let mut scene = quiet();
    scene.fail(ErrorClass::Descriptors, 3);
    is_invalid_by(&scene, "descriptors-exhausted");
}

#[test]
fn an_interrupted_run_is_invalid_with_its_own_exit_code() {
    let mut scene = quiet();
    scene.recording.end = crate::recorder::End::Interrupted;
    scene.recording.measured = Nanos(2_000_000_000);
    assert_eq!(scene.judge().verdict.exit_code, 130);
    assert_eq!(scene.judge().verdict.status, Status::Invalid);
    assert_eq!(scene.codes(), ["interrupted"]);
}

#[test]
fn no_answer_at_all_fails_and_some_errors_are_told() {
    let mut scene = quiet();
    scene.delta = None;
    scene.fail(ErrorClass::Timeout, 20);
    assert!(scene.codes().contains(&"errors".to_owned()));
    assert_eq!(
        scene.judge().verdict.exit_code,
        0,
        "{:?}",
        scene.judge().findings
    );
    let counts = &mut scene.tally().counts;
    (counts.succeeded, counts.failed) = (0, 2_000);
    counts.status.clear();
    counts.errors.insert(ErrorClass::Timeout, 2_000);
    scene.tally().replicas.clear();
    assert!(scene.codes().contains(&"no-answers".to_owned()));
    assert_eq!(scene.judge().verdict.exit_code, 99);
}

#[test]
fn a_threshold_fails_with_its_figures_and_invalid_wins_over_it() {
    let mut scene = quiet();
    scene.plan.thresholds = ["p99>100us", "achieved<99%", "dropped>0"]
        .map(|text| text.parse().expect(text))
        .into();
    let judgement = scene.judge();
    let failed: Vec<_> = judgement
        .thresholds
        .iter()
        .map(|result| result.failed)
        .collect();
    assert_eq!(failed, [true, false, false]);
    assert!(judgement.thresholds[0].margin < 0.0 && judgement.thresholds[1].margin > 0.0);
    assert!(
        judgement.findings[0]
            .message
            .contains("100 µs is the limit"),
        "{}",
        judgement.findings[0].message
    );
    assert_eq!(judgement.verdict.exit_code, 99);
    scene.recording.threads[0].finished = false;
    assert_eq!(scene.judge().verdict.exit_code, 4);
}

#[test]
fn one_hiccup_in_a_short_run_proves_nothing() {
    let mut scene = scene(2, 50, 2, |k| (k % 2) as usize);
    scene.tally().release_lag = of(&[(40, 96), (7_000, 4)]);
    assert_eq!(scene.codes(), Vec::<String>::new());
    scene.tally().release_lag = of(&[(40, 94), (7_000, 6)]);
    is_invalid_by(&scene, "generator-lag");
}
