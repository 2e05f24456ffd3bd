//! Bytecode: the instruction set ([`op`]), compiled functions ([`proto`]) and their textual form ([`disasm`]).
//!
//! This room knows neither syntax trees nor heaps; `compile` produces what is defined here and `vm` runs it.

pub mod disasm;
pub mod op;
pub mod proto;

pub use op::{Instruction, Op, Operand};
pub use proto::{Capture, CaptureFrom, Constant, LocalInfo, Proto};
