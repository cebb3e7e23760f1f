//! Brings up, finds and takes down what the load goes through.
//!
//! # Layout
//! [`bring_up`] makes a [`Stack`] of what is [`StackSpec`]: `embedded` child processes, the
//! `compose` project's containers, or something `external`. [`up`], [`down`] and [`ps`] are
//! the commands of the same names. [`swarm`] is where workers run, on the same `docker` engine.
//!
//! **Invariant:** the only room that starts what is loaded, and talks to Docker; it knows neither
//! load nor verdicts.

mod compose;
mod docker;
mod embedded;
mod error;
mod exec;
mod external;
mod spec;
pub mod swarm;

pub use embedded::child_main;
pub use error::{ExitClass, StackError};
pub use spec::{DEFAULT_REPLICAS, EmbeddedOptions, Project, StackSpec, Timeouts};

use crate::model::{
    CpuReading, Deed, ReplicaId, ReplicaStatus, StackChoice, StackKind, StackWarning, Topology,
};
use compose::{Compose, Look};
use embedded::Embedded;

/// A stack that runs, and what must be ended with it.
pub struct Stack {
    topology: Topology,
    warnings: Vec<StackWarning>,
    hold: Hold,
}

/// What keeps a stack running, or knows of it.
enum Hold {
    Embedded(Box<Embedded>),
    Compose(Box<Compose>),
    External,
}

/// Brings up, or finds, the stack that is spec.
pub async fn bring_up(spec: &StackSpec) -> Result<Stack, StackError> {
    match &spec.choice {
        StackChoice::Auto => match compose::look(spec).await {
            Look::Running(found) => Stack::compose(*found, spec),
            Look::Absent(why) => Stack::embedded(spec, &why).await,
            Look::Several(error) => Err(error),
        },
        StackChoice::Embedded => Stack::embedded(spec, "asked for").await,
        StackChoice::Compose => Stack::compose(compose::start(spec).await?, spec),
        StackChoice::External(external) => Ok(Stack {
            topology: external::find(spec, external).await?,
            warnings: Vec::new(),
            hold: Hold::External,
        }),
    }
}

/// `loadgen up`: like [`bring_up`], but containers are built and scaled also where they run.
///
/// An embedded stack lives as long as what is returned; see [`Stack::outlives_us`].
pub async fn up(spec: &StackSpec) -> Result<Stack, StackError> {
    match &spec.choice {
        StackChoice::Compose => Stack::compose(compose::up(spec).await?, spec),
        StackChoice::Auto if compose::possible(spec).await => {
            Stack::compose(compose::up(spec).await?, spec)
        }
        _ => bring_up(spec).await,
    }
}

/// `loadgen down`: removes the containers, and says which project's, if there was one.
///
/// Nothing of an embedded stack outlives the run that started it.
pub async fn down(spec: &StackSpec) -> Result<Option<String>, StackError> {
    match &spec.choice {
        StackChoice::Auto | StackChoice::Compose => compose::down(spec).await,
        StackChoice::Embedded | StackChoice::External(_) => Ok(None),
    }
}

/// `loadgen ps`: the replicas of the compose stack, running or not.
pub async fn ps(spec: &StackSpec) -> Result<Vec<ReplicaStatus>, StackError> {
    match &spec.choice {
        StackChoice::Auto | StackChoice::Compose => compose::ps(spec).await,
        StackChoice::Embedded | StackChoice::External(_) => Ok(Vec::new()),
    }
}

impl Stack {
    async fn embedded(spec: &StackSpec, why: &str) -> Result<Self, StackError> {
        let why = format!("embedded stack: {why}");
        let (embedded, topology) = Embedded::start(spec, why).await?;
        Ok(Self {
            topology,
            warnings: Vec::new(),
            hold: Hold::Embedded(Box::new(embedded)),
        })
    }

    fn compose(
        (compose, topology): (Compose, Topology),
        spec: &StackSpec,
    ) -> Result<Self, StackError> {
        let known = &topology.groups;
        if let Some(group) = spec.groups.iter().find(|group| !known.contains(group)) {
            return Err(StackError::UnknownGroup {
                group: group.clone(),
                known: known.clone(),
            });
        }
        Ok(Self {
            topology,
            warnings: Vec::new(),
            hold: Hold::Compose(Box::new(compose)),
        })
    }

