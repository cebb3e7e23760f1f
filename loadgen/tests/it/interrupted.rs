//! Ctrl-C and SIGTERM: once stops and stores, twice stops now.

use rustix::process::Signal;

use super::fake::serve;
use super::program::{Started, children_of, runs, test, until};
use super::reading::{found, identities_hold};

fn in_mid_load() -> Started {
    let started = test("--stack embedded --host app-group-1 --rps 50 --duration 60s").start();
    started.until_spooled(|seconds| !seconds.is_empty());
    started
}

#[test]
fn one_signal_stops_the_load_and_stores_what_there_is() {
    for signal in [Signal::INT, Signal::TERM] {
        let started = in_mid_load();
        let children = children_of(started.pid());
        started.signal(signal);
        let ended = started.end();
        assert_eq!(ended.code, Some(130), "{signal:?}: {ended:?}");
        let record = ended.record();
        assert!(record.run.interrupted);
        assert_eq!(record.verdict.exit_code, 130);
        assert_eq!(found(&record, "interrupted").len(), 1);
        assert!(record.groups[0].requests.succeeded >= 50);
        assert!((1.0..60.0).contains(&record.run.duration_s));
        identities_hold(&record);
        assert!(!children.iter().any(|child| runs(*child)), "children left");
    }
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
