//! What a run leaves is enough: to repeat it, and to judge it once more.

use std::fs;
use std::path::Path;

use loadgen::record::Record;

use super::program::{Ended, loadgen, test};
use super::reading::identities_hold;

const EXPERIMENT: &str = "--stack embedded --host app-group-1=40 --host app-group-2=20 --duration 2s --warmup 0s \
    --policy round-robin:3,1 --embedded-policy round-robin:3,1 --arrivals poisson --seed 7 \
    --replica-arg app-group-1/2=--service-time=fixed:3ms --require p99<5s";

/// What two runs of one plan have in common.
#[track_caller]
fn same_run(one: &Record, other: &Record) {
    assert_eq!(one.plan, other.plan);
    for (ours, theirs) in one.groups.iter().zip(&other.groups) {
        assert_eq!(ours.host, theirs.host);
        assert_eq!(
            ours.requests.planned, theirs.requests.planned,
            "the same arrivals"
        );
        assert_eq!(ours.balance.policy, theirs.balance.policy);
        assert_eq!(ours.crosscheck.replicas, theirs.crosscheck.replicas);
    }
}

/// Another run, in the place of one that was.
fn again(ended: &Ended, words: &str) -> Ended {
    let run = loadgen("run --progress none").word(ended.folder().to_str().unwrap());
    run.words("--out run").words(words).run()
}

#[test]
fn a_stored_run_is_repeated_from_its_plan_alone() {
    let ended = test(EXPERIMENT).run();
    let first = ended.record();
    assert_eq!(first.plan.embedded.replica_args.len(), 1);
    let second = again(&ended, "");
    let record = second.record();
    same_run(&first, &record);
    identities_hold(&record);
    // The replica that was told to be slow is slow again.
    let slow = |record: &Record| record.groups[0].replicas[1].response_time.p50;
    assert!(slow(&record) >= 3_000_000 && slow(&first) >= 3_000_000);
}

#[test]
fn flags_win_over_a_stored_plan() {
    let ended = test("--stack embedded --host app-group-1 --rps 20 --duration 1s").run();
    let record = again(&ended, "--rps 40").record();
    assert_eq!(record.groups[0].requests.planned, 40);
    assert_eq!(record.plan.warmup, ended.record().plan.warmup);
}

#[test]
fn a_plan_is_printed_committed_and_run() {
    let printed = loadgen("plan").words(EXPERIMENT).run();
    assert_eq!(printed.code, Some(0), "{printed:?}");
    for line in [
        "duration = \"2s\"",
        "timeout = \"5s\"",
        "policy = \"round-robin:3,1\"",
        "require = [\"p99<5s\"]",
    ] {
        assert!(
            printed.stdout.contains(line),
            "no {line} in {}",
            printed.stdout
        );
    }
    let typed = test(EXPERIMENT).run().record();
    let program = loadgen("run plan.toml --out run --progress none");
    fs::write(program.place().join("plan.toml"), &printed.stdout).unwrap();
    same_run(&program.run().record(), &typed);
}

#[test]
fn a_plan_file_gives_each_group_its_own_load() {
    let program = loadgen("run plan.toml --out run --progress none");
    let plan = r#"
duration = "1s"
stack = "embedded"
[[group]]
host = "app-group-1"
rps = 30
[[group]]
name = "quiet"
host = "app-group-1"
rps = 10
"#;
    fs::write(program.place().join("plan.toml"), plan).unwrap();
    let record = program.run().record();
    let planned: Vec<_> = (record.groups.iter())
        .map(|group| (group.label(), group.requests.planned))
        .collect();
    assert_eq!(planned, [("app-group-1", 30), ("quiet", 10)]);
    assert_eq!(record.groups[1].host, "app-group-1");
}

#[test]
fn what_is_no_plan_says_so() {
    loadgen("run nowhere.toml")
        .run()
        .refused(2, &["nowhere.toml cannot be read"], &["TOML"]);
    loadgen("run .")
        .run()
        .refused(2, &["cannot be read"], &["record.json"]);
    let program = loadgen("run plan.toml");
    fs::write(program.place().join("plan.toml"), "connections = 0").unwrap();
    program
        .run()
        .refused(2, &["0 connections"], &["--connections"]);
}

#[test]
fn a_run_is_judged_again_by_other_thresholds() {
    let ended = test("--stack embedded --host app-group-1 --rps 20 --duration 1s").run();
    let judge = |words: &str| {
        let judge = loadgen("judge").word(ended.folder().to_str().unwrap());
        judge.words(words).run()
    };
    let plain = judge("--format json");
    assert_eq!(plain.code, ended.code, "{plain:?}");
    let record = loadgen::record::from_json(&plain.stdout).unwrap();
    assert_eq!(record, ended.record());
    let strict = judge("--require p99<1us");
    // 4 where the machine was too busy on top of it.
    assert!(matches!(strict.code, Some(4 | 99)), "{strict:?}");
    assert!(
        strict.stdout.contains("`p99<1us` does not hold"),
        "{strict:?}"
    );
    assert_eq!(ended.record(), record, "nothing that is stored changes");
    judge("--fail-if p99").refused(2, &["--fail-if `p99`"], &["p99>50ms"]);
    loadgen("judge .").run().refused(
        2,
        &["evidence.json.gz cannot be read"],
        &["folder of a run"],
    );
}

/// Changes the version that a stored record says it has.
fn of_version(folder: &Path, version: u32) {
    let file = folder.join("record.json");
    let text = fs::read_to_string(&file).unwrap();
    let was = "\"schema_version\": 1,";
    assert!(text.contains(was));
    let now = format!("\"schema_version\": {version},");
    fs::write(file, text.replacen(was, &now, 1)).unwrap();
}

#[test]
fn a_record_of_a_newer_loadgen_is_refused_unless_it_is_forced() {
    let ended = test("--stack embedded --host app-group-1 --rps 20").run();
    let folder = ended.folder();
    let run = folder.to_str().unwrap();
    of_version(&folder, 99);
    let message = ["record.json", "schema version 99", "knows 1"];
    let twice = format!("compare {run} {run}");
    let commands = ["report", "judge"].map(|command| format!("{command} {run}"));
    for words in commands.iter().chain([&twice]) {
        loadgen(words)
            .run()
            .refused(2, &message, &["update loadgen", "--force"]);
        let forced = loadgen(words).words("--force").run();
        // A pair of a busy machine is read, and then refused for what it is.
        assert_ne!(forced.code, Some(2), "{words}: {forced:?}");
        assert!(
            !forced.stderr.contains("schema version"),
            "{words}: {forced:?}"
        );
    }
    // Its plan may mean another load.
    for words in [format!("run {run}"), format!("plan {run}")] {
        loadgen(&words)
            .run()
            .refused(2, &message, &["update loadgen"]);
    }
}

#[test]
fn version_0_is_none() {
    let ended = test("--stack embedded --host app-group-1 --rps 20").run();
    of_version(&ended.folder(), 0);
    let run = ended.folder();
    let report = loadgen("report").word(run.to_str().unwrap());
    let refused = report.words("--force").run();
    refused.refused(
        2,
        &["record.json", "schema_version 0 is no version"],
        &["record.json"],
    );
}
