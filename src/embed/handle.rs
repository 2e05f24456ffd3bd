//! Handles: values of a Lua state held by Rust code.

use std::rc::Rc;

use super::Lua;
use super::convert::{FromLua, FromLuaMulti, IntoLua, IntoLuaMulti, MultiValue};
use super::error::{Error, Result};
use super::execution::Execution;
use super::types::Type;
use crate::stdlib::text::append_plain;
use crate::vm;
use crate::vm::Host;
use crate::vm::error::{ErrorKind, LuaError};
use crate::vm::event::type_name;
use crate::vm::exit::Exit;
use crate::vm::heap::Marker;
use crate::vm::object::{Str, Table as TableObject};
use crate::vm::value::tag;

/// What the host holds of a state, seen by its collector.
#[derive(Default)]
pub(crate) struct Roots {
    values: Vec<vm::value::Value>,
    free: Vec<usize>,
    /// See [`Lua::set_budget`].
    pub budget: Option<u64>,
}

static TAG: u8 = 0;

// SAFETY: the tag is this type's own.
unsafe impl Host for Roots {
    fn tag() -> *const u8 {
        &raw const TAG
    }

    fn trace(&mut self, marker: &mut Marker) {
        for value in &self.values {
            marker.mark(*value);
        }
    }
}

/// A place in [`Roots`].
pub(crate) struct Place {
    lua: Lua,
    index: usize,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.lua.with(|vm| {
            let roots = vm.host::<Roots>().expect("a state of this API has roots");
            roots.values[self.index] = vm::value::Value::NIL;
            roots.free.push(self.index);
        });
    }
}

/// A rooted value; clones share the place.
#[derive(Clone)]
pub(crate) struct Rooted(Rc<Place>);

impl Rooted {
    pub(crate) fn lua(&self) -> &Lua {
        &self.0.lua
    }

    pub(crate) fn value(&self) -> vm::value::Value {
        let index = self.0.index;
        self.0.lua.with(|vm| vm.host::<Roots>().expect("a state of this API has roots").values[index])
    }
}

impl std::fmt::Debug for Rooted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.value().fmt(f)
    }
}

impl PartialEq for Rooted {
    /// Raw equality of the values.
    fn eq(&self, other: &Rooted) -> bool {
        self.value().raw_equals(other.value())
    }
}

impl Lua {
    pub(crate) fn root(&self, value: vm::value::Value) -> Rooted {
        let index = self.with(|vm| {
            let roots = vm.host::<Roots>().expect("a state of this API has roots");
            match roots.free.pop() {
                Some(index) => {
                    roots.values[index] = value;
                    index
                }
                None => {
                    roots.values.push(value);
                    roots.values.len() - 1
                }
            }
        });
        Rooted(Rc::new(Place { lua: self.clone(), index }))
    }

    /// A value of the machine as one of this API.
    pub(crate) fn wrap(&self, value: vm::value::Value) -> Value {
        match value.tag() {
            tag::NIL => Value::Nil,
            tag::FALSE => Value::Boolean(false),
            tag::TRUE => Value::Boolean(true),
            tag::INT => Value::Integer(value.as_int()),
            tag::FLOAT => Value::Number(value.as_float()),
            tag::STRING => Value::String(LuaString(self.root(value))),
            tag::TABLE => Value::Table(Table(self.root(value))),
            tag::NATIVE | tag::CLOSURE | tag::NATIVE_CLOSURE => Value::Function(Function(self.root(value))),
            tag::TYPE => Value::Type(Type(self.root(value))),
            _ => Value::Other(Opaque(self.root(value))),
        }
    }

    /// A value of this API as one of the machine.
    pub(crate) fn unwrap(&self, value: &Value) -> vm::value::Value {
        match value {
            Value::Nil => vm::value::Value::NIL,
            Value::Boolean(b) => vm::value::Value::bool(*b),
            Value::Integer(i) => vm::value::Value::int(*i),
            Value::Number(n) => vm::value::Value::float(*n),
            Value::String(LuaString(rooted))
            | Value::Table(Table(rooted))
            | Value::Function(Function(rooted))
            | Value::Type(Type(rooted))
            | Value::Other(Opaque(rooted)) => rooted.value(),
        }
    }

