//! What other people's stacks leave in the counts, and what may be said of it: kinds of faults that were
//! seen with real software, one test each.

use super::scene::{Scene, id, scene};
use crate::model::{ReplicaId, StackKind};
use crate::record::{BalanceVerdict, CountVerdict, Ground, Judgement, Severity};
use crate::recorder::{ReplicaTally, Tally};
use crate::scrape::IdleWatch;

/// Three seconds at 100/s after one of warm-up over two replicas of a stack that is not ours.
fn other(pick: impl FnMut(u64) -> usize) -> Scene {
    let mut scene = scene(2, 100, 3, pick);
    scene.topology.kind = StackKind::External;
    scene
}

fn in_turn(k: u64) -> usize {
    (k % 2) as usize
}

/// The pages are called otherwise than the answers name the replicas.
fn call_pages(scene: &mut Scene, names: [&str; 2]) {
    let delta = scene.delta.as_mut().expect("a delta");
    for (place, name) in names.iter().enumerate() {
        delta.replicas[place].id = ReplicaId((*name).into());
        scene.topology.replicas[place].id = ReplicaId((*name).into());
    }
}

fn codes(judgement: &Judgement) -> Vec<(&str, Severity)> {
    let findings = judgement.findings.iter();
    findings
        .map(|finding| (finding.code.name(), finding.severity))
        .collect()
}

/// The last `count` answers of replica 0 in a part of the run become answers with this status that name
/// nobody.
fn unname(tally: &mut Tally, count: u64, status: u16, marked: bool) {
    let replica = tally.replicas.get_mut(&id(0)).expect("a replica");
    replica.requests -= count;
    *tally.counts.status.entry(200).or_default() -= count;
    *tally.counts.status.entry(status).or_default() += count;
    *tally.counts.unnamed.entry(status).or_default() += count;
    if marked {
        *tally.counts.unnamed_upstream.entry(status).or_default() += count;
    }
    if status >= 400 {
        tally.counts.succeeded -= count;
        tally.counts.failed += count;
    }
}

#[test]
fn a_starved_replica_is_found_whatever_the_pages_are_called() {
    let mut scene = other(|_| 0);
    call_pages(&mut scene, ["127.0.0.1:1", "127.0.0.1:2"]);
    let judgement = scene.judge();
    assert_eq!(codes(&judgement)[0], ("starved-replica", Severity::Failure));
    assert_eq!(judgement.groups[0].balance.source, "replicas");
    let paired = &judgement.groups[0].replicas;
    assert_eq!(paired[0].ground, Some(Ground::Counts));
    assert_eq!(
        (paired[0].id.as_str(), paired[1].id.as_str()),
        ("r0", "127.0.0.1:2")
    );
}

#[test]
fn pages_and_names_are_paired_by_what_they_counted_and_nothing_is_guessed() {
    let grounds = |pick: fn(u64) -> usize| {
        let mut scene = other(pick);
        call_pages(&mut scene, ["127.0.0.1:1", "127.0.0.1:2"]);
        let replicas = scene.judge().groups.remove(0).replicas;
        replicas.iter().map(|one| one.ground).collect::<Vec<_>>()
    };
    // 134 and 266: each fits one page.
    let by_counts = Some(Ground::Counts);
    assert_eq!(grounds(|k| usize::from(k % 3 != 0)), [by_counts, by_counts]);
    // 200 and 200: either may be either.
    assert_eq!(grounds(in_turn), [None, None, None, None]);
}

#[test]
fn what_the_proxy_refused_took_no_turn() {
    // Nine in ten to one replica; half of all requests are answered by the proxy, without a mark.
    for status in [429, 503] {
        let mut scene = other(|k| usize::from(k % 10 == 0));
        let (warmup, measured) = (40, 120);
        unname(scene.warmup(), warmup, status, false);
        unname(scene.tally(), measured, status, false);
        let left = 360 - warmup - measured;
        scene.replica(0).requests = Some(left);
        scene.topology.proxy.counter = Some(crate::model::ProxyCounter::StubStatus {
            url: "http://n/s".into(),
        });
        let judgement = scene.judge();
        let balance = &judgement.groups[0].balance;
        assert_eq!(
            balance.verdict,
            BalanceVerdict::Uneven,
            "{status}: {balance:?}"
        );
        assert_eq!(balance.bound, Some(1), "{status}");
    }
}

