//! Why there is no stack: what was tried, on what, what came back, and what may help.

use std::time::Duration;

/// Why a stack could not be brought up, found or taken down.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// A host group that the stack does not have.
    #[error("unknown host group {group}; this stack has {}", list(known))]
    UnknownGroup {
        /// The group asked for.
        group: String,
        /// The groups there are.
        known: Vec<String>,
    },
    /// An option for the stack that means nothing.
    #[error("`{argument}`: {reason}")]
    BadArgument {
        /// As it was typed.
        argument: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A target, page or engine address that cannot be used.
    #[error("{what} {url}: {reason}")]
    BadUrl {
        /// What it is the address of.
        what: &'static str,
        /// As it was typed.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A name without an address.
    #[error("cannot resolve {host}: {reason}")]
    Unresolved {
        host: String,
        /// The resolver's words.
        reason: String,
    },
    /// No Docker Engine behind its address.
    #[error("no Docker Engine answers at {address}: {reason}")]
    EngineNotRunning {
        /// The engine's address.
        address: String,
        /// Why the connection failed.
        reason: String,
    },
    /// A Docker Engine that this user may not ask.
    #[error("no permission to use the Docker Engine at {address}")]
    EnginePermission {
        /// The engine's address.
        address: String,
    },
    /// A Docker Engine that answers with an error.
    #[error("the Docker Engine could not {action}: {reason}")]
    Engine {
        /// What was asked of it.
        action: String,
        reason: String,
    },
    /// An engine that manages no Swarm.
    #[error("the Docker Engine at {address} manages no Swarm")]
    NoSwarm {
        /// The engine's address.
        address: String,
    },
    /// An image for workers that the engine does not have.
    #[error("the image {image} for the workers: {reason}")]
    NoWorkerImage { image: String, reason: String },
    /// A file that a Swarm cannot give to its tasks.
    #[error("{file} has {bytes} bytes, and a Swarm gives its tasks files of at most {most}")]
    TooLargeForSwarm {
        file: String,
        bytes: usize,
        most: usize,
    },
    /// Neither `docker compose` nor `docker-compose`.
    #[error("neither `docker compose` nor `docker-compose` is installed")]
    ComposeMissing,
    /// A folder that is no compose project.
    #[error("{directory} has no docker-compose.yml")]
    NoComposeFile { directory: String },
    /// An image that could not be built or fetched.
    #[error("`{command}` could not build the images:\n{tail}")]
    BuildFailed { command: String, tail: String },
    /// A compose command that failed otherwise.
    #[error("`{command}` failed ({status}):\n{tail}")]
    ComposeFailed {
        command: String,
        status: String,
        tail: String,
    },
    /// A port of this machine that somebody else holds.
    #[error("port {port} of this machine is already held by {}", holder.as_deref().unwrap_or("another program"))]
    PortHeld {
        port: u16,
        /// A compose project, where the Docker Engine knows it.
        holder: Option<String>,
    },
    /// A published range with no port left.
    #[error("every port of the replicas' published range is held")]
    PortsExhausted,
    /// More than one running project to choose from.
    #[error("several compose projects are running: {}", list(projects))]
    SeveralProjects {
        /// Their names and folders.
        projects: Vec<String>,
    },
    /// A compose project without the container or port that is needed.
    #[error("compose project {project} {lack}")]
    Incomplete {
        project: String,
        /// What it lacks, as a predicate: `has no running proxy`.
        lack: String,
    },
    /// A replica or proxy that did not start in time.
    #[error("{name} did not become ready within {waited:?}: {reason}")]
    NotReady {
        name: String,
        /// How long it was waited for.
        waited: Duration,
        /// The end of what it wrote to standard error, or its state.
        reason: String,
    },
    /// A child that could not be started, or that ended before it was ready.
    #[error("{name} could not be started: {reason}")]
    NotStarted {
        name: String,
        /// The kernel's words, or the end of what it wrote to standard error.
        reason: String,
    },
    /// Something that an event was to do to a part of the stack.
    #[error("{whom}: {reason}")]
    Event { whom: String, reason: String },
}

/// Which row of the table of exit codes an error belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitClass {
    /// What was asked for cannot be done by any machine: 2.
    Usage,
    /// The stack or the target could not be reached: 3.
    Unreachable,
}

impl StackError {
    /// An address that cannot be used; a password in it is not told.
    pub(super) fn bad_url(what: &'static str, url: &str, reason: String) -> Self {
        Self::BadUrl {
            what,
            url: crate::model::masked(url),
            reason,
        }
    }

    /// Which row of the table of exit codes this belongs to.
    pub const fn exit_class(&self) -> ExitClass {
        match self {
            Self::UnknownGroup { .. }
            | Self::BadArgument { .. }
            | Self::BadUrl { .. }
            | Self::TooLargeForSwarm { .. } => ExitClass::Usage,
            _ => ExitClass::Unreachable,
        }
    }

