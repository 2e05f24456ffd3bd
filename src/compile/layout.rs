//! The last step of a function: jump distances.
//!
//! Jumps to unconditional jumps are led to the final place first. Then distances are encoded. Fused jumps have 16 bits
//! for theirs; if one does not suffice, all fused jumps of the function are rewritten to step over a wide `Jump`, which
//! costs time only in functions of more than 32,000 instructions.

use super::code::{CodeBuffer, NO_LINK, opposite};
use crate::bytecode::op::{Field, Instruction, NONE, Op, Operand, imm};
use crate::bytecode::proto::LocalInfo;

/// Jumps to jumps followed before giving up; an empty endless loop has no end of them.
const MAX_HOPS: usize = 64;

/// Longest jump. Lua has such a limit too, a quarter of this.
const MAX_DISTANCE: u64 = 1 << 19;

/// A jump that is longer than [`MAX_DISTANCE`].
pub(super) struct TooLong {
    /// The line of the jump.
    pub line: u32,
}

/// Encodes the distances of all jumps. Moves `locals` along if instructions move.
pub(super) fn settle(code: &mut CodeBuffer, locals: &mut [LocalInfo]) -> Result<(), TooLong> {
    thread(code);
    if !fits(code) {
        widen(code, locals);
    }
    for pc in 0..code.instructions.len() {
        let distance = i64::from(code.links[pc]) - (pc as i64 + 1);
        let jump = &mut code.instructions[pc];
        let kind = operand_kind(jump.op);
        if kind.is_some() && distance.unsigned_abs() > MAX_DISTANCE {
            return Err(TooLong { line: code.lines[pc] });
        }
        match kind {
            Some(Operand::Jump) => {
                jump.c = imm(i16::try_from(distance).expect("checked or widened above")).0;
            }
            Some(_) => {
                let distance = i32::try_from(distance).expect("checked above");
                *jump = Instruction::wide(jump.op, Field(jump.a), distance as u32);
            }
            None => {}
        }
    }
    Ok(())
}

/// The kind of jump operand that `op` has, if any.
fn operand_kind(op: Op) -> Option<Operand> {
    op.operands().into_iter().find(|kind| matches!(kind, Operand::Jump | Operand::WideJump))
}

/// Leads jumps past the unconditional jumps they would arrive at.
fn thread(code: &mut CodeBuffer) {
    for pc in 0..code.instructions.len() {
        let op = code.instructions[pc].op;
        let is_branch = matches!(op, Op::ForPrep | Op::ForPrep1 | Op::ForLoop | Op::ForLoop1 | Op::GenericLoop);
        if is_branch || operand_kind(op).is_none() {
            continue;
        }
        let mut target = code.links[pc];
        for _ in 0..MAX_HOPS {
            if code.instructions[target as usize].op != Op::Jump {
                break;
            }
            let next = code.links[target as usize];
            // Conditional jumps stay forward ones.
            if op != Op::Jump && next as usize <= pc {
                break;
            }
            target = next;
        }
        code.links[pc] = target;
    }
}

fn fits(code: &CodeBuffer) -> bool {
    code.instructions.iter().zip(&code.links).enumerate().all(|(pc, (instruction, &target))| {
        operand_kind(instruction.op) != Some(Operand::Jump)
            || i16::try_from(i64::from(target) - (pc as i64 + 1)).is_ok()
    })
}

/// Rewrites every jump of 16 bits into one that steps over a wide jump if it is *not* taken.
fn widen(code: &mut CodeBuffer, locals: &mut [LocalInfo]) {
    let old = std::mem::take(code);
    let mut moved = Vec::with_capacity(old.instructions.len() + 1);
    let mut position = 0;
    for instruction in &old.instructions {
        moved.push(position);
        position += match instruction.op {
            Op::JumpIfCopy | Op::JumpIfNotCopy => 3,
            op if operand_kind(op) == Some(Operand::Jump) => 2,
            _ => 1,
        };
    }
    moved.push(position);

    for ((instruction, line), link) in old.instructions.into_iter().zip(old.lines).zip(old.links) {
        let target = if link == NO_LINK { NO_LINK } else { moved[link as usize] };
        let step_over = match (instruction.op, opposite(instruction.op)) {
            (Op::JumpIfCopy, _) => Some(Instruction::wide(Op::JumpIfNot, Field(instruction.b), 0)),
            (Op::JumpIfNotCopy, _) => Some(Instruction::wide(Op::JumpIf, Field(instruction.b), 0)),
            (op, Some(opposite)) if operand_kind(op) == Some(Operand::Jump) => {
                Some(Instruction { op: opposite, ..instruction.clone() })
            }
            _ => None,
        };
        let Some(step_over) = step_over else {
            let pc = code.emit(instruction, line);
            code.links[pc as usize] = target;
            continue;
        };
        let copies = matches!(instruction.op, Op::JumpIfCopy | Op::JumpIfNotCopy);
        let pc = code.emit(step_over, line);
        code.links[pc as usize] = pc + 2 + u32::from(copies);
        if copies {
            code.emit(Instruction::new(Op::Move, Field(instruction.a), Field(instruction.b), NONE), line);
        }
        code.jump_to(target, line);
    }

    for local in locals {
        local.start = moved[local.start as usize];
        local.end = moved[local.end as usize];
    }
}
