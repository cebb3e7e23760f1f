//! The two routes of a group, through the proxy and straight to its replicas: one schedule, one cross-check,
//! and what the proxy costs.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use loadgen::plan::Route;
use loadgen::record::{BalanceVerdict, CountVerdict, Record, RouteCost};

use super::fake::{Caller, Fake, serve};
use super::program::{loadgen, test};
use super::reading::identities_hold;

fn cost(record: &Record) -> &RouteCost {
    assert_eq!(record.routes.len(), 1, "{:?}", record.routes);
    &record.routes[0]
}

#[test]
fn one_schedule_takes_both_routes_in_turn_and_the_counts_agree() {
    let ended = test("--stack embedded --host app-group-1 --rps 400 --via proxy,direct")
        .words("--duration 6s --warmup 1s")
        .run();
    let record = ended.record();
    identities_hold(&record);
    let [proxy, direct] = &record.groups[..] else {
        panic!("{} groups", record.groups.len());
    };
    assert_eq!((proxy.label(), proxy.route), ("app-group-1", Route::Proxy));
    assert_eq!(
        (direct.label(), direct.route),
        ("app-group-1 direct", Route::Direct)
    );
    for group in [proxy, direct] {
        assert_eq!(group.requests.planned, 1_200);
        assert!(
            (group.rate.intended - 200.0).abs() < 1e-9,
            "{:?}",
            group.rate
        );
        let check = &group.crosscheck;
        assert_eq!(check.verdict, CountVerdict::Agree, "{check:?}");
        let counts = (check.client, check.proxy, check.replicas);
        assert_eq!(counts, (2_400, Some(1_200), Some(2_400)));
        let past = check
            .residuals
            .iter()
            .find(|one| one.name == "direct-requests");
        let past = past.expect("what went past the proxy");
        assert_eq!((past.count, past.side.as_str()), (-1_200, "proxy"));
    }
    // Every other one of its own goes to each replica.
    let shares: Vec<_> = direct.replicas.iter().map(|one| one.requests).collect();
    assert_eq!(shares, [600, 600]);
    assert_eq!(direct.balance.verdict, BalanceVerdict::NotJudged);
    assert_ne!(proxy.balance.verdict, BalanceVerdict::Uneven);
    let cost = cost(&record);
    assert_eq!(
        (cost.proxy.as_str(), cost.direct.as_str()),
        ("app-group-1", "app-group-1 direct")
    );
    assert!(cost.quantiles[0].difference > 0.0, "{cost:?}");
    // Drawn and repeated as it is stored.
    let page = std::fs::read_to_string(ended.folder().join("index.html")).unwrap();
    assert!(page.contains("through the proxy, against straight to the replicas"));
    let again = loadgen("plan").word(ended.folder().to_str().unwrap()).run();
    let plan: toml::Table = again.stdout.parse().unwrap();
    let via = [toml::Value::from("proxy"), toml::Value::from("direct")];
    assert_eq!(plan["via"].as_array().unwrap()[..], via);
    assert_eq!(plan["group"].as_array().unwrap().len(), 1);
}

/// Passes each request on, so much later.
fn delaying(to: SocketAddr, delay: Duration) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || pass_on(client, to, delay));
        }
    });
    address
}

fn pass_on(mut client: TcpStream, to: SocketAddr, delay: Duration) {
    let mut server = TcpStream::connect(to).unwrap();
    for stream in [&client, &server] {
        stream.set_nodelay(true).unwrap();
    }
    let mut bytes = [0; 4_096];
    while let Ok(count @ 1..) = client.read(&mut bytes) {
        std::thread::sleep(delay);
        if server.write_all(&bytes[..count]).is_err() {
            return;
        }
        let Ok(count @ 1..) = server.read(&mut bytes) else {
            return;
        };
        if client.write_all(&bytes[..count]).is_err() {
            return;
        }
    }
}

fn replica() -> Fake {
    serve(|mut caller: Caller| while caller.asked().is_some() && caller.answer("\"r\"") {})
}

fn against(target: SocketAddr, replica: &Fake) -> Record {
    let ended =
        test("--host g --rps 400 --duration 14s --warmup 1s --via proxy,direct --policy none")
            .words(&format!(
                "--target http://{target} --replica g=http://{}",
                replica.address
            ))
            .run();
    ended.record()
}

#[test]
fn a_proxy_with_a_delay_costs_the_delay_and_one_without_any_difference_costs_nothing() {
    let server = replica();
    let slowed = against(delaying(server.address, Duration::from_millis(2)), &server);
    let median = &cost(&slowed).quantiles[0];
    let (low, high) = median.interval.expect("fourteen seconds");
    assert!(median.found, "{median:?}");
    // A sleep lasts a little longer than it is asked to, and passing on takes its time too.
    assert!(low < 2.4e6 && high > 2.0e6, "{median:?}");
    // Both routes lead to the same socket: nothing to be found.
    let same = against(server.address, &server);
    assert!(!cost(&same).found, "{:?}", cost(&same));
}

#[test]
fn a_route_that_is_not_there_is_refused() {
    loadgen("--via proxy,around --rps 1").run().refused(
        2,
        &["`around` is neither proxy nor direct"],
        &["--via proxy,direct"],
    );
    loadgen("--stack embedded --via proxy,proxy").run().refused(
        2,
        &["route proxy is given twice"],
        &["--via proxy,direct"],
    );
    loadgen("--stack embedded --via proxy,direct --closed")
        .run()
        .refused(2, &["closed loop"], &["--rps"]);
    loadgen("--target http://127.0.0.1:9 --via direct")
        .run()
        .refused(2, &["nothing is known of the replicas"], &["--replica"]);
}
