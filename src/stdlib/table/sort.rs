//! `table.sort`.
//!
//! Numbers and strings without an order function are sorted in place by the standard library of Rust. Everything else goes
//! through a bottom-up merge sort on a copy of the list, which is written back at the end. It needs few comparisons, which
//! is what counts as each is a call; it cannot leave the bounds whatever an order function answers; and a list whose
//! order function fails stays as it was.
//!
//! An order function that answers every question with yes is found out by one more question: whether the last element of
//! the result comes before the first.

use std::cmp::Ordering;

use super::access::{Access, CHANGE, check_list, len, length, push_state, state};
use super::shift::{After, Range, transfer};
use crate::vm::Vm;
use crate::vm::compare::{Compared, Order, order_numbers};
use crate::vm::error::LuaError;
use crate::vm::native::{Args, Continuation, Flow, NativeResult};
use crate::vm::object::Table;
use crate::vm::raw::string_bytes;
use crate::vm::value::Value;

/// Lists of fewer elements are not checked for an order function that always says yes: no reference implementation
/// notices there.
const LEAST_CHECKED: i64 = 4;

/// The slots are the arguments.
static LENGTH: Continuation = Continuation {
    name: "table.sort.length",
    resume: |vm, args, results| {
        let answer = results.get(vm, 0);
        vm.keep_only(args);
        sort_elements(vm, args, answer)
    },
    catch: None,
    yieldable: false,
};

/// An order function or `__lt` has compared the next elements of both runs. The last slots are those of [`Merge`].
static COMPARED: Continuation = Continuation {
    name: "table.sort.compared",
    resume: |vm, args, results| {
        let right_first = results.get(vm, 0).is_true();
        vm.keep_only(args);
        let mut merge = Merge::load(vm, state(args, STATE));
        merge.all_true &= right_first;
        merge.take(vm, right_first)?;
        merge.run(vm)
    },
    catch: None,
    yieldable: false,
};

/// The answer to the question that unmasks a function that always says yes.
static CHECKED: Continuation = Continuation {
    name: "table.sort.checked",
    resume: |vm, args, results| {
        if results.get(vm, 0).is_true() {
            return Err(vm.error("invalid order function for sorting"));
        }
        vm.keep_only(args);
        Merge::load(vm, state(args, STATE)).write_back(vm)
    },
    catch: None,
    yieldable: false,
};

/// `table.sort(list [, less])`
pub fn sort(vm: &mut Vm, args: Args) -> NativeResult {
    let list = check_list(vm, args, 0, CHANGE)?;
    match len(vm, list)? {
        Access::Done(answer) => sort_elements(vm, args, answer),
        Access::Call(n) => Ok(Flow::Call { args: n, then: &LENGTH }),
    }
}

fn sort_elements(vm: &mut Vm, args: Args, answer: Value) -> NativeResult {
    let n = length(vm, answer)?;
    if n < 2 {
        return Ok(Flow::Return(0));
    }
    if n >= i64::from(i32::MAX) {
        return Err(vm.argument_error(0, "array too big"));
    }
    let less = if args.get(vm, 1).is_nil() { Value::NIL } else { args.check_function(vm, 1)? };
    let list = args.get(vm, 0);
    let plain = vm.is_plain_list(list);
    if plain && less.is_nil() && sort_in_place(vm, list.as_table(), n as usize) {
        return Ok(Flow::Return(0));
    }
    let copy = vm.new_table(n as u32, 0);
    if !plain {
        let range = Range { from: 1, to: 1, count: n, step: 1 };
        return transfer(vm, list, Value::table(copy), range, None, After::Sort, less);
    }
    vm.fuel -= n / 16;
    let table = list.as_table();
    for key in 1..=n {
        vm.raw_set_int(copy, key, vm.raw_get_int(table, key))?;
    }
    sort_copy(vm, list, copy, less, n)
}

/// Sorts a list of numbers (NaN excepted) or of strings; `false` if it is neither.
fn sort_in_place(vm: &mut Vm, table: *mut Table, n: usize) -> bool {
    let Some(items) = vm.list_items(table, n) else { return false };
    if items.iter().all(|item| item.is_int()) {
        items.sort_unstable_by_key(|item| item.as_int());
    } else if items.iter().all(|item| item.is_int() || item.is_float() && !item.as_float().is_nan()) {
        items.sort_unstable_by(|x, y| {
            if order_numbers(Order::Lt, *x, *y) {
                Ordering::Less
            } else if order_numbers(Order::Lt, *y, *x) {
                Ordering::Greater
            } else {
                Ordering::Equal
            }
        });
    } else if items.iter().all(|item| item.is_string()) {
        items.sort_unstable_by(|x, y| string_bytes(*x).cmp(string_bytes(*y)));
    } else {
        return false;
    }
    vm.fuel -= n as i64 * i64::from(n.ilog2()) / 16;
    true
}

/// Sorts `copy`, a plain list of the `n` elements of `list`, and writes the result to `list`.
pub fn sort_copy(vm: &mut Vm, list: Value, copy: *mut Table, less: Value, n: i64) -> NativeResult {
    let other = vm.new_table(n as u32, 0);
    let mut values = [Value::NIL; STATE as usize];
    values[LIST as usize] = list;
    values[LESS as usize] = less;
    values[SOURCE as usize] = Value::table(copy);
    values[TARGET as usize] = Value::table(other);
    let slots = push_state(vm, &values)?;
    let mut merge = Merge {
        slots,
        source: copy,
        target: other,
        less,
        n,
        width: 1,
        i: 1,
        middle: 1,
        j: 1,
        end: 1,
        k: 1,
        all_true: true,
    };
    merge.begin_pair(1);
    merge.run(vm)
}

