//! What a plan's memory is divided among, by arithmetic: nothing is measured while the load goes on,
//! so that what is told apart is the same in each run.

use super::PlanFields;
use crate::model::Memory;

/// What loadgen takes by itself.
pub(super) const LEAST: Memory = Memory(32_000_000);
pub(super) const MOST: Memory = Memory(1_000_000_000_000);
/// What one name of a replica takes: its total, and its part of the seconds that are on their way
/// from a few threads to the total.
const NAME: u64 = 64_000;
/// The fewest names told apart in a group, whatever the number of groups.
const LEAST_NAMES: u64 = 4;

impl PlanFields {
    /// How many names of replicas each group can tell apart: half of the memory is theirs.
    #[must_use]
    pub fn names_per_group(&self) -> usize {
        let groups = self.groups.len().max(1) as u64;
        let names = self.memory.0 / 2 / NAME / groups;
        names.max(LEAST_NAMES) as usize
    }

    /// The most bytes of a run's intervals, while they are written and where they are read: an eighth
    /// of the memory, for they are held twice when they are drawn.
    #[must_use]
    pub const fn interval_bytes(&self) -> u64 {
        self.memory.0 / 8
    }
}
