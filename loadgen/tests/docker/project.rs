//! The project's own compose stack with a proxy that can be told to misbehave.
//!
//! The proxy's file is the repository's `nginx.conf` with one thing changed, so that what is
//! shown is the effect of that one thing.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use crate::ask::ask;
use crate::machines::succeeded;
use crate::support::program::until;
use crate::support::run::{Run, Running};
use crate::support::server::closed_port;

/// The group with two replicas that do as they should.
pub const SOUND: &str = "app-group-1";
/// The group with one replica that does, and one that fails one request in ten.
pub const FAILING: &str = "app-group-2";

/// The name that the project bears among the engine's.
fn name() -> String {
    format!("loadgen-misbehaviour-{}", std::process::id())
}

/// Where the proxy is found on this machine: one port, also after it was killed.
fn http_port() -> &'static str {
    static PORT: OnceLock<String> = OnceLock::new();
    PORT.get_or_init(|| closed_port().port().to_string())
}

fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The stack, once it is up.
static PROJECT: OnceLock<Project> = OnceLock::new();

/// A stack that is up, and the files that it is made of.
pub struct Project {
    /// The proxy's origin.
    target: String,
    files: tempfile::TempDir,
}

/// The stack; whoever asks first brings it up.
pub fn stack() -> &'static Project {
    PROJECT.get_or_init(Project::up)
}

/// Removes the stack, if it was ever asked for.
pub fn sweep() {
    if let Some(project) = PROJECT.get() {
        let _ = project.compose("down --timeout 2 --remove-orphans");
    }
}

impl Project {
    fn up() -> Self {
        let files = tempfile::tempdir().unwrap();
        let here = files.path();
        std::fs::write(here.join("nginx.conf"), as_it_is()).unwrap();
        std::fs::write(here.join("override.yml"), override_of(here)).unwrap();
        let mut project = Self {
            target: String::new(),
            files,
        };
        let output = project.compose("up --detach --build --wait");
        if !output.status.success() {
            let _ = project.compose("down --timeout 2 --remove-orphans");
        }
        succeeded(&output);
        let port = succeeded(&project.compose("port nginx 80"));
        project.target = format!("http://{}", port.trim());
        project
    }

    /// The compose tool, with our files and these words.
    fn compose(&self, words: &str) -> Output {
        let mut command = program("docker");
        command.args(["compose", "-f", "docker-compose.yml", "-f"]);
        command.arg(self.files.path().join("override.yml"));
        command.args(words.split_whitespace()).output().unwrap()
    }

    /// The container of a service that compose has started first, second and so on, counted from 1.
    pub fn id(&self, service: &str, number: usize) -> String {
        let ids = succeeded(&self.compose(&format!("ps --quiet {service}")));
        ids.lines().nth(number - 1).unwrap().to_owned()
    }

    /// The proxy's origin.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Gives a group so many replicas.
    pub fn scale(&self, group: &str, n_replicas: u32) {
        let words = "up --detach --no-build --no-recreate --wait --scale";
        succeeded(&self.compose(&format!("{words} {group}={n_replicas}")));
    }

    /// The name of a container of a group, as the network knows it.
    pub fn container(group: &str, number: u32) -> String {
        format!("{}-{group}-{number}", name())
    }

    /// The names that the replicas of a group answer with, in the order of their numbers.
    pub fn replicas(group: &str) -> Vec<String> {
        let listed = listed();
        let rows = listed.lines().skip(1).filter_map(|row| {
            let mut words = row.split_whitespace();
            (words.next()? == group).then(|| words.next().map(ToOwned::to_owned))?
        });
        rows.collect()
    }

