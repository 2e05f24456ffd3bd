//! The entries of a running application, state by state: what `registry` shows and the runtime spawns from.
//!
//! A state of all entries is a [`Version`] and never changes. A change links a new one; it replaces the current one only
//! if nothing is wrong with it. Processes that run keep their code.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use parking_lot::{Mutex, RwLock};

use super::definition::Definition;
use super::kinds::{FUNCTION, GROUP_SCOPE, PROCESS};
use super::link::{Linked, default_host};
use super::problem::Problem;
use crate::runtime::call::Callable;
use crate::runtime::core::RuntimeCore;
use crate::runtime::data::Data;
use crate::runtime::errors::{ErrorData, NOT_FOUND};
use crate::runtime::spawn::{Bindings, Entries, Entry, Resource};
use crate::vm::image::Image;

/// A state of all entries.
pub struct Version {
    /// From 1 on.
    pub number: u64,
    /// The number of the version that it was made from; 0 for the first.
    pub previous: u64,
    /// The entries.
    pub linked: Linked,
}

/// What is to become of one entry.
#[derive(Clone)]
pub enum Change {
    /// It must not exist yet.
    Create(Arc<Definition>),
    /// It must exist.
    Update(Arc<Definition>),
    /// It must exist.
    Delete(Arc<str>),
}

impl Change {
    /// The id of the entry.
    pub fn id(&self) -> &str {
        match self {
            Change::Create(definition) | Change::Update(definition) => &definition.id,
            Change::Delete(id) => id,
        }
    }
}

/// Why a change was not made.
pub enum Refusal {
    /// The entries are not what they were when the change was thought of.
    Conflict,
    /// What it leads to is wrong.
    Wrong(Vec<Problem>),
}

/// See the module header.
pub struct Catalog {
    /// The folder of the application.
    folder: PathBuf,
    current: RwLock<Arc<Version>>,
    /// All versions, the first one first. Held while a change is made.
    versions: Mutex<Vec<Arc<Version>>>,
    /// Is told of changes.
    observer: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

impl Catalog {
    /// A catalog whose first version has these entries, which were found below a folder.
    pub fn new(folder: PathBuf, linked: Linked) -> Arc<Catalog> {
        let first = Arc::new(Version { number: 1, previous: 0, linked });
        let (current, versions) = (RwLock::new(Arc::clone(&first)), Mutex::new(vec![first]));
        Arc::new(Catalog { folder, current, versions, observer: OnceLock::new() })
    }

    /// Has every change told to one observer; the first one stays.
    pub fn on_change(&self, observer: impl Fn() + Send + Sync + 'static) {
        self.observer.get_or_init(|| Box::new(observer));
    }

    /// The folder of the application.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The current version.
    pub fn current(&self) -> Arc<Version> {
        Arc::clone(&self.current.read())
    }

    /// All versions, the first one first.
    pub fn versions(&self) -> Vec<Arc<Version>> {
        self.versions.lock().clone()
    }

    /// A version.
    pub fn version(&self, number: u64) -> Option<Arc<Version>> {
        let index = usize::try_from(number.checked_sub(1)?).ok()?;
        self.versions.lock().get(index).cloned()
    }

    /// Makes changes, all or none, to the version with number `base`, which must be the current one.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub fn apply(&self, image: &Image, base: u64, changes: &[Change]) -> Result<Arc<Version>, Refusal> {
        let mut versions = self.versions.lock();
        let current = self.current();
        if current.number != base {
            return Err(Refusal::Conflict);
        }
        let mut definitions = current.linked.definitions.clone();
        let mut problems = Vec::new();
        for change in changes {
            match change {
                Change::Create(definition) => {
                    if definitions.insert(Arc::clone(&definition.id), Arc::clone(definition)).is_some() {
                        problems.push(definition.problem("", "the entry exists already".to_owned()));
                    }
                }
                Change::Update(definition) => {
                    if definitions.insert(Arc::clone(&definition.id), Arc::clone(definition)).is_none() {
                        problems.push(definition.problem("", "there is no such entry".to_owned()));
                    }
                }
                Change::Delete(id) => {
                    if definitions.remove(id).is_none() {
                        let message = format!("there is no entry {id}");
                        problems.push(Problem::new(super::problem::Place::none(), message));
                    }
                }
            }
        }
        if !problems.is_empty() {
            return Err(Refusal::Wrong(problems));
        }
        let linked = Linked::link(image, definitions.into_values(), &current.linked, &mut Vec::new());
        let linked = linked.map_err(Refusal::Wrong)?;
        let number = versions.len() as u64 + 1;
        let version = Arc::new(Version { number, previous: current.number, linked });
        versions.push(Arc::clone(&version));
        *self.current.write() = Arc::clone(&version);
        if let Some(observer) = self.observer.get() {
            observer();
        }
        Ok(version)
    }

