//! Which certificates an https target may show, and what a refusal is called.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use rustls_platform_verifier::Verifier;

use super::GeneralError;

/// How far a target is trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Whatever it shows.
    Anything,
    /// What the system trusts, and the certificates in a file, PEM.
    System {
        /// The file, if there is one.
        and: Option<PathBuf>,
    },
}

impl Trust {
    /// The TLS settings for a target of this name. HTTP/2 where the target speaks it.
    ///
    /// The group names itself in the handshake, as its users would, but the certificate may be
    /// the target's: a proxy has one for all of its groups. So either name will do, for both were
    /// given.
    pub(super) fn settings(&self, target: &str) -> Result<ClientConfig, GeneralError> {
        // ring, because it needs no more than a C compiler.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier: Arc<dyn ServerCertVerifier> = match self {
            Self::Anything => Arc::new(Unchecked(Arc::clone(&provider))),
            Self::System { and } => {
                let more = and.as_ref().map(certificates).transpose()?;
                let inner =
                    Verifier::new_with_extra_roots(more.unwrap_or_default(), Arc::clone(&provider))
                        .map_err(GeneralError::Tls)?;
                let target = ServerName::try_from(target.to_owned()).ok();
                Arc::new(EitherName { inner, target })
            }
        };
        let mut settings = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(GeneralError::Tls)?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        settings.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(settings)
    }
}

/// The certificates in a file; at least one.
fn certificates(path: &PathBuf) -> Result<Vec<CertificateDer<'static>>, GeneralError> {
    let refused = |reason: String| GeneralError::CertificateFile {
        path: path.clone(),
        reason,
    };
    let pem = std::fs::read(path).map_err(|error| refused(error.to_string()))?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let read = read.map_err(|error| refused(error.to_string()))?;
    if read.is_empty() {
        return Err(refused("there is no certificate in it".to_owned()));
    }
    Ok(read)
}

/// Accepts a certificate that is good for the target's name or for the one asked for.
#[derive(Debug)]
struct EitherName {
    inner: Verifier,
    target: Option<ServerName<'static>>,
}

impl ServerCertVerifier for EitherName {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        asked_for: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let good_for = |name: &ServerName<'_>| {
            (self.inner).verify_server_cert(certificate, intermediates, name, ocsp, now)
        };
        match &self.target {
            Some(target) => {
                good_for(target).or_else(|reason| good_for(asked_for).map_err(|_| reason))
            }
            None => good_for(asked_for),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner
            .verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner
            .verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// Accepts any certificate, as `--insecure` asks.
#[derive(Debug)]
struct Unchecked(Arc<CryptoProvider>);

impl ServerCertVerifier for Unchecked {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
