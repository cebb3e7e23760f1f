//! Through NGINX in containers, by the binary: from `loadgen up` to `loadgen down`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use loadgen::model::StackKind;
use loadgen::record::{CountVerdict, GroupRecord};

use crate::ask::ask;
use crate::crash::crash;
use crate::machines::succeeded;
use crate::support::found::{one, passes};
use crate::support::program::until;
use crate::support::reading::identities_hold;
use crate::support::run::Run;
use crate::support::schema;

/// In this order, because they share one stack.
pub const TESTS: [(&str, fn()); 12] = [
    (
        "up_brings_up_two_replicas_a_group_and_ps_lists_them",
        up_and_ps,
    ),
    ("both_groups_alternate_between_their_two_ids", alternate),
    ("auto_finds_the_running_stack_by_its_labels", found_by_auto),
    ("one_group_has_equal_books_to_the_last_request", one_group),
    (
        "two_groups_have_equal_books_to_the_last_request",
        two_groups,
    ),
    ("an_unknown_group_names_the_ones_there_are", unknown_group),
    ("a_third_replica_gets_its_third", third_replica),
    (
        "a_crashed_replica_comes_back_and_the_run_says_so",
        crashed_replica,
    ),
    ("a_run_inside_the_network_agrees_too", inside_network),
    (
        "a_proxy_without_a_port_of_its_own_is_told_to_have_moved",
        moved_proxy,
    ),
    ("up_repairs_what_a_killed_run_left", repaired),
    ("down_removes_it_all", down),
];

/// Whether the image of the load generator is of this source, as far as its record tells. A build
/// takes minutes, which only CI has.
pub fn image_is_ours() -> bool {
    let mut command = Command::new("docker");
    let theirs = command.args(["run", "--rm", "--network=none", "--pull=never"]);
    let theirs = theirs.args(["loadgen", "schema"]).output().unwrap();
    theirs.status.success() && theirs.stdout == loadgen("schema").stdout
}

fn project() -> String {
    format!("loadgen-e2e-{}", std::process::id())
}

/// The repository, which is the compose project.
fn repository() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// A program in the repository, with a project name and ports of our own.
fn program(name: &str, words: &str) -> Command {
    let mut command = Command::new(name);
    command
        .args(words.split_whitespace())
        .current_dir(repository())
        .stdin(Stdio::null())
        .env("COMPOSE_PROJECT_NAME", project())
        .env("HTTP_PORT", "")
        .env("STATUS_PORT", "")
        .env("METRICS_PORTS", "");
    command
}

fn loadgen(words: &str) -> Output {
    let mut command = program(env!("CARGO_BIN_EXE_loadgen"), words);
    command.output().unwrap()
}

/// Where the proxy is; set once the stack is up.
static STACK: OnceLock<String> = OnceLock::new();

/// The proxy's origin. The stack is brought up by whoever asks first.
fn stack() -> &'static str {
    STACK.get_or_init(|| {
        let output = loadgen("up");
        if !output.status.success() {
            sweep();
        }
        let told = succeeded(&output);
        let (target, _) = told.split_once(" is up\n").unwrap();
        target.to_owned()
    })
}

/// Removes the project's containers and network, if it was ever asked for.
pub fn sweep() {
    let mut command = program("docker", "compose down --timeout 2 --remove-orphans");
    let _ = command.output();
}

/// The rows of `loadgen ps`: group, id, state, health, restarts, metrics page.
fn ps() -> Vec<Vec<String>> {
    let told = succeeded(&loadgen("ps"));
    let words = |line: &str| line.split_whitespace().map(ToOwned::to_owned).collect();
    told.lines().skip(1).map(words).collect()
}

fn up_and_ps() {
    assert!(stack().starts_with("http://127.0.0.1:"), "{}", stack());
    let rows = ps();
    let groups: Vec<_> = rows.iter().map(|row| row[0].as_str()).collect();
    let wanted = ["app-group-1", "app-group-1", "app-group-2", "app-group-2"];
    assert_eq!(groups, wanted);
    for row in &rows {
        assert_eq!(row[1].len(), 12, "a container's short id: {row:?}");
        assert_eq!(row[2..5], ["running", "healthy", "0"], "{row:?}");
        assert!(row[5].ends_with("/metrics"), "{row:?}");
    }
}

