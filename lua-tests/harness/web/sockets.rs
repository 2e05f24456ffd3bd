//! A WebSocket server. What it does depends on the path:
//!
//! | path | what |
//! | --- | --- |
//! | `/echo` | sends everything back |
//! | `/hello` | says which headers and protocols it was asked with, then echoes |
//! | `/count/N` | sends so many messages at once, then closes |
//! | `/close` | closes after the first message, with that as reason |
//! | `/drop` | ends the connection after the first message without a close |
//! | `/refuse` | refuses the handshake |

use std::io;
use std::sync::{Arc, Mutex};

use futures_util::{SinkExt, StreamExt};
use hyper::header::{self, HeaderValue};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};

/// Answers where it serves.
pub async fn serve(tls: Option<rustls::ServerConfig>) -> io::Result<String> {
    let listener = TcpListener::bind("0.0.0.0:0").await?;
    let address = format!("127.0.0.1:{}", listener.local_addr()?.port());
    let acceptor = tls.map(|mut config| {
        config.alpn_protocols.clear();
        TlsAcceptor::from(Arc::new(config))
    });
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // How a connection ends is the client's business.
                match acceptor {
                    None => drop(converse(stream).await),
                    Some(acceptor) => {
                        if let Ok(stream) = acceptor.accept(stream).await {
                            drop(converse(stream).await);
                        }
                    }
                }
            });
        }
    });
    Ok(address)
}

/// The path of a handshake, and what it was asked with.
#[derive(Default)]
struct Asked {
    path: String,
    greeting: String,
}

async fn converse(stream: impl AsyncRead + AsyncWrite + Unpin) -> Result<(), Error> {
    let asked = Mutex::new(Asked::default());
    #[allow(clippy::result_large_err)]
    let look = |request: &Request, mut response: Response| {
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or("none");
        let path = request.uri().path().to_owned();
        if path == "/refuse" {
            return Err(ErrorResponse::new(None));
        }
        let protocols = header("sec-websocket-protocol").to_owned();
        if let Some(first) = protocols.split(", ").next().filter(|first| *first != "none") {
            let first = HeaderValue::from_str(first).expect("part of a header");
            response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, first);
        }
        let greeting = format!("{} {} {protocols}", header("host"), header("x-test"));
        *asked.lock().expect("nobody panics with the lock") = Asked { path, greeting };
        Ok(response)
    };
    let mut stream = accept_hdr_async(stream, look).await?;
    let Asked { path, greeting } = std::mem::take(&mut *asked.lock().expect("nobody panics with the lock"));
    if path == "/hello" {
        stream.send(Message::text(greeting)).await?;
    }
    if let Some(count) = path.strip_prefix("/count/") {
        for i in 1..=count.parse::<u32>().unwrap_or_default() {
            stream.send(Message::text(i.to_string())).await?;
        }
        return stream.close(None).await;
    }
    while let Some(message) = stream.next().await {
        let message = message?;
        match path.as_str() {
            "/close" => {
                let reason = message.into_text()?;
                stream.close(Some(CloseFrame { code: 4000.into(), reason })).await?;
            }
            "/drop" => return Ok(()),
            _ if message.is_text() || message.is_binary() => stream.send(message).await?,
            _ => {}
        }
    }
    Ok(())
}
