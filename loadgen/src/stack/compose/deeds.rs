//! What can be done to the containers while load goes through them, and how it is put back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::Compose;
use super::discover::{Found, SERVICE, group_of, published};
use super::engine::{Container, Inspection};
use super::tool::{Scene, Tool};
use crate::model::{Deed, Whom};
use crate::stack::StackError;

/// How long a container may take to run again.
const BACK_WITHIN: Duration = Duration::from_secs(15);
/// How long a restarted one may take to be healthy.
const HEALTHY_WITHIN: Duration = Duration::from_secs(60);
/// The time between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// What events changed, so that it can be put back.
#[derive(Default)]
pub(super) struct Changed {
    /// Containers that something was done to.
    touched: Mutex<BTreeSet<String>>,
    /// How many replicas each service had.
    scale: Mutex<BTreeMap<String, u32>>,
}

impl Changed {
    fn touch(&self, container: &Container) {
        let mut touched = self.touched.lock().unwrap_or_else(PoisonError::into_inner);
        touched.insert(container.id.clone());
    }

    fn touched(&self, container: &Container) -> bool {
        let touched = self.touched.lock().unwrap_or_else(PoisonError::into_inner);
        touched.contains(&container.id)
    }
}

impl Compose {
    /// Carries out a deed; one that lasts is only begun.
    pub(in crate::stack) async fn carry_out(&self, deed: &Deed) -> Result<(), StackError> {
        let found = self.found().await?;
        match deed {
            Deed::Kill(whom) => self.kill(self.touched(&found, whom)?).await,
            Deed::KillProxy => self.kill_proxy(self.proxy(&found)?).await,
            Deed::ReloadProxy => self.engine.reload(self.proxy(&found)?).await,
            Deed::Stop(whom) => self.engine.stop(self.touched(&found, whom)?).await,
            Deed::Start(whom) => self.started(self.touched(&found, whom)?).await,
            Deed::Pause(whom) => self.engine.pause(self.touched(&found, whom)?).await,
            Deed::Throttle(whom, cpus) => {
                let container = self.touched(&found, whom)?;
                self.engine.throttle(container, Some(*cpus)).await
            }
            Deed::Disconnect(whom) => {
                let container = self.touched(&found, whom)?;
                let network = self.network(&found).await?;
                self.engine.disconnect(container, &network).await
            }
            Deed::Scale { group, replicas } => self.scale(&found, group, *replicas).await,
            Deed::RollingRestart { group } => self.rolling_restart(&found, group).await,
            Deed::Exec(_) => Err(event(deed.verb(), "a command is no matter of containers")),
        }
    }

    /// Ends a deed that lasts.
    pub(in crate::stack) async fn undo(&self, deed: &Deed) -> Result<(), StackError> {
        let found = self.found().await?;
        match deed {
            Deed::Pause(whom) => self.engine.go_on(self.touched(&found, whom)?).await,
            Deed::Stop(whom) => self.started(self.touched(&found, whom)?).await,
            Deed::Throttle(whom, _) => {
                self.engine
                    .throttle(self.touched(&found, whom)?, None)
                    .await
            }
            Deed::Disconnect(whom) => self.rejoin(&found, self.touched(&found, whom)?).await,
            _ => Ok(()),
        }
    }

    /// Lets every container that something was done to run as before.
    pub(in crate::stack) async fn mend(&self) -> Result<(), StackError> {
        let is_none = {
            let touched = self.changed.touched.lock();
            touched.unwrap_or_else(PoisonError::into_inner).is_empty()
        };
        if is_none {
            return Ok(());
        }
        let found = self.found().await?;
        self.repair(&found).await?;
        for container in found.containers().filter(|one| self.changed.touched(one)) {
            if self.engine.inspect(container).await?.stopped {
                self.started(container).await?;
            }
        }
        Ok(())
    }

