//! What a process inherits (`runtime.md` §6.3): its context, read-only values under names, which the module `ctx` shows; and
//! on whose behalf it runs.

use std::sync::Arc;

use super::errors::{self, INVALID, NOT_FOUND};
use super::identity::Identity;
use super::process_state::state;
use super::transfer::{Parcel, Text, pack};
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::image::Library;
use crate::vm::native::{Args, Flow, Native, NativeResult};
use crate::vm::object::Table;
use crate::vm::value::Value;

/// The module.
pub static LIBRARY: Library = Library {
    name: "ctx",
    global: false,
    natives: &[Native::new("get", get), Native::new("all", all)],
    constants: &[],
};

/// Values by name; shared by count, never changed. A context has few names, so it is searched from end to end.
#[derive(Clone, Default)]
pub struct Context(Vec<(Text, Parcel)>);

/// What a process gets from whoever starts it.
#[derive(Clone, Default)]
pub struct Inheritance {
    /// Its context.
    pub context: Option<Arc<Context>>,
    /// On whose behalf it runs.
    pub identity: Option<Arc<Identity>>,
}

impl Inheritance {
    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.context.is_none() && self.identity.is_none()
    }
}

impl Context {
    /// This context with the fields of a table; a field overrides a value of the same name.
    ///
    /// # Errors
    /// A key that is no string.
    pub fn with_fields(mut self, vm: &mut Vm, table: *mut Table) -> Result<Context, Box<LuaError>> {
        let mut key = Value::NIL;
        while let Some((next, value)) = vm.raw_next(table, key)? {
            key = next;
            if !key.is_string() {
                return Err(vm.error("context keys must be strings"));
            }
            let value = pack(vm, value);
            self.set(Text::of(key), value);
        }
        Ok(self)
    }

    fn set(&mut self, name: Text, value: Parcel) {
        match self.0.iter_mut().find(|(other, _)| *other == name) {
            Some((_, known)) => *known = value,
            None => self.0.push((name, value)),
        }
    }

    /// The context that what a process starts gets: its own, overridden by `more`.
    pub fn merged(own: Option<&Arc<Context>>, more: Option<&Arc<Context>>) -> Option<Arc<Context>> {
        match (own, more) {
            (Some(own), Some(more)) => {
                let mut merged = Context::clone(own);
                more.0.iter().for_each(|(name, value)| merged.set(name.clone(), value.clone()));
                Some(Arc::new(merged))
            }
            (one, other) => one.or(other).map(Arc::clone),
        }
    }
}

/// `ctx.get(key)`
fn get(vm: &mut Vm, args: Args) -> NativeResult {
    let key = args.check_bytes(vm, 0)?;
    if key.is_empty() {
        return errors::fail(vm, INVALID, "empty key");
    }
    let context = state(vm).context().map(Arc::clone);
    let found = context.iter().flat_map(|context| &context.0).find(|(name, _)| name.as_bytes() == key);
    let Some((_, value)) = found else {
        return errors::fail(vm, NOT_FOUND, &format!("key not found: {}", String::from_utf8_lossy(key)));
    };
    let value = value.unpack_one(vm)?;
    vm.push(value)?;
    vm.push(Value::NIL)?;
    Ok(Flow::Return(2))
}

/// `ctx.all()`
fn all(vm: &mut Vm, _: Args) -> NativeResult {
    let context = state(vm).context().map(Arc::clone);
    let table = vm.heap.new_table(0, 0);
    for (name, value) in context.iter().flat_map(|context| &context.0) {
        let name = name.to_value(vm)?;
        let value = value.unpack_one(vm)?;
        vm.raw_set(table, name, value)?;
    }
    vm.push(Value::table(table))?;
    vm.push(Value::NIL)?;
    Ok(Flow::Return(2))
}
