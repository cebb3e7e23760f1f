//! Looks findings and figures up in a record.

use loadgen::record::{Finding, Record, ReplicaRecord, Severity};

/// What a machine with other work to do may find; the counts are right all the same.
const TIMING: [&str; 6] = [
    "machine-stalls",
    "machine-contention",
    "generator-lag",
    "generator-cpu",
    "rate-not-reached",
    "queued-arrivals",
];

/// Whether a machine with other work to do may be all there is to it.
pub fn is_of_timing(finding: &Finding) -> bool {
    TIMING.contains(&finding.code.name())
}

/// The findings that fail a run, whatever else the machine had to do.
pub fn failures(record: &Record) -> Vec<&Finding> {
    let weight =
        |finding: &&Finding| finding.severity >= Severity::Failure && !is_of_timing(finding);
    record.findings.iter().filter(weight).collect()
}

/// Nothing was found that matters, but perhaps that the machine has other work to do.
#[track_caller]
pub fn passes(record: &Record) {
    let found = failures(record);
    assert!(found.is_empty(), "{found:#?}");
    if record.verdict.exit_code != 0 {
        assert_eq!(record.verdict.exit_code, 4, "{:#?}", record.findings);
    }
}

/// The findings of one code.
pub fn all<'a>(record: &'a Record, code: &str) -> Vec<&'a Finding> {
    let findings = record.findings.iter();
    findings.filter(|finding| finding.code == code).collect()
}

/// The one finding of a code.
#[track_caller]
pub fn one<'a>(record: &'a Record, code: &str) -> &'a Finding {
    match all(record, code)[..] {
        [only] => only,
        _ => panic!("not one {code}: {:#?}", record.findings),
    }
}

/// The run fails by findings of this code, and by no other.
#[track_caller]
pub fn fails_by(record: &Record, code: &str) {
    let failures = failures(record);
    let as_told = !failures.is_empty() && failures.iter().all(|finding| finding.code == code);
    assert!(as_told, "not by {code} alone: {:#?}", record.findings);
    // 4 where the machine was too busy on top of it.
    let code = record.verdict.exit_code;
    assert!(matches!(code, 4 | 99), "{code}");
}

/// A replica of the only group.
#[track_caller]
pub fn replica<'a>(record: &'a Record, id: &str) -> &'a ReplicaRecord {
    let replicas = &record.groups[0].replicas;
    let found = replicas.iter().find(|replica| replica.id == id);
    found.unwrap_or_else(|| panic!("no {id}: {replicas:?}"))
}
