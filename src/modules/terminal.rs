//! The module `io` of an application (`modules.md` §4.5): the terminal, for the process that runs on a terminal host.

use std::io::{self, BufRead, Read, Write};
use std::sync::{Arc, LazyLock};

use parking_lot::Mutex;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use smallvec::smallvec;

use super::succeed;
use crate::runtime::errors::{self, INTERNAL, NOT_FOUND, UNAVAILABLE};
use crate::runtime::module::held::Release;
use crate::runtime::operation::run_blocking;
use crate::runtime::process_state::state;
use crate::stdlib::output::{flush_output, write_output};
use crate::stdlib::text::append_plain;
use crate::types::Manifest;
use crate::vm::Vm;
use crate::vm::event::Event;
use crate::vm::image::Library;
use crate::vm::native::{Args, Continuation, Flow, Native, NativeResult};
use crate::vm::value::Value;

/// The library.
pub static LIBRARY: Library = Library {
    name: "io",
    global: false,
    natives: &[
        Native::new("write", |vm, args| put(vm, args, Line::Part, 0)),
        Native::new("print", |vm, args| put(vm, args, Line::Output, 0)),
        Native::new("eprint", |vm, args| put(vm, args, Line::Error, 0)),
        Native::new("read", read),
        Native::new("readline", readline),
        Native::new("flush", flush),
        Native::new("raw", raw),
        Native::new("args", args_of_command),
    ],
    constants: &[],
};

/// Its types.
pub static MANIFEST: Manifest = Manifest { name: "io", global: false, text: include_str!("terminal.d.lua") };

/// What a read takes at most unless told.
const DEFAULT_READ: usize = 1024;

/// Whether the process has the terminal.
fn has_terminal(vm: &mut Vm) -> bool {
    state(vm).process().has_terminal()
}

fn unavailable(vm: &mut Vm) -> NativeResult {
    errors::fail(vm, UNAVAILABLE, "the process does not run on a terminal host")
}

/// Where arguments are written, and how.
#[derive(Clone, Copy)]
enum Line {
    /// As they are, to the standard output.
    Part,
    /// As a line of the standard output.
    Output,
    /// As a line of the standard error.
    Error,
}

impl Line {
    const ALL: [Line; 3] = [Line::Part, Line::Output, Line::Error];
}

/// `__tostring` has been called for an argument. Behind the arguments, the slots hold the index of the one that was
/// converted, and the [`Line`].
static CONVERTED: Continuation = Continuation {
    name: "io.put.converted",
    resume: |vm, args, results| {
        let values = Args { len: args.len - 2, ..args };
        let index = args.get(vm, values.len).as_int() as u32;
        let line = Line::ALL[args.get(vm, values.len + 1).as_int() as usize];
        let text = results.get(vm, 0);
        if !text.is_string() {
            return Err(vm.error("'__tostring' must return a string"));
        }
        vm.keep_only(values);
        values.set(vm, index, text);
        put(vm, values, line, index + 1)
    },
    catch: None,
    yieldable: true,
};

/// Replaces the arguments from `first` on by strings where a metamethod is needed for it, then writes them all.
fn put(vm: &mut Vm, args: Args, line: Line, first: u32) -> NativeResult {
    if !has_terminal(vm) {
        return unavailable(vm);
    }
    for i in first..args.len {
        let value = args.get(vm, i);
        let handler = vm.handler(value, Event::ToString);
        if !handler.is_nil() {
            vm.push_all(&[Value::int(i64::from(i)), Value::int(line as i64), handler, value])?;
            return Ok(Flow::Call { args: 1, then: &CONVERTED });
        }
    }
    let mut text = Vec::new();
    for i in 0..args.len {
        if i > 0 && !matches!(line, Line::Part) {
            text.push(b'\t');
        }
        append_plain(vm, args.get(vm, i), &mut text);
    }
    if !matches!(line, Line::Part) {
        text.push(b'\n');
    }
    let written = match line {
        Line::Error => flush_output().and_then(|()| io::stderr().lock().write_all(&text)),
        Line::Part | Line::Output => write_output(&text),
    };
    answer(vm, written)
}

fn answer(vm: &mut Vm, result: io::Result<()>) -> NativeResult {
    match result {
        Ok(()) => succeed(vm, Value::TRUE),
        Err(error) => errors::fail(vm, INTERNAL, &error.to_string()),
    }
}

fn flush(vm: &mut Vm, _: Args) -> NativeResult {
    if !has_terminal(vm) {
        return unavailable(vm);
    }
    answer(vm, flush_output())
}

