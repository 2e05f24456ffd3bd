//! Script mode (`runtime.md` §12.9): the script's folder is the root namespace `app`. Entry `app.a.b:name` is the function
//! `name` of the table that `a/b.lua` in that folder returns; every host id means the one default host.
//!
//! A module is compiled once, into the image, when it is first needed; each process that starts from it runs its code anew.

use std::fs;
use std::path::{Path, PathBuf};

use hashbrown::HashMap;
use parking_lot::Mutex;

use crate::runtime::errors::{ErrorData, INTERNAL, INVALID};
use crate::runtime::spawn::{Chunk, Entries, Entry};
use crate::stdlib::module_types::PathModules;
use crate::stdlib::package::DEFAULT_PATH;
use crate::vm::image::Image;

/// The root namespace.
const ROOT: &str = "app";

/// The entries below a folder.
pub struct ScriptEntries {
    folder: PathBuf,
    /// By id; all methods of a module share its chunk.
    known: Mutex<HashMap<Box<str>, Entry>>,
    modules: Mutex<HashMap<PathBuf, Chunk>>,
}

impl ScriptEntries {
    /// The entries below the folder of a script.
    pub fn new(script: &Path) -> ScriptEntries {
        let folder = script.parent().filter(|folder| !folder.as_os_str().is_empty());
        ScriptEntries {
            folder: folder.unwrap_or(Path::new(".")).to_owned(),
            known: Mutex::default(),
            modules: Mutex::default(),
        }
    }

    /// Where `require` looks for the modules of a script: in its folder first.
    pub fn module_path(&self) -> Vec<u8> {
        if self.folder == Path::new(".") {
            return DEFAULT_PATH.into();
        }
        let folder = self.folder.as_os_str().as_encoded_bytes();
        [folder, b"/?.lua;", folder, b"/?/init.lua;", DEFAULT_PATH.as_bytes()].concat()
    }

    fn module(&self, image: &Image, id: &str, namespace: &str) -> Result<Chunk, ErrorData> {
        let unknown = || ErrorData::no_factory(id);
        let mut parts = namespace.split('.');
        if parts.next() != Some(ROOT) {
            return Err(unknown());
        }
        let mut path = self.folder.clone();
        for part in parts {
            // Names, not paths: nothing leads out of the folder.
            if part.is_empty() || part.contains(['/', '\\', '\0']) {
                return Err(unknown());
            }
            path.push(part);
        }
        if path == self.folder {
            return Err(unknown());
        }
        path.set_extension("lua");
        if let Some(chunk) = self.modules.lock().get(&path) {
            return Ok(*chunk);
        }
        let source = fs::read(&path).map_err(|_| unknown())?;
        let modules = PathModules::new(image, self.module_path());
        let chunk = Chunk::compile(image, &source, &format!("@{}", path.display()), &modules)
            .map_err(|message| ErrorData::plain(INTERNAL, &format!("failed to execute script: {message}")))?;
        self.modules.lock().insert(path, chunk);
        Ok(chunk)
    }
}

impl Entries for ScriptEntries {
    fn resolve(&self, image: &Image, id: &str) -> Result<Entry, ErrorData> {
        if let Some(entry) = self.known.lock().get(id) {
            return Ok(entry.clone());
        }
        let Some((namespace, name)) =
            id.split_once(':').filter(|(namespace, name)| !namespace.is_empty() && !name.is_empty())
        else {
            return Err(ErrorData::plain(INVALID, "entry id must have the form namespace:name"));
        };
        let chunk = self.module(image, id, namespace)?;
        let entry = Entry::new(id, chunk, name);
        self.known.lock().insert(id.into(), entry.clone());
        Ok(entry)
    }
}
