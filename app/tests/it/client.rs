//! Asks a router, or a listener on loopback, and reads its metrics.

use std::io;
use std::net::SocketAddr;

use app::Options;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tower::ServiceExt;

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

pub(crate) fn options(id: &str) -> Options {
    Options {
        id: id.to_owned(),
        seed: Some(1),
        ..Options::default()
    }
}

pub(crate) async fn ask(router: &Router, method: &str, path: &str) -> Answer {
    ask_with(router, method, path, Body::empty()).await
}

pub(crate) async fn ask_with(router: &Router, method: &str, path: &str, body: Body) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .body(body)
        .unwrap();
    let answer = router.clone().oneshot(request).await.unwrap();
    let (head, body) = answer.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer {
        status: head.status,
        headers: head.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}

pub(crate) async fn page(router: &Router) -> String {
    ask(router, "GET", "/metrics").await.body
}

/// The value of one series on a metrics page, if it is there.
pub(crate) fn value(page: &str, series: &str) -> Option<f64> {
    let rest = |line: &'_ str| Some(line.strip_prefix(series)?.strip_prefix(' ')?.to_owned());
    page.lines()
        .find_map(rest)
        .map(|value| value.parse().unwrap())
}

/// `http_requests_total` of one handler, 0 where it is not there yet.
pub(crate) fn n_requests(page: &str, handler: &str, method: &str, status: &str) -> f64 {
    let labels = format!("handler=\"{handler}\",method=\"{method}\",status=\"{status}\"");
    value(page, &format!("http_requests_total{{{labels}}}")).unwrap_or(0.0)
}

/// A replica on a free port of loopback.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    pub(crate) stop: oneshot::Sender<()>,
    pub(crate) done: JoinHandle<io::Result<()>>,
}

pub(crate) async fn serve(options: Options) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let done = tokio::spawn(app::serve(listener, options, async move {
        let _ = stopped.await;
    }));
    Served {
        address,
        stop,
        done,
    }
}

/// Sends a request and leaves reading the answer to the caller.
pub(crate) async fn send(address: SocketAddr, path: &str, connection: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: {connection}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// One request on a connection of its own; head and body as they came.
pub(crate) async fn fetch(address: SocketAddr, path: &str) -> String {
    let mut answer = String::new();
    send(address, path, "close")
        .await
        .read_to_string(&mut answer)
        .await
        .unwrap();
    answer
}
