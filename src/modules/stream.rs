//! Streams (`modules.md` §4.2): bytes that come bit by bit, from the body of a response or another source. Other modules
//! make them; programs do not ask for this one by name.
//!
//! A stream is read by one task at a time; others wait their turn. To close it ends a read that is under way. When its
//! handle is dropped, with its process at the latest, so is the source.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use smallvec::smallvec;
use tokio::sync::{Mutex, Notify};

use super::fields::{self, error_value, invalid};
use super::scanner;
use super::split::Split;
use super::succeed;
use crate::runtime::errors::{CANCELED, ErrorData, INTERNAL};
use crate::runtime::operation::run_future;
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::native::{Args, Native, NativeResult};
use crate::vm::object::UserData;
use crate::vm::userdata::Class;
use crate::vm::value::Value;

/// The class of streams.
pub static STREAM: Class = Class {
    name: "stream.Stream",
    methods: &[
        Native::new("read", read),
        Native::new("write", write),
        Native::new("seek", seek),
        Native::new("flush", flush),
        Native::new("stat", stat),
        Native::new("close", close),
        Native::new("scanner", scanner),
    ],
    metamethods: &[Native::new("__tostring", text)],
};

/// What one read gives if no length is asked for.
const CHUNK: usize = 32 * 1024;

/// What a stream reads from.
pub trait Source: Send {
    /// The next bytes, never none; `None` at the end.
    fn next(&mut self) -> Pin<Box<dyn Future<Output = Result<Option<Bytes>, ErrorData>> + Send + '_>>;

    /// How many bytes there are in all, if that is known.
    fn size(&self) -> Option<u64>;
}

/// A stream, wherever it is used.
#[derive(Clone)]
pub struct Stream(Arc<Shared>);

struct Shared {
    reader: Mutex<Reader>,
    size: Option<u64>,
    closed: AtomicBool,
    closing: Notify,
}

struct Reader {
    /// Gone at the end and once closed.
    source: Option<Box<dyn Source>>,
    /// What the source has given too much.
    rest: Bytes,
    position: u64,
}

impl Stream {
    /// A stream of what `source` gives.
    pub fn new(source: Box<dyn Source>) -> Stream {
        let size = source.size();
        let reader = Reader { source: Some(source), rest: Bytes::new(), position: 0 };
        Stream(Arc::new(Shared {
            reader: Mutex::new(reader),
            size,
            closed: AtomicBool::new(false),
            closing: Notify::new(),
        }))
    }

    /// Up to `most` bytes, at least one; `None` at the end.
    ///
    /// # Errors
    /// Those of the source; `Internal` if the stream is closed, `Canceled` if that happens meanwhile.
    pub async fn read(&self, most: usize) -> Result<Option<Bytes>, ErrorData> {
        let closing = self.0.closing.notified();
        self.check_open()?;
        let read = async {
            let mut reader = self.0.reader.lock().await;
            self.check_open()?;
            reader.read(most).await
        };
        tokio::select! {
            biased;
            () = closing => Err(ErrorData::judged(CANCELED, "stream closed", false)),
            result = read => result,
        }
    }

    /// All that is left.
    ///
    /// # Errors
    /// As [`Stream::read`].
    pub async fn read_to_end(&self) -> Result<Vec<u8>, ErrorData> {
        let mut all = Vec::new();
        while let Some(bytes) = self.read(usize::MAX).await? {
            all.extend_from_slice(&bytes);
        }
        Ok(all)
    }

    async fn close(&self) {
        self.0.closed.store(true, Ordering::Release);
        self.0.closing.notify_waiters();
        let mut reader = self.0.reader.lock().await;
        reader.source = None;
        reader.rest = Bytes::new();
    }

    fn check_open(&self) -> Result<(), ErrorData> {
        if self.0.closed.load(Ordering::Acquire) {
            return Err(ErrorData::judged(INTERNAL, "stream closed", false));
        }
        Ok(())
    }

    /// A stream as a value.
    pub fn into_value(self, vm: &mut Vm) -> Value {
        let metatable = vm.image.class(&STREAM);
        Value::userdata(vm.heap.new_userdata(self, metatable))
    }
}

impl Reader {
    async fn read(&mut self, most: usize) -> Result<Option<Bytes>, ErrorData> {
        if self.rest.is_empty() {
            let Some(source) = &mut self.source else { return Ok(None) };
            match source.next().await {
                Ok(Some(bytes)) => self.rest = bytes,
                Ok(None) => {
                    self.source = None;
                    return Ok(None);
                }
                Err(error) => {
                    self.source = None;
                    return Err(error);
                }
            }
        }
        let len = most.min(self.rest.len());
        self.position += len as u64;
        Ok(Some(self.rest.split_to(len)))
    }
}

