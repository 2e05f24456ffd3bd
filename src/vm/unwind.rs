//! Raising errors: from the place of the error up the frames, to the native function that catches it.

use super::error::{ErrorKind, LuaError};
use super::event::type_name;
use super::function::Function;
use super::machine::Vm;
use super::names::{self, Name};
use super::native::{Args, Continuation, Flow, NativeResult};
use super::object::Closure;
use super::run::{COROUTINE_END, RESUME};
use super::thread::{Frame, HEADROOM, Saved, Status, Thread, results};
use super::value::{Value, tag};
use crate::bytecode::Instruction;

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

/// One level of a coroutine's stack as seen by `error`, `debug` and tracebacks.
#[derive(Clone, Copy, Debug)]
pub struct Level {
    /// The slot of the function that runs at this level.
    pub slot: u32,
    /// That function.
    pub function: Value,
    /// Its next instruction; `None` for a native function.
    pub pc: Option<*const Instruction>,
}

impl Vm {
    /// Raises `error` in the running coroutine: afterwards `saved` says where to go on, be it outside the machine.
    #[cold]
    #[inline(never)]
    pub(super) fn throw(&mut self, mut error: Box<LuaError>) {
        'raise: loop {
            if error.kind != ErrorKind::Handled {
                match self.call_message_handler(error) {
                    None => return,
                    Some(same) => error = same,
                }
            }
            self.native_slot = 0;
            loop {
                if let Some(then) = self.waiting_native() {
                    let (slot, results) = self.leave_waiting_native(then);
                    let Some(catch) = then.catch else { continue };
                    let state = u32::from(std::ptr::eq(then, &XPCALL));
                    self.set_top_slot(slot + 1 + state);
                    let answer = catch(self, Args { start: slot + 1, len: state }, error);
                    match self.finish_native(answer, slot, results) {
                        Ok(()) => return,
                        Err(next) => error = next,
                    }
                } else if self.saved.pc == &raw const COROUTINE_END.0 {
                    match self.fail_coroutine(error) {
                        Ok(()) => return,
                        Err(next) => {
                            // `coroutine.wrap` raises it anew in the coroutine that called, which may have a handler.
                            error = next;
                            continue 'raise;
                        }
                    }
                } else {
                    self.pop_frame();
                }
            }
        }
    }

    /// If the error will be caught by `xpcall`: enters its message handler above the frames and returns `None`. If
    /// nothing will catch it, notes the traceback.
    fn call_message_handler(&mut self, mut error: Box<LuaError>) -> Option<Box<LuaError>> {
        match self.catching_frame() {
            Some((then, base)) if std::ptr::eq(then, &XPCALL) => {
                self.handling_overflow = error.kind == ErrorKind::StackOverflow;
                let handler = self.slot(base);
                match self.enter_message_handler(handler, error.value) {
                    Ok(()) => None,
                    Err(mut nested) => {
                        nested.kind = ErrorKind::Handled;
                        Some(nested)
                    }
                }
            }
            Some(_) => Some(error),
            None => {
                // SAFETY: the running coroutine is alive.
                let root = unsafe { (*self.registers.thread).resumer.is_null() };
                if root && error.traceback.is_none() {
                    error.traceback = Some(self.traceback(0));
                }
                Some(error)
            }
        }
    }

    fn enter_message_handler(&mut self, handler: Value, value: Value) -> Result<(), Box<LuaError>> {
        let slot = self.live_extent();
        self.ensure_slots(slot + 3 + HEADROOM)?;
        // A native function that raised the error is the function of the handler's frame, so that it is still seen.
        let raiser = if self.native_slot == 0 { Value::NIL } else { self.slot(self.native_slot) };
        self.push_frame(results::ALL)?;
        // SAFETY: the slot was ensured.
        let base = unsafe { self.stack().add(slot as usize + 1) };
        self.saved = Saved::new(&raw const RESUME.0, base, (&raw const HANDLED).cast());
        // SAFETY: the running coroutine is alive.
        unsafe { (*self.registers.thread).unyieldable += 1 };
        self.set_slot(slot, raiser);
        self.set_slot(slot + 1, handler);
        self.set_slot(slot + 2, value);
        self.set_top_slot(slot + 3);
        self.native_slot = 0;
        self.call_at(slot + 1, 1, results::ALL)
    }

    /// The innermost frame of the running coroutine that catches errors: its continuation and first slot.
    fn catching_frame(&self) -> Option<(&'static Continuation, u32)> {
        let stack = self.stack();
        self.states().find_map(|frame| {
            if frame.pc != &raw const RESUME.0 {
                return None;
            }
            // SAFETY: with this pc, `constants` is the continuation.
            let then = unsafe { &*frame.constants.cast::<Continuation>() };
            // SAFETY: the offset lies within the stack.
            then.catch.map(|_| (then, self.slot_of(unsafe { stack.byte_add(frame.base as usize) })))
        })
    }

    /// The states of the running coroutine's functions, innermost first, including the bottom state.
    fn states(&self) -> impl Iterator<Item = Frame> + '_ {
        // SAFETY: frames below `frame_top` are initialised.
        unsafe {
            let thread = self.registers.thread;
            let first = (*thread).frames;
            let len = self.registers.frame_top.offset_from(first) as usize;
            let current = Frame {
                pc: self.saved.pc,
                base: self.saved.base.byte_offset_from(self.stack()) as u32,
                results: results::ALL,
                constants: self.saved.constants,
            };
            std::iter::once(current).chain((0..len).rev().map(move |i| *first.add(i)))
        }
    }

    /// Makes the running native function, and the frame it leaves when it calls, no level: programs do not see it.
    pub fn hide_running_native(&mut self) {
        self.set_slot(self.native_slot, Value::NIL);
    }

    /// The levels of the running coroutine: level 0 is the running function (native or not), level 1 its caller, ….
    pub fn levels(&self) -> impl Iterator<Item = Level> + '_ {
        let native = (self.native_slot != 0).then_some(self.native_slot);
        levels_of_states(self.stack(), native, self.states())
    }

    /// The levels of any live coroutine, from the innermost on; none if it has not started or is dead.
    pub fn levels_of(&self, thread: *mut Thread) -> Vec<Level> {
        if thread == self.registers.thread {
            return self.levels().collect();
        }
        // SAFETY: a live coroutine; frames below `frame_len` are initialised while it does not run.
        unsafe {
            let thread = &*thread;
            if matches!(thread.status, Status::Fresh | Status::Dead) {
                return Vec::new();
            }
            let innermost =
                Frame { pc: thread.pc, base: thread.base_offset, results: results::ALL, constants: thread.constants };
            let callers = (0..thread.frame_len as usize).rev().map(|i| *thread.frames.add(i));
            // The native function that yielded, resumed another or waits is the topmost value of the stack.
            let top = thread.extent.saturating_sub(1);
            let in_native = thread.pending.slot == top
                && thread.status != Status::Preempted
                && (*thread.stack.add(top as usize)).is_function();
            let states = std::iter::once(innermost).chain(callers);
            levels_of_states(thread.stack, in_native.then_some(top), states).collect()
        }
    }

    /// The function and line of a level that runs Lua code.
    pub fn level_line(&self, level: Level) -> Option<(&Function, u32)> {
        let pc = level.pc?;
        if !level.function.is_closure() {
            return None;
        }
        // SAFETY: the closure is on a stack and alive, and so is its function.
        let function = unsafe { &*(*level.function.as_closure()).function };
        let index = function.index_of(pc).saturating_sub(1);
        Some((function, function.proto.line(index).unwrap_or(0)))
    }

    /// `chunk:line: ` of a level, as `error` puts it before a message; empty where it is not known.
    pub fn position(&self, level: usize) -> String {
        match self.levels().nth(level).and_then(|level| self.level_line(level)) {
            Some((function, line)) if line != 0 => format!("{}:{line}: ", function.chunk_name()),
            _ => String::new(),
        }
    }

    /// An error with a message and the position of the running Lua function, or of the caller of the running native.
    #[cold]
    #[inline(never)]
    pub fn error(&mut self, message: &str) -> Box<LuaError> {
        self.error_of_kind(ErrorKind::Runtime, message)
    }

    pub(super) fn error_of_kind(&mut self, kind: ErrorKind, message: &str) -> Box<LuaError> {
        let level = usize::from(self.native_slot != 0);
        self.error_at(level, kind, message)
    }

    /// An error of an operation of the language, with the position of the running function: a native one has none.
    #[cold]
    #[inline(never)]
    pub(super) fn operation_error(&mut self, message: &str) -> Box<LuaError> {
        self.error_at(0, ErrorKind::Runtime, message)
    }

    fn error_at(&mut self, level: usize, kind: ErrorKind, message: &str) -> Box<LuaError> {
        let mut text = self.position(level);
        if level == 0
            && let Some((function, 0)) = self.levels().next().and_then(|level| self.level_line(level))
        {
            // Lua never leaves an error of the running function itself without a position.
            text = format!("{}:-1: ", function.chunk_name());
        }
        text.push_str(message);
        match self.heap.new_string(text.as_bytes()) {
            Ok(string) => LuaError::with_kind(Value::string(string), kind),
            Err(_) => self.out_of_memory(),
        }
    }

    /// Puts the position of the running Lua function before the message of an error that comes from another coroutine.
    pub(super) fn with_position(&mut self, mut error: Box<LuaError>) -> Box<LuaError> {
        if error.value.is_string() {
            let mut text = self.position(0).into_bytes();
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
        self.image.native_name(native).unwrap_or(native.name).to_owned()
    }

    /// `attempt to call a … value`
    #[cold]
    pub(super) fn call_error(&mut self, callee: Value, slot: u32) -> Box<LuaError> {
        let variable = self.describe_slot(slot);
        let name = self.type_name_of(callee);
        self.error(&format!("attempt to call a {name} value{variable}"))
    }

    /// The stack of the running coroutine from `level` on, in Lua's shape.
    pub fn traceback(&self, level: usize) -> String {
        self.describe_levels(&self.levels().skip(level).collect::<Vec<_>>())
    }

    /// The same for any live coroutine.
    pub fn traceback_of(&self, thread: *mut Thread, level: usize) -> String {
        self.describe_levels(self.levels_of(thread).get(level..).unwrap_or_default())
    }

    fn describe_levels(&self, levels: &[Level]) -> String {
        const HEAD: usize = 10;
        const TAIL: usize = 11;
        let mut text = String::from("stack traceback:");
        for (i, level) in levels.iter().enumerate() {
            if levels.len() > HEAD + TAIL && i == HEAD {
                text.push_str("\n\t...");
            }
            if levels.len() > HEAD + TAIL && (HEAD..levels.len() - TAIL).contains(&i) {
                continue;
            }
            text.push_str("\n\t");
            text.push_str(&self.describe_level(*level, levels.get(i + 1).copied()));
        }
        text
    }

    fn describe_level(&self, level: Level, caller: Option<Level>) -> String {
        let Some((function, line)) = self.level_line(level) else {
            return match self.called_name(level, caller) {
                Some(name) => format!("[C]: in {name}"),
                None => "[C]: in ?".to_owned(),
            };
        };
        let line = if line == 0 { String::new() } else { format!("{line}:") };
        let place = format!("{}:{line}", function.chunk_name());
        if function.proto.line_defined == 0 {
            return format!("{place} in main chunk");
        }
        match self.called_name(level, caller) {
            Some(name) => format!("{place} in {name}"),
            None => format!("{place} in function <{}:{}>", function.chunk_name(), function.proto.line_defined),
        }
    }

    /// How the caller names the function of a level: `function 'print'`, `method 'm'`, `upvalue 'f'`, ….
    fn called_name(&self, level: Level, caller: Option<Level>) -> Option<String> {
        if level.function.tag() == tag::NATIVE
            && let Some(name) = self.image.native_name(level.function.as_native())
        {
            return Some(format!("function '{name}'"));
        }
        let caller = caller?;
        let (function, _) = self.level_line(caller)?;
        function.called_name(caller.pc?)
    }

    /// The name by which the function at level `caller` has called the one above it.
    pub fn call_name(&self, caller: Level) -> Option<Name> {
        let (function, _) = self.level_line(caller)?;
        names::called_name(&function.proto, function.index_of(caller.pc?).checked_sub(1)?)
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

/// The levels of a coroutine with this stack and these states, innermost first. `native` is the slot of a native function
/// that runs above them. Frames without a function, by which the machine itself calls handlers, are no levels.
fn levels_of_states(
    stack: *mut Value,
    native: Option<u32>,
    states: impl Iterator<Item = Frame>,
) -> impl Iterator<Item = Level> {
    let native = native.map(|slot| (slot, None));
    let frames = states.filter(|frame| frame.pc != &raw const COROUTINE_END.0).map(|frame| {
        let waits = frame.pc == &raw const RESUME.0;
        (frame.base / 16 - 1, (!waits).then_some(frame.pc))
    });
    native.into_iter().chain(frames).filter_map(move |(slot, pc)| {
        // SAFETY: the slot of a function that runs lies within the stack.
        let function = unsafe { *stack.add(slot as usize) };
        (!function.is_nil()).then_some(Level { slot, function, pc })
    })
}
