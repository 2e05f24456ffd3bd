//! Each instruction by itself: operands name what exists, and fit the operation.
//!
//! All instructions are checked, even those that nothing leads to: messages are made by looking at them.

use super::{Check, ensure};
use crate::bytecode::op::{Instruction, Op, Operand, SCALE, index};
use crate::bytecode::proto::{Constant, Proto};

/// Checks the instruction at `pc`.
pub(super) fn check(proto: &Proto, pc: usize) -> Check {
    let i = &proto.code[pc];
    ensure(i.op.is_compiled(), "operation of the machine itself")?;
    for (kind, stored) in i.op.operands().into_iter().zip([i.a, i.b, i.c]) {
        operand(proto, pc, kind, stored)?;
    }
    ensure(end_of_group(i) <= usize::from(proto.registers), "registers out of range")?;
    ensure(i.op.has_flag() || i.op.counts_live() || i.x() == 0, "unknown flag")?;
    match i.op {
        Op::GetCaptured | Op::GetGlobal => captured(proto, i.b, false),
        Op::GetCapturedCell | Op::SetCapturedCell => captured(proto, i.b, true),
        Op::SetGlobal => captured(proto, i.b, false),
        Op::Concat => ensure(i.c >= 2, "too few operands"),
        Op::GenericCall => ensure(i.c >= 1, "too few variables"),
        Op::AddInt => ensure(i.x() <= 2, "unknown flag"),
        Op::TailCall => ensure(i.x() == u8::from(proto.vararg), "tail call of another kind of function"),
        Op::Return | Op::Return0 | Op::Return1 => ensure(!proto.vararg, "return of a function without extra arguments"),
        Op::ReturnVararg | Op::Vararg => ensure(proto.vararg, "extra arguments where there are none"),
        Op::VarargPrep => ensure(
            pc == 0 && proto.vararg && i.a == u16::from(proto.params),
            "misplaced preparation of extra arguments",
        ),
        // The flag of arithmetic with a constant; in a list it is part of a number.
        op if op.has_flag() && op != Op::SetList => ensure(i.x() <= 1, "unknown flag"),
        _ => Ok(()),
    }
}

/// Whether `op` ends a function.
pub(super) fn is_return(op: Op) -> bool {
    matches!(op, Op::Return | Op::Return0 | Op::Return1 | Op::ReturnVararg)
}

/// Where a jump leads, if the instruction has one. It has been checked.
pub(super) fn jump_target(i: &Instruction, pc: usize) -> Option<usize> {
    let distance = match i.op.operands() {
        [_, Operand::WideJump, _] => i.signed_bc() as isize,
        [.., Operand::Jump] => (i.c as i16) as isize,
        _ => return None,
    };
    Some((pc + 1).wrapping_add_signed(distance))
}

fn operand(proto: &Proto, pc: usize, kind: Operand, stored: u16) -> Check {
    let i = &proto.code[pc];
    match kind {
        Operand::Reg => scaled(stored, usize::from(proto.registers), "register out of range"),
        Operand::Captured => scaled(stored, proto.captures.len(), "captured variable out of range"),
        Operand::Const => {
            scaled(stored, proto.constants.len(), "constant out of range")?;
            constant(i.op, &proto.constants[index(stored)])
        }
        Operand::WideConst => ensure((i.bc() as usize) < proto.constants.len(), "constant out of range"),
        Operand::WideProto => ensure((i.bc() as usize) < proto.protos.len(), "nested function out of range"),
        Operand::Jump => distance(proto, pc, i64::from(stored as i16)),
        Operand::WideJump => distance(proto, pc, i64::from(i.signed_bc())),
        // The second half of a wide operand belongs to the first.
        Operand::None | Operand::Imm | Operand::Count | Operand::WideImm => Ok(()),
    }
}

/// An index stored as a byte offset.
fn scaled(stored: u16, len: usize, reason: &'static str) -> Check {
    ensure(stored.is_multiple_of(SCALE) && index(stored) < len, reason)
}

fn constant(op: Op, constant: &Constant) -> Check {
    match op {
        Op::JumpEqK | Op::JumpNeK => Ok(()),
        Op::GetGlobal | Op::SetGlobal | Op::GetField | Op::SetField | Op::Method => {
            ensure(matches!(constant, Constant::String(_)), "key is no string")
        }
        _ => ensure(matches!(constant, Constant::Integer(_) | Constant::Float(_)), "operand is no number"),
    }
}

fn captured(proto: &Proto, stored: u16, cell: bool) -> Check {
    ensure(proto.captures[index(stored)].cell == cell, "captured variable of another kind")
}

/// A jump over `distance` instructions. Only those that cost fuel may lead backward, and so the rest never loops.
fn distance(proto: &Proto, pc: usize, distance: i64) -> Check {
    let backward_allowed = match proto.code[pc].op {
        Op::Jump => true,
        Op::ForLoop | Op::ForLoop1 | Op::GenericLoop => {
            ensure(distance < 0, "loop that leads forward")?;
            true
        }
        _ => false,
    };
    ensure(distance >= 0 || backward_allowed, "conditional jump backward")?;
    let target = pc as i64 + 1 + distance;
    ensure((0..proto.code.len() as i64).contains(&target), "jump out of the function")
}

/// The register after the last one that the instruction reads or writes as part of a group; an open list counts as its
/// first register.
fn end_of_group(i: &Instruction) -> usize {
    let (a, b, c) = (index(i.a), usize::from(i.b), usize::from(i.c));
    match i.op {
        Op::LoadNil => a + b,
        Op::Method => a + 2,
        Op::SetList => a + 1 + b,
        Op::Concat => index(i.b) + c,
        Op::ForPrep | Op::ForLoop => a + 3,
        Op::ForPrep1 | Op::ForLoop1 => a + 2,
        // The call of the iterator needs three registers, whatever number of variables there is.
        Op::GenericCall => a + 3 + c.max(3),
        Op::GenericLoop => a + 4,
        Op::Call => a + b.max(c.saturating_sub(1)),
        Op::TailCall => a + b,
        Op::Return | Op::ReturnVararg => a + b.saturating_sub(1),
        Op::Vararg => a + c.saturating_sub(1),
        _ => 0,
    }
}
