//! Why a run did not take place, with its remedy and its exit code.

use crate::engine::EngineError;
use crate::export::ExportError;
use crate::scrape::ClientError;
use crate::stack::{ExitClass, StackError};
use crate::transport::TargetError;
use crate::transport::general::GeneralError;

use super::StorageError;

/// Why a run did not take place.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The stack could not be brought up, found or understood.
    #[error(transparent)]
    Stack(#[from] StackError),
    /// The target is no usable address.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The run's folder cannot be written.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The scraper could not be made.
    #[error(transparent)]
    Scraper(#[from] ClientError),
    /// The generator's metrics cannot be served where they were wanted.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// The https target cannot be asked, or gives no answer.
    #[error(transparent)]
    General(GeneralError),
    /// The engine could not begin.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The machine cannot carry the plan.
    #[error("{message}")]
    Preflight {
        /// With its arithmetic.
        message: String,
        /// What to do.
        hint: String,
    },
    /// A signal came before there was anything to store.
    #[error("interrupted before the load began")]
    Interrupted,
    /// A task of ours was lost.
    #[error("internal error: {0}")]
    Internal(String),
}

impl RunError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Stack(error) => error.hint().unwrap_or_default(),
            Self::Target(_) => "give --target an origin, as http://127.0.0.1:8080".into(),
            Self::Storage(error) => error.hint(),
            Self::Export(error) => error.hint(),
            Self::Scraper(_) => "give --counter as NAME{label=\"value\"}".into(),
            Self::Preflight { hint, .. } => hint.clone(),
            Self::General(error) => error.hint().into(),
            Self::Engine(_) => {
                "see `ulimit -a`: threads and open files are what the engine needs".into()
            }
            Self::Interrupted => String::new(),
            Self::Internal(_) => "please report this with the command you typed".into(),
        }
    }

    /// The exit code that tells it.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Stack(error) => match error.exit_class() {
                ExitClass::Usage => 2,
                ExitClass::Unreachable => 3,
            },
            Self::Target(TargetError::Unresolved { .. })
            | Self::General(GeneralError::NoAnswer { .. }) => 3,
            Self::General(_)
            | Self::Target(_)
            | Self::Scraper(_)
            | Self::Storage(_)
            | Self::Export(_)
            | Self::Preflight { .. } => 2,
            Self::Engine(_) | Self::Internal(_) => 1,
            Self::Interrupted => 130,
        }
    }
}
