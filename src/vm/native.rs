//! Native functions: how Rust code is called by Lua, and how it asks the machine for what only the machine can do.
//!
//! A native function never calls Lua and never waits. It returns a [`Flow`]: either its results, or a request — call
//! this function, yield, suspend — after which one of its [`Continuation`]s is entered. What it needs to remember
//! meanwhile it leaves in its slots on the Lua stack, so that a suspended process is data from end to end.

use super::error::LuaError;
use super::machine::Vm;
use super::value::{Value, tag};

/// What a native function or continuation answers. The error is boxed so that the answer fits two registers.
pub type NativeResult = Result<Flow, Box<LuaError>>;

/// The body of a native function. `args` names its argument slots; see [`Args`].
pub type NativeFn = fn(vm: &mut Vm, args: Args) -> NativeResult;

/// Where a native function goes on after a call it asked for raised an error.
pub type CatchFn = fn(vm: &mut Vm, args: Args, error: Box<LuaError>) -> NativeResult;

/// What a native function wants to happen next. Counts refer to values it pushed on the stack.
#[derive(Debug)]
pub enum Flow {
    /// Return the topmost `n` values.
    Return(u32),
    /// Call the function below the topmost `args` values with these as arguments; enter `then` with its results. The
    /// slots between the native's first argument and that function are its state and stay untouched.
    Call {
        /// Number of arguments above the function.
        args: u32,
        /// What continues with the results.
        then: &'static Continuation,
    },
    /// Call as [`Flow::Call`] does and return all its results.
    TailCall(u32),
    /// Resume the coroutine below the topmost `n` values with these; the results of this native are those of
    /// `coroutine.resume`, or of a function made by `coroutine.wrap`.
    Resume {
        /// Number of values above the coroutine.
        values: u32,
        /// Whether an error propagates (`wrap`) instead of becoming a result (`resume`).
        wrap: bool,
    },
    /// Yield the topmost `n` values; the results are the values passed to the next resume.
    Yield(u32),
    /// Leave the machine with the request set by [`Vm::suspend`]; the results are the values the host resumes with.
    Suspend,
}

/// A place where a native function goes on after a call it asked for.
pub struct Continuation {
    /// Stable name, `library.function.step`: a suspended process refers to it.
    pub name: &'static str,
    /// Entered when the call has returned. `args` are the native's slots up to the called function, `results` what it
    /// returned (above them).
    pub resume: fn(vm: &mut Vm, args: Args, results: Args) -> NativeResult,
    /// Entered instead when the call raised; without it the error goes on to the caller.
    pub catch: Option<CatchFn>,
    /// Whether Lua 5.3 allows `coroutine.yield` across this call.
    pub yieldable: bool,
}

impl std::fmt::Debug for Continuation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// A native function without captured values. It lives in static memory: Lua values refer to it by address.
pub struct Native {
    /// Its plain name, as `insert`, used in `bad argument` messages.
    pub name: &'static str,
    /// Its body.
    pub run: NativeFn,
    /// The short way of the usual cases.
    pub(super) quick: Option<QuickFn>,
    /// Whether what `quick` answers is all there is to answer, also for a caller that takes any number of values.
    pub(super) single: bool,
    /// The short way as the iterator of a generic `for`.
    pub(super) step: Option<StepFn>,
    /// The short way of `f(x, ...)`.
    pub(super) pick: Option<PickFn>,
}

impl Native {
    /// A native function.
    pub const fn new(name: &'static str, run: NativeFn) -> Native {
        Native { name, run, quick: None, single: false, step: None, pick: None }
    }

    /// With a short way, which answers exactly one value.
    pub const fn quick(self, quick: QuickFn) -> Native {
        Native { quick: Some(quick), single: true, ..self }
    }

    /// With a short way for callers that want one value or none. What it answers is the first of the function's results, or
    /// nil if it has none.
    pub const fn quick_first(self, quick: QuickFn) -> Native {
        Native { quick: Some(quick), single: false, ..self }
    }

    /// With a short way for generic `for` loops.
    pub const fn step(self, step: StepFn) -> Native {
        Native { step: Some(step), ..self }
    }

    /// With a short way for calls whose arguments are one value and then `...`, and which want one value.
    pub const fn pick(self, pick: PickFn) -> Native {
        Native { pick: Some(pick), ..self }
    }
}

/// A step of a generic `for` loop by a native iterator: from state and control value, the first two results. `false` if the
/// function itself has to be called.
pub type StepFn = fn(vm: &mut Vm, state: Value, control: Value, results: &mut [Value; 2]) -> bool;

/// The short way of `f(selector, ...)`: as a [`QuickFn`], but the extra arguments of the caller stay where they are.
pub type PickFn = fn(selector: Value, extra: &[Value]) -> Answer;

/// The short way of a native function: operands of the usual types and one result, without a frame, an error or a call. It
/// answers [`Answer::NONE`] for everything else, having changed nothing; then the function itself is called. Or it calls
/// [`Vm::suspend`] before it answers so: then the function waits, as if it had returned [`Flow::Suspend`].
pub type QuickFn = fn(vm: &mut Vm, args: &[Value]) -> Answer;

/// What a [`QuickFn`] answers. (An `Option` would not fit two registers.)
#[derive(Clone, Copy, Debug)]
pub struct Answer(Value);

impl Answer {
    /// The function itself has to be called.
    pub const NONE: Answer = Answer(Value::NO_ANSWER);

    /// The value, unless it is [`Answer::NONE`].
    #[inline(always)]
    pub(super) fn value(self) -> Option<Value> {
        (self.0.tag() != tag::NO_ANSWER).then_some(self.0)
    }
}

impl From<Value> for Answer {
    #[inline(always)]
    fn from(value: Value) -> Answer {
        Answer(value)
    }
}

impl std::fmt::Debug for Native {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "native {}", self.name)
    }
}

/// Rust data captured by a native closure of an embedder.
pub type NativeData = dyn std::any::Any + Send;

/// Consecutive slots of the running coroutine's stack: the arguments of a native function, or results handed to a
/// continuation. Slots are named by index and not by address, because the stack moves when it grows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Args {
    /// Index of the first slot.
    pub start: u32,
    /// Number of values.
    pub len: u32,
}

impl Args {
    /// Argument `i` (from 0), or `None` if there are fewer.
    #[inline(always)]
    pub fn try_get(self, vm: &Vm, i: u32) -> Option<Value> {
        (i < self.len).then(|| vm.slot(self.start + i))
    }

    /// Argument `i` (from 0); nil if there are fewer.
    #[inline(always)]
    pub fn get(self, vm: &Vm, i: u32) -> Value {
        if i < self.len { vm.slot(self.start + i) } else { Value::NIL }
    }

    /// Overwrites the slot of argument `i`, which must exist.
    #[inline(always)]
    pub fn set(self, vm: &mut Vm, i: u32, value: Value) {
        debug_assert!(i < self.len);
        vm.set_slot(self.start + i, value);
    }
}
