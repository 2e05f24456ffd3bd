//! `table.concat`.

use super::access::{Access, READ, check_list, get, len, length, push_state, state};
use crate::vm::Vm;
use crate::vm::args::userdata_text;
use crate::vm::concat::append_text;
use crate::vm::error::LuaError;
use crate::vm::event::type_name;
use crate::vm::native::{Args, Continuation, Flow, NativeResult};
use crate::vm::object::Table;
use crate::vm::raw::string_bytes;
use crate::vm::value::Value;

/// A text longer than this is built only if the memory for twice as much is there.
const UNCHECKED: usize = 1 << 20;

/// The elements `first` to `last` of a plain list, strings, numbers and objects that stand for strings, with `separator` between them.
///
/// # Errors
/// `invalid value …` for other elements, and the memory limit.
pub fn join(vm: &mut Vm, table: *mut Table, separator: &[u8], first: i64, last: i64) -> Result<Vec<u8>, Box<LuaError>> {
    let mut text = Vec::new();
    let mut allowed = UNCHECKED;
    for key in first..=last {
        let value = vm.raw_get_int(table, key);
        let more = if value.is_string() { string_bytes(value).len() } else { 0 } + separator.len();
        if text.len() + more > allowed {
            allowed = (text.len() + more) * 2;
            if vm.heap.check_large(allowed).is_err() {
                return Err(vm.out_of_memory());
            }
        }
        match userdata_text(value) {
            Some(object) => text.extend_from_slice(object.as_bytes()),
            None if append_text(value, &mut text) => {}
            None => return Err(invalid(vm, value, key)),
        }
        if key != last {
            text.extend_from_slice(separator);
        }
    }
    vm.fuel -= text.len() as i64 / 64 + last.saturating_sub(first).max(0) / 16;
    Ok(text)
}

fn invalid(vm: &mut Vm, value: Value, key: i64) -> Box<LuaError> {
    let name = type_name(value);
    vm.error(&format!("invalid value ({name}) at index {key} in table for 'concat'"))
}

/// The slots are the arguments.
static LENGTH: Continuation = Continuation {
    name: "table.concat.length",
    resume: |vm, args, results| {
        let answer = results.get(vm, 0);
        vm.keep_only(args);
        concat_to(vm, args, answer)
    },
    catch: None,
    yieldable: false,
};

/// The last slots: see [`LIST`] and what follows it.
static GOT: Continuation = Continuation {
    name: "table.concat.got",
    resume: |vm, args, results| {
        let value = results.get(vm, 0);
        vm.keep_only(args);
        let state = state(args, STATE);
        collect(vm, state, value)?;
        concat_rest(vm, state)
    },
    catch: None,
    yieldable: false,
};

const LIST: u32 = 0;
const SEPARATOR: u32 = 1;
const NEXT: u32 = 2;
const LAST: u32 = 3;
/// A plain list of the elements so far.
const PIECES: u32 = 4;
const STATE: u32 = 5;

/// `table.concat(list [, separator [, i [, j]]])`
pub fn concat(vm: &mut Vm, args: Args) -> NativeResult {
    let list = check_list(vm, args, 0, READ)?;
    match len(vm, list)? {
        Access::Done(answer) => concat_to(vm, args, answer),
        Access::Call(n) => Ok(Flow::Call { args: n, then: &LENGTH }),
    }
}

fn concat_to(vm: &mut Vm, args: Args, answer: Value) -> NativeResult {
    let last = length(vm, answer)?;
    let list = args.get(vm, 0);
    let separator = if args.get(vm, 1).is_nil() { vm.string(b"")? } else { args.check_string(vm, 1)? };
    let first = args.opt_int(vm, 2, 1)?;
    let last = args.opt_int(vm, 3, last)?;
    if vm.is_plain_list(list) {
        let text = join(vm, list.as_table(), string_bytes(separator), first, last)?;
        let text = vm.string(&text)?;
        return vm.answer(text);
    }
    let pieces = Value::table(vm.new_table(0, 0));
    let state = push_state(vm, &[list, separator, Value::int(first), Value::int(last), pieces])?;
    concat_rest(vm, state)
}

/// Adds the value of the element that is next.
fn collect(vm: &mut Vm, state: Args, value: Value) -> Result<(), Box<LuaError>> {
    let key = state.get(vm, NEXT).as_int();
    if !value.is_string() && !value.is_number() && userdata_text(value).is_none() {
        return Err(invalid(vm, value, key));
    }
    let pieces = state.get(vm, PIECES).as_table();
    vm.raw_set_int(pieces, vm.raw_len(pieces) + 1, value)?;
    if key == state.get(vm, LAST).as_int() {
        // Ends the loop even where there is no next key.
        state.set(vm, NEXT, Value::int(0));
        state.set(vm, LAST, Value::int(-1));
    } else {
        state.set(vm, NEXT, Value::int(key + 1));
    }
    Ok(())
}

fn concat_rest(vm: &mut Vm, state: Args) -> NativeResult {
    let list = state.get(vm, LIST);
    loop {
        let (next, last) = (state.get(vm, NEXT).as_int(), state.get(vm, LAST).as_int());
        if next > last {
            let pieces = state.get(vm, PIECES).as_table();
            let text = join(vm, pieces, string_bytes(state.get(vm, SEPARATOR)), 1, vm.raw_len(pieces))?;
            let text = vm.string(&text)?;
            return vm.answer(text);
        }
        match get(vm, list, next)? {
            Access::Done(value) => collect(vm, state, value)?,
            Access::Call(n) => return Ok(Flow::Call { args: n, then: &GOT }),
        }
    }
}
