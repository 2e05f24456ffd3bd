//! The levels of a coroutine: which functions are running, where, and what their callers call them.
//!
//! `error`, `debug` and tracebacks see the stack of a coroutine as levels, from the innermost function on. Frames that
//! the machine has put between them, to call a hook, a finalizer or a message handler, are no levels of their own: the
//! function below such a frame is marked as interrupted, which gives the called one its name.

use super::execute::{COROUTINE_END, RESUME};
use super::finalize;
use super::function::Function;
use super::hook;
use super::inspect::function_of;
use super::machine::Vm;
use super::names::{self, Name};
use super::native::Continuation;
use super::object::Table;
use super::table::Position;
use super::thread::{Frame, Status, Thread, results};
use super::value::{Value, tag};
use crate::bytecode::Instruction;

/// The name in the registry of the table of loaded modules, in which functions are looked up by value.
pub const LOADED_MODULES: &str = "_LOADED";

/// Levels shown at the beginning and at the end of a long traceback.
const HEAD: usize = 10;
const TAIL: usize = 11;

/// Why the machine has called something above a function that did not ask for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Interruption {
    /// A debug hook.
    Hook,
    /// A finalizer.
    Finalizer,
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
    /// The slot behind the values of this level.
    pub end: u32,
    /// Its caller has replaced itself by it, so that it is not known.
    pub tail_called: bool,
    /// What the level above is, unless it was called by this one.
    pub interrupted: Option<Interruption>,
}

/// Goes through the levels of a coroutine.
struct Levels<I: Iterator<Item = Frame>> {
    stack: *mut Value,
    /// The slot of a native function that runs above all frames.
    native: Option<u32>,
    /// The states, innermost first.
    states: std::iter::Peekable<I>,
    /// The slot behind the values of the next level.
    end: u32,
    interrupted: Option<Interruption>,
}

impl<I: Iterator<Item = Frame>> Levels<I> {
    fn value(&self, slot: u32) -> Value {
        // SAFETY: the slots of functions that run, and those right below, lie within the stack.
        unsafe { *self.stack.add(slot as usize) }
    }

    /// The slot at which the function in `slot` was called: that of a vararg function lies below its arguments.
    fn call_slot(&self, slot: u32, function: Value) -> u32 {
        match function_of(function) {
            Some(function) if function.is_vararg() => slot - 2 - self.value(slot - 1).as_int() as u32,
            _ => slot,
        }
    }
}

/// What a waiting frame with this continuation has done to the function below it, or to its own.
fn interruption(then: &'static Continuation) -> Option<Interruption> {
    if hook::is_hook(then) {
        Some(Interruption::Hook)
    } else if finalize::is_finalizer(then) {
        Some(Interruption::Finalizer)
    } else {
        None
    }
}

impl<I: Iterator<Item = Frame>> Iterator for Levels<I> {
    type Item = Level;

    fn next(&mut self) -> Option<Level> {
        if let Some(slot) = self.native.take() {
            let end = std::mem::replace(&mut self.end, slot);
            let function = self.value(slot);
            if function.is_function() {
                return Some(Level { slot, function, pc: None, end, tail_called: false, interrupted: None });
            }
        }
        loop {
            let frame = self.states.next()?;
            if frame.pc == &raw const COROUTINE_END.0 {
                continue;
            }
            let slot = frame.base / 16 - 1;
            let function = self.value(slot);
            let waits = frame.pc == &raw const RESUME.0;
            if waits {
                // SAFETY: with this pc, `constants` is the continuation.
                let then: &'static Continuation = unsafe { &*frame.constants.cast() };
                self.interrupted = interruption(then);
                if !function.is_function() {
                    self.end = slot;
                    continue;
                }
            }
            let interrupted = self.interrupted.take();
            // An instruction that a hook has been told of is still to come, but counts as the current one.
            let ahead = usize::from(interrupted == Some(Interruption::Hook));
            let call_slot = self.call_slot(slot, function);
            return Some(Level {
                slot,
                function,
                pc: (!waits).then(|| frame.pc.wrapping_add(ahead)),
                end: std::mem::replace(&mut self.end, call_slot),
                tail_called: self.states.peek().is_some_and(|caller| caller.results & results::TAIL_CALLED != 0),
                interrupted,
            });
        }
    }
}

/// Levels.
impl Vm {
    /// The states of the running coroutine's functions, innermost first, including the bottom state.
    pub(super) fn states(&self) -> impl Iterator<Item = Frame> + '_ {
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
        Levels {
            stack: self.stack(),
            native: (self.native_slot != 0).then_some(self.native_slot),
            states: self.states().peekable(),
            end: self.live_extent(),
            interrupted: None,
        }
    }

    /// The levels of any live coroutine, from the innermost on; none if it has not started or has finished. One that has
    /// failed shows the place of the error.
    pub fn levels_of(&self, thread: *mut Thread) -> Vec<Level> {
        if thread == self.registers.thread {
            return self.levels().collect();
        }
        // SAFETY: a live coroutine; frames below `frame_len` are initialised while it does not run.
        unsafe {
            let thread = &*thread;
            if thread.status == Status::Fresh || thread.extent == 0 {
                return Vec::new();
            }
            let preempted = thread.status == Status::Preempted;
            // A preempted instruction is still to come, but counts as the current one.
            let pc = thread.pc.wrapping_add(usize::from(preempted));
            let innermost = Frame { pc, base: thread.base_offset, results: results::ALL, constants: thread.constants };
            let callers = (0..thread.frame_len as usize).rev().map(|i| *thread.frames.add(i));
            // The native function that yielded, resumed another, waits or failed is the topmost value of the stack.
            let top = thread.extent - 1;
            let in_native = thread.pending.slot == top && !preempted && (*thread.stack.add(top as usize)).is_function();
            Levels {
                stack: thread.stack,
                native: in_native.then_some(top),
                states: std::iter::once(innermost).chain(callers).peekable(),
                end: thread.extent,
                interrupted: None,
            }
            .collect()
        }
    }

    /// The function and line of a level that runs Lua code; the line is 0 if it is not known.
    pub fn level_line(&self, level: Level) -> Option<(&Function, u32)> {
        let function = function_of(level.function)?;
        let index = function.index_of(level.pc?).saturating_sub(1);
        Some((function, function.proto.line(index).unwrap_or(0)))
    }

    /// `chunk:line: ` of a level, as `error` puts it before a message; empty where it is not known.
    pub fn position(&self, level: usize) -> String {
        match self.levels().nth(level).and_then(|level| self.level_line(level)) {
            Some((function, line)) if line > 0 => format!("{}:{line}: ", function.chunk_name()),
            _ => String::new(),
        }
    }
}

