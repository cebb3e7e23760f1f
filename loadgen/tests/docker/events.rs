//! Events on the stack of containers, through NGINX: each verb, what it costs, and that all is put back.

use std::process::Command;

use loadgen::record::{CountVerdict, EventRecord};

use crate::project::{Project, SOUND, stack, start_events};
use crate::support::found::all;
use crate::support::run::Run;

/// Crash, pause, quota and network: the verbs that are held to their cost through NGINX.
pub const TESTS: [(&str, fn()); 4] = [
    ("a_crash_is_told_with_what_it_cost", crash),
    ("a_pause_makes_its_share_wait_and_loses_none", pause),
    ("a_throttled_replica_is_set_free_again", throttle),
    (
        "a_replica_that_left_the_network_is_back_after_it",
        disconnect,
    ),
];

#[track_caller]
fn run(words: &str, events: &[&str]) -> Run {
    start_events(words, events).end()
}

/// The events, all of them carried out, after which everything was as before.
#[track_caller]
fn events(run: &Run) -> &[EventRecord] {
    let record = &run.record;
    for event in &record.events {
        assert!(event.done.is_some(), "{event:?}");
        assert!(event.recovery_s.is_some(), "{event:?}");
    }
    let restarted = all(record, "restarted-replica");
    assert!(restarted.is_empty(), "{restarted:?}");
    assert_ne!(
        record.groups[0].crosscheck.verdict,
        CountVerdict::Disagree,
        "{:?}",
        record.groups[0].crosscheck
    );
    &record.events
}

fn crash() {
    stack().configure(&[]);
    let victim = Project::replicas(SOUND)[1].clone();
    let run = run(
        "--host app-group-1 --rps 200 --duration 9s",
        &["3s kill app-group-1/2"],
    );
    let event = &events(&run)[0];
    assert_eq!(event.replicas, [victim]);
    assert!(event.lost > 0, "it died while it was asked: {event:?}");
    assert_eq!(event.lost, run.record.groups[0].requests.failed);
    // Two name servers' answers may be in use for two seconds each.
    assert!(event.recovery_s.unwrap() <= 5.0, "{event:?}");
}

fn pause() {
    stack().configure(&[]);
    let run = run(
        "--host app-group-1 --rps 200 --duration 7s --connections 256",
        &["2s..3s pause app-group-1/1"],
    );
    let event = &events(&run)[0];
    assert_eq!(event.lost, 0, "{event:?}");
    let group = &run.record.groups[0];
    assert_eq!(group.requests.failed, 0);
    let longest = group.response_time.max as f64 / 1e9;
    assert!((0.8..2.5).contains(&longest), "{longest}");
}

fn throttle() {
    stack().configure(&[]);
    let run = run(
        "--host app-group-1 --rps 200 --duration 7s --connections 256",
        &["2s..3s throttle app-group-1/1=0.01"],
    );
    let event = &events(&run)[0];
    let (before, during) = (event.before.unwrap(), event.during.unwrap());
    assert!(during.p99 > before.p99, "{event:?}");
    let quota = inspect(&Project::container(SOUND, 1), "{{.HostConfig.CpuQuota}}");
    assert!(quota == "-1" || quota == "0", "{quota}");
}

fn disconnect() {
    stack().configure(&[]);
    let run = run(
        "--host app-group-1 --rps 100 --duration 12s --connections 512",
        &["2s..4s disconnect app-group-1/2"],
    );
    let event = &events(&run)[0];
    assert!(event.rebalance_s.is_some(), "{event:?}");
    let networks = inspect(
        &Project::container(SOUND, 2),
        "{{len .NetworkSettings.Networks}}",
    );
    assert_eq!(networks, "1");
}

fn inspect(container: &str, format: &str) -> String {
    let output = Command::new("docker")
        .args(["inspect", "--format", format, container])
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
