//! Comparison where the fast path does not apply (manual §3.4.4).

use super::error::LuaError;
use super::event::Event;
use super::machine::Vm;
use super::thread::results;
use super::value::{Value, tag};
use crate::bytecode::{Instruction, Op};
use crate::number;

/// An ordering operator.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Order {
    Lt,
    Le,
}

/// The answer to a comparison.
#[derive(Clone, Copy, Debug)]
pub enum Compared {
    /// Decided.
    Known(bool),
    /// Call this handler with both operands; the truth of its result is the answer, negated if the flag says so (then
    /// the operands are swapped as well).
    Ask {
        /// The `__eq`, `__lt` or `__le` handler.
        handler: Value,
        /// Whether it is `__lt` standing in for `__le`.
        negate: bool,
    },
}

/// Compares two numbers.
pub fn order_numbers(order: Order, x: Value, y: Value) -> bool {
    match (x.tag(), y.tag(), order) {
        (tag::INT, tag::INT, Order::Lt) => x.as_int() < y.as_int(),
        (tag::INT, tag::INT, Order::Le) => x.as_int() <= y.as_int(),
        (tag::FLOAT, tag::FLOAT, Order::Lt) => x.as_float() < y.as_float(),
        (tag::FLOAT, tag::FLOAT, Order::Le) => x.as_float() <= y.as_float(),
        (tag::INT, _, Order::Lt) => number::int_lt_float(x.as_int(), y.as_float()),
        (tag::INT, _, Order::Le) => number::int_le_float(x.as_int(), y.as_float()),
        (_, _, Order::Lt) => number::float_lt_int(x.as_float(), y.as_int()),
        (_, _, Order::Le) => number::float_le_int(x.as_float(), y.as_int()),
    }
}

impl Vm {
    /// `x < y` or `x <= y`.
    ///
    /// # Errors
    /// `attempt to compare …` if there is no way to compare them.
    pub fn order(&mut self, order: Order, x: Value, y: Value) -> Result<Compared, Box<LuaError>> {
        if x.is_number() && y.is_number() {
            return Ok(Compared::Known(order_numbers(order, x, y)));
        }
        if x.is_string() && y.is_string() {
            // SAFETY: live strings.
            let (x, y) = unsafe { ((*x.as_string()).as_bytes(), (*y.as_string()).as_bytes()) };
            return Ok(Compared::Known(if order == Order::Lt { x < y } else { x <= y }));
        }
        let event = if order == Order::Lt { Event::Lt } else { Event::Le };
        let handler = self.either_handler(x, y, event);
        if !handler.is_nil() {
            return Ok(Compared::Ask { handler, negate: false });
        }
        if order == Order::Le {
            let handler = self.either_handler(y, x, Event::Lt);
            if !handler.is_nil() {
                return Ok(Compared::Ask { handler, negate: true });
            }
        }
        let (x, y) = (self.type_name_of(x), self.type_name_of(y));
        Err(self.operation_error(&if x == y {
            format!("attempt to compare two {x} values")
        } else {
            format!("attempt to compare {x} with {y}")
        }))
    }

    /// `x == y`
    pub fn equals(&self, x: Value, y: Value) -> Compared {
        let same_kind = x.tag() == y.tag() && matches!(x.tag(), tag::TABLE | tag::USERDATA);
        if !same_kind || x.same(y) {
            return Compared::Known(x.raw_equals(y));
        }
        match self.either_handler(x, y, Event::Eq) {
            handler if handler.is_nil() => Compared::Known(false),
            handler => Compared::Ask { handler, negate: false },
        }
    }

    fn either_handler(&self, x: Value, y: Value, event: Event) -> Value {
        let handler = self.handler(x, event);
        if handler.is_nil() { self.handler(y, event) } else { handler }
    }

    /// The comparing jumps where the fast path does not apply.
    pub(super) fn op_compare(&mut self, i: &Instruction) -> Result<(), Box<LuaError>> {
        let a = self.slot(self.register_slot(i.a));
        let register_b = || self.slot(self.register_slot(i.b));
        let imm = Value::int(i64::from(i.b as i16));
        let (x, y, order) = match i.op {
            Op::JumpEq | Op::JumpNe => {
                let b = register_b();
                return match self.equals(a, b) {
                    Compared::Known(holds) => {
                        self.jump_if(i, holds);
                        Ok(())
                    }
                    Compared::Ask { handler, .. } => self.call_handler(handler, &[a, b], jump_results(i, true)),
                };
            }
            Op::JumpLt | Op::JumpNotLt => (a, register_b(), Order::Lt),
            Op::JumpLe | Op::JumpNotLe => (a, register_b(), Order::Le),
            Op::JumpLtInt | Op::JumpNotLtInt => (a, imm, Order::Lt),
            Op::JumpLeInt | Op::JumpNotLeInt => (a, imm, Order::Le),
            Op::JumpGtInt | Op::JumpNotGtInt => (imm, a, Order::Lt),
            Op::JumpGeInt | Op::JumpNotGeInt => (imm, a, Order::Le),
            other => unreachable!("{other:?} is not a comparison"),
        };
        match self.order(order, x, y)? {
            Compared::Known(holds) => {
                self.jump_if(i, holds);
                Ok(())
            }
            Compared::Ask { handler, negate: false } => self.call_handler(handler, &[x, y], jump_results(i, true)),
            Compared::Ask { handler, negate: true } => self.call_handler(handler, &[y, x], jump_results(i, false)),
        }
    }

    /// Takes the jump of a comparison if the comparison came out as the instruction wants it.
    fn jump_if(&mut self, i: &Instruction, holds: bool) {
        if holds == jumps_if(i) {
            self.take_jump(i);
        }
    }

    /// Takes the jump of a comparison.
    pub(super) fn take_jump(&mut self, i: &Instruction) {
        // SAFETY: a verified jump of the running function, which leads forward.
        self.saved.pc = unsafe { self.saved.pc.add(i.c as usize) };
    }
}

/// Whether a comparing jump is taken if the comparison holds.
fn jumps_if(i: &Instruction) -> bool {
    !matches!(
        i.op,
        Op::JumpNe
            | Op::JumpNeK
            | Op::JumpNotLt
            | Op::JumpNotLe
            | Op::JumpNotLtInt
            | Op::JumpNotLeInt
            | Op::JumpNotGtInt
            | Op::JumpNotGeInt
    )
}

/// What becomes of the result of a handler that compares, if a result that is true means what `meaning` says.
fn jump_results(i: &Instruction, meaning: bool) -> u32 {
    if jumps_if(i) == meaning { results::JUMP_IF } else { results::JUMP_IF_NOT }
}
