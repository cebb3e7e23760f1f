//! What is wrong with what was typed, and what to type instead.

use std::fmt;

use crate::plan::PlanError;

/// A mistake in flags, a configuration file or the plan they make. Exit code 2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageError {
    message: String,
    hint: String,
}

impl UsageError {
    /// An error that names the value and the reason, and a hint that names the remedy.
    pub fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: hint.into(),
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &str {
        &self.hint
    }
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for UsageError {}

impl From<PlanError> for UsageError {
    fn from(error: PlanError) -> Self {
        Self::new(error.to_string(), error.hint())
    }
}
