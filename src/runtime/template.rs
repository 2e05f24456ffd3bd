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
use crate::vm::error::LuaError;
use crate::vm::function::Function;
use crate::vm::object::Closure;
use crate::vm::value::{Value, tag};

/// The method of an entry as its chunk makes it; see the module header.
#[derive(Default)]
pub struct Template(OnceLock<Option<Method>>);

enum Method {
    /// A function that captures the globals or nothing, as nearly all are.
    Plain(*const Function),
    /// Anything else.
    Packed(Parcel),
}

// SAFETY: functions of the image are immutable and live as long as it, and the entries of a runtime do not outlive that.
unsafe impl Send for Method {}
// SAFETY: as above.
unsafe impl Sync for Method {}

impl Template {
    /// The method in a fresh state, if it is known and can be copied.
    #[inline]
    pub fn make(&self, vm: &mut Vm) -> Option<Result<Value, Box<LuaError>>> {
        match self.0.get()?.as_ref()? {
            Method::Plain(function) => {
                let globals = Value::table(vm.globals());
                // SAFETY: a function of the image that captures the globals at most.
                Some(Ok(unsafe { vm.new_main_closure(&**function, globals) }))
            }
            Method::Packed(parcel) => Some(parcel.unpack_one(vm)),
        }
    }

    /// `chunk` has run in the fresh state `vm` and made this method.
    pub fn learn(&self, vm: &mut Vm, chunk: Chunk, method: Value) {
        self.0.get_or_init(|| {
            let repeatable = calls_nothing(chunk) && vm.heap.has_untouched_library();
            if !repeatable {
                return None;
            }
            plain_function(vm, method).map(Method::Plain).or_else(|| pack_template(vm, method).map(Method::Packed))
        });
    }
}

/// Whether no instruction of a chunk calls a function.
fn calls_nothing(chunk: Chunk) -> bool {
    let calls = |op| matches!(op, Op::Call | Op::TailCall | Op::GenericCall | Op::GenericLoop);
    !chunk.function().proto.code.iter().any(|instruction| calls(instruction.op))
}

/// The function of a closure that captures the globals or nothing.
fn plain_function(vm: &Vm, method: Value) -> Option<*const Function> {
    if method.tag() != tag::CLOSURE {
        return None;
    }
    let closure = method.as_closure();
    // SAFETY: a live closure with so many captured values.
    unsafe {
        let plain = match (*closure).header.extra {
            0 => true,
            1 => (*Closure::captured(closure)).same(Value::table(vm.globals())),
            _ => false,
        };
        plain.then_some((*closure).function)
    }
}
