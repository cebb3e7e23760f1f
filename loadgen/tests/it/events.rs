//! Events on the embedded stack: what is known of each is what the record says of it.

use loadgen::record::{EventRecord, Record, Severity};
use rustix::process::Signal;

use super::found::all;
use super::program::{Ended, loadgen, test};
use super::reading::identities_hold;

const LOAD: &str = "--stack embedded --host app-group-1 --rps 200 --warmup 0s --seed 1";

/// A run with these events, and 200 arrivals a second over two replicas.
#[track_caller]
fn run(words: &str, events: &[&str]) -> Ended {
    let mut program = test(LOAD).words(words);
    for event in events {
        program = program.word("--event").word(event);
    }
    program.run()
}

#[track_caller]
fn only_event(record: &Record) -> &EventRecord {
    identities_hold(record);
    assert_eq!(record.events.len(), 1);
    &record.events[0]
}

/// The run fails by these findings, and by no others; what the machine's other work makes of it is
/// another matter.
#[track_caller]
fn fails_by(ended: &Ended, codes: &[&str]) {
    let record = ended.record();
    let failures = record.findings.iter();
    let failures = failures.filter(|finding| finding.severity == Severity::Failure);
    let failures: Vec<_> = failures.map(|finding| finding.code.name()).collect();
    assert_eq!(failures, codes, "{:#?}", record.findings);
}

/// Seconds from an event's beginning to its end.
#[track_caller]
fn took(event: &EventRecord) -> f64 {
    (event.done.unwrap() - event.began.unwrap()) as f64 / 1e9
}

#[test]
fn a_crash_without_retries_loses_its_share_for_as_long_as_it_lasts() {
    let ended = run(
        "--duration 8s --embedded-retries off",
        &["3s kill app-group-1/2"],
    );
    fails_by(&ended, &[]);
    let record = ended.record();
    let event = only_event(&record);
    assert_eq!((event.verb.as_str(), event.n), ("kill", 1));
    assert_eq!(event.replicas, ["app-group-1-2"]);
    // Rate × share × outage.
    let expected = 200.0 * 0.5 * took(event);
    let lost = event.lost as f64;
    // The beginning and the end are noted by a process that this machine may not have run just then:
    // within two requests, and what the longest of its stalls adds at either end.
    let stalls = record.environment.stalls.as_ref().expect("a stall meter");
    let unseen = 2.0 * 200.0 * 0.5 * stalls.longest as f64 / 1e9;
    assert!(
        (-2.0 - unseen..=2.0).contains(&(lost - expected)),
        "{lost} of {expected}: {event:?}"
    );
    assert_eq!(event.lost, record.groups[0].requests.failed);
    assert!(event.recovery_s.unwrap() >= 0.8, "{event:?}");
    assert!(event.detection_s.unwrap() >= 0.8, "{event:?}");
    assert!(event.rebalance_s.is_some(), "{event:?}");
    assert_eq!(event.before.unwrap().failed, 0);
    assert_eq!(event.after.unwrap().failed, 0);
    // What it explains is no finding of its own.
    for code in [
        "errors",
        "restarted-replica",
        "counter-reset",
        "uneven-balance",
    ] {
        assert_eq!(all(&record, code).len(), 0, "{:?}", record.findings);
    }
}

#[test]
fn a_crash_with_retries_loses_none() {
    let ended = run(
        "--duration 8s --embedded-retries on",
        &["3s kill app-group-1/2"],
    );
    fails_by(&ended, &[]);
    let record = ended.record();
    let event = only_event(&record);
    assert_eq!(event.lost, 0, "{event:?}");
    assert!(event.retried > 50, "{event:?}");
    assert_eq!(record.groups[0].requests.failed, 0);
    assert!(event.recovery_s.is_some(), "{event:?}");
}

#[test]
fn a_pause_makes_its_share_wait_and_loses_none() {
    // Room for all that wait: half of 200/s for two seconds.
    let ended = run(
        "--duration 8s --connections 256",
        &["2s..4s pause app-group-1/1"],
    );
    let record = ended.record();
    let event = only_event(&record);
    assert_eq!(event.lost, 0, "{event:?}");
    let group = &record.groups[0];
    assert_eq!(group.requests.failed, 0);
    let longest = group.response_time.max as f64 / 1e9;
    assert!((1.8..4.0).contains(&longest), "{longest}");
    // A quarter of all arrivals in eight seconds were due in these two, half of them to that replica.
    let p95 = group.response_time.p95 as f64 / 1e9;
    assert!(p95 > 0.5 && group.response_time.p50 < 500_000_000, "{p95}");
    assert!(event.recovery_s.unwrap() >= 1.8, "{event:?}");
}

#[test]
fn a_third_replica_has_its_third_and_is_gone_after_the_run() {
    let ended = run("--duration 7s", &["2s scale app-group-1=3"]);
    fails_by(&ended, &[]);
    let record = ended.record();
    let event = only_event(&record);
    assert_eq!(event.replicas.len(), 3, "{event:?}");
    assert!(event.rebalance_s.unwrap() <= 2.0, "{event:?}");
    let group = &record.groups[0];
    let third = group.replicas.iter().find(|one| one.id == "app-group-1-3");
    let third = third.unwrap().requests as f64;
    let expected = 200.0 * (7.0 - event.done.unwrap() as f64 / 1e9) / 3.0;
    assert!((third - expected).abs() < 15.0, "{third} of {expected}");
    assert_eq!(group.requests.failed, 0);
}

