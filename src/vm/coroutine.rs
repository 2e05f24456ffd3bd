//! Switching between coroutines, and leaving the machine in the middle of one.
//!
//! A switch copies nothing but the values that are passed: it stores the cached registers in the coroutine that stops
//! and loads those of the one that goes on. The coroutine that leaves the machine stays the *current* one until the host
//! resumes the same or another.

use super::error::LuaError;
use super::execute::{COROUTINE_END, HALT};
use super::exit::{Exit, Request, Values};
use super::machine::Vm;
use super::native::Flow;
use super::thread::{Pending, Saved, Status, Thread, results};
use super::value::Value;
use crate::bytecode::{Instruction, Op};

impl Vm {
    /// A new coroutine that will run `function`.
    pub fn new_thread(&mut self, function: Value) -> *mut Thread {
        let thread = self.heap.new_thread();
        // SAFETY: fresh and initialised by the heap.
        unsafe {
            *(*thread).stack = function;
            (*thread).extent = 1;
        }
        thread
    }

    /// Stores the cached state of the running coroutine in it.
    fn park(&mut self, status: Status, extent: u32) {
        // SAFETY: the running coroutine is alive.
        unsafe {
            let thread = &mut *self.registers.thread;
            thread.frame_len = self.registers.frame_top.offset_from(thread.frames) as u32;
            thread.pc = self.saved.pc;
            thread.base_offset = self.saved.base.byte_offset_from(thread.stack) as u32;
            thread.constants = self.saved.constants;
            thread.extent = extent;
            thread.status = status;
        }
    }

    /// Makes `thread` the running coroutine and caches its state.
    fn load(&mut self, thread: *mut Thread) {
        self.registers.thread = thread;
        self.cache_stack();
        // SAFETY: the coroutine is alive; its offsets lie within its stack and frames.
        unsafe {
            let t = &mut *thread;
            self.registers.frame_top = t.frames.add(t.frame_len as usize);
            self.registers.frame_end = t.frames.add(t.frame_cap as usize);
            self.saved = Saved::new(t.pc, t.stack.byte_add(t.base_offset as usize), t.constants);
            self.registers.top = t.stack.add(t.extent as usize);
            t.status = Status::Running;
        }
        self.look_for_hook();
    }

    /// Puts `n` values, which lie at `first` on the stack of `from`, on the stack of the running coroutine.
    fn fetch(&mut self, from: *mut Thread, first: u32, n: u32) -> Result<u32, Box<LuaError>> {
        let to = self.top_slot();
        self.ensure_slots(to + n + super::thread::HEADROOM)?;
        for i in 0..n {
            // SAFETY: the values lie on a live coroutine's stack, which differs from this one's.
            let value = unsafe { *(*from).stack.add((first + i) as usize) };
            self.set_slot(to + i, value);
        }
        self.set_top_slot(to + n);
        Ok(to)
    }

    /// `Flow::Resume`: the coroutine in `callee` gets the `n` values above it.
    pub(super) fn resume_coroutine(
        &mut self,
        slot: u32,
        callee: u32,
        n: u32,
        results: u32,
        wrap: bool,
    ) -> Result<(), Box<LuaError>> {
        let thread = self.slot(callee).as_thread();
        // SAFETY: the coroutine lies on the stack and is alive.
        let (status, scheduled) = unsafe { ((*thread).status, (*thread).scheduled) };
        let refusal = match status {
            Status::Fresh | Status::Waiting | Status::Preempted if scheduled => {
                Some("cannot resume scheduled coroutine")
            }
            Status::Fresh | Status::Yielded => None,
            Status::Dead => Some("cannot resume dead coroutine"),
            _ => Some("cannot resume non-suspended coroutine"),
        };
        if let Some(text) = refusal {
            if wrap {
                return Err(self.error(text));
            }
            let message = self.string(text.as_bytes())?;
            self.push(Value::FALSE)?;
            self.push(message)?;
            return self.deliver(slot, self.top_slot() - 2, 2, results);
        }
        let resumer = self.registers.thread;
        self.nesting += 1;
        if self.nesting > MAX_NESTED {
            self.nesting -= 1;
            return Err(self.error("C stack overflow"));
        }
        self.park(Status::Normal, slot + 1);
        // SAFETY: both are alive.
        unsafe {
            (*resumer).pending = Pending { slot, results, wrap };
            (*thread).resumer = resumer;
        }
        self.continue_with(thread, status, resumer, callee + 1, n)
    }

    /// Lets `thread`, which is fresh or waits for values, go on with the `n` values at `first` of `from`.
    fn continue_with(
        &mut self,
        thread: *mut Thread,
        status: Status,
        from: *mut Thread,
        first: u32,
        n: u32,
    ) -> Result<(), Box<LuaError>> {
        if status == Status::Fresh {
            self.load_fresh(thread);
            self.fetch(from, first, n)?;
            self.call_at(0, n, results::ALL)
        } else {
            self.load(thread);
            let at = self.fetch(from, first, n)?;
            // SAFETY: the coroutine is alive.
            let pending = unsafe { (*thread).pending };
            debug_assert_eq!(at + n, self.top_slot());
            self.finish_native(Ok(Flow::Return(n)), pending.slot, pending.results)
        }
    }

