//! Looks at the spread second by second: who lost or gained a share, when, and until when.

use crate::checks::evidence::GroupEvidence;
use crate::model::ReplicaId;

/// A stretch of seconds in which a replica's share was not its usual one.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shift {
    pub(super) id: ReplicaId,
    /// The replica's place among the ids.
    pub(super) place: usize,
    /// First and last second, from the start of the measured part.
    pub(super) seconds: (u64, u64),
    /// Its share in them.
    pub(super) share: f64,
    /// Its share as it should be.
    pub(super) usual: f64,
    /// All answers in them, and in the seconds around them.
    pub(super) answers: u64,
}

/// Counts by replica of one second, or of several where a run is long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) second: u64,
    /// The last of its seconds.
    pub(super) last: u64,
    pub(super) counts: Vec<u64>,
}

/// The seconds of a group, in the order of `ids`.
pub(super) fn windows(group: &GroupEvidence<'_>, ids: &[ReplicaId]) -> Vec<Window> {
    group
        .seconds()
        .map(|point| Window {
            second: point.second,
            last: point.last(),
            counts: ids
                .iter()
                .map(|id| point.replicas.get(id).copied().unwrap_or(0))
                .collect(),
        })
        .collect()
}

/// The counts of those seconds that hold enough to be looked at.
pub(super) fn telling(windows: &[Window]) -> Vec<Vec<u64>> {
    let enough =
        |window: &&Window| window.counts.iter().sum::<u64>() >= 10 * window.counts.len() as u64;
    windows
        .iter()
        .filter(enough)
        .map(|window| window.counts.clone())
        .collect()
}

/// Stretches in which a replica's share was off by more than `slack` requests in a second, six
/// standard deviations and three tenths, whichever is the most. A second in which most requests
/// are missing tells nothing.
pub(super) fn shifts(
    windows: &[Window],
    ids: &[ReplicaId],
    shares: &[f64],
    slack: u64,
) -> Vec<Shift> {
    let mut totals: Vec<u64> = windows
        .iter()
        .map(|window| window.counts.iter().sum())
        .collect();
    totals.sort_unstable();
    let usual_total = totals.get(totals.len() / 2).copied().unwrap_or(0);
    let is_off = |window: &Window, place: usize| {
        let total = window.counts.iter().sum::<u64>();
        let expected = total as f64 * shares[place];
        let deviation = (expected * (1.0 - shares[place])).sqrt();
        let tolerance = (6.0 * deviation).max(0.3 * expected).max(slack as f64);
        total >= 20 * ids.len() as u64
            && 2 * total >= usual_total
            && (window.counts[place] as f64 - expected).abs() > tolerance
    };
    let mut shifts = Vec::new();
    for (place, id) in ids.iter().enumerate() {
        let mut at = 0;
        while at < windows.len() {
            let length = windows[at..]
                .iter()
                .take_while(|window| is_off(window, place))
                .count();
            if length > 0 {
                shifts.push(shift(windows, (at, length), id, place, shares[place]));
            }
            at += length.max(1);
        }
    }
    shifts
}

fn shift(
    windows: &[Window],
    (at, length): (usize, usize),
    id: &ReplicaId,
    place: usize,
    usual: f64,
) -> Shift {
    let within = &windows[at..at + length];
    let all: u64 = within.iter().flat_map(|window| &window.counts).sum();
    let own: u64 = within.iter().map(|window| window.counts[place]).sum();
    let around = &windows[at.saturating_sub(1)..(at + length + 1).min(windows.len())];
    Shift {
        id: id.clone(),
        place,
        seconds: (within[0].second, within[length - 1].last),
        share: own as f64 / all.max(1) as f64,
        usual,
        answers: around.iter().flat_map(|window| &window.counts).sum(),
    }
}

impl Shift {
    /// `in second 12`, or `from second 12 to 17`.
    pub(super) fn when(&self) -> String {
        when(self.seconds)
    }
}

/// `in second 12`, or `from second 12 to 17`, of seconds that count from 0.
pub(super) fn when((first, last): (u64, u64)) -> String {
    if first == last {
        format!("in second {}", first + 1)
    } else {
        format!("from second {} to {}", first + 1, last + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(counts: &[[u64; 2]]) -> (Vec<Window>, Vec<ReplicaId>) {
        let windows = (0..).zip(counts).map(|(second, counts)| Window {
            second,
            last: second,
            counts: counts.to_vec(),
        });
        (
            windows.collect(),
            vec![ReplicaId("a".into()), ReplicaId("b".into())],
        )
    }

    #[test]
    fn an_outage_is_seen_with_its_seconds() {
        let (windows, ids) = seconds(&[[250, 250], [100, 400], [0, 500], [0, 500], [250, 250]]);
        let shifts = shifts(&windows, &ids, &[0.5, 0.5], 64);
        let a = shifts
            .iter()
            .find(|shift| shift.id == ids[0])
            .expect("a shift");
        assert_eq!(a.seconds, (1, 3));
        assert!(a.share < 0.1);
        assert_eq!(a.when(), "from second 2 to 4");
    }

    #[test]
    fn noise_and_nearly_empty_seconds_are_no_shift() {
        let (windows, ids) = seconds(&[[250, 250], [260, 240], [220, 280], [250, 250], [30, 0]]);
        assert_eq!(shifts(&windows, &ids, &[0.5, 0.5], 2), []);
    }
}
