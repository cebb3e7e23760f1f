//! The stack of containers: found by label, brought up and taken down by the compose tool.
//!
//! # Layout
//! `engine` asks the Docker Engine for containers, `discover` makes a topology of its answers, `tool` runs
//! compose; `deeds` is what events do, by `act`; `cpu` reads what the containers used.
//! **Invariant:** no port is remembered from one run to the next; the engine gives
//! another one at each start of a container.

mod act;
mod cpu;
mod deeds;
mod discover;
mod engine;
mod tool;

use std::time::Duration;

use futures_util::future::try_join_all;
use tokio::time::Instant;

use self::deeds::Changed;
use self::discover::Found;
use self::engine::{Container, Inspection};
use self::tool::{Scene, Tool};
use super::StackError;
use super::docker::{ENGINE_LIMIT, Engine};
use super::spec::{Project, StackSpec};
use crate::model::ReplicaStatus;
use crate::model::Topology;

/// How long to wait between two looks at containers that become healthy.
const PAUSE: Duration = Duration::from_millis(250);

/// A compose stack that runs.
pub(super) struct Compose {
    engine: Engine,
    project: Project,
    changed: Changed,
    /// What instants of readings count from.
    opened: Instant,
}

/// What `auto` learns from the Docker Engine.
pub(super) enum Look {
    /// This project's stack runs.
    Running(Box<(Compose, Topology)>),
    /// It does not; a clause that says why.
    Absent(String),
    /// Several run, and none of them is this project's: nobody knows which is meant.
    Several(StackError),
}

/// Looks for a running stack, within the time that `auto` has for it.
pub(super) async fn look(spec: &StackSpec) -> Look {
    let within = spec.timeouts.engine;
    match tokio::time::timeout(within, try_look(spec)).await {
        Ok(Ok(look)) => look,
        Ok(Err(error @ StackError::SeveralProjects { .. })) => Look::Several(error),
        Ok(Err(error)) => Look::Absent(error.to_string()),
        Err(_) => Look::Absent(format!("the Docker Engine took longer than {within:?}")),
    }
}

async fn try_look(spec: &StackSpec) -> Result<Look, StackError> {
    let engine = Engine::connect(spec.engine.as_deref(), spec.timeouts.engine).await?;
    let found = discover::choose(engine.containers().await?, &spec.project)?;
    let Some(found) = found.filter(Found::is_up) else {
        return Ok(Look::Absent(
            "no compose stack of this project is running".to_owned(),
        ));
    };
    let compose = Compose::over(engine, spec);
    let topology = compose.describe(&found, "is running").await?;
    Ok(Look::Running(Box::new((compose, topology))))
}

/// Whether a compose stack could be brought up: an engine answers and a project is here.
pub(super) async fn possible(spec: &StackSpec) -> bool {
    let within = spec.timeouts.engine;
    tool::has_compose_file(&spec.project.directory)
        && Engine::connect(spec.engine.as_deref(), within)
            .await
            .is_ok()
}

/// The running stack, brought up first if it does not run.
pub(super) async fn start(spec: &StackSpec) -> Result<(Compose, Topology), StackError> {
    let engine = Engine::connect(spec.engine.as_deref(), ENGINE_LIMIT).await?;
    let compose = Compose::over(engine, spec);
    match compose.find().await?.filter(Found::is_up) {
        Some(_) => {
            let found = compose.settled(spec.timeouts.healthy, false).await?;
            let topology = compose.describe(&found, "is running").await?;
            Ok((compose, topology))
        }
        None => up(spec).await,
    }
}

/// Brings the stack up, builds what has changed, and starts as many replicas as are spec.
pub(super) async fn up(spec: &StackSpec) -> Result<(Compose, Topology), StackError> {
    let engine = Engine::connect(spec.engine.as_deref(), ENGINE_LIMIT).await?;
    let compose = Compose::over(engine, spec);
    let tool = Tool::find().await?;
    if let Some(found) = compose.find().await?
        && compose.repair(&found).await?
    {
        // What stood still is unhealthy until it is asked again, and the tool would give up at that;
        // where it stays so, the tool says it.
        let _ = compose.settled(spec.timeouts.healthy, false).await;
    }
    let scene = compose.scene(spec);
    let before = engine_has(&compose).await;
    if let Err(error) = tool.run(&scene, tool.up()).await {
        let error = compose.explain(error).await;
        if !before && engine_has(&compose).await {
            // What could not be brought up whole leaves nothing behind.
            let _ = tool.run(&scene, &["down"]).await;
        }
        return Err(error);
    }
    let mut found = compose.settled(spec.timeouts.healthy, true).await?;
    if let Some(n_replicas) = spec.replicas {
        let scale = found.scale();
        if scale.values().any(|running| *running != n_replicas) {
            let mut words: Vec<String> = ["up", "-d", "--no-build", "--no-recreate"]
                .map(ToOwned::to_owned)
                .into();
            for service in scale.keys() {
                words.push("--scale".to_owned());
                words.push(format!("{service}={n_replicas}"));
            }
            tool.run(&scene, &words).await?;
            found = compose.settled(spec.timeouts.healthy, true).await?;
        }
    }
    let topology = compose.describe(&found, "was brought up").await?;
    Ok((compose, topology))
}

/// Whether the project has any container.
async fn engine_has(compose: &Compose) -> bool {
    let containers = compose.engine.containers().await.unwrap_or_default();
    discover::has_containers(&containers, &compose.project)
}

