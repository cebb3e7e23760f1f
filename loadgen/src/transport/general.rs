//! TLS and HTTP/2 targets, by reqwest: correct first, fast second.
//!
//! reqwest keeps the connections, so a [`GeneralConnection`] is a place in flight rather than a
//! socket: its service time includes a handshake where one was needed.

use std::future::Future;
use std::path::PathBuf;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::{
    Answer, Connection, KEPT, TRIES_HEADER, Transport, Watch, connect_error, stream_error, tries_in,
};
use crate::model::ErrorClass;

/// The largest body of an answer, in bytes.
const MOST_BODY: u64 = 1 << 32;

/// What a general transport needs to know.
#[derive(Clone, Debug)]
pub struct GeneralOptions {
    /// The URL with its path.
    pub url: String,
    /// The method, in capitals.
    pub method: String,
    /// The `Host` header.
    pub host: String,
    /// Further headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Option<Vec<u8>>,
    /// What to look for in answers.
    pub watch: Watch,
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// How long an answer may take.
    pub timeout: Duration,
    /// The most idle connections kept.
    pub connections: usize,
    /// Whether certificates go unchecked.
    pub insecure: bool,
    /// A file with certificates to trust beside the system's, PEM.
    pub cacert: Option<PathBuf>,
}

/// Why a general transport cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum GeneralError {
    /// The certificate file cannot be read.
    #[error("certificate file {path} cannot be read: {reason}")]
    CertificateFile {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: std::io::Error,
    },
    /// reqwest refuses an option.
    #[error("the client cannot be made: {0}")]
    Client(#[from] reqwest::Error),
    /// A header, method or URL that HTTP does not allow.
    #[error("the request cannot be made: {0}")]
    Request(String),
}

/// Sends requests by reqwest.
#[derive(Clone, Debug)]
pub struct General {
    client: reqwest::Client,
    request: std::rc::Rc<Parts>,
}

#[derive(Debug)]
struct Parts {
    method: reqwest::Method,
    url: reqwest::Url,
    headers: HeaderMap,
    body: Option<Vec<u8>>,
    watch: Watch,
}

/// A place for one request in flight.
#[derive(Debug)]
pub struct GeneralConnection {
    transport: General,
    named: Vec<u8>,
    body: Vec<u8>,
    cut: bool,
}

impl General {
    /// A transport of its own for one thread: its connections live in that thread's runtime.
    pub fn new(options: &GeneralOptions) -> Result<Self, GeneralError> {
        // ring, because it needs no more than a C compiler; a second installation is harmless.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(options.connect_timeout)
            .timeout(options.timeout)
            .pool_max_idle_per_host(options.connections)
            .tcp_nodelay(true)
            .tls_danger_accept_invalid_certs(options.insecure)
            .tls_danger_accept_invalid_hostnames(options.insecure);
        if let Some(path) = &options.cacert {
            let unreadable = |reason| GeneralError::CertificateFile {
                path: path.clone(),
                reason,
            };
            let pem = std::fs::read(path).map_err(unreadable)?;
            let certificates = reqwest::Certificate::from_pem_bundle(&pem)?;
            client = client.tls_certs_merge(certificates);
        }
        let request = std::rc::Rc::new(Parts::of(options)?);
        Ok(Self {
            client: client.build()?,
            request,
        })
    }
}

impl Parts {
    fn of(options: &GeneralOptions) -> Result<Self, GeneralError> {
        let refuse = |error: &dyn std::fmt::Display| GeneralError::Request(error.to_string());
        let mut headers = HeaderMap::new();
        let host = ("host".to_owned(), options.host.clone());
        for (name, value) in options.headers.iter().chain([&host]) {
            let name: HeaderName = name.parse().map_err(|error| refuse(&error))?;
            let value = HeaderValue::from_str(value).map_err(|error| refuse(&error))?;
            headers.append(name, value);
        }
        Ok(Self {
            method: options.method.parse().map_err(|error| refuse(&error))?,
            url: options.url.parse().map_err(|error| refuse(&error))?,
            headers,
            body: options.body.clone(),
            watch: options.watch.clone(),
        })
    }
}

impl Transport for General {
    type Connection = GeneralConnection;

    async fn connect(&self) -> Result<GeneralConnection, ErrorClass> {
        Ok(GeneralConnection {
            transport: self.clone(),
            named: Vec::new(),
            body: Vec::new(),
            cut: false,
        })
    }
}

impl Connection for GeneralConnection {
    // reqwest starts its own clock.
    fn exchange(&mut self, _sent: Instant) -> impl Future<Output = Result<Answer, ErrorClass>> {
        self.named.clear();
        self.body.clear();
        self.cut = false;
        async move {
            let parts = &self.transport.request;
            let mut request = (self.transport.client)
                .request(parts.method.clone(), parts.url.clone())
                .headers(parts.headers.clone());
            if let Some(body) = &parts.body {
                request = request.body(body.clone());
            }
            let mut response = request
                .send()
                .await
                .map_err(|error| class_of(&error, false))?;
            let header = |name: &str| response.headers().get(name).map(HeaderValue::as_bytes);
            let tries = header(TRIES_HEADER).map_or(1, tries_in);
            if let Some(name) = parts.watch.name_header.as_deref().and_then(header) {
                self.named.extend_from_slice(&name[..name.len().min(KEPT)]);
            }
            let status = response.status().as_u16();
            let mut length = 0;
            while let Some(chunk) = response
                .chunk()
                .await
                .map_err(|error| class_of(&error, true))?
            {
                length += chunk.len() as u64;
                let room = (KEPT - self.body.len()).min(chunk.len());
                self.body.extend_from_slice(&chunk[..room]);
                self.cut |= room < chunk.len();
                if length > MOST_BODY {
                    return Err(ErrorClass::Protocol);
                }
            }
            Ok(Answer {
                status,
                tries,
                reusable: true,
            })
        }
    }

    fn poll_closed(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }

    fn named_header(&self) -> &[u8] {
        &self.named
    }

    fn short_body(&self) -> &[u8] {
        if self.cut { &[] } else { &self.body }
    }
}

/// reqwest nests its causes; the innermost one that says something decides.
fn class_of(error: &reqwest::Error, in_body: bool) -> ErrorClass {
    if error.is_timeout() {
        return match (error.is_connect(), in_body || error.is_body()) {
            (true, _) => ErrorClass::ConnectTimeout,
            (false, true) => ErrorClass::BodyTimeout,
            (false, false) => ErrorClass::Timeout,
        };
    }
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(error);
    let mut tls = false;
    while let Some(inner) = cause {
        tls |= inner.is::<rustls::Error>();
        if let Some(io) = inner.downcast_ref::<std::io::Error>() {
            tls |= io
                .get_ref()
                .is_some_and(<dyn std::error::Error + Send + Sync>::is::<rustls::Error>);
            if !tls {
                return if error.is_connect() {
                    connect_error(io)
                } else {
                    stream_error(io)
                };
            }
        }
        cause = inner.source();
    }
    match (tls, error.is_connect()) {
        (true, _) => ErrorClass::Tls,
        (false, true) => ErrorClass::Connect,
        (false, false) if in_body => ErrorClass::Closed,
        (false, false) => ErrorClass::Protocol,
    }
}
