//! Scanners: the tokens of a stream, one after the other.

use std::sync::Arc;

use parking_lot::Mutex;
use smallvec::smallvec;

use super::fields::error_value;
use super::split::{MAX_TOKEN, Split};
use super::stream::Stream;
use crate::runtime::errors::{ErrorData, INTERNAL};
use crate::runtime::operation::run_future;
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::native::{Args, Native, NativeResult};
use crate::vm::object::UserData;
use crate::vm::userdata::Class;
use crate::vm::value::Value;

/// Scanners.
pub static SCANNER: Class = Class {
    name: "stream.Scanner",
    methods: &[Native::new("scan", scan), Native::new("text", text), Native::new("err", err)],
    metamethods: &[],
};

struct Scanner(Arc<Shared>);

struct Shared {
    stream: Stream,
    split: Split,
    /// Held by the scan that is under way.
    ahead: tokio::sync::Mutex<Ahead>,
    found: Mutex<Found>,
}

/// What has been read and not yet scanned.
#[derive(Default)]
struct Ahead {
    bytes: Vec<u8>,
    ended: bool,
}

/// What the last scan has found.
#[derive(Default)]
struct Found {
    token: Vec<u8>,
    error: Option<Box<str>>,
}

impl UserData for Scanner {
    fn class(&self) -> &'static str {
        SCANNER.name
    }
}

impl Shared {
    /// Goes to the next token, if there is one.
    async fn scan(&self) -> Result<bool, ErrorData> {
        let mut ahead = self.ahead.lock().await;
        let outcome = self.next(&mut ahead).await;
        let mut found = self.found.lock();
        let (token, error) = match &outcome {
            Ok(token) => (token.clone(), None),
            Err(error) => (None, Some(error.message.clone())),
        };
        *found = Found { token: token.unwrap_or_default(), error };
        outcome.map(|token| token.is_some())
    }

    async fn next(&self, ahead: &mut Ahead) -> Result<Option<Vec<u8>>, ErrorData> {
        loop {
            if let Some((token, len)) = self.split.find(&ahead.bytes, ahead.ended) {
                let token = ahead.bytes[token].to_vec();
                ahead.bytes.drain(..len);
                return Ok(Some(token));
            }
            if ahead.ended {
                return Ok(None);
            }
            if ahead.bytes.len() > MAX_TOKEN {
                return Err(ErrorData::judged(INTERNAL, "scanner: token too long", false));
            }
            match self.stream.read(MAX_TOKEN).await? {
                Some(bytes) => ahead.bytes.extend_from_slice(&bytes),
                None => ahead.ended = true,
            }
        }
    }
}

/// A scanner of a stream, as a value.
pub fn new_value(vm: &mut Vm, stream: Stream, split: Split) -> Value {
    let shared = Shared { stream, split, ahead: Default::default(), found: Mutex::default() };
    let metatable = vm.image.class(&SCANNER);
    Value::userdata(vm.heap.new_userdata(Scanner(Arc::new(shared)), metatable))
}

fn this(vm: &mut Vm, args: Args) -> Result<Arc<Shared>, Box<LuaError>> {
    args.check_userdata::<Scanner>(vm, 0, SCANNER.name).map(|scanner| Arc::clone(&scanner.0))
}

fn scan(vm: &mut Vm, args: Args) -> NativeResult {
    let scanner = this(vm, args)?;
    let scan = async move { scanner.scan().await };
    run_future(vm, "scan", scan, |vm, result| match result {
        Ok(found) => Ok(smallvec![Value::bool(found), Value::NIL]),
        Err(error) => Ok(smallvec![Value::FALSE, error_value(vm, error)]),
    })
}

fn text(vm: &mut Vm, args: Args) -> NativeResult {
    let scanner = this(vm, args)?;
    let token = vm.string(&scanner.found.lock().token)?;
    vm.answer(token)
}

fn err(vm: &mut Vm, args: Args) -> NativeResult {
    let scanner = this(vm, args)?;
    let error = match &scanner.found.lock().error {
        Some(message) => vm.string(message.as_bytes())?,
        None => Value::NIL,
    };
    vm.answer(error)
}
