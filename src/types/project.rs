//! Several chunks that `require` each other: each is checked once, when it is first needed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use hashbrown::{HashMap, HashSet};

use super::annotations;
use super::check::check_chunk;
use super::codes::{Code, Severity};
use super::diagnostic::{Diagnostic, Diagnostics};
use super::library::{Interface, Library, Manifest};
use super::mode::{HotComments, Mode};
use super::query::{Completion, Noted, Origins, Query, patched};
use super::ty::Types;
use crate::syntax::ast::Ast;
use crate::syntax::{Span, SyntaxError, parse_recovering};

/// Modules that need each other before they are checked; deeper ones are `any`.
const MAX_DEPTH: u32 = 24;

/// Where modules come from.
pub trait Sources {
    /// The file of the module that `from` requires by this name.
    fn find(&self, module: &str, from: &Path) -> Option<PathBuf>;
    /// The text of a file; `None` if it cannot be read.
    fn read(&self, path: &Path) -> Option<Vec<u8>>;
    /// The modules that a chunk has as global variables and may require besides those that all chunks have, if it may not
    /// require others.
    fn listed(&self, _path: &Path) -> Option<&BTreeSet<String>> {
        None
    }
    /// The mode of a chunk that chooses none, if it is not that of all.
    fn mode(&self, _path: &Path) -> Option<Mode> {
        None
    }
    /// Whether the functions that leave a chunk must have types, even if it is not asked of all.
    fn requires_annotations(&self, _path: &Path) -> bool {
        false
    }
    /// What is wrong with a well-formed chunk that only a compiler knows.
    fn compile(&self, _ast: &Ast, _path: &Path) -> Option<SyntaxError> {
        None
    }
}

/// No files: modules are those with manifests.
impl Sources for () {
    fn find(&self, _: &str, _: &Path) -> Option<PathBuf> {
        None
    }

    fn read(&self, _: &Path) -> Option<Vec<u8>> {
        None
    }
}

/// How to check.
#[derive(Clone, Copy, Default, Debug)]
pub struct Options {
    /// The mode of chunks that choose none.
    pub mode: Mode,
    /// Whether rules of style are wanted.
    pub rules: bool,
    /// Whether the functions that leave a chunk must have types: E0030, in strict chunks.
    pub require_annotations: bool,
    /// Whether somebody is going to ask about the chunks: see [`Project::query`].
    pub queries: bool,
}

/// A checked chunk.
#[derive(Debug)]
pub struct Checked {
    /// Its file.
    pub path: PathBuf,
    /// Its text.
    pub source: Vec<u8>,
    /// Its tree and what queries are answered from, if they were wanted.
    pub(super) noted: Option<(Ast, Noted)>,
    /// What was found.
    pub diagnostics: Vec<Diagnostic>,
    /// Undefined globals among them, by the offset of the name.
    undefined: Vec<(u32, String)>,
}

/// What a chunk is for others, and what was found in it.
pub(super) struct Outcome {
    pub interface: Interface,
    pub diagnostics: Diagnostics,
    pub undefined: Vec<(u32, String)>,
    /// Globals that the chunk assigns, and where first.
    pub assigned: Vec<(String, Span)>,
    pub noted: Option<Noted>,
}

/// The chunks of a run.
#[derive(Default)]
pub(super) struct Modules {
    sources: Option<Box<dyn Sources>>,
    options: Options,
    known: HashMap<PathBuf, Option<Rc<Interface>>>,
    checked: HashMap<PathBuf, Checked>,
    /// Globals that some chunk assigns, and how many do.
    globals: HashMap<String, usize>,
    /// Which chunk assigns which.
    assigned: HashMap<PathBuf, Vec<String>>,
    /// Which chunk requires which.
    requires: HashMap<PathBuf, HashSet<PathBuf>>,
    /// Where things are declared, if queries are wanted.
    pub(super) origins: Option<Origins>,
    /// The chunk being checked.
    current: PathBuf,
    depth: u32,
}

impl Modules {
    /// The interface of a module; `None` if nothing is known about it.
    pub fn require(&mut self, types: &mut Types, library: &Library, module: &str) -> Option<Rc<Interface>> {
        if let Some(interface) = library.modules.get(module) {
            return Some(Rc::clone(interface));
        }
        let path = self.sources.as_ref()?.find(module, &self.current)?;
        self.requires.entry(self.current.clone()).or_default().insert(path.clone());
        if let Some(known) = self.known.get(&path) {
            return known.clone();
        }
        if self.depth >= MAX_DEPTH {
            return None;
        }
        let source = self.sources.as_ref()?.read(&path)?;
        self.check(types, library, &path, source);
        self.known.get(&path).cloned().flatten()
    }

