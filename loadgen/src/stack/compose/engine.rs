//! Asks the Docker Engine which of our containers there are, and in what state.

use std::collections::HashMap;
use std::net::IpAddr;

use bollard::models::{ContainerInspectResponse, ContainerSummary};
use bollard::query_parameters::{ListContainersOptionsBuilder, LogsOptionsBuilder};
use futures_util::StreamExt as _;

use crate::stack::StackError;
use crate::stack::docker::Engine;

/// The label that makes a container one of ours: `replica` or `proxy`.
const ROLE: &str = "loadgen.role";

/// How much of a container's log goes into an error.
const LOG_LINES: &str = "5";
const LOG_BYTES: usize = 2048;

/// One of our containers, running or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Container {
    pub(super) id: String,
    pub(super) labels: HashMap<String, String>,
    pub(super) image: String,
    pub(super) running: bool,
    /// For people: `Up 2 minutes (healthy)`.
    pub(super) status: String,
    pub(super) bindings: Vec<Binding>,
}

/// A port of a container that is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Binding {
    pub(super) container_port: u16,
    pub(super) address: IpAddr,
    pub(super) port: u16,
}

/// What only an inspection of a container tells.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Inspection {
    /// It does not run, or is between two lives. Newer than what the list said.
    pub(super) stopped: bool,
    pub(super) hostname: Option<String>,
    /// It stands still.
    pub(super) paused: bool,
    /// The networks that it is in.
    pub(super) networks: Vec<String>,
    /// Microseconds of CPU time that it may use in a period; 0 or less where nothing holds it.
    pub(super) cpu_quota: i64,
    /// How many CPUs its limits leave it; none where nothing holds it.
    pub(super) cpus: Option<f64>,
    pub(super) started_at: Option<String>,
    pub(super) restarts: u64,
    pub(super) health: Option<String>,
}

impl Engine {
    /// Every container that bears our label, of whatever project.
    pub(super) async fn containers(&self) -> Result<Vec<Container>, StackError> {
        let filters = HashMap::from([("label", vec![ROLE])]);
        let options = ListContainersOptionsBuilder::new()
            .all(true)
            .filters(&filters)
            .build();
        let listed = self.docker.list_containers(Some(options)).await;
        let listed = listed.map_err(|error| self.refused("list containers", &error))?;
        Ok(listed.into_iter().filter_map(Container::of).collect())
    }

    /// What only an inspection tells.
    pub(super) async fn inspect(&self, container: &Container) -> Result<Inspection, StackError> {
        let found = self.docker.inspect_container(&container.id, None).await;
        found
            .map(Inspection::of)
            .map_err(|error| self.refused("inspect a container", &error))
    }

    /// The last lines a container wrote; empty where the engine does not give them.
    pub(super) async fn last_words(&self, container: &Container) -> String {
        let options = LogsOptionsBuilder::new()
            .stdout(true)
            .stderr(true)
            .tail(LOG_LINES)
            .build();
        let mut lines = self.docker.logs(&container.id, Some(options));
        let mut words = String::new();
        while let Some(Ok(line)) = lines.next().await {
            words.push_str(&line.to_string());
            if words.len() > LOG_BYTES {
                break;
            }
        }
        words.trim().to_owned()
    }
}

impl Container {
    fn of(summary: ContainerSummary) -> Option<Self> {
        let bindings = summary.ports.unwrap_or_default();
        Some(Self {
            id: summary.id?,
            labels: summary.labels.unwrap_or_default(),
            image: summary.image.unwrap_or_default(),
            running: summary
                .state
                .is_some_and(|state| state.to_string() == "running"),
            status: summary.status.unwrap_or_default(),
            bindings: bindings
                .iter()
                .filter_map(|port| {
                    Some(Binding {
                        container_port: port.private_port,
                        address: port.ip.as_deref()?.parse().ok()?,
                        port: port.public_port?,
                    })
                })
                .collect(),
        })
    }

    pub(super) fn label(&self, name: &str) -> Option<&str> {
        self.labels.get(name).map(String::as_str)
    }

    pub(super) fn role(&self) -> Option<&str> {
        self.label(ROLE)
    }

    /// The name of a container that was given none: the first half of its short id.
    pub(super) fn short_id(&self) -> &str {
        self.id.get(..12).unwrap_or(&self.id)
    }
}

impl Inspection {
    fn of(found: ContainerInspectResponse) -> Self {
        let state = found.state.unwrap_or_default();
        let networks = found
            .network_settings
            .and_then(|settings| settings.networks);
        let networks = networks.unwrap_or_default();
        let limits = found.host_config.unwrap_or_default();
        let health = state.health.and_then(|health| health.status);
        // A container that waits to be restarted counts as running, too.
        let runs = state.running == Some(true) && state.restarting != Some(true);
        Self {
            stopped: !runs,
            paused: state.paused == Some(true),
            networks: networks.into_keys().collect(),
            cpu_quota: limits.cpu_quota.unwrap_or(0),
            cpus: Self::cpus_of(&limits),
            hostname: found.config.and_then(|config| config.hostname),
            started_at: state.started_at,
            restarts: found
                .restart_count
                .and_then(|count| count.try_into().ok())
                .unwrap_or(0),
            health: health
                .map(|health| health.to_string())
                .filter(|health| !health.is_empty() && health != "none"),
        }
    }
}
