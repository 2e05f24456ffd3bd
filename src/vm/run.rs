//! The interpreter loop.
//!
//! What one must know to edit it (`vm-findings` has the measurements behind each rule):
//!
//! 1. The state is three locals, `i`, `base`, `k`, and the pointer `vm`. No reference to a local ever leaves an arm:
//!    one that does puts the state into memory in *all* arms. `i` is the instruction that runs.
//! 2. A fast path is a few lines in its arm. Everything else is `slow!(function)`: the state is stored in `vm.saved`, the
//!    function (never inlined) runs, and the state is loaded again, because it may have pushed a frame, moved the stack,
//!    switched the coroutine or unwound an error. After `slow!` an arm does nothing more. Between the two are the
//!    functions in `fast`, which the state need not be stored for.
//! 3. Nothing in this function has a destructor, and nothing returns a `Result` here: errors are raised inside `step_out`.
//! 4. Operands are byte offsets: `reg!` and `konst!` add them to a base pointer without a shift.
//! 5. Values are copied as values (a tag and a word), never as blocks of 16 bytes.
//! 6. The opcode is a dense `repr(u8)` enum and the match is exhaustive: the jump table has no range check.
//! 7. An arm ends by leaving the block of a label, which stands for a copy of the dispatch (see `fetch!`).
//! 8. A store into a table takes the fast path only if no bit of `heap.write_mask` is set in the table's mark.
//!
//! The fuel counter is tested at calls and taken backward jumps, before the instruction has any effect, so that a
//! preempted instruction simply runs again.

use super::execute::{observe, step_out};
use super::fast::{
    as_float, captured, class_of, find_field, find_in_class, find_index, find_method, float_bits, pick_extra, power,
    quick_equals, store_field, store_index,
};
use super::machine::Vm;
use super::object::{Node, Str};
use super::thread::{Frame, results};
use super::value::{Value, tag};
use crate::bytecode::{Instruction, Op};
use crate::number;

/// Keeps LLVM from merging copies of the dispatch.
macro_rules! keep_apart {
    ($place:expr, $op:expr) => {
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        std::arch::asm!(concat!("/* ", $place, " {0} */"), in(reg) $op as usize, options(nomem, nostack, preserves_flags))
    };
}

/// The loop that runs programs.
///
/// # Safety
/// As for [`interpret`].
#[inline(never)]
pub(super) unsafe fn run(vm: *mut Vm) {
    // SAFETY: by contract.
    unsafe { interpret::<false>(vm) }
}

/// The loop that runs a coroutine with a hook.
///
/// # Safety
/// As for [`interpret`].
#[inline(never)]
pub(super) unsafe fn run_observed(vm: *mut Vm) {
    // SAFETY: by contract.
    unsafe { interpret::<true>(vm) }
}

