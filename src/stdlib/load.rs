//! Loading code at run time: `load`, `loadfile`, `dofile` (manual §6.1), and [`load_chunk`] for hosts.
//!
//! A chunk is source text or binary; its first byte tells. Either way it becomes a function in [`chunk_proto`] and
//! nowhere else.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

use super::module_types::PathModules;
use super::package::module_path;
use super::stream::standard;
use super::system::{error_text, os_text};
use super::table::join;
use crate::bytecode::Proto;
use crate::bytecode::binary::{MARK, undump};
use crate::compile::{Modules, compile_source_in};
use crate::syntax::chunk_id;
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::native::{Args, Continuation, Flow, NativeResult};
use crate::vm::raw::string_bytes;
use crate::vm::value::Value;

/// U+FEFF in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Whether this is a binary chunk rather than source text.
pub fn is_binary(chunk: &[u8]) -> bool {
    chunk.first() == Some(&MARK)
}

/// The main function of a chunk, text or binary. `name` is its name as given to `load`, with its `@` or `=` prefix; a
/// binary chunk brings its own along. Types of other modules in it come from `modules`.
///
/// # Errors
/// In Lua's words: a syntax error, or what is wrong with a binary chunk.
pub fn chunk_proto(chunk: &[u8], name: &[u8], modules: &dyn Modules) -> Result<Arc<Proto>, Vec<u8>> {
    if is_binary(chunk) {
        return undump(chunk).map_err(|error| error.message(name));
    }
    compile_source_in(chunk, name, modules).map_err(|error| error.lua_message_bytes(&chunk_id(name)))
}

/// Makes a chunk, text or binary, a function of this process, with the globals as `_ENV`. `name` is the chunk's name as
/// given to `load`, with its `@` or `=` prefix.
///
/// # Errors
/// The message of [`chunk_proto`] as error value, or the memory limit.
pub fn load_chunk(vm: &mut Vm, chunk: &[u8], name: &[u8]) -> Result<Value, Box<LuaError>> {
    let globals = Value::table(vm.globals());
    load_chunk_with(vm, chunk, name, globals)
}

/// As [`load_chunk`], with another `_ENV`: the value of the first captured variable.
///
/// # Errors
/// As for [`load_chunk`].
pub fn load_chunk_with(vm: &mut Vm, chunk: &[u8], name: &[u8], env: Value) -> Result<Value, Box<LuaError>> {
    let proto = charged_proto(vm, chunk, name)?;
    Ok(vm.load_proto(&proto, env))
}

/// [`chunk_proto`] on the budget of a process.
fn charged_proto(vm: &mut Vm, chunk: &[u8], name: &[u8]) -> Result<Arc<Proto>, Box<LuaError>> {
    vm.fuel -= chunk.len() as i64 / 4;
    let image = vm.image.to_arc();
    let path = module_path(vm);
    match chunk_proto(chunk, name, &PathModules::new(&image, path)) {
        Ok(proto) => Ok(proto),
        Err(message) => Err(LuaError::new(vm.string(&message)?)),
    }
}

/// `nil, message`, as the loading functions report every failure.
fn fail(vm: &mut Vm, error: &LuaError) -> NativeResult {
    vm.push_all(&[Value::NIL, error.value])?;
    Ok(Flow::Return(2))
}

fn fail_with(vm: &mut Vm, message: impl AsRef<[u8]>) -> NativeResult {
    let message = vm.string(message.as_ref())?;
    fail(vm, &LuaError::new(message))
}

