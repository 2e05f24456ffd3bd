//! Debug hooks (manual §6.10, `debug.sethook`): what a coroutine wants to be told, and telling it.
//!
//! A hook is a Lua function that is called *between* two steps of the program it watches. House rules:
//!
//! * A coroutine whose hook is to be called runs in an instance of the interpreter loop of its own, which asks
//!   [`Vm::before_instruction`] before each instruction; the other instance knows nothing of hooks. [`Tracing`] says which
//!   one runs and which one should; a slow path that changes the latter makes the loop change (`Vm::change_loop`).
//! * An instruction may have several events. [`Step`] says which of them are behind it, because a hook that returns leads
//!   to the same instruction again. What happened before it (a call, a return) is noted and told at the next instruction.
//! * Native functions have no instructions. Their calls and returns are told by `call.rs` at the places where it starts
//!   one and where it delivers results.
//! * While a hook or a finalizer runs, the hook of its coroutine is paused.

use super::error::LuaError;
use super::execute::HALT;
use super::function::Function;
use super::inspect::function_of;
use super::machine::Vm;
use super::native::{Args, Continuation, Flow, NativeResult};
use super::thread::{HEADROOM, Thread, results};
use super::value::{Value, tag};
use crate::bytecode::{Instruction, Op};

/// Sets of events, as `debug.sethook` takes them.
pub mod events {
    /// A function is called.
    pub const CALL: u8 = 1;
    /// A function is about to return.
    pub const RETURN: u8 = 2;
    /// A new line begins, or code jumps back.
    pub const LINE: u8 = 4;
    /// A number of instructions has run.
    pub const COUNT: u8 = 8;
}

/// An event as a hook is told of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Happening {
    Call,
    TailCall,
    Return,
    Line(u32),
    Count,
}

impl Happening {
    fn name(self) -> &'static str {
        match self {
            Happening::Call => "call",
            Happening::TailCall => "tail call",
            Happening::Return => "return",
            Happening::Line(_) => "line",
            Happening::Count => "count",
        }
    }
}

/// The next thing to look at before an instruction runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    /// Was a function entered?
    Entry,
    /// Is the count complete?
    Count,
    /// Does a line begin?
    Line,
    /// Is it a return?
    Return,
    /// Nothing: it may run.
    Run,
}

/// The hook of a coroutine. Once set, it stays, if only with no events.
#[derive(Debug)]
pub struct Hook {
    /// What is called; nil if there are no events.
    function: Value,
    /// Of [`events`].
    events: u8,
    /// Instructions between two count events.
    count: u32,
    /// Instructions to the next one.
    left: u32,
    /// Hooks and finalizers that run in this coroutine.
    paused: u32,
    step: Step,
    /// The call of a Lua function that has not been told yet.
    entered: Option<Happening>,
    /// The last instruction observed; after a return, the one before the next counts as that.
    last: *const Instruction,
    returned: bool,
    /// The return of the native function that is about to deliver its results has been told.
    told: bool,
}

impl Hook {
    /// A hook without events.
    fn new() -> Box<Hook> {
        Box::new(Hook {
            function: Value::NIL,
            events: 0,
            count: 0,
            left: 0,
            paused: 0,
            step: Step::Entry,
            entered: None,
            last: std::ptr::null(),
            returned: false,
            told: false,
        })
    }

    /// What the collector must see.
    pub fn function(&self) -> Value {
        self.function
    }

    fn wants(&self, event: u8) -> bool {
        self.events & event != 0
    }

    fn is_awake(&self) -> bool {
        self.events != 0 && self.paused == 0
    }

    /// The next instruction it observes has nothing behind it.
    fn forget(&mut self) {
        self.step = Step::Entry;
        self.entered = None;
    }

