//! Running finalizers (manual §2.5.1): at a safepoint, above everything the running function uses.

use super::error::LuaError;
use super::event::Event;
use super::machine::Vm;
use super::native::{Args, Continuation, Flow, NativeResult};
use super::thread::{HEADROOM, results};
use super::value::Value;

static FINALIZED: Continuation = Continuation {
    name: "gc.finalizer.returned",
    resume: finalizer_returned,
    catch: Some(finalizer_failed),
    yieldable: false,
};

fn finalizer_returned(vm: &mut Vm, args: Args, _: Args) -> NativeResult {
    vm.set_top_slot(args.start);
    next_finalizer(vm)
}

/// The manual leaves it open what becomes of such an error; the reference implementation raises it where the collector
/// ran, under this name.
fn finalizer_failed(vm: &mut Vm, _: Args, error: Box<LuaError>) -> NativeResult {
    let mut text = b"error in __gc metamethod (".to_vec();
    if !super::concat::append_text(error.value, &mut text) {
        text.extend_from_slice(b"no message");
    }
    text.push(b')');
    Err(LuaError::new(vm.string(&text)?))
}

/// Asks for the call of the next finalizer that waits; values that have none by now are passed over.
fn next_finalizer(vm: &mut Vm) -> NativeResult {
    while let Some(object) = vm.heap.take_pending_finalizer() {
        let handler = vm.handler(object, Event::Gc);
        if handler.is_function() {
            vm.push(handler)?;
            vm.push(object)?;
            return Ok(Flow::Call { args: 1, then: &FINALIZED });
        }
    }
    Ok(Flow::Return(0))
}

impl Vm {
    /// Calls the finalizers that wait; the interrupted function goes on afterwards. No open list of values may be on
    /// the stack.
    pub(super) fn run_finalizers(&mut self) -> Result<(), Box<LuaError>> {
        let slot = self.live_extent();
        self.ensure_slots(slot + 1 + HEADROOM)?;
        self.set_slot(slot, Value::NIL);
        self.set_top_slot(slot + 1);
        let answer = next_finalizer(self);
        self.finish_native(answer, slot, results::exactly(0))
    }
}
