//! The compose stack by the library: what no command of its own shows.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use loadgen::model::StackChoice;
use loadgen::model::{ProxyCounter, StackKind};
use loadgen::model::{ReplicaStatus, StatusChange, changes};
use loadgen::stack::{Project, Stack, StackError, StackSpec, bring_up, down, ps, up};

use crate::ask::ask;
use crate::crash::crash;

/// How long NGINX may take to follow its replicas, and a replica to come back.
const PATIENCE: Duration = Duration::from_secs(30);

pub const TESTS: [(&str, fn()); 4] = [
    (
        "a_stack_is_brought_up_found_scaled_crashed_and_removed",
        || run(from_up_to_down()),
    ),
    ("a_held_port_is_named", || run(held_port())),
    ("a_replica_that_cannot_start_is_quoted", || {
        run(cannot_start());
    }),
    ("a_build_that_fails_shows_its_last_lines", || {
        run(build_fails());
    }),
];

/// The compose project: this repository, or another folder with the same file.
fn folder() -> PathBuf {
    std::env::var_os("LOADGEN_TEST_PROJECT").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/..")),
        PathBuf::from,
    )
}

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(test);
}

fn wanted(name: &str, http_port: &str) -> StackSpec {
    let mut wanted = StackSpec::new(StackChoice::Compose);
    let variable = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    wanted.project = Project {
        directory: folder(),
        name: Some(format!("loadgen-{name}-{}", std::process::id())),
        variables: [
            ("HTTP_PORT", http_port),
            ("STATUS_PORT", ""),
            ("METRICS_PORTS", ""),
        ]
        .map(variable)
        .to_vec(),
    };
    wanted
}

/// Removes a project also when the test that made it has failed.
struct Sweep(String);

impl Drop for Sweep {
    fn drop(&mut self) {
        let filter = format!("label=com.docker.compose.project={}", self.0);
        let found = Command::new("docker")
            .args(["ps", "-aq", "--filter", &filter])
            .output();
        let ids = found.map(|found| String::from_utf8_lossy(&found.stdout).into_owned());
        for id in ids.unwrap_or_default().split_whitespace() {
            let _ = Command::new("docker")
                .args(["rm", "-f", id])
                .stdout(Stdio::null())
                .status();
        }
        let _ = Command::new("docker")
            .args(["network", "rm", &format!("{}_default", self.0)])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
    }
}

async fn from_up_to_down() {
    let mut wanted = wanted("test", "");
    let name = wanted.project.name.clone().unwrap();
    let _sweep = Sweep(name.clone());
    let mut stack = bring_up(&wanted).await.unwrap();
    brought_up(&stack, &name);
    books_agree(&stack);
    found_again(&wanted, &stack).await;

    let before = stack.statuses().await.unwrap();
    crash(&before[0].id.0);
    let after = comes_back(&stack, &before).await;
    assert!(after[0].restarts > before[0].restarts, "{after:?}");
    stack.refresh().await.unwrap();
    turns_are_even(&stack, 2);
    books_agree(&stack);

    wanted.replicas = Some(3);
    let scaled = up(&wanted).await.unwrap();
    assert_eq!(scaled.topology().replicas_of("app-group-1").count(), 3);
    turns_are_even(&scaled, 3);

    assert_eq!(down(&wanted).await.unwrap(), Some(name));
    assert_eq!(ps(&wanted).await.unwrap(), []);
    assert_eq!(down(&wanted).await.unwrap(), None);
}

fn brought_up(stack: &Stack, name: &str) {
    let topology = stack.topology();
    assert_eq!(topology.kind, StackKind::Compose);
    assert_eq!(
        topology.why,
        format!("compose stack: project {name} was brought up with 4 replicas")
    );
    assert_eq!(topology.groups, ["app-group-1", "app-group-2"]);
    assert_eq!(topology.proxy.name, "nginx 1.30");
    assert!(stack.outlives_us());
    for group in &topology.groups {
        let answers = [(); 4].map(|()| get(&topology.proxy.target, group, "/?example=test"));
        let mut ids: Vec<_> = topology
            .replicas_of(group)
            .map(|replica| format!("\"{}\"", replica.id))
            .collect();
        if answers[0] != ids[0] {
            ids.reverse();
        }
        assert_eq!(answers[..2], ids, "strict turns between the known replicas");
        assert_eq!(answers[2..], ids);
    }
}

