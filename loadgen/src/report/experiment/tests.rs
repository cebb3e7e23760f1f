//! What is drawn of experiments that never were.

use super::*;
use crate::record::Status;
use crate::report::TextOptions;
use crate::search::{Bottleneck, FoundRate, Limit, Purpose, ScalingPoint, StepRecord};

fn step(rate: f64, holds: Option<bool>) -> StepRecord {
    StepRecord {
        rate,
        purpose: Purpose::Explore,
        run: format!("runs/01-{rate}"),
        holds,
        verdict: Status::Pass,
        reason: (holds != Some(true)).then(|| "<b>p99</b>\u{1b}[31m broke".into()),
        completed: rate,
        p50: 5_000_000,
        p99: (rate * 100_000.0) as u64,
        error_rate: 0.0,
    }
}

fn search(limit: Option<Limit>, found: Option<FoundRate>) -> Search {
    Search {
        schema_version: 1,
        started_at: "2026-01-31T00:00:00Z".into(),
        command: Vec::new(),
        hosts: vec!["app-group-1".into()],
        slo: vec!["p99<20ms".into()],
        found,
        limit,
        bottleneck: Some(Bottleneck {
            part: "replicas".into(),
            evidence: "of 40.00 ms a request spent 39.00 ms there".into(),
        }),
        steps: vec![
            step(50.0, Some(true)),
            step(100.0, Some(true)),
            step(200.0, Some(false)),
        ],
        interrupted: false,
    }
}

const FOUND: FoundRate = FoundRate {
    rate: 170.0,
    bracket: [170.0, 178.0],
};

#[test]
fn a_search_is_told_in_words_that_rest_on_its_figures() {
    insta::assert_snapshot!(render_search_text(
        &search(Some(Limit::System), Some(FOUND)),
        &TextOptions::default()
    ));
}

#[test]
fn a_generator_that_is_the_limit_gives_no_rate() {
    let text = render_search_text(
        &search(Some(Limit::Generator), None),
        &TextOptions::default(),
    );
    assert!(
        text.starts_with("CANNOT TELL the generator is the limit"),
        "{text}"
    );
    assert!(text.contains("100/s held"), "{text}");
}

#[test]
fn what_a_target_says_is_escaped_everywhere() {
    let search = search(Some(Limit::System), Some(FOUND));
    let page = render_search_html(&search);
    assert!(
        !page.contains("<b>p99</b>") && !page.contains('\u{1b}'),
        "escaped"
    );
    assert!(page.contains("href=\"runs/01-50/index.html\""));
    assert!(!render_search_text(&search, &TextOptions::default()).contains('\u{1b}'));
    assert!(!render_search_markdown(&search).contains("<b>"));
}

#[test]
fn a_scaling_is_told_with_its_law_and_what_it_leaves_open() {
    let mut scaling = Scaling {
        schema_version: 1,
        started_at: String::new(),
        command: Vec::new(),
        hosts: vec!["app-group-1".into()],
        slo: vec!["p99<20ms".into()],
        points: Vec::new(),
        usl: None,
        want: Some(1_000.0),
        needed: None,
        interrupted: false,
    };
    for (replicas, rate) in [(1, 170.0), (2, 340.0), (4, 600.0)] {
        scaling.add(ScalingPoint {
            replicas,
            rate: Some(rate),
            bracket: Some([rate, rate * 1.05]),
            efficiency: None,
            limit: Some(Limit::System),
            bottleneck: None,
            search: format!("{replicas}-replicas"),
        });
    }
    scaling.conclude();
    insta::assert_snapshot!(render_scaling_text(&scaling, &TextOptions::default()));
    let page = render_scaling_html(&scaling);
    assert!(page.contains("href=\"4-replicas/index.html\""));
}
