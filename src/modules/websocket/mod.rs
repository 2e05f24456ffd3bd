//! The `websocket` module (`modules.md` §4.15): connections to WebSocket servers.
//!
//! What arrives comes through a channel. A task of the process, the *pump*, takes messages from the [`connection`] and
//! sends them to the channel; as long as that is full it waits, and so does the other end of the connection.

pub mod connection;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use parking_lot::Mutex;
use smallvec::smallvec;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use url::Url;

use self::connection::{Connection, Order};
use super::fields::{self, Fields, check_not_empty, error_value, invalid};
use super::http_client::read_tls;
use super::net::resolve::Resolver;
use super::net::tls::TlsSettings;
use super::succeed;
use crate::runtime::access::Access;
use crate::runtime::channel::HeldChannel;
use crate::runtime::errors::ErrorData;
use crate::runtime::module::{Module, ModuleClass, module};
use crate::runtime::operation::run_future;
use crate::runtime::process_state::state;
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::heap::Marker;
use crate::vm::image::{Library, Literal};
use crate::vm::native::{Args, Continuation, Flow, Native, NativeResult};
use crate::vm::object::UserData;
use crate::vm::raw::string_bytes;
use crate::vm::userdata::Class;
use crate::vm::value::Value;

/// The module.
#[derive(Default)]
pub struct WebSocket {
    resolver: OnceLock<Resolver>,
    tls: TlsSettings,
}

impl Module for WebSocket {
    fn libraries(&self) -> Vec<&'static Library> {
        vec![&LIBRARY]
    }

    fn classes(&self) -> &'static [ModuleClass] {
        &[ModuleClass::Network, ModuleClass::Io, ModuleClass::Nondeterministic]
    }

    fn manifest(&self) -> &'static str {
        include_str!("websocket.d.lua")
    }
}

static LIBRARY: Library = Library {
    name: "websocket",
    global: false,
    natives: &[Native::new("connect", connect)],
    constants: &[
        ("TEXT", Literal::Integer(TEXT)),
        ("BINARY", Literal::Integer(BINARY)),
        ("TYPE_TEXT", Literal::String("text")),
        ("TYPE_BINARY", Literal::String("binary")),
        ("TYPE_PING", Literal::String("ping")),
        ("TYPE_PONG", Literal::String("pong")),
        ("TYPE_CLOSE", Literal::String("close")),
        (
            "COMPRESSION",
            Literal::Table(&[
                ("DISABLED", Literal::Integer(0)),
                ("CONTEXT_TAKEOVER", Literal::Integer(1)),
                ("NO_CONTEXT", Literal::Integer(2)),
            ]),
        ),
        (
            "CLOSE_CODES",
            Literal::Table(&[
                ("NORMAL", Literal::Integer(1000)),
                ("GOING_AWAY", Literal::Integer(1001)),
                ("PROTOCOL_ERROR", Literal::Integer(1002)),
                ("UNSUPPORTED_DATA", Literal::Integer(1003)),
                ("NO_STATUS", Literal::Integer(1005)),
                ("ABNORMAL_CLOSURE", Literal::Integer(1006)),
                ("INVALID_PAYLOAD", Literal::Integer(1007)),
                ("POLICY_VIOLATION", Literal::Integer(1008)),
                ("MESSAGE_TOO_BIG", Literal::Integer(1009)),
                ("MANDATORY_EXTENSION", Literal::Integer(1010)),
                ("INTERNAL_ERROR", Literal::Integer(1011)),
                ("SERVICE_RESTART", Literal::Integer(1012)),
                ("TRY_AGAIN_LATER", Literal::Integer(1013)),
                ("BAD_GATEWAY", Literal::Integer(1014)),
                ("TLS_HANDSHAKE", Literal::Integer(1015)),
            ]),
        ),
    ],
};

const TEXT: i64 = 1;
const BINARY: i64 = 2;