    /// An error of the machine as one of this API.
    pub(crate) fn lua_error(&self, error: &LuaError) -> Error {
        if error.kind == ErrorKind::Memory {
            return Error::Memory;
        }
        let value = self.wrap(error.value);
        let mut message = Vec::new();
        self.with(|vm| append_plain(vm, error.value, &mut message));
        let message = String::from_utf8_lossy(&message).into_owned();
        Error::Runtime { message, value, traceback: error.traceback.clone().unwrap_or_default() }
    }

    /// An error of this API to be raised in Lua.
    pub(crate) fn raise(&self, error: &Error) -> Box<LuaError> {
        match error {
            Error::Runtime { value, .. } => LuaError::new(self.unwrap(value)),
            other => {
                let text = other.to_string();
                self.with(|vm| vm.error(&text))
            }
        }
    }

    /// Calls a function and waits for its end.
    pub(crate) fn call_value(&self, function: vm::value::Value, args: &MultiValue) -> Result<MultiValue> {
        let args: Vec<_> = args.iter().map(|value| self.unwrap(value)).collect();
        let exit = self.with(|vm| {
            let budget = vm.host::<Roots>().expect("a state of this API has roots").budget;
            vm.call_from_host(function, &args, budget.map(|units| i64::try_from(units).unwrap_or(i64::MAX)))
        });
        match exit {
            Exit::Finished(values) => Ok(values.into_iter().map(|value| self.wrap(value)).collect()),
            Exit::Failed(error) => Err(self.lua_error(&error)),
            Exit::OutOfBudget => Err(Error::OutOfBudget),
            Exit::Suspended(_) => Err(Error::Suspended),
        }
    }
}

/// A Lua value.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// nil
    #[default]
    Nil,
    /// A boolean.
    Boolean(bool),
    /// An integer.
    Integer(i64),
    /// A float.
    Number(f64),
    /// A string.
    String(LuaString),
    /// A table.
    Table(Table),
    /// A function.
    Function(Function),
    /// A type.
    Type(Type),
    /// A coroutine or a host object: can be held and passed on.
    Other(Opaque),
}

impl Value {
    /// The name of its type, as `type` returns it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Nil => "nil",
            Value::Boolean(_) => "boolean",
            Value::Integer(_) | Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Table(_) => "table",
            Value::Function(_) => "function",
            Value::Type(_) => "type",
            Value::Other(Opaque(rooted)) => type_name(rooted.value()),
        }
    }
}

/// A value that this API does not look into.
#[derive(Clone, Debug, PartialEq)]
pub struct Opaque(pub(crate) Rooted);

/// A string: any bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct LuaString(pub(crate) Rooted);

impl LuaString {
    /// A copy of its bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        // SAFETY: the handle keeps the string alive.
        unsafe { Str::bytes(self.0.value().as_string()) }.to_vec()
    }

    /// Its text; bytes that are not UTF-8 are replaced.
    pub fn to_string_lossy(&self) -> String {
        String::from_utf8_lossy(&self.to_bytes()).into_owned()
    }
}

/// A table.
#[derive(Clone, Debug, PartialEq)]
pub struct Table(pub(crate) Rooted);

impl Table {
    fn object(&self) -> *mut TableObject {
        self.0.value().as_table()
    }

    /// The value of a key, without metamethods.
    ///
    /// # Errors
    /// [`Error::Conversion`] if key or value cannot be converted.
    pub fn raw_get<V: FromLua>(&self, key: impl IntoLua) -> Result<V> {
        let lua = self.0.lua();
        let key = key.into_lua(lua)?;
        let (key, table) = (lua.unwrap(&key), self.object());
        let value = lua.with(|vm| vm.raw_get(table, key));
        V::from_lua(lua.wrap(value), lua)
    }

    /// Sets the value of a key, without metamethods.
    ///
    /// # Errors
    /// A nil or NaN key, a frozen table, the memory limit.
    pub fn raw_set(&self, key: impl IntoLua, value: impl IntoLua) -> Result<()> {
        let lua = self.0.lua();
        let (key, value) = (key.into_lua(lua)?, value.into_lua(lua)?);
        let (key, value, table) = (lua.unwrap(&key), lua.unwrap(&value), self.object());
        let stored = lua.with(|vm| vm.raw_set(table, key, value));
        stored.map_err(|error| lua.lua_error(&error))
    }

