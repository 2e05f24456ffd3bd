//! Raising errors: from the place of the error up the frames, to the native function that catches it.

use super::error::{ErrorKind, LuaError};
use super::event::type_name;
use super::execute::RESUME;
use super::hook;
use super::machine::Vm;
use super::native::{Args, Continuation, Flow, NativeResult};
use super::object::Closure;
use super::thread::{HEADROOM, MAX_STACK, OVERFLOW_RESERVE, Saved, results};
use super::value::{Value, tag};

/// The continuation of `pcall`: nothing but the results, or the error.
pub static PCALL: Continuation = Continuation {
    name: "base.pcall.returned",
    resume: protected_results,
    catch: Some(protected_error),
    yieldable: true,
};

/// The continuation of `xpcall`, whose first slot is the message handler.
pub static XPCALL: Continuation = Continuation {
    name: "base.xpcall.returned",
    resume: protected_results,
    catch: Some(protected_error),
    yieldable: true,
};

/// The continuation of a message handler that runs above the frames of the error.
static HANDLED: Continuation =
    Continuation { name: "base.xpcall.handled", resume: handler_results, catch: Some(handler_error), yieldable: false };

fn protected_results(vm: &mut Vm, _: Args, results: Args) -> NativeResult {
    let n = results.len;
    vm.push(Value::NIL)?;
    for i in (0..n).rev() {
        vm.set_slot(results.start + i + 1, vm.slot(results.start + i));
    }
    vm.set_slot(results.start, Value::TRUE);
    Ok(Flow::Return(n + 1))
}

// The signature is that of every continuation.
#[allow(clippy::boxed_local)]
fn protected_error(vm: &mut Vm, _: Args, error: Box<LuaError>) -> NativeResult {
    vm.push(Value::FALSE)?;
    vm.push(error.value)?;
    Ok(Flow::Return(2))
}

fn handler_results(vm: &mut Vm, _: Args, results: Args) -> NativeResult {
    let value = results.get(vm, 0);
    Err(Box::new(LuaError { value, kind: ErrorKind::Handled, traceback: None }))
}

fn handler_error(_: &mut Vm, _: Args, mut error: Box<LuaError>) -> NativeResult {
    error.kind = ErrorKind::Handled;
    Err(error)
}

/// Message handlers that may be called for errors in each other.
const MAX_HANDLERS: usize = 200;

/// The place where an error will be caught.
#[derive(Clone, Copy)]
struct Catch {
    /// The message handler to call first, if it is an `xpcall`.
    handler: Option<Value>,
    /// Message handlers of it that are running.
    depth: usize,
}

impl Vm {
    /// Raises `error` in the running coroutine: afterwards `saved` says where to go on, be it outside the machine.
    #[cold]
    #[inline(never)]
    pub(super) fn throw(&mut self, mut error: Box<LuaError>) {
        loop {
            let catch = self.catching_frame();
            // There may be no memory for a message handler.
            if !matches!(error.kind, ErrorKind::Handled | ErrorKind::Memory)
                && let Some(Catch { handler: Some(handler), depth }) = catch
            {
                match self.call_message_handler(handler, depth, &error) {
                    Ok(()) => return,
                    // A native handler raises its error here, and is called for it, too.
                    Err(failed) => error = failed,
                }
                continue;
            }
            let unwound = if catch.is_some() { self.unwind(error) } else { self.fail_coroutine(error) };
            match unwound {
                Ok(()) => return,
                Err(next) => error = next,
            }
        }
    }

    /// Leaves frames up to the innermost one that catches errors, or has something to tidy up, and goes on there.
    fn unwind(&mut self, error: Box<LuaError>) -> Result<(), Box<LuaError>> {
        self.native_slot = 0;
        loop {
            let Some(then) = self.waiting_native() else {
                self.pop_frame();
                continue;
            };
            let (slot, results) = self.leave_waiting_native(then);
            let Some(catch) = then.catch else { continue };
            let state = u32::from(std::ptr::eq(then, &XPCALL));
            self.set_top_slot(slot + 1 + state);
            self.end_overflow_handling();
            let answer = catch(self, Args { start: slot + 1, len: state }, error);
            return self.finish_native(answer, slot, results);
        }
    }

