//! What all processes of a program share: constant strings, library tables, linked code.
//!
//! An image is built once, from [`Library`] values, and then only grows: chunks that are loaded for it, and libraries that are
//! made when first asked for, stay for its lifetime. Nothing in it belongs to a process's heap; everything a process changes it first copies.

use std::ptr::null_mut;
use std::sync::{Arc, OnceLock};

use hashbrown::HashMap;
use parking_lot::Mutex;

use super::event::{Event, type_name_of_tag};
use super::function::Function;
use super::intern::StringSet;
use super::native::Native;
use super::object::{Str, Table};
use super::table::StaticTable;
use super::types::TypeSet;
use super::userdata::Class;
use super::value::{Value, tag};
use crate::bytecode::Proto;
use crate::bytecode::types::Basic;

/// The name of the base library, whose functions are globals themselves.
pub const BASE: &str = "_G";

/// The name of the library whose fields are the metamethods of type values, and of the one with their methods. Programs do
/// not see either.
pub const TYPE_METAMETHODS: &str = "<type>";
/// See [`TYPE_METAMETHODS`].
pub const TYPE_METHODS: &str = "<type methods>";

/// Set to 1, makes a debug build collect at every safepoint.
const GC_STRESS: &str = "MOONLET_GC_STRESS";

/// A library as data: its native functions and its constants.
pub struct Library {
    /// The global variable and module name; [`BASE`] for the base library, `a.b` for the field `b` of library `a`.
    /// Several libraries of one name are parts of one; of equal fields the last counts.
    pub name: &'static str,
    /// Whether programs find it as a global variable; otherwise only `require` gives it.
    pub global: bool,
    /// Its functions. Those named `__index` and `__call` become metamethods of the library's table.
    pub natives: &'static [Native],
    /// Its other fields.
    pub constants: &'static [(&'static str, Literal)],
}

/// A library that only `require` gives, and its parts `a.b`: what is not asked for is never even read. Several of one name are
/// parts of one.
pub type OnDemand = Box<dyn Fn() -> Vec<&'static Library> + Send + Sync>;

/// A library that is made when first asked for.
#[derive(Default)]
struct Module {
    libraries: Vec<&'static Library>,
    made: OnceLock<Made>,
}

/// The table of a library, and the tables within.
struct Made {
    table: StaticTable,
    _nested: Vec<StaticTable>,
}

struct ClassTables {
    metatable: StaticTable,
    _methods: StaticTable,
}

/// A constant field of a library.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub enum Literal {
    Integer(i64),
    Float(f64),
    String(&'static str),
    Bytes(&'static [u8]),
    /// A light userdata.
    Light(Value),
    /// A predeclared type.
    Type(Basic),
    /// A nested table of constants.
    Table(&'static [(&'static str, Literal)]),
}

/// A seed for the string hashes of an image that nobody can foresee.
pub fn random_seed() -> u32 {
    std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 0) as u32
}

