//! The main job on the embedded stack: from a sentence to a record that adds up.

use std::fs;
use std::path::Path;

use loadgen::model::StackKind;
use loadgen::record::{self, CountVerdict, GroupRecord, Record, Status};

use super::found::all;
use super::program::{Ended, loadgen, test};
use super::reading::{ended_with, identities_hold};

/// Runs a test on the embedded stack that is expected to pass.
#[track_caller]
fn passes(words: &str) -> Record {
    passed(&test("--stack embedded").words(words).run())
}

#[track_caller]
fn passed(ended: &Ended) -> Record {
    ended_with(ended, 0);
    let record = ended.record();
    identities_hold(&record);
    for group in &record.groups {
        books_are_equal(group);
        shares_are_even(group);
        assert_eq!(group.requests.failed, 0, "{:?}", group.errors);
        assert_eq!(group.requests.unfinished, 0);
    }
    record
}

/// Client, proxy and replicas counted the same, and nothing had to be explained.
#[track_caller]
fn books_are_equal(group: &GroupRecord) {
    let check = &group.crosscheck;
    assert_eq!(check.verdict, CountVerdict::Agree, "{check:?}");
    assert_eq!(check.client, group.requests.sent);
    assert_eq!(check.proxy, Some(group.requests.sent), "{check:?}");
    assert_eq!(check.replicas, Some(group.requests.sent), "{check:?}");
    assert_eq!(check.residuals, [], "nothing to explain");
}

/// Each replica is within one request of its part.
#[track_caller]
fn shares_are_even(group: &GroupRecord) {
    let n = group.replicas.len() as u64;
    for replica in &group.replicas {
        let apart = (replica.requests * n).abs_diff(group.requests.sent);
        assert!(apart <= n, "{}: {}", replica.id, replica.requests);
    }
    assert!(group.balance.max_minus_min <= 1, "{:?}", group.balance);
}

fn planned(record: &Record) -> Vec<u64> {
    let groups = record.groups.iter();
    groups.map(|group| group.requests.planned).collect()
}

#[test]
fn the_main_job_passes_and_every_book_agrees() {
    let words = "--stack embedded --host app-group-1 --rps 200 --duration 2s --warmup 200ms";
    let ended = loadgen(words).words("--out run --format json").run();
    let record = passed(&ended);
    assert_eq!(planned(&record), [400]);
    assert_eq!(record.groups[0].requests.sent, 400);
    assert_eq!(record.groups[0].warmup_requests, 40);
    assert_eq!(record.groups[0].status["200"], 400);
    assert_eq!(record.groups[0].replicas.len(), 2);
    assert_eq!(record.stack.kind, StackKind::Embedded);
    assert!(!record.run.interrupted);
    assert_eq!(record.run.command[1..3], ["--stack", "embedded"]);

    let first = ended.stderr.lines().next().unwrap();
    assert_eq!(first, "embedded stack: asked for");
    assert_eq!(
        record::from_json(&ended.stdout).unwrap(),
        record,
        "standard output is the record and nothing else"
    );
    every_file_is_there(&ended.folder(), "app-group-1");
}

#[track_caller]
fn every_file_is_there(folder: &Path, host: &str) {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let log = format!("{host}.hlog");
    let mut wanted = vec![
        log.as_str(),
        "evidence.json.gz",
        "index.html",
        "junit.xml",
        "record.json",
        "summary.json",
        "summary.md",
    ];
    wanted.sort_unstable();
    assert_eq!(names, wanted, "these, and no temporary ones");
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let page = read("index.html");
    assert!(page.contains("</html>"), "the page is whole");
    assert!(page.len() <= 300_000, "{} bytes", page.len());
    assert!(read("junit.xml").contains("<testsuites"));
    assert!(read("summary.md").contains(host));
    assert!(
        read(&log).contains("Interval_Max"),
        "as the Java tools read"
    );
}

#[test]
fn the_schema_that_loadgen_prints_is_the_one_that_records_are_held_to() {
    let schema = loadgen("schema").run();
    assert_eq!(schema.code, Some(0));
    assert_eq!(schema.stdout, record::schema());
    // Every record of these tests is held to it when it is read.
    passes("--rps 50 --fail-if p99>50s");
}