    /// Goes back, or forward, to the entries of another version; that makes a new one.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub fn restore(&self, image: &Image, wanted: &Version) -> Result<Arc<Version>, Refusal> {
        let current = self.current();
        self.apply(image, current.number, &delta(&current.linked, &wanted.linked))
    }
}

/// What leads from some entries to others.
pub fn delta(from: &Linked, to: &Linked) -> Vec<Change> {
    let mut changes: Vec<Change> = Vec::new();
    for id in from.definitions.keys().filter(|id| !to.definitions.contains_key(*id)) {
        changes.push(Change::Delete(Arc::clone(id)));
    }
    for (id, definition) in &to.definitions {
        match from.definitions.get(id) {
            None => changes.push(Change::Create(Arc::clone(definition))),
            Some(known) if Arc::ptr_eq(known, definition) => {}
            Some(_) => changes.push(Change::Update(Arc::clone(definition))),
        }
    }
    changes
}

/// The catalog as the runtime sees it.
pub struct CatalogEntries(pub Arc<Catalog>);

impl Entries for CatalogEntries {
    fn resolve(&self, _: &Image, id: &str) -> Result<Entry, ErrorData> {
        self.0.current().linked.entry(id).ok_or_else(|| ErrorData::no_factory(id))
    }

    fn bindings(&self, id: &str) -> Option<Arc<Bindings>> {
        self.0.current().linked.bindings(id)
    }

    fn callable(&self, core: &RuntimeCore, id: &str) -> Result<Callable, ErrorData> {
        let unknown = || ErrorData::plain(NOT_FOUND, "not callable");
        let version = self.0.current();
        let definition = version.linked.definitions.get(id).ok_or_else(unknown)?;
        let entry = version.linked.entry(id).ok_or_else(unknown)?;
        match &*definition.kind {
            FUNCTION => Ok(Callable { entry, host: core.hosts.for_function(id), pool: version.linked.pool(id) }),
            PROCESS => {
                let host = core.hosts.for_spawn(default_host(definition).ok_or_else(unknown)?)?;
                Ok(Callable { entry, host, pool: None })
            }
            _ => Err(unknown()),
        }
    }

    fn resource(&self, id: &str) -> Resource {
        match self.0.current().linked.definitions.get(id) {
            None => Resource::Unknown,
            Some(definition) => Resource::Entry {
                kind: definition.kind.clone(),
                data: definition.data.clone(),
                folder: self.0.folder.clone(),
            },
        }
    }

    fn library(&self, id: &str) -> Option<Entry> {
        self.0.current().linked.library(id)
    }

    fn of_kind(&self, kind: &str) -> Vec<(Arc<str>, Data)> {
        let version = self.0.current();
        let found = version.linked.definitions.values().filter(|definition| *definition.kind == *kind);
        found.map(|definition| (Arc::clone(&definition.id), definition.data.clone())).collect()
    }

    fn meta(&self, id: &str) -> Data {
        self.0.current().linked.definitions.get(id).map_or(Data::Nil, |definition| definition.meta.clone())
    }

    fn declares_hosts(&self) -> bool {
        true
    }

    fn lists_modules(&self) -> bool {
        true
    }

    fn has_group_scope(&self, id: &str) -> bool {
        self.0.current().linked.definitions.get(id).is_some_and(|definition| &*definition.kind == GROUP_SCOPE)
    }
}
