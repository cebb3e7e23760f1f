//! Where requests go: an origin, read once and resolved once.

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::str::FromStr;

/// An origin: `http://127.0.0.1:8080`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// In the clear or not.
    pub scheme: Scheme,
    /// Name or address, without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// How a target speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// In the clear: the hot path.
    Http,
    /// Over TLS, through the general transport.
    Https,
}

/// Why a text is no origin, or an origin has no address.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// Neither `http://` nor `https://`.
    #[error("target `{0}` begins with neither http:// nor https://")]
    Scheme(String),
    /// A path, query or user where only an origin is wanted.
    #[error("target `{0}` is more than an origin such as http://127.0.0.1:8080")]
    NotAnOrigin(String),
    /// No host, or a port that is none.
    #[error("target `{0}` has no usable host and port")]
    Authority(String),
    /// The name has no address.
    #[error("target {name} has no address: {reason}")]
    Unresolved {
        /// Host and port.
        name: String,
        /// What the resolver said.
        reason: std::io::Error,
    },
}

impl Target {
    /// The addresses of the target, in the resolver's order; at least one.
    pub fn resolve(&self) -> Result<Vec<SocketAddr>, TargetError> {
        let unresolved = |reason| TargetError::Unresolved {
            name: format!("{}:{}", self.host, self.port),
            reason,
        };
        let addresses: Vec<_> = (self.host.as_str(), self.port)
            .to_socket_addrs()
            .map_err(unresolved)?
            .collect();
        if addresses.is_empty() {
            return Err(unresolved(std::io::ErrorKind::NotFound.into()));
        }
        Ok(addresses)
    }
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let (scheme, rest) = if let Some(rest) = text.strip_prefix("http://") {
            (Scheme::Http, rest)
        } else if let Some(rest) = text.strip_prefix("https://") {
            (Scheme::Https, rest)
        } else {
            return Err(TargetError::Scheme(text.to_owned()));
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains(['/', '?', '#', '@']) {
            return Err(TargetError::NotAnOrigin(text.to_owned()));
        }
        let unusable = || TargetError::Authority(text.to_owned());
        let default = if scheme == Scheme::Http { 80 } else { 443 };
        let (host, port) = split_port(authority).ok_or_else(unusable)?;
        let port = match port {
            Some(port) => port
                .parse()
                .ok()
                .filter(|port| *port > 0)
                .ok_or_else(unusable)?,
            None => default,
        };
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte);
        if host.is_empty() || !host.bytes().all(plain) {
            return Err(unusable());
        }
        Ok(Self {
            scheme,
            host: host.to_owned(),
            port,
        })
    }
}

/// Splits `host:port`, `host` and `[v6]:port`.
fn split_port(authority: &str) -> Option<(&str, Option<&str>)> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, after) = rest.split_once(']')?;
        return match after.strip_prefix(':') {
            Some(port) => Some((host, Some(port))),
            None if after.is_empty() => Some((host, None)),
            None => None,
        };
    }
    match authority.split_once(':') {
        Some((host, port)) => Some((host, Some(port))),
        None => Some((authority, None)),
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        if self.host.contains(':') {
            write!(f, "{scheme}://[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{scheme}://{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_reads_back_in_full() {
        for (text, full) in [
            ("http://nginx", "http://nginx:80"),
            ("https://example.test/", "https://example.test:443"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://[::1]:8080", "http://[::1]:8080"),
        ] {
            assert_eq!(text.parse::<Target>().expect(text).to_string(), full);
        }
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        for text in [
            "nginx:80",
            "ftp://a",
            "http://",
            "http://a/b",
            "http://u@a",
            "http://a:b",
            "http://a:0",
            "http://[::1",
        ] {
            assert!(text.parse::<Target>().is_err(), "{text}");
        }
    }
}
