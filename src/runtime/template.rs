//! What the top-level chunk of an entry makes, kept: most such chunks only make a table of functions, and a process needs
//! one of them. Where running the chunk again could not be told from copying what it made the first time, later
//! processes get a copy.
//!
//! That is so if the chunk calls nothing and leaves the globals and the library as it found them: then all it does is
//! to make values out of constants and the library, and those are the same in every new process. A chunk that
//! calls nothing meets no metamethod either, but those of strings.

use std::sync::OnceLock;

use super::spawn::Chunk;
use super::transfer::{Parcel, pack_template};
use crate::bytecode::Op;
use crate::vm::Vm;
use crate::vm::value::Value;

/// The method of an entry as its chunk makes it; see the module header.
#[derive(Default)]
pub struct Template(OnceLock<Option<Parcel>>);

impl Template {
    /// The method, if it is known and can be copied.
    #[inline]
    pub fn method(&self) -> Option<&Parcel> {
        self.0.get()?.as_ref()
    }

    /// `chunk` has run in the fresh state `vm` and made this method.
    pub fn learn(&self, vm: &mut Vm, chunk: Chunk, method: Value) {
        self.0.get_or_init(|| {
            let repeatable = calls_nothing(chunk) && vm.heap.has_untouched_library();
            if repeatable { pack_template(vm, method) } else { None }
        });
    }
}

/// Whether no instruction of a chunk calls a function.
fn calls_nothing(chunk: Chunk) -> bool {
    let calls = |op| matches!(op, Op::Call | Op::TailCall | Op::GenericCall | Op::GenericLoop);
    !chunk.function().proto.code.iter().any(|instruction| calls(instruction.op))
}
