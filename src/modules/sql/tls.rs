//! TLS to database servers, with as much trust as the options ask for.

use std::fs;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::config::Server;
use super::error::{SqlError, invalid};
use crate::modules::certificates::{
    self, Trust, authorities, certificates, client_config, private_key, system_authorities,
};
use crate::runtime::errors::{ErrorData, INVALID, UNAVAILABLE};

/// Begins TLS on a connection. In `verify-full` the server must be the host, for which an authority vouches; in `verify-ca` an
/// authority must vouch for it; in other modes it may be anyone.
pub async fn connect(stream: TcpStream, server: &Server, mode: &str) -> Result<TlsStream<TcpStream>, SqlError> {
    let name = ServerName::try_from(server.host.clone()).map_err(|_| invalid("the host is no name for TLS"))?;
    let config = config(server, mode).map_err(refused)?;
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .map_err(|error| SqlError::new(UNAVAILABLE, format!("TLS: {error}")))
}

/// What stands for settings that cannot be used.
pub fn refused(error: ErrorData) -> SqlError {
    let kind = if *error.kind == *UNAVAILABLE { UNAVAILABLE } else { INVALID };
    SqlError::new(kind, error.message)
}

fn config(server: &Server, mode: &str) -> Result<ClientConfig, ErrorData> {
    let roots = || match server.option("sslrootcert") {
        None => Ok(system_authorities()),
        Some(file) => authorities(&read(file)?, file),
    };
    let trust = match mode {
        "verify-full" => Trust::Host(roots()?),
        "verify-ca" => Trust::Authority(roots()?),
        _ => Trust::Anyone,
    };
    let identity = match (server.option("sslcert"), server.option("sslkey")) {
        (Some(chain), Some(key)) => Some((certificates(&read(chain)?, chain)?, private_key(&read(key)?, key)?)),
        _ => None,
    };
    client_config(&trust, identity)
}

fn read(file: &str) -> Result<Vec<u8>, ErrorData> {
    fs::read(file).map_err(|error| certificates::invalid(format_args!("{file}: {error}")))
}
