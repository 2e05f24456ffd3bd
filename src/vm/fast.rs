//! The parts of the interpreter loop's fast paths that are functions. They see values and pointers, never the state of the
//! loop: they do not collect, move the stack, call anything of the program, or raise errors. What would take that they leave
//! to the slow path, having changed nothing.

use super::event::Event;
use super::machine::Vm;
use super::native::Answer;
use super::object::{Closure, Str, Table, mark, table_bit};
use super::value::{Value, tag};
use crate::bytecode::op::SCALE;
use crate::bytecode::{Instruction, Op};
use crate::number;

/// The metatable in which the methods of a value that is no table are looked up without further ado; null if that takes more.
#[inline(always)]
pub(super) unsafe fn class_of(vm: &Vm, object: Value) -> *mut Table {
    if object.is_userdata() {
        // SAFETY: the caller has a live value.
        return unsafe { (*object.as_userdata()).metatable };
    }
    if !object.is_string() || vm.string_metatable.is_null() {
        return std::ptr::null_mut();
    }
    // The one of the image stands for another that this process does not have yet, unless it is frozen.
    // SAFETY: a metatable is alive while it is one.
    let table = unsafe { &*vm.string_metatable };
    let usable = table.header.mark & mark::STATIC == 0 || table.bits & table_bit::FROZEN != 0;
    if usable { vm.string_metatable } else { std::ptr::null_mut() }
}

/// A number as a float.
#[inline(always)]
pub(super) fn as_float(value: Value) -> f64 {
    if value.is_int() { value.as_int() as f64 } else { value.as_float() }
}

/// What is a float if `ForPrep` has left it.
#[inline(always)]
pub(super) fn float_bits(value: Value) -> f64 {
    f64::from_bits(value.payload())
}

/// `x ^ y` with the common square in line.
#[inline(always)]
pub(super) fn power(x: f64, y: f64) -> f64 {
    if y == 2.0 { x * x } else { number::float_pow(x, y) }
}

/// Equality without metamethods, or `None` if they might matter. The values are not identical.
#[inline(always)]
pub(super) fn quick_equals(x: Value, y: Value) -> Option<bool> {
    match x.tag() {
        tag::TABLE | tag::USERDATA if x.tag() == y.tag() => None,
        _ => Some(x.raw_equals(y)),
    }
}

/// Answers a call `f(x, ...)` that wants one value, if `f` is a native function that does not have to be given all the
/// extra arguments. The instruction `i` would copy them for the next one, the call.
///
/// # Safety
/// `i` is an `Op::Vararg` of the running Lua function, whose first register is at `base`.
#[inline(never)]
pub(super) unsafe fn pick_extra(base: *mut u8, i: *const Instruction) -> bool {
    // SAFETY: verified code goes on after this instruction, and its operands name registers. A vararg function has the
    // number of its arguments and its closure below its registers, and the arguments below these.
    unsafe {
        let call = &*i.add(1);
        if call.op != Op::Call || call.b != 0 || call.c != 2 || call.a + 2 * SCALE != (*i).a {
            return false;
        }
        let callee = base.add(call.a as usize).cast::<Value>();
        if (*callee).tag() != tag::NATIVE {
            return false;
        }
        let Some(pick) = (*callee).as_native().pick else { return false };
        let base = base.cast::<Value>();
        let args = (*base.sub(2)).as_int() as usize;
        let params = ((*(*(*base.sub(1)).as_closure()).function).params as usize).min(args);
        let extra = std::slice::from_raw_parts(base.sub(2 + args - params), args - params);
        let value = pick(*callee.add(1), extra).value();
        if let Some(value) = value {
            *callee = value;
        }
        value.is_some()
    }
}

/// Captured value of the running function.
///
/// # Safety
/// `base` is the first register of a running Lua function and `operand` names one of its captured values.
#[inline(always)]
pub(super) unsafe fn captured(base: *mut u8, operand: u16) -> *mut Value {
    // SAFETY: by contract; the slot below the registers holds the running closure.
    unsafe {
        let closure = (*base.cast::<Value>().sub(1)).payload() as *mut Closure;
        Closure::captured(closure).byte_add(operand as usize)
    }
}

/// How many tables behind a table are searched here; longer chains, and chains without end, are left to the slow path.
const SHORT_CHAIN: usize = 16;

