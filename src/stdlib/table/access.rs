//! Element access that respects metamethods.
//!
//! An access either is done, or has pushed a handler with its arguments; then the function leaves with [`Flow::Call`] and
//! goes on in a continuation. [`state`] finds the slots that a function keeps for itself below the called handler.
//!
//! [`Flow::Call`]: crate::vm::native::Flow::Call

use crate::vm::Vm;
use crate::vm::arith::to_integer;
use crate::vm::error::LuaError;
use crate::vm::event::Event;
use crate::vm::index::Indexed;
use crate::vm::native::Args;
use crate::vm::raw::string_bytes;
use crate::vm::value::{Value, tag};

/// The answer to an access.
pub enum Access {
    /// The value; nil for a store.
    Done(Value),
    /// A handler and so many arguments were pushed.
    Call(u32),
}

/// What a function does with its list; an argument that is no table must have handlers for all of it.
pub const READ: &[Event] = &[Event::Index, Event::Len];
/// As [`READ`], for a list that is changed.
pub const CHANGE: &[Event] = &[Event::Index, Event::NewIndex, Event::Len];

/// Checks that argument `i` is a table or behaves like one for the uses in `events`.
pub fn check_list(vm: &mut Vm, args: Args, i: u32, events: &[Event]) -> Result<Value, Box<LuaError>> {
    let value = args.get(vm, i);
    if value.is_table() {
        return Ok(value);
    }
    let metatable = vm.metatable_of(value);
    if !metatable.is_null() && events.iter().all(|event| !vm.handler_in(metatable, *event).is_nil()) {
        return Ok(value);
    }
    Err(vm.type_error(i, "table", args.try_get(vm, i)))
}

/// `object[key]`
pub fn get(vm: &mut Vm, object: Value, key: i64) -> Result<Access, Box<LuaError>> {
    match vm.index(object, Value::int(key))? {
        Indexed::Done(value) => Ok(Access::Done(value)),
        Indexed::Ask { handler, object } => {
            vm.push_all(&[handler, object, Value::int(key)])?;
            Ok(Access::Call(2))
        }
    }
}

/// `object[key] = value`
pub fn set(vm: &mut Vm, object: Value, key: i64, value: Value) -> Result<Access, Box<LuaError>> {
    match vm.set_index(object, Value::int(key), value)? {
        Indexed::Done(_) => Ok(Access::Done(Value::NIL)),
        Indexed::Ask { handler, object } => {
            vm.push_all(&[handler, object, Value::int(key), value])?;
            Ok(Access::Call(3))
        }
    }
}

/// `#object`
pub fn len(vm: &mut Vm, object: Value) -> Result<Access, Box<LuaError>> {
    if object.is_string() {
        return Ok(Access::Done(Value::int(string_bytes(object).len() as i64)));
    }
    let handler = vm.handler(object, Event::Len);
    if !handler.is_nil() {
        vm.push_all(&[handler, object])?;
        return Ok(Access::Call(1));
    }
    if object.tag() != tag::TABLE {
        let name = vm.type_name_of(object);
        return Err(vm.error(&format!("attempt to get length of a {name} value")));
    }
    Ok(Access::Done(Value::int(vm.raw_len(object.as_table()))))
}

/// A length as integer.
pub fn length(vm: &mut Vm, answer: Value) -> Result<i64, Box<LuaError>> {
    to_integer(answer).ok_or_else(|| vm.error("object length is not an integer"))
}

/// The last `n` of a function's slots: its state.
pub fn state(args: Args, n: u32) -> Args {
    Args { start: args.start + args.len - n, len: n }
}

/// Pushes the state of a function.
pub fn push_state(vm: &mut Vm, values: &[Value]) -> Result<Args, Box<LuaError>> {
    let start = vm.top_slot();
    vm.push_all(values)?;
    Ok(Args { start, len: values.len() as u32 })
}
