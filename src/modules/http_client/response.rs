//! From a [`Reply`] to the table that programs get.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use hyper::header::{self, HeaderMap};
use tokio::time::timeout;

use super::body::ResponseBody;
use super::exchange::{Reply, ReplyBody};
use crate::modules::net::timed_out;
use crate::modules::stream::{Source, Stream};
use crate::runtime::errors::ErrorData;
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::object::Table;
use crate::vm::value::Value;

/// The table of a response. `limit` is for each read of a body that is still to come.
///
/// # Errors
/// The memory limit.
pub fn to_value(vm: &mut Vm, reply: Reply, limit: Duration) -> Result<Value, Box<LuaError>> {
    let table = vm.new_table(0, 6);
    vm.raw_set_name(table, "status_code", Value::int(i64::from(reply.status.as_u16())))?;
    let headers = headers(vm, &reply.headers)?;
    vm.raw_set_name(table, "headers", Value::table(headers))?;
    let cookies = cookies(vm, &reply.headers)?;
    vm.raw_set_name(table, "cookies", Value::table(cookies))?;
    let url = vm.string(reply.url.as_str().as_bytes())?;
    vm.raw_set_name(table, "url", url)?;
    let size = match reply.body {
        ReplyBody::Whole(bytes) => {
            let body = vm.string(&bytes)?;
            vm.raw_set_name(table, "body", body)?;
            bytes.len() as i64
        }
        ReplyBody::Open(body) => {
            let stream = Stream::new(Box::new(Timed { body, limit })).into_value(vm);
            vm.raw_set_name(table, "stream", stream)?;
            -1
        }
    };
    vm.raw_set_name(table, "body_size", Value::int(size))?;
    Ok(Value::table(table))
}

/// The headers under their canonical names, the first value of each.
fn headers(vm: &mut Vm, headers: &HeaderMap) -> Result<*mut Table, Box<LuaError>> {
    let table = vm.new_table(0, headers.keys_len() as u32);
    for name in headers.keys() {
        let value = headers.get(name).map(|value| value.as_bytes()).unwrap_or_default();
        let value = vm.string(value)?;
        vm.raw_set_name(table, &canonical(name.as_str()), value)?;
    }
    Ok(table)
}

/// `content-type` as `Content-Type`.
fn canonical(name: &str) -> String {
    let mut at_start = true;
    let letter = |char: char| {
        let upper = std::mem::replace(&mut at_start, char == '-');
        if upper { char.to_ascii_uppercase() } else { char }
    };
    name.chars().map(letter).collect()
}

/// Values of cookies by their names; of equal names the last one counts.
fn cookies(vm: &mut Vm, headers: &HeaderMap) -> Result<*mut Table, Box<LuaError>> {
    let table = vm.new_table(0, 0);
    for cookie in headers.get_all(header::SET_COOKIE) {
        let pair = cookie.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
        let Some(equals) = memchr::memchr(b'=', pair) else { continue };
        let (name, value) = (pair[..equals].trim_ascii(), pair[equals + 1..].trim_ascii());
        if name.is_empty() {
            continue;
        }
        let bare = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
        let (name, value) = (vm.string(name)?, vm.string(bare.unwrap_or(value))?);
        vm.raw_set(table, name, value)?;
    }
    Ok(table)
}

/// A body of which each piece must come in time.
struct Timed {
    body: Box<ResponseBody>,
    limit: Duration,
}

impl Source for Timed {
    fn next(&mut self) -> Pin<Box<dyn Future<Output = Result<Option<Bytes>, ErrorData>> + Send + '_>> {
        let late = |_| timed_out("no more of the response body in time");
        let limit = self.limit;
        Box::pin(async move { timeout(limit, self.body.next()).await.map_err(late)? })
    }

    fn size(&self) -> Option<u64> {
        self.body.size()
    }
}
