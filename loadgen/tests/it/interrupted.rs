//! Ctrl-C, SIGTERM and a terminal that is gone: once stops and stores, twice stops now.

use std::time::Duration;

use rustix::process::Signal;

use super::fake::{Caller, serve};
use super::found::all;
use super::program::{Program, Started, children_of, runs, test, under, until};
use super::reading::identities_hold;

fn in_mid_load() -> Started {
    // Whoever runs the tests may ignore a hang-up, and what is started by them then would, too.
    let words = "--stack embedded --host app-group-1 --rps 50 --duration 60s";
    let program = Program::by("env", &["--default-signal=HUP"], words);
    let started = program.for_a_second().start();
    started.until_spooled(|seconds| !seconds.is_empty());
    started
}

#[test]
fn one_signal_stops_the_load_and_stores_what_there_is() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let started = in_mid_load();
        let children = children_of(started.pid());
        started.signal(signal);
        let ended = started.end();
        assert_eq!(ended.code, Some(130), "{signal:?}: {ended:?}");
        let record = ended.record();
        assert!(record.run.interrupted);
        assert_eq!(record.verdict.exit_code, 130);
        assert_eq!(all(&record, "interrupted").len(), 1);
        assert!(record.groups[0].requests.succeeded >= 50);
        assert!((1.0..60.0).contains(&record.run.duration_s));
        identities_hold(&record);
        assert!(!children.iter().any(|child| runs(*child)), "children left");
    }
}

#[test]
fn a_hangup_that_is_to_be_ignored_is_ignored() {
    // As `nohup loadgen …` starts it.
    let words = "--stack embedded --host app-group-1 --rps 50 --duration 60s --warmup 0s --out run";
    let started = under("trap '' HUP", &format!("{words} --format json")).start();
    started.until_spooled(|seconds| !seconds.is_empty());
    started.signal(Signal::HUP);
    let then = started.spooled().len();
    started.until_spooled(|seconds| seconds.len() > then + 1);
    started.signal(Signal::TERM);
    let ended = started.end();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert!(ended.record().run.interrupted);
}

#[test]
fn a_signal_at_any_time_keeps_the_identities() {
    // Some answers are slow, some are failures, some never come, and some connections end.
    let behave = |mut caller: Caller| {
        while let Some(asked) = caller.asked() {
            match asked.number % 6 {
                2 => std::thread::sleep(Duration::from_millis(60)),
                3 => {
                    caller.say("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n");
                    continue;
                }
                4 => return caller.close(),
                5 if asked.number > 8 => return caller.hold(),
                _ => {}
            }
            caller.answer("\"a\"");
        }
    };
    let runs: Vec<_> = [2, 4, 9, 14, 25, 60, 110]
        .into_iter()
        .flat_map(|n_requests| [("--rps 60", n_requests), ("--closed", n_requests)])
        .map(|(how, n_requests)| {
            let target = serve(behave);
            let started = test("--warmup 200ms --duration 60s --connections 16 --policy none")
                .words(how)
                .words(&format!("--target http://{}", target.address))
                .start();
            std::thread::spawn(move || {
                until("the requests", || target.requests() >= n_requests);
                started.signal(Signal::INT);
                let ended = started.end();
                assert_eq!(ended.code, Some(130), "{how}, {n_requests}: {ended:?}");
                let record = ended.record();
                assert!(record.run.interrupted);
                identities_hold(&record);
                record.groups[0].requests.planned
            })
        })
        .collect();
    let planned: Vec<_> = runs.into_iter().map(|run| run.join().unwrap()).collect();
    assert!(
        planned.iter().max() > Some(&0),
        "some were in the measured part"
    );
}

#[test]
fn a_second_signal_does_not_wait_for_answers() {
    // Nobody is answered after the first, so that stopping would take its second of grace.
    let target = serve(|mut caller| {
        while let Some(asked) = caller.asked() {
            if asked.number == 0 {
                caller.answer("\"a\"");
            }
        }
    });
    let started = test("--rps 20 --duration 60s --timeout 50s")
        .words(&format!("--target http://{}", target.address))
        .start();
    until("requests to be in flight", || target.requests() > 5);
    // Two of a kind may be merged into one; these are not.
    started.signal(Signal::INT);
    started.signal(Signal::TERM);
    let ended = started.end();
    assert_eq!(ended.code, Some(130), "{ended:?}");
}

#[test]
fn a_signal_before_the_load_ends_the_run_without_a_record() {
    // The target takes the connection and is silent: bringing up the stack waits for it.
    let target = serve(|mut caller| caller.hold());
    let started = test(&format!("--target http://{}", target.address)).start();
    until("the probe", || target.requests() > 0);
    started.signal(Signal::INT);
    let ended = started.end();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert!(ended.stderr.contains("interrupted before the load began"));
    assert!(!ended.folder().exists());
}