/// Loads `source` unless `mode` (a string or nil) forbids it. `env` is the environment if one was given.
fn load_in_mode(vm: &mut Vm, source: &[u8], name: &[u8], mode: Value, env: Option<Value>) -> NativeResult {
    let (kind, letter) = if is_binary(source) { ("binary", b'b') } else { ("text", b't') };
    if mode.is_string() && !string_bytes(mode).contains(&letter) {
        let mode = String::from_utf8_lossy(string_bytes(mode)).into_owned();
        return fail_with(vm, format!("attempt to load a {kind} chunk (mode is '{mode}')"));
    }
    let env = env.unwrap_or(Value::table(vm.globals()));
    // Only in files may the first line of a text be a comment for the system or begin with a byte order mark, and there
    // both have been removed; a space keeps the parser from passing over them.
    let spaced;
    let source = if source.starts_with(b"#") || source.starts_with(BYTE_ORDER_MARK) {
        spaced = [b" ", source].concat();
        &spaced
    } else {
        source
    };
    match load_chunk_with(vm, source, name, env) {
        Ok(function) => vm.answer(function),
        Err(error) => fail(vm, &error),
    }
}

/// A string argument that may be nil or absent.
fn opt_string(vm: &mut Vm, args: Args, i: u32) -> Result<Value, Box<LuaError>> {
    if args.get(vm, i).is_nil() { Ok(Value::NIL) } else { args.check_string(vm, i) }
}

// ---- load

/// The slots: reader, chunk name, mode, environment, whether one was given, pieces read so far (a list).
static READ: Continuation = Continuation {
    name: "base.load.read",
    resume: |vm, args, results| {
        let piece = results.get(vm, 0);
        // The slots of arguments beyond the fourth lie before these.
        let state = Args { start: args.start + args.len - STATE, len: STATE };
        if piece.is_nil() || piece.is_string() && string_bytes(piece).is_empty() {
            return load_pieces(vm, state);
        }
        if !piece.is_string() && !piece.is_number() {
            return fail_with(vm, "reader function must return a string");
        }
        let pieces = state.get(vm, PIECES).as_table();
        vm.raw_set_int(pieces, vm.raw_len(pieces) + 1, piece)?;
        vm.keep_only(args);
        read_next(vm, state)
    },
    catch: Some(|vm, _, error| fail(vm, &error)),
    yieldable: false,
};

const READER: u32 = 0;
const NAME: u32 = 1;
const MODE: u32 = 2;
const ENV: u32 = 3;
const HAS_ENV: u32 = 4;
const PIECES: u32 = 5;
const STATE: u32 = 6;

/// `load(chunk [, chunkname [, mode [, env]]])`
pub(super) fn load(vm: &mut Vm, args: Args) -> NativeResult {
    let (name, mode) = (opt_string(vm, args, 1)?, opt_string(vm, args, 2)?);
    let env = args.try_get(vm, 3);
    let chunk = args.get(vm, 0);
    if chunk.is_string() || chunk.is_number() {
        let source = args.check_bytes(vm, 0)?;
        let name = if name.is_nil() { source } else { string_bytes(name) };
        return load_in_mode(vm, source, name, mode, env);
    }
    let reader = args.check_function(vm, 0)?;
    let pieces = Value::table(vm.new_table(0, 0));
    let start = vm.top_slot();
    vm.push_all(&[reader, name, mode, env.unwrap_or(Value::NIL), Value::bool(env.is_some()), pieces])?;
    read_next(vm, Args { start, len: STATE })
}

fn read_next(vm: &mut Vm, state: Args) -> NativeResult {
    let reader = state.get(vm, READER);
    vm.push(reader)?;
    Ok(Flow::Call { args: 0, then: &READ })
}

fn load_pieces(vm: &mut Vm, state: Args) -> NativeResult {
    let pieces = state.get(vm, PIECES).as_table();
    let source = join(vm, pieces, b"", 1, vm.raw_len(pieces))?;
    let name = state.get(vm, NAME);
    let name = if name.is_nil() { b"=(load)" } else { string_bytes(name) };
    let (mode, env) = (state.get(vm, MODE), state.get(vm, ENV));
    let env = state.get(vm, HAS_ENV).is_true().then_some(env);
    load_in_mode(vm, &source, name, mode, env)
}

// ---- files

