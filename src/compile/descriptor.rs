//! Expressions that are not yet in a register, and how they get there.
//!
//! Evaluating an expression yields a [`Descriptor`], which postpones the choice of the register: a constant, a variable,
//! an instruction whose destination is still open, a comparison that still is a jump. Only when a consumer asks for a
//! register (any, the next, a certain one) is the rest of the code emitted, so that values are computed in place.
//!
//! A descriptor also carries the jumps by which short-circuit operators left early: `when_true` with a true value,
//! `when_false` with a false one. [`super::condition`] makes and consumes them.

use super::code::JumpList;
use super::constants::as_operand;
use super::error::Result;
use super::function::FunctionState;
use crate::bytecode::op::{self, Instruction, NONE, Op, captured, count, konst, reg};
use crate::bytecode::proto::Constant;
use crate::number::Number;

/// The table or the key of a field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Operand {
    /// In its register, temporary or local.
    Register(u8),
    /// A variable in a cell, which is read when the field is: not before a call in between has assigned it.
    Cell(u8),
    /// The same for a captured one.
    CapturedCell(u8),
}

/// What an expression is so far.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Kind {
    Nil,
    True,
    False,
    Number(Number),
    /// A string constant, by its index.
    String(u32),
    /// A value in its register, temporary or local.
    Register(u8),
    /// A local variable that is its register.
    Local(u8),
    /// A local variable whose cell is in the register.
    Cell(u8),
    Captured(u8),
    CapturedCell(u8),
    /// A field of the `_ENV` that is captured by value.
    Global {
        environment: u8,
        key: u16,
    },
    /// `object[K[key]]`, a string key
    Field {
        object: Operand,
        key: u16,
    },
    /// `object[key]`, an integer key
    Element {
        object: Operand,
        key: u16,
    },
    /// `object[key]`
    Index {
        object: Operand,
        key: Operand,
    },
    /// The instruction at this place, whose destination is open.
    Relocatable(u32),
    /// The jump at this place, taken if the expression is true.
    Comparison(u32),
    /// The call at this place, whose number of results is open.
    Call(u32),
    /// The `Vararg` at this place, whose destination and number of results are open.
    Vararg(u32),
}

/// An expression under evaluation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Descriptor {
    pub(super) kind: Kind,
    pub(super) when_true: JumpList,
    pub(super) when_false: JumpList,
}

impl From<Kind> for Descriptor {
    fn from(kind: Kind) -> Self {
        Descriptor { kind, when_true: JumpList::EMPTY, when_false: JumpList::EMPTY }
    }
}

impl Descriptor {
    pub(super) fn has_jumps(&self) -> bool {
        !self.when_true.is_empty() || !self.when_false.is_empty()
    }

    /// The number it is, if it is a constant one.
    pub(super) fn number(&self) -> Option<Number> {
        match self.kind {
            Kind::Number(number) if !self.has_jumps() => Some(number),
            _ => None,
        }
    }

    /// The integer it is, if it is a constant one that fits an immediate operand.
    pub(super) fn immediate(&self) -> Option<i16> {
        match self.number() {
            Some(Number::Int(value)) => i16::try_from(value).ok(),
            _ => None,
        }
    }

    /// Whether it is a local variable in a cell. Like one in a register it is read by the instruction that uses it, after
    /// the other operand has been computed.
    pub(super) fn is_cell(&self) -> bool {
        matches!(self.kind, Kind::Cell(_)) && !self.has_jumps()
    }

    pub(super) fn is_constant(&self) -> bool {
        matches!(self.kind, Kind::Nil | Kind::True | Kind::False | Kind::Number(_) | Kind::String(_))
            && !self.has_jumps()
    }

    /// Whether it can yield any number of values.
    pub(super) fn is_multiple(&self) -> bool {
        matches!(self.kind, Kind::Call(_) | Kind::Vararg(_))
    }
}

impl FunctionState {
    /// The number as a constant.
    fn number_constant(number: Number) -> Constant {
        match number {
            Number::Int(value) => Constant::Integer(value),
            Number::Float(value) => Constant::Float(value),
        }
    }