    /// `table[key]`; a metamethod `__index` may run.
    ///
    /// # Errors
    /// What the metamethod raises; [`Error::Conversion`].
    pub fn get<V: FromLua>(&self, key: impl IntoLua) -> Result<V> {
        let lua = self.0.lua();
        let key = key.into_lua(lua)?;
        let (object, key_value) = (self.0.value(), lua.unwrap(&key));
        let found = lua.with(|vm| vm.index(object, key_value));
        match found.map_err(|error| lua.lua_error(&error))? {
            vm::index::Indexed::Done(value) => V::from_lua(lua.wrap(value), lua),
            vm::index::Indexed::Ask { handler, object } => {
                let object = lua.wrap(object);
                let results = lua.call_value(handler, &[object, key].into_iter().collect())?;
                V::from_lua(results.into_iter().next().unwrap_or_default(), lua)
            }
        }
    }

    /// `table[key] = value`; a metamethod `__newindex` may run.
    ///
    /// # Errors
    /// What the metamethod raises, and as for [`Table::raw_set`].
    pub fn set(&self, key: impl IntoLua, value: impl IntoLua) -> Result<()> {
        let lua = self.0.lua();
        let (key, value) = (key.into_lua(lua)?, value.into_lua(lua)?);
        let (object, k, v) = (self.0.value(), lua.unwrap(&key), lua.unwrap(&value));
        let done = lua.with(|vm| vm.set_index(object, k, v));
        if let vm::index::Indexed::Ask { handler, object } = done.map_err(|error| lua.lua_error(&error))? {
            let object = lua.wrap(object);
            lua.call_value(handler, &[object, key, value].into_iter().collect())?;
        }
        Ok(())
    }

    /// A border of the table (manual §3.4.7), without metamethods.
    pub fn raw_len(&self) -> usize {
        // SAFETY: the handle keeps the table alive.
        unsafe { TableObject::len(self.object()) as usize }
    }

    /// All pairs, in the order of `next`, without metamethods.
    ///
    /// # Errors
    /// [`Error::Conversion`] if a key or value cannot be converted.
    pub fn pairs<K: FromLua, V: FromLua>(&self) -> Result<Vec<(K, V)>> {
        let lua = self.0.lua();
        let table = self.object();
        let entries = lua.with(|vm| {
            let mut entries = Vec::new();
            let mut key = vm::value::Value::NIL;
            // SAFETY: the handle keeps the table alive, and its own keys are valid for `next`.
            while let Ok(Some((next, value))) = unsafe { TableObject::next(table, &mut vm.heap, key) } {
                entries.push((next, value));
                key = next;
            }
            entries
        });
        let convert = |(key, value)| Ok((K::from_lua(lua.wrap(key), lua)?, V::from_lua(lua.wrap(value), lua)?));
        entries.into_iter().map(convert).collect()
    }
}

/// A function.
#[derive(Clone, Debug, PartialEq)]
pub struct Function(pub(crate) Rooted);

impl Function {
    /// Calls it and converts its results.
    ///
    /// # Errors
    /// What it raises; [`Error::OutOfBudget`]; [`Error::Suspended`]; [`Error::Conversion`].
    pub fn call<R: FromLuaMulti>(&self, args: impl IntoLuaMulti) -> Result<R> {
        let lua = self.0.lua();
        let args = args.into_lua_multi(lua)?;
        let results = lua.call_value(self.0.value(), &args)?;
        R::from_lua_multi(results, lua)
    }

    /// Prepares an execution that the host runs in steps of its own choosing.
    ///
    /// # Errors
    /// [`Error::Conversion`] if an argument cannot be converted.
    pub fn start(&self, args: impl IntoLuaMulti) -> Result<Execution> {
        let lua = self.0.lua();
        let args = args.into_lua_multi(lua)?;
        Ok(Execution::new(lua, self.0.value(), args))
    }
}
