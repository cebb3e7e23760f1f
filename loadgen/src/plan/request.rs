//! The request that is sent, checked so that it can be written as bytes without escaping.

use serde::{Deserialize, Serialize};

/// One HTTP request, without its `Host`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Request {
    /// The method, in capitals.
    pub method: String,
    /// Path and query, from its slash.
    pub path: String,
    /// Further headers, in order.
    pub headers: Vec<(String, String)>,
    /// The body, if any.
    pub body: Option<Vec<u8>>,
}

/// Why something cannot be part of a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The method is no token.
    #[error("`{0}` is no HTTP method")]
    Method(String),
    /// The path is no origin-form target.
    #[error("path `{0}` must begin with `/` and hold neither blanks nor control characters")]
    Path(String),
    /// The header is not `Name: value`.
    #[error("header `{0}` is not of the form `Name: value`")]
    Header(String),
    /// The header is ours to write.
    #[error("header `{0}` is written by loadgen itself")]
    Reserved(String),
}

impl Request {
    /// Checks the parts and puts them together.
    pub fn new(
        method: &str,
        path: &str,
        headers: &[String],
        body: Option<Vec<u8>>,
    ) -> Result<Self, RequestError> {
        let method = method.to_ascii_uppercase();
        if method.is_empty() || !method.bytes().all(is_token) || method == "CONNECT" {
            return Err(RequestError::Method(method));
        }
        if !path.starts_with('/') || !path.bytes().all(|byte| (0x21..0x7f).contains(&byte)) {
            return Err(RequestError::Path(path.to_owned()));
        }
        let headers = headers
            .iter()
            .map(|text| header(text))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            method,
            path: path.to_owned(),
            headers,
            body,
        })
    }
}

fn header(text: &str) -> Result<(String, String), RequestError> {
    let malformed = || RequestError::Header(text.to_owned());
    let (name, value) = text.split_once(':').ok_or_else(malformed)?;
    let value = value.trim();
    if name.is_empty() || !name.bytes().all(is_token) {
        return Err(malformed());
    }
    if !value
        .bytes()
        .all(|byte| byte == b'\t' || (byte >= 0x20 && byte != 0x7f))
    {
        return Err(malformed());
    }
    let reserved = ["host", "content-length", "transfer-encoding", "connection"];
    if reserved.iter().any(|ours| name.eq_ignore_ascii_case(ours)) {
        return Err(RequestError::Reserved(name.to_owned()));
    }
    Ok((name.to_owned(), value.to_owned()))
}

/// RFC 9110, section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_can_be_smuggled_into_the_request() {
        let path = |path| Request::new("GET", path, &[], None);
        assert!(path("/a?b=c").is_ok());
        assert!(matches!(path("a"), Err(RequestError::Path(_))));
        assert!(matches!(path("/a b"), Err(RequestError::Path(_))));
        assert!(matches!(path("/a\r\nX: y"), Err(RequestError::Path(_))));
        let header = |header: &str| Request::new("GET", "/", &[header.to_owned()], None);
        assert!(header("Accept: text/plain").is_ok());
        assert!(matches!(header("Accept"), Err(RequestError::Header(_))));
        assert!(matches!(
            header("X: a\r\nY: b"),
            Err(RequestError::Header(_))
        ));
        assert!(matches!(
            header("Host: other"),
            Err(RequestError::Reserved(_))
        ));
        assert!(matches!(
            Request::new("GE T", "/", &[], None),
            Err(RequestError::Method(_))
        ));
    }
}
