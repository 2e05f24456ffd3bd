//! A server that breaks the rules: what it sends depends on the path alone.
//!
//! | path | what |
//! | --- | --- |
//! | `/reset` | closes without an answer |
//! | `/garbage` | no HTTP |
//! | `/short` | announces more than it sends |
//! | `/gzip` | a body that is not gzip although it says so |
//! | `/half` | the beginning of a gzip body |
//! | `/once/KEY` | answers, and closes the connection while it seems to stay open; the next answer comes over another |

use std::io;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Answers where it serves.
pub async fn serve() -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // What becomes of it is the client's business.
            tokio::spawn(async move { drop(answer(stream).await) });
        }
    });
    Ok(address)
}

async fn answer(stream: TcpStream) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
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
        "/short" => b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this",
        "/gzip" => b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 7\r\n\r\nno gzip",
        "/half" => b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 6\r\n\r\n\x1f\x8b\x08\x00\x00\x00",
        _ if path.starts_with("/once") => b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nonce",
        _ => b"",
    };
    stream.write_all(response).await?;
    stream.shutdown().await
}
