//! The balance verdict: no false alarm for what the policy gives, an alarm for what it does not.

use proptest::prelude::*;

use super::scene::{Dice, Scene, id, scene, smooth};
use crate::model::ErrorClass;
use crate::record::{BalanceVerdict, Severity, Status};
use crate::scrape::ReplicaState;

fn turns(n: usize) -> impl FnMut(u64) -> usize {
    move |k| (k % n as u64) as usize
}

fn verdict(scene: &Scene) -> BalanceVerdict {
    scene.judge().groups[0].balance.verdict
}

#[test]
fn a_quiet_run_passes_without_a_word() {
    let judgement = scene(2, 500, 10, turns(2)).judge();
    assert_eq!(judgement.findings, []);
    assert_eq!(
        (judgement.verdict.status, judgement.verdict.exit_code),
        (Status::Pass, 0)
    );
    let balance = &judgement.groups[0].balance;
    assert_eq!((balance.max_minus_min, balance.bound), (0, Some(1)));
    assert_eq!(balance.source, "replicas");
    assert_eq!(balance.identified.as_deref(), Some("round-robin"));
    assert!(judgement.certificate.items.iter().all(|item| item.ok));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn strict_turns_never_alarm(n in 2usize..7, offset in 0u64..7, rate in 60u64..400, pages in any::<bool>()) {
        let mut scene = scene(n, rate, 4, |k| ((k + offset) % n as u64) as usize);
        if !pages { scene.delta = None; }
        prop_assert_eq!(scene.judge().verdict.status, Status::Pass);
        prop_assert_eq!(verdict(&scene), BalanceVerdict::Even);
    }

    #[test]
    fn strict_weighted_turns_never_alarm(weights in prop::collection::vec(1i64..6, 2..5), offset in 0u64..20, rate in 60u64..300) {
        let mut pick = smooth(&weights);
        for k in 0..offset { pick(k); }
        let declared: Vec<_> = weights.iter().map(ToString::to_string).collect();
        let scene = scene(weights.len(), rate, 4, pick).policy(&format!("round-robin:{}", declared.join(",")));
        prop_assert_eq!(verdict(&scene), BalanceVerdict::Even, "{:?}", scene.judge().findings);
        prop_assert_eq!(scene.judge().verdict.status, Status::Pass);
    }

    #[test]
    fn several_workers_with_a_rotation_each_never_alarm(workers in 1u32..9, seed in any::<u64>()) {
        let (mut dice, mut turn) = (Dice(seed), vec![0usize; workers as usize]);
        let mut scene = scene(3, 200, 4, move |_| {
            let worker = dice.below(workers as usize);
            turn[worker] += 1;
            turn[worker] % 3
        });
        scene.topology.proxy.workers = workers;
        prop_assert_eq!(verdict(&scene), BalanceVerdict::Even);
    }

    #[test]
    fn draws_declared_as_such_never_alarm(n in 2usize..6, seed in any::<u64>()) {
        let mut dice = Dice(seed);
        let scene = scene(n, 400, 5, move |_| dice.below(n)).policy("random");
        prop_assert_eq!(verdict(&scene), BalanceVerdict::Even, "{:?}", scene.judge().findings);
        prop_assert_eq!(scene.judge().verdict.status, Status::Pass);
    }

    #[test]
    fn draws_declared_as_turns_are_found_and_named(n in 2usize..6, seed in 0u64..1_000_000) {
        let mut dice = Dice(seed);
        let scene = scene(n, 500, 10, move |_| dice.below(n));
        // One in a hundred draws of two is even by luck; those are not judged here.
        prop_assume!(scene.judge().groups[0].balance.max_minus_min > 1);
        prop_assert_eq!(verdict(&scene), BalanceVerdict::Uneven);
        let judgement = scene.judge();
        // By luck again, draws may look like none: then they are merely uneven.
        let named = judgement.groups[0].balance.identified.as_deref() == Some("random");
        let code = if named { "policy-mismatch" } else { "uneven-balance" };
        prop_assert!(scene.codes().contains(&code.to_owned()), "{:?}", judgement.findings);
    }
}

#[test]
fn one_percent_of_skew_in_ten_thousand_is_caught() {
    let scene = scene(2, 1_000, 9, |k| {
        if k % 100 == 99 { 0 } else { (k % 2) as usize }
    });
    let balance = scene.judge().groups[0].balance.clone();
    assert_eq!(
        (balance.verdict, balance.max_minus_min),
        (BalanceVerdict::Uneven, 200)
    );
    assert_eq!(scene.codes(), ["uneven-balance"]);
}

