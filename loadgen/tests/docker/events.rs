//! Events on the stack of containers, through NGINX: each verb, what it costs, and that all is put back.

use std::process::Command;

use loadgen::record::{CountVerdict, EventRecord};
use rustix::process::Signal;

use crate::project::{Project, SOUND, stack, start_events};
use crate::support::found::{all, replica};
use crate::support::program::until;
use crate::support::run::Run;

/// In this order, because they share one stack.
pub const TESTS: [(&str, fn()); 10] = [
    ("a_crash_is_told_with_what_it_cost", crash),
    ("a_pause_makes_its_share_wait_and_loses_none", pause),
    ("a_throttled_replica_is_set_free_again", throttle),
    (
        "a_replica_that_left_the_network_is_back_after_it",
        disconnect,
    ),
    ("a_stopped_replica_is_started_again", stop),
    ("a_third_replica_gets_its_share_and_is_gone_after_it", scale),
    (
        "a_rolling_restart_loses_nothing_where_the_proxy_tries_again",
        rolling_restart,
    ),
    (
        "a_proxy_that_reads_its_file_again_closes_what_was_idle_and_no_more",
        reload,
    ),
    ("a_killed_proxy_is_back_where_it_was", kill_proxy),
    ("what_was_done_is_undone_on_an_interrupt", interrupt),
];

/// The proxy asks another replica where one does not answer.
const RETRIES: (&str, &str) = (
    "proxy_next_upstream off;",
    "proxy_next_upstream error timeout http_502;",
);

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
        // 300 a second take more than a hundredth of a CPU, whatever the machine.
        "--host app-group-1 --rps 600 --duration 9s --connections 1024",
        &["2s..4s throttle app-group-1/1=0.01"],
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

fn stop() {
    stack().configure(&[]);
    let run = run(
        "--host app-group-1 --rps 100 --duration 9s",
        &["2s..4s stop app-group-1/2"],
    );
    let event = &events(&run)[0];
    assert!(event.rebalance_s.is_some(), "{event:?}");
    assert_eq!(event.lost, run.record.groups[0].requests.failed);
    let state = inspect(&Project::container(SOUND, 2), "{{.State.Status}}");
    assert_eq!(state, "running");
}

fn scale() {
    stack().configure(&[]);
    stack().scale(SOUND, 2);
    let before = Project::replicas(SOUND);
    let run = run(
        "--host app-group-1 --rps 90 --duration 12s",
        &["2s scale app-group-1=3"],
    );
    let event = &events(&run)[0];
    // A container's name has an address before the container answers at it: NGINX may try in vain, and
    // then that is what is lost, and nothing else.
    let in_vain = event.lost_by.get("504").copied().unwrap_or(0);
    assert_eq!(event.lost, in_vain, "{event:?}");
    assert!(in_vain <= 2, "{event:?}");
    assert_eq!(event.replicas.len(), 3, "{event:?}");
    // NGINX asks for names every two seconds, and one more is the window that tells.
    assert!(event.rebalance_s.unwrap() <= 3.0, "{event:?}");
    let mut new = event.replicas.iter().filter(|one| !before.contains(one));
    let third = new.next().unwrap();
    let answered = replica(&run.record, third).requests;
    assert!(answered > 50, "{third}: {answered}");
    assert_eq!(Project::replicas(SOUND), before, "put back");
}

fn rolling_restart() {
    stack().configure(&[RETRIES]);
    stack().scale(SOUND, 2);
    let run = run(
        "--host app-group-1 --rps 100 --duration 26s --connections 256",
        &["2s rolling-restart app-group-1"],
    );
    let event = &events(&run)[0];
    assert_eq!(event.lost, 0, "{event:?}");
    assert_eq!(event.replicas.len(), 2, "{event:?}");
    assert_eq!(run.record.groups[0].requests.failed, 0);
}

/// NGINX's old workers finish what they have begun and close connections that are idle: a request that is
/// on its way on one of those at that instant is lost, and over connections of their own none is.
fn reload() {
    stack().configure(&[]);
    let run = |words| run(words, &["1s reload proxy"]);
    let fresh = run("--host app-group-1 --rps 200 --duration 4s --no-keep-alive");
    assert_eq!(events(&fresh)[0].lost, 0, "{:?}", fresh.record.events);
    assert_eq!(fresh.record.groups[0].requests.failed, 0);
    let kept = run("--host app-group-1 --rps 200 --duration 4s");
    let event = &events(&kept)[0];
    let closed = event.lost_by.get("closed").copied().unwrap_or(0);
    assert_eq!(event.lost, closed, "{event:?}");
    assert!(
        closed <= kept.record.groups[0].connections.opened,
        "{event:?}"
    );
    assert_eq!(kept.record.groups[0].requests.failed, closed);
}

fn kill_proxy() {
    stack().configure(&[]);
    let run = run(
        "--host app-group-1 --rps 50 --duration 9s",
        &["2s kill proxy"],
    );
    let event = &events(&run)[0];
    assert!(event.lost > 0, "{event:?}");
    let group = &run.record.groups[0];
    assert_eq!(event.lost, group.requests.failed);
    assert!(group.requests.succeeded > 250, "{:?}", group.requests);
}

fn interrupt() {
    stack().configure(&[]);
    let running = start_events(
        "--host app-group-1 --rps 100 --duration 30s --connections 512",
        &["1s..29s pause app-group-1/1"],
    );
    let paused = || inspect(&Project::container(SOUND, 1), "{{.State.Paused}}");
    until("the replica to stand still", || paused() == "true");
    running.signal(Signal::INT);
    let run = running.end();
    assert_eq!(run.record.verdict.exit_code, 130);
    assert_eq!(paused(), "false");
}

fn inspect(container: &str, format: &str) -> String {
    let output = Command::new("docker")
        .args(["inspect", "--format", format, container])
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
