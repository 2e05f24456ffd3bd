//! `table.insert`, `table.remove`, `table.move`: all of them move a range of elements.

use super::access::{Access, CHANGE, check_list, get, len, length, push_state, set, state};
use super::sort;
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::event::Event;
use crate::vm::native::{Answer, Args, Continuation, Flow, NativeResult};
use crate::vm::object::Table;
use crate::vm::value::Value;

// ---- insert

/// The slots are the arguments.
static INSERT_LENGTH: Continuation = Continuation {
    name: "table.insert.length",
    resume: |vm, args, results| {
        let answer = results.get(vm, 0);
        vm.keep_only(args);
        insert_into(vm, args, answer)
    },
    catch: None,
    yieldable: false,
};

/// `table.insert(list, [position,] value)`
pub fn insert(vm: &mut Vm, args: Args) -> NativeResult {
    let list = check_list(vm, args, 0, CHANGE)?;
    match len(vm, list)? {
        Access::Done(answer) => insert_into(vm, args, answer),
        Access::Call(n) => Ok(Flow::Call { args: n, then: &INSERT_LENGTH }),
    }
}

/// Appends to a list.
pub fn quick_insert(vm: &mut Vm, args: &[Value]) -> Answer {
    match args {
        [list, value] if list.is_table() && vm.try_append(list.as_table(), *value) => Value::NIL.into(),
        _ => Answer::NONE,
    }
}

fn insert_into(vm: &mut Vm, args: Args, answer: Value) -> NativeResult {
    let end = length(vm, answer)?.wrapping_add(1);
    let list = args.get(vm, 0);
    let (position, value) = match args.len {
        2 => (end, args.get(vm, 1)),
        3 => {
            let position = args.check_int(vm, 1)?;
            if position.wrapping_sub(1) as u64 >= end as u64 {
                return Err(vm.argument_error(1, "position out of bounds"));
            }
            (position, args.get(vm, 2))
        }
        _ => return Err(vm.error("wrong number of arguments to 'insert'")),
    };
    if vm.is_plain_list(list) {
        insert_plain(vm, list.as_table(), end, position, value)?;
        return Ok(Flow::Return(0));
    }
    let count = end.wrapping_sub(position).max(0);
    let range = Range { from: end.wrapping_sub(1), to: end, count, step: -1 };
    transfer(vm, list, list, range, Some((position, value)), After::Nothing, Value::NIL)
}

fn insert_plain(vm: &mut Vm, table: *mut Table, end: i64, position: i64, value: Value) -> Result<(), Box<LuaError>> {
    if position == end {
        return vm.raw_set_int(table, end, value);
    }
    vm.fuel -= (end - position) / 16;
    vm.raw_set_int(table, end, vm.raw_get_int(table, end - 1))?;
    if let Some(items) = vm.list_items(table, end as usize - 1) {
        let at = position as usize - 1;
        let moved = at..items.len() - 1;
        items.copy_within(moved, at + 1);
        items[at] = value;
        return Ok(());
    }
    for key in (position + 1..end).rev() {
        vm.raw_set_int(table, key, vm.raw_get_int(table, key - 1))?;
    }
    vm.raw_set_int(table, position, value)
}

// ---- remove

/// The slots are the arguments.
static REMOVE_LENGTH: Continuation = Continuation {
    name: "table.remove.length",
    resume: |vm, args, results| {
        let answer = results.get(vm, 0);
        vm.keep_only(args);
        remove_from(vm, args, answer)
    },
    catch: None,
    yieldable: false,
};

/// The last slots: list, position, size.
static REMOVE_GOT: Continuation = Continuation {
    name: "table.remove.got",
    resume: |vm, args, results| {
        let removed = results.get(vm, 0);
        vm.keep_only(args);
        let [list, position, size] = [0, 1, 2].map(|i| state(args, 3).get(vm, i));
        close_gap(vm, list, position.as_int(), size.as_int(), removed)
    },
    catch: None,
    yieldable: false,
};

/// `table.remove(list [, position])`
pub fn remove(vm: &mut Vm, args: Args) -> NativeResult {
    let list = check_list(vm, args, 0, CHANGE)?;
    match len(vm, list)? {
        Access::Done(answer) => remove_from(vm, args, answer),
        Access::Call(n) => Ok(Flow::Call { args: n, then: &REMOVE_LENGTH }),
    }
}

