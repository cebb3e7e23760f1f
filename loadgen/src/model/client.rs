//! How the load shows itself to the target: the version of HTTP, a certificate, a user.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A version of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Protocol {
    #[serde(rename = "1.1")]
    Http1,
    #[serde(rename = "2")]
    Http2,
}

impl FromStr for Protocol {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "1.1" => Ok(Self::Http1),
            "2" => Ok(Self::Http2),
            _ => Err(format!("`{text}` is neither 1.1 nor 2")),
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http1 => "1.1",
            Self::Http2 => "2",
        })
    }
}

/// The client's own certificate and its key: the files, PEM.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Identity {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// Who asks, by basic authentication. What is written of it, wherever that is, is the name alone.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    name: String,
    /// Absent where it was read from what was stored.
    password: Option<String>,
}

/// Why somebody cannot be named in a request. It holds nothing of what was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UserError {
    #[error("a name or password holds a control character")]
    Control,
    #[error("name and password are more than {} bytes", User::LONGEST)]
    TooLong,
}

impl User {
    /// The most bytes of a name, and of a password.
    pub const LONGEST: usize = 1_024;

    #[must_use]
    pub const fn new(name: String, password: Option<String>) -> Self {
        Self { name, password }
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The password, for a worker that is to ask as the same user; nothing writes it down.
    #[must_use]
    pub fn password(&self) -> Option<&str> {
        self.password.as_deref()
    }

    #[must_use]
    pub const fn has_password(&self) -> bool {
        self.password.is_some()
    }

    /// Checks that it can stand in a header.
    pub fn check(&self) -> Result<(), UserError> {
        for text in [Some(&self.name), self.password.as_ref()]
            .into_iter()
            .flatten()
        {
            if text.len() > Self::LONGEST {
                return Err(UserError::TooLong);
            }
            if text.contains(char::is_control) {
                return Err(UserError::Control);
            }
        }
        Ok(())
    }

    /// The value of the `Authorization` header (RFC 7617); `None` without a password.
    #[must_use]
    pub fn authorization(&self) -> Option<String> {
        let password = self.password.as_ref()?;
        let pair = STANDARD.encode(format!("{}:{password}", self.name));
        Some(format!("Basic {pair}"))
    }
}

impl From<&str> for User {
    /// `NAME:PASSWORD`, or a name alone. A name has no colon.
    fn from(text: &str) -> Self {
        match text.split_once(':') {
            Some((name, password)) => Self::new(name.to_owned(), Some(password.to_owned())),
            None => Self::new(text.to_owned(), None),
        }
    }
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let password = if self.has_password() { ":***" } else { "" };
        write!(f, "User({}{password})", self.name)
    }
}

impl Serialize for User {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.name)
    }
}

impl<'de> Deserialize<'de> for User {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(String::deserialize(from)?.as_str().into())
    }
}

impl JsonSchema for User {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "User".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        String::json_schema(generator)
    }
}

/// What takes the place of a password where a text is shown or stored.
pub const MASK: &str = "***";

/// A text in which every password of a URL (`http://NAME:PASSWORD@host`) is masked.
#[must_use]
pub fn masked(text: &str) -> String {
    let mut rest = text;
    let mut out = String::with_capacity(text.len());
    while let Some(at) = rest.find("://") {
        let (scheme, after) = rest.split_at(at + "://".len());
        let end = after.find(['/', '?', '#', ' ']).unwrap_or(after.len());
        let (authority, following) = after.split_at(end);
        out.push_str(scheme);
        match authority.rsplit_once('@') {
            Some((who, host)) => {
                let name = who.split_once(':').map(|(name, _)| name);
                match name {
                    Some(name) => out.extend([name, ":", MASK, "@", host]),
                    None => out.push_str(authority),
                }
            }
            None => out.push_str(authority),
        }
        rest = following;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_written_without_the_password() {
        let user = User::from("me:s3cret:x");
        assert_eq!(user.name(), "me");
        assert_eq!(
            user.authorization().as_deref(),
            Some("Basic bWU6czNjcmV0Ong=")
        );
        assert_eq!(
            [user.to_string(), format!("{user:?}")],
            ["me", "User(me:***)"]
        );
        let named = User::from("me");
        assert!(!named.has_password() && named.authorization().is_none());
    }

    #[test]
    fn what_cannot_stand_in_a_header_is_refused_without_being_told() {
        for (text, reason) in [
            ("a\nb:c".to_owned(), UserError::Control),
            ("a:b\u{7f}".to_owned(), UserError::Control),
            (
                format!("a:{}", "x".repeat(User::LONGEST + 1)),
                UserError::TooLong,
            ),
        ] {
            assert_eq!(User::from(text.as_str()).check(), Err(reason));
        }
        assert_eq!(User::from("grüße:").check(), Ok(()));
    }

    #[test]
    fn passwords_in_urls_are_masked_and_nothing_else() {
        for (text, shown) in [
            ("http://me:pw@host/a@b", "http://me:***@host/a@b"),
            ("g=https://me:p:w@x@host", "g=https://me:***@host"),
            ("http://me@host", "http://me@host"),
            ("http://host:80/x", "http://host:80/x"),
            ("a://b:c@d e://f:g@h", "a://b:***@d e://f:***@h"),
            ("--rps", "--rps"),
        ] {
            assert_eq!(masked(text), shown);
        }
    }

    #[test]
    fn versions_of_http_read_back() {
        for text in ["1.1", "2"] {
            let protocol: Protocol = text.parse().expect(text);
            assert_eq!(protocol.to_string(), text);
        }
        assert!("3".parse::<Protocol>().is_err());
    }
}