#[test]
fn a_rolling_restart_with_retries_loses_none() {
    let ended = run(
        "--duration 9s --embedded-retries on",
        &["2s rolling-restart app-group-1"],
    );
    fails_by(&ended, &[]);
    let record = ended.record();
    let event = only_event(&record);
    assert_eq!(event.lost, 0, "{event:?}");
    assert_eq!(record.groups[0].requests.failed, 0);
    assert_eq!(event.replicas.len(), 2);
}

#[test]
fn what_is_stopped_and_started_is_away_meanwhile() {
    let ended = run(
        "--duration 8s --embedded-retries on",
        &["2s stop app-group-1/1", "4s start app-group-1/1"],
    );
    fails_by(&ended, &[]);
    let record = ended.record();
    assert_eq!(record.events.len(), 2);
    assert!(record.events.iter().all(|event| event.done.is_some()));
    assert!(
        record.events[1].rebalance_s.is_some(),
        "{:?}",
        record.events
    );
}

#[test]
fn the_proxy_can_die_too() {
    let ended = run("--duration 7s", &["2s kill proxy"]);
    let record = ended.record();
    let event = only_event(&record);
    assert!(event.lost > 100, "{event:?}");
    assert!(event.recovery_s.is_some(), "{event:?}");
    assert_eq!(all(&record, "counter-reset").len(), 0);
    assert_eq!(all(&record, "errors").len(), 0, "{:?}", record.findings);
}

#[test]
fn a_command_is_run_and_its_exit_code_judged() {
    let ended = run("--duration 4s", &["1s exec echo rolled out"]);
    fails_by(&ended, &[]);
    let record = ended.record();
    assert_eq!(only_event(&record).output, "rolled out");

    let ended = run("--duration 3s", &["1s exec echo no; exit 7"]);
    fails_by(&ended, &["event-failed"]);
    let record = ended.record();
    let failed = all(&record, "event-failed");
    assert!(
        failed[0].message.contains("exit status: 7: no"),
        "{failed:?}"
    );
}

#[test]
fn thresholds_hold_events_to_their_limits() {
    let ended = run(
        "--duration 7s --embedded-retries off --fail-if events.lost>0 --fail-if events.1.recovery>30s",
        &["2s kill app-group-1"],
    );
    fails_by(&ended, &["threshold-failed"]);
    let record = ended.record();
    let event = only_event(&record);
    assert!(event.whom.starts_with("app-group-1/"), "drawn: {event:?}");
    let failed: Vec<_> = record.thresholds.iter().map(|one| one.failed).collect();
    assert_eq!(failed, [true, false]);
    let found = all(&record, "threshold-failed");
    assert!(found[0].message.contains("events.lost"), "{found:?}");
}

#[test]
fn an_event_that_is_not_over_is_told_and_an_interrupted_run_puts_all_back() {
    let started = test(LOAD)
        .words("--duration 60s")
        .word("--event")
        .word("1s..50s pause app-group-1/1")
        .start();
    started.until_spooled(|seconds| seconds.len() >= 3);
    started.signal(Signal::INT);
    let ended = started.end();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    let record = ended.record();
    let event = only_event(&record);
    assert!(event.began.is_some() && event.done.is_none(), "{event:?}");
    assert_eq!(all(&record, "event-unrecovered").len(), 1);
    // It runs again, and so its counter can be read.
    assert_eq!(all(&record, "unreadable-counter").len(), 0);
    assert_eq!(all(&record, "vanished-replica").len(), 0);
}

#[test]
fn events_that_cannot_be_are_refused_before_the_load() {
    for (event, message, hint) in [
        (
            "1s explode app-group-1/1",
            "`explode` is no verb",
            "kill, stop, start",
        ),
        ("1s kill app-group-1/3", "app-group-1 has 2", "loadgen ps"),
        (
            "1s kill app-group-2/1",
            "app-group-2, which gets no load",
            "--host",
        ),
        ("9s kill app-group-1/1", "not before the end", "--duration"),
        ("1s pause app-group-1/1", "`pause` lasts", "10s..12s"),
        (
            "1s..2s throttle app-group-1/1=0.1",
            "no CPU quota",
            "--stack compose",
        ),
        (
            "1s..2s disconnect app-group-1/1",
            "no network",
            "--stack compose",
        ),
        ("1s reload proxy", "no configuration", "--stack compose"),
    ] {
        let ended = run("--duration 5s", &[event]);
        ended.refused(2, &[message], &[hint]);
        assert!(!ended.folder().exists(), "nothing is stored");
    }
    let ended = run(
        "--duration 5s",
        &["1s..3s pause app-group-1/1", "2s kill app-group-1/1"],
    );
    ended.refused(2, &["overlap on one replica"], &["another replica"]);
    let ended = run("--duration 5s --window 300ms", &[]);
    ended.refused(2, &["do not fill a second"], &["100ms"]);
}

#[test]
fn events_stand_in_plan_files() {
    let printed = loadgen("plan --host app-group-1 --rps 20 --duration 6s --stack embedded")
        .word("--event")
        .word("2s kill app-group-1/2")
        .run();
    assert_eq!(printed.code, Some(0), "{printed:?}");
    for part in ["[[event]]", "at = \"2s\"", "do = \"kill app-group-1/2\""] {
        assert!(printed.stdout.contains(part), "{}", printed.stdout);
    }
}
