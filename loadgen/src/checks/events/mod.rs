//! What each event did: what was lost by it, when that was noticed, when all was as before.
//!
//! # Layout
//! `series` is the time near events in short windows, `usual` what it was like before one; here is
//! what is made of them. `expected` says what an event explains, so that it is no finding of its own.

mod expected;
mod series;
mod usual;

pub(super) use expected::{Disturbance, explain};

use std::collections::BTreeMap;

use super::finding::counted;
use crate::model::{Deed, Nanos};
use crate::plan::Plan;
use crate::record::{Code, EventRecord, Evidence, Finding, Happened, Severity};
use series::{STEADY, Series, Stretch};
use usual::Usual;

/// How long after it all was as before an event is looked at.
const AFTER: Nanos = Nanos(4 * Nanos::SECOND.0);

/// Everything about one event.
struct Case<'a> {
    happened: &'a Happened,
    series: Series,
    usual: Usual,
    began: Nanos,
    /// The next event that is about the same, or the end of the run.
    limit: Nanos,
}

/// What came of each event, in the plan's order.
pub(super) fn judge(evidence: &Evidence) -> Vec<EventRecord> {
    let mut records: Vec<EventRecord> = Vec::new();
    for (place, happened) in evidence.events.iter().enumerate() {
        let mut record = described(place, happened);
        if let Some(began) = happened.began {
            Case::of(evidence, happened, began, &records).tell(&mut record);
        }
        records.push(record);
    }
    records
}

fn described(place: usize, happened: &Happened) -> EventRecord {
    let deed = &happened.deed;
    EventRecord {
        n: place as u64 + 1,
        asked: happened.asked.at.0,
        began: happened.began.map(|at| at.0),
        done: happened.done.map(|at| at.0),
        verb: deed.verb().to_owned(),
        whom: deed.whom(),
        group: deed.group().map(str::to_owned),
        replicas: happened.replicas.iter().map(|id| id.0.clone()).collect(),
        failed: happened.failed.clone(),
        output: happened.output.clone(),
        ..EventRecord::default()
    }
}

/// Whether two events are about the same group; one without a group is about all.
fn same_group(one: Option<&str>, other: Option<&str>) -> bool {
    one.is_none() || other.is_none() || one == other
}

impl<'a> Case<'a> {
    fn of(
        evidence: &Evidence,
        happened: &'a Happened,
        began: Nanos,
        earlier: &[EventRecord],
    ) -> Self {
        let group = happened.deed.group();
        let series = Series::of(&evidence.recording.moments, |place| {
            group.is_none_or(|group| host_of(&evidence.plan, place) == Some(group))
        });
        let others = evidence.events.iter();
        let others = others.filter(|other| same_group(group, other.deed.group()));
        let next = others.filter_map(|other| other.began.filter(|at| *at > began));
        let ends = earlier
            .iter()
            .filter(|one| same_group(group, one.group.as_deref()));
        let ends = ends.filter_map(end_of).filter(|end| *end <= began);
        let since = ends.max().unwrap_or_default();
        Self {
            usual: Usual::of(&series, since, began, happened),
            limit: next.min().unwrap_or(evidence.recording.measured),
            happened,
            series,
            began,
        }
    }

    fn tell(&self, record: &mut EventRecord) {
        let recovered = self.recovered();
        let until = recovered.unwrap_or(self.limit);
        let from = self.series.beginning_of(self.began);
        // A window that holds both ends belongs to the event.
        let during = Stretch::of(self.series.within(from, until.max(from.plus(Nanos(1)))));
        let since = |at: Nanos| at.since(self.began).as_secs_f64();
        let anyway = self.usual.failures_anyway(&during);
        record.lost = during.failed.saturating_sub(anyway);
        record.lost_by = lost_by(&during, record.lost);
        record.retried = during.retried;
        record.detection_s = self.detected().map(since);
        record.recovery_s = recovered.map(since);
        record.rebalance_s = self.rebalanced();
        let before = &self.usual.before;
        record.before = (before.requests() > 0).then(|| before.phase());
        record.during = (during.requests() > 0).then(|| during.phase());
        if let Some(recovered) = recovered {
            let end = recovered.plus(AFTER).min(self.limit);
            let after = Stretch::of(self.series.within(recovered, end));
            record.after = (after.requests() > 0).then(|| after.phase());
        }
    }

