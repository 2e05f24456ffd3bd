//! TLS of a server.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::WebPkiClientVerifier;
use tokio_rustls::TlsAcceptor;

use crate::modules::certificates::{authorities, certificates, invalid, private_key, provider};
use crate::runtime::errors::ErrorData;

/// What a server proves, and what it wants proved. All in PEM.
pub struct ServerTls {
    /// Its certificates, its own first.
    pub certificate: Vec<u8>,
    /// Its key.
    pub key: Vec<u8>,
    /// The authorities of its clients, if these have certificates.
    pub client_authorities: Option<Vec<u8>>,
    /// Whether clients must have certificates.
    pub client_required: bool,
}

impl ServerTls {
    /// What makes handshakes.
    ///
    /// # Errors
    /// `Invalid` for what is no PEM or does not fit together.
    pub fn acceptor(&self) -> Result<TlsAcceptor, ErrorData> {
        let provider = provider()?;
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(invalid)?;
        let builder = match &self.client_authorities {
            None => builder.with_no_client_auth(),
            Some(pem) => {
                let roots = authorities(pem, "ca")?;
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
                let verifier = if self.client_required { verifier } else { verifier.allow_unauthenticated() };
                builder.with_client_cert_verifier(verifier.build().map_err(invalid)?)
            }
        };
        let (certificates, key) = (certificates(&self.certificate, "cert")?, private_key(&self.key, "key")?);
        let mut config = builder.with_single_cert(certificates, key).map_err(invalid)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}
