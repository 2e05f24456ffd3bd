//! Proof that a function from outside may run: the interpreter trusts what is listed here and checks none of it again.
//!
//! | what the machine trusts | established by |
//! | --- | --- |
//! | an operation is one the compiler emits | [`operands`] |
//! | registers, constants, captured variables and nested functions that operands name exist | [`operands`] |
//! | so do all registers of a group: a loop's state, a call's arguments and results, the operands of `Concat`, … | [`operands`] |
//! | the key of a field instruction is a string | [`operands`] |
//! | jumps arrive at instructions; those that cost no fuel lead forward | [`operands`] |
//! | the last instruction is a return, so that nothing runs off the end | [`verify`] |
//! | a vararg function begins with `VarargPrep`, which occurs nowhere else, and has the returns of one | [`verify`], [`operands`] |
//! | parameters fit into the registers, registers and captured variables into their operands | [`verify`] |
//! | a register that is read holds a value: not a cell, not what an earlier call has left there | [`registers`] |
//! | `GetCell` and `SetCell` find a cell, as do instructions for captured cells | [`registers`], [`operands`] |
//! | a closure gets cells and values where its function expects them | [`registers`] |
//! | an open list ends in the instruction after the one that began it, and does not end before it begins | [`registers`] |
//! | what follows `TailCall` returns its results; `GenericLoop` follows `GenericCall` | [`registers`] |
//! | registers of variables exist, and lie below the registers of calls made while they live | [`variables`] |
//! | types that constants name exist, and those they consist of | [`verify`] |
//! | there is a line for each instruction or for none | [`verify`] |
//!
//! What the machine checks itself, since it costs nothing there: that `SetList` finds a table. What it does not need to
//! know: that the state of a numeric loop still is what `ForPrep` left, because numbers of the wrong kind give wrong
//! numbers and nothing worse; that hints are right.
//!
//! The captured variables of the main function come from nowhere: whoever loads it makes new ones, cells where
//! [`Capture::cell`](super::Capture::cell) says so.

mod operands;
mod registers;
#[cfg(test)]
mod tests;
mod variables;

use std::fmt;

use super::op::{MAX_REGISTERS, Op};
use super::proto::{Constant, Proto};

/// Captured variables of a function; their index has 8 bits.
const MAX_CAPTURES: usize = 255;

/// Why a function may not run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rejection {
    /// Line of the function, 0 for the main function.
    pub line_defined: u32,
    /// The instruction, if one is to blame.
    pub pc: Option<usize>,
    /// What is wrong.
    pub reason: &'static str,
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason)?;
        match self.pc {
            Some(pc) => write!(f, " at instruction {pc} of function <{}>", self.line_defined),
            None => write!(f, " in function <{}>", self.line_defined),
        }
    }
}

impl std::error::Error for Rejection {}

/// What is wrong with one instruction, or that nothing is.
type Check = Result<(), &'static str>;

/// `Ok` if `holds`.
fn ensure(holds: bool, reason: &'static str) -> Check {
    if holds { Ok(()) } else { Err(reason) }
}

/// Checks a function and those nested in it.
///
/// # Errors
/// The first thing that compiled code never does.
pub fn verify(proto: &Proto) -> Result<(), Rejection> {
    let reject = |pc, reason| Rejection { line_defined: proto.line_defined, pc, reason };
    frame(proto).and_then(|()| types(proto)).map_err(|reason| reject(None, reason))?;
    for pc in 0..proto.code.len() {
        operands::check(proto, pc).map_err(|reason| reject(Some(pc), reason))?;
    }
    variables::check(proto).map_err(|reason| reject(None, reason))?;
    registers::check(proto).map_err(|(pc, reason)| reject(Some(pc), reason))?;
    proto.protos.iter().try_for_each(|nested| verify(nested))
}

/// Checks the constants that are types. The reader has checked the types themselves.
fn types(proto: &Proto) -> Check {
    let nodes = proto.types.as_ref().map_or(0, |types| types.nodes.len());
    let exists = |constant: &Constant| !matches!(constant, Constant::Type(node) if *node as usize >= nodes);
    ensure(proto.constants.iter().all(exists), "type out of range")
}

/// Checks what concerns the function as a whole.
fn frame(proto: &Proto) -> Check {
    ensure(usize::from(proto.registers) <= MAX_REGISTERS, "too many registers")?;
    ensure(proto.params <= proto.registers, "no room for parameters")?;
    ensure(proto.captures.len() <= MAX_CAPTURES, "too many captured variables")?;
    // Instructions are counted in 32 bits.
    ensure(i32::try_from(proto.code.len()).is_ok(), "too many instructions")?;
    ensure(proto.lines.is_empty() || proto.lines.len() == proto.code.len(), "lines do not match instructions")?;
    let returns = proto.code.last().is_some_and(|last| operands::is_return(last.op));
    ensure(returns, "no return at the end")?;
    ensure(!proto.vararg || proto.code[0].op == Op::VarargPrep, "no preparation of extra arguments")
}
