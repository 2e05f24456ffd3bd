//! Emission of unary and binary operators on descriptors.
//!
//! A binary operator is seen twice: by [`FunctionState::infix`] when its left operand is known, which must be saved
//! before the right one is evaluated, and by [`FunctionState::postfix`] when both are.

use super::descriptor::{Descriptor, Kind};
use super::error::Result;
use super::fold;
use super::function::FunctionState;
use crate::bytecode::op::{self, Instruction, NONE, Op, count, imm, konst, reg};
use crate::number::Number;
use crate::syntax::ast::{BinOp, UnOp};

/// What [`Op::AddInt`] says about the source in its flag.
const CONSTANT_LEFT: u8 = 1;
const WAS_SUBTRACTION: u8 = 2;

impl FunctionState {
    /// `op e`; `line` is the operator's.
    pub(super) fn prefix(&mut self, op: UnOp, mut e: Descriptor, line: u32) -> Result<Descriptor> {
        if op == UnOp::Not {
            self.negate(&mut e)?;
            return Ok(e);
        }
        if let Some(folded) = e.number().and_then(|number| fold::unary(op, number)) {
            return Ok(Kind::Number(folded).into());
        }
        let operand = self.put_anywhere(&mut e)?;
        self.release(operand);
        let op = match op {
            UnOp::Neg => Op::Neg,
            UnOp::BNot => Op::BNot,
            UnOp::Len | UnOp::Not => Op::Len,
        };
        let pc = self.code.emit(Instruction::new(op, NONE, reg(operand), NONE), line);
        Ok(Kind::Relocatable(pc).into())
    }

    /// Prepares the left operand `e` of `op` for the evaluation of the right one.
    pub(super) fn infix(&mut self, op: BinOp, e: &mut Descriptor) -> Result<()> {
        let stays = match op {
            BinOp::And => return self.continue_if_true(e),
            BinOp::Or => return self.continue_if_false(e),
            BinOp::Concat => {
                self.put_in_next(e)?;
                return Ok(());
            }
            BinOp::Eq | BinOp::Ne => e.is_constant(),
            BinOp::Lt | BinOp::Le | BinOp::Gt | BinOp::Ge => e.immediate().is_some(),
            _ => e.number().is_some(),
        };
        if !stays && !e.is_cell() {
            self.put_anywhere(e)?;
        }
        Ok(())
    }

    /// `lhs op rhs`; `line` is the operator's.
    pub(super) fn postfix(&mut self, op: BinOp, lhs: Descriptor, mut rhs: Descriptor, line: u32) -> Result<Descriptor> {
        match op {
            BinOp::And => {
                debug_assert!(lhs.when_true.is_empty());
                self.read(&mut rhs)?;
                self.code.append(&mut rhs.when_false, lhs.when_false);
                Ok(rhs)
            }
            BinOp::Or => {
                debug_assert!(lhs.when_false.is_empty());
                self.read(&mut rhs)?;
                self.code.append(&mut rhs.when_true, lhs.when_true);
                Ok(rhs)
            }
            BinOp::Concat => self.concat(lhs, rhs, line),
            BinOp::Eq | BinOp::Ne | BinOp::Lt | BinOp::Le | BinOp::Gt | BinOp::Ge => self.compare(op, lhs, rhs),
            _ => self.arithmetic(op, lhs, rhs, line),
        }
    }

    /// `lhs .. rhs`; the left operand is the last temporary, or the last but one if the right one is a value.
    fn concat(&mut self, lhs: Descriptor, mut rhs: Descriptor, line: u32) -> Result<Descriptor> {
        let Kind::Register(first) = lhs.kind else {
            unreachable!("the left operand of a concatenation was put into a register")
        };
        self.read(&mut rhs)?;
        if let Kind::Relocatable(pc) = rhs.kind
            && !rhs.has_jumps()
            && self.code.at(pc).op == Op::Concat
        {
            // `..` associates to the right: the operands of the inner one follow ours.
            let inner = self.code.at(pc);
            debug_assert_eq!(op::index(inner.b), usize::from(first) + 1);
            inner.b = reg(first).0;
            inner.c += 1;
            self.release(first);
            return Ok(rhs);
        }
        let second = self.put_in_next(&mut rhs)?;
        self.release(second);
        self.release(first);
        let concat = Instruction::new(Op::Concat, NONE, reg(first), count(2));
        Ok(Kind::Relocatable(self.code.emit(concat, line)).into())
    }