    /// Gives each service the replicas that it had.
    pub(in crate::stack) async fn restore(&self) -> Result<(), StackError> {
        let scale = {
            let mut scale = self
                .changed
                .scale
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *scale)
        };
        for (service, replicas) in scale {
            self.compose_scale(&self.found().await?, &service, replicas)
                .await?;
        }
        Ok(())
    }

    /// Undoes what a run left that was killed: containers that stand still, that left their network,
    /// or that are held to a CPU quota. Says whether there was any.
    pub(super) async fn repair(&self, found: &Found) -> Result<bool, StackError> {
        let mut any = false;
        for container in found.containers() {
            let seen = self.engine.inspect(container).await?;
            let is_away = !seen.stopped && seen.networks.is_empty();
            if seen.paused {
                self.engine.go_on(container).await?;
            }
            if is_away {
                self.rejoin(found, container).await?;
            }
            if seen.cpu_quota > 0 {
                self.engine.throttle(container, None).await?;
            }
            any |= seen.paused || is_away || seen.cpu_quota > 0;
        }
        Ok(any)
    }

    async fn found(&self) -> Result<Found, StackError> {
        self.find().await?.ok_or_else(|| StackError::Incomplete {
            project: self.project.directory.display().to_string(),
            lack: "is gone".to_owned(),
        })
    }

    /// A replica that something is going to be done to.
    fn touched<'a>(&self, found: &'a Found, whom: &Whom) -> Result<&'a Container, StackError> {
        let own = found
            .replicas
            .iter()
            .filter(|one| group_of(one) == whom.group);
        let place = whom.number.unwrap_or(1).saturating_sub(1) as usize;
        let container = own.skip(place).map(Some).next().flatten();
        let container =
            container.ok_or_else(|| event(&whom.to_string(), "there is no such replica"))?;
        self.changed.touch(container);
        Ok(container)
    }

    fn proxy<'a>(&self, found: &'a Found) -> Result<&'a Container, StackError> {
        let proxy = found.proxy.as_ref();
        let proxy = proxy.ok_or_else(|| event("proxy", "there is none"))?;
        self.changed.touch(proxy);
        Ok(proxy)
    }

    /// Kills it, and waits until it runs again by its restart policy.
    async fn kill(&self, container: &Container) -> Result<(), StackError> {
        let before = self.engine.inspect(container).await?;
        self.engine.crash(container).await?;
        let is_back = |now: &Inspection| !now.stopped && now.started_at != before.started_at;
        self.until(container, BACK_WITHIN, "run again", is_back)
            .await
    }

    /// The same, and it has to be back where the load goes: the engine gives a container whose port
    /// is not fixed another one with every start.
    async fn kill_proxy(&self, proxy: &Container) -> Result<(), StackError> {
        self.kill(proxy).await?;
        let found = self.found().await?;
        let ports = (published(proxy), found.proxy.as_ref().and_then(published));
        let (Some(before), Some(now)) = ports else {
            return Ok(());
        };
        if before == now {
            return Ok(());
        }
        let reason = format!(
            "it runs again, but another start gave it port {now} of this machine and not {before}, where the load goes; give it a fixed port, as with HTTP_PORT=8080"
        );
        Err(event("proxy", &reason))
    }

    async fn started(&self, container: &Container) -> Result<(), StackError> {
        self.engine.start(container).await?;
        let runs = |now: &Inspection| !now.stopped;
        self.until(container, BACK_WITHIN, "run", runs).await
    }

    async fn rolling_restart(&self, found: &Found, group: &str) -> Result<(), StackError> {
        for container in found.replicas.iter().filter(|one| group_of(one) == group) {
            self.changed.touch(container);
            self.engine.stop(container).await?;
            self.engine.start(container).await?;
            let serves = |now: &Inspection| {
                let healthy = now
                    .health
                    .as_deref()
                    .is_none_or(|health| health == "healthy");
                !now.stopped && healthy
            };
            self.until(container, HEALTHY_WITHIN, "be healthy", serves)
                .await?;
        }
        Ok(())
    }

    async fn until(
        &self,
        container: &Container,
        within: Duration,
        what: &str,
        come: impl Fn(&Inspection) -> bool,
    ) -> Result<(), StackError> {
        let since = Instant::now();
        while !come(&self.engine.inspect(container).await?) {
            if since.elapsed() > within {
                let reason = format!("it did not {what} within {within:?}");
                return Err(event(container.short_id(), &reason));
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    /// The network that the project's containers share: one that is not away is asked.
    async fn network(&self, found: &Found) -> Result<String, StackError> {
        for container in found.proxy.iter().chain(&found.replicas) {
            let networks = self.engine.inspect(container).await?.networks;
            if let Some(network) = networks.into_iter().next() {
                return Ok(network);
            }
        }
        Err(event(
            &found.project,
            "none of its containers is in a network",
        ))
    }

    async fn rejoin(&self, found: &Found, container: &Container) -> Result<(), StackError> {
        let network = self.network(found).await?;
        let service = container.label(SERVICE).unwrap_or_default().to_owned();
        let aliases = vec![service, container.short_id().to_owned()];
        self.engine.join(container, &network, aliases).await
    }

    async fn scale(&self, found: &Found, group: &str, replicas: u32) -> Result<(), StackError> {
        let mut own = found.replicas.iter().filter(|one| group_of(one) == group);
        let service = own.find_map(|one| one.label(SERVICE)).map(str::to_owned);
        let service = service.ok_or_else(|| event(group, "it is no service of the project"))?;
        let now = found.scale().get(&service).copied().unwrap_or(0);
        {
            let mut scale = self
                .changed
                .scale
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            scale.entry(service.clone()).or_insert(now);
        }
        self.compose_scale(found, &service, replicas).await
    }

    async fn compose_scale(
        &self,
        found: &Found,
        service: &str,
        replicas: u32,
    ) -> Result<(), StackError> {
        let project = found.project(&self.project);
        let scene = Scene {
            project: &project,
            engine: self.engine.address(),
            output: None,
        };
        let scale = format!("{service}={replicas}");
        let words = [
            "up",
            "-d",
            "--no-deps",
            "--no-build",
            "--no-recreate",
            "--scale",
        ];
        let words: Vec<&str> = words.into_iter().chain([scale.as_str(), service]).collect();
        Tool::find().await?.run(&scene, &words).await
    }
}

fn event(whom: &str, reason: &str) -> StackError {
    StackError::Event {
        whom: whom.to_owned(),
        reason: reason.to_owned(),
    }
}
