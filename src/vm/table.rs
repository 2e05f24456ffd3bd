//! Tables: an array part that grows like a vector, and a hash part of chained nodes.
//!
//! House rules:
//! * All functions here are *raw*: no metamethods. Keys are normalised by [`Table::get`] and [`Table::set`]: a float with an
//!   integer value is that integer.
//! * Of the type values that are equal, the first used as a key stands for all: see [`TypeRef::key`].
//! * Keys `1..=array_len` live in the array part, all of them, and items may be nil. No node with key `array_len + 1`
//!   exists: it is appended, and what follows it moves over from the nodes. So `array_len` is a border whenever its last
//!   item is not nil.
//! * A node that lost its value keeps its key, so that a traversal can go on from it. A node that moved to the array part,
//!   and one whose key object is about to be freed, has [`DEAD_KEY`] added to the tag: no lookup finds it.
//! * Every node is reachable along `next` from the main position of its key, or, if its key took over an abandoned node, is
//!   that main position itself.
//! * A static table, and one with shared nodes, is never written: [`Table::before_write`] copies the nodes first, or refuses.
//! * A store tests `header.mark & heap.write_mask` first; so the barrier is behind [`Table::before_write`] too.

mod grow;
mod iterate;
mod library;
#[cfg(test)]
mod tests;

pub use iterate::{InvalidKey, Position};
pub use library::{LibraryTables, StaticTable};

use std::ptr::null_mut;

use super::heap::{Heap, OutOfMemory};
use super::object::{DEAD_KEY, Header, Node, Str, Table, mark, string_flag, table_bit};
use super::types::TypeRef;
use super::value::{Value, tag};
use crate::number::float_to_int;

/// Why a store failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TableError {
    /// The table is frozen.
    Frozen,
    /// The key is nil.
    NilKey,
    /// The key is not a number.
    NanKey,
    /// The table cannot grow.
    OutOfMemory,
}

impl From<OutOfMemory> for TableError {
    fn from(_: OutOfMemory) -> TableError {
        TableError::OutOfMemory
    }
}

/// The hash part of a table that has none: one free node that is never written.
static NO_NODES: Node = Node::FREE;

#[inline(always)]
fn no_nodes() -> *mut Node {
    (&raw const NO_NODES).cast_mut()
}

impl Node {
    /// A node that never had a key.
    pub(super) const FREE: Node = Node { value: Value::NIL, key_payload: 0, key_tag: tag::NIL, key_hash: 0, next: 0 };

    /// Gives the node a key, which must be hashed if it is a string, and its value.
    #[inline(always)]
    unsafe fn fill(&mut self, key: Value, value: Value) {
        self.value = value;
        self.key_payload = key.payload();
        self.key_tag = key.tag();
        // SAFETY: the caller passes a live key.
        self.key_hash = if key.is_string() { unsafe { upper_half((*key.as_string()).header.extra) } } else { 0 };
    }

    /// The key; it must not be dead.
    #[inline(always)]
    pub fn key(&self) -> Value {
        debug_assert!(self.key_tag & DEAD_KEY == 0);
        // SAFETY: tag and payload came from a value, whose object is alive as long as the node is.
        unsafe { Value::from_parts(self.key_tag, self.key_payload) }
    }

    /// Prepares a node without value for the death of its key.
    ///
    /// # Safety
    /// The key's object, if it has one, is not freed yet.
    #[inline]
    pub(super) unsafe fn bury(&mut self) {
        if self.key_tag & DEAD_KEY != 0 || self.key_tag < tag::STRING {
            return;
        }
        // SAFETY: by contract the key's object is still there.
        let fixed = unsafe { (*(self.key_payload as *mut Header)).mark & mark::STATIC != 0 };
        // Static keys never die; in the globals such a node says that a name was removed.
        if !fixed {
            self.key_tag |= DEAD_KEY;
        }
    }
}

/// Spreads integers, floats and addresses over 32 bits. Integers that follow each other get nodes that follow each other, as
/// long as they agree in all but the lowest 8 bits: they do not collide, and lie together in memory.
#[inline(always)]
fn mix(payload: u64, tag: u8) -> u32 {
    let scattered = (payload >> 8).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    (payload as u32).wrapping_add(scattered as u32).wrapping_add(u32::from(tag))
}

/// What a node keeps of the hash of a string key. (The lower half chose the node.)
#[inline(always)]
fn upper_half(hash: u32) -> u16 {
    (hash >> 16) as u16
}

