//! An authority that exists as long as the tests, and what it certifies.

use std::io;
use std::sync::Arc;

use graviola::hashing::Sha256;
use graviola::signing::ecdsa::{P256, SigningKey};
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, Error, IsCa, Issuer, PKCS_ECDSA_P256_SHA256, PublicKeyData,
    SerialNumber, SignatureAlgorithm,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

/// A key of graviola, as rcgen wants it.
struct Key {
    key: SigningKey<P256>,
    /// The point, without the envelope that names its curve.
    point: Vec<u8>,
}

/// Length of a point that is not compressed.
const POINT: usize = 65;

impl Key {
    fn new() -> Result<Key, Error> {
        let key = SigningKey::generate().map_err(|_| Error::RemoteKeyError)?;
        let mut buffer = [0; 256];
        let envelope = key.to_spki_der(&mut buffer).map_err(|_| Error::RemoteKeyError)?;
        let point = envelope[envelope.len() - POINT..].to_vec();
        Ok(Key { key, point })
    }

    fn der(&self) -> Vec<u8> {
        let mut buffer = [0; 256];
        self.key.to_pkcs8_der(&mut buffer).expect("the buffer is long enough").to_vec()
    }
}

impl PublicKeyData for Key {
    fn der_bytes(&self) -> &[u8] {
        &self.point
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

impl rcgen::SigningKey for Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let mut buffer = [0; 256];
        let signature = self.key.sign_asn1::<Sha256>(&[message], &mut buffer);
        signature.map(<[u8]>::to_vec).map_err(|_| Error::RemoteKeyError)
    }
}

/// The authority and what it has certified.
pub struct Certificates {
    /// Its certificate, in PEM.
    pub authority: String,
    /// Certificate and key of a client, in PEM.
    pub client: (String, String),
    /// Certificate and key of a server for this machine, in PEM.
    pub machine: (String, String),
    server: (Certificate, Key),
    stranger: (Certificate, Key),
}

impl Certificates {
    pub fn new() -> Result<Certificates, Error> {
        let (key, mut own) = (Key::new()?, params(&[], 1)?);
        own.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = own.self_signed(&key)?.pem();
        let issuer = Issuer::new(own, key);
        let certify = |names: &[&str], number| {
            let key = Key::new()?;
            Ok::<_, Error>((params(names, number)?.signed_by(&key, &issuer)?, key))
        };
        let (client, key) = certify(&["client.test"], 2)?;
        let server = certify(&["localhost", "127.0.0.1", "moonlet.test"], 3)?;
        Ok(Certificates {
            authority,
            client: (client.pem(), private_pem(&key)),
            machine: (server.0.pem(), private_pem(&server.1)),
            server,
            stranger: certify(&["somebody.else.test"], 4)?,
        })
    }

    /// Settings of a server for everybody.
    pub fn server(&self) -> io::Result<ServerConfig> {
        let mut config = settings(&self.server, None)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }

    /// Settings of a server for clients with a certificate.
    pub fn server_for_clients(&self) -> io::Result<ServerConfig> {
        let mut roots = RootCertStore::empty();
        let authority = CertificateDer::from_pem_slice(self.authority.as_bytes()).map_err(io::Error::other)?;
        roots.add(authority).map_err(io::Error::other)?;
        settings(&self.server, Some(roots))
    }

    /// Settings of a server that is not who it seems to be.
    pub fn stranger(&self) -> io::Result<ServerConfig> {
        settings(&self.stranger, None)
    }
}

fn params(names: &[&str], number: u64) -> Result<CertificateParams, Error> {
    let mut params = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())?;
    params.serial_number = Some(SerialNumber::from(number));
    Ok(params)
}

fn private_pem(key: &Key) -> String {
    use base64::Engine;
    let text = base64::engine::general_purpose::STANDARD.encode(key.der());
    format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n")
}

fn settings((certificate, key): &(Certificate, Key), clients: Option<RootCertStore>) -> io::Result<ServerConfig> {
    let provider = Arc::new(rustls_graviola::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(roots) => {
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.map_err(io::Error::other)?)
        }
    };
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.der()));
    builder.with_single_cert(vec![certificate.der().clone()], key).map_err(io::Error::other)
}