fn alternate() {
    let rows = ps();
    for group in ["app-group-1", "app-group-2"] {
        let answers: Vec<_> = (0..6)
            .map(|_| ask(stack(), group, "/?example=test").1)
            .collect();
        assert_ne!(answers[0], answers[1], "turns");
        assert_eq!(answers[..2], answers[2..4]);
        assert_eq!(answers[..2], answers[4..]);
        for row in rows.iter().filter(|row| row[0] == group) {
            assert!(answers.contains(&format!("\"{}\"", row[1])), "{answers:?}");
        }
    }
    let (status, _) = ask(stack(), "no-such-group", "/");
    assert_eq!(status, 421, "a stranger is not somebody's replica");
}

fn found_by_auto() {
    stack();
    // It gives an engine 300 ms, which a busy machine may need more than.
    until("an engine that answers in time", || {
        let run = load("--rps 20 --duration 1s --warmup 0s");
        run.record.stack.kind == StackKind::Compose
            && run.told.lines().next().unwrap_or_default()
                == format!(
                    "compose stack: project {} is running with 4 replicas",
                    project()
                )
    });
}

/// A run against the stack, from its start to its record.
#[track_caller]
fn load(words: &str) -> Run {
    Run::start(program(env!("CARGO_BIN_EXE_loadgen"), words)).end()
}

/// Every request was answered; client, NGINX and replicas counted the same; the parts are even.
#[track_caller]
fn exact(group: &GroupRecord, planned: u64, n_replicas: u64) {
    assert_eq!(group.requests.planned, planned);
    assert_eq!(group.requests.succeeded, planned, "{:?}", group.errors);
    let check = &group.crosscheck;
    assert_eq!(check.verdict, CountVerdict::Agree, "{check:?}");
    assert_eq!(check.client, planned, "{check:?}");
    assert_eq!(check.replicas, Some(planned), "{check:?}");
    assert_eq!(check.residuals, [], "nothing to explain");
    assert_eq!(group.replicas.len() as u64, n_replicas);
    for replica in &group.replicas {
        let apart = (replica.requests * n_replicas).abs_diff(planned);
        assert!(apart <= n_replicas, "{} {}", replica.id, replica.requests);
    }
}

fn one_group() {
    stack();
    let run = load("--stack compose --host app-group-1 --rps 200 --duration 3s --warmup 1s");
    passes(&run.record);
    let group = &run.record.groups[0];
    exact(group, 600, 2);
    assert_eq!(group.crosscheck.proxy, Some(600), "{:?}", group.crosscheck);
    let ids: Vec<_> = group.replicas.iter().map(|replica| &replica.id).collect();
    let rows = ps();
    assert!(ids.iter().all(|id| rows.iter().any(|row| row[1] == **id)));
    assert_eq!(run.record.stack.proxy, "nginx 1.30");
}

fn two_groups() {
    stack();
    let words = "--stack compose --host app-group-1=101 --host app-group-2=50.5";
    let run = load(&format!("{words} --duration 2s --warmup 500ms"));
    passes(&run.record);
    exact(&run.record.groups[0], 202, 2);
    exact(&run.record.groups[1], 101, 2);
    // NGINX has one counter for both, so each group's share of it is what the other left.
    for group in &run.record.groups {
        let check = &group.crosscheck;
        assert!(check.proxy.is_some(), "{check:?}");
        assert_eq!(check.unnamed, 0, "{check:?}");
    }
}

fn unknown_group() {
    stack();
    let output = loadgen("--stack compose --host app-group-9");
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8_lossy(&output.stderr);
    let message = "unknown host group app-group-9; this stack has app-group-1 and app-group-2";
    assert!(told.contains(message), "{told}");
    assert!(told.contains("hint: give --host"), "{told}");
}

fn scale(n_replicas: u32) {
    stack();
    let words = "compose up -d --no-build --no-recreate --wait --scale";
    let mut command = program("docker", words);
    command.arg(format!("app-group-1={n_replicas}"));
    succeeded(&command.output().unwrap());
    turns_are_even(n_replicas as usize);
}

/// Waits until NGINX gives each of so many replicas its turn.
fn turns_are_even(n_replicas: usize) {
    until("even turns", || {
        let mut shares: BTreeMap<(u16, String), usize> = BTreeMap::new();
        for _ in 0..10 * n_replicas {
            *shares.entry(ask(stack(), "app-group-1", "/")).or_default() += 1;
        }
        shares.len() == n_replicas && shares.values().all(|share| *share == 10)
    });
}