/// The client's count, the replicas' counters and NGINX's own agree to the last request.
#[track_caller]
fn books_agree(stack: &Stack) {
    let topology = stack.topology();
    let count_all = || -> u64 {
        topology
            .replicas
            .iter()
            .map(|r| count(&r.metrics_url))
            .sum()
    };
    let (replicas, proxy) = (count_all(), proxy_count(stack));
    for _ in 0..50 {
        for group in &topology.groups {
            let _ = get(&topology.proxy.target, group, "/");
        }
    }
    assert_eq!(count_all() - replicas, 100);
    // Reading it counts once.
    assert_eq!(proxy_count(stack) - proxy, 101);
}

async fn found_again(wanted: &StackSpec, stack: &Stack) {
    let mut wanted = wanted.clone();
    wanted.choice = StackChoice::Auto;
    // A loaded machine may be slower than a user would bear.
    wanted.timeouts.engine = Duration::from_secs(5);
    let found = bring_up(&wanted).await.unwrap();
    assert_eq!(found.topology().replicas, stack.topology().replicas);
    assert!(found.topology().why.ends_with("is running with 4 replicas"));

    wanted.groups = vec!["app-group-9".to_owned()];
    let error = bring_up(&wanted).await.err().unwrap();
    assert_eq!(
        error.to_string(),
        "unknown host group app-group-9; this stack has app-group-1 and app-group-2"
    );
}

async fn comes_back(stack: &Stack, before: &[ReplicaStatus]) -> Vec<ReplicaStatus> {
    let since = Instant::now();
    loop {
        let after = stack.statuses().await.unwrap();
        match changes(before, &after).as_slice() {
            [StatusChange::Restarted { id, times: 1, .. }]
                if *id == before[0].id && after[0].health.as_deref() == Some("healthy") =>
            {
                return after;
            }
            others => assert!(since.elapsed() < PATIENCE, "{others:?}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Waits until the rotation is over all replicas, with none that does not answer.
fn turns_are_even(stack: &Stack, n_replicas: usize) {
    let since = Instant::now();
    loop {
        let mut shares: BTreeMap<(u16, String), usize> = BTreeMap::new();
        for _ in 0..10 * n_replicas {
            let answer = ask(&stack.topology().proxy.target, "app-group-1", "/");
            *shares.entry(answer).or_default() += 1;
        }
        if shares.len() == n_replicas && shares.values().all(|share| *share == 10) {
            return;
        }
        assert!(since.elapsed() < PATIENCE, "{shares:?}");
    }
}

async fn held_port() {
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = holder.local_addr().unwrap().port();
    let wanted = wanted("held", &port.to_string());
    let _sweep = Sweep(wanted.project.name.clone().unwrap());
    let error = bring_up(&wanted).await.err().unwrap();
    assert!(
        matches!(error, StackError::PortHeld { port: told, .. } if told == port),
        "{error}"
    );
}

async fn cannot_start() {
    let mut wanted = wanted("start", "");
    let _sweep = Sweep(wanted.project.name.clone().unwrap());
    let args = ("APP_GROUP_1_ARGS".to_owned(), "--nonsense".to_owned());
    wanted.project.variables.push(args);
    let error = bring_up(&wanted).await.err().unwrap();
    assert!(
        matches!(
            error,
            StackError::NotStarted { .. } | StackError::NotReady { .. }
        ),
        "{error}"
    );
    assert!(error.to_string().contains("--nonsense"), "{error}");
}

async fn build_fails() {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        ("docker-compose.yml", "services: {a: {build: .}}\n"),
        ("Dockerfile", "FROM scratch\nCOPY nothing-of-this-name /\n"),
    ];
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let mut wanted = wanted("build", "");
    let _sweep = Sweep(wanted.project.name.clone().unwrap());
    wanted.project.directory = folder.path().to_owned();
    let error = bring_up(&wanted).await.err().unwrap();
    assert!(matches!(error, StackError::BuildFailed { .. }), "{error}");
    assert!(
        error.to_string().contains("nothing-of-this-name"),
        "{error}"
    );
}

fn count(metrics_url: &str) -> u64 {
    let origin = metrics_url.strip_suffix("/metrics").unwrap();
    get(origin, "metrics", "/metrics")
        .lines()
        .filter(|line| line.starts_with("http_requests_total{handler=\"/\""))
        .map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap() as u64)
        .sum()
}

fn proxy_count(stack: &Stack) -> u64 {
    let Some(ProxyCounter::StubStatus { url }) = &stack.topology().proxy.counter else {
        panic!("no book");
    };
    let page = get(url.strip_suffix("/status").unwrap(), "status", "/status");
    // The third line: accepts, handled, requests.
    let numbers = page.lines().nth(2).unwrap().split_whitespace();
    numbers.last().unwrap().parse().unwrap()
}

/// The body of a good answer.
#[track_caller]
fn get(origin: &str, host: &str, path: &str) -> String {
    let (status, body) = ask(origin, host, path);
    assert_eq!(status, 200, "{body}");
    body
}
