//! A span of one group's time with everything counted in it: the one shape in which counts travel.
//!
//! Threads hand windows over, the spool holds them, recovery reads them, a whole run is the window
//! that they fold into. **Invariant:** folding is associative, commutative and exact, also through
//! the form in which windows are stored.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Tally, TallyPool};
use crate::model::{Nanos, second_of};

/// Whether requests count in the figures of a run.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Due before the measured part: in no figure, but in the servers' counters.
    WarmUp,
    /// Due in the measured part.
    #[default]
    Measured,
}

impl Phase {
    /// Both, in order of time.
    pub const ALL: [Self; 2] = [Self::WarmUp, Self::Measured];
}

/// What was counted for one group and phase in one span of time. A request of the warm-up that is
/// answered later is in a later window of the warm-up.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Window {
    /// The group's place in the plan.
    pub group: usize,
    pub phase: Phase,
    /// Nanoseconds from the beginning of the measured part; negative before it.
    pub start: i64,
    pub length: Nanos,
    pub tally: Tally,
}

impl Window {
    /// Adds another window of the same group and phase; the span becomes that of both.
    pub fn fold(&mut self, other: &Self, pool: &mut TallyPool) {
        let end = self.end().max(other.end());
        self.start = self.start.min(other.start);
        self.length = Nanos(end.abs_diff(self.start));
        self.tally.add_from(&other.tally, pool);
    }

    /// The same as a part of its second.
    #[must_use]
    pub(super) const fn into_second(mut self) -> Self {
        self.start = second_of(self.start);
        self.length = Nanos::SECOND;
        self
    }

    /// Its end, in nanoseconds from the beginning of the measured part.
    #[must_use]
    pub const fn end(&self) -> i64 {
        self.start.saturating_add_unsigned(self.length.0)
    }

    /// The second in which it begins, from the beginning of the measured part.
    #[must_use]
    pub const fn second(&self) -> u64 {
        (if self.start > 0 { self.start } else { 0 }).cast_unsigned() / Nanos::SECOND.0
    }
}

/// Windows as they come, folded by group, phase and start.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Windows(BTreeMap<(i64, usize, Phase), Window>);

impl Windows {
    /// Takes in a window, whose memory may go to the pool.
    pub fn add(&mut self, window: Window, pool: &mut TallyPool) {
        if let Some(tally) = self.fold(window, pool) {
            pool.give(tally);
        }
    }

    /// The same; gives back the memory of one that was added to another.
    pub fn fold(&mut self, window: Window, pool: &mut TallyPool) -> Option<Tally> {
        let key = (window.start, window.group, window.phase);
        let Some(sum) = self.0.get_mut(&key) else {
            self.0.insert(key, window);
            return None;
        };
        sum.fold(&window, pool);
        Some(window.tally)
    }

    /// Takes out the windows that begin before an instant, in order of time.
    pub fn take_before(&mut self, instant: i64) -> impl Iterator<Item = Window> {
        let later = self.0.split_off(&(instant, 0, Phase::WarmUp));
        std::mem::replace(&mut self.0, later).into_values()
    }

    /// Takes out all windows, in order of time.
    pub fn take_all(&mut self) -> impl Iterator<Item = Window> {
        std::mem::take(&mut self.0).into_values()
    }
}
