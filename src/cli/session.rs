//! The main process of the command: a native function that does one after the other what the command line asks for, all
//! in one Lua state. It fails with the first piece that fails, and at the end calls the finalizers that are left.
//!
//! Its first slot holds the [`Session`]. Chunks run under a message handler that adds the traceback, so that what is
//! reported is text already.

use std::collections::VecDeque;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use smallvec::{SmallVec, smallvec};

use super::interrupt::Interrupt;
use super::repl::{REPL, Repl};
use crate::runtime::errors::error_of;
use crate::stdlib::load::{load_chunk, load_file, load_main_file};
use crate::stdlib::output::flush_output;
use crate::stdlib::text::append_plain;
use crate::vm::Vm;
use crate::vm::concat::append_text;
use crate::vm::error::LuaError;
use crate::vm::event::Event;
use crate::vm::finalize::CLOSE;
use crate::vm::native::{Args, Continuation, Flow, Native, NativeResult};
use crate::vm::object::UserData;
use crate::vm::unwind::XPCALL;
use crate::vm::value::Value;

/// A piece of work.
#[derive(Clone)]
pub(super) enum Step {
    /// A chunk that stands on the command line or in the environment.
    Text {
        /// It.
        source: Vec<u8>,
        /// Its name as given to `load`.
        name: &'static [u8],
    },
    /// A library to be required and made a global.
    Require(Vec<u8>),
    /// A file, or the standard input, without arguments.
    File(Option<Vec<u8>>),
    /// The script, a file or the standard input. Its arguments are those that the global `arg` has when it begins.
    Script(Option<Vec<u8>>),
    /// Reading and executing lines.
    Repl,
}

/// The state of the session.
#[derive(Clone)]
pub(super) struct Session {
    /// The name of the program, which begins its messages.
    pub program: Vec<u8>,
    /// What is left to be done.
    pub steps: VecDeque<Step>,
    /// Told while chunks run.
    pub interrupt: Arc<Interrupt>,
    /// Set when a piece has failed and that was reported.
    pub failed: Arc<AtomicBool>,
    /// The lines being read.
    pub repl: Repl,
}

impl UserData for Session {
    fn class(&self) -> &'static str {
        CLASS
    }
}

const CLASS: &str = "session";

/// The function of the main process. Its argument is a hidden host object, the [`Session`].
pub(super) static SESSION: Native = Native::new("session", |vm, args| {
    vm.hide_running_native();
    advance(vm, args)
});

/// The session in the first slot.
pub(super) fn session<'a>(vm: &mut Vm, slots: Args) -> Result<&'a mut Session, Box<LuaError>> {
    slots.check_userdata(vm, 0, CLASS)
}

/// A piece has ended.
static STEP_ENDED: Continuation = Continuation {
    name: "cli.session.step",
    resume: |vm, args, results| match outcome(vm, args, results)? {
        Ok(_) => advance(vm, args),
        Err(message) => fail(vm, args, message),
    },
    catch: None,
    yieldable: true,
};

/// A library has been required; its name is in the second slot.
static REQUIRED: Continuation = Continuation {
    name: "cli.session.required",
    resume: |vm, args, results| {
        let slots = Args { len: 1, ..args };
        match outcome(vm, slots, results)? {
            Ok(values) => {
                let (globals, name) = (vm.globals(), args.get(vm, 1));
                vm.raw_set(globals, name, values.first().copied().unwrap_or(Value::NIL))?;
                advance(vm, slots)
            }
            Err(message) => fail(vm, slots, message),
        }
    },
    catch: None,
    yieldable: true,
};

/// The script has ended; unless lines are read now, its results are those of the process.
static SCRIPT_ENDED: Continuation = Continuation {
    name: "cli.session.script",
    resume: |vm, args, results| match outcome(vm, args, results)? {
        Ok(values) if session(vm, args)?.steps.is_empty() => finish(vm, args, &values),
        Ok(_) => advance(vm, args),
        Err(message) => fail(vm, args, message),
    },
    catch: None,
    yieldable: true,
};

/// The reading of lines has ended.
static REPL_ENDED: Continuation =
    Continuation { name: "cli.session.repl", resume: |vm, args, _| advance(vm, args), catch: None, yieldable: true };

/// The finalizers have run; the slots above the first are the results.
static CLOSED: Continuation = Continuation {
    name: "cli.session.closed",
    resume: |vm, args, _| {
        vm.keep_only(args);
        Ok(Flow::Return(args.len - 1))
    },
    catch: None,
    yieldable: true,
};

fn advance(vm: &mut Vm, slots: Args) -> NativeResult {
    vm.keep_only(slots);
    let Some(step) = session(vm, slots)?.steps.pop_front() else { return finish(vm, slots, &[]) };
    let then = match &step {
        Step::Repl => {
            let session = slots.get(vm, 0);
            vm.push_all(&[Value::native(&REPL), session])?;
            return Ok(Flow::Call { args: 1, then: &REPL_ENDED });
        }
        Step::Require(name) => {
            let name = vm.string(name)?;
            vm.push(name)?;
            &REQUIRED
        }
        Step::Script(_) => &SCRIPT_ENDED,
        Step::Text { .. } | Step::File(_) => &STEP_ENDED,
    };
    match prepare(vm, &step) {
        Ok(call) => guarded_call(vm, slots, &call, then),
        Err(error) => fail(vm, slots, error.value),
    }
}

