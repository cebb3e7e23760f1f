//! HTTP/1.1, in the clear or over TLS: the hot path.
//!
//! One prebuilt request, one buffer, one read in the usual case. Nothing is allocated for a
//! request: the buffer grows only for a head that is larger than any before.

mod connection;
mod decoder;
mod request;

pub(super) use connection::Http1Connection;
pub use decoder::{Decoder, MOST_BODY, MOST_HEAD, ProtocolError, Step};
pub(super) use request::header_lines;
pub use request::request_head;