/// The hash of a key; a string must be hashed already.
#[inline(always)]
unsafe fn key_hash(key_tag: u8, payload: u64) -> u32 {
    if key_tag == tag::STRING {
        // SAFETY: the caller passes a live key.
        unsafe { (*(payload as *const Str)).header.extra }
    } else {
        mix(payload, key_tag)
    }
}

/// The key that stands for a key that is neither string nor number.
#[inline]
fn canonical_key(key: Value) -> Value {
    TypeRef::of(key).map_or(key, |ty| ty.key().value())
}

impl Heap {
    /// An empty table.
    #[inline(always)]
    pub fn new_empty_table(&mut self) -> *mut Table {
        let table = self.alloc_object(size_of::<Table>(), tag::TABLE, 0).cast::<Table>();
        // SAFETY: a fresh object of that size.
        unsafe {
            (*table).array_len = 0;
            (*table).array_cap = 0;
            (*table).array = null_mut();
            (*table).nodes = no_nodes();
            (*table).metatable = null_mut();
            (*table).free = 0;
            (*table).bits = 0;
        }
        table
    }

    /// A table with room for `items` in the array part and `fields` in the hash part. If there is no memory for that it
    /// is left empty: the stores that follow will fail.
    #[inline]
    pub fn new_table(&mut self, items: u32, fields: u32) -> *mut Table {
        let table = self.new_empty_table();
        if items | fields != 0 {
            // SAFETY: fresh and empty.
            unsafe { Table::reserve_fresh(table, self, items, fields) };
        }
        table
    }

    /// A table with copies of these items and nodes.
    ///
    /// # Safety
    /// The nodes are the hash part of a table, or none.
    ///
    /// # Errors
    /// If there is no memory for them.
    pub unsafe fn new_table_of(&mut self, items: &[Value], nodes: &[Node]) -> Result<*mut Table, TableError> {
        let table = self.new_empty_table();
        // SAFETY: fresh and empty; by contract.
        unsafe { Table::copy_parts(table, self, items, nodes)? };
        Ok(table)
    }
}

/// Reading.
impl Table {
    /// Whether it has no hash part.
    #[inline(always)]
    pub unsafe fn has_no_nodes(this: *const Table) -> bool {
        // SAFETY: the caller has a live table; the same holds for all blocks of this file without a note of their own.
        unsafe { std::ptr::eq((*this).nodes, no_nodes()) }
    }

    /// Number of nodes; 1 for a table without hash part, whose only node is free.
    #[inline(always)]
    pub unsafe fn node_count(this: *const Table) -> u32 {
        // SAFETY: as above.
        unsafe { (*this).header.extra + 1 }
    }

    /// Bytes of the table and its parts.
    pub unsafe fn memory(this: *const Table) -> usize {
        // SAFETY: as above.
        unsafe {
            let nodes = if Table::has_no_nodes(this) { 0 } else { Table::node_count(this) as usize };
            size_of::<Table>() + (*this).array_cap as usize * size_of::<Value>() + nodes * size_of::<Node>()
        }
    }

    #[inline(always)]
    unsafe fn main_position(this: *const Table, hash: u32) -> *mut Node {
        // SAFETY: the mask keeps the index below the node count.
        unsafe { (*this).nodes.add((hash & (*this).header.extra) as usize) }
    }

    /// The node whose key is this very object; null if there is none.
    #[inline(always)]
    unsafe fn find_same(this: *const Table, hash: u32, key_tag: u8, payload: u64) -> *mut Node {
        // SAFETY: chains lead to nodes of the same table.
        unsafe {
            let mut node = Table::main_position(this, hash);
            loop {
                if (*node).key_payload == payload && (*node).key_tag == key_tag {
                    return node;
                }
                match (*node).next {
                    0 => return null_mut(),
                    next => node = node.offset(next as isize),
                }
            }
        }
    }

    /// The node of a hashed string, this very object or an equal one; null if there is none.
    #[inline(always)]
    unsafe fn find_str(this: *const Table, key: *const Str) -> *mut Node {
        // SAFETY: chains lead to nodes of the same table; string keys that are not dead are alive.
        unsafe {
            debug_assert!((*key).header.flags & string_flag::HASHED != 0);
            let hash = (*key).header.extra;
            let mut node = Table::main_position(this, hash);
            loop {
                if (*node).key_tag == tag::STRING
                    && (*node).key_hash == upper_half(hash)
                    && ((*node).key_payload == key as u64 || Table::has_equal_str(node, key))
                {
                    return node;
                }
                match (*node).next {
                    0 => return null_mut(),
                    next => node = node.offset(next as isize),
                }
            }
        }
    }

