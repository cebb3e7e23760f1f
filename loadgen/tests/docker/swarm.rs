//! A load that is sent by the tasks of a Docker Swarm: on one machine, on two, and when one of them, or
//! whoever started it all, is gone.

use std::path::Path;
use std::process::Command;

use loadgen::record::{Record, WorkerState};
use rustix::process::Signal;

use crate::commands::image_is_ours;
use crate::machines::{Second, docker, succeeded, swarm};
use crate::project;
use crate::support::found::{all, one};
use crate::support::program::{Ended, Program, recorded, until};
use crate::support::reading::identities_hold;
use crate::support::schema;
use crate::support::server::serve;

/// In this order: an engine is asked before it is a Swarm.
pub const TESTS: [(&str, fn()); 9] = [
    ("swarm_an_engine_that_manages_none_is_told_apart", no_swarm),
    ("swarm_the_tasks_send_the_load_of_one", three_tasks),
    (
        "swarm_files_that_a_plan_names_go_with_it_and_a_large_one_does_not",
        files,
    ),
    ("swarm_what_no_machine_has_is_refused", no_image),
    (
        "swarm_a_signal_ends_the_tasks_and_keeps_what_they_sent",
        interrupted,
    ),
    (
        "swarm_what_a_killed_launcher_left_is_collected",
        left_behind,
    ),
    (
        "swarm_through_the_compose_stack_three_counts_agree",
        through_compose,
    ),
    (
        "swarm_inside_the_stacks_network_three_counts_agree",
        inside_network,
    ),
    ("swarm_two_machines_and_one_of_them_is_lost", two_machines),
];

/// What is left of any run in the Swarm.
fn remains() -> String {
    let lists = [
        "service ls --quiet --filter label=loadgen.run",
        "config ls --quiet --filter label=loadgen.run",
        "secret ls --quiet --filter label=loadgen.run",
    ];
    lists.map(|list| succeeded(&docker(list))).concat()
}

/// Sees to a Swarm, and to the image of its workers.
fn prepared() {
    swarm();
    if !image_is_ours() {
        succeeded(&docker("compose build --quiet loadgen"));
    }
}

fn command(words: &str) -> Command {
    prepared();
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadgen"));
    command.args(words.split_whitespace());
    command
}

/// A load that a Swarm's tasks send to an embedded stack.
fn load(words: &str) -> Program {
    let usual = "--stack embedded --host app-group-1 --threads 1 --warmup 500ms --engine swarm";
    recorded(command(&format!("{usual} {words}")))
}

/// Its record. The machine may be busy, and then it is INVALID for that.
#[track_caller]
fn record(ended: &Ended) -> Record {
    assert!(!ended.stdout.is_empty(), "no record: {}", ended.stderr);
    let record = schema::record(&ended.stdout);
    let code = i32::from(record.verdict.exit_code);
    assert_eq!(ended.code, Some(code), "{}", ended.stderr);
    identities_hold(&record);
    record
}

fn states(record: &Record) -> Vec<WorkerState> {
    record.workers.iter().map(|worker| worker.state).collect()
}

fn no_swarm() {
    let second = Second::start();
    let asked = loadgen_by(&second, "--workers 2 --rps 20");
    asked.said(3, &["manages no Swarm"], &["docker swarm init"]);
}

#[track_caller]
fn loadgen_by(second: &Second, words: &str) -> Ended {
    let words = format!("--stack embedded --engine swarm {words}");
    crate::support::program::loadgen(&words)
        .env("DOCKER_HOST", &second.address())
        .run()
}

fn three_tasks() {
    let record = record(&load("--workers 3 --rps 90 --duration 2s --user bob:secret").run());
    assert_eq!(states(&record), [WorkerState::Done; 3]);
    assert!(record.complete);
    assert!(all(&record, "lost-worker").is_empty());
    let group = &record.groups[0];
    assert_eq!(group.requests.planned, 180);
    assert_eq!(group.requests.sent, 180);
    assert_eq!(group.crosscheck.proxy, Some(180));
    assert_eq!(group.crosscheck.replicas, Some(180));
    for worker in &record.workers {
        assert_eq!((worker.planned, worker.sent, worker.unsent), (60, 60, 0));
        assert!(worker.clock_offset_most_ms.is_some(), "{worker:?}");
    }
    assert_eq!(remains(), "");
}

fn files() {
    let place = tempfile::tempdir().unwrap();
    let (small, large) = (place.path().join("small"), place.path().join("large"));
    std::fs::write(&small, vec![b'x'; 100_000]).unwrap();
    std::fs::write(&large, vec![b'x'; 600_000]).unwrap();
    let target = serve(|mut caller| while caller.asked().is_some() && caller.answer("here") {});
    let post = |file: &Path| {
        let target = format!(
            "http://{} --method POST --body @{}",
            target.address,
            file.display()
        );
        let load = "--rps 20 --duration 1s --warmup 0s --threads 1 --workers 2 --engine swarm";
        recorded(command(&format!("{target} {load}"))).run()
    };
    let record = record(&post(&small));
    assert_eq!(states(&record), [WorkerState::Done; 2]);
    assert_eq!(record.groups[0].requests.succeeded, 20);

    let ended = post(&large);
    ended.said(2, &["large", "600000", "500000"], &["make it smaller"]);
    assert_eq!(remains(), "");
}

fn no_image() {
    let ended = load("--workers 2 --rps 20 --worker-image no-such-image").run();
    ended.said(3, &["no-such-image"], &["docker build --target loadgen"]);
    let ended = load("--workers 2 --rps 20 --start-in 5s --worker-network no-such-network").run();
    ended.said(3, &["no-such-network"], &[]);
    assert_eq!(remains(), "");
}

