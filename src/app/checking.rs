//! The checker over the code of entries (types §6.1): an entry can require what it lists, as when it runs.
//!
//! An entry is known by the file with its source; if that is written in the definition, or another entry has the same
//! file, by its id. Libraries are checked for themselves, and are to the entries that import them what they return.
//!
//! A map `types` in the meta data of an entry, or a word there, says how: `{mode = …, on_load = …}` (types §4.5).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use hashbrown::HashMap;

use super::definition::{self, Definition, FILE, SOURCE};
use super::kinds;
use super::link::{chunk_name, imports, texts};
use super::problem::{self, Place, Problem};
use super::registry::Registry;
use crate::compile::compile;
use crate::modules;
use crate::runtime::data::Data;
use crate::stdlib::load::strip_first_line;
use crate::syntax::SyntaxError;
use crate::syntax::ast::Ast;
use crate::syntax::span::column;
use crate::types::{Checked, Manifest, Mode, Options, Project, Severity, Sources};

/// The checker descends as deep as a program nests.
pub const STACK: usize = 64 << 20;

/// What loading an entry does with what is wrong in its code.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OnLoad {
    Off,
    Warn,
    Refuse,
}

/// The definitions of an application.
pub struct Loaded {
    /// Those that can be read.
    pub definitions: Vec<Arc<Definition>>,
    /// What is wrong with others.
    pub problems: Vec<Problem>,
}

/// The applications in a folder. Usually that is one, with all definitions below it; if ids clash, each folder in it is looked
/// at for itself.
///
/// # Errors
/// A folder that cannot be read.
pub fn load_applications(folder: &Path) -> Result<Vec<Loaded>, String> {
    let (definitions, mut problems) = definition::load(folder);
    if !clashes(&definitions) {
        definitions.iter().for_each(|definition| kinds::check(definition, &mut problems));
        problem::sort(&mut problems);
        let definitions = definitions.into_iter().map(Arc::new).collect();
        return Ok(vec![Loaded { definitions, problems }]);
    }
    let failed = |error: std::io::Error| format!("cannot read {}: {error}", folder.display());
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if !hidden && entry.file_type().map_err(failed)?.is_dir() {
            folders.push(entry.path());
        }
    }
    folders.sort();
    let below: Result<Vec<_>, String> = folders.iter().map(|folder| load_applications(folder)).collect();
    Ok(below?.into_iter().flatten().collect())
}

/// Whether definitions of different folders have the same id.
fn clashes(definitions: &[Definition]) -> bool {
    let mut ids: HashMap<&str, Option<&Path>> = HashMap::new();
    definitions.iter().any(|definition| {
        let folder = definition.place.file.parent();
        ids.insert(&definition.id, folder).is_some_and(|other| other != folder)
    })
}

/// Checks the code of all entries. The order is that of ids.
///
/// # Errors
/// A manifest is not well-formed.
pub fn check<'a>(
    definitions: impl IntoIterator<Item = &'a Arc<Definition>>,
    options: Options,
) -> Result<Vec<(Arc<Definition>, Checked)>, String> {
    let units = Rc::new(Units::new(definitions));
    let mut project = Project::new(&manifests(), Box::new(Rc::clone(&units)), options)?;
    for (path, unit) in units.in_order() {
        project.check(path, unit.text.clone());
    }
    let found = units.in_order().filter_map(|(path, unit)| Some((Arc::clone(&unit.definition), project.take(path)?)));
    Ok(found.collect())
}

/// What the libraries of entries look like.
pub fn manifests() -> Vec<Manifest> {
    let mut known = modules::built_in();
    known.add(Registry);
    modules::sandbox_manifests(&known)
}

/// The files with the code of entries, and where an entry finds what it requires, for whoever checks one after another.
pub fn sources(definitions: &[Arc<Definition>]) -> (Vec<PathBuf>, Box<dyn Sources>) {
    let units = Rc::new(Units::new(definitions));
    (units.paths.clone(), Box::new(units))
}

/// Checks those entries that ask for it when they are loaded. Warnings are harmless problems.
pub fn check_on_load(definitions: &BTreeMap<Arc<str>, Arc<Definition>>) -> Vec<Problem> {
    if definitions.values().all(|definition| on_load(definition) == OnLoad::Off) {
        return Vec::new();
    }
    let work = || check(definitions.values(), Options::default());
    let checked = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work);
        thread.map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    });
    let failed = |message: String| vec![Problem::new(Place::none(), message)];
    match checked {
        Ok(Ok(checked)) => checked.iter().flat_map(|(definition, checked)| problems(definition, checked)).collect(),
        Ok(Err(message)) => failed(message),
        Err(error) => failed(format!("cannot start a thread: {error}")),
    }
}