impl UserData for Stream {
    fn class(&self) -> &'static str {
        STREAM.name
    }
}

fn this(vm: &mut Vm, args: Args) -> Result<Stream, Box<LuaError>> {
    args.check_userdata::<Stream>(vm, 0, STREAM.name).map(|stream| stream.clone())
}

fn read(vm: &mut Vm, args: Args) -> NativeResult {
    let stream = this(vm, args)?;
    let most = match args.opt_int(vm, 1, 0)? {
        0 => CHUNK,
        most if most > 0 => most as usize,
        _ => return fields::fail(vm, invalid("read: negative length")),
    };
    let read = async move { stream.read(most).await };
    run_future(vm, "stream read", read, |vm, result| match result {
        Ok(Some(bytes)) => Ok(smallvec![vm.string(&bytes)?, Value::NIL]),
        Ok(None) => Ok(smallvec![Value::NIL, Value::NIL]),
        Err(error) => Ok(smallvec![Value::NIL, error_value(vm, error)]),
    })
}

/// Fails unless the stream is open.
fn check_open(vm: &mut Vm, args: Args) -> Result<Result<Stream, ErrorData>, Box<LuaError>> {
    let stream = this(vm, args)?;
    Ok(stream.check_open().map(|()| stream))
}

fn write(vm: &mut Vm, args: Args) -> NativeResult {
    args.check_bytes(vm, 1)?;
    match check_open(vm, args)? {
        Ok(_) => fields::fail(vm, ErrorData::judged(INTERNAL, "stream is not writable", false)),
        Err(error) => fields::fail(vm, error),
    }
}

fn seek(vm: &mut Vm, args: Args) -> NativeResult {
    let whence = if args.get(vm, 1).is_nil() { b"set" } else { args.check_bytes(vm, 1)? };
    args.opt_int(vm, 2, 0)?;
    match check_open(vm, args)? {
        Err(error) => fields::fail(vm, error),
        Ok(_) if !matches!(whence, b"set" | b"cur" | b"end") => fields::fail(vm, invalid("seek: bad whence")),
        Ok(_) => fields::fail(vm, ErrorData::judged(INTERNAL, "stream is not seekable", false)),
    }
}

fn flush(vm: &mut Vm, args: Args) -> NativeResult {
    match check_open(vm, args)? {
        Ok(_) => succeed(vm, Value::TRUE),
        Err(error) => fields::fail_with(vm, Value::FALSE, error),
    }
}

fn stat(vm: &mut Vm, args: Args) -> NativeResult {
    let stream = match check_open(vm, args)? {
        Ok(stream) => stream,
        Err(error) => return fields::fail(vm, error),
    };
    let size = stream.0.size;
    let position = async move { stream.0.reader.lock().await.position };
    run_future(vm, "stream stat", position, move |vm, position| {
        let table = vm.new_table(0, 5);
        vm.raw_set_name(table, "size", Value::int(size.map_or(-1, |size| size as i64)))?;
        vm.raw_set_name(table, "position", Value::int(position as i64))?;
        vm.raw_set_name(table, "readable", Value::TRUE)?;
        vm.raw_set_name(table, "writable", Value::FALSE)?;
        vm.raw_set_name(table, "seekable", Value::FALSE)?;
        Ok(smallvec![Value::table(table), Value::NIL])
    })
}

fn close(vm: &mut Vm, args: Args) -> NativeResult {
    let stream = this(vm, args)?;
    let close = async move { stream.close().await };
    run_future(vm, "stream close", close, |_, ()| Ok(smallvec![Value::TRUE, Value::NIL]))
}

fn scanner(vm: &mut Vm, args: Args) -> NativeResult {
    let name = if args.get(vm, 1).is_nil() { b"lines" } else { args.check_bytes(vm, 1)? };
    let stream = match check_open(vm, args)? {
        Ok(stream) => stream,
        Err(error) => return fields::fail(vm, error),
    };
    match Split::named(name) {
        Some(split) => {
            let scanner = scanner::new_value(vm, stream, split);
            succeed(vm, scanner)
        }
        None => fields::fail(vm, invalid("scanner: bad split")),
    }
}

fn text(vm: &mut Vm, args: Args) -> NativeResult {
    let state = if this(vm, args)?.check_open().is_ok() { "open" } else { "closed" };
    let text = vm.string(format!("{}{{{state}}}", STREAM.name).as_bytes())?;
    vm.answer(text)
}
