//! Holds plans to their promises: none that is refused can be made, and a run is repeated by its own.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{GroupSpec, Load, Plan, PlanFields, PlanSpec, ReplayPlan, Spacing, StackAsked};
use crate::model::{NameSource, Rate, StackKind, Topology};
use crate::schedule::Slice;
use crate::synthetic::Setup;
use crate::traffic::{AccessLog, LeftOut};

fn setup() -> Setup {
    Setup {
        host: "app-group-1".into(),
        replicas: vec!["a".into(), "b".into()],
        rate: 500.0,
        seconds: 10,
        connections: 64,
    }
}

pub(super) fn topology() -> Topology {
    setup().topology()
}

/// What may be wrong with a plan that somebody wrote by hand, and what may be right.
fn changes() -> impl Strategy<Value = (&'static str, Value)> {
    let numbers = [0, 1, 7, 64, 65, 70_000].map(Value::from).to_vec();
    let spans = [0.0, 0.5, 1.0, 59.9, 61.0, 1e9, -1.0]
        .map(Value::from)
        .to_vec();
    let of = |path: &'static str, values: Vec<Value>| {
        prop::sample::select(values).prop_map(move |value| (path, value))
    };
    prop_oneof![
        of("/connections", numbers.clone()),
        of("/threads", numbers.clone()),
        of("/replicas", numbers.clone()),
        of("/proxy_workers", numbers.clone()),
        of("/warmup", spans.clone()),
        of("/duration", spans.clone()),
        of("/timeout", spans.clone()),
        of("/connect_timeout", spans.clone()),
        of(
            "/request/path",
            vec![json!("/a"), json!("a"), json!("/a b"), json!("/\r\nX: y")]
        ),
        of(
            "/request/method",
            vec![json!("PUT"), json!("put"), json!(""), json!("CONNECT")]
        ),
        of(
            "/request/headers",
            vec![json!([]), json!([["Host", "x"]]), json!([["A", "b\n"]])]
        ),
        of(
            "/groups/0/host",
            vec![json!("b"), json!(""), json!("a b"), json!("a\r\n")]
        ),
        of(
            "/groups/0/load/schedule/profile/rate",
            vec![json!(0.5), json!(0), json!(-1), json!(1e12)]
        ),
        of(
            "/groups/0/load/schedule/requests",
            vec![json!(0), json!(1), json!(1e15 as u64)]
        ),
        of(
            "/groups/0/load/schedule/duration",
            vec![
                json!(1),
                json!(10_000_000_000_u64),
                json!(10_000_000_001_u64)
            ]
        ),
        of(
            "/groups/0/load/schedule/warmup",
            vec![json!(0), json!(1_000_000_000)]
        ),
        of("/groups", vec![json!([])]),
        of(
            "/policy",
            vec![
                json!({"kind": "random"}),
                json!({"kind": "round-robin", "weights": [0, 0]})
            ]
        ),
        of("/counter", vec![json!("n_total"), json!("n{"), json!("")]),
        of(
            "/thresholds",
            vec![json!(["p99>5ms"]), json!(["p99>5"]), json!(["hope>1"])]
        ),
    ]
}

proptest! {
    #[test]
    fn whatever_validation_refuses_cannot_be_read_either(
        changes in prop::collection::vec(changes(), 1..3),
    ) {
        let mut value = serde_json::to_value(setup().plan()).expect("JSON");
        for (path, new) in changes {
            if let Some(place) = value.pointer_mut(path) {
                *place = new;
            }
        }
        let validated = serde_json::from_value::<PlanFields>(value.clone())
            .map_err(|error| error.to_string())
            .and_then(|fields| fields.validate().map_err(|error| error.to_string()));
        let read = serde_json::from_value::<Plan>(value).map_err(|error| error.to_string());
        prop_assert_eq!(read, validated);
    }

    #[test]
    fn a_plan_asks_for_itself(
        rate in 0.1_f64..5_000.0, seconds in 1_u64..100, closed: bool, poisson: bool, seed: u64,
        requests in prop::option::of(1_u64..5_000), stages: bool, groups in 0_usize..3,
        header: bool, require: bool,
    ) {
        let group = |n: usize| GroupSpec {
            name: (n == 1).then(|| "other".into()),
            host: "app-group-1".into(),
            rps: Rate::new(rate + n as f64).ok().filter(|_| n == 0),
            ..GroupSpec::default()
        };
        let spec = PlanSpec {
            duration: Some(Duration::from_secs(seconds)),
            rps: Rate::new(rate).ok().filter(|_| !closed && !stages),
            stages: (stages && !closed).then(|| "0:1,1s500ms:20,3s:0".parse().expect("stages")),
            closed,
            requests,
            arrivals: poisson.then_some(Spacing::Poisson),
            seed: Some(seed >> 1),
            header: if header { vec!["X-A: b: c".into()] } else { Vec::new() },
            replica_id: header.then(|| NameSource::Header("x-replica".into())),
            stack: Some(StackAsked::Kind(StackKind::Embedded)),
            policy: "random".parse().ok(),
            fail_if: vec!["error_rate>0.1%".parse().expect("valid")],
            require: require.then(|| "p99<50ms".parse().expect("valid")).into_iter().collect(),
            replica_arg: vec!["app-group-1/2=--service-time=fixed:1ms".parse().expect("valid")],
            group: (0..groups).map(group).collect(),
            ..PlanSpec::default()
        };
        let plan = spec.resolve(&topology()).expect("a plan");
        let again = PlanSpec::from(&plan).resolve(&topology()).expect("a plan");
        prop_assert_eq!(&again, &plan);
        let text = serde_json::to_string(&plan).expect("JSON");
        prop_assert_eq!(serde_json::from_str::<Plan>(&text).expect("a plan"), plan);
    }
}

