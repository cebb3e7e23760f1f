//! Fetches pages: bounded in time and size, without redirects or proxies from the environment.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT, LOCATION};

use reqwest::redirect::Policy;

use super::ScrapeError;
use crate::model::{Selector, plain};

/// The most redirects that are followed for a page.
const MOST_REDIRECTS: usize = 3;

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
    /// The same, but each request has a connection of its own.
    pub(super) fresh: reqwest::Client,
    pub(super) selector: Selector,
    pub(super) limits: Limits,
}

/// Why no scraper could be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The HTTP client could not be made.
    #[error("no HTTP client for scrapes: {0}")]
    Http(#[from] reqwest::Error),
    /// TLS could not be set up.
    #[error("no TLS for scrapes: {0}")]
    Tls(#[from] rustls::Error),
}

impl Scraper {
    /// A scraper that counts `counter` with a client of its own.
    ///
    /// That client reads pages over http. For https pages bring a client that trusts their
    /// certificates, with [`Self::with_client`].
    pub fn new(counter: &Selector) -> Result<Self, ClientError> {
        // Building with a provider of our own leaves the process-wide default alone.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        let client = || {
            reqwest::Client::builder()
                .tls_backend_preconfigured(tls.clone())
                .no_proxy()
                .redirect(within_origin())
        };
        Ok(Self {
            fresh: client().pool_max_idle_per_host(0).build()?,
            ..Self::with_client(counter, client().build()?)
        })
    }

    /// A scraper that counts `counter` and reads through `client`.
    pub fn with_client(counter: &Selector, client: reqwest::Client) -> Self {
        Self {
            fresh: client.clone(),
            client,
            selector: counter.clone(),
            limits: Limits::default(),
        }
    }

    /// The same with other limits.
    #[must_use]
    pub fn limited(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The text of one page.
    pub async fn text(&self, url: &str) -> Result<String, ScrapeError> {
        self.text_by(&self.client, url).await
    }

    pub(super) async fn text_by(
        &self,
        client: &reqwest::Client,
        url: &str,
    ) -> Result<String, ScrapeError> {
        let timeout = self.limits.timeout;
        match tokio::time::timeout(timeout, self.bytes(client, url)).await {
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

    async fn bytes(&self, client: &reqwest::Client, url: &str) -> Result<Vec<u8>, ScrapeError> {
        let broken = |error: reqwest::Error| ScrapeError::Unreachable {
            url: url.to_owned(),
            reason: innermost(&error),
        };
        let request = client.get(url).header(ACCEPT, "text/plain;version=0.0.4");
        let mut answer = request.send().await.map_err(broken)?;
        if answer.status().is_redirection() {
            let location = answer.headers().get(LOCATION);
            let location = location.map(|to| String::from_utf8_lossy(to.as_bytes()).into_owned());
            return Err(ScrapeError::Redirect {
                url: url.to_owned(),
                status: answer.status().as_u16(),
                location: location.map(|to| short(&to)).unwrap_or_default(),
            });
        }
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

/// Follows redirects on the same origin, as from `/metrics` to `/metrics/`; another origin is another
/// page, and for the user to name.
fn within_origin() -> Policy {
    Policy::custom(|attempt| {
        let from = attempt.previous().last().map(reqwest::Url::origin);
        let same = from == Some(attempt.url().origin());
        if same && attempt.previous().len() <= MOST_REDIRECTS {
            attempt.follow()
        } else {
            attempt.stop()
        }
    })
}

/// Not longer than a line.
fn short(text: &str) -> String {
    plain(text).chars().take(200).collect()
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