fn interrupted() {
    let started = load("--workers 2 --rps 40 --duration 60s").start();
    started.until_spooled(|seconds| seconds.len() >= 2);
    started.signal(Signal::INT);
    let ended = started.end();
    let record = record(&ended);
    assert_eq!(ended.code, Some(130));
    assert_eq!(
        states(&record),
        [WorkerState::Done; 2],
        "{:?}",
        record.workers
    );
    let group = &record.groups[0];
    assert!(group.requests.sent >= 40, "{:?}", group.requests);
    assert_eq!(group.crosscheck.replicas, Some(group.requests.sent));
    assert_eq!(remains(), "");
}

fn left_behind() {
    let target = serve(|mut caller| while caller.asked().is_some() && caller.answer("here") {});
    let words = "--rps 40 --duration 4s --warmup 0s --threads 1 --workers 2 --engine swarm";
    let started = recorded(command(&format!("http://{} {words}", target.address))).start();
    started.until_spooled(|seconds| !seconds.is_empty());
    started.signal(Signal::KILL);
    let killed = started.end();
    assert_eq!((killed.code, killed.stdout.as_str()), (None, ""));

    let collected = recorded(command("collect --run run")).run();
    let record = record(&collected);
    assert_eq!(
        states(&record),
        [WorkerState::Done; 2],
        "{:?}",
        record.workers
    );
    assert!(record.complete);
    assert_eq!(record.groups[0].requests.planned, 160);
    assert_eq!(record.groups[0].requests.sent, 160);

    let run = |words: &str| recorded(command(words)).run();
    run("collect --run no-such-run").refused(2, &["no-such-run"], &["it has those of run"]);
    let down = succeeded(&command("down --run run").output().unwrap());
    assert_eq!(down, "2 workers of run run are removed\n");
    assert_eq!(remains(), "");
}

fn through_compose() {
    let words = "--workers 2 --engine swarm --threads 1 --rps 60 --duration 2s --host";
    prepared();
    let run = project::load(&format!("{words} {}", project::SOUND));
    assert_eq!(states(&run.record), [WorkerState::Done; 2]);
    let group = &run.record.groups[0];
    assert_eq!(group.requests.sent, 120);
    assert_eq!(group.crosscheck.proxy, Some(120));
    assert_eq!(group.crosscheck.replicas, Some(120));
}

fn inside_network() {
    let network = format!("loadgen-inside-{}", std::process::id());
    prepared();
    let create = "network create --scope swarm --driver bridge --attachable";
    succeeded(&docker(&format!("{create} {network}")));
    let stack = project::stack();
    let join = |service: &str, number: usize| {
        let id = stack.id(service, number);
        succeeded(&docker(&format!("network connect {network} {id}")));
        let address = format!("{{{{(index .NetworkSettings.Networks \"{network}\").IPAddress}}}}");
        let mut inspect = Command::new("docker");
        let inspect = inspect
            .args(["inspect", "--format", &address, &id])
            .output();
        (id.clone(), succeeded(&inspect.unwrap()).trim().to_owned())
    };
    let (proxy, target) = join("nginx", 1);
    let replicas = [1, 2].map(|number| join(project::SOUND, number));
    let pages = replicas
        .iter()
        .map(|(_, address)| format!("--replica {}=http://{address}:80/metrics", project::SOUND));
    let pages = pages.collect::<Vec<_>>().join(" ");
    let load = "--rps 60 --duration 2s --threads 1 --workers 2 --engine swarm";
    let words = format!(
        "http://{target} --host {} {pages} --proxy-metrics http://{target}:8081/status {load} --worker-network {network}",
        project::SOUND
    );
    let record = record(&recorded(command(&words)).run());
    let leave = replicas.iter().map(|(id, _)| id).chain([&proxy]);
    for id in leave {
        succeeded(&docker(&format!("network disconnect {network} {id}")));
    }
    until("the tasks to leave the network", || {
        docker(&format!("network rm {network}")).status.success()
    });
    assert_eq!(states(&record), [WorkerState::Done; 2]);
    let group = &record.groups[0];
    assert_eq!(group.requests.sent, 120);
    assert_eq!(group.crosscheck.proxy, Some(120));
    assert_eq!(group.crosscheck.replicas, Some(120));
}

fn two_machines() {
    let mut second = Second::start();
    second.join();
    prepared();
    second.load("loadgen");
    let both = record(&load("--workers 2 --rps 60 --duration 2s").run());
    assert_eq!(states(&both), [WorkerState::Done; 2]);
    assert_eq!(both.groups[0].requests.sent, 120);

    let started = load("--workers 2 --rps 60 --duration 15s").start();
    started.until_spooled(|seconds| seconds.len() >= 3);
    let here = succeeded(&docker("ps --quiet --filter label=loadgen.run"));
    let there = succeeded(&second.docker("ps --quiet --filter label=loadgen.run"));
    assert_eq!((here.lines().count(), there.lines().count()), (1, 1));
    second.kill();
    let record = record(&started.end());
    assert_eq!(record.verdict.exit_code, 4);
    assert!(!record.complete);
    let finding = one(&record, "lost-worker");
    assert!(
        finding.message.contains("after second"),
        "{}",
        finding.message
    );
    let mut found = states(&record);
    found.sort();
    assert_eq!(found, [WorkerState::Done, WorkerState::Lost]);
    for worker in &record.workers {
        assert_eq!(worker.planned, 450);
        assert_eq!(worker.sent + worker.unsent, 450, "{worker:?}");
        let is_done = worker.state == WorkerState::Done;
        assert_eq!(worker.unsent == 0, is_done, "{worker:?}");
    }
    assert_eq!(remains(), "");
}
