//! The embedded stack end to end: real child processes, real sockets, free ports.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use loadgen::model::RunState;
use loadgen::model::StackChoice;
use loadgen::model::{ProxyCounter, StackKind};
use loadgen::stack::{ExitClass, Stack, StackError, StackSpec, bring_up};

/// Set in the process that the test of a killed parent kills.
const PARENT: &str = "LOADGEN_TEST_IS_THE_PARENT";

/// How long anything may take here; only reached when a test fails.
const PATIENCE: Duration = Duration::from_secs(10);

fn wanted(groups: &[&str]) -> StackSpec {
    let mut wanted = StackSpec::new(StackChoice::Embedded);
    wanted.embedded.program = Some(env!("CARGO_BIN_EXE_loadgen").into());
    wanted.embedded.groups = groups.iter().map(ToString::to_string).collect();
    wanted
}

/// One answer.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

/// A client that keeps its connection.
struct Client(BufReader<TcpStream>);

impl Client {
    fn of(origin: &str) -> Self {
        let address = origin.strip_prefix("http://").unwrap();
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(BufReader::new(stream))
    }

    fn send(&mut self, request: &str) -> Answer {
        self.0.get_mut().write_all(request.as_bytes()).unwrap();
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(self.0.read_line(&mut head).unwrap(), 0, "closed: {head}");
        }
        let mut answer = Answer {
            status: head[9..12].parse().unwrap(),
            head,
            body: String::new(),
        };
        let length = answer
            .header("content-length")
            .map_or(0, |n| n.parse().unwrap());
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).unwrap();
        answer.body = String::from_utf8(body).unwrap();
        answer
    }

    fn get(&mut self, host: &str, path: &str) -> Answer {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"))
    }
}

fn book(stack: &Stack) -> String {
    let Some(ProxyCounter::Prometheus { url, counter }) = &stack.topology().proxy.counter else {
        panic!("no book");
    };
    assert_eq!(counter.to_string(), "proxy_requests_total");
    Client::of(url.strip_suffix("/metrics").unwrap())
        .get("status", "/metrics")
        .body
}

fn replica_requests(stack: &Stack, group: &str) -> Vec<u64> {
    stack
        .topology()
        .replicas_of(group)
        .map(|replica| {
            let origin = replica.metrics_url.strip_suffix("/metrics").unwrap();
            let page = Client::of(origin).get("metrics", "/metrics").body;
            page.lines()
                .filter(|line| line.starts_with("http_requests_total{handler=\"/\""))
                .map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap() as u64)
                .sum()
        })
        .collect()
}

#[tokio::test]
async fn requests_of_each_group_take_strict_turns_and_every_book_agrees() {
    let stack = bring_up(&wanted(&["app-group-1", "app-group-2"]))
        .await
        .unwrap();
    let topology = stack.topology();
    assert_eq!(topology.kind, StackKind::Embedded);
    assert_eq!(topology.groups, ["app-group-1", "app-group-2"]);
    let mut client = Client::of(&topology.proxy.target);
    for group in &topology.groups {
        for n in 0..20 {
            let answer = client.get(group, "/?example=test");
            assert_eq!(answer.status, 200);
            assert_eq!(answer.body, format!("\"{group}-{}\"", n % 2 + 1));
            let upstream = answer.header("x-upstream").unwrap();
            let replica = &topology.replicas_of(group).nth(n % 2).unwrap();
            assert!(replica.metrics_url.contains(upstream), "{upstream}");
        }
    }
    let page = book(&stack);
    for group in &topology.groups {
        assert!(
            page.contains(&format!("proxy_requests_total{{host=\"{group}\"}} 20\n")),
            "{page}"
        );
        assert_eq!(replica_requests(&stack, group), [10, 10]);
    }
    stack.take_down().await;
}

#[tokio::test]
async fn only_the_group_asked_for_is_started_and_its_port_and_capitals_do_not_matter() {
    let mut wanted = wanted(&["app-group-1", "app-group-2"]);
    wanted.groups = vec!["app-group-2".to_owned()];
    wanted.replicas = Some(3);
    let stack = bring_up(&wanted).await.unwrap();
    assert_eq!(stack.topology().groups, ["app-group-2"]);
    let mut client = Client::of(&stack.topology().proxy.target);
    let hosts = [
        "app-group-2",
        "app-group-2:80",
        "APP-group-2",
        "app-group-2",
    ];
    assert_eq!(
        hosts.map(|host| client.get(host, "/").body),
        ["1", "2", "3", "1"].map(|index| format!("\"app-group-2-{index}\""))
    );
    stack.take_down().await;
}

