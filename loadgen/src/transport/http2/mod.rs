//! HTTP/2: several exchanges over one socket, no more of them at a time than the server allows.
//!
//! A [`Http2Connection`] is a place on a socket. There are as many places as the server allows
//! streams, and who finds none opens a further socket. So the wait for a stream is a wait for a
//! connection, and in no service time.

mod exchange;
mod pool;

pub(super) use exchange::Http2Connection;
pub(super) use pool::Pool;
