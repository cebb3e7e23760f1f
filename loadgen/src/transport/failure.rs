//! How a connection or an exchange failed: its class, its cause, and the reason in words, which are
//! put together only where somebody wants to read them.

use std::fmt;
use std::io::ErrorKind;
use std::time::Duration;

use super::http1::ProtocolError;
use crate::model::{Cause, ErrorClass, Nanos, Reason};

/// A failure as it was met.
#[derive(Debug)]
pub struct Failure {
    pub class: ErrorClass,
    pub cause: Cause,
    detail: Detail,
}

/// What is known beyond class and cause.
#[derive(Debug)]
enum Detail {
    None,
    Words(&'static str),
    Io(std::io::Error),
    Protocol(ProtocolError),
    Http2(h2::Error),
    /// The server closed a connection whose last request was sent so long before.
    Idle(Duration),
    /// Nothing came within this time.
    Within(Duration),
}

impl Failure {
    const fn new(class: ErrorClass, cause: Cause, detail: Detail) -> Self {
        Self {
            class,
            cause,
            detail,
        }
    }

    /// A failure that words say all about.
    #[must_use]
    pub const fn said(class: ErrorClass, cause: Cause, words: &'static str) -> Self {
        Self::new(class, cause, Detail::Words(words))
    }

    /// Nothing, or no end, came within this time.
    pub(super) const fn late(class: ErrorClass, within: Duration) -> Self {
        Self::new(class, Cause::Silent, Detail::Within(within))
    }

    /// An error met while connecting, the TLS handshake included.
    pub(super) fn connecting(error: std::io::Error) -> Self {
        if let Some(tls) = tls_error(&error) {
            return Self::new(ErrorClass::Tls, cause_of_tls(tls), Detail::Io(error));
        }
        let class = match own_limit(&error) {
            Some(class) => class,
            None if error.kind() == ErrorKind::TimedOut => ErrorClass::ConnectTimeout,
            None => ErrorClass::Connect,
        };
        Self::new(class, cause_of_io(&error), Detail::Io(error))
    }

    /// An error met on an open connection.
    pub(super) fn stream(error: std::io::Error) -> Self {
        if let Some(tls) = tls_error(&error) {
            return Self::new(ErrorClass::Tls, cause_of_tls(tls), Detail::Io(error));
        }
        Self::new(stream_class(&error), cause_of_io(&error), Detail::Io(error))
    }

    /// The peer ended the connection before the answer was complete.
    pub(super) const fn closed() -> Self {
        Self::new(ErrorClass::Closed, Cause::Unknown, Detail::None)
    }

    /// What the answer breaks.
    pub(super) fn protocol(error: ProtocolError, seen: &[u8]) -> Self {
        let cause = cause_of_protocol(error, seen);
        Self::new(ErrorClass::Protocol, cause, Detail::Protocol(error))
    }

    /// An error of HTTP/2, before or within an answer.
    pub(super) fn http2(error: h2::Error, within_answer: bool) -> Self {
        if error.is_io() {
            let io = error.into_io();
            return Self::stream(with_alert(
                io.unwrap_or_else(|| ErrorKind::BrokenPipe.into()),
            ));
        }
        let (class, cause) = class_of_http2(&error, within_answer);
        Self::new(class, cause, Detail::Http2(error))
    }

    /// The same, where the answer had begun or not, on a connection whose last request was sent so
    /// long before.
    pub(super) fn at(self, within_answer: bool, idle: Option<Duration>) -> Self {
        let ended = matches!(self.class, ErrorClass::Closed | ErrorClass::Reset);
        if !ended || self.cause != Cause::Unknown {
            return self;
        }
        match idle {
            _ if within_answer => Self {
                cause: Cause::ClosedHalfWay,
                ..self
            },
            Some(idle) => Self::new(self.class, Cause::IdleClosed, Detail::Idle(idle)),
            None => Self {
                cause: Cause::ClosedUnanswered,
                ..self
            },
        }
    }

    /// Whether the server says that it has not looked at the request, so that it may be sent again.
    #[must_use]
    pub fn is_unprocessed(&self) -> bool {
        self.cause == Cause::Unprocessed
    }

