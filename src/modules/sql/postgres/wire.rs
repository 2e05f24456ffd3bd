//! The stream of messages to and from the server.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::BytesMut;
use postgres_protocol::message::backend::Message;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::client::TlsStream;

use crate::modules::sql::error::{SqlError, invalid};
use crate::runtime::errors::{INTERNAL, UNAVAILABLE};

/// A connection, encrypted or not.
pub enum Stream {
    /// As it is.
    Plain(TcpStream),
    /// Within TLS.
    Tls(Box<TlsStream<TcpStream>>),
    /// Through a socket in the file system.
    Local(UnixStream),
}

macro_rules! forward {
    ($self:ident, $stream:ident => $call:expr) => {
        match $self.get_mut() {
            Stream::Plain($stream) => $call,
            Stream::Tls($stream) => $call,
            Stream::Local($stream) => $call,
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        forward!(self, stream => Pin::new(stream).poll_read(cx, buf))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        forward!(self, stream => Pin::new(stream).poll_write(cx, buf))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        forward!(self, stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        forward!(self, stream => Pin::new(stream).poll_shutdown(cx))
    }
}

/// See the module header.
pub struct Wire {
    stream: Stream,
    input: BytesMut,
    output: BytesMut,
    lost: bool,
}

impl Wire {
    /// Messages through this stream.
    pub fn new(stream: Stream) -> Wire {
        Wire { stream, input: BytesMut::with_capacity(8 << 10), output: BytesMut::with_capacity(1 << 10), lost: false }
    }

    /// Whether the stream has ended, or carries something other than it should.
    pub fn is_lost(&self) -> bool {
        self.lost
    }

    /// Where messages are written that the next [`flush`](Wire::flush) sends.
    pub fn output(&mut self) -> &mut BytesMut {
        &mut self.output
    }

    /// Writes a message.
    ///
    /// # Errors
    /// `Invalid` for a text with a zero byte in it.
    pub fn append(&mut self, write: impl FnOnce(&mut BytesMut) -> io::Result<()>) -> Result<(), SqlError> {
        let before = self.output.len();
        write(&mut self.output).map_err(|error| {
            self.output.truncate(before);
            invalid(error.to_string())
        })
    }

    /// Sends what was written.
    pub async fn flush(&mut self) -> Result<(), SqlError> {
        let sent = self.stream.write_all_buf(&mut self.output).await;
        let sent = match sent {
            Ok(()) => self.stream.flush().await,
            Err(error) => Err(error),
        };
        sent.map_err(|error| self.lose(&error))
    }

    /// The next message.
    pub async fn next(&mut self) -> Result<Message, SqlError> {
        loop {
            match Message::parse(&mut self.input) {
                Ok(Some(message)) => return Ok(message),
                Ok(None) => {}
                Err(_) => {
                    self.lost = true;
                    return Err(SqlError::new(INTERNAL, "the server sent something unreadable"));
                }
            }
            match self.stream.read_buf(&mut self.input).await {
                Ok(0) => return Err(self.lose(&io::ErrorKind::UnexpectedEof.into())),
                Ok(_) => {}
                Err(error) => return Err(self.lose(&error)),
            }
        }
    }

    fn lose(&mut self, error: &io::Error) -> SqlError {
        self.lost = true;
        SqlError::new(UNAVAILABLE, format!("the connection was lost: {error}"))
    }
}
