//! Ctrl-C and SIGTERM: once to stop and store, twice to stop now.

use std::future::Future;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::RunError;
use crate::model::exit;

/// The signals that end a run.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Listens from now on; the signals no longer end the process by themselves.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Returns when a signal has come.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// Waits for a step that comes before the load: a signal ends it, with nothing to store.
    pub async fn or_interrupt<T>(&mut self, step: impl Future<Output = T>) -> Result<T, RunError> {
        tokio::select! {
            biased;
            done = step => Ok(done),
            () = self.next() => Err(RunError::Interrupted),
        }
    }

    /// Waits for a step that comes after the load, when all that is left is to close and store.
    /// The first signal is answered by `told`; the second means now.
    pub async fn or_now<T>(&mut self, step: impl Future<Output = T>, mut told: impl FnMut()) -> T {
        tokio::pin!(step);
        let mut asked = false;
        loop {
            tokio::select! {
                biased;
                done = &mut step => return done,
                () = self.next() => {
                    if asked {
                        Self::now();
                    }
                    asked = true;
                    told();
                }
            }
        }
    }

    /// Ends the process at once: the second signal means now. The spool in the run's folder keeps
    /// what was measured, and embedded children end with their parent.
    pub fn now() -> ! {
        std::process::exit(i32::from(exit::INTERRUPTED))
    }
}
