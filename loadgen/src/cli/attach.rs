//! The files that a plan file names: bodies and data are read once, within a bound.

use std::fmt::Write as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::UsageError;
use crate::input::{self, Limit};
use crate::plan::{Body, DataPlan, PlanSpec, RequestPlan};
use crate::traffic::MOST_DATA;

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
    Ok(())
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
    let sha256 = hex(&Sha256::digest(&bytes));
    if data.sha256.as_ref().is_some_and(|wanted| *wanted != sha256) {
        return Err(UsageError::new(
            format!("{what} is another than the plan was made with: its SHA-256 is {sha256}"),
            "bring back the file as it was, or take `sha256` out of the plan",
        ));
    }
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
    for request in spec.group.iter_mut().flat_map(|group| &mut group.request) {
        if request.body_file.is_some() {
            request.body = None;
        }
    }
}

fn read(what: &str, path: &Path, limit: Limit) -> Result<Vec<u8>, UsageError> {
    input::read(path, limit).map_err(|reason| {
        UsageError::new(
            format!("{what} cannot be used: {reason}"),
            "its path is seen from the plan file's folder",
        )
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
