//! Open documents, and the runs of the checker that know them and what they require.
//!
//! Files of an application know the entries that they import, other files those beside them: there is one run for each.
//!
//! A change is noted at once and checked when somebody wants to know, so that ten quick changes cost one check. What
//! requires a changed file is checked again with it.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use hashbrown::{HashMap, HashSet};
use lsp_server::ErrorCode;
use lsp_types::{
    Position, PublishDiagnosticsParams, Range, TextDocumentContentChangeEvent, TextDocumentPositionParams, Uri,
};

use super::text::Text;
use super::uri::{path_of, uri_of};
use super::{Realm, Setup, features};
use crate::syntax::ast::Ast;
use crate::syntax::{Span, SyntaxError};
use crate::types::{Checked, Completion, Mode, Options, Project, Query, Sources};

/// Checks after which the run starts over: it keeps every type that it has met.
const RENEWAL: u32 = 1000;

/// Why a question has no answer.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) code: ErrorCode,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn new(code: ErrorCode, message: impl Into<String>) -> Refusal {
        Refusal { code, message: message.into() }
    }
}

type Answer<T> = Result<T, Refusal>;

struct Document {
    uri: Uri,
    version: i32,
    text: Text,
}

type Documents = Rc<RefCell<HashMap<PathBuf, Document>>>;

/// Files, and in their place the documents that are open.
struct Overlay {
    documents: Documents,
    files: Box<dyn Sources>,
}

impl Sources for Overlay {
    fn find(&self, module: &str, from: &Path) -> Option<PathBuf> {
        let found = self.files.find(module, from)?;
        // What stands in a definition is in no file.
        let file = std::path::absolute(&found).ok();
        Some(file.filter(|file| file.is_file() || self.documents.borrow().contains_key(file)).unwrap_or(found))
    }

    fn read(&self, path: &Path) -> Option<Vec<u8>> {
        match self.documents.borrow().get(path) {
            Some(document) => Some(document.text.source()),
            None => match std::fs::read(path) {
                Ok(bytes) => Some(Text::new(bytes).source()),
                Err(_) => self.files.read(path),
            },
        }
    }

    fn listed(&self, path: &Path) -> Option<&BTreeSet<String>> {
        self.files.listed(path)
    }

    fn mode(&self, path: &Path) -> Option<Mode> {
        self.files.mode(path)
    }

    fn requires_annotations(&self, path: &Path) -> bool {
        self.files.requires_annotations(path)
    }

    fn compile(&self, ast: &Ast, path: &Path) -> Option<SyntaxError> {
        self.files.compile(ast, path)
    }
}

/// A run of the checker, and whose files it is for.
struct Run {
    project: Project,
    /// None for the files that no other run has.
    files: HashSet<PathBuf>,
}

/// See the module header.
pub(super) struct Workspace {
    setup: Setup,
    roots: Vec<PathBuf>,
    options: Options,
    documents: Documents,
    /// The last one is for all files that no other has.
    runs: Vec<Run>,
    checked: HashMap<PathBuf, Checked>,
    /// Files that have changed since they were checked.
    changed: BTreeSet<PathBuf>,
    /// Documents about which there is something new to tell.
    news: BTreeSet<PathBuf>,
    checks: u32,
}

impl Workspace {
    /// A workspace without documents.
    ///
    /// # Errors
    /// A manifest is not well-formed.
    pub(super) fn new(setup: Setup, roots: Vec<PathBuf>) -> Result<Workspace, String> {
        let documents = Documents::default();
        let options = Options { queries: true, ..Options::default() };
        let runs = runs(setup, &roots, &documents, options)?;
        Ok(Workspace {
            setup,
            roots,
            options,
            documents,
            runs,
            checked: HashMap::new(),
            changed: BTreeSet::new(),
            news: BTreeSet::new(),
            checks: 0,
        })
    }

    // ---- what happens to documents

