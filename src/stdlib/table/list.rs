//! `table.pack` and `table.unpack`.

use super::access::{Access, get, len, length};
use crate::vm::Vm;
use crate::vm::error::{ErrorKind, LuaError};
use crate::vm::native::{Args, Continuation, Flow, NativeResult};
use crate::vm::value::Value;

/// `table.pack(…)`
pub fn pack(vm: &mut Vm, args: Args) -> NativeResult {
    let table = vm.new_table(args.len, 1);
    vm.raw_set_list(table, args)?;
    vm.raw_set_name(table, "n", Value::int(i64::from(args.len)))?;
    vm.answer(Value::table(table))
}

/// The slots are the arguments.
static LENGTH: Continuation = Continuation {
    name: "table.unpack.length",
    resume: |vm, args, results| {
        let answer = results.get(vm, 0);
        vm.keep_only(args);
        let last = length(vm, answer)?;
        unpack_to(vm, args, last)
    },
    catch: None,
    yieldable: false,
};

/// The slots: list, key of the element that was asked for, last key, number of results so far; then, on top, those.
static GOT: Continuation = Continuation {
    name: "table.unpack.got",
    resume: |vm, args, results| {
        let value = results.get(vm, 0);
        vm.keep_only(args);
        vm.push(value)?;
        args.set(vm, 3, Value::int(args.get(vm, 3).as_int() + 1));
        unpack_rest(vm, args)
    },
    catch: None,
    yieldable: false,
};

/// `table.unpack(list [, i [, j]])`
pub fn unpack(vm: &mut Vm, args: Args) -> NativeResult {
    if !args.get(vm, 2).is_nil() {
        let last = args.check_int(vm, 2)?;
        return unpack_to(vm, args, last);
    }
    // The check of the second argument comes before the length is asked for.
    args.opt_int(vm, 1, 1)?;
    match len(vm, args.get(vm, 0))? {
        Access::Done(answer) => unpack_to(vm, args, answer.as_int()),
        Access::Call(n) => Ok(Flow::Call { args: n, then: &LENGTH }),
    }
}

fn unpack_to(vm: &mut Vm, args: Args, last: i64) -> NativeResult {
    let first = args.opt_int(vm, 1, 1)?;
    if first > last {
        return Ok(Flow::Return(0));
    }
    let n = last.wrapping_sub(first) as u64;
    let reserved = match u32::try_from(n) {
        Ok(n) if n < i32::MAX as u32 => vm.reserve(n + 1),
        _ => Err(too_many(vm)),
    };
    reserved.map_err(|error| if error.kind == ErrorKind::StackOverflow { too_many(vm) } else { error })?;
    let n = n as u32 + 1;
    vm.fuel -= i64::from(n) / 16;
    let list = args.get(vm, 0);
    if vm.is_plain_list(list) {
        let table = list.as_table();
        let items = vm.array_part(table);
        match usize::try_from(first.wrapping_sub(1)).ok().and_then(|start| items.get(start..)?.get(..n as usize)) {
            Some(items) => vm.push_all(items)?,
            None => {
                for i in 0..n {
                    let value = vm.raw_get_int(table, first + i64::from(i));
                    vm.push(value)?;
                }
            }
        }
        return Ok(Flow::Return(n));
    }
    let state = Args { len: args.len.max(4), ..args };
    for _ in args.len..4 {
        vm.push(Value::NIL)?;
    }
    state.set(vm, 1, Value::int(first));
    state.set(vm, 2, Value::int(last));
    state.set(vm, 3, Value::int(0));
    unpack_rest(vm, state)
}

fn too_many(vm: &mut Vm) -> Box<LuaError> {
    vm.error("too many results to unpack")
}

fn unpack_rest(vm: &mut Vm, state: Args) -> NativeResult {
    let list = state.get(vm, 0);
    let (first, last) = (state.get(vm, 1).as_int(), state.get(vm, 2).as_int());
    loop {
        let done = state.get(vm, 3).as_int();
        let key = first.wrapping_add(done);
        if done > 0 && key.wrapping_sub(1) == last {
            return Ok(Flow::Return(done as u32));
        }
        match get(vm, list, key)? {
            Access::Done(value) => {
                vm.push(value)?;
                state.set(vm, 3, Value::int(done + 1));
            }
            Access::Call(n) => return Ok(Flow::Call { args: n, then: &GOT }),
        }
    }
}
