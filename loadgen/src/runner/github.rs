//! Tells a run to the GitHub Actions job that it is part of, where there is one.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Write as _;

use crate::model::plain;
use crate::record::Record;
use crate::report;

/// The most bytes of summaries that GitHub takes of one step; with one more it takes none.
const MOST_SUMMARY: u64 = 1024 * 1024;

/// Appends the summary to the job's page and writes annotations to standard error, which the
/// runner reads like standard output.
pub(super) fn tell(record: &Record) {
    if std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true") {
        let _ = std::io::stderr().write_all(report::render_annotations(record).as_bytes());
    }
    let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()) else {
        return;
    };
    if let Err(reason) = append(record, &path) {
        let warning = format!("warning: the job's summary cannot be written: {reason}");
        let _ = writeln!(std::io::stderr(), "{}", plain(&warning));
    }
}

fn append(record: &Record, path: &OsStr) -> std::io::Result<()> {
    let mut file = File::options().create(true).append(true).open(path)?;
    let there = file.metadata()?.len();
    // A newline follows.
    let room = MOST_SUMMARY.saturating_sub(there + 1);
    let text = report::render_step_summary(record, usize::try_from(room).unwrap_or(usize::MAX));
    if text.is_empty() {
        return Ok(());
    }
    writeln!(file, "{text}")
}
