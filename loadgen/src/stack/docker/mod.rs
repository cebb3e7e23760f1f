//! The Docker Engine: found where every Docker tool looks, and asked over a bounded `line`.

mod line;

use std::env;
use std::io;
use std::path::Path;
use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error as EngineError;
use hyper::body::Incoming;

use super::StackError;
pub(super) use line::reason;

/// Where every Docker tool looks first.
const SYSTEM_SOCKET: &str = "/var/run/docker.sock";

/// How long an engine may take to answer when it was asked for by name.
pub(super) const ENGINE_LIMIT: Duration = Duration::from_secs(5);

/// A Docker Engine that has answered.
pub(super) struct Engine {
    pub(in crate::stack) docker: Docker,
    address: String,
}

impl Engine {
    /// Reaches the engine at `address`, or the one every Docker tool would take.
    pub(super) async fn connect(
        address: Option<&str>,
        within: Duration,
    ) -> Result<Self, StackError> {
        let address = address.map_or_else(usual_address, ToOwned::to_owned);
        let engine = async {
            knock(&address).await?;
            let docker = line::client(&address);
            let docker = docker.map_err(|error| unusable(&address, &error.to_string()))?;
            // 20.10 refuses a client that asks for a newer version than its own.
            let docker = docker.negotiate_version().await;
            docker.map_err(|error| not_running(&address, &error))
        };
        match tokio::time::timeout(within, engine).await {
            Ok(docker) => Ok(Self {
                docker: docker?,
                address,
            }),
            Err(_) => Err(not_running(
                &address,
                &format!("no answer within {within:?}"),
            )),
        }
    }

    /// The engine's address, for people.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// The address that published ports are reached at.
    pub(super) fn host(&self) -> &str {
        line::authority(&self.address)
            .and_then(|authority| authority.rsplit_once(':'))
            .map_or("127.0.0.1", |(host, _port)| host)
    }

    /// An answer that goes on, to be read as it comes.
    pub(super) async fn stream(&self, path: &str, action: &str) -> Result<Incoming, StackError> {
        let answer = line::stream(&self.address, path).await;
        let answer = answer.map_err(|error| self.refused(action, &error))?;
        if answer.status().is_success() {
            return Ok(answer.into_body());
        }
        Err(StackError::Engine {
            action: action.to_owned(),
            reason: format!("it answers {}", answer.status()),
        })
    }

    pub(super) fn refused(&self, action: &str, error: &EngineError) -> StackError {
        match error {
            EngineError::DockerResponseServerError { message, .. } => StackError::Engine {
                action: action.to_owned(),
                reason: message.clone(),
            },
            EngineError::RequestTimeoutError => not_running(&self.address, error),
            other => StackError::Engine {
                action: action.to_owned(),
                reason: reason(other),
            },
        }
    }
}

/// `DOCKER_HOST`, the system's socket, or that of a rootless engine.
fn usual_address() -> String {
    if let Ok(address) = env::var("DOCKER_HOST")
        && !address.is_empty()
    {
        return address;
    }
    let rootless = env::var("XDG_RUNTIME_DIR").map(|folder| format!("{folder}/docker.sock"));
    match rootless {
        Ok(socket) if !Path::new(SYSTEM_SOCKET).exists() && Path::new(&socket).exists() => {
            format!("unix://{socket}")
        }
        _ => format!("unix://{SYSTEM_SOCKET}"),
    }
}

/// Connects once, because the client's own errors do not tell a missing permission apart.
async fn knock(address: &str) -> Result<(), StackError> {
    if !address.starts_with("unix://") && line::authority(address).is_none() {
        return Err(unusable(address, "only unix:// and tcp:// are supported"));
    }
    let knocked = line::connect(address).await.map(drop);
    knocked.map_err(|error| unanswered(address, &error))
}

fn unanswered(address: &str, error: &io::Error) -> StackError {
    match error.kind() {
        io::ErrorKind::PermissionDenied => StackError::EnginePermission {
            address: address.to_owned(),
        },
        io::ErrorKind::NotFound => not_running(address, &"there is no such socket"),
        _ => not_running(address, error),
    }
}

fn unusable(address: &str, reason: &str) -> StackError {
    StackError::BadUrl {
        what: "the Docker Engine's address",
        url: address.to_owned(),
        reason: reason.to_owned(),
    }
}

fn not_running(address: &str, reason: &dyn std::fmt::Display) -> StackError {
    StackError::EngineNotRunning {
        address: address.to_owned(),
        reason: reason.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_permission_is_not_taken_for_an_engine_that_does_not_run() {
        let refused = unanswered("unix:///s", &io::ErrorKind::PermissionDenied.into());
        assert_eq!(
            refused.to_string(),
            "no permission to use the Docker Engine at unix:///s"
        );
        assert!(refused.hint().is_some_and(|hint| hint.contains("usermod")));
    }
}
