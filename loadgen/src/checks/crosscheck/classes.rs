//! The counts once more, by status class and by handler: what the client saw and what was counted.

use std::collections::BTreeMap;

use crate::checks::evidence::GroupEvidence;
use crate::checks::finding::{grouped, listed};
use crate::model::StatusClass;
use crate::record::{ClassCount, Code, CrossCheck, Finding};

/// Answers by class at the client and at the replicas, warm-up included; empty where the replicas'
/// counter does not tell, or counts more than the requested handler.
pub(super) fn by_class(group: &GroupEvidence<'_>) -> Vec<ClassCount> {
    let mut counted: BTreeMap<StatusClass, u64> = BTreeMap::new();
    for (class, count) in group.deltas().flat_map(|delta| &delta.by_class) {
        *counted.entry(*class).or_default() += count;
    }
    if !group.counts_own_handlers() || counted.values().all(|count| *count == 0) {
        return Vec::new();
    }
    let counts = &group.tally.counts;
    let mut seen: BTreeMap<StatusClass, u64> = BTreeMap::new();
    for (status, count) in counts.status.iter().chain(&group.warmup.counts.status) {
        *seen.entry(StatusClass::of(*status)).or_default() += count;
    }
    let of = |counts: &BTreeMap<StatusClass, u64>, class| counts.get(class).copied().unwrap_or(0);
    let mut classes: Vec<StatusClass> = counted.keys().chain(seen.keys()).copied().collect();
    classes.sort_unstable();
    classes.dedup();
    let each = classes.iter().map(|class| ClassCount {
        class: class.to_string(),
        client: of(&seen, class),
        replicas: of(&counted, class),
    });
    each.filter(|one| one.client + one.replicas > 0).collect()
}

/// What the replicas counted by handler, own reads and warm-up included.
pub(super) fn by_handler(group: &GroupEvidence<'_>) -> BTreeMap<String, u64> {
    let mut handlers: BTreeMap<String, u64> = BTreeMap::new();
    for (handler, count) in group.deltas().flat_map(|delta| &delta.by_handler) {
        *handlers.entry(handler.clone()).or_default() += count;
    }
    handlers.retain(|_, count| *count > 0);
    handlers
}

/// Counts that agree in number but not in kind: something between client and replicas changes
/// answers. Only where nothing else had to be explained, and errors hidden by another try are
/// told as such.
pub(super) fn mismatch(
    group: &GroupEvidence<'_>,
    check: &CrossCheck,
    masked: u64,
) -> Option<Finding> {
    let counts = &group.tally.counts;
    let all_answered = counts.answered() == counts.sent
        && group.warmup.counts.answered() == group.warmup.counts.sent;
    let total = |of: fn(&ClassCount) -> u64| check.by_class.iter().map(of).sum::<u64>();
    let whole = all_answered
        && check.unnamed == 0
        && check.residuals.is_empty()
        && group.counters_are_whole()
        && total(|one| one.client) == total(|one| one.replicas);
    let differs = check.by_class.iter().any(|one| one.client != one.replicas);
    (whole && differs && masked == 0).then(|| {
        let words = |of: fn(&ClassCount) -> u64| {
            let told = check.by_class.iter().filter(|one| of(one) > 0);
            let told: Vec<_> = told
                .map(|one| format!("{} × {}", grouped(of(one)), one.class))
                .collect();
            listed(&told)
        };
        let message = format!(
            "the client saw {}, and the replicas counted {}: something between them changes answers",
            words(|one| one.client),
            words(|one| one.replicas)
        );
        Finding::new(Code::StatusMismatch, message)
            .hint("`error_page` and `proxy_intercept_errors` do that in nginx; else a replica's counter takes one class for another")
    })
}