/// Takes the last item of a list.
pub fn quick_remove(vm: &mut Vm, args: &[Value]) -> Answer {
    match args {
        [list] if list.is_table() => vm.try_pop(list.as_table()).map_or(Answer::NONE, Answer::from),
        _ => Answer::NONE,
    }
}

fn remove_from(vm: &mut Vm, args: Args, answer: Value) -> NativeResult {
    let size = length(vm, answer)?;
    let list = args.get(vm, 0);
    let position = if args.len > 1 { args.check_int(vm, 1)? } else { size };
    if position != size && position.wrapping_sub(1) as u64 > size as u64 {
        return Err(vm.argument_error(0, "position out of bounds"));
    }
    if vm.is_plain_list(list) {
        let removed = remove_plain(vm, list.as_table(), size, position)?;
        return vm.answer(removed);
    }
    vm.push_all(&[list, Value::int(position), Value::int(size)])?;
    match get(vm, list, position)? {
        Access::Done(removed) => close_gap(vm, list, position, size, removed),
        Access::Call(n) => Ok(Flow::Call { args: n, then: &REMOVE_GOT }),
    }
}

fn remove_plain(vm: &mut Vm, table: *mut Table, size: i64, position: i64) -> Result<Value, Box<LuaError>> {
    let removed = vm.raw_get_int(table, position);
    if position >= size {
        vm.raw_set_int(table, position, Value::NIL)?;
        return Ok(removed);
    }
    vm.fuel -= (size - position) / 16;
    if let Some(items) = vm.list_items(table, size as usize) {
        items.copy_within(position as usize.., position as usize - 1);
    } else {
        for key in position..size {
            vm.raw_set_int(table, key, vm.raw_get_int(table, key + 1))?;
        }
    }
    vm.raw_set_int(table, size, Value::NIL)?;
    Ok(removed)
}

fn close_gap(vm: &mut Vm, list: Value, position: i64, size: i64, removed: Value) -> NativeResult {
    let count = size.saturating_sub(position).max(0);
    let range = Range { from: position.wrapping_add(1), to: position, count, step: 1 };
    transfer(vm, list, list, range, Some((position.max(size), Value::NIL)), After::Answer, removed)
}

// ---- move

/// `table.move(a1, f, e, t [, a2])`
pub fn move_elements(vm: &mut Vm, args: Args) -> NativeResult {
    let (first, last, to) = (args.check_int(vm, 1)?, args.check_int(vm, 2)?, args.check_int(vm, 3)?);
    let source = check_list(vm, args, 0, &[Event::Index])?;
    let into = if args.get(vm, 4).is_nil() { 0 } else { 4 };
    let target = check_list(vm, args, into, &[Event::NewIndex])?;
    if last < first {
        return vm.answer(target);
    }
    if first <= 0 && last >= i64::MAX.wrapping_add(first) {
        return Err(vm.argument_error(2, "too many elements to move"));
    }
    let count = last - first + 1;
    if to > i64::MAX - count + 1 {
        return Err(vm.argument_error(3, "destination wrap around"));
    }
    let ascending = to > last || to <= first || !source.same(target);
    let range = if ascending {
        Range { from: first, to, count, step: 1 }
    } else {
        Range { from: last, to: to + (count - 1), count, step: -1 }
    };
    if vm.is_plain_list(source) && vm.is_plain_list(target) {
        move_plain(vm, source.as_table(), target.as_table(), range)?;
        return vm.answer(target);
    }
    transfer(vm, source, target, range, None, After::Answer, target)
}

fn move_plain(vm: &mut Vm, source: *mut Table, target: *mut Table, range: Range) -> Result<(), Box<LuaError>> {
    vm.fuel -= range.count / 16;
    for i in 0..range.count {
        let value = vm.raw_get_int(source, range.from + i * range.step);
        vm.raw_set_int(target, range.to + i * range.step, value)?;
    }
    Ok(())
}

// ---- moving with metamethods

/// Elements to move: first key, first key of the destination, number, and 1 or -1.
#[derive(Clone, Copy)]
pub struct Range {
    /// The key read first.
    pub from: i64,
    /// The key written first.
    pub to: i64,
    /// How many.
    pub count: i64,
    /// The direction.
    pub step: i64,
}