#[test]
fn the_summary_and_the_reason_for_the_stack_are_for_people() {
    let ended = loadgen("--host app-group-1 --rps 50 --duration 1s --warmup 0s --out run").run();
    ended_with(&ended, 0);
    let (first, summary) = ended.stdout.split_once('\n').unwrap();
    assert_eq!(
        first,
        "embedded stack: no Docker Engine answers at unix:///nowhere/docker.sock: there is no such socket"
    );
    let verdict = ended.record().verdict.status;
    let word = if verdict == Status::Pass {
        "PASS"
    } else {
        "INVALID"
    };
    assert!(summary.starts_with(word), "{summary}");
    for part in ["planned 50", "p99.9", "app-group-1-1", "run/index.html"] {
        assert!(ended.stdout.contains(part), "no {part}: {}", ended.stdout);
    }
    assert!(!ended.stdout.contains('\x1b'), "no colours in a pipe");
}

#[test]
fn without_a_host_every_group_is_loaded_at_the_same_rate() {
    let record = passes("--rps 30");
    let hosts: Vec<_> = record.groups.iter().map(|group| &group.host).collect();
    assert_eq!(hosts, ["app-group-1", "app-group-2"]);
    assert_eq!(planned(&record), [30, 30]);
}

#[test]
fn two_groups_are_loaded_at_rates_of_their_own() {
    let record = passes("--host app-group-1 --host app-group-2=40 --rps 90 --replicas 3");
    assert_eq!(planned(&record), [90, 40]);
    for group in &record.groups {
        assert_eq!(group.replicas.len(), 3);
        let share = group.replicas[0].expected_share.unwrap();
        assert!((share - 1.0 / 3.0).abs() < 1e-9, "{share}");
    }
}

#[test]
fn decimals_are_not_lost_over_several_threads() {
    let record = passes(
        "--host app-group-1=0.5 --host app-group-2=7 --threads 3 --duration 4s --warmup 100ms",
    );
    assert_eq!(planned(&record), [2, 28]);
    assert_eq!(record.threads.len(), 3);
}

#[test]
fn a_number_of_requests_is_kept_to_the_request() {
    let record = passes("--host app-group-1 --rps 150 --requests 101 --duration 20s");
    assert_eq!(planned(&record), [101]);
    assert!(record.run.duration_s < 1.0, "{}", record.run.duration_s);
}

#[test]
fn a_closed_loop_sends_as_many_requests_as_were_asked_for() {
    let words = "--host app-group-1 --closed --requests 300 --connections 4 --threads 2";
    let record = passes(words);
    assert_eq!(planned(&record), [300]);
    let rate = record.groups[0].rate.intended;
    assert!(rate.abs() < 1e-9, "a closed loop intends no rate: {rate}");
}

#[test]
fn a_closed_loop_without_a_bound_ends_with_its_time() {
    // A replica that takes its time, so that the generator is not what is measured.
    let ended = test("--stack embedded --host app-group-1 --closed --connections 2")
        .words("--replica-arg app-group-1=--service-time=fixed:5ms")
        .run();
    ended_with(&ended, 0);
    let record = ended.record();
    identities_hold(&record);
    let counts = record.groups[0].requests;
    assert!(counts.succeeded > 0, "{counts:?}");
    assert_eq!(counts.failed, 0, "{counts:?}");
    books_are_equal(&record.groups[0]);
}

#[test]
fn poisson_arrivals_are_those_of_their_seed() {
    let run = |seed: u32| {
        let words = format!("--host app-group-1 --rps 120 --arrivals poisson --seed {seed}");
        let record = passes(&words);
        // A last answer that came late makes a second in which nothing was due.
        let seconds = record.intervals.iter().map(|second| second.planned);
        (
            planned(&record),
            seconds.filter(|due| *due > 0).collect::<Vec<_>>(),
        )
    };
    let (first, again, other) = (run(7), run(7), run(8));
    assert_eq!(first, again);
    assert_ne!(first, other, "another seed, another stream");
    assert_ne!(first.0, [120], "what is random is not even");
}

#[test]
fn stages_send_what_is_under_their_line() {
    let ended = loadgen("--stack embedded --host app-group-1 --warmup 0s --out run --format json")
        .words("--stages 0:0,1s:100,2s:100")
        .run();
    let record = passed(&ended);
    // A triangle of 50 and a square of 100.
    assert_eq!(planned(&record), [150]);
    let seconds: Vec<_> = record.intervals.iter().map(|one| one.planned).collect();
    assert_eq!(seconds.iter().sum::<u64>(), 150);
    assert_eq!(seconds[0], 50, "{seconds:?}");
}

