//! One request, as three instants and an outcome.

use super::{Nanos, Outcome};

/// The lag at p99 that a measurement bears: what the plan allows, or a tenth of the response time at
/// p99.
#[must_use]
pub const fn lag_budget(allowed: Nanos, response_p99: Nanos) -> Nanos {
    let tenth = Nanos(response_p99.0 / 10);
    if tenth.0 > allowed.0 { tenth } else { allowed }
}

/// One finished request. Instants count from the run's epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// When the schedule asked for it: arithmetic, never a clock read.
    pub due: Nanos,
    /// When the generator let it go: as it was sent where a connection was idle, else as it began to
    /// wait for one.
    pub released: Nanos,
    /// When its first byte was handed to the kernel.
    pub sent: Nanos,
    /// When the last byte of its answer was read, or its error met.
    pub done: Nanos,
    /// What became of it.
    pub outcome: Outcome,
    /// Upstream servers the proxy says it tried; 0 where it does not say.
    pub tries: u16,
}

impl Sample {
    /// What a user would have felt: done − due.
    #[must_use]
    pub const fn response(&self) -> Nanos {
        self.done.since(self.due)
    }

    /// What the system did once asked: done − sent.
    #[must_use]
    pub const fn service(&self) -> Nanos {
        self.done.since(self.sent)
    }

    /// What came before it left: sent − due.
    #[must_use]
    pub const fn lag(&self) -> Nanos {
        self.sent.since(self.due)
    }

    /// The generator's own part of the lag: released − due.
    #[must_use]
    pub const fn release_lag(&self) -> Nanos {
        self.released.since(self.due)
    }

    /// The wait for a connection: sent − released.
    #[must_use]
    pub const fn connection_wait(&self) -> Nanos {
        self.sent.since(self.released)
    }
}
