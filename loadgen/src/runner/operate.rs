//! `up`, `down` and `ps`: the stack without a test.

use super::{RunError, Signals};
use crate::stack::{self, Life, Wanted};

/// What an operation has to tell.
#[derive(Debug)]
pub enum Operated {
    /// The stack is up and stays.
    Up(Vec<Life>, String),
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
    wanted: &Wanted,
    tell: impl Fn(&[Life], &str),
    signals: &mut Signals,
) -> Result<Operated, RunError> {
    let stack = signals.or_interrupt(stack::up(wanted)).await??;
    let lives = stack.lives().await?;
    let target = stack.topology().proxy.target.clone();
    if stack.outlives_us() {
        return Ok(Operated::Up(lives, target));
    }
    tell(&lives, &target);
    signals.next().await;
    stack.take_down().await;
    Ok(Operated::WasUp)
}

/// Takes this project's containers down.
pub async fn down(wanted: &Wanted) -> Result<Operated, RunError> {
    Ok(match stack::down(wanted).await? {
        Some(project) => Operated::Down(project),
        None => Operated::NothingUp,
    })
}

/// The replicas of the compose stack, running or not.
pub async fn ps(wanted: &Wanted) -> Result<Vec<Life>, RunError> {
    Ok(stack::ps(wanted).await?)
}
