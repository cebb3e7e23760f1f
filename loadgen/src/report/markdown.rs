//! `summary.md`: what a reader of a pull request or a job page has to know, in a few kilobytes.

use std::fmt::Write as _;

use super::events::{self, EventRow};
use super::format::{TimeUnit, grouped, rate, share};
use super::sentences::{self, plain};
use super::{routes, workers};
use crate::record::{GroupRecord, Quantiles, Record, Status};

/// The most findings written; a job page is no place for hundreds.
const MOST_FINDINGS: usize = 30;
/// The most rows of a table, for the same reason.
const MOST_ROWS: usize = 20;

/// The summary of a run as GitHub-flavoured Markdown.
#[must_use]
pub fn render_markdown(record: &Record) -> String {
    let sign = match record.verdict.status {
        Status::Pass => "✅",
        Status::Fail => "❌",
        Status::Invalid => "⚠️",
    };
    let mut text = format!(
        "### {sign} {}: {}\n\n",
        sentences::word(record.verdict.status),
        md(&sentences::verdict(record))
    );
    holds(&mut text, record);
    findings(&mut text, record);
    events(&mut text, record);
    routes(&mut text, record);
    workers(&mut text, record);
    thresholds(&mut text, record);
    for group in &record.groups {
        section(&mut text, record, group);
    }
    if let Some(replay) = &record.plan.replay {
        let _ = write!(text, "The run {}.\n\n", md(&plain(&replay.in_words())));
    }
    let command = plain(&sentences::shell(&record.run.command));
    let fence = "`".repeat(3 + command.matches("```").count());
    if let Some(stalls) = &record.environment.stalls {
        let _ = write!(text, "{}\n\n", md(&sentences::stalls(stalls)));
    }
    let _ = write!(
        text,
        "<details><summary>How to repeat it</summary>\n\n{fence}sh\n{command}\n{fence}\n\n{} stack, {} at {}; loadgen {}, {}\n\n</details>\n",
        record.stack.kind,
        md(&record.stack.proxy),
        md(&record.stack.target),
        md(&record.run.loadgen_version),
        md(&record.run.started_at),
    );
    text
}

fn holds(text: &mut String, record: &Record) {
    let holds = sentences::holds(record);
    if holds.is_empty() {
        return;
    }
    let _ = write!(text, "{}:\n\n", sentences::HOLDS);
    for held in holds.iter().take(MOST_ROWS) {
        let _ = writeln!(text, "- {}", md(held));
    }
    text.push('\n');
}

fn findings(text: &mut String, record: &Record) {
    for finding in record.findings.iter().take(MOST_FINDINGS) {
        let group = match &finding.group {
            Some(group) if record.groups.len() > 1 => format!("{}: ", md(group)),
            _ => String::new(),
        };
        let _ = write!(
            text,
            "- **{}** {group}{}",
            sentences::severity(finding.severity),
            md(&finding.message)
        );
        if let Some(hint) = &finding.hint {
            let _ = write!(text, " *Hint: {}*", md(hint));
        }
        let _ = writeln!(text, " ({})", md(finding.code.name()));
    }
    if record.findings.len() > MOST_FINDINGS {
        let _ = writeln!(
            text,
            "- and {} more in the report",
            record.findings.len() - MOST_FINDINGS
        );
    }
    if !record.findings.is_empty() {
        text.push('\n');
    }
}

fn events(text: &mut String, record: &Record) {
    if record.events.is_empty() {
        return;
    }
    let _ = writeln!(text, "| {} |", events::TITLES.join(" | "));
    text.push_str("|--:|--:|:--|--:|--:|--:|--:|--:|--:|\n");
    for event in record.events.iter().take(MOST_ROWS) {
        let cells = EventRow::of(event).cells().map(|cell| md(&cell));
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text.push('\n');
}

fn workers(text: &mut String, record: &Record) {
    let Some(said) = workers::sentence(record) else {
        return;
    };
    let _ = writeln!(text, "{}\n", md(&said));
    let _ = writeln!(text, "| {} |", workers::TITLES.join(" | "));
    text.push_str("|--:|:--|:--|--:|--:|--:|--:|--:|\n");
    for row in workers::rows(record).into_iter().take(MOST_ROWS) {
        let _ = writeln!(text, "| {} |", row.map(|cell| md(&cell)).join(" | "));
    }
    text.push('\n');
}

fn routes(text: &mut String, record: &Record) {
    for cost in record.routes.iter().take(MOST_ROWS) {
        let _ = writeln!(text, "{}\n", md(&routes::sentence(cost)));
        let _ = writeln!(
            text,
            "| {} |\n|:--|--:|--:|--:|--:|",
            routes::TITLES.join(" | ")
        );
        for row in routes::rows(cost) {
            let _ = writeln!(text, "| {} |", row.map(|cell| md(&cell)).join(" | "));
        }
        text.push('\n');
    }
}

fn thresholds(text: &mut String, record: &Record) {
    if record.thresholds.is_empty() {
        return;
    }
    text.push_str(
        "| fails if | group | observed | limit | margin | result |\n|:--|:--|--:|--:|--:|:--|\n",
    );
    for threshold in &record.thresholds {
        let (observed, limit) = sentences::threshold_figures(threshold);
        let result = if threshold.failed {
            "**failed**"
        } else {
            "held"
        };
        let _ = writeln!(
            text,
            "| {} | {} | {observed} | {limit} | {} | {result} |",
            md(&threshold.expression),
            md(&threshold.group),
            sentences::margin(threshold)
        );
    }
    text.push('\n');
}

/// A row for each request name, and what their counts say.
fn requests(text: &mut String, group: &GroupRecord) {
    if group.requests_by_name.is_empty() {
        return;
    }
    text.push_str("| request | sent | answered | failed | p50 | p99 | max | counts |\n|:--|--:|--:|--:|--:|--:|--:|:--|\n");
    for request in group.requests_by_name.iter().take(MOST_ROWS) {
        let times = &request.response_time;
        let unit = TimeUnit::for_column(times);
        let cell = |value: u64| match times.count {
            0 => "–".to_owned(),
            _ => format!("{} {}", unit.of(value), unit.sign()),
        };
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} | {} |",
            md(&request.name),
            grouped(request.sent),
            grouped(request.succeeded),
            grouped(request.failed),
            cell(times.p50),
            cell(times.p99),
            cell(times.max),
            md(&sentences::request_counts(request).unwrap_or_default()),
        );
    }
    text.push('\n');
}

