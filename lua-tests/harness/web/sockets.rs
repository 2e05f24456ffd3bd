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
use std::sync::Mutex;

use futures_util::{SinkExt, StreamExt};
use hyper::header::{self, HeaderValue};
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::listen::{Stream, serve_plainly};

/// Answers where it serves.
pub async fn serve(tls: Option<rustls::ServerConfig>) -> io::Result<String> {
    serve_plainly(tls, converse).await
}

/// The path of a handshake, and what it was asked with.
#[derive(Default)]
struct Asked {
    path: String,
    greeting: String,
}

async fn converse(stream: Box<dyn Stream>) -> Result<(), Error> {
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
