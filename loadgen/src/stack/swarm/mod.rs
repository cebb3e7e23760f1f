//! Docker Swarm: workers as the tasks of a replicated job, which every Docker can run.
//!
//! # Layout
//! [`Swarm`] is a manager of one; [`Swarm::start`] makes a job by `service`, and [`Crew`] is what has
//! become of it: its [`Task`]s, what they print ([`Log`]), and its end.
//!
//! **Invariant:** everything that is made bears the label `loadgen.run`, and [`Swarm::clear`] removes
//! what bears it. No image is fetched: the engine takes those that its machines have.

mod log;
mod service;
mod task;

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bollard::models::Service;
use bollard::query_parameters::{
    ListConfigsOptionsBuilder, ListSecretsOptionsBuilder, ListServicesOptionsBuilder,
    ListTasksOptionsBuilder, UpdateServiceOptionsBuilder,
};

pub use log::{Log, Piece, Source};
pub use service::{Assignment, MOST_FILE, Shipped};
pub use task::{Node, Task, TaskPhase};

use super::StackError;
use super::docker::{ENGINE_LIMIT, Engine, reason};

/// The label of everything that belongs to a run.
const RUN: &str = "loadgen.run";
/// The labels of a service: how many workers it has, and by when all of them have ended by themselves,
/// in seconds since 1970.
const WORKERS: &str = "loadgen.workers";
const UNTIL: &str = "loadgen.until";

/// A Swarm, by one of its managers.
pub struct Swarm {
    engine: Engine,
}

/// The workers of a run: a service, and what it was given.
pub struct Crew {
    swarm: Swarm,
    /// The service's name.
    name: String,
}

/// A run whose workers' service there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remains {
    /// The run's name in frames.
    pub run: String,
    /// How many workers it had.
    pub workers: u32,
    /// By when they have ended by themselves, in seconds since 1970.
    pub until: u64,
    service: String,
    /// The engine's names of the files that they were given.
    files: Vec<String>,
}

impl Swarm {
    /// Reaches the engine that every Docker tool would take, which has to manage a Swarm.
    pub async fn reach() -> Result<Self, StackError> {
        let engine = Engine::connect(None, ENGINE_LIMIT).await?;
        let info = engine.docker.info().await;
        let info = info.map_err(|error| engine.refused("tell about itself", &error))?;
        let manages = info.swarm.and_then(|swarm| swarm.control_available);
        if manages != Some(true) {
            return Err(StackError::NoSwarm {
                address: engine.address().to_owned(),
            });
        }
        Ok(Self { engine })
    }

    /// Refuses an image that the manager's engine does not have: nothing is fetched for a worker.
    pub async fn check_image(&self, image: &str) -> Result<(), StackError> {
        let found = self.engine.docker.inspect_image(image).await;
        found.map(drop).map_err(|error| StackError::NoWorkerImage {
            image: image.to_owned(),
            reason: reason(&error),
        })
    }

    /// Starts a run's workers. What was made of them is removed where they cannot be started.
    pub async fn start(self, assignment: &Assignment) -> Result<Crew, StackError> {
        let nodes = self.nodes().await?;
        let ready = nodes.iter().filter(|node| node.takes_tasks).count() as u64;
        let name = service::name_of(&assignment.run);
        let started = self.start_service(assignment, &name, ready).await;
        if started.is_err() {
            // The first error is the one to tell of.
            let _ = self.clear(&assignment.run).await;
        }
        started.map(|()| Crew { swarm: self, name })
    }

    async fn start_service(
        &self,
        assignment: &Assignment,
        name: &str,
        nodes: u64,
    ) -> Result<(), StackError> {
        let mut configs = Vec::new();
        let mut secrets = Vec::new();
        for (n, file) in assignment.files.iter().enumerate() {
            file.check()?;
            let name = format!("{name}-{n}");
            if file.is_secret {
                let made = self
                    .engine
                    .docker
                    .create_secret(file.secret(&name, &assignment.run));
                let made = made.await;
                let made = made.map_err(|error| self.engine.refused("make a secret", &error))?;
                secrets.push(file.secret_at(&name, made.id));
            } else {
                let made = self
                    .engine
                    .docker
                    .create_config(file.config(&name, &assignment.run));
                let made = made.await;
                let made = made.map_err(|error| self.engine.refused("make a config", &error))?;
                configs.push(file.config_at(&name, made.id));
            }
        }
        let job = service::job(assignment, name, nodes, configs, secrets);
        let made = self.engine.docker.create_service(job, None).await;
        made.map(drop)
            .map_err(|error| self.engine.refused("start the workers' service", &error))
    }

    /// Every run whose workers' service there is.
    pub async fn remains(&self) -> Result<Vec<Remains>, StackError> {
        let filters = HashMap::from([("label", vec![RUN])]);
        let options = ListServicesOptionsBuilder::new().filters(&filters).build();
        let services = self.engine.docker.list_services(Some(options)).await;
        let services = services.map_err(|error| self.engine.refused("list services", &error))?;
        Ok(services.into_iter().filter_map(Remains::of).collect())
    }

    /// The workers of a run whose launcher is gone.
    pub fn take_over(self, remains: &Remains) -> Crew {
        Crew {
            swarm: self,
            name: remains.service.clone(),
        }
    }

