//! The run's own time line: the kernel's monotonic clock, counted from the run's epoch, which may be
//! yet to come.

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

    /// A time line that begins at an instant of the wall clock, in nanoseconds since 1970. The wall
    /// clock is read here and never again: what is done to it later moves nothing. An instant that
    /// has passed is a time line that goes on.
    #[must_use]
    pub fn at_wall(instant: u64) -> Self {
        let now = Self::start();
        let wall = nanos(clock_gettime(ClockId::Realtime));
        let (ahead, behind) = (
            Duration::from_nanos(instant.saturating_sub(wall)),
            Duration::from_nanos(wall.saturating_sub(instant)),
        );
        Self {
            epoch: (now.epoch.saturating_add(ahead.as_nanos() as u64))
                .saturating_sub(behind.as_nanos() as u64),
            instant: (now.instant + ahead)
                .checked_sub(behind)
                .unwrap_or(now.instant),
        }
    }

    /// The time since the epoch; zero before it.
    #[inline]
    #[must_use]
    pub fn now(self) -> Nanos {
        Nanos(nanos(clock_gettime(ClockId::Monotonic)).saturating_sub(self.epoch))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_line_may_begin_later_and_stands_still_until_then() {
        let wall = nanos(clock_gettime(ClockId::Realtime));
        // The machine may have started a moment ago.
        let (hour, while_ago) = (3_600 * Nanos::SECOND.0, Nanos(5_000_000_000));
        let (later, before) = (
            Clock::at_wall(wall + hour),
            Clock::at_wall(wall - while_ago.0),
        );
        assert_eq!(later.now(), Nanos::ZERO);
        assert!(before.now() >= while_ago);
        // The same instant by both names, to what passed between two readings.
        let ahead = later.instant(Nanos::ZERO).duration_since(Instant::now());
        assert!(ahead <= Duration::from_nanos(hour) && ahead > Duration::from_secs(3_000));
    }
}