/// The shared part of a program.
pub struct Image {
    /// Constant short strings.
    pub strings: Arc<StringSet>,
    /// The types that its chunks and processes have.
    pub types: TypeSet,
    /// The metatable of type values; null without the library.
    pub(super) type_metatable: *mut Table,
    /// The methods of type values; null without the library.
    pub type_methods: *mut Table,
    pub(super) event_names: Box<[*mut Str]>,
    /// The strings of one byte.
    pub(super) byte_strings: Box<[*mut Str]>,
    /// What `type` answers, by tag.
    pub(super) type_names: Box<[*mut Str]>,
    pub(super) memory_message: *mut Str,
    /// The globals every process starts with; processes fill their own table from it as they go.
    pub(super) globals: StaticTable,
    /// The metatable of strings, until a process makes it its own.
    pub(super) string_metatable: StaticTable,
    /// The libraries that are there from the beginning, and their tables.
    libraries: Box<[&'static Library]>,
    modules: HashMap<&'static str, StaticTable>,
    /// The others, by name, once one of them was asked for.
    on_demand: Box<[OnDemand]>,
    known: OnceLock<HashMap<&'static str, Module>>,
    /// Boxed, because closures refer to them by address.
    #[allow(clippy::vec_box)]
    chunks: Mutex<Vec<Box<Function>>>,
    /// Whether library tables are frozen.
    sandbox: bool,
    /// Whether every process collects at every safepoint (`MOONLET_GC_STRESS` in debug builds).
    pub(super) gc_stress: bool,
    /// Metatables of host objects, by the address of their class.
    classes: Mutex<HashMap<usize, ClassTables>>,
    /// Nested tables of constants.
    _nested: Vec<StaticTable>,
}

// SAFETY: the static objects are immutable after `Image::new`; what grows is behind locks.
unsafe impl Send for Image {}
// SAFETY: as above.
unsafe impl Sync for Image {}

impl Image {
    /// An image with these libraries. `seed` is that of all string hashes. In a `sandbox` library tables are frozen;
    /// otherwise every process may change its own.
    pub fn new(libraries: &[&'static Library], sandbox: bool, seed: u32) -> Arc<Image> {
        Image::with_modules(libraries, Vec::new(), sandbox, seed)
    }

    /// The same, with further libraries that no program finds as globals.
    pub fn with_modules(
        libraries: &[&'static Library],
        on_demand: Vec<OnDemand>,
        sandbox: bool,
        seed: u32,
    ) -> Arc<Image> {
        let strings = Arc::new(StringSet::new(seed));
        let types = TypeSet::new(Arc::clone(&strings));
        let event_names = Event::NAMES.iter().map(|name| strings.intern(name.as_bytes())).collect();
        let byte_strings = (0..=u8::MAX).map(|byte| strings.intern(&[byte])).collect();
        let type_names = (0..=tag::TYPE).map(|tag| strings.intern(type_name_of_tag(tag).as_bytes())).collect();
        let memory_message = strings.intern(b"not enough memory");
        let mut nested = Vec::new();
        let tables = collect_fields(&strings, &types, libraries, &mut nested);
        let mut globals = Vec::new();
        let mut modules = HashMap::new();
        for (name, global, fields) in tables {
            if name == BASE {
                globals.extend(fields);
                continue;
            }
            if name == TYPE_METAMETHODS {
                // As it is: its `__index` is a field like the others.
                modules.insert(name, StaticTable::new(&fields, true));
                continue;
            }
            // What only `require` gives is nobody's to change.
            let table = library_table(&strings, fields, sandbox || !global, &mut nested);
            if global {
                globals.push((strings.constant(name.as_bytes()), Value::table(table.table())));
            }
            modules.insert(name, table);
        }
        let [type_metatable, type_methods] =
            [TYPE_METAMETHODS, TYPE_METHODS].map(|name| modules.get(name).map_or(null_mut(), StaticTable::table));
        // Methods of strings are looked up in the `string` library (manual §6.4).
        let methods = modules.get("string").map(|library: &StaticTable| Value::table(library.table()));
        let index = strings.intern(b"__index");
        let string_metatable = StaticTable::new(&[(index, methods.unwrap_or(Value::NIL))], sandbox);
        let itself = strings.intern(BASE.as_bytes());
        globals.push((itself, Value::TRUE));
        let mut globals = StaticTable::new(&globals, false);
        let address = Value::table(globals.table());
        // SAFETY: the name is a string of the image.
        unsafe { globals.set(itself, address) };
        Arc::new(Image {
            string_metatable,
            globals,
            strings,
            types,
            type_metatable,
            type_methods,
            event_names,
            byte_strings,
            type_names,
            memory_message,
            libraries: libraries.into(),
            modules,
            on_demand: on_demand.into(),
            known: OnceLock::new(),
            chunks: Mutex::new(Vec::new()),
            sandbox,
            gc_stress: cfg!(debug_assertions) && std::env::var_os(GC_STRESS).is_some_and(|value| value != "0"),
            classes: Mutex::default(),
            _nested: nested,
        })
    }

    /// The metatable of a class of host objects: a frozen table that all processes share, made when first asked for.
    pub fn class(&self, class: &'static Class) -> *mut Table {
        let mut classes = self.classes.lock();
        let known = classes.entry(&raw const *class as usize).or_insert_with(|| {
            let fields = |natives: &'static [Native]| -> Vec<(*mut Str, Value)> {
                natives
                    .iter()
                    .map(|native| (self.strings.constant(native.name.as_bytes()), Value::native(native)))
                    .collect()
            };
            let methods = StaticTable::new(&fields(class.methods), true);
            // First, because the fast path of method calls looks for it in its main position.
            let mut metamethods = vec![(self.event_names[Event::Index as usize], Value::table(methods.table()))];
            metamethods.extend(fields(class.metamethods));
            metamethods.push((
                self.event_names[Event::Name as usize],
                Value::string(self.strings.constant(class.name.as_bytes())),
            ));
            let metatable = StaticTable::new(&metamethods, true);
            ClassTables { metatable, _methods: methods }
        });
        known.metatable.table()
    }

    /// Links a compiled chunk for the lifetime of the image; every process may run it.
    pub fn load(&self, proto: &Arc<Proto>) -> &Function {
        let mut intern = |bytes: &[u8]| Value::string(self.strings.constant(bytes));
        let function = Box::new(Function::link(proto, std::ptr::null(), &self.types, &mut intern));
        let address: *const Function = &raw const *function;
        self.chunks.lock().push(function);
        // SAFETY: boxed, and never removed while the image lives.
        unsafe { &*address }
    }

    /// The static table of a library, whether global or not. One that is made on demand is made by this.
    pub fn module(&self, name: &str) -> Option<Value> {
        if let Some(table) = self.modules.get(name) {
            return (!is_hidden(name)).then(|| Value::table(table.table()));
        }
        let known = self.known.get_or_init(|| {
            let mut known: HashMap<_, Module> = HashMap::new();
            for libraries in self.on_demand.iter().map(|libraries| libraries()) {
                if let Some(first) = libraries.first() {
                    known.entry(first.name).or_default().libraries.extend(libraries);
                }
            }
            known
        });
        let module = known.get(name)?;
        Some(Value::table(module.made.get_or_init(|| self.make(&module.libraries)).table.table()))
    }

    fn make(&self, libraries: &[&'static Library]) -> Made {
        let mut nested = Vec::new();
        let tables = collect_fields(&self.strings, &self.types, libraries, &mut nested);
        // The parts of the library have become its fields.
        let fields = tables.into_iter().next().map(|(.., fields)| fields).unwrap_or_default();
        let table = library_table(&self.strings, fields, true, &mut nested);
        Made { table, _nested: nested }
    }

    /// Whether library tables are frozen.
    pub fn is_sandbox(&self) -> bool {
        self.sandbox
    }

    /// The names of the libraries that are there from the beginning.
    pub fn module_names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.modules.keys().copied().filter(|name| !is_hidden(name))
    }

    /// `library.function` for a native function of a library.
    pub fn native_name(&self, native: &'static Native) -> Option<String> {
        let on_demand = self.known.get().into_iter().flat_map(HashMap::values).flat_map(|module| &module.libraries);
        let library = self
            .libraries
            .iter()
            .chain(on_demand)
            .find(|library| library.natives.as_ptr_range().contains(&&raw const *native))?;
        Some(match library.name {
            BASE => native.name.to_owned(),
            TYPE_METAMETHODS | TYPE_METHODS => format!("type:{}", native.name),
            other => format!("{other}.{}", native.name),
        })
    }
}

impl std::fmt::Debug for Image {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Image({} modules)", self.modules.len())
    }
}

fn is_hidden(name: &str) -> bool {
    matches!(name, TYPE_METAMETHODS | TYPE_METHODS)
}

/// The table of a library. Fields `__index` and `__call` become those of its metatable: the one makes fields which only a
/// process of its own can have, when they are asked for; the other is for libraries with the name of a type.
fn library_table(strings: &StringSet, mut fields: Fields, sandbox: bool, nested: &mut Vec<StaticTable>) -> StaticTable {
    let events = [Event::Index, Event::Call].map(|event| strings.intern(Event::NAMES[event as usize].as_bytes()));
    let handlers: Fields = fields.extract_if(.., |(name, _)| events.contains(name)).collect();
    let mut table = StaticTable::new(&fields, sandbox);
    if !handlers.is_empty() {
        let metatable = StaticTable::new(&handlers, true);
        table.set_metatable(&metatable);
        nested.push(metatable);
    }
    table
}

/// The fields of a table that is being built.
type Fields = Vec<(*mut Str, Value)>;

/// What each library consists of, with its name and whether it is global: parts of one name are put together, and a library
/// `a.b` becomes a field of `a`.
fn collect_fields(
    strings: &StringSet,
    types: &TypeSet,
    libraries: &[&'static Library],
    nested: &mut Vec<StaticTable>,
) -> Vec<(&'static str, bool, Fields)> {
    let mut tables: Vec<(&'static str, bool, Fields)> = Vec::new();
    for library in libraries {
        let mut fields = literal_fields(strings, types, library.constants, nested);
        let natives = library.natives.iter();
        fields.extend(natives.map(|native| (strings.constant(native.name.as_bytes()), Value::native(native))));
        match tables.iter_mut().find(|(name, ..)| *name == library.name) {
            Some((.., known)) => {
                // SAFETY: strings of the image. Long ones are not the same object when they are equal.
                let is_same = |a: *mut Str, b: *mut Str| unsafe { (*a).content_equals(&*b) };
                known.retain(|(name, _)| !fields.iter().any(|(other, _)| is_same(*other, *name)));
                known.extend(fields);
            }
            None => tables.push((library.name, library.global, fields)),
        }
    }
    while let Some(at) = tables.iter().position(|(name, ..)| name.contains('.')) {
        let (name, _, fields) = tables.remove(at);
        let table = StaticTable::new(&fields, true);
        if let Some((outer, inner)) = name.rsplit_once('.')
            && let Some((.., fields)) = tables.iter_mut().find(|(name, ..)| *name == outer)
        {
            fields.push((strings.constant(inner.as_bytes()), Value::table(table.table())));
        }
        nested.push(table);
    }
    tables
}

/// The fields for constants; tables among them are frozen and kept in `nested`.
fn literal_fields(
    strings: &StringSet,
    types: &TypeSet,
    literals: &'static [(&'static str, Literal)],
    nested: &mut Vec<StaticTable>,
) -> Vec<(*mut Str, Value)> {
    literals
        .iter()
        .map(|(name, literal)| {
            let value = match literal {
                Literal::Integer(i) => Value::int(*i),
                Literal::Float(f) => Value::float(*f),
                Literal::String(text) => Value::string(strings.constant(text.as_bytes())),
                Literal::Light(value) => *value,
                Literal::Type(basic) => types.basic(*basic).value(),
                Literal::Bytes(bytes) => Value::string(strings.constant(bytes)),
                Literal::Table(fields) => {
                    let fields = literal_fields(strings, types, fields, nested);
                    let table = StaticTable::new(&fields, true);
                    let value = Value::table(table.table());
                    nested.push(table);
                    value
                }
            };
            (strings.constant(name.as_bytes()), value)
        })
        .collect()
}
