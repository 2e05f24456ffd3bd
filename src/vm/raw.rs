//! What native functions do with objects without metamethods, as safe functions: the libraries contain no `unsafe`.
//!
//! The raw pointers and values passed here must be alive. Native code gets them from its slots, and nothing is freed
//! while it runs (see `heap`), so whatever it holds is.

use super::args::userdata_of;
use super::error::LuaError;
use super::event::Event;
use super::machine::Vm;
use super::native::{Args, Native};
use super::object::{DEAD_KEY, NativeClosure, Str, Table, UserData, table_bit};
use super::table::Position;
use super::thread::{Status, Thread};
use super::value::{Value, tag};

/// The bytes of a string value, valid until the next safepoint: while the native function that asks runs.
///
/// # Panics
/// In debug builds, if the value is not a string.
#[inline]
pub fn string_bytes<'a>(value: Value) -> &'a [u8] {
    // SAFETY: a live string; strings neither move nor change.
    unsafe { Str::bytes(value.as_string()) }
}

/// The host object behind a value, if it is a `T`, valid until the next safepoint.
#[inline]
pub fn host_object<'a, T: UserData>(value: Value) -> Option<&'a T> {
    // SAFETY: a live userdata. While the native function that asks runs, nobody else refers to its data.
    userdata_of::<T>(value).map(|data| unsafe { &*data })
}

/// Slots.
impl Vm {
    /// Forgets the values above these slots: what is pushed next lies right above them.
    #[inline]
    pub fn keep_only(&mut self, slots: Args) {
        debug_assert!(slots.start + slots.len <= self.top_slot());
        self.set_top_slot(slots.start + slots.len);
    }
}

/// Strings that exist already.
impl Vm {
    /// The string of one byte.
    #[inline]
    pub fn byte_string(&self, byte: u8) -> Value {
        Value::string(self.image.byte_strings[usize::from(byte)])
    }

    /// What `type` answers.
    #[inline]
    pub fn type_string(&self, value: Value) -> Value {
        Value::string(self.image.type_names[usize::from(value.tag())])
    }
}

/// Tables.
impl Vm {
    /// A new table with room for `items` in its array part and `fields` in its hash part.
    pub fn new_table(&mut self, items: u32, fields: u32) -> *mut Table {
        self.heap.new_table(items, fields)
    }

    /// A border of the table (`#` without metamethods).
    #[inline]
    pub fn raw_len(&self, table: *mut Table) -> i64 {
        // SAFETY: a live table.
        unsafe { Table::len(table) as i64 }
    }

    /// `rawget` with an integer key.
    #[inline]
    pub fn raw_get_int(&self, table: *mut Table, key: i64) -> Value {
        // SAFETY: a live table.
        unsafe { Table::get_int(table, key) }
    }

    /// `rawset` with an integer key.
    ///
    /// # Errors
    /// A frozen table, or the memory limit.
    #[inline]
    pub fn raw_set_int(&mut self, table: *mut Table, key: i64, value: Value) -> Result<(), Box<LuaError>> {
        // SAFETY: a live table and value.
        unsafe { Table::set_int(table, &mut self.heap, key, value) }.map_err(|error| self.table_error(error))
    }

    /// `table[#table + 1] = value`, if no metamethod or error can have a part in it. Otherwise nothing has changed.
    #[inline]
    pub fn try_append(&mut self, table: *mut Table, value: Value) -> bool {
        // SAFETY: a live table and value.
        unsafe {
            (*table).metatable.is_null()
                && Table::set_int(table, &mut self.heap, Table::len(table) as i64 + 1, value).is_ok()
        }
    }

    /// Takes the last item of a list, if no metamethod or error can have a part in it, and there is one.
    #[inline]
    pub fn try_pop(&mut self, table: *mut Table) -> Option<Value> {
        // SAFETY: a live table.
        unsafe {
            let len = Table::len(table) as i64;
            if !(*table).metatable.is_null() || len == 0 {
                return None;
            }
            let last = Table::get_int(table, len);
            Table::set_int(table, &mut self.heap, len, Value::NIL).is_ok().then_some(last)
        }
    }

    /// The entry after `key`, or nil, unless that is an error or the table has not all its fields yet.
    #[inline]
    pub fn try_next(&mut self, table: *mut Table, key: Value, entry: &mut [Value; 2]) -> bool {
        // SAFETY: a live table and key.
        unsafe {
            if (*table).bits & table_bit::LAZY != 0 {
                return false;
            }
            let Ok(position) = Table::position_after(table, key) else { return false };
            *entry = Table::iter_from(table, position).map_or([Value::NIL; 2], |(_, key, value)| [key, value]);
        }
        true
    }

