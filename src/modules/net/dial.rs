//! From a place to an open connection: name, address guard, attempts in turn, TLS.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{AlertDescription, ClientConfig};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;

use super::resolve::Resolver;
use super::{address, timed_out, unavailable};
use crate::runtime::access::Access;
use crate::runtime::errors::{ErrorData, INVALID, UNAVAILABLE};

/// What connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// What the handshake of TLS may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an address is tried alone before the next is tried beside it (RFC 8305).
const HEAD_START: Duration = Duration::from_millis(250);

/// Where to connect to.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Place {
    /// A port of a machine: a name, or an address.
    Port(Box<str>, u16),
    /// A socket in the file system.
    Socket(PathBuf),
}

/// An open connection.
pub struct Connected {
    /// Its bytes.
    pub stream: Box<dyn Duplex>,
    /// The other end; sockets in the file system have none.
    pub peer: Option<IpAddr>,
    /// Whether both ends have agreed on HTTP/2.
    pub http2: bool,
}

/// A stream of bytes in both directions.
pub trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}

/// TLS on a connection.
pub struct Secure {
    /// Its settings.
    pub config: Arc<ClientConfig>,
    /// The name the server must prove.
    pub server_name: ServerName<'static>,
}

impl Secure {
    /// TLS with a server of this name or address.
    ///
    /// # Errors
    /// `Invalid` if it is neither.
    pub fn new(config: Arc<ClientConfig>, name: &str) -> Result<Secure, ErrorData> {
        Ok(Secure { config, server_name: server_name(name)? })
    }
}

/// The name or address of a server, as it must be in its certificate.
///
/// # Errors
/// `Invalid` if it is neither.
pub fn server_name(name: &str) -> Result<ServerName<'static>, ErrorData> {
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    let bare = bare.strip_suffix('.').unwrap_or(bare);
    ServerName::try_from(bare.to_owned())
        .map_err(|_| ErrorData::judged(INVALID, &format!("tls: {name} is no name of a server"), false))
}

/// Connects. Private addresses need leave for `private_action`.
///
/// # Errors
/// `PermissionDenied`, `Unavailable`, `Timeout`
pub async fn dial(
    resolver: &Resolver,
    access: &Access,
    private_action: &str,
    place: &Place,
    secure: Option<Secure>,
) -> Result<Connected, ErrorData> {
    let too_late = |_| timed_out(format!("connecting to {place} has taken too long"));
    let connect = async {
        match place {
            Place::Socket(path) => {
                let stream =
                    UnixStream::connect(path).await.map_err(|error| unavailable(format!("{place}: {error}")))?;
                Ok((Box::new(stream) as Box<dyn Duplex>, None))
            }
            Place::Port(host, port) => {
                let addresses = addresses(resolver, host).await?;
                for address in &addresses {
                    address::check(access, private_action, *address)?;
                }
                let (stream, peer) =
                    race(&addresses, *port).await.map_err(|error| unavailable(format!("{place}: {error}")))?;
                // Without it small requests wait for acknowledgements; a system that refuses it is only slower.
                let _ = stream.set_nodelay(true);
                Ok((Box::new(stream) as Box<dyn Duplex>, Some(peer)))
            }
        }
    };
    let (stream, peer) = timeout(CONNECT_TIMEOUT, connect).await.map_err(too_late)??;
    let Some(Secure { config, server_name }) = secure else { return Ok(Connected { stream, peer, http2: false }) };
    let handshake = TlsConnector::from(config).connect(server_name, stream);
    let stream = timeout(HANDSHAKE_TIMEOUT, handshake)
        .await
        .map_err(|_| timed_out(format!("the TLS handshake with {place} has taken too long")))?
        .map_err(|error| handshake_failure(place, &error))?;
    let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    Ok(Connected { stream: Box::new(stream), peer, http2 })
}

async fn addresses(resolver: &Resolver, host: &str) -> Result<Vec<IpAddr>, ErrorData> {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    match bare.parse() {
        Ok(address) => Ok(vec![address]),
        Err(_) => resolver.resolve(host).await,
    }
}

/// Connects to the first address that answers. Each has a head start before the next is tried too.
async fn race(addresses: &[IpAddr], port: u16) -> io::Result<(TcpStream, IpAddr)> {
    let mut attempts = JoinSet::new();
    let mut rest = addresses.iter().copied();
    let mut failure = None;
    loop {
        let next = rest.next();
        if let Some(address) = next {
            attempts.spawn(async move {
                TcpStream::connect(SocketAddr::new(address, port)).await.map(|stream| (stream, address))
            });
        }
        let outcome = tokio::select! {
            outcome = attempts.join_next() => outcome,
            () = sleep(HEAD_START), if next.is_some() => continue,
        };
        match outcome {
            Some(Ok(Ok(connected))) => return Ok(connected),
            Some(Ok(Err(error))) => failure = failure.or(Some(error)),
            Some(Err(panic)) => failure = failure.or(Some(io::Error::other(panic))),
            None => return Err(failure.unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into())),
        }
    }
}

/// The error of a handshake: another attempt changes nothing about a certificate.
fn handshake_failure(place: &Place, error: &io::Error) -> ErrorData {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
    let refused = match cause {
        Some(rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented) => true,
        Some(rustls::Error::AlertReceived(alert)) => matches!(
            alert,
            AlertDescription::BadCertificate
                | AlertDescription::UnknownCA
                | AlertDescription::CertificateRequired
                | AlertDescription::CertificateUnknown
                | AlertDescription::CertificateExpired
                | AlertDescription::AccessDenied
        ),
        _ => false,
    };
    ErrorData::judged(UNAVAILABLE, &format!("TLS handshake with {place}: {error}"), !refused)
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Place::Port(host, port) => write!(f, "{host}:{port}"),
            Place::Socket(path) => write!(f, "{}", path.display()),
        }
    }
}

impl AsyncRead for Connected {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connected {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
