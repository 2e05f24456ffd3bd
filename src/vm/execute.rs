//! What surrounds the interpreter loop: which instance of it runs, how it gets to its slow paths and to hooks, and the
//! instructions in static memory.

use super::error::LuaError;
use super::machine::Vm;
use super::run::{run, run_observed};
use crate::bytecode::op::NONE;
use crate::bytecode::{Instruction, Op};

impl Vm {
    /// Runs from `saved` until the machine is left.
    pub(super) fn execute(&mut self) {
        let outer = self.tracing.activate(self.tracing.wanted);
        loop {
            // SAFETY: `saved` is the state of a verified function, and the loop keeps it so.
            unsafe { if self.tracing.wanted { run_observed(self) } else { run(self) } }
            if !self.enter_loop() {
                break;
            }
            self.tracing.activate(self.tracing.wanted);
        }
        self.tracing.activate(outer);
    }
}

/// An instruction in static memory, as place to return to.
pub struct StaticInstruction(pub Instruction);

/// Ends the loop.
pub static HALT: StaticInstruction = StaticInstruction(Instruction::new(Op::Halt, NONE, NONE, NONE));
/// Continues a native function that waits for a call.
pub static RESUME: StaticInstruction = StaticInstruction(Instruction::new(Op::Resume, NONE, NONE, NONE));
/// Ends a coroutine.
pub static COROUTINE_END: StaticInstruction = StaticInstruction(Instruction::new(Op::CoroutineEnd, NONE, NONE, NONE));

/// Runs a slow path and raises its error.
///
/// # Safety
/// `vm` and `i` are valid, and `vm.saved` is up to date.
#[inline(never)]
pub(super) unsafe fn step_out<F>(vm: *mut Vm, i: *const Instruction, slow: F)
where
    F: FnOnce(&mut Vm, &Instruction) -> Result<(), Box<LuaError>>,
{
    // SAFETY: by contract; the loop holds no other reference to the machine.
    let vm = unsafe { &mut *vm };
    // SAFETY: by contract.
    if let Err(error) = slow(vm, unsafe { &*i }) {
        vm.throw(error);
    }
    if vm.tracing.change {
        vm.change_loop();
    }
}

/// Tells a hook what the instruction at `vm.saved` is about to do. True if the state has changed.
///
/// # Safety
/// As for [`step_out`].
#[cold]
#[inline(never)]
pub(super) unsafe fn observe(vm: *mut Vm) -> bool {
    // SAFETY: by contract; the loop holds no other reference to the machine.
    let vm = unsafe { &mut *vm };
    match vm.before_instruction() {
        Ok(false) => return false,
        Ok(true) => {}
        Err(error) => vm.throw(error),
    }
    if vm.tracing.change {
        vm.change_loop();
    }
    true
}
