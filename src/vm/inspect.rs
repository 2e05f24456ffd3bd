//! Looking into running functions and closures, and changing their variables: what the `debug` library needs.
//!
//! House rules:
//! * A captured variable that is never reassigned is captured by value, unless its chunk mentions the functions of `debug`
//!   that make a difference of it: every closure has a copy of its own, and so has the function that declared it. A change
//!   through `debug` reaches that copy alone.
//! * What native functions capture and the compiler's own variables are trusted by code that does not check them. They
//!   are never changed from here.

use super::event::Event;
use super::function::Function;
use super::heap::NO_METATABLE;
use super::machine::Vm;
use super::object::{Closure, NativeClosure, Table};
use super::thread::Thread;
use super::traceback::Level;
use super::value::Value;
use crate::bytecode::proto::LocalInfo;

/// Why a local variable was not changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LocalError {
    /// There is no such variable.
    Missing,
    /// It is, or shares its register with, a variable by which the machine controls a loop, or belongs to a native
    /// function.
    Internal,
}

/// A captured variable of a closure.
#[derive(Debug)]
pub struct Captured<'a> {
    /// Its name; those of native functions have none.
    pub name: &'a str,
    /// Its value.
    pub value: Value,
    /// What identifies it: the same for closures that share the variable.
    pub id: Value,
}

/// The compiled function behind a Lua closure, which must be alive; `None` for any other value.
pub fn function_of<'a>(value: Value) -> Option<&'a Function> {
    // SAFETY: a live closure; its function lives as long.
    value.is_closure().then(|| unsafe { &*(*value.as_closure()).function })
}

/// The value in a register, or in the cell that the register holds.
fn contents(value: Value) -> Value {
    // SAFETY: a cell in a register or closure that is alive is alive.
    if value.is_cell() { unsafe { (*value.as_cell()).value } } else { value }
}

/// The named variables in scope at a level that runs Lua code, in order of their declaration.
fn named_at<'a>(level: Level) -> impl Iterator<Item = &'a LocalInfo> {
    let place = level.pc.and_then(|pc| {
        let function = function_of(level.function)?;
        Some((function, function.index_of(pc).saturating_sub(1)))
    });
    place.into_iter().flat_map(|(function, pc)| {
        function.proto.locals.iter().filter(move |local| (local.start as usize..local.end as usize).contains(&pc))
    })
}

/// A value on the stack of a coroutine that `debug` takes for a variable.
#[derive(Clone, Copy)]
struct Variable<'a> {
    name: &'a str,
    slot: u32,
    /// Whether the machine trusts in its value.
    trusted: bool,
}

impl Variable<'_> {
    /// Variable `n` at a level, as `debug` counts: the named ones, then whatever else the function has on the stack;
    /// extra arguments backwards from -1.
    fn find<'a>(thread: *mut Thread, level: Level, n: i64) -> Option<Variable<'a>> {
        let first = level.slot + 1;
        let function = function_of(level.function);
        if n < 0 {
            let function = function.filter(|function| function.is_vararg())?;
            // SAFETY: below the registers of a vararg function and its second copy lies the number of arguments.
            let args = unsafe { *(*thread).stack.add(level.slot as usize - 1) }.as_int() as u32;
            let extra = args.saturating_sub(function.params);
            let n = u32::try_from(n.unsigned_abs()).ok().filter(|n| *n <= extra)?;
            return Some(Variable { name: "(*vararg)", slot: level.slot - 2 - extra + n, trusted: false });
        }
        let index = usize::try_from(n).ok()?.checked_sub(1)?;
        if let Some(local) = named_at(level).nth(index) {
            let is_internal = |local: &LocalInfo| local.name.starts_with('(');
            let trusted = named_at(level).any(|other| other.register == local.register && is_internal(other));
            return Some(Variable { name: &local.name, slot: first + u32::from(local.register), trusted });
        }
        // A variable that shares its register with one of a loop is counted, but takes no place.
        let named = named_at(level).count();
        let taken = named_at(level).map(|local| u32::from(local.register) + 1).max().unwrap_or(0);
        let slot = u32::try_from(index - named).ok()?.checked_add(first + taken)?;
        (slot < level.end).then_some(Variable { name: "(*temporary)", slot, trusted: function.is_none() })
    }
}

/// The slot of captured variable `index` in a closure.
fn captured_slot(function: Value, index: usize) -> Option<*mut Value> {
    // SAFETY: a live closure has as many captured values as its header says, or as its function has captures.
    unsafe {
        if function.is_native_closure() {
            let closure = function.as_native_closure();
            return (index < (*closure).header.extra as usize).then(|| NativeClosure::captured(closure).add(index));
        }
        let count = function_of(function)?.proto.captures.len();
        (index < count).then(|| Closure::captured(function.as_closure()).add(index))
    }
}

