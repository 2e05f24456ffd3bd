//! The `io` library (manual §6.8): opening files, and the default files of a process.
//!
//! The default files are kept in the registry, and so are the standard files, which a process makes when it first uses
//! them. They are objects of the process, but the streams behind them belong to the whole program.

use std::fs::{File, OpenOptions};
use std::io;
use std::process::Stdio;

use super::file::{
    LuaFile, check_file, check_stream, new_file, new_lines, new_standard_file, read_arguments, write_values,
};
use super::output::flush_output;
use super::stream::{Device, Shared, Stream};
use super::system::{error_text, failure, os_text, outcome, shell};
use crate::vm::Vm;
use crate::vm::args::userdata_of;
use crate::vm::error::LuaError;
use crate::vm::image::Library;
use crate::vm::native::{Args, Native, NativeResult};
use crate::vm::raw::string_bytes;
use crate::vm::value::Value;

/// The library.
pub static LIBRARY: Library = Library { name: "io", global: true, natives: &NATIVES, constants: &[] };

static NATIVES: [Native; 12] = [
    Native::new("__index", standard_field),
    Native::new("close", close),
    Native::new("flush", flush),
    Native::new("input", input),
    Native::new("lines", lines),
    Native::new("open", open),
    Native::new("output", output),
    Native::new("popen", popen),
    Native::new("read", read),
    Native::new("tmpfile", tmpfile),
    Native::new("type", type_of),
    Native::new("write", write),
];

/// A default file: its registry key, and what messages call it.
#[derive(Clone, Copy)]
struct Default {
    key: &'static str,
    name: &'static str,
    standard: usize,
    mode: &'static [u8],
}

const INPUT: Default = Default { key: "io.input", name: "input", standard: 0, mode: b"r" };
const OUTPUT: Default = Default { key: "io.output", name: "output", standard: 1, mode: b"w" };

/// The standard streams as fields of the library and names in the registry, in the order of their numbers.
const STANDARD: [&str; 3] = ["stdin", "stdout", "stderr"];

/// This process's file object on a standard stream.
fn standard_file(vm: &mut Vm, index: usize) -> Result<Value, Box<LuaError>> {
    let registry = vm.registry();
    let known = vm.raw_get_name(registry, STANDARD[index])?;
    if !known.is_nil() {
        return Ok(known);
    }
    let file = new_standard_file(vm, index)?;
    vm.raw_set_name(registry, STANDARD[index], file)?;
    Ok(file)
}

/// `io.stdin`, `io.stdout`, `io.stderr`, when they are first used; from then on they are ordinary fields.
fn standard_field(vm: &mut Vm, args: Args) -> NativeResult {
    let (library, key) = (args.check_table(vm, 0)?, args.get(vm, 1));
    let index = STANDARD.iter().position(|name| key.is_string() && string_bytes(key) == name.as_bytes());
    let Some(index) = index else { return vm.answer(Value::NIL) };
    let file = standard_file(vm, index)?;
    if !vm.is_frozen(library) {
        vm.raw_set(library, key, file)?;
    }
    vm.answer(file)
}

/// A default file; pushed as well, so that it can be checked like an argument.
fn push_default(vm: &mut Vm, default: Default) -> Result<Args, Box<LuaError>> {
    let registry = vm.registry();
    let mut file = vm.raw_get_name(registry, default.key)?;
    if file.is_nil() {
        file = standard_file(vm, default.standard)?;
    }
    let slot = vm.top_slot();
    vm.push(file)?;
    Ok(Args { start: slot, len: 1 })
}

/// The stream of a default file.
fn default_stream<'a>(vm: &mut Vm, default: Default) -> Result<(&'a Shared, Value), Box<LuaError>> {
    let slot = push_default(vm, default)?;
    if !check_file(vm, slot, 0)?.is_open() {
        return Err(vm.error(&format!("standard {} file is closed", default.name)));
    }
    Ok((check_stream(vm, slot, 0)?, slot.get(vm, 0)))
}

fn close(vm: &mut Vm, args: Args) -> NativeResult {
    let slots = if args.len == 0 { push_default(vm, OUTPUT)? } else { args };
    check_file(vm, slots, 0)?.close(vm)
}

fn flush(vm: &mut Vm, _: Args) -> NativeResult {
    let (stream, _) = default_stream(vm, OUTPUT)?;
    let flushed = stream.lock().flush();
    outcome(vm, flushed, None)
}

fn read(vm: &mut Vm, args: Args) -> NativeResult {
    let (stream, _) = default_stream(vm, INPUT)?;
    read_arguments(vm, args, 0, stream)
}

fn write(vm: &mut Vm, args: Args) -> NativeResult {
    let (stream, file) = default_stream(vm, OUTPUT)?;
    write_values(vm, args, 0, stream, file)
}

fn input(vm: &mut Vm, args: Args) -> NativeResult {
    get_or_set_default(vm, args, INPUT)
}

fn output(vm: &mut Vm, args: Args) -> NativeResult {
    get_or_set_default(vm, args, OUTPUT)
}

