//! Experiments on stacks whose capacity is known: the highest rate, a list of rates, and the law of
//! scaling. A busy machine may keep the generator from telling, and then no rate may be told either.

use std::fs;

use super::program::{Ended, loadgen};

/// One replica that serves one request at a time, in 5 ms: 200 a second at the very most.
const ONE_SLOT: &str = "--stack embedded --host app-group-1 --warmup 200ms --connections 256 \
    --replica-arg app-group-1=--service-time=fixed:5ms --replica-arg app-group-1=--concurrency=1";

fn found(ended: &Ended) -> serde_json::Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

#[test]
fn the_highest_rate_of_a_known_system_is_found_or_none_is_told() {
    let search = loadgen("search --format json --progress none --out found --replicas 1")
        .words(ONE_SLOT)
        .words("--slo p99<60ms --from 60 --to 2000 --step 1s --confirm 1s");
    let place = search.place().to_owned();
    let ended = search.run();
    let result = found(&ended);
    let stored = fs::read_to_string(place.join("found/search.json")).unwrap();
    assert_eq!(ended.stdout, stored, "what is printed is what is stored");
    match result["limit"].as_str().unwrap() {
        "system" => {
            assert_eq!(ended.code, Some(0), "{ended:?}");
            let rate = result["found"]["rate"].as_f64().unwrap();
            assert!((60.0..=260.0).contains(&rate), "{rate}");
            let steps = result["steps"].as_array().unwrap();
            // Both ends of the bracket were measured for long.
            for end in result["found"]["bracket"].as_array().unwrap() {
                let is_sure = |step: &serde_json::Value| {
                    let purpose = step["purpose"].as_str().unwrap();
                    step["rate"] == *end && ["narrow", "confirm", "refute"].contains(&purpose)
                };
                assert!(steps.iter().any(is_sure), "{end}: {result}");
            }
        }
        "generator" | "unsteady" => {
            assert_eq!(ended.code, Some(4), "{ended:?}");
            assert!(result["found"].is_null(), "{result}");
        }
        // Stalls of 60 ms at every rate that was tried.
        "nothing" => assert_eq!(ended.code, Some(99), "{ended:?}"),
        other => panic!("{other}: {result}"),
    }
    for step in result["steps"].as_array().unwrap() {
        let run = place.join("found").join(step["run"].as_str().unwrap());
        assert!(run.join("record.json").exists(), "{}", run.display());
        assert!(run.join("evidence.json.gz").exists(), "{}", run.display());
    }
    let page = fs::read_to_string(place.join("found/index.html")).unwrap();
    assert!(page.contains("Response time by rate"));
}

#[test]
fn a_sweep_tells_of_each_rate_whether_it_holds() {
    let ended = loadgen("sweep --format json --progress none --out swept --replicas 1")
        .words(ONE_SLOT)
        .words("--slo p99<200ms --rates 20,600 --step 2s")
        .run();
    let result = found(&ended);
    let steps = result["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 2);
    assert!(result["limit"].is_null() && result["found"].is_null());
    // Three times what it can do: whatever the machine does, this does not hold.
    assert_ne!(steps[1]["holds"], true, "{result}");
    assert!(matches!(ended.code, Some(4 | 99)), "{ended:?}");
}

#[test]
fn replicas_that_share_nothing_scale_and_the_law_says_so() {
    let scaling = loadgen("scaling --format json --progress none --out scaled")
        .words("--stack embedded --host app-group-1 --warmup 100ms --connections 256")
        .words("--replica-arg app-group-1=--service-time=fixed:20ms")
        .words("--replica-arg app-group-1=--concurrency=1 --replicas 1,2,3")
        .words("--slo p99<150ms --from 30 --to 400 --step 1s --confirm 1s --want 1000");
    let place = scaling.place().to_owned();
    let ended = scaling.run();
    let result = found(&ended);
    let points = result["points"].as_array().unwrap();
    assert_eq!(points.len(), 3);
    for (point, replicas) in points.iter().zip([1, 2, 3]) {
        assert_eq!(point["replicas"], replicas);
        let search = place.join("scaled").join(point["search"].as_str().unwrap());
        assert!(search.join("search.json").exists(), "{}", search.display());
        // 50 a second each, and what a second's backlog hides.
        if let Some(rate) = point["rate"].as_f64() {
            assert!(rate <= 75.0 * f64::from(replicas), "{point}");
        }
    }
    let rates = points
        .iter()
        .filter(|point| point["rate"].is_number())
        .count();
    if rates == 3 {
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(result["usl"]["lambda"].as_f64().unwrap() > 0.0);
        assert!(result["usl"]["sigma"].as_f64().unwrap() >= 0.0);
    } else {
        assert_eq!(ended.code, Some(4), "{ended:?}");
        assert!(result["usl"].is_null());
    }
}

#[test]
fn what_no_experiment_can_be_made_of_is_refused_with_its_remedy() {
    let target = "--target http://127.0.0.1:9";
    for (words, code, wanted) in [
        ("search --stack embedded", 2, "--slo"),
        ("search --stack embedded --slo p99", 2, "--slo `p99`"),
        ("search --stack embedded --slo p99<50ms --rps 5", 2, "--rps"),
        (
            "search --stack embedded --slo p99<50ms --host a=5",
            2,
            "NAME=RPS",
        ),
        (
            "search --stack embedded --slo p99<50ms --closed",
            2,
            "--closed",
        ),
        (
            "search --stack embedded --slo p99<50ms --from 0",
            2,
            "--from 0",
        ),
        (
            "search --stack embedded --slo p99<50ms --from 9 --to 5",
            2,
            "--to 5",
        ),
        (
            "search --stack embedded --slo p99<50ms --step 1ms",
            2,
            "500 ms",
        ),
        ("sweep --stack embedded --rates 5,-1", 2, "--rates -1"),
        (
            "scaling --stack embedded --slo p99<50ms --replicas 1,2",
            2,
            "three",
        ),
        ("scaling --stack embedded --slo p99<50ms", 2, "--replicas"),
        ("--stack embedded --replicas 1,2", 2, "--replicas"),
        (&format!("search --slo p99<50ms {target}"), 3, "127.0.0.1:9"),
        (
            &format!("scaling --slo p99<50ms --replicas 1,2,4 {target}"),
            2,
            "another number of replicas",
        ),
    ] {
        let ended = loadgen(words).words("--progress none").run();
        assert_eq!(ended.code, Some(code), "{words}: {ended:?}");
        assert!(ended.stderr.contains(wanted), "{words}: {ended:?}");
    }
}