/// Local variables.
impl Vm {
    /// The name and value of variable `n` at a level of a live coroutine, counted as `debug.getlocal` does.
    pub fn local(&self, thread: *mut Thread, level: Level, n: i64) -> Option<(&str, Value)> {
        let variable = Variable::find(thread, level, n)?;
        // SAFETY: what a running function has on the stack lies within it.
        let value = unsafe { *(*thread).stack.add(variable.slot as usize) };
        Some((variable.name, contents(value)))
    }

    /// Changes variable `n` at a level of a live coroutine, and returns its name.
    ///
    /// # Errors
    /// There is no such variable, or it may not be changed.
    pub fn set_local(&mut self, thread: *mut Thread, level: Level, n: i64, value: Value) -> Result<&str, LocalError> {
        let variable = Variable::find(thread, level, n).ok_or(LocalError::Missing)?;
        if variable.trusted {
            return Err(LocalError::Internal);
        }
        // SAFETY: as above; a stack needs no barrier, and a cell has one before its store.
        unsafe {
            let place = (*thread).stack.add(variable.slot as usize);
            if (*place).is_cell() {
                let cell = (*place).as_cell();
                self.heap.before_store(cell.cast());
                (*cell).value = value;
            } else {
                *place = value;
            }
        }
        Ok(variable.name)
    }
}

/// Captured variables.
impl Vm {
    /// Captured variable `index` (from 0) of a closure.
    pub fn captured_variable(&self, function: Value, index: usize) -> Option<Captured<'_>> {
        let slot = captured_slot(function, index)?;
        let name = match function_of(function) {
            None => "",
            Some(function) => match &*function.proto.captures[index].name {
                "" => "(*no name)",
                name => name,
            },
        };
        // SAFETY: a slot of a live closure.
        let held = unsafe { *slot };
        let id = if held.is_cell() { held.payload() } else { slot as u64 };
        Some(Captured { name, value: contents(held), id: Value::light(id) })
    }

    /// Changes captured variable `index` (from 0) of a Lua closure; false if there is none.
    pub fn set_captured_variable(&mut self, function: Value, index: usize, value: Value) -> bool {
        let Some(slot) = captured_slot(function, index).filter(|_| function.is_closure()) else { return false };
        // SAFETY: a slot of a live closure; the barrier precedes the store into the closure or cell.
        unsafe {
            if (*slot).is_cell() {
                let cell = (*slot).as_cell();
                self.heap.before_store(cell.cast());
                (*cell).value = value;
            } else {
                self.heap.recent_closures.forget(function.as_closure());
                self.heap.before_store(function.as_closure().cast());
                *slot = value;
            }
        }
        true
    }

    /// Makes captured variable `index` of one Lua closure refer to variable `from` of `other`; both must exist. Where
    /// only one of them is captured by value, its value is copied instead: code for a cell cannot do without.
    pub fn join_captured_variables(&mut self, function: Value, index: usize, other: Value, from: usize) {
        let (Some(to), Some(from)) = (captured_slot(function, index), captured_slot(other, from)) else { return };
        // SAFETY: slots of live closures; the barrier precedes the store.
        unsafe {
            let source = *from;
            let joined = match ((*to).is_cell(), source.is_cell()) {
                (true, false) => Value::cell(self.heap.new_cell(source)),
                (true, true) => source,
                (false, _) => contents(source),
            };
            self.heap.recent_closures.forget(function.as_closure());
            self.heap.before_store(function.as_closure().cast());
            *to = joined;
        }
    }
}

/// Host objects.
impl Vm {
    /// Sets or removes (null) the metatable of a host object, and registers its finalizer.
    pub fn set_userdata_metatable(&mut self, userdata: Value, metatable: *mut Table) {
        let object = userdata.as_userdata();
        // SAFETY: a live userdata; the barrier precedes the store.
        unsafe {
            self.heap.before_store(object.cast());
            (*object).metatable = if metatable.is_null() { NO_METATABLE } else { metatable };
            if !self.handler_in(metatable, Event::Gc).is_nil() {
                self.heap.register_finalizer(object.cast());
            }
        }
    }

    /// The Lua value associated with a host object.
    pub fn user_value(&self, userdata: Value) -> Value {
        // SAFETY: a live userdata.
        unsafe { (*userdata.as_userdata()).user_value }
    }

    /// Associates a Lua value with a host object.
    pub fn set_user_value(&mut self, userdata: Value, value: Value) {
        let object = userdata.as_userdata();
        // SAFETY: a live userdata; the barrier precedes the store.
        unsafe {
            self.heap.before_store(object.cast());
            (*object).user_value = value;
        }
    }
}
