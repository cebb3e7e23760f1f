//! Fetches pages: bounded in time and size, without redirects or proxies from the environment.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::ACCEPT;

use super::{ScrapeError, Selector, SelectorError};

/// What a page may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest a page may take.
    pub timeout: Duration,
    /// The largest page, in bytes.
    pub bytes: usize,
    /// The longest to wait for counters to settle.
    pub settle: Duration,
    /// The time between two looks at counters that have not settled.
    pub poll: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(2),
            bytes: 8 << 20,
            settle: Duration::from_secs(2),
            poll: Duration::from_millis(20),
        }
    }
}

/// Reads the pages of a topology.
#[derive(Clone, Debug)]
pub struct Scraper {
    pub(super) client: reqwest::Client,
    pub(super) selector: Selector,
    pub(super) limits: Limits,
}

/// Why no scraper could be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The counter is malformed.
    #[error(transparent)]
    Selector(#[from] SelectorError),
    /// The HTTP client could not be made.
    #[error("no HTTP client for scrapes: {0}")]
    Http(#[from] reqwest::Error),
    /// TLS could not be set up.
    #[error("no TLS for scrapes: {0}")]
    Tls(#[from] rustls::Error),
}

impl Scraper {
    /// A scraper that counts `counter` (`NAME{label="value"}`), with a client of its own.
    ///
    /// That client reads pages over http. For https pages bring a client that trusts their
    /// certificates, with [`Self::with_client`].
    pub fn new(counter: &str) -> Result<Self, ClientError> {
        // Building with a provider of our own leaves the process-wide default alone.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Self::with_client(counter, client)
    }

    /// A scraper that counts `counter` and reads through `client`.
    pub fn with_client(counter: &str, client: reqwest::Client) -> Result<Self, ClientError> {
        Ok(Self {
            client,
            selector: counter.parse()?,
            limits: Limits::default(),
        })
    }

    /// The same with other limits.
    #[must_use]
    pub fn limited(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The text of one page.
    pub async fn text(&self, url: &str) -> Result<String, ScrapeError> {
        let timeout = self.limits.timeout;
        match tokio::time::timeout(timeout, self.bytes(url)).await {
            Ok(bytes) => String::from_utf8(bytes?).map_err(|error| ScrapeError::NotText {
                url: url.to_owned(),
                at: error.utf8_error().valid_up_to(),
            }),
            Err(_) => Err(ScrapeError::Timeout {
                url: url.to_owned(),
                seconds: timeout.as_secs_f64().to_string(),
            }),
        }
    }

    async fn bytes(&self, url: &str) -> Result<Vec<u8>, ScrapeError> {
        let broken = |error: reqwest::Error| ScrapeError::Unreachable {
            url: url.to_owned(),
            reason: innermost(&error),
        };
        let request = self
            .client
            .get(url)
            .header(ACCEPT, "text/plain;version=0.0.4");
        let mut answer = request.send().await.map_err(broken)?;
        if !answer.status().is_success() {
            return Err(ScrapeError::Status {
                url: url.to_owned(),
                status: answer.status().as_u16(),
            });
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(broken)? {
            if bytes.len() + chunk.len() > self.limits.bytes {
                return Err(ScrapeError::TooLarge {
                    url: url.to_owned(),
                    limit: self.limits.bytes,
                });
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }
}

/// The cause at the bottom says more than "error sending request".
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

#[cfg(test)]
#[path = "fetch_tests.rs"]
mod tests;
