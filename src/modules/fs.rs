//! The `fs` module (`modules.md` §4.1): files of a volume, read and written off the workers.
//!
//! In script mode every volume id gives the file system of the machine: the volume's root is `/`, and its working
//! directory that of the operating system process. Paths and names are bytes.

use std::ffi::OsStr;
use std::fs::{self, FileType, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use parking_lot::Mutex;
use smallvec::smallvec;

use crate::runtime::errors::{self, ALREADY_EXISTS, INTERNAL, INVALID, NOT_FOUND, PERMISSION_DENIED};
use crate::runtime::module::{Module, ModuleClass};
use crate::runtime::operation::run_blocking;
use crate::runtime::task::Continuation;
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::image::{Library, Literal};
use crate::vm::native::{Args, Flow, Native, NativeResult};
use crate::vm::object::{Table, UserData};
use crate::vm::userdata::Class;
use crate::vm::value::Value;

/// The module.
pub struct Fs;

impl Module for Fs {
    fn libraries(&self) -> Vec<&'static Library> {
        vec![&LIBRARY]
    }

    fn classes(&self) -> &'static [ModuleClass] {
        &[ModuleClass::Storage, ModuleClass::Io, ModuleClass::Nondeterministic]
    }

    fn manifest(&self) -> &'static str {
        include_str!("fs.d.lua")
    }
}

static LIBRARY: Library = Library {
    name: "fs",
    global: false,
    natives: &[Native::new("get", get)],
    constants: &[
        ("type", Literal::Table(&[("FILE", Literal::String("file")), ("DIR", Literal::String("directory"))])),
        (
            "seek",
            Literal::Table(&[
                ("SET", Literal::String("set")),
                ("CUR", Literal::String("cur")),
                ("END", Literal::String("end")),
            ]),
        ),
    ],
};

static VOLUME: Class = Class {
    name: "fs.Volume",
    methods: &[
        Native::new("readfile", read_file),
        Native::new("read_file", read_file),
        Native::new("writefile", write_file),
        Native::new("write_file", write_file),
        Native::new("exists", exists),
        Native::new("isdir", is_dir),
        Native::new("stat", stat),
        Native::new("mkdir", mkdir),
        Native::new("remove", remove),
        Native::new("readdir", read_dir),
        Native::new("chdir", change_dir),
        Native::new("pwd", working_dir),
    ],
    metamethods: &[],
};

/// A volume handle.
struct Volume {
    /// Absolute. Shared with a `chdir` that is under way.
    working_dir: Arc<Mutex<PathBuf>>,
}

impl UserData for Volume {
    fn class(&self) -> &'static str {
        "fs.Volume"
    }
}

fn get(vm: &mut Vm, args: Args) -> NativeResult {
    if args.check_bytes(vm, 0)?.is_empty() {
        return errors::fail(vm, INVALID, "empty volume id");
    }
    let working_dir = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
    let metatable = vm.image.class(&VOLUME);
    let volume = vm.heap.new_userdata(Volume { working_dir: Arc::new(Mutex::new(working_dir)) }, metatable);
    vm.push(Value::userdata(volume))?;
    vm.push(Value::NIL)?;
    Ok(Flow::Return(2))
}

/// The absolute path that argument `i` names, without `.` and `..`; `None` if it is no path.
fn path(vm: &mut Vm, args: Args, i: u32) -> Result<Option<PathBuf>, Box<LuaError>> {
    let mut path = args.check_userdata::<Volume>(vm, 0, "fs.Volume")?.working_dir.lock().clone();
    let bytes = args.check_bytes(vm, i)?;
    if bytes.is_empty() || bytes.contains(&0) {
        return Ok(None);
    }
    if bytes[0] == b'/' {
        path = PathBuf::from("/");
    }
    for part in bytes.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => _ = path.pop(),
            name => path.push(OsStr::from_bytes(name)),
        }
    }
    Ok(Some(path))
}