    fn arithmetic(&mut self, op: BinOp, mut lhs: Descriptor, mut rhs: Descriptor, line: u32) -> Result<Descriptor> {
        if let (Some(a), Some(b)) = (lhs.number(), rhs.number())
            && let Some(folded) = fold::binary(op, a, b)
        {
            return Ok(Kind::Number(folded).into());
        }
        let (on_registers, on_constant, commutes) = opcodes(op);
        let instruction = if let Some((immediate, flag)) = added_immediate(op, &lhs, &rhs) {
            let operand = self.put_anywhere(if flag == CONSTANT_LEFT { &mut rhs } else { &mut lhs })?;
            Instruction::new(Op::AddInt, NONE, reg(operand), imm(immediate)).with_x(flag)
        } else if let Some(constant) = self.numeric_operand(&rhs) {
            let left = self.put_anywhere(&mut lhs)?;
            Instruction::new(on_constant, NONE, reg(left), konst(constant))
        } else if commutes && let Some(constant) = self.numeric_operand(&lhs) {
            let right = self.put_anywhere(&mut rhs)?;
            Instruction::new(on_constant, NONE, reg(right), konst(constant)).with_x(CONSTANT_LEFT)
        } else {
            let (left, right) = self.put_both_anywhere(&mut lhs, &mut rhs)?;
            Instruction::new(on_registers, NONE, reg(left), reg(right))
        };
        self.release_values(&lhs, &rhs);
        Ok(Kind::Relocatable(self.code.emit(instruction, line)).into())
    }

    fn numeric_operand(&mut self, e: &Descriptor) -> Option<u16> {
        e.number()?;
        self.constant_operand(e)
    }
}

/// The immediate operand and flag of [`Op::AddInt`], if `lhs op rhs` can be one.
fn added_immediate(op: BinOp, lhs: &Descriptor, rhs: &Descriptor) -> Option<(i16, u8)> {
    let on_left = lhs.number().is_some();
    match (op, rhs.immediate()) {
        (BinOp::Add, Some(value)) if !on_left => Some((value, 0)),
        (BinOp::Add, None) if rhs.number().is_none() => Some((lhs.immediate()?, CONSTANT_LEFT)),
        // x - 0 is x even for x = -0.0, unlike x + 0.
        (BinOp::Sub, Some(value)) if !on_left && value != 0 => Some((value.checked_neg()?, WAS_SUBTRACTION)),
        _ => None,
    }
}

/// The instructions of an arithmetic or bitwise operator on two registers and with a constant, and whether it commutes.
fn opcodes(op: BinOp) -> (Op, Op, bool) {
    match op {
        BinOp::Add => (Op::Add, Op::AddK, true),
        BinOp::Sub => (Op::Sub, Op::SubK, false),
        BinOp::Mul => (Op::Mul, Op::MulK, true),
        BinOp::Mod => (Op::Mod, Op::ModK, false),
        BinOp::Pow => (Op::Pow, Op::PowK, false),
        BinOp::Div => (Op::Div, Op::DivK, false),
        BinOp::IDiv => (Op::IDiv, Op::IDivK, false),
        BinOp::BAnd => (Op::BAnd, Op::BAndK, true),
        BinOp::BOr => (Op::BOr, Op::BOrK, true),
        BinOp::BXor => (Op::BXor, Op::BXorK, true),
        BinOp::Shl => (Op::Shl, Op::ShlK, false),
        BinOp::Shr => (Op::Shr, Op::ShrK, false),
        BinOp::Or
        | BinOp::And
        | BinOp::Lt
        | BinOp::Gt
        | BinOp::Le
        | BinOp::Ge
        | BinOp::Ne
        | BinOp::Eq
        | BinOp::Concat => unreachable!("not an arithmetic operator"),
    }
}

/// Whether the number is the integer 1, the step that has loop instructions of its own.
pub(super) fn is_one(e: &Descriptor) -> bool {
    e.number() == Some(Number::Int(1))
}
