//! Plan files: the same names as the flags, groups with loads of their own, and flags win.

use std::path::Path;

use super::UsageError;
use super::attach::{attach, detach};
use super::resolve::{body_of, unambiguous};
use super::user::take_from_target;
use crate::input::{self, Limit};
use crate::plan::PlanSpec;

/// Reads a plan file.
pub fn read(path: &Path) -> Result<PlanSpec, UsageError> {
    let text = input::read_text(path, Limit::PLAN).map_err(|reason| {
        let message = format!("plan file {} cannot be read: {reason}", path.display());
        let usual = "give the path of a TOML file, or for `loadgen run` the folder of a stored run";
        UsageError::new(message, reason.hint().unwrap_or_else(|| usual.into()))
    })?;
    let mut spec: PlanSpec = toml::from_str(&text).map_err(|reason| {
        let reason = without_passwords(&reason);
        let message = format!("plan file {} is not valid: {}", path.display(), reason.trim_end());
        UsageError::new(message, "its names are those of the flags, without the dashes: rps = 500, host = [\"app-group-1\"]")
    })?;
    unambiguous("fail-if", &spec.fail_if)?;
    unambiguous("require", &spec.require)?;
    if let Some(body) = &spec.body {
        let bytes = body.bytes();
        let text = std::str::from_utf8(&bytes).unwrap_or_default();
        if text.starts_with('@') {
            spec.body = Some(body_of(text)?);
        }
    }
    take_from_target(&mut spec)?;
    attach(&mut spec, path.parent().unwrap_or(Path::new("")))?;
    Ok(spec)
}

/// Why a text is no plan, without the line that it quotes where that may hold a password.
fn without_passwords(reason: &toml::de::Error) -> String {
    let told = reason.to_string();
    if told.contains("user") || told.contains("://") {
        reason.message().to_owned()
    } else {
        told
    }
}

/// A plan as a file that [`read`] takes.
pub fn write(mut spec: PlanSpec) -> Result<String, UsageError> {
    detach(&mut spec);
    toml::to_string_pretty(&spec).map_err(|reason| {
        let message = format!("the plan cannot be written as TOML: {reason}");
        UsageError::new(message, "numbers in TOML are below 2^63")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> Result<PlanSpec, UsageError> {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(file.path(), text).expect("writable");
        read(file.path())
    }

    fn rate(spec: &PlanSpec) -> Option<f64> {
        spec.rps.map(crate::model::Rate::per_second)
    }

    #[test]
    fn what_is_said_wins_over_the_file() {
        let file = file("rps = 0.5\nhost = [\"a\"]\nduration = \"3s\"").expect("valid");
        let said = PlanSpec {
            rps: "7".parse().ok(),
            ..PlanSpec::default()
        };
        let merged = said.over(file);
        assert_eq!(rate(&merged), Some(7.0));
        assert_eq!(merged.host[0].host, "a");
        assert_eq!(merged.duration, Some(std::time::Duration::from_secs(3)));
    }

    #[test]
    fn a_load_that_is_said_replaces_another_kind_of_load_in_the_file() {
        let said = PlanSpec {
            closed: true,
            ..PlanSpec::default()
        };
        let merged = said.over(file("rps = 5").expect("valid"));
        assert!(merged.closed && merged.rps.is_none());
    }

    #[test]
    fn an_unknown_name_is_refused_by_name() {
        for text in ["rpm = 5", "[[group]]\nhost = \"a\"\nrpm = 5"] {
            let error = file(text).expect_err("unknown");
            assert!(error.to_string().contains("rpm"), "{error}");
        }
    }

    #[test]
    fn a_plan_file_has_groups_with_loads_of_their_own() {
        let text = "rps = 5\npolicy = \"round-robin:3,1\"\nrequire = [\"p99<50ms\"]\n\
            [[group]]\nhost = \"a\"\n[[group]]\nname = \"b-slow\"\nhost = \"b\"\nstages = \"0:1,10s:5\"";
        let spec = file(text).expect("valid");
        let written = write(spec.clone()).expect("TOML");
        assert_eq!(
            toml::from_str::<PlanSpec>(&written).expect("read back"),
            spec
        );
        assert_eq!(spec.group[1].name.as_deref(), Some("b-slow"));
        assert!(spec.check().is_ok());
    }
}