    /// Makes a coroutine that has not started the running one; its function is in slot 0.
    fn load_fresh(&mut self, thread: *mut Thread) {
        // SAFETY: the coroutine is alive and its stack has slots.
        unsafe {
            (*thread).pc = &raw const COROUTINE_END.0;
            (*thread).base_offset = 0;
            (*thread).constants = std::ptr::null();
            (*thread).frame_len = 0;
        }
        self.load(thread);
    }

    /// `Flow::Yield`: the `n` values at `first` go to whoever resumed the running coroutine.
    pub(super) fn yield_coroutine(&mut self, slot: u32, first: u32, n: u32, results: u32) -> Result<(), Box<LuaError>> {
        let thread = self.registers.thread;
        // SAFETY: the running coroutine and its resumer are alive.
        unsafe {
            if (*thread).resumer.is_null() {
                if (*thread).takes_turns {
                    self.request = Some(Request::Turn);
                    self.leave_suspended(slot, results);
                    return Ok(());
                }
                return Err(self.refuse_yield("attempt to yield from outside a coroutine"));
            }
            if (*thread).unyieldable > 0 {
                return Err(self.refuse_yield("attempt to yield across a C-call boundary"));
            }
            // The yielded values stay where they are until they have been fetched.
            self.park(Status::Yielded, slot + 1);
            (*thread).pending = Pending { slot, results, wrap: false };
            self.return_to_resumer(thread, Ok((first, n)))
        }
    }

    /// As in the reference implementation, this error has no position.
    fn refuse_yield(&mut self, message: &str) -> Box<LuaError> {
        self.string(message.as_bytes()).map_or_else(|error| error, LuaError::new)
    }

    /// Goes back to the coroutine that resumed `thread`, with its values (the first slot and their number), or the value
    /// of the error that it died of.
    fn return_to_resumer(
        &mut self,
        thread: *mut Thread,
        values: Result<(u32, u32), Value>,
    ) -> Result<(), Box<LuaError>> {
        // SAFETY: a resumer is alive while a coroutine it resumed is.
        unsafe {
            let resumer = (*thread).resumer;
            (*thread).resumer = std::ptr::null_mut();
            self.nesting -= 1;
            self.load(resumer);
            let Pending { slot, results, wrap } = (*resumer).pending;
            let at = self.top_slot();
            if !wrap {
                self.push(Value::bool(values.is_ok()))?;
            }
            match values {
                Ok((first, n)) => {
                    self.fetch(thread, first, n)?;
                }
                Err(value) => self.push(value)?,
            }
            self.finish_native(Ok(Flow::Return(self.top_slot() - at)), slot, results)
        }
    }

    /// `Op::CoroutineEnd`: the function of the running coroutine has returned.
    pub(super) fn end_coroutine(&mut self, _: &Instruction) -> Result<(), Box<LuaError>> {
        let thread = self.registers.thread;
        let (first, n) = (self.result_slot, self.top_slot() - self.result_slot);
        self.park(Status::Dead, 0);
        // SAFETY: the running coroutine is alive.
        if unsafe { (*thread).resumer.is_null() } {
            let values: Values = (0..n).map(|i| self.slot(first + i)).collect();
            self.leave(Exit::Finished(values));
            return Ok(());
        }
        self.return_to_resumer(thread, Ok((first, n)))
    }

    /// The running coroutine dies of `error`. `Ok` if somebody took the error; otherwise it goes on in the coroutine that
    /// is now running.
    pub(super) fn fail_coroutine(&mut self, mut error: Box<LuaError>) -> Result<(), Box<LuaError>> {
        let thread = self.registers.thread;
        // SAFETY: the running coroutine is alive.
        if error.traceback.is_none() && unsafe { (*thread).resumer.is_null() } {
            error.traceback = Some(self.traceback(0));
        }
        // Its stack stays as it is, for `debug` to show.
        let native = self.native_slot;
        let extent = if native != 0 { native + 1 } else { self.live_extent() };
        self.park(Status::Dead, extent);
        self.native_slot = 0;
        // SAFETY: the running coroutine and its resumer are alive.
        unsafe {
            (*thread).pending.slot = native;
            (*thread).unyieldable = 0;
            let resumer = (*thread).resumer;
            if resumer.is_null() {
                self.leave(Exit::Failed(error));
                return Ok(());
            }
            if (*resumer).pending.wrap {
                (*thread).resumer = std::ptr::null_mut();
                self.nesting -= 1;
                self.load(resumer);
                self.native_slot = (*resumer).pending.slot;
                return Err(self.with_position(error));
            }
            self.return_to_resumer(thread, Err(error.value))
        }
    }

