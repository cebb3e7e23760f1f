//! What counts on a metrics page: `NAME{label="value"}`. `scrape` knows its grammar and its use.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A metric's name with the labels that a series must have; other labels may be anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Selector {
    pub(crate) name: String,
    pub(crate) labels: Vec<(String, String)>,
}

impl Selector {
    /// The metric's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value a label must have.
    #[must_use]
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// Every series of a metric, whose name is taken as it is.
    #[must_use]
    pub fn of_name(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            labels: Vec::new(),
        }
    }

    /// The replicas' contract counts by handler, which for a plain path is the path.
    #[must_use]
    pub fn of_path(path: &str) -> Self {
        let handler = path.split('?').next().unwrap_or("/");
        Self {
            name: "http_requests_total".into(),
            labels: vec![("handler".into(), handler.to_owned())],
        }
    }
}

impl From<Selector> for String {
    fn from(selector: Selector) -> Self {
        selector.to_string()
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if self.labels.is_empty() {
            return Ok(());
        }
        let escape = |value: &str| {
            value
                .replace('\\', r"\\")
                .replace('"', r#"\""#)
                .replace('\n', r"\n")
        };
        let labels: Vec<_> = self
            .labels
            .iter()
            .map(|(name, value)| format!("{name}=\"{}\"", escape(value)))
            .collect();
        write!(f, "{{{}}}", labels.join(","))
    }
}