/// Removes the stack's containers and its network; says what it removed, if anything.
pub(super) async fn down(spec: &StackSpec) -> Result<Option<String>, StackError> {
    let engine = Engine::connect(spec.engine.as_deref(), ENGINE_LIMIT).await?;
    let compose = Compose::over(engine, spec);
    let Some(found) = compose.find().await? else {
        return Ok(None);
    };
    // A container that stands still cannot be stopped.
    compose.repair(&found).await?;
    let project = found.project(&spec.project);
    let scene = Scene {
        project: &project,
        ..compose.scene(spec)
    };
    Tool::find().await?.run(&scene, &["down"]).await?;
    Ok(Some(found.project))
}

/// Every replica of the stack, running or not.
pub(super) async fn ps(spec: &StackSpec) -> Result<Vec<ReplicaStatus>, StackError> {
    let engine = Engine::connect(spec.engine.as_deref(), ENGINE_LIMIT).await?;
    let compose = Compose::over(engine, spec);
    match compose.find().await? {
        Some(found) => compose.statuses_of(&found).await,
        None => Ok(Vec::new()),
    }
}

impl Compose {
    fn over(engine: Engine, spec: &StackSpec) -> Self {
        Self {
            engine,
            project: spec.project.clone(),
            changed: Changed::default(),
            opened: Instant::now(),
        }
    }

    /// What every command of the compose tool is about.
    fn scene<'a>(&'a self, spec: &'a StackSpec) -> Scene<'a> {
        Scene {
            project: &self.project,
            engine: self.engine.address(),
            output: spec.output,
        }
    }

    /// What has become of each replica.
    pub(super) async fn statuses(&self) -> Result<Vec<ReplicaStatus>, StackError> {
        match self.find().await? {
            Some(found) => self.statuses_of(&found).await,
            None => Ok(Vec::new()),
        }
    }

    /// The replicas and ports as they are now: a restarted container has another port.
    pub(super) async fn refresh(&self, topology: &mut Topology) -> Result<(), StackError> {
        let Some(found) = self.find().await? else {
            return Err(StackError::Incomplete {
                project: self.project.directory.display().to_string(),
                lack: "is gone".to_owned(),
            });
        };
        let inspections = self.inspect(&found.replicas).await?;
        let why = topology.why.clone();
        *topology = discover::topology(&found, &inspections, self.engine.host(), why)?;
        Ok(())
    }

    async fn find(&self) -> Result<Option<Found>, StackError> {
        discover::choose(self.engine.containers().await?, &self.project)
    }

    async fn statuses_of(&self, found: &Found) -> Result<Vec<ReplicaStatus>, StackError> {
        let inspections = self.inspect(&found.replicas).await?;
        Ok(discover::statuses(found, &inspections, self.engine.host()))
    }

    async fn inspect(&self, containers: &[Container]) -> Result<Vec<Inspection>, StackError> {
        try_join_all(containers.iter().map(|one| self.engine.inspect(one))).await
    }

    async fn describe(&self, found: &Found, how: &str) -> Result<Topology, StackError> {
        let inspections = self.inspect(&found.replicas).await?;
        let n_running = found.replicas.iter().filter(|one| one.running).count();
        let why = format!(
            "compose stack: project {} {how} with {n_running} replicas",
            found.project
        );
        discover::topology(found, &inspections, self.engine.host(), why)
    }

    /// Waits until every container that runs is healthy; with `all`, until all of them run.
    async fn settled(&self, within: Duration, all: bool) -> Result<Found, StackError> {
        let since = Instant::now();
        loop {
            let found = self.find().await?.ok_or_else(|| StackError::Incomplete {
                project: self.project.directory.display().to_string(),
                lack: "has no container with our labels".to_owned(),
            })?;
            let Some(waiting) = self.not_ready(&found, all).await? else {
                return Ok(found);
            };
            if since.elapsed() > within {
                return Err(self.not_ready_error(waiting, within).await);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// A container that has to be waited for.
    async fn not_ready(&self, found: &Found, all: bool) -> Result<Option<Container>, StackError> {
        let containers: Vec<Container> = found.containers().cloned().collect();
        if let Some(stopped) = containers.iter().find(|one| all && !one.running) {
            return Ok(Some(stopped.clone()));
        }
        let inspections = self.inspect(&containers).await?;
        let unhealthy = containers.into_iter().zip(inspections).find(|(one, told)| {
            one.running
                && told
                    .health
                    .as_deref()
                    .is_some_and(|health| health != "healthy")
        });
        Ok(unhealthy.map(|(container, _)| container))
    }

    async fn not_ready_error(&self, container: Container, waited: Duration) -> StackError {
        let words = self.engine.last_words(&container).await;
        StackError::NotReady {
            name: format!(
                "{} {}",
                container.role().unwrap_or("container"),
                container.short_id()
            ),
            waited,
            reason: if words.is_empty() {
                container.status
            } else {
                format!("{}: {words}", container.status)
            },
        }
    }

    /// Who holds a port; and where the tool says no more than "unhealthy" or "exited", the container's own words.
    async fn explain(&self, error: StackError) -> StackError {
        if let StackError::PortHeld { port, .. } = error {
            let containers = self.engine.containers().await.unwrap_or_default();
            let holder = discover::holder(&containers, port);
            return StackError::PortHeld { port, holder };
        }
        if !matches!(error, StackError::ComposeFailed { .. }) {
            return error;
        }
        let Ok(Some(found)) = self.find().await else {
            return error;
        };
        match self.not_ready(&found, true).await {
            Ok(Some(container)) if container.role() == Some("replica") => {
                let words = self.engine.last_words(&container).await;
                StackError::NotStarted {
                    name: format!("replica {}", container.short_id()),
                    reason: format!("{}: {words}", container.status),
                }
            }
            _ => error,
        }
    }
}