    /// Whether the string that is the key of `node` equals another object.
    #[inline(never)]
    unsafe fn has_equal_str(node: *const Node, key: *const Str) -> bool {
        // SAFETY: as above.
        unsafe { (*((*node).key_payload as *const Str)).content_equals(&*key) }
    }

    #[inline(always)]
    unsafe fn find_int(this: *const Table, key: i64) -> *mut Node {
        // SAFETY: as above.
        unsafe { Table::find_same(this, mix(key as u64, tag::INT), tag::INT, key as u64) }
    }

    /// The node of a normalised key that is neither nil nor NaN; null if there is none.
    unsafe fn find(this: *const Table, key: Value) -> *mut Node {
        // SAFETY: as above.
        unsafe {
            if key.is_string() {
                Str::hash(key.as_string());
                Table::find_str(this, key.as_string())
            } else {
                Table::find_same(this, mix(key.payload(), key.tag()), key.tag(), key.payload())
            }
        }
    }

    /// The index of the node that holds this string, for a hint, and its value, which may be nil.
    #[inline]
    pub unsafe fn find_node_str(this: *const Table, key: *mut Str) -> Option<(u32, Value)> {
        // SAFETY: as above.
        unsafe {
            Str::hash(key);
            let node = Table::find_str(this, key);
            if node.is_null() { None } else { Some((node.offset_from((*this).nodes) as u32, (*node).value)) }
        }
    }

    /// The value of a string key. The string must be hashed, as short strings and constants are.
    #[inline(always)]
    pub unsafe fn get_str(this: *mut Table, heap: &mut Heap, key: *mut Str) -> Value {
        // SAFETY: as above.
        unsafe {
            let node = Table::find_str(this, key);
            if !node.is_null() {
                return (*node).value;
            }
            if (*this).bits & table_bit::LAZY != 0 { Table::get_from_library(this, heap, key) } else { Value::NIL }
        }
    }

    /// As [`Table::get_str`], without filling in a lazy table: for static tables and metatables.
    #[inline]
    pub unsafe fn peek_str(this: *const Table, key: *const Str) -> Value {
        // SAFETY: as above.
        unsafe {
            let node = Table::find_str(this, key);
            if node.is_null() { Value::NIL } else { (*node).value }
        }
    }

    /// The value of an integer key.
    #[inline(always)]
    pub unsafe fn get_int(this: *const Table, key: i64) -> Value {
        // SAFETY: as above.
        unsafe {
            let index = (key as u64).wrapping_sub(1);
            if index < u64::from((*this).array_len) {
                return *(*this).array.add(index as usize);
            }
            if Table::has_no_nodes(this) { Value::NIL } else { Table::get_int_node(this, key) }
        }
    }

    #[inline(never)]
    unsafe fn get_int_node(this: *const Table, key: i64) -> Value {
        // SAFETY: as above.
        unsafe {
            let node = Table::find_int(this, key);
            if node.is_null() { Value::NIL } else { (*node).value }
        }
    }

    /// The value of any key.
    #[inline]
    pub unsafe fn get(this: *mut Table, heap: &mut Heap, key: Value) -> Value {
        // SAFETY: as above.
        unsafe {
            match key.tag() {
                tag::STRING => {
                    Str::hash(key.as_string());
                    Table::get_str(this, heap, key.as_string())
                }
                tag::INT => Table::get_int(this, key.as_int()),
                tag::NIL => Value::NIL,
                tag::FLOAT => match float_to_int(key.as_float()) {
                    Some(i) => Table::get_int(this, i),
                    None => Table::get_node(this, key),
                },
                _ => Table::get_node(this, key),
            }
        }
    }

    unsafe fn get_node(this: *const Table, key: Value) -> Value {
        let key = canonical_key(key);
        // SAFETY: as above.
        unsafe {
            // NaN is never stored, and has no node even if its bits are compared.
            let node = Table::find(this, key);
            if node.is_null() { Value::NIL } else { (*node).value }
        }
    }

    /// A border (manual §3.4.7): 0 or an integer key that is there and whose successor is not.
    #[inline]
    pub unsafe fn len(this: *const Table) -> u64 {
        // SAFETY: items below `array_len` are initialised.
        unsafe {
            let len = (*this).array_len;
            if len == 0 || !(*(*this).array.add(len as usize - 1)).is_nil() {
                return u64::from(len);
            }
            Table::border_below(this, len)
        }
    }

