//! The final summary for a terminal: one screen per group, numbers aligned, verdict first.

mod layout;

use std::fmt::Write as _;

use layout::{Ink, Page};

use super::figures::{TimeUnit, counted, grouped, rate, seconds, share};
use super::sentences;
use super::{GroupRecord, Quantiles, Record, ReplicaRecord};
use crate::checks::{Severity, Status};

/// How the summary is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextOptions {
    /// Whether ANSI colours may be used.
    pub color: bool,
    /// Columns of the terminal; 80 where there is none.
    pub width: usize,
    /// The run's folder, where it was stored.
    pub folder: Option<String>,
}

impl Default for TextOptions {
    fn default() -> Self {
        Self {
            color: false,
            width: 80,
            folder: None,
        }
    }
}

/// The summary of a run as text that ends with a newline.
#[must_use]
pub fn render_text(record: &Record, options: &TextOptions) -> String {
    let mut page = Page::new(options.color, options.width);
    verdict(&mut page, record);
    for group in &record.groups {
        page.blank();
        heading(&mut page, record, group);
        times(&mut page, group);
        replicas(&mut page, group);
        page.sentence(2, &sentences::balance(group));
        page.sentence(2, &sentences::books(group));
    }
    thresholds(&mut page, record);
    findings(&mut page, record);
    whereabouts(&mut page, record, options);
    page.finish()
}

const fn ink_of(status: Status) -> Ink {
    match status {
        Status::Pass => Ink::Good,
        Status::Fail => Ink::Bad,
        Status::Invalid => Ink::Doubt,
    }
}