    /// The line that begins at `i`, if one does: with the first instruction of a function, with one of another line than
    /// the last, and with a jump back.
    fn line_at(&self, function: &Function, i: *const Instruction) -> Option<u32> {
        let line = function.proto.line(function.index_of(i)).unwrap_or(0);
        // Only a verified instruction of the running function can have returned to `i`.
        let last = if self.returned { i.wrapping_sub(1) } else { self.last };
        if i == function.entry() || i <= last {
            return Some(line);
        }
        let index = (last as usize).wrapping_sub(function.code as usize) / size_of::<Instruction>();
        // Loops that count are entered from their end, by a jump back that is left out.
        let enters_loop = i == last.wrapping_add(1)
            && function.proto.code.get(index).is_some_and(|i| matches!(i.op, Op::ForPrep | Op::ForPrep1));
        (enters_loop || function.proto.line(index) != Some(line)).then_some(line)
    }
}

/// Which instance of the interpreter loop runs, and which one should.
#[derive(Debug)]
pub(super) struct Tracing {
    /// The running coroutine has a hook that is to be called.
    pub wanted: bool,
    /// The instance that observes instructions is running.
    active: bool,
    /// The two differ: the loop is to be changed.
    pub change: bool,
    /// Where the other instance goes on.
    resume: *const Instruction,
}

impl Tracing {
    pub(super) const OFF: Tracing = Tracing { wanted: false, active: false, change: false, resume: std::ptr::null() };

    fn want(&mut self, wanted: bool) {
        self.wanted = wanted;
        self.change = wanted != self.active;
    }

    /// Notes which instance runs from now on; returns which one did.
    pub(super) fn activate(&mut self, active: bool) -> bool {
        self.change = self.wanted != active;
        std::mem::replace(&mut self.active, active)
    }
}

/// The hook has been told of an instruction. The slot holds the end of the values in use.
pub(super) static OBSERVED: Continuation = Continuation {
    name: "debug.hook.observed",
    resume: |vm, args, _| {
        let top = args.get(vm, 0).as_int();
        vm.set_top_slot(top as u32);
        vm.wake_hook();
        Ok(Flow::Return(0))
    },
    catch: Some(hook_failed),
    yieldable: false,
};

/// The hook has been told that a native function is called, which then runs. The slots are its arguments.
pub(super) static NATIVE_CALLED: Continuation = Continuation {
    name: "debug.hook.called",
    resume: |vm, args, _| {
        vm.set_top_slot(args.start + args.len);
        vm.wake_hook();
        let callee = vm.running_native();
        let native = match callee.tag() {
            tag::NATIVE => callee.as_native(),
            // SAFETY: a live native closure refers to a static `Native`, and nothing else is called natively.
            _ => unsafe { &*(*callee.as_native_closure()).native },
        };
        (native.run)(vm, args)
    },
    catch: Some(hook_failed),
    yieldable: false,
};

/// The hook has been told that a native function returns. The slots end with its results and their number.
pub(super) static NATIVE_RETURNED: Continuation = Continuation {
    name: "debug.hook.returned",
    resume: |vm, args, _| {
        let n = args.get(vm, args.len - 1).as_int();
        vm.set_top_slot(args.start + args.len - 1);
        vm.wake_hook();
        let awake = vm.tracing.wanted;
        if let Some(hook) = vm.hook_of(vm.current_thread()) {
            hook.told = awake;
        }
        Ok(Flow::Return(n as u32))
    },
    catch: Some(hook_failed),
    yieldable: false,
};

/// Whether a hook runs above a frame with this continuation.
pub(super) fn is_hook(then: &'static Continuation) -> bool {
    [&OBSERVED, &NATIVE_CALLED, &NATIVE_RETURNED].iter().any(|other| std::ptr::eq(then, *other))
}

fn hook_failed(vm: &mut Vm, _: Args, error: Box<LuaError>) -> NativeResult {
    // What it was told of will not happen.
    if let Some(hook) = vm.hook_of(vm.current_thread()) {
        hook.forget();
    }
    vm.wake_hook();
    Err(error)
}

/// Whether an instruction uses the open list of values that the one before it left.
fn uses_open_list(i: &Instruction) -> bool {
    i.b == 0 && matches!(i.op, Op::Call | Op::TailCall | Op::Return | Op::ReturnVararg | Op::SetList)
}

