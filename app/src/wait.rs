//! Waits until an instant, to within microseconds.
//!
//! The runtime's own timer counts milliseconds, which is as long as the service times
//! to be simulated. So: a kernel timer until shortly before, then polling the clock,
//! yielding in between so that other requests are served meanwhile.

use std::io;
use std::time::{Duration, Instant};

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// How long before the deadline polling starts: about the 99th percentile of a kernel
/// timer's lateness. At 1,000 requests/s it costs at most an eighth of a core.
const POLL: Duration = Duration::from_micros(120);

/// The same for the runtime's timer, which rounds up to the millisecond twice.
const POLL_AFTER_COARSE: Duration = Duration::from_millis(2);

pub(crate) async fn until(deadline: Instant) {
    if let Some(sleep) = left(deadline, POLL)
        && kernel_sleep(sleep).await.is_err()
        && let Some(sleep) = left(deadline, POLL_AFTER_COARSE)
    {
        // Out of descriptors, most likely: the wait stays exact, and costs more.
        tokio::time::sleep(sleep).await;
    }
    while Instant::now() < deadline {
        tokio::task::yield_now().await;
    }
}

/// What is left until `margin` before the deadline, if anything.
fn left(deadline: Instant, margin: Duration) -> Option<Duration> {
    deadline
        .saturating_duration_since(Instant::now())
        .checked_sub(margin)
        .filter(|left| !left.is_zero())
}

/// One timer per wait: dropping it with its request is all the bookkeeping there is.
async fn kernel_sleep(time: Duration) -> io::Result<()> {
    let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
    let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
    let once = Itimerspec {
        it_interval: Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        },
        it_value: Timespec {
            tv_sec: time.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: time.subsec_nanos().into(),
        },
    };
    timerfd_settime(&timer, TimerfdTimerFlags::empty(), &once)?;
    #[expect(unsafe_code, reason = "tokio has no safe way to wait for a descriptor")]
    // SAFETY: the timer owns its descriptor, and nothing closes or replaces it meanwhile.
    let timer = unsafe { AsyncFd::register_with_interest(timer, Interest::READABLE) }?;
    timer.readable().await?.retain_ready();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn never_wakes_early() {
        for micros in [0, 50, 150, 1_000, 5_000] {
            let deadline = Instant::now() + Duration::from_micros(micros);
            until(deadline).await;
            assert!(Instant::now() >= deadline, "{micros} µs");
        }
    }

    #[tokio::test]
    async fn wakes_within_microseconds_more_often_than_not() {
        let mut late = Vec::new();
        for _ in 0..51 {
            let deadline = Instant::now() + Duration::from_millis(2);
            until(deadline).await;
            late.push(deadline.elapsed());
        }
        late.sort();
        // The median, because a busy machine may take the core away now and then;
        // the runtime's own timer would be late by half a millisecond and more.
        assert!(
            late[25] < Duration::from_micros(200),
            "median lateness {:?}",
            late[25]
        );
    }
}
