//! What holds of a run that cannot be trusted: a generator that is late, or a run that is cut
//! short, spoils latency and rate, and neither what was counted nor what was answered.

use super::evidence::{Evidence, GroupEvidence};
use super::finding::{counted, grouped, listed};
use crate::model::ErrorClass;
use crate::record::{Code, CountVerdict, Finding, GroupJudgement, Held, Severity};
use crate::recorder::End;

/// Statuses and classes that are told one by one.
const MOST_KINDS: usize = 8;

/// Every figure that stands although the run is invalid; nothing for any other run.
pub(super) fn judge(
    evidence: &Evidence<'_>,
    groups: &[GroupJudgement],
    findings: &[Finding],
) -> Vec<Held> {
    let reasons: Vec<_> = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Invalid)
        .collect();
    let Doubt {
        is_whole,
        is_timely,
    } = Doubt::of(evidence, &reasons);
    if reasons.is_empty() {
        return Vec::new();
    }
    let mut held = Vec::new();
    for (group, judgement) in evidence.groups().zip(groups) {
        let least = if is_whole { "" } else { "at least " };
        let figures = [
            counts(judgement).filter(|_| is_whole && !counters_are_in_doubt(&reasons, &group)),
            statuses(&group, least),
            errors(&group, least, is_timely),
        ];
        held.extend(figures.into_iter().flatten().map(|what| Held {
            group: group.name.to_owned(),
            what,
        }));
    }
    held
}

/// What the reasons leave standing.
struct Doubt {
    /// Whether everything that was counted is here.
    is_whole: bool,
    /// Whether a time-out was the system's for certain.
    is_timely: bool,
}

impl Doubt {
    fn of(evidence: &Evidence<'_>, reasons: &[&Finding]) -> Self {
        let lost = [Code::LostThread, Code::IncompleteRun, Code::LostSeconds];
        let late = [
            Code::GeneratorLag,
            Code::GeneratorCpu,
            Code::MachineStalls,
            Code::LostThread,
            Code::ImpossibleLatency,
        ];
        let any = |codes: &[Code]| reasons.iter().any(|finding| codes.contains(&finding.code));
        Self {
            is_whole: evidence.recording.end != End::Lost && !any(&lost),
            is_timely: !any(&late),
        }
    }
}

fn counters_are_in_doubt(reasons: &[&Finding], group: &GroupEvidence<'_>) -> bool {
    let codes = [Code::UnreadableCounter, Code::CounterReset];
    reasons.iter().any(|finding| {
        let ours = finding
            .group
            .as_deref()
            .is_none_or(|name| name == group.name || name == group.host);
        ours && codes.contains(&finding.code)
    })
}

/// The counts, where a second one says the same or every difference has its name.
fn counts(judgement: &GroupJudgement) -> Option<String> {
    let check = &judgement.crosscheck;
    if check.verdict != CountVerdict::Agree || check.client == 0 {
        return None;
    }
    let others = [("the proxy", check.proxy), ("the replicas", check.replicas)];
    let others = others
        .into_iter()
        .filter_map(|(name, count)| Some((name, count?)));
    let (same, other): (Vec<_>, Vec<_>) = others.partition(|(_, count)| *count == check.client);
    let sent = counted(check.client, "request");
    let names = |counts: &[(&str, u64)], with: bool| {
        let name = |(name, count): &(&str, u64)| {
            if with {
                format!("{name} counted {}", grouped(*count))
            } else {
                (*name).to_owned()
            }
        };
        listed(&counts.iter().map(name).collect::<Vec<_>>())
    };
    match (same.is_empty(), other.is_empty()) {
        (true, true) => None,
        (false, true) => Some(format!(
            "{sent} sent, and {} counted as many",
            names(&same, false)
        )),
        _ => Some(format!(
            "{sent} sent; {}, and every difference is named",
            names(&[same, other].concat(), true)
        )),
    }
}

/// What was answered.
fn statuses(group: &GroupEvidence<'_>, least: &str) -> Option<String> {
    let each = group.tally.counts.status.iter();
    let each = each.map(|(status, count)| format!("{} × status {status}", grouped(*count)));
    let said = kinds(each.collect())?;
    Some(format!("{least}{said} {} answered", were(group)))
}

fn were(group: &GroupEvidence<'_>) -> &'static str {
    match group.tally.counts.answered() {
        1 => "was",
        _ => "were",
    }
}

/// What failed without an answer, and not by this machine.
fn errors(group: &GroupEvidence<'_>, least: &str, is_timely: bool) -> Option<String> {
    let certain = |class: &ErrorClass| match class {
        ErrorClass::Descriptors | ErrorClass::Ports => false,
        ErrorClass::Timeout | ErrorClass::BodyTimeout | ErrorClass::ConnectTimeout => is_timely,
        _ => true,
    };
    let each = group.tally.counts.errors.iter();
    let each = each.filter(|(class, _)| certain(class));
    let each = each.map(|(class, count)| format!("{} × {class}", grouped(*count)));
    let said = kinds(each.collect())?;
    Some(format!("{least}{said} failed without an answer"))
}

fn kinds(mut kinds: Vec<String>) -> Option<String> {
    kinds.truncate(MOST_KINDS);
    (!kinds.is_empty()).then(|| listed(&kinds))
}
