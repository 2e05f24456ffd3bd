//! A server that breaks the rules: what it sends depends on the path alone. Who begins a TLS handshake where there is no
//! TLS is hung up on; who says nothing that ends with a line break waits for ever.
//!
//! | path | what |
//! | --- | --- |
//! | `/reset` | closes without an answer |
//! | `/garbage` | no HTTP |
//! | `/short` | announces more than it sends |
//! | `/gzip` | a body that is not gzip although it says so |
//! | `/half` | the beginning of a gzip body |
//! | `/cut` | announces more than it sends, and drops the connection; of TLS, without saying so |
//! | `/once/KEY` | answers, and closes the connection while it seems to stay open; the next answer comes over another |

use std::io;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

use super::listen::{Stream, serve_plainly};

/// What a TLS handshake begins with.
const HANDSHAKE: u8 = 0x16;

/// Serves with TLS if there is a setting for it. Answers where.
pub async fn serve(tls: Option<rustls::ServerConfig>) -> io::Result<String> {
    serve_plainly(tls, answer).await
}

async fn answer(stream: Box<dyn Stream>) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    if stream.fill_buf().await?.first() == Some(&HANDSHAKE) {
        return Ok(());
    }
    let mut first = String::new();
    stream.read_line(&mut first).await?;
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
    }
    let path = first.split(' ').nth(1).unwrap_or_default();
    let response: &[u8] = match path {
        "/garbage" => b"this is not HTTP at all\r\n\r\n",
        "/short" | "/cut" => b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this",
        "/gzip" => b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 7\r\n\r\nno gzip",
        "/half" => b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 6\r\n\r\n\x1f\x8b\x08\x00\x00\x00",
        _ if path.starts_with("/once") => b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nonce",
        _ => b"",
    };
    stream.write_all(response).await?;
    if path == "/cut" {
        return stream.flush().await;
    }
    stream.shutdown().await
}
