//! The `http` module (`modules.md` §4.14): servers, and the functions that answer their requests.
//!
//! | file | owns |
//! | --- | --- |
//! | [`service`] | what a server is to be; listening, connections, the way of a request |
//! | [`route`] | which function a method and a path lead to |
//! | [`middleware`], [`firewall`] | what is passed on the way there and back |
//! | [`exchange`] | one request and its response, between the connection and the process that answers |
//! | [`request`], [`response`], [`multipart`] | what functions see of them |
//! | [`files`] | static files |
//! | [`relay`] | connections that become processes: WebSockets, streams of events |
//! | [`tls`], `deadline` | connections |
//!
//! A function learns of its exchange by its process: it is kept here under the PID from before the process runs until it
//! has ended. What the function starts has other PIDs, and no exchange.

mod deadline;
pub mod exchange;
pub mod files;
pub mod firewall;
pub mod middleware;
pub mod multipart;
pub mod relay;
pub mod request;
pub mod response;
pub mod route;
pub mod service;
#[cfg(all(test, not(loom)))]
mod tests;
pub mod tls;

use std::sync::{Arc, OnceLock};

use hashbrown::HashMap;
use parking_lot::Mutex;

use self::exchange::Exchange;
use super::{fields, succeed};
use crate::runtime::errors::{ErrorData, INTERNAL};
use crate::runtime::module::{Module, ModuleClass, module};
use crate::runtime::pid::Pid;
use crate::runtime::process_state::state;
use crate::vm::Vm;
use crate::vm::image::{Library, Literal};
use crate::vm::native::{Args, Native, NativeResult};

/// The module, with the exchanges under way by the process that answers.
#[derive(Default)]
pub struct Http {
    exchanges: Mutex<HashMap<Pid, Arc<Exchange>>>,
    /// What the processes of relays run.
    relay: OnceLock<relay::Program>,
}

impl Module for Http {
    fn libraries(&self) -> Vec<&'static Library> {
        vec![&LIBRARY]
    }

    fn classes(&self) -> &'static [ModuleClass] {
        &[ModuleClass::Network, ModuleClass::Io]
    }

    fn manifest(&self) -> &'static str {
        include_str!("http.d.lua")
    }
}

static LIBRARY: Library = Library {
    name: "http",
    global: false,
    natives: &[Native::new("request", request), Native::new("response", response)],
    constants: &[
        (
            "METHOD",
            Literal::Table(&[
                ("GET", Literal::String("GET")),
                ("POST", Literal::String("POST")),
                ("PUT", Literal::String("PUT")),
                ("DELETE", Literal::String("DELETE")),
                ("PATCH", Literal::String("PATCH")),
                ("HEAD", Literal::String("HEAD")),
                ("OPTIONS", Literal::String("OPTIONS")),
            ]),
        ),
        ("STATUS", Literal::Table(STATUS)),
        (
            "CONTENT",
            Literal::Table(&[
                ("JSON", Literal::String("application/json")),
                ("FORM", Literal::String("application/x-www-form-urlencoded")),
                ("MULTIPART", Literal::String("multipart/form-data")),
                ("TEXT", Literal::String("text/plain")),
                ("STREAM", Literal::String("application/octet-stream")),
            ]),
        ),
        ("TRANSFER", Literal::Table(&[("CHUNKED", Literal::String("chunked")), ("SSE", Literal::String("sse"))])),
        (
            "ERROR",
            Literal::Table(&[
                ("PARSE_FAILED", Literal::String("PARSE_FAILED")),
                ("INVALID_STATE", Literal::String("INVALID_STATE")),
                ("WRITE_FAILED", Literal::String("WRITE_FAILED")),
                ("STREAM_ERROR", Literal::String("STREAM_ERROR")),
            ]),
        ),
    ],
};

const STATUS: &[(&str, Literal)] = &[
    ("OK", Literal::Integer(200)),
    ("CREATED", Literal::Integer(201)),
    ("ACCEPTED", Literal::Integer(202)),
    ("NO_CONTENT", Literal::Integer(204)),
    ("PARTIAL_CONTENT", Literal::Integer(206)),
    ("MOVED_PERMANENTLY", Literal::Integer(301)),
    ("FOUND", Literal::Integer(302)),
    ("SEE_OTHER", Literal::Integer(303)),
    ("NOT_MODIFIED", Literal::Integer(304)),
    ("TEMPORARY_REDIRECT", Literal::Integer(307)),
    ("PERMANENT_REDIRECT", Literal::Integer(308)),
    ("BAD_REQUEST", Literal::Integer(400)),
    ("UNAUTHORIZED", Literal::Integer(401)),
    ("PAYMENT_REQUIRED", Literal::Integer(402)),
    ("FORBIDDEN", Literal::Integer(403)),
    ("NOT_FOUND", Literal::Integer(404)),
    ("METHOD_NOT_ALLOWED", Literal::Integer(405)),
    ("NOT_ACCEPTABLE", Literal::Integer(406)),
    ("CONFLICT", Literal::Integer(409)),
    ("GONE", Literal::Integer(410)),
    ("UNPROCESSABLE", Literal::Integer(422)),
    ("TOO_MANY_REQUESTS", Literal::Integer(429)),
    ("INTERNAL_ERROR", Literal::Integer(500)),
    ("INTERNAL_SERVER_ERROR", Literal::Integer(500)),
    ("NOT_IMPLEMENTED", Literal::Integer(501)),
    ("BAD_GATEWAY", Literal::Integer(502)),
    ("SERVICE_UNAVAILABLE", Literal::Integer(503)),
    ("GATEWAY_TIMEOUT", Literal::Integer(504)),
    ("VERSION_NOT_SUPPORTED", Literal::Integer(505)),
];

/// The exchange that the calling process answers.
fn exchange(vm: &mut Vm) -> Result<Arc<Exchange>, ErrorData> {
    let process = state(vm).process();
    let http = module::<Http>(vm);
    let exchange = http.exchanges.lock().get(&process.pid).map(Arc::clone);
    exchange.ok_or_else(|| ErrorData::judged(INTERNAL, "not in an HTTP call", false))
}

/// `http.request(options?)`
fn request(vm: &mut Vm, args: Args) -> NativeResult {
    let options = args.get(vm, 0);
    match exchange(vm).and_then(|exchange| request::new_value(vm, exchange, options)) {
        Ok(request) => succeed(vm, request),
        Err(error) => fields::fail(vm, error),
    }
}

/// `http.response()`
fn response(vm: &mut Vm, _: Args) -> NativeResult {
    match exchange(vm) {
        Ok(exchange) => {
            let response = response::new_value(vm, exchange);
            succeed(vm, response)
        }
        Err(error) => fields::fail(vm, error),
    }
}
