//! The run's folder: a spool while the load goes on, files written whole when it is over.
//!
//! **Invariant:** nothing measured is lost. Each second is in the spool when it has passed; a
//! file appears under its name only when it is complete.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::plan::Plan;
use crate::recorder::Interval;
use crate::report::{self, IntervalRecord, Parts, Record, RecordSummary};

/// The spool's name; it is gone when the record is there.
const SPOOL: &str = "intervals.spool.jsonl";
/// The record's name.
const RECORD: &str = "record.json";

/// What a record becomes when its folder is used for another run.
const PREVIOUS: &str = "record.previous.json";

/// Why something could not be stored or read.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The folder or a file of it cannot be written.
    #[error("{path} cannot be written: {reason}")]
    Write {
        /// Which.
        path: PathBuf,
        /// What the system said.
        reason: std::io::Error,
    },
    /// A stored run cannot be read.
    #[error("{path} cannot be read: {reason}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

impl StorageError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Write { reason, .. } if reason.kind() == std::io::ErrorKind::StorageFull => {
                "free some space, or give --out a folder on another disk".into()
            }
            Self::Write { .. } => "give --out a folder that can be written".into(),
            Self::Read { .. } => "give the folder of a run, or its record.json".into(),
        }
    }
}

/// The folder of one run.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    started: SystemTime,
    hosts: Vec<String>,
}

impl Folder {
    /// Makes the folder: the one that is wanted, or one named by time and hosts.
    pub fn create(wanted: Option<PathBuf>, plan: &Plan) -> Result<Self, StorageError> {
        let started = SystemTime::now();
        let hosts: Vec<_> = plan.groups.iter().map(|group| group.host.clone()).collect();
        let made = match &wanted {
            Some(path) => fs::create_dir_all(path).map(|()| path.clone()),
            None => create_new(&Path::new("reports").join(name(started, &hosts))),
        };
        let path = made.map_err(|reason| StorageError::Write {
            path: wanted.unwrap_or_else(|| "reports".into()),
            reason,
        })?;
        Ok(Self {
            path,
            started,
            hosts,
        })
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

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.path.clone()
    }

    /// Writes the head of the spool: all that is known before the load begins.
    pub fn begin(&mut self, parts: &Parts) -> Result<(), StorageError> {
        let path = self.path.join(SPOOL);
        // A folder that is used again keeps its old record, but not as this run's: were this one
        // lost, it would be taken for it.
        let _ = fs::rename(self.path.join(RECORD), self.path.join(PREVIOUS));
        let write = || {
            let mut file = File::create(&path)?;
            writeln!(file, "{}", report::to_json_line(parts))
        };
        write().map_err(|reason| StorageError::Write {
            path: path.clone(),
            reason,
        })
    }

    /// Where the load's seconds go.
    #[must_use]
    pub fn spool(&self) -> Spool {
        let file = File::options()
            .append(true)
            .open(self.path.join(SPOOL))
            .ok();
        Spool {
            file: file.map(BufWriter::new),
            hosts: self.hosts.clone(),
        }
    }

    /// The seconds that were spooled.
    #[must_use]
    pub fn intervals(&self) -> Vec<IntervalRecord> {
        let text = fs::read_to_string(self.path.join(SPOOL)).unwrap_or_default();
        text.lines()
            .skip(1)
            .filter_map(report::interval_from_json)
            .collect()
    }

