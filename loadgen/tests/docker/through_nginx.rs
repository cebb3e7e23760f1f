//! What a proxy does with its replicas, each time by one changed line of `nginx.conf`.

use loadgen::record::{BalanceVerdict, CountVerdict, GroupRecord};

use crate::ask::ask;
use crate::crash::crash;
use crate::project::{FAILING, Project, SOUND, load, stack, start};
use crate::support::found::{all, fails_by, failures, one, passes, replica};

/// In this order, because they share one stack.
pub const TESTS: [(&str, fn()); 8] = [
    ("draws_declared_as_turns_are_named", draws),
    ("one_replica_for_one_client_is_named_as_a_hash", hash),
    ("weights_pass_when_declared_and_are_found_when_not", weights),
    ("errors_that_the_proxy_hides_are_counted", hidden_errors),
    ("a_replica_that_the_proxy_takes_out_is_ejected", ejected),
    ("a_second_client_is_counted_to_the_request", second_client),
    ("a_replica_that_dies_is_told_with_its_losses", death),
    (
        "a_replica_that_the_proxy_never_heard_of_is_starved",
        starved,
    ),
];

/// The group's servers, as the repository's file has them.
const SERVERS: &str = "server app-group-1:80 resolve max_fails=0;";

fn draws() {
    stack().configure(&[(SERVERS, &format!("random;\n    {SERVERS}"))]);
    // One stretch of draws in thirty is as even as turns, by luck.
    let mut tries = 0..3;
    let run = tries.find_map(|_| {
        let run = load("--host app-group-1 --rps 400 --duration 3s");
        let is_named = !all(&run.record, "policy-mismatch").is_empty();
        is_named.then_some(run)
    });
    let run = run.expect("three times by luck");
    fails_by(&run.record, "policy-mismatch");
    let balance = &run.record.groups[0].balance;
    assert_eq!(balance.verdict, BalanceVerdict::Uneven);
    assert_eq!(balance.identified.as_deref(), Some("random"));
    let found = one(&run.record, "policy-mismatch");
    assert!(
        found.message.contains("round-robin was declared"),
        "{}",
        found.message
    );
    let hint = found.hint.as_deref().unwrap();
    assert!(hint.contains("--policy random"), "{hint}");

    let run = load("--host app-group-1 --rps 300 --duration 2s --policy random");
    passes(&run.record);
}

fn hash() {
    stack().configure(&[(SERVERS, &format!("ip_hash;\n    {SERVERS}"))]);
    let run = load("--host app-group-1 --rps 300 --duration 2s");
    let group = &run.record.groups[0];
    assert_eq!(group.balance.identified.as_deref(), Some("hash"));
    let found = one(&run.record, "policy-mismatch");
    assert!(
        found.message.contains("one replica got everything"),
        "{}",
        found.message
    );
    // The other one runs, and got nothing.
    let starved = one(&run.record, "starved-replica");
    let ids = Project::replicas(SOUND);
    assert!(ids.contains(starved.replica.as_ref().unwrap()), "{ids:?}");
    assert_eq!(failures(&run.record).len(), 2, "{:#?}", run.record.findings);
    assert_eq!(group.crosscheck.verdict, CountVerdict::Agree);

    let run = load("--host app-group-1 --rps 300 --duration 2s --policy hash");
    passes(&run.record);
}

fn weights() {
    let [three, one_] = [1, 2].map(|number| Project::container(SOUND, number));
    let servers =
        format!("server {three}:80 weight=3 max_fails=0;\n    server {one_}:80 max_fails=0;");
    stack().configure(&[(SERVERS, &servers)]);
    let words = "--host app-group-1 --rps 400 --duration 2s";
    let run = load(&format!("{words} --policy round-robin:3,1"));
    passes(&run.record);
    let balance = &run.record.groups[0].balance;
    assert_eq!(balance.verdict, BalanceVerdict::Even);
    let shares: Vec<_> = (run.record.groups[0].replicas.iter())
        .map(|replica| replica.requests)
        .collect();
    assert_eq!(shares.iter().sum::<u64>(), 800);
    assert!(
        shares.iter().any(|share| share.abs_diff(600) <= 3),
        "{shares:?}"
    );

    let run = load(words);
    fails_by(&run.record, "policy-mismatch");
    let balance = &run.record.groups[0].balance;
    assert_eq!(balance.identified.as_deref(), Some("round-robin:3,1"));
    let hint = one(&run.record, "policy-mismatch").hint.as_deref().unwrap();
    assert!(hint.contains("--policy round-robin:3,1"), "{hint}");
}

/// A replica of the group fails, and the proxy asks another one.
const RETRIES: (&str, &str) = (
    "proxy_next_upstream off;",
    "proxy_next_upstream error timeout http_500;",
);

fn failing_servers(and: &str) -> (&'static str, String) {
    let servers =
        format!("server app-group-2:80 resolve max_fails=0;\n    server failing:80 resolve {and};");
    ("server app-group-2:80 resolve max_fails=0;", servers)
}

fn hidden_errors() {
    let (as_it_is, servers) = failing_servers("max_fails=0");
    stack().configure(&[RETRIES, (as_it_is, &servers)]);
    let run = load("--host app-group-2 --rps 300 --duration 2s");
    passes(&run.record);
    let group = &run.record.groups[0];
    assert_eq!(group.requests.succeeded, 600, "the client sees only 200s");
    // Every tenth of the failing one's half, warm-up included.
    let masked = one(&run.record, "masked-errors");
    let retried = one(&run.record, "retried-requests");
    let tries = residual(group, "replicas", "retried-requests");
    assert!((30..=38).contains(&tries), "{:?}", group.crosscheck);
    let has_it = retried.message.contains(&format!(" {tries} "));
    assert!(has_it, "no {tries}: {}", retried.message);
    // The replicas' counter cannot be split: its count holds the warm-up's.
    let told = &masked.message;
    assert!(told.contains("warm-up included"), "{told}");
    assert_eq!(group.crosscheck.verdict, CountVerdict::Agree);
    assert_eq!(group.balance.verdict, BalanceVerdict::Even);
}