/// Names of functions.
impl Vm {
    /// How the program calls the function at `level`, whose caller is at the next one.
    pub fn function_name(&self, level: Level, caller: Option<Level>) -> Option<Name> {
        if level.interrupted == Some(Interruption::Finalizer) {
            // Not the finalizer has this name but, as in the reference implementation, what it interrupts.
            return Some(Name::new("metamethod", "__gc"));
        }
        let caller = caller.filter(|_| !level.tail_called)?;
        let (function, _) = self.level_line(caller)?;
        if caller.interrupted == Some(Interruption::Hook) {
            return Some(Name::new("hook", "?"));
        }
        names::called_name(&function.proto, function.index_of(caller.pc?).checked_sub(1)?)
    }

    /// The name under which a function is found in the globals or in a library, as `print` or `string.gsub`.
    pub(super) fn global_name(&self, function: Value) -> Option<String> {
        if function.tag() == tag::NATIVE
            && let Some(name) = self.image.native_name(function.as_native())
        {
            return Some(name);
        }
        let field = |table: *mut Table, name: &str| {
            let found = entries(table).find(|(key, value)| string_is(*key, name) && value.is_table());
            found.map(|(_, value)| value.as_table())
        };
        let loaded = (!self.registry.is_null()).then(|| field(self.registry, LOADED_MODULES)).flatten();
        let Some(loaded) = loaded else { return key_of(self.globals, function) };
        entries(loaded).filter(|(name, library)| name.is_string() && library.is_table()).find_map(|(library, table)| {
            let name = key_of(table.as_table(), function)?;
            Some(if string_is(library, "_G") { name } else { format!("{}.{name}", text(library)) })
        })
    }
}

/// What a table has at the moment.
fn entries(table: *mut Table) -> impl Iterator<Item = (Value, Value)> {
    let mut position = Position::START;
    std::iter::from_fn(move || {
        // SAFETY: a live table, which nothing changes meanwhile.
        let (next, key, value) = unsafe { Table::iter_from(table, position) }?;
        position = next;
        Some((key, value))
    })
}

/// The name of the field of a table that has this value.
fn key_of(table: *mut Table, value: Value) -> Option<String> {
    entries(table).find(|(key, other)| key.is_string() && other.same(value)).map(|(key, _)| text(key))
}

fn text(string: Value) -> String {
    // SAFETY: a live string.
    String::from_utf8_lossy(unsafe { (*string.as_string()).as_bytes() }).into_owned()
}

fn string_is(value: Value, text: &str) -> bool {
    // SAFETY: a live string.
    value.is_string() && unsafe { (*value.as_string()).as_bytes() } == text.as_bytes()
}

/// Tracebacks.
impl Vm {
    /// The stack of the running coroutine from `level` on, in Lua's shape.
    pub fn traceback(&self, level: usize) -> String {
        self.traceback_of(self.registers.thread, level)
    }

    /// The same for any live coroutine.
    pub fn traceback_of(&self, thread: *mut Thread, level: usize) -> String {
        let levels = self.levels_of(thread);
        let shown = levels.get(level..).unwrap_or_default();
        let mut text = String::from("stack traceback:");
        let long = shown.len() > HEAD + TAIL + 1;
        for (i, level) in shown.iter().enumerate() {
            if long && i == HEAD {
                text.push_str("\n\t...");
            }
            if long && (HEAD..shown.len() - TAIL).contains(&i) {
                continue;
            }
            text.push_str("\n\t");
            text.push_str(&self.describe_level(*level, shown.get(i + 1).copied()));
            if level.tail_called {
                text.push_str("\n\t(...tail calls...)");
            }
        }
        text
    }

    fn describe_level(&self, level: Level, caller: Option<Level>) -> String {
        let name = match self.global_name(level.function) {
            Some(name) => Some(format!("function '{name}'")),
            None => self.function_name(level, caller).map(|name| format!("{} '{}'", name.kind, name.text)),
        };
        let Some((function, line)) = self.level_line(level) else {
            return format!("[C]: in {}", name.as_deref().unwrap_or("?"));
        };
        let chunk = function.chunk_name();
        let name = name.unwrap_or_else(|| match function.proto.line_defined {
            0 => "main chunk".to_owned(),
            line => format!("function <{chunk}:{line}>"),
        });
        if line == 0 { format!("{chunk}: in {name}") } else { format!("{chunk}:{line}: in {name}") }
    }
}
