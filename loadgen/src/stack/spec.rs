//! What is asked of this room: which stack, with which groups, and where to look for it.

use std::path::PathBuf;
use std::time::Duration;

use crate::model::{EmbeddedSpec, NameSource, StackChoice};

/// Replicas per group where nobody says how many.
pub const DEFAULT_REPLICAS: u32 = 2;

/// Everything [`bring_up`](super::bring_up) has to know.
#[derive(Clone, Debug)]
pub struct StackSpec {
    pub choice: StackChoice,
    /// The host groups that will be loaded; empty means every group the stack has.
    pub groups: Vec<String>,
    /// Replicas per group, for stacks that loadgen starts; `None` leaves it to the stack.
    pub replicas: Option<u32>,
    /// How an answer names its replica.
    pub name_source: NameSource,
    pub timeouts: Timeouts,
    pub embedded: EmbeddedOptions,
    pub project: Project,
    /// The Docker Engine to ask; `None` is the one every Docker tool would take.
    pub engine: Option<String>,
    /// Gets the compose tool's output, line by line, while it works.
    pub output: Option<fn(&str)>,
}

impl StackSpec {
    /// A stack with nothing said about it but its kind.
    pub fn new(choice: StackChoice) -> Self {
        Self {
            choice,
            groups: Vec::new(),
            replicas: None,
            name_source: NameSource::Body,
            timeouts: Timeouts::default(),
            embedded: EmbeddedOptions::default(),
            project: Project::here(),
            engine: None,
            output: None,
        }
    }

    pub(super) fn n_replicas(&self) -> u32 {
        self.replicas.unwrap_or(DEFAULT_REPLICAS)
    }
}

/// How long the steps of bringing a stack up may take.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// All of asking the Docker Engine what runs, before `auto` takes the embedded stack.
    pub engine: Duration,
    /// A connection to be made, or a name to be resolved.
    pub connect: Duration,
    /// An answer to a probe.
    pub probe: Duration,
    /// An embedded child to say that it listens.
    pub child: Duration,
    /// Containers to become healthy once the compose tool has started them.
    pub healthy: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            engine: Duration::from_millis(300),
            connect: Duration::from_secs(2),
            probe: Duration::from_secs(2),
            child: Duration::from_secs(5),
            healthy: Duration::from_secs(60),
        }
    }
}

/// How an embedded stack is started.
#[derive(Clone, Debug)]
pub struct EmbeddedOptions {
    /// The groups that can be asked for.
    pub groups: Vec<String>,
    /// The program that has [`child_main`](super::child_main); `None` is this program.
    pub program: Option<PathBuf>,
    /// How its proxy picks a replica, and flags for its replicas.
    pub spec: EmbeddedSpec,
    /// How long the proxy waits for a replica's answer before it says 504.
    pub upstream_timeout: Duration,
}

impl Default for EmbeddedOptions {
    fn default() -> Self {
        Self {
            groups: vec!["app-group-1".to_owned(), "app-group-2".to_owned()],
            program: None,
            spec: EmbeddedSpec::default(),
            upstream_timeout: Duration::from_secs(30),
        }
    }
}

/// Where the compose project is.
#[derive(Clone, Debug)]
pub struct Project {
    /// The folder with `docker-compose.yml`.
    pub directory: PathBuf,
    /// Its name, where several run; `None` takes the one that was started in `directory`.
    pub name: Option<String>,
    /// What `docker-compose.yml` lets be set from outside, such as `HTTP_PORT`.
    pub variables: Vec<(String, String)>,
    /// The compose files it is made of; none takes the folder's own.
    pub files: Vec<String>,
}

impl Default for Project {
    fn default() -> Self {
        Self {
            directory: PathBuf::from("."),
            name: None,
            variables: Vec::new(),
            files: Vec::new(),
        }
    }
}

impl Project {
    /// Its files; none where one of them is not to be had here.
    #[must_use]
    pub fn files_there(&self) -> &[String] {
        let mut files = self.files.iter();
        if files.all(|file| std::path::Path::new(file).is_file()) {
            &self.files
        } else {
            &[]
        }
    }

    /// The project in this folder, or the one that `COMPOSE_PROJECT_NAME` names.
    pub fn here() -> Self {
        Self {
            name: std::env::var("COMPOSE_PROJECT_NAME")
                .ok()
                .filter(|name| !name.is_empty()),
            ..Self::default()
        }
    }
}
