//! The interpreter loop.
//!
//! What one must know to edit it (`vm-findings` has the measurements behind each rule):
//!
//! 1. The state is three locals, `pc`, `base`, `k`, and the pointer `vm`. No reference to a local ever leaves an arm:
//!    one that does puts the state into memory in *all* arms.
//! 2. A fast path is a few lines in its arm. Everything else is `slow!(function)`: the state is stored in `vm.saved`, the
//!    function (never inlined) runs, and the state is loaded again, because it may have pushed a frame, moved the stack,
//!    switched the coroutine or unwound an error. After `slow!` an arm does nothing more.
//! 3. Nothing in this function has a destructor, and nothing returns a `Result` here: errors are raised inside `cold`.
//! 4. Operands are byte offsets: `reg!` and `konst!` add them to a base pointer without a shift.
//! 5. Values are copied as values (a tag and a word), never as blocks of 16 bytes.
//! 6. The opcode is a dense `repr(u8)` enum and the match is exhaustive: the jump table has no range check.
//! 7. A store into a table takes the fast path only if no bit of `heap.write_mask` is set in the table's mark.
//!
//! The fuel counter is tested at calls and taken backward jumps, before the instruction has any effect, so that a
//! preempted instruction simply runs again.

use super::error::LuaError;
use super::fast::{
    as_float, captured, class_of, find_field, find_in_class, find_index, find_method, float_bits, power, quick_equals,
    store_field, store_index,
};
use super::machine::Vm;
use super::object::{Node, Str};
use super::thread::{Frame, results};
use super::value::{Value, tag};
use crate::bytecode::op::NONE;
use crate::bytecode::{Instruction, Op};
use crate::number;

/// An instruction in static memory, as place to return to.
pub struct StaticInstruction(pub Instruction);

/// Ends the loop.
pub static HALT: StaticInstruction = StaticInstruction(Instruction::new(Op::Halt, NONE, NONE, NONE));
/// Continues a native function that waits for a call.
pub static RESUME: StaticInstruction = StaticInstruction(Instruction::new(Op::Resume, NONE, NONE, NONE));
/// Ends a coroutine.
pub static COROUTINE_END: StaticInstruction = StaticInstruction(Instruction::new(Op::CoroutineEnd, NONE, NONE, NONE));

/// Runs a slow path and raises its error.
///
/// # Safety
/// `vm` and `i` are valid, and `vm.saved` is up to date.
#[inline(never)]
unsafe fn cold<F>(vm: *mut Vm, i: *const Instruction, slow: F)
where
    F: FnOnce(&mut Vm, &Instruction) -> Result<(), Box<LuaError>>,
{
    // SAFETY: by contract; the loop holds no other reference to the machine.
    let vm = unsafe { &mut *vm };
    // SAFETY: by contract.
    if let Err(error) = slow(vm, unsafe { &*i }) {
        vm.throw(error);
    }
    if vm.tracing.change {
        vm.change_loop();
    }
}

/// Tells a hook what the instruction at `vm.saved` is about to do. True if the state has changed.
///
/// # Safety
/// As for [`cold`].
#[cold]
#[inline(never)]
unsafe fn observe(vm: *mut Vm) -> bool {
    // SAFETY: by contract; the loop holds no other reference to the machine.
    let vm = unsafe { &mut *vm };
    match vm.before_instruction() {
        Ok(false) => return false,
        Ok(true) => {}
        Err(error) => vm.throw(error),
    }
    if vm.tracing.change {
        vm.change_loop();
    }
    true
}

/// Keeps LLVM from merging the identical tails of two arms, which would add a jump to both.
macro_rules! no_merge {
    ($op:expr) => {
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        std::arch::asm!("/* {0} */", const $op as usize, options(nomem, nostack, preserves_flags))
    };
}