fn third_replica() {
    scale(3);
    let run = load("--stack compose --host app-group-1 --rps 150 --duration 2s");
    passes(&run.record);
    exact(&run.record.groups[0], 300, 3);
    let share = run.record.groups[0].replicas[0].expected_share.unwrap();
    assert!((share - 1.0 / 3.0).abs() < 1e-9, "{share}");
    scale(2);
}

fn crashed_replica() {
    stack();
    let victim = ps()[0][1].clone();
    let words = "--stack compose --host app-group-1 --rps 100 --duration 12s --warmup 0s";
    let running = Run::start(program(env!("CARGO_BIN_EXE_loadgen"), words));
    running.until_seconds(3);
    crash(&victim);
    let run = running.end();
    let record = &run.record;
    let about = |code: &str| {
        let found = record.findings.iter().find(|finding| {
            finding.code == code && finding.replica.as_deref() == Some(victim.as_str())
        });
        found.map(|finding| finding.message.clone())
    };
    let told = about("restarted-replica");
    let told = told.unwrap_or_else(|| panic!("{:#?}", record.findings));
    assert!(told.contains("died and was started again"), "{told}");
    assert!(about("counter-reset").is_some(), "{:#?}", record.findings);
    let group = &record.groups[0];
    assert_eq!(group.requests.planned, 1_200);
    assert_eq!(group.requests.unfinished, 0);
    assert_eq!(group.crosscheck.unnamed, 0, "{:?}", group.crosscheck);
    until("the replica to be healthy again", || {
        let rows = ps();
        let row = rows.iter().find(|row| row[1] == victim);
        row.is_some_and(|row| row[2..5] == ["running", "healthy", "1"])
    });
    turns_are_even(2);
}

fn inside_network() {
    stack();
    if !image_is_ours() {
        succeeded(
            &program("docker", "compose build --quiet loadgen")
                .output()
                .unwrap(),
        );
    }
    let words = "compose run --rm -T loadgen --host app-group-1 --rps 100 --duration 2s";
    let output = program("docker", &format!("{words} --format json --out /tmp/run"))
        .output()
        .unwrap();
    let (stdout, stderr) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(!stdout.is_empty(), "no record: {stderr}");
    let record = schema::record(&stdout);
    identities_hold(&record);
    passes(&record);
    exact(&record.groups[0], 200, 2);
    let rows = ps();
    for replica in &record.groups[0].replicas {
        assert!(rows.iter().any(|row| row[1] == replica.id), "{replica:?}");
    }
}

fn moved_proxy() {
    stack();
    let mut command = program(
        env!("CARGO_BIN_EXE_loadgen"),
        "--stack compose --host app-group-1 --rps 20 --duration 4s --warmup 0s",
    );
    command.args(["--event", "1s kill proxy"]);
    let run = Run::start(command).end();
    let failed = one(&run.record, "event-failed");
    for words in ["another start", "HTTP_PORT=8080"] {
        assert!(failed.message.contains(words), "{}", failed.message);
    }
}

fn repaired() {
    stack();
    let mut command = program(
        env!("CARGO_BIN_EXE_loadgen"),
        "--stack compose --host app-group-1 --rps 20 --duration 30s --warmup 0s",
    );
    let folder = tempfile::tempdir().unwrap();
    command.args(["--event", "1s..29s pause app-group-1/1", "--out"]);
    command.arg(folder.path().join("run"));
    let mut running = command
        .stderr(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let state = || ps()[0].join(" ");
    until("the replica to stand still", || {
        state().contains("(Paused)")
    });
    running.kill().unwrap();
    running.wait().unwrap();
    assert!(
        state().contains("(Paused)"),
        "nobody was there to put it back"
    );
    succeeded(&loadgen("up"));
    assert!(state().contains("running healthy"), "{}", state());
}

fn down() {
    stack();
    let told = succeeded(&loadgen("down"));
    assert_eq!(told, format!("{} is down\n", project()));
    assert_eq!(ps(), Vec::<Vec<String>>::new());
    let told = succeeded(&loadgen("down"));
    assert!(told.starts_with("nothing was up"), "{told}");
}
