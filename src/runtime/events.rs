//! Events as the tables that `process.events()` delivers (`runtime.md` §2.8).

use std::sync::Arc;

use super::errors;
use super::mail::{Happening, Outcome, ProcessEvent};
use super::process_state::state;
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::object::{Str, Table};
use crate::vm::value::Value;

/// `process.event.EXIT`
pub const EXIT: &str = "pid.exit";
/// `process.event.LINK_DOWN`
pub const LINK_DOWN: &str = "pid.link.down";
/// `process.event.CANCEL`
pub const CANCEL: &str = "pid.cancel";

/// `process.event.OUTDATED`
pub const OUTDATED: &str = "pid.outdated";

/// The table for an event.
///
/// # Errors
/// `not enough memory` past the memory limit.
pub fn event_table(vm: &mut Vm, event: &ProcessEvent) -> Result<Value, Box<LuaError>> {
    let core = state(vm).core();
    let words = &core.words;
    let table = vm.heap.new_table(0, 4);
    let from = vm.string(core.hosts.show(event.from).as_bytes())?;
    set(vm, table, words.from, from)?;
    set(vm, table, words.at, Value::int(event.at))?;
    let (kind, name, detail) = match &event.what {
        Happening::Exit(outcome) => (words.exit, words.result, result_table(vm, outcome)?),
        Happening::LinkDown(outcome) => (words.link_down, words.result, result_table(vm, outcome)?),
        Happening::Cancel(reason) => (words.cancel, words.reason, reason.to_value(vm)?),
    };
    set(vm, table, words.kind, Value::string(kind))?;
    set(vm, table, name, detail)?;
    Ok(Value::table(table))
}

fn result_table(vm: &mut Vm, outcome: &Outcome) -> Result<Value, Box<LuaError>> {
    let words = &state(vm).core().words;
    let table = vm.heap.new_table(0, 1);
    match outcome {
        Ok(parcel) => {
            let value = parcel.unpack_one(vm)?;
            set(vm, table, words.value, value)?;
        }
        Err(error) => {
            let error = errors::to_value(vm, Arc::clone(error));
            set(vm, table, words.error, error)?;
        }
    }
    Ok(Value::table(table))
}

fn set(vm: &mut Vm, table: *mut Table, key: *mut Str, value: Value) -> Result<(), Box<LuaError>> {
    vm.raw_set(table, Value::string(key), value)
}
