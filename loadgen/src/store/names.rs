//! What the files of a run are called, and which folders hold one.

use std::fs;
use std::path::{Path, PathBuf};

/// The spool's name; it is gone when the record is there.
pub(super) const SPOOL: &str = "spool.jsonl";
/// The record's name.
pub(super) const RECORD: &str = "record.json";
/// The evidence's name: JSON, compressed.
pub(super) const EVIDENCE: &str = "evidence.json.gz";
/// The name of what a list of runs says of this one.
pub(super) const SUMMARY: &str = "summary.json";

/// The folders in `folder` that hold a record, in order of name.
pub(super) fn runs_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut runs: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.join(RECORD).is_file())
        .collect();
    runs.sort();
    runs
}
