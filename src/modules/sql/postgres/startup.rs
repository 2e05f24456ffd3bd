//! The beginning of a session: TLS, authentication, session parameters.

use std::time::Duration;

use fallible_iterator::FallibleIterator;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{self, ChannelBinding, ScramSha256};
use postgres_protocol::message::backend::Message;
use postgres_protocol::message::frontend;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

use super::error::server_error;
use super::wire::{Stream, Wire};
use crate::modules::sql::config::Server;
use crate::modules::sql::error::{SqlError, invalid};
use crate::modules::sql::tls;
use crate::runtime::errors::{INTERNAL, PERMISSION_DENIED, TIMEOUT, UNAVAILABLE};

/// Options that are not parameters of the session.
const OWN_OPTIONS: [&str; 5] = ["sslmode", "sslrootcert", "sslcert", "sslkey", "connect_timeout"];

/// How long connecting may take unless an option says otherwise.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// A session that waits for its first command, and what cancels its commands.
pub async fn connect(server: &Server) -> Result<(Wire, Option<(i32, i32)>), SqlError> {
    let timeout = match server.option("connect_timeout").map(str::parse) {
        None => CONNECT_TIMEOUT,
        Some(Ok(seconds)) => Duration::from_secs(seconds),
        Some(Err(_)) => return Err(invalid("connect_timeout must be a number of seconds")),
    };
    let begun = async {
        let mut wire = Wire::new(dial(server).await?);
        let cancel_key = begin(&mut wire, server).await?;
        Ok((wire, cancel_key))
    };
    match tokio::time::timeout(timeout, begun).await {
        Ok(result) => result,
        Err(_) => Err(SqlError::new(TIMEOUT, format!("connecting to {server:?} took too long"))),
    }
}

/// Asks the server to cancel what another session does.
pub async fn cancel(server: &Server, process: i32, secret: i32) -> Result<(), SqlError> {
    let mut wire = Wire::new(dial(server).await?);
    wire.append(|buffer| {
        frontend::cancel_request(process, secret, buffer);
        Ok(())
    })?;
    wire.flush().await?;
    // The server closes the connection when it has done so.
    let _ = wire.next().await;
    Ok(())
}

async fn dial(server: &Server) -> Result<Stream, SqlError> {
    let refused = |error| SqlError::new(UNAVAILABLE, format!("cannot connect to {server:?}: {error}"));
    if server.host.starts_with('/') {
        let path = format!("{}/.s.PGSQL.{}", server.host, server.port);
        return UnixStream::connect(path).await.map(Stream::Local).map_err(refused);
    }
    let mut stream = TcpStream::connect((server.host.as_str(), server.port)).await.map_err(refused)?;
    // Messages are sent in one piece; waiting for more would only delay them.
    stream.set_nodelay(true).map_err(refused)?;
    let mode = server.option("sslmode").unwrap_or("prefer");
    if mode == "disable" {
        return Ok(Stream::Plain(stream));
    }
    let mut request = bytes::BytesMut::new();
    frontend::ssl_request(&mut request);
    stream.write_all(&request).await.map_err(refused)?;
    match stream.read_u8().await.map_err(refused)? {
        b'S' => {
            let stream = tls::connect(stream, server, mode).await?;
            Ok(Stream::Tls(Box::new(stream)))
        }
        _ if mode == "prefer" => Ok(Stream::Plain(stream)),
        _ => Err(SqlError::new(UNAVAILABLE, "the server does not offer TLS")),
    }
}

async fn begin(wire: &mut Wire, server: &Server) -> Result<Option<(i32, i32)>, SqlError> {
    let mut parameters = vec![
        ("client_encoding", "UTF8"),
        ("DateStyle", "ISO"),
        ("user", server.username.as_str()),
        ("database", server.database.as_str()),
    ];
    let options = server.options.iter().filter(|(name, _)| !OWN_OPTIONS.contains(&name.as_str()));
    parameters.extend(options.map(|(name, value)| (name.as_str(), value.as_str())));
    wire.append(|buffer| frontend::startup_message(parameters, buffer))?;
    wire.flush().await?;
    let mut cancel_key = None;
    let unreadable = |_| SqlError::new(INTERNAL, "the server sent something unreadable");
    loop {
        match wire.next().await? {
            Message::AuthenticationOk | Message::ParameterStatus(_) | Message::NoticeResponse(_) => {}
            Message::AuthenticationCleartextPassword => password(wire, server.password.as_bytes()).await?,
            Message::AuthenticationMd5Password(body) => {
                let hash = md5_hash(server.username.as_bytes(), server.password.as_bytes(), body.salt());
                password(wire, hash.as_bytes()).await?;
            }
            Message::AuthenticationSasl(body) => {
                let known = body.mechanisms().any(|name| Ok(name == sasl::SCRAM_SHA_256)).map_err(unreadable)?;
                if !known {
                    return Err(SqlError::new(PERMISSION_DENIED, "the server asks for an unknown authentication"));
                }
                scram(wire, server).await?;
            }
            Message::BackendKeyData(body) => cancel_key = Some((body.process_id(), body.secret_key())),
            Message::ReadyForQuery(_) => return Ok(cancel_key),
            Message::ErrorResponse(body) => return Err(server_error(&body)),
            _ => return Err(SqlError::new(PERMISSION_DENIED, "the server asks for an unknown authentication")),
        }
    }
}

async fn password(wire: &mut Wire, password: &[u8]) -> Result<(), SqlError> {
    wire.append(|buffer| frontend::password_message(password, buffer))?;
    wire.flush().await
}

async fn scram(wire: &mut Wire, server: &Server) -> Result<(), SqlError> {
    let failed = |_| SqlError::new(PERMISSION_DENIED, "the server could not prove that it knows the password");
    let mut scram = ScramSha256::new(server.password.as_bytes(), ChannelBinding::unsupported());
    wire.append(|buffer| frontend::sasl_initial_response(sasl::SCRAM_SHA_256, scram.message(), buffer))?;
    wire.flush().await?;
    loop {
        match wire.next().await? {
            Message::AuthenticationSaslContinue(body) => {
                scram.update(body.data()).map_err(failed)?;
                wire.append(|buffer| frontend::sasl_response(scram.message(), buffer))?;
                wire.flush().await?;
            }
            Message::AuthenticationSaslFinal(body) => return scram.finish(body.data()).map_err(failed),
            Message::ErrorResponse(body) => return Err(server_error(&body)),
            _ => return Err(SqlError::new(INTERNAL, "the server sent something unexpected")),
        }
    }
}
