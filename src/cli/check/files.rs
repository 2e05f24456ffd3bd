//! Which files are meant, and where the modules that they require are.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cli::chunk_name;
use crate::compile::compile;
use crate::stdlib::load::strip_first_line;
use crate::stdlib::package::DEFAULT_PATH;
use crate::syntax::SyntaxError;
use crate::syntax::ast::Ast;
use crate::types::Sources;

/// Folders within folders.
const MAX_DEPTH: usize = 64;

/// The files among `paths`, and the Lua files in the folders among them, in order.
///
/// # Errors
/// A folder that cannot be read.
pub(super) fn lua_files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            collect(path, 0, &mut files)?;
        } else {
            files.push(path.clone());
        }
    }
    let mut seen = hashbrown::HashSet::new();
    files.retain(|file| seen.insert(file.clone()));
    Ok(files)
}

fn collect(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), String> {
    let shown = |error: std::io::Error| format!("cannot read {}: {error}", folder.display());
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(shown)? {
        entries.push(entry.map_err(shown)?);
    }
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        // A link to a folder may lead back here.
        let kind = entry.file_type().map_err(shown)?;
        if kind.is_dir() && !hidden && depth < MAX_DEPTH {
            collect(&path, depth + 1, files)?;
        } else if !kind.is_dir() && path.extension().is_some_and(|extension| extension == "lua") {
            // Declarations of libraries are read by their own loader.
            if !path.to_string_lossy().ends_with(".d.lua") {
                files.push(path);
            }
        }
    }
    Ok(())
}

/// Finds modules as a script in the folder of the requiring file would: in that folder, in the folders that are checked,
/// and where `package.path` leads.
pub(in crate::cli) struct Folders {
    roots: Vec<PathBuf>,
}

impl Folders {
    pub(in crate::cli) fn new(paths: &[PathBuf]) -> Folders {
        Folders { roots: paths.iter().filter(|path| path.is_dir()).cloned().collect() }
    }
}

impl Sources for Folders {
    fn find(&self, module: &str, from: &Path) -> Option<PathBuf> {
        let name = module.replace('.', std::path::MAIN_SEPARATOR_STR);
        let folder = from.parent().unwrap_or(Path::new(""));
        let inside = std::iter::once(folder).chain(self.roots.iter().map(PathBuf::as_path));
        let here = inside.flat_map(|root| [root.join(format!("{name}.lua")), root.join(&name).join("init.lua")]);
        let elsewhere = DEFAULT_PATH.split(';').map(|template| PathBuf::from(template.replace('?', &name)));
        here.chain(elsewhere).find(|path| path.is_file())
    }

    fn read(&self, path: &Path) -> Option<Vec<u8>> {
        fs::read(path).ok().map(strip_first_line)
    }

    fn compile(&self, ast: &Ast, path: &Path) -> Option<SyntaxError> {
        compile(ast, &chunk_name(path)).err()
    }
}
