//! Stored runs: their plan, their verdict and their drawings, once more.

use std::path::{Path, PathBuf};

use crate::checks;
use crate::compare;
use crate::plan::{Plan, Threshold};
use crate::record::{Evidence, IntervalRecord, Record, Versions, assemble};
use crate::report;
use crate::store::{self, StorageError, StoredRun};

/// Reads one run, or every run of a folder of runs, in order of name. A run whose process was lost
/// is judged by what its spool holds.
pub fn read_records(path: &Path, versions: Versions) -> Result<Vec<Record>, StorageError> {
    let runs = store::runs_at(path)?;
    runs.iter().map(|run| read_record(run, versions)).collect()
}

fn read_record(run: &Path, versions: Versions) -> Result<Record, StorageError> {
    Ok(match store::read_run(run, versions)? {
        StoredRun::Whole(record) => *record,
        StoredRun::Spooled(evidence, intervals) => judged(&evidence, intervals),
    })
}

/// The record of what the evidence says.
pub(super) fn judged(evidence: &Evidence, intervals: Vec<IntervalRecord>) -> Record {
    let record = assemble(evidence, &checks::judge(evidence), intervals);
    Record {
        routes: compare::routes(&record),
        ..record
    }
}

/// The plan of a stored run. One of a newer version may mean another load, and is none to repeat.
pub fn plan_of(run: &Path) -> Result<Plan, StorageError> {
    Ok(match store::read_run(run, Versions::Known)? {
        StoredRun::Whole(record) => record.plan,
        StoredRun::Spooled(evidence, _) => evidence.plan,
    })
}

/// Judges a stored run again by its evidence; by other thresholds where some are given. Nothing that
/// is stored changes.
pub fn judge(
    run: &Path,
    thresholds: Option<(Vec<Threshold>, Vec<Threshold>)>,
    versions: Versions,
) -> Result<Record, StorageError> {
    let mut evidence = store::read_evidence(run, versions)?;
    if let Some((fail_if, require)) = thresholds {
        evidence.plan = evidence.plan.with_thresholds(fail_if, require);
    }
    let intervals = match store::read_run(run, versions)? {
        StoredRun::Whole(record) => record.intervals,
        StoredRun::Spooled(_, intervals) => intervals,
    };
    Ok(judged(&evidence, intervals))
}

/// Draws a stored run again. Returns where its page is. A record that is there stays as it is.
pub fn redraw(run: &Path, versions: Versions) -> Result<PathBuf, StorageError> {
    let folder = store::folder_of(run);
    let record = match store::read_run(run, versions)? {
        StoredRun::Whole(record) => *record,
        StoredRun::Spooled(evidence, intervals) => {
            let record = judged(&evidence, intervals);
            store::keep_recovered(&folder, &record, &evidence)?;
            record
        }
    };
    store::write_again(&folder, files(&record, false))?;
    list_runs(&folder);
    Ok(folder.join("index.html"))
}

/// Every file that is drawn from a record, each when it is asked for.
pub(super) fn files(record: &Record, csv: bool) -> impl Iterator<Item = (String, String)> {
    let tables = csv.then(|| {
        let whole = std::iter::once_with(|| ("intervals.csv".into(), report::render_csv(record)));
        let by_name = std::iter::once_with(|| report::render_requests_csv(record));
        whole.chain(by_name.flatten().map(|csv| ("requests.csv".into(), csv)))
    });
    report::files(record).chain(tables.into_iter().flatten())
}

/// Lists the runs beside this one. A list is a convenience, so that it fails is passed over.
pub(super) fn list_runs(run: &Path) {
    if let Some((folder, summaries)) = store::runs_beside(run) {
        let _ = store::write_list(&folder, &report::render_index(&summaries));
    }
}