#[test]
fn a_plan_of_an_old_record_is_still_one() {
    let mut value = serde_json::to_value(setup().plan()).expect("JSON");
    let fields = value.as_object_mut().expect("an object");
    for late in ["embedded", "proxy_workers", "require"] {
        fields.remove(late);
    }
    let group = fields["groups"][0].as_object_mut().expect("an object");
    group.remove("name");
    group.remove("route");
    let plan: Plan = serde_json::from_value(value).expect("a plan");
    assert_eq!(PlanFields::from(plan), setup().plan());
}

#[test]
fn a_rate_that_is_typed_is_every_groups() {
    let file = PlanSpec {
        group: vec![GroupSpec {
            rps: Rate::new(7.0).ok(),
            host: "app-group-1".into(),
            ..GroupSpec::default()
        }],
        ..PlanSpec::default()
    };
    let typed = PlanSpec {
        rps: Rate::new(9.0).ok(),
        ..PlanSpec::default()
    };
    let plan = typed.over(file).resolve(&topology()).expect("a plan");
    assert_eq!(plan.groups[0].load.peak_rate(), Some(9.0));
}

/// A log of requests, each with the milliseconds since the one before, a host and a path.
fn log(requests: &[(u64, u8, u8)]) -> ReplayPlan {
    let mut at = 1_700_000_000_000;
    let line = |(gap, host, path): &(u64, u8, u8)| {
        at += gap;
        let (seconds, ms) = (at / 1_000, at % 1_000);
        let method = ["GET", "HEAD", "DELETE"][usize::from(path % 3)];
        let host = host % 2 + 1;
        format!(
            "{{\"time\":{seconds}.{ms:03},\"host\":\"app-group-{host}\",\"method\":\"{method}\",\"uri\":\"/{{seq}}/{path}?q\"}}\n"
        )
    };
    let text: String = requests.iter().map(line).collect();
    let log = AccessLog::read(text.as_bytes()).expect("a log");
    ReplayPlan::of("access.log").with_log(log)
}

fn replay(log: ReplayPlan, hosts: &[&str]) -> PlanSpec {
    let group = |host: &&str| GroupSpec {
        host: (*host).to_owned(),
        ..GroupSpec::default()
    };
    PlanSpec {
        replay: Some(log),
        group: hosts.iter().map(group).collect(),
        ..PlanSpec::default()
    }
}

/// Everything that one of `of` threads sends for a group: when, with which method, to which path.
fn sent(plan: &Plan, group: usize, slice: Slice) -> Vec<(u64, String, String)> {
    let Load::Open { schedule } = &plan.groups[group].load else {
        panic!("what is replayed is open");
    };
    let traffic = plan.traffic().swap_remove(group);
    let numbers = (slice.index as u64..).step_by(slice.of);
    let arrivals = schedule.arrivals(slice).zip(numbers);
    let text = |(due, k): (crate::model::Nanos, u64)| {
        let request = &traffic.requests[traffic.call(k).request];
        let mut path = Vec::new();
        request.path.write(&traffic.values, k, &mut path);
        let path = String::from_utf8(path).expect("a path");
        (due.0, request.method.clone(), path)
    };
    arrivals.map(text).collect()
}

