//! Several chunks that `require` each other: each is checked once, when it is first needed.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use hashbrown::{HashMap, HashSet};

use super::check::check_chunk;
use super::codes::{Code, Severity};
use super::diagnostic::{Diagnostic, Diagnostics};
use super::library::{Interface, Library, Manifest};
use super::mode::{HotComments, Mode};
use super::ty::Types;
use crate::syntax::{SyntaxError, parse_recovering};

/// Modules that need each other before they are checked; deeper ones are `any`.
const MAX_DEPTH: u32 = 24;

/// Where modules come from.
pub trait Sources {
    /// The file of the module that `from` requires by this name.
    fn find(&self, module: &str, from: &Path) -> Option<PathBuf>;
    /// The text of a file; `None` if it cannot be read.
    fn read(&self, path: &Path) -> Option<Vec<u8>>;
}

/// How to check.
#[derive(Clone, Copy, Default, Debug)]
pub struct Options {
    /// The mode of chunks that choose none.
    pub mode: Mode,
    /// Whether rules of style are wanted.
    pub rules: bool,
}

/// A checked chunk.
#[derive(Debug)]
pub struct Checked {
    /// Its text.
    pub source: Vec<u8>,
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
    pub assigned: Vec<String>,
}

/// The chunks of a run.
#[derive(Default)]
pub(super) struct Modules {
    sources: Option<Box<dyn Sources>>,
    options: Options,
    known: HashMap<PathBuf, Option<Rc<Interface>>>,
    checked: HashMap<PathBuf, Checked>,
    /// Globals that some chunk assigns.
    globals: HashSet<String>,
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

    /// Whether another chunk assigns this global.
    pub fn is_global(&self, name: &str) -> bool {
        self.globals.contains(name)
    }

    fn check(&mut self, types: &mut Types, library: &Library, path: &Path, source: Vec<u8>) {
        // A module that needs itself gets nothing.
        self.known.insert(path.to_owned(), None);
        let (ast, errors) = parse_recovering(&source);
        let mut diagnostics = Diagnostics::new(self.options.mode, self.options.rules);
        let comments = HotComments::read(&source, &mut diagnostics);
        diagnostics.mode = comments.mode.unwrap_or(self.options.mode);
        errors.iter().for_each(|error| diagnostics.push(Diagnostic::from(error)));
        for warning in &ast.warnings {
            let code = Code::find(warning.code).expect("warnings of the parser have codes");
            diagnostics.push(Diagnostic::new(code, warning.span, warning.message));
        }
        let outer = std::mem::replace(&mut self.current, path.to_owned());
        self.depth += 1;
        let outcome = check_chunk(&ast, types, library, self, diagnostics);
        self.depth -= 1;
        self.current = outer;
        self.globals.extend(outcome.assigned);
        self.known.insert(path.to_owned(), Some(Rc::new(outcome.interface)));
        let mut diagnostics = outcome.diagnostics;
        diagnostics.ignore(&comments);
        let checked = Checked { source, diagnostics: diagnostics.finish(), undefined: outcome.undefined };
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
        let modules = Modules { sources: Some(sources), options, ..Modules::default() };
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
            checked.undefined.iter().filter(|(_, name)| defined.contains(name)).map(|(at, _)| *at).collect();
        checked
            .diagnostics
            .retain(|found| found.code != Code::UNDEFINED_GLOBAL || !elsewhere.contains(&found.span.start));
        Some(checked)
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