fn verdict(page: &mut Page, record: &Record) {
    let status = record.verdict.status;
    let word = page.ink(ink_of(status), sentences::word(status));
    page.line(&format!("{word}  {}", sentences::verdict(record)));
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
            &format!("failures: {}", sentences::plain(&failures.join(", "))),
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

fn thresholds(page: &mut Page, record: &Record) {
    if record.thresholds.is_empty() {
        return;
    }
    page.blank();
    let longest = record
        .thresholds
        .iter()
        .map(|threshold| threshold.expression.chars().count())
        .max();
    let width = longest.unwrap_or(0);
    for threshold in &record.thresholds {
        let (ink, word) = if threshold.failed {
            (Ink::Bad, "failed")
        } else {
            (Ink::Good, "held  ")
        };
        let word = page.ink(ink, word);
        let (observed, _) = sentences::threshold_figures(threshold);
        let group = if record.groups.len() > 1 {
            format!(" ({})", sentences::plain(&threshold.group))
        } else {
            String::new()
        };
        page.line(&format!(
            "  {word}  {:<width$}  observed {observed}{group}",
            threshold.expression
        ));
    }
}

fn findings(page: &mut Page, record: &Record) {
    if record.findings.is_empty() {
        return;
    }
    page.blank();
    for finding in &record.findings {
        let ink = match finding.severity {
            Severity::Info => Ink::Faint,
            Severity::Warning => Ink::Doubt,
            Severity::Failure | Severity::Invalid => Ink::Bad,
        };
        let word = page.ink(ink, sentences::severity(finding.severity));
        let group = match &finding.group {
            Some(group) if record.groups.len() > 1 => format!(" {group}:"),
            _ => String::new(),
        };
        let text = format!(
            "{word} [{}]{group} {}",
            sentences::plain(&finding.code),
            sentences::plain(&finding.message)
        );
        page.sentence(2, &text);
        if let Some(hint) = &finding.hint {
            page.sentence(4, &format!("hint: {}", sentences::plain(hint)));
        }
    }
}

fn whereabouts(page: &mut Page, record: &Record, options: &TextOptions) {
    page.blank();
    if record.run.interrupted {
        let time = seconds(record.run.duration_s);
        page.line(&format!(
            "Interrupted after {time}; what was measured until then is stored."
        ));
    }
    let Some(folder) = &options.folder else {
        return;
    };
    let folder = sentences::plain(folder);
    page.line(&format!("report  {folder}/index.html"));
    let quoted = sentences::shell(std::slice::from_ref(&folder));
    let next = match record.verdict.status {
        Status::Pass => format!("loadgen compare {quoted} NEXT_RUN"),
        Status::Fail | Status::Invalid => next_after_trouble(record, &quoted),
    };
    page.line(&format!("next    {next}"));
}

/// The command that helps most: again more gently, or a look at the stack.
fn next_after_trouble(record: &Record, folder: &str) -> String {
    let has = |code: &str| record.findings.iter().any(|finding| finding.code == code);
    let sent: u64 = record.groups.iter().map(|group| group.requests.sent).sum();
    let answered: u64 = record
        .groups
        .iter()
        .map(|group| group.requests.succeeded)
        .sum();
    if sent > 0 && answered == 0 {
        "loadgen ps".into()
    } else if has("generator-lag") || has("dropped-arrivals") || has("rate-not-reached") {
        let gentler = record
            .groups
            .iter()
            .map(|group| group.rate.completed)
            .fold(0.0, f64::max);
        format!(
            "{} --rps {:.0}",
            without_rate(&record.run.command),
            (gentler * 0.8).floor().max(1.0)
        )
    } else {
        format!("loadgen report {folder}")
    }
}

/// The command as it was typed, without its rate.
fn without_rate(command: &[String]) -> String {
    let mut words = Vec::new();
    let mut rest = command.iter();
    while let Some(word) = rest.next() {
        if word == "--rps" {
            rest.next();
        } else if !word.starts_with("--rps=") {
            words.push(sentences::plain(word));
        }
    }
    sentences::shell(&words)
}

/// The summary's one-line form, for a log: `PASS app-group-1 500/s p99 1.21 ms`.
#[must_use]
pub fn render_line(record: &Record) -> String {
    let groups = record.groups.iter().map(|group| {
        let unit = TimeUnit::for_column(&group.response_time);
        format!(
            "{} {}/s p99 {} {} ({} failed)",
            sentences::plain(&group.host),
            rate(group.rate.completed),
            unit.of(group.response_time.p99),
            unit.sign(),
            counted(group.requests.failed, "request"),
        )
    });
    let groups = groups.collect::<Vec<_>>().join(", ");
    layout::terminal(&format!(
        "{} {groups}",
        sentences::word(record.verdict.status)
    ))
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;

    fn text(record: &Record) -> String {
        render_text(
            record,
            &TextOptions {
                folder: Some("reports/x".into()),
                ..TextOptions::default()
            },
        )
    }

    #[test]
    fn every_summary_reads_as_it_was_accepted() {
        for (name, record) in fixture::short() {
            insta::assert_snapshot!(format!("text-{name}"), text(&record));
        }
    }

    #[test]
    fn a_summary_fits_one_screen_and_its_width() {
        for (name, record) in fixture::short() {
            let text = text(&record);
            // One screen for a group, and what is wrong on top of that.
            let wrong = record.findings.len() * 4 + record.thresholds.len();
            let most = 22 * record.groups.len() + wrong;
            assert!(text.lines().count() <= most, "{name}: {text}");
            for line in text.lines().filter(|line| !line.starts_with("next")) {
                assert!(line.chars().count() <= 80, "{name}: {line}");
            }
        }
    }

    #[test]
    fn without_colour_there_is_no_escape_and_with_it_the_same_words() {
        let record = fixture::hostile();
        assert!(!text(&record).contains('\u{1b}'));
        let colored = render_text(
            &record,
            &TextOptions {
                color: true,
                ..TextOptions::default()
            },
        );
        assert!(colored.contains("\u{1b}[") && !colored.contains("\u{1b}[31mred"));
    }

    #[test]
    fn one_line_tells_the_verdict_the_rate_and_the_tail() {
        let line = render_line(&fixture::clean());
        assert!(line.starts_with("PASS app-group-1 500/s p99 "), "{line}");
    }
}
