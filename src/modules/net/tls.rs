//! The settings of TLS connections that programs ask for (`modules.md` §3.4).

use std::sync::Arc;

use hashbrown::HashMap;
use parking_lot::Mutex;
use rustls::ClientConfig;

use crate::modules::certificates::{self, Trust, authorities, certificates, private_key, system_authorities};
use crate::runtime::errors::ErrorData;

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

fn client_config(options: &TlsOptions) -> Result<ClientConfig, ErrorData> {
    let trust = match &options.authorities {
        _ if options.insecure => Trust::Anyone,
        Some(pem) => Trust::Host(authorities(pem, "ca")?),
        None => Trust::Host(system_authorities()),
    };
    let identity = match &options.identity {
        None => None,
        Some((pem, key)) => Some((certificates(pem, "cert")?, private_key(key, "key")?)),
    };
    certificates::client_config(&trust, identity)
}