proptest! {
    #[test]
    fn a_replay_is_its_log_however_it_is_sliced(
        requests in prop::collection::vec((0_u64..900, 0_u8..2, 0_u8..40), 1..80),
        n in 1_usize..7, speed in prop::sample::select(vec![0.5, 1.0, 2.0, 3.7]), several: bool,
        warmup in 0_u64..2,
    ) {
        let log = log(&requests);
        let whole = log.log.clone().expect("read");
        let hosts: &[&str] = if several { &["app-group-1", "app-group-2"] } else { &["app-group-1"] };
        let spec = PlanSpec {
            speed: Some(speed),
            warmup: Some(Duration::from_secs(warmup)),
            ..replay(log, hosts)
        };
        let Ok(plan) = spec.resolve(&topology()) else {
            // A host that has none, or a log that is shorter than the warm-up.
            return Ok(());
        };
        for (place, group) in plan.groups.iter().enumerate() {
            let ours = whole.requests().filter(|one| !several || one.host == Some(&*group.host));
            let expected: Vec<_> = ours
                .map(|one| {
                    let due = (one.at.0 as f64 / speed).round() as u64;
                    let path = String::from_utf8_lossy(one.path).into_owned();
                    (due, one.method.to_owned(), path)
                })
                .collect();
            prop_assert_eq!(sent(&plan, place, Slice::WHOLE), expected.clone());
            for index in 0..n {
                let of_whole: Vec<_> = expected.iter().skip(index).step_by(n).cloned().collect();
                prop_assert_eq!(sent(&plan, place, Slice { index, of: n }), of_whole);
            }
        }
        let again = PlanSpec::from(&plan).resolve(&topology()).expect("a plan");
        prop_assert_eq!(&again, &plan);
        let text = serde_json::to_string(&plan).expect("JSON");
        let read = serde_json::from_str::<Plan>(&text).expect("a plan");
        prop_assert_eq!(sent(&read, 0, Slice::WHOLE), sent(&plan, 0, Slice::WHOLE));
        prop_assert_eq!(read, plan);
    }
}

#[test]
fn what_is_for_other_hosts_is_left_out_and_counted() {
    let log = log(&[(0, 0, 1), (10, 1, 2), (10, 0, 3), (10, 1, 4)]);
    let hosts = ["app-group-1", "app-group-3"];
    let error = replay(log.clone(), &hosts).resolve(&topology());
    let error = error.expect_err("no request").to_string();
    assert!(error.contains("no request for app-group-3"), "{error}");
    let plan = replay(log.clone(), &["app-group-1", "app-group-2"]);
    let plan = plan.resolve(&topology()).expect("a plan");
    assert!(plan.replay.as_ref().expect("a log").left_out.is_empty());
    let mut third = log.clone();
    third.log = "0 GET a /\n0 GET b /\n0 GET c /\n0 GET c /\n".parse().ok();
    let plan = replay(third, &["a", "b"]).resolve(&topology());
    let plan = plan.expect("a plan");
    let left_out = &plan.replay.as_ref().expect("a log").left_out;
    assert_eq!(left_out[&LeftOut::OtherHost], 2);
    let one = replay(log, &["elsewhere"]).resolve(&topology());
    assert_eq!(one.expect("a plan").groups[0].requests.len(), 4);
}

#[test]
fn a_stored_replay_that_was_changed_is_refused() {
    let plan = replay(
        log(&[(0, 0, 0), (100, 0, 1), (100, 0, 2)]),
        &["app-group-1"],
    );
    let plan = PlanSpec {
        speed: Some(2.0),
        ..plan
    };
    let plan = plan.resolve(&topology()).expect("a plan");
    let value = serde_json::to_value(&plan).expect("JSON");
    for (path, new) in [
        ("/groups/0/requests/0/method", json!("PUT")),
        ("/groups/0/requests/0/path", json!("/a\r\nX: y")),
        ("/groups/0/load/schedule/profile/per_second/0", json!(7)),
        ("/replay/log", json!("0 GET - /\n")),
        ("/replay/log", json!("nothing")),
        ("/replay/speed", json!(0.0)),
        ("/replay", Value::Null),
    ] {
        let mut value = value.clone();
        *value.pointer_mut(path).expect(path) = new;
        assert!(serde_json::from_value::<Plan>(value).is_err(), "{path}");
    }
}

#[test]
fn a_replay_that_is_asked_for_replaces_another_load_and_is_replaced_by_one() {
    let recorded = log(&[(0, 0, 0), (100, 0, 1)]);
    let rate = PlanSpec {
        path: Some("/a".into()),
        requests: Some(5),
        group: vec![GroupSpec {
            rps: Rate::new(7.0).ok(),
            host: "app-group-1".into(),
            ..GroupSpec::default()
        }],
        ..PlanSpec::default()
    };
    let asked = replay(recorded.clone(), &[]);
    let plan = asked
        .over(rate.clone())
        .resolve(&topology())
        .expect("a plan");
    assert!(plan.replay.is_some() && plan.groups[0].load.requests().is_none());
    let typed = PlanSpec {
        rps: Rate::new(9.0).ok(),
        ..PlanSpec::default()
    };
    let plan = typed
        .over(replay(recorded, &["app-group-1"]))
        .resolve(&topology());
    let plan = plan.expect("a plan");
    assert!(plan.replay.is_none() && plan.groups[0].load.peak_rate() == Some(9.0));
}
