//! One group in full: percentiles down, the three times across, a bar per replica.

use std::fmt::Write as _;

use super::layout::{self, Ink, Page};
use crate::report::figures::{TimeUnit, grouped, rate, seconds, share};
use crate::report::{GroupRecord, Quantiles, Record, ReplicaRecord, sentences};

/// One group: what was asked and what came of it, the times, the replicas, balance and books.
pub(super) fn group(page: &mut Page, record: &Record, group: &GroupRecord) {
    page.blank();
    heading(page, record, group);
    times(page, group);
    replicas(page, group);
    page.sentence(2, &sentences::balance(group));
    page.sentence(2, &sentences::books(group));
}

fn heading(page: &mut Page, record: &Record, group: &GroupRecord) {
    let host = page.ink(Ink::Strong, &sentences::plain(&group.host));
    let counts = group.requests;
    let load = if group.rate.intended > 0.0 {
        format!("{}/s", rate(group.rate.intended))
    } else {
        "closed loop".into()
    };
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

/// What the failures were, where there are any.
pub(super) fn failures(page: &mut Page, group: &GroupRecord, word: &str) {
    let kinds = group
        .errors
        .iter()
        .map(|(name, count)| format!("{name} {}", grouped(*count)));
    let answers = group
        .status
        .iter()
        .filter(|(status, _)| !status.starts_with(['2', '3']));
    let answers = answers.map(|(status, count)| format!("status {status} {}", grouped(*count)));
    let failures: Vec<_> = answers.chain(kinds).collect();
    if !failures.is_empty() {
        page.sentence(
            2,
            &format!("{word}: {}", sentences::plain(&failures.join(", "))),
        );
    }
}

/// Percentiles down, the three times across; each column has one unit.
fn times(page: &mut Page, group: &GroupRecord) {
    if group.response_time.count == 0 {
        page.line("  no request finished, so there are no times");
        return;
    }
    let columns = [
        ("response", &group.response_time),
        ("service", &group.service_time),
        ("send lag", &group.send_lag),
    ];
    let units = columns.map(|(_, quantiles)| TimeUnit::for_column(quantiles));
    let mut head = format!("  {:<6}", "");
    for ((name, _), unit) in columns.iter().zip(units) {
        let _ = write!(head, "{:>14}", format!("{name} {}", unit.sign()));
    }
    let head = page.ink(Ink::Faint, &head);
    page.line(&head);
    for (name, figure) in ROWS {
        let mut line = format!("  {name:<6}");
        for ((_, quantiles), unit) in columns.iter().zip(units) {
            let _ = write!(line, "{:>14}", unit.of(figure(quantiles)));
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
