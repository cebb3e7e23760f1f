//! The engine against servers that misbehave: every way to fail has its own name, is counted,
//! and is in the histograms.

use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use loadgen::record::{Record, Severity};
use rustix::process::{Resource, Rlimit, prlimit};

use super::fake::{Asked, Caller, Fake, serve, serve_at};
use super::found::all;
use super::program::{Ended, Program, test, under, until};
use super::reading::{ended_with, identities_hold};

/// Serves the probe well, and every later request with `misbehave`.
fn hostile(misbehave: impl Fn(Caller, Asked) + Send + Sync + 'static) -> Fake {
    serve(move |mut caller| {
        while let Some(asked) = caller.asked() {
            if asked.number > 0 {
                return misbehave(caller, asked);
            }
            caller.answer("\"a\"");
        }
    })
}

fn at(target: &Fake) -> Program {
    test("--rps 40 --policy none").words(&format!("--target http://{}", target.address))
}

/// Every request failed by this class and by no other, and all are in every figure.
#[track_caller]
fn all_failed_by(ended: &Ended, class: &str) -> Record {
    ended_with(ended, 99);
    let record = ended.record();
    identities_hold(&record);
    let group = &record.groups[0];
    let expected = [(class.to_owned(), 40)].into();
    assert_eq!(group.errors, expected, "{:?}", group.status);
    assert_eq!(group.requests.failed, 40);
    assert_eq!(group.response_time.count, 40, "errors are in the histogram");
    let findings = all(&record, "no-answers");
    assert_eq!(findings.len(), 1, "{:#?}", record.findings);
    assert!(findings[0].message.contains(class), "{findings:?}");
    record
}

#[test]
fn a_refused_connection_is_a_connect_error() {
    let mut target = hostile(|_, _| {});
    let started = at(&target).words("--warmup 2s").start();
    until("the probe", || target.requests() > 0);
    // It is gone before the measured part begins.
    target.go_down();
    all_failed_by(&started.end(), "connect");
}

#[test]
fn a_connection_that_is_not_made_in_time_is_a_class_of_its_own() {
    let mut target = hostile(|_, _| {});
    let started = at(&target)
        .words("--warmup 2s --connect-timeout 200ms --connections 16")
        .start();
    until("the probe", || target.requests() > 0);
    // It goes on to listen, but nobody takes what comes, and there is room for one.
    target.go_down();
    let listener = TcpListener::bind(target.address).unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    let _fills_it = TcpStream::connect(target.address).unwrap();
    let record = all_failed_by(&started.end(), "connect-timeout");
    let shortest = record.groups[0].service_time.min;
    assert!(shortest >= 199_000_000, "as long as allowed: {shortest}");
    assert_eq!(record.groups[0].connections.opened, 0);
}

#[test]
fn a_reset_is_told_from_an_end() {
    let target = hostile(|caller, _| caller.reset());
    all_failed_by(&at(&target).run(), "reset");
    let target = hostile(|caller, _| caller.close());
    all_failed_by(&at(&target).run(), "closed");
}

#[test]
fn an_answer_that_ends_half_way_is_no_answer() {
    for half in [
        "HTTP/1.1 200 OK\r\nContent-Le",
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n\"a",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n\"a\"\r\n",
    ] {
        let target = hostile(move |mut caller, _| {
            caller.say(half);
            caller.close();
        });
        all_failed_by(&at(&target).run(), "closed");
    }
}

#[test]
fn a_time_out_before_the_answer_is_told_from_one_within_it() {
    let target = hostile(|mut caller, _| caller.hold());
    let record = all_failed_by(&at(&target).words("--timeout 200ms").run(), "timeout");
    let shortest = record.groups[0].service_time.min;
    assert!(
        shortest >= 199_000_000,
        "it is held for as long: {shortest}"
    );

    let target = hostile(|mut caller, _| {
        caller.say("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n\"a");
        caller.hold();
    });
    all_failed_by(&at(&target).words("--timeout 200ms").run(), "body-timeout");
}

