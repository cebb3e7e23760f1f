//! What an experiment found, in sentences that rest on its figures.

use super::super::format::{rate, significant};
use crate::search::{Bottleneck, Limit, Scaling, Search, StepRecord};

/// A word for a badge, its class, and the sentence behind it.
pub(super) struct Headline {
    pub(super) word: String,
    /// `pass`, `fail` or `invalid`.
    pub(super) status: &'static str,
    pub(super) rest: String,
}

pub(super) fn of_search(search: &Search) -> Headline {
    let headline = |word: &str, status, rest: String| Headline {
        word: word.to_owned(),
        status,
        rest,
    };
    if search.interrupted {
        let rest = format!("after {} steps; {}", search.steps.len(), known(search));
        return headline("INTERRUPTED", "invalid", rest);
    }
    match (search.limit, &search.found) {
        (Some(Limit::System), Some(found)) => headline(
            &format!("{}/s", rate(found.rate)),
            "pass",
            format!(
                "is the highest rate at which every objective holds; at {}/s one breaks",
                rate(found.bracket[1])
            ),
        ),
        (Some(Limit::Maximum), Some(found)) => headline(
            &format!("{}/s OR MORE", rate(found.rate)),
            "pass",
            "every objective holds at the highest rate that was to be tried (--to)".into(),
        ),
        (Some(Limit::Nothing), _) => headline(
            "NO RATE",
            "fail",
            format!("holds: the objectives break at {}/s too", lowest(search)),
        ),
        (Some(Limit::Generator), _) => headline(
            "CANNOT TELL",
            "invalid",
            format!(
                "the generator is the limit, not the system; {}",
                known(search)
            ),
        ),
        (Some(_), _) => headline(
            "CANNOT TELL",
            "invalid",
            format!("the same rates held and broke by turns; {}", known(search)),
        ),
        (None, _) => sweep(search),
    }
}

fn sweep(search: &Search) -> Headline {
    let count = |wanted: Option<bool>| {
        search
            .steps
            .iter()
            .filter(|step| step.holds == wanted)
            .count()
    };
    let (held, broke, unknown) = (count(Some(true)), count(Some(false)), count(None));
    let (word, status) = match (broke, unknown) {
        (0, 0) => ("PASS", "pass"),
        (0, _) => ("CANNOT TELL", "invalid"),
        _ => ("FAIL", "fail"),
    };
    let mut rest = format!("{held} of {} rates hold", search.steps.len());
    if unknown > 0 {
        rest = format!("{rest}, and of {unknown} the generator cannot tell");
    }
    Headline {
        word: word.to_owned(),
        status,
        rest,
    }
}

/// What is known of a search that found no rate.
fn known(search: &Search) -> String {
    let rates = |wanted| {
        let steps = search
            .steps
            .iter()
            .filter(move |step| step.holds == Some(wanted));
        steps.map(|step| step.rate)
    };
    let held = rates(true).reduce(f64::max);
    let broke = rates(false).reduce(f64::min);
    match (held, broke) {
        (Some(held), Some(broke)) => format!("{}/s held, and {}/s broke", rate(held), rate(broke)),
        (Some(held), None) => format!("{}/s held", rate(held)),
        (None, Some(broke)) => format!("{}/s broke", rate(broke)),
        (None, None) => "no rate is known to hold or to break".into(),
    }
}

fn lowest(search: &Search) -> String {
    let rates = search.steps.iter().map(|step| step.rate);
    rates.reduce(f64::min).map(rate).unwrap_or_default()
}

/// What was the limit, where the figures show it; what is not known where they do not.
pub(super) fn limit(search: &Search) -> Option<String> {
    let broke = search.steps.iter().any(|step| step.holds == Some(false));
    match &search.bottleneck {
        Some(found) => Some(bottleneck(found)),
        None if broke => Some(
            "Which part was the limit is not known: the figures of the step that broke show none."
                .into(),
        ),
        None => None,
    }
}

pub(super) fn bottleneck(found: &Bottleneck) -> String {
    let part = match found.part.as_str() {
        "replicas" => "The limit is in the replicas",
        "proxy" => "The limit is in the proxy, or between it and the client",
        "replicas-cpu" => "The limit is the CPUs of the replicas",
        "proxy-cpu" => "The limit is the CPUs of the proxy",
        "shared" => {
            "The limit is something that the replicas share (a lock, a database, this machine's CPUs)"
        }
        other => return format!("The limit is in {other}: {}.", found.evidence),
    };
    format!("{part}: {}.", found.evidence)
}

pub(super) const fn holds(step: &StepRecord) -> &'static str {
    match step.holds {
        Some(true) => "holds",
        Some(false) => "breaks",
        None => "cannot tell",
    }
}

pub(super) fn of_scaling(scaling: &Scaling) -> Headline {
    let measured: Vec<_> = (scaling.points.iter())
        .filter_map(|point| Some((point, point.rate?)))
        .collect();
    let rest = match (measured.first(), measured.last()) {
        (Some((first, low)), Some((last, high))) if first.replicas != last.replicas => format!(
            "{} replicas carry {}/s, {} carry {}/s: {} times as much for {} times as many",
            first.replicas,
            rate(*low),
            last.replicas,
            rate(*high),
            significant(high / low),
            significant(f64::from(last.replicas) / f64::from(first.replicas)),
        ),
        _ => "fewer than two numbers of replicas have a highest rate".into(),
    };
    let (word, status) = match (scaling.interrupted, scaling.usl) {
        (true, _) => ("INTERRUPTED", "invalid"),
        (false, Some(_)) => ("SCALING", "pass"),
        (false, None) => ("CANNOT TELL", "invalid"),
    };
    Headline {
        word: word.into(),
        status,
        rest,
    }
}

/// The law, its coefficients with what they may be, and what follows for a rate that is wanted.
pub(super) fn law(scaling: &Scaling) -> Vec<String> {
    let Some(law) = scaling.usl else {
        return vec![
            "No law: it has three coefficients, and needs as many numbers of replicas with a rate."
                .into(),
        ];
    };
    let span = |[low, high]: [f64; 2]| format!("{} to {}", significant(low), significant(high));
    let mut lines = vec![format!(
        "One replica carries λ = {}/s ({}); contention σ = {} ({}), coherency κ = {} ({}). In brackets: what each may be with every rate anywhere between what held and what broke.",
        rate(law.lambda),
        span(law.intervals.lambda),
        significant(law.sigma),
        span(law.intervals.sigma),
        significant(law.kappa),
        span(law.intervals.kappa),
    )];
    let most = scaling.points.iter().map(|point| point.replicas).max();
    if let (Some(peak), Some(most)) = (law.peak_replicas, most) {
        let beyond = if peak > f64::from(most) {
            ", beyond what was measured"
        } else {
            ""
        };
        lines.push(format!(
            "By the law the rate falls again above {} replicas{beyond}.",
            significant(peak)
        ));
    }
    if let Some(want) = scaling.want {
        lines.push(match scaling.needed {
            Some(needed) if most.is_some_and(|most| needed > most) => format!(
                "By the law {}/s needs {needed} replicas; that many were not measured.",
                rate(want)
            ),
            Some(needed) => format!("By the law {}/s needs {needed} replicas.", rate(want)),
            None => format!("By the law no number of replicas carries {}/s.", rate(want)),
        });
    }
    lines
}