    /// Writes everything a run leaves. When that fails, the record goes to the system's
    /// temporary folder, and the spool stays.
    pub fn finish(&self, record: &Record, csv: bool) -> Result<(), StorageError> {
        let stored = record_files(record, csv)
            .into_iter()
            .try_for_each(|(name, contents)| write_whole(&self.path, &name, &contents));
        match stored {
            Ok(()) => {
                // A spool that stays does no harm.
                let _ = fs::remove_file(self.path.join(SPOOL));
                Ok(())
            }
            Err(error) => {
                let rescue = std::env::temp_dir();
                let name = format!("loadgen-{}-{RECORD}", self.id());
                match write_whole(&rescue, &name, &report::to_json(record)) {
                    Ok(()) => {
                        eprintln!("the record was rescued to {}", rescue.join(name).display());
                    }
                    Err(_) => eprintln!("the spool is {}", self.path.join(SPOOL).display()),
                }
                Err(error)
            }
        }
    }
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

/// Takes one second after another.
#[derive(Debug)]
pub struct Spool {
    file: Option<BufWriter<File>>,
    hosts: Vec<String>,
}

impl Spool {
    /// Writes one second. A spool that cannot be written is given up: the run goes on, and its
    /// totals are still judged and stored.
    /// The error is told once, by the write that met it.
    pub fn write(&mut self, interval: &Interval) -> std::io::Result<()> {
        let line = IntervalRecord::of(interval, &self.hosts[interval.group]);
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        let written = writeln!(file, "{}", report::to_json_line(&line)).and_then(|()| file.flush());
        if written.is_err() {
            self.file = None;
        }
        written
    }
}

/// Every file of a run, drawn from its record; the record itself comes first.
#[must_use]
pub fn record_files(record: &Record, csv: bool) -> Vec<(String, String)> {
    let mut files = report::files(record);
    if csv {
        files.push(("intervals.csv".into(), report::render_csv(record)));
    }
    files
}

/// Writes to a temporary name and renames, so that a file is whole or not there.
fn write_whole(folder: &Path, name: &str, contents: &str) -> Result<(), StorageError> {
    let path = folder.join(name);
    let write = || {
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(contents.as_bytes())?;
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

/// Reads a stored run: its record or, where a crash left none, what its spool holds.
pub fn read_record(run: &Path) -> Result<(PathBuf, Record), StorageError> {
    let folder = if run.is_dir() {
        run
    } else {
        run.parent().unwrap_or(Path::new("."))
    };
    let file = if run.is_dir() {
        run.join(RECORD)
    } else {
        run.to_owned()
    };
    let unreadable = |path: &Path, reason: String| StorageError::Read {
        path: path.to_owned(),
        reason,
    };
    let record = match fs::read_to_string(&file) {
        Ok(text) => {
            report::from_json(&text).map_err(|error| unreadable(&file, error.to_string()))?
        }
        Err(missing) if run.is_dir() && run.join(SPOOL).exists() => {
            let spool = run.join(SPOOL);
            let text = fs::read_to_string(&spool)
                .map_err(|error| unreadable(&spool, error.to_string()))?;
            report::recover(&text).ok_or_else(|| unreadable(&file, missing.to_string()))?
        }
        Err(error) => return Err(unreadable(&file, error.to_string())),
    };
    Ok((folder.to_owned(), record))
}

/// Draws a stored run again. Returns where its page is. A record that is there stays as it is.
pub fn redraw(run: &Path) -> Result<PathBuf, StorageError> {
    let (folder, record) = read_record(run)?;
    let there = folder.join(RECORD).exists();
    for (name, contents) in record_files(&record, false) {
        if !(there && name == RECORD) {
            write_whole(&folder, &name, &contents)?;
        }
    }
    list_runs(&folder);
    Ok(folder.join("index.html"))
}

/// Reads one run, or every run of a folder of runs, in order of name.
pub fn read_records(path: &Path) -> Result<Vec<Record>, StorageError> {
    if !path.is_dir() || path.join(RECORD).exists() || path.join(SPOOL).exists() {
        return Ok(vec![read_record(path)?.1]);
    }
    let unreadable = |reason: String| StorageError::Read {
        path: path.to_owned(),
        reason,
    };
    let runs = runs_in(path);
    if runs.is_empty() {
        return Err(unreadable("there is no run in it".into()));
    }
    runs.iter().map(|run| Ok(read_record(run)?.1)).collect()
}

/// The folders in `folder` that hold a record, in order of name.
fn runs_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut runs: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.join(RECORD).is_file())
        .collect();
    runs.sort();
    runs
}

/// The most runs that are listed: the newest ones.
const MOST_LISTED: usize = 200;

/// Lists the runs beside this one in `index.html` of the folder they are in, where that folder is
/// one of runs: a run of a name and place of its own gets no list. A list is a convenience, so
/// what cannot be read or written is passed over.
pub(super) fn list_runs(run: &Path) {
    let Some(folder) = run
        .canonicalize()
        .ok()
        .and_then(|run| Some(run.parent()?.to_owned()))
    else {
        return;
    };
    if folder.file_name().is_none_or(|name| name != "reports") {
        return;
    }
    let runs = runs_in(&folder);
    let newest = &runs[runs.len().saturating_sub(MOST_LISTED)..];
    let summaries: Vec<_> = newest
        .iter()
        .filter_map(|run| {
            let (_, record) = read_record(run).ok()?;
            Some(RecordSummary::of(run.file_name()?.to_str()?, &record))
        })
        .collect();
    let _ = write_whole(&folder, "index.html", &report::render_index(&summaries));
}