fn section(text: &mut String, record: &Record, group: &GroupRecord) {
    let _ = write!(
        text,
        "#### {}\n\n{} {} {}\n\n",
        md(group.label()),
        md(&sentences::achieved(record, group)),
        md(&sentences::balance(group)),
        md(&sentences::counts(group))
    );
    let times = sentences::times(group);
    requests(text, group);
    text.push_str("| time | p50 | p90 | p99 | p99.9 | max |\n|:--|--:|--:|--:|--:|--:|\n");
    for (name, quantiles) in times {
        let unit = TimeUnit::for_column(quantiles);
        let figures = [
            quantiles.p50,
            quantiles.p90,
            quantiles.p99,
            quantiles.p99_9,
            quantiles.max,
        ];
        let cells = figures.map(|figure| {
            if quantiles.count > 0 {
                unit.of(figure)
            } else {
                "–".into()
            }
        });
        let _ = writeln!(text, "| {name}, {} | {} |", unit.sign(), cells.join(" | "));
    }
    replicas(text, group);
    let trend = sparkline(record, group);
    if !trend.is_empty() {
        let _ = write!(
            text,
            "\nanswered per second over time: `{trend}` (mean {}/s)\n",
            rate(group.requests.succeeded as f64 / record.run.duration_s.max(1e-9))
        );
    }
    failures(text, group);
    text.push('\n');
}

fn replicas(text: &mut String, group: &GroupRecord) {
    if group.replicas.is_empty() {
        return;
    }
    text.push_str("\n| replica | answers | share | expected | p99, ms |\n|:--|--:|--:|--:|--:|\n");
    for replica in group.replicas.iter().take(MOST_ROWS) {
        let expected = replica.expected_share.map_or_else(|| "–".into(), share);
        let times: &Quantiles = &replica.response_time;
        let p99 = if times.count > 0 {
            TimeUnit::Millis.of(times.p99)
        } else {
            "–".into()
        };
        let _ = writeln!(
            text,
            "| {} | {} | {} | {expected} | {p99} |",
            md(&replica.id),
            grouped(replica.requests),
            share(replica.share)
        );
    }
    if let Some(more @ 1..) = group.replicas.len().checked_sub(MOST_ROWS) {
        let _ = writeln!(text, "| and {more} more in the report | | | | |");
    }
}

fn failures(text: &mut String, group: &GroupRecord) {
    let kinds = sentences::kinds(group);
    if !kinds.iter().any(|kind| kind.2) {
        return;
    }
    text.push_str("\n<details><summary>What was answered, and what failed</summary>\n\n| kind | requests |\n|:--|--:|\n");
    for (kind, count, _) in kinds.iter().take(MOST_ROWS) {
        let _ = writeln!(text, "| {} | {} |", md(kind), grouped(*count));
    }
    text.push_str("\n</details>\n");
}

/// The answered rate as at most sixty block characters.
fn sparkline(record: &Record, group: &GroupRecord) -> String {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let series = super::series::Series::of(record, group.label());
    let rates: Vec<f64> = series
        .buckets
        .iter()
        .filter_map(|bucket| bucket.rate(bucket.counts.succeeded))
        .collect();
    let most = rates.iter().copied().fold(0.0, f64::max);
    if rates.len() < 2 || most <= 0.0 {
        return String::new();
    }
    let chunk = rates.len().div_ceil(60);
    let means = rates
        .chunks(chunk)
        .map(|rates| rates.iter().sum::<f64>() / rates.len() as f64);
    means
        .map(|mean| BLOCKS[((mean / most * 7.0).round() as usize).min(7)])
        .collect()
}

/// Text as Markdown text: nothing in it is markup, a column or a line.
pub(super) fn md(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in plain(text).chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '|' | '*' | '_' | '[' | ']' | '`' | '\\' | '~' | '#' | '@' => {
                escaped.push('\\');
                escaped.push(c);
            }
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic;

    #[test]
    fn every_summary_is_short_and_reads_as_it_was_accepted() {
        for (name, record) in synthetic::short() {
            let text = render_markdown(&record);
            assert!(text.len() < 20_000, "{name}: {}", text.len());
            if name == "failed" {
                insta::assert_snapshot!("markdown-failed", text);
            }
        }
    }

    #[test]
    fn a_target_of_many_names_does_not_make_a_long_summary() {
        let mut record = synthetic::clean();
        let group = &mut record.groups[0];
        group.replicas = vec![group.replicas[0].clone(); 256];
        let statuses = (400..600).map(|status: u16| (status.to_string(), 1));
        group.status = statuses.collect();
        let text = render_markdown(&record);
        assert!(text.len() < 20_000, "{}", text.len());
        assert!(text.contains("| and 236 more in the report |"), "{text}");
    }

    #[test]
    fn hostile_names_are_text() {
        let text = render_markdown(&synthetic::hostile());
        assert!(
            !text.contains("<script>alert(1)") && text.contains("&lt;script&gt;alert(1)"),
            "{text}"
        );
    }
}