    /// The reason in words, for the first failure of its class.
    #[must_use]
    pub fn reason(&self, at: Nanos) -> Reason {
        Reason::new(at, self.cause, &self.to_string())
    }
}

impl From<ErrorClass> for Failure {
    fn from(class: ErrorClass) -> Self {
        Self::new(class, Cause::Unknown, Detail::None)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.detail, self.cause) {
            (Detail::Idle(since), _) => write!(
                f,
                "the server closed an idle connection as the request went out; the request before on it was sent {} before",
                Nanos::from(*since)
            ),
            (Detail::Within(within), _) => write!(f, "nothing came within {within:?}"),
            (Detail::Words(words), _) => f.write_str(words),
            (Detail::Protocol(_), Cause::SpeaksTls) => {
                f.write_str("the answer to plain HTTP is a TLS record: the port speaks TLS")
            }
            (Detail::Protocol(error), _) => error.fmt(f),
            (Detail::Io(error), Cause::SpeaksPlain) => {
                write!(f, "the answer to the TLS handshake is not TLS ({error})")
            }
            (Detail::Io(error), Cause::ClosedUnanswered) => {
                write!(
                    f,
                    "the server ended the connection without a byte of an answer ({error})"
                )
            }
            (Detail::Io(error), _) => f.write_str(&words_of(error)),
            (Detail::Http2(error), _) => error.fmt(f),
            (Detail::None, Cause::ClosedUnanswered) => {
                f.write_str("the server closed the connection without a byte of an answer")
            }
            (Detail::None, Cause::ClosedHalfWay) => {
                f.write_str("the server closed the connection within an answer")
            }
            (Detail::None, _) => self.class.fmt(f),
        }
    }
}

/// An error in words: what TLS says of a certificate without the names of its types.
fn words_of(error: &std::io::Error) -> String {
    match tls_error(error) {
        Some(rustls::Error::InvalidCertificate(rustls::CertificateError::Other(other))) => {
            format!("invalid peer certificate: {}", other.0)
        }
        Some(rustls::Error::AlertReceived(alert)) => {
            format!("the server ended the handshake with the TLS alert {alert:?}")
        }
        _ => error.to_string(),
    }
}

/// An alert of TLS about certificates as what it was: HTTP/2 keeps no more of it than its words.
fn with_alert(error: std::io::Error) -> std::io::Error {
    use rustls::AlertDescription as Alert;
    const ALERTS: [Alert; 10] = [
        Alert::AccessDenied,
        Alert::DecryptError,
        Alert::HandshakeFailure,
        Alert::CertificateRequired,
        Alert::BadCertificate,
        Alert::UnsupportedCertificate,
        Alert::CertificateRevoked,
        Alert::CertificateExpired,
        Alert::CertificateUnknown,
        Alert::UnknownCA,
    ];
    let words = error.to_string();
    let told = |alert: &Alert| words == rustls::Error::AlertReceived(*alert).to_string();
    match ALERTS.into_iter().find(told) {
        Some(alert) => std::io::Error::other(rustls::Error::AlertReceived(alert)),
        None => error,
    }
}

fn tls_error(error: &std::io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

fn stream_class(error: &std::io::Error) -> ErrorClass {
    use ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, TimedOut, UnexpectedEof};
    match error.kind() {
        ConnectionReset | ConnectionAborted | BrokenPipe => ErrorClass::Reset,
        UnexpectedEof => ErrorClass::Closed,
        TimedOut => ErrorClass::Timeout,
        _ => own_limit(error).unwrap_or(ErrorClass::Io),
    }
}

/// Whether this machine, not the target, is the cause.
fn own_limit(error: &std::io::Error) -> Option<ErrorClass> {
    use rustix::io::Errno;
    match Errno::from_io_error(error)? {
        Errno::MFILE | Errno::NFILE => Some(ErrorClass::Descriptors),
        Errno::ADDRNOTAVAIL => Some(ErrorClass::Ports),
        _ => None,
    }
}

fn cause_of_io(error: &std::io::Error) -> Cause {
    if own_limit(error).is_some() {
        return Cause::OwnLimit;
    }
    match error.kind() {
        ErrorKind::ConnectionRefused => Cause::Refused,
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => Cause::Unreachable,
        ErrorKind::NotFound => Cause::NoSocket,
        ErrorKind::TimedOut => Cause::Silent,
        _ => Cause::Unknown,
    }
}

fn cause_of_protocol(error: ProtocolError, seen: &[u8]) -> Cause {
    use httparse::Error::{TooManyHeaders, Version};
    match error {
        // An alert of TLS, of any version: content type 21, version 3.
        _ if seen.starts_with(&[0x15, 0x03]) => Cause::SpeaksTls,
        ProtocolError::Head(TooManyHeaders) | ProtocolError::HeadTooLong => Cause::HeadTooLong,
        ProtocolError::Head(Version) => Cause::NotHttp,
        ProtocolError::Head(_) | ProtocolError::Status(_) => Cause::BadHead,
        ProtocolError::Length | ProtocolError::Encoding | ProtocolError::Chunk => Cause::BadFraming,
        ProtocolError::BodyTooLong => Cause::BodyTooLong,
    }
}

