//! Entry definitions (`runtime.md` §8.1): from files below a folder to [`Definition`]s. What a kind of entry needs is not
//! looked at here, see [`kinds`](super::kinds).
//!
//! All problems are collected; a file or an entry that has one is left out, and the rest goes on.

use std::fs;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use hashbrown::HashMap;

use super::problem::{Place, Problem};
use crate::modules::yaml::tree::{self, Content, Node};
use crate::runtime::data::Data;
use crate::runtime::spawn::sibling;

/// How a value begins that stands for the content of a file.
pub const FILE: &str = "file://";

/// The field with the text of a chunk.
pub const SOURCE: &str = "source";

/// An entry as it is defined.
#[derive(Clone, Debug)]
pub struct Definition {
    /// `namespace:name`
    pub id: Arc<str>,
    /// What sort of entry it is.
    pub kind: Box<str>,
    /// What others want to know of it: a map.
    pub meta: Data,
    /// Its fields: a map. What they say of files is replaced by the content of the files.
    pub data: Data,
    /// Where it is defined.
    pub place: Place,
    /// Where its fields are, by name.
    pub lines: HashMap<Box<str>, u32>,
    /// The file that its source comes from, if it comes from one.
    pub source_file: Option<PathBuf>,
}

impl Definition {
    /// The part of the id before the colon.
    pub fn namespace(&self) -> &str {
        self.id.split_once(':').map_or("", |(namespace, _)| namespace)
    }

    /// The part of the id behind the colon.
    pub fn name(&self) -> &str {
        self.id.split_once(':').map_or(&self.id, |(_, name)| name)
    }

    /// A field that is text.
    pub fn text(&self, field: &str) -> Option<&str> {
        self.data.get(field).and_then(Data::as_str)
    }

    /// The entry that a field names, or, after `meta.`, one of what others want to know.
    pub fn reference(&self, field: &str) -> Option<String> {
        let value = match field.strip_prefix("meta.") {
            Some(field) => self.meta.get(field).and_then(Data::as_str),
            None => self.text(field),
        };
        value.filter(|id| !id.is_empty()).map(|id| self.resolve_id(id))
    }

    /// Something wrong with it; `field` says in which line, if it is there.
    pub fn problem(&self, field: &str, message: String) -> Problem {
        let line = self.lines.get(field).copied().unwrap_or(self.place.line);
        Problem::new(Place { line, ..self.place.clone() }, message).of(&self.id)
    }

    /// The id that a reference means; without a namespace it is one of the entry's own.
    pub fn resolve_id(&self, reference: &str) -> String {
        sibling(&self.id, reference)
    }
}

/// Whether a text is a namespace: identifiers with dots between them.
fn is_namespace(text: &str) -> bool {
    let is_identifier =
        |part: &str| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
    text.split('.').all(is_identifier)
}

/// Whether a text is the name of an entry.
fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c == ':')
}

/// Reads all definitions below `root`, in the order of their files.
pub fn load(root: &Path) -> (Vec<Definition>, Vec<Problem>) {
    let mut loader = Loader { root, definitions: Vec::new(), problems: Vec::new() };
    match files(root) {
        Ok(files) => files.iter().for_each(|file| loader.load_file(file)),
        Err((path, error)) => {
            let place = Place { file: path.into(), line: 0 };
            loader.problems.push(Problem::new(place, error));
        }
    }
    (loader.definitions, loader.problems)
}

/// Whether a file may hold definitions.
pub fn is_definition(file: &Path) -> bool {
    file.extension().is_some_and(|kind| kind == "yaml" || kind == "yml" || kind == "json")
}

/// The files that may hold definitions, sorted. Hidden folders are left out.
fn files(root: &Path) -> Result<Vec<PathBuf>, (PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let failed = |error: std::io::Error| (folder.clone(), error.to_string());
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let path = entry.path();
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            if entry.file_type().map_err(failed)?.is_dir() {
                folders.push(path);
            } else if is_definition(&path) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

struct Loader<'a> {
    root: &'a Path,
    definitions: Vec<Definition>,
    problems: Vec<Problem>,
}

/// What the entries of a document have in common.
struct Document<'a> {
    file: Arc<Path>,
    namespace: &'a str,
    meta: Option<&'a Node>,
}

