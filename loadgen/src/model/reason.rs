//! Why no complete answer was read: a cause that a hint can be given for, and the reason in words.

use serde::{Deserialize, Serialize};

use super::{Nanos, plain};

/// What is known to be the matter, finer than an error class. Nothing here is a guess: where the
/// cause is not known it is [`Cause::Unknown`].
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// Nothing listens: the connection was refused.
    Refused,
    /// There is no way to the address.
    Unreachable,
    /// The path of a unix socket leads to none.
    NoSocket,
    /// Nothing came within the time allowed.
    Silent,
    /// The server closed a connection that was idle as the request went out.
    IdleClosed,
    /// The server closed the connection without a byte of an answer.
    ClosedUnanswered,
    /// The server closed the connection within an answer.
    ClosedHalfWay,
    /// The answer is a TLS record: plain HTTP was sent to a TLS port.
    SpeaksTls,
    /// The TLS handshake was not answered in TLS: as by a server of plain HTTP.
    SpeaksPlain,
    /// The answer does not begin as HTTP does.
    NotHttp,
    /// The head of the answer is malformed.
    BadHead,
    /// The head is longer than the bound, or has more lines.
    HeadTooLong,
    /// Length, encoding or chunks contradict themselves.
    BadFraming,
    /// The body is longer than the bound.
    BodyTooLong,
    /// Nobody who is trusted has signed the certificate.
    UnknownIssuer,
    /// The certificate is for another name.
    WrongName,
    /// The certificate has expired, or is not valid yet.
    Dates,
    /// The certificate is not one that can be used.
    BadCertificate,
    /// The server asked for a client certificate and got none.
    CertificateWanted,
    /// The server refused the client certificate.
    CertificateRefused,
    /// There is no version or cipher of TLS that both sides speak.
    NoCommonTls,
    /// The server ended the handshake with another alert.
    Alert,
    /// The server does not speak the version of HTTP that was asked for.
    NoSuchProtocol,
    /// The server ended the stream, not the connection.
    StreamReset,
    /// The server says that it has not looked at the request.
    Unprocessed,
    /// This machine ran out of descriptors or ports.
    OwnLimit,
    #[default]
    #[serde(other)]
    Unknown,
}

/// The first failure of its class, in words.
#[derive(
    Clone,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
pub struct Reason {
    /// When it was met, in nanoseconds from the first arrival.
    pub at: Nanos,
    pub cause: Cause,
    /// At most [`Reason::LONGEST`] characters, none of them a control character.
    pub text: String,
}

impl Reason {
    /// The most characters of a reason.
    pub const LONGEST: usize = 200;

    /// A reason whose text may have come from anywhere.
    #[must_use]
    pub fn new(at: Nanos, cause: Cause, text: &str) -> Self {
        let text = plain(text).chars().take(Self::LONGEST).collect();
        Self { at, cause, text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_bounded_and_plain() {
        let reason = Reason::new(Nanos(1), Cause::Alert, &"a\r\n\u{1b}[31m".repeat(100));
        assert_eq!(reason.text.chars().count(), Reason::LONGEST);
        assert!(!reason.text.contains(char::is_control));
    }
}
