//! TLS: what is trusted, what is shown, and the handshake.

mod trust;

pub use trust::Trust;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::failure::Failure;
use super::socket::Socket;
use crate::model::{Cause, ErrorClass, Identity, Protocol};
use trust::Shown;

/// Settings of TLS for one target and group.
#[derive(Clone, Debug)]
pub struct Tls {
    settings: Arc<ClientConfig>,
    /// Whom the handshake asks for.
    name: ServerName<'static>,
    /// Whether a server has asked for a client certificate.
    asked: Arc<AtomicBool>,
    shows_one: bool,
}

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("certificate file {path} cannot be used: {reason}")]
    CertificateFile { path: PathBuf, reason: String },
    #[error("key file {path} cannot be used: {reason}")]
    KeyFile { path: PathBuf, reason: String },
    #[error("key file {key} does not belong to the certificate in {certificate}")]
    KeyOfAnother { certificate: PathBuf, key: PathBuf },
    #[error("TLS cannot be set up: {0}")]
    Tls(rustls::Error),
    #[error("{0} is no name that TLS can ask for")]
    Name(String),
}

impl TlsError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::CertificateFile { .. } => {
                "give --cacert, or --cert, a PEM file of at most 4 MiB: -----BEGIN CERTIFICATE-----"
            }
            Self::KeyFile { .. } => {
                "give --key a PEM file of at most 4 MiB with a private key that has no passphrase: -----BEGIN PRIVATE KEY-----"
            }
            Self::KeyOfAnother { .. } => {
                "give --key the private key that --cert was made with; the client's own certificate comes first in --cert"
            }
            Self::Tls(_) => {
                "give --cacert the certificate to trust, or --insecure where that is meant"
            }
            Self::Name(_) => "check --target and --host",
        }
    }
}

impl Tls {
    /// For a target's name and the group that is asked for there.
    pub fn new(
        (target, group): (&str, &str),
        trust: &Trust,
        identity: Option<&Identity>,
        protocol: Option<Protocol>,
    ) -> Result<Self, TlsError> {
        // ring, because it needs no more than a C compiler.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let asked = Arc::default();
        let shown = Shown::new(identity, &asked, &provider)?;
        let mut settings = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Tls)?
            .dangerous()
            .with_custom_certificate_verifier(trust.verifier(target, &provider)?)
            .with_client_cert_resolver(Arc::new(shown));
        settings.alpn_protocols = protocols(protocol);
        Ok(Self {
            settings: Arc::new(settings),
            name: name_to_ask_for(target, group)?,
            asked,
            shows_one: identity.is_some(),
        })
    }

    /// Whether the server asked for a client certificate, and there was none.
    #[must_use]
    pub fn lacks_certificate(&self) -> bool {
        self.asked.load(Ordering::Relaxed) && !self.shows_one
    }

    pub(super) async fn handshake(
        &self,
        socket: Socket,
    ) -> Result<(TlsStream<Socket>, Protocol), Failure> {
        let connector = TlsConnector::from(Arc::clone(&self.settings));
        let stream = connector.connect(self.name.clone(), socket).await;
        let stream = stream.map_err(|error| self.with_cause(error))?;
        let spoken = match stream.get_ref().1.alpn_protocol() {
            Some(b"h2") => Protocol::Http2,
            _ => Protocol::Http1,
        };
        Ok((stream, spoken))
    }

    /// An alert in a handshake in which a certificate was asked for and not given is about that.
    fn with_cause(&self, error: std::io::Error) -> Failure {
        let mut failure = Failure::connecting(error);
        // What ends a handshake is TLS, whatever the way in which it ends.
        if failure.class != ErrorClass::Descriptors {
            failure.class = ErrorClass::Tls;
        }
        if failure.cause == Cause::Alert && self.lacks_certificate() {
            failure.cause = Cause::CertificateWanted;
        }
        failure
    }
}

fn protocols(protocol: Option<Protocol>) -> Vec<Vec<u8>> {
    let (http2, http1) = (b"h2".to_vec(), b"http/1.1".to_vec());
    match protocol {
        None => vec![http2, http1],
        Some(Protocol::Http1) => vec![http1],
        Some(Protocol::Http2) => vec![http2],
    }
}

/// The group, where it is a name, as its users would ask; else the target.
fn name_to_ask_for(target: &str, group: &str) -> Result<ServerName<'static>, TlsError> {
    let group = match group.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => group,
    };
    if let Ok(name @ ServerName::DnsName(_)) = ServerName::try_from(group.to_owned()) {
        return Ok(name);
    }
    ServerName::try_from(target.to_owned()).map_err(|_| TlsError::Name(target.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_group_is_asked_for_where_it_is_a_name() {
        for (target, group, asked) in [
            ("proxy", "app-group-1", "app-group-1"),
            ("proxy", "proxy:8443", "proxy"),
            ("127.0.0.1", "127.0.0.1:8443", "127.0.0.1"),
            ("::1", "[::1]:8443", "::1"),
            ("proxy", "", "proxy"),
        ] {
            let name = name_to_ask_for(target, group).expect("a name");
            assert_eq!(name.to_str(), asked);
        }
        assert!(name_to_ask_for("a b", "").is_err());
    }
}
