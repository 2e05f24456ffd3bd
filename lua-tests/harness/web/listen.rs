//! Accepting connections, with or without TLS.

use std::future::Future;
use std::io;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// What a connection is read from and written to.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A connection.
pub struct Connection {
    pub stream: Box<dyn Stream>,
    /// Whether both sides have agreed on HTTP/2.
    pub http2: bool,
}

/// Serves a port of all addresses of the loopback network, with TLS if there is a setting for it. Answers where.
pub async fn serve<F>(
    tls: Option<rustls::ServerConfig>,
    converse: impl Fn(Connection) -> F + Clone + Send + 'static,
) -> io::Result<String>
where
    F: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind("0.0.0.0:0").await?;
    let address = format!("127.0.0.1:{}", listener.local_addr()?.port());
    let acceptor = tls.map(|config| TlsAcceptor::from(Arc::new(config)));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, converse) = (acceptor.clone(), converse.clone());
            tokio::spawn(async move {
                let connection = match acceptor {
                    None => Connection { stream: Box::new(stream), http2: false },
                    Some(acceptor) => {
                        // A handshake that fails is the client's business.
                        let Ok(stream) = acceptor.accept(stream).await else { return };
                        let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                        Connection { stream: Box::new(stream), http2 }
                    }
                };
                converse(connection).await;
            });
        }
    });
    Ok(address)
}

/// As [`serve`], for what is no HTTP/2 and whose clients see how it ends.
pub async fn serve_plainly<F, E>(
    tls: Option<rustls::ServerConfig>,
    converse: impl Fn(Box<dyn Stream>) -> F + Clone + Send + 'static,
) -> io::Result<String>
where
    F: Future<Output = Result<(), E>> + Send,
    E: Send,
{
    let tls = tls.map(|mut config| {
        config.alpn_protocols.clear();
        config
    });
    serve(tls, move |connection| {
        let conversation = converse(connection.stream);
        // How it ends is the client's business.
        async move { drop(conversation.await) }
    })
    .await
}
