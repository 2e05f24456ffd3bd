//! Open files of a volume, and scanners that take them apart (`modules.md` §4.1, §4.2).
//!
//! What reads or writes happens off the workers, one operation on a file at a time. The end of the process closes its files.

use std::ffi::OsString;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

use parking_lot::Mutex;
use smallvec::smallvec;

use super::place::{Mode, Opened, Place};
use super::{error_kind, on_path, stat_table};
use crate::modules::split::{MAX_TOKEN, Split};
use crate::runtime::errors::{self, INVALID, NOT_FOUND};
use crate::runtime::module::object::{Object, new_object, this};
use crate::runtime::operation::run_blocking;
use crate::runtime::task::Continuation;
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::native::{Args, Native, NativeResult};
use crate::vm::userdata::Class;
use crate::vm::value::Value;

/// What a read takes at most unless told.
const DEFAULT_READ: i64 = 4096;
/// What a read may take.
const MAX_READ: i64 = 1 << 30;

static FILE: Class = Class {
    name: "fs.File",
    methods: &[
        Native::new("read", read),
        Native::new("write", write),
        Native::new("seek", seek),
        Native::new("stat", stat),
        Native::new("sync", sync),
        Native::new("close", close),
        Native::new("scanner", scanner),
    ],
    metamethods: &[],
};

static SCANNER: Class = Class {
    name: "fs.Scanner",
    methods: &[Native::new("scan", scan), Native::new("text", text), Native::new("err", err)],
    metamethods: &[],
};

/// An open file; `None` once it is closed.
pub struct OpenFile {
    file: Mutex<Option<Opened>>,
    name: OsString,
}

impl Object for OpenFile {
    fn class() -> &'static Class {
        &FILE
    }

    fn release(&self) {
        // Under an operation, the file is closed when that is over and the object dropped.
        if let Some(mut file) = self.file.try_lock() {
            *file = None;
        }
    }
}

impl OpenFile {
    /// What is left of it. Blocks.
    ///
    /// # Errors
    /// Those of the system, and `InvalidInput` if it is closed.
    #[cfg(feature = "http")]
    pub fn read_to_end(&self) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        self.with(|file| file.read_to_end(&mut content))?;
        Ok(content)
    }

    fn with<T>(&self, work: impl FnOnce(&mut Opened) -> io::Result<T>) -> io::Result<T> {
        match &mut *self.file.lock() {
            Some(file) => work(file),
            None => Err(io::Error::new(io::ErrorKind::InvalidInput, "the file is closed")),
        }
    }
}

/// `volume:open(path, mode)`
pub(super) fn open(vm: &mut Vm, args: Args) -> NativeResult {
    let Some(mode) = Mode::named(args.check_bytes(vm, 2)?) else {
        return errors::fail(vm, INVALID, "invalid mode");
    };
    let open =
        move |place: &Place| Ok(OpenFile { file: Mutex::new(Some(place.open(mode)?)), name: place.name().to_owned() });
    on_path(vm, args, Value::NIL, open, |vm, file| Ok(smallvec![new_object(vm, Arc::new(file)), Value::NIL]))
}

fn receiver<T: Object>(vm: &mut Vm, args: Args) -> Result<Arc<T>, Box<LuaError>> {
    this(args.get(vm, 0)).ok_or_else(|| vm.type_error(0, T::class().name, args.try_get(vm, 0)))
}

/// Runs `work` on the file off the workers. `failed` is the first result of a failure.
fn operate<T: Send + 'static>(
    vm: &mut Vm,
    args: Args,
    failed: Value,
    work: impl FnOnce(&mut Opened) -> io::Result<T> + Send + 'static,
    finish: impl FnOnce(&mut Vm, T) -> Continuation + Send + 'static,
) -> NativeResult {
    let file = receiver::<OpenFile>(vm, args)?;
    let fails_with_false = !failed.is_nil();
    run_blocking(
        vm,
        "file operation",
        move || file.with(work),
        move |vm, result| match result {
            Ok(value) => finish(vm, value),
            Err(error) => {
                let kind = if error.kind() == io::ErrorKind::UnexpectedEof { NOT_FOUND } else { error_kind(&error) };
                let error = errors::new_error(vm, kind, &error.to_string());
                Ok(smallvec![if fails_with_false { Value::FALSE } else { Value::NIL }, error])
            }
        },
    )
}

fn succeeded(_: &mut Vm, (): ()) -> Continuation {
    Ok(smallvec![Value::TRUE, Value::NIL])
}

/// `file:read([n])`
fn read(vm: &mut Vm, args: Args) -> NativeResult {
    receiver::<OpenFile>(vm, args)?;
    let n = args.opt_int(vm, 1, DEFAULT_READ)?;
    if n <= 0 {
        return errors::fail(vm, INVALID, "the number of bytes must be positive");
    }
    let work = move |file: &mut Opened| {
        let mut bytes = Vec::new();
        file.take(n.min(MAX_READ) as u64).read_to_end(&mut bytes)?;
        if bytes.is_empty() { Err(io::Error::new(io::ErrorKind::UnexpectedEof, "EOF")) } else { Ok(bytes) }
    };
    operate(vm, args, Value::NIL, work, |vm, bytes| Ok(smallvec![vm.string(&bytes)?, Value::NIL]))
}

