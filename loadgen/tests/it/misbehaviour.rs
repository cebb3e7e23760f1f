//! What replicas, a balancer of connections and the generator itself do, on this machine alone.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use loadgen::record::{BalanceVerdict, CountVerdict, Status};
use rustix::process::Signal;

use super::fake::{Fake, serve};
use super::found::{all, fails_by, failures, one, passes, replica};
use super::peers;
use super::run::{Run, Running};

/// Starts a run on the embedded stack, where no Docker Engine is.
fn start(words: &str) -> Running {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadgen"));
    command
        .env("DOCKER_HOST", "unix:///nowhere/docker.sock")
        .args(["--stack", "embedded", "--host", "app-group-1"])
        .args(words.split_whitespace());
    Run::start(command)
}

#[track_caller]
fn run(words: &str) -> Run {
    let run = start(words).end();
    assert!(run.told.starts_with("embedded stack"), "{}", run.told);
    run
}

const ODD: &str = "app-group-1-2";

#[test]
fn a_slow_replica_is_named_and_owns_the_tail() {
    let run = run("--rps 300 --duration 2s --replica-arg app-group-1/2=--service-time=fixed:20ms");
    passes(&run.record);
    let found = one(&run.record, "slow-replica");
    assert_eq!(found.replica.as_deref(), Some(ODD), "{found:?}");
    for part in [
        "its p50 is 2",
        "50.0 % of the answers",
        "of the slowest 1 %",
    ] {
        assert!(found.message.contains(part), "no {part}: {}", found.message);
    }
    let odd = replica(&run.record, ODD);
    // All of it, but for what a busy machine does to either.
    assert!(odd.tail_share > 0.6, "{}", odd.tail_share);
    assert!((odd.share - 0.5).abs() < 0.01, "{}", odd.share);
    assert!(
        odd.response_time.p50 > 20_000_000,
        "{:?}",
        odd.response_time
    );
}

/// The mismatch names the one replica that miscounts, and by how much.
#[track_caller]
fn miscounts(how: &str, unnamed: u64, word: &str) {
    let words = "--rps 400 --duration 1500ms --warmup 500ms";
    let run = run(&format!(
        "{words} --replica-arg app-group-1/2=--miscount={how}"
    ));
    fails_by(&run.record, "count-mismatch");
    let found = one(&run.record, "count-mismatch");
    assert_eq!(found.replica.as_deref(), Some(ODD), "{found:?}");
    let told = format!("{ODD} counted {unnamed} {word}");
    assert!(
        found.message.contains(&told),
        "no {told}: {}",
        found.message
    );
    let group = &run.record.groups[0];
    assert_eq!(group.crosscheck.verdict, CountVerdict::Disagree);
    assert_eq!(group.crosscheck.unnamed, unnamed);
    // The balance is judged by what the client saw: turns, all the same.
    assert_eq!(group.balance.verdict, BalanceVerdict::Even);
    assert_eq!(group.balance.source, "client");
}

#[test]
fn a_replica_that_counts_double_is_a_mismatch() {
    miscounts("double", 400, "more than the answers it gave");
}

#[test]
fn a_replica_that_loses_counts_is_a_mismatch() {
    miscounts("lose:100", 4, "fewer than the answers it gave");
}

/// A balancer of connections, unlucky with the few that there are.
#[test]
fn connections_pinned_to_replicas_are_suspected() {
    let replicas = ["a", "b"].map(peers::replica);
    let picks = [0, 1, 0, 0, 1, 0, 0, 0];
    let balancer = peers::balancer(&replicas, &picks);
    let words = "--rps 300 --duration 2s --connections 8";
    let run = peers::run(balancer, &replicas, words);
    assert!(
        !failures(&run.record).is_empty(),
        "{:#?}",
        run.record.findings
    );
    let found = one(&run.record, "pinned-connections");
    assert!(
        found
            .message
            .contains("8 connections cannot spread 600 requests"),
        "{}",
        found.message
    );
    assert_eq!(run.record.groups[0].balance.verdict, BalanceVerdict::Uneven);
    assert_eq!(run.record.groups[0].crosscheck.verdict, CountVerdict::Agree);
}

