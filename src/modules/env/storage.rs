//! Variables that an application declares, and the storages they lie in.
//!
//! A storage is an entry; what it holds is found by its id. Files are read when the application is loaded and written when a
//! variable in them is set, so that nobody waits for one who only reads.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::{Env, Variables};
use crate::modules::fields::invalid;
use crate::runtime::core::RuntimeCore;
use crate::runtime::data::Data;
use crate::runtime::errors::{ErrorData, NOT_FOUND, PERMISSION_DENIED};
use crate::runtime::spawn::{Entries, Resource, sibling};

/// The kind of storages in memory.
pub const MEMORY: &str = "env.storage.memory";
/// The kind of storages in files.
pub const FILE: &str = "env.storage.file";
/// The kind of storages that are the environment of the program.
pub const SYSTEM: &str = "env.storage.os";
/// The kind of storages whose variables are part of their definition.
pub const STATIC: &str = "env.storage.static";
/// The kind of storages made of others.
pub const ROUTER: &str = "env.storage.router";
/// All kinds of storages.
pub const STORAGES: [&str; 5] = [MEMORY, FILE, SYSTEM, STATIC, ROUTER];
/// The kind of variables.
pub const VARIABLE: &str = "env.variable";

/// Routers within routers.
const MAX_DEPTH: usize = 8;
/// What new files and folders may be used for, unless their definition says so.
const FILE_MODE: u32 = 0o644;
const FOLDER_MODE: u32 = 0o755;

/// A variable that is declared.
pub struct Declared {
    /// What programs call it.
    pub name: String,
    storage: String,
    default: Option<Vec<u8>>,
    is_read_only: bool,
}

/// Where a variable is set.
pub enum Place {
    /// A storage in memory.
    Memory(String),
    /// A storage in a file.
    File {
        /// Its id.
        id: String,
        /// The file.
        path: PathBuf,
    },
}

/// Whether variables have to be declared: then there is a storage.
pub fn is_declared(entries: &dyn Entries) -> bool {
    STORAGES.iter().any(|kind| !entries.of_kind(kind).is_empty())
}

/// All variables, by their ids.
pub fn declared(entries: &dyn Entries) -> impl Iterator<Item = (String, Declared)> {
    entries.of_kind(VARIABLE).into_iter().map(|(id, fields)| {
        let text = |field: &str| fields.get(field).and_then(Data::as_str).unwrap_or_default();
        let declared = Declared {
            name: text("variable").to_owned(),
            storage: sibling(&id, text("storage")),
            default: fields.get("default").and_then(scalar),
            is_read_only: fields.get("readonly") == Some(&Data::Boolean(true)),
        };
        (id.to_string(), declared)
    })
}

/// The variable with this name or id.
pub fn find(entries: &dyn Entries, key: &str) -> Option<Declared> {
    declared(entries).find(|(id, variable)| variable.name == key || id == key).map(|(_, variable)| variable)
}

/// The text of a value in a definition.
fn scalar(value: &Data) -> Option<Vec<u8>> {
    match value {
        Data::Text(text) => Some(text.to_vec()),
        Data::Integer(n) => Some(n.to_string().into_bytes()),
        Data::Float(n) => Some(n.to_string().into_bytes()),
        Data::Boolean(b) => Some(b.to_string().into_bytes()),
        Data::Nil | Data::List(_) | Data::Map(_) => None,
    }
}

impl Env {
    /// The value of a variable.
    ///
    /// # Errors
    /// If its storage is none.
    pub fn value(&self, entries: &dyn Entries, variable: &Declared) -> Result<Option<Vec<u8>>, ErrorData> {
        let found = self.stored(entries, &variable.storage, &variable.name, 0)?;
        Ok(found.or_else(|| variable.default.clone()))
    }

    fn stored(
        &self,
        entries: &dyn Entries,
        storage: &str,
        name: &str,
        depth: usize,
    ) -> Result<Option<Vec<u8>>, ErrorData> {
        let (kind, fields) = entries.declared(storage, &STORAGES)?;
        Ok(match &*kind {
            SYSTEM => std::env::var_os(OsStr::new(name)).map(OsStringExt::into_vec),
            STATIC => fields.get("values").and_then(|values| values.get(name)).and_then(scalar),
            ROUTER => {
                check_depth(storage, depth)?;
                for part in parts(storage, &fields) {
                    if let Some(found) = self.stored(entries, &part, name, depth + 1)? {
                        return Ok(Some(found));
                    }
                }
                None
            }
            _ => {
                let storages = self.storages.read();
                storages.get(storage).and_then(|held| held.get(name.as_bytes())).map(|value| value.to_vec())
            }
        })
    }

    /// Notes the value of a variable.
    pub fn store(&self, storage: &str, name: &str, value: &[u8]) {
        let mut storages = self.storages.write();
        storages.entry_ref(storage).or_default().insert(name.as_bytes().into(), value.into());
    }
}

