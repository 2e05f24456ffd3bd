//! What all TLS connections of modules share: the cryptography, PEM texts, and the checks of servers' certificates.
//!
//! The cryptography is graviola's: Rust and assembler. It needs a processor with AES and vector instructions; on others TLS
//! is an error and not an abort.

use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::runtime::errors::{ErrorData, INVALID, UNAVAILABLE};

/// The cryptography.
///
/// # Errors
/// `Unavailable` where there is none.
pub fn provider() -> Result<Arc<CryptoProvider>, ErrorData> {
    static PROVIDER: OnceLock<Option<Arc<CryptoProvider>>> = OnceLock::new();
    let missing = || ErrorData::judged(UNAVAILABLE, "TLS is not available on this processor", false);
    PROVIDER.get_or_init(graviola_provider).clone().ok_or_else(missing)
}

#[cfg(target_arch = "x86_64")]
fn graviola_provider() -> Option<Arc<CryptoProvider>> {
    let able = is_x86_feature_detected!("aes")
        && is_x86_feature_detected!("pclmulqdq")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("adx")
        && is_x86_feature_detected!("avx2");
    able.then(|| Arc::new(rustls_graviola::default_provider()))
}

#[cfg(target_arch = "aarch64")]
fn graviola_provider() -> Option<Arc<CryptoProvider>> {
    use std::arch::is_aarch64_feature_detected;
    let able = is_aarch64_feature_detected!("aes")
        && is_aarch64_feature_detected!("pmull")
        && is_aarch64_feature_detected!("sha2");
    able.then(|| Arc::new(rustls_graviola::default_provider()))
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn graviola_provider() -> Option<Arc<CryptoProvider>> {
    None
}

/// The error of settings that make no sense.
pub fn invalid(what: impl std::fmt::Display) -> ErrorData {
    ErrorData::judged(INVALID, &format!("tls: {what}"), false)
}

/// The certificates in a PEM text, at least one.
///
/// # Errors
/// `Invalid`
pub fn certificates(pem: &[u8], name: &str) -> Result<Vec<CertificateDer<'static>>, ErrorData> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(invalid(format_args!("{name} is no PEM certificate"))),
    }
}

/// The private key in a PEM text.
///
/// # Errors
/// `Invalid`
pub fn private_key(pem: &[u8], name: &str) -> Result<PrivateKeyDer<'static>, ErrorData> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|_| invalid(format_args!("{name} is no PEM private key")))
}

/// The authorities in a PEM text.
///
/// # Errors
/// `Invalid`
pub fn authorities(pem: &[u8], name: &str) -> Result<Arc<RootCertStore>, ErrorData> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem, name)? {
        roots.add(certificate).map_err(|error| invalid(format_args!("{name}: {error}")))?;
    }
    Ok(Arc::new(roots))
}

/// The authorities the system trusts, or those of Mozilla where it says nothing of that.
pub fn system_authorities() -> Arc<RootCertStore> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let load = || {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        Arc::new(roots)
    };
    Arc::clone(ROOTS.get_or_init(load))
}

/// Which servers are believed.
#[derive(Clone, Debug)]
pub enum Trust {
    /// All: the connection is encrypted and no more.
    Anyone,
    /// Those for which one of these authorities vouches, under whatever name.
    #[cfg(feature = "sql")]
    Authority(Arc<RootCertStore>),
    /// The one with the host's name, for which one of these authorities vouches.
    Host(Arc<RootCertStore>),
}

/// Checks as much of a server's certificate as is asked for. That the server has the key to it is checked always.
#[derive(Debug)]
pub struct Verifier {
    full: Option<Arc<WebPkiServerVerifier>>,
    any_name: bool,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Verifier {
    /// One for this trust.
    ///
    /// # Errors
    /// `Invalid` if there are no authorities.
    pub fn new(trust: &Trust, provider: &Arc<CryptoProvider>) -> Result<Arc<Verifier>, ErrorData> {
        let (roots, any_name) = match trust {
            Trust::Anyone => (None, true),
            #[cfg(feature = "sql")]
            Trust::Authority(roots) => (Some(roots), true),
            Trust::Host(roots) => (Some(roots), false),
        };
        let full = roots
            .map(|roots| WebPkiServerVerifier::builder_with_provider(Arc::clone(roots), Arc::clone(provider)).build());
        let full = full.transpose().map_err(invalid)?;
        Ok(Arc::new(Verifier { full, any_name, algorithms: provider.signature_verification_algorithms }))
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(full) = &self.full else { return Ok(ServerCertVerified::assertion()) };
        match full.verify_server_cert(certificate, intermediates, name, ocsp, now) {
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if self.any_name => Ok(ServerCertVerified::assertion()),
            result => result,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// The settings of a client that believes whom `trust` says, and has a certificate of its own, with its key, if asked to.
///
/// # Errors
/// `Unavailable` where there is no cryptography, `Invalid` for what does not fit together.
pub fn client_config(
    trust: &Trust,
    identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
) -> Result<rustls::ClientConfig, ErrorData> {
    let provider = provider()?;
    let verifier = Verifier::new(trust, &provider)?;
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(invalid)?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    match identity {
        None => Ok(builder.with_no_client_auth()),
        Some((chain, key)) => builder.with_client_auth_cert(chain, key).map_err(invalid),
    }
}
