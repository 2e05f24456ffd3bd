//! Bytecode: the instruction set ([`op`]), compiled functions ([`proto`]) with the types they use as values ([`types`]),
//! their textual form ([`disasm`]) and their form as bytes ([`binary`]), which comes from anywhere and is therefore checked
//! ([`verify`]).
//!
//! This room knows neither syntax trees nor heaps; `compile` produces what is defined here and `vm` runs it.

pub mod binary;
pub mod disasm;
pub mod op;
pub mod proto;
pub mod types;
pub mod verify;

pub use op::{Instruction, Op, Operand};
pub use proto::{Capture, CaptureFrom, Constant, LocalInfo, Proto};
pub use types::TypeTable;