/// Setting and asking.
impl Vm {
    /// Lets `function` be called in a coroutine at these [`events`], and every `count` instructions if that is among
    /// them. No events: it has no hook any more.
    pub fn set_hook(&mut self, thread: *mut Thread, function: Value, events: u8, count: u32) {
        // SAFETY: the coroutine is alive; like a stack, its hook needs no barrier.
        let hook = unsafe { (*thread).hook.get_or_insert_with(Hook::new) };
        (hook.function, hook.events) = if events == 0 { (Value::NIL, 0) } else { (function, events) };
        (hook.count, hook.left) = (count, count);
        if hook.events == 0 && hook.paused == 0 {
            hook.forget();
        }
        self.look_for_hook();
    }

    /// Function, events and count of the hook of a coroutine; the function is nil if it has none.
    pub fn hook(&self, thread: *mut Thread) -> (Value, u8, u32) {
        // SAFETY: the coroutine is alive.
        unsafe { (*thread).hook.as_ref() }.map_or((Value::NIL, 0, 0), |hook| (hook.function, hook.events, hook.count))
    }

    fn hook_of(&mut self, thread: *mut Thread) -> Option<&mut Hook> {
        // SAFETY: the coroutine is alive.
        unsafe { (*thread).hook.as_deref_mut() }
    }

    /// Finds out whether the running coroutine has a hook that is to be called.
    pub(super) fn look_for_hook(&mut self) {
        let thread = self.registers.thread;
        let wanted = self.hook_of(thread).is_some_and(|hook| hook.is_awake());
        self.tracing.want(wanted);
    }

    /// No events of the running coroutine are told until [`Vm::wake_hook`].
    pub(super) fn pause_hook(&mut self) {
        if let Some(hook) = self.hook_of(self.registers.thread) {
            hook.paused += 1;
            self.tracing.want(false);
        }
    }

    /// Ends what [`Vm::pause_hook`] began.
    pub(super) fn wake_hook(&mut self) {
        if let Some(hook) = self.hook_of(self.registers.thread) {
            // A hook that a finalizer has set was not there to be paused.
            hook.paused = hook.paused.saturating_sub(1);
            if hook.events == 0 {
                hook.forget();
            }
        }
        self.look_for_hook();
    }
}

/// Telling.
impl Vm {
    /// Leaves the running instance of the loop for the other one, which goes on at the same place.
    #[cold]
    pub(super) fn change_loop(&mut self) {
        self.tracing.resume = self.saved.pc;
        self.saved.pc = &raw const HALT.0;
    }

    /// Enters the instance of the loop that should run; false if the machine has been left.
    pub(super) fn enter_loop(&mut self) -> bool {
        if self.exit.is_some() {
            return false;
        }
        self.saved.pc = self.tracing.resume;
        true
    }

    /// Tells what is to be told before the instruction at `saved.pc` runs. True if something else runs first: a hook that
    /// has been called.
    pub(super) fn before_instruction(&mut self) -> Result<bool, Box<LuaError>> {
        let i = self.saved.pc;
        // SAFETY: `saved` is a valid state.
        let op = unsafe { (*i).op };
        if !op.is_compiled() {
            return Ok(false);
        }
        // SAFETY: compiled code runs in a frame, whose function is in the slot below.
        let function = function_of(unsafe { *self.saved.base.sub(1) }).expect("only Lua functions run compiled code");
        let Some(hook) = self.hook_of(self.registers.thread).filter(|hook| hook.is_awake()) else { return Ok(false) };
        loop {
            let happening = match hook.step {
                Step::Entry => {
                    hook.step = Step::Count;
                    hook.entered.take().filter(|_| hook.wants(events::CALL))
                }
                Step::Count => {
                    hook.step = Step::Line;
                    hook.left = hook.left.saturating_sub(1);
                    if hook.wants(events::COUNT) && hook.left == 0 {
                        hook.left = hook.count;
                        Some(Happening::Count)
                    } else {
                        None
                    }
                }
                Step::Line => {
                    hook.step = Step::Return;
                    let line = if hook.wants(events::LINE) { hook.line_at(function, i) } else { None };
                    hook.last = i;
                    hook.returned = false;
                    line.map(Happening::Line)
                }
                Step::Return => {
                    hook.step = Step::Run;
                    let returns = matches!(op, Op::Return | Op::Return0 | Op::Return1 | Op::ReturnVararg);
                    hook.returned = returns;
                    (returns && hook.wants(events::RETURN)).then_some(Happening::Return)
                }
                Step::Run => {
                    hook.step = Step::Entry;
                    return Ok(false);
                }
            };
            if let Some(happening) = happening {
                self.interrupt(happening)?;
                return Ok(true);
            }
        }
    }

