//! Host modules: what a module is, the set a runtime has, and how functions get at the module they belong to.
//!
//! A module is a Rust value behind the trait [`Module`]. What it names — libraries, classes of objects — is static data that
//! all processes share; the value itself holds the state, one per runtime: pools, caches, settings. Built-in modules and
//! those of an embedder come through the same door; the former write their functions against the machine, the latter
//! usually as typed functions ([`function`]).
//!
//! | file | owns |
//! | --- | --- |
//! | [`function`] | Rust functions of ordinary types as native functions |
//! | [`convert`] | their arguments and results |
//! | [`object`] | host objects with methods |
//! | [`held`] | what a process holds of the outside world, given back at its end |
//! | [`resource`] | entries that a module starts and stops |

pub mod convert;
pub mod function;
pub mod held;
pub mod object;
pub mod resource;

use std::any::{Any, TypeId};
use std::sync::Arc;

use hashbrown::HashMap;

use self::resource::{Declaration, Resource};
use super::errors::ErrorData;
use super::process_state::state;
use crate::vm::Vm;
use crate::vm::image::{Library, OnDemand};

/// A module of the host.
///
/// ```
/// use moonlet::module::{Library, Module, ModuleClass, Native, function};
///
/// struct Greeter {
///     greeting: String,
/// }
///
/// fn greet(greeter: &Greeter, (name,): (String,)) -> moonlet::module::Result<String> {
///     Ok(format!("{}, {name}!", greeter.greeting))
/// }
///
/// static FUNCTIONS: [Native; 1] = [function("greet", greet)];
/// static LIBRARY: Library = Library { name: "greeter", global: false, natives: &FUNCTIONS, constants: &[] };
///
/// impl Module for Greeter {
///     fn libraries(&self) -> Vec<&'static Library> {
///         vec![&LIBRARY]
///     }
///
///     fn classes(&self) -> &'static [ModuleClass] {
///         &[ModuleClass::Deterministic]
///     }
/// }
///
/// # fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
/// let runtime = moonlet::Runtime::builder()
///     .module(Greeter { greeting: "hello".into() })
///     .entry("app:main", "return function() return require('greeter').greet('moon') end")
///     .build()?;
/// assert_eq!(runtime.spawn("app:main", ())?.wait()?.as_str(), Some("hello, moon!"));
/// # Ok(())
/// # }
/// ```
pub trait Module: Any + Send + Sync {
    /// The table that `require` gives, first, and its parts: a library `a.b` is the field `b` of library `a`.
    fn libraries(&self) -> Vec<&'static Library>;

    /// What it touches; rules that keep code from modules go by this.
    fn classes(&self) -> &'static [ModuleClass];

    /// What its functions take and return, in the language of annotations, for the checker: a chunk that returns nil with the type of the table.
    fn manifest(&self) -> &'static str {
        ""
    }

    /// What an entry stands for, if its kind is one that this module starts and stops.
    ///
    /// # Errors
    /// `Invalid` if a field is missing or wrong.
    fn resource(&self, _entry: &Declaration<'_>) -> Option<Result<Arc<dyn Resource>, ErrorData>> {
        None
    }

    /// The name by which `require` knows it.
    fn name(&self) -> &'static str {
        self.libraries().first().map_or("", |library| library.name)
    }
}

/// What a module touches (`modules.md` §5).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ModuleClass {
    /// Equal arguments, equal results.
    Deterministic,
    /// Results depend on more than the arguments.
    Nondeterministic,
    /// Turns data from one form into another.
    Encoding,
    /// Clocks and timers.
    Time,
    /// Something outside the runtime.
    Io,
    /// Other machines.
    Network,
    /// What outlives the program.
    Storage,
    /// The process of the operating system, and others.
    Process,
    /// Secrets and permissions.
    Security,
}

impl ModuleClass {
    /// The word that rules use.
    pub fn name(self) -> &'static str {
        match self {
            ModuleClass::Deterministic => "deterministic",
            ModuleClass::Nondeterministic => "nondeterministic",
            ModuleClass::Encoding => "encoding",
            ModuleClass::Time => "time",
            ModuleClass::Io => "io",
            ModuleClass::Network => "network",
            ModuleClass::Storage => "storage",
            ModuleClass::Process => "process",
            ModuleClass::Security => "security",
        }
    }
}

/// The modules of a runtime.
#[derive(Clone, Default)]
pub struct Modules {
    list: Vec<Arc<dyn Module>>,
    /// Those that have a library which programs find as a global variable.
    global: Vec<&'static str>,
    by_type: HashMap<TypeId, Arc<dyn Any + Send + Sync>>,
}

impl Modules {
    /// Adds a module. One of the same Rust type is replaced.
    pub fn add<M: Module>(&mut self, module: M) {
        let libraries = module.libraries();
        self.global.extend(libraries.iter().filter(|library| library.global).map(|library| library.name));
        self.add_built_in(module);
    }

    /// Adds a module without a global library, which is not looked at before a program asks for it.
    pub(crate) fn add_built_in<M: Module>(&mut self, module: M) {
        let module = Arc::new(module);
        if self.by_type.insert(TypeId::of::<M>(), Arc::clone(&module) as Arc<dyn Any + Send + Sync>).is_some() {
            self.list.retain(|other| (**other).type_id() != TypeId::of::<M>());
        }
        self.list.push(module);
    }

    /// The module with this Rust type.
    pub fn of_type<M: Module>(&self) -> Option<Arc<M>> {
        self.by_type.get(&TypeId::of::<M>()).and_then(|module| Arc::clone(module).downcast().ok())
    }

    /// All modules.
    pub fn iter(&self) -> impl Iterator<Item = &dyn Module> {
        self.list.iter().map(|module| &**module)
    }

    /// The libraries that are there from the beginning: those that are global, and what has the name of one.
    pub(crate) fn global_libraries(&self) -> Vec<&'static Library> {
        if self.global.is_empty() {
            return Vec::new();
        }
        let is_global = |libraries: &Vec<&'static Library>| {
            libraries.first().is_some_and(|library| self.global.contains(&library.name))
        };
        self.iter().map(Module::libraries).filter(is_global).flatten().collect()
    }

    /// All of them, for an image to look at when a program asks for what it does not have from the beginning.
    pub(crate) fn on_demand(&self) -> impl Iterator<Item = OnDemand> {
        self.list.iter().map(|module| {
            let module = Arc::clone(module);
            Box::new(move || module.libraries()) as OnDemand
        })
    }

    /// The module with this name.
    pub fn get(&self, name: &str) -> Option<&dyn Module> {
        self.iter().find(|module| module.name() == name)
    }
}

impl std::fmt::Debug for Modules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter().map(Module::name)).finish()
    }
}

/// The module a native function belongs to.
///
/// # Panics
/// If the runtime does not have it: its functions are found in the image of that runtime alone.
pub fn module<M: Module>(vm: &mut Vm) -> Arc<M> {
    state(vm).core().modules.of_type().expect("functions of a module are given to programs together with the module")
}
