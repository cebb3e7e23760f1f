//! One request, as three instants and an outcome.

use super::{Nanos, Outcome};

/// Send lag that is always allowed.
const LEAST_LAG_BUDGET: Nanos = Nanos(1_000_000);

/// The send lag at p99 that a measurement bears: 1 ms, or a tenth of the response time at p99.
#[must_use]
pub const fn lag_budget(response_p99: Nanos) -> Nanos {
    let tenth = Nanos(response_p99.0 / 10);
    if tenth.0 > LEAST_LAG_BUDGET.0 {
        tenth
    } else {
        LEAST_LAG_BUDGET
    }
}

/// One finished request. Instants count from the run's epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// When the schedule asked for it: arithmetic, never a clock read.
    pub due: Nanos,
    /// When its first byte was handed to the kernel.
    pub sent: Nanos,
    /// When the last byte of its answer was read, or its error met.
    pub done: Nanos,
    /// What became of it.
    pub outcome: Outcome,
    /// Upstream servers the proxy says it tried (1 when it does not say).
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

    /// What the generator did: sent − due.
    #[must_use]
    pub const fn lag(&self) -> Nanos {
        self.sent.since(self.due)
    }
}