    /// Has the proxy read the repository's file with these changes, and waits until it does.
    #[track_caller]
    pub fn configure(&self, changes: &[(&str, &str)]) {
        static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(1);
        let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        // Hosts that are no group are told by which file they are refused.
        let mark = format!("file {number}");
        let refusal = format!("return 421 \"{mark}\";");
        let mut text = changed(&as_it_is(), "return 421;", &refusal);
        for (from, to) in changes {
            text = changed(&text, from, to);
        }
        // Written over, and not replaced: the container has this very file.
        std::fs::write(self.files.path().join("nginx.conf"), text).unwrap();
        succeeded(&self.compose("exec -T nginx nginx -t"));
        succeeded(&self.compose("exec -T nginx nginx -s reload"));
        // Its old workers may take a connection or two more.
        let mut in_a_row = 0;
        until("the proxy to have read its file", || {
            let is_new = ask(&self.target, "no-such-group", "/") == (421, mark.clone());
            in_a_row = if is_new { in_a_row + 1 } else { 0 };
            in_a_row == 20
        });
    }
}

/// Starts a run against the stack.
pub fn start(words: &str) -> Running {
    stack();
    let mut command = program(env!("CARGO_BIN_EXE_loadgen"));
    command.args(["--stack", "compose", "--warmup", "300ms"]);
    command.args(words.split_whitespace());
    Run::start(command)
}

/// The same with events.
pub fn start_events(words: &str, events: &[&str]) -> Running {
    stack();
    let mut command = program(env!("CARGO_BIN_EXE_loadgen"));
    command.args(["--stack", "compose", "--warmup", "300ms"]);
    command.args(words.split_whitespace());
    command.args(events.iter().flat_map(|event| ["--event", event]));
    Run::start(command)
}

/// What an experiment against the stack stores, and prints as JSON.
#[track_caller]
pub fn search(words: &str) -> serde_json::Value {
    stack();
    let out = tempfile::tempdir().unwrap();
    let mut command = program(env!("CARGO_BIN_EXE_loadgen"));
    command.args(words.split_whitespace());
    command.args(["--stack", "compose", "--warmup", "300ms"]);
    command.args(["--format", "json", "--progress", "none", "--out"]);
    let output = command.arg(out.path().join("found")).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

/// Leaves the proxy so many microseconds of CPU time in each tenth of a second; -1 for all there are.
#[track_caller]
pub fn proxy_quota(micros: i64) {
    let container = succeeded(&stack().compose("ps --quiet nginx"));
    let mut command = program("docker");
    command.args(["update", "--cpu-period", "100000", "--cpu-quota"]);
    command.arg(micros.to_string()).arg(container.trim());
    succeeded(&command.output().unwrap());
}

/// What `loadgen ps` prints.
pub fn listed() -> String {
    let listed = program(env!("CARGO_BIN_EXE_loadgen")).arg("ps").output();
    succeeded(&listed.unwrap())
}

/// A run against the stack.
#[track_caller]
pub fn load(words: &str) -> Run {
    start(words).end()
}

/// A program in the repository, with a project name and ports of our own.
fn program(name: &str) -> Command {
    let mut command = Command::new(name);
    command
        .current_dir(repository())
        .stdin(Stdio::null())
        .env("COMPOSE_PROJECT_NAME", self::name())
        .env("HTTP_PORT", http_port())
        .env("STATUS_PORT", "")
        .env("METRICS_PORTS", "");
    command
}

/// The repository's file.
fn as_it_is() -> String {
    std::fs::read_to_string(repository().join("nginx.conf")).unwrap()
}

/// The text with one thing changed, which has to be there.
#[track_caller]
fn changed(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "nginx.conf has no `{from}`");
    text.replace(from, to)
}

/// What makes the repository's stack ours: another file for the proxy, a replica that fails.
fn override_of(files: &Path) -> String {
    let compose: PathBuf = repository().canonicalize().unwrap();
    format!(
        "services:\n\
        \x20 nginx:\n\
        \x20   volumes: ['{files}/nginx.conf:/etc/nginx/nginx.conf:ro']\n\
        \x20 {FAILING}:\n\
        \x20   deploy: {{replicas: 1}}\n\
        \x20 failing:\n\
        \x20   extends: {{file: '{compose}/docker-compose.yml', service: {FAILING}}}\n\
        \x20   deploy: {{replicas: 1}}\n\
        \x20   command: --fail-ratio=0.1\n",
        files = files.display(),
        compose = compose.display(),
    )
}
