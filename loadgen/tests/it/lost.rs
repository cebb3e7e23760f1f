//! A run whose process is killed: nothing measured is lost, and nothing is left behind.

use std::fs::{self, File};
use std::io::Read as _;
use std::process::Command;

use loadgen::record::{Record, Severity, Status};
use rustix::process::Signal;

use super::found::all;
use super::judged::judged_the_same;
use super::program::{children_of, loadgen, runs, test, until};

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
    assert_eq!(all(&record, "incomplete-run").len(), 1);
    let counts = record.groups[0].requests;
    assert!(counts.planned >= 100, "{counts:?}");
    assert_eq!(counts.planned, counts.sent + counts.dropped);
    let ends = counts.succeeded + counts.failed + counts.unfinished;
    assert_eq!(counts.sent, ends, "{counts:?}");
    assert!(folder.join("index.html").exists());
    judged_the_same(&folder, &record);
}

#[test]
fn a_second_that_was_cut_short_is_left_out() {
    let started = test("--stack embedded --host app-group-1 --rps 50 --duration 60s").start();
    started.until_spooled(|seconds| !seconds.is_empty());
    started.signal(Signal::KILL);
    let ended = started.end();
    let spool = ended.folder().join("spool.jsonl");
    let text = fs::read_to_string(&spool).unwrap();
    let lines: Vec<_> = text.lines().collect();
    // Up to the first second of the measured part; of the one after it, half.
    let first = lines
        .iter()
        .position(|line| line.starts_with("{\"second\":0") && !line.contains("warm-up"));
    let first = first.unwrap();
    let cut = &lines[first][..lines[first].len() / 2];
    fs::write(&spool, format!("{}\n{cut}", lines[..=first].join("\n"))).unwrap();
    let drawn = loadgen("report")
        .word(ended.folder().to_str().unwrap())
        .run();
    assert_eq!(drawn.code, Some(0), "{drawn:?}");
    assert_eq!(ended.record().intervals.len(), 1);
}

/// What a run lacks whose totals are whole.
fn lacks_seconds(record: &Record, reason: &str) {
    let lost = all(record, "lost-seconds");
    assert_eq!(lost.len(), 1, "{:?}", record.findings);
    assert_eq!(lost[0].severity, Severity::Warning);
    assert!(lost[0].message.contains(reason), "{}", lost[0].message);
    let mut items = record.certificate.items.iter();
    let item = items.find(|item| item.name == "seconds stored").unwrap();
    assert!(!item.ok && item.observed.ends_with(" of 3"), "{item:?}");
    let counts = record.groups[0].requests;
    assert_eq!((counts.planned, counts.succeeded), (150, 150));
}

#[test]
fn seconds_that_cannot_be_read_back_are_told() {
    let words = "--stack embedded --host app-group-1 --rps 50 --duration 3s";
    let started = test(words).start();
    started.until_spooled(|seconds| !seconds.is_empty());
    fs::remove_file(started.folder().join("spool.jsonl")).unwrap();
    let record = started.end().record();
    assert_eq!(record.intervals, []);
    lacks_seconds(&record, "3 seconds of 3 could not be stored or read back");
}

#[test]
fn seconds_that_cannot_be_written_are_told_with_the_reason() {
    let words = "--stack embedded --host app-group-1 --rps 50 --duration 3s --force";
    let program = test(words);
    let folder = program.place().join("run");
    fs::create_dir(&folder).unwrap();
    // Somebody reads the spool from a pipe, and goes away.
    let pipe = folder.join("spool.jsonl");
    let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let reader = std::thread::spawn(move || {
        let mut head = [0; 100];
        File::open(pipe).unwrap().read_exact(&mut head).unwrap();
    });
    let ended = program.run();
    reader.join().unwrap();
    lacks_seconds(&ended.record(), "Broken pipe");
    assert!(
        ended.stderr.contains("can no longer be stored"),
        "{ended:?}"
    );
}

#[test]
fn a_second_that_is_missing_from_a_lost_run_is_told() {
    let started = test("--stack embedded --host app-group-1 --rps 50 --duration 60s").start();
    started.until_spooled(|seconds| seconds.len() >= 3);
    started.signal(Signal::KILL);
    let ended = started.end();
    let spool = ended.folder().join("spool.jsonl");
    let text = fs::read_to_string(&spool).unwrap();
    let kept = text
        .lines()
        .filter(|line| !line.starts_with("{\"second\":1,"));
    fs::write(&spool, kept.collect::<Vec<_>>().join("\n")).unwrap();
    let drawn = loadgen("report")
        .word(ended.folder().to_str().unwrap())
        .run();
    assert_eq!(drawn.code, Some(0), "{drawn:?}");
    let record = ended.record();
    let lost = all(&record, "lost-seconds");
    assert_eq!(lost[0].severity, Severity::Invalid);
    assert!(
        lost[0].message.ends_with("the time line lacks 1"),
        "{lost:?}"
    );
    judged_the_same(&ended.folder(), &record);
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