/// What the loading of an entry reports.
fn problems(definition: &Definition, checked: &Checked) -> Vec<Problem> {
    let on_load = on_load(definition);
    if on_load == OnLoad::Off {
        return Vec::new();
    }
    let errors = checked.diagnostics.iter().filter(|found| found.severity == Severity::Error);
    let problem = |line: u32, column: usize, message: &str| {
        let problem = definition.problem(SOURCE, format!("{line}:{column}: {message}"));
        Problem { harmless: on_load == OnLoad::Warn, ..problem }
    };
    errors.map(|found| problem(found.span.line, column(&checked.source, found.span.start), &found.message)).collect()
}

/// The word under a name of the map `types`.
fn setting<'a>(definition: &'a Definition, name: &str) -> Option<&'a str> {
    definition.meta.get("types")?.get(name)?.as_str()
}

fn on_load(definition: &Definition) -> OnLoad {
    match setting(definition, "on_load") {
        Some("warn") => OnLoad::Warn,
        Some("error") => OnLoad::Refuse,
        _ => OnLoad::Off,
    }
}

/// The code of an entry.
struct Unit {
    definition: Arc<Definition>,
    text: Vec<u8>,
    mode: Option<Mode>,
    /// Where the libraries are that it imports.
    imports: HashMap<String, PathBuf>,
    /// What it can require, itself or because a library does.
    listed: BTreeSet<String>,
}

/// The code of all entries.
struct Units {
    by_path: HashMap<PathBuf, Unit>,
    /// By the ids of the entries.
    paths: Vec<PathBuf>,
}

impl Units {
    fn new<'a>(definitions: impl IntoIterator<Item = &'a Arc<Definition>>) -> Units {
        let mut by_id: BTreeMap<&str, (&Arc<Definition>, PathBuf)> = BTreeMap::new();
        let mut taken: BTreeSet<PathBuf> = BTreeSet::new();
        for definition in definitions {
            if kinds::is_code(&definition.kind) {
                let file = definition.source_file.clone().filter(|file| !taken.contains(file));
                let path = file.unwrap_or_else(|| PathBuf::from(&*definition.id));
                taken.insert(path.clone());
                by_id.insert(&definition.id, (definition, path));
            }
        }
        let mut units = Units { by_path: HashMap::new(), paths: Vec::new() };
        for (definition, path) in by_id.values() {
            let Some(Data::Text(source)) = definition.data.get(SOURCE) else { continue };
            if source.starts_with(FILE.as_bytes()) {
                // The file could not be read.
                continue;
            }
            let (listed, imports) = reach(definition, &by_id);
            let word = definition.meta.get("types").and_then(Data::as_str).or_else(|| setting(definition, "mode"));
            let unit = Unit {
                definition: Arc::clone(definition),
                text: strip_first_line(source.to_vec()),
                mode: word.and_then(Mode::find),
                imports,
                listed,
            };
            units.by_path.insert(path.clone(), unit);
            units.paths.push(path.clone());
        }
        units
    }

    fn in_order(&self) -> impl Iterator<Item = (&Path, &Unit)> {
        self.paths.iter().map(|path| (path.as_path(), &self.by_path[path]))
    }
}

/// What an entry lists, and what the libraries list that it imports: all that is global where it runs. With it, where the
/// libraries are.
fn reach(
    definition: &Arc<Definition>,
    by_id: &BTreeMap<&str, (&Arc<Definition>, PathBuf)>,
) -> (BTreeSet<String>, HashMap<String, PathBuf>) {
    let (mut names, mut paths) = (BTreeSet::new(), HashMap::new());
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut left = vec![definition];
    while let Some(definition) = left.pop() {
        names.extend(texts(definition.data.get("modules")).map(str::to_owned));
        for (name, id) in imports(definition) {
            names.insert(name.to_owned());
            let Some((library, path)) = by_id.get(&*id) else { continue };
            paths.entry(name.to_owned()).or_insert_with(|| path.clone());
            if seen.insert(id) {
                left.push(library);
            }
        }
    }
    (names, paths)
}

impl Sources for Rc<Units> {
    fn find(&self, module: &str, from: &Path) -> Option<PathBuf> {
        self.by_path.get(from)?.imports.get(module).cloned()
    }

    fn read(&self, path: &Path) -> Option<Vec<u8>> {
        self.by_path.get(path).map(|unit| unit.text.clone())
    }

    fn listed(&self, path: &Path) -> Option<&BTreeSet<String>> {
        self.by_path.get(path).map(|unit| &unit.listed)
    }

    fn mode(&self, path: &Path) -> Option<Mode> {
        self.by_path.get(path)?.mode
    }

    fn requires_annotations(&self, path: &Path) -> bool {
        let setting = |unit: &Unit| unit.definition.meta.get("types")?.get("require_annotations").cloned();
        self.by_path.get(path).and_then(setting) == Some(Data::Boolean(true))
    }

    fn compile(&self, ast: &Ast, path: &Path) -> Option<SyntaxError> {
        let id = &self.by_path.get(path)?.definition.id;
        compile(ast, chunk_name(id).as_bytes()).err()
    }
}
