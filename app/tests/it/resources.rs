//! The routes beside `/`: what they answer, where they end, and under which template they count.

use std::time::{Duration, Instant};

use axum::body::Body;

use crate::client::{ask, ask_with, fetch, n_requests, options, page, serve, value};

const MAX_BODY: usize = 10 << 20;

#[tokio::test]
async fn each_resource_counts_under_its_template() {
    let router = app::router(&options("a"));
    for (method, path, status, template) in [
        ("GET", "/items?page=7", 200, "/items"),
        ("POST", "/items", 201, "/items"),
        ("PUT", "/items", 405, "/items"),
        ("GET", "/items/7", 200, "/items/{id}"),
        ("GET", "/items/a%20b?full", 200, "/items/{id}"),
        ("POST", "/items/7", 405, "/items/{id}"),
        ("GET", "/bytes/3", 200, "/bytes/{n}"),
        ("HEAD", "/bytes/10485760", 200, "/bytes/{n}"),
        ("GET", "/bytes/10485761", 422, "/bytes/{n}"),
        ("GET", "/status/204", 204, "/status/{code}"),
        ("GET", "/status/301", 301, "/status/{code}"),
        ("GET", "/status/503", 503, "/status/{code}"),
        ("GET", "/status/100", 422, "/status/{code}"),
        ("GET", "/delay/0", 200, "/delay/{ms}"),
        ("GET", "/delay/60001", 422, "/delay/{ms}"),
        ("GET", "/delay/-1", 422, "/delay/{ms}"),
        ("GET", "/items/7/8", 404, "none"),
    ] {
        let class = format!("{}xx", status / 100);
        let before = n_requests(&page(&router).await, template, method, &class);
        let answer = ask(&router, method, path).await;
        assert_eq!(answer.status.as_u16(), status, "{method} {path}");
        let after = n_requests(&page(&router).await, template, method, &class);
        assert!((after - before - 1.0).abs() < 0.5, "{method} {path}");
    }
}

#[tokio::test]
async fn every_answer_names_its_replica() {
    let router = app::router(&options("782bf3ef4322"));
    for (method, path) in [
        ("GET", "/"),
        ("GET", "/items/7"),
        ("POST", "/items"),
        ("GET", "/bytes/0"),
        ("GET", "/status/204"),
        ("GET", "/status/500"),
        ("GET", "/delay/0"),
        ("GET", "/delay/long"),
        ("GET", "/healthz"),
        ("GET", "/metrics"),
        ("POST", "/"),
        ("GET", "/nowhere"),
    ] {
        let answer = ask(&router, method, path).await;
        assert_eq!(
            answer.headers["x-replica"], "782bf3ef4322",
            "{method} {path}"
        );
    }
}

#[tokio::test]
async fn a_name_that_no_header_can_carry_is_mended() {
    let answer = ask(&app::router(&options("a\r\nb: é")), "GET", "/").await;
    assert_eq!(answer.headers["x-replica"].as_bytes(), "a??b: é".as_bytes());
    assert_eq!(answer.body, r#""a\r\nb: é""#);
}

#[tokio::test]
async fn the_length_of_a_body_comes_back() {
    let router = app::router(&options("a"));
    for (n_bytes, status, body) in [
        (0, 201, r#"{"length":0}"#),
        (1234, 201, r#"{"length":1234}"#),
        (MAX_BODY, 201, r#"{"length":10485760}"#),
        (
            MAX_BODY + 1,
            413,
            r#"{"detail":"the body must be whole, and of at most 10485760 bytes"}"#,
        ),
    ] {
        let answer = ask_with(&router, "POST", "/items", Body::from(vec![0; n_bytes])).await;
        assert_eq!(answer.status.as_u16(), status, "{n_bytes}");
        assert_eq!(answer.body, body, "{n_bytes}");
    }
}

#[tokio::test]
async fn as_many_bytes_come_as_were_asked_for() {
    let replica = serve(options("a")).await;
    for n_bytes in [0, 1, 65_536, 65_537, 1_000_000] {
        let answer = fetch(replica.address, &format!("/bytes/{n_bytes}")).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert_eq!(body.len(), n_bytes);
        let length = format!("content-length: {n_bytes}");
        assert!(head.contains(&length), "{head}");
    }
    let page = fetch(replica.address, "/metrics").await;
    let sum = value(
        &page,
        r#"http_response_size_bytes_sum{handler="/bytes/{n}"}"#,
    );
    assert_eq!(sum, Some(1_131_074.0));
}

#[tokio::test]
async fn what_cannot_be_had_is_refused_with_its_bounds() {
    let router = app::router(&options("a"));
    for (path, detail) in [
        (
            "/bytes/-1",
            "`-1` is not a number of bytes from 0 to 10485760",
        ),
        ("/status/600", "`600` is not a status from 200 to 599"),
        ("/delay/1s", "`1s` is not milliseconds from 0 to 60000"),
    ] {
        let answer = ask(&router, "GET", path).await;
        assert_eq!(answer.body, format!(r#"{{"detail":"{detail}"}}"#));
    }
}

#[tokio::test]
async fn a_delay_is_never_shorter_than_asked_for() {
    let router = app::router(&options("a"));
    let asked = Instant::now();
    assert_eq!(ask(&router, "GET", "/delay/30").await.status, 200);
    assert!(asked.elapsed() >= Duration::from_millis(30));
}
