//! The run's own time line: the kernel's monotonic clock, counted from the run's epoch.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, Timespec, clock_gettime};

use crate::model::Nanos;

/// Reads `CLOCK_MONOTONIC`, which timerfd's deadlines are in too.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    epoch: u64,
    /// The epoch as the standard library names it: the same clock, read a moment later.
    instant: Instant,
}

impl Clock {
    /// A time line that begins now.
    #[must_use]
    pub fn start() -> Self {
        Self {
            epoch: nanos(clock_gettime(ClockId::Monotonic)),
            instant: Instant::now(),
        }
    }

    /// The time since the epoch.
    #[inline]
    #[must_use]
    pub fn now(self) -> Nanos {
        Nanos(nanos(clock_gettime(ClockId::Monotonic)) - self.epoch)
    }

    /// An instant of this time line as the standard library names it, by arithmetic: a reading
    /// serves the recorder and the transport's deadline alike.
    #[inline]
    #[must_use]
    pub fn instant(self, at: Nanos) -> Instant {
        self.instant + Duration::from_nanos(at.0)
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