#[test]
fn what_is_not_http_is_a_protocol_error() {
    for garbage in [
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n".as_slice(),
        b"\x00\xff\xfe\x00\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZ\r\n",
    ] {
        let target = hostile(move |mut caller, _| {
            caller.say(garbage);
            caller.hold();
        });
        all_failed_by(&at(&target).run(), "protocol");
    }
}

#[test]
fn a_head_without_end_is_cut_off() {
    let target = hostile(|mut caller, _| {
        caller.say("HTTP/1.1 200 OK\r\n");
        while caller.say("X-More: and more and more and more\r\n") {}
    });
    all_failed_by(&at(&target).run(), "protocol");
}

#[test]
fn a_connection_closed_after_each_answer_is_no_error() {
    for close in ["Connection: close\r\n", "Connection: Keep-Alive, Close\r\n"] {
        let target = hostile(move |mut caller, _| {
            caller.answer_with(close, "\"a\"");
            caller.close();
        });
        let ended = at(&target).run();
        ended_with(&ended, 0);
        let record = ended.record();
        identities_hold(&record);
        let group = &record.groups[0];
        assert_eq!(group.requests.succeeded, 40, "{:?}", group.errors);
        assert!(group.connections.opened >= 40, "{:?}", group.connections);
    }
}

#[test]
fn an_answer_that_only_the_end_ends_is_whole() {
    let target = hostile(|mut caller, _| {
        caller.say("HTTP/1.1 200 OK\r\n\r\n\"a\"");
        caller.close();
    });
    let ended = at(&target).run();
    ended_with(&ended, 0);
    let record = ended.record();
    identities_hold(&record);
    assert_eq!(record.groups[0].requests.succeeded, 40);
    assert_eq!(record.groups[0].replicas[0].id, "a");
}

