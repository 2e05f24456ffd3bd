//! A connection, driven by a task of its own: it sends what it is told to, and hands over what arrives as fast as that is
//! taken. Whoever drops the [`Connection`] closes the socket at once.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Request, Uri};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use url::{Position, Url};

use crate::modules::fields::invalid;
use crate::modules::net::dial::{Connected, Place, Secure, dial};
use crate::modules::net::resolve::Resolver;
use crate::modules::net::tls::{TlsOptions, TlsSettings};
use crate::modules::net::{timed_out, unavailable};
use crate::runtime::access::Access;
use crate::runtime::errors::ErrorData;

/// How long the other end may take to agree to a close.
const CLOSE_TIME: Duration = Duration::from_secs(5);

/// What a program asks for.
pub struct Order {
    /// What the caller may do.
    pub access: Access,
    /// Where to connect to.
    pub url: Url,
    /// Headers of the handshake.
    pub headers: HeaderMap,
    /// Protocols on offer, the best first.
    pub protocols: Vec<String>,
    /// How long connecting may take.
    pub dial_timeout: Duration,
    /// How long nothing may arrive, if that is limited.
    pub read_timeout: Option<Duration>,
    /// How long a message may take on its way out.
    pub write_timeout: Duration,
    /// The longest message that may arrive.
    pub read_limit: usize,
    /// Settings of TLS.
    pub tls: TlsOptions,
}

/// What arrives, as programs see it.
pub struct Incoming {
    /// Whether it is text.
    pub is_text: bool,
    /// Its content.
    pub data: Bytes,
}

/// An open connection.
pub struct Connection {
    commands: mpsc::Sender<(Message, oneshot::Sender<Result<(), ErrorData>>)>,
    incoming: Mutex<mpsc::Receiver<Incoming>>,
    driver: AbortHandle,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

fn gone() -> ErrorData {
    unavailable("the connection has ended")
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// `Invalid`, `PermissionDenied`, `Unavailable`, `Timeout`
    pub async fn open(order: Order, resolver: &Resolver, tls: &TlsSettings) -> Result<Connection, ErrorData> {
        let late = |_| timed_out(format!("{}: no connection in time", order.url));
        let stream = timeout(order.dial_timeout, order.handshake(resolver, tls)).await.map_err(late)??;
        Ok(Connection::over(stream, order.read_timeout, order.write_timeout))
    }

    /// A connection whose handshake is done. For how long nothing may arrive, and how long a message may take on its way
    /// out.
    pub fn over<S>(stream: WebSocketStream<S>, read_timeout: Option<Duration>, write_timeout: Duration) -> Connection
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (commands, orders) = mpsc::channel(1);
        let (arrived, incoming) = mpsc::channel(1);
        let driver = Driver { stream, orders, arrived, limits: (read_timeout, write_timeout) };
        let driver = tokio::spawn(driver.run()).abort_handle();
        Connection { commands, incoming: Mutex::new(incoming), driver }
    }

    /// Sends a message, or closes the connection with one.
    ///
    /// # Errors
    /// `Unavailable` if the connection has ended, `Timeout`
    pub async fn send(&self, message: Message) -> Result<(), ErrorData> {
        let (answer, result) = oneshot::channel();
        self.commands.send((message, answer)).await.map_err(|_| gone())?;
        result.await.unwrap_or_else(|_| Err(gone()))
    }

    /// The next message; `None` if the connection has ended.
    pub async fn receive(&self) -> Option<Incoming> {
        self.incoming.lock().await.recv().await
    }
}

impl Order {
    async fn handshake(&self, resolver: &Resolver, tls: &TlsSettings) -> Result<WebSocketStream<Connected>, ErrorData> {
        let host = self.url.host_str().unwrap_or_default();
        let is_secure = self.url.scheme() == "wss";
        let port = self.url.port().unwrap_or(if is_secure { 443 } else { 80 });
        // Settings that make no sense are an error also where they are not needed.
        let secure = if is_secure || self.tls != TlsOptions::default() {
            let name = self.tls.server_name.as_deref().unwrap_or(host);
            Some(Secure::new(tls.get(&self.tls, false)?, name)?)
        } else {
            None
        };
        let place = Place::Port(host.into(), port);
        let connected =
            dial(resolver, &self.access, "http_client.private_ip", &place, secure.filter(|_| is_secure)).await?;
        let handshake = client_async_with_config(self.request()?, connected, Some(config(self.read_limit)));
        match handshake.await {
            Ok((stream, _)) => Ok(stream),
            Err(error) => Err(unavailable(format!("{}: {error}", self.url))),
        }
    }

