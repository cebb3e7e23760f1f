//! A run whose process is killed: nothing measured is lost, and nothing is left behind.

use std::fs;

use loadgen::checks::Status;
use rustix::process::Signal;

use super::program::{children_of, loadgen, runs, test, until};
use super::reading::found;

#[test]
fn a_killed_run_leaves_its_seconds_and_no_process() {
    let started = test("--stack embedded --host app-group-1 --rps 50 --duration 60s").start();
    started.until_spooled(|seconds| seconds.len() >= 2);
    let children = children_of(started.pid());
    assert_eq!(children.len(), 3, "two replicas and a proxy");
    let folder = started.folder();
    started.signal(Signal::KILL);
    let ended = started.end();
    assert_eq!(ended.code, None, "killed");
    until("the children to end with their parent", || {
        !children.iter().any(|child| runs(*child))
    });
    assert!(!folder.join("record.json").exists());

    let drawn = loadgen("report").word(folder.to_str().unwrap()).run();
    assert_eq!(drawn.code, Some(0), "{drawn:?}");
    let record = ended.record();
    assert_eq!(record.verdict.status, Status::Invalid);
    assert_eq!(record.verdict.exit_code, 4);
    assert!(record.run.interrupted);
    assert!(record.run.duration_s >= 2.0, "{}", record.run.duration_s);
    assert_eq!(found(&record, "incomplete-run").len(), 1);
    let counts = record.groups[0].requests;
    assert!(counts.planned >= 100, "{counts:?}");
    assert_eq!(counts.planned, counts.sent + counts.dropped);
    let ends = counts.succeeded + counts.failed + counts.unfinished;
    assert_eq!(counts.sent, ends, "{counts:?}");
    assert!(folder.join("index.html").exists());
}

#[test]
fn a_second_that_was_cut_short_is_left_out() {
    let started = test("--stack embedded --host app-group-1 --rps 50 --duration 60s").start();
    started.until_spooled(|seconds| !seconds.is_empty());
    started.signal(Signal::KILL);
    let ended = started.end();
    let spool = ended.folder().join("intervals.spool.jsonl");
    let text = fs::read_to_string(&spool).unwrap();
    let lines: Vec<_> = text.lines().collect();
    let cut = &lines[1][..lines[1].len() / 2];
    fs::write(&spool, format!("{}\n{}\n{cut}", lines[0], lines[1])).unwrap();
    let drawn = loadgen("report")
        .word(ended.folder().to_str().unwrap())
        .run();
    assert_eq!(drawn.code, Some(0), "{drawn:?}");
    assert_eq!(ended.record().intervals.len(), 1);
}

#[test]
fn what_is_no_run_cannot_be_drawn() {
    let report = loadgen("report nothing-here");
    report
        .run()
        .refused(2, &["nothing-here", "cannot be read"], &["record.json"]);
    let report = loadgen("report .");
    fs::write(report.place().join("record.json"), "{}").unwrap();
    report
        .run()
        .refused(2, &["no schema_version"], &["record.json"]);
}