/// Connections.
pub static CLIENT: Class = Class {
    name: "websocket.Client",
    methods: &[
        Native::new("send", send),
        Native::new("ping", ping),
        Native::new("channel", channel_of),
        Native::new("receive", channel_of),
        Native::new("close", close),
    ],
    metamethods: &[Native::new("__tostring", text)],
};

/// Longest reason of a close.
const MOST_REASON: usize = 123;

/// A connection as programs have it.
struct Client {
    /// Gone once it was closed.
    connection: Arc<Mutex<Option<Arc<Connection>>>>,
    channel: HeldChannel,
}

impl UserData for Client {
    fn class(&self) -> &'static str {
        CLIENT.name
    }

    fn trace(&self, marker: &mut Marker) {
        marker.mark(self.channel.value());
    }
}

/// `connect(url, options?)`
fn connect(vm: &mut Vm, args: Args) -> NativeResult {
    let url = check_not_empty(vm, args, 0)?;
    let options = args.get(vm, 1);
    let (order, capacity) = match read_order(vm, url, options) {
        Ok(order) => order,
        Err(error) => return fields::fail(vm, error),
    };
    let websocket = module::<WebSocket>(vm);
    let driver = Arc::clone(&state(vm).core().driver);
    let open = async move {
        let resolver = websocket.resolver.get_or_init(|| Resolver::new(driver));
        Connection::open(order, resolver, &websocket.tls).await
    };
    run_future(vm, "websocket connect", open, move |vm, result| match result {
        Ok(connection) => Ok(smallvec![new_client(vm, connection, capacity), Value::NIL]),
        Err(error) => Ok(smallvec![Value::NIL, error_value(vm, error)]),
    })
}

fn read_order(vm: &mut Vm, url: &[u8], options: Value) -> Result<(Order, usize), ErrorData> {
    const MIB: i64 = 1 << 20;
    let malformed = || invalid(format!("malformed url {}", String::from_utf8_lossy(url)));
    let mut url = std::str::from_utf8(url).ok().and_then(|url| Url::parse(url).ok()).ok_or_else(malformed)?;
    if !matches!(url.scheme(), "ws" | "wss") {
        return Err(malformed());
    }
    url.set_fragment(None);
    let fields = Fields::of(options, "options")?;
    let mut headers = HeaderMap::new();
    for (name, values) in fields.map(vm, "headers")?.unwrap_or_default() {
        let shown = String::from_utf8_lossy(&name).into_owned();
        let name = HeaderName::from_bytes(&name).map_err(|_| invalid(format!("headers.{shown}: not a header name")))?;
        for value in values {
            let value = HeaderValue::from_bytes(&value);
            headers.append(&name, value.map_err(|_| invalid(format!("headers.{shown}: control characters")))?);
        }
    }
    let mut protocols = Vec::new();
    for protocol in fields.list(vm, "protocols")?.unwrap_or_default() {
        if !protocol.is_string() {
            return Err(invalid("protocols: list of strings expected"));
        }
        let token = HeaderName::from_bytes(string_bytes(protocol)).is_ok();
        let text = String::from_utf8(string_bytes(protocol).to_vec());
        protocols.push(text.ok().filter(|_| token).ok_or_else(|| invalid("protocols: not a protocol name"))?);
    }
    let mut within = |key: &'static str, default: i64, least: i64, most: i64| match fields.integer(vm, key)? {
        None => Ok(default),
        Some(value) if (least..=most).contains(&value) => Ok(value),
        Some(_) => Err(invalid(format!("{key}: not between {least} and {most}"))),
    };
    // Peers need not agree to compress, and this one never does.
    within("compression", 0, 0, 2)?;
    within("compression_threshold", 0, 0, 100 * MIB)?;
    let read_limit = within("read_limit", 128 * MIB, 0, 128 * MIB)?;
    let capacity = within("channel_capacity", 64, 1, 10_000)?;
    let millisecond = Duration::from_millis(1);
    let order = Order {
        access: Access::of_caller(vm),
        headers,
        protocols,
        dial_timeout: fields.duration(vm, "dial_timeout", millisecond)?.unwrap_or(Duration::from_secs(30)),
        read_timeout: fields.duration(vm, "read_timeout", millisecond)?,
        write_timeout: fields.duration(vm, "write_timeout", millisecond)?.unwrap_or(Duration::from_secs(30)),
        read_limit: if read_limit == 0 { 128 * MIB as usize } else { read_limit as usize },
        tls: read_tls(vm, fields)?,
        url,
    };
    order.access.check("websocket.connect", "websocket")?;
    order.access.check("websocket.connect.url", order.url.as_str())?;
    if order.tls.insecure {
        order.access.check("http_client.insecure_tls", order.url.as_str())?;
    }
    Ok((order, capacity as usize))
}

