//! Brings up, finds and takes down what the load goes through.
//!
//! # Layout
//! [`bring_up`] makes a [`Stack`] of what is [`Wanted`]: `embedded` child processes, the
//! `compose` project's containers, or something `external`.
//!
//! **Invariant:** the only room that starts processes and talks to Docker; it knows neither
//! load nor verdicts.

mod embedded;
mod error;
mod life;
mod wanted;

pub use embedded::child_main;
pub use error::{ExitClass, StackError};
pub use life::{Life, State};
pub use wanted::{
    Choice, DEFAULT_REPLICAS, EmbeddedOptions, External, Project, Rotation, Timeouts, Wanted,
};

use crate::model::Topology;
use embedded::Embedded;

/// A stack that runs, and what must be ended with it.
pub struct Stack {
    topology: Topology,
    hold: Hold,
}

/// What keeps a stack running.
enum Hold {
    Embedded(Embedded),
    /// It was there before, and stays.
    #[expect(dead_code, reason = "compose and external stacks come next")]
    Nothing,
}

/// Brings up, or finds, the stack that is wanted.
pub async fn bring_up(wanted: &Wanted) -> Result<Stack, StackError> {
    let (embedded, topology) =
        Embedded::start(wanted, "embedded stack: asked for".to_owned()).await?;
    Ok(Stack {
        topology,
        hold: Hold::Embedded(embedded),
    })
}

impl Stack {
    /// What the run has to know of it.
    pub fn topology(&self) -> &Topology {
        &self.topology
    }

    /// Ends what was started for this run. Containers stay.
    pub async fn take_down(self) {
        match self.hold {
            Hold::Embedded(embedded) => embedded.take_down().await,
            Hold::Nothing => {}
        }
    }

    /// What has become of each replica, in the topology's order.
    pub async fn lives(&self) -> Result<Vec<Life>, StackError> {
        match &self.hold {
            Hold::Embedded(embedded) => embedded.lives(&self.topology).await,
            Hold::Nothing => Ok(Vec::new()),
        }
    }
}