impl Loader<'_> {
    fn load_file(&mut self, path: &Path) {
        let file: Arc<Path> = path.into();
        let mut complain = |line, message| {
            let place = Place { file: Arc::clone(&file), line };
            self.problems.push(Problem::new(place, message));
        };
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) => return complain(0, error.to_string()),
        };
        if memchr::memmem::find(&bytes, b"namespace").is_none() {
            return;
        }
        let parsed = tree::as_text(&bytes).and_then(|text| tree::parse(&text));
        let (root, more) = match parsed {
            Ok(parsed) => parsed,
            Err(error) => return complain(error.line, format!("column {}: {}", error.column, error.message)),
        };
        let Some(namespace) = root.get("namespace") else { return };
        let Some(name) = namespace.as_str().filter(|name| is_namespace(name)) else {
            return complain(namespace.line, "the namespace must be names with dots between them".to_owned());
        };
        if more {
            return complain(1, "more than one document; only one is read".to_owned());
        }
        let document = Document { file: Arc::clone(&file), namespace: name, meta: root.get("meta") };
        let entries = root.get("entries");
        if entries.is_none() && (root.get("name").is_some() || root.get("kind").is_some()) {
            let single = Document { meta: None, ..document };
            return self.load_entry(&single, &root, "the entry", &["namespace", "version"]);
        }
        let Some(entries) = entries else {
            return complain(root.line, "neither 'entries' nor 'name' and 'kind'".to_owned());
        };
        if let Some(meta) = document.meta.filter(|meta| meta.as_map().is_none()) {
            return complain(meta.line, format!("'meta' must be a map, not {}", meta.kind()));
        }
        match entries.as_list() {
            Some(items) => {
                for (i, item) in items.iter().enumerate() {
                    self.load_entry(&document, item, &format!("entry {}", i + 1), &[]);
                }
            }
            None if entries.is_null() => {}
            None => complain(entries.line, format!("'entries' must be a list, not {}", entries.kind())),
        }
    }

    /// `which` names the entry as long as it has no name; `others` are fields that belong to the document.
    fn load_entry(&mut self, document: &Document<'_>, node: &Node, which: &str, others: &[&str]) {
        let place = |line| Place { file: Arc::clone(&document.file), line };
        let mut complain = |entry: Option<&Arc<str>>, line, message: String| {
            let problem = Problem::new(place(line), message);
            self.problems.push(match entry {
                Some(entry) => problem.of(entry),
                None => problem,
            });
        };
        let Some(fields) = node.as_map() else {
            return complain(None, node.line, format!("{which} must be a map, not {}", node.kind()));
        };
        let text = |field| node.get(field).and_then(Node::as_str).filter(|text| !text.is_empty());
        let id: Option<Arc<str>> = text("name").map(|name| format!("{}:{name}", document.namespace).into());
        for field in ["name", "kind"] {
            if text(field).is_none() {
                let shown = if id.is_some() { String::new() } else { format!("{which}: ") };
                let line = node.get(field).map_or(node.line, |node| node.line);
                return complain(id.as_ref(), line, format!("{shown}'{field}' must be a string that is not empty"));
            }
        }
        let (Some(id), Some(kind)) = (id, text("kind")) else { return };
        if text("name").is_some_and(|name| !is_name(name)) {
            return complain(Some(&id), node.line, "the name must have neither spaces nor colons".to_owned());
        }
        let own_meta = node.get("meta");
        if let Some(meta) = own_meta.filter(|meta| meta.as_map().is_none()) {
            return complain(Some(&id), meta.line, format!("'meta' must be a map, not {}", meta.kind()));
        }
        let mut definition = Definition {
            id,
            kind: kind.into(),
            meta: meta(document.meta, own_meta),
            data: Data::Nil,
            place: place(node.line),
            lines: HashMap::new(),
            source_file: None,
        };
        let mut data: Vec<(Data, Data)> = Vec::new();
        let nested = node.get("data").filter(|data| data.as_map().is_some());
        let nested_fields = nested.and_then(Node::as_map).unwrap_or_default();
        for (key, value) in fields.iter().chain(nested_fields) {
            let Some(name) = key.as_str() else {
                let message = format!("the name of a field must be a string, not {}", key.kind());
                self.problems.push(Problem::new(place(key.line), message).of(&definition.id));
                continue;
            };
            let is_nested = name == "data" && nested.is_some();
            if matches!(name, "name" | "kind" | "meta") || others.contains(&name) || is_nested {
                continue;
            }
            definition.lines.insert(name.into(), value.line);
            let mut value = value.clone();
            self.read_files(&mut definition, name, &mut value);
            data.push((name.into(), value.to_data()));
        }
        definition.data = Data::Map(data);
        self.definitions.push(definition);
    }

    /// Replaces all that names a file by its content.
    fn read_files(&mut self, definition: &mut Definition, field: &str, node: &mut Node) {
        match &mut node.content {
            Content::Text(text) => {
                if let Some(path) = text.strip_prefix(FILE) {
                    match self.read(definition, path) {
                        Ok((file, content)) => {
                            *text = content;
                            if field == SOURCE {
                                definition.source_file = Some(file);
                            }
                        }
                        Err(message) => {
                            let message = format!("'{field}': {path}: {message}");
                            let mut problem = definition.problem(field, message);
                            problem.place.line = node.line;
                            self.problems.push(problem);
                        }
                    }
                }
            }
            Content::List(items) => items.iter_mut().for_each(|item| self.read_files(definition, field, item)),
            Content::Map(entries) => {
                entries.iter_mut().for_each(|(_, value)| self.read_files(definition, field, value));
            }
            _ => {}
        }
    }

    /// A file that a definition names, and its content.
    fn read(&self, definition: &Definition, path: &str) -> Result<(PathBuf, String), String> {
        let base = match path.starts_with('/') {
            true => self.root,
            false => definition.place.file.parent().unwrap_or(self.root),
        };
        let mut resolved = base.to_owned();
        for part in Path::new(path.trim_start_matches('/')).components() {
            match part {
                Component::Normal(name) => resolved.push(name),
                Component::ParentDir if resolved != self.root => _ = resolved.pop(),
                Component::ParentDir => return Err("leads out of the application's folder".to_owned()),
                _ => {}
            }
        }
        let real = resolved.canonicalize().map_err(|error| error.to_string())?;
        let root = self.root.canonicalize().map_err(|error| error.to_string())?;
        if !real.starts_with(root) {
            return Err("leads out of the application's folder".to_owned());
        }
        let bytes = fs::read(real).map_err(|error| error.to_string())?;
        let text = String::from_utf8(bytes).map_err(|_| "is not UTF-8 text".to_owned())?;
        Ok((resolved, text))
    }
}

/// The meta data of an entry over that of its document.
fn meta(document: Option<&Node>, own: Option<&Node>) -> Data {
    let own = own.and_then(Node::as_map).unwrap_or_default();
    let inherited = document.and_then(Node::as_map).unwrap_or_default();
    let inherited = inherited.iter().filter(|(key, _)| !own.iter().any(|(other, _)| other == key));
    Data::Map(own.iter().chain(inherited).map(|(key, value)| (key.to_data(), value.to_data())).collect())
}
