//! Why a run did not take place, with its remedy and its exit code.

use crate::checks;
use crate::engine::EngineError;
use crate::export::ExportError;
use crate::model::{Cause, OriginError, Target, exit};
use crate::plan::PlanError;
use crate::scrape::ClientError;
use crate::stack::{ExitClass, StackError};
use crate::transport::{TlsError, Unresolved};

use crate::store::StorageError;

/// Why a run did not take place.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The stack could not be brought up, found or understood.
    #[error(transparent)]
    Stack(#[from] StackError),
    /// The plan cannot be carried out on this stack.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The target is no origin.
    #[error("target `{target}` {reason}")]
    Target { target: String, reason: OriginError },
    /// The target's name has no address.
    #[error(transparent)]
    Unresolved(#[from] Unresolved),
    /// The run's folder cannot be written.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The scraper could not be made.
    #[error(transparent)]
    Scraper(#[from] ClientError),
    /// The generator's metrics cannot be served where they were wanted.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// No connection to the target.
    #[error("{}", unreached(.target, .reason, *.cause))]
    Unreached {
        target: String,
        reason: String,
        cause: Cause,
    },
    /// The target was asked, and there was no answer.
    #[error("{target} gave no answer for host group {host}: {reason}")]
    NoAnswer {
        target: String,
        /// The group it was asked for.
        host: String,
        reason: String,
        cause: Cause,
    },
    /// The engine could not begin.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The machine cannot carry the plan.
    #[error("{message}")]
    Preflight { message: String, hint: String },
    /// Too few workers to begin with: who, and why.
    #[error("{} of {of} workers {} not ready in time: {}", missing.len(), if missing.len() == 1 { "was" } else { "were" }, missing.join("; "))]
    MissingWorkers { missing: Vec<String>, of: u32 },
    /// Clocks of workers that are too far from the launcher's.
    #[error("{}", skewed.join("; "))]
    SkewedClocks { skewed: Vec<String> },
    /// The engine cannot start the workers.
    #[error(transparent)]
    Workers(StackError),
    /// A worker cannot be started, or given its plan.
    #[error("worker {n} could not be started: {reason}")]
    Worker { n: u32, reason: String },
    /// A signal came before there was anything to store.
    #[error("interrupted before the load began")]
    Interrupted,
    /// A task of ours was lost.
    #[error("internal error: {0}")]
    Internal(String),
}

fn unreached(target: &str, reason: &str, cause: Cause) -> String {
    match cause {
        Cause::Refused | Cause::NoSocket => format!("nothing listens at {target}: {reason}"),
        Cause::NoSuchProtocol => format!("{target} cannot be loaded as asked: {reason}"),
        _ => format!("{target} takes no connection: {reason}"),
    }
}

/// The command that asks a target by hand.
fn curl(target: &str) -> String {
    match target.strip_prefix(Target::SOCKET) {
        Some(path) => format!("curl -v --unix-socket {path} http://localhost/"),
        None => format!("curl -v {target}/"),
    }
}

impl RunError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Stack(error) | Self::Workers(error) => error.hint().unwrap_or_default(),
            Self::Plan(error) => error.hint(),
            Self::Target { .. } => "give --target an origin, as http://127.0.0.1:8080".into(),
            Self::Unresolved(_) => {
                "check the spelling, or give an address instead of the name".into()
            }
            Self::Storage(error) => error.hint(),
            Self::Export(error) => error.hint(),
            Self::Scraper(_) => "see `ulimit -n`: reading pages needs descriptors".into(),
            Self::Preflight { hint, .. } => hint.clone(),
            Self::Tls(error) => error.hint().into(),
            Self::Unreached { target, cause, .. } => match cause {
                Cause::Refused | Cause::Unreachable | Cause::Silent | Cause::Unknown => format!(
                    "start what is to be tested, or leave --target out to use the embedded stack; \
                     `{}` shows whether it listens",
                    curl(target)
                ),
                cause => checks::hint_of(*cause).unwrap_or_default().into(),
            },
            Self::NoAnswer { cause, .. } => checks::hint_of(*cause)
                .unwrap_or("check --target, and that it speaks TLS there")
                .into(),
            Self::Engine(_) => {
                "see `ulimit -a`: threads and open files are what the engine needs".into()
            }
            Self::MissingWorkers { .. } => {
                "give them longer by --start-in, or take fewer --workers; nothing was sent".into()
            }
            Self::SkewedClocks { .. } => {
                "set the clocks by NTP or PTP (`timedatectl` shows whether they are), or let the workers begin \
                 by their own clocks: --allow-skew; nothing was sent"
                    .into()
            }
            Self::Worker { .. } => {
                "see `ulimit -a`: processes and open files are what it needs".into()
            }
            Self::Interrupted => String::new(),
            Self::Internal(_) => "please report this with the command you typed".into(),
        }
    }

    /// Whether the stack and the plan were in order, and the load was not begun for want of workers.
    pub(super) const fn is_before_load(&self) -> bool {
        matches!(
            self,
            Self::MissingWorkers { .. }
                | Self::SkewedClocks { .. }
                | Self::Workers(_)
                | Self::Worker { .. }
                | Self::Interrupted
        )
    }

    /// The exit code that tells it.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Stack(error) | Self::Workers(error) => match error.exit_class() {
                ExitClass::Usage => exit::USAGE,
                ExitClass::Unreachable => exit::UNREACHABLE,
            },
            Self::Unresolved(_)
            | Self::Unreached { .. }
            | Self::NoAnswer { .. }
            | Self::MissingWorkers { .. }
            | Self::SkewedClocks { .. }
            | Self::Worker { .. } => exit::UNREACHABLE,
            Self::Tls(_)
            | Self::Plan(_)
            | Self::Target { .. }
            | Self::Storage(_)
            | Self::Export(_)
            | Self::Preflight { .. } => exit::USAGE,
            Self::Engine(_) | Self::Scraper(_) | Self::Internal(_) => exit::INTERNAL,
            Self::Interrupted => exit::INTERRUPTED,
        }
    }
}
