//! TLS to database servers, with as much trust as the options ask for.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::config::Server;
use super::error::{SqlError, invalid};
use crate::runtime::errors::UNAVAILABLE;

/// Whose certificate is accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trust {
    /// Anyone's: the connection is encrypted and no more.
    Anyone,
    /// That of whoever an authority vouches for.
    Authority,
    /// That of the host, for which an authority vouches.
    Host,
}

/// The cryptography of TLS.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls_graviola::default_provider())
}

/// Begins TLS on a connection.
pub async fn connect(stream: TcpStream, server: &Server, trust: Trust) -> Result<TlsStream<TcpStream>, SqlError> {
    let name = ServerName::try_from(server.host.clone()).map_err(|_| invalid("the host is no name for TLS"))?;
    let config = Arc::new(config(server, trust)?);
    TlsConnector::from(config)
        .connect(name, stream)
        .await
        .map_err(|error| SqlError::new(UNAVAILABLE, format!("TLS: {error}")))
}

fn config(server: &Server, trust: Trust) -> Result<ClientConfig, SqlError> {
    let provider = provider();
    let roots = match server.option("sslrootcert") {
        None => RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() },
        Some(file) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(file)? {
                roots.add(certificate).map_err(|error| invalid(format!("{file}: {error}")))?;
            }
            roots
        }
    };
    let full = match trust {
        Trust::Anyone => None,
        Trust::Authority | Trust::Host => {
            let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
            Some(builder.build().map_err(|error| invalid(format!("certificates: {error}")))?)
        }
    };
    let verifier = Arc::new(Verifier { trust, full, provider: Arc::clone(&provider) });
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| invalid(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    match (server.option("sslcert"), server.option("sslkey")) {
        (Some(certificate), Some(key)) => {
            let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| invalid(format!("{key}: {error}")))?;
            let chain = certificates(certificate)?;
            builder.with_client_auth_cert(chain, secret).map_err(|error| invalid(format!("{certificate}: {error}")))
        }
        _ => Ok(builder.with_no_client_auth()),
    }
}

fn certificates(file: &str) -> Result<Vec<CertificateDer<'static>>, SqlError> {
    let unreadable = |error| invalid(format!("{file}: {error}"));
    CertificateDer::pem_file_iter(file).map_err(unreadable)?.map(|item| item.map_err(unreadable)).collect()
}

/// Checks as much of a certificate as is asked for. That the server has the key to it is checked always.
#[derive(Debug)]
struct Verifier {
    trust: Trust,
    full: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(full) = &self.full else { return Ok(ServerCertVerified::assertion()) };
        match full.verify_server_cert(certificate, intermediates, name, ocsp, now) {
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if self.trust == Trust::Authority => Ok(ServerCertVerified::assertion()),
            result => result,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
