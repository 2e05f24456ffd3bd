//! Running finalizers (manual §2.5.1): at a safepoint, above everything the running function uses.

use super::concat::append_text;
use super::error::{ErrorKind, LuaError};
use super::event::Event;
use super::machine::Vm;
use super::native::{Args, Continuation, Flow, Native, NativeResult};
use super::thread::{HEADROOM, results};
use super::value::Value;

/// Between two finalizers that a safepoint calls. The slots hold what the interrupted code had as end and beginning of
/// an open list of values, and get it back.
static FINALIZED: Continuation = Continuation {
    name: "gc.finalizer.returned",
    resume: finalizer_returned,
    catch: Some(|vm, _, error| {
        vm.finalizing = false;
        vm.wake_hook();
        Err(finalizer_error(vm, &error)?)
    }),
    yieldable: false,
};

/// Between two finalizers that a native function calls.
static COLLECTED: Continuation = Continuation {
    name: "gc.collect.finalizer",
    resume: |vm, args, results| {
        vm.wake_hook();
        vm.set_top_slot(results.start);
        let answer = args.get(vm, 0);
        call_pending(vm, answer)
    },
    catch: Some(|vm, _, error| {
        vm.wake_hook();
        Err(finalizer_error(vm, &error)?)
    }),
    yieldable: false,
};

/// Between two finalizers at the end of a program, where errors are of no interest to anybody.
static CLOSED: Continuation = Continuation {
    name: "gc.close.finalizer",
    resume: |vm, args, _| {
        vm.set_top_slot(args.start);
        close_next(vm)
    },
    catch: Some(|vm, _, _| close_next(vm)),
    yieldable: false,
};

/// Whether a finalizer runs above a frame with this continuation.
pub(super) fn is_finalizer(then: &'static Continuation) -> bool {
    [&FINALIZED, &COLLECTED, &CLOSED].iter().any(|other| std::ptr::eq(then, *other))
}

fn finalizer_returned(vm: &mut Vm, args: Args, results: Args) -> NativeResult {
    vm.set_top_slot(results.start);
    if push_pending(vm)? {
        return Ok(Flow::Call { args: 1, then: &FINALIZED });
    }
    let (top, list) = (args.get(vm, 0).as_int(), args.get(vm, 1).as_int());
    vm.set_top_slot(top as u32);
    vm.result_slot = list as u32;
    vm.finalizing = false;
    vm.wake_hook();
    Ok(Flow::Return(0))
}

/// The manual leaves it open what becomes of such an error; the reference implementation raises it where the collector
/// ran, under this name and past message handlers.
fn finalizer_error(vm: &mut Vm, error: &LuaError) -> Result<Box<LuaError>, Box<LuaError>> {
    let mut text = b"error in __gc metamethod (".to_vec();
    if !append_text(error.value, &mut text) {
        text.extend_from_slice(b"no message");
    }
    text.push(b')');
    Ok(LuaError::with_kind(vm.string(&text)?, ErrorKind::Handled))
}

/// Pushes the next finalizer that waits, and its object; objects that have none by now are passed over.
fn push_pending(vm: &mut Vm) -> Result<bool, Box<LuaError>> {
    while let Some(object) = vm.heap.take_pending_finalizer() {
        let handler = vm.handler(object, Event::Gc);
        if handler.is_function() {
            vm.push_all(&[handler, object])?;
            return Ok(true);
        }
    }
    Ok(false)
}

fn call_pending(vm: &mut Vm, answer: Value) -> NativeResult {
    if push_pending(vm)? {
        vm.pause_hook();
        return Ok(Flow::Call { args: 1, then: &COLLECTED });
    }
    vm.answer(answer)
}

/// Calls the finalizers of all objects that have one, ignoring errors: the last function that is called in a machine that
/// is to be closed.
pub static CLOSE: Native = Native::new("close", close);

fn close(vm: &mut Vm, _: Args) -> NativeResult {
    vm.heap.queue_all_finalizers();
    close_next(vm)
}

fn close_next(vm: &mut Vm) -> NativeResult {
    if push_pending(vm)? { Ok(Flow::Call { args: 1, then: &CLOSED }) } else { Ok(Flow::Return(0)) }
}

impl Vm {
    /// Calls the finalizers that wait; the interrupted function goes on afterwards.
    pub(super) fn run_finalizers(&mut self, open_list: bool) -> Result<(), Box<LuaError>> {
        let slot = self.extent(open_list);
        self.ensure_slots(slot + 3 + HEADROOM)?;
        self.set_slot(slot, Value::NIL);
        self.set_slot(slot + 1, Value::int(i64::from(self.top_slot())));
        self.set_slot(slot + 2, Value::int(i64::from(self.result_slot)));
        let top = self.top_slot();
        self.set_top_slot(slot + 3);
        if !push_pending(self)? {
            self.set_top_slot(top);
            return Ok(());
        }
        self.finalizing = true;
        self.pause_hook();
        self.finish_native(Ok(Flow::Call { args: 1, then: &FINALIZED }), slot, results::exactly(0))
    }

    /// Ends a native function that has collected garbage with the result `answer`: the finalizers that wait are called
    /// first. The native function keeps no values but `answer` in its slots.
    ///
    /// # Errors
    /// `stack overflow`
    pub fn finalize_and_answer(&mut self, args: Args, answer: Value) -> NativeResult {
        self.set_top_slot(args.start);
        self.push(answer)?;
        call_pending(self, answer)
    }
}