/// `io.input([file])`, `io.output([file])`
fn get_or_set_default(vm: &mut Vm, args: Args, default: Default) -> NativeResult {
    let given = args.get(vm, 0);
    if !given.is_nil() {
        let file = if given.is_string() || given.is_number() {
            open_or_raise(vm, args, default.mode)?
        } else {
            check_file(vm, args, 0)?;
            given
        };
        let registry = vm.registry();
        vm.raw_set_name(registry, default.key, file)?;
    }
    let slot = push_default(vm, default)?;
    let file = slot.get(vm, 0);
    vm.answer(file)
}

/// `io.lines([filename, …])`
fn lines(vm: &mut Vm, args: Args) -> NativeResult {
    let iterator = if args.get(vm, 0).is_nil() {
        let (_, file) = default_stream(vm, INPUT)?;
        new_lines(vm, args, file, false)?
    } else {
        let file = open_or_raise(vm, args, b"r")?;
        new_lines(vm, args, file, true)?
    };
    vm.answer(iterator)
}

/// `io.open(filename [, mode])`
fn open(vm: &mut Vm, args: Args) -> NativeResult {
    let name = args.check_bytes(vm, 0)?;
    let mode = if args.get(vm, 1).is_nil() { b"r" } else { args.check_bytes(vm, 1)? };
    let Some((options, readable, writable)) = open_options(mode) else {
        return Err(vm.argument_error(1, "invalid mode"));
    };
    match options.open(os_text(name)) {
        Ok(file) => answer_file(vm, Stream::open(Device::File(file), readable, writable)),
        Err(error) => failure(vm, &error, Some(name)),
    }
}

fn answer_file(vm: &mut Vm, stream: Shared) -> NativeResult {
    let file = new_file(vm, stream)?;
    vm.answer(file)
}

/// How a mode (`[rwa]%+?b*`) opens a file, and whether it can then be read and written.
fn open_options(mode: &[u8]) -> Option<(OpenOptions, bool, bool)> {
    let (&kind, rest) = mode.split_first()?;
    let (update, rest) = match rest {
        [b'+', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    if rest.iter().any(|&byte| byte != b'b') {
        return None;
    }
    let mut options = File::options();
    match kind {
        b'r' => options.read(true).write(update),
        b'w' => options.write(true).create(true).truncate(true).read(update),
        b'a' => options.append(true).create(true).read(update),
        _ => return None,
    };
    Some((options, kind == b'r' || update, kind != b'r' || update))
}

/// Opens the file that the first argument names; a refusal is an error.
fn open_or_raise(vm: &mut Vm, args: Args, mode: &[u8]) -> Result<Value, Box<LuaError>> {
    let name = args.check_bytes(vm, 0)?;
    let (options, readable, writable) = open_options(mode).expect("the modes of default files are valid");
    match options.open(os_text(name)) {
        Ok(file) => new_file(vm, Stream::open(Device::File(file), readable, writable)),
        Err(error) => {
            let name = String::from_utf8_lossy(name);
            Err(vm.error(&format!("cannot open file '{name}' ({})", error_text(&error))))
        }
    }
}

/// `io.popen(prog [, mode])`
fn popen(vm: &mut Vm, args: Args) -> NativeResult {
    let command = args.check_bytes(vm, 0)?;
    let mode = if args.get(vm, 1).is_nil() { b"r" } else { args.check_bytes(vm, 1)? };
    let mut shell = shell(command);
    let reads = match mode {
        b"r" => true,
        b"w" => false,
        _ => return Err(vm.argument_error(1, "invalid mode")),
    };
    if reads {
        shell.stdout(Stdio::piped());
    } else {
        shell.stdin(Stdio::piped());
    }
    // What was printed before must appear before what the program prints.
    let started = flush_output().and_then(|()| shell.spawn());
    match started {
        Ok(child) if reads => answer_file(vm, Stream::open(Device::PipeFrom(child), true, false)),
        Ok(child) => answer_file(vm, Stream::open(Device::PipeTo(child), false, true)),
        Err(error) => failure(vm, &error, Some(command)),
    }
}

fn tmpfile(vm: &mut Vm, _: Args) -> NativeResult {
    match temporary_file() {
        Ok((path, file)) => {
            // Without a name it vanishes when it is closed. Where the system does not allow that, it stays.
            let _ = std::fs::remove_file(path);
            answer_file(vm, Stream::open(Device::File(file), true, true))
        }
        Err(error) => failure(vm, &error, None),
    }
}

/// A new file in the directory for temporary files, with its path.
pub(super) fn temporary_file() -> io::Result<(std::path::PathBuf, File)> {
    use crate::vm::random::Random;
    loop {
        let name = format!("lua_{:08x}", Random::from_entropy().bits() as u32);
        let path = std::env::temp_dir().join(name);
        match File::options().read(true).write(true).create_new(true).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            file => return file.map(|file| (path, file)),
        }
    }
}

/// `io.type(obj)`
fn type_of(vm: &mut Vm, args: Args) -> NativeResult {
    let value = args.check_any(vm, 0)?;
    if userdata_of::<LuaFile>(value).is_none() {
        return vm.answer(Value::NIL);
    }
    let name: &[u8] = if check_file(vm, args, 0)?.is_open() { b"file" } else { b"closed file" };
    let name = vm.string(name)?;
    vm.answer(name)
}