fn ejected() {
    let (as_it_is, servers) = failing_servers("max_fails=1 fail_timeout=2s");
    stack().configure(&[RETRIES, (as_it_is, &servers)]);
    let run = load("--host app-group-2 --rps 200 --duration 6s");
    let found = all(&run.record, "ejected-replica");
    assert!(!found.is_empty(), "{:#?}", run.record.findings);
    let sound = Project::replicas(FAILING);
    for finding in found {
        let id = finding.replica.as_ref().unwrap();
        assert!(sound.contains(id), "{sound:?}");
        assert!(
            finding.message.contains("after a failed try"),
            "{}",
            finding.message
        );
    }
    assert_eq!(run.record.groups[0].requests.failed, 0);
    assert_eq!(run.record.groups[0].crosscheck.unnamed, 0);
}

fn second_client() {
    stack().configure(&[]);
    let running = start("--host app-group-1 --rps 200 --duration 3s");
    running.until_seconds(1);
    for _ in 0..100 {
        assert_eq!(ask(stack().target(), SOUND, "/").0, 200);
    }
    let run = running.end();
    passes(&run.record);
    let found = one(&run.record, "foreign-traffic");
    assert!(
        found.message.contains("someone else sent 100 requests"),
        "{}",
        found.message
    );
    let group = &run.record.groups[0];
    assert_eq!(group.requests.succeeded, 600);
    for book in ["proxy", "replicas"] {
        assert_eq!(
            residual(group, book, "foreign-traffic"),
            100,
            "{:?}",
            group.crosscheck
        );
    }
    assert_eq!(group.crosscheck.replicas, Some(700));
}

fn death() {
    stack().configure(&[]);
    let victim = Project::replicas(SOUND)[0].clone();
    let running = start("--host app-group-1 --rps 200 --duration 8s --require error_rate<20%");
    running.until_seconds(2);
    crash(&victim);
    let run = running.end();
    let record = &run.record;
    passes(record);
    assert_eq!(
        one(record, "restarted-replica").replica.as_ref(),
        Some(&victim)
    );
    let group = &record.groups[0];
    let lost = group.requests.failed;
    assert!(lost > 0, "it died while it was asked");
    assert_eq!(group.status["502"], lost, "answers of the proxy's own");
    let reset = one(record, "counter-reset");
    assert_eq!(reset.replica.as_ref(), Some(&victim));
    let noun = if lost == 1 { "request" } else { "requests" };
    for part in [
        "s into the measured part: ",
        &format!("{lost} {noun} failed "),
        " on it answered as before",
    ] {
        assert!(reset.message.contains(part), "no {part}: {}", reset.message);
    }
    // Every second from then on is whole.
    let (_, after) = reset.message.rsplit_once("from second ").unwrap();
    let whole_from: u64 = after.split_once(" on it").unwrap().0.parse().unwrap();
    let later = record
        .intervals
        .iter()
        .filter(|one| one.second + 1 >= whole_from);
    assert!(later.clone().count() > 0);
    assert_eq!(later.map(|one| one.failed).sum::<u64>(), 0);
    assert_eq!(
        residual(group, "replicas", "answered-by-proxy"),
        -lost.cast_signed()
    );
    assert!(residual(group, "replicas", "counter-reset") < 0);
    assert_eq!(group.crosscheck.verdict, CountVerdict::Agree);
    assert_eq!(
        group.balance.verdict,
        BalanceVerdict::Even,
        "{:?}",
        group.balance
    );
}

fn starved() {
    // As the tutorial has it: no upstream block, the name resolved when the file is read.
    let whole =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../nginx.conf")).unwrap();
    let from = whole.find("  upstream app-group-1 {").unwrap();
    let to = from + whole[from..].find("\n  }\n").unwrap() + "\n  }\n".len();
    stack().configure(&[(&whole[from..to], "")]);
    stack().scale(SOUND, 3);
    let run = load("--host app-group-1 --rps 300 --duration 2s");
    fails_by(&run.record, "starved-replica");
    let found = one(&run.record, "starved-replica");
    let youngest = Project::replicas(SOUND)[2].clone();
    assert_eq!(found.replica.as_ref(), Some(&youngest));
    let hint = found.hint.as_deref().unwrap();
    assert!(hint.contains("resolve"), "{hint}");
    assert_eq!(replica(&run.record, &youngest).requests, 0);
    // A bare `proxy_pass` opens a connection for each request, too.
    let found = one(&run.record, "no-upstream-keep-alive");
    assert!(
        found.message.contains("the proxy keeps none"),
        "{}",
        found.message
    );
    assert_eq!(run.record.groups[0].crosscheck.verdict, CountVerdict::Agree);
}

/// Requests under a name in the replicas' count, or in the proxy's.
fn residual(group: &GroupRecord, book: &str, name: &str) -> i64 {
    let residuals = group.crosscheck.residuals.iter();
    let wanted = residuals.filter(|residual| residual.side == book && residual.name == name);
    wanted.map(|residual| residual.count).sum()
}
