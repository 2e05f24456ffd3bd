//! `http.Response`: what a function answers.

use std::sync::Arc;

use smallvec::smallvec;

use super::exchange::{Exchange, Piece, Transfer};
use crate::modules::fields::{Fields, error_value, invalid};
use crate::modules::json;
use crate::runtime::errors::ErrorData;
use crate::runtime::operation::run_future;
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::native::{Args, Flow, Native, NativeResult};
use crate::vm::object::UserData;
use crate::vm::userdata::Class;
use crate::vm::value::Value;

/// Responses, as functions see them.
pub static RESPONSE: Class = Class {
    name: "http.Response",
    methods: &[
        Native::new("set_status", set_status),
        Native::new("set_header", set_header),
        Native::new("set_content_type", set_content_type),
        Native::new("set_transfer", set_transfer),
        Native::new("write", write),
        Native::new("write_json", write_json),
        Native::new("write_event", write_event),
        Native::new("flush", flush),
    ],
    metamethods: &[],
};

struct Response(Arc<Exchange>);

impl UserData for Response {
    fn class(&self) -> &'static str {
        RESPONSE.name
    }
}

/// The response of an exchange.
pub fn new_value(vm: &mut Vm, exchange: Arc<Exchange>) -> Value {
    let metatable = vm.image.class(&RESPONSE);
    Value::userdata(vm.heap.new_userdata(Response(exchange), metatable))
}

fn this(vm: &mut Vm, args: Args) -> Result<Arc<Exchange>, Box<LuaError>> {
    args.check_userdata::<Response>(vm, 0, RESPONSE.name).map(|response| Arc::clone(&response.0))
}

/// Answers with nothing, or the error alone.
fn done(vm: &mut Vm, result: Result<(), ErrorData>) -> NativeResult {
    match result {
        Ok(()) => Ok(Flow::Return(0)),
        Err(error) => {
            let error = error_value(vm, error);
            vm.answer(error)
        }
    }
}

/// The same, once the piece has been taken.
fn sent(vm: &mut Vm, piece: Result<Option<Piece>, ErrorData>) -> NativeResult {
    match piece {
        Ok(Some(piece)) => run_future(vm, "response write", piece.send(), |vm, result| match result {
            Ok(()) => Ok(smallvec![]),
            Err(error) => Ok(smallvec![error_value(vm, error)]),
        }),
        Ok(None) => Ok(Flow::Return(0)),
        Err(error) => done(vm, Err(error)),
    }
}

fn set_status(vm: &mut Vm, args: Args) -> NativeResult {
    let exchange = this(vm, args)?;
    let status = args.check_int(vm, 1)?;
    done(vm, exchange.set_status(status))
}

fn set_header(vm: &mut Vm, args: Args) -> NativeResult {
    let exchange = this(vm, args)?;
    let (name, value) = (args.check_bytes(vm, 1)?, args.check_bytes(vm, 2)?);
    done(vm, exchange.set_header(name, value))
}

fn set_content_type(vm: &mut Vm, args: Args) -> NativeResult {
    let exchange = this(vm, args)?;
    let value = args.check_bytes(vm, 1)?;
    done(vm, exchange.set_header(b"content-type", value))
}

fn set_transfer(vm: &mut Vm, args: Args) -> NativeResult {
    let exchange = this(vm, args)?;
    let transfer = match args.check_bytes(vm, 1)? {
        b"chunked" => Transfer::Chunked,
        b"sse" => Transfer::Events,
        _ => return done(vm, Err(invalid("no such transfer mode"))),
    };
    done(vm, exchange.set_transfer(transfer))
}

fn write(vm: &mut Vm, args: Args) -> NativeResult {
    let exchange = this(vm, args)?;
    let piece = exchange.write(args.check_bytes(vm, 1)?, false);
    sent(vm, piece)
}

fn write_json(vm: &mut Vm, args: Args) -> NativeResult {
    let exchange = this(vm, args)?;
    let value = args.check_any(vm, 1)?;
    let piece = match json::text_of(vm, value)? {
        Ok(text) => {
            exchange.default_content_type("application/json");
            exchange.write(&text, false)
        }
        Err(why) => Err(invalid(format!("not JSON: {why}"))),
    };
    sent(vm, piece)
}

/// `write_event {name, data}`: each goes out at once.
fn write_event(vm: &mut Vm, args: Args) -> NativeResult {
    let exchange = this(vm, args)?;
    let event = Fields::of(Value::table(args.check_table(vm, 1)?), "event");
    let name = match event.and_then(|event| event.string(vm, "name")) {
        Ok(name) => name.unwrap_or_default(),
        Err(error) => return done(vm, Err(error)),
    };
    let event = args.check_table(vm, 1)?;
    let data = vm.raw_get_name(event, "data")?;
    let text = match json::text_of(vm, data)? {
        Ok(text) => text,
        Err(why) => return done(vm, Err(invalid(format!("data: not JSON: {why}")))),
    };
    let piece = event_text(&name, &text)
        .and_then(|lines| exchange.set_transfer(Transfer::Events).and_then(|()| exchange.write(&lines, true)));
    sent(vm, piece)
}

/// An event as it goes out; its data is JSON, and so one line.
///
/// # Errors
/// `Invalid` if its name is more than one line.
pub fn event_text(name: &[u8], data: &[u8]) -> Result<Vec<u8>, ErrorData> {
    if name.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
        return Err(invalid("name: must be one line"));
    }
    let before = if name.is_empty() { Vec::new() } else { [b"event: ", name, b"\n"].concat() };
    Ok([&*before, b"data: ", data, b"\n\n"].concat())
}

fn flush(vm: &mut Vm, args: Args) -> NativeResult {
    let piece = this(vm, args)?.write(b"", true);
    sent(vm, piece)
}
