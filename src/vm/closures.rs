//! Instructions that make functions and cells, and the preparation of numeric loops.

use super::error::LuaError;
use super::machine::Vm;
use super::object::Closure;
use super::value::Value;
use crate::bytecode::{CaptureFrom, Instruction, Op};
use crate::number::{Number, for_limit};

use super::arith::to_number;

impl Vm {
    /// `NewCell`
    pub(super) fn op_new_cell(&mut self, i: &Instruction) -> Result<(), Box<LuaError>> {
        let slot = self.register_slot(i.a);
        let cell = self.heap.new_cell(self.slot(slot));
        self.set_slot(slot, Value::cell(cell));
        self.safepoint_of(i)
    }

    /// `Closure`
    pub(super) fn op_closure(&mut self, i: &Instruction) -> Result<(), Box<LuaError>> {
        // SAFETY: a Lua function runs and has this nested function; a new object's captured values are written before
        // anything can see it.
        unsafe {
            let outer = *self.running_closure();
            let function = (*(*outer).function).child(i.bc() as usize);
            let captures = &function.proto.captures;
            let base = self.saved.base;
            // A value that was copied does not tell which variable it comes from; a cell does.
            let repeatable = captures.iter().all(|capture| match capture.from {
                CaptureFrom::Register(register) => (*base.add(register as usize)).is_cell(),
                CaptureFrom::Captured(_) => true,
                CaptureFrom::Itself => false,
            });
            if repeatable && let Some(closure) = self.heap.recent_closures.find(outer, function) {
                let same = captures.iter().enumerate().all(|(n, capture)| match capture.from {
                    CaptureFrom::Register(register) => {
                        (*Closure::captured(closure).add(n)).same(*base.add(register as usize))
                    }
                    _ => true,
                });
                if same {
                    self.set_slot(self.register_slot(i.a), Value::closure(closure));
                    return Ok(());
                }
            }
            let closure = self.heap.new_closure(function, captures.len());
            for (n, capture) in captures.iter().enumerate() {
                let value = match capture.from {
                    CaptureFrom::Register(register) => *self.saved.base.add(register as usize),
                    CaptureFrom::Captured(index) => *Closure::captured(outer).add(index as usize),
                    CaptureFrom::Itself => Value::closure(closure),
                };
                *Closure::captured(closure).add(n) = value;
            }
            if repeatable {
                self.heap.recent_closures.note(outer, closure);
            }
            self.set_slot(self.register_slot(i.a), Value::closure(closure));
        }
        self.safepoint_of(i)
    }

    /// `ForPrep` and `ForPrep1`
    pub(super) fn op_for_prep(&mut self, i: &Instruction) -> Result<(), Box<LuaError>> {
        let slot = self.register_slot(i.a);
        let unit_step = i.op == Op::ForPrep1;
        let (start, limit) = (self.slot(slot), self.slot(slot + 1));
        let step = if unit_step { Value::int(1) } else { self.slot(slot + 2) };
        let runs = if start.is_int() && step.is_int() {
            let (start, step) = (start.as_int(), step.as_int());
            let limit = match to_number(limit) {
                None => return Err(self.error("'for' limit must be a number")),
                Some(Number::Int(limit)) => Some(limit),
                Some(Number::Float(limit)) => for_limit(limit, step),
            };
            match limit {
                Some(limit) if if step > 0 { start <= limit } else { start >= limit } => {
                    // A step of zero goes on for ever; more rounds than fit a signed counter take centuries.
                    let rounds = start.abs_diff(limit).checked_div(step.unsigned_abs());
                    let rounds = rounds.and_then(|n| i64::try_from(n).ok()).unwrap_or(i64::MAX);
                    let counter = if unit_step { limit } else { rounds };
                    self.set_slot(slot + 1, Value::int(counter));
                    true
                }
                _ => false,
            }
        } else {
            let Some(limit) = to_number(limit) else { return Err(self.error("'for' limit must be a number")) };
            let Some(step) = to_number(step) else { return Err(self.error("'for' step must be a number")) };
            let Some(start) = to_number(start) else { return Err(self.error("'for' initial value must be a number")) };
            let (start, limit, step) = (start.to_float(), limit.to_float(), step.to_float());
            self.set_slot(slot, Value::float(start));
            self.set_slot(slot + 1, Value::float(limit));
            if !unit_step {
                self.set_slot(slot + 2, Value::float(step));
            }
            if step > 0.0 { start <= limit } else { limit <= start }
        };
        if !runs {
            // SAFETY: a verified jump.
            self.saved.pc = unsafe { self.saved.pc.offset(i.signed_bc() as isize) };
        }
        Ok(())
    }
}
