//! The one request that is sent over and over, made ready for either version of HTTP.

use std::sync::Arc;

use bytes::Bytes;

use super::http1::request_head;

/// The parts of a request. They must have been checked to be free of line breaks.
#[derive(Clone, Copy, Debug)]
pub struct RequestParts<'a> {
    /// The method, in capitals.
    pub method: &'a str,
    /// Path and query, from its slash.
    pub path: &'a str,
    /// The `Host` header, or HTTP/2's `:authority`.
    pub host: &'a str,
    pub headers: &'a [(String, String)],
    pub body: Option<&'a Bytes>,
    /// Whether it goes over TLS.
    pub secure: bool,
    /// Whether the connection is to be kept for the next request.
    pub keep_alive: bool,
}

/// Bodies up to this size travel in one piece with the head, so that the usual request is one write.
const JOINED: usize = 16 * 1024;

/// A request that is ready to be sent, however often.
#[derive(Clone, Debug)]
pub struct Message {
    method: Arc<str>,
    /// The head as HTTP/1.1 writes it, and a short body behind it.
    head: Arc<[u8]>,
    /// A body that did not travel with the head.
    rest: Bytes,
    http2: Result<Arc<http::request::Parts>, Arc<str>>,
    body: Bytes,
}

impl Message {
    #[must_use]
    pub fn new(parts: &RequestParts<'_>) -> Self {
        let mut head = request_head(parts);
        let body = parts.body.cloned().unwrap_or_default();
        let joined = body.len() <= JOINED;
        if joined {
            head.extend_from_slice(&body);
        }
        Self {
            method: parts.method.into(),
            head: head.into(),
            rest: if joined { Bytes::new() } else { body.clone() },
            body,
            http2: http2_parts(parts).map(Arc::new).map_err(Into::into),
        }
    }

    /// The method, in capitals.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// How many bytes it is in HTTP/1.1.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.head.len() + self.rest.len()
    }

    /// What is to be written when so many bytes were.
    #[inline]
    pub(super) fn after(&self, written: usize) -> &[u8] {
        match written.checked_sub(self.head.len()) {
            None => &self.head[written..],
            Some(written) => &self.rest[written..],
        }
    }

    /// The head for HTTP/2; why it cannot be made, where some part of it is not allowed there.
    pub(super) fn http2(&self) -> Result<http::Request<()>, Arc<str>> {
        let parts = self.http2.as_ref().map_err(Arc::clone)?;
        Ok(http::Request::from_parts(
            http::request::Parts::clone(parts),
            (),
        ))
    }

    pub(super) fn body(&self) -> Bytes {
        self.body.clone()
    }
}

/// The same head for HTTP/2, where names are in lower case and the host is the `:authority`: a
/// `Host` header beside it would make it malformed (RFC 9113, section 8.3.1).
fn http2_parts(parts: &RequestParts<'_>) -> Result<http::request::Parts, String> {
    let uri = http::Uri::builder()
        .scheme(if parts.secure { "https" } else { "http" })
        .authority(parts.host)
        .path_and_query(parts.path)
        .build();
    let uri = uri.map_err(|error| format!("{}{}: {error}", parts.host, parts.path))?;
    let mut request = http::Request::builder()
        .version(http::Version::HTTP_2)
        .method(parts.method)
        .uri(uri);
    for (name, value) in super::http1::header_lines(parts) {
        request = request.header(name, value.as_bytes());
    }
    let request = request.body(()).map_err(|error| error.to_string())?;
    Ok(request.into_parts().0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts<'a>(headers: &'a [(String, String)], body: Option<&'a Bytes>) -> RequestParts<'a> {
        RequestParts {
            method: "POST",
            path: "/a?b=c",
            host: "group",
            headers,
            body,
            secure: true,
            keep_alive: true,
        }
    }

    fn written(message: &Message) -> Vec<u8> {
        let mut bytes = Vec::new();
        while bytes.len() < message.len() {
            let next = message.after(bytes.len());
            bytes.extend_from_slice(&next[..next.len().min(7_000)]);
        }
        bytes
    }

    #[test]
    fn a_request_is_the_same_bytes_however_it_is_taken() {
        for length in [0, 5, JOINED, JOINED + 1, 3 * JOINED] {
            let body = Bytes::from(vec![b'x'; length]);
            let message = Message::new(&parts(&[], Some(&body)));
            let bytes = written(&message);
            let head = bytes.len() - length;
            assert!(
                bytes[..head].ends_with(format!("Content-Length: {length}\r\n\r\n").as_bytes())
            );
            assert_eq!(&bytes[head..], body);
            assert_eq!(message.body(), body);
        }
    }

    #[test]
    fn http_2_has_the_same_head_in_its_own_form() {
        let headers = [("X-One".to_owned(), "1".to_owned())];
        let message = Message::new(&parts(&headers, Some(&Bytes::from_static(b"hi"))));
        let request = message.http2().expect("a request");
        assert_eq!(request.uri(), "https://group/a?b=c");
        assert_eq!(request.headers()["x-one"], "1");
        assert_eq!(request.headers()["content-length"], "2");
        assert!(!request.headers().contains_key("host"));
        assert!(!request.headers().contains_key("connection"));
    }
}