    /// A border below `absent`, an item that is nil, by bisection.
    #[inline(never)]
    unsafe fn border_below(this: *const Table, absent: u32) -> u64 {
        let (mut present, mut absent) = (0, absent);
        while absent - present > 1 {
            let middle = present + (absent - present) / 2;
            // SAFETY: `middle` is at least 1 and below `array_len`.
            if unsafe { (*(*this).array.add(middle as usize - 1)).is_nil() } {
                absent = middle;
            } else {
                present = middle;
            }
        }
        u64::from(present)
    }
}

/// Writing.
impl Table {
    /// What a store does first if the table's mark has a bit of the heap's write mask.
    #[cold]
    #[inline(never)]
    pub unsafe fn before_write(this: *mut Table, heap: &mut Heap) -> Result<(), TableError> {
        // SAFETY: the caller has a live table.
        unsafe {
            if (*this).bits & table_bit::FROZEN != 0 || (*this).header.mark & mark::STATIC != 0 {
                return Err(TableError::Frozen);
            }
            if (*this).bits & table_bit::SHARED_NODES != 0 {
                Table::copy_shared_nodes(this, heap)?;
            }
            heap.barrier(this.cast());
            Ok(())
        }
    }

    #[inline(always)]
    unsafe fn prepare_write(this: *mut Table, heap: &mut Heap) -> Result<(), TableError> {
        // SAFETY: the caller has a live table.
        unsafe {
            if (*this).header.mark & heap.write_mask != 0 {
                return Table::before_write(this, heap);
            }
        }
        Ok(())
    }

    /// Makes every store from now on fail.
    pub unsafe fn freeze(this: *mut Table) {
        // SAFETY: the caller has a live table.
        unsafe {
            if (*this).header.mark & mark::STATIC == 0 {
                (*this).bits |= table_bit::FROZEN;
                (*this).header.mark |= mark::WRITE_SLOW;
            }
        }
    }

    /// Whether stores fail.
    #[inline]
    pub unsafe fn is_frozen(this: *const Table) -> bool {
        // SAFETY: the caller has a live table.
        unsafe { (*this).bits & table_bit::FROZEN != 0 || (*this).header.mark & mark::STATIC != 0 }
    }

    /// Sets the value of a string key. The string must be hashed, as short strings and constants are.
    #[inline]
    pub unsafe fn set_str(this: *mut Table, heap: &mut Heap, key: *mut Str, value: Value) -> Result<(), TableError> {
        // SAFETY: the caller has a live table, key and value.
        unsafe {
            Table::prepare_write(this, heap)?;
            (*this).header.flags = 0;
            let node = Table::find_str(this, key);
            if node.is_null() {
                return Table::set_str_missed(this, heap, key, value);
            }
            (*node).value = value;
            Ok(())
        }
    }

    /// Sets the value of a string key of a table that was just made, with room for the key.
    #[inline]
    pub unsafe fn set_fresh(this: *mut Table, heap: &mut Heap, key: *mut Str, value: Value) -> Result<(), TableError> {
        // SAFETY: the caller has a table that nothing refers to yet, and live key and value.
        unsafe {
            Str::hash(key);
            let node = Table::find_str(this, key);
            if !node.is_null() {
                (*node).value = value;
                return Ok(());
            }
            if value.is_nil() || Table::place(this, Value::string(key), value) {
                return Ok(());
            }
            // There was no memory for its nodes.
            Table::insert(this, heap, Value::string(key), value)
        }
    }

    #[inline(never)]
    unsafe fn set_str_missed(this: *mut Table, heap: &mut Heap, key: *mut Str, value: Value) -> Result<(), TableError> {
        // SAFETY: the caller has a live table, key and value.
        unsafe {
            if !value.is_nil() {
                return Table::insert(this, heap, Value::string(key), value);
            }
            if (*this).bits & table_bit::LAZY != 0 && heap.library.has(key) {
                // A node without value has to say that the name was removed.
                Table::fill_lazy(this, heap)?;
                return Table::set_str(this, heap, key, value);
            }
            Ok(())
        }
    }

    /// Sets the value of an integer key.
    #[inline]
    pub unsafe fn set_int(this: *mut Table, heap: &mut Heap, key: i64, value: Value) -> Result<(), TableError> {
        // SAFETY: the caller has a live table and value.
        unsafe {
            Table::prepare_write(this, heap)?;
            let index = (key as u64).wrapping_sub(1);
            let len = (*this).array_len;
            if index < u64::from(len) {
                *(*this).array.add(index as usize) = value;
                if value.is_nil() && index + 1 == u64::from(len) {
                    Table::trim(this);
                }
                return Ok(());
            }
            if index == u64::from(len) && len < (*this).array_cap && Table::has_no_nodes(this) && !value.is_nil() {
                *(*this).array.add(index as usize) = value;
                (*this).array_len = len + 1;
                return Ok(());
            }
            Table::set_int_outside(this, heap, key, value)
        }
    }

