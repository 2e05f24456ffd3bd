//! How tables grow: inserting keys, and choosing the sizes of both parts.
//!
//! The array part doubles when it is appended to. When the hash part is full, the sizes are chosen anew as in Lua: the array
//! part gets the largest power of two such that more than half of its items are in use; all else goes to the nodes.
//! The same happens if an array part about to double is half empty, so that a queue does not grow without end.

use super::{DEAD_KEY, TableError, key_hash, mix, no_nodes};
use crate::vm::heap::Heap;
use crate::vm::object::{Node, Table, mark, table_bit};
use crate::vm::value::{Value, tag};

/// Largest array part and largest hash part.
const MAX_PART: u32 = 1 << 30;
/// Array parts from this size on are checked for holes before they double.
const CHECKED_ARRAY: u32 = 64;

/// Bytes of an array part.
fn array_bytes(items: u32) -> usize {
    items as usize * size_of::<Value>()
}

/// Bytes of a hash part.
fn node_bytes(nodes: u32) -> usize {
    nodes as usize * size_of::<Node>()
}

/// Integer keys, counted by magnitude: entry `i` counts the keys in `2^(i-1) + 1 ..= 2^i`.
struct IntegerKeys {
    counts: [u32; 31],
    total: u32,
}

impl IntegerKeys {
    fn add(&mut self, key: i64) {
        if (1..=i64::from(MAX_PART)).contains(&key) {
            self.counts[(64 - (key as u64 - 1).leading_zeros()) as usize] += 1;
            self.total += 1;
        }
    }

    /// The best size of the array part, and how many of the keys it would hold.
    fn best_array(&self) -> (u32, u32) {
        let (mut size, mut held) = (0, 0);
        let mut below = 0;
        for (i, count) in self.counts.iter().enumerate() {
            let candidate = 1u32 << i;
            if self.total <= candidate / 2 {
                break;
            }
            below += count;
            if below > candidate / 2 {
                (size, held) = (candidate, below);
            }
        }
        (size, held)
    }
}

impl Table {
    /// Room for a table that was just made; does nothing if there is no memory.
    #[inline(never)]
    pub(super) unsafe fn reserve_fresh(this: *mut Table, heap: &mut Heap, items: u32, fields: u32) {
        // SAFETY: the table is empty, so both parts may simply be replaced.
        unsafe {
            if items > 0
                && items <= MAX_PART
                && let Ok(array) = heap.alloc_raw(array_bytes(items))
            {
                (*this).array = array.cast();
                (*this).array_cap = items;
            }
            if fields > 0
                && fields <= MAX_PART
                && let Ok(nodes) = Table::new_nodes(heap, fields)
            {
                Table::set_nodes(this, nodes, fields.next_power_of_two());
            }
        }
    }

    /// Gives a table that was just made copies of these items and nodes; see [`Heap::new_table_of`].
    pub(super) unsafe fn copy_parts(
        this: *mut Table,
        heap: &mut Heap,
        items: &[Value],
        nodes: &[Node],
    ) -> Result<(), TableError> {
        let (item_count, node_count) = (items.len() as u32, nodes.len() as u32);
        // SAFETY: the table is empty, so both parts may simply be replaced; they are as large as what is copied.
        unsafe {
            if item_count > 0 {
                (*this).array = heap.alloc_raw(array_bytes(item_count))?.cast();
                (*this).array.copy_from_nonoverlapping(items.as_ptr(), items.len());
                (*this).array_cap = item_count;
                (*this).array_len = item_count;
            }
            if node_count > 0 {
                Table::set_nodes(this, Table::copy_nodes(heap, nodes)?, node_count);
            }
        }
        Ok(())
    }

    #[inline(always)]
    fn copy_nodes(heap: &mut Heap, nodes: &[Node]) -> Result<*mut Node, TableError> {
        let copy = heap.alloc_raw(node_bytes(nodes.len() as u32))?.cast::<Node>();
        // SAFETY: there is room for all of them.
        unsafe { copy.copy_from_nonoverlapping(nodes.as_ptr(), nodes.len()) };
        Ok(copy)
    }

    /// A hash part for `fields` keys, at least one, all nodes free.
    unsafe fn new_nodes(heap: &mut Heap, fields: u32) -> Result<*mut Node, TableError> {
        let count = fields.next_power_of_two();
        let nodes = heap.alloc_raw(node_bytes(count))?.cast::<Node>();
        for i in 0..count as usize {
            // SAFETY: within the part.
            unsafe { nodes.add(i).write(Node::FREE) };
        }
        Ok(nodes)
    }

