//! A machine that runs out of ephemeral ports, in a network namespace of its own.
//!
//! Where no namespace can be made it is reported as ignored, with the reason; with `CI` set that
//! is a failure.

#[path = "support/schema.rs"]
mod schema;

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use libtest_mimic::{Arguments, Failed, Trial};
use loadgen::record::{IntervalRecord, Severity};

/// Set for the process inside the namespace.
const INSIDE: &str = "LOADGEN_TEST_INSIDE_NAMESPACE";
/// Which ports a connection may begin at; each namespace has its own.
const RANGE: &str = "/proc/sys/net/ipv4/ip_local_port_range";
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    if std::env::var_os(INSIDE).is_some() {
        runs_out_of_ports();
        return ExitCode::SUCCESS;
    }
    let arguments = Arguments::from_args();
    let obstacle = obstacle();
    let required = std::env::var_os("CI").is_some();
    let trial = Trial::test(
        "a_machine_out_of_ports_is_an_invalid_run_and_loses_no_concurrency",
        in_a_namespace,
    );
    let trial = match obstacle {
        Some(why) if !required => trial.with_kind(why).with_ignored_flag(true),
        _ => trial,
    };
    libtest_mimic::run(&arguments, vec![trial]).exit_code()
}

/// A command in a network namespace of its own, with or without being root.
fn unshared() -> Command {
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--net"]);
    command
}

/// Why this test cannot run here.
fn obstacle() -> Option<String> {
    let mut command = unshared();
    command.args(["ip", "link", "set", "lo", "up"]);
    let tried = command.stderr(Stdio::null()).status();
    let works = tried.is_ok_and(|status| status.success());
    (!works).then(|| "no network namespace can be made".to_owned())
}

fn in_a_namespace() -> Result<(), Failed> {
    let this = std::env::current_exe()?;
    let up = "ip link set lo up && exec \"$0\"";
    let output = unshared()
        .args(["sh", "-c", up])
        .arg(this)
        .env(INSIDE, "yes")
        .output()?;
    if output.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned().into())
    }
}

/// The test itself, inside.
fn runs_out_of_ports() {
    let all_ports = std::fs::read_to_string(RANGE).expect("the range of ports");
    let served = Arc::new(AtomicU64::new(0));
    let address = slow_server(Arc::clone(&served));
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("run");
    let mut run = Command::new(env!("CARGO_BIN_EXE_loadgen"))
        .args(["--target", &format!("http://{address}"), "--policy=none"])
        .args([
            "--rps=40",
            "--requests=300",
            "--duration=60s",
            "--warmup=0s",
        ])
        .args(["--connections=32", "--progress=none", "--out"])
        .arg(&out)
        .stdout(Stdio::null())
        .spawn()
        .expect("loadgen");

    until("some answers", || served.load(Ordering::SeqCst) > 10);
    // Sixteen requests are in flight at a time, each on a connection of its own.
    std::fs::write(RANGE, "50000 50001").expect("two ports");
    let out_of_ports = |second: &IntervalRecord| second.errors.contains_key("ports");
    until("a lack of ports", || seconds(&out).iter().any(out_of_ports));
    std::fs::write(RANGE, all_ports).expect("all ports again");
    let before = served.load(Ordering::SeqCst);
    until("many answers again", || {
        served.load(Ordering::SeqCst) > before + 30
    });
    let status = run.wait().expect("an end");

    assert_eq!(status.code(), Some(4), "such a run cannot be believed");
    let text = std::fs::read_to_string(out.join("record.json")).expect("a record");
    let record = schema::record(&text);
    let group = &record.groups[0];
    let counts = &group.requests;
    assert_eq!(counts.planned, 300);
    assert_eq!(counts.planned, counts.sent + counts.dropped, "{counts:?}");
    assert_eq!(
        counts.sent,
        counts.succeeded + counts.failed + counts.unfinished
    );
    assert_eq!(group.response_time.count, counts.succeeded + counts.failed);
    let names: Vec<_> = group.errors.keys().map(String::as_str).collect();
    assert_eq!(names, ["ports"], "a class of its own");
    assert_eq!(group.errors["ports"], counts.failed);
    let finding = record
        .findings
        .iter()
        .find(|one| one.code == "ports-exhausted");
    let finding = finding.expect("a finding");
    assert_eq!(finding.severity, Severity::Invalid);
    let hint = finding.hint.as_deref().unwrap_or_default();
    assert!(hint.contains("ports"), "{hint}");
}

/// Answers after 400 ms, and closes each connection behind its answer.
fn slow_server(served: Arc<AtomicU64>) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let served = Arc::clone(&served);
            std::thread::spawn(move || answer(stream, &served));
        }
    });
    address
}

fn answer(stream: TcpStream, served: &AtomicU64) {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
    }
    std::thread::sleep(Duration::from_millis(400));
    let answer = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\n\"a\"";
    if reader.get_mut().write_all(answer.as_bytes()).is_ok() {
        served.fetch_add(1, Ordering::SeqCst);
    }
}

/// The seconds that a run has spooled so far.
fn seconds(out: &Path) -> Vec<IntervalRecord> {
    loadgen::store::spooled(out).unwrap_or_default()
}

/// Waits for something that will come.
fn until(what: &str, mut come: impl FnMut() -> bool) {
    let since = Instant::now();
    while !come() {
        assert!(since.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