#[test]
fn a_file_has_the_names_of_the_flags_and_flags_win() {
    let program = loadgen("--config load.toml --rps 20 --out run --format json");
    let text = "host = [\"app-group-2\"]\nrps = 5000\nduration = \"1s\"\nwarmup = \"0s\"\n\
                stack = \"embedded\"\nfail-if = [\"error_rate>0.1%\"]\n";
    fs::write(program.place().join("load.toml"), text).unwrap();
    let record = passed(&program.run());
    assert_eq!(planned(&record), [20]);
    assert_eq!(record.groups[0].host, "app-group-2");
    assert_eq!(record.thresholds.len(), 1);
    assert!(!record.thresholds[0].failed);
}

#[test]
fn a_threshold_that_fails_fails_the_run() {
    let ended = test("--stack embedded --host app-group-1 --rps 40")
        .words("--fail-if p50>1ns --fail-if dropped>0")
        .run();
    ended_with(&ended, 99);
    let record = ended.record();
    let failed: Vec<_> = record.thresholds.iter().map(|one| one.failed).collect();
    assert_eq!(failed, [true, false]);
    assert!(record.thresholds[0].margin < 0.0);
    let findings = all(&record, "threshold-failed");
    assert_eq!(findings.len(), 1);
    assert!(findings[0].message.contains("p50>1ns"), "{findings:?}");
}

#[test]
fn a_job_of_github_actions_gets_annotations_and_a_summary() {
    let program = test("--stack embedded --host app-group-1 --rps 40")
        .words("--fail-if p50>1ns --fail-if dropped>0 --quiet")
        .env("GITHUB_ACTIONS", "true");
    let page = program.place().join("summary");
    fs::write(&page, "what was there\n").unwrap();
    let ended = program
        .env("GITHUB_STEP_SUMMARY", page.to_str().unwrap())
        .run();
    ended_with(&ended, 99);
    let first = ended.stderr.lines().next().unwrap();
    let title = "::error title=loadgen%3A threshold failed::app-group-1: p50>1ns (observed ";
    assert!(first.starts_with(title), "{}", ended.stderr);
    let own = fs::read_to_string(ended.folder().join("summary.md")).unwrap();
    let told = fs::read_to_string(&page).unwrap();
    assert_eq!(told, format!("what was there\n{own}\n"));
}

#[test]
fn errors_of_the_service_are_counted_by_status_and_by_replica() {
    let ended = test("--stack embedded --host app-group-1 --rps 100 --fail-if error_rate>1%")
        .words("--replica-arg app-group-1/2=--fail-ratio=1")
        .run();
    ended_with(&ended, 99);
    let record = ended.record();
    identities_hold(&record);
    let group = &record.groups[0];
    assert_eq!(group.requests.succeeded, 50, "{:?}", group.status);
    assert_eq!(group.requests.failed, 50, "{:?}", group.status);
    let failed: Vec<_> = group.replicas.iter().map(|one| one.failed).collect();
    assert_eq!(failed, [0, 50]);
    books_are_equal(group);
    assert_eq!(all(&record, "errors").len(), 1);
}

#[test]
fn a_proxy_that_does_not_take_turns_is_found_out() {
    let ended = test("--stack embedded --host app-group-1 --rps 400")
        .words("--embedded-policy round-robin:3,1")
        .run();
    ended_with(&ended, 99);
    let record = ended.record();
    identities_hold(&record);
    let mismatch = all(&record, "policy-mismatch");
    assert_eq!(mismatch.len(), 1, "{:#?}", record.findings);
    assert!(mismatch[0].message.contains("3,1"), "{mismatch:?}");

    let ended = test("--stack embedded --host app-group-1 --rps 400")
        .words("--embedded-policy round-robin:3,1 --policy round-robin:3,1")
        .run();
    ended_with(&ended, 0);
}

#[test]
fn a_stored_run_is_drawn_again() {
    let program = test("--stack embedded --host app-group-1 --rps 20");
    let place = program.place().to_owned();
    let ended = program.run();
    let record = passed(&ended);
    let page = place.join("run/index.html");
    let before = fs::read(&page).unwrap();
    fs::remove_file(&page).unwrap();
    let again = loadgen("report")
        .word(place.join("run").to_str().unwrap())
        .run();
    assert_eq!(again.code, Some(0), "{again:?}");
    assert_eq!(again.stdout.trim(), page.to_str().unwrap());
    assert_eq!(fs::read(&page).unwrap(), before, "the same page");
    assert_eq!(ended.record(), record, "and the record is untouched");
}
