//! HTTP/1.1 in the clear: the hot path.
//!
//! One prebuilt request, one buffer, one read in the usual case. Nothing is allocated for a
//! request: the buffer grows only for a head that is larger than any before.

mod connection;
mod decoder;
mod request;

pub use connection::{Http1, Http1Connection};
pub use decoder::{Decoder, MOST_HEAD, ProtocolError, Step};
pub use request::request_bytes;
