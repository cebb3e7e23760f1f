//! The request that is sent, checked so that it can be written as bytes without escaping.

use serde::{Deserialize, Serialize};

use super::Body;

use crate::traffic::{is_method, is_path, is_token};

/// One HTTP request, without its `Host`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "RequestFields", into = "RequestFields")]
#[schemars(with = "RequestFields")]
pub struct Request {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Option<Body>,
}

/// A request as it is written, before it is checked.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[schemars(rename = "Request")]
struct RequestFields {
    /// The method, in capitals.
    method: String,
    /// Path and query, from its slash.
    path: String,
    /// Further headers, in order.
    headers: Vec<(String, String)>,
    /// The body, if any.
    body: Option<Body>,
}

/// Why something cannot be part of a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The method is no token.
    #[error("`{0}` is no HTTP method")]
    Method(String),
    /// The path is no origin-form target.
    #[error("path `{0}` must begin with `/` and hold printable ASCII alone, and no blanks")]
    Path(String),
    /// The header is not `Name: value`.
    #[error("header `{0}` is not of the form `Name: value`")]
    Header(String),
    /// The header is ours to write.
    #[error("header `{0}` is written by loadgen itself")]
    Reserved(String),
}

impl RequestError {
    /// What to do about it.
    pub(super) fn hint(&self) -> String {
        match self {
            Self::Path(path) if path.starts_with('/') => {
                format!("write it as --path '{}'", percent_encoded(path))
            }
            Self::Reserved(name) if name.eq_ignore_ascii_case("host") => {
                "give the name with --host, which is the Host header, and where to send it with --target".into()
            }
            _ => "see --method, --path and --header in loadgen --help".into(),
        }
    }
}

/// The same path with every byte that may not stand in it as `%` and two digits.
fn percent_encoded(path: &str) -> String {
    let encoded = |byte: u8| match byte {
        0x21..0x7f => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    path.bytes().map(encoded).collect()
}

impl Request {
    /// Checks the parts and puts them together. Headers are given as `Name: value`.
    pub fn new(
        method: &str,
        path: &str,
        headers: &[String],
        body: Option<Body>,
    ) -> Result<Self, RequestError> {
        let headers = headers
            .iter()
            .map(|text| header(text))
            .collect::<Result<_, _>>()?;
        let fields = RequestFields {
            method: method.to_ascii_uppercase(),
            path: path.to_owned(),
            headers,
            body,
        };
        fields.try_into()
    }

    /// The method, in capitals.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// Path and query, from its slash.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Further headers, in order.
    #[must_use]
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// The body, if any.
    #[must_use]
    pub fn body(&self) -> Option<&Body> {
        self.body.as_ref()
    }
}

impl TryFrom<RequestFields> for Request {
    type Error = RequestError;

    fn try_from(fields: RequestFields) -> Result<Self, RequestError> {
        let RequestFields {
            method,
            path,
            headers,
            body,
        } = fields;
        check_method(&method)?;
        if !is_path(path.as_bytes()) {
            return Err(RequestError::Path(path));
        }
        for (name, value) in &headers {
            check_header(name, value)?;
        }
        Ok(Self {
            method,
            path,
            headers,
            body,
        })
    }
}

impl From<Request> for RequestFields {
    fn from(request: Request) -> Self {
        let Request {
            method,
            path,
            headers,
            body,
        } = request;
        Self {
            method,
            path,
            headers,
            body,
        }
    }
}

fn header(text: &str) -> Result<(String, String), RequestError> {
    let (name, value) = text
        .split_once(':')
        .ok_or_else(|| RequestError::Header(text.to_owned()))?;
    let value = value.trim();
    check_header(name, value)?;
    Ok((name.to_owned(), value.to_owned()))
}

pub(super) fn check_method(method: &str) -> Result<(), RequestError> {
    if !is_method(method) {
        return Err(RequestError::Method(method.to_owned()));
    }
    Ok(())
}

pub(super) fn check_header(name: &str, value: &str) -> Result<(), RequestError> {
    let plain = |byte: u8| byte == b'\t' || (byte >= 0x20 && byte != 0x7f);
    if name.is_empty() || !name.bytes().all(is_token) || !value.bytes().all(plain) {
        return Err(RequestError::Header(format!("{name}:{value}")));
    }
    let reserved = ["host", "content-length", "transfer-encoding", "connection"];
    if reserved.iter().any(|ours| name.eq_ignore_ascii_case(ours)) {
        return Err(RequestError::Reserved(name.to_owned()));
    }
    Ok(())
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

    #[test]
    fn a_refusal_says_what_to_write_instead() {
        let hint = |path, headers: &[String]| {
            Request::new("GET", path, headers, None)
                .expect_err("refused")
                .hint()
        };
        assert_eq!(hint("/\u{fc} b", &[]), "write it as --path '/%C3%BC%20b'");
        assert!(hint("/", &["Host: x".to_owned()]).contains("--host"));
    }

    #[test]
    fn a_request_from_a_file_is_held_to_the_same_rules() {
        for (text, reason) in [
            (
                r#"{"method":"GET","path":"/a b","headers":[],"body":null}"#,
                "blanks",
            ),
            (
                r#"{"method":"GET","path":"/","headers":[["A","b\r\nC: d"]],"body":null}"#,
                "form",
            ),
            (
                r#"{"method":"GET","path":"/","headers":[["Host","a"]],"body":null}"#,
                "itself",
            ),
            (
                r#"{"method":"get","path":"/","headers":[],"body":null}"#,
                "method",
            ),
        ] {
            let error = serde_json::from_str::<Request>(text).expect_err(text);
            assert!(error.to_string().contains(reason), "{error}");
        }
    }
}
