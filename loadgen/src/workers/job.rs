//! What a worker is given: the plan of the whole test, and what it goes through.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::task::hexadecimal;
use crate::model::Topology;
use crate::plan::Plan;

/// A test as one line of JSON, for the standard input of a worker that was started by another
/// loadgen.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    pub plan: Plan,
    pub topology: Topology,
    /// That of the plan's user, which a plan does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}

impl Job {
    /// The line, with its end.
    #[must_use]
    pub fn line(&self) -> String {
        let mut line = serde_json::to_string(self)
            .unwrap_or_else(|error| unreachable!("a job has string keys only: {error}"));
        line.push('\n');
        line
    }

    /// The same without the password, for where others may read it.
    #[must_use]
    pub fn without_password(&self) -> Self {
        Self {
            password: None,
            ..self.clone()
        }
    }

    /// Reads the line.
    pub fn read(line: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(line)
    }
}

/// SHA-256 of a plan as it is stored: workers with the same one have the same test.
#[must_use]
pub fn fingerprint(plan: &Plan) -> String {
    let text = serde_json::to_vec(plan)
        .unwrap_or_else(|error| unreachable!("a plan has string keys only: {error}"));
    hexadecimal(Sha256::new().chain_update(text))
}
