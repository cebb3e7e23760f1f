//! What went wrong, out of the nested causes that reqwest gives.

use std::error::Error;

use crate::model::ErrorClass;
use crate::transport::{connect_error, stream_error};

/// The class of an error; the innermost cause that says something decides.
pub(super) fn class_of(error: &reqwest::Error, in_body: bool) -> ErrorClass {
    if error.is_timeout() {
        return match (error.is_connect(), in_body || error.is_body()) {
            (true, _) => ErrorClass::ConnectTimeout,
            (false, true) => ErrorClass::BodyTimeout,
            (false, false) => ErrorClass::Timeout,
        };
    }
    let mut innermost_io = None;
    for cause in causes(error) {
        if cause.is::<rustls::Error>() {
            return ErrorClass::Tls;
        }
        if let Some(hyper) = cause.downcast_ref::<hyper::Error>()
            && hyper.is_incomplete_message()
        {
            return ErrorClass::Closed;
        }
        // HTTP/2 ends one request, or says good-bye, without ending the connection.
        if let Some(h2) = cause.downcast_ref::<h2::Error>()
            && h2.is_remote()
        {
            return if h2.is_go_away() {
                ErrorClass::Closed
            } else {
                ErrorClass::Reset
            };
        }
        innermost_io = cause.downcast_ref().or(innermost_io);
    }
    if let Some(io) = innermost_io {
        return if error.is_connect() {
            connect_error(io)
        } else {
            stream_error(io)
        };
    }
    match (error.is_connect(), in_body) {
        (true, _) => ErrorClass::Connect,
        (false, true) => ErrorClass::Closed,
        (false, false) => ErrorClass::Protocol,
    }
}

/// The reason in words: the innermost, which is the one that is not about reqwest.
pub(super) fn reason_of(error: &reqwest::Error) -> String {
    let tls = causes(error).find(|cause| cause.is::<rustls::Error>());
    tls.or_else(|| causes(error).last())
        .map_or_else(|| error.to_string(), ToString::to_string)
}

/// The causes of an error, from the outermost to the innermost.
fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    let mut next = error.source();
    std::iter::from_fn(move || {
        let cause = next?;
        // What an I/O error wraps is not among its sources.
        let wrapped = cause
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref);
        next = match wrapped {
            Some(wrapped) => Some(wrapped),
            None => cause.source(),
        };
        Some(cause)
    })
}