#[test]
fn errors_that_nobody_counted_are_laid_on_the_proxy_only_with_proof() {
    let judged = |marked, kind| {
        let mut scene = other(in_turn);
        scene.topology.kind = kind;
        unname(scene.tally(), 30, 503, marked);
        scene.replica(0).requests = Some(170);
        scene.judge()
    };
    // An address of the upstream in each: they came from there, and were not counted.
    let judgement = judged(true, StackKind::External);
    assert_eq!(
        judgement.groups[0].crosscheck.verdict,
        CountVerdict::Disagree
    );
    assert!(codes(&judgement).contains(&("count-mismatch", Severity::Failure)));
    // None, of a proxy that may never give one.
    let judgement = judged(false, StackKind::External);
    let check = &judgement.groups[0].crosscheck;
    assert_eq!(check.verdict, CountVerdict::Undecided);
    assert!(codes(&judgement).contains(&("count-mismatch", Severity::Warning)));
    let residual = &check.residuals[0];
    assert_eq!(
        (residual.name.as_str(), residual.count),
        ("uncounted-answers", -30)
    );
    // None, of a proxy that always gives one.
    let check = judged(false, StackKind::Compose)
        .groups
        .remove(0)
        .crosscheck;
    assert_eq!(check.verdict, CountVerdict::Agree);
    assert_eq!(check.residuals[0].name, "answered-by-proxy");
}

#[test]
fn gateway_errors_are_the_proxys() {
    let mut scene = other(in_turn);
    unname(scene.tally(), 2, 502, false);
    scene.replica(0).requests = Some(198);
    let check = scene.judge().groups.remove(0).crosscheck;
    assert_eq!(check.verdict, CountVerdict::Agree);
    assert_eq!(check.residuals[0].name, "answered-by-proxy");
}

#[test]
fn what_went_wrong_in_the_warm_up_is_in_no_measured_count() {
    let mut scene = other(in_turn);
    scene.fail(crate::model::ErrorClass::Closed, 43);
    let warmup = scene.warmup();
    *warmup
        .counts
        .errors
        .entry(crate::model::ErrorClass::Closed)
        .or_default() += 17;
    *warmup.counts.status.entry(200).or_default() -= 17;
    warmup.replicas.get_mut(&id(0)).expect("a replica").requests -= 17;
    scene.replica(0).requests = Some(200 - 60);
    let check = scene.judge().groups.remove(0).crosscheck;
    assert_eq!(
        (check.client, check.replicas, check.unnamed),
        (300, Some(257), 0)
    );
    let residual = check.residuals.iter().find(|one| one.side == "replicas");
    assert_eq!(residual.map(|one| one.count), Some(-43));
    let warmup = check.excluded.iter().find(|one| one.side == "replicas");
    assert_eq!(warmup.map(|one| one.count), Some(83));
}

#[test]
fn errors_that_the_replicas_did_not_count_are_the_measured_parts_alone() {
    let mut scene = other(in_turn);
    unname(scene.warmup(), 10, 503, true);
    unname(scene.tally(), 30, 503, true);
    scene.replica(0).requests = Some(200 - 40);
    let judgement = scene.judge();
    let check = &judgement.groups[0].crosscheck;
    assert_eq!((check.replicas, check.unnamed), (Some(270), 30));
    let found = judgement
        .findings
        .iter()
        .find(|one| one.code == "count-mismatch");
    let hint = found.and_then(|one| one.hint.clone()).unwrap_or_default();
    assert!(hint.contains("outer middleware"), "{hint}");
}

#[test]
fn tries_of_the_warm_up_are_told_apart() {
    let mut scene = other(in_turn);
    scene.tally().counts.extra_tries = 30;
    scene.warmup().counts.extra_tries = 4;
    let counted = scene.replica(0).requests.expect("a count");
    scene.replica(0).requests = Some(counted + 34);
    let judgement = scene.judge();
    let check = &judgement.groups[0].crosscheck;
    assert_eq!((check.replicas, check.unnamed), (Some(330), 0));
    assert_eq!(check.residuals[0].count, 30);
    let mut found = judgement.findings.iter();
    let found = found.find(|one| one.code == "retried-requests");
    let message = &found.expect("a finding").message;
    assert!(
        message.contains("30 requests a second time") && message.ends_with("and 4 in the warm-up"),
        "{message}"
    );
}

