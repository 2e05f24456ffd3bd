//! Library tables: static tables of an image, and the headers by which a process makes them its own.
//!
//! House rules:
//! * A [`StaticTable`] holds static values only: numbers, booleans, natives, static strings, other static tables.
//! * A process never sees a static table that is not frozen, but its own table with shared nodes, which the first store
//!   copies. It is made when first looked up and then kept for good, so that all paths lead to the same one.
//! * The globals of a process begin empty and *lazy*: a name without a node is looked up in the image's globals. A node
//!   without value says that the name was removed; before such a node could be lost, or a traversal begins, all names are
//!   filled in, and the table is an ordinary one from then on.

use smallvec::SmallVec;

use super::{TableError, no_nodes};
use crate::vm::heap::{Heap, Marker};
use crate::vm::object::{DEAD_KEY, Header, Node, Str, Table, mark, table_bit};
use crate::vm::value::{Value, tag};

/// A table of an image.
pub struct StaticTable {
    table: Box<Table>,
    _nodes: Box<[Node]>,
}

// SAFETY: never written after it was made; its values are static.
unsafe impl Send for StaticTable {}
// SAFETY: as above.
unsafe impl Sync for StaticTable {}

impl StaticTable {
    /// A table with these fields, whose keys are strings of the image and distinct. A process cannot change a frozen one; of
    /// one that is not frozen it gets a table of its own.
    pub fn new(fields: &[(*mut Str, Value)], frozen: bool) -> StaticTable {
        let count = fields.len().max(1).next_power_of_two();
        let mut nodes = vec![Node::FREE; count].into_boxed_slice();
        // SAFETY: tables among the fields are alive.
        let nested = |(_, value): &(*mut Str, Value)| unsafe {
            value.is_table() && (*value.as_table()).bits & table_bit::FROZEN == 0
        };
        let header = Header {
            kind: tag::TABLE,
            mark: mark::STATIC | mark::WRITE_SLOW,
            flags: 0,
            class: 0,
            extra: count as u32 - 1,
        };
        let mut table = Box::new(Table {
            header,
            array_len: 0,
            array_cap: 0,
            array: std::ptr::null_mut(),
            nodes: nodes.as_mut_ptr(),
            metatable: std::ptr::null_mut(),
            free: count as u32,
            bits: if frozen { table_bit::FROZEN } else { 0 }
                | if fields.iter().any(nested) { table_bit::NESTED } else { 0 },
        });
        for &(key, value) in fields {
            // SAFETY: nobody else has the table yet; strings of the image are hashed; there are nodes for all.
            let placed = unsafe { Table::place(&raw mut *table, Value::string(key), value) };
            assert!(placed, "there are at least as many nodes as fields");
        }
        StaticTable { table, _nodes: nodes }
    }

    /// The table.
    pub fn table(&self) -> *mut Table {
        (&raw const *self.table).cast_mut()
    }

    /// Sets the metatable, another table of the image, while it is built.
    pub fn set_metatable(&mut self, metatable: &StaticTable) {
        self.table.metatable = metatable.table();
    }

    /// Changes the value of a field that exists, while it is built: how tables that refer to each other are made.
    ///
    /// # Safety
    /// `key` is a string of the image.
    pub unsafe fn set(&mut self, key: *mut Str, value: Value) {
        // SAFETY: the table is borrowed exclusively, its nodes are its own, and the key is alive.
        unsafe {
            let node = Table::find_str(&raw const *self.table, key);
            assert!(!node.is_null(), "only the value of a field that exists is changed");
            (*node).value = value;
        }
    }
}

/// Nodes that the globals of a process get when the first name is used.
const FIRST_GLOBALS: u32 = 2;

/// What a process has made its own of the image's library tables.
#[derive(Default)]
pub struct LibraryTables {
    /// The image's globals.
    globals: Option<*mut Table>,
    /// A static table, and the process's own. There is room for the globals and one library.
    own: SmallVec<[(*mut Table, *mut Table); 2]>,
}

impl LibraryTables {
    /// Marks the process's own tables.
    pub(in crate::vm) fn mark(&self, marker: &mut Marker) {
        for &(_, own) in &self.own {
            marker.mark_table(own);
        }
    }

    /// Whether a name is one of the image's globals.
    pub(super) fn has(&self, key: *mut Str) -> bool {
        !self.get(key).is_nil()
    }

    fn get(&self, key: *mut Str) -> Value {
        // SAFETY: the image outlives the process.
        self.globals.map_or(Value::NIL, |globals| unsafe { Table::peek_str(globals, key) })
    }

    /// Whether a node of the globals says that a name was removed.
    pub(super) fn is_removal(&self, node: &Node) -> bool {
        node.value.is_nil() && node.key_tag == tag::STRING && self.has(node.key_payload as *mut Str)
    }
}

impl Heap {
    /// The table of globals, lazily filled from the image's.
    pub fn new_globals(&mut self, image_globals: &StaticTable) -> *mut Table {
        let globals = self.new_empty_table();
        // SAFETY: fresh.
        unsafe { (*globals).bits |= table_bit::LAZY | table_bit::OWN };
        self.library.globals = Some(image_globals.table());
        self.library.own.push((image_globals.table(), globals));
        globals
    }

