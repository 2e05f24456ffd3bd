//! From definitions to what runs (`runtime.md` §8.3): all code is compiled, and every reference is followed.
//!
//! [`Linked`] is one state of all entries and never changes; a change of the registry makes another one. Whatever is wrong
//! is reported together.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use super::definition::{Definition, FILE, SOURCE};
use super::kinds::{
    self, FUNCTION, HOST, HTTP_ENDPOINT, HTTP_ROUTER, HTTP_SERVICE, HTTP_STATIC, LIBRARY, PROCESS, SERVICE, TERMINAL,
};
use super::problem::Problem;
use crate::compile::{Exports, Modules, exports};
use crate::modules::env::{is_name, storage};
use crate::modules::fs;
use crate::modules::queue::{self, consumer};
use crate::modules::security::tokens;
#[cfg(feature = "sql")]
use crate::modules::sql::config;
use crate::modules::store;
use crate::modules::templates::{self, SET_KIND, TEMPLATE_KIND};
use crate::runtime::call::Pool;
use crate::runtime::data::Data;
use crate::runtime::spawn::{Bindings, Chunk, Entry, Library};
use crate::syntax::parse;
use crate::vm::image::Image;

/// How many executions of a function there are at a time, unless it says so.
const POOL_SIZE: usize = 16;
/// The same for pools of type `static`.
const STATIC_POOL_SIZE: usize = 8;

/// All entries, fit together.
#[derive(Default)]
pub struct Linked {
    /// By id.
    pub definitions: BTreeMap<Arc<str>, Arc<Definition>>,
    code: HashMap<Arc<str>, Code>,
}

/// An entry with code.
struct Code {
    definition: Arc<Definition>,
    entry: Entry,
    pool: Option<Arc<Pool>>,
}

impl Linked {
    /// What runs under an id: the code of a process or function.
    pub fn entry(&self, id: &str) -> Option<Entry> {
        self.code.get(id).filter(|code| &*code.definition.kind != LIBRARY).map(|code| code.entry.clone())
    }

    /// The code of a library.
    pub fn library(&self, id: &str) -> Option<Entry> {
        self.code.get(id).filter(|code| &*code.definition.kind == LIBRARY).map(|code| code.entry.clone())
    }

    /// What processes of an entry have besides what all have.
    pub fn bindings(&self, id: &str) -> Option<Arc<Bindings>> {
        self.code.get(id)?.entry.bindings.clone()
    }

    /// What limits the executions of a function.
    pub fn pool(&self, id: &str) -> Option<Arc<Pool>> {
        self.code.get(id)?.pool.clone()
    }

    /// The definitions of some kinds.
    pub fn of_kinds<'a>(&'a self, kinds: &'a [&str]) -> impl Iterator<Item = &'a Arc<Definition>> + 'a {
        self.definitions.values().filter(|definition| kinds.contains(&&*definition.kind))
    }

    /// Fits definitions together. What `before` has compiled already is not compiled again.
    ///
    /// # Errors
    /// Everything that is wrong. What is harmless is put into `warnings`.
    pub fn link(
        image: &Image,
        definitions: impl IntoIterator<Item = Arc<Definition>>,
        before: &Linked,
        warnings: &mut Vec<Problem>,
    ) -> Result<Linked, Vec<Problem>> {
        let mut linker = Linker { image, before, problems: Vec::new(), linked: Linked::default() };
        for definition in definitions {
            linker.add(definition);
        }
        linker.link();
        let (harmless, problems): (Vec<_>, Vec<_>) = linker.problems.into_iter().partition(|problem| problem.harmless);
        warnings.extend(harmless);
        if problems.is_empty() { Ok(linker.linked) } else { Err(problems) }
    }
}

/// The entries that an entry needs to be running before it starts.
pub fn requirements(definition: &Definition) -> Vec<String> {
    let lifecycle = definition.data.get("lifecycle");
    let named = lifecycle.and_then(|lifecycle| lifecycle.get("requires").or_else(|| lifecycle.get("depends_on")));
    let mut ids: Vec<String> = texts(named).map(|id| definition.resolve_id(id)).collect();
    if &*definition.kind == SERVICE {
        ids.extend(definition.text("host").map(str::to_owned));
    }
    ids
}

