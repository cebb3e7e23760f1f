//! Pages that people type: `http://host:port`, `host:port`, with or without a page.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use hyper::Uri;

use crate::model::Origin;
use crate::stack::StackError;

/// A page at an origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) origin: Origin,
    pub(super) path: String,
}

impl Page {
    /// Reads an address; `usual_path` is meant where there is none.
    pub(super) fn read(
        what: &'static str,
        text: &str,
        usual_path: &str,
    ) -> Result<Self, StackError> {
        let refused = |reason: &str| StackError::bad_url(what, text, reason.to_owned());
        let full = if text.contains("://") {
            text.to_owned()
        } else {
            format!("http://{text}")
        };
        let (scheme, rest) = full.split_once("://").unwrap_or_default();
        let (authority, after) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let origin = format!("{scheme}://{authority}").parse::<Origin>();
        let whole = match &origin {
            // A name beyond ASCII is a URL only as the name system writes it.
            Ok(origin) if !authority.is_ascii() => format!("{origin}{after}"),
            _ => full.clone(),
        };
        let uri: Uri = whole.parse().map_err(|_| refused("is not a URL"))?;
        let origin = origin.map_err(|error| refused(&error.to_string()))?;
        let path = match uri.path_and_query().map_or("/", |path| path.as_str()) {
            "/" => usual_path,
            path => path,
        };
        Ok(Self {
            origin,
            path: path.to_owned(),
        })
    }

    /// The same page at one address of its host.
    pub(super) fn at(&self, address: SocketAddr) -> Self {
        Self {
            origin: Origin {
                scheme: self.origin.scheme,
                host: address.ip().to_string(),
                port: address.port(),
            },
            path: self.path.clone(),
        }
    }
}

impl Page {
    /// Every address of the host, in order: of IPv4 if it has any, else of IPv6. Both would
    /// be the same replica twice.
    pub(super) async fn resolve(&self, within: Duration) -> Result<Vec<SocketAddr>, StackError> {
        let unresolved = |reason: String| StackError::Unresolved {
            host: self.origin.host.clone(),
            reason,
        };
        let lookup = tokio::net::lookup_host((self.origin.host.as_str(), self.origin.port));
        let mut found: Vec<SocketAddr> = match tokio::time::timeout(within, lookup).await {
            Ok(found) => found
                .map_err(|error| unresolved(error.to_string()))?
                .collect(),
            Err(_) => return Err(unresolved(format!("no answer within {within:?}"))),
        };
        if found.iter().any(SocketAddr::is_ipv4) {
            found.retain(SocketAddr::is_ipv4);
        }
        found.sort_unstable();
        found.dedup();
        if found.is_empty() {
            return Err(unresolved("it has no address".to_owned()));
        }
        Ok(found)
    }
}

impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_lack_scheme_port_and_path() {
        for (text, page) in [
            ("localhost:8080", "http://localhost:8080/metrics"),
            ("http://nginx", "http://nginx:80/metrics"),
            ("https://nginx/", "https://nginx:443/metrics"),
            ("[::1]:9", "http://[::1]:9/metrics"),
            ("http://a:1/m?x=1", "http://a:1/m?x=1"),
            ("b\u{fc}cher.test:1/m", "http://xn--bcher-kva.test:1/m"),
        ] {
            let read = Page::read("page", text, "/metrics").unwrap();
            assert_eq!(read.to_string(), page);
        }
    }

    #[test]
    fn what_cannot_be_loaded_is_refused_with_a_reason() {
        for (text, reason) in [
            ("ftp://a", "only http:// and https:// can be loaded"),
            ("http://", "is not a URL"),
            ("http://a b", "is not a URL"),
            ("http://a:0", "has no port from 1 to 65535 after the colon"),
            (
                "http://a:99999",
                "has no port from 1 to 65535 after the colon",
            ),
            ("a:", "has no port from 1 to 65535 after the colon"),
        ] {
            let error = Page::read("target", text, "/").unwrap_err();
            assert_eq!(error.to_string(), format!("target {text}: {reason}"));
        }
        let error = Page::read("replica", "http://me:pw@a", "/").unwrap_err();
        assert_eq!(
            error.to_string(),
            "replica http://me:***@a: has a user or password, which --user takes for the load's own requests"
        );
    }
}
