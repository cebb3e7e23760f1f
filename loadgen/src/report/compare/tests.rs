//! Holds comparison to its promise: the same is called the same, and ten percent are seen.

use super::super::TextOptions;
use super::super::fixture::{self, Scene};
use super::*;

fn run(seed: u64, base: f64) -> Record {
    let mut record = Scene {
        base,
        seed,
        ..Scene::default()
    }
    .record();
    record.run.id = format!("run-{seed}");
    record
}

fn options() -> CompareOptions {
    CompareOptions {
        resamples: 120,
        ..CompareOptions::default()
    }
}

fn verdict(comparison: &Comparison, name: &str) -> Change {
    comparison
        .figures()
        .find(|figure| figure.name == name)
        .expect(name)
        .verdict
}

#[test]
fn two_runs_of_the_same_stack_are_the_same_at_least_nineteen_times_in_twenty() {
    let first = run(100, 420.0);
    let differ = (0..20)
        .filter(|seed| {
            let found = compare(
                std::slice::from_ref(&first),
                &[run(*seed, 420.0)],
                &options(),
            )
            .expect("valid");
            found
                .figures()
                .any(|figure| matches!(figure.verdict, Change::Better | Change::Worse))
        })
        .count();
    assert!(differ <= 1, "{differ} of 20 differ");
}

#[test]
fn ten_percent_more_service_time_is_seen_and_is_a_regression() {
    let found = compare(&[run(1, 420.0)], &[run(2, 462.0)], &options()).expect("valid");
    assert_eq!(verdict(&found, "service.p50"), Change::Worse);
    assert_eq!(verdict(&found, "rate"), Change::Same);
    assert_eq!(found.exit_code(), 99);
    let back = compare(&[run(2, 462.0)], &[run(1, 420.0)], &options()).expect("valid");
    assert_eq!(
        (verdict(&back, "service.p50"), back.exit_code()),
        (Change::Better, 0)
    );
}

#[test]
fn four_runs_a_side_are_compared_by_rank() {
    let side = |from: u64, base: f64| {
        (from..from + 4)
            .map(|seed| run(seed, base))
            .collect::<Vec<_>>()
    };
    let found = compare(&side(0, 420.0), &side(10, 462.0), &options()).expect("valid");
    let service = found
        .figures()
        .find(|figure| figure.name == "service.p50")
        .expect("a figure");
    assert_eq!(service.verdict, Change::Worse);
    assert!(service.p_value.expect("a test was made") < 0.03);
    let same = compare(&side(0, 420.0), &side(20, 420.0), &options()).expect("valid");
    assert_eq!(same.exit_code(), 0);
}

#[test]
fn an_invalid_baseline_is_refused_and_so_is_none() {
    let clean = [fixture::clean()];
    let refused = compare(&[fixture::invalid()], &clean, &options()).expect_err("invalid");
    assert_eq!(refused.exit_code(), 4);
    assert_eq!(
        compare(&[], &clean, &options()),
        Err(CompareError::NoRuns("baseline"))
    );
    assert_eq!(
        compare(&[fixture::hostile()], &clean, &options()),
        Err(CompareError::NoCommonGroup)
    );
}

#[test]
fn every_renderer_tells_the_same_story_and_nothing_breaks_on_silence() {
    let found = compare(&[run(1, 420.0)], &[run(2, 600.0)], &options()).expect("valid");
    insta::assert_snapshot!(
        "comparison",
        render_comparison_text(&found, &TextOptions::default())
    );
    let page = render_comparison_html(&found);
    assert!(
        page.contains("REGRESSION") && render_comparison_markdown(&found).contains("REGRESSION")
    );
    assert!(render_comparison_json(&found).contains("\"worse\""));
    for other in [fixture::no_answers(), fixture::one_second()] {
        let found = compare(&[fixture::clean()], &[other], &options()).expect("not invalid");
        assert!(!render_comparison_html(&found).contains("NaN"));
        assert!(!render_comparison_text(&found, &TextOptions::default()).contains("NaN"));
    }
}
