//! What the counters do while this run sends nothing: health checks come at a steady pace, before,
//! during and after it.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::{Scraper, Snapshot};
use crate::model::{ReplicaId, Topology};

/// Between two looks.
const POLL: Duration = Duration::from_millis(250);
/// Steps from which on a pace can be told to be steady: two equal gaps.
const FEW_STEPS: f64 = 3.0;

/// The counters over some time without a request of this run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct IdleWatch {
    /// How long they were watched, in seconds.
    pub seconds: f64,
    /// What each replica's selected series rose by, our own reads of its page among it.
    pub replicas: Vec<(ReplicaId, u64)>,
    /// What the proxy's counter rose by, our own read of its page among it.
    pub proxy: Option<u64>,
    /// When each look was, in seconds, and what each replica's series had risen by then; none in runs of
    /// an older version.
    #[serde(default)]
    pub looks: Vec<(f64, Vec<u64>)>,
}

/// How often something came by itself, and how evenly.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Pace {
    /// Requests a second, at least and at most.
    per_second: (f64, f64),
    /// The most that came between two looks: probes of several kinds may come together.
    step: f64,
}

impl Scraper {
    /// Watches for so long.
    pub async fn watch_idle(&self, topology: &Topology, within: Duration) -> IdleWatch {
        let begun = Instant::now();
        let mut seen = vec![(0.0, self.snapshot(topology).await)];
        while begun.elapsed() < within {
            tokio::time::sleep(POLL).await;
            seen.push((begun.elapsed().as_secs_f64(), self.snapshot(topology).await));
        }
        IdleWatch::over(&seen)
    }
}

impl IdleWatch {
    fn over(seen: &[(f64, Snapshot)]) -> Self {
        let (Some((_, first)), Some((seconds, last))) = (seen.first(), seen.last()) else {
            return Self::default();
        };
        let rise = |place: usize, now: &Snapshot| {
            let total = |of: &Snapshot| Some(of.replicas.get(place)?.page.as_ref().ok()?.total);
            total(now)?.checked_sub(total(first)?)
        };
        // A page that could not be read, or a counter that fell, tells of no pace.
        let places = 0..first.replicas.len();
        let whole = places.filter(|place| seen.iter().all(|(_, now)| rise(*place, now).is_some()));
        let whole: Vec<usize> = whole.collect();
        let rises = |now: &Snapshot| -> Vec<u64> {
            let each = whole.iter();
            each.map(|place| rise(*place, now).unwrap_or(0)).collect()
        };
        let ids = whole
            .iter()
            .map(|place| first.replicas[*place].replica.id.clone());
        let proxy = first.proxy.as_ref().zip(last.proxy.as_ref());
        Self {
            seconds: *seconds,
            replicas: ids.zip(rises(last)).collect(),
            proxy: proxy.and_then(|(first, last)| {
                let (then, now) = (first.page.as_ref().ok()?, last.page.as_ref().ok()?);
                now.total.checked_sub(then.total)
            }),
            looks: seen.iter().map(|(at, now)| (*at, rises(now))).collect(),
        }
    }

    /// How often a replica's series rose on their own, at least and at most, within `seconds` at the
    /// pace seen; each look is among what was counted where `counts_looks`. `None` where they stood
    /// still, or rose too seldom or too unevenly to be a pace.
    #[must_use]
    pub fn expected(&self, id: &ReplicaId, counts_looks: bool, seconds: f64) -> Option<(f64, f64)> {
        let place = self.replicas.iter().position(|(known, _)| known == id)?;
        let each = self.looks.iter().zip(0u64..);
        let risen: Vec<(f64, f64)> = each
            .filter_map(|((at, rises), look)| {
                let own = if counts_looks { look } else { 0 };
                Some((*at, rises.get(place)?.saturating_sub(own) as f64))
            })
            .collect();
        let pace = Pace::of(&risen)?;
        let least = pace.per_second.0 * seconds - pace.step;
        Some((least.max(1.0), pace.per_second.1 * seconds + pace.step))
    }
}