    /// Takes integer keys out of the nodes; the array part is to have them.
    unsafe fn forget_ints(this: *mut Table, first: u32, count: u32) {
        for key in i64::from(first)..i64::from(first) + i64::from(count) {
            // SAFETY: the caller has a live table that may be written.
            unsafe {
                let node = Table::find_int(this, key);
                if !node.is_null() {
                    (*node).value = Value::NIL;
                    (*node).key_tag |= DEAD_KEY;
                }
            }
        }
    }

    /// Drops trailing nils from the array part; keeps the memory.
    unsafe fn trim(this: *mut Table) {
        // SAFETY: items below `array_len` are initialised.
        unsafe {
            let mut len = (*this).array_len;
            while len > 0 && (*(*this).array.add(len as usize - 1)).is_nil() {
                len -= 1;
            }
            (*this).array_len = len;
        }
    }

    #[inline(never)]
    unsafe fn set_int_outside(this: *mut Table, heap: &mut Heap, key: i64, value: Value) -> Result<(), TableError> {
        // SAFETY: the caller has a live table and value.
        unsafe {
            let len = (*this).array_len;
            if key == i64::from(len) + 1 {
                // No node has this key.
                return if value.is_nil() { Ok(()) } else { Table::append(this, heap, value) };
            }
            if !Table::has_no_nodes(this) {
                let node = Table::find_int(this, key);
                if !node.is_null() {
                    (*node).value = value;
                    return Ok(());
                }
            }
            if value.is_nil() { Ok(()) } else { Table::insert(this, heap, Value::int(key), value) }
        }
    }

    /// Sets the value of any key.
    #[inline]
    pub unsafe fn set(this: *mut Table, heap: &mut Heap, key: Value, value: Value) -> Result<(), TableError> {
        // SAFETY: the caller has a live table, key and value.
        unsafe {
            match key.tag() {
                tag::STRING => {
                    Str::hash(key.as_string());
                    Table::set_str(this, heap, key.as_string(), value)
                }
                tag::INT => Table::set_int(this, heap, key.as_int(), value),
                tag::FLOAT => match float_to_int(key.as_float()) {
                    Some(i) => Table::set_int(this, heap, i, value),
                    None => Table::set_other(this, heap, key, value),
                },
                _ => Table::set_other(this, heap, key, value),
            }
        }
    }

    unsafe fn set_other(this: *mut Table, heap: &mut Heap, key: Value, value: Value) -> Result<(), TableError> {
        // SAFETY: the caller has a live table, key and value.
        unsafe {
            Table::prepare_write(this, heap)?;
            if key.is_nil() {
                return Err(TableError::NilKey);
            }
            if key.is_float() && key.as_float().is_nan() {
                return Err(TableError::NanKey);
            }
            let key = canonical_key(key);
            let node = Table::find(this, key);
            if !node.is_null() {
                (*node).value = value;
                return Ok(());
            }
            if value.is_nil() { Ok(()) } else { Table::insert(this, heap, key, value) }
        }
    }

    /// Stores `count` values under the keys from `first` on, as a table constructor does.
    pub unsafe fn set_list(
        this: *mut Table,
        heap: &mut Heap,
        first: u32,
        values: *const Value,
        count: u32,
    ) -> Result<(), TableError> {
        // SAFETY: the caller has a live table and so many values.
        unsafe {
            Table::prepare_write(this, heap)?;
            if first == (*this).array_len + 1 {
                let end = (*this).array_len.checked_add(count).ok_or(TableError::OutOfMemory)?;
                if end > (*this).array_cap {
                    Table::resize_array(this, heap, end)?;
                }
                let has_nodes = !Table::has_no_nodes(this);
                if has_nodes {
                    Table::forget_ints(this, first, count);
                }
                values.copy_to_nonoverlapping((*this).array.add((*this).array_len as usize), count as usize);
                (*this).array_len = end;
                Table::trim(this);
                if has_nodes {
                    Table::take_over(this, heap);
                }
                return Ok(());
            }
            for i in 0..count {
                Table::set_int(this, heap, i64::from(first) + i64::from(i), *values.add(i as usize))?;
            }
            Ok(())
        }
    }
}