/// The loop. An `OBSERVED` one calls hooks, and leaves calls of functions to slow paths, which note them.
///
/// # Safety
/// `vm.saved` is the state of a verified function whose registers lie within the running coroutine's stack.
#[inline(always)]
unsafe fn interpret<const OBSERVED: bool>(vm: *mut Vm) {
    // SAFETY: operands of verified code name registers, constants and captured values that exist; objects found in
    // them are alive (no collection happens but in slow paths, which see every register).
    unsafe {
        let mut i: *const Instruction = (*vm).saved.pc;
        let mut base: *mut u8 = (*vm).saved.base.cast();
        let mut k: *const u8 = (*vm).saved.constants.cast();

        let mut op: Op;
        // The dispatch. An arm ends by leaving the block of a label, and each label has a dispatch of its own, which LLVM
        // copies into the arms that lead there as long as they are few: so most arms end in an indirect jump that learns
        // what follows *them*. (It does that with up to 16 ways in, hence the number of labels; `keep_apart` stops it
        // from joining what looks alike. `tools/asm-check` counts the jumps.)
        macro_rules! fetch {
            ($place:expr) => {
                op = (*i).op;
                keep_apart!($place, op)
            };
        }
        macro_rules! fetch_next {
            ($place:expr) => {
                i = i.add(1);
                fetch!($place)
            };
        }
        macro_rules! reload {
            ($place:expr) => {
                i = (*vm).saved.pc;
                base = (*vm).saved.base.cast();
                k = (*vm).saved.constants.cast();
                fetch!($place)
            };
        }
        macro_rules! dispatching {
            ($loop:lifetime, [], $arms:block) => {
                $arms
                fetch_next!("other");
                continue $loop;
            };
            ($loop:lifetime, [$label:lifetime $fetch:ident, $($more:tt)*], $arms:block) => {
                $label: {
                    dispatching!($loop, [$($more)*], $arms);
                }
                $fetch!(stringify!($label));
                continue $loop;
            };
        }

        fetch!("start");
        'dispatch: loop {
            if OBSERVED {
                (*vm).saved.pc = i;
                (*vm).saved.base = base.cast();
                (*vm).saved.constants = k.cast();
                if observe(vm) {
                    reload!("observed");
                    continue 'dispatch;
                }
            }
            dispatching!(
                'dispatch,
                [
                    // After a slow path; and with `i` at the next instruction: a function was entered or left.
                    'slow reload, 'entered fetch,
                    'moved fetch_next, 'captured fetch_next, 'got fetch_next, 'set fetch_next, 'item fetch_next,
                    'stored fetch_next, 'added fetch_next, 'multiplied fetch_next, 'combined fetch_next,
                    'tested fetch_next, 'compared fetch_next, 'looped fetch_next,
                ],
                {
                macro_rules! reg {
                    ($operand:expr) => {
                        base.add($operand as usize).cast::<Value>()
                    };
                }
                macro_rules! konst {
                    ($operand:expr) => {
                        k.add($operand as usize).cast::<Value>()
                    };
                }
                macro_rules! slow {
                    ($f:expr) => {{
                        (*vm).saved.pc = i.add(1);
                        (*vm).saved.base = base.cast();
                        (*vm).saved.constants = k.cast();
                        step_out(vm, i, $f);
                        break 'slow;
                    }};
                }
                macro_rules! preempt {
                    () => {
                        slow!(|vm: &mut Vm, i: &Instruction| {
                            vm.preempt(i);
                            Ok(())
                        })
                    };
                }
                // Conditional jumps only lead forward (the verifier of binary chunks sees to it), so they cost no fuel.
                macro_rules! short_jump {
                    () => {
                        i = i.add((*i).c as usize)
                    };
                }
                macro_rules! wide_jump {
                    () => {
                        i = i.add((*i).bc() as usize)
                    };
                }
                // Addition, subtraction, multiplication: both float or both integer.
                macro_rules! arith {
                    ($y:expr, $float:tt, $int:ident, $next:lifetime) => {{
                        let (x, y) = (reg!((*i).b), $y);
                        if (*x).is_int() && (*y).is_int() {
                            *reg!((*i).a) = Value::int((*x).as_int().$int((*y).as_int()));
                            break $next;
                        }
                        if (*x).is_float() && (*y).is_float() {
                            *reg!((*i).a) = Value::float((*x).as_float() $float (*y).as_float());
                            break $next;
                        }
                        if (*x).is_float() && (*y).is_int() {
                            *reg!((*i).a) = Value::float((*x).as_float() $float (*y).as_int() as f64);
                            break $next;
                        }
                        if (*x).is_int() && (*y).is_float() {
                            *reg!((*i).a) = Value::float((*x).as_int() as f64 $float (*y).as_float());
                            break $next;
                        }
                        slow!(Vm::op_arith)
                    }};
                }
                // Division and power: the result is a float.
                macro_rules! float_arith {
                    ($y:expr, $f:expr) => {{
                        let (x, y) = (reg!((*i).b), $y);
                        if (*x).is_number() && (*y).is_number() {
                            *reg!((*i).a) = Value::float($f(as_float(*x), as_float(*y)));
                        } else {
                            slow!(Vm::op_arith)
                        }
                    }};
                }
                // Floor division and modulo.
                macro_rules! floor_arith {
                    ($y:expr, $int:path, $float:path) => {{
                        let (x, y) = (reg!((*i).b), $y);
                        if (*x).is_int() && (*y).is_int() && (*y).as_int() != 0 {
                            *reg!((*i).a) = Value::int($int((*x).as_int(), (*y).as_int()));
                        } else if (*x).is_float() && (*y).is_float() {
                            *reg!((*i).a) = Value::float($float((*x).as_float(), (*y).as_float()));
                        } else {
                            slow!(Vm::op_arith)
                        }
                    }};
                }
                macro_rules! bitwise {
                    ($y:expr, $f:expr) => {{
                        let (x, y) = (reg!((*i).b), $y);
                        if (*x).is_int() && (*y).is_int() {
                            *reg!((*i).a) = Value::int($f((*x).as_int(), (*y).as_int()));
                        } else {
                            slow!(Vm::op_arith)
                        }
                    }};
                }
                // A comparing jump on two registers.
                macro_rules! compare {
                    ($op:tt, $sense:expr, $next:lifetime) => {{
                        let (x, y) = (reg!((*i).a), reg!((*i).b));
                        if (*x).is_int() && (*y).is_int() {
                            if ((*x).as_int() $op (*y).as_int()) == $sense {
                                short_jump!();
                            }
                            break $next;
                        }
                        if (*x).is_float() && (*y).is_float() {
                            if ((*x).as_float() $op (*y).as_float()) == $sense {
                                short_jump!();
                            }
                            break $next;
                        }
                        slow!(Vm::op_compare)
                    }};
                }
                // A comparing jump on a register and a small integer.
                macro_rules! compare_int {
                    ($op:tt, $sense:expr, $next:lifetime) => {{
                        let x = reg!((*i).a);
                        let y = (*i).b as i16;
                        if (*x).is_int() {
                            if ((*x).as_int() $op i64::from(y)) == $sense {
                                short_jump!();
                            }
                            break $next;
                        }
                        if (*x).is_float() {
                            if ((*x).as_float() $op f64::from(y)) == $sense {
                                short_jump!();
                            }
                            break $next;
                        }
                        slow!(Vm::op_compare)
                    }};
                }
                macro_rules! equal {
                    ($sense:expr, $next:lifetime) => {{
                        let (x, y) = (*reg!((*i).a), *reg!((*i).b));
                        let holds = if x.same(y) && !x.is_float() {
                            true
                        } else if x.tag() != y.tag() || x.tag() >= tag::STRING || x.is_float() {
                            match quick_equals(x, y) {
                                Some(holds) => holds,
                                None => slow!(Vm::op_compare),
                            }
                        } else {
                            false
                        };
                        if holds == $sense {
                            short_jump!();
                        }
                        break $next;
                    }};
                }
                macro_rules! equal_constant {
                    ($sense:expr, $next:lifetime) => {{
                        let (x, y) = (*reg!((*i).a), *konst!((*i).b));
                        let holds = if x.tag() == y.tag() && x.payload() == y.payload() {
                            true
                        } else if x.tag() == tag::STRING && y.tag() == tag::STRING || x.is_number() && y.is_number() {
                            x.raw_equals(y)
                        } else {
                            false
                        };
                        if holds == $sense {
                            short_jump!();
                        }
                        break $next;
                    }};
                }
                // The node that the hint names, if it has this string key.
                macro_rules! hinted {
                    ($table:expr, $key:expr) => {{
                        let hint = u32::from((*i).x());
                        let node: *mut Node = (*$table).nodes.add((hint & (*$table).header.extra) as usize);
                        let hit = (*node).key_payload == $key && (*node).key_tag == tag::STRING && !(*node).value.is_nil();
                        (node, hit)
                    }};
                }
                macro_rules! get_field {
                    ($object:expr, $next:lifetime) => {{
                        let object: Value = $object;
                        if object.is_table() {
                            let table = object.as_table();
                            let (node, hit) = hinted!(table, (*konst!((*i).c)).payload());
                            if hit {
                                *reg!((*i).a) = (*node).value;
                                break $next;
                            }
                            let key = (*konst!((*i).c)).as_string();
                            if let Some(value) = find_field(vm, table, key, i).value() {
                                *reg!((*i).a) = value;
                                break $next;
                            }
                        }
                        slow!(Vm::op_get)
                    }};
                }
                macro_rules! set_field {
                    ($object:expr, $key:expr, $value:expr, $next:lifetime) => {{
                        let object: Value = $object;
                        if object.is_table() {
                            let table = object.as_table();
                            let (node, hit) = hinted!(table, (*konst!($key)).payload());
                            if hit && (*table).header.mark & (*vm).heap.write_mask == 0 {
                                (*node).value = *reg!($value);
                                break $next;
                            }
                            if store_field(vm, table, (*konst!($key)).as_string(), *reg!($value), i) {
                                break $next;
                            }
                        }
                        slow!(Vm::op_set)
                    }};
                }
                macro_rules! get_int {
                    ($object:expr, $key:expr, $next:lifetime) => {{
                        let object: Value = $object;
                        if object.is_table() {
                            let table = object.as_table();
                            let index = ($key as u64).wrapping_sub(1);
                            if index < u64::from((*table).array_len) {
                                let value = *(*table).array.add(index as usize);
                                if !value.is_nil() {
                                    *reg!((*i).a) = value;
                                    break $next;
                                }
                            }
                            if let Some(value) = find_index(vm, table, Value::int(i64::from($key))).value() {
                                *reg!((*i).a) = value;
                                break $next;
                            }
                        }
                        slow!(Vm::op_get)
                    }};
                }
                macro_rules! set_int {
                    ($key:expr, $next:lifetime) => {{
                        let object = *reg!((*i).a);
                        if object.is_table() {
                            let table = object.as_table();
                            let index = ($key as u64).wrapping_sub(1);
                            if (*table).header.mark & (*vm).heap.write_mask == 0 {
                                if index < u64::from((*table).array_len) {
                                    let place = (*table).array.add(index as usize);
                                    if !(*place).is_nil() || (*table).metatable.is_null() {
                                        *place = *reg!((*i).c);
                                        break $next;
                                    }
                                } else if index == u64::from((*table).array_len)
                                    && index < u64::from((*table).array_cap)
                                    && (*table).metatable.is_null()
                                    && (*table).header.extra == 0
                                    && !(*reg!((*i).c)).is_nil()
                                {
                                    // An append; a hash part of one node may hold the next key, but then it is not empty.
                                    if (*(*table).nodes).value.is_nil() {
                                        *(*table).array.add(index as usize) = *reg!((*i).c);
                                        (*table).array_len += 1;
                                        break $next;
                                    }
                                }
                            }
                            if store_index(vm, table, Value::int(i64::from($key)), *reg!((*i).c)) {
                                break $next;
                            }
                        }
                        slow!(Vm::op_set)
                    }};
                }
                // A method that the table `__index` of a metatable has at the hint.
                macro_rules! class_method {
                    ($object:expr, $key:expr, $metatable:expr, $next:lifetime) => {{
                        let name = (*vm).index_name;
                        let hash = (*name).header.extra;
                        let place = (*$metatable).nodes.add((hash & (*$metatable).header.extra) as usize);
                        if (*place).key_payload == name as u64 && (*place).value.is_table() {
                            let class = (*place).value.as_table();
                            let (node, hit) = hinted!(class, $key);
                            if hit {
                                let method = (*node).value;
                                *reg!((*i).a).add(1) = $object;
                                *reg!((*i).a) = method;
                                break $next;
                            }
                        }
                    }};
                }
                // Back to the caller, which wanted `results`; the arm has put the result in place.
                macro_rules! return_to {
                    ($frame:expr) => {{
                        let frame: *mut Frame = $frame;
                        (*vm).registers.frame_top = frame;
                        i = (*frame).pc;
                        base = (*vm).registers.stack.byte_add((*frame).base as usize).cast();
                        k = (*frame).constants.cast();
                    }};
                }

                    match op {
                        Op::Move => { *reg!((*i).a) = *reg!((*i).b); break 'moved }
                        Op::LoadNil => {
                            let first = reg!((*i).a);
                            for n in 0..(*i).b as usize {
                                *first.add(n) = Value::NIL;
                            }
                            break 'moved;
                        }
                        Op::LoadFalse => { keep_apart!("LoadFalse", op); *reg!((*i).a) = Value::FALSE; break 'moved }
                        Op::LoadTrue => { keep_apart!("LoadTrue", op); *reg!((*i).a) = Value::TRUE; break 'moved }
                        Op::LoadInt => { keep_apart!("LoadInt", op); *reg!((*i).a) = Value::int(i64::from((*i).signed_bc())); break 'moved }
                        Op::LoadConst => { keep_apart!("LoadConst", op); *reg!((*i).a) = *konst!((*i).bc() as usize * 16); break 'moved }

                        Op::GetCaptured => { *reg!((*i).a) = *captured(base, (*i).b); break 'captured }
                        Op::GetCapturedCell => { *reg!((*i).a) = (*(*captured(base, (*i).b)).as_cell()).value; break 'captured }
                        Op::SetCapturedCell => {
                            let cell = (*captured(base, (*i).b)).as_cell();
                            if (*cell).header.mark & (*vm).heap.write_mask != 0 {
                                (*vm).heap.barrier(cell.cast());
                            }
                            (*cell).value = *reg!((*i).a);
                            break 'captured;
                        }
                        Op::NewCell => slow!(Vm::op_new_cell),
                        Op::GetCell => { *reg!((*i).a) = (*(*reg!((*i).b)).as_cell()).value; break 'captured }
                        Op::SetCell => {
                            let cell = (*reg!((*i).a)).as_cell();
                            if (*cell).header.mark & (*vm).heap.write_mask != 0 {
                                (*vm).heap.barrier(cell.cast());
                            }
                            (*cell).value = *reg!((*i).b);
                            break 'captured;
                        }

                        Op::GetGlobal => get_field!(*captured(base, (*i).b), 'got),
                        Op::SetGlobal => set_field!(*captured(base, (*i).b), (*i).c, (*i).a, 'set),
                        Op::GetField => get_field!(*reg!((*i).b), 'got),
                        Op::SetField => set_field!(*reg!((*i).a), (*i).b, (*i).c, 'set),
                        Op::GetInt => get_int!(*reg!((*i).b), (*i).c, 'item),
                        Op::SetInt => set_int!((*i).b, 'stored),
                        Op::GetIndex => {
                            let key = *reg!((*i).c);
                            if key.is_int() {
                                get_int!(*reg!((*i).b), key.as_int(), 'item)
                            }
                            let object = *reg!((*i).b);
                            if object.is_table()
                                && let Some(value) = find_index(vm, object.as_table(), key).value()
                            {
                                *reg!((*i).a) = value;
                                break 'item;
                            }
                            slow!(Vm::op_get)
                        }
                        Op::SetIndex => {
                            let key = *reg!((*i).b);
                            if key.is_int() {
                                set_int!(key.as_int(), 'stored)
                            }
                            let object = *reg!((*i).a);
                            if object.is_table() && store_index(vm, object.as_table(), key, *reg!((*i).c)) {
                                break 'stored;
                            }
                            slow!(Vm::op_set)
                        }
                        Op::Method => {
                            let object = *reg!((*i).b);
                            if object.is_table() {
                                let key = (*konst!((*i).c)).payload();
                                let own = object.as_table();
                                let (node, hit) = hinted!(own, key);
                                if hit {
                                    let method = (*node).value;
                                    *reg!((*i).a).add(1) = object;
                                    *reg!((*i).a) = method;
                                    break 'set;
                                }
                                // Absent in the object itself if the key's chain cannot hold it; then `__index` of the class.
                                let hash = (*(key as *const Str)).header.extra;
                                let main = (*own).nodes.add((hash & (*own).header.extra) as usize);
                                if (*main).next == 0 && (*main).key_payload != key && !(*own).metatable.is_null() {
                                    let metatable = (*own).metatable;
                                    class_method!(object, key, metatable, 'set);
                                }
                                if let Some(method) = find_method(vm, own, key as *mut Str, i).value() {
                                    *reg!((*i).a).add(1) = object;
                                    *reg!((*i).a) = method;
                                    break 'set;
                                }
                            } else {
                                let metatable = class_of(&*vm, object);
                                if !metatable.is_null() {
                                    let key = (*konst!((*i).c)).payload();
                                    class_method!(object, key, metatable, 'set);
                                    if let Some(method) = find_in_class(vm, metatable, key as *mut Str, i).value() {
                                        *reg!((*i).a).add(1) = object;
                                        *reg!((*i).a) = method;
                                        break 'set;
                                    }
                                }
                            }
                            slow!(Vm::op_method)
                        }
                        Op::NewTable => slow!(Vm::op_new_table),
                        Op::SetList => slow!(Vm::op_set_list),

                        Op::Add => {
                            arith!(reg!((*i).c), +, wrapping_add, 'added)
                        }
                        Op::Sub => {
                            arith!(reg!((*i).c), -, wrapping_sub, 'added)
                        }
                        Op::Mul => {
                            arith!(reg!((*i).c), *, wrapping_mul, 'multiplied)
                        }
                        Op::Mod => { floor_arith!(reg!((*i).c), number::int_mod, number::float_mod); break 'combined }
                        Op::Pow => float_arith!(reg!((*i).c), power),
                        Op::Div => { float_arith!(reg!((*i).c), |x: f64, y: f64| x / y); break 'multiplied }
                        Op::IDiv => floor_arith!(reg!((*i).c), number::int_floor_div, number::float_floor_div),
                        Op::BAnd => { bitwise!(reg!((*i).c), |x: i64, y: i64| x & y); break 'combined }
                        Op::BOr => { bitwise!(reg!((*i).c), |x: i64, y: i64| x | y); break 'combined }
                        Op::BXor => { bitwise!(reg!((*i).c), |x: i64, y: i64| x ^ y); break 'combined }
                        Op::Shl => { bitwise!(reg!((*i).c), number::shift_left); break 'combined }
                        Op::Shr => { bitwise!(reg!((*i).c), number::shift_right); break 'combined }

                        Op::AddK => {
                            arith!(konst!((*i).c), +, wrapping_add, 'added)
                        }
                        Op::SubK => {
                            arith!(konst!((*i).c), -, wrapping_sub, 'added)
                        }
                        Op::MulK => {
                            arith!(konst!((*i).c), *, wrapping_mul, 'multiplied)
                        }
                        Op::ModK => { floor_arith!(konst!((*i).c), number::int_mod, number::float_mod); break 'combined }
                        Op::PowK => float_arith!(konst!((*i).c), power),
                        Op::DivK => { float_arith!(konst!((*i).c), |x: f64, y: f64| x / y); break 'multiplied }
                        Op::IDivK => floor_arith!(konst!((*i).c), number::int_floor_div, number::float_floor_div),
                        Op::BAndK => { bitwise!(konst!((*i).c), |x: i64, y: i64| x & y); break 'combined }
                        Op::BOrK => { bitwise!(konst!((*i).c), |x: i64, y: i64| x | y); break 'combined }
                        Op::BXorK => { bitwise!(konst!((*i).c), |x: i64, y: i64| x ^ y); break 'combined }
                        Op::ShlK => { bitwise!(konst!((*i).c), number::shift_left); break 'combined }
                        Op::ShrK => { bitwise!(konst!((*i).c), number::shift_right); break 'combined }
                        Op::AddInt => {
                            let x = reg!((*i).b);
                            let y = (*i).c as i16;
                            if (*x).is_int() {
                                *reg!((*i).a) = Value::int((*x).as_int().wrapping_add(i64::from(y)));
                            } else if (*x).is_float() {
                                *reg!((*i).a) = Value::float((*x).as_float() + f64::from(y));
                            } else {
                                slow!(Vm::op_arith)
                            }
                            break 'combined;
                        }

                        Op::Neg => {
                            let x = reg!((*i).b);
                            if (*x).is_int() {
                                *reg!((*i).a) = Value::int((*x).as_int().wrapping_neg());
                            } else if (*x).is_float() {
                                *reg!((*i).a) = Value::float(-(*x).as_float());
                            } else {
                                slow!(Vm::op_arith)
                            }
                            break 'combined;
                        }
                        Op::Not => { keep_apart!("Not", op); *reg!((*i).a) = Value::bool(!(*reg!((*i).b)).is_true()); break 'moved }
                        Op::Len => {
                            let x = *reg!((*i).b);
                            if x.is_table() {
                                let table = x.as_table();
                                let len = (*table).array_len;
                                // A border if the last item is there and the next key cannot be in the hash part.
                                if (*table).metatable.is_null()
                                    && len != 0
                                    && (*table).header.extra == 0
                                    && (*(*table).nodes).value.is_nil()
                                    && !(*(*table).array.add(len as usize - 1)).is_nil()
                                {
                                    *reg!((*i).a) = Value::int(i64::from(len));
                                    break 'stored;
                                }
                            }
                            slow!(Vm::op_len)
                        }
                        Op::BNot => {
                            let x = reg!((*i).b);
                            if (*x).is_int() {
                                *reg!((*i).a) = Value::int(!(*x).as_int());
                            } else {
                                slow!(Vm::op_arith)
                            }
                        }
                        Op::Concat => slow!(Vm::op_concat),

                        Op::Jump => {
                            let distance = (*i).signed_bc() as isize;
                            if distance < 0 {
                                (*vm).fuel -= 1;
                                if (*vm).fuel < 0 {
                                    preempt!();
                                }
                            }
                            i = i.offset(distance);
                            break 'looped;
                        }
                        Op::JumpIf => {
                            if (*reg!((*i).a)).is_true() {
                                wide_jump!();
                            }
                            break 'tested;
                        }
                        Op::JumpIfNot => {
                            if !(*reg!((*i).a)).is_true() {
                                wide_jump!();
                            }
                            break 'tested;
                        }
                        Op::JumpIfCopy => {
                            let value = *reg!((*i).b);
                            if value.is_true() {
                                *reg!((*i).a) = value;
                                short_jump!();
                            }
                        }
                        Op::JumpIfNotCopy => {
                            let value = *reg!((*i).b);
                            if !value.is_true() {
                                *reg!((*i).a) = value;
                                short_jump!();
                            }
                        }
                        Op::JumpEq => equal!(true, 'tested),
                        Op::JumpNe => equal!(false, 'tested),
                        Op::JumpEqK => equal_constant!(true, 'tested),
                        Op::JumpNeK => equal_constant!(false, 'tested),
                        Op::JumpLt => compare!(<, true, 'compared),
                        Op::JumpNotLt => compare!(<, false, 'compared),
                        Op::JumpLe => compare!(<=, true, 'compared),
                        Op::JumpNotLe => compare!(<=, false, 'compared),
                        Op::JumpLtInt => compare_int!(<, true, 'compared),
                        Op::JumpNotLtInt => compare_int!(<, false, 'compared),
                        Op::JumpLeInt => compare_int!(<=, true, 'compared),
                        Op::JumpNotLeInt => compare_int!(<=, false, 'compared),
                        Op::JumpGtInt => compare_int!(>, true, 'compared),
                        Op::JumpNotGtInt => compare_int!(>, false, 'compared),
                        Op::JumpGeInt => compare_int!(>=, true, 'compared),
                        Op::JumpNotGeInt => compare_int!(>=, false, 'compared),

                        Op::ForPrep | Op::ForPrep1 => slow!(Vm::op_for_prep),
                        // Limit and step are of the type of the index, unless the loop is none that was compiled; then their bits
                        // are taken for what they are not, which does no worse than count wrong.
                        Op::ForLoop => {
                            let index = reg!((*i).a);
                            if (*index).is_int() {
                                let rounds = (*index.add(1)).payload() as i64;
                                if rounds > 0 {
                                    (*vm).fuel -= 1;
                                    if (*vm).fuel < 0 {
                                        preempt!();
                                    }
                                    *index.add(1) = Value::int(rounds - 1);
                                    *index = Value::int((*index).as_int().wrapping_add((*index.add(2)).payload() as i64));
                                    i = i.offset((*i).signed_bc() as isize);
                                }
                            } else {
                                let step = float_bits(*index.add(2));
                                let next = float_bits(*index) + step;
                                let limit = float_bits(*index.add(1));
                                if if step > 0.0 { next <= limit } else { limit <= next } {
                                    (*vm).fuel -= 1;
                                    if (*vm).fuel < 0 {
                                        preempt!();
                                    }
                                    *index = Value::float(next);
                                    i = i.offset((*i).signed_bc() as isize);
                                }
                            }
                            break 'looped;
                        }
                        Op::ForLoop1 => {
                            let index = reg!((*i).a);
                            if (*index).is_int() {
                                let value = (*index).as_int();
                                let limit = (*index.add(1)).payload() as i64;
                                if value < limit {
                                    (*vm).fuel -= 1;
                                    if (*vm).fuel < 0 {
                                        preempt!();
                                    }
                                    *index = Value::int(value + 1);
                                    i = i.offset((*i).signed_bc() as isize);
                                }
                            } else {
                                let next = float_bits(*index) + 1.0;
                                if next <= float_bits(*index.add(1)) {
                                    (*vm).fuel -= 1;
                                    if (*vm).fuel < 0 {
                                        preempt!();
                                    }
                                    *index = Value::float(next);
                                    i = i.offset((*i).signed_bc() as isize);
                                }
                            }
                            break 'looped;
                        }
                        Op::GenericCall => {
                            let iterator = *reg!((*i).a);
                            if OBSERVED {
                                slow!(Vm::op_generic_call)
                            }
                            if iterator.tag() == tag::CLOSURE {
                                let callee = reg!((*i).a).add(3);
                                let function = (*iterator.as_closure()).function;
                                let new_base = callee.add(1);
                                let frame = (*vm).registers.frame_top;
                                let room = ((*vm).registers.stack_limit as usize).wrapping_sub(new_base as usize);
                                if (*function).frame_bytes <= room
                                    && frame != (*vm).registers.frame_end
                                    && (*function).params >= 2
                                {
                                    *callee = iterator;
                                    *callee.add(1) = *reg!((*i).a).add(1);
                                    *callee.add(2) = *reg!((*i).a).add(2);
                                    for n in 2..(*function).params as usize {
                                        *new_base.add(n) = Value::NIL;
                                    }
                                    (*frame).pc = i.add(1);
                                    (*frame).base = base.offset_from((*vm).registers.stack.cast()) as u32;
                                    (*frame).results = u32::from((*i).c) + 1;
                                    (*frame).constants = k.cast();
                                    (*vm).registers.frame_top = frame.add(1);
                                    base = new_base.cast();
                                    i = (*function).code;
                                    k = (*function).constants.cast();
                                    break 'entered;
                                }
                            } else if iterator.tag() == tag::NATIVE
                                && let Some(step) = iterator.as_native().step
                            {
                                let (state, control) = (*reg!((*i).a).add(1), *reg!((*i).a).add(2));
                                if step(&mut *vm, state, control, &mut *reg!((*i).a).add(3).cast()) {
                                    for n in 2..(*i).c as usize {
                                        *reg!((*i).a).add(3 + n) = Value::NIL;
                                    }
                                    break 'looped;
                                }
                            }
                            slow!(Vm::op_generic_call)
                        }
                        Op::GenericLoop => {
                            let value = *reg!((*i).a).add(3);
                            if !value.is_nil() {
                                (*vm).fuel -= 1;
                                if (*vm).fuel < 0 {
                                    preempt!();
                                }
                                *reg!((*i).a).add(2) = value;
                                i = i.offset((*i).signed_bc() as isize);
                            }
                            break 'looped;
                        }

                        Op::Call => {
                            let callee = reg!((*i).a);
                            (*vm).fuel -= 1;
                            if !OBSERVED && (*callee).tag() == tag::CLOSURE && (*i).b != 0 && (*vm).fuel >= 0 {
                                let function = (*(*callee).as_closure()).function;
                                let new_base = callee.add(1);
                                let frame = (*vm).registers.frame_top;
                                let room = ((*vm).registers.stack_limit as usize).wrapping_sub(new_base as usize);
                                if (*function).frame_bytes <= room && frame != (*vm).registers.frame_end {
                                    let params = (*function).params as usize;
                                    let mut n = (*i).b as usize - 1;
                                    while n < params {
                                        *new_base.add(n) = Value::NIL;
                                        n += 1;
                                    }
                                    (*frame).pc = i.add(1);
                                    (*frame).base = base.offset_from((*vm).registers.stack.cast()) as u32;
                                    (*frame).results = u32::from((*i).c);
                                    (*frame).constants = k.cast();
                                    (*vm).registers.frame_top = frame.add(1);
                                    base = new_base.cast();
                                    i = (*function).code;
                                    k = (*function).constants.cast();
                                    break 'entered;
                                }
                            } else if !OBSERVED
                                && (*callee).tag() == tag::NATIVE
                                && (*i).b != 0
                                && (*vm).fuel >= 0
                                && ((*i).c == results::exactly(1) as u16 || (*i).c == results::exactly(0) as u16)
                                && let Some(quick) = (*callee).as_native().quick
                            {
                                let args = std::slice::from_raw_parts(callee.add(1), (*i).b as usize - 1);
                                if let Some(value) = quick(&mut *vm, args).value() {
                                    *callee = value;
                                    if (*vm).heap.needs_collection() {
                                        slow!(|vm: &mut Vm, _: &Instruction| vm.safepoint())
                                    }
                                    break 'moved;
                                }
                                slow!(Vm::op_call_at_length)
                            }
                            slow!(Vm::op_call)
                        }
                        Op::TailCall => {
                            let callee = reg!((*i).a);
                            (*vm).fuel -= 1;
                            // A function with extra arguments has its frame elsewhere.
                            let plain = (*i).b != 0 && (*i).x() == 0;
                            if !OBSERVED && (*callee).tag() == tag::CLOSURE && plain && (*vm).fuel >= 0 {
                                let function = (*(*callee).as_closure()).function;
                                let room = ((*vm).registers.stack_limit as usize).wrapping_sub(base as usize);
                                if (*function).frame_bytes <= room {
                                    let slot = base.cast::<Value>().sub(1);
                                    let n = (*i).b as usize;
                                    for at in 0..n {
                                        *slot.add(at) = *callee.add(at);
                                    }
                                    for at in n..(*function).params as usize + 1 {
                                        *slot.add(at) = Value::NIL;
                                    }
                                    (*(*vm).registers.frame_top.sub(1)).results |= results::TAIL_CALLED;
                                    i = (*function).code;
                                    k = (*function).constants.cast();
                                    break 'entered;
                                }
                            }
                            slow!(Vm::op_tail_call)
                        }
                        Op::Return => {
                            let frame = (*vm).registers.frame_top.sub(1);
                            let wanted = (*frame).results as usize;
                            // A known number, at least one, and a known number of values: `results::exactly`.
                            if wanted.wrapping_sub(2) < 200 && (*i).b != 0 {
                                let from = reg!((*i).a);
                                let to = base.cast::<Value>().sub(1);
                                let given = ((*i).b as usize).min(wanted) - 1;
                                for at in 0..given {
                                    *to.add(at) = *from.add(at);
                                }
                                for at in given..wanted - 1 {
                                    *to.add(at) = Value::NIL;
                                }
                                return_to!(frame);
                                break 'entered;
                            }
                            slow!(Vm::op_return)
                        }
                        Op::Return0 => {
                            let frame = (*vm).registers.frame_top.sub(1);
                            let wanted = (*frame).results;
                            if wanted == results::exactly(0) || wanted == results::exactly(0) | results::TAIL_CALLED {
                                return_to!(frame);
                            } else {
                                slow!(Vm::op_return)
                            }
                            break 'entered;
                        }
                        Op::Return1 => {
                            let frame = (*vm).registers.frame_top.sub(1);
                            let wanted = (*frame).results;
                            if wanted == results::exactly(1) {
                                *base.cast::<Value>().sub(1) = *reg!((*i).a);
                                return_to!(frame);
                            } else if wanted == results::exactly(0) {
                                return_to!(frame);
                            } else if wanted == results::INTO {
                                // The handler of a metamethod: the result goes where the instruction that called it wants it.
                                let value = *reg!((*i).a);
                                return_to!(frame);
                                *reg!((*i.sub(1)).a) = value;
                            } else if wanted == results::JUMP_IF || wanted == results::JUMP_IF_NOT {
                                let holds = (*reg!((*i).a)).is_true();
                                return_to!(frame);
                                if holds == (wanted == results::JUMP_IF) {
                                    i = i.add((*i.sub(1)).c as usize);
                                }
                            } else if wanted == results::exactly(1) | results::TAIL_CALLED {
                                *base.cast::<Value>().sub(1) = *reg!((*i).a);
                                return_to!(frame);
                            } else {
                                slow!(Vm::op_return)
                            }
                            break 'entered;
                        }
                        Op::ReturnVararg => slow!(Vm::op_return),
                        Op::Vararg => {
                            if OBSERVED || !pick_extra(base, i) {
                                slow!(Vm::op_vararg);
                            }
                            i = i.add(1);
                        }
                        Op::VarargPrep => {}
                        Op::Closure => slow!(Vm::op_closure),

                        Op::Halt => return,
                        Op::Resume => slow!(Vm::resume_native),
                        Op::CoroutineEnd => slow!(Vm::end_coroutine),
                    }
                }
            );
        }
    }
}