/// A client of a connection, whose messages are on their way to its channel from now on.
fn new_client(vm: &mut Vm, connection: Connection, capacity: usize) -> Value {
    let channel = HeldChannel::new(vm, capacity);
    let arrivals = channel.value();
    let metatable = vm.image.class(&CLIENT);
    let client = Client { connection: Arc::new(Mutex::new(Some(Arc::new(connection)))), channel };
    let client = Value::userdata(vm.heap.new_userdata(client, metatable));
    let thread = vm.new_root(Value::native(&PUMP));
    let tasks = &mut state(vm).tasks;
    tasks.spawn(thread, smallvec![client, arrivals]);
    tasks.let_main_take_turns();
    client
}

/// The function of the pump: client and channel are its arguments.
static PUMP: Native = Native::new("pump", pump);
static NEXT: Native = Native::new("next_message", next_message);
static RECEIVED: Continuation =
    Continuation { name: "websocket.pump.received", resume: received, catch: None, yieldable: true };
static SENT: Continuation = Continuation {
    name: "websocket.pump.sent",
    resume: |vm, args, _| pump(vm, args),
    // The program has closed the channel: it wants no more.
    catch: Some(|_, _, _| Ok(Flow::Return(0))),
    yieldable: true,
};

fn pump(vm: &mut Vm, args: Args) -> NativeResult {
    vm.keep_only(args);
    let client = args.get(vm, 0);
    vm.push(Value::native(&NEXT))?;
    vm.push(client)?;
    Ok(Flow::Call { args: 1, then: &RECEIVED })
}

/// The next message as a table, or nil at the end.
fn next_message(vm: &mut Vm, args: Args) -> NativeResult {
    let connection = args.check_userdata::<Client>(vm, 0, CLIENT.name)?.connection.lock().clone();
    let next = async move {
        match connection {
            Some(connection) => connection.receive().await,
            None => None,
        }
    };
    run_future(vm, "websocket message", next, |vm, message| {
        let Some(message) = message else { return Ok(smallvec![Value::NIL]) };
        let kind = vm.string(if message.is_text { b"text" } else { b"binary" })?;
        let data = vm.string(&message.data)?;
        let table = vm.new_table(0, 2);
        vm.raw_set_name(table, "type", kind)?;
        vm.raw_set_name(table, "data", data)?;
        Ok(smallvec![Value::table(table)])
    })
}

fn received(vm: &mut Vm, args: Args, results: Args) -> NativeResult {
    let (channel, message) = (args.get(vm, 1), results.get(vm, 0));
    vm.keep_only(args);
    let method = if message.is_nil() { "close" } else { "send" };
    let methods = vm.metatable_of(channel);
    let methods = vm.raw_get_name(methods, "__index")?;
    let method = vm.raw_get_name(methods.as_table(), method)?;
    vm.push(method)?;
    vm.push(channel)?;
    if message.is_nil() {
        return Ok(Flow::TailCall(1));
    }
    vm.push(message)?;
    Ok(Flow::Call { args: 2, then: &SENT })
}

