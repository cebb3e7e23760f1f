//! Holds every sentence of a page to the figures that stand beside it, on random runs.

use proptest::prelude::*;

use super::chart::{self, Chart};
use super::series::Series;
use super::{load, render_html, render_text, sentences};
use crate::plan::{Load, PlanFields};
use crate::record::{GroupRecord, Record};
use crate::schedule::{Profile, Stage};
use crate::synthetic::{Noise, Scene};

/// Runs of every kind: few requests and many, quiet and restless, even and not, failing and not.
fn scenes() -> impl Strategy<Value = Scene> {
    let replicas = prop_oneof![
        Just(vec!["r1"]),
        Just(vec!["r1", "r2"]),
        Just(vec!["r1", "r2", "r3"])
    ];
    let oddities = (
        prop::option::of((0..1_usize, 0..8_u64)),
        prop::option::of((0..1_usize, 0..8_u64)),
        prop_oneof![Just(0.0), 0.0..0.3],
        prop_oneof![Just(0.0), 0.0..0.3],
        0..3_u64,
    );
    let sizes = (1..14_u64, 2..300_u64, 200.0..900.0, any::<u64>());
    (replicas, oddities, sizes).prop_map(
        |(replicas, (slow, starved, failing, drift, given_up), (seconds, rate, base, seed))| {
            Scene {
                seconds,
                rate,
                replicas: replicas.clone(),
                base,
                slow,
                starved: starved
                    .filter(|_| replicas.len() > 1)
                    .map(|(which, from)| (which, from..from + 3)),
                failing,
                given_up: 0..given_up,
                noise: Noise {
                    drift,
                    memory: 0.5,
                    wander: 0.02,
                    stalls: drift / 3.0,
                },
                seed,
                ..Scene::default()
            }
        },
    )
}

/// Every chart of a group.
fn charts(record: &Record) -> Vec<Chart> {
    let group = &record.groups[0];
    let series = Series::of(record, group.label());
    let all = [
        Some(chart::throughput("a", record, group, &series)),
        Some(chart::percentiles("b", group, &series)),
        Some(chart::counts("c", group)),
        chart::heatmap("d", group, &series),
        Some(chart::curve("e", group)),
        chart::failures("f", group, &series),
        Some(chart::shares("g", group, &series)),
        chart::tail("h", group),
        chart::multiples("i", group, &series),
        chart::breakdown("j", group),
        chart::generator("k", record, group, &series),
        chart::stalls("l", record, &series),
    ];
    all.into_iter().flatten().collect()
}

fn chart_of(record: &Record, title: &str) -> Option<Chart> {
    charts(record)
        .into_iter()
        .find(|chart| chart.title == title)
}

/// The number after a word, without separators.
fn number_after(text: &str, word: &str) -> Option<f64> {
    let rest = text.split(word).nth(1)?;
    let digits: String = rest
        .chars()
        .skip_while(|c| *c == ' ')
        .take_while(|c| c.is_ascii_digit() || ",.".contains(*c))
        .filter(|c| *c != ',')
        .collect();
    digits.trim_end_matches('.').parse().ok()
}

/// What the parts of a sentence say of the seconds: the numbers after `second` or `seconds`.
fn seconds_named(text: &str) -> Vec<f64> {
    let words: Vec<_> = text.split([' ', '.', ';', ',']).collect();
    let named = words
        .windows(2)
        .filter(|pair| pair[0] == "second" || pair[0] == "seconds");
    named.filter_map(|pair| pair[1].parse().ok()).collect()
}

fn with_stages(record: &Record, rates: [f64; 3]) -> Record {
    let end = record.run.duration_s;
    let stages = rates.iter().zip([0.0, end / 2.0, end]);
    let stages = stages.map(|(rate, at)| Stage { at, rate: *rate });
    let profile = Profile::stages(stages.collect()).expect("stages");
    let mut fields = PlanFields::from(record.plan.clone());
    if let Load::Open { schedule } = &mut fields.groups[0].load {
        schedule.profile = profile;
    }
    let mut record = record.clone();
    record.plan = fields.validate().expect("a plan");
    record.groups[0].rate.intended = rates.iter().sum::<f64>() / 3.0;
    record
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn sentences_keep_to_what_is_drawn(scene in scenes()) {
        let record = scene.record();
        let group = &record.groups[0];
        for chart in charts(&record) {
            let said = &chart.takeaway;
            prop_assert!(said.ends_with('.'), "{said}");
            prop_assert!(!said.contains("equal"), "{said}");
            prop_assert!(!said.contains('\u{202f}') && !said.contains("NaN"), "{said}");
            let named = seconds_named(said);
            prop_assert!(named.is_sorted(), "in the order of time: {said}");
            let last = record.run.duration_s.ceil();
            prop_assert!(named.iter().all(|at| (1.0..=last).contains(at)), "{said}");
        }
        percentiles_are_those_of_the_table(&record)?;
        rates_are_intended_ones(&record, group)?;
        shares_are_those_of_the_record(&record, group)?;
    }

    #[test]
    fn a_plain_stack_has_one_cloud_and_no_slowest_replica(
        seconds in 2..12_u64, rate in 20..400_u64, base in 200.0..900.0, seed in any::<u64>(),
    ) {
        let scene = Scene { seconds, rate, base, seed, ..Scene::default() };
        let record = scene.record();
        let said = |title| chart_of(&record, title).map_or_else(String::new, |it| it.takeaway);
        prop_assert!(!said("Where response times lie").contains("clouds"));
        let each = said("Each replica by itself");
        prop_assert!(!each.contains("is the slowest"), "{each}");
        let tail = said("Who owns the tail");
        prop_assert!(tail.is_empty() || tail.contains("within chance"), "{tail}");
        let shares = said("Share per replica over time");
        prop_assert!(!shares.contains("got nothing"), "{shares}");
    }

    #[test]
    fn a_ramp_has_no_one_intended_rate(
        low in 10.0..90.0_f64, high in 100.0..900.0_f64, seed in any::<u64>(),
    ) {
        let record = Scene { rate: 60, seconds: 6, seed, ..Scene::default() }.record();
        let record = with_stages(&record, [low, high, low]);
        let group = &record.groups[0];
        let (least, most) = load::bounds(&record, group);
        prop_assert!(least >= low - 1e-6 && most <= high + 1e-6);
        let mean = super::format::rate(group.rate.intended);
        let said = [
            chart_of(&record, "Throughput over time").expect("a chart").takeaway,
            sentences::achieved(&record, group),
        ];
        for said in said {
            let claimed = format!("{mean}/s");
            prop_assert!(!said.contains(&format!("intended {claimed}")), "{said}");
            prop_assert!(!said.starts_with(&claimed), "{said}");
            prop_assert!(said.contains(" to "), "{said}");
        }
    }
}

