//! Plan files: the same names as the flags, groups with loads of their own, and flags win.

use std::path::Path;

use super::UsageError;
use super::attach::{attach, detach};
use super::resolve::{body_of, unambiguous};
use super::user::take_from_target;
use crate::input::{self, Limit};
use crate::model::{plain, printed};
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
    let text = toml::to_string_pretty(&spec).and_then(|text| {
        // What may not be printed as it stands is written on one line, with escapes of TOML.
        let is_printable = printed(&text, false) == text;
        if is_printable {
            Ok(text)
        } else {
            toml::to_string(&spec).map(|text| escaped(&text))
        }
    });
    text.map_err(|reason| {
        let message = format!("the plan cannot be written as TOML: {reason}");
        UsageError::new(message, "numbers in TOML are below 2^63")
    })
}

/// The same TOML, printable, where its strings take escapes: those between single quotes do not.
fn escaped(text: &str) -> String {
    let escape = |c: char| match c {
        c if c == '\n' || plain(c.encode_utf8(&mut [0; 4])).len() == c.len_utf8() => c.to_string(),
        c => format!("\\U{:08X}", u32::from(c)),
    };
    let shown: String = text.chars().map(escape).collect();
    let shown = shown.replace("##", "#\\u0023");
    let value = |text: &str| toml::from_str::<toml::Table>(text).ok();
    if value(&shown) == value(text) {
        shown
    } else {
        text.to_owned()
    }
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
