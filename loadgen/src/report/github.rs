//! What a run tells a GitHub Actions job: annotations, and a summary that the job's page takes.

use super::render_markdown;
use super::sentences::{self, plain};
use crate::record::{Record, Severity};

/// The most annotations of a kind that a step may have; GitHub shows no more.
const MOST_ANNOTATIONS: usize = 10;

/// What stands where a summary was cut.
const CUT: &str = "\n*The rest is in the report.*\n";

/// One `::error::` line for each failed threshold, and for each other finding that failed the run
/// or its measurement; each ends with a newline.
#[must_use]
pub fn render_annotations(record: &Record) -> String {
    let failed = record
        .thresholds
        .iter()
        .filter(|threshold| threshold.failed);
    let thresholds = failed.map(|threshold| {
        let (observed, limit) = sentences::threshold_figures(threshold);
        let text = format!(
            "{}: {} (observed {observed}, limit {limit})",
            threshold.group, threshold.expression
        );
        annotation("threshold failed", &text)
    });
    let wrong = record.findings.iter().filter(|finding| {
        let weighs = matches!(finding.severity, Severity::Failure | Severity::Invalid);
        // Those of thresholds are told above, with their figures.
        weighs && finding.code != crate::record::Code::ThresholdFailed
    });
    let findings = wrong.map(|finding| {
        let group = finding.group.iter().map(|group| format!("{group}: "));
        let hint = finding.hint.iter().map(|hint| format!(" (hint: {hint})"));
        let text = format!(
            "{}{}{}",
            group.collect::<String>(),
            finding.message,
            hint.collect::<String>()
        );
        annotation(finding.code.name(), &text)
    });
    thresholds.chain(findings).take(MOST_ANNOTATIONS).collect()
}

/// The runner reads these lines, so nothing in them may end one or begin another.
fn annotation(title: &str, text: &str) -> String {
    let text = plain(text).replace('%', "%25");
    let title = plain(title).replace('%', "%25");
    let title = title.replace(':', "%3A").replace(',', "%2C");
    format!("::error title=loadgen%3A {title}::{text}\n")
}

/// The summary of a run in at most `most` bytes: whole, or cut at the end of a line. Empty where
/// there is no room even for its first line.
#[must_use]
pub fn render_step_summary(record: &Record, most: usize) -> String {
    let text = render_markdown(record);
    if text.len() <= most {
        return text;
    }
    let mut kept = String::new();
    for line in text.split_inclusive('\n') {
        if kept.len() + line.len() + CUT.len() > most {
            break;
        }
        kept.push_str(line);
    }
    if kept.is_empty() {
        return kept;
    }
    kept + CUT
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic;

    #[test]
    fn a_failed_threshold_is_an_error_with_its_figures() {
        let text = render_annotations(&synthetic::failed());
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines[0],
            "::error title=loadgen%3A threshold failed::app-group-1: p99>5ms (observed 8.91\u{a0}ms, limit 5.00\u{a0}ms)"
        );
        assert!(
            lines[1]
                .starts_with("::error title=loadgen%3A starved-replica::app-group-1: replica c3d0")
        );
        assert_eq!(
            lines.len(),
            2,
            "a held threshold and a warning are none: {text}"
        );
        assert_eq!(render_annotations(&synthetic::clean()), "");
    }

    #[test]
    fn a_message_cannot_give_the_runner_a_command() {
        let mut record = synthetic::failed();
        record.findings[0].message = "x\n::set-env name=PATH::/evil\r%0A::stop-commands::".into();
        record.findings[0].code = crate::record::Code::of("a::b,c");
        let text = render_annotations(&record);
        assert!(
            text.lines().all(|line| line.starts_with("::error title=")),
            "{text}"
        );
        assert!(
            text.contains("title=loadgen%3A a%3A%3Ab%2Cc::app-group-1: x"),
            "{text}"
        );
        assert!(text.contains("%250A"), "{text}");
    }

    #[test]
    fn no_step_gets_more_annotations_than_it_may_have() {
        let mut record = synthetic::failed();
        record.thresholds = vec![record.thresholds[0].clone(); 30];
        assert_eq!(
            render_annotations(&record).lines().count(),
            MOST_ANNOTATIONS
        );
    }

    #[test]
    fn a_summary_keeps_to_its_room() {
        let record = synthetic::failed();
        let whole = render_markdown(&record);
        assert_eq!(render_step_summary(&record, 1 << 20), whole);
        for most in (0..whole.len()).step_by(13) {
            let text = render_step_summary(&record, most);
            assert!(text.len() <= most, "{most}");
            assert!(text.is_empty() || text.ends_with(CUT), "{most}: {text}");
        }
    }
}
