//! Starting, stopping and health, on a real listener.

use std::time::{Duration, Instant};

use app::{DRAIN_LIMIT, HealthError, Options};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use crate::client::{fetch, n_requests, options, send, serve};

/// A listener that holds a request: once this returns, the request is being served.
async fn send_and_wait_until_served(
    address: std::net::SocketAddr,
    n_connections: f64,
) -> tokio::net::TcpStream {
    let stream = send(address, "/", "keep-alive").await;
    // Accepted in order: when a later connection has been answered, this one was read.
    while n_requests(&fetch(address, "/metrics").await, "/metrics", "GET", "2xx") < n_connections {
        tokio::task::yield_now().await;
    }
    stream
}

#[tokio::test]
async fn a_request_under_way_is_answered_before_the_end() {
    let service_time = Some("fixed:200ms".parse().unwrap());
    let replica = serve(Options {
        service_time,
        ..options("a")
    })
    .await;
    let mut stream = send_and_wait_until_served(replica.address, 2.0).await;
    replica.stop.send(()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("\"a\""),
        "{answer}"
    );
    replica.done.await.unwrap().unwrap();
}

#[tokio::test]
async fn an_idle_connection_does_not_delay_the_end() {
    let replica = serve(options("a")).await;
    let mut stream = send(replica.address, "/", "keep-alive").await;
    let mut first = [0; 8];
    stream.read_exact(&mut first).await.unwrap();
    let stopped = Instant::now();
    replica.stop.send(()).unwrap();
    replica.done.await.unwrap().unwrap();
    assert!(
        stopped.elapsed() < DRAIN_LIMIT,
        "took {:?}",
        stopped.elapsed()
    );
}

#[tokio::test]
async fn a_request_that_takes_for_ever_does_not_keep_the_replica_up() {
    let service_time = Some("fixed:1h".parse().unwrap());
    let replica = serve(Options {
        service_time,
        ..options("a")
    })
    .await;
    let _stream = send_and_wait_until_served(replica.address, 2.0).await;
    let stopped = Instant::now();
    replica.stop.send(()).unwrap();
    replica.done.await.unwrap().unwrap();
    let took = stopped.elapsed();
    assert!(
        took >= DRAIN_LIMIT && took < DRAIN_LIMIT + Duration::from_secs(2),
        "took {took:?}"
    );
}

#[tokio::test]
async fn health_is_told_from_sickness() {
    let replica = serve(options("a")).await;
    let check = |url: String| tokio::task::spawn_blocking(move || app::check_health(&url));
    let base = format!("http://{}", replica.address);
    check(format!("{base}/healthz")).await.unwrap().unwrap();
    let sick = check(format!("{base}/nowhere")).await.unwrap().unwrap_err();
    assert_eq!(sick.to_string(), "answered `HTTP/1.1 404 Not Found`");
    let unclear = check("healthz".to_owned()).await.unwrap().unwrap_err();
    assert_eq!(
        unclear.to_string(),
        "`healthz` is not of the form http://host[:port]/path"
    );
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    let gone = check(format!("http://{closed}/healthz"))
        .await
        .unwrap()
        .unwrap_err();
    assert!(matches!(gone, HealthError::Io(_)), "{gone}");
}
