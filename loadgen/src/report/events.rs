//! Events in words and in rows, for every renderer.

use super::format::{counted, grouped, percent, seconds, span};
use super::sentences::plain;
use crate::record::{EventPhase, EventRecord};

/// One event as a row: what, and its figures as they are written.
pub(super) struct EventRow {
    pub(super) n: u64,
    pub(super) at: String,
    pub(super) what: String,
    pub(super) lost: String,
    pub(super) detection: String,
    pub(super) recovery: String,
    pub(super) rebalance: String,
    pub(super) p99: String,
    pub(super) errors: String,
}

/// The titles of the columns of an [`EventRow`].
pub(super) const TITLES: [&str; 9] = [
    "n",
    "at",
    "event",
    "lost",
    "noticed",
    "as before",
    "re-balanced",
    "p99",
    "errors",
];

impl EventRow {
    pub(super) fn of(event: &EventRecord) -> Self {
        let after = |time: Option<f64>| time.map_or_else(|| "–".to_owned(), seconds);
        let phases = [event.before, event.during, event.after];
        let each = |write: fn(EventPhase) -> String| {
            let words = phases.map(|phase| phase.map_or_else(|| "–".to_owned(), write));
            words.join(" → ")
        };
        Self {
            n: event.n,
            at: seconds(event.asked as f64 / 1e9),
            what: what(event),
            lost: lost(event),
            detection: after(event.detection_s),
            recovery: after(event.recovery_s),
            rebalance: after(event.rebalance_s),
            p99: each(|phase| span(phase.p99 as f64)),
            errors: each(|phase| percent(phase.error_rate)),
        }
    }

    pub(super) fn cells(self) -> [String; 9] {
        [
            self.n.to_string(),
            self.at,
            self.what,
            self.lost,
            self.detection,
            self.recovery,
            self.rebalance,
            self.p99,
            self.errors,
        ]
    }
}

fn what(event: &EventRecord) -> String {
    plain(&format!("{} {}", event.verb, event.whom))
}

/// `100 (100 × 502)`
fn lost(event: &EventRecord) -> String {
    let by = event.lost_by.iter().take(4);
    let by: Vec<_> = by
        .map(|(name, count)| format!("{} × {}", grouped(*count), plain(name)))
        .collect();
    match by.as_slice() {
        [] => grouped(event.lost),
        by => format!("{} ({})", grouped(event.lost), by.join(", ")),
    }
}

/// What an event did, in one sentence.
pub(super) fn sentence(event: &EventRecord) -> String {
    let head = format!(
        "event {} at {}, {}",
        event.n,
        seconds(event.asked as f64 / 1e9),
        what(event)
    );
    if let Some(reason) = &event.failed {
        return format!("{head}: failed: {}", plain(reason));
    }
    if event.began.is_none() {
        return format!("{head}: the run ended before");
    }
    let mut parts = vec![format!("{} lost", counted(event.lost, "request"))];
    if !event.lost_by.is_empty() {
        parts[0] = format!("{} lost", lost(event).replacen(' ', " requests ", 1));
    }
    if event.retried > 0 {
        parts.push(format!("{} tried again", grouped(event.retried)));
    }
    parts.extend((event.detection_s).map(|time| format!("noticed after {}", seconds(time))));
    parts.push(match event.recovery_s {
        Some(time) => format!("all as before after {}", seconds(time)),
        None => "not seen as before".to_owned(),
    });
    parts.extend(
        (event.rebalance_s).map(|time| format!("its share {} after it was there", seconds(time))),
    );
    let row = EventRow::of(event);
    parts.push(format!("p99 {}", row.p99));
    format!("{head}: {}", parts.join("; "))
}
