//! A compiled function: immutable data that all processes share. It knows no heap; `vm` links it before it runs.

use std::sync::Arc;

use super::op::Instruction;
use super::types::{NodeId, TypeTable};

/// A constant of a function.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum Constant {
    Nil,
    Boolean(bool),
    Integer(i64),
    Float(f64),
    String(Box<[u8]>),
    /// A node of [`Proto::types`].
    Type(NodeId),
}

impl PartialEq for Constant {
    /// Identity of constants: floats by bits, and an integer is never a float.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Constant::Nil, Constant::Nil) => true,
            (Constant::Boolean(a), Constant::Boolean(b)) => a == b,
            (Constant::Integer(a), Constant::Integer(b)) => a == b,
            (Constant::Float(a), Constant::Float(b)) => a.to_bits() == b.to_bits(),
            (Constant::String(a), Constant::String(b)) => a == b,
            (Constant::Type(a), Constant::Type(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Constant {}

/// Where a closure takes one captured value from when it is created.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CaptureFrom {
    /// A register of the enclosing function (its value, or the cell it holds).
    Register(u8),
    /// A captured value of the enclosing function.
    Captured(u8),
    /// The new closure itself: a `local function` that calls itself and is never reassigned.
    Itself,
}

/// One captured variable (an *upvalue*).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Capture {
    /// Its name in the source; empty if stripped.
    pub name: Box<str>,
    /// Where it comes from.
    pub from: CaptureFrom,
    /// Whether what is captured is a cell rather than the value.
    pub cell: bool,
}

/// A local variable, for messages and `debug`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LocalInfo {
    /// Its name; names in parentheses, as `(for index)`, are the compiler's own.
    pub name: Box<str>,
    /// Its register.
    pub register: u8,
    /// Whether the register holds a cell.
    pub cell: bool,
    /// First instruction at which it is alive.
    pub start: u32,
    /// First instruction at which it no longer is.
    pub end: u32,
}

/// A compiled function.
#[derive(Clone, PartialEq, Debug)]
pub struct Proto {
    /// Chunk name as given to `load`, with its `@` or `=` prefix.
    pub source: Arc<[u8]>,
    /// Line of the word `function`; 0 for the main function of a chunk.
    pub line_defined: u32,
    /// Line of its `end`; 0 for the main function.
    pub last_line: u32,
    /// Number of named parameters, `self` included.
    pub params: u8,
    /// Whether it takes extra arguments. Then its first instruction is `VarargPrep`.
    pub vararg: bool,
    /// Number of registers it uses.
    pub registers: u8,
    /// The instructions; the last one is a return.
    pub code: Box<[Instruction]>,
    /// The constants.
    pub constants: Box<[Constant]>,
    /// The types of the chunk, if it has types that are values.
    pub types: Option<Arc<TypeTable>>,
    /// What its closures capture. The main function of a chunk captures `_ENV` alone.
    pub captures: Box<[Capture]>,
    /// Nested functions.
    pub protos: Box<[Arc<Proto>]>,
    /// Line of each instruction; empty if stripped.
    pub lines: Box<[u32]>,
    /// Local variables in order of their start; empty if stripped.
    pub locals: Box<[LocalInfo]>,
}

impl Proto {
    /// The line of instruction `pc`, if it is known.
    pub fn line(&self, pc: usize) -> Option<u32> {
        self.lines.get(pc).copied()
    }
}