impl Vm {
    /// Runs from `saved` until the machine is left.
    pub(super) fn execute(&mut self) {
        let outer = self.tracing.activate(self.tracing.wanted);
        loop {
            // SAFETY: `saved` is the state of a verified function, and the loop keeps it so.
            unsafe { if self.tracing.wanted { run_observed(self) } else { run(self) } }
            if !self.enter_loop() {
                break;
            }
            self.tracing.activate(self.tracing.wanted);
        }
        self.tracing.activate(outer);
    }
}

/// The loop that runs programs.
///
/// # Safety
/// As for [`interpret`].
#[inline(never)]
unsafe fn run(vm: *mut Vm) {
    // SAFETY: by contract.
    unsafe { interpret::<false>(vm) }
}

/// The loop that runs a coroutine with a hook.
///
/// # Safety
/// As for [`interpret`].
#[inline(never)]
unsafe fn run_observed(vm: *mut Vm) {
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
        let mut pc: *const Instruction = (*vm).saved.pc;
        let mut base: *mut u8 = (*vm).saved.base.cast();
        let mut k: *const u8 = (*vm).saved.constants.cast();

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
            ($i:expr, $f:expr) => {{
                (*vm).saved.pc = pc;
                (*vm).saved.base = base.cast();
                (*vm).saved.constants = k.cast();
                cold(vm, $i, $f);
                pc = (*vm).saved.pc;
                base = (*vm).saved.base.cast();
                k = (*vm).saved.constants.cast();
                continue;
            }};
        }
        macro_rules! preempt {
            ($i:expr) => {
                slow!($i, |vm: &mut Vm, i: &Instruction| {
                    vm.preempt(i);
                    Ok(())
                })
            };
        }
        // Conditional jumps only lead forward (the verifier of binary chunks sees to it), so they cost no fuel.
        macro_rules! short_jump {
            ($i:expr) => {
                pc = pc.add((*$i).c as usize)
            };
        }
        macro_rules! wide_jump {
            ($i:expr) => {
                pc = pc.add((*$i).bc() as usize)
            };
        }
        // Addition, subtraction, multiplication: both float or both integer.
        macro_rules! arith {
            ($i:expr, $y:expr, $float:tt, $int:ident) => {{
                let (x, y) = (reg!((*$i).b), $y);
                if (*x).is_float() && (*y).is_float() {
                    *reg!((*$i).a) = Value::float((*x).as_float() $float (*y).as_float());
                } else if (*x).is_int() && (*y).is_int() {
                    *reg!((*$i).a) = Value::int((*x).as_int().$int((*y).as_int()));
                } else if (*x).is_number() && (*y).is_number() {
                    *reg!((*$i).a) = Value::float(as_float(*x) $float as_float(*y));
                } else {
                    slow!($i, Vm::op_arith)
                }
            }};
        }
        // Division and power: the result is a float.
        macro_rules! float_arith {
            ($i:expr, $y:expr, $f:expr) => {{
                let (x, y) = (reg!((*$i).b), $y);
                if (*x).is_number() && (*y).is_number() {
                    *reg!((*$i).a) = Value::float($f(as_float(*x), as_float(*y)));
                } else {
                    slow!($i, Vm::op_arith)
                }
            }};
        }
        // Floor division and modulo.
        macro_rules! floor_arith {
            ($i:expr, $y:expr, $int:path, $float:path) => {{
                let (x, y) = (reg!((*$i).b), $y);
                if (*x).is_int() && (*y).is_int() && (*y).as_int() != 0 {
                    *reg!((*$i).a) = Value::int($int((*x).as_int(), (*y).as_int()));
                } else if (*x).is_float() && (*y).is_float() {
                    *reg!((*$i).a) = Value::float($float((*x).as_float(), (*y).as_float()));
                } else {
                    slow!($i, Vm::op_arith)
                }
            }};
        }
        macro_rules! bitwise {
            ($i:expr, $y:expr, $f:expr) => {{
                let (x, y) = (reg!((*$i).b), $y);
                if (*x).is_int() && (*y).is_int() {
                    *reg!((*$i).a) = Value::int($f((*x).as_int(), (*y).as_int()));
                } else {
                    slow!($i, Vm::op_arith)
                }
            }};
        }
        // A comparing jump on two registers.
        macro_rules! compare {
            ($i:expr, $op:tt, $sense:expr) => {{
                let (x, y) = (reg!((*$i).a), reg!((*$i).b));
                let holds = if (*x).is_int() && (*y).is_int() {
                    (*x).as_int() $op (*y).as_int()
                } else if (*x).is_float() && (*y).is_float() {
                    (*x).as_float() $op (*y).as_float()
                } else {
                    slow!($i, Vm::op_compare)
                };
                if holds == $sense {
                    short_jump!($i);
                }
            }};
        }
        // A comparing jump on a register and a small integer.
        macro_rules! compare_int {
            ($i:expr, $op:tt, $sense:expr) => {{
                let x = reg!((*$i).a);
                let y = (*$i).b as i16;
                let holds = if (*x).is_int() {
                    (*x).as_int() $op i64::from(y)
                } else if (*x).is_float() {
                    (*x).as_float() $op f64::from(y)
                } else {
                    slow!($i, Vm::op_compare)
                };
                if holds == $sense {
                    short_jump!($i);
                }
            }};
        }
        macro_rules! equal {
            ($i:expr, $sense:expr) => {{
                let (x, y) = (*reg!((*$i).a), *reg!((*$i).b));
                let holds = if x.same(y) && !x.is_float() {
                    true
                } else if x.tag() != y.tag() || x.tag() >= tag::STRING || x.is_float() {
                    match quick_equals(x, y) {
                        Some(holds) => holds,
                        None => slow!($i, Vm::op_compare),
                    }
                } else {
                    false
                };
                if holds == $sense {
                    short_jump!($i);
                }
            }};
        }
        macro_rules! equal_constant {
            ($i:expr, $sense:expr) => {{
                let (x, y) = (*reg!((*$i).a), *konst!((*$i).b));
                let holds = if x.tag() == y.tag() && x.payload() == y.payload() {
                    true
                } else if x.tag() == tag::STRING && y.tag() == tag::STRING || x.is_number() && y.is_number() {
                    x.raw_equals(y)
                } else {
                    false
                };
                if holds == $sense {
                    short_jump!($i);
                }
            }};
        }
        // The node that the hint names, if it has this string key.
        macro_rules! hinted {
            ($table:expr, $key:expr, $i:expr) => {{
                let hint = u32::from((*$i).x());
                let node: *mut Node = (*$table).nodes.add((hint & (*$table).header.extra) as usize);
                let hit = (*node).key_payload == $key && (*node).key_tag == tag::STRING && !(*node).value.is_nil();
                (node, hit)
            }};
        }
        macro_rules! get_field {
            ($i:expr, $object:expr) => {{
                let object: Value = $object;
                if object.is_table() {
                    let table = object.as_table();
                    let (node, hit) = hinted!(table, (*konst!((*$i).c)).payload(), $i);
                    if hit {
                        *reg!((*$i).a) = (*node).value;
                        continue;
                    }
                    let key = (*konst!((*$i).c)).as_string();
                    if let Some(value) = find_field(vm, table, key, $i).value() {
                        *reg!((*$i).a) = value;
                        continue;
                    }
                }
                slow!($i, Vm::op_get)
            }};
        }
        macro_rules! set_field {
            ($i:expr, $object:expr, $key:expr, $value:expr) => {{
                let object: Value = $object;
                if object.is_table() {
                    let table = object.as_table();
                    let (node, hit) = hinted!(table, (*konst!($key)).payload(), $i);
                    if hit && (*table).header.mark & (*vm).heap.write_mask == 0 {
                        (*node).value = *reg!($value);
                        continue;
                    }
                    if store_field(vm, table, (*konst!($key)).as_string(), *reg!($value), $i) {
                        continue;
                    }
                }
                slow!($i, Vm::op_set)
            }};
        }
        macro_rules! get_int {
            ($i:expr, $object:expr, $key:expr) => {{
                let object: Value = $object;
                if object.is_table() {
                    let table = object.as_table();
                    let index = ($key as u64).wrapping_sub(1);
                    if index < u64::from((*table).array_len) {
                        let value = *(*table).array.add(index as usize);
                        if !value.is_nil() {
                            *reg!((*$i).a) = value;
                            continue;
                        }
                    }
                    if let Some(value) = find_index(vm, table, Value::int(i64::from($key))).value() {
                        *reg!((*$i).a) = value;
                        continue;
                    }
                }
                slow!($i, Vm::op_get)
            }};
        }
        macro_rules! set_int {
            ($i:expr, $key:expr) => {{
                let object = *reg!((*$i).a);
                if object.is_table() {
                    let table = object.as_table();
                    let index = ($key as u64).wrapping_sub(1);
                    if (*table).header.mark & (*vm).heap.write_mask == 0 {
                        if index < u64::from((*table).array_len) {
                            let place = (*table).array.add(index as usize);
                            if !(*place).is_nil() || (*table).metatable.is_null() {
                                *place = *reg!((*$i).c);
                                continue;
                            }
                        } else if index == u64::from((*table).array_len)
                            && index < u64::from((*table).array_cap)
                            && (*table).metatable.is_null()
                            && (*table).header.extra == 0
                            && !(*reg!((*$i).c)).is_nil()
                        {
                            // An append; a hash part of one node may hold the next key, but then it is not empty.
                            if (*(*table).nodes).value.is_nil() {
                                *(*table).array.add(index as usize) = *reg!((*$i).c);
                                (*table).array_len += 1;
                                continue;
                            }
                        }
                    }
                    if store_index(vm, table, Value::int(i64::from($key)), *reg!((*$i).c)) {
                        continue;
                    }
                }
                slow!($i, Vm::op_set)
            }};
        }
        // A method that the table `__index` of a metatable has at the hint.
        macro_rules! class_method {
            ($i:expr, $object:expr, $key:expr, $metatable:expr) => {{
                let name = (*vm).index_name;
                let hash = (*name).header.extra;
                let place = (*$metatable).nodes.add((hash & (*$metatable).header.extra) as usize);
                if (*place).key_payload == name as u64 && (*place).value.is_table() {
                    let class = (*place).value.as_table();
                    let (node, hit) = hinted!(class, $key, $i);
                    if hit {
                        let method = (*node).value;
                        *reg!((*$i).a).add(1) = $object;
                        *reg!((*$i).a) = method;
                        continue;
                    }
                }
            }};
        }
        // Back to the caller, which wanted `results`; the arm has put the result in place.
        macro_rules! return_to {
            ($frame:expr) => {{
                let frame: *mut Frame = $frame;
                (*vm).registers.frame_top = frame;
                pc = (*frame).pc;
                base = (*vm).registers.stack.byte_add((*frame).base as usize).cast();
                k = (*frame).constants.cast();
            }};
        }

        loop {
            let i = pc;
            if OBSERVED {
                (*vm).saved.pc = pc;
                (*vm).saved.base = base.cast();
                (*vm).saved.constants = k.cast();
                if observe(vm) {
                    pc = (*vm).saved.pc;
                    base = (*vm).saved.base.cast();
                    k = (*vm).saved.constants.cast();
                    continue;
                }
            }
            pc = pc.add(1);
            match (*i).op {
                Op::Move => *reg!((*i).a) = *reg!((*i).b),
                Op::LoadNil => {
                    let first = reg!((*i).a);
                    for n in 0..(*i).b as usize {
                        *first.add(n) = Value::NIL;
                    }
                }
                Op::LoadFalse => *reg!((*i).a) = Value::FALSE,
                Op::LoadTrue => *reg!((*i).a) = Value::TRUE,
                Op::LoadInt => *reg!((*i).a) = Value::int(i64::from((*i).signed_bc())),
                Op::LoadConst => *reg!((*i).a) = *konst!((*i).bc() as usize * 16),

                Op::GetCaptured => *reg!((*i).a) = *captured(base, (*i).b),
                Op::GetCapturedCell => *reg!((*i).a) = (*(*captured(base, (*i).b)).as_cell()).value,
                Op::SetCapturedCell => {
                    let cell = (*captured(base, (*i).b)).as_cell();
                    if (*cell).header.mark & (*vm).heap.write_mask != 0 {
                        (*vm).heap.barrier(cell.cast());
                    }
                    (*cell).value = *reg!((*i).a);
                }
                Op::NewCell => slow!(i, Vm::op_new_cell),
                Op::GetCell => *reg!((*i).a) = (*(*reg!((*i).b)).as_cell()).value,
                Op::SetCell => {
                    let cell = (*reg!((*i).a)).as_cell();
                    if (*cell).header.mark & (*vm).heap.write_mask != 0 {
                        (*vm).heap.barrier(cell.cast());
                    }
                    (*cell).value = *reg!((*i).b);
                }

                Op::GetGlobal => get_field!(i, *captured(base, (*i).b)),
                Op::SetGlobal => set_field!(i, *captured(base, (*i).b), (*i).c, (*i).a),
                Op::GetField => get_field!(i, *reg!((*i).b)),
                Op::SetField => set_field!(i, *reg!((*i).a), (*i).b, (*i).c),
                Op::GetInt => get_int!(i, *reg!((*i).b), (*i).c),
                Op::SetInt => set_int!(i, (*i).b),
                Op::GetIndex => {
                    let key = *reg!((*i).c);
                    if key.is_int() {
                        get_int!(i, *reg!((*i).b), key.as_int())
                    }
                    let object = *reg!((*i).b);
                    if object.is_table()
                        && let Some(value) = find_index(vm, object.as_table(), key).value()
                    {
                        *reg!((*i).a) = value;
                        continue;
                    }
                    slow!(i, Vm::op_get)
                }
                Op::SetIndex => {
                    let key = *reg!((*i).b);
                    if key.is_int() {
                        set_int!(i, key.as_int())
                    }
                    let object = *reg!((*i).a);
                    if object.is_table() && store_index(vm, object.as_table(), key, *reg!((*i).c)) {
                        continue;
                    }
                    slow!(i, Vm::op_set)
                }
                Op::Method => {
                    let object = *reg!((*i).b);
                    if object.is_table() {
                        let key = (*konst!((*i).c)).payload();
                        let own = object.as_table();
                        let (node, hit) = hinted!(own, key, i);
                        if hit {
                            let method = (*node).value;
                            *reg!((*i).a).add(1) = object;
                            *reg!((*i).a) = method;
                            continue;
                        }
                        // Absent in the object itself if the key's chain cannot hold it; then `__index` of the class.
                        let hash = (*(key as *const Str)).header.extra;
                        let main = (*own).nodes.add((hash & (*own).header.extra) as usize);
                        if (*main).next == 0 && (*main).key_payload != key && !(*own).metatable.is_null() {
                            let metatable = (*own).metatable;
                            class_method!(i, object, key, metatable);
                        }
                        if let Some(method) = find_method(vm, own, key as *mut Str, i).value() {
                            *reg!((*i).a).add(1) = object;
                            *reg!((*i).a) = method;
                            continue;
                        }
                    } else {
                        let metatable = class_of(&*vm, object);
                        if !metatable.is_null() {
                            let key = (*konst!((*i).c)).payload();
                            class_method!(i, object, key, metatable);
                            if let Some(method) = find_in_class(vm, metatable, key as *mut Str, i).value() {
                                *reg!((*i).a).add(1) = object;
                                *reg!((*i).a) = method;
                                continue;
                            }
                        }
                    }
                    slow!(i, Vm::op_method)
                }
                Op::NewTable => slow!(i, Vm::op_new_table),
                Op::SetList => slow!(i, Vm::op_set_list),

                Op::Add => {
                    arith!(i, reg!((*i).c), +, wrapping_add);
                    no_merge!(Op::Add);
                }
                Op::Sub => {
                    arith!(i, reg!((*i).c), -, wrapping_sub);
                    no_merge!(Op::Sub);
                }
                Op::Mul => {
                    arith!(i, reg!((*i).c), *, wrapping_mul);
                    no_merge!(Op::Mul);
                }
                Op::Mod => floor_arith!(i, reg!((*i).c), number::int_mod, number::float_mod),
                Op::Pow => float_arith!(i, reg!((*i).c), power),
                Op::Div => float_arith!(i, reg!((*i).c), |x: f64, y: f64| x / y),
                Op::IDiv => floor_arith!(i, reg!((*i).c), number::int_floor_div, number::float_floor_div),
                Op::BAnd => bitwise!(i, reg!((*i).c), |x: i64, y: i64| x & y),
                Op::BOr => bitwise!(i, reg!((*i).c), |x: i64, y: i64| x | y),
                Op::BXor => bitwise!(i, reg!((*i).c), |x: i64, y: i64| x ^ y),
                Op::Shl => bitwise!(i, reg!((*i).c), number::shift_left),
                Op::Shr => bitwise!(i, reg!((*i).c), number::shift_right),

                Op::AddK => {
                    arith!(i, konst!((*i).c), +, wrapping_add);
                    no_merge!(Op::AddK);
                }
                Op::SubK => {
                    arith!(i, konst!((*i).c), -, wrapping_sub);
                    no_merge!(Op::SubK);
                }
                Op::MulK => {
                    arith!(i, konst!((*i).c), *, wrapping_mul);
                    no_merge!(Op::MulK);
                }
                Op::ModK => floor_arith!(i, konst!((*i).c), number::int_mod, number::float_mod),
                Op::PowK => float_arith!(i, konst!((*i).c), power),
                Op::DivK => float_arith!(i, konst!((*i).c), |x: f64, y: f64| x / y),
                Op::IDivK => floor_arith!(i, konst!((*i).c), number::int_floor_div, number::float_floor_div),
                Op::BAndK => bitwise!(i, konst!((*i).c), |x: i64, y: i64| x & y),
                Op::BOrK => bitwise!(i, konst!((*i).c), |x: i64, y: i64| x | y),
                Op::BXorK => bitwise!(i, konst!((*i).c), |x: i64, y: i64| x ^ y),
                Op::ShlK => bitwise!(i, konst!((*i).c), number::shift_left),
                Op::ShrK => bitwise!(i, konst!((*i).c), number::shift_right),
                Op::AddInt => {
                    let x = reg!((*i).b);
                    let y = (*i).c as i16;
                    if (*x).is_int() {
                        *reg!((*i).a) = Value::int((*x).as_int().wrapping_add(i64::from(y)));
                    } else if (*x).is_float() {
                        *reg!((*i).a) = Value::float((*x).as_float() + f64::from(y));
                    } else {
                        slow!(i, Vm::op_arith)
                    }
                    no_merge!(Op::AddInt);
                }

                Op::Neg => {
                    let x = reg!((*i).b);
                    if (*x).is_int() {
                        *reg!((*i).a) = Value::int((*x).as_int().wrapping_neg());
                    } else if (*x).is_float() {
                        *reg!((*i).a) = Value::float(-(*x).as_float());
                    } else {
                        slow!(i, Vm::op_arith)
                    }
                }
                Op::Not => *reg!((*i).a) = Value::bool(!(*reg!((*i).b)).is_true()),
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
                            continue;
                        }
                    }
                    slow!(i, Vm::op_len)
                }
                Op::BNot => {
                    let x = reg!((*i).b);
                    if (*x).is_int() {
                        *reg!((*i).a) = Value::int(!(*x).as_int());
                    } else {
                        slow!(i, Vm::op_arith)
                    }
                }
                Op::Concat => slow!(i, Vm::op_concat),

                Op::Jump => {
                    let distance = (*i).signed_bc() as isize;
                    if distance < 0 {
                        (*vm).fuel -= 1;
                        if (*vm).fuel < 0 {
                            preempt!(i);
                        }
                    }
                    pc = pc.offset(distance);
                }
                Op::JumpIf => {
                    if (*reg!((*i).a)).is_true() {
                        wide_jump!(i);
                    }
                }
                Op::JumpIfNot => {
                    if !(*reg!((*i).a)).is_true() {
                        wide_jump!(i);
                    }
                }
                Op::JumpIfCopy => {
                    let value = *reg!((*i).b);
                    if value.is_true() {
                        *reg!((*i).a) = value;
                        short_jump!(i);
                    }
                }
                Op::JumpIfNotCopy => {
                    let value = *reg!((*i).b);
                    if !value.is_true() {
                        *reg!((*i).a) = value;
                        short_jump!(i);
                    }
                }
                Op::JumpEq => equal!(i, true),
                Op::JumpNe => equal!(i, false),
                Op::JumpEqK => equal_constant!(i, true),
                Op::JumpNeK => equal_constant!(i, false),
                Op::JumpLt => compare!(i, <, true),
                Op::JumpNotLt => compare!(i, <, false),
                Op::JumpLe => compare!(i, <=, true),
                Op::JumpNotLe => compare!(i, <=, false),
                Op::JumpLtInt => compare_int!(i, <, true),
                Op::JumpNotLtInt => compare_int!(i, <, false),
                Op::JumpLeInt => compare_int!(i, <=, true),
                Op::JumpNotLeInt => compare_int!(i, <=, false),
                Op::JumpGtInt => compare_int!(i, >, true),
                Op::JumpNotGtInt => compare_int!(i, >, false),
                Op::JumpGeInt => compare_int!(i, >=, true),
                Op::JumpNotGeInt => compare_int!(i, >=, false),

                Op::ForPrep | Op::ForPrep1 => slow!(i, Vm::op_for_prep),
                // Limit and step are of the type of the index, unless the loop is none that was compiled; then their bits
                // are taken for what they are not, which does no worse than count wrong.
                Op::ForLoop => {
                    let index = reg!((*i).a);
                    if (*index).is_int() {
                        let rounds = (*index.add(1)).payload() as i64;
                        if rounds > 0 {
                            (*vm).fuel -= 1;
                            if (*vm).fuel < 0 {
                                preempt!(i);
                            }
                            *index.add(1) = Value::int(rounds - 1);
                            *index = Value::int((*index).as_int().wrapping_add((*index.add(2)).payload() as i64));
                            pc = pc.offset((*i).signed_bc() as isize);
                        }
                    } else {
                        let step = float_bits(*index.add(2));
                        let next = float_bits(*index) + step;
                        let limit = float_bits(*index.add(1));
                        if if step > 0.0 { next <= limit } else { limit <= next } {
                            (*vm).fuel -= 1;
                            if (*vm).fuel < 0 {
                                preempt!(i);
                            }
                            *index = Value::float(next);
                            pc = pc.offset((*i).signed_bc() as isize);
                        }
                    }
                }
                Op::ForLoop1 => {
                    let index = reg!((*i).a);
                    if (*index).is_int() {
                        let value = (*index).as_int();
                        let limit = (*index.add(1)).payload() as i64;
                        if value < limit {
                            (*vm).fuel -= 1;
                            if (*vm).fuel < 0 {
                                preempt!(i);
                            }
                            *index = Value::int(value + 1);
                            pc = pc.offset((*i).signed_bc() as isize);
                        }
                    } else {
                        let next = float_bits(*index) + 1.0;
                        if next <= float_bits(*index.add(1)) {
                            (*vm).fuel -= 1;
                            if (*vm).fuel < 0 {
                                preempt!(i);
                            }
                            *index = Value::float(next);
                            pc = pc.offset((*i).signed_bc() as isize);
                        }
                    }
                }
                Op::GenericCall => {
                    let iterator = *reg!((*i).a);
                    if OBSERVED {
                        slow!(i, Vm::op_generic_call)
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
                            (*frame).pc = pc;
                            (*frame).base = base.offset_from((*vm).registers.stack.cast()) as u32;
                            (*frame).results = u32::from((*i).c) + 1;
                            (*frame).constants = k.cast();
                            (*vm).registers.frame_top = frame.add(1);
                            base = new_base.cast();
                            pc = (*function).code;
                            k = (*function).constants.cast();
                            continue;
                        }
                    } else if iterator.tag() == tag::NATIVE
                        && let Some(step) = iterator.as_native().step
                    {
                        let (state, control) = (*reg!((*i).a).add(1), *reg!((*i).a).add(2));
                        if step(&mut *vm, state, control, &mut *reg!((*i).a).add(3).cast()) {
                            for n in 2..(*i).c as usize {
                                *reg!((*i).a).add(3 + n) = Value::NIL;
                            }
                            continue;
                        }
                    }
                    slow!(i, Vm::op_generic_call)
                }
                Op::GenericLoop => {
                    let value = *reg!((*i).a).add(3);
                    if !value.is_nil() {
                        (*vm).fuel -= 1;
                        if (*vm).fuel < 0 {
                            preempt!(i);
                        }
                        *reg!((*i).a).add(2) = value;
                        pc = pc.offset((*i).signed_bc() as isize);
                    }
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
                            (*frame).pc = pc;
                            (*frame).base = base.offset_from((*vm).registers.stack.cast()) as u32;
                            (*frame).results = u32::from((*i).c);
                            (*frame).constants = k.cast();
                            (*vm).registers.frame_top = frame.add(1);
                            base = new_base.cast();
                            pc = (*function).code;
                            k = (*function).constants.cast();
                            continue;
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
                                slow!(i, |vm: &mut Vm, _: &Instruction| vm.safepoint())
                            }
                            continue;
                        }
                    }
                    slow!(i, Vm::op_call)
                }
                Op::TailCall => {
                    (*vm).fuel -= 1;
                    slow!(i, Vm::op_tail_call)
                }
                Op::Return => slow!(i, Vm::op_return),
                Op::Return0 => {
                    let frame = (*vm).registers.frame_top.sub(1);
                    let wanted = (*frame).results;
                    if wanted == results::exactly(0) || wanted == results::exactly(0) | results::TAIL_CALLED {
                        return_to!(frame);
                    } else {
                        slow!(i, Vm::op_return)
                    }
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
                        *reg!((*pc.sub(1)).a) = value;
                    } else if wanted == results::exactly(1) | results::TAIL_CALLED {
                        *base.cast::<Value>().sub(1) = *reg!((*i).a);
                        return_to!(frame);
                    } else {
                        slow!(i, Vm::op_return)
                    }
                }
                Op::ReturnVararg => slow!(i, Vm::op_return),
                Op::Vararg => slow!(i, Vm::op_vararg),
                Op::VarargPrep => {}
                Op::Closure => slow!(i, Vm::op_closure),

                Op::Halt => return,
                Op::Resume => slow!(i, Vm::resume_native),
                Op::CoroutineEnd => slow!(i, Vm::end_coroutine),
            }
        }
    }
}
