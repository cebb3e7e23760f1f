//! Pages over loopback: what is read, what is refused, and how counters settle.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;

use super::*;
use crate::model::{Proxy, ProxyCounter, Replica, ReplicaId, StackKind, Topology};
use crate::scrape::Delta;

const COUNTER: &str = r#"http_requests_total{handler="/"}"#;

fn scraper() -> Scraper {
    let limits = Limits {
        timeout: Duration::from_millis(500),
        bytes: 10_000,
        settle: Duration::from_secs(5),
        poll: Duration::from_millis(1),
    };
    Scraper::new(&COUNTER.parse().expect("a counter"))
        .expect("a scraper")
        .limited(limits)
}

/// Serves a router on a free port; gives its origin away.
async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let origin = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    origin
}

fn topology(origin: &str) -> Topology {
    Topology {
        kind: StackKind::External,
        why: String::new(),
        proxy: Proxy {
            name: "test".into(),
            target: origin.to_owned(),
            counter: Some(ProxyCounter::StubStatus {
                url: format!("{origin}/status"),
            }),
            workers: 1,
        },
        groups: vec!["g".into()],
        replicas: vec![Replica {
            group: "g".into(),
            id: ReplicaId("a".into()),
            metrics_url: format!("{origin}/metrics"),
        }],
    }
}

/// A counter that moves for its first `late` reads, and a status page that counts itself.
fn late_counter(late: u64) -> Router {
    let (reads, status_reads) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let page = move || {
        let count = reads.fetch_add(1, Ordering::Relaxed).min(late);
        async move {
            format!(
                "# TYPE http_requests_total counter\nhttp_requests_total{{handler=\"/\"}} {count}\n"
            )
        }
    };
    let status = move || {
        let count = status_reads.fetch_add(1, Ordering::Relaxed) + 1;
        async move {
            format!(
                "Active connections: 1 \nserver accepts handled requests\n 1 1 {count} \nReading: 0 Writing: 1 Waiting: 0 \n"
            )
        }
    };
    Router::new()
        .route("/metrics", get(page))
        .route("/status", get(status))
}

#[tokio::test]
async fn a_counter_that_lags_is_waited_for_and_own_reads_are_known() {
    let topology = topology(&serve(late_counter(5)).await);
    let scraper = scraper();
    let before = scraper.settled(&topology).await;
    assert!(before.settled);
    assert_eq!(
        before.replicas[0].page.as_ref().map(|page| page.total),
        Ok(5)
    );
    let after = scraper.settled(&topology).await;
    let delta = Delta::between(&before, &after);
    assert_eq!(delta.replicas[0].requests, Some(0));
    let proxy = delta.proxy.expect("a count");
    assert_eq!(proxy.total, Some(proxy.own_reads));
    assert_eq!(delta.replicas[0].own_reads, after.reads);
}

#[tokio::test]
async fn a_page_that_cannot_be_read_says_why_and_names_itself() {
    let slow = || async { tokio::time::sleep(Duration::from_secs(60)).await };
    let router = Router::new()
        .route("/missing", get(|| async { (StatusCode::NOT_FOUND, "") }))
        .route(
            "/moved",
            get(|| async { (StatusCode::FOUND, [("location", "http://127.0.0.2:9/ok")]) }),
        )
        .route(
            "/round",
            get(|| async { (StatusCode::TEMPORARY_REDIRECT, [("location", "/round")]) }),
        )
        .route(
            "/here",
            get(|| async { (StatusCode::TEMPORARY_REDIRECT, [("location", "/here/")]) }),
        )
        .route("/here/", get(|| async { "m 1\n" }))
        .route("/huge", get(|| async { "m 1\n".repeat(10_000) }))
        .route("/bytes", get(|| async { vec![b'm', 0xff, b'\n'] }))
        .route("/slow", get(slow));
    let origin = serve(router).await;
    let scraper = scraper();
    for (path, part) in [
        ("/missing", "answered 404"),
        ("/moved", "answered 302, to \"http://127.0.0.2:9/ok\""),
        ("/round", "answered 307"),
        ("/huge", "larger than 10000 bytes"),
        ("/bytes", "byte 1 is not UTF-8"),
        ("/slow", "longer than 0.5 s"),
    ] {
        let error = scraper
            .text(&format!("{origin}{path}"))
            .await
            .expect_err(path);
        assert!(error.to_string().contains(part), "{error}");
        assert!(error.to_string().contains(path), "{error}");
        assert!(!error.hint().is_empty());
    }
    let moved = scraper.text(&format!("{origin}/here")).await;
    assert_eq!(moved, Ok("m 1\n".to_owned()), "on the same origin");
}

#[tokio::test]
async fn a_page_that_is_gone_is_a_value_and_no_failure() {
    // A port that was free a moment ago.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let origin = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let snapshot = scraper().snapshot(&topology(&origin)).await;
    let error = snapshot.replicas[0]
        .page
        .as_ref()
        .expect_err("nobody there");
    assert!(error.is_unreachable(), "{error}");
    assert!(snapshot.proxy.is_some_and(|proxy| proxy.page.is_err()));
}

#[tokio::test]
async fn our_own_replica_is_read_whole() {
    let options = app::Options {
        id: "a".into(),
        ..app::Options::default()
    };
    let origin = serve(app::router(&options)).await;
    let scraper = scraper().limited(Limits::default());
    let topology = topology(&origin);
    let before = scraper.snapshot(&topology).await;
    for _ in 0..3 {
        scraper.text(&origin).await.expect("an answer");
    }
    let after = scraper.snapshot(&topology).await;
    let delta = Delta::between(&before, &after);
    let replica = &delta.replicas[0];
    assert_eq!(replica.requests, Some(3), "{replica:?}");
    assert_eq!(replica.by_handler["/metrics"], 1);
    let (family, latency) = replica.finest_latency().expect("a histogram");
    assert_eq!(
        (family, latency.count),
        ("http_request_duration_fine_seconds", 3)
    );
}
