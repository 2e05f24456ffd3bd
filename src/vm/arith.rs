//! Arithmetic and bitwise operators where the fast path does not apply: mixed operands, strings, metamethods.

use super::error::LuaError;
use super::event::Event;
use super::machine::Vm;
use super::object::Closure;
use super::thread::{Frame, HEADROOM, Saved, results};
use super::value::{Value, tag};
use crate::bytecode::{Instruction, Op, Operand};
use crate::number::{self, Number, parse_number};

/// An arithmetic or bitwise operator.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Arith {
    Add,
    Sub,
    Mul,
    Mod,
    Pow,
    Div,
    IDiv,
    BAnd,
    BOr,
    BXor,
    Shl,
    Shr,
    Neg,
    BNot,
}

/// Why two numbers cannot be combined.
enum Failure {
    /// An operand is neither a number nor a string that reads as one.
    NotNumbers,
    /// A float operand of a bitwise operator has no integer value.
    NoInteger,
    /// `x // 0`
    DivideByZero,
    /// `x % 0`
    ModuloByZero,
}

impl Arith {
    fn event(self) -> Event {
        match self {
            Arith::Add => Event::Add,
            Arith::Sub => Event::Sub,
            Arith::Mul => Event::Mul,
            Arith::Mod => Event::Mod,
            Arith::Pow => Event::Pow,
            Arith::Div => Event::Div,
            Arith::IDiv => Event::IDiv,
            Arith::BAnd => Event::BAnd,
            Arith::BOr => Event::BOr,
            Arith::BXor => Event::BXor,
            Arith::Shl => Event::Shl,
            Arith::Shr => Event::Shr,
            Arith::Neg => Event::Unm,
            Arith::BNot => Event::BNot,
        }
    }

    fn is_bitwise(self) -> bool {
        matches!(self, Arith::BAnd | Arith::BOr | Arith::BXor | Arith::Shl | Arith::Shr | Arith::BNot)
    }

    fn of(op: Op) -> Arith {
        match op {
            Op::Add | Op::AddK | Op::AddInt => Arith::Add,
            Op::Sub | Op::SubK => Arith::Sub,
            Op::Mul | Op::MulK => Arith::Mul,
            Op::Mod | Op::ModK => Arith::Mod,
            Op::Pow | Op::PowK => Arith::Pow,
            Op::Div | Op::DivK => Arith::Div,
            Op::IDiv | Op::IDivK => Arith::IDiv,
            Op::BAnd | Op::BAndK => Arith::BAnd,
            Op::BOr | Op::BOrK => Arith::BOr,
            Op::BXor | Op::BXorK => Arith::BXor,
            Op::Shl | Op::ShlK => Arith::Shl,
            Op::Shr | Op::ShrK => Arith::Shr,
            Op::Neg => Arith::Neg,
            Op::BNot => Arith::BNot,
            other => unreachable!("{other:?} is not an arithmetic instruction"),
        }
    }
}

/// A value as a number: itself, or what its text reads as (manual §3.4.3).
pub fn to_number(value: Value) -> Option<Number> {
    match value.tag() {
        tag::INT => Some(Number::Int(value.as_int())),
        tag::FLOAT => Some(Number::Float(value.as_float())),
        // SAFETY: a live string.
        tag::STRING => parse_number(unsafe { (*value.as_string()).as_bytes() }),
        _ => None,
    }
}

/// A value as an integer, if it has that value exactly; strings are converted.
pub fn to_integer(value: Value) -> Option<i64> {
    to_number(value).and_then(Number::to_int)
}

impl From<Number> for Value {
    #[inline]
    fn from(number: Number) -> Value {
        match number {
            Number::Int(i) => Value::int(i),
            Number::Float(f) => Value::float(f),
        }
    }
}

fn combine(op: Arith, x: Value, y: Value) -> Result<Value, Failure> {
    // A string operand makes the operation one on floats, whatever it reads as.
    let integers = x.is_int() && y.is_int();
    let (Some(x), Some(y)) = (to_number(x), to_number(y)) else { return Err(Failure::NotNumbers) };
    if op.is_bitwise() {
        let (Some(x), Some(y)) = (x.to_int(), y.to_int()) else { return Err(Failure::NoInteger) };
        return Ok(Value::int(match op {
            Arith::BAnd => x & y,
            Arith::BOr => x | y,
            Arith::BXor => x ^ y,
            Arith::Shl => number::shift_left(x, y),
            Arith::Shr => number::shift_right(x, y),
            _ => !x,
        }));
    }
    if let (true, Number::Int(x), Number::Int(y)) = (integers, x, y) {
        let integer = match op {
            Arith::Add => Some(x.wrapping_add(y)),
            Arith::Sub => Some(x.wrapping_sub(y)),
            Arith::Mul => Some(x.wrapping_mul(y)),
            Arith::Neg => Some(x.wrapping_neg()),
            Arith::IDiv if y == 0 => return Err(Failure::DivideByZero),
            Arith::IDiv => Some(number::int_floor_div(x, y)),
            Arith::Mod if y == 0 => return Err(Failure::ModuloByZero),
            Arith::Mod => Some(number::int_mod(x, y)),
            _ => None,
        };
        if let Some(integer) = integer {
            return Ok(Value::int(integer));
        }
    }
    let (x, y) = (x.to_float(), y.to_float());
    Ok(Value::float(match op {
        Arith::Add => x + y,
        Arith::Sub => x - y,
        Arith::Mul => x * y,
        Arith::Div => x / y,
        Arith::Pow => number::float_pow(x, y),
        Arith::IDiv => number::float_floor_div(x, y),
        Arith::Mod => number::float_mod(x, y),
        _ => -x,
    }))
}