    /// The constant operand for `e`, if it is a constant whose index is small enough.
    pub(super) fn constant_operand(&mut self, e: &Descriptor) -> Option<u16> {
        if e.has_jumps() {
            return None;
        }
        match e.kind {
            Kind::Nil => self.constants.operand(Constant::Nil),
            Kind::True => self.constants.operand(Constant::Boolean(true)),
            Kind::False => self.constants.operand(Constant::Boolean(false)),
            Kind::Number(number) => self.constants.operand(Self::number_constant(number)),
            Kind::String(index) => as_operand(index),
            _ => None,
        }
    }

    // ---- several values

    /// Lets a call or `...` yield exactly `n` values, from the next register on in the case of `...`.
    pub(super) fn set_results(&mut self, e: &Descriptor, n: usize) -> Result<()> {
        self.set_result_count(e, n as u16 + 1)
    }

    /// Lets a call or `...` yield all its values.
    pub(super) fn set_open_results(&mut self, e: &Descriptor) -> Result<()> {
        self.set_result_count(e, 0)
    }

    fn set_result_count(&mut self, e: &Descriptor, operand: u16) -> Result<()> {
        match e.kind {
            Kind::Call(pc) => self.code.at(pc).c = operand,
            Kind::Vararg(pc) => {
                let destination = reg(self.reserve(1)?).0;
                let vararg = self.code.at(pc);
                vararg.c = operand;
                vararg.a = destination;
            }
            _ => debug_assert!(false, "only calls and varargs have several results"),
        }
        Ok(())
    }

    /// Cuts a call or `...` down to one value.
    pub(super) fn truncate(&mut self, e: &mut Descriptor) {
        match e.kind {
            Kind::Call(pc) => {
                let call = self.code.at(pc);
                call.c = 2;
                e.kind = Kind::Register(op::index(call.a) as u8);
            }
            Kind::Vararg(pc) => {
                self.code.at(pc).c = 2;
                e.kind = Kind::Relocatable(pc);
            }
            _ => {}
        }
    }

    // ---- into registers

    /// Reads a variable: afterwards `e` is a constant, a register, a comparison or relocatable.
    pub(super) fn read(&mut self, e: &mut Descriptor) -> Result<()> {
        let load = match e.kind {
            Kind::Local(register) => {
                e.kind = Kind::Register(register);
                return Ok(());
            }
            Kind::Call(_) | Kind::Vararg(_) => {
                self.truncate(e);
                return Ok(());
            }
            Kind::Cell(register) => Instruction::new(Op::GetCell, NONE, reg(register), NONE),
            Kind::Captured(index) => Instruction::new(Op::GetCaptured, NONE, captured(index), NONE),
            Kind::CapturedCell(index) => Instruction::new(Op::GetCapturedCell, NONE, captured(index), NONE),
            Kind::Global { environment, key } => {
                Instruction::new(Op::GetGlobal, NONE, captured(environment), konst(key))
            }
            Kind::Field { object, key } => {
                let object = self.fetch(object)?;
                self.release(object);
                Instruction::new(Op::GetField, NONE, reg(object), konst(key))
            }
            Kind::Element { object, key } => {
                let object = self.fetch(object)?;
                self.release(object);
                Instruction::new(Op::GetInt, NONE, reg(object), count(key))
            }
            Kind::Index { object, key } => {
                let (object, key) = (self.fetch(object)?, self.fetch(key)?);
                self.release_both(object, key);
                Instruction::new(Op::GetIndex, NONE, reg(object), reg(key))
            }
            _ => return Ok(()),
        };
        e.kind = Kind::Relocatable(self.emit(load));
        Ok(())
    }

    /// The operand in a register: its own, or the next one.
    pub(super) fn fetch(&mut self, operand: Operand) -> Result<u8> {
        let load = match operand {
            Operand::Register(register) => return Ok(register),
            Operand::Cell(register) => Instruction::new(Op::GetCell, NONE, reg(register), NONE),
            Operand::CapturedCell(index) => Instruction::new(Op::GetCapturedCell, NONE, captured(index), NONE),
        };
        let register = self.reserve(1)?;
        self.emit(Instruction { a: reg(register).0, ..load });
        Ok(register)
    }

