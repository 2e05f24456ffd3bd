//! The `fs` module (`modules.md` §4.1): files of a volume, read and written off the workers.
//!
//! | file | owns |
//! | --- | --- |
//! | [`place`] | where paths lead |
//! | [`packed`] | files in memory |
//! | [`file`], `streamed` | open files and scanners; streams that are written to files |
//!
//! In an application a volume is an entry: `fs.directory`, a folder that paths and links do not lead out of, or `fs.embed`,
//! the files that were below a folder when the application was loaded. In script mode every volume id gives the file system of
//! the machine: the volume's root is `/`, and its working directory that of the operating system process; but a host that embeds
//! the runtime may have given files for an id. Paths and names are bytes.

mod file;
mod packed;
mod place;
#[cfg(feature = "app")]
mod streamed;

#[cfg(feature = "http")]
pub use self::file::OpenFile;
pub use self::packed::PackedFiles;
#[cfg(feature = "http")]
pub(crate) use self::packed::{Node, PackedFile};
pub use self::place::Root;

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hashbrown::HashMap;
use parking_lot::{Mutex, RwLock};
use smallvec::smallvec;

use self::place::{FOLDER, Mode, Place, Stat};
#[cfg(feature = "app")]
use super::stream::Stream;
use crate::runtime::access;
#[cfg(feature = "app")]
use crate::runtime::core::RuntimeCore;
use crate::runtime::data::Data;
use crate::runtime::errors::{self, ALREADY_EXISTS, INTERNAL, INVALID, NOT_FOUND, PERMISSION_DENIED};
use crate::runtime::module::{Module, ModuleClass, module};
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

/// The module, with the volumes in memory by their ids.
#[derive(Default)]
pub struct Fs(RwLock<HashMap<Box<str>, Arc<PackedFiles>>>);

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

impl Fs {
    /// Files for a volume.
    pub fn add(&self, id: &str, files: Arc<PackedFiles>) {
        self.0.write().insert(id.into(), files);
    }

    fn packed(&self, id: &str) -> Option<Arc<PackedFiles>> {
        self.0.read().get(id).cloned()
    }

    /// Where the files are of a volume that an application in `folder` defines. Blocks.
    ///
    /// # Errors
    /// There is no such folder, or what is in it cannot be packed.
    pub fn root(&self, id: &str, kind: &str, data: &Data, folder: &Path) -> io::Result<Root> {
        let root = directory(data, folder);
        if kind != EMBED {
            ensure(&root, data)?;
            return Ok(Root::Folder(root));
        }
        if let Some(files) = self.packed(id) {
            return Ok(Root::Packed(files));
        }
        let files = Arc::new(PackedFiles::read(&root)?);
        self.add(id, Arc::clone(&files));
        Ok(Root::Packed(files))
    }
}

/// Packs the files of all volumes that are to have them in memory. Gives the ids of those that cannot be read, with the
/// reasons. Blocks.
#[cfg(feature = "app")]
pub fn pack(core: &RuntimeCore) -> Vec<(String, String)> {
    let Some(fs) = core.modules.of_type::<Fs>() else { return Vec::new() };
    let pack = |(id, _): (Arc<str>, Data)| {
        let Resource::Entry { kind, data, folder } = core.entries.resource(&id) else { return None };
        let error = fs.root(&id, &kind, &data, &folder).err()?;
        Some((id.to_string(), format!("{}: {error}", directory(&data, &folder).display())))
    };
    core.entries.of_kind(EMBED).into_iter().filter_map(pack).collect()
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

/// The kind of volumes that are folders.
pub const DIRECTORY: &str = "fs.directory";
/// The kind of volumes in memory.
pub const EMBED: &str = "fs.embed";
/// All kinds of volumes.
pub const KINDS: [&str; 2] = [DIRECTORY, EMBED];

/// A volume handle.
struct Volume {
    root: Root,
    /// As programs see it: the root is `/`. Shared with a `chdir` that is under way.
    working_dir: Arc<Mutex<PathBuf>>,
}

impl UserData for Volume {
    fn class(&self) -> &'static str {
        "fs.Volume"
    }
}

fn new_volume(vm: &mut Vm, root: Root, working_dir: PathBuf) -> Value {
    let metatable = vm.image.class(&VOLUME);
    let volume = Volume { root, working_dir: Arc::new(Mutex::new(working_dir)) };
    Value::userdata(vm.heap.new_userdata(volume, metatable))
}

