//! Writes the one request that is sent over and over.

/// The bytes of a request. The parts must have been checked to be free of line breaks.
#[must_use]
pub fn request_bytes(
    method: &str,
    path: &str,
    host: &str,
    headers: &[(String, String)],
    body: Option<&[u8]>,
) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n");
    let given = |name: &str| {
        headers
            .iter()
            .any(|(header, _)| header.eq_ignore_ascii_case(name))
    };
    if !given("user-agent") {
        text.push_str(concat!(
            "User-Agent: loadgen/",
            env!("CARGO_PKG_VERSION"),
            "\r\n"
        ));
    }
    if !given("accept") {
        text.push_str("Accept: */*\r\n");
    }
    for (name, value) in headers {
        text.extend([name, ": ", value, "\r\n"]);
    }
    // A method that defines a body says so even when it is empty (RFC 9110, section 8.6).
    let expects_body = matches!(method, "POST" | "PUT" | "PATCH");
    if body.is_some() || expects_body {
        let length = body.map_or(0, <[u8]>::len).to_string();
        text.extend(["Content-Length: ", &length, "\r\n"]);
    }
    text.push_str("\r\n");
    let mut bytes = text.into_bytes();
    bytes.extend_from_slice(body.unwrap_or_default());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_written_once_and_in_full() {
        let headers = [("Accept".to_owned(), "text/plain".to_owned())];
        let bytes = request_bytes("POST", "/a", "group", &headers, Some(b"hi"));
        let text = String::from_utf8(bytes).expect("text");
        assert!(text.starts_with("POST /a HTTP/1.1\r\nHost: group\r\nUser-Agent: loadgen/"));
        assert!(text.ends_with("\r\nAccept: text/plain\r\nContent-Length: 2\r\n\r\nhi"));
    }
}