    /// The instruction that is about to run will not, but later: its events are behind it.
    pub(super) fn postpone_instruction(&mut self) {
        if self.tracing.wanted
            && let Some(hook) = self.hook_of(self.registers.thread)
        {
            hook.step = Step::Run;
        }
    }

    /// A Lua function has been entered.
    #[cold]
    pub(super) fn note_entry(&mut self, tail_call: bool) {
        if let Some(hook) = self.hook_of(self.registers.thread) {
            hook.entered = Some(if tail_call { Happening::TailCall } else { Happening::Call });
        }
    }

    /// Pushes the hook and what it is told, and pauses it.
    fn push_hook(&mut self, happening: Happening) -> Result<(), Box<LuaError>> {
        let (function, ..) = self.hook(self.registers.thread);
        let name = self.string(happening.name().as_bytes())?;
        let line = match happening {
            // Code without line information has lines, but not their numbers.
            Happening::Line(0) => Value::int(-1),
            Happening::Line(line) => Value::int(i64::from(line)),
            _ => Value::NIL,
        };
        self.push_all(&[function, name, line])?;
        self.pause_hook();
        Ok(())
    }

    /// Calls the hook above everything the running Lua function uses.
    fn interrupt(&mut self, happening: Happening) -> Result<(), Box<LuaError>> {
        // SAFETY: `saved` is a valid state.
        let slot = self.extent(uses_open_list(unsafe { &*self.saved.pc }));
        self.ensure_slots(slot + 2 + HEADROOM)?;
        let top = self.top_slot();
        self.set_slot(slot, Value::NIL);
        self.set_slot(slot + 1, Value::int(i64::from(top)));
        self.set_top_slot(slot + 2);
        self.push_hook(happening)?;
        self.finish_native(Ok(Flow::Call { args: 2, then: &OBSERVED }), slot, results::exactly(0))
    }

    /// A native function is about to be called with the topmost values, its arguments. The answer in its place, if there
    /// is somebody to tell.
    #[cold]
    pub(super) fn tell_native_call(&mut self) -> Option<NativeResult> {
        let wants = self.hook_of(self.registers.thread).is_some_and(|hook| hook.wants(events::CALL));
        wants.then(|| {
            self.push_hook(Happening::Call)?;
            Ok(Flow::Call { args: 2, then: &NATIVE_CALLED })
        })
    }

    /// The native function called at `slot` is about to return the topmost `n` values. The answer in its place, if there
    /// is somebody to tell.
    #[cold]
    pub(super) fn tell_native_return(&mut self, slot: u32, n: u32) -> Option<NativeResult> {
        if !self.slot(slot).is_function() {
            // The machine itself has called.
            return None;
        }
        let hook = self.hook_of(self.registers.thread)?;
        if std::mem::take(&mut hook.told) || !hook.wants(events::RETURN) {
            hook.returned = true;
            return None;
        }
        Some(self.push(Value::int(i64::from(n))).and_then(|()| {
            self.push_hook(Happening::Return)?;
            Ok(Flow::Call { args: 2, then: &NATIVE_RETURNED })
        }))
    }
}
