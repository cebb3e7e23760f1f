//! Ctrl-C, SIGTERM and a terminal that is gone: once to stop and store, twice to stop now.

use std::future::Future;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::RunError;
use crate::model::exit;

/// The signals that end a run.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    /// None where whoever started us wants it ignored, as `nohup` does.
    hangup: Option<Signal>,
}

impl Signals {
    /// Listens from now on; the signals no longer end the process by themselves.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: if is_ignored(HANGUP) {
                None
            } else {
                Some(signal(SignalKind::hangup())?)
            },
        })
    }

    /// Returns when a signal has come.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            () = came(self.hangup.as_mut()) => {}
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

/// The number of SIGHUP, the same everywhere.
const HANGUP: u32 = 1;

/// Returns when the signal has come, and never where none is listened to.
async fn came(signal: Option<&mut Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}

/// Whether this process was started with a signal ignored, as far as the system tells.
fn is_ignored(number: u32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    ignored_in(&status, number)
}

/// `SigIgn:` is followed by a mask in hexadecimal digits, whose lowest bit is that of signal 1.
fn ignored_in(status: &str, number: u32) -> bool {
    let mut lines = status.lines();
    let mask = lines.find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (number - 1) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ignored_is_read_from_the_mask() {
        let status = "Name:\tloadgen\nSigBlk:\t0000000000000001\nSigIgn:\t0000000000001001\n";
        assert!(ignored_in(status, HANGUP) && ignored_in(status, 13));
        assert!(!ignored_in(status, 2));
        assert!(!ignored_in("", HANGUP), "a system that does not tell");
    }
}