fn percentiles_are_those_of_the_table(record: &Record) -> Result<(), TestCaseError> {
    let Some(chart) = chart_of(record, "Response time over time") else {
        return Ok(());
    };
    let series = Series::of(record, record.groups[0].label());
    for verb in [" rose from ", " fell from "] {
        let Some((_, rest)) = chart.takeaway.split_once(verb) else {
            continue;
        };
        let (first, last) = rest.split_once(" to ").expect("two ends");
        let named = seconds_named(&chart.takeaway);
        prop_assert_eq!(named.len(), 2);
        for (said, second) in [first, last].iter().zip(&named) {
            let bucket = &series.buckets[*second as usize - 1];
            let p99 = super::format::span(bucket.response.p99 as f64);
            prop_assert!(
                said.starts_with(&p99),
                "{} is {p99}: {}",
                second,
                chart.takeaway
            );
        }
    }
    Ok(())
}

fn rates_are_intended_ones(record: &Record, group: &GroupRecord) -> Result<(), TestCaseError> {
    let said = chart_of(record, "Throughput over time").expect("a chart");
    if let Some(rate) = number_after(&said.takeaway, "The intended") {
        prop_assert!(
            (rate - group.rate.intended).abs() < 0.05,
            "{}",
            said.takeaway
        );
        prop_assert_eq!(group.requests.planned, group.requests.sent);
    }
    if said.takeaway.contains("every request was answered") {
        prop_assert_eq!(group.requests.succeeded, group.requests.sent);
    }
    Ok(())
}

fn shares_are_those_of_the_record(
    record: &Record,
    group: &GroupRecord,
) -> Result<(), TestCaseError> {
    let said = chart_of(record, "Share per replica over time").expect("a chart");
    if said.takeaway.contains("had the share") {
        for replica in &group.replicas {
            let off = (replica.share - replica.expected_share.unwrap_or(0.0)).abs();
            prop_assert!(off < 0.000_5, "{}", said.takeaway);
        }
    }
    Ok(())
}

#[test]
fn a_balance_names_the_counts_it_rests_on_and_whose_they_are() {
    let mut record = Scene::default().record();
    let group = &mut record.groups[0];
    let count = |id: &str, count, weight| crate::record::BalanceCount {
        id: id.into(),
        count,
        weight,
    };
    group.balance.counts = vec![count("a", 900, 3), count("b", 301, 1)];
    group.balance.source = crate::record::CLIENT.into();
    group.balance.max_minus_min = 1;
    assert_eq!(
        sentences::balance(group),
        "Balance is round-robin: 900 / 301 by the names in the answers, warm-up included, \
         1 per weight apart; round-robin allows 1."
    );
    group.balance.source = crate::record::REPLICAS.into();
    assert!(sentences::balance(group).contains("by the replicas' counters"));
    // The same counts stand in the page's table.
    let mut record = record.clone();
    record.groups[0].replicas[0].id = "a".into();
    assert!(render_html(&record).contains("<td>900</td>"));
}

#[test]
fn one_page_has_one_set_of_separators() {
    for record in [
        crate::synthetic::failed(),
        crate::synthetic::invalid(),
        crate::synthetic::timed(crate::synthetic::clean()),
    ] {
        assert!(!render_html(&record).contains('\u{202f}'));
        assert!(!render_text(&record, &super::TextOptions::default()).contains('\u{202f}'));
    }
}

#[test]
fn what_held_the_machine_up_is_told_by_its_own_count() {
    let stalls = crate::record::StallInfo {
        lost_share: 0.022,
        longest: 23_000_000,
        stolen: Some(180_000_000),
        ..crate::record::StallInfo::default()
    };
    assert_eq!(
        sentences::stalls(&stalls).replace('\u{a0}', " "),
        "The generator's process was not run for 2.20 % of the time, 23.0 ms at the longest; \
         the hypervisor took from this machine's CPUs 180 ms."
    );
    let quiet = crate::record::StallInfo::default();
    assert!(sentences::stalls(&quiet).contains("whenever"));
}
