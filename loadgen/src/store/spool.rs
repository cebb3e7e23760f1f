//! The spool: evidence that grows. Its first line is all that is known before the load, and each
//! window follows when it has passed.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};

use super::StorageError;
use super::aging::{Aging, Lines, beside};
use super::bounded::line;
use super::names::SPOOL;
use super::reading::no_evidence;
use crate::input::{self, Limit};
use crate::model::{Memory, Nanos};
use crate::plan::Plan;
use crate::record::{Aged, Evidence, Folding, IntervalRecord, Versions};
use crate::recorder::{Coverage, End, Names, Phase, Stored, TallyPool, Window, length};

/// The longest line that is read back, in bytes: a window of a thousand names is shorter.
pub(super) const MOST_LINE: usize = 64 << 20;

/// Takes one window after another. A spool that becomes longer than its part of the memory is written
/// again with longer windows, while it goes on.
#[derive(Debug)]
pub struct Spool {
    path: PathBuf,
    file: Option<Lines>,
    names: Vec<String>,
    failed: Option<String>,
    bounds: Bounds,
    /// Of the oldest windows, in seconds.
    length: u64,
    /// Whether they have to become longer: it is not enough that those after them become as long.
    is_tight: bool,
    aging: Option<Aging>,
}

/// What holds the intervals of a run within bounds.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    bytes: u64,
    end: Nanos,
    names: usize,
}

impl Bounds {
    fn of(plan: &Plan) -> Self {
        Self {
            bytes: plan.interval_bytes(),
            end: plan.duration.into(),
            names: plan.names_per_group(),
        }
    }

    const fn aged(self) -> Aged {
        Aged::at_most(self.bytes, self.end, self.names)
    }
}

impl Spool {
    /// Begins a spool with what is known before the load.
    pub(super) fn begin(path: &Path, evidence: &Evidence) -> std::io::Result<Self> {
        let mut file = Lines::of(File::create(path)?);
        file.write(evidence)?;
        file.flush()?;
        let groups = evidence.plan.groups.iter();
        Ok(Self {
            path: path.to_owned(),
            file: Some(file),
            names: groups.map(|group| group.name.clone()).collect(),
            failed: None,
            bounds: Bounds::of(&evidence.plan),
            length: 1,
            is_tight: true,
            aging: None,
        })
    }

    /// Writes one window. A spool that cannot be written is given up: the run goes on, and its
    /// totals are still judged and stored. The error is told once, by the write that met it.
    pub fn write(&mut self, window: &Window) -> std::io::Result<()> {
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        let line = IntervalRecord::of(window, &self.names[window.group]);
        let written = file.write(&line).and_then(|()| file.flush());
        let written = written.and_then(|()| self.age());
        if let Err(error) = &written {
            self.failed = Some(error.to_string());
            self.file = None;
            self.aging = None;
        }
        written
    }

    /// Folds what is old, where the spool has become too long.
    fn age(&mut self) -> std::io::Result<()> {
        let bytes = self.file.as_ref().map_or(0, |file| file.bytes);
        match self.aging.take() {
            None if bytes > self.bounds.bytes && self.length < MOST_LENGTH => {
                if self.is_tight {
                    self.length = length::longer(self.length);
                }
                let pool = TallyPool::telling_apart(self.bounds.names);
                let folding = Folding::to(self.length, self.bounds.end, pool);
                self.aging = Some(Aging::begin(&self.path, folding)?);
            }
            None => {}
            Some(mut aging) => {
                if aging.step()? {
                    self.aging = Some(aging);
                } else {
                    let file = aging.end(&self.path)?;
                    self.is_tight = file.bytes > self.bounds.bytes / 4 * 3;
                    self.file = Some(file);
                }
            }
        }
        Ok(())
    }

    /// Why windows could not be written, if they could not.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        self.failed.clone()
    }

    /// The windows of the measured part that it holds, as far as they can be read.
    #[must_use]
    pub fn intervals(&self) -> Vec<IntervalRecord> {
        read_back(&self.path, self.bounds).unwrap_or_default()
    }
}

/// Windows as long as a day are long enough, in seconds.
const MOST_LENGTH: u64 = 86_400;

/// Removes a spool, and what was beside it when it was lost. What cannot be removed does no harm.
pub(super) fn remove(folder: &Path) {
    let path = folder.join(SPOOL);
    let _ = fs::remove_file(beside(&path));
    let _ = fs::remove_file(path);
}

/// The lines of a spool behind its first, as far as they are whole.
fn intervals(mut lines: impl BufRead) -> impl Iterator<Item = IntervalRecord> {
    let each = std::iter::from_fn(move || line(&mut lines, MOST_LINE));
    each.filter_map(|line| IntervalRecord::from_json(&line))
}