/// What happens when a range has been moved.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// The function returns nothing.
    Nothing,
    /// The function returns the extra value.
    Answer,
    /// `sort` goes on: the target is a copy of the source, the extra value the order function.
    Sort,
}

const AFTER: [After; 3] = [After::Nothing, After::Answer, After::Sort];

/// The slots of a transfer: the last ones of the function.
const SOURCE: u32 = 0;
const TARGET: u32 = 1;
const FROM: u32 = 2;
const TO: u32 = 3;
const COUNT: u32 = 4;
const STEP: u32 = 5;
/// Key of a last store; nil if there is none or it has begun.
const LAST_KEY: u32 = 6;
const LAST_VALUE: u32 = 7;
const THEN: u32 = 8;
const EXTRA: u32 = 9;
const STATE: u32 = 10;

static GOT: Continuation = Continuation {
    name: "table.transfer.got",
    resume: |vm, args, results| {
        let value = results.get(vm, 0);
        vm.keep_only(args);
        let state = state(args, STATE);
        match store(vm, state, value)? {
            Some(flow) => Ok(flow),
            None => go_on(vm, state),
        }
    },
    catch: None,
    yieldable: false,
};

static STORED: Continuation = Continuation {
    name: "table.transfer.stored",
    resume: |vm, args, _| {
        vm.keep_only(args);
        go_on(vm, state(args, STATE))
    },
    catch: None,
    yieldable: false,
};

/// Moves a range with metamethods, makes the store `last`, and ends the running function as `after` says.
pub fn transfer(
    vm: &mut Vm,
    source: Value,
    target: Value,
    range: Range,
    last: Option<(i64, Value)>,
    after: After,
    extra: Value,
) -> NativeResult {
    let (last_key, last_value) = last.map_or((Value::NIL, Value::NIL), |(key, value)| (Value::int(key), value));
    let [from, to, count, step] = [range.from, range.to, range.count, range.step].map(Value::int);
    let then = Value::int(after as i64);
    let state = push_state(vm, &[source, target, from, to, count, step, last_key, last_value, then, extra])?;
    go_on(vm, state)
}

/// Stores the value of the next element and steps to the one after it. A handler that has to be called is returned.
fn store(vm: &mut Vm, state: Args, value: Value) -> Result<Option<Flow>, Box<LuaError>> {
    let to = state.get(vm, TO).as_int();
    let step = state.get(vm, STEP).as_int();
    for slot in [FROM, TO] {
        let key = state.get(vm, slot).as_int();
        state.set(vm, slot, Value::int(key.wrapping_add(step)));
    }
    let count = state.get(vm, COUNT).as_int();
    state.set(vm, COUNT, Value::int(count - 1));
    let target = state.get(vm, TARGET);
    match set(vm, target, to, value)? {
        Access::Done(_) => Ok(None),
        Access::Call(n) => Ok(Some(Flow::Call { args: n, then: &STORED })),
    }
}

fn go_on(vm: &mut Vm, state: Args) -> NativeResult {
    let source = state.get(vm, SOURCE);
    while state.get(vm, COUNT).as_int() > 0 {
        vm.fuel -= 1;
        match get(vm, source, state.get(vm, FROM).as_int())? {
            Access::Done(value) => {
                if let Some(flow) = store(vm, state, value)? {
                    return Ok(flow);
                }
            }
            Access::Call(n) => return Ok(Flow::Call { args: n, then: &GOT }),
        }
    }
    let key = state.get(vm, LAST_KEY);
    let target = state.get(vm, TARGET);
    if !key.is_nil() {
        state.set(vm, LAST_KEY, Value::NIL);
        if let Access::Call(n) = set(vm, target, key.as_int(), state.get(vm, LAST_VALUE))? {
            return Ok(Flow::Call { args: n, then: &STORED });
        }
    }
    let extra = state.get(vm, EXTRA);
    match AFTER[state.get(vm, THEN).as_int() as usize] {
        After::Nothing => Ok(Flow::Return(0)),
        After::Answer => vm.answer(extra),
        After::Sort => {
            let n = state.get(vm, FROM).as_int() - 1;
            sort::sort_copy(vm, source, target.as_table(), extra, n)
        }
    }
}
