//! Experiments through NGINX: what it costs, and that it is named where it is the limit.

use loadgen::model::Role;
use loadgen::plan::Route;
use loadgen::record::CountVerdict;

use crate::project::{self, load, search, stack};
use crate::support::reading::identities_hold;

/// In this order, because they share one stack.
pub const TESTS: [(&str, fn()); 3] = [
    ("both_routes_have_one_cross_check", routes),
    ("a_proxy_without_cpu_left_is_named_as_the_limit", proxy_cpu),
    ("a_proxy_that_refuses_is_named_as_the_limit", refusing_proxy),
];

fn routes() {
    stack().configure(&[]);
    let run = load("--host app-group-1 --rps 400 --duration 4s --via proxy,direct");
    let record = &run.record;
    identities_hold(record);
    let [proxy, direct] = &record.groups[..] else {
        panic!("{} groups", record.groups.len());
    };
    assert_eq!((proxy.route, direct.route), (Route::Proxy, Route::Direct));
    assert_eq!(
        (proxy.requests.planned, direct.requests.planned),
        (800, 800)
    );
    for group in [proxy, direct] {
        let check = &group.crosscheck;
        assert_eq!(check.verdict, CountVerdict::Agree, "{check:?}");
        let counts = (check.client, check.proxy, check.replicas);
        assert_eq!(counts, (1_600, Some(800), Some(1_600)), "{check:?}");
    }
    let [cost] = &record.routes[..] else {
        panic!("{:?}", record.routes);
    };
    // A proxy takes its time: by how much is for a quiet machine to say.
    assert!(cost.quantiles[0].difference > 0.0, "{cost:?}");
    let uses = &record.stack.cpu;
    let role = |role| uses.iter().filter(|one| one.role == role).count();
    assert_eq!((role(Role::Proxy), role(Role::Replica)), (1, 4), "{uses:?}");
    assert!(
        uses.iter().all(|one| one.cpus > 0.0 && one.cpus <= one.of),
        "{uses:?}"
    );
}

/// What is found of a rate that one such replica carries by far, and the part that is named as the limit.
/// A busy machine may keep the generator from telling; what it cannot tell, it may not name either.
#[track_caller]
fn limit(slo: &str) -> (serde_json::Value, Option<String>) {
    let words =
        "sweep --host app-group-1 --rates 1500 --step 6s --connections 64 --lag-budget 500ms";
    let words = format!("{words} --slo {slo}");
    let mut tries = (0..5).map(|_| search(&words));
    let is_told = |found: &serde_json::Value| {
        let is_told = !found["steps"][0]["holds"].is_null();
        assert!(is_told || found["bottleneck"].is_null(), "{found}");
        is_told
    };
    let found = tries.find(is_told).expect("five times a busy machine");
    let part = found["bottleneck"]["part"].as_str().map(ToOwned::to_owned);
    (found, part)
}

fn proxy_cpu() {
    stack().configure(&[("worker_processes auto;", "worker_processes 1;")]);
    // The fortieth part of a CPU: it could do with three times as much.
    project::proxy_quota(2_500);
    let (found, part) = limit("p99<100ms");
    project::proxy_quota(-1);
    assert_eq!(found["steps"][0]["holds"], false, "{found}");
    assert_eq!(part.as_deref(), Some("proxy-cpu"), "{found}");
    let evidence = found["bottleneck"]["evidence"].as_str().unwrap();
    assert!(
        evidence.contains("CPUs busy, and may use no more"),
        "{evidence}"
    );
}

fn refusing_proxy() {
    let one_at_a_time = "limit_conn_zone $server_name zone=one:1m;\n  limit_conn one 1;";
    stack().configure(&[("access_log    off;", one_at_a_time)]);
    let (found, part) = limit("error_rate<1%");
    assert_eq!(found["steps"][0]["holds"], false, "{found}");
    assert_eq!(part.as_deref(), Some("proxy"), "{found}");
}
