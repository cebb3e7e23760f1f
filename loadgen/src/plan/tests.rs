//! Holds plans to their promises: none that is refused can be made, and a run is repeated by its own.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{GroupSpec, Plan, PlanFields, PlanSpec, Spacing, StackAsked};
use crate::model::{NameSource, Rate, StackKind, Topology};
use crate::synthetic::Setup;

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