fn cause_of_tls(error: &rustls::Error) -> Cause {
    use rustls::{AlertDescription as Alert, CertificateError as Certificate, Error};
    match error {
        Error::InvalidCertificate(reason) => match reason {
            Certificate::UnknownIssuer => Cause::UnknownIssuer,
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => {
                Cause::WrongName
            }
            Certificate::Expired
            | Certificate::ExpiredContext { .. }
            | Certificate::NotValidYet
            | Certificate::NotValidYetContext { .. } => Cause::Dates,
            _ => Cause::BadCertificate,
        },
        Error::InvalidMessage(_) => Cause::SpeaksPlain,
        Error::PeerIncompatible(_) => Cause::NoCommonTls,
        Error::NoApplicationProtocol => Cause::NoSuchProtocol,
        Error::AlertReceived(alert) => match alert {
            Alert::CertificateRequired => Cause::CertificateWanted,
            Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::UnknownCA => Cause::CertificateRefused,
            Alert::ProtocolVersion | Alert::InsufficientSecurity => Cause::NoCommonTls,
            Alert::NoApplicationProtocol => Cause::NoSuchProtocol,
            _ => Cause::Alert,
        },
        _ => Cause::Unknown,
    }
}

/// HTTP/2 ends one request, or says good-bye, without ending the connection.
fn class_of_http2(error: &h2::Error, within_answer: bool) -> (ErrorClass, Cause) {
    let reason = error.reason();
    if error.is_remote() && error.is_go_away() {
        let graceful = reason == Some(h2::Reason::NO_ERROR) && !within_answer;
        let cause = if graceful {
            Cause::Unprocessed
        } else {
            Cause::Unknown
        };
        return (ErrorClass::Closed, cause);
    }
    if error.is_remote() && error.is_reset() {
        let refused = reason == Some(h2::Reason::REFUSED_STREAM) && !within_answer;
        let cause = if refused {
            Cause::Unprocessed
        } else {
            Cause::StreamReset
        };
        return (ErrorClass::Reset, cause);
    }
    (ErrorClass::Protocol, Cause::Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_this_machine_is_told_from_one_of_the_target() {
        let class = |errno: rustix::io::Errno| {
            let failure = Failure::connecting(errno.into());
            (failure.class, failure.cause)
        };
        let own = Cause::OwnLimit;
        assert_eq!(
            class(rustix::io::Errno::MFILE),
            (ErrorClass::Descriptors, own)
        );
        assert_eq!(
            class(rustix::io::Errno::ADDRNOTAVAIL),
            (ErrorClass::Ports, own)
        );
        assert_eq!(
            class(rustix::io::Errno::CONNREFUSED),
            (ErrorClass::Connect, Cause::Refused)
        );
        assert_eq!(
            class(rustix::io::Errno::TIMEDOUT),
            (ErrorClass::ConnectTimeout, Cause::Silent)
        );
    }

    #[test]
    fn an_end_is_told_by_what_was_there_before_it() {
        let idle = Some(Duration::from_millis(200));
        let told = |within, idle| Failure::closed().at(within, idle);
        assert_eq!(told(true, idle).cause, Cause::ClosedHalfWay);
        assert_eq!(told(false, None).cause, Cause::ClosedUnanswered);
        let idle = told(false, idle);
        assert_eq!(idle.cause, Cause::IdleClosed);
        assert!(idle.to_string().contains("200"), "{idle}");
        // A time-out is not an end.
        let late = Failure::late(ErrorClass::Timeout, Duration::from_secs(1));
        assert_eq!(late.at(false, None).cause, Cause::Silent);
    }

    #[test]
    fn tls_is_told_by_its_cause_and_without_the_names_of_types() {
        let of = |error: rustls::Error| Failure::connecting(std::io::Error::other(error));
        let alert = of(rustls::Error::AlertReceived(
            rustls::AlertDescription::CertificateRequired,
        ));
        assert_eq!(
            (alert.class, alert.cause),
            (ErrorClass::Tls, Cause::CertificateWanted)
        );
        assert!(alert.to_string().contains("CertificateRequired"), "{alert}");
        // As HTTP/2 hands it on.
        let words = rustls::Error::AlertReceived(rustls::AlertDescription::UnknownCA).to_string();
        let kept = with_alert(std::io::Error::new(ErrorKind::InvalidData, words));
        assert_eq!(Failure::stream(kept).cause, Cause::CertificateRefused);
        let plain = of(rustls::Error::InvalidMessage(
            rustls::InvalidMessage::InvalidContentType,
        ));
        assert_eq!(plain.cause, Cause::SpeaksPlain);
        let name = of(rustls::CertificateError::NotValidForName.into());
        assert_eq!(name.cause, Cause::WrongName);
    }
}