    unsafe fn set_nodes(this: *mut Table, nodes: *mut Node, count: u32) {
        // SAFETY: the caller has a live table and nodes that it takes over.
        unsafe {
            (*this).nodes = nodes;
            (*this).header.extra = count - 1;
            (*this).free = count;
        }
    }

    /// Frees both parts.
    #[inline]
    pub(in crate::vm) unsafe fn free_parts(this: *mut Table, heap: &mut Heap) {
        // SAFETY: the table owns its array, and its nodes unless they are shared or absent.
        unsafe {
            if (*this).array_cap != 0 {
                heap.free_raw((*this).array.cast(), array_bytes((*this).array_cap));
            }
            if !Table::has_no_nodes(this) && (*this).bits & table_bit::SHARED_NODES == 0 {
                heap.free_raw((*this).nodes.cast(), node_bytes(Table::node_count(this)));
            }
        }
    }

    /// Gives a table its own copy of nodes it shares with an image.
    pub(super) unsafe fn copy_shared_nodes(this: *mut Table, heap: &mut Heap) -> Result<(), TableError> {
        // SAFETY: shared nodes are immutable and outlive the heap.
        unsafe {
            if !Table::has_no_nodes(this) {
                let shared = std::slice::from_raw_parts((*this).nodes, Table::node_count(this) as usize);
                (*this).nodes = Table::copy_nodes(heap, shared)?;
            }
            (*this).bits &= !table_bit::SHARED_NODES;
            (*this).header.mark &= !mark::WRITE_SLOW;
            Ok(())
        }
    }

    /// Puts a new key into the nodes; false if none is free.
    pub(super) unsafe fn place(this: *mut Table, key: Value, value: Value) -> bool {
        // SAFETY: the caller has a live table, its nodes may be written, and a string key is hashed.
        unsafe {
            if Table::has_no_nodes(this) {
                return false;
            }
            let main = Table::main_position(this, key_hash(key.tag(), key.payload()));
            if (*main).value.is_nil() {
                // Free, or abandoned; then it stays in the chain it is in.
                (*main).fill(key, value);
                return true;
            }
            let Some(free) = Table::free_node(this) else { return false };
            let resident = Table::main_position(this, key_hash((*main).key_tag, (*main).key_payload));
            if resident == main {
                // The new key goes to the free node, second in the chain.
                (*free).fill(key, value);
                if (*main).next != 0 {
                    (*free).next = main.offset((*main).next as isize).offset_from(free) as i32;
                }
                (*main).next = free.offset_from(main) as i32;
            } else {
                // The resident belongs to another chain: it moves away.
                let mut before = resident;
                while before.offset((*before).next as isize) != main {
                    before = before.offset((*before).next as isize);
                }
                (*before).next = free.offset_from(before) as i32;
                *free = *main;
                if (*main).next != 0 {
                    (*free).next += main.offset_from(free) as i32;
                }
                (*main).next = 0;
                (*main).fill(key, value);
            }
            true
        }
    }

    /// A node that never had a key.
    unsafe fn free_node(this: *mut Table) -> Option<*mut Node> {
        // SAFETY: `free` is at most the node count.
        unsafe {
            while (*this).free > 0 {
                (*this).free -= 1;
                let node = (*this).nodes.add((*this).free as usize);
                if (*node).key_tag == tag::NIL {
                    return Some(node);
                }
            }
            None
        }
    }

    /// Inserts a normalised key that has no node and is not the next of the array part, with a value that is not nil.
    #[inline(never)]
    pub(super) unsafe fn insert(this: *mut Table, heap: &mut Heap, key: Value, value: Value) -> Result<(), TableError> {
        // SAFETY: the caller has a live table that may be written, and live key and value.
        unsafe {
            if (*this).bits & table_bit::LAZY != 0 && Table::forgets_removal(this, heap, key) {
                Table::fill_lazy(this, heap)?;
                return Table::set(this, heap, key, value);
            }
            if Table::place(this, key, value) {
                return Ok(());
            }
            Table::rehash(this, heap, key)?;
            Table::set(this, heap, key, value)
        }
    }

    /// Whether the insertion of `key` would lose a node of the globals that says that a name was removed.
    unsafe fn forgets_removal(this: *mut Table, heap: &Heap, key: Value) -> bool {
        // SAFETY: the caller has a live table and a hashed key.
        unsafe {
            let main = Table::main_position(this, key_hash(key.tag(), key.payload()));
            if (*main).value.is_nil() {
                return heap.library.is_removal(&*main);
            }
            // A rehash drops all of them.
            (0..(*this).free as usize).all(|i| (*(*this).nodes.add(i)).key_tag != tag::NIL)
                && (0..Table::node_count(this) as usize).any(|i| heap.library.is_removal(&*(*this).nodes.add(i)))
        }
    }