/// The function of a piece, followed by its arguments.
fn prepare(vm: &mut Vm, step: &Step) -> Result<SmallVec<[Value; 4]>, Box<LuaError>> {
    match step {
        Step::Text { source, name } => Ok(smallvec![load_chunk(vm, source, name)?]),
        Step::File(path) => Ok(smallvec![load_file(vm, path.as_deref())?]),
        Step::Require(name) => {
            let globals = vm.globals();
            Ok(smallvec![vm.raw_get_name(globals, "require")?, vm.string(name)?])
        }
        Step::Script(path) => {
            let globals = vm.globals();
            let arguments = vm.raw_get_name(globals, "arg")?;
            if !arguments.is_table() {
                return Err(LuaError::new(vm.string(b"'arg' is not a table")?));
            }
            let function = match path {
                Some(path) => load_main_file(vm, path)?,
                None => load_file(vm, None)?,
            };
            let arguments = arguments.as_table();
            let values = (1..=vm.raw_len(arguments)).map(|i| vm.raw_get_int(arguments, i));
            Ok(std::iter::once(function).chain(values).collect())
        }
        Step::Repl => unreachable!("lines are read by a function of their own"),
    }
}

/// Calls `call[0]` with the rest under the message handler. [`outcome`] takes the results apart.
pub(super) fn guarded_call(vm: &mut Vm, slots: Args, call: &[Value], then: &'static Continuation) -> NativeResult {
    vm.push_all(&[Value::native(&GUARD), Value::native(&EXPLAIN)])?;
    vm.push_all(call)?;
    session(vm, slots)?.interrupt.arm();
    Ok(Flow::Call { args: call.len() as u32 + 1, then })
}

/// What became of a [`guarded_call`]: its results, or the message to be reported.
pub(super) fn outcome(
    vm: &mut Vm,
    slots: Args,
    results: Args,
) -> Result<Result<SmallVec<[Value; 4]>, Value>, Box<LuaError>> {
    session(vm, slots)?.interrupt.disarm();
    if results.get(vm, 0).is_true() {
        return Ok(Ok((1..results.len).map(|i| results.get(vm, i)).collect()));
    }
    Ok(Err(results.get(vm, 1)))
}

/// Reports a message; nothing more is done.
fn fail(vm: &mut Vm, slots: Args, message: Value) -> NativeResult {
    let session = session(vm, slots)?;
    session.failed.store(true, Ordering::Relaxed);
    report(vm, Some(&session.program), message);
    finish(vm, slots, &[])
}

fn finish(vm: &mut Vm, slots: Args, values: &[Value]) -> NativeResult {
    vm.keep_only(slots);
    vm.push_all(values)?;
    vm.push(Value::native(&CLOSE))?;
    Ok(Flow::Call { args: 0, then: &CLOSED })
}

/// Writes a message to the standard error, after what was printed before.
pub(super) fn report(vm: &Vm, program: Option<&[u8]>, message: Value) {
    let mut text = Vec::new();
    if let Some(program) = program {
        text.extend_from_slice(program);
        text.extend_from_slice(b": ");
    }
    append_plain(vm, message, &mut text);
    text.push(b'\n');
    // What cannot be written has nobody to be reported to.
    let _ = flush_output();
    let _ = std::io::stderr().write_all(&text);
}

// ---- errors

/// `(handler, f, …)`: calls `f`, with the handler where the machine looks for it.
static GUARD: Native = Native::new("guard", |_, args| Ok(Flow::Call { args: args.len - 2, then: &XPCALL }));

/// The message handler: makes a text of any error value.
static EXPLAIN: Native = Native::new("explain", explain);

/// A `__tostring` handler has answered; the slot holds the error value.
static EXPLAINED: Continuation = Continuation {
    name: "cli.session.explained",
    resume: |vm, args, results| {
        let text = results.get(vm, 0);
        if text.is_string() { vm.answer(text) } else { explain_plain(vm, args) }
    },
    catch: None,
    yieldable: false,
};

fn explain(vm: &mut Vm, args: Args) -> NativeResult {
    let error = args.get(vm, 0);
    if let Some(data) = error_of(error) {
        let mut text = data.full_text();
        if !data.stack.is_empty() {
            text.push('\n');
            text.push_str(&data.stack);
        }
        let text = vm.string(text.as_bytes())?;
        return vm.answer(text);
    }
    let handler = if error.is_string() { Value::NIL } else { vm.handler(error, Event::ToString) };
    if handler.is_nil() {
        return explain_plain(vm, args);
    }
    vm.push_all(&[handler, error])?;
    Ok(Flow::Call { args: 1, then: &EXPLAINED })
}

fn explain_plain(vm: &mut Vm, args: Args) -> NativeResult {
    let mut text = Vec::new();
    if !append_text(args.get(vm, 0), &mut text) {
        let kind = vm.type_name_of(args.get(vm, 0));
        text.extend_from_slice(format!("(error object is a {kind} value)").as_bytes());
    }
    text.push(b'\n');
    text.extend_from_slice(vm.traceback(1).as_bytes());
    let text = vm.string(&text)?;
    vm.answer(text)
}

/// The bytes of a value that is a string or a number; `None` for others.
pub(super) fn text_of(value: Value) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    append_text(value, &mut text).then_some(text)
}
