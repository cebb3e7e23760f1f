//! Where an answer names the replica that gave it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where an answer names its replica: `body`, or `header:NAME`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "in", content = "name")]
pub enum NameSource {
    /// The body: a JSON string, or one plain word.
    #[default]
    Body,
    /// A header of this name, in lower case.
    Header(String),
}

impl NameSource {
    /// The header to look at, where it is one.
    #[must_use]
    pub fn header(&self) -> Option<&str> {
        match self {
            Self::Body => None,
            Self::Header(name) => Some(name),
        }
    }
}

impl FromStr for NameSource {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("header:") {
            None if text == "body" => Ok(Self::Body),
            Some(name) if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic()) => {
                Ok(Self::Header(name.to_ascii_lowercase()))
            }
            _ => Err(format!("`{text}` is neither `body` nor `header:NAME`")),
        }
    }
}

impl fmt::Display for NameSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body => f.write_str("body"),
            Self::Header(name) => write!(f, "header:{name}"),
        }
    }
}
