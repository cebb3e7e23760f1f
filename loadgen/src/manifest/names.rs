//! What Kubernetes takes as names and quantities, and the names that are made here.

use super::{Asked, ManifestError};

/// The longest label of the name system, and value of a label in Kubernetes.
const MOST_LABEL: usize = 63;
/// The longest name of an image.
const MOST_IMAGE: usize = 512;

/// What all objects are called. A pod is called so too, with its number behind it, and that has to be
/// a label of the name system.
pub(super) fn object(asked: &Asked) -> Result<String, ManifestError> {
    let last = asked.workers.saturating_sub(1).to_string();
    let most = MOST_LABEL - 1 - last.len();
    match &asked.name {
        Some(name) => label("--name", name, most).map(|()| name.clone()),
        None => Ok(made(&asked.run, most)),
    }
}

/// A name that comes of a run's: `loadgen-` and what may stand in a label.
fn made(run: &str, most: usize) -> String {
    let plain = |c: char| match c.to_ascii_lowercase() {
        c if c.is_ascii_alphanumeric() => c,
        _ => '-',
    };
    let name: String = "loadgen-"
        .chars()
        .chain(run.chars().map(plain))
        .take(most)
        .collect();
    name.trim_end_matches('-').to_owned()
}

/// Refuses everything else that the cluster would not take.
pub(super) fn check(asked: &Asked) -> Result<(), ManifestError> {
    if let Some(namespace) = &asked.namespace {
        label("--namespace", namespace, MOST_LABEL)?;
    }
    value("--run-id", &asked.run)?;
    if !is_quantity(&asked.cpu, &["", "m"]) {
        return Err(quantity("--pod-cpu", &asked.cpu));
    }
    if !is_quantity(&asked.memory, &["", "k", "M", "G", "Ki", "Mi", "Gi"]) {
        return Err(quantity("--pod-memory", &asked.memory));
    }
    let image = &asked.image;
    let is_image = (1..=MOST_IMAGE).contains(&image.len())
        && image.starts_with(|c: char| c.is_ascii_alphanumeric())
        && image
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "._-/:@".contains(c));
    if is_image {
        Ok(())
    } else {
        Err(ManifestError::Image(image.clone()))
    }
}

/// A label of the name system (RFC 1123).
fn label(flag: &'static str, text: &str, most: usize) -> Result<(), ManifestError> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    refuse(flag, text, most, plain, |c| c != '-')
}

/// What may be the value of a label.
fn value(flag: &'static str, text: &str) -> Result<(), ManifestError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    refuse(flag, text, MOST_LABEL, plain, |c| c.is_ascii_alphanumeric())
}

fn refuse(
    flag: &'static str,
    text: &str,
    most: usize,
    may_have: impl Fn(char) -> bool,
    may_end: impl Fn(char) -> bool,
) -> Result<(), ManifestError> {
    let refused = |why: String| {
        let text = text.to_owned();
        Err(ManifestError::Name { flag, text, why })
    };
    if text.is_empty() || text.len() > most {
        return refused(format!(
            "it has {} bytes, and 1 to {most} are possible",
            text.len()
        ));
    }
    if let Some(c) = text.chars().find(|c| !may_have(*c)) {
        return refused(format!("`{}` may not stand in one", c.escape_debug()));
    }
    if !text.starts_with(&may_end) || !text.ends_with(&may_end) {
        return refused("it begins or ends with what may only stand between".into());
    }
    Ok(())
}

/// Digits, perhaps with a point, and one of these units.
fn is_quantity(text: &str, units: &[&str]) -> bool {
    let end = text.find(|c: char| c.is_ascii_alphabetic());
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    let is_number = number.len() <= 12
        && number.starts_with(|c: char| c.is_ascii_digit())
        && number.chars().all(|c| c.is_ascii_digit() || c == '.');
    is_number && number.parse::<f64>().is_ok_and(|n| n > 0.0) && units.contains(&unit)
}

fn quantity(flag: &'static str, text: &str) -> ManifestError {
    let text = text.to_owned();
    ManifestError::Quantity { flag, text }
}