    /// Appends a value that is not nil to the array part, and what follows it in the nodes.
    #[inline(never)]
    pub(super) unsafe fn append(this: *mut Table, heap: &mut Heap, value: Value) -> Result<(), TableError> {
        // SAFETY: the caller has a live table that may be written.
        unsafe {
            let len = (*this).array_len;
            if len == (*this).array_cap {
                if len >= CHECKED_ARRAY && Table::items(this) < len / 2 {
                    let key = i64::from(len) + 1;
                    Table::rehash(this, heap, Value::int(key))?;
                    if key != i64::from((*this).array_len) + 1 {
                        return Table::set_int(this, heap, key, value);
                    }
                }
                if (*this).array_len == (*this).array_cap {
                    let cap = (*this).array_cap;
                    Table::resize_array(this, heap, if cap == 0 { 4 } else { cap.saturating_mul(2) })?;
                }
            }
            (*this).array.add((*this).array_len as usize).write(value);
            (*this).array_len += 1;
            if !Table::has_no_nodes(this) {
                Table::take_over(this, heap);
            }
            Ok(())
        }
    }

    /// Moves the keys that follow the array part over from the nodes.
    pub(super) unsafe fn take_over(this: *mut Table, heap: &mut Heap) {
        // SAFETY: the caller has a live table that may be written.
        unsafe {
            loop {
                let node = Table::find_int(this, i64::from((*this).array_len) + 1);
                if node.is_null() {
                    return;
                }
                let value = (*node).value;
                if !value.is_nil() {
                    if (*this).array_len == (*this).array_cap
                        && Table::resize_array(this, heap, (*this).array_cap.saturating_mul(2)).is_err()
                    {
                        // It stays where it is; `len` then answers a smaller number, and no key is lost.
                        return;
                    }
                    (*this).array.add((*this).array_len as usize).write(value);
                    (*this).array_len += 1;
                    (*node).value = Value::NIL;
                }
                (*node).key_tag |= DEAD_KEY;
                if value.is_nil() {
                    return;
                }
            }
        }
    }

    /// Items of the array part that are not nil.
    unsafe fn items(this: *const Table) -> u32 {
        // SAFETY: items below `array_len` are initialised.
        unsafe { (0..(*this).array_len as usize).map(|i| u32::from(!(*(*this).array.add(i)).is_nil())).sum() }
    }

    /// Gives the array part room for `cap` items, at least those in use.
    pub(super) unsafe fn resize_array(this: *mut Table, heap: &mut Heap, cap: u32) -> Result<(), TableError> {
        if cap > MAX_PART {
            return Err(TableError::OutOfMemory);
        }
        // SAFETY: the table owns its array part.
        unsafe {
            let old = (*this).array_cap;
            debug_assert!((*this).array_len <= cap);
            let array = match (old, cap) {
                (0, 0) => return Ok(()),
                (0, _) => heap.alloc_raw(array_bytes(cap))?,
                (_, 0) => {
                    heap.free_raw((*this).array.cast(), array_bytes(old));
                    std::ptr::null_mut()
                }
                _ => heap.resize_raw((*this).array.cast(), array_bytes(old), array_bytes(cap))?,
            };
            (*this).array = array.cast();
            (*this).array_cap = cap;
            Ok(())
        }
    }

    /// Makes room for at least `items` in the array part and `fields` in the hash part, those present included.
    pub unsafe fn resize(this: *mut Table, heap: &mut Heap, items: u32, fields: u32) -> Result<(), TableError> {
        // SAFETY: the caller has a live table.
        unsafe {
            Table::prepare_write(this, heap)?;
            if items > (*this).array_cap {
                Table::resize_array(this, heap, items)?;
            }
            let present = if Table::has_no_nodes(this) { 0 } else { Table::node_count(this) };
            if fields > present {
                Table::replace_parts(this, heap, (*this).array_len, fields)?;
            }
            Ok(())
        }
    }

    /// Chooses the sizes of both parts such that there is room for `key`. An integer key that belongs to the array part is within
    /// `array_len` afterwards.
    unsafe fn rehash(this: *mut Table, heap: &mut Heap, key: Value) -> Result<(), TableError> {
        let mut integers = IntegerKeys { counts: [0; 31], total: 0 };
        let mut keys = 1u32;
        if key.is_int() {
            integers.add(key.as_int());
        }
        // SAFETY: the caller has a live table.
        unsafe {
            for i in 0..(*this).array_len as usize {
                if !(*(*this).array.add(i)).is_nil() {
                    integers.add(i as i64 + 1);
                    keys += 1;
                }
            }
            for i in 0..Table::node_count(this) as usize {
                let node = &*(*this).nodes.add(i);
                if !node.value.is_nil() {
                    keys += 1;
                    if node.key_tag == tag::INT {
                        integers.add(node.key_payload as i64);
                    }
                }
            }
            let (size, held) = integers.best_array();
            let mut fields = keys - held;
            // Keys come and go: with as few free nodes as that, the next rehash would follow soon.
            let count = Table::node_count(this);
            if fields.next_power_of_two() == count && fields > count / 4 * 3 {
                fields = count + 1;
            }
            Table::replace_parts(this, heap, size, fields)?;
            if key.is_int() && (1..=i64::from(size)).contains(&key.as_int()) {
                Table::extend_with_nil(this, key.as_int() as u32);
            }
            // The key after the array part may be among the nodes.
            if !Table::has_no_nodes(this) {
                Table::take_over(this, heap);
            }
        }
        Ok(())
    }

