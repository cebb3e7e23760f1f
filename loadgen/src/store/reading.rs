//! Stored runs, read again: one of them, or all of a folder.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::folder::{keep, write_all};
use super::names::{EVIDENCE, RECORD, SPOOL, runs_in};
use super::{StorageError, bounded, spool};
use crate::input::{self, InputError, Limit};
use crate::record::{self, Evidence, EvidenceError, IntervalRecord, ReadError, Record, Versions};

/// Reads a file that goes with a plan to its workers.
pub fn read_companion(path: &Path) -> Result<Vec<u8>, InputError> {
    input::read(path, Limit::BODY)
}

/// What a run's folder holds.
#[derive(Debug)]
pub enum StoredRun {
    /// A run that came to its end, or was stored again since.
    Whole(Box<Record>),
    /// What the spool of a run has whose process was lost.
    Spooled(Box<Evidence>, Vec<IntervalRecord>),
}

/// The folder that a run is in: the path itself, or where the record lies that it names.
#[must_use]
pub fn folder_of(run: &Path) -> PathBuf {
    match run.parent() {
        _ if run.is_dir() => run.to_owned(),
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Opens lines of workers: a file, or standard input where the path is `-`.
pub fn open_lines(path: &PathBuf) -> Result<Box<dyn Read>, StorageError> {
    if path == Path::new("-") {
        return Ok(Box::new(std::io::stdin()));
    }
    match input::open(path, Limit::LINES) {
        Ok(file) => Ok(Box::new(file)),
        Err(error) => Err(StorageError::Lines {
            path: path.clone(),
            reason: error.to_string(),
        }),
    }
}

fn unreadable(path: &Path, reason: &dyn std::fmt::Display) -> StorageError {
    StorageError::Read {
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}

/// A record that cannot be read, with what is to be done about it.
fn no_record(path: &Path, error: &ReadError) -> StorageError {
    match error {
        ReadError::Newer(_) => StorageError::Newer {
            path: path.to_owned(),
            reason: error.to_string(),
        },
        _ => unreadable(path, error),
    }
}

/// Evidence that cannot be read, with what is to be done about it.
pub(super) fn no_evidence(path: &Path, error: &EvidenceError) -> StorageError {
    match error {
        EvidenceError::Version(1..) => StorageError::Newer {
            path: path.to_owned(),
            reason: error.to_string(),
        },
        _ => unreadable(path, error),
    }
}

/// Reads a stored run of these versions: its record or, where a crash left none, what its spool holds.
pub fn read_run(run: &Path, versions: Versions) -> Result<StoredRun, StorageError> {
    let file = if run.is_dir() {
        run.join(RECORD)
    } else {
        run.to_owned()
    };
    match input::open(&file, Limit::RECORD) {
        Ok(_) => {
            let open = || input::open(&file, Limit::RECORD).map_err(std::io::Error::other);
            match record::read_json(open, versions) {
                Ok(record) => Ok(StoredRun::Whole(Box::new(record))),
                Err(error) => Err(no_record(&file, &error)),
            }
        }
        Err(_) if run.is_dir() && run.join(SPOOL).exists() => {
            let (evidence, intervals) = spool::recover(&run.join(SPOOL), versions)?;
            Ok(StoredRun::Spooled(Box::new(evidence), intervals))
        }
        Err(error) => Err(unreadable(&file, &error)),
    }
}

/// Reads the evidence of a stored run of these versions, from its spool where its process was lost.
pub fn read_evidence(run: &Path, versions: Versions) -> Result<Evidence, StorageError> {
    let folder = folder_of(run);
    if !run.exists() {
        return Err(unreadable(run, &"there is no such file or folder"));
    }
    let file = folder.join(EVIDENCE);
    if !file.exists() && folder.join(SPOOL).exists() {
        return Ok(spool::recover(&folder.join(SPOOL), versions)?.0);
    }
    let text =
        bounded::decompress(&file, Limit::EVIDENCE).map_err(|error| unreadable(&file, &error))?;
    Evidence::from_json(&text, versions).map_err(|error| no_evidence(&file, &error))
}

/// Stores a run again whose process was lost: its record and evidence, as far as they go. The spool
/// stays.
pub fn keep_recovered(
    folder: &Path,
    record: &Record,
    evidence: &Evidence,
) -> Result<(), StorageError> {
    keep(folder, record, evidence)
}

/// Writes the files that were drawn from a stored run again. A record that is there stays as it is.
pub fn write_again(
    folder: &Path,
    files: impl Iterator<Item = (String, String)>,
) -> Result<(), StorageError> {
    write_all(folder, files)
}

/// The runs that a path names: one, or every run of a folder of runs in order of name.
pub fn runs_at(path: &Path) -> Result<Vec<PathBuf>, StorageError> {
    if !path.is_dir() || path.join(RECORD).exists() || path.join(SPOOL).exists() {
        return Ok(vec![path.to_owned()]);
    }
    let runs = runs_in(path);
    if runs.is_empty() {
        return Err(unreadable(path, &"there is no run in it"));
    }
    Ok(runs)
}
