//! The `http_client` module (`modules.md` §3): requests to HTTP servers.
//!
//! | file | owns |
//! | --- | --- |
//! | `options`, [`multipart`], [`uri`] | from the arguments of a call to an order |
//! | [`exchange`] | from an order to its reply: permissions, connection, redirects |
//! | [`pool`] | connections, used again by all processes of the runtime |
//! | [`body`] | the body of a response, piece by piece |
//! | `response` | from a reply to the table that programs get |
//!
//! An order is plain data. What runs off the workers is a future of one exchange; when its process ends, the future is
//! dropped, and its connection is closed with it.

pub mod body;
pub mod exchange;
pub mod multipart;
mod options;
pub mod pool;
mod response;
#[cfg(all(test, not(loom)))]
mod tests;
pub mod uri;

use std::sync::{Arc, OnceLock};

use smallvec::smallvec;
use tokio::task::JoinSet;

use self::exchange::{Client, Reply};
use self::options::Draft;
pub use self::options::read_tls;
use super::fields::{self, Fields, check_not_empty, error_value, invalid};
use super::succeed;
use crate::runtime::errors::{ErrorData, INTERNAL};
use crate::runtime::module::{Module, ModuleClass, module};
use crate::runtime::operation::run_future;
use crate::runtime::process_state::state;
use crate::runtime::task::Continuation;
use crate::vm::Vm;
use crate::vm::image::Library;
use crate::vm::native::{Args, Native, NativeResult};
use crate::vm::value::Value;

/// The module, with the connections of the runtime.
#[derive(Default)]
pub struct HttpClient {
    client: OnceLock<Arc<Client>>,
}

impl Module for HttpClient {
    fn libraries(&self) -> Vec<&'static Library> {
        vec![&LIBRARY]
    }

    fn classes(&self) -> &'static [ModuleClass] {
        &[ModuleClass::Network, ModuleClass::Io, ModuleClass::Nondeterministic]
    }

    fn manifest(&self) -> &'static str {
        include_str!("http_client.d.lua")
    }
}

static LIBRARY: Library = Library {
    name: "http_client",
    global: false,
    natives: &[
        Native::new("get", get),
        Native::new("post", post),
        Native::new("put", put),
        Native::new("patch", patch),
        Native::new("delete", delete),
        Native::new("head", head),
        Native::new("request", request),
        Native::new("request_batch", request_batch),
        Native::new("encode_uri", encode_uri),
        Native::new("decode_uri", decode_uri),
    ],
    constants: &[],
};

fn get(vm: &mut Vm, args: Args) -> NativeResult {
    simple(vm, args, b"GET")
}

fn post(vm: &mut Vm, args: Args) -> NativeResult {
    simple(vm, args, b"POST")
}

fn put(vm: &mut Vm, args: Args) -> NativeResult {
    simple(vm, args, b"PUT")
}

fn patch(vm: &mut Vm, args: Args) -> NativeResult {
    simple(vm, args, b"PATCH")
}

fn delete(vm: &mut Vm, args: Args) -> NativeResult {
    simple(vm, args, b"DELETE")
}

fn head(vm: &mut Vm, args: Args) -> NativeResult {
    simple(vm, args, b"HEAD")
}

fn simple(vm: &mut Vm, args: Args, method: &[u8]) -> NativeResult {
    let url = check_not_empty(vm, args, 0)?;
    let options = args.get(vm, 1);
    run(vm, method, url, options)
}

/// `request(method, url, options?)`
fn request(vm: &mut Vm, args: Args) -> NativeResult {
    let method = check_not_empty(vm, args, 0)?;
    let url = check_not_empty(vm, args, 1)?;
    let options = args.get(vm, 2);
    run(vm, method, url, options)
}

/// The client of the runtime.
fn client(vm: &mut Vm) -> Arc<Client> {
    let driver = &state(vm).core().driver;
    Arc::clone(module::<HttpClient>(vm).client.get_or_init(|| Arc::new(Client::new(driver))))
}

fn run(vm: &mut Vm, method: &[u8], url: &[u8], options: Value) -> NativeResult {
    let draft = match options::read(vm, method, url, options) {
        Ok(draft) => draft,
        Err(error) => return fields::fail(vm, error),
    };
    let client = client(vm);
    let limit = draft.order.timeout;
    let exchange = async move {
        client.prepare(&draft.order)?;
        complete(&client, draft).await
    };
    run_future(vm, "http request", exchange, move |vm, result| match result {
        Ok(reply) => Ok(smallvec![response::to_value(vm, reply, limit)?, Value::NIL]),
        Err(error) => Ok(smallvec![Value::NIL, error_value(vm, error)]),
    })
}

