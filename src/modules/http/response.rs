//! `http.Response`: what a function answers.

use std::sync::Arc;

use smallvec::smallvec;

use super::exchange::{Exchange, Piece, Transfer};
use crate::modules::fields::{error_value, invalid};
use crate::runtime::errors::ErrorData;
use crate::runtime::operation::run_future;
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::native::{Args, Flow, Native, NativeResult};
use crate::vm::object::UserData;
use crate::vm::userdata::Class;
use crate::vm::value::Value;

static RESPONSE: Class = Class {
    name: "http.Response",
    methods: &[
        Native::new("set_status", set_status),
        Native::new("set_header", set_header),
        Native::new("set_content_type", set_content_type),
        Native::new("set_transfer", set_transfer),
        Native::new("write", write),
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
    Value::userdata(vm.heap.new_userdata(Box::new(Response(exchange)), metatable))
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

fn flush(vm: &mut Vm, args: Args) -> NativeResult {
    let piece = this(vm, args)?.write(b"", true);
    sent(vm, piece)
}