#[test]
fn workers_without_a_shared_zone_are_no_draws() {
    // Four rotations, each of which takes the requests of its connections.
    let mut turns = [0, 1, 0, 1];
    let mut dice = super::scene::Dice(7);
    let mut scene = other(|_| {
        let worker = dice.below(4);
        turns[worker] += 1;
        turns[worker] % 2
    });
    let counts: Vec<_> = (0..2).map(|place| scene.replica(place).requests).collect();
    let judgement = scene.judge();
    let balance = &judgement.groups[0].balance;
    assert_eq!(
        judgement.verdict.exit_code, 0,
        "{counts:?} {:?}",
        judgement.findings
    );
    // Somebody said how many there are, and then no more are thought of.
    scene.plan.proxy_workers = Some(1);
    let apart = balance.max_minus_min;
    assert_eq!(scene.judge().verdict.exit_code == 0, apart <= 1, "{apart}");
}

#[test]
fn draws_are_no_workers() {
    let mut missed = 0;
    for seed in 0..40 {
        let mut dice = super::scene::Dice(seed);
        let mut scene = scene(2, 300, 5, |_| dice.below(2));
        scene.topology.kind = StackKind::External;
        missed += u32::from(scene.judge().verdict.exit_code == 0);
    }
    assert!(missed <= 1, "{missed} of 40 pass as turns");
}

#[test]
fn several_processes_behind_a_page_are_told_and_nothing_is_made_of_their_counts() {
    let mut scene = other(in_turn);
    scene.replica(0).processes = Some(3);
    scene.replica(0).requests = Some(71);
    scene.replica(0).fell_while_idle = Some((9, 4));
    let judgement = scene.judge();
    assert_eq!(
        codes(&judgement),
        [("several-processes", Severity::Failure)]
    );
    assert_eq!(judgement.groups[0].crosscheck.replicas, None);
}

#[test]
fn health_checks_are_known_by_their_pace() {
    let mut scene = other(in_turn);
    // Five a second to each, for four seconds.
    for place in 0..2 {
        let counted = scene.replica(place).requests.expect("a count");
        scene.replica(place).requests = Some(counted + 20);
    }
    let judged = |scene: &Scene| {
        let judgement = scene.judge();
        let check = judgement.groups[0].crosscheck.clone();
        let residual = check.residuals.first().map(|one| one.name.clone());
        (check.verdict, residual, judgement.verdict.exit_code)
    };
    // So many in five seconds, evenly; the counters are looked at four times a second.
    let watch = |rises: [u64; 2]| IdleWatch {
        seconds: 5.0,
        replicas: vec![(id(0), rises[0]), (id(1), rises[1])],
        proxy: Some(0),
        looks: (0..=20)
            .map(|look| {
                let risen = rises.map(|rise| rise * look / 20).to_vec();
                (look as f64 * 0.25, risen)
            })
            .collect(),
    };
    scene.idle = Some(watch([25, 26]));
    let health = (CountVerdict::Agree, Some("health-checks".to_owned()), 0);
    assert_eq!(judged(&scene), health);
    // At another pace, or at none, it is not that.
    for rises in [[250, 250], [0, 0], [1, 1], [2, 2]] {
        scene.idle = Some(watch(rises));
        assert_ne!(judged(&scene), health, "{rises:?}");
    }
}

#[test]
fn a_cache_is_known_by_counters_that_stand_still() {
    let mut scene = other(|k| usize::from(k % 30 == 0));
    for place in 0..2 {
        scene.replica(place).requests = Some(3);
        scene.replica(place).counted_before = 8;
    }
    let judgement = scene.judge();
    assert_eq!(codes(&judgement), [("cached-answers", Severity::Warning)]);
    assert_eq!(
        judgement.groups[0].balance.verdict,
        BalanceVerdict::NotJudged
    );
    // A counter that never counted anything may as well be the wrong one.
    for place in 0..2 {
        scene.replica(place).requests = Some(0);
        scene.replica(place).counted_before = 0;
    }
    assert!(scene.codes().contains(&"count-mismatch".to_owned()));
}

#[test]
fn the_handler_that_counted_is_found_on_the_page() {
    let mut scene = other(in_turn);
    for place in 0..2 {
        scene.replica(place).requests = Some(0);
        scene.replica(place).by_handler =
            [("/items/{i}".into(), 200), ("/metrics".into(), 3)].into();
    }
    let judgement = scene.judge();
    let group = &judgement.groups[0];
    assert_eq!(codes(&judgement), []);
    assert_eq!(group.crosscheck.counted_by.as_deref(), Some("/items/{i}"));
    assert_eq!(group.crosscheck.replicas, Some(300));
    assert_eq!(group.balance.source, "replicas");
}

