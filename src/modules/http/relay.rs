//! Relays (`modules.md` §4.14): a connection whose handler has handed it over becomes a process.
//!
//! What the process does is written in Lua, see `relay.lua`: it has a PID, a mailbox and monitors as all have. This file has
//! the object through which it holds the connection, a WebSocket or a stream of events, and what leads there from the
//! response of the handler.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame};
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::http::request::Parts;
use hyper::upgrade::OnUpgrade;
use hyper::{Method, Response, StatusCode};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use smallvec::smallvec;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::sleep;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};

use super::exchange::{Outgoing, plain};
use super::response::event_text;
use crate::compile::NoModules;
use crate::modules::fields::{error_value, invalid};
use crate::modules::json;
use crate::modules::websocket::connection::{Connection, config};
use crate::runtime::context::Inheritance;
use crate::runtime::core::RuntimeCore;
use crate::runtime::data::Data;
use crate::runtime::errors::{CANCELED, ErrorData};
use crate::runtime::module::convert::{Bytes as Text, Result as ModuleResult};
use crate::runtime::module::function::async_method;
use crate::runtime::module::object::{Object, new_object, this};
use crate::runtime::module::resource::asked_to_stop;
use crate::runtime::operation::run_future;
use crate::runtime::spawn::{self, Chunk, Launch, Start};
use crate::runtime::time;
use crate::runtime::transfer::Parcel;
use crate::vm::Vm;
use crate::vm::native::{Args, Native, NativeResult};
use crate::vm::raw::string_bytes;
use crate::vm::userdata::Class;
use crate::vm::value::Value;

/// The header by which a handler hands a WebSocket over.
const WEBSOCKET: &str = "x-ws-relay";
/// The same for a stream of events.
const EVENTS: &str = "x-sse-relay";
/// The longest message of a client.
const MOST_MESSAGE: usize = 1 << 20;
/// How long a message may take on its way out.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// Events on their way to the connection.
const QUEUE: usize = 16;
/// The longest reason of a close.
const MOST_REASON: usize = 123;

static LINE: Class = Class {
    name: "http.Line",
    methods: &[
        async_method("receive", |line: Arc<Line>, ()| async move {
            Ok(line.receive().await.map(|data| Data::Text(data.into())))
        }),
        Native::new("send", send),
        async_method("ping", |line: Arc<Line>, ()| async move { line.ping().await.map(|()| true) }),
        async_method("close", |line: Arc<Line>, (code, reason): (u16, Text)| async move {
            line.close(code, &String::from_utf8_lossy(&reason.0)).await;
            Ok(true)
        }),
        async_method("wait", wait),
    ],
    metamethods: &[],
};

/// What a router may do with responses that hand their connections over.
#[derive(Debug)]
pub enum Relay {
    /// WebSockets, for pages of these origins.
    WebSocket(Origins),
    /// Streams of events, for pages of these origins.
    Events(Origins),
}

/// Sites whose pages may ask.
#[derive(Clone, Debug, Default)]
pub struct Origins(Vec<String>);

impl Origins {
    /// A list of origins.
    pub fn new(list: Vec<String>) -> Origins {
        Origins(list)
    }

    /// The origin of a request if it is one of these: `*`, whole origins, `*.` before a domain, perhaps with a scheme before.
    pub fn find<'a>(&self, headers: &'a HeaderMap) -> Option<&'a HeaderValue> {
        let origin = headers.get(header::ORIGIN)?;
        let text = origin.to_str().ok()?;
        let host = text.split_once("://").map_or(text, |(_, host)| host);
        let host = host.split(':').next().unwrap_or(host);
        let matches = |allowed: &String| match allowed.strip_prefix("*") {
            Some("") => true,
            Some(domain) if domain.starts_with('.') => host.len() > domain.len() && host.ends_with(domain),
            _ => match allowed.split_once("://*.") {
                Some((scheme, domain)) => {
                    text.split_once("://").is_some_and(|(other, _)| other == scheme)
                        && host.strip_suffix(domain).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
                }
                None => allowed == text,
            },
        };
        self.0.iter().any(matches).then_some(origin)
    }

    /// Whether a request comes from one of these, from the server's own pages if there are none, or from no page at all.
    fn admits(&self, head: &Parts) -> bool {
        let Some(origin) = head.headers.get(header::ORIGIN) else { return true };
        if !self.0.is_empty() {
            return self.find(&head.headers).is_some();
        }
        let own = head.headers.get(header::HOST).map(HeaderValue::as_bytes);
        let named = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
        own.is_some() && named.map(|(_, host)| host.as_bytes()) == own
    }
}

/// What a relay needs of the server.
pub struct Surroundings<'a> {
    /// Where its process runs.
    pub core: &'a Arc<RuntimeCore>,
    /// What it runs.
    pub program: Program,
    /// Whether the server is to stop.
    pub stopping: watch::Receiver<bool>,
}

/// The program of relays.
#[derive(Clone, Copy)]
pub struct Program(Chunk);

