//! The generator's own metrics while a test runs: they only grow, and end as the record does.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use loadgen::record::{GroupRecord, Quantiles, Record};
use loadgen::scrape::{self, Exposition, Kind};

use super::fake::serve;
use super::program::{test, until};
use super::reading::identities_hold;

/// Status line and body of an answer; `None` when nobody answers.
fn get(address: &str, path: &str) -> Option<(String, String)> {
    let mut stream = TcpStream::connect(address).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.lines().next()?.to_owned(), body.to_owned()))
}

/// The counters of a page by name and labels.
fn counters(page: &Exposition<'_>) -> HashMap<String, f64> {
    let family = |name: &str| {
        let parts = ["_bucket", "_sum", "_count"];
        let stem = parts.iter().find_map(|part| name.strip_suffix(part));
        stem.unwrap_or(name).to_owned()
    };
    let grows = |name: &str| {
        let kind = page.types.get(family(name).as_str());
        matches!(kind, Some(Kind::Counter | Kind::Histogram))
    };
    let samples = page.samples.iter().filter(|sample| grows(&sample.name));
    samples
        .map(|sample| (format!("{}{:?}", sample.name, sample.labels), sample.value))
        .collect()
}

#[test]
fn the_page_only_grows_and_ends_as_the_record_does() {
    // A replica that names itself in the answer and keeps its page back until it may close the
    // books, so that the last page of the generator can be read while it is sure to be there.
    let seen = Arc::new(AtomicBool::new(false));
    let may_close = Arc::clone(&seen);
    let target = serve(move |mut caller| {
        while let Some(asked) = caller.asked() {
            if asked.path == "/metrics" {
                if asked.number > 20 {
                    until("the last page", || may_close.load(Ordering::SeqCst));
                }
                caller.answer("http_requests_total{handler=\"/\"} 1\n");
            } else if asked.number % 10 == 9 {
                caller.say("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\nno");
            } else {
                caller.answer("\"shop \\\\ one\"");
            }
        }
    });
    let url = format!("http://{}", target.address);
    let started = test("--host shop --rps 50 --duration 2s --metrics-listen 127.0.0.1:0")
        .words(&format!("--target {url} --replica shop={url}/metrics"))
        .start();
    let told = started.until_said("metrics: ");
    let address = told.strip_prefix("http://").unwrap();
    let (address, path) = address.split_once('/').unwrap();
    let path = format!("/{path}");
    assert_eq!(path, "/metrics");
    assert!(get(address, "/").unwrap().0.contains("404"));

    let mut before = HashMap::new();
    let mut last = String::new();
    until("the load to be over", || {
        let (status, text) = get(address, &path).expect("served while the test runs");
        assert_eq!(status, "HTTP/1.1 200 OK");
        let page = scrape::parse(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let now = counters(&page);
        for (name, value) in &before {
            assert!(now[name] >= *value, "{name} fell from {value}: {text}");
        }
        before = now;
        let sum = |name: &str| page.named(name).map(|sample| sample.value).sum::<f64>();
        let over =
            sum("loadgen_load_running") == 0.0 && sum("loadgen_measured_seconds_total") > 0.0;
        last = text;
        over
    });
    seen.store(true, Ordering::SeqCst);
    let record = started.end().record();
    identities_hold(&record);
    let page = scrape::parse(&last).unwrap();
    equals(&page, &record);
    assert!(record.groups[0].requests.failed > 0, "{:?}", record.groups);
    assert!(get(address, &path).is_none(), "gone with the test");
}

/// Every figure of the page is the record's.
#[track_caller]
fn equals(page: &Exposition<'_>, record: &Record) {
    for group in &record.groups {
        let counts = group.requests;
        let count = |name: &str, labels: &[(&str, &str)]| value(page, name, group, labels);
        for (name, expected) in [
            ("planned", counts.planned),
            ("sent", counts.sent),
            ("dropped", counts.dropped),
            ("succeeded", counts.succeeded),
            ("failed", counts.failed),
        ] {
            assert_eq!(
                count(&format!("loadgen_requests_{name}_total"), &[]),
                expected
            );
        }
        for (status, expected) in &group.status {
            let told = count("loadgen_answers_total", &[("status", status)]);
            assert_eq!(told, *expected, "status {status}");
        }
        for (class, expected) in &group.errors {
            let told = count("loadgen_errors_total", &[("class", class)]);
            assert_eq!(told, *expected, "class {class}");
        }
        for replica in group.replicas.iter().filter(|one| one.requests > 0) {
            let name = "loadgen_replica_answers_total";
            let told = |result| count(name, &[("replica", &replica.id), ("result", result)]);
            assert_eq!(told("succeeded"), replica.requests - replica.failed);
            assert_eq!(told("failed"), replica.failed);
        }
        for (name, times) in [
            ("loadgen_response_time_seconds", &group.response_time),
            ("loadgen_service_time_seconds", &group.service_time),
            ("loadgen_send_lag_seconds", &group.send_lag),
        ] {
            assert_eq!(count(&format!("{name}_count"), &[]), times.count);
            let told = count(&format!("{name}_bucket"), &[("le", "0.001")]);
            assert_eq!(told, up_to_a_millisecond(times), "{name}");
        }
    }
}

fn up_to_a_millisecond(times: &Quantiles) -> u64 {
    let histogram = times.histogram().unwrap();
    let buckets = histogram.buckets();
    let below = buckets.filter(|(span, _)| span.0 <= 1_000_000);
    below.map(|(_, count)| count).sum()
}

#[track_caller]
fn value(page: &Exposition<'_>, name: &str, group: &GroupRecord, labels: &[(&str, &str)]) -> u64 {
    let mut samples = page.named(name).filter(|sample| {
        let mut labels = labels.iter();
        sample.label("host") == Some(&group.host)
            && labels.all(|(name, value)| sample.label(name) == Some(value))
    });
    let sample = samples.next();
    let sample = sample.unwrap_or_else(|| panic!("no {name}{labels:?}: {page:?}"));
    assert!(samples.next().is_none(), "one {name}{labels:?}");
    assert!(sample.value.fract().abs() < f64::EPSILON, "a whole number");
    sample.value as u64
}

#[test]
fn a_taken_port_and_no_address_at_all_are_refused() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ended = test(&format!("--stack embedded --metrics-listen {address}")).run();
    ended.refused(
        2,
        &["metrics", &address, "in use"],
        &["--metrics-listen", "port 0"],
    );
    assert!(!ended.folder().exists(), "nothing was begun");
    let ended = test("--stack embedded --metrics-listen nonsense").run();
    ended.refused(2, &["metrics", "nonsense"], &["127.0.0.1:9464"]);
}
