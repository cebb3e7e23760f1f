//! The run's folder: a spool while the load goes on, files written whole when it is over.
//!
//! **Invariant:** nothing measured is lost. Each second is in the spool when it has passed; a
//! file appears under its name only when it is complete.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::names::{EVIDENCE, RECORD, SPOOL, SUMMARY, runs_in};
use super::{Spool, StorageError, bounded, spool};
use crate::model::plain;
use crate::plan::Plan;
use crate::record::{self, Evidence, Record, RecordSummary};

/// What a record becomes when its folder is used for another run.
const PREVIOUS: &str = "record.previous.json";

/// What is drawn from a record, beside the files of its groups.
const DRAWN: [&str; 6] = [
    "index.html",
    "summary.md",
    "summary.json",
    "junit.xml",
    "intervals.csv",
    "requests.csv",
];

/// Refuses a folder that holds another run, or runs whose list would be lost.
pub fn refuse_taken(path: &Path) -> Result<(), StorageError> {
    let taken = |what| StorageError::Taken {
        path: path.to_owned(),
        what,
    };
    if [RECORD, SPOOL, EVIDENCE]
        .iter()
        .any(|name| path.join(name).exists())
    {
        return Err(taken("another run"));
    }
    if !runs_in(path).is_empty() {
        return Err(taken("other runs"));
    }
    Ok(())
}

/// The folder of one run.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    started: SystemTime,
}

impl Folder {
    /// Makes the folder: the one that is wanted, or one named by time and hosts.
    pub fn create(wanted: Option<PathBuf>, plan: &Plan) -> Result<Self, StorageError> {
        let started = SystemTime::now();
        let hosts: Vec<_> = plan.groups.iter().map(|group| group.name.clone()).collect();
        let made = match &wanted {
            Some(path) => fs::create_dir_all(path).map(|()| path.clone()),
            None => create_new(&Path::new("reports").join(name(started, &hosts))),
        };
        let path = made.map_err(|reason| StorageError::Write {
            path: wanted.unwrap_or_else(|| "reports".into()),
            reason,
        })?;
        Ok(Self { path, started })
    }

    /// The run's name: that of its folder.
    #[must_use]
    pub fn id(&self) -> String {
        let canonical = self
            .path
            .canonicalize()
            .unwrap_or_else(|_| self.path.clone());
        canonical
            .file_name()
            .map_or_else(|| "run".into(), |name| name.to_string_lossy().into_owned())
    }

    /// When it was made, RFC 3339.
    #[must_use]
    pub fn started_at(&self) -> String {
        humantime::format_rfc3339_millis(self.started).to_string()
    }

    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.path.clone()
    }

    /// Begins the spool with all that is known before the load.
    pub fn begin(&self, evidence: &Evidence) -> Result<Spool, StorageError> {
        let path = self.path.join(SPOOL);
        // A folder that is used again keeps its old record, but not as this run's: were this one
        // lost, it would be taken for it.
        let _ = fs::rename(self.path.join(RECORD), self.path.join(PREVIOUS));
        let _ = fs::remove_file(self.path.join(EVIDENCE));
        self.remove_drawn();
        Spool::begin(&path, evidence).map_err(|reason| StorageError::Write { path, reason })
    }

    /// Removes what was drawn of a run that was here before: the files of groups that this one does
    /// not have would stay otherwise.
    fn remove_drawn(&self) {
        let entries = fs::read_dir(&self.path).into_iter().flatten().flatten();
        for entry in entries {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.ends_with(".hlog") || DRAWN.contains(&&*name) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// Writes what cannot be drawn again: the record, and the evidence that it rests on. When that
    /// fails, the record goes to the system's temporary folder, and the spool stays.
    pub fn keep(&self, record: &Record, evidence: &Evidence) -> Result<(), StorageError> {
        let kept = keep(&self.path, record, evidence);
        match &kept {
            // A spool that stays does no harm.
            Ok(()) => spool::remove(&self.path),
            Err(_) => self.rescue(record),
        }
        kept
    }

    fn rescue(&self, record: &Record) {
        let rescue = std::env::temp_dir();
        let name = format!("loadgen-{}-{RECORD}", self.id());
        let told = match write_with(&rescue, &name, |to| record::write_json(record, to)) {
            Ok(()) => format!("the record was rescued to {}", rescue.join(name).display()),
            Err(_) => format!("the spool is {}", self.path.join(SPOOL).display()),
        };
        // Where nobody can read it any more, nothing is said.
        let _ = writeln!(std::io::stderr(), "{}", plain(&told));
    }

    /// Forgets a run that did not take place: its spool goes, and its folder where nothing else is in
    /// it. What cannot be removed does no harm.
    pub fn forget(self) {
        spool::remove(&self.path);
        let _ = fs::remove_dir(&self.path);
    }

    /// Writes files that were drawn from the record, as names and contents.
    pub fn write(&self, files: impl Iterator<Item = (String, String)>) -> Result<(), StorageError> {
        write_all(&self.path, files)
    }
}

/// Writes the record, the evidence, and what a list says of the run.
pub(super) fn keep(
    folder: &Path,
    record: &Record,
    evidence: &Evidence,
) -> Result<(), StorageError> {
    write_with(folder, RECORD, |to| record::write_json(record, to))?;
    write_with(folder, EVIDENCE, |to| bounded::compress(to, evidence))?;
    write_summary(folder, &RecordSummary::of(record))
}

/// Writes what a list of runs says of this one.
pub(super) fn write_summary(folder: &Path, summary: &RecordSummary) -> Result<(), StorageError> {
    let text = serde_json::to_vec(summary)
        .unwrap_or_else(|error| unreachable!("a summary has string keys only: {error}"));
    write_whole(folder, SUMMARY, &text)
}

/// Makes the folder of an experiment: the one that is wanted, or one named by time, kind and hosts.
pub fn create_experiment(
    wanted: Option<PathBuf>,
    kind: &str,
    hosts: &[String],
) -> Result<PathBuf, StorageError> {
    let made = if let Some(path) = &wanted {
        fs::create_dir_all(path).map(|()| path.clone())
    } else {
        let words: Vec<_> = [kind.to_owned()]
            .into_iter()
            .chain(hosts.to_vec())
            .collect();
        create_new(&Path::new("reports").join(name(SystemTime::now(), &words)))
    };
    made.map_err(|reason| StorageError::Write {
        path: wanted.unwrap_or_else(|| "reports".into()),
        reason,
    })
}

/// The present instant, RFC 3339, UTC.
#[must_use]
pub fn now() -> String {
    humantime::format_rfc3339_millis(SystemTime::now()).to_string()
}

/// Makes a folder that was not there before: runs that begin within a second have one each.
fn create_new(path: &Path) -> std::io::Result<PathBuf> {
    fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
    let numbered = |n: u32| {
        path.with_file_name(format!(
            "{}-{n}",
            path.file_name().unwrap_or_default().to_string_lossy()
        ))
    };
    let candidates = std::iter::once(path.to_owned()).chain((2..1_000).map(numbered));
    for candidate in candidates {
        match fs::create_dir(&candidate) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            other => return other.map(|()| candidate),
        }
    }
    Err(std::io::ErrorKind::AlreadyExists.into())
}

