//! The final summary for a terminal: one screen, numbers aligned, verdict first.

mod layout;
mod many;
mod next;
mod one;
mod requests;

use layout::{Ink, Page};

use super::format::{TimeUnit, counted, rate, seconds};
use super::{events, routes, sentences, workers};
use crate::record::{Record, Severity, Status};

/// The part of the time that a machine may stand still without a word of it.
const WORTH_TELLING: f64 = 0.002;

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
    if record.groups.len() > 1 && page.width() >= many::NARROWEST {
        many::groups(&mut page, record);
    } else {
        for group in &record.groups {
            one::group(&mut page, record, group);
        }
    }
    stalls(&mut page, record);
    workers(&mut page, record);
    events(&mut page, record);
    routes(&mut page, record);
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
    let holds = sentences::holds(record);
    if !holds.is_empty() {
        let heading = page.ink(Ink::Strong, sentences::HOLDS);
        page.line(&format!("{heading}:"));
    }
    for held in holds {
        page.sentence(2, &held);
    }
}

/// That the machine stood still, where it did for long enough to be seen in a p99.
fn stalls(page: &mut Page, record: &Record) {
    let stalls = record.environment.stalls.as_ref();
    let Some(stalls) = stalls.filter(|stalls| stalls.lost_share >= WORTH_TELLING) else {
        return;
    };
    page.sentence(2, &sentences::stalls(stalls));
}

/// Who sent the load, where it was not one process.
fn workers(page: &mut Page, record: &Record) {
    if let Some(said) = workers::sentence(record) {
        page.sentence(2, &said);
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

fn events(page: &mut Page, record: &Record) {
    if record.events.is_empty() {
        return;
    }
    page.blank();
    for event in &record.events {
        page.sentence(2, &events::sentence(event));
    }
}

fn routes(page: &mut Page, record: &Record) {
    if record.routes.is_empty() {
        return;
    }
    page.blank();
    for cost in &record.routes {
        page.sentence(2, &routes::sentence(cost));
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
            sentences::plain(finding.code.name()),
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
    page.line(&format!("next    {}", next::command(record, &quoted)));
}

/// The summary's one-line form, for a log: `PASS app-group-1 500/s p99 1.21 ms`.
#[must_use]
pub fn render_line(record: &Record) -> String {
    let groups = record.groups.iter().map(|group| {
        let unit = TimeUnit::for_column(&group.response_time);
        format!(
            "{} {}/s p99 {} {} ({} failed)",
            sentences::plain(group.label()),
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
    use super::*;
    use crate::synthetic;

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
        for (name, record) in synthetic::short() {
            insta::assert_snapshot!(format!("text-{name}"), text(&record));
        }
    }

    #[test]
    fn a_summary_fits_one_screen_and_its_width() {
        for (name, record) in synthetic::short() {
            let text = text(&record);
            // 24 rows, less the stack's line (which may take two) and the prompt; what is wrong
            // comes on top of that.
            let holds = record.certificate.holds.len() * 2;
            let wrong = record.findings.len() * 4 + record.thresholds.len() + holds;
            assert!(text.lines().count() <= 21 + wrong, "{name}: {text}");
            for line in text.lines().filter(|line| !line.starts_with("next")) {
                assert!(line.chars().count() <= 80, "{name}: {line}");
            }
        }
    }

    #[test]
    fn two_groups_of_four_replicas_fit_one_screen() {
        let mut record = synthetic::two_groups();
        for group in &mut record.groups {
            let more: Vec<_> = group.replicas.clone();
            group.replicas.extend(more);
        }
        let text = text(&record);
        assert!(text.lines().count() <= 22, "{text}");
        assert!(
            text.lines().all(|line| line.chars().count() <= 80),
            "{text}"
        );
    }

    #[test]
    fn a_narrow_terminal_gets_the_groups_one_after_the_other() {
        let options = TextOptions {
            width: 60,
            ..TextOptions::default()
        };
        let text = render_text(&synthetic::two_groups(), &options);
        assert!(
            text.lines().all(|line| line.chars().count() <= 60),
            "{text}"
        );
        assert_eq!(text.matches("service ms").count(), 2, "{text}");
    }

    #[test]
    fn without_colour_there_is_no_escape_and_with_it_the_same_words() {
        let record = synthetic::hostile();
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
        let line = render_line(&synthetic::clean());
        assert!(line.starts_with("PASS app-group-1 500/s p99 "), "{line}");
    }
}
