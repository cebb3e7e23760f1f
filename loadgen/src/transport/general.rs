//! TLS and HTTP/2 targets, by reqwest: correct first, fast second.
//!
//! reqwest keeps the connections, so a [`GeneralConnection`] is a place in flight rather than a
//! socket: its service time includes a handshake where one was needed.

mod failure;
mod trust;

pub use trust::Trust;

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{HOST, HeaderMap, HeaderName, HeaderValue};

use self::failure::{class_of, reason_of};
use super::{Answer, Connection, KEPT, TRIES_HEADER, Target, Transport, Watch, tries_in};
use crate::model::ErrorClass;

/// The largest body of an answer, in bytes.
const MOST_BODY: u64 = 1 << 32;

/// What a general transport needs to know.
#[derive(Clone, Debug)]
pub struct GeneralOptions {
    /// Where requests go.
    pub target: Target,
    /// Its addresses, tried in order.
    pub addresses: Arc<[SocketAddr]>,
    /// Path and query.
    pub path: String,
    /// The method, in capitals.
    pub method: String,
    /// The group: the `Host` header, or HTTP/2's `:authority`.
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
    /// Which certificates the target may show.
    pub trust: Trust,
}

/// Why a general transport cannot be made, or does not reach its target.
#[derive(Debug, thiserror::Error)]
pub enum GeneralError {
    /// The certificate file cannot be used.
    #[error("certificate file {path} cannot be used: {reason}")]
    CertificateFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// TLS cannot be set up on this machine.
    #[error("TLS cannot be set up: {0}")]
    Tls(rustls::Error),
    /// reqwest refuses an option.
    #[error("the client cannot be made: {0}")]
    Client(#[from] reqwest::Error),
    /// A header, method or URL that HTTP does not allow.
    #[error("the request cannot be made: {0}")]
    Request(String),
    /// The target was asked, and there was no answer.
    #[error("{target} gave no answer for host group {host}: {reason}")]
    NoAnswer {
        /// Its origin.
        target: String,
        /// The group it was asked for.
        host: String,
        /// What happened instead.
        reason: String,
        /// The same as a class.
        class: ErrorClass,
    },
}

impl GeneralError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::CertificateFile { .. } => "give --cacert a PEM file: -----BEGIN CERTIFICATE-----",
            Self::Tls(_) => {
                "give --cacert the certificate to trust, or --insecure where that is meant"
            }
            Self::NoAnswer {
                class: ErrorClass::Tls,
                ..
            } => {
                "give --cacert the certificate that signed the target's, or --insecure to accept any"
            }
            Self::Client(_) | Self::Request(_) => "check --target, --host, --method and --header",
            Self::NoAnswer { .. } => "check --target, and that it speaks TLS there",
        }
    }
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
    url: Url,
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

/// Leads every name to the target, as the `Host` header does in the clear.
struct Fixed(Arc<[SocketAddr]>);

impl Resolve for Fixed {
    fn resolve(&self, _: Name) -> Resolving {
        let addresses = self.0.to_vec();
        let addresses: Addrs = Box::new(addresses.into_iter());
        Box::pin(std::future::ready(Ok(addresses)))
    }
}

impl General {
    /// A transport of its own for one thread: its connections live in that thread's runtime.
    pub fn new(options: &GeneralOptions) -> Result<Self, GeneralError> {
        let request = std::rc::Rc::new(Parts::of(options)?);
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("loadgen/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(options.connect_timeout)
            .timeout(options.timeout)
            .pool_max_idle_per_host(options.connections)
            .tcp_nodelay(true)
            .dns_resolver(Arc::new(Fixed(Arc::clone(&options.addresses))))
            .tls_backend_preconfigured(options.trust.settings(&options.target.host)?)
            .build()?;
        Ok(Self { client, request })
    }

    /// Asks for `/` once, to know in words what would fail every request of a run.
    pub async fn probe(options: &GeneralOptions) -> Result<(), GeneralError> {
        let transport = Self::new(&GeneralOptions {
            path: "/".to_owned(),
            method: "GET".to_owned(),
            body: None,
            ..options.clone()
        })?;
        match transport.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(GeneralError::NoAnswer {
                target: options.target.to_string(),
                host: options.host.clone(),
                reason: reason_of(&error),
                class: class_of(&error, false),
            }),
        }
    }

    async fn send(&self) -> Result<reqwest::Response, reqwest::Error> {
        let parts = &self.request;
        let mut request = (self.client)
            .request(parts.method.clone(), parts.url.clone())
            .headers(parts.headers.clone());
        if let Some(body) = &parts.body {
            request = request.body(body.clone());
        }
        request.send().await
    }
}

impl Parts {
    fn of(options: &GeneralOptions) -> Result<Self, GeneralError> {
        let refuse = |error: &dyn std::fmt::Display| GeneralError::Request(error.to_string());
        let mut headers = HeaderMap::new();
        for (name, value) in &options.headers {
            let name: HeaderName = name.parse().map_err(|error| refuse(&error))?;
            let value = HeaderValue::from_str(value).map_err(|error| refuse(&error))?;
            headers.append(name, value);
        }
        let url = if let Some(url) = url_of_group(options) {
            url
        } else {
            let host = HeaderValue::from_str(&options.host).map_err(|error| refuse(&error))?;
            headers.append(HOST, host);
            let url = format!("{}{}", options.target, options.path);
            url.parse().map_err(|error| refuse(&error))?
        };
        Ok(Self {
            method: options.method.parse().map_err(|error| refuse(&error))?,
            url,
            headers,
            body: options.body.clone(),
            watch: options.watch.clone(),
        })
    }
}

/// The URL that names the group, so that HTTP/2's `:authority` is the group too: a `Host` header
/// beside another authority is malformed there (RFC 9113, section 8.3.1). [`Fixed`] leads it to
/// the target; `None` where it would lead elsewhere, by an address or a port of its own.
fn url_of_group(options: &GeneralOptions) -> Option<Url> {
    let scheme = options.target.to_string();
    let scheme = scheme.split("://").next()?;
    let url: Url = format!("{scheme}://{}{}", options.host, options.path)
        .parse()
        .ok()?;
    let named = url.domain().is_some();
    let leads_to_target = match options.host.rsplit_once(':') {
        Some((_, port)) => port.parse() == Ok(options.target.port),
        None => named,
    };
    let is_target = (options.target.to_string()).ends_with(&format!("://{}", options.host));
    ((named && leads_to_target) || is_target).then_some(url)
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
            let mut response = (self.transport.send())
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