    const fn hint_of_swarm(&self) -> &'static str {
        match self {
            Self::NoSwarm { .. } => {
                "`docker swarm init` makes one of this engine, or set DOCKER_HOST to a manager's; \
                 --engine local needs none"
            }
            Self::NoWorkerImage { .. } => {
                "make it in the repository's folder, `docker build --target loadgen -t loadgen .`, and bring \
                 it to every machine of the Swarm, or name another one by --worker-image"
            }
            _ => {
                "make it smaller, or put it on every machine and start `loadgen worker` there by hand \
                 (docs/machines.md)"
            }
        }
    }

    /// What may help, as one or two sentences.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::UnknownGroup { known, .. } => {
                format!(
                    "give --host one of {}, or leave it out to load every group",
                    list(known)
                )
            }
            Self::BadArgument { .. } => return None,
            Self::BadUrl { .. } => "write it as http://HOST:PORT, or a target that is a unix socket as unix:/path/to.sock".into(),
            Self::Unresolved { .. } => {
                "check the spelling, or give an address instead of the name".into()
            }
            Self::EngineNotRunning { .. } => {
                "start it (`systemctl start docker`), set DOCKER_HOST to where it is, \
                 or use --stack embedded, which needs no Docker"
                    .into()
            }
            Self::EnginePermission { .. } => {
                "add yourself to the group that owns the socket (`sudo usermod -aG docker $USER`, \
                 then log in again), or use --stack embedded"
                    .into()
            }
            Self::Engine { .. } => {
                "`docker info` and the engine's log say more; --stack embedded needs no Docker"
                    .into()
            }
            Self::NoSwarm { .. } | Self::NoWorkerImage { .. } | Self::TooLargeForSwarm { .. } => {
                self.hint_of_swarm().into()
            }
            Self::ComposeMissing => {
                "install the compose plugin (https://docs.docker.com/compose/install/), \
                 or use --stack embedded"
                    .into()
            }
            Self::NoComposeFile { .. } => {
                "run loadgen in the repository's folder, or use --stack embedded".into()
            }
            Self::BuildFailed { .. } => {
                "where no registry answers, make the base images first: .ci/base-images".into()
            }
            Self::ComposeFailed { .. } => {
                "run the command by hand in the project's folder to see all of its output".into()
            }
            Self::PortHeld {
                holder: Some(_), ..
            } => "`loadgen down` in its folder ends it; or take free ports here: \
                 HTTP_PORT= STATUS_PORT= METRICS_PORTS= loadgen up"
                .into(),
            Self::PortHeld { port, holder: None } => format!(
                "`ss -ltnp 'sport = :{port}'` shows who holds it; stop that, or choose another with \
                 HTTP_PORT, STATUS_PORT or METRICS_PORTS"
            ),
            Self::PortsExhausted => {
                "give the replicas a wider range with METRICS_PORTS, such as 9101-9400".into()
            }
            Self::SeveralProjects { .. } => {
                "run loadgen in the folder of the one that is meant, set COMPOSE_PROJECT_NAME, \
                 or stop the others"
                    .into()
            }
            Self::Incomplete { .. } => {
                "`loadgen ps` shows what runs; `loadgen up` starts the rest".into()
            }
            Self::NotReady { .. } => {
                "the machine may be overloaded; for containers `docker compose logs` says more"
                    .into()
            }
            Self::NotStarted { .. } => {
                "check the limits on processes and descriptors (`ulimit -a`)".into()
            }
            Self::Event { .. } => "`loadgen ps` shows what runs".into(),
        })
    }
}

fn list(names: &[String]) -> String {
    match names {
        [] => "none".to_owned(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_group_is_told_which_groups_there_are() {
        let error = StackError::UnknownGroup {
            group: "app".into(),
            known: vec!["a".into(), "b".into(), "c".into()],
        };
        assert_eq!(
            error.to_string(),
            "unknown host group app; this stack has a, b and c"
        );
        assert_eq!(error.exit_class(), ExitClass::Usage);
    }

    #[test]
    fn a_held_port_is_named_in_message_and_hint() {
        let error = StackError::PortHeld {
            port: 80,
            holder: None,
        };
        assert!(error.to_string().contains("port 80 "), "{error}");
        assert!(error.hint().unwrap().contains(":80"), "{error}");
        assert_eq!(error.exit_class(), ExitClass::Unreachable);
        let error = StackError::PortHeld {
            port: 80,
            holder: Some("compose project shop (/srv/shop)".into()),
        };
        assert!(
            error.to_string().contains("by compose project shop"),
            "{error}"
        );
        assert!(error.hint().unwrap().contains("HTTP_PORT="), "{error}");
    }
}
