//! Which certificates an https target may show, and what loadgen shows for itself.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{DigitallySignedStruct, SignatureScheme};
use rustls_platform_verifier::Verifier;

use super::TlsError;
use crate::input::{self, Limit};
use crate::model::Identity;

/// How far a target is trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    Anything,
    /// What the system trusts, and the certificates in a file, PEM.
    System {
        /// The file, if there is one.
        and: Option<PathBuf>,
    },
}

impl Trust {
    /// What checks certificates for a target of this name.
    ///
    /// The group names itself in the handshake, as its users would, but the certificate may be
    /// the target's: a proxy has one for all of its groups. So either name will do, for both were
    /// given.
    pub(super) fn verifier(
        &self,
        target: &str,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ServerCertVerifier>, TlsError> {
        let Self::System { and } = self else {
            return Ok(Arc::new(Unchecked(Arc::clone(provider))));
        };
        let given = and.as_deref().map(certificates).transpose()?;
        let given = given.unwrap_or_default();
        let inner = Verifier::new_with_extra_roots(given.clone(), Arc::clone(provider));
        Ok(Arc::new(EitherName {
            inner: inner.map_err(TlsError::Tls)?,
            given,
            target: ServerName::try_from(target.to_owned()).ok(),
        }))
    }
}

/// Reads a certificate and its key, and checks that the one belongs to the other.
fn certified(identity: &Identity, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
    let chain = certificates(&identity.certificate)?;
    let key = private_key(&identity.key)?;
    CertifiedKey::from_der(chain, key, provider).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => TlsError::KeyOfAnother {
            certificate: identity.certificate.clone(),
            key: identity.key.clone(),
        },
        error => TlsError::KeyFile {
            path: identity.key.clone(),
            reason: error.to_string(),
        },
    })
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let refused = |reason: String| TlsError::KeyFile {
        path: path.to_owned(),
        reason,
    };
    let pem = input::read(path, Limit::KEY).map_err(|error| refused(error.to_string()))?;
    PrivateKeyDer::from_pem_slice(&pem).map_err(|error| match error {
        pem::Error::NoItemsFound if is_encrypted(&pem) => {
            refused("its key is encrypted, and there is nobody to ask for the passphrase".into())
        }
        pem::Error::NoItemsFound => refused("there is no private key in it".into()),
        error => refused(error.to_string()),
    })
}

fn is_encrypted(pem: &[u8]) -> bool {
    const MARK: &[u8] = b"BEGIN ENCRYPTED PRIVATE KEY";
    pem.windows(MARK.len()).any(|window| window == MARK)
}

/// The certificates in a file; at least one.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let refused = |reason: String| TlsError::CertificateFile {
        path: path.to_owned(),
        reason,
    };
    let pem = input::read(path, Limit::CERTIFICATES).map_err(|error| refused(error.to_string()))?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let read = read.map_err(|error| refused(error.to_string()))?;
    if read.is_empty() {
        return Err(refused("there is no certificate in it".to_owned()));
    }
    Ok(read)
}

/// Shows the client's certificate where it is asked for, and notes that it was.
#[derive(Debug)]
pub(super) struct Shown {
    own: Option<Arc<CertifiedKey>>,
    asked: Arc<AtomicBool>,
}

impl Shown {
    pub(super) fn new(
        identity: Option<&Identity>,
        asked: &Arc<AtomicBool>,
        provider: &CryptoProvider,
    ) -> Result<Self, TlsError> {
        let own = identity
            .map(|identity| certified(identity, provider))
            .transpose()?;
        Ok(Self {
            own: own.map(Arc::new),
            asked: Arc::clone(asked),
        })
    }
}

impl ResolvesClientCert for Shown {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.asked.store(true, Ordering::Relaxed);
        self.own.clone()
    }

    fn has_certs(&self) -> bool {
        self.own.is_some()
    }
}

/// Accepts a certificate that is good for the target's name or for the one asked for.
#[derive(Debug)]
struct EitherName {
    inner: Verifier,
    /// Certificates that were given to be trusted. One of them may be the target's own, whether it
    /// may sign others or not.
    given: Vec<CertificateDer<'static>>,
    target: Option<ServerName<'static>>,
}

impl EitherName {
    fn verify(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        (ocsp, now): (&[u8], UnixTime),
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.given.iter().any(|given| given == certificate) {
            let parsed = ParsedCertificate::try_from(certificate)?;
            rustls::client::verify_server_name(&parsed, name)?;
            return Ok(ServerCertVerified::assertion());
        }
        self.inner
            .verify_server_cert(certificate, intermediates, name, ocsp, now)
    }
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
        let good_for =
            |name: &ServerName<'_>| self.verify(certificate, intermediates, name, (ocsp, now));
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
