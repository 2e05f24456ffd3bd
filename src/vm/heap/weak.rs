//! Weak tables (manual §2.5.2) in the atomic phase.
//!
//! The order is that of Lua 5.3: when all that is strongly reachable is marked, dead values are removed from tables with weak
//! values; then objects with finalizers are resurrected; only then dead keys are removed. So a finalizer still finds its
//! object as a weak key, but not as a weak value. Strings count as plain values: they are marked, never removed.

use super::mark::Marker;
use crate::vm::object::{Node, Str, Table, table_bit};
use crate::vm::value::Value;

/// What a metatable's `__mode` says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WeakMode {
    /// Not weak.
    Strong,
    /// `v`
    Values,
    /// `k`: a value is reachable through the table only if its key is reachable otherwise (an *ephemeron*).
    Keys,
    /// `kv`
    Both,
}

impl WeakMode {
    /// The meaning of a `__mode` field.
    pub fn of(mode: Value) -> WeakMode {
        if !mode.is_string() {
            return WeakMode::Strong;
        }
        // SAFETY: the value of a field of a live table.
        let bytes = unsafe { Str::bytes(mode.as_string()) };
        match (bytes.contains(&b'k'), bytes.contains(&b'v')) {
            (false, false) => WeakMode::Strong,
            (false, true) => WeakMode::Values,
            (true, false) => WeakMode::Keys,
            (true, true) => WeakMode::Both,
        }
    }
}

/// The weak tables reached in a cycle.
#[derive(Default)]
pub struct WeakTables {
    /// Reached, not yet looked at.
    pub found: Vec<(*mut Table, WeakMode)>,
    values: Vec<*mut Table>,
    ephemerons: Vec<*mut Table>,
    both: Vec<*mut Table>,
}

/// How far the lists of tables with weak values had been cleared before resurrection.
#[derive(Clone, Copy)]
pub struct Cleared {
    values: usize,
    both: usize,
}

/// The nodes of a table that the collector may change.
unsafe fn own_nodes<'a>(table: *mut Table) -> &'a mut [Node] {
    // SAFETY: the caller has a live table of the heap; nodes below the count are initialised.
    unsafe {
        if (*table).bits & table_bit::SHARED_NODES != 0 || Table::has_no_nodes(table) {
            return &mut [];
        }
        std::slice::from_raw_parts_mut((*table).nodes, Table::node_count(table) as usize)
    }
}

unsafe fn own_array<'a>(table: *mut Table) -> &'a mut [Value] {
    // SAFETY: as above; an empty array part may have a null pointer.
    unsafe {
        if (*table).array_len == 0 {
            return &mut [];
        }
        std::slice::from_raw_parts_mut((*table).array, (*table).array_len as usize)
    }
}

/// Empties a node; its key stays recognisable for `next`.
fn remove(node: &mut Node) {
    node.value = Value::NIL;
    // SAFETY: nothing is freed while the cycle marks.
    unsafe { node.bury() };
}

impl Marker {
    /// Marks everything that is reachable, with the rule for ephemerons.
    pub(super) fn converge(&mut self) {
        loop {
            self.propagate(usize::MAX);
            while let Some((table, mode)) = self.weak.found.pop() {
                // SAFETY: reached in this cycle, hence alive.
                unsafe { self.scan_weak(table, mode) };
            }
            let mut changed = false;
            for i in 0..self.weak.ephemerons.len() {
                // SAFETY: as above.
                changed |= unsafe { self.trace_ephemerons(self.weak.ephemerons[i]) };
            }
            if !changed && self.propagate(0) && self.weak.found.is_empty() {
                return;
            }
        }
    }

    /// Marks what a weak table keeps alive regardless of its weakness.
    unsafe fn scan_weak(&mut self, table: *mut Table, mode: WeakMode) {
        let list = match mode {
            WeakMode::Strong => unreachable!("only weak tables are listed"),
            WeakMode::Values => &mut self.weak.values,
            WeakMode::Keys => &mut self.weak.ephemerons,
            WeakMode::Both => &mut self.weak.both,
        };
        list.push(table);
        // SAFETY: the caller has a live table.
        unsafe {
            if mode == WeakMode::Keys {
                self.trace_array(table);
            }
            for node in own_nodes(table) {
                if node.value.is_nil() {
                    remove(node);
                } else if mode == WeakMode::Values {
                    self.mark(node.key());
                }
            }
        }
    }

    /// Marks the values whose keys are marked; tells whether there was a new one.
    unsafe fn trace_ephemerons(&mut self, table: *mut Table) -> bool {
        let mut changed = false;
        // SAFETY: the caller has a live table.
        for node in unsafe { own_nodes(table) } {
            if node.value.is_object() && !self.is_dead(node.value) {
                continue;
            }
            if node.value.is_object() && !self.is_dead(node.key()) {
                self.mark(node.value);
                changed = true;
            }
        }
        changed
    }

    /// Whether a value was not reached. A string is reached by being asked for.
    fn is_dead(&mut self, value: Value) -> bool {
        if !value.is_object() {
            return false;
        }
        if value.is_string() {
            self.mark(value);
            return false;
        }
        // SAFETY: nothing is freed while the cycle marks.
        unsafe { !self.is_marked(value.header()) }
    }

    /// Removes entries with dead values from the tables listed since `since`.
    pub(super) fn clear_values(&mut self, since: Cleared) -> Cleared {
        let now = Cleared { values: self.weak.values.len(), both: self.weak.both.len() };
        for i in since.values..now.values {
            // SAFETY: reached in this cycle, hence alive.
            unsafe { self.clear_values_of(self.weak.values[i]) };
        }
        for i in since.both..now.both {
            // SAFETY: as above.
            unsafe { self.clear_values_of(self.weak.both[i]) };
        }
        now
    }

    unsafe fn clear_values_of(&mut self, table: *mut Table) {
        // SAFETY: the caller has a live table.
        unsafe {
            for item in own_array(table) {
                if self.is_dead(*item) {
                    *item = Value::NIL;
                }
            }
            for node in own_nodes(table) {
                if self.is_dead(node.value) {
                    remove(node);
                }
            }
        }
    }

    /// Removes entries with dead keys.
    pub(super) fn clear_keys(&mut self) {
        for i in 0..self.weak.ephemerons.len() {
            // SAFETY: reached in this cycle, hence alive.
            unsafe { self.clear_keys_of(self.weak.ephemerons[i]) };
        }
        for i in 0..self.weak.both.len() {
            // SAFETY: as above.
            unsafe { self.clear_keys_of(self.weak.both[i]) };
        }
    }

    unsafe fn clear_keys_of(&mut self, table: *mut Table) {
        // SAFETY: the caller has a live table.
        for node in unsafe { own_nodes(table) } {
            if !node.value.is_nil() && self.is_dead(node.key()) {
                remove(node);
            }
        }
    }
}

impl Cleared {
    /// Nothing cleared yet.
    pub const NONE: Cleared = Cleared { values: 0, both: 0 };
}