    /// The seconds that begin with a window in a span and are whole before the limit.
    fn seconds(&self, from: Nanos) -> impl Iterator<Item = (Nanos, Stretch)> + '_ {
        let starts = self.series.within(from, self.limit).iter();
        let starts = starts.map(|moment| moment.start);
        let whole = starts.filter(|start| start.plus(STEADY) <= self.limit);
        whole.filter_map(|start| Some((start, self.series.second_from(start)?)))
    }

    /// When all was as before. Searched from the end of the deed on, because what it does may come late
    /// and more than once; then as far back as nothing was disturbed.
    fn recovered(&self) -> Option<Nanos> {
        let done = self.happened.done?;
        let from = self.series.beginning_of(self.began);
        let seconds: Vec<_> = (self.seconds(from))
            .map(|(start, second)| (start, self.usual.is_like(&second)))
            .collect();
        let done = self.series.beginning_of(done);
        let found = seconds
            .iter()
            .position(|(start, good)| *good && *start >= done)?;
        let undisturbed = seconds[..=found].iter().rev().take_while(|(_, good)| *good);
        let first = undisturbed.last().map_or(done, |(start, _)| *start);
        Some(first.max(self.began))
    }

    /// When the last request met the replica that is away.
    fn detected(&self) -> Option<Nanos> {
        if !matches!(
            self.happened.deed,
            Deed::Kill(_) | Deed::Stop(_) | Deed::Disconnect(_)
        ) {
            return None;
        }
        let from = self.series.beginning_of(self.began);
        let until = self.happened.asked.until.or(self.happened.done);
        let until = until.unwrap_or(self.limit).min(self.limit);
        let anyway = |failed: u64| failed as f64 > self.usual.before.error_rate() * 100.0;
        let met = |moment: &&crate::recorder::Moment| {
            let mut answers = moment.replicas.iter().filter(|(_, count)| **count > 0);
            moment.retried > 0
                || moment.failed > 0 && anyway(moment.failed)
                || answers.any(|(id, _)| self.happened.replicas.contains(id))
        };
        let last = self.series.within(from, until).iter().rev().find(met);
        Some(last.map_or(self.began, |moment| moment.end().min(until)))
    }

    /// Seconds from the end of the deed until every replica that it was done to had its share.
    fn rebalanced(&self) -> Option<f64> {
        let deed = &self.happened.deed;
        let goes = matches!(deed, Deed::Stop(_)) && self.happened.asked.until.is_none();
        let done = self.happened.done?;
        if self.happened.replicas.is_empty() || goes {
            return None;
        }
        let from = self.series.beginning_of(done);
        let has = |second: &Stretch| {
            let mut replicas = self.happened.replicas.iter();
            second.named() > 0 && replicas.all(|id| self.usual.has_share(id, second))
        };
        let found = self.seconds(from).find(|(_, second)| has(second));
        found.map(|(start, _)| start.since(done).as_secs_f64())
    }
}

fn host_of(plan: &Plan, place: usize) -> Option<&str> {
    plan.groups.get(place).map(|group| group.host.as_str())
}

/// When all was as before again, on the run's time line.
fn end_of(record: &EventRecord) -> Option<Nanos> {
    let recovery = Nanos::from_secs_f64(record.recovery_s?);
    Some(Nanos(record.began?).plus(recovery))
}

/// What was lost by its class, in proportion where some of it would have been anyway.
fn lost_by(during: &Stretch, lost: u64) -> BTreeMap<String, u64> {
    let part = |count: u64| {
        let part = u128::from(count) * u128::from(lost) / u128::from(during.failed.max(1));
        part as u64
    };
    let by = during.failures.iter();
    by.map(|(name, count)| (name.clone(), part(*count)))
        .filter(|(_, count)| *count > 0)
        .collect()
}

/// Events that could not be carried out, and those after which it was not as before.
pub(super) fn findings(evidence: &Evidence, records: &[EventRecord]) -> Vec<Finding> {
    let measured = evidence.recording.measured;
    let found = records.iter().filter_map(|record| {
        let finding = finding(record, measured)?;
        Some(match &record.group {
            Some(group) => finding.of_group(group),
            None => finding,
        })
    });
    found.collect()
}

fn finding(record: &EventRecord, measured: Nanos) -> Option<Finding> {
    let what = format!("event {}, {} {}", record.n, record.verb, record.whom);
    if let Some(reason) = &record.failed {
        let message = format!("{what}, could not be carried out: {reason}");
        return Some(
            Finding::new(Code::EventFailed, message)
                .hint("what was changed is put back; `loadgen ps` shows what runs"),
        );
    }
    let Some(began) = record.began else {
        let message = format!("{what}, was not begun: the run ended before");
        return Some(Finding::new(Code::EventFailed, message));
    };
    if record.recovery_s.is_some() {
        return None;
    }
    let lost = counted(record.lost, "request");
    let left = record.done.map(|done| measured.since(Nanos(done)));
    let Some(left) = left.filter(|left| *left >= STEADY) else {
        let message = format!(
            "{what}, was not over a second before the end of the run: whether all is as before was not seen, and {lost} had failed by then"
        );
        let finding = Finding::new(Code::EventUnrecovered, message);
        let finding = finding.weighing(Severity::Warning);
        return Some(finding.hint("lengthen --duration, or move the event forward"));
    };
    let since = measured.since(Nanos(began));
    let message = format!(
        "{what}, was not followed by one second as those before it: {lost} failed in {since}, and it was carried out {left} before the end"
    );
    let hint = "the time-line shows what stayed: errors, a slower p99, or shares";
    Some(Finding::new(Code::EventUnrecovered, message).hint(hint))
}
