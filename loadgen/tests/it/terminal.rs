//! What a person sees while a test runs: a picture on a terminal, lines anywhere else, and
//! colours only where they are wanted.

use rustix::process::Signal;

use super::fake::serve;
use super::program::{Started, loadgen, test, until};
use super::reading::ended_with;

/// Sequences that would leave a terminal changed: raw screens, a hidden cursor, lines unbroken.
const CHANGES: &str = "\u{1b}[?";
const WORDS: &str = "--stack embedded --host app-group-1 --rps 50";

fn on_terminal(words: &str) -> Started {
    test(WORDS)
        .words(words)
        .env("TERM", "xterm-256color")
        .start_on_terminal(80, 24)
}

#[test]
fn a_terminal_gets_a_picture_that_is_gone_when_the_summary_comes() {
    let started = on_terminal("--duration 2s");
    until("the picture", || started.said().contains("app-group-1-2"));
    let ended = started.end();
    ended_with(&ended, 0);
    let said = &ended.stderr;
    for part in [
        "intended 50/s",
        "response  p50",
        "release lag p99",
        "errors 0",
        "2 s, ",
    ] {
        assert!(said.contains(part), "no {part}: {said:?}");
    }
    assert!(said.contains("reading final counters\r"), "{said:?}");
    assert!(said.ends_with("\u{1b}[J"), "taken away: {said:?}");
    assert!(!said.contains(CHANGES), "{said:?}");
    assert!(!ended.stdout.contains('\u{1b}'), "the record is JSON");
}

#[test]
fn a_terminal_that_becomes_narrow_gets_narrow_lines() {
    let started = on_terminal("--duration 60s");
    until("the picture", || started.said().contains("app-group-1-2"));
    started.resize(40, 10);
    let narrow = "50 → 50 → 50/s";
    until("a narrow one", || started.said().contains(narrow));
    started.signal(Signal::INT);
    let ended = started.end();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    let said = &ended.stderr;
    let after = &said[said.find(narrow).unwrap()..];
    assert!(after.contains("stopping: "), "{said:?}");
    assert!(said.ends_with("\u{1b}[J"), "taken away: {said:?}");
    assert!(!said.contains(CHANGES), "{said:?}");
}

#[test]
fn a_replica_cannot_steer_the_terminal_by_its_name() {
    let target = serve(|mut caller| {
        while caller.asked().is_some() {
            caller.answer("\"\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}5mevil\"");
        }
    });
    let ended = test("--host shop --rps 50 --duration 2s --format text")
        .words(&format!("--target http://{}", target.address))
        .words("--color never")
        .env("TERM", "xterm")
        .start_on_terminal(100, 30)
        .end();
    for said in [&ended.stdout, &ended.stderr] {
        assert!(said.contains(r"\x1b[2J"), "it is shown: {said:?}");
        for sequence in ["\u{1b}[2J", "\u{1b}]", "\u{7}", "\u{9b}"] {
            assert!(!said.contains(sequence), "{sequence:?} in {said:?}");
        }
    }
}

#[test]
fn what_is_no_terminal_gets_lines() {
    for (words, term) in [("--progress auto", "xterm"), ("--progress tui", "xterm")] {
        let ended = test(WORDS).words(words).env("TERM", term).run();
        lines_only(&ended.stderr);
    }
    let dumb = test(WORDS)
        .env("TERM", "dumb")
        .start_on_terminal(80, 24)
        .end();
    // A terminal shows each line's end in its own way.
    lines_only(&dumb.stderr.replace("\r\n", "\n"));
}

#[track_caller]
fn lines_only(said: &str) {
    assert!(!said.contains(['\u{1b}', '\r']), "{said:?}");
    let begins: Vec<_> = said.lines().map(|line| &line[..2]).collect();
    // The stack, the beginning, one second, the end.
    assert_eq!(begins, ["em", "lo", "t=", "re"], "{said}");
    assert!(said.contains("s app-group-1 intended="), "{said}");
}

#[test]
fn quiet_says_nothing_unless_it_is_an_error() {
    for words in ["--quiet", "--progress none"] {
        let ended = test(WORDS).words(words).run();
        ended_with(&ended, 0);
        assert_eq!(ended.stderr, "", "{words}");
    }
    let ended = test("--quiet --rps -1").run();
    ended.refused(2, &["rate"], &["--rps"]);
}

#[test]
fn colours_are_where_they_are_wanted() {
    let run = |words: &str, environment: &[(&str, &str)]| {
        let program = loadgen("compare nowhere nowhere").words(words);
        let program = environment
            .iter()
            .fold(program, |program, (name, value)| program.env(name, value));
        program.run().stderr.contains("\u{1b}[")
    };
    assert!(!run("", &[]), "a pipe has none");
    assert!(run("--color always", &[("NO_COLOR", "1")]));
    assert!(run("", &[("CLICOLOR_FORCE", "1")]));
    assert!(!run("", &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
    assert!(!run("--color never", &[("FORCE_COLOR", "1")]));
}
