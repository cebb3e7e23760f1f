//! The charts of an experiment: latency and errors by rate, and the highest rate by replicas.

use super::super::chart::axis::Axis;
use super::super::chart::canvas::{Frame, draw};
use super::super::chart::{Chart, Row, Table, role};
use super::super::format::{TimeUnit, percent, rate, significant, span};
use super::words;
use crate::search::{Scaling, Search, StepRecord};

/// p50 and p99 by rate.
pub(super) fn latency(search: &Search) -> Chart {
    let steps = by_rate(search);
    let least = steps.iter().map(|step| step.p50).min().unwrap_or(1_000);
    let most = steps.iter().map(|step| step.p99).max().unwrap_or(1_000_000);
    let unit = TimeUnit::spanning(least, most);
    let x = rates(&steps);
    let y = Axis::latency(least, most, "response time, logarithmic");
    let mut rows = Vec::new();
    let svg = draw(Frame::WIDE, &x, &y, |canvas| {
        if let Some(found) = &search.found {
            // The bracket: between what held and what broke.
            let [low, high] = found.bracket;
            canvas.band(
                &[Some([
                    low,
                    high.max(low),
                    least as f64 / 2.0,
                    most as f64 * 2.0,
                ])],
                role::FUNNEL,
            );
        }
        for (name, figure, role) in [
            (
                "p99",
                (|step| step.p99) as fn(&StepRecord) -> u64,
                role::PERCENTILES[2],
            ),
            ("p50", |step| step.p50, role::PERCENTILES[0]),
        ] {
            let line: Vec<_> = steps
                .iter()
                .map(|step| Some((step.rate, figure(step) as f64)))
                .collect();
            canvas.line(&line, role, 4);
            let last = steps.last().map_or(0, |step| figure(step)) as f64;
            canvas.end_label(last, &format!("{name} {}", span(last)), role);
        }
        rows = (steps.iter())
            .map(|step| Row {
                x: Some(canvas.column(step.rate)),
                cells: vec![
                    rate(step.rate),
                    unit.of(step.p50),
                    unit.of(step.p99),
                    percent(step.error_rate),
                    words::holds(step).to_owned(),
                ],
            })
            .collect();
    });
    Chart {
        id: "latency".into(),
        title: "Response time by rate".into(),
        takeaway: takeaway(&steps),
        description: "p50 and p99 of every rate that was measured, the last measurement of each; the band is between the highest rate that held and the lowest that broke.".into(),
        plot: Some(Frame::WIDE.plot()),
        svg,
        table: Table {
            head: vec![
                "rate/s".into(),
                format!("p50, {}", unit.sign()),
                format!("p99, {}", unit.sign()),
                "failed".into(),
                String::new(),
            ],
            rows,
        },
    }
}

/// Failed requests by rate, where there are any.
pub(super) fn errors(search: &Search) -> Option<Chart> {
    let steps = by_rate(search);
    let worst = steps
        .iter()
        .max_by(|one, other| one.error_rate.total_cmp(&other.error_rate))?;
    if worst.error_rate == 0.0 {
        return None;
    }
    let frame = Frame {
        size: (1600, 380),
        ..Frame::WIDE
    };
    let mut rows = Vec::new();
    let svg = draw(
        frame,
        &rates(&steps),
        &Axis::share("failed requests"),
        |canvas| {
            let line: Vec<_> = steps
                .iter()
                .map(|step| Some((step.rate, step.error_rate)))
                .collect();
            canvas.line(&line, role::FAILED, 4);
            let last = steps.last().map_or(0.0, |step| step.error_rate);
            canvas.end_label(last, &format!("failed {}", percent(last)), role::FAILED);
            rows = (steps.iter())
                .map(|step| Row {
                    x: Some(canvas.column(step.rate)),
                    cells: vec![rate(step.rate), percent(step.error_rate)],
                })
                .collect();
        },
    );
    Some(Chart {
        id: "errors".into(),
        title: "Failed requests by rate".into(),
        takeaway: format!(
            "Most requests failed at {}/s: {}.",
            rate(worst.rate),
            percent(worst.error_rate)
        ),
        description: "The share of the requests of each rate that failed.".into(),
        plot: Some(frame.plot()),
        svg,
        table: Table {
            head: vec!["rate/s".into(), "failed".into()],
            rows,
        },
    })
}