#[test]
fn what_replicas_counted_under_another_handler_was_not_answered_by_the_proxy() {
    let mut scene = other(in_turn);
    unname(scene.tally(), 30, 404, false);
    scene.replica(0).requests = Some(170);
    scene.replica(0).by_handler = [("/".into(), 170), ("none".into(), 30)].into();
    let check = scene.judge().groups.remove(0).crosscheck;
    assert_eq!(check.residuals[0].name, "other-handlers");
    assert_eq!(check.verdict, CountVerdict::Agree);
}

#[test]
fn exactly_twice_is_said_to_be_twice() {
    let mut scene = other(in_turn);
    for place in 0..2 {
        scene.replica(place).requests = Some(400);
        scene.replica(place).doubled = true;
    }
    let judgement = scene.judge();
    let found = judgement
        .findings
        .iter()
        .find(|one| one.code == "count-mismatch");
    let hint = found.and_then(|one| one.hint.clone()).unwrap_or_default();
    assert!(
        hint.contains("one of the series is the sum of the others"),
        "{hint}"
    );
}

#[test]
fn more_than_one_request_in_a_hundred_fails_a_run_unless_a_threshold_decides() {
    let failed = |count| {
        let mut scene = other(in_turn);
        unname(scene.tally(), count, 500, true);
        scene
    };
    assert_eq!(failed(3).judge().verdict.exit_code, 0);
    assert_eq!(failed(4).judge().verdict.exit_code, 99);
    let mut decided = failed(4);
    decided.plan.require = vec!["error_rate<5%".parse().expect("a threshold")];
    assert_eq!(decided.judge().verdict.exit_code, 0);
}

#[test]
fn redirects_alone_are_no_pass() {
    let redirected = |count: u64| {
        let mut scene = other(in_turn);
        let statuses = &mut scene.tally().counts.status;
        *statuses = [(200, 300 - count), (301, count)].into();
        statuses.retain(|_, count| *count > 0);
        scene.judge()
    };
    assert_eq!(
        codes(&redirected(300))[0],
        ("redirected", Severity::Failure)
    );
    assert!(codes(&redirected(30)).contains(&("redirected", Severity::Warning)));
    assert!(
        !codes(&redirected(2))
            .iter()
            .any(|(code, _)| *code == "redirected")
    );
}

#[test]
fn connections_that_are_pinned_to_a_replica_are_told_by_their_answers() {
    let mut scene = other(|k| usize::from(k % 11 < 4));
    let connections = &mut scene.tally().counts.connections;
    (connections.opened, connections.same_replica) = (8, 290);
    let judgement = scene.judge();
    let found: Vec<_> = codes(&judgement).iter().map(|(code, _)| *code).collect();
    assert_eq!(found, ["uneven-balance", "pinned-connections"]);
    scene.tally().counts.connections.other_replica = 100;
    assert!(!scene.codes().contains(&"pinned-connections".to_owned()));
}

#[test]
fn a_standby_may_get_nothing_and_should() {
    let scene = |pick: fn(u64) -> usize| {
        let mut scene = scene(3, 100, 3, pick).policy("round-robin:1,1,0");
        scene.topology.kind = StackKind::External;
        scene
    };
    assert_eq!(scene(in_turn).codes(), Vec::<String>::new());
    let used = scene(|k| (k % 3) as usize);
    assert_eq!(used.codes(), ["policy-mismatch"]);
}

#[test]
fn weighted_draws_can_be_declared() {
    let drawn = |policy: &str, tenths: usize| {
        let mut dice = super::scene::Dice(11);
        let scene = scene(2, 300, 5, |_| usize::from(dice.below(10) < tenths));
        scene.policy(policy).judge().verdict.exit_code
    };
    assert_eq!(drawn("random:9,1", 1), 0);
    assert_eq!(drawn("random:9,1", 3), 99);
    assert_eq!(drawn("random", 1), 99);
}

#[test]
fn without_a_name_the_counts_are_the_pages() {
    let mut scene = other(in_turn);
    for tally in [0, 1] {
        let group = &mut scene.recording.groups[0];
        let tally: &mut Tally = if tally == 0 {
            &mut group.measured
        } else {
            &mut group.warmup
        };
        let answers: u64 = tally
            .replicas
            .values()
            .map(|one: &ReplicaTally| one.requests)
            .sum();
        tally.replicas.clear();
        tally.counts.unnamed.insert(200, answers);
    }
    let judgement = scene.judge();
    let balance = &judgement.groups[0].balance;
    assert_eq!(balance.verdict, BalanceVerdict::Even);
    let counts: Vec<_> = balance.counts.iter().map(|one| one.count).collect();
    assert_eq!(counts, [200, 200]);
}
