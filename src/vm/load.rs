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
        let image = &self.image;
        let chunk = Chunk::build(&image.strings, |strings| {
            let address = strings.chunk();
            let mut intern = |bytes: &[u8]| Value::string(strings.constant(bytes));
            vec![Function::link(proto, address, &image.types, &mut intern)]
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::Vm;
    use crate::bytecode::op::{Instruction, NONE, Op, count, reg};
    use crate::bytecode::verify::verify;
    use crate::bytecode::{Constant, Proto};
    use crate::compile::compile_source;
    use crate::vm::exit::Exit;
    use crate::vm::image::Image;
    use crate::vm::raw::string_bytes;
    use crate::vm::value::Value;

    /// Runs code that no compiler emits but the verifier lets pass, with four registers and the constant `"text"`, as the
    /// main function of a process.
    fn run(code: &[Instruction]) -> Exit {
        let empty = compile_source(b"", b"=test").expect("nothing is a program");
        let proto = Proto {
            vararg: false,
            registers: 4,
            code: code.into(),
            constants: [Constant::String(Box::from(*b"text"))].into(),
            lines: Box::default(),
            ..(*empty).clone()
        };
        verify(&proto).expect("the machine copes with it");
        let mut vm = Vm::new(Image::new(&[], false, 1));
        vm.fuel = 1000;
        let function = vm.load_proto(&Arc::new(proto), Value::NIL);
        let root = vm.new_root(function);
        vm.run(root, &[])
    }

    fn load_int(register: u8, value: u32) -> Instruction {
        Instruction::wide(Op::LoadInt, reg(register), value)
    }

    fn end() -> Instruction {
        Instruction::new(Op::Return0, NONE, NONE, NONE)
    }

    #[test]
    fn a_list_goes_into_tables_only() {
        let store = Instruction::new(Op::SetList, reg(0), count(1), count(0));
        match run(&[load_int(0, 1), load_int(1, 2), store, end()]) {
            Exit::Failed(error) => {
                assert_eq!(string_bytes(error.value), b"test:-1: attempt to index a number value");
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_loop_that_was_not_prepared_only_counts_wrong() {
        let text = |register| Instruction::wide(Op::LoadConst, reg(register), 0);
        let back = |op| Instruction::wide(op, reg(0), -1i32 as u32);
        for op in [Op::ForLoop, Op::ForLoop1] {
            for first in [text(0), load_int(0, 1)] {
                let ended = run(&[first, text(1), text(2), back(op), end()]);
                assert!(matches!(ended, Exit::Finished(_) | Exit::OutOfBudget), "{ended:?}");
            }
        }
    }
}
