//! Reading and writing fields where the fast path does not apply: missing hints, missing keys, metamethods.

use super::error::LuaError;
use super::event::Event;
use super::machine::Vm;
use super::object::{Str, Table};
use super::table::TableError;
use super::thread::results;
use super::value::{Value, tag};
use crate::bytecode::{Instruction, Op};

/// How many metatables a field access may pass (`MAXTAGLOOP` of the reference implementation).
const MAX_CHAIN: usize = 2000;

/// The answer to a field access.
#[derive(Clone, Copy, Debug)]
pub enum Indexed {
    /// The value (or the store is done).
    Done(Value),
    /// Call this handler with `object` and the key (and the value of a store).
    Ask {
        /// The `__index` or `__newindex` handler.
        handler: Value,
        /// The object whose metatable has it.
        object: Value,
    },
}

impl Vm {
    /// `object[key]`
    ///
    /// # Errors
    /// `attempt to index …` if the object cannot be indexed.
    pub fn index(&mut self, mut object: Value, key: Value) -> Result<Indexed, Box<LuaError>> {
        if key.is_string() {
            return self.index_str(object, key.as_string());
        }
        for _ in 0..MAX_CHAIN {
            let handler = if object.is_table() {
                let table = object.as_table();
                // SAFETY: a live table.
                let value = unsafe { Table::get(table, &mut self.heap, key) };
                if !value.is_nil() {
                    return Ok(Indexed::Done(value));
                }
                // SAFETY: a live table.
                let handler = self.handler_in(unsafe { (*table).metatable }, Event::Index);
                if handler.is_nil() {
                    return Ok(Indexed::Done(Value::NIL));
                }
                handler
            } else {
                self.index_handler(object)?
            };
            if handler.is_function() {
                return Ok(Indexed::Ask { handler, object });
            }
            object = handler;
        }
        Err(self.index_chain_error())
    }

    /// As [`Vm::index`] with a string key: what most programs spend their field accesses on.
    fn index_str(&mut self, mut object: Value, key: *mut Str) -> Result<Indexed, Box<LuaError>> {
        // SAFETY: a live string; live tables.
        unsafe {
            Str::hash(key);
            for _ in 0..MAX_CHAIN {
                let handler = if object.is_table() {
                    let table = object.as_table();
                    let value = Table::get_str(table, &mut self.heap, key);
                    if !value.is_nil() {
                        return Ok(Indexed::Done(value));
                    }
                    let handler = self.handler_in((*table).metatable, Event::Index);
                    if handler.is_nil() {
                        return Ok(Indexed::Done(Value::NIL));
                    }
                    handler
                } else {
                    self.index_handler(object)?
                };
                if handler.is_function() {
                    return Ok(Indexed::Ask { handler, object });
                }
                object = handler;
            }
        }
        Err(self.index_chain_error())
    }

    /// The `__index` handler of a value that is no table.
    fn index_handler(&mut self, object: Value) -> Result<Value, Box<LuaError>> {
        if object.is_string() {
            self.own_string_metatable();
        }
        let handler = self.handler(object, Event::Index);
        if handler.is_nil() { Err(self.index_error(object)) } else { Ok(handler) }
    }

    #[cold]
    fn index_chain_error(&mut self) -> Box<LuaError> {
        self.operation_error("'__index' chain too long; possible loop")
    }

    /// `object[key] = value`
    ///
    /// # Errors
    /// `attempt to index …`, a nil or NaN key, a frozen table, or the memory limit.
    pub fn set_index(&mut self, mut object: Value, key: Value, value: Value) -> Result<Indexed, Box<LuaError>> {
        for _ in 0..MAX_CHAIN {
            let handler = if object.is_table() {
                let table = object.as_table();
                // SAFETY: a live table.
                let handler = unsafe {
                    let metatable = (*table).metatable;
                    let handler = self.handler_in(metatable, Event::NewIndex);
                    if handler.is_nil() || !Table::get(table, &mut self.heap, key).is_nil() {
                        Value::NIL
                    } else {
                        handler
                    }
                };
                if handler.is_nil() {
                    self.raw_set(table, key, value)?;
                    return Ok(Indexed::Done(Value::NIL));
                }
                handler
            } else {
                let handler = self.handler(object, Event::NewIndex);
                if handler.is_nil() {
                    return Err(self.index_error(object));
                }
                handler
            };
            if handler.is_function() {
                return Ok(Indexed::Ask { handler, object });
            }
            object = handler;
        }
        Err(self.operation_error("'__newindex' chain too long; possible loop"))
    }

    /// `rawset`
    ///
    /// # Errors
    /// A nil or NaN key, a frozen table, or the memory limit.
    pub fn raw_set(&mut self, table: *mut Table, key: Value, value: Value) -> Result<(), Box<LuaError>> {
        // SAFETY: a live table.
        unsafe { Table::set(table, &mut self.heap, key, value) }.map_err(|error| self.table_error(error))
    }

    /// `rawget`
    #[inline]
    pub fn raw_get(&mut self, table: *mut Table, key: Value) -> Value {
        // SAFETY: a live table.
        unsafe { Table::get(table, &mut self.heap, key) }
    }

    /// A refused store as a Lua error.
    #[cold]
    pub fn table_error(&mut self, error: TableError) -> Box<LuaError> {
        match error {
            TableError::NilKey => self.operation_error("table index is nil"),
            TableError::NanKey => self.operation_error("table index is NaN"),
            TableError::Frozen => self.operation_error("attempt to modify Immutable table"),
            TableError::OutOfMemory => self.out_of_memory(),
        }
    }

