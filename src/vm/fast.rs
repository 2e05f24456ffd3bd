//! The parts of the interpreter loop's fast paths that are functions. They see values and pointers, never the state of the
//! loop; all but one are always inlined.

use super::object::{Closure, Table, table_bit};
use super::value::{Value, tag};
use crate::number;

/// The step of a traversal by `next` itself: writes key and value (or nil) to `out`. `false` if it is not that simple.
///
/// # Safety
/// `table` is alive and `out` has room for two values.
#[inline(never)]
pub(super) unsafe fn next_entry(table: *mut Table, key: Value, out: *mut Value) -> bool {
    // SAFETY: by contract.
    unsafe {
        if (*table).bits & table_bit::LAZY != 0 {
            return false;
        }
        let Ok(position) = Table::position_after(table, key) else { return false };
        match Table::iter_from(table, position) {
            Some((_, key, value)) => {
                *out = key;
                *out.add(1) = value;
            }
            None => *out = Value::NIL,
        }
        true
    }
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
