//! Writes the head of a request.

use bytes::Bytes;

use crate::transport::RequestParts;

/// The bytes of a head. The parts must have been checked to be free of line breaks.
#[must_use]
pub fn request_head(parts: &RequestParts<'_>) -> Vec<u8> {
    let RequestParts {
        method, path, host, ..
    } = parts;
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n");
    for (name, value) in header_lines(parts) {
        text.extend([name, ": ", &value, "\r\n"]);
    }
    if !parts.keep_alive {
        text.push_str("Connection: close\r\n");
    }
    text.push_str("\r\n");
    text.into_bytes()
}

/// The headers that both versions of HTTP have: ours where none was given, those that were given,
/// and the length of the body.
pub(in crate::transport) fn header_lines<'a>(parts: &RequestParts<'a>) -> Vec<(&'a str, String)> {
    let given = |name: &str| {
        let mut headers = parts.headers.iter();
        headers.any(|(header, _)| header.eq_ignore_ascii_case(name))
    };
    let agent = concat!("loadgen/", env!("CARGO_PKG_VERSION"));
    let ours = [("User-Agent", agent), ("Accept", "*/*")];
    let ours = ours.into_iter().filter(|(name, _)| !given(name));
    let theirs = parts.headers.iter();
    let mut lines: Vec<_> = ours
        .map(|(name, value)| (name, value.to_owned()))
        .chain(theirs.map(|(name, value)| (name.as_str(), value.clone())))
        .collect();
    // A method that defines a body says so even when it is empty (RFC 9110, section 8.6).
    let expects_body = matches!(parts.method, "POST" | "PUT" | "PATCH");
    if parts.body.is_some() || expects_body {
        let length = parts.body.map_or(0, Bytes::len).to_string();
        lines.push(("Content-Length", length));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(headers: &[(String, String)], body: Option<&Bytes>, keep_alive: bool) -> String {
        let parts = RequestParts {
            method: "POST",
            path: "/a",
            host: "group",
            headers,
            body,
            secure: false,
            keep_alive,
        };
        String::from_utf8(request_head(&parts)).expect("text")
    }

    #[test]
    fn a_head_is_written_once_and_in_full() {
        let headers = [("Accept".to_owned(), "text/plain".to_owned())];
        let text = head(&headers, Some(&Bytes::from_static(b"hi")), true);
        assert!(text.starts_with("POST /a HTTP/1.1\r\nHost: group\r\nUser-Agent: loadgen/"));
        assert!(text.ends_with("\r\nAccept: text/plain\r\nContent-Length: 2\r\n\r\n"));
        let text = head(&[], None, false);
        assert!(
            text.ends_with("\r\nAccept: */*\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        );
    }
}
