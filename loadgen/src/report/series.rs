//! A group's seconds as a series of buckets: what every chart over time is drawn from.
//!
//! Buckets are whole seconds, several of them where a run is long, so that a page stays small. A
//! second that was not over when the run ended is left out of rates, which would look like a
//! drop; what was answered after the end is told apart as `drained`.

use std::collections::BTreeMap;

use super::chart::Mark;
use crate::record::{EventRecord, IntervalRecord, Quantiles, Record};
use crate::recorder::{Counts, Histogram};

/// The most points a line has.
const MOST_BUCKETS: u64 = 240;

/// One group's buckets in order of time, without holes in their numbering.
#[derive(Debug, Default)]
pub(super) struct Series {
    /// Every bucket of the measured part.
    pub(super) buckets: Vec<Bucket>,
    /// Where the time axis ends, in seconds.
    pub(super) end: f64,
    /// Seconds in a bucket.
    pub(super) width: u64,
    /// Answers that came after the measured part.
    pub(super) drained: u64,
    /// The events that are about the group, each until all was as before.
    pub(super) marks: Vec<Mark>,
}

/// Some seconds of one group.
#[derive(Clone, Debug, Default)]
pub(super) struct Bucket {
    /// Its first instant, in seconds.
    pub(super) from: f64,
    pub(super) to: f64,
    /// Whether the record has anything of it at all; a gap otherwise.
    pub(super) known: bool,
    /// Whether its seconds were over when the run ended, so that counts make a rate.
    pub(super) whole: bool,
    pub(super) counts: Counts,
    pub(super) response: Quantiles,
    pub(super) service: Quantiles,
    pub(super) lag: Quantiles,
    pub(super) release_lag: Quantiles,
    pub(super) connection_wait: Quantiles,
    /// Response times: the highest of each histogram bucket, and its count.
    pub(super) spread: Vec<(u64, u64)>,
    /// Answers by status, and failures by class.
    pub(super) failures: BTreeMap<String, u64>,
    pub(super) replicas: BTreeMap<String, ReplicaBucket>,
}

/// One replica's part of a bucket.
#[derive(Clone, Debug, Default)]
pub(super) struct ReplicaBucket {
    pub(super) requests: u64,
    pub(super) response: Quantiles,
}

impl Bucket {
    /// Seconds it is long.
    pub(super) fn length(&self) -> f64 {
        self.to - self.from
    }

    /// What it is called, counted from one as findings do.
    pub(super) fn name(&self) -> String {
        let (first, last) = (self.from as u64 + 1, self.to.ceil() as u64);
        if last <= first {
            format!("second {first}")
        } else {
            format!("seconds {first} to {last}")
        }
    }

    /// Requests of it that took longer than this.
    pub(super) fn above(&self, nanos: u64) -> u64 {
        let longer = self.spread.iter().filter(|(value, _)| *value > nanos);
        longer.map(|(_, count)| count).sum()
    }

    /// Its middle, in seconds.
    pub(super) fn middle(&self) -> f64 {
        f64::midpoint(self.from, self.to)
    }

    /// A count as a rate per second, where it makes one.
    pub(super) fn rate(&self, count: u64) -> Option<f64> {
        (self.known && self.whole).then(|| count as f64 / self.length())
    }
}

/// The events of a group as stretches of time.
fn marks(record: &Record, name: &str, duration: f64) -> Vec<Mark> {
    let mut groups = record.groups.iter();
    let host = groups.find(|group| group.label() == name);
    let host = host.map_or(name, |group| group.host.as_str());
    let events = record.events.iter();
    let ours = events.filter(|event| event.group.as_deref().is_none_or(|group| group == host));
    let mark = |event: &EventRecord| {
        let from = event.began? as f64 / 1e9;
        Some(Mark {
            from,
            to: event
                .recovery_s
                .map_or(duration, |recovery| from + recovery),
            name: event.n.to_string(),
        })
    };
    ours.filter_map(mark).collect()
}

impl Series {
    /// The series of one group.
    pub(super) fn of(record: &Record, host: &str) -> Self {
        let ours: Vec<_> = record
            .intervals
            .iter()
            .filter(|interval| interval.host == host)
            .collect();
        let duration = record.run.duration_s.max(0.0);
        let seconds = (duration.ceil() as u64).max(1);
        let width = nice_width(seconds.div_ceil(MOST_BUCKETS), record.interval_s.max(1));
        let mut buckets = Vec::new();
        for number in 0..seconds.div_ceil(width) {
            let inside = number * width..(number + 1) * width;
            let members: Vec<_> = ours
                .iter()
                .filter(|interval| inside.contains(&interval.second))
                .copied()
                .collect();
            buckets.push(bucket(number * width, width, duration, &members));
        }
        if buckets.iter().all(|bucket| !bucket.whole) {
            // A run of less than a second has one bucket, as long as the run was.
            for bucket in &mut buckets {
                bucket.whole = true;
            }
        }
        let after = ours.iter().filter(|interval| interval.second >= seconds);
        Self {
            buckets,
            marks: marks(record, host, duration),
            end: if duration > 0.0 { duration } else { 1.0 },
            width,
            drained: after
                .map(|interval| interval.succeeded + interval.failed)
                .sum(),
        }
    }