impl Vm {
    /// The operands of an arithmetic instruction, in source order. Unary operators get their operand twice, as their
    /// metamethods do.
    fn operands(&self, i: &Instruction) -> (Value, Value) {
        let x = self.slot(self.register_slot(i.b));
        let y = match i.op.operands()[2] {
            Operand::Reg => self.slot(self.register_slot(i.c)),
            // SAFETY: a verified constant operand of the running function.
            Operand::Const => unsafe { *self.saved.constants.byte_add(i.c as usize) },
            Operand::Imm => {
                let imm = i64::from(i.c as i16);
                Value::int(if i.x() == 2 { -imm } else { imm })
            }
            _ => x,
        };
        if i.x() == 1 && i.op.operands()[2] != Operand::Reg { (y, x) } else { (x, y) }
    }

    /// Every arithmetic and bitwise instruction where the fast path does not apply.
    pub(super) fn op_arith(&mut self, i: &Instruction) -> Result<(), Box<LuaError>> {
        let (x, y) = self.operands(i);
        let op = if i.op == Op::AddInt && i.x() == 2 { Arith::Sub } else { Arith::of(i.op) };
        let failure = if x.tag() >= tag::TABLE || y.tag() >= tag::TABLE {
            Failure::NotNumbers
        } else {
            match combine(op, x, y) {
                Ok(value) => {
                    self.set_slot(self.register_slot(i.a), value);
                    return Ok(());
                }
                Err(Failure::DivideByZero) => return Err(self.operation_error("attempt to divide by zero")),
                Err(Failure::ModuloByZero) => return Err(self.operation_error("attempt to perform 'n%0'")),
                Err(failure) => failure,
            }
        };
        let mut handler = self.handler(x, op.event());
        if handler.is_nil() {
            handler = self.handler(y, op.event());
        }
        if !handler.is_nil() {
            return self.call_handler(handler, &[x, y], results::INTO);
        }
        Err(self.arith_error(op, &failure, x, y, i))
    }

    fn arith_error(&mut self, op: Arith, failure: &Failure, x: Value, y: Value, i: &Instruction) -> Box<LuaError> {
        if matches!(failure, Failure::NoInteger) {
            let culprit = if to_integer(x).is_none() { x } else { y };
            let variable = self.describe_operand(culprit, i);
            return self.operation_error(&format!("number{variable} has no integer representation"));
        }
        let culprit = if to_number(x).is_none() { x } else { y };
        let what = if op.is_bitwise() { "perform bitwise operation on" } else { "perform arithmetic on" };
        self.operand_error(what, culprit, i)
    }

    /// Calls a metamethod for the running instruction; its first result finishes the instruction.
    pub(super) fn call_handler(&mut self, handler: Value, args: &[Value], results: u32) -> Result<(), Box<LuaError>> {
        let slot = self.live_extent();
        if handler.is_closure() && self.enter_handler(handler.as_closure(), slot, args, results) {
            return Ok(());
        }
        self.ensure_slots(slot + 1 + args.len() as u32 + HEADROOM)?;
        self.set_slot(slot, handler);
        for (i, value) in args.iter().enumerate() {
            self.set_slot(slot + 1 + i as u32, *value);
        }
        self.call_at(slot, args.len() as u32, results)
    }

    /// Enters a Lua function with few arguments, if no more than that is to be done: the stack has room, it takes no extra
    /// arguments, no hook wants to know.
    #[inline]
    fn enter_handler(&mut self, closure: *mut Closure, slot: u32, args: &[Value], results: u32) -> bool {
        // SAFETY: the closure is alive, and its function with it; registers and frame are checked to be there, and there is
        // headroom for arguments that have no register.
        unsafe {
            let function = &*(*closure).function;
            let base = self.stack().add(slot as usize + 1);
            let room = (self.registers.stack_limit as usize).wrapping_sub(base as usize);
            let frame = self.registers.frame_top;
            if base > self.registers.stack_limit
                || function.frame_bytes > room
                || frame == self.registers.frame_end
                || self.tracing.wanted
            {
                return false;
            }
            *base.sub(1) = Value::closure(closure);
            for (i, value) in args.iter().enumerate() {
                *base.add(i) = *value;
            }
            for i in args.len()..function.params as usize {
                *base.add(i) = Value::NIL;
            }
            let caller = self.saved.base.byte_offset_from(self.stack()) as u32;
            *frame = Frame { pc: self.saved.pc, base: caller, results, constants: self.saved.constants };
            self.registers.frame_top = frame.add(1);
            self.saved = Saved::new(function.code, base, function.constants);
        }
        true
    }

    /// The result of a metamethod completes the instruction before `saved.pc`.
    pub(super) fn finish_instruction(&mut self, value: Value, results: u32) -> Result<(), Box<LuaError>> {
        // SAFETY: FINISH frames are made by an instruction of the running function, which `pc` stands behind.
        let i = unsafe { &*self.saved.pc.sub(1) };
        match results {
            results::INTO => self.set_slot(self.register_slot(i.a), value),
            results::JUMP_IF | results::JUMP_IF_NOT => {
                if value.is_true() == (results == results::JUMP_IF) {
                    self.take_jump(i);
                }
            }
            _ => {
                debug_assert_eq!(i.op, Op::Concat);
                let n = results & results::COUNT;
                let first = self.register_slot(i.b);
                self.set_slot(first + n - 2, value);
                return self.concat_from(i, n - 1);
            }
        }
        Ok(())
    }
}
