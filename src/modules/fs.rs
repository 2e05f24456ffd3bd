//! The `fs` module (`modules.md` §4.1): files of a volume, read and written off the workers.
//!
//! In an application a volume is an entry, `fs.directory`: a folder that paths and links do not lead out of. In script mode
//! every volume id gives the file system of the machine: the volume's root is `/`, and its working directory that of the
//! operating system process. Paths and names are bytes.

mod file;
#[cfg(feature = "app")]
mod streamed;

#[cfg(feature = "http")]
pub use self::file::OpenFile;

use std::ffi::OsStr;
use std::fs::{self, FileType, Metadata};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use parking_lot::Mutex;
use smallvec::smallvec;

#[cfg(feature = "app")]
use super::stream::Stream;
use crate::runtime::access;
use crate::runtime::data::Data;
use crate::runtime::errors::{self, ALREADY_EXISTS, INTERNAL, INVALID, NOT_FOUND, PERMISSION_DENIED};
use crate::runtime::module::{Module, ModuleClass};
use crate::runtime::operation::run_blocking;
use crate::runtime::process_state::state;
use crate::runtime::spawn::Resource;
use crate::runtime::task::Continuation;
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::image::{Library, Literal};
use crate::vm::native::{Args, Flow, Native, NativeResult};
use crate::vm::object::{Table, UserData};
#[cfg(feature = "app")]
use crate::vm::raw::host_object;
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
        Native::new("open", file::open),
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

/// The kind of entries that are volumes.
pub const DIRECTORY: &str = "fs.directory";

/// A volume handle.
struct Volume {
    /// The folder that is its root.
    root: PathBuf,
    /// As programs see it: the root is `/`. Shared with a `chdir` that is under way.
    working_dir: Arc<Mutex<PathBuf>>,
}

/// A path of a volume.
struct VolumePath {
    root: PathBuf,
    /// As programs see it: absolute, without `.` and `..`.
    shown: PathBuf,
}

impl VolumePath {
    /// Where it is on the machine.
    fn real(&self) -> io::Result<PathBuf> {
        let relative = self.shown.strip_prefix("/").unwrap_or(&self.shown);
        let real = self.root.join(relative);
        if self.root != Path::new("/") {
            self.check_links(&real)?;
        }
        Ok(real)
    }

    /// Refuses a path that leads out of the volume through a link. What does not exist yet lies where it will be made.
    fn check_links(&self, real: &Path) -> io::Result<()> {
        let root = self.root.canonicalize()?;
        for part in real.ancestors() {
            match part.canonicalize() {
                Ok(found) if found.starts_with(&root) => return Ok(()),
                Ok(_) => {
                    return Err(io::Error::new(
                        io::ErrorKind::PermissionDenied,
                        "not allowed: leads out of the volume",
                    ));
                }
                // A link that leads nowhere would be followed when a file is made.
                Err(_) if part.is_symlink() => {
                    return Err(io::Error::new(
                        io::ErrorKind::PermissionDenied,
                        "not allowed: a link that leads nowhere",
                    ));
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl UserData for Volume {
    fn class(&self) -> &'static str {
        "fs.Volume"
    }
}

fn get(vm: &mut Vm, args: Args) -> NativeResult {
    let id = String::from_utf8_lossy(args.check_bytes(vm, 0)?);
    if id.is_empty() {
        return errors::fail(vm, INVALID, "empty volume id");
    }
    if let Err(error) = access::check(vm, "fs.get", &id) {
        return errors::refuse(vm, error);
    }
    let (root, working_dir) = match state(vm).core().entries.resource(&id) {
        Resource::Undeclared => (PathBuf::from("/"), std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"))),
        Resource::Unknown => return errors::fail(vm, NOT_FOUND, &format!("no volume {id}")),
        Resource::Entry { kind, .. } if &*kind != DIRECTORY => {
            return errors::fail(vm, INVALID, &format!("{id} is a {kind}, not a {DIRECTORY}"));
        }
        Resource::Entry { data, folder, .. } => {
            let root = directory(&data, &folder);
            if let Err(error) = ensure(&root, &data) {
                return errors::fail(vm, error_kind(&error), &format!("{}: {error}", root.display()));
            }
            (root, PathBuf::from("/"))
        }
    };
    let metatable = vm.image.class(&VOLUME);
    let volume = Volume { root, working_dir: Arc::new(Mutex::new(working_dir)) };
    let volume = vm.heap.new_userdata(volume, metatable);
    vm.push(Value::userdata(volume))?;
    vm.push(Value::NIL)?;
    Ok(Flow::Return(2))
}

/// The folder of a volume that is defined in an application in `folder`.
pub fn directory(data: &Data, folder: &Path) -> PathBuf {
    folder.join(data.get("directory").and_then(Data::as_str).unwrap_or_default())
}

/// Makes the folder of a volume, if it is missing and to be made.
///
/// # Errors
/// If it is missing.
pub fn ensure(root: &Path, data: &Data) -> io::Result<()> {
    if root.is_dir() {
        return Ok(());
    }
    match data.get("auto_init") {
        Some(Data::Boolean(true)) => fs::create_dir_all(root),
        _ => Err(io::ErrorKind::NotFound.into()),
    }
}

/// The path that argument `i` names; `None` if it is no path.
fn path(vm: &mut Vm, args: Args, i: u32) -> Result<Option<VolumePath>, Box<LuaError>> {
    let volume = args.check_userdata::<Volume>(vm, 0, "fs.Volume")?;
    let (root, mut path) = (volume.root.clone(), volume.working_dir.lock().clone());
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
    Ok(Some(VolumePath { root, shown: path }))
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
    let work = move || {
        let result = path.real().and_then(|real| work(&real));
        result.map_err(|error| (error_kind(&error), format!("{}: {error}", path.shown.display())))
    };
    run_blocking(vm, "file operation", work, move |vm, result| match result {
        Ok(value) => finish(vm, value),
        Err((kind, message)) => {
            let error = errors::new_error(vm, kind, &message);
            Ok(smallvec![if fails_with_false { Value::FALSE } else { Value::NIL }, error])
        }
    })
}

/// What kind of error a failure of the system is.
pub(super) fn error_kind(error: &io::Error) -> &'static str {
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
    let mode = if args.get(vm, 3).is_nil() { b"w" } else { args.check_bytes(vm, 3)? };
    let Some(options) = file::options(mode).filter(|_| mode != b"r") else {
        return errors::fail_with(vm, Value::FALSE, INVALID, "invalid mode");
    };
    #[cfg(feature = "app")]
    if let Some(stream) = host_object::<Stream>(args.get(vm, 2)).cloned() {
        return match path(vm, args, 1)? {
            Some(path) => streamed::write(vm, path, stream, options),
            None => errors::fail_with(vm, Value::FALSE, INVALID, "invalid path"),
        };
    }
    let data = args.check_bytes(vm, 2)?.to_vec();
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
    let check = |path: &Path| match fs::metadata(path)?.is_dir() {
        true => Ok(()),
        false => Err(io::ErrorKind::NotADirectory.into()),
    };
    let working_dir = Arc::clone(&args.check_userdata::<Volume>(vm, 0, "fs.Volume")?.working_dir);
    let Some(VolumePath { shown, .. }) = path(vm, args, 1)? else {
        return errors::fail_with(vm, Value::FALSE, INVALID, "invalid path");
    };
    on_path(vm, args, Value::FALSE, check, move |vm, ()| {
        *working_dir.lock() = shown;
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
