//! Where the load goes: an origin, or a unix socket.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::{Origin, OriginError, Scheme};

/// What connections are made to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Origin(Origin),
    /// A unix socket, behind which HTTP is spoken in the clear.
    Unix(PathBuf),
}

impl Target {
    /// What a target begins with that is a unix socket.
    pub const SOCKET: &str = "unix:";
    /// The longest path of a unix socket, in bytes: Linux has room for 108, and ends it with one.
    const LONGEST: usize = 107;

    /// Whether it is spoken to over TLS.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        matches!(self, Self::Origin(origin) if origin.scheme == Scheme::Https)
    }
}

impl FromStr for Target {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        let Some(path) = text.strip_prefix(Self::SOCKET) else {
            return text.parse().map(Self::Origin);
        };
        // As Docker writes it: unix:///run/app.sock.
        let path = match path.strip_prefix("//") {
            Some(path) if path.starts_with('/') => path,
            Some(_) => return Err(OriginError::Socket),
            None => path,
        };
        if path.is_empty() || path.ends_with('/') || path.contains('\0') {
            return Err(OriginError::Socket);
        }
        if path.len() > Self::LONGEST {
            return Err(OriginError::LongSocket);
        }
        if path.contains(":/") {
            return Err(OriginError::SocketMore);
        }
        Ok(Self::Unix(path.into()))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Origin(origin) => origin.fmt(f),
            Self::Unix(path) => write!(f, "{}{}", Self::SOCKET, path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_reads_back_in_full() {
        for (text, full) in [
            ("http://nginx", "http://nginx:80"),
            ("unix:/run/app.sock", "unix:/run/app.sock"),
            ("unix:///run/app.sock", "unix:/run/app.sock"),
            ("unix:app.sock", "unix:app.sock"),
        ] {
            let target: Target = text.parse().expect(text);
            assert_eq!(target.to_string(), full);
            assert_eq!(full.parse(), Ok(target));
        }
    }

    #[test]
    fn what_is_no_socket_is_refused_with_a_reason() {
        let long = format!("unix:/{}", "x".repeat(107));
        for (text, reason) in [
            ("unix:", OriginError::Socket),
            ("unix:/run/", OriginError::Socket),
            ("unix://run/app.sock", OriginError::Socket),
            ("unix:/a\0b", OriginError::Socket),
            ("unix:/a.sock:/items", OriginError::SocketMore),
            (&long, OriginError::LongSocket),
        ] {
            assert_eq!(text.parse::<Target>(), Err(reason), "{text}");
        }
    }
}