    /// Makes the array part at least `len` long; there is room.
    unsafe fn extend_with_nil(this: *mut Table, len: u32) {
        // SAFETY: the caller made sure that `len` is at most `array_cap`.
        unsafe {
            for i in (*this).array_len..len {
                (*this).array.add(i as usize).write(Value::NIL);
            }
            (*this).array_len = (*this).array_len.max(len);
        }
    }

    /// Moves integer keys up to `items` into the array part and all else to new nodes, with room for `fields`.
    pub(super) unsafe fn replace_parts(
        this: *mut Table,
        heap: &mut Heap,
        items: u32,
        fields: u32,
    ) -> Result<(), TableError> {
        if fields > MAX_PART {
            return Err(TableError::OutOfMemory);
        }
        // SAFETY: the caller has a live table that may be written; the old nodes are its own.
        unsafe {
            let (old_nodes, old_count) = ((*this).nodes, Table::node_count(this));
            let had_nodes = !Table::has_no_nodes(this);
            let nodes = if fields > 0 { Table::new_nodes(heap, fields)? } else { no_nodes() };
            if items > (*this).array_cap
                && let Err(error) = Table::resize_array(this, heap, items)
            {
                if fields > 0 {
                    heap.free_raw(nodes.cast(), node_bytes(fields.next_power_of_two()));
                }
                return Err(error);
            }
            if fields > 0 {
                Table::set_nodes(this, nodes, fields.next_power_of_two());
            } else {
                (*this).nodes = nodes;
                (*this).header.extra = 0;
                (*this).free = 0;
            }
            if (*this).array_len > items {
                for i in items..(*this).array_len {
                    let value = *(*this).array.add(i as usize);
                    if !value.is_nil() {
                        let placed = Table::place(this, Value::int(i64::from(i) + 1), value);
                        debug_assert!(placed, "every key was counted");
                    }
                }
                (*this).array_len = items;
                Table::trim(this);
                // Giving memory back cannot fail for lack of it; if it does, the table just stays larger.
                let _ = Table::resize_array(this, heap, items);
            }
            if had_nodes {
                for i in 0..old_count as usize {
                    let node = &*old_nodes.add(i);
                    if node.value.is_nil() {
                        continue;
                    }
                    if node.key_tag == tag::INT && (1..=u64::from(items)).contains(&node.key_payload) {
                        let key = node.key_payload as u32;
                        Table::extend_with_nil(this, key);
                        *(*this).array.add(key as usize - 1) = node.value;
                    } else {
                        let placed = Table::place(this, node.key(), node.value);
                        debug_assert!(placed, "every key was counted");
                    }
                }
                heap.free_raw(old_nodes.cast(), node_bytes(old_count));
            }
            Ok(())
        }
    }

    /// Checks the house rules; for tests and `Heap::verify`.
    pub(in crate::vm) unsafe fn check(this: *const Table) -> Result<(), String> {
        // SAFETY: the caller has a live table.
        unsafe {
            if (*this).array_len > (*this).array_cap {
                return Err(format!("array_len {} > array_cap {}", (*this).array_len, (*this).array_cap));
            }
            if !Table::has_no_nodes(this) && !Table::find_int(this, i64::from((*this).array_len) + 1).is_null() {
                return Err(format!("the key after array_len {} has a node", (*this).array_len));
            }
            for i in 0..Table::node_count(this) as usize {
                let node = (*this).nodes.add(i);
                if (*node).value.is_nil() {
                    continue;
                }
                if (*node).key_tag & DEAD_KEY != 0 {
                    return Err(format!("node {i} has a dead key and a value"));
                }
                let key = (*node).key();
                let hash =
                    if key.is_string() { key_hash(key.tag(), key.payload()) } else { mix(key.payload(), key.tag()) };
                if Table::find_same(this, hash, key.tag(), key.payload()) != node {
                    return Err(format!("node {i} is not found by its key {key:?}"));
                }
            }
            Ok(())
        }
    }
}