/// `file:write(text)`
fn write(vm: &mut Vm, args: Args) -> NativeResult {
    receiver::<OpenFile>(vm, args)?;
    let bytes = args.check_bytes(vm, 1)?.to_vec();
    if bytes.is_empty() {
        return errors::fail_with(vm, Value::FALSE, INVALID, "nothing to write");
    }
    operate(vm, args, Value::FALSE, move |file| file.write_all(&bytes), succeeded)
}

/// `file:seek(whence, offset)`
fn seek(vm: &mut Vm, args: Args) -> NativeResult {
    receiver::<OpenFile>(vm, args)?;
    let whence = args.check_bytes(vm, 1)?;
    let offset = args.opt_int(vm, 2, 0)?;
    let target = match whence {
        b"set" => u64::try_from(offset).ok().map(SeekFrom::Start),
        b"cur" => Some(SeekFrom::Current(offset)),
        b"end" => Some(SeekFrom::End(offset)),
        _ => return errors::fail(vm, INVALID, "whence must be set, cur or end"),
    };
    let Some(target) = target else { return errors::fail(vm, INVALID, "the position must not be negative") };
    let work = move |file: &mut Opened| file.seek(target);
    operate(vm, args, Value::NIL, work, |_, position| Ok(smallvec![Value::int(position as i64), Value::NIL]))
}

/// `file:stat()`
fn stat(vm: &mut Vm, args: Args) -> NativeResult {
    let name = receiver::<OpenFile>(vm, args)?.name.clone();
    operate(
        vm,
        args,
        Value::NIL,
        |file| file.stat(),
        move |vm, stat| {
            let name = vm.string(name.as_bytes())?;
            Ok(smallvec![stat_table(vm, name, &stat)?, Value::NIL])
        },
    )
}

/// `file:sync()`
fn sync(vm: &mut Vm, args: Args) -> NativeResult {
    operate(vm, args, Value::FALSE, |file| file.sync(), succeeded)
}

/// `file:close()`
fn close(vm: &mut Vm, args: Args) -> NativeResult {
    let file = receiver::<OpenFile>(vm, args)?;
    // Waits for an operation that is under way.
    let work = move || drop(file.file.lock().take());
    run_blocking(vm, "file operation", work, succeeded)
}

/// Takes a file apart.
struct Scanner {
    file: Arc<OpenFile>,
    split: Split,
    state: Mutex<Scanning>,
}

#[derive(Default)]
struct Scanning {
    /// What has been read and not handed out.
    buffer: Vec<u8>,
    /// Whether all has been read.
    end: bool,
    token: Vec<u8>,
    error: Option<String>,
}

impl Object for Scanner {
    fn class() -> &'static Class {
        &SCANNER
    }
}

/// `file:scanner([split])`
fn scanner(vm: &mut Vm, args: Args) -> NativeResult {
    let file = receiver::<OpenFile>(vm, args)?;
    let split = args.get(vm, 1);
    let Some(split) = Split::named(if split.is_nil() { b"lines" } else { args.check_bytes(vm, 1)? }) else {
        return errors::fail(vm, INVALID, "split must be lines, words, bytes or runes");
    };
    // A file that is closed has none.
    operate(
        vm,
        args,
        Value::NIL,
        |_| Ok(()),
        move |vm, ()| {
            Ok(smallvec![new_object(vm, Arc::new(Scanner { file, split, state: Mutex::default() })), Value::NIL])
        },
    )
}

/// `scanner:scan()`
fn scan(vm: &mut Vm, args: Args) -> NativeResult {
    let scanner = receiver::<Scanner>(vm, args)?;
    let work = move || scanner.state.lock().advance(&scanner.file, scanner.split);
    run_blocking(vm, "file operation", work, |_, found| Ok(smallvec![Value::bool(found)]))
}

/// `scanner:text()`
fn text(vm: &mut Vm, args: Args) -> NativeResult {
    let token = receiver::<Scanner>(vm, args)?.state.lock().token.clone();
    let token = vm.string(&token)?;
    vm.answer(token)
}

/// `scanner:err()`
fn err(vm: &mut Vm, args: Args) -> NativeResult {
    let error = receiver::<Scanner>(vm, args)?.state.lock().error.clone();
    let error = match error {
        Some(error) => vm.string(error.as_bytes())?,
        None => Value::NIL,
    };
    vm.answer(error)
}

impl Scanning {
    /// Finds the next token. `false` at the end, and after an error.
    fn advance(&mut self, file: &OpenFile, split: Split) -> bool {
        self.token.clear();
        if self.error.is_some() {
            return false;
        }
        loop {
            if let Some((token, used)) = split.find(&self.buffer, self.end) {
                self.token.extend_from_slice(&self.buffer[token]);
                self.buffer.drain(..used);
                return true;
            }
            if self.end {
                return false;
            }
            if self.buffer.len() > MAX_TOKEN {
                self.error = Some("token too long".to_owned());
                return false;
            }
            let buffer = &mut self.buffer;
            match file.with(|file| file.take(MAX_TOKEN as u64).read_to_end(buffer)) {
                Ok(read) => self.end = read == 0,
                Err(error) => {
                    self.error = Some(error.to_string());
                    return false;
                }
            }
        }
    }
}
