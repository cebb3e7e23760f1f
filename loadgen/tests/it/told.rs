//! What a worker is told by its environment and in files, as engines say it that start many of them by
//! one command.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use loadgen::model::{Proxy, StackKind, Topology, User};
use loadgen::plan::PlanSpec;
use loadgen::record::WorkerState;
use loadgen::workers::{Job, Merged, Merger, MergerOptions};

use super::fake::{Caller, Fake, serve};
use super::program::{Program, loadgen};

const PASSWORD: &str = "s3cr3t:word";
/// `me:s3cr3t:word`
const PAIR: &str = "bWU6czNjcjN0OndvcmQ=";

/// Answers those who say who they are.
fn private() -> Fake {
    serve(|mut caller: Caller| {
        while let Some(asked) = caller.asked() {
            let said = if asked.head.contains(&format!("Basic {PAIR}\r\n")) {
                caller.answer("ok")
            } else {
                caller.say("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")
            };
            if !said {
                return;
            }
        }
    })
}

/// A load of a second for a target, and what it goes through.
pub fn job(target: &str, user: Option<&str>) -> Job {
    let topology = Topology {
        kind: StackKind::External,
        why: "a test".into(),
        proxy: Proxy {
            name: "external".into(),
            target: target.into(),
            counter: None,
            workers: 1,
        },
        groups: Vec::new(),
        replicas: Vec::new(),
    };
    let spec = PlanSpec {
        target: Some(target.into()),
        rps: "40".parse().ok(),
        duration: Some(Duration::from_secs(1)),
        warmup: Some(Duration::ZERO),
        threads: Some(1),
        policy: "none".parse().ok(),
        user: user.map(|name| User::new(name.to_owned(), None)),
        ..PlanSpec::default()
    };
    Job {
        plan: spec.resolve(&topology).unwrap(),
        topology,
        password: None,
    }
}

/// A worker of two that takes its job from a file, and begins at an instant.
fn worker(job: &Path, password: &Path, start_at: &str) -> Program {
    loadgen("worker --of 2 --run-id told")
        .words(&format!("--start-at {start_at}"))
        .word("--password-file")
        .word(password.to_str().unwrap())
        .word(job.to_str().unwrap())
}

fn merged(job: &Job, lines: &[String]) -> Merged {
    let mut merger = Merger::new(MergerOptions {
        run: "told".into(),
        plan: job.plan.clone(),
        workers: 2,
        asked_at_ms: None,
    });
    for line in lines.iter().flat_map(|said| said.lines()) {
        merger.accept(Ok(line), None).unwrap();
    }
    merger.finish()
}

#[test]
fn a_worker_takes_job_number_task_node_and_password_as_engines_say_them() {
    let target = private();
    let job = job(&format!("http://{}", target.address), Some("me"));
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    fs::write(at("job"), job.line()).unwrap();
    fs::write(at("password"), format!("{PASSWORD}\nnot this\n")).unwrap();
    let start = SystemTime::now() + Duration::from_secs(5);
    let start = humantime::format_rfc3339_millis(start).to_string();
    let worker = || worker(&at("job"), &at("password"), &start);
    let pod = worker()
        .env("JOB_COMPLETION_INDEX", "1")
        .env("LOADGEN_TASK", "pod-7f")
        .env("LOADGEN_NODE", "node-3")
        .start();
    let task = worker()
        .env("LOADGEN_SLOT", "0zqx3")
        .env("LOADGEN_NODE_ID", "0zqx3")
        .words("--node here")
        .start();
    let lines = [pod, task].map(|started| {
        let ended = started.end();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended.stdout
    });
    assert!(lines[0].starts_with("LG1 told 1 pod-7f 0 "), "{}", lines[0]);
    let merged = merged(&job, &lines);
    for (worker, node) in merged.workers.iter().zip(["here", "node-3"]) {
        assert_eq!(worker.state, WorkerState::Done, "{worker:?}");
        assert_eq!(worker.node, node);
    }
    let counts = &merged.recording.groups[0].measured.counts;
    assert_eq!((counts.planned, counts.succeeded), (40, 40));
}

#[test]
fn what_cannot_be_told_so_is_refused_with_the_remedy() {
    let place = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let file = place.path().join(name);
        fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let job = write("job", &job("http://127.0.0.1:9", None).line());
    let of_user = write(
        "of-user",
        &self::job("http://127.0.0.1:9", Some("me")).line(),
    );
    let broken = write("broken", "{\"plan\":3}");
    let (empty, password) = (write("empty", ""), write("password", "pw\n"));
    let long = write("long", "");
    fs::File::options()
        .write(true)
        .open(&long)
        .and_then(|file| file.set_len(2 << 20))
        .unwrap();
    let refused = |words: &str, message: &[&str], hint: &[&str]| {
        loadgen("worker --of 2 --run-id r --start-at 2026-01-01T00:00:00Z")
            .words(words)
            .run()
            .refused(2, message, hint);
    };
    refused(
        &job,
        &["nothing says which worker"],
        &["--index", "JOB_COMPLETION_INDEX", "LOADGEN_SLOT"],
    );
    refused(&format!("{broken} --index 0"), &["no job"], &["plan file"]);
    refused(
        &format!("{job} --index 0 --password-file {password}"),
        &["names no user"],
        &["leave it out"],
    );
    refused(
        &format!("{of_user} --index 0 --password-file {empty}"),
        &["is empty"],
        &["first line"],
    );
    refused(
        &format!("{of_user} --index 0 --password-file {long}"),
        &["2,097,152 bytes", "password file"],
        &["at most 1 MiB"],
    );
    let ended = loadgen("worker --of 2 --run-id r --start-at 2026-01-01T00:00:00Z --index 0")
        .word(&job)
        .env("LOADGEN_TASK", "a/b")
        .run();
    ended.refused(2, &["LOADGEN_TASK `a/b`"], &["letters"]);
}