    /// The first of the files that a run's workers were given.
    pub async fn first_file(&self, remains: &Remains) -> Result<Vec<u8>, StackError> {
        let action = "tell what the workers were given";
        let lost = |reason: String| StackError::Engine {
            action: action.to_owned(),
            reason,
        };
        let id = remains.files.first();
        let id = id.ok_or_else(|| lost("its service names no config".into()))?;
        let config = self.engine.docker.inspect_config(id).await;
        let config = config.map_err(|error| self.engine.refused(action, &error))?;
        let data = config.spec.and_then(|spec| spec.data).unwrap_or_default();
        STANDARD
            .decode(data)
            .map_err(|error| lost(error.to_string()))
    }

    /// The machines.
    pub async fn nodes(&self) -> Result<Vec<Node>, StackError> {
        let nodes = self.engine.docker.list_nodes(None).await;
        let nodes = nodes.map_err(|error| self.engine.refused("list the Swarm's nodes", &error))?;
        Ok(nodes.into_iter().filter_map(Node::of).collect())
    }

    /// Removes the workers of a run, and all that belongs to it.
    pub async fn clear(&self, run: &str) -> Result<(), StackError> {
        let label = format!("{RUN}={run}");
        let filters = HashMap::from([("label", vec![label.as_str()])]);
        let docker = &self.engine.docker;
        for one in self.remains().await?.iter().filter(|one| one.run == run) {
            self.empty(&one.service).await?;
            let removed = docker.delete_service(&one.service).await;
            removed.map_err(|error| self.engine.refused("remove a service", &error))?;
        }
        let options = ListConfigsOptionsBuilder::new().filters(&filters).build();
        let configs = docker.list_configs(Some(options)).await;
        let configs = configs.map_err(|error| self.engine.refused("list configs", &error))?;
        for id in configs.into_iter().filter_map(|config| config.id) {
            let removed = docker.delete_config(&id).await;
            removed.map_err(|error| self.engine.refused("remove a config", &error))?;
        }
        let options = ListSecretsOptionsBuilder::new().filters(&filters).build();
        let secrets = docker.list_secrets(Some(options)).await;
        let secrets = secrets.map_err(|error| self.engine.refused("list secrets", &error))?;
        for id in secrets.into_iter().filter_map(|secret| secret.id) {
            let removed = docker.delete_secret(&id).await;
            removed.map_err(|error| self.engine.refused("remove a secret", &error))?;
        }
        Ok(())
    }

    /// Asks all tasks of a job to end, by a new round of it with none: an engine that is told to remove
    /// a job leaves its tasks running (20.10 does), and forgets what they print.
    async fn empty(&self, name: &str) -> Result<(), StackError> {
        let found = self.engine.docker.inspect_service(name, None).await;
        let found = found.map_err(|error| self.engine.refused("inspect a service", &error))?;
        let version = found.version.and_then(|version| version.index);
        let (Some(spec), Some(version)) = (found.spec, version) else {
            return Ok(());
        };
        let options = UpdateServiceOptionsBuilder::new()
            .version(i32::try_from(version).unwrap_or(i32::MAX))
            .build();
        let updated =
            self.engine
                .docker
                .update_service(name, service::emptied(spec), options, None);
        updated
            .await
            .map(drop)
            .map_err(|error| self.engine.refused("end the workers", &error))
    }
}

impl Crew {
    /// The workers' tasks, also those that were started again.
    pub async fn tasks(&self) -> Result<Vec<Task>, StackError> {
        let engine = &self.swarm.engine;
        let filters = HashMap::from([("service", vec![self.name.as_str()])]);
        let options = ListTasksOptionsBuilder::new().filters(&filters).build();
        let tasks = engine.docker.list_tasks(Some(options)).await;
        let tasks = tasks.map_err(|error| engine.refused("list the workers", &error))?;
        Ok(tasks.into_iter().filter_map(Task::of).collect())
    }

    /// The Swarm's machines.
    pub async fn nodes(&self) -> Result<Vec<Node>, StackError> {
        self.swarm.nodes().await
    }

    /// What a task prints, from its beginning; to its end where it is to be followed.
    pub async fn log(&self, task: &str, is_followed: bool) -> Result<Log, StackError> {
        Log::open(&self.swarm.engine, task, is_followed).await
    }

    /// Asks the workers to end. What they still say can be followed.
    pub async fn let_go(&self) -> Result<(), StackError> {
        self.swarm.empty(&self.name).await
    }

    /// Ends the workers, and removes all that belongs to their run.
    pub async fn remove(&self, run: &str) -> Result<(), StackError> {
        self.swarm.clear(run).await
    }
}

impl Remains {
    fn of(service: Service) -> Option<Self> {
        let spec = service.spec?;
        let labels = spec.labels?;
        let container = spec.task_template.and_then(|task| task.container_spec);
        let configs = container.and_then(|container| container.configs);
        let files = configs
            .into_iter()
            .flatten()
            .filter_map(|file| file.config_id);
        Some(Self {
            run: labels.get(RUN)?.clone(),
            workers: labels.get(WORKERS)?.parse().ok()?,
            until: labels.get(UNTIL)?.parse().ok()?,
            service: spec.name?,
            files: files.collect(),
        })
    }
}