#[test]
fn turns_declared_as_draws_are_too_even() {
    let scene = scene(2, 500, 10, turns(2)).policy("random");
    assert_eq!(scene.codes(), ["policy-mismatch"]);
    assert_eq!(
        scene.judge().groups[0].balance.identified.as_deref(),
        Some("round-robin")
    );
}

#[test]
fn few_draws_that_are_even_by_luck_are_no_turns() {
    let scene = scene(2, 40, 1, turns(2)).policy("random");
    assert_eq!(scene.codes(), Vec::<String>::new());
    assert_eq!(scene.judge().groups[0].balance.identified, None);
}

#[test]
fn undeclared_weights_are_identified() {
    let scene = scene(2, 500, 10, smooth(&[3, 1]));
    let judgement = scene.judge();
    assert_eq!(
        judgement.groups[0].balance.identified.as_deref(),
        Some("round-robin:3,1")
    );
    assert_eq!(scene.codes(), ["policy-mismatch"]);
    assert!(
        judgement.findings[0]
            .hint
            .as_deref()
            .is_some_and(|hint| hint.contains("round-robin:3,1"))
    );
}

#[test]
fn a_replica_the_proxy_does_not_know_is_starved() {
    let scene = scene(3, 500, 10, turns(2));
    let judgement = scene.judge();
    assert_eq!(scene.codes(), ["starved-replica"]);
    assert_eq!(judgement.findings[0].replica, Some(id(2).0));
    assert_eq!(
        judgement.groups[0].balance.identified.as_deref(),
        Some("round-robin")
    );
    assert_eq!(judgement.verdict.exit_code, 99);
}

#[test]
fn all_to_one_is_named_as_a_hash_and_fine_where_one_is_declared() {
    let scene = scene(2, 500, 10, |_| 0);
    assert_eq!(
        scene.judge().groups[0].balance.identified.as_deref(),
        Some("hash")
    );
    assert_eq!(scene.codes()[..2], ["starved-replica", "policy-mismatch"]);
    assert_eq!(scene.policy("hash").judge().verdict.status, Status::Pass);
}

#[test]
fn few_requests_are_said_to_be_too_few() {
    let scene = scene(2, 3, 4, |k| usize::from(k % 3 == 0));
    assert_eq!(verdict(&scene), BalanceVerdict::TooFew);
    assert_eq!(scene.codes(), ["too-few-requests"]);
    assert_eq!(scene.judge().verdict.status, Status::Pass);
}

#[test]
fn without_a_policy_nothing_is_judged() {
    let scene = scene(2, 500, 4, |_| 1).policy("none");
    assert_eq!(verdict(&scene), BalanceVerdict::NotJudged);
    assert_eq!(scene.codes(), Vec::<String>::new());
}

#[test]
fn a_share_that_changes_is_told_with_its_second() {
    // Seconds 6 to 8 of the measured part go to replica 1 alone, for no reason that is known.
    let scene = scene(2, 500, 10, |k| {
        if (3_000..4_500).contains(&k) {
            1
        } else {
            (k % 2) as usize
        }
    });
    let judgement = scene.judge();
    let found = judgement
        .findings
        .iter()
        .find(|finding| finding.code == "ejected-replica");
    let found = found.unwrap_or_else(|| panic!("{:?}", judgement.findings));
    assert!(
        found.message.contains("from second 6 to 8"),
        "{}",
        found.message
    );
    assert_eq!(judgement.verdict.status, Status::Fail);
}

#[test]
fn a_replica_that_was_restarted_is_allowed_its_absence() {
    let mut scene = scene(2, 500, 10, |k| {
        if (3_000..4_500).contains(&k) {
            1
        } else {
            (k % 2) as usize
        }
    });
    scene.replica(0).state = ReplicaState::Reset { after: Some(9.0) };
    scene.replica(0).requests = Some(500);
    assert_eq!(verdict(&scene), BalanceVerdict::Even, "{:?}", scene.judge());
    let judgement = scene.judge();
    assert!(
        judgement
            .findings
            .iter()
            .all(|finding| finding.severity <= Severity::Warning)
    );
    assert!(scene.codes().contains(&"counter-reset".to_owned()));
}

#[test]
fn turns_that_left_no_mark_are_allowed_for_by_name() {
    let mut scene = scene(2, 500, 10, turns(2));
    scene.delta = None;
    scene.fail(ErrorClass::Timeout, 40);
    let balance = scene.judge().groups[0].balance.clone();
    assert_eq!(
        (balance.verdict, balance.max_minus_min),
        (BalanceVerdict::Even, 40)
    );
    assert_eq!(balance.allowances["unanswered"], 40);
}