    /// Calls the message handler of an `xpcall` above the frames of the error, inside `depth` handlers that failed
    /// themselves.
    fn call_message_handler(&mut self, handler: Value, depth: usize, error: &LuaError) -> Result<(), Box<LuaError>> {
        if depth >= MAX_HANDLERS {
            return Err(self.error_in_error_handling());
        }
        self.handling_overflow |= error.kind == ErrorKind::StackOverflow;
        self.enter_message_handler(handler, error.value)
    }

    fn enter_message_handler(&mut self, handler: Value, value: Value) -> Result<(), Box<LuaError>> {
        let end = self.live_extent();
        self.ensure_slots(end + 3 + HEADROOM)?;
        // The native function that raised the error waits itself; a Lua function needs somebody to wait for it.
        let slot = if self.native_slot != 0 { self.native_slot } else { end };
        if slot == end {
            self.set_slot(slot, Value::NIL);
        }
        let callee = end.max(slot + 1);
        self.push_frame(results::ALL)?;
        // SAFETY: the slot was ensured.
        let base = unsafe { self.stack().add(slot as usize + 1) };
        self.saved = Saved::new(&raw const RESUME.0, base, (&raw const HANDLED).cast());
        // SAFETY: the running coroutine is alive.
        unsafe { (*self.registers.thread).unyieldable += 1 };
        self.set_slot(callee, handler);
        self.set_slot(callee + 1, value);
        self.set_top_slot(callee + 2);
        self.native_slot = 0;
        self.call_at(callee, 1, results::ALL)
    }

    /// Gives the reserve of the stack back once the frames that have overflowed it are left.
    fn end_overflow_handling(&mut self) {
        if self.handling_overflow && self.top_slot() < MAX_STACK - OVERFLOW_RESERVE {
            self.handling_overflow = false;
            self.give_back_reserve();
        }
    }

    /// What will catch an error of the running coroutine. Frames that only tidy up do not count.
    fn catching_frame(&self) -> Option<Catch> {
        let stack = self.stack();
        let mut depth = 0;
        self.states().find_map(|frame| {
            if frame.pc != &raw const RESUME.0 {
                return None;
            }
            // SAFETY: with this pc, `constants` is the continuation.
            let then = unsafe { &*frame.constants.cast::<Continuation>() };
            if std::ptr::eq(then, &HANDLED) {
                depth += 1;
                return None;
            }
            if then.catch.is_none() || hook::is_hook(then) {
                return None;
            }
            // SAFETY: the offset lies within the stack; the handler is the first slot of `xpcall`.
            let first = unsafe { *stack.byte_add(frame.base as usize) };
            Some(Catch { handler: std::ptr::eq(then, &XPCALL).then_some(first), depth })
        })
    }

    /// The error of an error handler that fails again and again, or that overflows the stack.
    pub(super) fn error_in_error_handling(&mut self) -> Box<LuaError> {
        match self.heap.new_string(b"error in error handling") {
            Ok(text) => LuaError::with_kind(Value::string(text), ErrorKind::Handled),
            Err(_) => self.out_of_memory(),
        }
    }

    /// An error with a message and the position of the running Lua function, or of the caller of the running native.
    #[cold]
    #[inline(never)]
    pub fn error(&mut self, message: &str) -> Box<LuaError> {
        self.error_of_kind(ErrorKind::Runtime, message)
    }

    pub(super) fn error_of_kind(&mut self, kind: ErrorKind, message: &str) -> Box<LuaError> {
        let place = match self.running_instruction() {
            Some((function, pc)) => match function.proto.line(pc) {
                Some(line) => format!("{}:{line}: ", function.chunk_name()),
                None => format!("{}:-1: ", function.chunk_name()),
            },
            None => self.position(usize::from(self.native_slot != 0)),
        };
        self.error_at(&place, kind, message)
    }

