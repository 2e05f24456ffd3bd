//! The settings of TLS connections, ours and those programs ask for (`modules.md` §3.4).
//!
//! The cryptography is graviola's: Rust and assembler. It needs a processor with AES and vector instructions; on others TLS
//! is an error and not an abort.

use std::sync::{Arc, OnceLock};

use hashbrown::HashMap;
use parking_lot::Mutex;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::runtime::errors::{ErrorData, INVALID, UNAVAILABLE};

/// What a program asks of a connection. Connections of different settings are never mixed up.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
pub struct TlsOptions {
    /// Certificates and key of the client, in PEM.
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
    /// Authorities to trust instead of those of the system, in PEM.
    pub authorities: Option<Vec<u8>>,
    /// The name of the server to ask for and to verify, instead of the host.
    pub server_name: Option<String>,
    /// Accepts every certificate.
    pub insecure: bool,
}

/// The settings that have been made from [`TlsOptions`].
#[derive(Default)]
pub struct TlsSettings {
    known: Mutex<HashMap<(TlsOptions, bool), Arc<ClientConfig>>>,
}

/// Kept settings; a program that makes up new ones all the time shall not fill the memory.
const MOST_SETTINGS: usize = 64;

impl TlsSettings {
    /// The settings for these options. `http2` offers that protocol too.
    ///
    /// # Errors
    /// `Invalid` for options that make no sense, `Unavailable` on a processor without cryptography.
    pub fn get(&self, options: &TlsOptions, http2: bool) -> Result<Arc<ClientConfig>, ErrorData> {
        let key = (options.clone(), http2);
        if let Some(known) = self.known.lock().get(&key) {
            return Ok(Arc::clone(known));
        }
        let mut config = client_config(options)?;
        if http2 {
            config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        }
        let config = Arc::new(config);
        let mut known = self.known.lock();
        if known.len() >= MOST_SETTINGS {
            known.clear();
        }
        known.insert(key, Arc::clone(&config));
        Ok(config)
    }
}

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

fn invalid(what: &str) -> ErrorData {
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
        _ => Err(invalid(&format!("{name} is no PEM certificate"))),
    }
}

/// The private key in a PEM text.
///
/// # Errors
/// `Invalid`
pub fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, ErrorData> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|_| invalid("key is no PEM private key"))
}

fn client_config(options: &TlsOptions) -> Result<ClientConfig, ErrorData> {
    let provider = provider()?;
    let algorithms = provider.signature_verification_algorithms;
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| invalid(&error.to_string()))?;
    let roots = match &options.authorities {
        Some(pem) => Arc::new(authorities(pem)?),
        None if options.insecure => Arc::new(RootCertStore::empty()),
        None => system_authorities(),
    };
    let builder = if options.insecure {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(AcceptAll(algorithms)))
    } else {
        builder.with_root_certificates(roots)
    };
    match &options.identity {
        None => Ok(builder.with_no_client_auth()),
        Some((pem, key)) => builder
            .with_client_auth_cert(certificates(pem, "cert")?, private_key(key)?)
            .map_err(|error| invalid(&error.to_string())),
    }
}

/// The authorities in a PEM text.
///
/// # Errors
/// `Invalid`
pub fn authorities(pem: &[u8]) -> Result<RootCertStore, ErrorData> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem, "ca")? {
        roots.add(certificate).map_err(|error| invalid(&format!("ca: {error}")))?;
    }
    Ok(roots)
}

/// The authorities the system trusts, or those of Mozilla where it says nothing of that.
fn system_authorities() -> Arc<RootCertStore> {
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

/// Accepts every certificate, but only of a server that has its key.
#[derive(Debug)]
struct AcceptAll(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for AcceptAll {
    fn verify_server_cert(
        &self,
        _certificate: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