    /// Notes what globals a chunk assigns, in place of those it assigned before.
    fn note_assigned(&mut self, path: &Path, names: Vec<String>) {
        for name in self.assigned.remove(path).unwrap_or_default() {
            if let Some(count) = self.globals.get_mut(&name) {
                *count -= 1;
                if *count == 0 {
                    self.globals.remove(&name);
                }
            }
        }
        if !names.is_empty() {
            names.iter().for_each(|name| *self.globals.entry(name.clone()).or_default() += 1);
            self.assigned.insert(path.to_owned(), names);
        }
    }

    /// The globals that some chunk assigns.
    pub(super) fn assigned_globals(&self) -> impl Iterator<Item = &String> {
        self.globals.keys()
    }

    /// Whether the chunk being checked may not require this module.
    pub fn forbids(&self, types: &mut Types, library: &Library, module: &str) -> bool {
        let listed = self.sources.as_ref().and_then(|sources| sources.listed(&self.current));
        listed.is_some_and(|listed| {
            let name = types.key(module.as_bytes());
            !listed.contains(module) && !library.globals.contains_key(&name)
        })
    }

    /// Whether a module is a global variable of the chunk being checked, because that lists it.
    pub fn binds(&self, name: &str) -> bool {
        let listed = self.sources.as_ref().and_then(|sources| sources.listed(&self.current));
        listed.is_some_and(|listed| listed.contains(name))
    }

    /// The file of the module that a chunk requires by this name.
    pub fn find(&self, module: &str, from: &Path) -> Option<PathBuf> {
        self.sources.as_ref()?.find(module, from)
    }

    /// The text of a file.
    pub fn read(&self, path: &Path) -> Option<Vec<u8>> {
        self.sources.as_ref()?.read(path)
    }

    /// Whether another chunk assigns this global.
    pub fn is_global(&self, name: &str) -> bool {
        self.globals.contains_key(name)
    }

    /// Whether queries are wanted.
    pub fn traces(&self) -> bool {
        self.origins.is_some()
    }

    /// Notes where something is declared.
    pub fn origin(&mut self, note: impl FnOnce(&mut Origins)) {
        if let Some(origins) = &mut self.origins {
            note(origins);
        }
    }

    fn check(&mut self, types: &mut Types, library: &Library, path: &Path, source: Vec<u8>) {
        // A module that needs itself gets nothing.
        self.known.insert(path.to_owned(), None);
        let (ast, errors) = parse_recovering(&source);
        let mode = self.sources.as_ref().and_then(|sources| sources.mode(path)).unwrap_or(self.options.mode);
        let mut diagnostics = Diagnostics::new(mode, self.options.rules);
        let comments = HotComments::read(&source, &mut diagnostics);
        diagnostics.mode = comments.mode.unwrap_or(mode);
        errors.iter().for_each(|error| diagnostics.push(Diagnostic::from(error)));
        for warning in &ast.warnings {
            let code = Code::find(warning.code).expect("warnings of the parser have codes");
            diagnostics.push(Diagnostic::new(code, warning.span, warning.message));
        }
        let asked = |sources: &dyn Sources| sources.requires_annotations(path);
        if self.options.require_annotations || self.sources.as_deref().is_some_and(asked) {
            annotations::require(&ast, &mut diagnostics);
        }
        let outer = std::mem::replace(&mut self.current, path.to_owned());
        self.requires.remove(path);
        let file = self.origins.as_mut().map(|origins| origins.enter(path));
        self.depth += 1;
        let outcome = check_chunk(&ast, types, library, self, diagnostics);
        self.depth -= 1;
        self.current = outer;
        for (name, span) in &outcome.assigned {
            self.origin(|origins| origins.global(name, *span));
        }
        self.note_assigned(path, outcome.assigned.into_iter().map(|(name, _)| name).collect());
        if let (Some(origins), Some(file)) = (&mut self.origins, file) {
            origins.leave(file);
        }
        self.known.insert(path.to_owned(), Some(Rc::new(outcome.interface)));
        let mut diagnostics = outcome.diagnostics;
        if errors.is_empty() {
            let error = self.sources.as_ref().and_then(|sources| sources.compile(&ast, path));
            error.iter().for_each(|error| diagnostics.push(Diagnostic::from(error)));
        }
        diagnostics.ignore(&comments);
        let checked = Checked {
            path: path.to_owned(),
            source,
            noted: outcome.noted.map(|noted| (ast, noted)),
            diagnostics: diagnostics.finish(),
            undefined: outcome.undefined,
        };
        self.checked.insert(path.to_owned(), checked);
    }
}