/// Runs `work` on the path of argument 1. `failed` is the first result of a failure.
fn on_path<T: Send + 'static>(
    vm: &mut Vm,
    args: Args,
    failed: Value,
    work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    finish: impl FnOnce(&mut Vm, T) -> Continuation + Send + 'static,
) -> NativeResult {
    let Some(path) = path(vm, args, 1)? else {
        return errors::fail_with(vm, failed, INVALID, "invalid path");
    };
    let fails_with_false = !failed.is_nil();
    let work = move || work(&path).map_err(|error| (error_kind(&error), format!("{}: {error}", path.display())));
    run_blocking(vm, "file operation", work, move |vm, result| match result {
        Ok(value) => finish(vm, value),
        Err((kind, message)) => {
            let error = errors::new_error(vm, kind, &message);
            Ok(smallvec![if fails_with_false { Value::FALSE } else { Value::NIL }, error])
        }
    })
}

fn error_kind(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => NOT_FOUND,
        io::ErrorKind::PermissionDenied => PERMISSION_DENIED,
        io::ErrorKind::AlreadyExists => ALREADY_EXISTS,
        io::ErrorKind::NotADirectory
        | io::ErrorKind::IsADirectory
        | io::ErrorKind::DirectoryNotEmpty
        | io::ErrorKind::InvalidInput => INVALID,
        _ => INTERNAL,
    }
}

fn succeeded(_: &mut Vm, (): ()) -> Continuation {
    Ok(smallvec![Value::TRUE, Value::NIL])
}

fn read_file(vm: &mut Vm, args: Args) -> NativeResult {
    on_path(vm, args, Value::NIL, |path| fs::read(path), |vm, bytes| Ok(smallvec![vm.string(&bytes)?, Value::NIL]))
}

fn write_file(vm: &mut Vm, args: Args) -> NativeResult {
    let data = args.check_bytes(vm, 2)?.to_vec();
    let mode = if args.get(vm, 3).is_nil() { b"w" } else { args.check_bytes(vm, 3)? };
    let mut options = OpenOptions::new();
    match mode {
        b"w" => options.write(true).create(true).truncate(true),
        b"a" => options.append(true).create(true),
        b"wx" => options.write(true).create_new(true),
        _ => return errors::fail_with(vm, Value::FALSE, INVALID, "invalid mode"),
    };
    on_path(vm, args, Value::FALSE, move |path| options.open(path)?.write_all(&data), succeeded)
}

fn exists(vm: &mut Vm, args: Args) -> NativeResult {
    on_path(vm, args, Value::FALSE, |path| path.try_exists(), |_, there| Ok(smallvec![Value::bool(there), Value::NIL]))
}

fn is_dir(vm: &mut Vm, args: Args) -> NativeResult {
    on_path(
        vm,
        args,
        Value::FALSE,
        |path| fs::metadata(path),
        |_, metadata| Ok(smallvec![Value::bool(metadata.is_dir()), Value::NIL]),
    )
}

/// The `type` of an entry. A symbolic link is a file until it is followed; what is read and written in other ways than
/// a file (a pipe, a socket, a device) is neither of the two constants.
fn type_name(kind: FileType) -> &'static str {
    if kind.is_dir() {
        "directory"
    } else if kind.is_file() || kind.is_symlink() {
        "file"
    } else {
        "special"
    }
}

fn stat(vm: &mut Vm, args: Args) -> NativeResult {
    let named = |path: &Path| Ok((path.file_name().map(OsStr::to_owned), fs::metadata(path)?));
    on_path(vm, args, Value::NIL, named, |vm, (name, metadata)| {
        let name = vm.string(name.as_deref().map_or(b"/", OsStrExt::as_bytes))?;
        Ok(smallvec![stat_table(vm, name, &metadata)?, Value::NIL])
    })
}

