//! The record as JSON, there and back, and the schema of it.

use std::io::{BufReader, Read, Write};

use serde::Deserialize;
use serde_json::error::Category;

use super::assemble::interval_s;
use super::{Record, SCHEMA_VERSION, Versions};

/// Why a text is no record.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Not JSON at all, or cut short.
    #[error("record is not JSON: {0}")]
    NotJson(serde_json::Error),
    /// JSON, but without a version: something else.
    #[error("file has no schema_version, so it is no record")]
    NoVersion,
    /// A version that no loadgen writes.
    #[error("schema_version 0 is no version of a record, they count from 1")]
    Zero,
    /// A record whose fields may mean something else than what this version knows.
    #[error("record is of schema version {0}, and this loadgen knows {SCHEMA_VERSION}")]
    Newer(u64),
    /// A run that no loadgen makes.
    #[error("record says that its run took {0} s, and none takes more than a day")]
    Longer(f64),
    /// A record whose fields do not have the form this version knows.
    #[error("record of schema version {version} cannot be read: {reason}")]
    Shape {
        /// The record's version.
        version: u64,
        /// Where and why.
        reason: serde_json::Error,
    },
}

impl ReadError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::NotJson(_) => "give the run's folder or its record.json".into(),
            Self::NoVersion | Self::Zero => "records are written by loadgen as record.json".into(),
            Self::Newer(_) => NEWER.into(),
            Self::Longer(_) => "it was changed since, or is no record of loadgen".into(),
            Self::Shape { version, .. } if *version > u64::from(SCHEMA_VERSION) => {
                format!("it is newer than version {SCHEMA_VERSION}; update loadgen")
            }
            Self::Shape { .. } => "check it against `loadgen schema`".into(),
        }
    }
}

/// Writes the same as [`to_json`], without holding it.
pub fn write_json(record: &Record, mut to: impl Write) -> std::io::Result<()> {
    serde_json::to_writer_pretty(&mut to, record)?;
    to.write_all(b"\n")
}

/// The record as indented JSON, with a newline at its end.
#[must_use]
pub fn to_json(record: &Record) -> String {
    let mut text = serde_json::to_string_pretty(record)
        .unwrap_or_else(|error| unreachable!("a record has string keys only: {error}"));
    text.push('\n');
    text
}

/// What to do about a run that a newer loadgen stored.
pub const NEWER: &str = "update loadgen; with --force `report`, `compare` and `judge` take it as far \
as they know it";

/// Reads a record of a version that is known. Unknown fields are passed over; fields that came later
/// have defaults.
pub fn from_json(text: &str) -> Result<Record, ReadError> {
    read_json(|| Ok(text.as_bytes()), Versions::Known)
}

/// Reads a record of these versions, from what `open` opens twice: for its version, and for the rest.
/// It is not held as a text, and its intervals not as many as there may be.
pub fn read_json<R: Read>(
    open: impl Fn() -> std::io::Result<R>,
    versions: Versions,
) -> Result<Record, ReadError> {
    let opened = || open().map(BufReader::new).map_err(serde_json::Error::io);
    let version = opened().and_then(serde_json::from_reader::<_, Version>);
    let version = version.map_err(|error| match error.classify() {
        Category::Data => ReadError::NoVersion,
        _ => ReadError::NotJson(error),
    })?;
    let version = version.schema_version;
    let version = version.as_ref().and_then(serde_json::Value::as_u64);
    let version = version.ok_or(ReadError::NoVersion)?;
    match version {
        0 => return Err(ReadError::Zero),
        newer if versions.refuse(newer, SCHEMA_VERSION) => return Err(ReadError::Newer(newer)),
        _ => {}
    }
    let record = opened().and_then(serde_json::from_reader::<_, Record>);
    let mut record = record.map_err(|reason| ReadError::Shape { version, reason })?;
    if !(0.0..=LONGEST).contains(&record.run.duration_s) {
        return Err(ReadError::Longer(record.run.duration_s));
    }
    record.interval_s = interval_s(&record.intervals);
    for threshold in &mut record.thresholds {
        threshold.complete();
    }
    Ok(record)
}

/// What is looked at first.
#[derive(Deserialize)]
struct Version {
    schema_version: Option<serde_json::Value>,
}

/// No run is longer, in seconds: a day, and what it takes to end.
const LONGEST: f64 = 100_000.0;

/// The JSON Schema of the record, indented.
#[must_use]
pub fn schema() -> String {
    let mut text = serde_json::to_string_pretty(&schemars::schema_for!(Record))
        .unwrap_or_else(|error| unreachable!("a schema has string keys only: {error}"));
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic;

    #[test]
    fn every_record_keeps_to_the_schema_and_reads_back_as_it_was() {
        let schema = serde_json::from_str(&schema()).expect("the schema is JSON");
        let validator = jsonschema::validator_for(&schema).expect("the schema is a schema");
        for (name, record) in synthetic::short() {
            let text = to_json(&record);
            let value = serde_json::from_str(&text).expect("JSON");
            let errors: Vec<_> = validator
                .iter_errors(&value)
                .map(|e| e.to_string())
                .collect();
            assert!(errors.is_empty(), "{name}: {errors:?}");
            assert_eq!(from_json(&text).expect(name), record, "{name}");
        }
    }

    #[test]
    fn unknown_fields_and_missing_late_ones_do_no_harm() {
        let record = synthetic::clean();
        let mut value = serde_json::to_value(&record).expect("a record is JSON");
        let map = value.as_object_mut().expect("an object");
        map.insert("from_the_future".into(), serde_json::json!({"a": 1}));
        for late in ["thresholds", "threads"] {
            map.remove(late);
        }
        let read = from_json(&value.to_string()).expect("still a record");
        assert_eq!(read.groups, record.groups);
    }

    #[test]
    fn what_is_no_record_says_so() {
        assert!(matches!(from_json("{"), Err(ReadError::NotJson(_))));
        assert!(matches!(from_json("{}"), Err(ReadError::NoVersion)));
        let zero = from_json(r#"{"schema_version": 0}"#).expect_err("no version");
        assert!(matches!(zero, ReadError::Zero));
    }

    #[test]
    fn a_newer_record_is_read_where_that_is_asked_for_alone() {
        let mut record = synthetic::clean();
        record.schema_version = 99;
        let text = to_json(&record);
        let newer = from_json(&text).expect_err("newer");
        assert_eq!(
            newer.to_string(),
            "record is of schema version 99, and this loadgen knows 1"
        );
        assert!(newer.hint().contains("update loadgen") && newer.hint().contains("--force"));
        assert_eq!(
            read_json(|| Ok(text.as_bytes()), Versions::Any).expect("read"),
            record
        );
        let bare = br#"{"schema_version": 99}"#;
        let bare = read_json(|| Ok(&bare[..]), Versions::Any);
        assert!(bare.expect_err("no fields").hint().contains("update"));
    }
}