impl Program {
    /// Takes the program into the image of a runtime.
    pub fn new(core: &RuntimeCore) -> Program {
        let source = include_str!("relay.lua");
        Program(Chunk::compile(&core.image, source.as_bytes(), "=relay", &NoModules).expect("the program is valid"))
    }
}

/// Hands the connection of a response over, if the handler wants that; what the client is told then. Otherwise the response
/// as it is.
pub fn take_over(
    relays: &[Relay],
    head: &Parts,
    mut response: Response<Outgoing>,
    upgrade: Option<OnUpgrade>,
    surroundings: Surroundings<'_>,
) -> Response<Outgoing> {
    for relay in relays {
        let (name, origins) = match relay {
            Relay::WebSocket(origins) => (WEBSOCKET, origins),
            Relay::Events(origins) => (EVENTS, origins),
        };
        let Some(order) = response.headers_mut().remove(name) else { continue };
        if !origins.admits(head) {
            return plain(StatusCode::FORBIDDEN);
        }
        let parsed = serde_json::from_slice::<serde_json::Value>(order.as_bytes());
        if !parsed.is_ok_and(|order| order.is_object()) {
            // Not the client's mistake, and none of its business.
            return plain(StatusCode::INTERNAL_SERVER_ERROR);
        }
        return match relay {
            Relay::WebSocket(_) => open_websocket(head, &order, upgrade, &surroundings),
            Relay::Events(_) => open_events(response, &order, &surroundings),
        };
    }
    response
}

/// The answer to a handshake. The process begins when the connection has been switched over.
fn open_websocket(
    head: &Parts,
    order: &HeaderValue,
    upgrade: Option<OnUpgrade>,
    surroundings: &Surroundings<'_>,
) -> Response<Outgoing> {
    let has = |name, word: &str| {
        let lists = head.headers.get_all(name).iter().filter_map(|list| list.to_str().ok());
        lists.flat_map(|list| list.split(',')).any(|item| item.trim().eq_ignore_ascii_case(word))
    };
    let key = head.headers.get(header::SEC_WEBSOCKET_KEY);
    let is_handshake =
        head.method == Method::GET && has(header::CONNECTION, "upgrade") && has(header::UPGRADE, "websocket");
    let (Some(upgrade), Some(key), true) = (upgrade, key, is_handshake) else {
        let mut response = plain(StatusCode::UPGRADE_REQUIRED);
        response.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        return response;
    };
    if !has(header::SEC_WEBSOCKET_VERSION, "13") {
        let mut response = plain(StatusCode::BAD_REQUEST);
        response.headers_mut().insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        return response;
    }
    let Ok(accept) = HeaderValue::from_str(&derive_accept_key(key.as_bytes())) else {
        return plain(StatusCode::BAD_REQUEST);
    };
    let (core, program, stopping) =
        (Arc::clone(surroundings.core), surroundings.program, surroundings.stopping.clone());
    let order = order.clone();
    tokio::spawn(async move {
        // A client that has gone away meanwhile has nothing to be told.
        let Ok(upgraded) = upgrade.await else { return };
        let io = TokioIo::new(upgraded);
        let stream = WebSocketStream::from_raw_socket(io, Role::Server, Some(config(MOST_MESSAGE))).await;
        let connection = Arc::new(Connection::over(stream, None, WRITE_TIMEOUT));
        let line = Line::new(Wire::Socket(connection), stopping);
        start(&core, program, line, "ws", &order);
    });
    let mut response = plain(StatusCode::SWITCHING_PROTOCOLS);
    let headers = response.headers_mut();
    headers.clear();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    response
}

/// A response whose body is what the process sends.
fn open_events(
    response: Response<Outgoing>,
    order: &HeaderValue,
    surroundings: &Surroundings<'_>,
) -> Response<Outgoing> {
    let (mut head, _) = response.into_parts();
    head.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    head.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    let (sender, receiver) = mpsc::channel(QUEUE);
    let line = Line::new(Wire::Events(sender), surroundings.stopping.clone());
    start(surroundings.core, surroundings.program, line, "sse", order);
    Response::from_parts(head, Events(receiver).boxed_unsync())
}

/// Starts the process of a connection.
fn start(core: &Arc<RuntimeCore>, program: Program, line: Line, kind: &'static str, order: &HeaderValue) {
    let line = Arc::new(line);
    let begin = |vm: &mut Vm| {
        let function = program.0.closure(vm);
        let options = json::value_of(vm, order.as_bytes())?.map_err(|why| vm.error(&why))?;
        let kind = vm.string(kind.as_bytes())?;
        Ok((function, smallvec![new_object(vm, Arc::clone(&line)), kind, options]))
    };
    let id = "moonlet:relay".into();
    let start = Start::Program { id: &id, begin: &begin, interruptible: false };
    // Without a process nobody holds the connection, which ends it: the runtime is going down.
    if let Ok(process) =
        spawn::create(core, core.hosts.default_host(), &start, &Parcel::Empty, Inheritance::default(), None)
    {
        spawn::launch(process, Launch::default()).unwrap_or_else(|_| unreachable!("only a name can be taken"));
    }
}

