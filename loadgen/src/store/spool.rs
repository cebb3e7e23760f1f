//! The spool: evidence that grows. Its first line is all that is known before the load, and each
//! window follows when it has passed.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write as _};
use std::path::Path;

use super::StorageError;
use super::bounded::line;
use super::names::SPOOL;
use super::reading::no_evidence;
use crate::input::{self, Limit};
use crate::model::Nanos;
use crate::record::{Evidence, IntervalRecord, Versions};
use crate::recorder::{End, Phase, Stored, TallyPool, Window};

/// The longest line that is read back, in bytes: a window of a thousand names is shorter.
const MOST_LINE: usize = 64 << 20;

/// Takes one window after another.
#[derive(Debug)]
pub struct Spool {
    file: Option<BufWriter<File>>,
    names: Vec<String>,
    failed: Option<String>,
}

impl Spool {
    /// Begins a spool with what is known before the load.
    pub(super) fn begin(path: &Path, evidence: &Evidence) -> std::io::Result<Self> {
        let mut file = BufWriter::new(File::create(path)?);
        serde_json::to_writer(&mut file, evidence)?;
        writeln!(file)?;
        file.flush()?;
        Ok(Self {
            file: Some(file),
            names: evidence
                .plan
                .groups
                .iter()
                .map(|group| group.name.clone())
                .collect(),
            failed: None,
        })
    }

    /// Writes one window. A spool that cannot be written is given up: the run goes on, and its
    /// totals are still judged and stored. The error is told once, by the write that met it.
    pub fn write(&mut self, window: &Window) -> std::io::Result<()> {
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        let line = IntervalRecord::of(window, &self.names[window.group]);
        let written = serde_json::to_writer(&mut *file, &line).map_err(std::io::Error::from);
        let written = written
            .and_then(|()| writeln!(file))
            .and_then(|()| file.flush());
        if let Err(error) = &written {
            self.failed = Some(error.to_string());
            self.file = None;
        }
        written
    }

    /// Why windows could not be written, if they could not.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        self.failed.clone()
    }
}

/// The lines of a spool behind its first, as far as they are whole.
fn intervals(mut lines: impl BufRead) -> impl Iterator<Item = IntervalRecord> {
    let each = std::iter::from_fn(move || line(&mut lines, MOST_LINE));
    each.filter_map(|line| IntervalRecord::from_json(&line))
}

/// The windows of the measured part that the spool of a run holds so far.
pub fn spooled(folder: &Path) -> std::io::Result<Vec<IntervalRecord>> {
    let path = folder.join(SPOOL);
    let file = input::open(&path, Limit::SPOOL).map_err(std::io::Error::other)?;
    let mut file = BufReader::new(file);
    let _head = line(&mut file, MOST_LINE);
    let measured = |interval: &IntervalRecord| interval.phase == Phase::Measured;
    Ok(intervals(file).filter(measured).collect())
}

/// What the spool of a run whose process was lost holds: its evidence, as far as that goes, and the
/// windows of the measured part.
pub(super) fn recover(
    path: &Path,
    versions: Versions,
) -> Result<(Evidence, Vec<IntervalRecord>), StorageError> {
    let unreadable = |reason: String| StorageError::Read {
        path: path.to_owned(),
        reason,
    };
    let file = input::open(path, Limit::SPOOL).map_err(|error| unreadable(error.to_string()))?;
    let mut file = BufReader::new(file);
    let head = line(&mut file, MOST_LINE).unwrap_or_default();
    let evidence = Evidence::from_json(&head, versions);
    let mut evidence = evidence.map_err(|error| no_evidence(path, &error))?;
    let mut pool = TallyPool::default();
    let mut measured = Vec::new();
    let place = |evidence: &Evidence, name: &str| {
        evidence
            .plan
            .groups
            .iter()
            .position(|group| group.name == name)
    };
    for interval in intervals(file) {
        let Some(group) = place(&evidence, &interval.host) else {
            continue;
        };
        let window = interval.window(group);
        evidence.recording.add(&window, &mut pool);
        pool.give(window.tally);
        if interval.phase == Phase::Measured {
            measured.push(interval);
        }
    }
    end_lost(&mut evidence, &measured);
    Ok((evidence, measured))
}

/// Says of a run that was lost how long it was, and which of its seconds are missing.
fn end_lost(evidence: &mut Evidence, measured: &[IntervalRecord]) {
    let seconds = measured.iter().map(|interval| interval.second + 1).max();
    let seconds = seconds.unwrap_or(0);
    let recording = &mut evidence.recording;
    recording.end = End::Lost;
    recording.measured = Nanos(seconds * Nanos::SECOND.0).min(evidence.plan.duration.into());
    if seconds > 0 {
        recording.warmup = evidence.plan.warmup.into();
    }
    let groups = recording.groups.len();
    let all = (0..seconds).flat_map(|second| (0..groups).map(move |group| (second, group)));
    recording.stored = Stored::of(all, &recording.seconds().collect(), None);
}