#[tokio::test]
async fn bodies_and_names_go_through_the_proxy() {
    let stack = bring_up(&wanted(&["app-group-1"])).await.unwrap();
    let mut client = Client::of(&stack.topology().proxy.target);
    let body = "x".repeat(100_000);
    let created = client.send(&format!(
        "POST /items HTTP/1.1\r\nHost: app-group-1\r\nContent-Length: 100000\r\n\r\n{body}"
    ));
    assert_eq!(
        (created.status, created.body.as_str()),
        (201, r#"{"length":100000}"#)
    );
    assert_eq!(created.header("x-replica"), Some("app-group-1-1"));
    let bytes = client.get("app-group-1", "/bytes/100000");
    assert_eq!((bytes.status, bytes.body.len()), (200, 100_000));
    assert_eq!(bytes.header("x-replica"), Some("app-group-1-2"));
    stack.take_down().await;
}

#[tokio::test]
async fn a_host_that_is_no_group_is_misdirected_and_counted_as_such() {
    let stack = bring_up(&wanted(&["app-group-1"])).await.unwrap();
    let mut client = Client::of(&stack.topology().proxy.target);
    let answer = client.get("elsewhere", "/");
    assert_eq!(answer.status, 421);
    assert_eq!(answer.header("x-upstream"), None);
    // The connection lives on.
    assert_eq!(client.get("app-group-1", "/").status, 200);
    assert!(book(&stack).contains("proxy_requests_total{host=\"_\"} 1\n"));
    stack.take_down().await;
}

#[tokio::test]
async fn a_body_reaches_the_replica_and_neighbours_headers_do_not() {
    let stack = bring_up(&wanted(&["app-group-1"])).await.unwrap();
    let mut client = Client::of(&stack.topology().proxy.target);
    let answer = client.send(
        "POST / HTTP/1.1\r\nHost: app-group-1\r\nConnection: keep-alive, x-secret\r\n\
         X-Secret: 1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    );
    // The replica has no POST; what counts is that it said so, in step.
    assert_eq!(answer.status, 405);
    assert_eq!(client.get("app-group-1", "/").body, "\"app-group-1-2\"");
    stack.take_down().await;
}

#[tokio::test]
async fn a_slow_replica_is_given_up_with_504() {
    let mut wanted = wanted(&["slow"]);
    wanted.embedded.upstream_timeout = Duration::from_millis(50);
    wanted.embedded.spec.replica_args = vec!["slow/1=--service-time=fixed:5s".parse().unwrap()];
    let stack = bring_up(&wanted).await.unwrap();
    let mut client = Client::of(&stack.topology().proxy.target);
    assert_eq!(client.get("slow", "/").status, 504);
    assert_eq!(client.get("slow", "/").body, "\"slow-2\"");
    stack.take_down().await;
}

#[tokio::test]
async fn a_dead_replica_is_stood_in_for_and_without_any_the_answer_is_502() {
    let stack = bring_up(&wanted(&["mortal"])).await.unwrap();
    let mut client = Client::of(&stack.topology().proxy.target);
    kill_replica("mortal-1");
    // Its turns are tried, and the one who stood in is named last.
    let answers = [(); 2].map(|()| client.get("mortal", "/"));
    for answer in &answers {
        assert_eq!((answer.status, answer.body.as_str()), (200, "\"mortal-2\""));
    }
    assert!(answers[0].header("x-upstream").unwrap().contains(", "));
    assert!(!answers[1].header("x-upstream").unwrap().contains(", "));

    kill_replica("mortal-2");
    let answer = client.get("mortal", "/");
    assert_eq!(answer.status, 502);
    assert!(answer.header("x-upstream").unwrap().contains(", "));

    for status in stack.statuses().await.unwrap() {
        assert!(
            matches!(&status.state, RunState::Ended(how) if how.contains("signal: 9")),
            "{status:?}"
        );
    }
    stack.take_down().await;
}

#[tokio::test]
async fn an_unknown_group_is_a_usage_error_that_names_the_known_ones() {
    let mut wanted = wanted(&["app-group-1", "app-group-2"]);
    wanted.groups = vec!["app-group-3".to_owned()];
    let error = bring_up(&wanted).await.err().unwrap();
    assert_eq!(
        error.to_string(),
        "unknown host group app-group-3; this stack has app-group-1 and app-group-2"
    );
    assert_eq!(error.exit_class(), ExitClass::Usage);
}

#[tokio::test]
async fn what_a_child_complained_about_is_in_the_error() {
    let mut wanted = wanted(&["app-group-1"]);
    wanted.embedded.program = Some("/bin/cat".into());
    let error = bring_up(&wanted).await.err().unwrap();
    assert!(matches!(error, StackError::NotStarted { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("replica app-group-1-"), "{text}");
    assert!(text.contains("cat: "), "{text}");
}

#[tokio::test]
async fn nothing_is_left_of_a_stack_that_was_taken_down_or_dropped() {
    for take_down in [true, false] {
        let group = if take_down { "lowered" } else { "dropped" };
        let stack = bring_up(&wanted(&[group])).await.unwrap();
        assert_eq!(replica_pids(group).len(), 2);
        if take_down {
            stack.take_down().await;
        } else {
            drop(stack);
        }
        assert_eq!(replica_pids(group), [0; 0]);
    }
}

#[tokio::test]
async fn a_killed_parent_leaves_no_child() {
    if std::env::var_os(PARENT).is_some() {
        return be_the_parent().await;
    }
    let mut parent = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "stack_embedded::a_killed_parent_leaves_no_child",
            "--nocapture",
        ])
        .env(PARENT, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(parent.stdout.take().unwrap()).lines();
    let up = lines.any(|line| line.unwrap().ends_with("the stack is up"));
    assert!(up, "the parent ended early");
    let children = children_of(parent.id());
    assert_eq!(children.len(), 3, "two replicas and a proxy");
    // Each in a group of its own, which Ctrl-C in the parent's terminal does not reach.
    assert!(children.iter().all(|pid| group_of(*pid) == Some(*pid)));

    parent.kill().unwrap();
    parent.wait().unwrap();
    let since = Instant::now();
    while children.iter().any(|pid| runs(*pid)) {
        assert!(since.elapsed() < PATIENCE, "still there: {children:?}");
        std::thread::yield_now();
    }
}

async fn be_the_parent() {
    let _stack = bring_up(&wanted(&["orphaned"])).await.unwrap();
    println!("\nthe stack is up");
    // Until it is killed; or until who started it has gone, should that have failed.
    let _ = std::io::stdin().read(&mut [0]);
}

/// Kills the replica with this id, and returns when it is gone, and its port with it.
fn kill_replica(id: &str) {
    let pids = replica_pids(id);
    assert_eq!(pids.len(), 1, "{id}");
    let pid = rustix::process::Pid::from_raw(pids[0].cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    let since = Instant::now();
    while runs(pids[0]) {
        assert!(since.elapsed() < PATIENCE, "{id} cannot be killed");
        std::thread::yield_now();
    }
}

/// Children of this process that are replicas with an id that starts like this.
fn replica_pids(id: &str) -> Vec<u32> {
    let has_id = |pid: &u32| {
        let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.contains("__replica\0") && line.contains(&format!("--id={id}"))
    };
    let children = children_of(std::process::id());
    children.into_iter().filter(has_id).collect()
}

fn children_of(parent: u32) -> Vec<u32> {
    fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid| matches!(stat(*pid), Some((_, ppid)) if ppid == parent))
        .collect()
}

/// Whether a process runs; one that has ended and is not reaped does not.
fn runs(pid: u32) -> bool {
    matches!(stat(pid), Some((state, _)) if state != 'Z' && state != 'X')
}

/// State and parent of a process.
fn stat(pid: u32) -> Option<(char, u32)> {
    let fields = stat_fields(pid)?;
    Some((fields[0].chars().next()?, fields[1].parse().ok()?))
}

/// The process group of a process.
fn group_of(pid: u32) -> Option<u32> {
    stat_fields(pid)?[2].parse().ok()
}

/// State, parent, process group and more, of a process.
fn stat_fields(pid: u32) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name is in parentheses and may have any character in it.
    let (_, after_name) = stat.rsplit_once(") ")?;
    Some(after_name.split(' ').map(ToOwned::to_owned).collect())
}
