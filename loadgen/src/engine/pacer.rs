//! Waits for an instant: by timerfd in the runtime's own epoll, and by polling at the end where that
//! is cheap or asked for.
//!
//! tokio's timer rounds up to a millisecond, which at 500 requests a second is most of what
//! would be measured. A timerfd takes absolute nanoseconds.

use super::Clock;
use crate::model::Nanos;

/// How long before an instant `spin` begins to poll: longer than an idle virtual machine takes to
/// wake up in 99 of 100 cases, which was 130 µs.
const SPIN: Nanos = Nanos(250_000);
/// Up to this rate, polling for [`EARLY`] before each arrival costs at most a tenth of a core.
const SPARSE: f64 = 2_000.0;
/// What a virtual machine usually takes to wake up.
const EARLY: Nanos = Nanos(50_000);
/// Above this rate a thread wakes for several arrivals at once.
const CROWDED: f64 = 25_000.0;
/// How long it then waits from one awakening for arrivals to the next, at least. An awakening costs
/// more CPU than a request, ours and the server's too: at 50,000/s, one for each arrival takes
/// 20 µs of CPU a request and fills the core, and one for three of them 16 µs. What this delays an
/// arrival is in its send lag.
const COALESCE: Nanos = Nanos(60_000);

/// One thread's way to wait.
pub struct Pacer {
    /// How long before an instant it stops sleeping and polls.
    lead: Nanos,
    hold: Nanos,
    timer: timer::Timer,
}

impl Pacer {
    /// A pacer for the runtime it is made in, and for a thread that releases up to `rate` arrivals
    /// per second. `spin` trades a core for precision.
    pub fn new(spin: bool, rate: f64) -> std::io::Result<Self> {
        let (lead, hold) = match spin {
            true => (SPIN, Nanos::ZERO),
            false if rate <= SPARSE => (EARLY, Nanos::ZERO),
            false if rate <= CROWDED => (Nanos::ZERO, Nanos::ZERO),
            false => (Nanos::ZERO, COALESCE),
        };
        Ok(Self {
            lead,
            hold,
            timer: timer::Timer::new()?,
        })
    }

    /// The least time from one awakening for arrivals to the next.
    pub fn hold(&self) -> Nanos {
        self.hold
    }

    /// Returns at `at` by `clock`, or at once when that has passed. Always lets other tasks run.
    pub async fn wait_until(&self, clock: Clock, at: Nanos) {
        let sleep_until = at.minus(self.lead);
        let polls = self.lead > Nanos::ZERO;
        if clock.now() < sleep_until {
            self.timer.wait_until(clock, sleep_until).await;
            if !polls {
                return;
            }
        } else if !polls {
            return tokio::task::yield_now().await;
        }
        loop {
            tokio::task::yield_now().await;
            if clock.now() >= at {
                return;
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
use portable as timer;
#[cfg(target_os = "linux")]
use timerfd as timer;

#[cfg(target_os = "linux")]
mod timerfd {
    //! A timerfd.

    use std::os::fd::OwnedFd;

    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;

    use crate::engine::Clock;
    use crate::model::Nanos;

    pub(super) struct Timer {
        fd: AsyncFd<OwnedFd>,
    }

    impl Timer {
        pub(super) fn new() -> std::io::Result<Self> {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            let fd = timerfd_create(TimerfdClockId::Monotonic, flags)?;
            // SAFETY: `OwnedFd` owns a valid descriptor, and nothing replaces or closes it while
            // `AsyncFd` holds it: it is private here and only ever lent by reference.
            #[expect(unsafe_code, reason = "tokio has no safe way to register a descriptor")]
            let fd = unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE)? };
            Ok(Self { fd })
        }

        pub(super) async fn wait_until(&self, clock: Clock, at: Nanos) {
            let once = Timespec {
                tv_sec: 0,
                tv_nsec: 0,
            };
            let spec = Itimerspec {
                it_interval: once,
                it_value: clock.timespec(at),
            };
            if timerfd_settime(self.fd.get_ref(), TimerfdTimerFlags::ABSTIME, &spec).is_err() {
                return coarse(clock, at).await;
            }
            // Each expiry is a new edge for epoll whether the one before was read or not, so the
            // read is saved; readiness left over from an earlier instant is told by the clock.
            while clock.now() < at {
                match self.fd.readable().await {
                    Ok(mut ready) => ready.clear_ready(),
                    Err(_) => return coarse(clock, at).await,
                }
            }
        }
    }

    /// The runtime's own timer, should the kernel refuse: late, and the lag shows it.
    async fn coarse(clock: Clock, at: Nanos) {
        tokio::time::sleep(at.since(clock.now()).into()).await;
    }
}

#[cfg(any(test, not(target_os = "linux")))]
mod portable {
    //! The portable way: the runtime's timer for all but the last milliseconds, then polling.
    //! Linux compiles it for its test only.

    use crate::engine::Clock;
    use crate::model::Nanos;

    /// tokio's timer may be late by up to two of its ticks.
    const COARSE: Nanos = Nanos(2_000_000);

    pub(super) struct Timer;

    impl Timer {
        #[expect(clippy::unnecessary_wraps, reason = "a timerfd can be refused")]
        pub(super) fn new() -> std::io::Result<Self> {
            Ok(Self)
        }

        pub(super) async fn wait_until(&self, clock: Clock, at: Nanos) {
            let early = at.minus(COARSE);
            if clock.now() < early {
                tokio::time::sleep(early.since(clock.now()).into()).await;
            }
            while clock.now() < at {
                tokio::task::yield_now().await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Waits as a thread does, for instants that are far, near, now and past; tells how early or
    /// late it was at each, in nanoseconds.
    fn lateness(wait: impl AsyncFn(Clock, Nanos)) -> Vec<i64> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let clock = Clock::start();
            let mut late = Vec::new();
            for millis in [1, 7, 8, 8, 20, 2] {
                let at = Nanos(millis * 1_000_000);
                wait(clock, at).await;
                late.push(clock.now().0.cast_signed() - at.0.cast_signed());
            }
            late
        })
    }

    #[test]
    fn no_way_to_wait_is_early() {
        let portable = lateness(async |clock, at| {
            let timer = portable::Timer::new().expect("a timer");
            timer.wait_until(clock, at).await;
        });
        let spin = lateness(async |clock, at| {
            Pacer::new(true, 10_000.0)
                .expect("a pacer")
                .wait_until(clock, at)
                .await;
        });
        let timer = lateness(async |clock, at| {
            Pacer::new(false, 10_000.0)
                .expect("a pacer")
                .wait_until(clock, at)
                .await;
        });
        let early = lateness(async |clock, at| {
            Pacer::new(false, 100.0)
                .expect("a pacer")
                .wait_until(clock, at)
                .await;
        });
        for late in [portable, spin, timer, early] {
            // A busy machine may be late, but not by as long as it would take to have waited for
            // another instant.
            assert!(
                late.iter().all(|late| (0..5_000_000_000).contains(late)),
                "{late:?}"
            );
        }
    }
}