    /// How strictly to check, as the user has set it: `{mode = …, rules = …}`.
    pub(super) fn configure(&mut self, settings: &serde_json::Value) {
        let before = (self.options.mode, self.options.rules);
        if let Some(mode) = settings.get("mode").and_then(serde_json::Value::as_str).and_then(Mode::find) {
            self.options.mode = mode;
        }
        if let Some(rules) = settings.get("rules").and_then(serde_json::Value::as_bool) {
            self.options.rules = rules;
        }
        if before != (self.options.mode, self.options.rules) {
            self.start_over();
        }
    }

    pub(super) fn open(&mut self, uri: Uri, version: i32, text: String) {
        let path = path_of(&uri);
        let text = Text::new(text.into_bytes());
        self.documents.borrow_mut().insert(path.clone(), Document { uri, version, text });
        self.changed.insert(path);
    }

    pub(super) fn change(&mut self, uri: &Uri, version: i32, changes: Vec<TextDocumentContentChangeEvent>) {
        let path = path_of(uri);
        if let Some(document) = self.documents.borrow_mut().get_mut(&path) {
            document.version = version;
            for change in changes {
                document.text.change(change);
            }
            self.changed.insert(path);
        }
    }

    /// Closes a document; from now on its file counts.
    pub(super) fn close(&mut self, uri: &Uri) {
        let path = path_of(uri);
        if self.documents.borrow_mut().remove(&path).is_some() {
            self.checked.remove(&path);
            self.news.insert(path.clone());
            self.changed.insert(path);
        }
    }

    /// A file has changed on the disk.
    pub(super) fn touch(&mut self, uri: &Uri) {
        let path = path_of(uri);
        if (self.setup.defines)(&path) {
            return self.start_over();
        }
        if !self.is_open(&path) {
            self.changed.insert(path);
        }
    }

    fn is_open(&self, path: &Path) -> bool {
        self.documents.borrow().contains_key(path)
    }

    // ---- checks

    fn start_over(&mut self) {
        // It was well-formed before.
        if let Ok(runs) = runs(self.setup, &self.roots, &self.documents, self.options) {
            self.runs = runs;
        }
        self.checks = 0;
        self.checked.clear();
        self.changed.extend(self.documents.borrow().keys().cloned());
    }

    /// Checks what has changed.
    pub(super) fn refresh(&mut self) {
        if self.changed.is_empty() {
            return;
        }
        if self.checks > RENEWAL {
            self.start_over();
        }
        let mut stale = BTreeSet::new();
        for path in std::mem::take(&mut self.changed) {
            let forgotten = self.forget(&path);
            stale.extend(forgotten.into_iter().filter(|path| self.is_open(path)));
        }
        for path in &stale {
            self.check(path);
        }
        // Now it is known what all of them define.
        for path in stale {
            if let Some(checked) = self.run_of(&path).take(&path) {
                self.checked.insert(path.clone(), checked);
            }
            self.news.insert(path);
        }
    }

    fn check(&mut self, path: &Path) {
        let source = self.documents.borrow().get(path).map(|document| document.text.source());
        if let Some(source) = source {
            self.checks += 1;
            self.run_of(path).check(path, source);
        }
    }

    /// Forgets what is known of a file. Answers all files of which something was known because of it.
    fn forget(&mut self, path: &Path) -> BTreeSet<PathBuf> {
        self.runs.iter_mut().flat_map(|run| run.project.forget(path)).collect()
    }

    fn run_of(&mut self, path: &Path) -> &mut Project {
        run_of(&mut self.runs, path)
    }

    /// What there is to tell about documents.
    pub(super) fn news(&mut self) -> Vec<PublishDiagnosticsParams> {
        let news = std::mem::take(&mut self.news);
        let documents = self.documents.borrow();
        let told = news.into_iter().filter_map(|path| {
            let Some(document) = documents.get(&path) else {
                return Some(PublishDiagnosticsParams::new(uri_of(&path)?, Vec::new(), None));
            };
            let checked = self.checked.get(&path)?;
            let found = checked.diagnostics.iter();
            let found = found.map(|found| features::finding(&document.text, &document.uri, found)).collect();
            Some(PublishDiagnosticsParams::new(document.uri.clone(), found, Some(document.version)))
        });
        told.collect()
    }

