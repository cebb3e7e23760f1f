//! The bytes of a body, or of a file of data: held in the plan, or where they come from a large file
//! named by it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Of what comes from a file, the most bytes that a plan holds as it is written. Of a larger file it
/// names the path and the digest.
pub(super) const MOST_HELD: usize = 256 * 1024;

/// Bytes that are sent as they are. Copies share them. Written as text where they are one, else as
/// `{ "base64": … }`; those of a large file as `{ "file": …, "sha256": … }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    Held(Bytes),
    Large(LargeFile),
}

/// A file that is too large to be in a plan as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LargeFile {
    /// Its path, seen from where loadgen was started.
    pub file: String,
    /// In hexadecimal digits.
    pub sha256: String,
    /// In bytes.
    pub length: u64,
    /// What it holds, once it has been read.
    pub bytes: Option<Bytes>,
}

impl Body {
    /// What a file holds.
    #[must_use]
    pub fn of_file(file: String, sha256: String, bytes: Vec<u8>) -> Self {
        let bytes = Bytes::from(bytes);
        if bytes.len() <= MOST_HELD {
            return Self::Held(bytes);
        }
        Self::Large(LargeFile {
            file,
            sha256,
            length: bytes.len() as u64,
            bytes: Some(bytes),
        })
    }

    /// The bytes; none of a file that has not been read.
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        match self {
            Self::Held(bytes) => bytes.clone(),
            Self::Large(large) => large.bytes.clone().unwrap_or_default(),
        }
    }

    /// How many bytes it is.
    #[must_use]
    pub fn length(&self) -> u64 {
        match self {
            Self::Held(bytes) => bytes.len() as u64,
            Self::Large(large) => large.length,
        }
    }

    /// The file that has still to be read.
    #[must_use]
    pub const fn unread(&self) -> Option<&LargeFile> {
        match self {
            Self::Large(large) if large.bytes.is_none() => Some(large),
            _ => None,
        }
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Held(bytes.into())
    }
}

/// The forms that bytes may be written in; the last is that of old records.
#[derive(Serialize, Deserialize, schemars::JsonSchema)]
#[serde(untagged)]
enum BodyForm {
    Text(String),
    Encoded {
        base64: String,
    },
    Large {
        file: String,
        sha256: String,
        length: u64,
    },
    Bytes(Vec<u8>),
}

impl Serialize for Body {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let form = match self {
            Self::Large(large) => BodyForm::Large {
                file: large.file.clone(),
                sha256: large.sha256.clone(),
                length: large.length,
            },
            Self::Held(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => BodyForm::Text(text.to_owned()),
                Err(_) => BodyForm::Encoded {
                    base64: STANDARD.encode(bytes),
                },
            },
        };
        form.serialize(to)
    }
}

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(match BodyForm::deserialize(from)? {
            BodyForm::Text(text) => text.into_bytes().into(),
            BodyForm::Bytes(bytes) => bytes.into(),
            BodyForm::Encoded { base64 } => STANDARD
                .decode(base64)
                .map_err(serde::de::Error::custom)?
                .into(),
            BodyForm::Large {
                file,
                sha256,
                length,
            } => Self::Large(LargeFile {
                file,
                sha256,
                length,
                bytes: None,
            }),
        })
    }
}

impl schemars::JsonSchema for Body {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Body".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        BodyForm::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_reads_back_whatever_its_bytes_are() {
        for (bytes, written) in [
            (&b"hello"[..], r#""hello""#),
            (b"\xff\x00", r#"{"base64":"/wA="}"#),
        ] {
            let body = Body::from(bytes.to_vec());
            let text = serde_json::to_string(&body).expect("JSON");
            assert_eq!(text, written);
            assert_eq!(serde_json::from_str::<Body>(&text).expect("a body"), body);
        }
        let old: Body = serde_json::from_str("[104,105]").expect("an old body");
        assert_eq!(old.bytes(), "hi");
    }

    #[test]
    fn a_large_file_is_named_and_not_held() {
        let of = |length| Body::of_file("a/b".to_owned(), "00ff".to_owned(), vec![b'x'; length]);
        assert!(matches!(of(MOST_HELD), Body::Held(_)));
        let large = of(MOST_HELD + 1);
        assert_eq!(large.bytes().len(), MOST_HELD + 1);
        assert_eq!(large.unread(), None);
        let text = serde_json::to_string(&large).expect("JSON");
        assert_eq!(text, r#"{"file":"a/b","sha256":"00ff","length":262145}"#);
        let read: Body = serde_json::from_str(&text).expect("a body");
        assert_eq!(read.unread().expect("a file").file, "a/b");
        assert_eq!(read.bytes(), "");
    }
}