    /// Whether anything finished at all.
    pub(super) fn is_silent(&self) -> bool {
        self.buckets.iter().all(|bucket| bucket.response.count == 0)
    }
}

/// Whole seconds that people count in, and that intervals fill.
fn nice_width(at_least: u64, interval: u64) -> u64 {
    let nice = [1, 2, 3, 5, 10, 15, 20, 30, 60, 120, 300, 600];
    let fits = |width: &u64| *width >= at_least && width.is_multiple_of(interval);
    let nice = nice.into_iter().find(fits);
    nice.unwrap_or_else(|| at_least.div_ceil(interval) * interval)
}

fn bucket(from: u64, width: u64, duration: f64, members: &[&IntervalRecord]) -> Bucket {
    let nominal = (from + width) as f64;
    let mut bucket = Bucket {
        from: from as f64,
        to: nominal.min(duration.max(f64::from(u8::from(from == 0)) * 1e-3)),
        known: !members.is_empty(),
        whole: nominal <= duration + 1e-6 || (width > 1 && duration - from as f64 >= 1.0),
        ..Bucket::default()
    };
    for member in members {
        bucket.counts.add(&member.counts());
        let failed = member
            .status
            .iter()
            .filter(|(status, _)| !status.starts_with(['2', '3']));
        for (class, count) in failed.chain(&member.errors) {
            *bucket.failures.entry(class.clone()).or_default() += count;
        }
    }
    let response = Quantiles::sum(members.iter().map(|member| &member.response_time));
    bucket.spread = response
        .buckets()
        .map(|(value, count)| (value.0, count))
        .collect();
    bucket.response = figures(
        members.iter().map(|member| &member.response_time),
        Some(&response),
    );
    bucket.service = figures(members.iter().map(|member| &member.service_time), None);
    bucket.lag = figures(members.iter().map(|member| &member.send_lag), None);
    bucket.release_lag = figures(members.iter().map(|member| &member.release_lag), None);
    bucket.connection_wait = figures(members.iter().map(|member| &member.connection_wait), None);
    let mut by_replica: BTreeMap<&str, Vec<_>> = BTreeMap::new();
    for replica in members.iter().flat_map(|member| &member.replicas) {
        by_replica.entry(&replica.id).or_default().push(replica);
    }
    for (id, parts) in by_replica {
        let part = ReplicaBucket {
            requests: parts.iter().map(|part| part.requests).sum(),
            response: figures(parts.iter().map(|part| &part.response_time), None),
        };
        bucket.replicas.insert(id.to_owned(), part);
    }
    bucket
}

/// The figures of several histograms together; those of a single one need no histogram.
fn figures<'a>(
    parts: impl Iterator<Item = &'a Quantiles> + Clone,
    known: Option<&Histogram>,
) -> Quantiles {
    let mut some = parts.clone().filter(|part| part.count > 0);
    let single = match (some.next(), some.next()) {
        (None, _) => return Quantiles::default(),
        (Some(single), None) => Some(single),
        _ => None,
    };
    match (single, known) {
        (Some(single), _) => Quantiles {
            hdr: String::new(),
            ..single.clone()
        },
        (None, Some(histogram)) => Quantiles::figures(histogram),
        (None, None) => Quantiles::figures(&Quantiles::sum(parts)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic;

    #[test]
    fn a_second_that_was_cut_short_makes_no_rate() {
        let mut record = synthetic::clean();
        record.run.duration_s = 9.4;
        let series = Series::of(&record, "app-group-1");
        assert_eq!(series.buckets.len(), 10);
        assert_eq!(series.buckets[8].rate(500), Some(500.0));
        assert_eq!(series.buckets[9].rate(200), None);
    }

    #[test]
    fn answers_after_the_end_are_drained_and_no_part_of_the_axis() {
        let mut record = synthetic::clean();
        record.run.duration_s = 9.0;
        let series = Series::of(&record, "app-group-1");
        assert_eq!((series.buckets.len(), series.drained), (9, 500));
    }

    #[test]
    fn a_missing_second_is_a_gap_and_not_a_zero() {
        let mut record = synthetic::clean();
        record.intervals.remove(4);
        let series = Series::of(&record, "app-group-1");
        assert_eq!(series.buckets[4].rate(0), None);
    }

    #[test]
    fn half_a_second_is_one_bucket_of_half_a_second() {
        let mut record = synthetic::one_second();
        record.run.duration_s = 0.5;
        let series = Series::of(&record, "app-group-1");
        assert_eq!(series.buckets.len(), 1);
        assert_eq!(series.buckets[0].rate(100), Some(200.0));
    }
}
