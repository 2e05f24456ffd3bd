//! Reading, executing and printing line by line, as `lua -i` does (manual §7): a native function that asks the
//! [`Console`] for lines. The line is awaited off the workers, so that timers, coroutines and processes go on meanwhile.
//!
//! The slot of every function here is the session.

use std::sync::Arc;

use super::console::{Console, Line};
use super::session::{guarded_call, outcome, report, session, text_of};
use super::show::readable;
use crate::runtime::operation::run_blocking;
use crate::stdlib::load::load_chunk;
use crate::stdlib::output::write_output;
use crate::syntax;
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::native::{Args, Continuation, Flow, Native, NativeResult};
use crate::vm::raw::string_bytes;
use crate::vm::unwind::PCALL;
use crate::vm::value::Value;

/// The name of the chunks.
const CHUNK: &[u8] = b"=stdin";

/// Where lines come from, and the chunk that is being read.
#[derive(Clone)]
pub(super) struct Repl {
    /// Where lines come from.
    pub console: Arc<Console>,
    /// The lines of an incomplete chunk; empty between chunks.
    pending: Vec<u8>,
}

impl Repl {
    /// Nothing has been read.
    pub fn new(console: Arc<Console>) -> Repl {
        Repl { console, pending: Vec::new() }
    }
}

/// Reads and executes until the input ends.
pub(super) static REPL: Native = Native::new("repl", |vm, args| {
    vm.hide_running_native();
    read(vm, args)
});

// ---- reading

/// `(session, prompt)`: a line, `false` if it was given up, nothing at the end of the input.
static READ_LINE: Native = Native::new("read_line", read_line);

fn read_line(vm: &mut Vm, args: Args) -> NativeResult {
    let console = Arc::clone(&session(vm, args)?.repl.console);
    let prompt = text_of(args.get(vm, 1)).unwrap_or_default();
    run_blocking(
        vm,
        "a line of the standard input",
        move || console.read(&prompt),
        |vm, line| {
            let value = match line {
                Ok(Line::Text(text)) => vm.string(&text)?,
                Ok(Line::GivenUp) => Value::FALSE,
                Ok(Line::End) | Err(_) => Value::NIL,
            };
            Ok(std::iter::once(value).collect())
        },
    )
}

static LINE_READ: Continuation = Continuation {
    name: "cli.repl.line",
    resume: |vm, args, results| {
        let line = results.get(vm, 0);
        vm.keep_only(args);
        let pending = std::mem::take(&mut session(vm, args)?.repl.pending);
        if line.is_string() {
            return take_line(vm, args, pending, string_bytes(line));
        }
        if line.is_nil() && pending.is_empty() {
            if !session(vm, args)?.repl.console.is_terminal() {
                // The last prompt shall stand on a line of its own, as it does at a terminal. Who does not take output
                // any more does not miss it.
                let _ = write_output(b"\n");
            }
            return Ok(Flow::Return(0));
        }
        if line.is_nil()
            && let Err(error) = load_chunk(vm, &pending, CHUNK)
        {
            report(vm, None, error.value);
        }
        read(vm, args)
    },
    catch: None,
    yieldable: true,
};

fn read(vm: &mut Vm, slots: Args) -> NativeResult {
    let first = session(vm, slots)?.repl.pending.is_empty();
    let (name, default) = if first { ("_PROMPT", "> ") } else { ("_PROMPT2", ">> ") };
    let globals = vm.globals();
    let mut prompt = vm.raw_get_name(globals, name)?;
    if !prompt.is_string() && !prompt.is_number() {
        prompt = vm.string(default.as_bytes())?;
    }
    let session = slots.get(vm, 0);
    vm.push_all(&[Value::native(&READ_LINE), session, prompt])?;
    Ok(Flow::Call { args: 2, then: &LINE_READ })
}

/// Executes the chunk if it is complete with this line, otherwise reads on.
fn take_line(vm: &mut Vm, slots: Args, mut chunk: Vec<u8>, line: &[u8]) -> NativeResult {
    let mut loaded = None;
    let first = chunk.is_empty();
    if first {
        // Before 5.3, `=` at the beginning was the way to see values.
        chunk = match line {
            [b'=', rest @ ..] => [b"return ", rest].concat(),
            line => line.to_vec(),
        };
        loaded = load_chunk(vm, &[b"return ", line, b";"].concat(), CHUNK).ok();
    } else {
        chunk.push(b'\n');
        chunk.extend_from_slice(line);
    }
    let loaded = match loaded {
        Some(function) => Ok(function),
        None if is_incomplete(&chunk) => {
            session(vm, slots)?.repl.pending = chunk;
            return read(vm, slots);
        }
        None => load_chunk(vm, &chunk, CHUNK),
    };
    session(vm, slots)?.repl.console.remember(if first { line } else { &chunk });
    match loaded {
        Ok(function) => guarded_call(vm, slots, &[function], &EXECUTED),
        Err(error) => {
            report(vm, None, error.value);
            read(vm, slots)
        }
    }
}

/// Whether a chunk could be continued.
fn is_incomplete(chunk: &[u8]) -> bool {
    syntax::parse(chunk).is_err_and(|error| error.is_at_end())
}

// ---- printing

static EXECUTED: Continuation = Continuation {
    name: "cli.repl.executed",
    resume: |vm, args, results| {
        let outcome = outcome(vm, args, results)?;
        vm.keep_only(args);
        match outcome {
            Ok(values) if values.is_empty() => read(vm, args),
            Ok(values) => print(vm, args, &values),
            Err(message) => {
                report(vm, None, message);
                read(vm, args)
            }
        }
    },
    catch: None,
    yieldable: true,
};

/// `(f, …)`: calls `f` without a message handler.
static PROTECT: Native = Native::new("protect", |_, args| Ok(Flow::Call { args: args.len - 1, then: &PCALL }));

/// Prints values with the global `print`; a person sees what tables contain.
fn print(vm: &mut Vm, slots: Args, values: &[Value]) -> NativeResult {
    let globals = vm.globals();
    let print = vm.raw_get_name(globals, "print")?;
    vm.push_all(&[Value::native(&PROTECT), print])?;
    let terminal = session(vm, slots)?.repl.console.is_terminal();
    for value in values {
        let shown = if terminal { shown(vm, *value)? } else { *value };
        vm.push(shown)?;
    }
    session(vm, slots)?.interrupt.arm();
    Ok(Flow::Call { args: values.len() as u32 + 1, then: &PRINTED })
}

fn shown(vm: &mut Vm, value: Value) -> Result<Value, Box<LuaError>> {
    match readable(vm, value) {
        Some(text) => vm.string(&text),
        None => Ok(value),
    }
}

static PRINTED: Continuation = Continuation {
    name: "cli.repl.printed",
    resume: |vm, args, results| {
        let outcome = outcome(vm, args, results)?;
        vm.keep_only(args);
        if let Err(error) = outcome {
            let reason = text_of(error).unwrap_or_default();
            let message = vm.string(&[b"error calling 'print' (", reason.as_slice(), b")"].concat())?;
            report(vm, None, message);
        }
        read(vm, args)
    },
    catch: None,
    yieldable: true,
};