#[test]
fn a_connection_for_each_request_is_told() {
    let run = peers::run(peers::closer().address, &[], "--rps 200 --duration 2s");
    passes(&run.record);
    let found = one(&run.record, "no-keep-alive");
    assert!(
        found.message.contains("the server keeps none"),
        "{}",
        found.message
    );
}

#[test]
fn answers_that_name_nobody_are_no_replicas() {
    let run = peers::run(peers::talker().address, &[], "--rps 300 --duration 1s");
    passes(&run.record);
    let found = one(&run.record, "too-many-names");
    let hint = found.hint.as_deref().unwrap();
    assert!(hint.contains("--replica-id header:NAME"), "{hint}");
    let balance = &run.record.groups[0].balance;
    assert_eq!(balance.verdict, BalanceVerdict::NotJudged);
}

/// Names `replica-000`, `replica-001` and so on in turn, so many of them.
fn naming(names: u64) -> Fake {
    serve(move |mut caller| {
        while let Some(asked) = caller.asked() {
            let header = format!("x-replica: replica-{:03}\r\n", asked.number % names);
            if !caller.answer_with(&header, "ok") {
                return;
            }
        }
    })
}

/// Answers of all intervals by the name that they give.
fn answers_by_name(run: &Run) -> BTreeMap<String, u64> {
    let mut named = BTreeMap::new();
    let intervals = run.record.intervals.iter();
    for replica in intervals.flat_map(|interval| &interval.replicas) {
        *named.entry(replica.id.clone()).or_default() += replica.requests;
    }
    named
}

#[test]
fn names_beyond_what_memory_is_for_are_counted_together_and_told() {
    let server = naming(254);
    let words = "--rps 1000 --duration 2s --replica-id header:x-replica --memory 32MB";
    let run = peers::run(server.address, &[], words);
    // Half of 32 MB, 64 kB each: 250, of which one is for all others.
    let named = answers_by_name(&run);
    assert_eq!(named.len(), 250);
    let is_named = |id: &str| named.contains_key(id);
    assert!(is_named("replica-000") && is_named("replica-248") && is_named("(others)"));
    assert!(!is_named("replica-249"));
    let requests = run.record.groups[0].requests;
    assert_eq!(named.values().sum::<u64>(), requests.succeeded);
    let found = one(&run.record, "too-many-names");
    for part in [
        "254 names",
        "249 can be told apart within 32MB",
        "5 of these names",
        "counted together as `(others)`",
    ] {
        assert!(found.message.contains(part), "{}", found.message);
    }
    assert!(found.hint.as_deref().unwrap().contains("--memory"));
    // As many as there are, where there is memory for them.
    let run = peers::run(server.address, &[], &words.replace("32MB", "64MB"));
    assert_eq!(answers_by_name(&run).len(), 254);
}

/// The process is stopped for most of each twentieth of a second: what the scheduler of an
/// overloaded machine does to it, only in doses that are known.
#[test]
fn a_generator_without_cpu_is_invalid_and_nothing_slow() {
    let running = start("--rps 200 --duration 3s");
    running.until_seconds(1);
    for _ in 0..20 {
        running.signal(Signal::STOP);
        std::thread::sleep(Duration::from_millis(45));
        running.signal(Signal::CONT);
        std::thread::sleep(Duration::from_millis(5));
    }
    let run = running.end();
    assert_eq!(run.record.verdict.status, Status::Invalid);
    assert_eq!(run.record.verdict.exit_code, 4);
    let found = one(&run.record, "generator-lag");
    assert!(
        found.message.contains("were released late"),
        "{}",
        found.message
    );
    for code in ["slow-replica", "queued-arrivals", "count-mismatch"] {
        assert!(
            all(&run.record, code).is_empty(),
            "{:#?}",
            run.record.findings
        );
    }
    // What it did late is in the response time, and the servers counted it all.
    let group = &run.record.groups[0];
    assert!(group.response_time.p99 >= group.send_lag.p99);
    assert_eq!(group.requests.succeeded, 600);
    assert_eq!(group.crosscheck.verdict, CountVerdict::Agree);
}
