//! Calls and returns: entering Lua functions, running native ones, and delivering results.
//!
//! House rules:
//! * Before anything here runs, `saved` is the state of the caller: the Lua function whose instruction calls, or a
//!   native function that waits in [`Op::Resume`].
//! * A call happens at a *slot*: the called value lies there, its arguments above. Results arrive from the same slot on.
//! * Nothing here recurses: a native function that asks for a call is left, and the loop in [`Vm::call_at`] goes on.
//! * The stack may move in any of these functions; callers reload every pointer into it.

use super::error::{ErrorKind, LuaError};
use super::event::Event;
use super::execute::RESUME;
use super::function::Function;
use super::machine::Vm;
use super::native::{Args, Continuation, Flow, Native, NativeResult};
use super::object::Closure;
use super::thread::{Frame, HEADROOM, MAX_STACK, OVERFLOW_RESERVE, Saved, Thread, results};
use super::types::TypeRef;
use super::value::{Value, tag};
use crate::bytecode::Instruction;

/// A native function that returns what it has called.
static CALLED: Continuation = Continuation {
    name: "call.returned",
    resume: |_, _, results| Ok(Flow::Return(results.len)),
    catch: None,
    yieldable: true,
};

/// A value about to be called.
#[derive(Clone, Copy)]
struct Call {
    slot: u32,
    args: u32,
    results: u32,
}

/// Copies `n` values to a lower place, or to one that does not overlap. They are few: a loop beats a call.
///
/// # Safety
/// Both places lie within one stack.
#[inline(always)]
unsafe fn copy_values(from: *const Value, to: *mut Value, n: u32) {
    for i in 0..n as usize {
        // SAFETY: by contract.
        unsafe { *to.add(i) = *from.add(i) };
    }
}

impl Vm {
    /// Calls the value in `slot` with the `args` values above it. Returns when a Lua function has been entered or the
    /// results have been delivered; in both cases `saved` says where to go on.
    #[inline]
    pub(super) fn call_at(&mut self, slot: u32, args: u32, results: u32) -> Result<(), Box<LuaError>> {
        let call = Call { slot, args, results };
        let callee = self.slot(slot);
        if callee.tag() == tag::CLOSURE { self.enter(callee.as_closure(), call) } else { self.run_call(call) }
    }

    fn run_call(&mut self, mut call: Call) -> Result<(), Box<LuaError>> {
        loop {
            let callee = self.slot(call.slot);
            let answer = match callee.tag() {
                tag::CLOSURE => return self.enter(callee.as_closure(), call),
                tag::NATIVE => self.run_native(callee.as_native(), call),
                // SAFETY: a live native closure refers to a static `Native`.
                tag::NATIVE_CLOSURE => self.run_native(unsafe { &*(*callee.as_native_closure()).native }, call),
                tag::TYPE if self.type_accepts(callee, call) => {
                    return self.deliver(call.slot, call.slot + 1, 1, call.results);
                }
                _ => {
                    call = self.insert_call_handler(callee, call)?;
                    continue;
                }
            };
            match self.follow(answer?, call.slot, call.results)? {
                Some(next) => call = next,
                None => return Ok(()),
            }
        }
    }

    /// Whether the call of a type answers with its argument. If not, its `__call` handler says why.
    fn type_accepts(&mut self, callee: Value, call: Call) -> bool {
        let plain = call.args > 0 && !self.tracing.wanted && !self.image.type_metatable.is_null();
        plain && TypeRef::of(callee).is_some_and(|ty| self.is_of_type(ty, self.slot(call.slot + 1)))
    }

    /// Does what a native function answered; what it wants called, if anything, is returned.
    fn follow(&mut self, flow: Flow, slot: u32, results: u32) -> Result<Option<Call>, Box<LuaError>> {
        let top = self.top_slot();
        match flow {
            Flow::Return(n) => {
                if self.tracing.wanted
                    && let Some(answer) = self.tell_native_return(slot, n)
                {
                    return self.follow(answer?, slot, results);
                }
                self.deliver(slot, top - n, n, results)?;
                Ok(None)
            }
            Flow::Call { args, then } => {
                self.push_native_frame(slot, results, then)?;
                Ok(Some(Call { slot: top - args - 1, args, results: results::ALL }))
            }
            Flow::TailCall(args) => self.follow(Flow::Call { args, then: &CALLED }, slot, results),
            Flow::Resume { values, wrap } => {
                self.resume_coroutine(slot, top - values - 1, values, results, wrap)?;
                Ok(None)
            }
            Flow::Yield(n) => {
                self.yield_coroutine(slot, top - n, n, results)?;
                Ok(None)
            }
            Flow::Suspend => {
                self.leave_suspended(slot, results);
                Ok(None)
            }
        }
    }

