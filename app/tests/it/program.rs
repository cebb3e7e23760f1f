//! The program: flags, the line it prints, signals, exit codes.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};

fn app(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_app"));
    command.args(arguments);
    command
}

/// Ends its process with the test, also with one that fails.
struct Running {
    child: Child,
    url: String,
}

impl Running {
    fn start() -> Self {
        let mut child = app(&["--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let url = line
            .trim_end()
            .strip_prefix("listening on ")
            .unwrap()
            .to_owned();
        Self { child, url }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn failure(output: &Output) -> String {
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn it_serves_is_healthy_and_ends_on_sigterm_and_sigint() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut running = Running::start();
        let url = format!("{}/healthz", running.url);
        assert!(app(&["--check-health", &url]).status().unwrap().success());
        kill_process(Pid::from_child(&running.child), signal).unwrap();
        assert_eq!(running.child.wait().unwrap().code(), Some(0), "{signal:?}");
        let message = failure(&app(&["--check-health", &url]).output().unwrap());
        assert!(
            message.starts_with("error: http://") && message.contains("no answer"),
            "{message}"
        );
    }
}

#[test]
fn a_port_that_is_taken_is_named() {
    let running = Running::start();
    let address = running.url.strip_prefix("http://").unwrap();
    let message = failure(&app(&["--listen", address]).output().unwrap());
    assert!(
        message.contains(&format!("cannot listen on {address}")),
        "{message}"
    );
}

#[test]
fn nonsense_on_the_command_line_is_a_usage_error() {
    for (flag, text, expected) in [
        ("--service-time", "5ms", "such as `fixed:5ms`"),
        ("--concurrency", "0", "zero"),
        ("--fail-ratio", "2", "a share between 0 and 1"),
        ("--miscount", "triple", "`double` or `lose:N`"),
        ("--listen", "80", "invalid socket address"),
    ] {
        let output = app(&[flag, text]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{flag}");
        let message = failure(&output);
        assert!(
            message.contains(text) && message.contains(expected),
            "{message}"
        );
    }
}