/// The windows of the measured part that the spool of a run holds so far.
pub fn spooled(folder: &Path) -> std::io::Result<Vec<IntervalRecord>> {
    let bounds = Bounds {
        bytes: Memory::USUAL.0 / 8,
        end: Nanos(u64::MAX),
        names: Names::MOST,
    };
    read_back(&folder.join(SPOOL), bounds)
}

fn read_back(path: &Path, bounds: Bounds) -> std::io::Result<Vec<IntervalRecord>> {
    let file = input::open(path, Limit::SPOOL).map_err(std::io::Error::other)?;
    let mut file = BufReader::new(file);
    let _head = line(&mut file, MOST_LINE);
    let mut aged = bounds.aged();
    for interval in intervals(file).filter(|interval| interval.phase == Phase::Measured) {
        aged.take(interval);
    }
    Ok(aged.finish())
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
    let bounds = Bounds::of(&evidence.plan);
    let mut pool = TallyPool::telling_apart(bounds.names);
    let mut measured = bounds.aged();
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
            measured.take(interval);
        }
        if measured.is_too_many() {
            return Err(unreadable("it has more windows than a run".into()));
        }
    }
    let measured = measured.finish();
    end_lost(&mut evidence, &measured);
    Ok((evidence, measured))
}

/// Says of a run that was lost how long it was, and which of its seconds are missing.
fn end_lost(evidence: &mut Evidence, measured: &[IntervalRecord]) {
    let ends = measured.iter();
    let ends = ends.map(|interval| interval.second + interval.seconds());
    let seconds = ends.max().unwrap_or(0);
    let recording = &mut evidence.recording;
    recording.end = End::Lost;
    recording.measured = Nanos(seconds * Nanos::SECOND.0).min(evidence.plan.duration.into());
    if seconds > 0 {
        recording.warmup = evidence.plan.warmup.into();
    }
    let groups = recording.groups.len();
    let all = (0..groups).map(|group| (group, 0, seconds));
    let mut read = Coverage::default();
    for point in &recording.timeline {
        read.add(point.group, point.second, point.length);
    }
    recording.stored = Stored::of(all, &read, None);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorder::{Recording, Tally};
    use crate::synthetic::Scene;

    /// The sum of the windows, and of their seconds.
    fn sum(intervals: &[IntervalRecord]) -> (Tally, u64) {
        let mut sum = Tally::default();
        for interval in intervals {
            sum.add(&interval.tally());
        }
        (sum, intervals.iter().map(IntervalRecord::seconds).sum())
    }

    #[test]
    fn a_spool_that_becomes_long_is_folded_as_it_goes_on_and_loses_nothing() {
        let scene = Scene {
            seconds: 2_400,
            rate: 20,
            ..Scene::default()
        };
        let run = scene.run();
        let mut evidence = run.evidence();
        let mut fields = run.plan.clone();
        fields.memory = Memory(32_000_000);
        evidence.plan = fields.validate().expect("a plan");
        let names = [evidence.plan.groups[0].name.clone()];
        evidence.recording = Recording::of(names, &mut TallyPool::default());
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(SPOOL);
        let mut spool = Spool::begin(&path, &evidence).expect("a spool");
        let bounds = evidence.plan.interval_bytes();
        let mut longest = 0;
        for interval in &run.intervals {
            spool.write(&interval.window(0)).expect("written");
            longest = longest.max(path.metadata().expect("a file").len());
        }
        let one_by_one: u64 = run.intervals.iter().map(IntervalRecord::weight).sum();
        assert!(one_by_one > bounds, "{one_by_one} bytes fit {bounds}");
        assert!(longest < bounds * 8 / 5, "{longest} of {bounds}");

        let held = spool.intervals();
        assert!(sum(&held) == sum(&run.intervals));
        assert!(
            held.len() < run.intervals.len() && held.len() >= 300,
            "{}",
            held.len()
        );
        assert_eq!(spool.failure(), None);
        assert!(spool.length > 1);

        // The same of a run whose process was lost, with its totals and its time line.
        let (recovered, found) = recover(&path, Versions::Known).expect("recovered");
        assert!(found == held);
        assert!(recovered.recording.groups[0].measured == run.recording.groups[0].measured);
        let stored = &recovered.recording.stored;
        assert_eq!((stored.read, stored.expected), (2_400, 2_400));
        remove(folder.path());
        assert_eq!(folder.path().read_dir().expect("a folder").count(), 0);
    }
}
