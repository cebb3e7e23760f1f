//! The files that a plan file names: bodies and data are read once, within a bound.

use std::fmt::Write as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::UsageError;
use crate::input::{self, InputError, Limit};
use crate::plan::{Body, DataPlan, PlanSpec, ReplayPlan, RequestPlan};
use crate::traffic::{AccessLog, MOST_DATA};

const DATA: Limit = Limit {
    what: "a file of data",
    bytes: MOST_DATA,
};

/// Reads the files of a plan that are not in it yet; paths are seen from `base`.
pub fn attach(spec: &mut PlanSpec, base: &Path) -> Result<(), UsageError> {
    for request in spec.group.iter_mut().flat_map(|group| &mut group.request) {
        attach_body(request, base)?;
    }
    for (name, data) in &mut spec.data {
        if data.content.is_none() {
            *data = attach_data(name, data, base)?;
        }
    }
    if let Some(replay) = spec.replay.take() {
        spec.replay = Some(attach_log(replay, base)?);
    }
    Ok(())
}

/// Reads a log that is to be replayed, compressed or not; one that is in the plan stays as it is.
pub(super) fn attach_log(replay: ReplayPlan, base: &Path) -> Result<ReplayPlan, UsageError> {
    if replay.log.is_some() {
        return Ok(replay);
    }
    let what = format!("access log {}", replay.file);
    let bytes = input::read(&base.join(&replay.file), Limit::ACCESS_LOG);
    let bytes = bytes.map_err(|reason| {
        let usual = "give --replay the path of an access log, compressed by gzip or not; in a plan file it is seen from that file's folder";
        refused(&what, &reason, usual)
    })?;
    let sha256 = same(&what, &bytes, replay.sha256.as_ref())?;
    let bytes = input::unpacked(bytes, Limit::ACCESS_LOG)
        .map_err(|reason| refused(&what, &reason, "see `gzip -t`"))?;
    let log = AccessLog::read(&bytes).map_err(|reason| {
        UsageError::new(
            format!("{what} cannot be replayed: {reason}"),
            reason.hint(),
        )
    })?;
    let replay = ReplayPlan {
        sha256: Some(sha256),
        ..replay
    };
    Ok(replay.with_log(log))
}

fn attach_body(request: &mut RequestPlan, base: &Path) -> Result<(), UsageError> {
    let Some(file) = &request.body_file else {
        return Ok(());
    };
    if request.body.is_none() {
        let what = format!("body file {file} of request {}", request.name);
        let bytes = read(&what, &base.join(file), Limit::BODY)?;
        request.body = Some(Body(bytes));
    }
    Ok(())
}

fn attach_data(name: &str, data: &DataPlan, base: &Path) -> Result<DataPlan, UsageError> {
    let what = format!("file {} of data {name}", data.file);
    let bytes = read(&what, &base.join(&data.file), DATA)?;
    let sha256 = same(&what, &bytes, data.sha256.as_ref())?;
    let data = DataPlan {
        sha256: Some(sha256),
        ..data.clone()
    };
    data.with_content(bytes).map_err(|reason| {
        UsageError::new(
            format!("{what} is no table: {reason}"),
            "give a CSV file: a header line with names, then a row for each line",
        )
    })
}

/// Takes out what [`attach`] reads, so that a plan is short enough to be read by people.
pub(super) fn detach(spec: &mut PlanSpec) {
    for data in spec.data.values_mut() {
        *data = DataPlan {
            file: std::mem::take(&mut data.file),
            order: data.order,
            sha256: data.sha256.take(),
            ..DataPlan::default()
        };
    }
    if let Some(replay) = spec.replay.take() {
        spec.replay = Some(replay.without_log());
    }
    for request in spec.group.iter_mut().flat_map(|group| &mut group.request) {
        if request.body_file.is_some() {
            request.body = None;
        }
    }
}

fn read(what: &str, path: &Path, limit: Limit) -> Result<Vec<u8>, UsageError> {
    input::read(path, limit).map_err(|reason| {
        refused(
            what,
            &reason,
            "its path is seen from the plan file's folder",
        )
    })
}

fn refused(what: &str, reason: &InputError, usual: &str) -> UsageError {
    UsageError::new(
        format!("{what} cannot be used: {reason}"),
        reason.hint().unwrap_or_else(|| usual.into()),
    )
}

/// The SHA-256 of a file, which has to be the one that a plan was made with.
fn same(what: &str, bytes: &[u8], wanted: Option<&String>) -> Result<String, UsageError> {
    let sha256 = hex(&Sha256::digest(bytes));
    if wanted.is_some_and(|wanted| *wanted != sha256) {
        return Err(UsageError::new(
            format!("{what} is another than the plan was made with: its SHA-256 is {sha256}"),
            "bring back the file as it was, or take `sha256` out of the plan",
        ));
    }
    Ok(sha256)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
