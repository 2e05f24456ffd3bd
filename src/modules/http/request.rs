//! `http.Request`: what a function is told of the request it answers.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{self, HeaderName};
use smallvec::smallvec;

use super::exchange::{Exchange, next_piece};
use super::multipart::{self, Part};
use crate::modules::fields::{self, Fields, error_value, invalid};
use crate::modules::http_client::uri;
use crate::modules::json;
use crate::modules::stream::{Source, Stream};
use crate::modules::succeed;
use crate::runtime::errors::ErrorData;
use crate::runtime::operation::run_future;
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::native::{Args, Native, NativeResult};
use crate::vm::object::UserData;
use crate::vm::userdata::Class;
use crate::vm::value::Value;

/// Requests, as functions see them.
pub static REQUEST: Class = Class {
    name: "http.Request",
    methods: &[
        Native::new("method", method),
        Native::new("path", path),
        Native::new("host", host),
        Native::new("remote_addr", remote_addr),
        Native::new("query", query),
        Native::new("query_params", query_params),
        Native::new("header", header),
        Native::new("content_type", content_type),
        Native::new("content_length", content_length),
        Native::new("param", param),
        Native::new("params", params),
        Native::new("has_body", has_body),
        Native::new("accepts", accepts),
        Native::new("is_content_type", is_content_type),
        Native::new("body", body),
        Native::new("body_json", body_json),
        Native::new("stream", stream),
        Native::new("parse_multipart", parse_multipart),
    ],
    metamethods: &[],
};

/// Files that come with forms.
pub static UPLOAD: Class = Class {
    name: "http.File",
    methods: &[
        Native::new("name", upload_name),
        Native::new("size", upload_size),
        Native::new("header", upload_header),
        Native::new("stream", upload_stream),
    ],
    metamethods: &[],
};

const READ_TIMEOUT: Duration = Duration::from_secs(300);
const MOST_BODY: u64 = 120 << 20;
const MOST_MULTIPART: i64 = 32 << 20;

/// A request, as one function call sees it.
struct Request {
    exchange: Arc<Exchange>,
    /// How long its body may take.
    timeout: Duration,
    /// The longest body.
    most: u64,
}

impl UserData for Request {
    fn class(&self) -> &'static str {
        REQUEST.name
    }
}

/// A file that came with a form.
struct Upload(Arc<Part>);

impl UserData for Upload {
    fn class(&self) -> &'static str {
        UPLOAD.name
    }
}

/// The request of an exchange, with the options of `http.request`.
pub fn new_value(vm: &mut Vm, exchange: Arc<Exchange>, options: Value) -> Result<Value, ErrorData> {
    let fields = Fields::of(options, "options")?;
    let timeout = fields.duration(vm, "timeout", Duration::from_millis(1))?.unwrap_or(READ_TIMEOUT);
    let most = match fields.integer(vm, "max_body")? {
        None => MOST_BODY,
        Some(most) => u64::try_from(most).map_err(|_| invalid("max_body: must not be negative"))?,
    };
    let metatable = vm.image.class(&REQUEST);
    let request = Request { exchange, timeout, most };
    Ok(Value::userdata(vm.heap.new_userdata(request, metatable)))
}

fn this<'a>(vm: &mut Vm, args: Args) -> Result<&'a mut Request, Box<LuaError>> {
    args.check_userdata(vm, 0, REQUEST.name)
}

/// Answers with a text and nil, or two nils.
fn text(vm: &mut Vm, text: Option<&[u8]>) -> NativeResult {
    let value = match text {
        Some(text) => vm.string(text)?,
        None => Value::NIL,
    };
    succeed(vm, value)
}

/// The values of a header, joined.
fn header_of(exchange: &Exchange, name: &HeaderName) -> Option<Vec<u8>> {
    let values: Vec<&[u8]> = exchange.head.headers.get_all(name).iter().map(|value| value.as_bytes()).collect();
    (!values.is_empty()).then(|| values.join(&b", "[..]))
}

fn method(vm: &mut Vm, args: Args) -> NativeResult {
    let request = this(vm, args)?;
    text(vm, Some(request.exchange.head.method.as_str().as_bytes()))
}

fn path(vm: &mut Vm, args: Args) -> NativeResult {
    let request = this(vm, args)?;
    text(vm, Some(request.exchange.head.uri.path().as_bytes()))
}

fn host(vm: &mut Vm, args: Args) -> NativeResult {
    let head = &this(vm, args)?.exchange.head;
    let named = head.headers.get(header::HOST).map(|host| host.as_bytes());
    let host = head.uri.authority().map(|authority| authority.as_str().as_bytes()).or(named);
    text(vm, Some(host.unwrap_or_default()))
}

fn remote_addr(vm: &mut Vm, args: Args) -> NativeResult {
    let remote = this(vm, args)?.exchange.remote.to_string();
    text(vm, Some(remote.as_bytes()))
}