impl From<&SyntaxError> for Diagnostic {
    fn from(error: &SyntaxError) -> Self {
        let code = Code::find(error.code).expect("errors of the parser have codes");
        let mut diagnostic = Diagnostic::new(code, error.span, error.message_with_token());
        diagnostic.help.clone_from(&error.hint);
        diagnostic
    }
}

/// A run of the checker over files that belong together.
pub struct Project {
    types: Types,
    library: Library,
    modules: Modules,
}

impl Project {
    /// A run with these libraries.
    ///
    /// # Errors
    /// A manifest is not well-formed.
    pub fn new(manifests: &[Manifest], sources: Box<dyn Sources>, options: Options) -> Result<Project, String> {
        let mut types = Types::new();
        let library = Library::load(&mut types, manifests)?;
        let origins = options.queries.then(Origins::default);
        let modules = Modules { sources: Some(sources), options, origins, ..Modules::default() };
        Ok(Project { types, library, modules })
    }

    /// Checks a file, unless another one has required it already.
    pub fn check(&mut self, path: &Path, source: Vec<u8>) {
        if !self.modules.checked.contains_key(path) {
            self.modules.check(&mut self.types, &self.library, path, source);
        }
    }

    /// What was found in a file.
    pub fn take(&mut self, path: &Path) -> Option<Checked> {
        let mut checked = self.modules.checked.remove(path)?;
        // By now it is known what all chunks define.
        let defined = &self.modules.globals;
        let elsewhere: HashSet<u32> =
            checked.undefined.iter().filter(|(_, name)| defined.contains_key(name)).map(|(at, _)| *at).collect();
        checked
            .diagnostics
            .retain(|found| found.code != Code::UNDEFINED_GLOBAL || !elsewhere.contains(&found.span.start));
        Some(checked)
    }

    /// Forgets a file that has changed, and all that require it, directly or through others; they are checked again when
    /// they are needed. Answers all of them.
    pub fn forget(&mut self, path: &Path) -> Vec<PathBuf> {
        let mut forgotten = vec![path.to_owned()];
        let mut next = 0;
        while let Some(at) = forgotten.get(next).cloned() {
            next += 1;
            self.modules.known.remove(&at);
            self.modules.checked.remove(&at);
            self.modules.note_assigned(&at, Vec::new());
            for (from, to) in &self.modules.requires {
                if to.contains(&at) && !forgotten.contains(from) {
                    forgotten.push(from.clone());
                }
            }
        }
        forgotten
    }

    /// What is known of a chunk that was checked by this run; `None` without [`Options::queries`].
    pub fn query<'a>(&'a mut self, checked: &'a Checked) -> Option<Query<'a>> {
        Query::new(&mut self.types, &self.library, &self.modules, checked)
    }

    /// What may be written at a place of a file that is being edited: `source` is its present text, which need not be
    /// well-formed. Its findings are not kept.
    pub fn complete(&mut self, path: &Path, source: &[u8], offset: u32) -> Vec<Completion> {
        let known = self.modules.known.get(path).cloned();
        let before = self.modules.checked.remove(path);
        let assigned = self.modules.assigned.get(path).cloned().unwrap_or_default();
        let mut found = Vec::new();
        for text in patched(source, offset) {
            self.modules.check(&mut self.types, &self.library, path, text);
            let Some(checked) = self.modules.checked.remove(path) else { continue };
            let query = Query::new(&mut self.types, &self.library, &self.modules, &checked);
            if let Some(completions) = query.and_then(Query::completions) {
                found = completions;
                break;
            }
        }
        self.modules.checked.extend(before.map(|before| (path.to_owned(), before)));
        self.modules.note_assigned(path, assigned);
        match known {
            Some(known) => _ = self.modules.known.insert(path.to_owned(), known),
            None => _ = self.modules.known.remove(path),
        }
        found
    }

    /// Checks a text that stands alone.
    pub fn check_text(&mut self, name: &str, source: &[u8]) -> Vec<Diagnostic> {
        let path = Path::new(name);
        self.modules.check(&mut self.types, &self.library, path, source.to_vec());
        self.take(path).map_or_else(Vec::new, |checked| checked.diagnostics)
    }
}

/// Whether any of them is an error.
pub fn has_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|found| found.severity == Severity::Error)
}