    fn request(&self) -> Result<Request<()>, ErrorData> {
        let mut request = Request::new(());
        let uri = self.url.as_str().parse::<Uri>().map_err(|_| invalid("malformed url"))?;
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        let text = |text: &str| HeaderValue::from_str(text).map_err(|_| invalid("malformed header"));
        headers.insert(header::HOST, text(&self.url[Position::BeforeHost..Position::AfterPort])?);
        for (name, value) in &self.headers {
            headers.append(name, value.clone());
        }
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        headers.insert(header::SEC_WEBSOCKET_KEY, text(&generate_key())?);
        if !self.protocols.is_empty() {
            headers.insert(header::SEC_WEBSOCKET_PROTOCOL, text(&self.protocols.join(", "))?);
        }
        Ok(request)
    }
}

/// The settings of connections on which messages may have so many bytes.
pub fn config(read_limit: usize) -> WebSocketConfig {
    WebSocketConfig::default().max_message_size(Some(read_limit)).max_frame_size(Some(read_limit)).write_buffer_size(0)
}

/// The task behind a connection.
struct Driver<S> {
    stream: WebSocketStream<S>,
    orders: mpsc::Receiver<(Message, oneshot::Sender<Result<(), ErrorData>>)>,
    arrived: mpsc::Sender<Incoming>,
    /// For reads, if there is one, and writes.
    limits: (Option<Duration>, Duration),
}

impl<S: AsyncRead + AsyncWrite + Unpin> Driver<S> {
    async fn run(mut self) {
        let (read_limit, write_limit) = self.limits;
        // What has arrived and nobody has taken. Nothing more is read meanwhile.
        let mut waiting: Option<Incoming> = None;
        loop {
            let silence = async {
                match read_limit {
                    Some(limit) => sleep(limit).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                order = self.orders.recv() => {
                    let Some((message, answer)) = order else { return };
                    let is_close = matches!(message, Message::Close(_));
                    let result = send(&mut self.stream, message, write_limit).await;
                    if is_close {
                        // What still arrives is read to get at the other end's answer.
                        let _ = timeout(CLOSE_TIME, async { while let Some(Ok(_)) = self.stream.next().await {} }).await;
                    }
                    let failed = result.is_err();
                    // Who has asked may be gone.
                    let _ = answer.send(result);
                    if is_close || failed {
                        return;
                    }
                }
                room = self.arrived.reserve(), if waiting.is_some() => {
                    let (Ok(room), Some(message)) = (room, waiting.take()) else { return };
                    room.send(message);
                }
                message = self.stream.next(), if waiting.is_none() => match message {
                    Some(Ok(Message::Text(text))) => waiting = Some(Incoming { is_text: true, data: text.into() }),
                    Some(Ok(Message::Binary(data))) => waiting = Some(Incoming { is_text: false, data }),
                    // Pings are answered on the way.
                    Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                    Some(Ok(Message::Close(_))) => {
                        let _ = timeout(CLOSE_TIME, async { while let Some(Ok(_)) = self.stream.next().await {} }).await;
                        return;
                    }
                    Some(Err(_)) | None => return,
                },
                () = silence, if waiting.is_none() => return,
            }
        }
    }
}

async fn send<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut WebSocketStream<S>,
    message: Message,
    limit: Duration,
) -> Result<(), ErrorData> {
    match timeout(limit, stream.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(Error::ConnectionClosed | Error::AlreadyClosed)) => Err(gone()),
        Ok(Err(error)) => Err(unavailable(format!("websocket: {error}"))),
        Err(_) => Err(timed_out("the message was not taken in time")),
    }
}
