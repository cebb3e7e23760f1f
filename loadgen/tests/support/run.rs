//! A run of the real binary, with the record that it prints.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use loadgen::record::{Finding, Record, Severity};

use super::judged::judged_the_same;
use super::schema;

/// How long anything may take; only reached when a test fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a machine with other work to do may find; the counts are right all the same.
const TIMING: [&str; 4] = [
    "machine-stalls",
    "generator-lag",
    "generator-cpu",
    "rate-not-reached",
];

/// A run that has ended.
pub struct Run {
    pub record: Record,
    /// What it said on standard error.
    pub told: String,
    /// Held, because it is removed with it.
    _folder: tempfile::TempDir,
}

/// A run that goes on.
pub struct Running {
    pub child: Child,
    folder: tempfile::TempDir,
}

impl Run {
    /// Starts a command of loadgen.
    pub fn start(mut command: Command) -> Running {
        let folder = tempfile::tempdir().unwrap();
        let child = command
            .args(["--format", "json", "--out"])
            .arg(folder.path().join("run"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        Running {
            child: child.unwrap(),
            folder,
        }
    }
}

impl Running {
    /// Waits until so many seconds of load are over.
    #[track_caller]
    pub fn until_seconds(&self, n_seconds: usize) {
        let folder = self.folder.path().join("run");
        until("seconds of load", || {
            loadgen::store::spooled(&folder).is_ok_and(|seconds| seconds.len() >= n_seconds)
        });
    }

    /// Waits for its end. Its identities hold, whatever happened to it.
    #[track_caller]
    pub fn end(self) -> Run {
        let output = self.child.wait_with_output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.stdout.is_empty(), "no record: {told}");
        let record = schema::record(&String::from_utf8_lossy(&output.stdout));
        let code = output.status.code();
        assert_eq!(code, Some(i32::from(record.verdict.exit_code)), "{told}");
        identities_hold(&record);
        judged_the_same(&self.folder.path().join("run"), &record);
        Run {
            record,
            told,
            _folder: self.folder,
        }
    }
}

/// The identities of the contract.
#[track_caller]
pub fn identities_hold(record: &Record) {
    for group in &record.groups {
        let counts = &group.requests;
        assert_eq!(counts.planned, counts.sent + counts.dropped, "{counts:?}");
        let ended = counts.succeeded + counts.failed;
        assert_eq!(counts.sent, ended + counts.unfinished, "{counts:?}");
        assert_eq!(group.response_time.count, ended);
    }
}

/// The findings that fail a run.
pub fn failures(record: &Record) -> Vec<&Finding> {
    let weight = |finding: &&Finding| {
        finding.severity >= Severity::Failure && !TIMING.contains(&finding.code.name())
    };
    record.findings.iter().filter(weight).collect()
}

/// Nothing was found that matters, but perhaps that the machine has other work to do.
#[track_caller]
pub fn passes(record: &Record) {
    let found = failures(record);
    assert!(found.is_empty(), "{found:#?}");
    if record.verdict.exit_code != 0 {
        assert_eq!(record.verdict.exit_code, 4, "{:#?}", record.findings);
    }
}

/// Waits for something that will come.
#[track_caller]
pub fn until(what: &str, mut come: impl FnMut() -> bool) {
    let since = Instant::now();
    while !come() {
        assert!(since.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