    /// Object, key, and the hint-bearing instruction's constant key if it has one.
    fn access(&self, i: &Instruction) -> (Value, Value) {
        let register = |operand| self.slot(self.register_slot(operand));
        // SAFETY: verified constant and captured-value operands of the running function.
        let constant = |operand: u16| unsafe { *self.saved.constants.byte_add(operand as usize) };
        match i.op {
            Op::GetGlobal | Op::SetGlobal => {
                // SAFETY: as above.
                let env = unsafe { *super::object::Closure::captured(*self.running_closure()).byte_add(i.b as usize) };
                (env, constant(i.c))
            }
            Op::GetField | Op::Method => (register(i.b), constant(i.c)),
            Op::GetInt => (register(i.b), Value::int(i64::from(i.c))),
            Op::GetIndex => (register(i.b), register(i.c)),
            Op::SetField => (register(i.a), constant(i.b)),
            Op::SetInt => (register(i.a), Value::int(i64::from(i.b))),
            Op::SetIndex => (register(i.a), register(i.b)),
            other => unreachable!("{other:?} is not a table access"),
        }
    }

    /// `GetGlobal`, `GetField`, `GetInt`, `GetIndex`
    pub(super) fn op_get(&mut self, i: &Instruction) -> Result<(), Box<LuaError>> {
        let (object, key) = self.access(i);
        self.finish_get(object, key, i.a)
    }

    fn finish_get(&mut self, object: Value, key: Value, to: u16) -> Result<(), Box<LuaError>> {
        match self.index(object, key)? {
            Indexed::Done(value) => {
                self.set_slot(self.register_slot(to), value);
                Ok(())
            }
            Indexed::Ask { handler, object } => self.call_handler(handler, &[object, key], results::INTO),
        }
    }

    /// `Method`
    pub(super) fn op_method(&mut self, i: &Instruction) -> Result<(), Box<LuaError>> {
        let (object, key) = self.access(i);
        self.set_slot(self.register_slot(i.a) + 1, object);
        if object.is_ty() && !self.image.type_methods.is_null() {
            // A method of a type is found even if the type has a field of its name. (Constants are hashed.)
            // SAFETY: a static table and a constant.
            let method = unsafe { Table::peek_str(self.image.type_methods, key.as_string()) };
            self.set_slot(self.register_slot(i.a), method);
            return Ok(());
        }
        self.finish_get(object, key, i.a)
    }

    /// `SetGlobal`, `SetField`, `SetInt`, `SetIndex`
    pub(super) fn op_set(&mut self, i: &Instruction) -> Result<(), Box<LuaError>> {
        let (object, key) = self.access(i);
        let value = self.slot(self.register_slot(if i.op == Op::SetGlobal { i.a } else { i.c }));
        match self.set_index(object, key, value)? {
            Indexed::Done(_) => Ok(()),
            Indexed::Ask { handler, object } => self.call_handler(handler, &[object, key, value], results::exactly(0)),
        }
    }

    /// `Len`
    pub(super) fn op_len(&mut self, i: &Instruction) -> Result<(), Box<LuaError>> {
        let object = self.slot(self.register_slot(i.b));
        let length = match object.tag() {
            // SAFETY: a live string.
            tag::STRING => unsafe { i64::from((*object.as_string()).len) },
            _ => {
                let handler = self.handler(object, Event::Len);
                if !handler.is_nil() {
                    return self.call_handler(handler, &[object, object], results::INTO);
                }
                if !object.is_table() {
                    return Err(self.operand_error("get length of", object, i));
                }
                // SAFETY: a live table.
                unsafe { Table::len(object.as_table()) as i64 }
            }
        };
        self.set_slot(self.register_slot(i.a), Value::int(length));
        Ok(())
    }

    /// `NewTable`
    pub(super) fn op_new_table(&mut self, i: &Instruction) -> Result<(), Box<LuaError>> {
        let table = self.heap.new_table(u32::from(i.b), u32::from(i.c));
        let slot = self.register_slot(i.a);
        self.set_slot(slot, Value::table(table));
        self.safepoint_of(i)
    }

    /// `SetList`
    pub(super) fn op_set_list(&mut self, i: &Instruction) -> Result<(), Box<LuaError>> {
        let at = self.register_slot(i.a);
        let n = if i.b == 0 { self.top_slot() - at - 1 } else { u32::from(i.b) };
        let first = (u32::from(i.c) + u32::from(i.x()) * 65536) * crate::bytecode::op::FIELDS_PER_SETLIST as u32;
        let table = self.slot(at);
        if !table.is_table() {
            // A binary chunk may say anything, and `debug.setlocal` reaches every register.
            return Err(self.index_error(table));
        }
        let table = table.as_table();
        // SAFETY: a live table.
        unsafe {
            let values = self.stack().add(at as usize + 1);
            let stored = Table::set_list(table, &mut self.heap, first + 1, values, n);
            stored.map_err(|error| self.table_error(error))
        }
    }

    #[cold]
    fn index_error(&mut self, object: Value) -> Box<LuaError> {
        let variable = self.describe_indexed(object);
        let name = self.operand_type(object);
        self.operation_error(&format!("attempt to index a {name} value{variable}"))
    }
}