#[test]
fn a_status_of_failure_is_an_answer_and_no_success() {
    let target = hostile(|mut caller, _| {
        caller.say("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
        while caller.asked().is_some() {
            caller.say("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let ended = at(&target).run();
    ended_with(&ended, 99);
    let record = ended.record();
    identities_hold(&record);
    let group = &record.groups[0];
    assert_eq!(group.requests.failed, 40);
    assert_eq!(group.status, [("503".to_owned(), 40)].into());
    assert!(group.errors.is_empty(), "{:?}", group.errors);
}

#[test]
fn a_connection_limit_of_one_request_each_does_not_lose_any() {
    // It closes without a word after each answer, as servers with a keep-alive limit do.
    let target = hostile(|mut caller, _| {
        caller.answer("\"a\"");
        caller.close();
    });
    let ended = at(&target).run();
    let record = ended.record();
    identities_hold(&record);
    let group = &record.groups[0];
    // Whoever sends at the moment of the end is told so.
    let unlucky = group.errors.get("closed").copied().unwrap_or(0)
        + group.errors.get("reset").copied().unwrap_or(0);
    assert_eq!(group.requests.succeeded + unlucky, 40, "{:?}", group.errors);
    assert!(group.requests.succeeded > 0);
}

#[test]
fn what_comes_between_two_requests_is_no_answer_to_the_next() {
    // A second answer that nobody asked for: whoever takes it for the next one measures nothing.
    let target = hostile(|mut caller, _| {
        caller.answer("\"a\"");
        std::thread::sleep(Duration::from_millis(5));
        caller.answer("\"forged\"");
        caller.hold();
    });
    let ended = test("--rps 10 --duration 2s --policy none")
        .words(&format!("--target http://{}", target.address))
        .run();
    ended_with(&ended, 0);
    let record = ended.record();
    identities_hold(&record);
    let group = &record.groups[0];
    assert_eq!(group.requests.succeeded, 20, "{:?}", group.errors);
    let names: Vec<_> = group.replicas.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(names, ["a"]);
    assert_eq!(group.connections.opened, 20, "each is let go of");
    assert!(
        group.connections.closed_by_peer >= 19,
        "{:?}",
        group.connections
    );
}

#[test]
fn a_server_that_goes_down_and_comes_back_is_seen_to_do_so() {
    let behave = |mut caller: Caller| while caller.asked().is_some() && caller.answer("\"a\"") {};
    let mut target = serve(behave);
    let started =
        test("--rps 50 --duration 60s --requests 150 --policy none --require error_rate<90%")
            .words(&format!("--target http://{}", target.address))
            .start();
    until("some answers", || target.requests() > 30);
    target.go_down();
    started.until_spooled(|seconds| seconds.iter().any(|second| second.failed > 0));
    let back = serve_at(target.address, behave);
    let ended = started.end();
    ended_with(&ended, 0);
    let record = ended.record();
    identities_hold(&record);
    let group = &record.groups[0];
    assert_eq!(group.requests.planned, 150);
    assert!(group.errors["connect"] > 0, "{:?}", group.errors);
    assert!(back.requests() > 0, "it was found again");
    assert_eq!(
        group.requests.succeeded + group.requests.failed,
        150,
        "no concurrency was lost: {:?}",
        group.errors
    );
    let last = record.intervals.iter().rfind(|one| one.succeeded > 0);
    let first_failed = record.intervals.iter().find(|one| one.failed > 0).unwrap();
    assert!(last.unwrap().second >= first_failed.second);
    // No storm while it was down: an attempt that failed belongs to an arrival that failed.
    assert!(
        group.connections.refused <= group.errors["connect"] + 64,
        "{:?}: {:?}",
        group.connections,
        group.errors
    );
    assert_eq!(all(&record, "errors").len(), 1, "{:#?}", record.findings);
}

#[test]
fn too_many_connections_for_the_descriptors_are_refused_with_the_arithmetic() {
    let words = "--stack embedded --host app-group-1 --duration 1s --out run --connections 64";
    under("ulimit -n 100", words).run().said(
        2,
        &["64 connections", "need 128 descriptors", "the limit is 100"],
        &["ulimit -n 128", "--connections"],
    );
}

#[test]
fn a_machine_out_of_descriptors_is_an_invalid_run_and_not_a_failing_server() {
    // Each request needs a connection of its own.
    let served = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&served);
    let target = hostile(move |mut caller, _| {
        count.fetch_add(1, Ordering::SeqCst);
        caller.answer_with("Connection: close\r\n", "\"a\"");
        caller.close();
    });
    let started = test("--rps 50 --duration 60s --requests 400 --policy none")
        .words(&format!("--target http://{}", target.address))
        .start();
    started.until_spooled(|seconds| !seconds.is_empty());
    let limit = |most| {
        let limit = Rlimit {
            current: Some(most),
            maximum: Some(4096),
        };
        prlimit(Some(started.pid()), Resource::Nofile, limit).unwrap();
    };
    // What is open stays open, and nothing more can be.
    limit(3);
    let out = |second: &loadgen::record::IntervalRecord| second.errors.contains_key("descriptors");
    started.until_spooled(|seconds| seconds.iter().any(out));
    limit(1024);
    let before = served.load(Ordering::SeqCst);
    until("requests again", || served.load(Ordering::SeqCst) > before);
    let ended = started.end();
    assert_eq!(ended.code, Some(4), "{ended:?}");
    let record = ended.record();
    identities_hold(&record);
    let findings = all(&record, "descriptors-exhausted");
    assert_eq!(findings.len(), 1, "{:#?}", record.findings);
    assert_eq!(findings[0].severity, Severity::Invalid);
    assert!(findings[0].hint.as_ref().unwrap().contains("ulimit -n"));
}

#[test]
fn more_than_the_connections_can_carry_waits_is_dropped_and_is_told() {
    let target = hostile(|mut caller, _| {
        // One answer every 100 ms, and the arrivals are ten times as fast.
        loop {
            std::thread::sleep(Duration::from_millis(100));
            if !caller.answer("\"a\"") || caller.asked().is_none() {
                return;
            }
        }
    });
    let ended = test("--rps 100 --connections 1 --timeout 300ms --policy none")
        .words(&format!("--target http://{}", target.address))
        .run();
    assert_eq!(ended.code, Some(4), "{ended:?}");
    let record = ended.record();
    identities_hold(&record);
    let counts = record.groups[0].requests;
    assert_eq!(counts.planned, 100);
    assert!(counts.dropped > 0, "{counts:?}");
    assert_eq!(all(&record, "dropped-arrivals").len(), 1);
}
