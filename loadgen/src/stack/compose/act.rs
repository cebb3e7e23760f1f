//! What the Docker Engine is asked to do to a container.

use bollard::errors::Error as EngineError;
use bollard::exec::StartExecOptions;
use bollard::models::{
    ContainerUpdateBody, EndpointSettings, ExecConfig, NetworkConnectRequest,
    NetworkDisconnectRequest,
};
use bollard::query_parameters::KillContainerOptionsBuilder;

use super::engine::Container;
use crate::stack::StackError;
use crate::stack::docker::Engine;

/// The time over which a CPU quota is counted, in microseconds.
const PERIOD: i64 = 100_000;
/// The smallest quota that the kernel takes.
const LEAST_QUOTA: i64 = 1_000;

/// Kills what the container's init started, so that it ends as by a crash: the engine restarts what
/// crashed, and leaves alone what it was told to kill.
const CRASH: &str = "kill -9 $(cat /proc/1/task/1/children)";

impl Engine {
    /// Kills the container's process from inside.
    pub(super) async fn crash(&self, container: &Container) -> Result<(), StackError> {
        let config = ExecConfig {
            cmd: Some(["sh", "-c", CRASH].map(str::to_owned).to_vec()),
            ..ExecConfig::default()
        };
        let action = "run a command in a container";
        let made = self.docker.create_exec(&container.id, config).await;
        let made = made.map_err(|error| self.refused(action, &error))?;
        let options = StartExecOptions {
            detach: true,
            ..StartExecOptions::default()
        };
        let started = self.docker.start_exec(&made.id, Some(options)).await;
        started
            .map(drop)
            .map_err(|error| self.refused(action, &error))
    }

    pub(super) async fn stop(&self, container: &Container) -> Result<(), StackError> {
        let stopped = self.docker.stop_container(&container.id, None).await;
        self.done("stop a container", stopped)
    }

    pub(super) async fn start(&self, container: &Container) -> Result<(), StackError> {
        let started = self.docker.start_container(&container.id, None).await;
        self.done("start a container", started)
    }

    pub(super) async fn pause(&self, container: &Container) -> Result<(), StackError> {
        let paused = self.docker.pause_container(&container.id).await;
        self.done("pause a container", paused)
    }

    pub(super) async fn go_on(&self, container: &Container) -> Result<(), StackError> {
        let unpaused = self.docker.unpause_container(&container.id).await;
        self.done("let a container go on", unpaused)
    }

    /// Tells the container's process to read its configuration again.
    pub(super) async fn reload(&self, container: &Container) -> Result<(), StackError> {
        let options = KillContainerOptionsBuilder::new().signal("HUP").build();
        let sent = self
            .docker
            .kill_container(&container.id, Some(options))
            .await;
        self.done("signal a container", sent)
    }

    /// Holds the container to so many CPUs; to none where there are none.
    pub(super) async fn throttle(
        &self,
        container: &Container,
        cpus: Option<f64>,
    ) -> Result<(), StackError> {
        let quota = cpus.map(|cpus| ((cpus * PERIOD as f64) as i64).max(LEAST_QUOTA));
        let body = ContainerUpdateBody {
            cpu_period: Some(PERIOD),
            cpu_quota: Some(quota.unwrap_or(-1)),
            ..ContainerUpdateBody::default()
        };
        let updated = self.docker.update_container(&container.id, body).await;
        self.done("change the CPU quota of a container", updated)
    }

    pub(super) async fn disconnect(
        &self,
        container: &Container,
        network: &str,
    ) -> Result<(), StackError> {
        let request = NetworkDisconnectRequest {
            container: container.id.clone(),
            force: Some(true),
        };
        let left = self.docker.disconnect_network(network, request).await;
        self.done("disconnect a container", left)
    }

    /// Connects the container again, under the names that compose gave it.
    pub(super) async fn join(
        &self,
        container: &Container,
        network: &str,
        aliases: Vec<String>,
    ) -> Result<(), StackError> {
        let request = NetworkConnectRequest {
            container: container.id.clone(),
            endpoint_config: Some(EndpointSettings {
                aliases: Some(aliases),
                ..EndpointSettings::default()
            }),
        };
        let joined = self.docker.connect_network(network, request).await;
        self.done("connect a container", joined)
    }

    fn done(&self, action: &str, outcome: Result<(), EngineError>) -> Result<(), StackError> {
        outcome.map_err(|error| self.refused(action, &error))
    }
}