    /// What the run has to know of it.
    pub fn topology(&self) -> &Topology {
        &self.topology
    }

    /// What looked wrong but does not stop a run.
    pub fn warnings(&self) -> &[StackWarning] {
        &self.warnings
    }

    /// Calls the replicas by the names that they gave themselves when they were asked.
    pub fn name_replicas(&mut self, names: &[Option<ReplicaId>]) {
        for (replica, name) in self.topology.replicas.iter_mut().zip(names) {
            if let Some(name) = name {
                replica.id.clone_from(name);
            }
        }
    }

    /// Whether it stays when this process ends.
    pub fn outlives_us(&self) -> bool {
        self.topology.kind != StackKind::Embedded
    }

    /// What has become of each replica. Nothing is known of an
    /// external stack.
    pub async fn statuses(&self) -> Result<Vec<ReplicaStatus>, StackError> {
        match &self.hold {
            Hold::Embedded(embedded) => embedded.statuses().await,
            Hold::Compose(compose) => compose.statuses().await,
            Hold::External => Ok(Vec::new()),
        }
    }

    /// The CPU time of the stack's containers; empty where it has none, or their engine does not tell.
    pub async fn cpu(&self) -> Vec<CpuReading> {
        match &self.hold {
            Hold::Compose(compose) => compose.cpu().await,
            Hold::Embedded(_) | Hold::External => Vec::new(),
        }
    }

    /// Reads the replicas and their ports again: a restarted container has another port, and
    /// an added one has its place in the rotation.
    pub async fn refresh(&mut self) -> Result<(), StackError> {
        self.topology = self.topology_now().await?;
        Ok(())
    }

    /// The replicas and their ports as they are now.
    pub async fn topology_now(&self) -> Result<Topology, StackError> {
        let mut topology = self.topology.clone();
        match &self.hold {
            Hold::Compose(compose) => compose.refresh(&mut topology).await?,
            Hold::Embedded(embedded) => topology.replicas = embedded.replicas(),
            Hold::External => {}
        }
        Ok(topology)
    }

    /// Carries out what an event asks for; one that lasts is only begun. Gives away what a command
    /// said.
    pub async fn carry_out(&self, deed: &Deed) -> Result<String, StackError> {
        match (&self.hold, deed) {
            (_, Deed::Exec(command)) => return exec::run(command).await,
            (Hold::Embedded(embedded), deed) => embedded.carry_out(deed).await?,
            (Hold::Compose(compose), deed) => compose.carry_out(deed).await?,
            (Hold::External, deed) => return Err(cannot(deed)),
        }
        Ok(String::new())
    }

    /// Ends what was begun.
    pub async fn undo(&self, deed: &Deed) -> Result<(), StackError> {
        match &self.hold {
            Hold::Embedded(embedded) => embedded.undo(deed).await,
            Hold::Compose(compose) => compose.undo(deed).await,
            Hold::External => Ok(()),
        }
    }

    /// Lets everything run again, whatever was done to it; added replicas stay, so that their counters
    /// can be read.
    pub async fn mend(&self) -> Result<(), StackError> {
        match &self.hold {
            Hold::Embedded(embedded) => embedded.mend().await,
            Hold::Compose(compose) => compose.mend().await,
            Hold::External => Ok(()),
        }
    }

    /// Gives each group the replicas that it began with.
    pub async fn restore(&self) -> Result<(), StackError> {
        match &self.hold {
            Hold::Embedded(embedded) => embedded.restore().await,
            Hold::Compose(compose) => compose.restore().await,
            Hold::External => Ok(()),
        }
    }

    /// Ends what was started for this run. Containers stay.
    pub async fn take_down(self) {
        match self.hold {
            Hold::Embedded(embedded) => embedded.take_down().await,
            Hold::Compose(_) | Hold::External => {}
        }
    }
}

fn cannot(deed: &Deed) -> StackError {
    StackError::Event {
        whom: deed.whom(),
        reason: format!("this stack cannot {}", deed.verb()),
    }
}
