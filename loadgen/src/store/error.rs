//! Why a run could not be stored or read, with its remedy.

use std::path::PathBuf;

use crate::record;

/// Why something could not be stored or read.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The folder or a file of it cannot be written.
    #[error("{path} cannot be written: {reason}")]
    Write {
        path: PathBuf,
        /// What the system said.
        reason: std::io::Error,
    },
    /// The folder holds something that the run would be mixed with.
    #[error("{path} holds {what} already")]
    Taken {
        path: PathBuf,
        /// Another run, or runs.
        what: &'static str,
    },
    /// A stored run cannot be read.
    #[error("{path} cannot be read: {reason}")]
    Read { path: PathBuf, reason: String },
    /// A worker's lines cannot be read.
    #[error("{path} cannot be read: {reason}")]
    Lines { path: PathBuf, reason: String },
    /// A newer loadgen stored it.
    #[error("{path} cannot be read: {reason}")]
    Newer { path: PathBuf, reason: String },
}

impl StorageError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Write { reason, .. } if reason.kind() == std::io::ErrorKind::StorageFull => {
                "free some space, or give --out a folder on another disk".into()
            }
            Self::Write { .. } => "give --out a folder that can be written".into(),
            Self::Taken { .. } => {
                "give --out a folder that is new, or --force to use this one all the same".into()
            }
            Self::Newer { .. } => record::NEWER.into(),
            Self::Lines { .. } => {
                "give a file that a worker wrote its standard output to, or - for standard input"
                    .into()
            }
            Self::Read { .. } => "give the folder of a run, or its record.json".into(),
        }
    }
}