const LIST: u32 = 0;
const LESS: u32 = 1;
const SOURCE: u32 = 2;
const TARGET: u32 = 3;
const NUMBERS: u32 = 4;
const STATE: u32 = NUMBERS + 8;

/// The state of a sort: runs of `width` elements are sorted in `source`, and pairs of them are being merged into
/// `target`. The left run has the keys `i..middle` left, the right one `j..end`; `k` is the key written next.
struct Merge {
    slots: Args,
    source: *mut Table,
    target: *mut Table,
    less: Value,
    n: i64,
    width: i64,
    i: i64,
    middle: i64,
    j: i64,
    end: i64,
    k: i64,
    /// Whether the order function has said yes so far.
    all_true: bool,
}

impl Merge {
    fn load(vm: &Vm, slots: Args) -> Merge {
        let number = |i| slots.get(vm, NUMBERS + i).as_int();
        Merge {
            slots,
            source: slots.get(vm, SOURCE).as_table(),
            target: slots.get(vm, TARGET).as_table(),
            less: slots.get(vm, LESS),
            n: number(0),
            width: number(1),
            i: number(2),
            middle: number(3),
            j: number(4),
            end: number(5),
            k: number(6),
            all_true: number(7) != 0,
        }
    }

    fn save(&self, vm: &mut Vm) {
        self.slots.set(vm, SOURCE, Value::table(self.source));
        self.slots.set(vm, TARGET, Value::table(self.target));
        let numbers = [self.n, self.width, self.i, self.middle, self.j, self.end, self.k, i64::from(self.all_true)];
        for (i, number) in (NUMBERS..).zip(numbers) {
            self.slots.set(vm, i, Value::int(number));
        }
    }

    /// Turns to the pair of runs that begins at `first`.
    fn begin_pair(&mut self, first: i64) {
        self.i = first;
        self.middle = (first + self.width).min(self.n + 1);
        self.j = self.middle;
        self.end = (self.middle + self.width).min(self.n + 1);
        self.k = first;
    }

    /// Moves the next element of one run to the target.
    fn take(&mut self, vm: &mut Vm, from_right: bool) -> Result<(), Box<LuaError>> {
        let key = if from_right { &mut self.j } else { &mut self.i };
        vm.raw_set_int(self.target, self.k, vm.raw_get_int(self.source, *key))?;
        *key += 1;
        self.k += 1;
        Ok(())
    }

    /// Goes on until a comparison has to be called, or the list is sorted.
    fn run(mut self, vm: &mut Vm) -> NativeResult {
        loop {
            while self.i < self.middle && self.j < self.end {
                let (right, left) = (vm.raw_get_int(self.source, self.j), vm.raw_get_int(self.source, self.i));
                match self.compare(vm, right, left)? {
                    Some(right_first) => self.take(vm, right_first)?,
                    None => {
                        self.save(vm);
                        return Ok(Flow::Call { args: 2, then: &COMPARED });
                    }
                }
            }
            while self.i < self.middle {
                self.take(vm, false)?;
            }
            while self.j < self.end {
                self.take(vm, true)?;
            }
            let next = self.end;
            if next > self.n {
                std::mem::swap(&mut self.source, &mut self.target);
                self.width *= 2;
                if self.width >= self.n {
                    return self.check(vm);
                }
                self.begin_pair(1);
            } else {
                self.begin_pair(next);
            }
        }
    }

    /// Whether `x` comes before `y`; `None` if the call that tells was pushed.
    fn compare(&mut self, vm: &mut Vm, x: Value, y: Value) -> Result<Option<bool>, Box<LuaError>> {
        let handler = if self.less.is_nil() {
            vm.fuel -= 1;
            match vm.order(Order::Lt, x, y)? {
                Compared::Known(less) => {
                    self.all_true = false;
                    return Ok(Some(less));
                }
                Compared::Ask { handler, .. } => handler,
            }
        } else {
            self.less
        };
        vm.push_all(&[handler, x, y])?;
        Ok(None)
    }

    /// The list is sorted, as far as the order function can be believed.
    fn check(mut self, vm: &mut Vm) -> NativeResult {
        if self.all_true && self.n >= LEAST_CHECKED {
            let (last, first) = (vm.raw_get_int(self.source, self.n), vm.raw_get_int(self.source, 1));
            if self.compare(vm, last, first)?.is_none() {
                self.save(vm);
                return Ok(Flow::Call { args: 2, then: &CHECKED });
            }
        }
        self.write_back(vm)
    }

    fn write_back(self, vm: &mut Vm) -> NativeResult {
        let list = self.slots.get(vm, LIST);
        if !vm.is_plain_list(list) {
            let range = Range { from: 1, to: 1, count: self.n, step: 1 };
            return transfer(vm, Value::table(self.source), list, range, None, After::Nothing, Value::NIL);
        }
        vm.fuel -= self.n / 16;
        for key in 1..=self.n {
            vm.raw_set_int(list.as_table(), key, vm.raw_get_int(self.source, key))?;
        }
        Ok(Flow::Return(0))
    }
}