/// The raw mode of the terminal. It ends with the process that has asked for it.
static RAW: LazyLock<Arc<RawMode>> = LazyLock::new(Arc::default);

#[derive(Default)]
struct RawMode(Mutex<Asked>);

#[derive(Default)]
struct Asked {
    times: usize,
    /// What the terminal was like before; while it is asked for.
    before: Option<Termios>,
}

impl RawMode {
    fn enter(&self) -> io::Result<()> {
        let mut asked = self.0.lock();
        if asked.before.is_none() {
            let before = tcgetattr(io::stdin())?;
            let mut raw = before.clone();
            raw.make_raw();
            tcsetattr(io::stdin(), OptionalActions::Now, &raw)?;
            asked.before = Some(before);
        }
        asked.times += 1;
        Ok(())
    }

    fn leave(&self) -> io::Result<()> {
        let mut asked = self.0.lock();
        asked.times = asked.times.saturating_sub(1);
        match asked.times {
            0 => {
                asked.before.take().map_or(Ok(()), |before| Ok(tcsetattr(io::stdin(), OptionalActions::Now, &before)?))
            }
            _ => Ok(()),
        }
    }
}

impl Release for RawMode {
    fn release(&self) {
        self.0.lock().times = 0;
        // Nobody is left who could be told.
        let _ = self.leave();
    }
}

/// `io.raw([on])`
fn raw(vm: &mut Vm, args: Args) -> NativeResult {
    let on = !args.get(vm, 0).same(Value::FALSE);
    if !has_terminal(vm) {
        return unavailable(vm);
    }
    if on {
        state(vm).rare().held.add(&RAW);
    }
    let switched = flush_output().and_then(|()| if on { RAW.enter() } else { RAW.leave() });
    answer(vm, switched)
}

/// `io.args()`
fn args_of_command(vm: &mut Vm, _: Args) -> NativeResult {
    if !has_terminal(vm) {
        return unavailable(vm);
    }
    let process = state(vm).process();
    let host = process.core.hosts.of(process.pid);
    let arguments = host.arguments.get().map(Vec::as_slice).unwrap_or_default();
    let list = vm.new_table(arguments.len() as u32, 0);
    for (i, argument) in arguments.iter().enumerate() {
        let argument = vm.string(argument)?;
        vm.raw_set_int(list, i as i64 + 1, argument)?;
    }
    succeed(vm, Value::table(list))
}

/// `io.read([n])`
fn read(vm: &mut Vm, args: Args) -> NativeResult {
    let n = args.opt_int(vm, 0, 0)?;
    let n = usize::try_from(n).ok().filter(|n| *n > 0).unwrap_or(DEFAULT_READ);
    from_input(vm, move || {
        let mut bytes = vec![0; n];
        let read = io::stdin().lock().read(&mut bytes)?;
        bytes.truncate(read);
        Ok((read > 0).then_some(bytes))
    })
}

/// `io.readline()`
fn readline(vm: &mut Vm, _: Args) -> NativeResult {
    from_input(vm, || {
        let mut line = Vec::new();
        let read = io::stdin().lock().read_until(b'\n', &mut line)?;
        if line.last() == Some(&b'\n') {
            line.pop();
        }
        Ok((read > 0).then_some(line))
    })
}

/// Reads off the workers; `None` is the end of the input.
fn from_input(vm: &mut Vm, read: impl FnOnce() -> io::Result<Option<Vec<u8>>> + Send + 'static) -> NativeResult {
    if !has_terminal(vm) {
        return unavailable(vm);
    }
    let work = move || {
        // Whoever is asked something sees the question.
        flush_output()?;
        read()
    };
    run_blocking(vm, "terminal", work, |vm, result| {
        let (kind, message) = match result {
            Ok(Some(bytes)) => return Ok(smallvec![vm.string(&bytes)?, Value::NIL]),
            Ok(None) => (NOT_FOUND, "EOF".to_owned()),
            Err(error) => (INTERNAL, error.to_string()),
        };
        Ok(smallvec![Value::NIL, errors::new_error(vm, kind, &message)])
    })
}

#[cfg(test)]
mod tests {
    use super::{LIBRARY, MANIFEST};
    use crate::types::declared::assert_declares;

    #[test]
    fn the_manifest_declares_all() {
        assert_declares(MANIFEST.text, LIBRARY.natives.iter().map(|native| native.name), []);
    }
}
