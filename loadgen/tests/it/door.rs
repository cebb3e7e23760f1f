//! The front door: what is typed in short, what is refused at once, and what stays quiet.

use std::fs::{self, File};

use super::fake::serve;
use super::program::{loadgen, test};
use super::reading::ended_with;

const SHORT: &str = "--stack embedded --host app-group-1 -r 50";

#[test]
fn a_url_alone_says_where_and_which_path() {
    let plan =
        loadgen("plan http://127.0.0.1:8080/items?page=2 -X post -H K:V -d 3s -c 8 --rate 7").run();
    assert_eq!(plan.code, Some(0), "{plan:?}");
    for line in [
        "target = \"http://127.0.0.1:8080\"",
        "path = \"/items?page=2\"",
        "method = \"post\"",
        "header = [\"K:V\"]",
        "duration = \"3s\"",
        "connections = 8",
        "rps = 7",
    ] {
        assert!(plan.stdout.contains(line), "no {line}: {}", plan.stdout);
    }
    loadgen("127.0.0.1:8080").run().refused(
        2,
        &["`127.0.0.1:8080` is neither a command nor a URL"],
        &["http://127.0.0.1:8080"],
    );
}

#[test]
fn a_folder_that_holds_another_run_is_refused_before_anything_is_brought_up() {
    let program = test(SHORT);
    let run = program.place().join("run");
    fs::create_dir(&run).unwrap();
    fs::write(run.join("record.json"), "{}").unwrap();
    fs::write(run.join("other.hlog"), "").unwrap();
    let ended = program.run();
    ended.refused(2, &["run holds another run already"], &["--force"]);

    let program = test(SHORT).words("--force");
    let run = program.place().join("run");
    fs::create_dir(&run).unwrap();
    fs::write(run.join("record.json"), "{}").unwrap();
    fs::write(run.join("other.hlog"), "").unwrap();
    let ended = program.run();
    ended_with(&ended, 0);
    assert!(!ended.folder().join("other.hlog").exists());
    assert_eq!(
        fs::read_to_string(ended.folder().join("record.previous.json")).unwrap(),
        "{}"
    );
}

#[test]
fn a_folder_of_runs_is_refused_too() {
    let program = test(SHORT);
    let other = program.place().join("run/20260101");
    fs::create_dir_all(&other).unwrap();
    fs::write(other.join("record.json"), "{}").unwrap();
    program
        .run()
        .refused(2, &["run holds other runs already"], &["--out"]);
}

#[test]
fn thresholds_are_told_in_words_and_quiet_leaves_the_verdict() {
    let words = "--require p99<5s --fail-if error_rate>0.1% --format text";
    let ended = test(SHORT).words(words).run();
    ended_with(&ended, 0);
    let mut lines = ended.stdout.lines();
    assert!(
        lines.next().unwrap().starts_with("embedded"),
        "{}",
        ended.stdout
    );
    assert_eq!(lines.next(), Some("fails where error rate is above 0.1%"));
    assert_eq!(
        lines.next(),
        Some("fails unless the p99 of the response time is below 5s")
    );
    let ended = test(SHORT).words(words).words("-q").run();
    ended_with(&ended, 0);
    assert_eq!(ended.stderr, "");
    assert_eq!(ended.stdout.lines().count(), 1, "{}", ended.stdout);
    // A busy machine makes it invalid, and the line says so.
    let verdict = ended.stdout.split(' ').next().unwrap();
    assert!(["PASS", "INVALID"].contains(&verdict), "{}", ended.stdout);
}

#[test]
fn endless_and_huge_files_are_refused_by_size() {
    let huge = |words: &str, named: &str, parts: &[&str]| {
        let program = loadgen(words);
        let file = File::create(program.place().join("huge")).unwrap();
        file.set_len(2 << 30).unwrap();
        fs::create_dir(program.place().join("stored")).unwrap();
        let record = File::create(program.place().join("stored/record.json")).unwrap();
        record.set_len(2 << 30).unwrap();
        rustix::fs::mkfifoat(
            rustix::fs::CWD,
            program.place().join("pipe"),
            rustix::fs::Mode::RWXU,
        )
        .unwrap();
        let ended = program.run();
        ended.refused(2, &[named], &["give"]);
        for part in parts {
            assert!(ended.stderr.contains(part), "{}", ended.stderr);
        }
    };
    let record = ["2,147,483,648 bytes", "1 GiB of a record"];
    for words in ["report stored", "compare stored stored", "run stored"] {
        huge(words, "stored/record.json", &record);
    }
    huge(
        "--body @huge",
        "huge",
        &["16 MiB of a body", "at most 16 MiB"],
    );
    huge("--config huge", "huge", &["32 MiB of a plan file"]);
    huge("run huge", "huge", &["32 MiB of a plan file"]);
    for (words, kind) in [("/dev/zero", "a device"), ("pipe", "a pipe")] {
        for flag in ["--config ", "--body @", "run ", "plan "] {
            let ended = {
                let program = loadgen(&format!("{flag}{words}"));
                rustix::fs::mkfifoat(
                    rustix::fs::CWD,
                    program.place().join("pipe"),
                    rustix::fs::Mode::RWXU,
                )
                .unwrap();
                program.run()
            };
            let message = format!("it is {kind} and no file");
            ended.refused(2, &[words, &message], &["write it to a file first"]);
        }
    }
}

#[test]
fn a_certificate_file_is_bounded_too() {
    let target = serve(super::fake::Caller::close);
    let words = format!("https://{} --cacert /dev/zero", target.address);
    let ended = loadgen(&words).run();
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("a device"), "{}", ended.stderr);
}

#[test]
fn evidence_that_is_huge_is_refused_by_its_size() {
    let program = loadgen("judge stored");
    let stored = program.place().join("stored");
    fs::create_dir(&stored).unwrap();
    let evidence = File::create(stored.join("evidence.json.gz")).unwrap();
    evidence.set_len(2 << 30).unwrap();
    program.run().refused(
        2,
        &["evidence.json.gz", "1 GiB of evidence"],
        &["the folder of a run"],
    );
}