    /// Whether the globals and all library tables are as the image has them, but for these `given` globals with their
    /// values.
    pub fn has_untouched_library(&self, given: &[(Value, Value)]) -> bool {
        self.library.own.iter().all(|&(shared, own)| {
            // SAFETY: both tables are alive.
            unsafe {
                let nodes = std::slice::from_raw_parts((*own).nodes, Table::node_count(own) as usize);
                // The globals have those names only that were used.
                let complete = (*own).bits & table_bit::LAZY != 0 || (*own).header.extra == (*shared).header.extra;
                let same = |node: &Node| {
                    if node.key_tag & DEAD_KEY != 0 {
                        return false;
                    }
                    let known = Table::find(shared, node.key());
                    match known.is_null() {
                        true => given.iter().any(|(key, value)| key.same(node.key()) && value.same(node.value)),
                        false => self.own_version((*known).value).same(node.value),
                    }
                };
                complete
                    && (*own).metatable == (*shared).metatable
                    && (*own).array_len == 0
                    && nodes.iter().filter(|node| node.key_tag != tag::NIL).all(same)
            }
        })
    }

    /// As [`Heap::materialise`] for a value that the process has seen.
    fn own_version(&self, value: Value) -> Value {
        let own = self.library.own.iter().find(|(shared, _)| value.is_table() && value.as_table() == *shared);
        own.map_or(value, |&(_, own)| Value::table(own))
    }

    /// The table of the image behind a process's own table, or a table of the image itself.
    #[inline]
    pub fn static_table(&self, table: *mut Table) -> Option<*mut Table> {
        // SAFETY: callers pass a live table.
        let (mark, bits) = unsafe { ((*table).header.mark, (*table).bits) };
        if mark & mark::STATIC != 0 {
            return Some(table);
        }
        if bits & table_bit::OWN == 0 {
            return None;
        }
        self.library.own.iter().find(|(_, own)| *own == table).map(|(shared, _)| *shared)
    }

    /// What a process gets for a value of the image: its own table for a library table, anything else as it is.
    pub fn materialise(&mut self, value: Value) -> Value {
        if !value.is_table() {
            return value;
        }
        let shared = value.as_table();
        // SAFETY: tables of the image outlive the process.
        unsafe {
            if (*shared).header.mark & mark::STATIC == 0 || (*shared).bits & table_bit::FROZEN != 0 {
                return value;
            }
            if let Some(&(_, own)) = self.library.own.iter().find(|&&(other, _)| other == shared) {
                return Value::table(own);
            }
            let own = self.new_empty_table();
            self.library.own.push((shared, own));
            (*own).nodes = (*shared).nodes;
            (*own).header.extra = (*shared).header.extra;
            (*own).header.flags = (*shared).header.flags;
            (*own).header.mark |= mark::WRITE_SLOW;
            (*own).free = (*shared).free;
            (*own).metatable = (*shared).metatable;
            (*own).bits = table_bit::SHARED_NODES | table_bit::OWN;
            if (*shared).bits & table_bit::NESTED != 0 {
                self.materialise_fields(own);
            }
            Value::table(own)
        }
    }

    /// Replaces library tables among the fields; copies the nodes only if there are any.
    unsafe fn materialise_fields(&mut self, own: *mut Table) {
        // SAFETY: the caller has a fresh table with shared nodes.
        unsafe {
            for i in 0..Table::node_count(own) as usize {
                let value = (*(*own).nodes.add(i)).value;
                let replaced = self.materialise(value);
                if replaced.same(value) {
                    continue;
                }
                if (*own).bits & table_bit::SHARED_NODES != 0 && Table::copy_shared_nodes(own, self).is_err() {
                    // Without memory for the copy the field must not show the image's table.
                    (*own).nodes = no_nodes();
                    (*own).header.extra = 0;
                    (*own).free = 0;
                    return;
                }
                (*(*own).nodes.add(i)).value = replaced;
            }
        }
    }
}

impl Table {
    /// Looks a name up that has no node in the lazy globals.
    #[cold]
    #[inline(never)]
    pub(super) unsafe fn get_from_library(this: *mut Table, heap: &mut Heap, key: *mut Str) -> Value {
        let found = heap.library.get(key);
        if found.is_nil() {
            return Value::NIL;
        }
        let value = heap.materialise(found);
        // SAFETY: the caller has a live table.
        unsafe {
            if Table::has_no_nodes(this) && (*this).array_len == 0 {
                // Few programs use one name only. Without memory the table grows as others do.
                let _ = Table::replace_parts(this, heap, 0, FIRST_GLOBALS);
            }
            // A failure means that the next access looks it up again.
            let _ = Table::set_str(this, heap, key, value);
        }
        value
    }

    /// Fills in all names of the image that the globals do not have, and makes them an ordinary table.
    #[cold]
    #[inline(never)]
    pub(in crate::vm) unsafe fn fill_lazy(this: *mut Table, heap: &mut Heap) -> Result<(), TableError> {
        let Some(image) = heap.library.globals else { return Ok(()) };
        // SAFETY: the caller has a live table; the image outlives the process.
        unsafe {
            Table::prepare_write(this, heap)?;
            let nodes = std::slice::from_raw_parts((*image).nodes, Table::node_count(image) as usize);
            // All of them are determined first, because an insertion may take over a node without value.
            let missing: Vec<(Value, Value)> = nodes
                .iter()
                .filter(|node| !node.value.is_nil() && Table::find(this, node.key()).is_null())
                .map(|node| (node.key(), heap.materialise(node.value)))
                .collect();
            let present = if Table::has_no_nodes(this) { 0 } else { Table::node_count(this) };
            Table::replace_parts(this, heap, (*this).array_len, present + missing.len() as u32)?;
            (*this).bits &= !table_bit::LAZY;
            for (key, value) in missing {
                let placed = Table::place(this, key, value);
                debug_assert!(placed, "there is room for all");
            }
            Ok(())
        }
    }
}
