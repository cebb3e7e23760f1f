//! The files that a plan file names: bodies and data are read once, within a bound.

use std::fmt::Write as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::UsageError;
use crate::input::{self, InputError, Limit};
use crate::plan::{Body, DataPlan, LargeFile, PlanSpec, ReplayPlan, RequestPlan};
use crate::traffic::{AccessLog, MOST_DATA};

const DATA: Limit = Limit {
    what: "a file of data",
    bytes: MOST_DATA,
};

/// Reads the files of a plan that are not in it yet; paths are seen from `base`.
pub fn attach(spec: &mut PlanSpec, base: &Path) -> Result<(), UsageError> {
    if let Some(large) = spec.body.as_ref().and_then(Body::unread) {
        spec.body = Some(read_again("body", large, base)?);
    }
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
        file: seen(&replay.file, base),
        sha256: Some(sha256),
        ..replay
    };
    Ok(replay.with_log(log))
}

fn attach_body(request: &mut RequestPlan, base: &Path) -> Result<(), UsageError> {
    let what = format!("body of request {}", request.name);
    match (&request.body, &request.body_file) {
        (Some(body), _) => {
            if let Some(large) = body.unread() {
                request.body = Some(read_again(&what, large, base)?);
            }
        }
        (None, Some(file)) => {
            let what = format!("{what}, file {file},");
            let bytes = read(&what, &base.join(file), Limit::BODY)?;
            request.body = Some(Body::of_file(seen(file, base), digest(&bytes), bytes));
        }
        (None, None) => {}
    }
    Ok(())
}

/// A body that a plan names and does not hold: it has to be the one that was sent before.
fn read_again(what: &str, large: &LargeFile, base: &Path) -> Result<Body, UsageError> {
    let what = format!("{what}, file {},", large.file);
    let bytes = read(&what, &base.join(&large.file), Limit::BODY)?;
    let sha256 = same(&what, &bytes, Some(&large.sha256))?;
    Ok(Body::of_file(seen(&large.file, base), sha256, bytes))
}

/// A path as it is seen from where loadgen was started: a run is repeated without its plan file.
fn seen(file: &str, base: &Path) -> String {
    base.join(file).to_string_lossy().into_owned()
}

/// The SHA-256 in hexadecimal digits.
pub(super) fn digest(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn attach_data(name: &str, data: &DataPlan, base: &Path) -> Result<DataPlan, UsageError> {
    let what = format!("file {} of data {name}", data.file);
    let bytes = read(&what, &base.join(&data.file), DATA)?;
    let sha256 = same(&what, &bytes, data.sha256.as_ref())?;
    let data = DataPlan {
        file: seen(&data.file, base),
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
    let sha256 = digest(bytes);
    if wanted.is_some_and(|wanted| *wanted != sha256) {
        return Err(UsageError::new(
            format!("{what} is another than the plan was made with: its SHA-256 is {sha256}"),
            "bring back the file as it was, or take `sha256` out of the plan",
        ));
    }
    Ok(sha256)
}
