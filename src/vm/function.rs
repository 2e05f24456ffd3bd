//! A linked function: a [`Proto`] whose constants have become values, laid out for the interpreter.

use std::sync::Arc;

use super::chunk::Chunk;
use super::types::{Built, TypeSet};
use super::value::Value;
use crate::bytecode::{Constant, Instruction, Proto, TypeTable};
use crate::syntax::chunk_id;

/// A function ready to run. It belongs to a [`Chunk`] and lives as long.
#[repr(C)]
pub struct Function {
    /// The first instruction.
    pub code: *const Instruction,
    /// The constants.
    pub constants: *const Value,
    /// Bytes of its registers; more than any stack for a vararg function, so that calls of it leave the fast path.
    pub frame_bytes: usize,
    /// Named parameters.
    pub params: u32,
    /// Registers.
    pub registers: u32,
    /// The chunk it belongs to.
    pub chunk: *const Chunk,
    /// What it was compiled to.
    pub proto: Arc<Proto>,
    children: Box<[Function]>,
    values: Box<[Value]>,
}

// SAFETY: all it points to is immutable (but for the hint bytes, which are atomic) and owned by the chunk.
unsafe impl Send for Function {}
// SAFETY: as above.
unsafe impl Sync for Function {}

impl Function {
    /// Links `proto` and all functions nested in it. `types` has the types, and `intern` gives the static string of a
    /// constant.
    pub fn link(
        proto: &Arc<Proto>,
        chunk: *const Chunk,
        types: &TypeSet,
        intern: &mut dyn FnMut(&[u8]) -> Value,
    ) -> Function {
        Function::link_nested(proto, chunk, types, None, intern)
    }

    /// The same for a function nested in one with these types.
    fn link_nested(
        proto: &Arc<Proto>,
        chunk: *const Chunk,
        types: &TypeSet,
        enclosing: Option<&(Arc<TypeTable>, Arc<Built>)>,
        intern: &mut dyn FnMut(&[u8]) -> Value,
    ) -> Function {
        // Types come first: the names of their fields belong to the image, and equal constants of the chunk then do so too.
        let built = proto.types.as_ref().map(|table| match enclosing {
            Some((known, built)) if Arc::ptr_eq(known, table) => (Arc::clone(table), Arc::clone(built)),
            _ => (Arc::clone(table), types.built(table)),
        });
        let values: Box<[Value]> = proto
            .constants
            .iter()
            .map(|constant| match constant {
                Constant::Nil => Value::NIL,
                Constant::Boolean(b) => Value::bool(*b),
                Constant::Integer(i) => Value::int(*i),
                Constant::Float(f) => Value::float(*f),
                Constant::String(bytes) => intern(bytes),
                Constant::Type(node) => {
                    let (_, built) = built.as_ref().expect("a function with a type as a constant has types");
                    built.constant(types, *node).value()
                }
            })
            .collect();
        let link = |child| Function::link_nested(child, chunk, types, built.as_ref(), intern);
        let children = proto.protos.iter().map(link).collect();
        let registers = u32::from(proto.registers);
        Function {
            code: proto.code.as_ptr(),
            constants: values.as_ptr(),
            frame_bytes: if proto.vararg { usize::MAX / 2 } else { registers as usize * size_of::<Value>() },
            params: u32::from(proto.params),
            registers,
            chunk,
            proto: Arc::clone(proto),
            children,
            values,
        }
    }

    /// Whether it takes extra arguments.
    #[inline]
    pub fn is_vararg(&self) -> bool {
        self.proto.vararg
    }

    /// The first instruction to run: calls do the work of `VarargPrep`.
    #[inline]
    pub fn entry(&self) -> *const Instruction {
        // SAFETY: the code of a vararg function begins with `VarargPrep` and does not end with it.
        unsafe { self.code.add(usize::from(self.proto.vararg)) }
    }

    /// Nested function `index`.
    #[inline]
    pub fn child(&self, index: usize) -> &Function {
        &self.children[index]
    }

    /// The linked constants.
    pub fn constants(&self) -> &[Value] {
        &self.values
    }

    /// The index of an instruction of this function.
    pub fn index_of(&self, pc: *const Instruction) -> usize {
        // SAFETY: `pc` points into (or right behind) the code.
        unsafe { pc.offset_from(self.code) as usize }
    }

    /// The chunk's name as messages show it.
    pub fn chunk_name(&self) -> String {
        chunk_id(&self.proto.source)
    }
}
