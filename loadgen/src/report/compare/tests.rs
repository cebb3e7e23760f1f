//! Holds comparison to its promise: the same is called the same, and ten percent are seen.

use super::super::TextOptions;
use super::super::fixture::{self, Scene, Weather};
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

/// A run whose seconds depend on one another, with stalls, and unlike the next for no reason:
/// what a real stack does that is not changed at all.
fn weathered(seed: u64, base: f64) -> Record {
    let mut record = Scene {
        base,
        seed,
        seconds: 20,
        rate: 200,
        weather: Weather {
            drift: 0.02,
            memory: 0.6,
            wander: 0.01,
            stalls: 0.1,
        },
        ..Scene::default()
    }
    .record();
    record.run.id = format!("run-{seed}");
    record
}

/// Compares pairs of runs that have nothing in common but their stack.
fn pairs(count: u64, first_seed: u64, base: f64, candidate: f64) -> Vec<Comparison> {
    let options = CompareOptions {
        resamples: 400,
        ..CompareOptions::default()
    };
    let pair = |n: u64| {
        let seed = first_seed + 2 * n;
        let (one, other) = (weathered(seed, base), weathered(seed + 1, candidate));
        compare(&[one], &[other], &options).expect("valid")
    };
    (0..count).map(pair).collect()
}

fn calls_a_change(found: &Comparison) -> bool {
    found
        .figures()
        .any(|figure| matches!(figure.verdict, Change::Better | Change::Worse))
}

#[test]
fn the_same_stack_is_the_same_in_any_weather_nineteen_times_in_twenty() {
    let found = pairs(60, 1_000, 5_000.0, 5_000.0);
    let changed = found.iter().filter(|found| calls_a_change(found)).count();
    println!("{changed} of 60 pairs are said to differ");
    assert!(changed <= 3);
    let same = |found: &&Comparison| {
        ["rate", "p50", "service.p50", "error_rate", "imbalance"]
            .iter()
            .all(|name| verdict(found, name) == Change::Same)
    };
    let same = found.iter().filter(same).count();
    println!("{same} of 60 pairs are said to be the same in every figure that has samples enough");
    assert!(same >= 57);
}

#[test]
fn ten_percent_more_service_time_is_seen_in_any_weather() {
    let found = pairs(40, 2_000, 5_000.0, 5_500.0);
    let seen = |found: &&Comparison| {
        verdict(found, "service.p50") == Change::Worse && found.exit_code() == 99
    };
    let seen = found.iter().filter(seen).count();
    println!("ten percent more service time is seen in {seen} of 40 pairs");
    assert!(seen >= 38);
    let blamed = |found: &&Comparison| verdict(found, "rate") != Change::Same;
    assert_eq!(
        found.iter().filter(blamed).count(),
        0,
        "the rate is as it was"
    );
}

#[test]
fn what_a_restless_machine_did_is_not_blamed_on_the_service() {
    let scene = |seed, lag, base| {
        Scene {
            base,
            lag,
            seed,
            ..Scene::default()
        }
        .record()
    };
    let calm = [scene(1, 34.0, 5_000.0)];
    let slower = compare(&calm, &[scene(2, 34.0, 5_500.0)], &options()).expect("valid");
    assert_eq!(verdict(&slower, "service.p50"), Change::Worse);
    // As much slower, but the generator was woken late as well.
    let restless = compare(&calm, &[scene(2, 234.0, 5_500.0)], &options()).expect("valid");
    assert_eq!(verdict(&restless, "service.p50"), Change::Same);
    let of =
        |found: &Comparison, name: &str| found.figures().find(|f| f.name == name).map(|f| f.noise);
    assert!(
        of(&restless, "p99") > of(&slower, "p99") && of(&restless, "rate") == of(&slower, "rate")
    );
}

#[test]
fn runs_in_any_weather_are_told_apart_by_rank() {
    let side = |from: u64, base: f64| -> Vec<_> {
        (from..from + 5).map(|seed| weathered(seed, base)).collect()
    };
    let base = side(3_000, 5_000.0);
    let same = compare(&base, &side(3_100, 5_000.0), &options()).expect("valid");
    assert!(!calls_a_change(&same), "{:#?}", same.groups[0].figures);
    let slower = compare(&base, &side(3_200, 5_500.0), &options()).expect("valid");
    assert_eq!(
        (verdict(&slower, "service.p50"), slower.exit_code()),
        (Change::Worse, 99)
    );
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
