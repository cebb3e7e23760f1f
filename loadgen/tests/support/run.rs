//! A run through containers, with the record that it prints.

use std::process::Command;

use loadgen::record::Record;
use rustix::process::Signal;

use super::program::{Started, recorded};
use super::reading::identities_hold;
use super::schema;

/// A run that has ended.
pub struct Run {
    pub record: Record,
    /// What it said on standard error.
    pub told: String,
}

/// A run that goes on.
pub struct Running(Started);

impl Run {
    /// Starts a command of loadgen.
    pub fn start(command: Command) -> Running {
        Running(recorded(command).start())
    }
}

impl Running {
    /// Waits until so many seconds of load are over.
    #[track_caller]
    pub fn until_seconds(&self, n_seconds: usize) {
        self.0.until_spooled(|seconds| seconds.len() >= n_seconds);
    }

    pub fn signal(&self, signal: Signal) {
        self.0.signal(signal);
    }

    /// Waits for its end. Its identities hold, whatever happened to it.
    #[track_caller]
    pub fn end(self) -> Run {
        let ended = self.0.end();
        let told = ended.stderr;
        assert!(!ended.stdout.is_empty(), "no record: {told}");
        let record = schema::record(&ended.stdout);
        let code = i32::from(record.verdict.exit_code);
        assert_eq!(ended.code, Some(code), "{told}");
        identities_hold(&record);
        Run { record, told }
    }
}
