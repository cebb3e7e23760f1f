//! Stored runs side by side: what is said, and the exit code that a gate acts on.

use loadgen::record::Status;

use super::program::{Ended, loadgen, test};

/// Compares a run with itself and with another.
fn compared(base: &Ended, candidate: &Ended) -> Ended {
    let program = loadgen("compare --color never");
    let program = program.word(base.folder().to_str().unwrap());
    program.word(candidate.folder().to_str().unwrap()).run()
}

/// The code of a comparison of these; a machine with other work to do may have spoilt one.
fn code_of(runs: [&Ended; 2], code: i32) -> i32 {
    let spoilt = |run: &&Ended| run.record().verdict.status == Status::Invalid;
    if runs.iter().any(spoilt) { 4 } else { code }
}

#[test]
fn two_short_runs_cannot_tell_and_end_with_five() {
    let run = || test("--stack embedded --host app-group-1 --rps 40").run();
    let (base, candidate) = (run(), run());
    let told = compared(&base, &candidate);
    let code = code_of([&base, &candidate], 5);
    assert_eq!(told.code, Some(code), "{told:?}");
    if code == 5 {
        assert!(told.stdout.starts_with("CANNOT TELL"), "{told:?}");
        assert!(told.stdout.contains("hint: run longer"), "{told:?}");
    }
}

#[test]
fn a_lower_rate_that_was_asked_for_is_no_regression() {
    let run = |rate: u32| {
        test("--stack embedded --host app-group-1")
            .words(&format!("--rps {rate}"))
            .run()
    };
    let (base, candidate) = (run(100), run(40));
    let told = compared(&base, &candidate);
    let code = code_of([&base, &candidate], 5);
    assert_eq!(told.code, Some(code), "{told:?}");
    if code == 5 {
        assert!(told.stdout.contains("different loads"), "{told:?}");
    }
}
