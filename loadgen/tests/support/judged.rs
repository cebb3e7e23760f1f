//! Judges every run that a test makes once more, by the evidence that it left.

use std::path::Path;

use loadgen::record::{Record, Versions};
use loadgen::runner;

/// The stored evidence gives exactly what the run was found to be.
#[track_caller]
pub fn judged_the_same(folder: &Path, record: &Record) {
    let again =
        runner::judge(folder, None, Versions::Known).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(again.verdict, record.verdict);
    assert_eq!(again.findings, record.findings);
    // Everything else that was judged, and every total: too long to be shown.
    assert!(
        again == *record,
        "the record of {} is another one",
        folder.display()
    );
}