/// The parameters of the query in the order of their first appearance, repeated values joined.
fn query_of(exchange: &Exchange) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut params: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    for pair in exchange.head.uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let plain = |text: &str| uri::decode(text.as_bytes()).unwrap_or_else(|| text.as_bytes().to_vec());
        let (name, value) = (plain(name), plain(value));
        match params.iter_mut().find(|(other, _)| *other == name) {
            Some((_, known)) => *known = [&**known, b",", &*value].concat(),
            None => params.push((name, value)),
        }
    }
    params
}

fn query(vm: &mut Vm, args: Args) -> NativeResult {
    let request = this(vm, args)?;
    let name = args.check_bytes(vm, 1)?;
    let params = query_of(&request.exchange);
    text(vm, params.iter().find(|(other, _)| other == name).map(|(_, value)| &**value))
}

fn query_params(vm: &mut Vm, args: Args) -> NativeResult {
    let request = this(vm, args)?;
    let params = query_of(&request.exchange);
    table(vm, params.iter().map(|(name, value)| (&**name, &**value)))
}

/// Answers with a table of texts.
fn table<'a>(vm: &mut Vm, entries: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> NativeResult {
    let table = vm.new_table(0, 0);
    for (name, value) in entries {
        let (name, value) = (vm.string(name)?, vm.string(value)?);
        vm.raw_set(table, name, value)?;
    }
    succeed(vm, Value::table(table))
}

fn header(vm: &mut Vm, args: Args) -> NativeResult {
    let request = this(vm, args)?;
    let name = HeaderName::from_bytes(args.check_bytes(vm, 1)?);
    let value = name.ok().and_then(|name| header_of(&request.exchange, &name));
    text(vm, value.as_deref())
}

fn content_type(vm: &mut Vm, args: Args) -> NativeResult {
    let request = this(vm, args)?;
    let value = header_of(&request.exchange, &header::CONTENT_TYPE);
    text(vm, value.as_deref())
}

fn content_length(vm: &mut Vm, args: Args) -> NativeResult {
    let request = this(vm, args)?;
    let len = match request.exchange.content_length() {
        Some(len) => len as i64,
        None if request.exchange.has_body() => -1,
        None => 0,
    };
    succeed(vm, Value::int(len))
}

fn param(vm: &mut Vm, args: Args) -> NativeResult {
    let request = this(vm, args)?;
    let name = args.check_bytes(vm, 1)?;
    let params = &request.exchange.params;
    text(vm, params.iter().find(|(other, _)| other.as_bytes() == name).map(|(_, value)| value.as_bytes()))
}

fn params(vm: &mut Vm, args: Args) -> NativeResult {
    let request = this(vm, args)?;
    table(vm, request.exchange.params.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())))
}

fn has_body(vm: &mut Vm, args: Args) -> NativeResult {
    let has_body = this(vm, args)?.exchange.has_body();
    succeed(vm, Value::bool(has_body))
}

/// Whether the client wants this content type; without a wish it takes everything.
fn accepts(vm: &mut Vm, args: Args) -> NativeResult {
    let request = this(vm, args)?;
    let wanted = String::from_utf8_lossy(args.check_bytes(vm, 1)?).to_ascii_lowercase();
    let accepted = header_of(&request.exchange, &header::ACCEPT).is_none_or(|list| {
        let list = String::from_utf8_lossy(&list).to_ascii_lowercase();
        list.split(',').any(|range| {
            let mut parts = range.split(';').map(str::trim);
            let range = parts.next().unwrap_or_default();
            let refused = parts.any(|part| part.strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()) == Some(0.0));
            let matches = range == "*/*"
                || range == wanted
                || range.strip_suffix('*').is_some_and(|kind| kind.ends_with('/') && wanted.starts_with(kind));
            matches && !refused
        })
    });
    succeed(vm, Value::bool(accepted))
}

fn is_content_type(vm: &mut Vm, args: Args) -> NativeResult {
    let request = this(vm, args)?;
    let prefix = args.check_bytes(vm, 1)?.to_ascii_lowercase();
    let value = header_of(&request.exchange, &header::CONTENT_TYPE).unwrap_or_default().to_ascii_lowercase();
    succeed(vm, Value::bool(!value.is_empty() && value.starts_with(&prefix)))
}

/// The future of the whole body.
fn read_body(request: &Request) -> impl Future<Output = Result<Bytes, ErrorData>> + Send + 'static {
    let (exchange, most, timeout) = (Arc::clone(&request.exchange), request.most, request.timeout);
    async move { exchange.read_body(most, timeout).await }
}

fn body(vm: &mut Vm, args: Args) -> NativeResult {
    let read = read_body(this(vm, args)?);
    run_future(vm, "request body", read, |vm, result| match result {
        Ok(body) => Ok(smallvec![vm.string(&body)?, Value::NIL]),
        Err(error) => Ok(smallvec![Value::NIL, error_value(vm, error)]),
    })
}