    /// Stores values under the keys from 1 on, as a table constructor does: holes among them stay in the array part.
    ///
    /// # Errors
    /// The memory limit.
    pub fn raw_set_list(&mut self, table: *mut Table, values: Args) -> Result<(), Box<LuaError>> {
        // SAFETY: a live table; the slots are on the stack, which does not move meanwhile.
        unsafe {
            let first = self.stack().add(values.start as usize);
            Table::set_list(table, &mut self.heap, 1, first, values.len)
        }
        .map_err(|error| self.table_error(error))
    }

    /// The items that lie in the array part, nil where there is none. Valid until the table is changed.
    pub fn array_part<'a>(&mut self, table: *mut Table) -> &'a [Value] {
        // SAFETY: a live table; items below `array_len` are initialised.
        unsafe {
            if (*table).bits & table_bit::LAZY != 0 {
                // Without memory some names may be missed: the next store will report it.
                let _ = Table::fill_lazy(table, &mut self.heap);
            }
            match (*table).array_len {
                0 => &[],
                len => std::slice::from_raw_parts((*table).array, len as usize),
            }
        }
    }

    /// The first entry outside the array part at or after node `at`, with the index of the node after it.
    #[inline]
    pub fn node_after(&self, table: *mut Table, at: u32) -> Option<(u32, Value, Value)> {
        let position = Position(Position::NODES + u64::from(at));
        // SAFETY: a live table.
        unsafe { Table::iter_from(table, position) }
            .map(|(after, key, value)| ((after.0 - Position::NODES) as u32, key, value))
    }

    /// Whether a table without entries was made for fields, or has had some.
    pub fn was_object(&self, table: *mut Table) -> bool {
        // SAFETY: a live table; indices are below the number of nodes.
        unsafe {
            !Table::has_no_nodes(table)
                && (0..Table::node_count(table)).all(|i| {
                    let key = (*(*table).nodes.add(i as usize)).key_tag & !DEAD_KEY;
                    key != tag::INT && key != tag::FLOAT
                })
        }
    }

    /// A list of these values; those that are nil leave holes.
    ///
    /// # Errors
    /// The memory limit.
    pub fn new_list(&mut self, values: &[Value]) -> Result<Value, Box<LuaError>> {
        let table = self.heap.new_table(values.len() as u32, 0);
        // SAFETY: a fresh table, and so many values.
        unsafe { Table::set_list(table, &mut self.heap, 1, values.as_ptr(), values.len() as u32) }
            .map_err(|error| self.table_error(error))?;
        Ok(Value::table(table))
    }

    /// A table of these pairs of keys, all strings, and values. Of two with the same key the last counts, and nil makes no
    /// field; there is room for one field at least.
    ///
    /// # Errors
    /// The memory limit.
    pub fn new_record(&mut self, fields: &[[Value; 2]]) -> Result<Value, Box<LuaError>> {
        let table = self.heap.new_table(0, fields.len().max(1) as u32);
        for [key, value] in fields {
            // SAFETY: a fresh table, to which nothing refers, a string and a live value.
            unsafe { Table::set_fresh(table, &mut self.heap, key.as_string(), *value) }
                .map_err(|error| self.table_error(error))?;
        }
        Ok(Value::table(table))
    }

    /// `rawget` with a name.
    ///
    /// # Errors
    /// The memory limit.
    pub fn raw_get_name(&mut self, table: *mut Table, name: &str) -> Result<Value, Box<LuaError>> {
        let key = self.string(name.as_bytes())?;
        Ok(self.raw_get(table, key))
    }

    /// `rawset` with a name.
    ///
    /// # Errors
    /// A frozen table, or the memory limit.
    pub fn raw_set_name(&mut self, table: *mut Table, name: &str, value: Value) -> Result<(), Box<LuaError>> {
        let key = self.string(name.as_bytes())?;
        self.raw_set(table, key, value)
    }

    /// The entry after `key` in a traversal.
    ///
    /// # Errors
    /// `invalid key to 'next'`
    pub fn raw_next(&mut self, table: *mut Table, key: Value) -> Result<Option<(Value, Value)>, Box<LuaError>> {
        // SAFETY: a live table and key.
        unsafe { Table::next(table, &mut self.heap, key) }.map_err(|_| self.error("invalid key to 'next'"))
    }

    /// The items `1..=n` of a table for reordering; `None` if they do not all lie in the array part, or the table is
    /// frozen. The slice is valid until the table is changed otherwise.
    pub fn list_items<'a>(&mut self, table: *mut Table, n: usize) -> Option<&'a mut [Value]> {
        // SAFETY: a live table; items below `array_len` are initialised; the barrier precedes every store.
        unsafe {
            if n > (*table).array_len as usize || n == 0 {
                return None;
            }
            if (*table).header.mark & self.heap.write_mask != 0 && Table::before_write(table, &mut self.heap).is_err() {
                return None;
            }
            Some(std::slice::from_raw_parts_mut((*table).array, n))
        }
    }

