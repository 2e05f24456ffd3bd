//! Expressions as conditions: short-circuit jumps, `not` and comparisons.

use super::code::JumpList;
use super::descriptor::{Descriptor, Kind};
use super::error::Result;
use super::function::FunctionState;
use crate::bytecode::op::{Field, Instruction, NONE, Op, imm, konst, reg};
use crate::syntax::ast::BinOp;

impl FunctionState {
    /// Continues here if `e` is true; otherwise leaves by `e.when_false`.
    pub(super) fn continue_if_true(&mut self, e: &mut Descriptor) -> Result<()> {
        self.read(e)?;
        let jump = match e.kind {
            Kind::Comparison(pc) => {
                self.code.negate(pc);
                JumpList::one(pc)
            }
            Kind::True | Kind::Number(_) | Kind::String(_) => JumpList::EMPTY,
            Kind::False => self.code.jump(self.line),
            _ => self.jump_if(e, false)?,
        };
        let arrived = std::mem::replace(&mut e.when_true, JumpList::EMPTY);
        self.code.append(&mut e.when_false, jump);
        self.code.patch_here(arrived);
        Ok(())
    }

    /// Continues here if `e` is false or nil; otherwise leaves by `e.when_true`.
    pub(super) fn continue_if_false(&mut self, e: &mut Descriptor) -> Result<()> {
        self.read(e)?;
        let jump = match e.kind {
            Kind::Comparison(pc) => JumpList::one(pc),
            Kind::Nil | Kind::False => JumpList::EMPTY,
            Kind::True => self.code.jump(self.line),
            _ => self.jump_if(e, true)?,
        };
        let arrived = std::mem::replace(&mut e.when_false, JumpList::EMPTY);
        self.code.append(&mut e.when_true, jump);
        self.code.patch_here(arrived);
        Ok(())
    }

    /// Emits a jump taken if the truth of `e` is `sense`.
    fn jump_if(&mut self, e: &mut Descriptor, sense: bool) -> Result<JumpList> {
        let line = self.line;
        if let Kind::Relocatable(pc) = e.kind
            && self.code.at(pc).op == Op::Not
        {
            // Test the operand instead. It was freed when `not` was emitted, and nothing was emitted since.
            debug_assert_eq!(pc + 1, self.code.here());
            let operand = Field(self.code.at(pc).b);
            self.code.retract();
            let op = if sense { Op::JumpIfNot } else { Op::JumpIf };
            return Ok(JumpList::one(self.emit(Instruction::wide(op, operand, 0))));
        }
        let register = self.load_anywhere(e)?;
        self.release_value(e);
        Ok(JumpList::one(self.code.test(register, sense, line)))
    }

    /// `not e`
    pub(super) fn negate(&mut self, e: &mut Descriptor) -> Result<()> {
        self.read(e)?;
        match e.kind {
            Kind::Nil | Kind::False => e.kind = Kind::True,
            Kind::True | Kind::Number(_) | Kind::String(_) => e.kind = Kind::False,
            Kind::Comparison(pc) => self.code.negate(pc),
            _ => {
                let operand = self.load_anywhere(e)?;
                self.release_value(e);
                let not = Instruction::new(Op::Not, NONE, reg(operand), NONE);
                e.kind = Kind::Relocatable(self.emit(not));
            }
        }
        std::mem::swap(&mut e.when_true, &mut e.when_false);
        // The value of an operand that left early is not the value of its negation.
        self.code.drop_values(e.when_true);
        self.code.drop_values(e.when_false);
        Ok(())
    }

    /// `lhs op rhs` as a jump that is taken if it holds.
    pub(super) fn compare(&mut self, op: BinOp, lhs: Descriptor, rhs: Descriptor) -> Result<Descriptor> {
        match op {
            BinOp::Eq => self.equality(Op::JumpEq, Op::JumpEqK, lhs, rhs),
            BinOp::Ne => self.equality(Op::JumpNe, Op::JumpNeK, lhs, rhs),
            BinOp::Lt => self.order(&LESS, lhs, rhs),
            BinOp::Le => self.order(&LESS_OR_EQUAL, lhs, rhs),
            // Lua defines a > b as b < a.
            BinOp::Gt => self.order(&LESS, rhs, lhs),
            _ => self.order(&LESS_OR_EQUAL, rhs, lhs),
        }
    }

    fn equality(&mut self, op: Op, op_k: Op, lhs: Descriptor, rhs: Descriptor) -> Result<Descriptor> {
        let (mut value, mut other) = if lhs.is_constant() && !rhs.is_constant() { (rhs, lhs) } else { (lhs, rhs) };
        let jump = match self.constant_operand(&other) {
            Some(constant) => Instruction::new(op_k, reg(self.put_anywhere(&mut value)?), konst(constant), NONE),
            None => {
                let (register, other_register) = self.put_both_anywhere(&mut value, &mut other)?;
                // The operands may have changed sides; evaluation order is visible to `__eq` alone.
                let (a, b) = if lhs.is_constant() { (other_register, register) } else { (register, other_register) };
                Instruction::new(op, reg(a), reg(b), NONE)
            }
        };
        self.release_values(&value, &other);
        Ok(Kind::Comparison(self.emit(jump)).into())
    }

    fn order(&mut self, ops: &OrderOps, mut lhs: Descriptor, mut rhs: Descriptor) -> Result<Descriptor> {
        let jump = match (lhs.immediate(), rhs.immediate()) {
            (_, Some(immediate)) => {
                let register = self.put_anywhere(&mut lhs)?;
                Instruction::new(ops.immediate_right, reg(register), imm(immediate), NONE)
            }
            (Some(immediate), None) => {
                let register = self.put_anywhere(&mut rhs)?;
                Instruction::new(ops.immediate_left, reg(register), imm(immediate), NONE)
            }
            (None, None) => {
                let (left, right) = self.put_both_anywhere(&mut lhs, &mut rhs)?;
                Instruction::new(ops.registers, reg(left), reg(right), NONE)
            }
        };
        self.release_values(&lhs, &rhs);
        Ok(Kind::Comparison(self.emit(jump)).into())
    }
}

/// The instructions of one order relation.
struct OrderOps {
    registers: Op,
    /// `R < integer`
    immediate_right: Op,
    /// `integer < R`
    immediate_left: Op,
}

const LESS: OrderOps =
    OrderOps { registers: Op::JumpLt, immediate_right: Op::JumpLtInt, immediate_left: Op::JumpGtInt };

const LESS_OR_EQUAL: OrderOps =
    OrderOps { registers: Op::JumpLe, immediate_right: Op::JumpLeInt, immediate_left: Op::JumpGeInt };