/// The connection as its process holds it.
struct Line {
    stopping: watch::Receiver<bool>,
    /// Gone once it is closed.
    wire: Mutex<Option<Wire>>,
    closing: Notify,
}

#[derive(Clone)]
enum Wire {
    Socket(Arc<Connection>),
    Events(mpsc::Sender<Bytes>),
}

impl Object for Line {
    fn class() -> &'static Class {
        &LINE
    }

    fn release(&self) {
        self.wire.lock().take();
    }
}

fn gone() -> ErrorData {
    ErrorData::judged(CANCELED, "the client has gone away", false)
}

impl Line {
    fn new(wire: Wire, stopping: watch::Receiver<bool>) -> Line {
        Line { stopping, wire: Mutex::new(Some(wire)), closing: Notify::new() }
    }

    fn wire(&self) -> Option<Wire> {
        self.wire.lock().clone()
    }

    /// What the client sends next; `None` when it has gone away or the connection is closed. When the server is to stop,
    /// the connection is closed.
    async fn receive(&self) -> Option<Vec<u8>> {
        let mut stopping = self.stopping.clone();
        let next = async {
            match self.wire()? {
                Wire::Socket(connection) => connection.receive().await.map(|message| message.data.to_vec()),
                Wire::Events(sender) => {
                    tokio::select! {
                        () = sender.closed() => {}
                        () = self.closing.notified() => {}
                    }
                    None
                }
            }
        };
        tokio::select! {
            received = next => received,
            () = asked_to_stop(&mut stopping) => {
                self.close(1001, "the server stops").await;
                None
            }
        }
    }

    async fn ping(&self) -> ModuleResult<()> {
        match self.wire().ok_or_else(gone)? {
            Wire::Socket(connection) => connection.send(Message::Ping(Bytes::new())).await,
            // A comment.
            Wire::Events(sender) => sender.send(Bytes::from_static(b":\n\n")).await.map_err(|_| gone()),
        }
    }

    async fn close(&self, code: u16, reason: &str) {
        let wire = self.wire.lock().take();
        self.closing.notify_one();
        if let Some(Wire::Socket(connection)) = wire {
            let end = (0..=reason.len().min(MOST_REASON)).rev().find(|end| reason.is_char_boundary(*end));
            let reason = reason[..end.unwrap_or(0)].into();
            // A client that has gone away needs no farewell.
            let _ = connection.send(Message::Close(Some(CloseFrame { code: code.into(), reason }))).await;
        }
    }
}

/// `line:send(topic, value)`
fn send(vm: &mut Vm, args: Args) -> NativeResult {
    let Some(line) = this::<Line>(args.get(vm, 0)) else {
        return Err(vm.type_error(0, LINE.name, args.try_get(vm, 0)));
    };
    let (topic, mut data) = (args.get(vm, 1), args.get(vm, 2));
    args.check_bytes(vm, 1)?;
    if data.is_string() && std::str::from_utf8(string_bytes(data)).is_err() {
        data = vm.string(STANDARD.encode(string_bytes(data)).as_bytes())?;
    }
    let wire = line.wire();
    let value = match wire {
        Some(Wire::Socket(_)) => {
            let message = vm.new_table(0, 2);
            vm.raw_set_name(message, "topic", topic)?;
            vm.raw_set_name(message, "data", data)?;
            Value::table(message)
        }
        _ => data,
    };
    let text = match json::text_of(vm, value)? {
        Ok(text) => Ok(text),
        Err(why) => Err(invalid(format!("not JSON: {why}"))),
    };
    let topic = string_bytes(topic).to_vec();
    let send = async move {
        let text = text?;
        match wire.ok_or_else(gone)? {
            // JSON is UTF-8.
            Wire::Socket(connection) => connection.send(Message::text(String::from_utf8_lossy(&text).as_ref())).await,
            Wire::Events(sender) => sender.send(event_text(&topic, &text)?.into()).await.map_err(|_| gone()),
        }
    };
    run_future(vm, "relay", send, |vm, result| {
        Ok(match result {
            Ok(()) => smallvec![Value::TRUE, Value::NIL],
            Err(error) => smallvec![Value::NIL, error_value(vm, error)],
        })
    })
}

/// `line:wait(duration)`: a number means milliseconds. What is no duration is an hour.
async fn wait(_: Arc<Line>, (span,): (Data,)) -> ModuleResult<bool> {
    let span = match &span {
        Data::Text(text) => time::Duration::parse(text).filter(|span| span.0 > 0).map(|span| span.to_std()),
        Data::Integer(milliseconds @ 1..) => Some(Duration::from_millis(*milliseconds as u64)),
        _ => None,
    };
    sleep(span.unwrap_or(Duration::from_secs(3600))).await;
    Ok(true)
}

/// A body of events.
struct Events(mpsc::Receiver<Bytes>);

impl Body for Events {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<Frame<Bytes>, io::Error>>> {
        self.0.poll_recv(context).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}
