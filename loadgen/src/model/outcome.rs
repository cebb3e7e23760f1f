//! What became of one request.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The end of one request: an answer with its status, or the way it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A complete answer was read.
    Answered {
        /// The HTTP status, 100–999.
        status: u16,
    },
    /// No complete answer was read.
    Failed(ErrorClass),
}

impl Outcome {
    /// Success means a 2xx or 3xx answer, not any answer.
    #[must_use]
    pub const fn succeeded(self) -> bool {
        matches!(self, Self::Answered { status: 200..=399 })
    }
}

/// Why no complete answer was read. The names are those of `errors` in the record.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorClass {
    /// The connection could not be made: refused, unreachable, or its name unknown.
    Connect,
    /// The connection was not made within `--connect-timeout`.
    ConnectTimeout,
    /// No byte of the answer within `--timeout`.
    Timeout,
    /// The answer began but did not end within `--timeout`.
    BodyTimeout,
    /// The peer reset the connection.
    Reset,
    /// The peer closed the connection before the answer was complete.
    Closed,
    /// The answer was not HTTP, or broke its rules or our bounds.
    Protocol,
    /// This machine ran out of descriptors (EMFILE, ENFILE).
    Descriptors,
    /// This machine ran out of ephemeral ports (EADDRNOTAVAIL).
    Ports,
    /// TLS could not be set up.
    Tls,
    /// Any other I/O error.
    Io,
}

impl ErrorClass {
    /// Every class, in the order of their numbers.
    pub const ALL: [Self; 11] = [
        Self::Connect,
        Self::ConnectTimeout,
        Self::Timeout,
        Self::BodyTimeout,
        Self::Reset,
        Self::Closed,
        Self::Protocol,
        Self::Descriptors,
        Self::Ports,
        Self::Tls,
        Self::Io,
    ];

    /// The class of a name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }

    /// The name used in the record.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::ConnectTimeout => "connect-timeout",
            Self::Timeout => "timeout",
            Self::BodyTimeout => "body-timeout",
            Self::Reset => "reset",
            Self::Closed => "closed",
            Self::Protocol => "protocol",
            Self::Descriptors => "descriptors",
            Self::Ports => "ports",
            Self::Tls => "tls",
            Self::Io => "io",
        }
    }

    /// Whether a replica may have received and counted the request all the same.
    #[must_use]
    pub const fn may_have_reached_a_replica(self) -> bool {
        matches!(
            self,
            Self::Timeout
                | Self::BodyTimeout
                | Self::Reset
                | Self::Closed
                | Self::Protocol
                | Self::Io
        )
    }
}

impl fmt::Display for ErrorClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A status grouped as the replicas' counters group it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StatusClass(pub u8);

impl StatusClass {
    /// The class of an HTTP status: 204 → 2.
    #[must_use]
    pub const fn of(status: u16) -> Self {
        Self((status / 100) as u8)
    }
}

impl fmt::Display for StatusClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}xx", self.0)
    }
}
