//! What all processes of a program share: constant strings, library tables, linked code.
//!
//! An image is built once, from [`Library`] values, and then only grows: chunks that are loaded for it stay for its
//! lifetime. Nothing in it belongs to a process's heap; everything a process changes it first copies.

use std::sync::Arc;

use hashbrown::HashMap;
use parking_lot::Mutex;

use super::event::Event;
use super::function::Function;
use super::heap::Heap;
use super::intern::StringSet;
use super::native::Native;
use super::object::{Str, Table, mark, table_bit};
use super::table;
use super::value::Value;
use crate::bytecode::Proto;

/// A library as data: its native functions and its constants.
pub struct Library {
    /// The global variable and module name; `_G` for the base library.
    pub name: &'static str,
    /// Whether programs find it as a global variable; otherwise only `require` gives it.
    pub global: bool,
    /// Its functions.
    pub natives: &'static [Native],
    /// Its other fields.
    pub constants: &'static [(&'static str, Literal)],
}

/// A constant field of a library.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub enum Literal {
    Integer(i64),
    Float(f64),
    String(&'static str),
    /// A nested table of constants.
    Table(&'static [(&'static str, Literal)]),
}

/// The shared part of a program.
pub struct Image {
    /// Constant short strings.
    pub strings: Arc<StringSet>,
    pub(super) event_names: Box<[*mut Str]>,
    pub(super) memory_message: *mut Str,
    /// The globals every process starts with; processes fill their own table from it as they go.
    pub(super) globals: *mut Table,
    modules: HashMap<&'static str, *mut Table>,
    native_names: HashMap<usize, String>,
    chunks: Mutex<Vec<Box<Function>>>,
    /// Owns the static tables.
    _tables: Heap,
}

// SAFETY: the static objects are immutable after `Image::new`; what grows is behind locks.
unsafe impl Send for Image {}
// SAFETY: as above.
unsafe impl Sync for Image {}

impl Image {
    /// An image with these libraries. `seed` is that of all string hashes.
    pub fn new(libraries: &[&'static Library], seed: u32) -> Arc<Image> {
        let strings = Arc::new(StringSet::new(seed));
        let event_names = Event::NAMES.iter().map(|name| strings.intern(name.as_bytes())).collect();
        let memory_message = strings.intern(b"not enough memory");
        let mut heap = Heap::new(Arc::clone(&strings));
        let globals = heap.new_table(0, 64);
        let mut modules = HashMap::new();
        let mut native_names = HashMap::new();
        for library in libraries {
            let base = library.name == "_G";
            let table = if base { globals } else { heap.new_table(0, library.natives.len() as u32) };
            for native in library.natives {
                store(&mut heap, &strings, table, native.name, Value::native(native));
                let name = if base { native.name.to_owned() } else { format!("{}.{}", library.name, native.name) };
                native_names.insert(&raw const *native as usize, name);
            }
            store_literals(&mut heap, &strings, table, library.constants);
            if !base {
                make_static(table);
                modules.insert(library.name, table);
                if library.global {
                    store(&mut heap, &strings, globals, library.name, Value::table(table));
                }
            }
        }
        make_static(globals);
        Arc::new(Image {
            strings,
            event_names,
            memory_message,
            globals,
            modules,
            native_names,
            chunks: Mutex::new(Vec::new()),
            _tables: heap,
        })
    }

    /// Links a compiled chunk for the lifetime of the image; every process may run it.
    pub fn load(&self, proto: &Arc<Proto>) -> &Function {
        let mut intern = |bytes: &[u8]| Value::string(self.strings.constant(bytes));
        let function = Box::new(Function::link(proto, std::ptr::null(), &mut intern));
        let address: *const Function = &raw const *function;
        self.chunks.lock().push(function);
        // SAFETY: boxed, and never removed while the image lives.
        unsafe { &*address }
    }

    /// The static table of a library, whether global or not.
    pub fn module(&self, name: &str) -> Option<Value> {
        self.modules.get(name).map(|table| Value::table(*table))
    }

    /// The names of all libraries.
    pub fn module_names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.modules.keys().copied()
    }

    /// `library.function` for a native function of a library.
    pub fn native_name(&self, native: &Native) -> Option<&str> {
        self.native_names.get(&(&raw const *native as usize)).map(String::as_str)
    }
}

impl std::fmt::Debug for Image {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Image({} modules)", self.modules.len())
    }
}

fn store(heap: &mut Heap, strings: &StringSet, table: *mut Table, name: &str, value: Value) {
    let key = Value::string(strings.intern(name.as_bytes()));
    // SAFETY: a live table of this heap.
    unsafe { table::set(heap, table, key, value) }.expect("a string key in a heap without limit");
}

fn store_literals(
    heap: &mut Heap,
    strings: &StringSet,
    table: *mut Table,
    literals: &'static [(&'static str, Literal)],
) {
    for (name, literal) in literals {
        let value = match literal {
            Literal::Integer(i) => Value::int(*i),
            Literal::Float(f) => Value::float(*f),
            Literal::String(text) => Value::string(strings.constant(text.as_bytes())),
            Literal::Table(fields) => {
                let nested = heap.new_table(0, fields.len() as u32);
                store_literals(heap, strings, nested, fields);
                make_static(nested);
                Value::table(nested)
            }
        };
        store(heap, strings, table, name, value);
    }
}

/// Freezes a finished table of the image.
fn make_static(table: *mut Table) {
    // SAFETY: a live table that nothing else refers to yet.
    unsafe {
        (*table).header.mark = mark::STATIC | mark::WRITE_SLOW;
        (*table).bits |= table_bit::FROZEN;
    }
}
