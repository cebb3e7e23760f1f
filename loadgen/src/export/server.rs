//! Serves the page: a small HTTP server with bounds on everything.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::{Meter, page};

/// The most readers at a time; more of them wait.
const MOST_READERS: usize = 8;
/// How long one reader may take from its first byte to its last.
const PATIENCE: Duration = Duration::from_secs(5);
/// The wait after the system refused a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The content type of text format 0.0.4.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Why metrics cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The address is none, or taken.
    #[error("metrics cannot be served at {address}: {reason}")]
    Listen {
        /// As it was typed.
        address: String,
        /// What the system said.
        reason: std::io::Error,
    },
}

impl ExportError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        let Self::Listen { reason, .. } = self;
        match reason.kind() {
            std::io::ErrorKind::AddrInUse => {
                "something else listens there; give --metrics-listen another port, or port 0 for any that is free".into()
            }
            _ => "give --metrics-listen an address of this machine and a port, as 127.0.0.1:9464".into(),
        }
    }
}

/// A server that ends with this value.
#[derive(Debug)]
pub struct Exporter {
    address: SocketAddr,
    meter: Meter,
    task: JoinHandle<()>,
}

impl Exporter {
    /// Serves a meter of its own at `address`, `HOST:PORT`; port 0 is any that is free.
    pub async fn start(address: &str) -> Result<Self, ExportError> {
        let failed = |reason| ExportError::Listen {
            address: address.to_owned(),
            reason,
        };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let bound = listener.local_addr().map_err(failed)?;
        let meter = Meter::new();
        Ok(Self {
            address: bound,
            task: tokio::spawn(accept(listener, meter.clone())),
            meter,
        })
    }

    /// Where the page is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/metrics", self.address)
    }

    /// What the page tells.
    #[must_use]
    pub fn meter(&self) -> Meter {
        self.meter.clone()
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, meter: Meter) {
    let places = Arc::new(Semaphore::new(MOST_READERS));
    // The semaphore is never closed.
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                let meter = meter.clone();
                tokio::spawn(async move {
                    // A reader that takes too long, or speaks no HTTP, is let go.
                    let _ = tokio::time::timeout(PATIENCE, serve(stream, meter)).await;
                    drop(place);
                });
            }
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// One request, one answer.
async fn serve(stream: TcpStream, meter: Meter) {
    let answer = service_fn(|request: Request<Incoming>| {
        let response = respond(request.method(), request.uri().path(), &meter);
        async move { Ok::<_, Infallible>(response) }
    });
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), answer)
        .await;
}

fn respond(method: &Method, path: &str, meter: &Meter) -> Response<Full<Bytes>> {
    let (status, text) = match (method, path) {
        (&Method::GET | &Method::HEAD, "/metrics") => (StatusCode::OK, page::write(&meter.sums())),
        (&Method::GET | &Method::HEAD, _) => (StatusCode::NOT_FOUND, "see /metrics\n".into()),
        _ => (StatusCode::METHOD_NOT_ALLOWED, "GET /metrics\n".into()),
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(TEXT));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(ALLOW, hyper::header::HeaderValue::from_static("GET, HEAD"));
    }
    response
}