impl Pace {
    /// The pace of a counter that was looked at at these times; `None` where it is none.
    ///
    /// A steady pace keeps to a straight line within one step, and what a look is late by.
    fn of(risen: &[(f64, f64)]) -> Option<Self> {
        let steps = risen.windows(2).filter(|pair| pair[1].1 > pair[0].1);
        let steps: Vec<(f64, f64)> = steps
            .map(|pair| (pair[1].0, pair[1].1 - pair[0].1))
            .collect();
        let late = risen.windows(2).map(|pair| pair[1].0 - pair[0].0);
        let late = late.fold(0.0, f64::max);
        let (first, last) = (steps.first()?, steps.last()?);
        let step = steps.iter().map(|(_, size)| *size).fold(0.0, f64::max);
        let total: f64 = steps.iter().map(|(_, size)| size).sum();
        let (span, after_first) = (last.0 - first.0, total - first.1);
        if total / step < FEW_STEPS || span <= late {
            return None;
        }
        let rate = after_first / span;
        let offsets = risen.iter().map(|(at, count)| count - rate * at);
        let (low, high) = offsets
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), offset| {
                (low.min(offset), high.max(offset))
            });
        let is_steady = high - low <= 1.25 * step + 2.0 * rate * late;
        is_steady.then_some(Self {
            per_second: (after_first / (span + late), after_first / (span - late)),
            step,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A counter that rises at these times, looked at every quarter of a second.
    fn watch(seconds: f64, rises_at: &[f64], counts_looks: bool) -> IdleWatch {
        let looks: Vec<(f64, Vec<u64>)> = (0..=(seconds / 0.25) as u64)
            .map(|look| {
                let at = look as f64 * 0.25;
                let risen = rises_at.iter().filter(|rise| **rise <= at).count() as u64;
                (at, vec![risen + if counts_looks { look } else { 0 }])
            })
            .collect();
        let last = looks.last().map_or(0, |(_, rises)| rises[0]);
        IdleWatch {
            seconds,
            replicas: vec![(ReplicaId("a".into()), last)],
            proxy: None,
            looks,
        }
    }

    fn every(period: f64, seconds: f64) -> Vec<f64> {
        let count = (seconds / period) as u64;
        (0..count).map(|n| 0.13 + n as f64 * period).collect()
    }

    fn expected(watch: &IdleWatch, counts_looks: bool, seconds: f64) -> Option<(f64, f64)> {
        watch.expected(&ReplicaId("a".into()), counts_looks, seconds)
    }

    #[test]
    fn what_comes_at_a_steady_pace_is_expected_at_that_pace() {
        for (period, watched) in [(0.05, 5.0), (0.2, 5.0), (1.0, 5.0), (2.0, 9.0), (9.0, 30.0)] {
            for counts_looks in [false, true] {
                let seen = watch(watched, &every(period, watched), counts_looks);
                let (least, most) = expected(&seen, counts_looks, 20.0).expect("a pace");
                let right = 20.0 / period;
                assert!(least <= right && right <= most, "{period}: {least} {most}");
                assert!(
                    most - least <= 4.0 + 0.3 * right,
                    "{period}: {least} {most}"
                );
            }
        }
        assert_eq!(expected(&watch(5.0, &[], true), true, 20.0), None);
        let stranger = ReplicaId("stranger".into());
        assert_eq!(
            watch(5.0, &[], false).expected(&stranger, false, 20.0),
            None
        );
    }

    #[test]
    fn a_stray_request_and_a_burst_are_no_pace() {
        let strays: [&[f64]; 6] = [
            &[1.0],
            &[1.0, 3.0],
            &[1.0, 1.01, 1.02, 1.03, 1.04],
            &[0.1, 0.2, 0.3, 0.4, 0.5, 4.9],
            &[0.1, 0.3, 0.4, 4.0, 4.2, 4.6],
            &[0.1, 3.9, 4.6],
        ];
        for rises in strays {
            assert_eq!(
                expected(&watch(5.0, rises, false), false, 20.0),
                None,
                "{rises:?}"
            );
        }
    }

    #[test]
    fn several_probers_that_come_together_are_a_pace() {
        let four: Vec<f64> = every(2.0, 9.0).into_iter().flat_map(|at| [at; 4]).collect();
        let (least, most) = expected(&watch(9.0, &four, false), false, 20.0).expect("a pace");
        assert!(least <= 40.0 && 40.0 <= most, "{least} {most}");
    }

    #[test]
    fn a_watch_of_an_older_version_tells_of_no_pace() {
        let old = r#"{"seconds":5.0,"replicas":[["a",25]],"proxy":null}"#;
        let old: IdleWatch = serde_json::from_str(old).expect("readable");
        assert_eq!(expected(&old, false, 20.0), None);
    }
}
