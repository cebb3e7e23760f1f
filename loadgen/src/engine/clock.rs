//! The run's own time line: the kernel's monotonic clock, counted from the run's epoch.

use rustix::time::{ClockId, Timespec, clock_gettime};

use crate::model::Nanos;

/// Reads `CLOCK_MONOTONIC`, which timerfd's deadlines are in too.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    epoch: u64,
}

impl Clock {
    /// A time line that begins now.
    #[must_use]
    pub fn start() -> Self {
        Self {
            epoch: nanos(clock_gettime(ClockId::Monotonic)),
        }
    }

    /// The time since the epoch.
    #[inline]
    #[must_use]
    pub fn now(self) -> Nanos {
        Nanos(nanos(clock_gettime(ClockId::Monotonic)) - self.epoch)
    }

    /// An instant of this time line as the kernel counts it.
    #[must_use]
    pub fn timespec(self, at: Nanos) -> Timespec {
        let at = self.epoch + at.0;
        Timespec {
            tv_sec: (at / Nanos::SECOND.0).cast_signed(),
            tv_nsec: (at % Nanos::SECOND.0).cast_signed(),
        }
    }
}

/// CPU time of the calling thread.
#[must_use]
pub fn thread_cpu_time() -> Nanos {
    Nanos(nanos(clock_gettime(ClockId::ThreadCPUTime)))
}

const fn nanos(time: Timespec) -> u64 {
    time.tv_sec.cast_unsigned() * Nanos::SECOND.0 + time.tv_nsec.cast_unsigned()
}