async fn complete(client: &Client, mut draft: Draft) -> Result<Reply, ErrorData> {
    draft.order.body = draft.body.carry_out().await?;
    client.run(draft.order).await
}

/// `request_batch(list)`
fn request_batch(vm: &mut Vm, args: Args) -> NativeResult {
    let list = args.check_table(vm, 0)?;
    let count = vm.raw_len(list);
    if count == 0 {
        return Err(vm.argument_error(0, "must not be empty"));
    }
    let mut drafts = Vec::new();
    for i in 1..=count {
        let request = vm.raw_get_int(list, i);
        match read_request(vm, request) {
            Ok(draft) => drafts.push(draft),
            Err(error) => return fields::fail(vm, in_request(i, error)),
        }
    }
    let client = client(vm);
    let limits: Vec<_> = drafts.iter().map(|draft| draft.order.timeout).collect();
    run_future(vm, "http requests", run_all(client, drafts), move |vm, result| match result {
        Ok(replies) => batch_values(vm, replies, &limits),
        Err(error) => Ok(smallvec![Value::NIL, error_value(vm, error)]),
    })
}

/// An error of one request of several.
fn in_request(i: i64, error: ErrorData) -> ErrorData {
    ErrorData { message: format!("request {i}: {}", error.message).into(), ..error }
}

fn read_request(vm: &mut Vm, value: Value) -> Result<Draft, ErrorData> {
    if value.is_nil() {
        return Err(invalid("table expected, got nil"));
    }
    let request = Fields::of(value, "request")?;
    let needed = |key: &str| invalid(format!("{key} is required"));
    let method = request.string(vm, "method")?.filter(|method| !method.is_empty()).ok_or_else(|| needed("method"))?;
    let url = request.string(vm, "url")?.filter(|url| !url.is_empty()).ok_or_else(|| needed("url"))?;
    let options = request.value(vm, "options");
    let draft = options::read(vm, &method, &url, options)?;
    if draft.order.most_body.is_none() {
        return Err(invalid("stream: not possible in a batch"));
    }
    Ok(draft)
}

/// Runs all requests at once, unless one of them cannot be run at all.
async fn run_all(client: Arc<Client>, drafts: Vec<Draft>) -> Result<Vec<Result<Reply, ErrorData>>, ErrorData> {
    for (draft, i) in drafts.iter().zip(1..) {
        client.prepare(&draft.order).map_err(|error| in_request(i, error))?;
    }
    let mut tasks = JoinSet::new();
    let mut replies: Vec<_> = drafts.iter().map(|_| None).collect();
    for (at, draft) in drafts.into_iter().enumerate() {
        let client = Arc::clone(&client);
        tasks.spawn(async move { (at, complete(&client, draft).await) });
    }
    while let Some(outcome) = tasks.join_next().await {
        if let Ok((at, reply)) = outcome {
            replies[at] = Some(reply);
        }
    }
    let panicked = || Err(ErrorData::judged(INTERNAL, "the request panicked", false));
    Ok(replies.into_iter().map(|reply| reply.unwrap_or_else(panicked)).collect())
}

/// `responses, errors`
fn batch_values(vm: &mut Vm, replies: Vec<Result<Reply, ErrorData>>, limits: &[std::time::Duration]) -> Continuation {
    let count = Value::int(replies.len() as i64);
    let (responses, errors) = (vm.new_table(replies.len() as u32, 1), vm.new_table(0, 1));
    let mut failed = false;
    for ((reply, limit), i) in replies.into_iter().zip(limits).zip(1..) {
        match reply {
            Ok(reply) => {
                let response = response::to_value(vm, reply, *limit)?;
                vm.raw_set_int(responses, i, response)?;
            }
            Err(error) => {
                failed = true;
                let error = error_value(vm, error);
                vm.raw_set_int(errors, i, error)?;
            }
        }
    }
    vm.raw_set_name(responses, "n", count)?;
    vm.raw_set_name(errors, "n", count)?;
    Ok(smallvec![Value::table(responses), if failed { Value::table(errors) } else { Value::NIL }])
}

/// `encode_uri(s)`
fn encode_uri(vm: &mut Vm, args: Args) -> NativeResult {
    let text = uri::encode(args.check_bytes(vm, 0)?);
    let text = vm.string(text.as_bytes())?;
    vm.answer(text)
}

/// `decode_uri(s)`
fn decode_uri(vm: &mut Vm, args: Args) -> NativeResult {
    match uri::decode(args.check_bytes(vm, 0)?) {
        Some(bytes) => {
            let bytes = vm.string(&bytes)?;
            succeed(vm, bytes)
        }
        None => fields::fail(vm, invalid("malformed percent-encoding")),
    }
}
