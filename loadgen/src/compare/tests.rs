//! Holds comparison to its promise: the same is called the same, and ten percent are seen.

use super::*;
use crate::plan::{PlanFields, Request};
use crate::synthetic::{self, Noise, Scene};

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
fn noisy(seed: u64, base: f64) -> Record {
    let mut record = Scene {
        base,
        seed,
        seconds: 20,
        rate: 200,
        noise: Noise {
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
        let (one, other) = (noisy(seed, base), noisy(seed + 1, candidate));
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
fn the_same_stack_is_the_same_in_any_noise_nineteen_times_in_twenty() {
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
fn ten_percent_more_service_time_is_seen_in_any_noise() {
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
fn runs_in_any_noise_are_told_apart_by_rank() {
    let side = |from: u64, base: f64| -> Vec<_> {
        (from..from + 5).map(|seed| noisy(seed, base)).collect()
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
    let clean = [synthetic::clean()];
    let refused = compare(&[synthetic::invalid()], &clean, &options()).expect_err("invalid");
    assert_eq!(refused.exit_code(), 4);
    assert_eq!(
        compare(&[], &clean, &options()),
        Err(CompareError::NoRuns("baseline"))
    );
    assert_eq!(
        compare(&[synthetic::hostile()], &clean, &options()),
        Err(CompareError::NoCommonGroup)
    );
}

fn at_rate(seed: u64, rate: u64, seconds: u64) -> Record {
    Scene {
        seconds,
        rate,
        seed,
        ..Scene::default()
    }
    .record()
}

#[test]
fn two_short_runs_cannot_tell_and_a_gate_sees_it() {
    let found = compare(&[at_rate(1, 50, 2)], &[at_rate(2, 50, 2)], &options()).expect("valid");
    assert_eq!(
        (found.outcome, found.exit_code()),
        (Outcome::CannotTell, exit::UNDECIDED)
    );
    assert_eq!(found.findings[0].code, Code::CannotTell);
    let untold = found
        .figures()
        .filter(|figure| figure.unit == FigureUnit::Time);
    for figure in untold {
        assert!(
            figure.verdict == Change::CannotTell && figure.why.is_some(),
            "{figure:?}"
        );
    }
}

#[test]
fn a_side_without_an_answer_cannot_tell() {
    let found = compare(
        &[synthetic::clean()],
        &[synthetic::no_answers()],
        &options(),
    );
    let found = found.expect("valid");
    assert_eq!(verdict(&found, "error_rate"), Change::Worse);
    assert_eq!(found.outcome, Outcome::Regression, "it fails more");
}

#[test]
fn a_load_that_was_asked_for_is_no_regression_and_latencies_under_it_are_not_compared() {
    let found = compare(&[at_rate(1, 500, 10)], &[at_rate(2, 200, 10)], &options()).expect("valid");
    assert_eq!(found.exit_code(), exit::UNDECIDED);
    for figure in found.figures().filter(|figure| figure.name != "imbalance") {
        assert_eq!(figure.why, Some(Why::DifferentLoad), "{}", figure.name);
        assert!(!figure.regression);
    }
    assert_eq!(verdict(&found, "imbalance"), Change::Same);
    assert!(
        found.caveats[0].contains("intended rates"),
        "{:?}",
        found.caveats
    );
}

#[test]
fn a_rate_within_a_hundredth_is_the_same_load() {
    let found = compare(&[at_rate(1, 500, 10)], &[at_rate(2, 501, 10)], &options()).expect("valid");
    assert_eq!(verdict(&found, "p50"), Change::Same);
}

/// A comparison with a run of the same stack that sent something else.
fn with_request(path: &str, headers: &[String]) -> Comparison {
    let mut other = run(2, 420.0);
    let mut fields = PlanFields::from(other.plan);
    fields.request = Request::new("GET", path, headers, None).expect("a request");
    other.plan = fields.validate().expect("a plan");
    compare(&[run(1, 420.0)], &[other], &options()).expect("valid")
}

#[test]
fn another_path_is_another_request_and_a_header_more_is_not() {
    let path = run(1, 420.0).plan.request.path().to_owned();
    let other = with_request("/other", &[]);
    let of = |found: &Comparison| found.groups[0].figures[1].why;
    assert_eq!(of(&other), Some(Why::DifferentRequest));
    assert_eq!(other.exit_code(), exit::UNDECIDED);
    let same = with_request(&path, &["X-Build: 7".into()]);
    assert_eq!(verdict(&same, "p50"), Change::Same);
    assert!(
        same.caveats[0].contains("the request"),
        "{:?}",
        same.caveats
    );
}

#[test]
fn a_group_that_one_side_alone_has_is_said_to_be_left_out() {
    let found = compare(&[synthetic::two_groups()], &[run(1, 420.0)], &options());
    let found = found.expect("one group in common");
    assert!(
        found
            .caveats
            .iter()
            .any(|caveat| caveat == "app-group-2 is only in the baseline, and is not compared."),
        "{:?}",
        found.caveats
    );
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(12))]

    /// No word without ground: what is called the same is within noise, what is called a change is
    /// beyond it, and where no time can be told nothing is called the same.
    #[test]
    fn words_keep_to_the_figures(
        seeds in (0_u64..1_000, 1_000_u64..2_000),
        rate in 20_u64..400,
        seconds in 1_u64..12,
        base in 300.0_f64..600.0,
    ) {
        let side = |seed, base| Scene { seconds, rate, base, seed, ..Scene::default() }.record();
        let found = compare(&[side(seeds.0, 420.0)], &[side(seeds.1, base)], &options());
        let found = found.expect("valid");
        for figure in found.figures() {
            let change = figure.change.map(f64::abs);
            match figure.verdict {
                Change::Same => proptest::prop_assert!(change <= Some(figure.noise)),
                Change::Better | Change::Worse => {
                    proptest::prop_assert!(change > Some(figure.noise));
                    let (low, high) = figure.interval.expect("where it lies");
                    proptest::prop_assert!(low > 0.0 || high < 0.0);
                }
                Change::CannotTell => proptest::prop_assert!(figure.why.is_some()),
            }
        }
        let told = found.figures().any(|figure| {
            figure.unit == FigureUnit::Time && figure.verdict != Change::CannotTell
        });
        proptest::prop_assert!(told || found.exit_code() == exit::UNDECIDED);
    }
}