/// `20260131T235959Z-app-group-1`
fn name(at: SystemTime, hosts: &[String]) -> String {
    let stamp: String = (humantime::format_rfc3339_seconds(at).to_string().chars())
        .filter(char::is_ascii_alphanumeric)
        .collect();
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || "-._".contains(c) {
            c
        } else {
            '-'
        }
    };
    let hosts: String = hosts.join("-").chars().map(plain).take(80).collect();
    format!("{stamp}-{hosts}")
}

/// Writes files of a run, each when it was drawn.
pub(super) fn write_all(
    folder: &Path,
    files: impl Iterator<Item = (String, String)>,
) -> Result<(), StorageError> {
    let mut files = files;
    files.try_for_each(|(name, contents)| write_whole(folder, &name, contents.as_bytes()))
}

/// Writes contents that are there.
pub(super) fn write_whole(folder: &Path, name: &str, contents: &[u8]) -> Result<(), StorageError> {
    write_with(folder, name, |to| to.write_all(contents))
}

/// Writes to a temporary name and renames, so that a file is whole or not there.
fn write_with(
    folder: &Path,
    name: &str,
    contents: impl FnOnce(&mut BufWriter<&File>) -> std::io::Result<()>,
) -> Result<(), StorageError> {
    let path = folder.join(name);
    let write = || {
        let file = tempfile::NamedTempFile::new_in(folder)?;
        let mut to = BufWriter::new(file.as_file());
        contents(&mut to)?;
        to.flush()?;
        drop(to);
        file.as_file().sync_data()?;
        // Temporary files are private; a report is for whoever may see the folder.
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            file.as_file()
                .set_permissions(fs::Permissions::from_mode(0o644))?;
        }
        file.persist(&path).map_err(|error| error.error)
    };
    write().map(drop).map_err(|reason| StorageError::Write {
        path: path.clone(),
        reason,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic::ten_minutes_scene;

    #[test]
    fn the_evidence_of_ten_minutes_over_four_replicas_is_small() {
        let scene = ten_minutes_scene();
        let folder = tempfile::tempdir().expect("a folder");
        keep(folder.path(), &scene.record(), &scene.run().evidence()).expect("stored");
        let size = fs::metadata(folder.path().join(EVIDENCE)).expect("evidence");
        assert!(size.len() <= 300_000, "{} bytes", size.len());
        assert!(
            size.len() > 10_000,
            "{} bytes are no ten minutes",
            size.len()
        );
    }
}