    /// `Flow::Suspend`: the results of the native function at `slot` come from the host.
    pub(super) fn leave_suspended(&mut self, slot: u32, results: u32) {
        self.park(Status::Waiting, slot + 1);
        // SAFETY: the running coroutine is alive.
        unsafe { (*self.registers.thread).pending = Pending { slot, results, wrap: false } };
        let request = self.request.take().unwrap_or(Request::Turn);
        self.leave(Exit::Suspended(request));
    }

    /// Leaves the machine because the budget is used up; the instruction runs again when it continues.
    pub(super) fn preempt(&mut self, again: &Instruction) {
        self.saved.pc = again;
        self.postpone_instruction();
        let extent = self.live_extent();
        self.park(Status::Preempted, extent);
        self.leave(Exit::OutOfBudget);
    }

    /// Ends the interpreter loop with `exit`. The running coroutine has been parked.
    fn leave(&mut self, exit: Exit) {
        self.exit = Some(exit);
        self.saved.pc = &raw const HALT.0;
    }

    /// Runs a coroutine that only the host resumes until the machine is left: one that is fresh or waits gets `values`
    /// as arguments or results, one that was preempted goes on. `thread` is the coroutine that was the current one when
    /// the machine was left, not necessarily the root.
    pub fn run(&mut self, thread: *mut Thread, values: &[Value]) -> Exit {
        // SAFETY: the host keeps the coroutine alive.
        let status = unsafe { (*thread).status };
        let started = match status {
            Status::Preempted => {
                self.load(thread);
                Ok(())
            }
            Status::Fresh => {
                self.load_fresh(thread);
                self.push_all(values).and_then(|()| self.call_at(0, values.len() as u32, results::ALL))
            }
            _ => {
                debug_assert_eq!(status, Status::Waiting);
                self.load(thread);
                // SAFETY: as above.
                let pending = unsafe { (*thread).pending };
                let returned = Flow::Return(values.len() as u32);
                self.push_all(values).and_then(|()| self.finish_native(Ok(returned), pending.slot, pending.results))
            }
        };
        self.interpret(started)
    }

    /// As [`Vm::run`] for a coroutine that waits, but the native function that suspended raises `error` there.
    pub fn run_with_error(&mut self, thread: *mut Thread, error: Box<LuaError>) -> Exit {
        self.load(thread);
        self.interpret(Err(error))
    }

    /// Calls a function for the host and runs it to its end, or until `budget` (if any) is used up. May be called from
    /// a native function; then the call nests on the Rust stack.
    pub fn call_from_host(&mut self, function: Value, args: &[Value], budget: Option<i64>) -> Exit {
        let root = self.new_root(function);
        if let Some(budget) = budget {
            self.fuel = budget;
        } else if self.native_slot == 0 {
            self.fuel = i64::MAX;
        }
        self.resume_from_host(root, args)
    }

    /// As [`Vm::run`], also while a native function of another coroutine is running.
    pub fn resume_from_host(&mut self, thread: *mut Thread, values: &[Value]) -> Exit {
        // SAFETY: the host keeps the coroutine alive.
        if unsafe { (*thread).status } == Status::Dead {
            return Exit::Failed(self.error("cannot resume dead coroutine"));
        }
        if self.native_slot == 0 {
            return self.run(thread, values);
        }
        if self.interrupted.len() >= MAX_HOST_NESTING {
            return Exit::Failed(self.error("C stack overflow"));
        }
        let (native_slot, result_slot, outer) = (self.native_slot, self.result_slot, self.registers.thread);
        let top = self.top_slot();
        self.park(Status::Normal, self.live_extent());
        self.interrupted.push(outer);
        self.native_slot = 0;
        let exit = self.run(thread, values);
        self.interrupted.pop();
        self.load(outer);
        self.set_top_slot(top);
        (self.native_slot, self.result_slot) = (native_slot, result_slot);
        exit
    }

    fn interpret(&mut self, started: Result<(), Box<LuaError>>) -> Exit {
        if let Err(error) = started {
            self.throw(error);
        }
        self.execute();
        self.exit.take().expect("the interpreter loop ends only by leave()")
    }

    /// The coroutine that was running when the machine was left last.
    pub fn current_thread(&self) -> *mut Thread {
        self.registers.thread
    }

    /// Sets what the running native function waits for; it then returns [`super::native::Flow::Suspend`].
    pub fn suspend(&mut self, request: Request) -> super::native::NativeResult {
        self.request = Some(request);
        Ok(super::native::Flow::Suspend)
    }
}

/// Calls of the host from native functions that may nest on the Rust stack.
const MAX_HOST_NESTING: usize = 150;

/// Coroutines that may have resumed each other (`LUAI_MAXCCALLS` of the reference implementation).
const MAX_NESTED: u32 = 200;

const _: () = assert!(!Op::Resume.is_compiled());
