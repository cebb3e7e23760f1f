//! One side of a comparison: its runs' seconds as blocks that can be drawn again and again.

use super::statistics::{block_length, draw_blocks};
use crate::record::{GroupRecord, IntervalRecord, Quantiles, Record};
use crate::recorder::{Counts, Histogram};

/// The most blocks: longer runs have longer ones.
const MOST_BLOCKS: usize = 60;

/// What one group did on one side.
pub(super) struct Sample {
    /// Each run's own figures.
    pub(super) runs: Vec<Tallies>,
    pub(super) whole: Tallies,
    blocks: Vec<Tallies>,
    /// Every time that a block knows, in order: blocks are added up by place and not by value, or
    /// drawing them a thousand times would be sorting them a thousand times.
    axes: [Vec<u64>; 2],
}

/// Counts and distributions that add.
#[derive(Clone, Default)]
pub(super) struct Tallies {
    pub(super) seconds: f64,
    pub(super) succeeded: u64,
    pub(super) failed: u64,
    pub(super) replicas: Vec<u64>,
    /// Times in nanoseconds and their counts, in order.
    pub(super) response: Vec<(u64, u64)>,
    pub(super) service: Vec<(u64, u64)>,
}

impl Sample {
    pub(super) fn of(records: &[&Record], host: &str) -> Self {
        let (mut runs, mut blocks) = (Vec::new(), Vec::new());
        for record in records {
            let Some(group) = record.groups.iter().find(|group| group.label() == host) else {
                continue;
            };
            runs.push(Tallies::of_run(record, group));
            let ours: Vec<_> = record
                .intervals
                .iter()
                .filter(|interval| interval.host == host)
                .collect();
            // A second that was cut short, and what was drained after the end, is no block.
            let whole: Vec<_> = ours
                .into_iter()
                .filter(|interval| {
                    (interval.second + interval.seconds()) as f64 <= record.run.duration_s + 1e-6
                })
                .collect();
            let length = whole
                .len()
                .div_ceil((MOST_BLOCKS / records.len()).max(10))
                .max(1);
            blocks.extend(
                whole
                    .chunks(length)
                    .map(|chunk| Tallies::of_seconds(chunk, group)),
            );
        }
        let everything = Tallies::sum(runs.iter().map(|run| (run, 1)));
        let axes = [
            places(blocks.iter_mut().map(|block| &mut block.response)),
            places(blocks.iter_mut().map(|block| &mut block.service)),
        ];
        Self {
            runs,
            whole: everything,
            blocks,
            axes,
        }
    }

    pub(super) fn n_blocks(&self) -> usize {
        self.blocks.len()
    }

    /// The same blocks, drawn again with replacement.
    pub(super) fn resample(&self, rng: &mut rand_chacha::ChaCha8Rng) -> Tallies {
        let drawn = draw_blocks(self.blocks.len(), block_length(self.blocks.len()), rng);
        let blocks = || self.blocks.iter().zip(drawn.iter().copied());
        let mut sum = Tallies::default();
        for (block, times) in blocks() {
            sum.add_counts(block, times);
        }
        sum.response = self.response_of(&drawn);
        sum.service = total(
            &self.axes[1],
            blocks().map(|(block, n)| (&block.service, n)),
        );
        sum
    }

    /// The response times of its blocks together, each block as often as it was drawn.
    pub(super) fn response_of(&self, drawn: &[u32]) -> Vec<(u64, u64)> {
        let blocks = self.blocks.iter().zip(drawn.iter().copied());
        total(&self.axes[0], blocks.map(|(block, n)| (&block.response, n)))
    }
}

impl Tallies {
    fn of_run(record: &Record, group: &GroupRecord) -> Self {
        Self {
            seconds: record.run.duration_s,
            succeeded: group.requests.succeeded,
            failed: group.requests.failed,
            replicas: group
                .replicas
                .iter()
                .map(|replica| replica.requests)
                .collect(),
            response: counts(&Quantiles::sum(std::iter::once(&group.response_time))),
            service: counts(&Quantiles::sum(std::iter::once(&group.service_time))),
        }
    }

    fn of_seconds(seconds: &[&IntervalRecord], group: &GroupRecord) -> Self {
        let requests = |id: &str| -> u64 {
            let replicas = seconds.iter().flat_map(|second| &second.replicas);
            replicas
                .filter(|replica| replica.id == id)
                .map(|replica| replica.requests)
                .sum()
        };
        let mut counted = Counts::default();
        for second in seconds {
            counted.add(&second.counts());
        }
        Self {
            seconds: seconds.len() as f64,
            succeeded: counted.succeeded,
            failed: counted.failed,
            replicas: group
                .replicas
                .iter()
                .map(|replica| requests(&replica.id))
                .collect(),
            response: counts(&Quantiles::sum(
                seconds.iter().map(|second| &second.response_time),
            )),
            service: counts(&Quantiles::sum(
                seconds.iter().map(|second| &second.service_time),
            )),
        }
    }