/// The host on which `funcs` runs a process entry.
pub fn default_host(definition: &Definition) -> Option<&str> {
    let direct = definition.meta.get("default_host");
    direct.or_else(|| definition.meta.get("options")?.get("default_host")).and_then(Data::as_str)
}

/// The texts of a list.
pub fn texts(list: Option<&Data>) -> impl Iterator<Item = &str> {
    let items = match list {
        Some(Data::List(items)) => &items[..],
        _ => &[],
    };
    items.iter().filter_map(Data::as_str)
}

pub(super) fn imports(definition: &Definition) -> impl Iterator<Item = (&str, String)> {
    let entries = match definition.data.get("imports") {
        Some(Data::Map(entries)) => &entries[..],
        _ => &[],
    };
    entries.iter().filter_map(|(alias, id)| Some((alias.as_str()?, definition.resolve_id(id.as_str()?))))
}

pub(super) fn chunk_name(id: &str) -> String {
    format!("={id}")
}

/// Libraries that import each other to find a type; what lies deeper is `any`.
const MAX_DEPTH: u32 = 24;

/// The types that an entry finds in the libraries it imports.
struct ImportedTypes<'a> {
    image: &'a Image,
    known: &'a Linked,
    importer: &'a Definition,
    depth: u32,
}

impl Modules for ImportedTypes<'_> {
    fn exports(&self, module: &str) -> Option<Arc<Exports>> {
        let (_, id) = imports(self.importer).find(|(alias, _)| *alias == module)?;
        let library = self.known.definitions.get(&*id).filter(|_| self.depth < MAX_DEPTH)?;
        let Some(Data::Text(source)) = library.data.get(SOURCE) else { return None };
        let name = chunk_name(&id);
        if let Some(known) = self.image.types.exports(name.as_bytes(), source) {
            return Some(known);
        }
        let ast = parse(source).ok()?;
        let types = ImportedTypes { importer: library, depth: self.depth + 1, ..*self };
        let found = Arc::new(exports(&ast, name.as_bytes(), &types).ok()?);
        self.image.types.note_exports(name.as_bytes(), source, Arc::clone(&found));
        Some(found)
    }
}

struct Linker<'a> {
    image: &'a Image,
    before: &'a Linked,
    problems: Vec<Problem>,
    linked: Linked,
}