/// `table[key]` with a string key, as far as only tables stand behind it: the value, nil included. Notes in the instruction
/// where the table itself has the key.
///
/// # Safety
/// `table` and `key` are alive, `key` is hashed and `i` has a hint.
#[inline(never)]
pub(super) unsafe fn find_field(vm: *mut Vm, table: *mut Table, key: *mut Str, i: *const Instruction) -> Answer {
    // SAFETY: by contract.
    unsafe {
        match find_noted(table, key, i) {
            Some(value) => value.into(),
            None => find_behind(vm, table, Value::string(key)),
        }
    }
}

/// As [`find_field`], for a method; the hint may also serve the table right behind the object.
///
/// # Safety
/// As for [`find_field`].
#[inline(never)]
pub(super) unsafe fn find_method(vm: *mut Vm, table: *mut Table, key: *mut Str, i: *const Instruction) -> Answer {
    // SAFETY: by contract; a metatable is alive while it is one, and so is what it holds.
    unsafe {
        if let Some(value) = find_noted(table, key, i) {
            return value.into();
        }
        if (*table).bits & table_bit::LAZY != 0 { Answer::NONE } else { find_in_class(vm, (*table).metatable, key, i) }
    }
}

/// A method of an object with this metatable (which may be null), not of the object itself.
///
/// # Safety
/// As for [`find_field`].
#[inline(never)]
pub(super) unsafe fn find_in_class(vm: *mut Vm, metatable: *mut Table, key: *mut Str, i: *const Instruction) -> Answer {
    // SAFETY: by contract; a metatable is alive while it is one, and so is what it holds.
    unsafe {
        match (*vm).handler_in(metatable, Event::Index) {
            class if class.is_table() => find_field(vm, class.as_table(), key, i),
            _ => Answer::NONE,
        }
    }
}

/// The field of a table itself, noted in the instruction.
#[inline(always)]
unsafe fn find_noted(table: *mut Table, key: *mut Str, i: *const Instruction) -> Option<Value> {
    // SAFETY: by contract of the callers.
    unsafe {
        let (index, value) = Table::find_node_str(table, key)?;
        if index <= u32::from(u8::MAX) && (*i).x() != index as u8 {
            (*i).set_x(index as u8);
        }
        (!value.is_nil()).then_some(value)
    }
}

/// `table[key]` with any key, as far as only tables stand behind it: the value, nil included.
///
/// # Safety
/// `table` and `key` are alive.
#[inline(never)]
pub(super) unsafe fn find_index(vm: *mut Vm, table: *mut Table, key: Value) -> Answer {
    // SAFETY: by contract.
    unsafe {
        let value = Table::get(table, &mut (*vm).heap, key);
        if value.is_nil() { find_behind(vm, table, key) } else { value.into() }
    }
}

/// The value of a key that a table does not have itself.
#[inline(always)]
unsafe fn find_behind(vm: *mut Vm, mut table: *mut Table, key: Value) -> Answer {
    // SAFETY: by contract of the callers; a metatable is alive while it is one, and so is what it holds.
    unsafe {
        for _ in 0..SHORT_CHAIN {
            if (*table).bits & table_bit::LAZY != 0 {
                break;
            }
            let handler = (*vm).handler_in((*table).metatable, Event::Index);
            if handler.is_nil() {
                return Value::NIL.into();
            }
            if !handler.is_table() {
                break;
            }
            table = handler.as_table();
            let value = Table::get(table, &mut (*vm).heap, key);
            if !value.is_nil() {
                return value.into();
            }
        }
        Answer::NONE
    }
}

/// `table[key] = value`, if it is neither an error nor the business of a metamethod. Otherwise nothing has changed.
///
/// # Safety
/// `table`, `key` and `value` are alive.
#[inline(never)]
pub(super) unsafe fn store_index(vm: *mut Vm, table: *mut Table, key: Value, value: Value) -> bool {
    // SAFETY: by contract.
    unsafe {
        (*vm).handler_in((*table).metatable, Event::NewIndex).is_nil()
            && Table::set(table, &mut (*vm).heap, key, value).is_ok()
    }
}

/// As [`store_index`], with a string key whose place is noted in the instruction.
///
/// # Safety
/// As for [`store_index`]; `key` is hashed and `i` has a hint.
#[inline(never)]
pub(super) unsafe fn store_field(
    vm: *mut Vm,
    table: *mut Table,
    key: *mut Str,
    value: Value,
    i: *const Instruction,
) -> bool {
    // SAFETY: by contract.
    unsafe {
        if !(*vm).handler_in((*table).metatable, Event::NewIndex).is_nil()
            || Table::set_str(table, &mut (*vm).heap, key, value).is_err()
        {
            return false;
        }
        find_noted(table, key, i);
        true
    }
}
