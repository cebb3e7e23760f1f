//! How many generator threads a plan may have, by arithmetic: each takes memory before the first
//! request.

use super::PlanError;
use super::limits::MOST_CONNECTIONS;

/// The most generator threads: more than the cores of nearly every machine, and a thread beyond its
/// core sends nothing that another could not.
pub(super) const MOST: u32 = 256;

/// What a thread keeps of one group: the second that is now, the one on its way to the sum and back,
/// and the warm-up's; each of five histograms of 155 kB, and two of one replica.
const TALLIED_PER_GROUP: u32 = (3 * 5 + 2) * 155_000;

/// What so many threads take for what they count of so many groups, before the first request.
pub(super) fn tallied_gb(threads: u32, groups: usize) -> f64 {
    f64::from(threads) * groups as f64 * f64::from(TALLIED_PER_GROUP) / 1e9
}

/// What to do where the number of threads does not fit so many connections.
pub(super) fn hint(connections: u32) -> String {
    let most = MOST.min(connections);
    format!("give --threads from 1 to {most}, or leave it out")
}

/// Refuses threads that are none, too many for a machine, or more than there are connections.
pub(super) fn check(threads: u32, connections: u32, groups: usize) -> Result<(), PlanError> {
    match connections {
        0 => Err(PlanError::NoConnections),
        n if n > MOST_CONNECTIONS => Err(PlanError::TooManyConnections(n)),
        _ if threads > MOST => Err(PlanError::TooManyThreads { threads, groups }),
        n if threads == 0 || threads > n => Err(PlanError::Threads {
            threads,
            connections: n,
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_threads_as_cores_could_be_and_none_beyond() {
        assert_eq!(check(MOST, 60_000, 1), Ok(()));
        let refused = check(10_000, 20_000, 2).expect_err("too many");
        assert_eq!(
            refused.to_string(),
            "10000 threads are more than the 256 that could have a core each; for 2 host groups \
             their histograms alone take 52.7 GB"
        );
        let refused = check(u32::MAX, 1, usize::MAX).expect_err("too many");
        assert!(
            refused.to_string().contains("4294967295 threads"),
            "no overflow"
        );
        let refused = check(65, 64, 1).expect_err("too many for the connections");
        assert!(refused.hint().contains("from 1 to 64"));
        let refused = check(0, 1_000, 1).expect_err("none");
        assert!(refused.hint().contains("from 1 to 256"));
    }
}