fn body_json(vm: &mut Vm, args: Args) -> NativeResult {
    let read = read_body(this(vm, args)?);
    run_future(vm, "request body", read, |vm, result| {
        let value = match result {
            Ok(body) => json::value_of(vm, &body)?.map_err(|why| invalid(format!("request body is not JSON: {why}"))),
            Err(error) => Err(error),
        };
        Ok(match value {
            Ok(value) => smallvec![value, Value::NIL],
            Err(error) => smallvec![Value::NIL, error_value(vm, error)],
        })
    })
}

/// A body that is read as it comes.
struct BodySource(Incoming, Option<u64>);

impl Source for BodySource {
    fn next(&mut self) -> Pin<Box<dyn Future<Output = Result<Option<Bytes>, ErrorData>> + Send + '_>> {
        Box::pin(next_piece(&mut self.0))
    }

    fn size(&self) -> Option<u64> {
        self.1
    }
}

fn stream(vm: &mut Vm, args: Args) -> NativeResult {
    let exchange = &this(vm, args)?.exchange;
    match exchange.take_body() {
        Ok(incoming) => {
            let source = BodySource(incoming, exchange.content_length());
            let stream = Stream::new(Box::new(source)).into_value(vm);
            succeed(vm, stream)
        }
        Err(error) => fields::fail(vm, error),
    }
}

fn parse_multipart(vm: &mut Vm, args: Args) -> NativeResult {
    let request = this(vm, args)?;
    let most = args.opt_int(vm, 1, MOST_MULTIPART)?;
    let content_type = header_of(&request.exchange, &header::CONTENT_TYPE).unwrap_or_default();
    let Some(boundary) = multipart::boundary(&String::from_utf8_lossy(&content_type)) else {
        return fields::fail(vm, invalid("content type is not multipart/form-data"));
    };
    let most = u64::try_from(most).unwrap_or(0).min(request.most);
    let read = read_body(&Request { exchange: Arc::clone(&request.exchange), timeout: request.timeout, most });
    let parse = async move {
        let body = read.await?;
        multipart::parts(&body, &boundary).ok_or_else(|| invalid("malformed multipart body"))
    };
    run_future(vm, "request body", parse, |vm, result| match result {
        Ok(parts) => Ok(smallvec![form(vm, parts)?, Value::NIL]),
        Err(error) => Ok(smallvec![Value::NIL, error_value(vm, error)]),
    })
}

/// `{values = {name = text}, files = {name = {File, …}}}`; of values of one name the first counts.
fn form(vm: &mut Vm, parts: Vec<Part>) -> Result<Value, Box<LuaError>> {
    let (values, files) = (vm.new_table(0, 0), vm.new_table(0, 0));
    for part in parts {
        let name = vm.string(&part.name)?;
        if part.file_name.is_none() {
            if vm.raw_get(values, name).is_nil() {
                let content = vm.string(&part.content)?;
                vm.raw_set(values, name, content)?;
            }
            continue;
        }
        let mut list = vm.raw_get(files, name);
        if list.is_nil() {
            list = Value::table(vm.new_table(1, 0));
            vm.raw_set(files, name, list)?;
        }
        let metatable = vm.image.class(&UPLOAD);
        let upload = vm.heap.new_userdata(Upload(Arc::new(part)), metatable);
        let next = vm.raw_len(list.as_table()) + 1;
        vm.raw_set_int(list.as_table(), next, Value::userdata(upload))?;
    }
    let form = vm.new_table(0, 2);
    vm.raw_set_name(form, "values", Value::table(values))?;
    vm.raw_set_name(form, "files", Value::table(files))?;
    Ok(Value::table(form))
}

fn upload(vm: &mut Vm, args: Args) -> Result<Arc<Part>, Box<LuaError>> {
    args.check_userdata::<Upload>(vm, 0, UPLOAD.name).map(|upload| Arc::clone(&upload.0))
}

fn upload_name(vm: &mut Vm, args: Args) -> NativeResult {
    let part = upload(vm, args)?;
    text(vm, part.file_name.as_deref())
}

fn upload_size(vm: &mut Vm, args: Args) -> NativeResult {
    let size = upload(vm, args)?.content.len();
    succeed(vm, Value::int(size as i64))
}

fn upload_header(vm: &mut Vm, args: Args) -> NativeResult {
    let part = upload(vm, args)?;
    let name = String::from_utf8_lossy(args.check_bytes(vm, 1)?).to_ascii_lowercase();
    text(vm, part.headers.iter().find(|(other, _)| *other == name).map(|(_, value)| &**value))
}

/// The content of a file, which is there already.
struct Content(Bytes);

impl Source for Content {
    fn next(&mut self) -> Pin<Box<dyn Future<Output = Result<Option<Bytes>, ErrorData>> + Send + '_>> {
        let rest = std::mem::take(&mut self.0);
        Box::pin(async move { Ok((!rest.is_empty()).then_some(rest)) })
    }

    fn size(&self) -> Option<u64> {
        Some(self.0.len() as u64)
    }
}

fn upload_stream(vm: &mut Vm, args: Args) -> NativeResult {
    let part = upload(vm, args)?;
    let stream = Stream::new(Box::new(Content(part.content.clone()))).into_value(vm);
    succeed(vm, stream)
}