    /// Frees two registers in the right order.
    pub(super) fn release_both(&mut self, a: u8, b: u8) {
        self.release(a.max(b));
        self.release(a.min(b));
    }

    /// Frees the register of `e`, if it is in one.
    pub(super) fn release_value(&mut self, e: &Descriptor) {
        if let Kind::Register(register) = e.kind {
            self.release(register);
        }
    }

    /// Frees the registers of two expressions in the right order.
    pub(super) fn release_values(&mut self, a: &Descriptor, b: &Descriptor) {
        match (a.kind, b.kind) {
            (Kind::Register(a), Kind::Register(b)) => self.release_both(a, b),
            _ => {
                self.release_value(a);
                self.release_value(b);
            }
        }
    }

    /// Puts the value into `register`, except for what still is a comparison. Jumps stay pending.
    fn load_in(&mut self, e: &mut Descriptor, register: u8) -> Result<()> {
        self.read(e)?;
        let target = reg(register);
        match e.kind {
            Kind::Nil => self.code.load_nil(register, 1, self.line),
            Kind::True => {
                self.emit(Instruction::new(Op::LoadTrue, target, NONE, NONE));
            }
            Kind::False => {
                self.emit(Instruction::new(Op::LoadFalse, target, NONE, NONE));
            }
            Kind::Number(number) => self.load_number(number, register),
            Kind::String(index) => {
                self.emit(Instruction::wide(Op::LoadConst, target, index));
            }
            Kind::Relocatable(pc) => self.code.at(pc).a = target.0,
            Kind::Register(from) if from != register => {
                self.emit(Instruction::new(Op::Move, target, reg(from), NONE));
            }
            _ => {}
        }
        if !matches!(e.kind, Kind::Comparison(_)) {
            e.kind = Kind::Register(register);
        }
        Ok(())
    }

    fn load_number(&mut self, number: Number, register: u8) {
        let load = match number {
            Number::Int(value) if i32::try_from(value).is_ok() => {
                Instruction::wide(Op::LoadInt, reg(register), value as u32)
            }
            _ => {
                let index = self.constants.add(Self::number_constant(number));
                Instruction::wide(Op::LoadConst, reg(register), index)
            }
        };
        self.emit(load);
    }

    /// Puts the value into some register, jumps still pending, and returns it.
    pub(super) fn load_anywhere(&mut self, e: &mut Descriptor) -> Result<u8> {
        self.read(e)?;
        if let Kind::Register(register) = e.kind {
            return Ok(register);
        }
        let register = self.reserve(1)?;
        self.load_in(e, register)?;
        Ok(register)
    }

    /// Puts the final value into `register`, whichever way it is computed.
    pub(super) fn put_in(&mut self, e: &mut Descriptor, register: u8) -> Result<()> {
        self.load_in(e, register)?;
        if let Kind::Comparison(pc) = e.kind {
            let mut when_true = e.when_true;
            self.code.append(&mut when_true, JumpList::one(pc));
            e.when_true = when_true;
        }
        if e.has_jumps() {
            self.join_jumps(e, register);
        }
        *e = Kind::Register(register).into();
        Ok(())
    }

    /// Lets the pending jumps of `e` arrive here with their value in `register`.
    fn join_jumps(&mut self, e: &Descriptor, register: u8) {
        let is_comparison = matches!(e.kind, Kind::Comparison(_));
        let needs_true = self.code.needs_load(e.when_true);
        let needs_false = is_comparison || self.code.needs_load(e.when_false);
        let (mut load_true, mut load_false) = (0, 0);
        if needs_true || needs_false {
            let line = self.line;
            let mut done = if is_comparison { JumpList::EMPTY } else { self.code.jump(line) };
            if needs_false {
                load_false = self.code.mark();
                self.emit(Instruction::new(Op::LoadFalse, reg(register), NONE, NONE));
                if needs_true {
                    let skip = self.code.jump(line);
                    self.code.append(&mut done, skip);
                }
            }
            if needs_true {
                load_true = self.code.mark();
                self.emit(Instruction::new(Op::LoadTrue, reg(register), NONE, NONE));
            }
            self.code.patch_here(done);
        }
        let here = self.code.mark();
        self.code.patch_values(e.when_false, register, here, load_false);
        self.code.patch_values(e.when_true, register, here, load_true);
    }

