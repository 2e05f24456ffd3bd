//! Making a compiled chunk runnable in one process.

use std::sync::Arc;

use super::chunk::Chunk;
use super::function::Function;
use super::machine::Vm;
use super::object::Closure;
use super::value::Value;
use crate::bytecode::Proto;

impl Vm {
    /// The main function of a chunk that this process alone uses, with `env` as its `_ENV`. The collector frees the
    /// chunk when nothing of it is reachable any more.
    pub fn load_proto(&mut self, proto: &Arc<Proto>, env: Value) -> Value {
        let chunk = Chunk::build(&self.image.strings, |strings| {
            let address = strings.chunk();
            vec![Function::link(proto, address, &mut |bytes| Value::string(strings.constant(bytes)))]
        });
        let main: *const Function = &raw const chunk.functions()[0];
        self.heap.register_chunk(chunk);
        // SAFETY: the heap holds the chunk, and keeps it from now on because the closure refers to it.
        unsafe { self.new_main_closure(&*main, env) }
    }

    /// A closure of the main function of a chunk, whose one captured variable is `_ENV`.
    pub fn new_main_closure(&mut self, main: &Function, env: Value) -> Value {
        let captures = &main.proto.captures;
        let closure = self.heap.new_closure(main, captures.len());
        for (i, capture) in captures.iter().enumerate() {
            let value = if i == 0 { env } else { Value::NIL };
            let captured = if capture.cell { Value::cell(self.heap.new_cell(value)) } else { value };
            // SAFETY: the closure was made with so many captured values.
            unsafe { Closure::captured(closure).add(i).write(captured) };
        }
        Value::closure(closure)
    }
}