    #[inline]
    fn run_native(&mut self, native: &Native, call: Call) -> NativeResult {
        self.set_top_slot(call.slot + 1 + call.args);
        if self.tracing.wanted
            && let Some(answer) = self.tell_native_call()
        {
            return answer;
        }
        self.native_slot = call.slot;
        let answer = (native.run)(self, Args { start: call.slot + 1, len: call.args });
        if answer.is_ok() {
            self.native_slot = 0;
        }
        answer
    }

    /// A call of a native function by an instruction, as long as no hook wants to know. Most answer at once.
    #[inline(always)]
    fn call_native(&mut self, native: &Native, call: Call) -> Result<(), Box<LuaError>> {
        if let Some(quick) = native.quick
            && (call.results.wrapping_sub(results::exactly(0)) < 2 || native.single && call.results == results::ALL)
        {
            // SAFETY: the arguments lie in the stack, which a short way does not touch.
            let args =
                unsafe { std::slice::from_raw_parts(self.stack().add(call.slot as usize + 1), call.args as usize) };
            if let Some(value) = quick(self, args).value() {
                self.set_slot(call.slot, value);
                if call.results == results::ALL {
                    self.result_slot = call.slot;
                    self.set_top_slot(call.slot + 1);
                }
                return Ok(());
            }
        }
        self.call_native_at_length(native, call)
    }

    /// As [`Vm::call_native`] where the short way has no answer, if there is one.
    #[inline(always)]
    fn call_native_at_length(&mut self, native: &Native, call: Call) -> Result<(), Box<LuaError>> {
        if self.request.is_some() {
            // The short way waits.
            self.leave_suspended(call.slot, call.results);
            return Ok(());
        }
        self.set_top_slot(call.slot + 1 + call.args);
        self.native_slot = call.slot;
        let answer = (native.run)(self, Args { start: call.slot + 1, len: call.args });
        self.finish_native(answer, call.slot, call.results)
    }