/// The highest rate by number of replicas, and the law through it.
pub(super) fn scaling(scaling: &Scaling) -> Chart {
    let points: Vec<_> = (scaling.points.iter())
        .filter_map(|point| Some((f64::from(point.replicas), point.rate?)))
        .collect();
    let most = points.iter().map(|point| point.0).fold(1.0, f64::max);
    let law = scaling.usl.map(|law| {
        let along = (0..=100_u32).map(|part| 1.0 + (most - 1.0) * f64::from(part) / 100.0);
        along.map(|n| Some((n, law.rate(n)))).collect::<Vec<_>>()
    });
    let linear = points.first().map(|(n, rate)| rate / n);
    let highest = points.iter().map(|point| point.1).fold(1.0, f64::max);
    let highest = linear.map_or(highest, |each| highest.max(each * most));
    let x = Axis::counts(most, "replicas");
    let y = Axis::counts(highest, "highest rate, per second");
    let mut rows = Vec::new();
    let svg = draw(Frame::WIDE, &x, &y, |canvas| {
        if let Some(each) = linear {
            canvas.line(
                &[Some((0.0, 0.0)), Some((most, each * most))],
                role::INTENDED,
                2,
            );
            canvas.end_label(each * most, "in proportion", role::INTENDED);
        }
        if let Some(law) = &law {
            canvas.line(law, role::SKY, 3);
        }
        let line: Vec<_> = points.iter().copied().map(Some).collect();
        canvas.line(&line, role::ANSWERED, 5);
        let last = points.last().map_or(0.0, |point| point.1);
        canvas.end_label(last, &format!("measured {}/s", rate(last)), role::ANSWERED);
        rows = (points.iter())
            .map(|(n, found)| Row {
                x: Some(canvas.column(*n)),
                cells: vec![
                    significant(*n),
                    rate(*found),
                    scaling
                        .usl
                        .map_or_else(|| "–".into(), |law| rate(law.rate(*n))),
                ],
            })
            .collect();
    });
    Chart {
        id: "scaling".into(),
        title: "Highest rate by replicas".into(),
        takeaway: format!("{}.", capital(&words::of_scaling(scaling).rest)),
        description: "What was found for each number of replicas, the law fitted to it, and what would be in proportion to the first point.".into(),
        plot: Some(Frame::WIDE.plot()),
        svg,
        table: Table {
            head: vec!["replicas".into(), "measured, per second".into(), "by the law".into()],
            rows,
        },
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}

fn rates(steps: &[&StepRecord]) -> Axis {
    let most = steps.iter().map(|step| step.rate).fold(1.0, f64::max);
    Axis::counts(most, "")
}

/// The last measurement of each rate that the generator could make, in order of rate.
fn by_rate(search: &Search) -> Vec<&StepRecord> {
    let mut steps: Vec<&StepRecord> = Vec::new();
    for step in search.steps.iter().filter(|step| step.holds.is_some()) {
        steps.retain(|other| (other.rate - step.rate).abs() > 1e-9);
        steps.push(step);
    }
    steps.sort_by(|one, other| one.rate.total_cmp(&other.rate));
    steps
}

fn takeaway(steps: &[&StepRecord]) -> String {
    let at = |step: &StepRecord| format!("{} at {}/s", span(step.p99 as f64), rate(step.rate));
    match (steps.first(), steps.last()) {
        (Some(first), Some(last)) if first.rate < last.rate => {
            format!("p99 was {} and {}.", at(first), at(last))
        }
        (Some(only), _) => format!("p99 was {}.", at(only)),
        _ => "No rate could be measured.".into(),
    }
}