    /// Whether reading or writing elements of a value can involve neither metamethods nor errors of type.
    #[inline]
    pub fn is_plain_list(&self, value: Value) -> bool {
        if !value.is_table() {
            return false;
        }
        let metatable = self.metatable_of(value);
        metatable.is_null()
            || [Event::Index, Event::NewIndex, Event::Len]
                .iter()
                .all(|event| self.handler_in(metatable, *event).is_nil())
    }

    /// Sets or removes (null) the metatable of a table, and registers its finalizer.
    ///
    /// # Errors
    /// A frozen table.
    pub fn set_table_metatable(&mut self, table: *mut Table, metatable: *mut Table) -> Result<(), Box<LuaError>> {
        if self.is_frozen(table) {
            return Err(self.table_error(super::table::TableError::Frozen));
        }
        // SAFETY: live tables.
        unsafe {
            self.heap.set_metatable(table, metatable);
            if !self.handler_in(metatable, Event::Gc).is_nil() {
                self.heap.register_finalizer(table.cast());
            }
        }
        Ok(())
    }

    /// Sets the metatable of a table as `setmetatable` does, if that is all there is to do. Otherwise nothing has changed.
    #[inline]
    pub fn try_set_metatable(&mut self, table: *mut Table, metatable: *mut Table) -> bool {
        // SAFETY: live tables.
        unsafe {
            let plain = self.handler_in((*table).metatable, Event::Metatable).is_nil()
                && (*table).header.mark & self.heap.write_mask == 0
                && self.handler_in(metatable, Event::Gc).is_nil();
            if plain {
                self.heap.set_metatable(table, metatable);
            }
            plain
        }
    }

    /// Makes every store into the table from now on an error.
    pub fn freeze(&mut self, table: *mut Table) {
        // SAFETY: a live table.
        unsafe { Table::freeze(table) };
    }

    /// Whether stores into the table are errors.
    pub fn is_frozen(&self, table: *mut Table) -> bool {
        // SAFETY: a live table.
        unsafe { Table::is_frozen(table) }
    }
}

/// Native closures and host objects.
impl Vm {
    /// A native function with captured values, which it finds with [`Vm::captured`].
    pub fn new_native_closure(&mut self, native: &'static Native, captured: &[Value]) -> Value {
        let closure = self.heap.new_native_closure(native, captured.len(), None);
        for (i, value) in captured.iter().enumerate() {
            // SAFETY: the closure was made with so many captured values.
            unsafe { NativeClosure::captured(closure).add(i).write(*value) };
        }
        Value::native_closure(closure)
    }

    /// Captured value `i` of the running native closure; nil if there are fewer.
    pub fn captured(&self, i: usize) -> Value {
        let running = self.slot(self.native_slot);
        if running.tag() != tag::NATIVE_CLOSURE {
            return Value::NIL;
        }
        // SAFETY: a live native closure; the index is checked.
        unsafe {
            let closure = running.as_native_closure();
            if i < (*closure).header.extra as usize { *NativeClosure::captured(closure).add(i) } else { Value::NIL }
        }
    }

    /// Replaces captured value `i`, which must exist, of the running native closure.
    pub fn set_captured(&mut self, i: usize, value: Value) {
        let closure = self.slot(self.native_slot).as_native_closure();
        // SAFETY: a live native closure with so many captured values; the barrier precedes the store.
        unsafe {
            assert!(i < (*closure).header.extra as usize, "no such captured value");
            self.heap.before_store(closure.cast());
            *NativeClosure::captured(closure).add(i) = value;
        }
    }

    /// The class of a host object.
    pub fn class_of(&self, value: Value) -> Option<&'static str> {
        if !value.is_userdata() {
            return None;
        }
        // SAFETY: a live userdata.
        Some(unsafe { (*(*value.as_userdata()).data).class() })
    }
}

/// Coroutines.
impl Vm {
    /// What `coroutine.status` says of a coroutine.
    pub fn coroutine_status(&self, thread: *mut Thread) -> &'static str {
        // SAFETY: a live coroutine.
        match unsafe { (*thread).status } {
            Status::Running => "running",
            Status::Normal => "normal",
            Status::Dead => "dead",
            Status::Fresh | Status::Yielded | Status::Waiting | Status::Preempted => "suspended",
        }
    }

    /// Whether the running coroutine may yield.
    pub fn is_yieldable(&self) -> bool {
        // SAFETY: the running coroutine is alive.
        unsafe {
            let thread = &*self.registers.thread;
            thread.unyieldable == 0 && !self.runs_main_coroutine()
        }
    }

    /// Whether the running coroutine is one that nobody can resume, the main function's.
    pub fn runs_main_coroutine(&self) -> bool {
        // SAFETY: the running coroutine is alive.
        unsafe { (*self.registers.thread).resumer.is_null() }
    }
}