fn get(vm: &mut Vm, args: Args) -> NativeResult {
    let id = String::from_utf8_lossy(args.check_bytes(vm, 0)?);
    if id.is_empty() {
        return errors::fail(vm, INVALID, "empty volume id");
    }
    if let Err(error) = access::check(vm, "fs.get", &id) {
        return errors::refuse(vm, error);
    }
    let top = || PathBuf::from("/");
    let fs = module::<Fs>(vm);
    let (root, working_dir) = match state(vm).core().entries.resource(&id) {
        Resource::Undeclared => match fs.packed(&id) {
            Some(files) => (Root::Packed(files), top()),
            None => (Root::Folder(top()), std::env::current_dir().unwrap_or_else(|_| top())),
        },
        Resource::Unknown => return errors::fail(vm, NOT_FOUND, &format!("no volume {id}")),
        Resource::Entry { kind, .. } if !KINDS.contains(&&*kind) => {
            return errors::fail(vm, INVALID, &format!("{id} is a {kind}, not a {}", KINDS.join(" or ")));
        }
        Resource::Entry { kind, data, folder } => {
            let (id, shown) = (id.into_owned(), directory(&data, &folder));
            let failed = move |error: &io::Error| (error_kind(error), format!("{}: {error}", shown.display()));
            if &*kind == EMBED && fs.packed(&id).is_none() {
                // It was defined when the application ran already.
                let read = move || fs.root(&id, &kind, &data, &folder);
                return run_blocking(vm, "file operation", read, move |vm, root| match root {
                    Ok(root) => Ok(smallvec![new_volume(vm, root, PathBuf::from("/")), Value::NIL]),
                    Err(error) => {
                        let (kind, message) = failed(&error);
                        Ok(smallvec![Value::NIL, errors::new_error(vm, kind, &message)])
                    }
                });
            }
            match fs.root(&id, &kind, &data, &folder) {
                Ok(root) => (root, top()),
                Err(error) => {
                    let (kind, message) = failed(&error);
                    return errors::fail(vm, kind, &message);
                }
            }
        }
    };
    let volume = new_volume(vm, root, working_dir);
    vm.push(volume)?;
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
fn path(vm: &mut Vm, args: Args, i: u32) -> Result<Option<Place>, Box<LuaError>> {
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
    Ok(Some(Place { root, shown: path }))
}

/// Runs `work` on the path of argument 1. `failed` is the first result of a failure.
fn on_path<T: Send + 'static>(
    vm: &mut Vm,
    args: Args,
    failed: Value,
    work: impl FnOnce(&Place) -> io::Result<T> + Send + 'static,
    finish: impl FnOnce(&mut Vm, T) -> Continuation + Send + 'static,
) -> NativeResult {
    let Some(place) = path(vm, args, 1)? else {
        return errors::fail_with(vm, failed, INVALID, "invalid path");
    };
    let fails_with_false = !failed.is_nil();
    let work =
        move || work(&place).map_err(|error| (error_kind(&error), format!("{}: {error}", place.shown.display())));
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
    on_path(vm, args, Value::NIL, Place::read, |vm, bytes| Ok(smallvec![vm.string(&bytes)?, Value::NIL]))
}

fn write_file(vm: &mut Vm, args: Args) -> NativeResult {
    let mode = if args.get(vm, 3).is_nil() { b"w" } else { args.check_bytes(vm, 3)? };
    let Some(mode) = Mode::named(mode).filter(|mode| *mode != Mode::Read) else {
        return errors::fail_with(vm, Value::FALSE, INVALID, "invalid mode");
    };
    #[cfg(feature = "app")]
    if let Some(stream) = host_object::<Stream>(args.get(vm, 2)).cloned() {
        return match path(vm, args, 1)? {
            Some(place) => streamed::write(vm, place, stream, mode),
            None => errors::fail_with(vm, Value::FALSE, INVALID, "invalid path"),
        };
    }
    let data = args.check_bytes(vm, 2)?.to_vec();
    on_path(vm, args, Value::FALSE, move |place| place.open(mode)?.write_all(&data), succeeded)
}

fn exists(vm: &mut Vm, args: Args) -> NativeResult {
    on_path(vm, args, Value::FALSE, Place::exists, |_, there| Ok(smallvec![Value::bool(there), Value::NIL]))
}

fn is_dir(vm: &mut Vm, args: Args) -> NativeResult {
    let is_folder = |place: &Place| Ok(place.stat()?.sort == FOLDER);
    on_path(vm, args, Value::FALSE, is_folder, |_, is_folder| Ok(smallvec![Value::bool(is_folder), Value::NIL]))
}

fn stat(vm: &mut Vm, args: Args) -> NativeResult {
    let named = |place: &Place| Ok((place.name().to_owned(), place.stat()?));
    on_path(vm, args, Value::NIL, named, |vm, (name, stat)| {
        let name = vm.string(name.as_bytes())?;
        Ok(smallvec![stat_table(vm, name, &stat)?, Value::NIL])
    })
}

fn stat_table(vm: &mut Vm, name: Value, stat: &Stat) -> Result<Value, Box<LuaError>> {
    let sort = vm.string(stat.sort.as_bytes())?;
    let table = vm.heap.new_table(0, 6);
    for (field, value) in [
        ("name", name),
        ("size", Value::int(stat.size as i64)),
        ("mode", Value::int(i64::from(stat.mode))),
        ("modified", Value::int(stat.modified as i64)),
        ("is_dir", Value::bool(stat.sort == FOLDER)),
        ("type", sort),
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
    on_path(vm, args, Value::FALSE, Place::make_folder, succeeded)
}

fn remove(vm: &mut Vm, args: Args) -> NativeResult {
    on_path(vm, args, Value::FALSE, Place::remove, succeeded)
}

fn read_dir(vm: &mut Vm, args: Args) -> NativeResult {
    on_path(vm, args, Value::NIL, Place::list, |vm, entries| {
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
    let check = |place: &Place| match place.stat()?.sort {
        FOLDER => Ok(()),
        _ => Err(io::ErrorKind::NotADirectory.into()),
    };
    let working_dir = Arc::clone(&args.check_userdata::<Volume>(vm, 0, "fs.Volume")?.working_dir);
    let Some(Place { shown, .. }) = path(vm, args, 1)? else {
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
