//! `up`, `down` and `ps`: the stack without a test.

use super::{RunError, Signals};
use crate::model::ReplicaStatus;
use crate::stack::{self, StackSpec};

/// What an operation has to tell.
#[derive(Debug)]
pub enum Operated {
    /// The stack is up and stays.
    Up(Vec<ReplicaStatus>, String),
    /// An embedded stack was up until a signal came.
    WasUp,
    /// This project's containers are gone.
    Down(String),
    /// There was nothing to take down.
    NothingUp,
}

/// Brings a stack up. Containers stay; an embedded stack lives until a signal, and `tell` hears
/// its addresses meanwhile.
pub async fn up(
    spec: &StackSpec,
    tell: impl Fn(&[ReplicaStatus], &str),
    signals: &mut Signals,
) -> Result<Operated, RunError> {
    let stack = signals.or_interrupt(stack::up(spec)).await??;
    let statuses = stack.statuses().await?;
    let target = stack.topology().proxy.target.clone();
    if stack.outlives_us() {
        return Ok(Operated::Up(statuses, target));
    }
    tell(&statuses, &target);
    signals.next().await;
    stack.take_down().await;
    Ok(Operated::WasUp)
}

/// Takes this project's containers down.
pub async fn down(spec: &StackSpec) -> Result<Operated, RunError> {
    Ok(match stack::down(spec).await? {
        Some(project) => Operated::Down(project),
        None => Operated::NothingUp,
    })
}

/// The replicas of the compose stack, running or not.
pub async fn ps(spec: &StackSpec) -> Result<Vec<ReplicaStatus>, RunError> {
    Ok(stack::ps(spec).await?)
}
