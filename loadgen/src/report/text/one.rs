//! One group in full: percentiles down, the three times across, a bar per replica.

use std::fmt::Write as _;

use super::layout::{self, Ink, Page};
use super::requests;
use crate::record::{GroupRecord, Quantiles, Record, ReplicaRecord};
use crate::report::format::{TimeUnit, grouped, seconds, share};
use crate::report::load;
use crate::report::sentences;

/// One group: what was asked and what came of it, the times, the replicas, balance and counts.
pub(super) fn group(page: &mut Page, record: &Record, group: &GroupRecord) {
    page.blank();
    heading(page, record, group);
    times(page, group);
    requests::requests(page, group);
    replicas(page, group);
    page.sentence(2, &sentences::balance(group));
    page.sentence(2, &sentences::counts(group));
}

fn heading(page: &mut Page, record: &Record, group: &GroupRecord) {
    let host = page.ink(Ink::Strong, &sentences::plain(group.label()));
    let counts = group.requests;
    let load = load::words(record, group);
    let time = seconds(record.run.duration_s);
    let stack = format!(
        "{} stack, {}",
        record.stack.kind,
        sentences::plain(&record.stack.proxy)
    );
    page.sentence(0, &format!("{host} · {load} for {time} · {stack}"));
    let mut parts = vec![
        format!("planned {}", grouped(counts.planned)),
        format!("sent {}", grouped(counts.sent)),
        format!("answered {}", grouped(counts.succeeded)),
    ];
    let rest = [
        ("failed", counts.failed),
        ("dropped", counts.dropped),
        ("unfinished", counts.unfinished),
    ];
    let ink = |(name, count): (&str, u64)| {
        let text = format!("{name} {}", grouped(count));
        if count > 0 {
            page.ink(Ink::Bad, &text)
        } else {
            text
        }
    };
    parts.extend(
        rest.into_iter()
            .filter(|(name, count)| *name == "failed" || *count > 0)
            .map(ink),
    );
    page.sentence(2, &parts.join(" · "));
    failures(page, group, "failures");
}

/// What the failures were, where there are any; with all statuses where not every answer was 200.
pub(super) fn failures(page: &mut Page, group: &GroupRecord, word: &str) {
    let kinds = sentences::kinds(group);
    if kinds.iter().all(|(name, ..)| name == "status 200") {
        return;
    }
    let (failed, answered): (Vec<_>, Vec<_>) = kinds.into_iter().partition(|kind| kind.2);
    let said = |kinds: &[(String, u64, bool)]| {
        let each = kinds
            .iter()
            .map(|(name, count, _)| format!("{} × {name}", grouped(*count)));
        each.collect::<Vec<_>>().join(", ")
    };
    for (word, kinds) in [("answers", answered), (word, failed)] {
        if !kinds.is_empty() {
            page.sentence(2, &format!("{word}: {}", said(&kinds)));
        }
    }
}

/// Percentiles down, the times across; each column has one unit.
fn times(page: &mut Page, group: &GroupRecord) {
    if group.response_time.count == 0 {
        page.line("  no request finished, so there are no times");
        return;
    }
    let columns = sentences::times(group);
    let units: Vec<_> = columns
        .iter()
        .map(|(_, quantiles)| TimeUnit::for_column(quantiles))
        .collect();
    let wide = if page.width() < 8 + 14 * columns.len() {
        (page.width() - 8) / columns.len()
    } else {
        14
    };
    let mut head = format!("  {:<6}", "");
    for ((name, _), unit) in columns.iter().zip(&units) {
        let _ = write!(head, "{:>wide$}", format!("{name} {}", unit.sign()));
    }
    let head = page.ink(Ink::Faint, &head);
    page.line(&head);
    for (name, figure) in ROWS {
        let mut line = format!("  {name:<6}");
        for ((_, quantiles), unit) in columns.iter().zip(&units) {
            let _ = write!(line, "{:>wide$}", unit.of(figure(quantiles)));
        }
        page.line(&line);
    }
}

type FigureOf = fn(&Quantiles) -> u64;

const ROWS: [(&str, FigureOf); 5] = [
    ("p50", |q| q.p50),
    ("p90", |q| q.p90),
    ("p99", |q| q.p99),
    ("p99.9", |q| q.p99_9),
    ("max", |q| q.max),
];

fn replicas(page: &mut Page, group: &GroupRecord) {
    if group.replicas.is_empty() {
        return;
    }
    let name = |replica: &ReplicaRecord| sentences::plain(&replica.id);
    let longest = group
        .replicas
        .iter()
        .map(|replica| name(replica).chars().count())
        .max();
    let widest = longest.unwrap_or(0).min(24);
    let most = group
        .replicas
        .iter()
        .map(|replica| replica.share)
        .fold(0.0, f64::max);
    for replica in &group.replicas {
        let id: String = name(replica).chars().take(widest).collect();
        let fixed = widest + 25;
        let bar = layout::bar(
            replica.share,
            most,
            page.width().saturating_sub(fixed).min(30),
        );
        let line = format!(
            "  {id:<widest$}  {:>9}  {:>8}  ",
            grouped(replica.requests),
            share(replica.share)
        );
        let bar = page.ink(Ink::Series, &bar);
        page.line(&format!("{line}{bar}"));
    }
}
