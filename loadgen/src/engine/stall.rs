//! The stall meter: a thread that does nothing but look at the clock every two milliseconds, and so
//! notices when it could not. What kept it from running kept the generator's threads from it too.
//!
//! The model is Gil Tene's jHiccup. Two milliseconds cost 0.5 to 0.9 % of a core on a virtual machine.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use rustix::thread::clock_nanosleep_absolute;
use rustix::time::ClockId;

use super::{Clock, contention};
use crate::model::Nanos;
use crate::recorder::Stalls;

/// How often it looks.
const PERIOD: Nanos = Nanos(2_000_000);
/// From here on being late is a stall: an awakening of a virtual machine takes 50 to 150 µs.
const LEAST: Nanos = Nanos(1_000_000);

/// A meter that runs.
pub struct StallMeter {
    end: Arc<AtomicBool>,
    thread: JoinHandle<Stalls>,
}

impl StallMeter {
    /// Begins to watch; what lies before `from` and after `until` is left out.
    pub fn start(clock: Clock, from: Nanos, until: Nanos) -> std::io::Result<Self> {
        let end = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&end);
        let thread = std::thread::Builder::new()
            .name("stall-meter".into())
            .spawn(move || watch(clock, from, until, &ended))?;
        Ok(Self { end, thread })
    }

    /// Ends it, and tells what it saw; nothing where its thread was lost.
    pub fn finish(self) -> Stalls {
        self.end.store(true, Ordering::Relaxed);
        self.thread.thread().unpark();
        self.thread.join().unwrap_or_default()
    }
}

fn watch(clock: Clock, from: Nanos, until: Nanos, ended: &AtomicBool) -> Stalls {
    let mut stalls = Stalls::default();
    let over = || ended.load(Ordering::Relaxed);
    while clock.now() < from && !over() {
        std::thread::park_timeout(from.since(clock.now()).into());
    }
    let before = contention::read();
    let mut at = clock.now();
    while at < until && !over() {
        let due = at.plus(PERIOD);
        // Interrupted by a signal it looks early, which is no harm.
        let _ = clock_nanosleep_absolute(ClockId::Monotonic, &clock.timespec(due));
        at = clock.now();
        if at.since(due) >= LEAST {
            stalls.add(due.since(from), at.since(from));
        }
    }
    stalls.watched = at.min(until).since(from);
    let after = contention::read();
    stalls.throttled = contention::grown(before.throttled, after.throttled);
    stalls.stolen = contention::grown(before.stolen, after.stolen);
    stalls
}