/// The content of a file, or of the standard input, and its chunk name. A first line that begins with `#` is left out,
/// and so is a byte order mark.
pub(super) fn read_source(file: Option<&[u8]>) -> Result<(Vec<u8>, Vec<u8>), Vec<u8>> {
    let (shown, name) = match file {
        Some(path) => (path, [b"@", path].concat()),
        None => (&b"stdin"[..], b"=stdin".to_vec()),
    };
    let failed =
        |what: &str, error: &io::Error| [what.as_bytes(), b" ", shown, b": ", error_text(error).as_bytes()].concat();
    let mut bytes = Vec::new();
    let read = match file {
        Some(path) => {
            let mut file = File::open(os_text(path)).map_err(|error| failed("cannot open", &error))?;
            file.read_to_end(&mut bytes).map(drop)
        }
        None => standard(0).lock().read_bytes(usize::MAX, &mut bytes),
    };
    read.map_err(|error| failed("cannot read", &error))?;
    Ok((strip_first_line(bytes), name))
}

/// Removes what only the operating system reads: a byte order mark and the content of a first line with `#`. The line
/// itself stays, so that lines keep their numbers, but not before a binary chunk.
pub fn strip_first_line(mut source: Vec<u8>) -> Vec<u8> {
    if source.starts_with(BYTE_ORDER_MARK) {
        source.drain(..BYTE_ORDER_MARK.len());
    }
    if source.first() == Some(&b'#') {
        let end = source.iter().position(|byte| *byte == b'\n').unwrap_or(source.len());
        let binary = source.get(end + 1) == Some(&MARK);
        source.drain(..end + usize::from(binary));
    }
    source
}

fn opt_path<'a>(vm: &mut Vm, args: Args) -> Result<Option<&'a [u8]>, Box<LuaError>> {
    if args.get(vm, 0).is_nil() { Ok(None) } else { args.check_bytes(vm, 0).map(Some) }
}

/// `loadfile([filename [, mode [, env]]])`
pub(super) fn loadfile(vm: &mut Vm, args: Args) -> NativeResult {
    let path = opt_path(vm, args)?;
    let mode = opt_string(vm, args, 1)?;
    let env = args.try_get(vm, 2);
    match read_source(path) {
        Ok((source, name)) => load_in_mode(vm, &source, &name, mode, env),
        Err(message) => fail_with(vm, message),
    }
}

/// `dofile([filename])`
pub(super) fn dofile(vm: &mut Vm, args: Args) -> NativeResult {
    let path = opt_path(vm, args)?;
    let function = load_file(vm, path)?;
    vm.push(function)?;
    Ok(Flow::TailCall(0))
}

/// Loads a file, or the standard input, as a function of this process.
///
/// # Errors
/// `cannot open …`, and as for [`load_chunk`].
pub fn load_file(vm: &mut Vm, path: Option<&[u8]>) -> Result<Value, Box<LuaError>> {
    let (source, name) = read_file(vm, path)?;
    load_chunk(vm, &source, &name)
}

/// As [`load_file`], for the main file of a program: its code becomes part of the image, so that processes that begin
/// with one of its functions need not take it in one by one.
///
/// # Errors
/// As for [`load_file`].
pub fn load_main_file(vm: &mut Vm, path: &[u8]) -> Result<Value, Box<LuaError>> {
    let (source, name) = read_file(vm, Some(path))?;
    let proto = charged_proto(vm, &source, &name)?;
    let image = vm.image.to_arc();
    let globals = Value::table(vm.globals());
    Ok(vm.new_main_closure(image.load(&proto), globals))
}

/// [`read_source`], with its message as an error.
fn read_file(vm: &mut Vm, path: Option<&[u8]>) -> Result<(Vec<u8>, Vec<u8>), Box<LuaError>> {
    match read_source(path) {
        Ok(file) => Ok(file),
        Err(message) => Err(LuaError::new(vm.string(&message)?)),
    }
}