/// Where a variable is set.
///
/// # Errors
/// If it cannot be set at all.
pub fn place(entries: &dyn Entries, variable: &Declared) -> Result<Place, ErrorData> {
    let read_only = || ErrorData::judged(PERMISSION_DENIED, &format!("variable {} is read-only", variable.name), false);
    if variable.is_read_only {
        return Err(read_only());
    }
    let mut storage = variable.storage.clone();
    for depth in 0.. {
        check_depth(&storage, depth)?;
        let (kind, fields) = entries.declared(&storage, &STORAGES)?;
        match &*kind {
            MEMORY => return Ok(Place::Memory(storage)),
            FILE => {
                let path = path(entries, &storage);
                return Ok(Place::File { id: storage, path });
            }
            ROUTER => storage = parts(&storage, &fields).into_iter().next().ok_or_else(read_only)?,
            _ => return Err(read_only()),
        }
    }
    unreachable!("the depth is limited")
}

fn check_depth(storage: &str, depth: usize) -> Result<(), ErrorData> {
    if depth < MAX_DEPTH { Ok(()) } else { Err(invalid(format!("{storage}: too many routers within each other"))) }
}

/// The storages that a router is made of.
fn parts(router: &str, fields: &Data) -> Vec<String> {
    let list = match fields.get("storages") {
        Some(Data::List(list)) => list.as_slice(),
        _ => &[],
    };
    list.iter().filter_map(Data::as_str).map(|id| sibling(router, id)).collect()
}

// ---- files

/// The file of a storage.
fn path(entries: &dyn Entries, storage: &str) -> PathBuf {
    match entries.resource(storage) {
        Resource::Entry { data, folder, .. } => {
            folder.join(data.get("file_path").and_then(Data::as_str).unwrap_or_default())
        }
        Resource::Undeclared | Resource::Unknown => PathBuf::new(),
    }
}

/// A field for what a file may be used for: a number, or its digits in base eight.
fn mode(fields: &Data, field: &str, default: u32) -> u32 {
    match fields.get(field) {
        Some(Data::Integer(mode)) => u32::try_from(*mode).unwrap_or(default),
        Some(digits) => digits.as_str().and_then(|digits| u32::from_str_radix(digits, 8).ok()).unwrap_or(default),
        None => default,
    }
}

/// Reads the files of all storages. Gives the ids of those that cannot be read, with the reasons.
pub fn read_files(core: &RuntimeCore) -> Vec<(String, String)> {
    let Some(env) = core.modules.of_type::<Env>() else { return Vec::new() };
    let mut failures = Vec::new();
    for (id, fields) in core.entries.of_kind(FILE) {
        let path = path(&*core.entries, &id);
        match content(&path, &fields) {
            Ok(text) => {
                env.storages.write().insert(id.to_string(), variables(&text));
            }
            Err(error) => failures.push((id.to_string(), format!("{}: {error}", path.display()))),
        }
    }
    failures
}

/// What is in a file. One that is missing is made, if it is to be.
fn content(path: &Path, fields: &Data) -> io::Result<Vec<u8>> {
    match fs::read(path) {
        Err(error)
            if error.kind() == io::ErrorKind::NotFound && fields.get("auto_create") == Some(&Data::Boolean(true)) =>
        {
            if let Some(folder) = path.parent() {
                DirBuilder::new().recursive(true).mode(mode(fields, "dir_mode", FOLDER_MODE)).create(folder)?;
            }
            let mut options = OpenOptions::new();
            options.write(true).create_new(true).mode(mode(fields, "file_mode", FILE_MODE)).open(path)?;
            Ok(Vec::new())
        }
        read => read,
    }
}

/// The name and the value in a line.
fn variable(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let line = line.trim_ascii();
    let at = line.iter().position(|byte| *byte == b'=').filter(|_| !line.starts_with(b"#"))?;
    Some((line[..at].trim_ascii(), line[at + 1..].trim_ascii()))
}

fn variables(text: &[u8]) -> Variables {
    text.split(|byte| *byte == b'\n').filter_map(variable).map(|(name, value)| (name.into(), value.into())).collect()
}

/// Writes a variable into a file, whose other lines stay as they are. Blocks.
///
/// # Errors
/// Those of the system.
pub fn write(path: &Path, name: &str, value: &[u8]) -> io::Result<()> {
    let text = fs::read(path)?;
    let line = [name.as_bytes(), b"=", value].concat();
    let mut lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    if lines.last().is_some_and(|last| last.is_empty()) {
        lines.pop();
    }
    let is_it = |line: &&[u8]| variable(line).is_some_and(|(other, _)| other == name.as_bytes());
    // Of several the last one counts.
    match lines.iter().rposition(is_it) {
        Some(at) => lines[at] = &line,
        None => lines.push(&line),
    }
    let mut text = lines.join(&b'\n');
    text.push(b'\n');
    // A file that is half written must not take the place of the old one.
    let mut new = path.as_os_str().to_owned();
    new.push(OsStr::from_bytes(b".new"));
    let permissions = fs::metadata(path)?.permissions();
    let mut file = fs::File::create(&new)?;
    file.set_permissions(permissions)?;
    file.write_all(&text)?;
    fs::rename(&new, path)
}

/// The error of a variable that nobody has declared, or that has no value.
pub fn not_found(key: &[u8]) -> ErrorData {
    ErrorData::judged(NOT_FOUND, &format!("variable not found: {}", String::from_utf8_lossy(key)), false)
}
