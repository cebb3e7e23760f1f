//! One request to one outcome: HTTP/1.1 by [`http1`] and HTTP/2 by `http2`, in the clear or over
//! TLS.
//!
//! **Invariant:** nothing here knows rates, histograms or what a replica is. An exchange is one
//! request written and one answer read; what the answer names is handed on as bytes.

mod client;
mod failure;
pub mod http1;
mod http2;
mod message;
mod messages;
mod resolve;
mod socket;
mod tls;
mod wire;

pub use client::{Client, ClientConnection, ClientOptions};
pub use failure::Failure;
pub use message::{Message, RequestParts};
pub use messages::Messages;
pub use resolve::{Unresolved, resolve};
pub use socket::{Addresses, Place};
pub use tls::{Tls, TlsError, Trust};

use std::future::Future;
use std::task::{Context, Poll};
use std::time::Instant;

use crate::traffic::Call;

/// The longest piece of an answer that is kept, in bytes.
pub const KEPT: usize = 128;

/// Makes connections. One for each thread and group; made inside that thread's runtime.
pub trait Transport: 'static {
    /// What an exchange happens on.
    type Connection: Connection;

    /// Makes a connection, or says why not, within its own time-out.
    fn connect(&self) -> impl Future<Output = Result<Self::Connection, Failure>>;
}

/// One connection, or one place on it, which carries one exchange at a time.
pub trait Connection: 'static {
    /// Writes the request that an arrival asks for, and reads the answer to its last byte. `sent` is the present instant,
    /// from which the time-out counts: the caller has just read its clock. After an error, or an
    /// answer that is not [`After::Reuse`], the connection is to be dropped.
    fn exchange(
        &mut self,
        sent: Instant,
        call: Call,
    ) -> impl Future<Output = Result<Answer, Failure>>;

    /// Ready when the peer has closed the connection while it was idle.
    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    /// The value of the header that was to be watched for a name; empty when it was not there.
    fn named_header(&self) -> &[u8];

    /// The body, if it is no longer than [`KEPT`] bytes; else nothing.
    fn short_body(&self) -> &[u8];

    /// The first [`KEPT`] bytes of the body.
    fn body_start(&self) -> &[u8] {
        self.short_body()
    }

    /// Whether it is one more place on a connection that was there before.
    fn is_shared(&self) -> bool {
        false
    }

    /// How many exchanges go over its socket at once; `None` where that is one.
    fn streams(&self) -> Option<Streams> {
        None
    }
}

/// Exchanges over one socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Streams {
    /// The most that were in flight at once.
    pub most: u32,
    /// The most that the server allows; [`u32::MAX`] where it sets no limit.
    pub limit: u32,
}

/// A complete answer. The names in it are read from the [`Connection`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status, 100–999.
    pub status: u16,
    /// Upstream servers the proxy says it tried; 0 where it does not say.
    pub tries: u16,
    pub after: After,
}

impl Answer {
    /// The same on a connection that is to end; what was known of its end before stays.
    fn and(self, after: After) -> Self {
        let after = self.after.max(after);
        Self { after, ..self }
    }
}

/// What becomes of a connection after an answer. Of two reasons to end it the later one counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum After {
    /// It can carry another exchange.
    Reuse,
    /// The answer leaves doubts of where it ends, so it is better not used again.
    LetGo,
    /// Bytes came behind the answer that nobody asked for.
    Surplus,
    /// The peer ends it.
    PeerCloses,
}

/// The header in which a proxy lists the upstream servers it tried: `a:80, b:80`.
pub const TRIES_HEADER: &str = "x-upstream";

/// How many servers a list as NGINX writes it (`a:80, b:80 : c:80`) names.
#[must_use]
pub fn tries_in(list: &[u8]) -> u16 {
    // `-` stands for a request that no server was tried with.
    if matches!(list.trim_ascii(), b"" | b"-") {
        return 0;
    }
    let listed = list.split(|byte| *byte == b',').count();
    let redirects = list.windows(3).filter(|three| *three == b" : ").count();
    u16::try_from(listed + redirects).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_are_counted_as_nginx_lists_them() {
        assert_eq!(tries_in(b""), 0);
        assert_eq!(tries_in(b"-"), 0);
        assert_eq!(tries_in(b"10.0.0.2:80"), 1);
        assert_eq!(tries_in(b"10.0.0.2:80, 10.0.0.3:80"), 2);
        assert_eq!(tries_in(b"10.0.0.2:80, 10.0.0.3:80 : 10.0.0.4:80"), 3);
    }
}