impl Linker<'_> {
    fn add(&mut self, definition: Arc<Definition>) {
        if let Some(first) = self.linked.definitions.get(&definition.id) {
            let message = format!("this id is defined already, at {}", first.place);
            self.problems.push(definition.problem("", message));
            return;
        }
        kinds::check(&definition, &mut self.problems);
        self.linked.definitions.insert(Arc::clone(&definition.id), definition);
    }

    fn link(&mut self) {
        let definitions: Vec<Arc<Definition>> = self.linked.definitions.values().cloned().collect();
        let mut chunks = HashMap::new();
        for definition in definitions.iter().filter(|definition| kinds::is_code(&definition.kind)) {
            if let Some(chunk) = self.compile(definition) {
                chunks.insert(Arc::clone(&definition.id), chunk);
            }
            self.check_modules(definition);
            self.check_imports(definition);
        }
        for definition in &definitions {
            self.check_references(definition);
            if &*definition.kind == TEMPLATE_KIND {
                self.check_template(definition);
            }
        }
        #[cfg(feature = "http")]
        super::web::check(&self.linked.definitions, &mut self.problems);
        self.check_commands(&definitions);
        self.check_variables(&definitions);
        self.check_cycles(&definitions, "imports", "imports lead back to it", |definition| {
            imports(definition).map(|(_, id)| id).collect()
        });
        self.check_cycles(&definitions, "lifecycle", "what it requires leads back to it", requirements);
        if self.problems.iter().all(|problem| problem.harmless) {
            for definition in definitions.iter().filter(|definition| kinds::is_code(&definition.kind)) {
                self.bind(definition, &chunks);
            }
        }
    }

    fn compile(&mut self, definition: &Arc<Definition>) -> Option<Chunk> {
        let Some(Data::Text(source)) = definition.data.get(SOURCE) else { return None };
        if source.starts_with(FILE.as_bytes()) {
            // The file could not be read; that is known.
            return None;
        }
        let known = self.before.code.get(&definition.id);
        if let Some(known) = known.filter(|known| known.definition.data.get(SOURCE) == definition.data.get(SOURCE)) {
            return Some(known.entry.chunk);
        }
        let types = ImportedTypes { image: self.image, known: &self.linked, importer: definition, depth: 0 };
        match Chunk::compile(self.image, source, &chunk_name(&definition.id), &types) {
            Ok(chunk) => Some(chunk),
            Err(message) => {
                self.problems.push(definition.problem("source", message));
                None
            }
        }
    }

    fn check_modules(&mut self, definition: &Definition) {
        for name in texts(definition.data.get("modules")) {
            if name.contains(':') {
                let message = format!("'{name}' is the id of an entry; libraries belong under 'imports'");
                self.problems.push(definition.problem("modules", message));
            } else if self.image.module(name).is_none() {
                self.problems.push(definition.problem("modules", format!("unknown module '{name}'")));
            }
        }
    }

    fn check_imports(&mut self, definition: &Definition) {
        for (alias, id) in imports(definition) {
            let complaint = match self.linked.definitions.get(&*id) {
                None => format!("import '{alias}': there is no entry {id}"),
                Some(library) if &*library.kind != LIBRARY => {
                    format!("import '{alias}': {id} is a {}, not a {LIBRARY}", library.kind)
                }
                Some(_) => continue,
            };
            self.problems.push(definition.problem("imports", complaint));
        }
    }

    /// The entry of one of these kinds that a field names.
    fn check_reference(&mut self, definition: &Definition, field: &str, id: &str, kinds: &[&str]) {
        let complaint = match self.linked.definitions.get(id) {
            None => format!("'{field}': there is no entry {id}"),
            Some(found) if !kinds.is_empty() && !kinds.contains(&&*found.kind) => {
                format!("'{field}': {id} is a {}, not a {}", found.kind, kinds.join(" or "))
            }
            Some(_) => return,
        };
        let top = field.split('.').next().unwrap_or(field);
        self.problems.push(definition.problem(top, complaint));
    }

    fn check_references(&mut self, definition: &Definition) {
        if &*definition.kind == SERVICE {
            if let Some(process) = definition.text("process") {
                self.check_reference(definition, "process", &definition.resolve_id(process), &[PROCESS]);
            }
            if let Some(host) = definition.text("host").filter(|host| !host.is_empty()) {
                self.check_reference(definition, "host", host, &[HOST, TERMINAL]);
            }
        }
        let to_what: &[(&str, &[&str])] = match &*definition.kind {
            HTTP_ROUTER => &[("meta.server", &[HTTP_SERVICE])],
            HTTP_ENDPOINT => &[("meta.router", &[HTTP_ROUTER]), ("func", &[FUNCTION, PROCESS])],
            queue::KIND => &[("driver", &[queue::MEMORY]), ("dead_letter", &[queue::KIND])],
            consumer::KIND => &[("queue", &[queue::KIND]), ("func", &[FUNCTION, PROCESS])],
            tokens::KIND => &[("store", store::KINDS)],
            #[cfg(feature = "sql")]
            store::SQL => &[("database", &config::KINDS)],
            storage::VARIABLE => &[("storage", &storage::STORAGES)],
            HTTP_STATIC => &[("meta.server", &[HTTP_SERVICE]), ("fs", &fs::KINDS)],
            TEMPLATE_KIND => &[("set", &[SET_KIND])],
            _ => &[],
        };
        for (field, kinds) in to_what {
            match definition.reference(field) {
                Some(id) => self.check_reference(definition, field, &id, kinds),
                // One among the fields is known to be missing.
                None if field.starts_with("meta.") => {
                    self.problems.push(definition.problem("meta", format!("missing field '{field}'")));
                }
                None => {}
            }
        }
        if &*definition.kind == storage::ROUTER {
            for id in texts(definition.data.get("storages")) {
                self.check_reference(definition, "storages", &definition.resolve_id(id), &storage::STORAGES);
            }
        }
        if let Some(host) = default_host(definition).filter(|_| &*definition.kind == PROCESS) {
            self.check_reference(definition, "meta.default_host", host, &[HOST]);
        }
        let lifecycle = definition.data.get("lifecycle");
        for field in ["requires", "depends_on"] {
            for id in texts(lifecycle.and_then(|lifecycle| lifecycle.get(field))) {
                let id = definition.resolve_id(id);
                self.check_reference(definition, &format!("lifecycle.{field}"), &id, &[]);
            }
        }
    }

    /// Whether the text of a template is one, in its set.
    fn check_template(&mut self, definition: &Definition) {
        let set = definition.reference("set").and_then(|id| self.linked.definitions.get(&*id));
        let Some(set) = set.filter(|set| &*set.kind == SET_KIND) else { return };
        let complaint = match definition.data.get(SOURCE).map(Data::as_str) {
            Some(Some(source)) if source.starts_with(FILE) => None,
            Some(Some(source)) => templates::check(&set.data, source).err(),
            Some(None) => Some("a template must be text".to_owned()),
            None => None,
        };
        if let Some(complaint) = complaint {
            self.problems.push(definition.problem(SOURCE, complaint));
        }
    }

    /// Names of variables are names, and each is that of one variable.
    fn check_variables(&mut self, definitions: &[Arc<Definition>]) {
        let mut known: HashMap<&str, &Definition> = HashMap::new();
        for definition in definitions.iter().filter(|definition| &*definition.kind == storage::VARIABLE) {
            let Some(name) = definition.text("variable") else { continue };
            let complaint = match known.insert(name, definition) {
                _ if !is_name(name.as_bytes()) => "'variable' must be made of letters, digits and '_'".to_owned(),
                Some(other) => format!("the variable '{name}' is that of {} already", other.id),
                None => continue,
            };
            self.problems.push(definition.problem("variable", complaint));
        }
    }

    fn check_commands(&mut self, definitions: &[Arc<Definition>]) {
        let mut known: HashMap<&str, &Definition> = HashMap::new();
        for definition in definitions {
            let Some(command) = definition.meta.get("command") else { continue };
            let complaint = match command.get("name").and_then(Data::as_str) {
                None | Some("") => "'meta.command.name' must be a string that is not empty".to_owned(),
                Some("list") => "the command 'list' is there already: it lists the commands".to_owned(),
                Some(_) if &*definition.kind != PROCESS => format!("only a {PROCESS} can be a command"),
                Some(name) => match known.insert(name, definition) {
                    Some(other) => format!("the command '{name}' is that of {} already", other.id),
                    None => continue,
                },
            };
            self.problems.push(definition.problem("meta", complaint));
        }
    }

    /// Reports every cycle of a relation between entries once.
    fn check_cycles(
        &mut self,
        definitions: &[Arc<Definition>],
        field: &str,
        message: &str,
        next: impl Fn(&Definition) -> Vec<String>,
    ) {
        let mut done: HashSet<&str> = HashSet::new();
        for start in definitions {
            if done.contains(&*start.id) {
                continue;
            }
            // What leads from the start to where the search is, and what is left to be tried of each.
            let mut path: Vec<(&Arc<Definition>, Vec<String>)> = vec![(start, next(start))];
            while let Some((_, left)) = path.last_mut() {
                let Some(id) = left.pop() else {
                    if let Some((definition, _)) = path.pop() {
                        done.insert(&definition.id);
                    }
                    continue;
                };
                if let Some(at) = path.iter().position(|(definition, _)| *definition.id == *id) {
                    let ids = path[at..].iter().map(|(definition, _)| &*definition.id).chain([&*id]);
                    let shown = ids.collect::<Vec<_>>().join(" -> ");
                    self.problems.push(path[at].0.problem(field, format!("{message}: {shown}")));
                } else if !done.contains(&*id)
                    && let Ok(at) = definitions.binary_search_by(|definition| (*definition.id).cmp(&id))
                {
                    path.push((&definitions[at], next(&definitions[at])));
                }
            }
        }
    }

    /// Finds what an entry needs, directly or through libraries. All references are known to be good.
    fn bind(&mut self, definition: &Arc<Definition>, chunks: &HashMap<Arc<str>, Chunk>) {
        let Some(chunk) = chunks.get(&definition.id).copied() else { return };
        let mut names: BTreeMap<String, String> = BTreeMap::new();
        let mut modules: Vec<Box<str>> = Vec::new();
        let mut order: Vec<Arc<str>> = Vec::new();
        self.collect(definition, definition, &mut names, &mut modules, &mut order);
        for name in &modules {
            if let Some(id) = names.get(&**name) {
                let message = format!("'{name}' is a module and the import {id}");
                self.problems.push(definition.problem("imports", message));
            }
        }
        let libraries = order.iter().filter_map(|id| {
            let aliases = names.iter().filter(|(_, other)| ***other == **id).map(|(alias, _)| alias.as_str().into());
            Some(Library { chunk: *chunks.get(id)?, names: aliases.collect() })
        });
        let bindings = Arc::new(Bindings { modules, libraries: libraries.collect() });
        let pool = (&*definition.kind == FUNCTION).then(|| self.pool(definition));
        let method = definition.text("method").unwrap_or("main");
        let entry = Entry::with_bindings(Arc::clone(&definition.id), chunk, method, Some(bindings));
        let code = Code { definition: Arc::clone(definition), entry, pool };
        self.linked.code.insert(Arc::clone(&definition.id), code);
    }

    /// Adds what `definition` needs on behalf of `entry`: libraries after those they need themselves.
    fn collect(
        &mut self,
        entry: &Definition,
        definition: &Definition,
        names: &mut BTreeMap<String, String>,
        modules: &mut Vec<Box<str>>,
        order: &mut Vec<Arc<str>>,
    ) {
        for name in texts(definition.data.get("modules")) {
            if !modules.iter().any(|known| **known == *name) {
                modules.push(name.into());
            }
        }
        for (alias, id) in imports(definition) {
            if let Some(other) = names.get(alias).filter(|other| **other != id) {
                let message = format!("'{alias}' means {other}, and {id} in {}", definition.id);
                self.problems.push(entry.problem("imports", message));
                continue;
            }
            names.insert(alias.to_owned(), id.clone());
            if order.iter().any(|known| **known == *id) {
                continue;
            }
            if let Some(library) = self.linked.definitions.get(&*id).cloned() {
                self.collect(entry, &library, names, modules, order);
                order.push(Arc::clone(&library.id));
            }
        }
    }

    fn pool(&self, definition: &Definition) -> Arc<Pool> {
        let pool = definition.data.get("pool");
        let field = |name| match pool.and_then(|pool| pool.get(name)) {
            Some(Data::Integer(n)) => usize::try_from(*n).ok(),
            _ => None,
        };
        let limit = match pool.and_then(|pool| pool.get("type")).and_then(Data::as_str) {
            Some("inline") => 1,
            Some("static") => field("workers").or_else(|| field("size")).unwrap_or(STATIC_POOL_SIZE),
            _ => field("max_size").unwrap_or(POOL_SIZE),
        };
        // Executions that are under way keep their places.
        match self.before.pool(&definition.id).filter(|known| known.limit() == limit) {
            Some(known) => known,
            None => Pool::new(limit),
        }
    }
}
