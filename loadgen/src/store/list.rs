//! The list of the runs in a folder, made of what each of them left for it.

use std::path::{Path, PathBuf};

use super::StorageError;
use super::folder::{write_summary, write_whole};
use super::names::{SUMMARY, runs_in};
use super::reading::{StoredRun, read_run};
use crate::input::{self, Limit};
use crate::record::{RecordSummary, Versions};

/// The most runs that are listed: the newest ones.
const MOST_LISTED: usize = 200;

/// The runs beside this one, and the folder they are in, where that is one of runs: a run of a name
/// and place of its own has no list. A list is a convenience, so what cannot be read is passed over.
#[must_use]
pub fn runs_beside(run: &Path) -> Option<(PathBuf, Vec<RecordSummary>)> {
    let folder = run.canonicalize().ok()?.parent()?.to_owned();
    if folder.file_name().is_none_or(|name| name != "reports") {
        return None;
    }
    let runs = runs_in(&folder);
    let newest = &runs[runs.len().saturating_sub(MOST_LISTED)..];
    let summaries = newest.iter().filter_map(|run| summary(run)).collect();
    Some((folder, summaries))
}

/// What a run left for the list. One that left nothing is read in full, once.
fn summary(run: &Path) -> Option<RecordSummary> {
    let stored = input::read(&run.join(SUMMARY), Limit::SUMMARY).ok();
    let stored = stored.and_then(|text| serde_json::from_slice::<RecordSummary>(&text).ok());
    let summary = match stored {
        Some(summary) => summary,
        None => match read_run(run, Versions::Known).ok()? {
            StoredRun::Whole(record) => {
                let summary = RecordSummary::of(&record);
                let _ = write_summary(run, &summary);
                summary
            }
            StoredRun::Spooled(..) => return None,
        },
    };
    // A folder may have been copied or renamed since.
    let folder = run.file_name()?.to_str()?.to_owned();
    Some(RecordSummary { folder, ..summary })
}

/// Writes the list of a folder of runs.
pub fn write_list(folder: &Path, page: &str) -> Result<(), StorageError> {
    write_whole(folder, "index.html", page.as_bytes())
}
