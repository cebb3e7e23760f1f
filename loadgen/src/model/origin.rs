//! An origin, as `http://127.0.0.1:8080`: read here, resolved by whoever goes there.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// Scheme, host and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    pub scheme: Scheme,
    /// Name or address; an IPv6 address without brackets.
    pub host: String,
    /// TCP port, from 1.
    pub port: u16,
}

/// How an origin speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Http,
    Https,
}

/// Why a text is no origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OriginError {
    #[error("only http:// and https:// can be loaded")]
    Scheme,
    /// A path or query where only an origin is wanted.
    #[error("is more than scheme, host and port")]
    More,
    #[error("has a user or password, which --user takes for the load's own requests")]
    User,
    #[error("names no host")]
    Host,
    #[error("has no port from 1 to 65535 after the colon")]
    Port,
    #[error("names no unix socket: it is written unix:/run/app.sock")]
    Socket,
    #[error("is longer than the 107 bytes that the path of a unix socket may have")]
    LongSocket,
    /// A path of the request behind that of a socket.
    #[error("has a path behind the socket, which belongs into --path")]
    SocketMore,
}

impl Scheme {
    const fn usual_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl Origin {
    /// Host and port, as a `Host` header has them.
    #[must_use]
    pub fn authority(&self) -> String {
        match self.host.parse::<IpAddr>() {
            Ok(IpAddr::V6(address)) => format!("[{address}]:{}", self.port),
            _ => format!("{}:{}", self.host, self.port),
        }
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        let (scheme, rest) = match text.split_once("://") {
            Some(("http", rest)) => (Scheme::Http, rest),
            Some(("https", rest)) => (Scheme::Https, rest),
            _ => return Err(OriginError::Scheme),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains('@') {
            return Err(OriginError::User);
        }
        if authority.contains(['/', '?', '#']) {
            return Err(OriginError::More);
        }
        let (host, port) = split_port(authority)?;
        let port = match port {
            Some(port) => match port.parse() {
                Ok(port) if port > 0 => port,
                _ => return Err(OriginError::Port),
            },
            None => scheme.usual_port(),
        };
        let host = &*in_ascii(host).ok_or(OriginError::Host)?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte);
        if host.is_empty() || !host.bytes().all(plain) {
            return Err(OriginError::Host);
        }
        Ok(Self {
            scheme,
            host: host.to_owned(),
            port,
        })
    }
}

/// A host's name as the name system has it: `bücher.test` is `xn--bcher-kva.test`. `None` where it
/// cannot be one.
fn in_ascii(host: &str) -> Option<Cow<'_, str>> {
    if host.is_ascii() {
        return Some(host.into());
    }
    let label = |label: &str| {
        if label.is_ascii() {
            return Some(label.to_owned());
        }
        let label = label.to_lowercase();
        // An accent that stands by itself would have to be put together with its letter first.
        let is_whole =
            |c: char| c == '-' || (c.is_alphanumeric() && !('\u{300}'..='\u{36f}').contains(&c));
        let whole = label.chars().all(is_whole);
        let encoded = whole
            .then(|| idna::punycode::encode_str(&label))
            .flatten()?;
        Some(format!("xn--{encoded}"))
    };
    let labels: Option<Vec<_>> = host.split('.').map(label).collect();
    Some(labels?.join(".").into())
}

/// Splits `host:port`, `host` and `[v6]:port`.
fn split_port(authority: &str) -> Result<(&str, Option<&str>), OriginError> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, after) = rest.split_once(']').ok_or(OriginError::Host)?;
        if host.parse::<std::net::Ipv6Addr>().is_err() {
            return Err(OriginError::Host);
        }
        return match after.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if after.is_empty() => Ok((host, None)),
            None => Err(OriginError::Port),
        };
    }
    Ok(match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    })
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        write!(f, "{scheme}://{}", self.authority())
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
            ("http://b\u{fc}cher.test", "http://xn--bcher-kva.test:80"),
            (
                "http://\u{4f8b}\u{3048}.test:8080",
                "http://xn--r8jz45g.test:8080",
            ),
            ("http://[::1]:8080", "http://[::1]:8080"),
            ("http://[::1]", "http://[::1]:80"),
        ] {
            let origin: Origin = text.parse().expect(text);
            assert_eq!(origin.to_string(), full);
            assert_eq!(full.parse(), Ok(origin));
        }
    }

    #[test]
    fn what_is_no_origin_is_refused_with_a_reason() {
        for (text, reason) in [
            ("nginx:80", OriginError::Scheme),
            ("ftp://a", OriginError::Scheme),
            ("http://", OriginError::Host),
            ("http://a/b", OriginError::More),
            ("http://a?b", OriginError::More),
            ("http://u:p@a", OriginError::User),
            ("http://a:b", OriginError::Port),
            ("http://a:", OriginError::Port),
            ("http://a:0", OriginError::Port),
            ("http://a:70000", OriginError::Port),
            ("http://[::1", OriginError::Host),
            ("http://[a]", OriginError::Host),
            ("http://[::1]x", OriginError::Port),
            ("http://a b", OriginError::Host),
        ] {
            assert_eq!(text.parse::<Origin>(), Err(reason), "{text}");
        }
    }
}