    // ---- questions

    /// Asks about a document, which is checked first if it has changed.
    ///
    /// # Errors
    /// It is not open.
    pub(super) fn ask<T>(&mut self, uri: &Uri, question: impl FnOnce(&mut Query<'_>, &Text) -> T) -> Answer<T> {
        self.refresh();
        let path = path_of(uri);
        let documents = self.documents.borrow();
        let run = run_of(&mut self.runs, &path);
        let query = self.checked.get(&path).and_then(|checked| run.query(checked));
        match (documents.get(&path), query) {
            (Some(document), Some(mut query)) => Ok(question(&mut query, &document.text)),
            _ => Err(Refusal::new(ErrorCode::InvalidParams, format!("not open: {}", uri.as_str()))),
        }
    }

    /// Asks about a place.
    ///
    /// # Errors
    /// As for [`Workspace::ask`].
    pub(super) fn ask_at<T>(
        &mut self,
        place: &TextDocumentPositionParams,
        question: impl FnOnce(&mut Query<'_>, u32, &Text) -> T,
    ) -> Answer<T> {
        self.ask(&place.text_document.uri, |query, text| question(query, text.offset(place.position), text))
    }

    /// What may be written at a place.
    ///
    /// # Errors
    /// As for [`Workspace::ask`].
    pub(super) fn complete(&mut self, uri: &Uri, position: Position) -> Answer<Vec<Completion>> {
        let (source, offset) = self.ask(uri, |_, text| (text.source(), text.offset(position)))?;
        self.checks += 1;
        let path = path_of(uri);
        Ok(self.run_of(&path).complete(&path, &source, offset))
    }

    /// Asks about a document as if it had another text.
    ///
    /// # Errors
    /// As for [`Workspace::ask`].
    pub(super) fn ask_instead<T>(
        &mut self,
        uri: &Uri,
        source: Vec<u8>,
        question: impl FnOnce(&mut Query<'_>) -> T,
    ) -> Answer<Option<T>> {
        self.refresh();
        let path = path_of(uri);
        // Whatever requires the document goes on knowing it as it is, but has to be checked again.
        let forgotten = self.forget(&path);
        self.changed.extend(forgotten);
        self.checks += 1;
        let run = self.run_of(&path);
        run.check(&path, source);
        let checked = run.take(&path);
        let query = checked.as_ref().and_then(|checked| run.query(checked));
        Ok(query.map(|mut query| question(&mut query)))
    }

    /// A place in a file, open or not.
    pub(super) fn location(&self, path: &Path, span: Span) -> Option<lsp_types::Location> {
        if let Some(document) = self.documents.borrow().get(path) {
            return Some(lsp_types::Location { uri: document.uri.clone(), range: document.text.range(span) });
        }
        let range = match std::fs::read(path) {
            Ok(bytes) => Text::new(bytes).range(span),
            Err(_) => Range::default(),
        };
        Some(lsp_types::Location { uri: uri_of(path)?, range })
    }
}

/// The run that knows a file.
fn run_of<'a>(runs: &'a mut [Run], path: &Path) -> &'a mut Project {
    let place = runs.iter().position(|run| run.files.contains(path)).unwrap_or(runs.len() - 1);
    &mut runs[place].project
}

fn runs(setup: Setup, roots: &[PathBuf], documents: &Documents, options: Options) -> Result<Vec<Run>, String> {
    let run = |realm: Realm| {
        let sources = Overlay { documents: Rc::clone(documents), files: realm.sources };
        Ok(Run { project: Project::new(&realm.manifests, Box::new(sources), options)?, files: realm.files })
    };
    (setup.realms)(roots).into_iter().map(run).collect()
}
