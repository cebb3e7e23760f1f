//! What to do about a failure, by what is known of its cause.

use super::evidence::GroupEvidence;
use crate::model::{Cause, Reason};

/// What to do about two replicas of one name.
pub(super) const TWINS: &str = "give each replica once, by an address that leads to no other; where the body of an answer is no name, say which header is: --replica-id header:NAME";

/// The first failure of the class that most requests failed by.
pub(super) fn foremost<'a>(group: &GroupEvidence<'a>) -> Option<&'a Reason> {
    let tally = group.tally;
    let met = tally.counts.errors.iter();
    let (class, _) = met.max_by_key(|(_, count)| **count)?;
    tally.reasons.get(class)
}

/// The first failure of each class, as a sentence's end.
pub(super) fn told(group: &GroupEvidence<'_>) -> String {
    let reasons = group.tally.reasons.iter();
    let told: Vec<String> = reasons
        .map(|(class, reason)| format!("the first {class}: {}", reason.text))
        .collect();
    if told.is_empty() {
        return String::new();
    }
    format!("; {}", told.join("; "))
}

/// What to do where most failures are that the target wants to know who asks (401).
pub(super) fn who_asks(group: &GroupEvidence<'_>) -> Option<String> {
    let counts = &group.tally.counts;
    let unknown = counts.status.get(&401).copied().unwrap_or_default();
    if 2 * unknown <= counts.failed {
        return None;
    }
    let plan = &group.all.plan;
    let mut headers = plan.request.headers().iter();
    Some(match &plan.user {
        Some(user) => format!(
            "the target does not know user `{user}` by the password in --user: check both"
        ),
        None if headers.any(|(name, _)| name.eq_ignore_ascii_case("authorization")) => {
            "the target does not take the Authorization in --header: has it expired?".into()
        }
        None => "the target wants to know who asks: give --user NAME:PASSWORD, or --header 'Authorization: …'".into(),
    })
}

/// What to do about a cause; nothing where it says nothing of a remedy.
#[must_use]
pub const fn hint_of(cause: Cause) -> Option<&'static str> {
    Some(match cause {
        Cause::Refused => "does anything listen at the target, and is it what you mean to test?",
        Cause::Unreachable => "is there a way from here to the target's address?",
        Cause::NoSocket => "check the path behind unix:, and that the server has made its socket",
        Cause::Silent => {
            "is a firewall in between, or does the service take longer than --timeout and --connect-timeout allow?"
        }
        Cause::IdleClosed => {
            "the server's idle time-out is shorter than the time between requests on a connection: raise it (keepalive_timeout in nginx), lower --connections, or see --no-keep-alive"
        }
        Cause::ClosedUnanswered => {
            "see the server's log: does it take this request, or is it an https:// port?"
        }
        Cause::ClosedHalfWay => "see the server's log: answers end before they are complete",
        Cause::SpeaksTls => "give --target https://… instead of http://",
        Cause::SpeaksPlain => {
            "give --target http://… instead of https://: what listens there does not speak TLS"
        }
        Cause::NotHttp => "what listens there does not speak HTTP/1.1: check the port in --target",
        Cause::BadHead | Cause::BadFraming => {
            "the server breaks HTTP/1.1 in its answer: `curl -v` shows the lines"
        }
        Cause::HeadTooLong => {
            "loadgen reads heads of 256 lines and 256 KiB: does the server send cookies or headers again and again?"
        }
        Cause::BodyTooLong => "check --path: is the answer meant to be that long?",
        Cause::UnknownIssuer => {
            "give --cacert the certificate that signed the target's, or --insecure to accept any"
        }
        Cause::WrongName => {
            "give --host, or --target, a name that the certificate has, or --insecure to accept any"
        }
        Cause::Dates => "renew the certificate, or give --insecure to accept any",
        Cause::BadCertificate => {
            "give --cacert this certificate itself where it is meant to be trusted, or --insecure to accept any"
        }
        Cause::CertificateWanted => "the server wants a client certificate: give --cert and --key",
        Cause::CertificateRefused => {
            "the server does not accept the client certificate: check --cert and --key, and who signed it"
        }
        Cause::NoCommonTls => "loadgen speaks TLS 1.2 and 1.3: what does the server speak?",
        Cause::Alert => "see the server's log: it ended the TLS handshake",
        Cause::NoSuchProtocol => "leave --http out, or give the version that the server speaks",
        Cause::StreamReset => "see the server's log: it ended single requests",
        Cause::OwnLimit | Cause::Unprocessed | Cause::Unknown => return None,
    })
}