    /// Does what a native function called at `slot`, one of its continuations, or its catch has answered.
    #[inline(always)]
    pub(super) fn finish_native(&mut self, answer: NativeResult, slot: u32, results: u32) -> Result<(), Box<LuaError>> {
        // Taken apart at once: an answer that is copied as a whole waits for its parts to arrive in memory.
        match answer {
            // (`debug.sethook` may have made somebody want to know.)
            Ok(Flow::Return(n)) if !self.tracing.wanted => {
                self.native_slot = 0;
                self.deliver(slot, self.top_slot() - n, n, results)
            }
            Ok(Flow::Call { args, then }) => {
                self.native_slot = 0;
                let callee = self.top_slot() - args - 1;
                self.push_native_frame(slot, results, then)?;
                self.call_at(callee, args, results::ALL)
            }
            Ok(flow) => {
                self.native_slot = 0;
                match self.follow(flow, slot, results)? {
                    Some(Call { slot, args, results }) => self.call_at(slot, args, results),
                    None => Ok(()),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// Makes the `__call` handler of `callee` the called function and `callee` its first argument.
    fn insert_call_handler(&mut self, callee: Value, call: Call) -> Result<Call, Box<LuaError>> {
        let handler = self.handler(callee, Event::Call);
        if !handler.is_function() {
            return Err(self.call_error(callee, call.slot));
        }
        self.ensure_slots(call.slot + call.args + 2 + HEADROOM)?;
        for i in (0..=call.args).rev() {
            self.set_slot(call.slot + i + 1, self.slot(call.slot + i));
        }
        self.set_slot(call.slot, handler);
        Ok(Call { args: call.args + 1, ..call })
    }

    /// Makes the caller a frame and the Lua function the innermost.
    fn enter(&mut self, closure: *mut Closure, call: Call) -> Result<(), Box<LuaError>> {
        // SAFETY: the closure in the slot is alive, and its function with it; the slots used are ensured first.
        unsafe {
            let function: &Function = &*(*closure).function;
            let (params, registers) = (function.params, function.registers);
            let mut base = call.slot + 1;
            if function.is_vararg() {
                self.ensure_slots(base + call.args + 2 + registers + HEADROOM)?;
                base = self.arrange_varargs(closure, call, params);
            } else {
                self.ensure_slots(base + registers.max(call.args) + HEADROOM)?;
                for i in call.args..params {
                    self.set_slot(base + i, Value::NIL);
                }
            }
            self.push_frame(call.results)?;
            self.saved.pc = function.entry();
            self.saved.base = self.stack().add(base as usize);
            self.saved.constants = function.constants;
        }
        if self.tracing.wanted {
            self.note_entry(call.results & results::TAIL_CALLED != 0);
        }
        Ok(())
    }

    /// The frame of a vararg function: `f a1 … an  n f p1 … pm`. The named parameters are copied above all arguments,
    /// below them the number of arguments and the function once more. Returns the first register.
    fn arrange_varargs(&mut self, closure: *mut Closure, call: Call, params: u32) -> u32 {
        let base = call.slot + 1 + call.args + 2;
        let given = params.min(call.args);
        // SAFETY: the caller has ensured the slots.
        unsafe {
            let first = self.stack().add(call.slot as usize + 1);
            let registers = self.stack().add(base as usize);
            *registers.sub(2) = Value::int(i64::from(call.args));
            *registers.sub(1) = Value::closure(closure);
            for i in 0..given as usize {
                *registers.add(i) = *first.add(i);
                *first.add(i) = Value::NIL;
            }
            for i in given..params {
                *registers.add(i as usize) = Value::NIL;
            }
        }
        base
    }

    /// Pushes `saved`, the caller's state, as a frame.
    pub(super) fn push_frame(&mut self, results: u32) -> Result<(), Box<LuaError>> {
        // SAFETY: `frame_top` is below `frame_end` after the check.
        unsafe {
            if self.registers.frame_top == self.registers.frame_end {
                self.grow_frames();
            }
            let base = self.saved.base.byte_offset_from(self.registers.stack) as u32;
            *self.registers.frame_top = Frame { pc: self.saved.pc, base, results, constants: self.saved.constants };
            self.registers.frame_top = self.registers.frame_top.add(1);
        }
        Ok(())
    }

    /// Makes the native function called at `slot` the innermost frame, waiting in `then`.
    fn push_native_frame(&mut self, slot: u32, results: u32, then: &'static Continuation) -> Result<(), Box<LuaError>> {
        self.push_frame(results)?;
        // SAFETY: the slot is within the stack.
        let base = unsafe { self.stack().add(slot as usize + 1) };
        self.saved = Saved::new(&raw const RESUME.0, base, (then as *const Continuation).cast());
        if !then.yieldable {
            // SAFETY: the running coroutine is alive.
            unsafe { (*self.registers.thread).unyieldable += 1 };
        }
        Ok(())
    }

    /// Restores the caller's state from the innermost frame and returns what becomes of the results.
    pub(super) fn pop_frame(&mut self) -> u32 {
        // SAFETY: every function runs above at least the frame of its caller.
        unsafe {
            self.registers.frame_top = self.registers.frame_top.sub(1);
            let frame = *self.registers.frame_top;
            self.saved = Saved::new(frame.pc, self.stack().byte_add(frame.base as usize), frame.constants);
            frame.results & !results::TAIL_CALLED
        }
    }

    /// If the innermost state is a native function that waits for a call: its continuation.
    pub(super) fn waiting_native(&self) -> Option<&'static Continuation> {
        // SAFETY: with this pc, `constants` is the continuation (see `push_native_frame`).
        (self.saved.pc == &raw const RESUME.0).then(|| unsafe { &*self.saved.constants.cast::<Continuation>() })
    }

    /// Leaves the waiting native function: pops its frame; returns its slot and what becomes of its results.
    pub(super) fn leave_waiting_native(&mut self, then: &'static Continuation) -> (u32, u32) {
        if !then.yieldable {
            // SAFETY: the running coroutine is alive.
            unsafe { (*self.registers.thread).unyieldable -= 1 };
        }
        let slot = self.slot_of(self.saved.base) - 1;
        (slot, self.pop_frame())
    }

    /// `Op::Resume`: the call a native function waited for has returned.
    pub(super) fn resume_native(&mut self, _: &Instruction) -> Result<(), Box<LuaError>> {
        self.saved.pc = &raw const RESUME.0;
        let then = self.waiting_native().expect("Op::Resume runs in a native frame");
        let first = self.result_slot;
        let (slot, results) = self.leave_waiting_native(then);
        self.native_slot = slot;
        let answer = (then.resume)(
            self,
            Args { start: slot + 1, len: first - slot - 1 },
            Args { start: first, len: self.top_slot() - first },
        );
        self.finish_native(answer, slot, results)
    }

    /// Delivers `n` results that begin at `first` to the function that called at `slot`, whose state is `saved`.
    pub(super) fn deliver(&mut self, slot: u32, first: u32, n: u32, results: u32) -> Result<(), Box<LuaError>> {
        // SAFETY: slots up to `first + n` are in use, and the wanted ones belong to the caller's registers.
        unsafe {
            let from = self.stack().add(first as usize);
            let to = self.stack().add(slot as usize);
            if results == results::ALL {
                copy_values(from, to, n);
                self.result_slot = slot;
                self.set_top_slot(slot + n);
            } else if results & results::FINISH == 0 {
                let wanted = results - 1;
                let given = n.min(wanted);
                copy_values(from, to, given);
                for i in given..wanted {
                    *to.add(i as usize) = Value::NIL;
                }
            } else {
                let value = if n > 0 { *from } else { Value::NIL };
                return self.finish_instruction(value, results);
            }
        }
        Ok(())
    }

    /// `Op::Call` where the fast path does not apply.
    pub(super) fn op_call(&mut self, i: &Instruction) -> Result<(), Box<LuaError>> {
        let slot = self.register_slot(i.a);
        let args = if i.b != 0 { u32::from(i.b) - 1 } else { self.top_slot() - slot - 1 };
        if i.b != 0 && self.fuel < 0 {
            self.preempt(i);
            return Ok(());
        }
        let call = Call { slot, args, results: u32::from(i.c) };
        let callee = self.slot(slot);
        if callee.tag() == tag::CLOSURE {
            return self.enter(callee.as_closure(), call);
        }
        if callee.tag() == tag::NATIVE && !self.tracing.wanted {
            self.call_native(callee.as_native(), call)?;
        } else {
            self.run_call(call)?;
        }
        if i.c == 0 { self.safepoint_in_list() } else { self.safepoint() }
    }

    /// `Op::Call` of a native function whose short way has just had no answer.
    pub(super) fn op_call_at_length(&mut self, i: &Instruction) -> Result<(), Box<LuaError>> {
        let slot = self.register_slot(i.a);
        let call = Call { slot, args: u32::from(i.b) - 1, results: u32::from(i.c) };
        self.call_native_at_length(self.slot(slot).as_native(), call)?;
        self.safepoint()
    }

    /// `Op::GenericCall` where the fast path does not apply.
    pub(super) fn op_generic_call(&mut self, i: &Instruction) -> Result<(), Box<LuaError>> {
        let slot = self.register_slot(i.a);
        for n in 0..3 {
            self.set_slot(slot + 3 + n, self.slot(slot + n));
        }
        self.call_at(slot + 3, 2, u32::from(i.c) + 1)?;
        self.safepoint()
    }

    /// `Op::TailCall`. A native function is called from the frame, which then returns by the instruction that follows:
    /// the line of the call stays known, and there is nothing to gain.
    pub(super) fn op_tail_call(&mut self, i: &Instruction) -> Result<(), Box<LuaError>> {
        let callee = self.register_slot(i.a);
        let args = if i.b != 0 { u32::from(i.b) - 1 } else { self.top_slot() - callee - 1 };
        if i.b != 0 && self.fuel < 0 {
            self.preempt(i);
            return Ok(());
        }
        let mut call = Call { slot: callee, args, results: results::ALL };
        while !self.slot(callee).is_function() {
            call = self.insert_call_handler(self.slot(callee), call)?;
        }
        if self.slot(callee).tag() == tag::CLOSURE {
            call.slot = self.frame_slot(i.x() != 0);
            for n in 0..=call.args {
                self.set_slot(call.slot + n, self.slot(callee + n));
            }
            call.results = self.pop_frame() | results::TAIL_CALLED;
        }
        let called = self.slot(call.slot);
        if called.tag() == tag::NATIVE && !self.tracing.wanted {
            self.call_native(called.as_native(), call)?;
        } else {
            self.run_call(call)?;
        }
        self.safepoint_in_list()
    }

    /// `Op::Return` where the fast path does not apply, and `Op::ReturnVararg`.
    pub(super) fn op_return(&mut self, i: &Instruction) -> Result<(), Box<LuaError>> {
        use crate::bytecode::Op;
        let first = self.register_slot(i.a);
        let n = match i.op {
            Op::Return0 => 0,
            Op::Return1 => 1,
            _ if i.b != 0 => u32::from(i.b) - 1,
            _ => self.top_slot() - first,
        };
        let slot = self.frame_slot(i.op == Op::ReturnVararg);
        let results = self.pop_frame();
        self.deliver(slot, first, n, results)
    }

    /// The slot at which the innermost Lua function was called.
    fn frame_slot(&self, vararg: bool) -> u32 {
        let base = self.slot_of(self.saved.base);
        if vararg { base - 3 - self.slot(base - 2).as_int() as u32 } else { base - 1 }
    }

    /// The extra arguments of the innermost function: first slot and number.
    pub(super) fn varargs(&self, params: u32) -> (u32, u32) {
        let base = self.slot_of(self.saved.base);
        let args = self.slot(base - 2).as_int() as u32;
        (base - 2 - args + params.min(args), args.saturating_sub(params))
    }

    /// `Op::Vararg`
    pub(super) fn op_vararg(&mut self, i: &Instruction) -> Result<(), Box<LuaError>> {
        // SAFETY: a Lua function runs, so its closure is in the slot below its registers.
        let params = unsafe { (*(**self.running_closure()).function).params };
        let (_, n) = self.varargs(params);
        let to = self.register_slot(i.a);
        let wanted = if i.c == 0 { n } else { u32::from(i.c) - 1 };
        if i.c == 0 {
            self.ensure_slots(to + n + HEADROOM)?;
            self.set_top_slot(to + n);
        }
        // Asked again, because the stack may have moved.
        let (first, _) = self.varargs(params);
        let given = n.min(wanted);
        // SAFETY: the slots are ensured, or registers of the function.
        unsafe {
            let to = self.stack().add(to as usize);
            copy_values(self.stack().add(first as usize), to, given);
            for k in given..wanted {
                *to.add(k as usize) = Value::NIL;
            }
        }
        Ok(())
    }

    /// Makes sure that slots below `needed` exist.
    #[inline]
    pub(super) fn ensure_slots(&mut self, needed: u32) -> Result<(), Box<LuaError>> {
        // SAFETY: the running coroutine's stack has headroom.
        let limit = unsafe { self.registers.stack_limit.offset_from(self.registers.stack) } as u32;
        if needed <= limit + HEADROOM { Ok(()) } else { self.grow_stack(needed) }
    }

    #[cold]
    #[inline(never)]
    fn grow_stack(&mut self, needed: u32) -> Result<(), Box<LuaError>> {
        let limit = if self.handling_overflow { MAX_STACK + OVERFLOW_RESERVE } else { MAX_STACK };
        if needed > limit {
            if self.handling_overflow {
                return Err(self.error_in_error_handling());
            }
            return Err(self.error_of_kind(ErrorKind::StackOverflow, "stack overflow"));
        }
        // SAFETY: the running coroutine is alive.
        let (old, before) = unsafe { ((*self.registers.thread).stack_len, (*self.registers.thread).memory()) };
        let len = needed.max((old * 2).min(limit));
        if self.heap.check_large((len - old) as usize * size_of::<Value>()).is_err() {
            return Err(self.out_of_memory());
        }
        self.resize_stack(len);
        // SAFETY: as above.
        let after = unsafe { (*self.registers.thread).memory() };
        self.heap.account((after - before) as isize);
        Ok(())
    }

    /// Moves the running coroutine to a stack of `len` slots, which is enough for what it holds.
    fn resize_stack(&mut self, len: u32) {
        let base = self.slot_of(self.saved.base);
        let top = self.top_slot();
        // SAFETY: the running coroutine is alive; every cached pointer into its stack is moved along.
        unsafe {
            Thread::resize_stack(self.registers.thread, len);
            self.cache_stack();
            self.saved.base = self.stack().add(base as usize);
        }
        self.set_top_slot(top);
    }

    /// Takes away what of the running coroutine's stack only the handler of an overflow may use.
    pub(super) fn give_back_reserve(&mut self) {
        // SAFETY: the running coroutine is alive.
        let len = unsafe { (*self.registers.thread).stack_len };
        if let Some(reserve) = len.checked_sub(MAX_STACK) {
            self.resize_stack(MAX_STACK);
            self.heap.account(-((reserve as usize * size_of::<Value>()) as isize));
        }
    }

    #[cold]
    #[inline(never)]
    fn grow_frames(&mut self) {
        // SAFETY: the running coroutine is alive.
        unsafe {
            let thread = self.registers.thread;
            let len = self.registers.frame_top.offset_from((*thread).frames) as usize;
            let before = (*thread).memory();
            Thread::grow_frames(thread);
            self.heap.account(((*thread).memory() - before) as isize);
            self.registers.frame_top = (*thread).frames.add(len);
            self.registers.frame_end = (*thread).frames.add((*thread).frame_cap as usize);
        }
    }
}