fn stat_table(vm: &mut Vm, name: Value, metadata: &Metadata) -> Result<Value, Box<LuaError>> {
    let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let kind = vm.string(type_name(metadata.file_type()).as_bytes())?;
    let table = vm.heap.new_table(0, 6);
    for (field, value) in [
        ("name", name),
        ("size", Value::int(metadata.len() as i64)),
        ("mode", Value::int(i64::from(metadata.permissions().mode()))),
        ("modified", Value::int(modified.map_or(0, |since| since.as_secs() as i64))),
        ("is_dir", Value::bool(metadata.is_dir())),
        ("type", kind),
    ] {
        set(vm, table, field, value)?;
    }
    Ok(Value::table(table))
}

fn set(vm: &mut Vm, table: *mut Table, field: &str, value: Value) -> Result<(), Box<LuaError>> {
    let key = vm.string(field.as_bytes())?;
    vm.raw_set(table, key, value)
}

fn mkdir(vm: &mut Vm, args: Args) -> NativeResult {
    on_path(vm, args, Value::FALSE, |path| fs::create_dir(path), succeeded)
}

fn remove(vm: &mut Vm, args: Args) -> NativeResult {
    let remove = |path: &Path| if path.is_dir() { fs::remove_dir(path) } else { fs::remove_file(path) };
    on_path(vm, args, Value::FALSE, remove, succeeded)
}

fn read_dir(vm: &mut Vm, args: Args) -> NativeResult {
    let list = |path: &Path| {
        let entries = fs::read_dir(path)?.map(|entry| {
            let entry = entry?;
            Ok((entry.file_name(), type_name(entry.file_type()?)))
        });
        let mut entries = entries.collect::<io::Result<Vec<_>>>()?;
        entries.sort_unstable();
        Ok(entries)
    };
    on_path(vm, args, Value::NIL, list, |vm, entries| {
        let items = vm.heap.new_table(entries.len() as u32, 1);
        for (i, (name, kind)) in entries.iter().enumerate() {
            let name = vm.string(name.as_bytes())?;
            let kind = vm.string(kind.as_bytes())?;
            let entry = vm.heap.new_table(0, 2);
            set(vm, entry, "name", name)?;
            set(vm, entry, "type", kind)?;
            vm.raw_set(items, Value::int(i as i64 + 1), Value::table(entry))?;
        }
        set(vm, items, "at", Value::int(0))?;
        Ok(smallvec![Value::native(&NEXT_ENTRY), Value::table(items)])
    })
}

/// The iterator of `readdir`; its state is the list of entries with the index of the last one in `at`.
static NEXT_ENTRY: Native = Native::new("next_entry", next_entry);

fn next_entry(vm: &mut Vm, args: Args) -> NativeResult {
    let items = args.check_table(vm, 0)?;
    let key = vm.string(b"at")?;
    let last = vm.raw_get(items, key);
    let next = Value::int(if last.is_int() { last.as_int() + 1 } else { 1 });
    vm.raw_set(items, key, next)?;
    let entry = vm.raw_get(items, next);
    vm.answer(entry)
}

fn change_dir(vm: &mut Vm, args: Args) -> NativeResult {
    let checked = |path: &Path| match fs::metadata(path)?.is_dir() {
        true => Ok(path.to_owned()),
        false => Err(io::ErrorKind::NotADirectory.into()),
    };
    let working_dir = Arc::clone(&args.check_userdata::<Volume>(vm, 0, "fs.Volume")?.working_dir);
    on_path(vm, args, Value::FALSE, checked, move |vm, path| {
        *working_dir.lock() = path;
        succeeded(vm, ())
    })
}

fn working_dir(vm: &mut Vm, args: Args) -> NativeResult {
    let path = args.check_userdata::<Volume>(vm, 0, "fs.Volume")?.working_dir.lock().clone();
    let text = vm.string(path.as_os_str().as_bytes())?;
    vm.push(text)?;
    vm.push(Value::NIL)?;
    Ok(Flow::Return(2))
}