    fn sum<'a>(parts: impl Iterator<Item = (&'a Self, u32)>) -> Self {
        let mut sum = Self::default();
        for (part, times) in parts.filter(|(_, times)| *times > 0) {
            sum.add_counts(part, times);
            let weighted = |counts: &[(u64, u64)]| -> Vec<_> {
                counts
                    .iter()
                    .map(|(value, count)| (*value, count * u64::from(times)))
                    .collect()
            };
            sum.response.extend(weighted(&part.response));
            sum.service.extend(weighted(&part.service));
        }
        sum.response.sort_unstable_by_key(|entry| entry.0);
        sum.service.sort_unstable_by_key(|entry| entry.0);
        sum
    }

    fn add_counts(&mut self, part: &Self, times: u32) {
        self.seconds += part.seconds * f64::from(times);
        self.succeeded += part.succeeded * u64::from(times);
        self.failed += part.failed * u64::from(times);
        let replicas = self.replicas.len().max(part.replicas.len());
        self.replicas.resize(replicas, 0);
        for (ours, theirs) in self.replicas.iter_mut().zip(&part.replicas) {
            *ours += theirs * u64::from(times);
        }
    }

    /// Completed requests per second.
    pub(super) fn rate(&self) -> f64 {
        (self.succeeded + self.failed) as f64 / self.seconds.max(1e-9)
    }

    /// Failed requests over finished ones.
    pub(super) fn error_rate(&self) -> f64 {
        self.failed as f64 / (self.succeeded + self.failed).max(1) as f64
    }

    /// Largest minus smallest share of a replica.
    pub(super) fn imbalance(&self) -> f64 {
        let all = self.replicas.iter().sum::<u64>().max(1) as f64;
        let most = self.replicas.iter().max().copied().unwrap_or(0);
        let least = self.replicas.iter().min().copied().unwrap_or(0);
        (most - least) as f64 / all
    }
}

fn counts(histogram: &Histogram) -> Vec<(u64, u64)> {
    histogram
        .buckets()
        .map(|(value, count)| (value.0, count))
        .collect()
}

/// Puts the place of each value among all of them where the value was, and returns them all.
fn places<'a>(counts: impl Iterator<Item = &'a mut Vec<(u64, u64)>>) -> Vec<u64> {
    let all: Vec<_> = counts.collect();
    let mut axis: Vec<u64> = all
        .iter()
        .flat_map(|one| one.iter())
        .map(|(value, _)| *value)
        .collect();
    axis.sort_unstable();
    axis.dedup();
    for (value, _) in all.into_iter().flatten() {
        *value = axis.partition_point(|other| other < value) as u64;
    }
    axis
}

/// Adds up counts by place, each as often as it was drawn, and gives them their values back.
fn total<'a>(
    axis: &[u64],
    parts: impl Iterator<Item = (&'a Vec<(u64, u64)>, u32)>,
) -> Vec<(u64, u64)> {
    let mut counts = vec![0; axis.len()];
    for (part, times) in parts.filter(|(_, times)| *times > 0) {
        for (place, count) in part {
            counts[*place as usize] += count * u64::from(times);
        }
    }
    (axis.iter().copied().zip(counts))
        .filter(|(_, count)| *count > 0)
        .collect()
}

/// How many values there are.
pub(super) fn size(counts: &[(u64, u64)]) -> u64 {
    counts.iter().map(|(_, count)| count).sum()
}

/// The value that a share of all values of two lists together do not exceed; not a number where there
/// is none.
pub(super) fn quantile_of_both(one: &[(u64, u64)], other: &[(u64, u64)], quantile: f64) -> f64 {
    let rank = (((size(one) + size(other)) as f64 * quantile).ceil() as u64).max(1);
    let (mut one, mut other) = (one.iter().peekable(), other.iter().peekable());
    let mut seen = 0;
    loop {
        let next = match (one.peek(), other.peek()) {
            (Some(a), Some(b)) if a.0 <= b.0 => one.next(),
            (_, Some(_)) => other.next(),
            _ => one.next(),
        };
        let Some((value, count)) = next else {
            return f64::NAN;
        };
        seen += count;
        if seen >= rank {
            return *value as f64;
        }
    }
}

/// The value that a share of all values do not exceed; not a number where there is none.
pub(super) fn quantile(counts: &[(u64, u64)], quantile: f64) -> f64 {
    let rank = ((size(counts) as f64 * quantile).ceil() as u64).max(1);
    let mut seen = 0;
    for (value, count) in counts {
        seen += count;
        if seen >= rank {
            return *value as f64;
        }
    }
    f64::NAN
}
