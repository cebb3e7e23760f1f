//! The metrics page against the contract, to the letter.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::client::{ask, options, page};

/// The page with everything taken out that differs between two runs.
fn redacted(page: &str) -> String {
    let redact = |line: &str| {
        let (series, _) = line.rsplit_once(' ').unwrap();
        let name = series.split('{').next().unwrap();
        let changes = name.ends_with("_created") || name.starts_with("process_");
        if changes && !line.starts_with('#') {
            format!("{series} …\n")
        } else {
            format!("{line}\n")
        }
    };
    page.lines().map(redact).collect()
}

#[tokio::test]
async fn a_fresh_page_is_the_contract() {
    let router = app::router(&options("a"));
    let answer = ask(&router, "GET", "/metrics").await;
    assert_eq!(
        answer.headers["content-type"],
        "text/plain; version=1.0.0; charset=utf-8"
    );
    let page = redacted(&answer.body);
    let contract = include_str!("fresh-page.txt");
    for (line, (is, should)) in page.lines().zip(contract.lines()).enumerate() {
        assert_eq!(is, should, "line {}", line + 1);
    }
    assert_eq!(page, contract);
}

#[tokio::test]
async fn promtool_has_nothing_to_say() {
    let router = app::router(&options("a"));
    for (method, path) in [
        ("GET", "/"),
        ("POST", "/"),
        ("BREW", "/pot"),
        ("GET", "/metrics"),
    ] {
        ask(&router, method, path).await;
    }
    let page = page(&router).await;
    let promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut promtool = match promtool {
        Ok(promtool) => promtool,
        Err(error) if std::env::var_os("CI").is_none() => {
            eprintln!("skipped: promtool (Debian package `prometheus`): {error}");
            return;
        }
        Err(error) => panic!("promtool must be there in CI: {error}"),
    };
    promtool
        .stdin
        .take()
        .unwrap()
        .write_all(page.as_bytes())
        .unwrap();
    let output = promtool.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert!(output.status.success());
}
