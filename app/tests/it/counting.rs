//! What is counted, and under which labels.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use app::Options;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use tower::ServiceExt;

use crate::client::{ask, fetch, n_requests, options, page, send, serve, value};

#[tokio::test]
async fn the_root_answers_its_name_whatever_the_query() {
    let router = app::router(&options("782bf3ef4322"));
    let answer = ask(&router, "GET", "/?example=test").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.headers["content-type"], "application/json");
    assert_eq!(answer.body, "\"782bf3ef4322\"");
    assert_eq!(
        n_requests(&page(&router).await, "/", "GET", "2xx").to_bits(),
        1f64.to_bits()
    );
}

#[tokio::test]
async fn a_name_is_escaped_as_json() {
    let router = app::router(&options("a \"b\" \\ c"));
    assert_eq!(ask(&router, "GET", "/").await.body, r#""a \"b\" \\ c""#);
}

#[tokio::test]
async fn each_request_counts_under_its_template() {
    let router = app::router(&options("a"));
    for (method, path, status) in [
        ("GET", "/", 200),
        ("HEAD", "/", 200),
        ("POST", "/", 405),
        ("GET", "/healthz", 200),
        ("DELETE", "/metrics", 405),
        ("GET", "/nowhere", 404),
        ("POST", "/nowhere/else", 404),
        ("BREW", "/", 405),
    ] {
        assert_eq!(
            ask(&router, method, path).await.status.as_u16(),
            status,
            "{method} {path}"
        );
    }
    let page = page(&router).await;
    let mut counted: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("http_requests_total"))
        .collect();
    counted.sort_unstable();
    assert_eq!(
        counted,
        [
            r#"{handler="/",method="GET",status="2xx"} 1.0"#,
            r#"{handler="/",method="HEAD",status="2xx"} 1.0"#,
            r#"{handler="/",method="OTHER",status="4xx"} 1.0"#,
            r#"{handler="/",method="POST",status="4xx"} 1.0"#,
            r#"{handler="/healthz",method="GET",status="2xx"} 1.0"#,
            r#"{handler="/metrics",method="DELETE",status="4xx"} 1.0"#,
            r#"{handler="none",method="GET",status="4xx"} 1.0"#,
            r#"{handler="none",method="POST",status="4xx"} 1.0"#,
        ]
    );
}

#[tokio::test]
async fn a_scrape_is_on_the_next_page_and_not_on_its_own() {
    let router = app::router(&options("a"));
    for n_scrapes in [0.0, 1.0, 2.0] {
        let page = page(&router).await;
        assert!((n_requests(&page, "/metrics", "GET", "2xx") - n_scrapes).abs() < 0.5);
    }
}

#[tokio::test]
async fn sizes_and_latencies_are_counted_with_the_request() {
    let router = app::router(&options("abc"));
    let request = Request::get("/")
        .header("content-length", "7")
        .body(Body::empty())
        .unwrap();
    router.clone().oneshot(request).await.unwrap();
    ask(&router, "GET", "/").await;
    let page = page(&router).await;
    for (series, expected) in [
        (r#"http_request_size_bytes_count{handler="/"}"#, 2.0),
        (r#"http_request_size_bytes_sum{handler="/"}"#, 7.0),
        (r#"http_response_size_bytes_count{handler="/"}"#, 2.0),
        (r#"http_response_size_bytes_sum{handler="/"}"#, 10.0),
        (
            r#"http_request_duration_seconds_count{handler="/",method="GET"}"#,
            2.0,
        ),
        ("http_request_duration_highr_seconds_count", 2.0),
        ("http_request_duration_fine_seconds_count", 2.0),
    ] {
        assert_eq!(value(&page, series), Some(expected), "{series}");
    }
}

#[tokio::test]
async fn the_fail_ratio_is_exact() {
    let fail_ratio = "0.25".parse().unwrap();
    let router = app::router(&Options {
        fail_ratio,
        ..options("a")
    });
    for _ in 0..200 {
        let answer = ask(&router, "GET", "/").await;
        assert_eq!(answer.body, "\"a\"", "a failure names its replica too");
    }
    let page = page(&router).await;
    assert_eq!(n_requests(&page, "/", "GET", "5xx") as u64, 50);
    assert_eq!(n_requests(&page, "/", "GET", "2xx") as u64, 150);
}

#[tokio::test]
async fn a_miscount_touches_the_counter_of_the_root_only() {
    for (how, counted) in [("double", 200), ("lose:10", 90)] {
        let miscount = Some(how.parse().unwrap());
        let router = app::router(&Options {
            miscount,
            ..options("a")
        });
        for _ in 0..100 {
            ask(&router, "GET", "/").await;
            ask(&router, "GET", "/healthz").await;
        }
        let page = page(&router).await;
        assert_eq!(
            n_requests(&page, "/", "GET", "2xx") as u64,
            counted,
            "{how}"
        );
        assert_eq!(
            n_requests(&page, "/healthz", "GET", "2xx") as u64,
            100,
            "{how}"
        );
        assert_eq!(
            value(&page, "http_request_duration_fine_seconds_count"),
            Some(100.0)
        );
    }
}

#[tokio::test]
async fn a_dropped_request_counts_as_closed_by_the_client() {
    let service_time = Some("fixed:1h".parse().unwrap());
    let router = app::router(&Options {
        service_time,
        ..options("a")
    });
    {
        let request = Request::get("/").body(Body::empty()).unwrap();
        let mut answer = pin!(router.clone().oneshot(request));
        let first = poll_fn(|cx| Poll::Ready(answer.as_mut().poll(cx))).await;
        assert!(first.is_pending());
    }
    let page = page(&router).await;
    assert_eq!(n_requests(&page, "/", "GET", "4xx") as u64, 1);
    assert_eq!(n_requests(&page, "/", "GET", "2xx") as u64, 0);
}

#[tokio::test]
async fn a_client_that_hangs_up_is_counted() {
    let service_time = Some("fixed:1h".parse().unwrap());
    let replica = serve(Options {
        service_time,
        ..options("a")
    })
    .await;
    drop(send(replica.address, "/", "keep-alive").await);
    let deadline = Instant::now() + Duration::from_secs(10);
    while n_requests(&fetch(replica.address, "/metrics").await, "/", "GET", "4xx") < 1.0 {
        assert!(Instant::now() < deadline, "not counted within ten seconds");
    }
}

#[tokio::test]
async fn who_holds_the_answer_finds_it_counted() {
    let replica = serve(options("a")).await;
    for nth in 1..=50 {
        assert!(fetch(replica.address, "/").await.ends_with("\"a\""));
        let page = fetch(replica.address, "/metrics").await;
        assert_eq!(n_requests(&page, "/", "GET", "2xx") as u64, nth);
    }
}
