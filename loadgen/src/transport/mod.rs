//! One request to one outcome: HTTP/1.1 in the clear by [`http1`], all else by [`general`].
//!
//! **Invariant:** nothing here knows rates, histograms or what a replica is. An exchange is one
//! request written and one answer read; what the answer names is handed on as bytes.

pub mod general;
pub mod http1;
mod target;

pub use target::{Scheme, Target, TargetError};

use std::future::Future;
use std::task::{Context, Poll};
use std::time::Instant;

use crate::model::ErrorClass;

/// The longest piece of an answer that is kept, in bytes.
pub const KEPT: usize = 128;

/// Makes connections. One for each thread and group; made inside that thread's runtime.
pub trait Transport: 'static {
    /// What an exchange happens on.
    type Connection: Connection;

    /// Makes a connection, or says why not, within its own time-out.
    fn connect(&self) -> impl Future<Output = Result<Self::Connection, ErrorClass>>;
}

/// One connection, which carries one exchange at a time.
pub trait Connection: 'static {
    /// Writes the request and reads the answer to its last byte. `sent` is the present instant,
    /// from which the time-out counts: the caller has just read its clock. After an error, or an
    /// answer that is not [`Answer::reusable`], the connection is to be dropped.
    fn exchange(&mut self, sent: Instant) -> impl Future<Output = Result<Answer, ErrorClass>>;

    /// Ready when the peer has closed the connection while it was idle.
    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    /// The value of the header that was to be watched for a name; empty when it was not there.
    fn named_header(&self) -> &[u8];

    /// The body, if it is no longer than [`KEPT`] bytes; else nothing.
    fn short_body(&self) -> &[u8];
}

/// A complete answer. The names in it are read from the [`Connection`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status, 100–999.
    pub status: u16,
    /// Upstream servers the proxy says it tried; 1 where it does not say.
    pub tries: u16,
    /// Whether the connection can carry another exchange.
    pub reusable: bool,
}

/// What to look for in an answer's head.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watch {
    /// The header that names the replica, in lower case, if one does.
    pub name_header: Option<String>,
}

/// The header in which a proxy lists the upstream servers it tried: `a:80, b:80`.
pub const TRIES_HEADER: &str = "x-upstream";

/// How many servers a list as NGINX writes it (`a:80, b:80 : c:80`) names.
#[must_use]
pub fn tries_in(list: &[u8]) -> u16 {
    let listed = list.split(|byte| *byte == b',').count();
    let redirects = list.windows(3).filter(|three| *three == b" : ").count();
    u16::try_from(listed + redirects).unwrap_or(u16::MAX)
}

/// The class of an error met while connecting.
pub(crate) fn connect_error(error: &std::io::Error) -> ErrorClass {
    match own_limit(error) {
        Some(class) => class,
        None if error.kind() == std::io::ErrorKind::TimedOut => ErrorClass::ConnectTimeout,
        None => ErrorClass::Connect,
    }
}

/// The class of an error met on an open connection.
pub(crate) fn stream_error(error: &std::io::Error) -> ErrorClass {
    use std::io::ErrorKind::{
        BrokenPipe, ConnectionAborted, ConnectionReset, TimedOut, UnexpectedEof,
    };
    match error.kind() {
        ConnectionReset | ConnectionAborted | BrokenPipe => ErrorClass::Reset,
        UnexpectedEof => ErrorClass::Closed,
        TimedOut => ErrorClass::Timeout,
        _ => own_limit(error).unwrap_or(ErrorClass::Io),
    }
}

/// Whether this machine, not the target, is the cause.
fn own_limit(error: &std::io::Error) -> Option<ErrorClass> {
    use rustix::io::Errno;
    match Errno::from_io_error(error)? {
        Errno::MFILE | Errno::NFILE => Some(ErrorClass::Descriptors),
        Errno::ADDRNOTAVAIL => Some(ErrorClass::Ports),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_are_counted_as_nginx_lists_them() {
        assert_eq!(tries_in(b""), 1);
        assert_eq!(tries_in(b"10.0.0.2:80"), 1);
        assert_eq!(tries_in(b"10.0.0.2:80, 10.0.0.3:80"), 2);
        assert_eq!(tries_in(b"10.0.0.2:80, 10.0.0.3:80 : 10.0.0.4:80"), 3);
    }

    #[test]
    fn an_error_of_this_machine_is_told_from_one_of_the_target() {
        let class = |errno: rustix::io::Errno| connect_error(&errno.into());
        assert_eq!(class(rustix::io::Errno::MFILE), ErrorClass::Descriptors);
        assert_eq!(class(rustix::io::Errno::ADDRNOTAVAIL), ErrorClass::Ports);
        assert_eq!(class(rustix::io::Errno::CONNREFUSED), ErrorClass::Connect);
        assert_eq!(
            class(rustix::io::Errno::TIMEDOUT),
            ErrorClass::ConnectTimeout
        );
    }
}