    /// Puts the final value into the next register and returns it.
    pub(super) fn put_in_next(&mut self, e: &mut Descriptor) -> Result<u8> {
        self.read(e)?;
        self.release_value(e);
        let register = self.reserve(1)?;
        self.put_in(e, register)?;
        Ok(register)
    }

    /// Puts the final value into some register, where it may already be, and returns it.
    pub(super) fn put_anywhere(&mut self, e: &mut Descriptor) -> Result<u8> {
        self.read(e)?;
        if let Kind::Register(register) = e.kind {
            if !e.has_jumps() {
                return Ok(register);
            }
            if !self.is_local(register) {
                self.put_in(e, register)?;
                return Ok(register);
            }
        }
        self.put_in_next(e)
    }

    /// Puts both operands of an instruction into some registers. A left one that is still a constant or a cell comes
    /// second: the right one may be the last temporary, and may assign what the cell holds.
    pub(super) fn put_both_anywhere(&mut self, lhs: &mut Descriptor, rhs: &mut Descriptor) -> Result<(u8, u8)> {
        if lhs.number().is_some() || lhs.is_cell() {
            let right = self.put_anywhere(rhs)?;
            return Ok((self.put_anywhere(lhs)?, right));
        }
        Ok((self.put_anywhere(lhs)?, self.put_anywhere(rhs)?))
    }

    // ---- indexing and storing

    /// The table of a field, in a register unless it is in a cell.
    pub(super) fn table_operand(&mut self, e: &mut Descriptor) -> Result<Operand> {
        match e.kind {
            Kind::Cell(register) if !e.has_jumps() => Ok(Operand::Cell(register)),
            Kind::CapturedCell(index) if !e.has_jumps() => Ok(Operand::CapturedCell(index)),
            _ => self.put_anywhere(e).map(Operand::Register),
        }
    }

    /// `object[key]`
    pub(super) fn index(&mut self, object: Operand, mut key: Descriptor) -> Result<Descriptor> {
        let kind = match (key.kind, self.constant_key(&key)) {
            (Kind::String(_), Some(key)) => Kind::Field { object, key },
            (_, Some(key)) => Kind::Element { object, key },
            (Kind::Cell(register), None) if !key.has_jumps() => Kind::Index { object, key: Operand::Cell(register) },
            _ => Kind::Index { object, key: Operand::Register(self.put_anywhere(&mut key)?) },
        };
        Ok(kind.into())
    }

    /// The 16-bit operand for a key: the constant index of a string or a small integer itself.
    fn constant_key(&self, key: &Descriptor) -> Option<u16> {
        match key.kind {
            _ if key.has_jumps() => None,
            Kind::String(index) => as_operand(index),
            Kind::Number(Number::Int(value)) => u16::try_from(value).ok(),
            _ => None,
        }
    }

    /// `target = value`. Frees the value, not the registers that the target already has.
    pub(super) fn store(&mut self, target: Kind, mut value: Descriptor) -> Result<()> {
        if let Kind::Local(register) = target {
            self.read(&mut value)?;
            self.release_value(&value);
            return self.put_in(&mut value, register);
        }
        let value = self.put_anywhere(&mut value)?;
        let from = reg(value);
        let temporaries = self.free();
        let store = match target {
            Kind::Cell(register) => Instruction::new(Op::SetCell, reg(register), from, NONE),
            Kind::CapturedCell(index) => Instruction::new(Op::SetCapturedCell, from, captured(index), NONE),
            Kind::Global { environment, key } => {
                Instruction::new(Op::SetGlobal, from, captured(environment), konst(key))
            }
            Kind::Field { object, key } => Instruction::new(Op::SetField, reg(self.fetch(object)?), konst(key), from),
            Kind::Element { object, key } => Instruction::new(Op::SetInt, reg(self.fetch(object)?), count(key), from),
            Kind::Index { object, key } => {
                Instruction::new(Op::SetIndex, reg(self.fetch(object)?), reg(self.fetch(key)?), from)
            }
            _ => return Err(self.misplaced("cannot assign to this expression")),
        };
        self.emit(store);
        self.release_from(temporaries);
        self.release(value);
        Ok(())
    }
}