fn this<'a>(vm: &mut Vm, args: Args) -> Result<&'a mut Client, Box<LuaError>> {
    args.check_userdata(vm, 0, CLIENT.name)
}

/// Sends a message and answers `true, nil` or `false, error`. After the last one the connection is closed, however it went.
fn send_message(vm: &mut Vm, args: Args, message: Message, is_last: bool) -> NativeResult {
    let shared = Arc::clone(&this(vm, args)?.connection);
    let Some(connection) = shared.lock().clone() else {
        return if is_last {
            succeed(vm, Value::TRUE)
        } else {
            fields::fail_with(vm, Value::FALSE, invalid("the connection was closed"))
        };
    };
    let send = async move {
        let result = connection.send(message).await;
        if is_last {
            shared.lock().take();
        }
        result
    };
    run_future(vm, "websocket send", send, move |vm, result| match result {
        // One that has ended already is closed too.
        Ok(()) => Ok(smallvec![Value::TRUE, Value::NIL]),
        Err(_) if is_last => Ok(smallvec![Value::TRUE, Value::NIL]),
        Err(error) => Ok(smallvec![Value::FALSE, error_value(vm, error)]),
    })
}

/// `client:send(data, type?)`
fn send(vm: &mut Vm, args: Args) -> NativeResult {
    this(vm, args)?;
    let data = args.check_bytes(vm, 1)?;
    let kind = args.get(vm, 2);
    let is_text = match kind {
        kind if kind.is_nil() => true,
        kind if kind.is_int() && kind.as_int() == TEXT => true,
        kind if kind.is_int() && kind.as_int() == BINARY => false,
        kind if kind.is_string() && string_bytes(kind) == b"text" => true,
        kind if kind.is_string() && string_bytes(kind) == b"binary" => false,
        _ => return fields::fail_with(vm, Value::FALSE, invalid("no such message type")),
    };
    let message = match (is_text, std::str::from_utf8(data)) {
        (true, Ok(text)) => Message::text(text),
        (true, Err(_)) => return fields::fail_with(vm, Value::FALSE, invalid("text messages must be UTF-8")),
        (false, _) => Message::binary(data.to_vec()),
    };
    send_message(vm, args, message, false)
}

fn ping(vm: &mut Vm, args: Args) -> NativeResult {
    send_message(vm, args, Message::Ping(bytes::Bytes::new()), false)
}

fn channel_of(vm: &mut Vm, args: Args) -> NativeResult {
    let channel = this(vm, args)?.channel.value();
    succeed(vm, channel)
}

/// `client:close(code?, reason?)`
fn close(vm: &mut Vm, args: Args) -> NativeResult {
    this(vm, args)?;
    let code = args.opt_int(vm, 1, 1000)?;
    let reason = if args.get(vm, 2).is_nil() { b"" } else { args.check_bytes(vm, 2)? };
    let code = u16::try_from(code).ok().filter(|code| (1000..=4999).contains(code));
    let reason = std::str::from_utf8(reason).ok().filter(|reason| reason.len() <= MOST_REASON);
    match (code, reason) {
        (Some(code), Some(reason)) => {
            let frame = CloseFrame { code: code.into(), reason: reason.into() };
            send_message(vm, args, Message::Close(Some(frame)), true)
        }
        (None, _) => fields::fail_with(vm, Value::FALSE, invalid("close code: not between 1000 and 4999")),
        (_, None) => fields::fail_with(vm, Value::FALSE, invalid("close reason: not UTF-8, or too long")),
    }
}

fn text(vm: &mut Vm, args: Args) -> NativeResult {
    let state = if this(vm, args)?.connection.lock().is_some() { "open" } else { "closed" };
    let text = vm.string(format!("{}{{{state}}}", CLIENT.name).as_bytes())?;
    vm.answer(text)
}
