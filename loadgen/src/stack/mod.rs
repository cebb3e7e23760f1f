//! Brings up, finds and takes down what the load goes through.
//!
//! # Layout
//! [`bring_up`] makes a [`Stack`] of what is [`Wanted`]: `embedded` child processes, the
//! `compose` project's containers, or something `external`. [`up`], [`down`] and [`ps`] are
//! the commands of the same names.
//!
//! **Invariant:** the only room that starts processes and talks to Docker; it knows neither
//! load nor verdicts.

mod compose;
mod embedded;
mod error;
mod external;
mod life;
mod wanted;

pub use embedded::child_main;
pub use error::{ExitClass, StackError};
pub use external::Warning;
pub use life::{Change, Life, State, changes};
pub use wanted::{
    Choice, DEFAULT_REPLICAS, EmbeddedOptions, External, Project, Rotation, Timeouts, Wanted,
};

use crate::model::{StackKind, Topology};
use compose::{Compose, Look};
use embedded::Embedded;

/// A stack that runs, and what must be ended with it.
pub struct Stack {
    topology: Topology,
    warnings: Vec<Warning>,
    hold: Hold,
}

/// What keeps a stack running, or knows of it.
enum Hold {
    Embedded(Embedded),
    Compose(Compose),
    /// Nobody we know.
    External,
}

/// Brings up, or finds, the stack that is wanted.
pub async fn bring_up(wanted: &Wanted) -> Result<Stack, StackError> {
    match &wanted.choice {
        Choice::Auto => match compose::look(wanted).await {
            Look::Running(found) => Stack::compose(*found, wanted),
            Look::Absent(why) => Stack::embedded(wanted, &why).await,
        },
        Choice::Embedded => Stack::embedded(wanted, "asked for").await,
        Choice::Compose => Stack::compose(compose::start(wanted).await?, wanted),
        Choice::External(external) => {
            let (topology, warnings) = external::find(wanted, external).await?;
            Ok(Stack {
                topology,
                warnings,
                hold: Hold::External,
            })
        }
    }
}

/// `loadgen up`: like [`bring_up`], but containers are built and scaled also where they run.
///
/// An embedded stack lives as long as what is returned; see [`Stack::outlives_us`].
pub async fn up(wanted: &Wanted) -> Result<Stack, StackError> {
    match &wanted.choice {
        Choice::Compose => Stack::compose(compose::up(wanted).await?, wanted),
        Choice::Auto if compose::possible(wanted).await => {
            Stack::compose(compose::up(wanted).await?, wanted)
        }
        _ => bring_up(wanted).await,
    }
}

/// `loadgen down`: removes the containers, and says which project's, if there was one.
///
/// Nothing of an embedded stack outlives the run that started it.
pub async fn down(wanted: &Wanted) -> Result<Option<String>, StackError> {
    match &wanted.choice {
        Choice::Auto | Choice::Compose => compose::down(wanted).await,
        Choice::Embedded | Choice::External(_) => Ok(None),
    }
}

/// `loadgen ps`: the replicas of the compose stack, running or not.
pub async fn ps(wanted: &Wanted) -> Result<Vec<Life>, StackError> {
    match &wanted.choice {
        Choice::Auto | Choice::Compose => compose::ps(wanted).await,
        Choice::Embedded | Choice::External(_) => Ok(Vec::new()),
    }
}

impl Stack {
    async fn embedded(wanted: &Wanted, why: &str) -> Result<Self, StackError> {
        let why = format!("embedded stack: {why}");
        let (embedded, topology) = Embedded::start(wanted, why).await?;
        Ok(Self {
            topology,
            warnings: Vec::new(),
            hold: Hold::Embedded(embedded),
        })
    }

    fn compose(
        (compose, topology): (Compose, Topology),
        wanted: &Wanted,
    ) -> Result<Self, StackError> {
        let known = &topology.groups;
        if let Some(group) = wanted.groups.iter().find(|group| !known.contains(group)) {
            return Err(StackError::UnknownGroup {
                group: group.clone(),
                known: known.clone(),
            });
        }
        Ok(Self {
            topology,
            warnings: Vec::new(),
            hold: Hold::Compose(compose),
        })
    }

    /// What the run has to know of it.
    pub fn topology(&self) -> &Topology {
        &self.topology
    }

    /// What looked wrong but does not stop a run.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Whether it stays when this process ends.
    pub fn outlives_us(&self) -> bool {
        self.topology.kind != StackKind::Embedded
    }

    /// What has become of each replica; two looks make [`changes`]. Nothing is known of an
    /// external stack.
    pub async fn lives(&self) -> Result<Vec<Life>, StackError> {
        match &self.hold {
            Hold::Embedded(embedded) => embedded.lives(&self.topology).await,
            Hold::Compose(compose) => compose.lives().await,
            Hold::External => Ok(Vec::new()),
        }
    }

    /// Reads the replicas and their ports again: a restarted container has another port, and
    /// an added one has its place in the rotation.
    pub async fn refresh(&mut self) -> Result<(), StackError> {
        match &self.hold {
            Hold::Compose(compose) => compose.refresh(&mut self.topology).await,
            // An embedded replica does not come back, and keeps its port as long as it runs.
            Hold::Embedded(_) | Hold::External => Ok(()),
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