    /// An error of an operation of the language, with the position of the running function: a native one has none.
    #[cold]
    #[inline(never)]
    pub(super) fn operation_error(&mut self, message: &str) -> Box<LuaError> {
        if self.native_slot != 0 { self.error_at("", ErrorKind::Runtime, message) } else { self.error(message) }
    }

    fn error_at(&mut self, place: &str, kind: ErrorKind, message: &str) -> Box<LuaError> {
        let text = format!("{place}{message}");
        match self.heap.new_string(text.as_bytes()) {
            Ok(string) => LuaError::with_kind(Value::string(string), kind),
            Err(_) => self.out_of_memory(),
        }
    }

    /// Puts the position of the caller of the running native function before the message of an error that comes from
    /// another coroutine.
    pub(super) fn with_position(&mut self, mut error: Box<LuaError>) -> Box<LuaError> {
        if error.value.is_string() {
            let mut text = self.position(1).into_bytes();
            // SAFETY: the error value is alive until the next safepoint.
            text.extend_from_slice(unsafe { (*error.value.as_string()).as_bytes() });
            if let Ok(string) = self.heap.new_string(&text) {
                error.value = Value::string(string);
            }
        }
        error
    }

    /// The error of a passed memory limit; its message exists before memory runs out.
    pub fn out_of_memory(&self) -> Box<LuaError> {
        LuaError::with_kind(Value::string(self.image.memory_message), ErrorKind::Memory)
    }

    /// `bad argument #i to 'f' (message)`; `argument` counts from 0. The function has the name its caller knows it by; the
    /// object of a method call is no argument.
    #[cold]
    pub fn argument_error(&mut self, argument: u32, message: &str) -> Box<LuaError> {
        let (name, method) = match self.native_call_name() {
            Some(name) => (name.text, name.kind == "method"),
            None => (self.native_library_name(), false),
        };
        if method && argument == 0 {
            return self.error(&format!("calling '{name}' on bad self ({message})"));
        }
        let number = argument + u32::from(!method);
        self.error(&format!("bad argument #{number} to '{name}' ({message})"))
    }

    /// `bad argument #i to 'f' (expected expected, got type)`; `None` stands for a missing argument.
    #[cold]
    pub fn type_error(&mut self, argument: u32, expected: &str, got: Option<Value>) -> Box<LuaError> {
        let got = match got {
            None => "no value".to_owned(),
            Some(value) if value.tag() == tag::LIGHT => "light userdata".to_owned(),
            Some(value) => self.type_name_of(value),
        };
        self.argument_error(argument, &format!("{expected} expected, got {got}"))
    }

    /// `library.function` for the native function that is running, or as much of it as is known.
    fn native_library_name(&self) -> String {
        let value = self.slot(self.native_slot);
        let native = match value.tag() {
            tag::NATIVE => value.as_native(),
            // SAFETY: a live native closure refers to a static `Native`.
            tag::NATIVE_CLOSURE => unsafe { &*(*value.as_native_closure()).native },
            _ => return "?".to_owned(),
        };
        self.image.native_name(native).unwrap_or_else(|| native.name.to_owned())
    }

    /// `attempt to call a … value`
    #[cold]
    pub(super) fn call_error(&mut self, callee: Value, slot: u32) -> Box<LuaError> {
        let variable = self.describe_slot(slot);
        let name = self.type_name_of(callee);
        self.error(&format!("attempt to call a {name} value{variable}"))
    }

    pub(super) fn running_closure(&self) -> *mut *mut Closure {
        // SAFETY: slot `base - 1` holds the running function; the payload of its value is the second word.
        unsafe { self.saved.base.sub(1).byte_add(8).cast() }
    }

    /// The name of the type of a value for arithmetic and other operator errors.
    pub(super) fn operand_type(&self, value: Value) -> String {
        if value.is_object() { self.type_name_of(value) } else { type_name(value).to_owned() }
    }
}
