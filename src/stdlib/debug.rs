//! The debug library (manual §6.10).
//!
//! Deviations that follow from how functions are compiled:
//! * A local that is never reassigned is captured by value, see [`crate::vm::inspect`]: `setupvalue`, `setlocal` and
//!   `upvaluejoin` then reach one copy, and `upvalueid` tells the copies apart. A chunk that mentions one of these
//!   functions shares its variables as Lua 5.3 does, see [`crate::compile`].
//! * The variables that control a `for` loop can be read but not set, and so can the values of native functions.

use super::load::load_chunk;
use super::output::flush_output;
use super::stream::standard;
use crate::vm::Vm;
use crate::vm::concat::append_text;
use crate::vm::error::LuaError;
use crate::vm::hook::events;
use crate::vm::image::Library;
use crate::vm::inspect::{LocalError, function_of};
use crate::vm::native::{Args, Continuation, Flow, Native, NativeResult};
use crate::vm::object::Table;
use crate::vm::thread::Thread;
use crate::vm::traceback::Level;
use crate::vm::value::Value;

/// `debug`
pub static LIBRARY: Library = Library {
    name: "debug",
    global: true,
    natives: &[
        Native::new("debug", debug),
        Native::new("gethook", gethook),
        Native::new("getinfo", getinfo),
        Native::new("getlocal", getlocal),
        Native::new("getmetatable", getmetatable),
        Native::new("getregistry", getregistry),
        Native::new("getupvalue", getupvalue),
        Native::new("getuservalue", getuservalue),
        Native::new("sethook", sethook),
        Native::new("setlocal", setlocal),
        Native::new("setmetatable", setmetatable),
        Native::new("setupvalue", setupvalue),
        Native::new("setuservalue", setuservalue),
        Native::new("traceback", traceback),
        Native::new("upvalueid", upvalueid),
        Native::new("upvaluejoin", upvaluejoin),
    ],
    constants: &[],
};

/// The coroutine to look at, and how many arguments (0 or 1) name it.
fn subject(vm: &Vm, args: Args) -> (*mut Thread, u32) {
    let first = args.get(vm, 0);
    if first.is_thread() { (first.as_thread(), 1) } else { (vm.current_thread(), 0) }
}

fn answer_text(vm: &mut Vm, text: &str) -> NativeResult {
    let text = vm.string(text.as_bytes())?;
    vm.answer(text)
}

// ---- the stack

fn traceback(vm: &mut Vm, args: Args) -> NativeResult {
    let (thread, skip) = subject(vm, args);
    let message = args.get(vm, skip);
    if !message.is_nil() && !message.is_string() && !message.is_number() {
        return vm.answer(message);
    }
    // This function itself is not of interest.
    let default = i64::from(thread == vm.current_thread());
    let level = args.opt_int(vm, skip + 1, default)?;
    let mut text = Vec::new();
    if !message.is_nil() {
        text.extend_from_slice(args.check_bytes(vm, skip)?);
        text.push(b'\n');
    }
    let level = usize::try_from(level).unwrap_or(usize::MAX);
    text.extend_from_slice(vm.traceback_of(thread, level).as_bytes());
    let text = vm.string(&text)?;
    vm.answer(text)
}

/// What `getinfo` tells about.
#[derive(Clone, Copy)]
struct Subject {
    function: Value,
    /// The level at which it runs and that of its caller, if asked for a level.
    level: Option<Level>,
    caller: Option<Level>,
}

fn getinfo(vm: &mut Vm, args: Args) -> NativeResult {
    let (thread, skip) = subject(vm, args);
    let options: &[u8] = if args.get(vm, skip + 1).is_nil() { b"flnStu" } else { args.check_bytes(vm, skip + 1)? };
    let value = args.get(vm, skip);
    let subject = if value.is_function() {
        Subject { function: value, level: None, caller: None }
    } else {
        let level = args.check_int(vm, skip)?;
        let levels = vm.levels_of(thread);
        let Some(found) = usize::try_from(level).ok().filter(|level| *level < levels.len()) else {
            return vm.answer(Value::NIL);
        };
        let level = levels[found];
        Subject { function: level.function, level: Some(level), caller: levels.get(found + 1).copied() }
    };
    if options.iter().any(|option| !b"SlnutLf".contains(option)) {
        return Err(vm.argument_error(skip + 1, "invalid option"));
    }
    let info = vm.new_table(0, 16);
    vm.push(Value::table(info))?;
    for (option, fill) in FILLERS {
        if options.contains(option) {
            fill(vm, info, subject)?;
        }
    }
    vm.answer(Value::table(info))
}

type Filler = fn(&mut Vm, *mut Table, Subject) -> Result<(), Box<LuaError>>;

/// The options of `getinfo` and what they put into its result.
const FILLERS: &[(u8, Filler)] = &[
    (b'S', fill_source),
    (b'l', fill_line),
    (b'n', fill_name),
    (b'u', fill_parameters),
    (b't', fill_tail_call),
    (b'L', fill_active_lines),
    (b'f', fill_function),
];

fn set_text(vm: &mut Vm, info: *mut Table, field: &str, text: &[u8]) -> Result<(), Box<LuaError>> {
    let text = vm.string(text)?;
    vm.raw_set_name(info, field, text)
}

fn fill_source(vm: &mut Vm, info: *mut Table, subject: Subject) -> Result<(), Box<LuaError>> {
    let (first, last) = match function_of(subject.function) {
        Some(function) => {
            let proto = &function.proto;
            set_text(vm, info, "source", &proto.source)?;
            set_text(vm, info, "short_src", function.chunk_name().as_bytes())?;
            set_text(vm, info, "what", if proto.line_defined == 0 { b"main" } else { b"Lua" })?;
            (i64::from(proto.line_defined), i64::from(proto.last_line))
        }
        None => {
            set_text(vm, info, "source", b"=[C]")?;
            set_text(vm, info, "short_src", b"[C]")?;
            set_text(vm, info, "what", b"C")?;
            (-1, -1)
        }
    };
    vm.raw_set_name(info, "linedefined", Value::int(first))?;
    vm.raw_set_name(info, "lastlinedefined", Value::int(last))
}

fn fill_line(vm: &mut Vm, info: *mut Table, subject: Subject) -> Result<(), Box<LuaError>> {
    let line = subject.level.and_then(|level| vm.level_line(level)).map_or(0, |(_, line)| line);
    let line = if line == 0 { -1 } else { i64::from(line) };
    vm.raw_set_name(info, "currentline", Value::int(line))
}

fn fill_name(vm: &mut Vm, info: *mut Table, subject: Subject) -> Result<(), Box<LuaError>> {
    let Some(name) = subject.level.and_then(|level| vm.function_name(level, subject.caller)) else {
        return set_text(vm, info, "namewhat", b"");
    };
    set_text(vm, info, "name", name.text.as_bytes())?;
    set_text(vm, info, "namewhat", name.kind.as_bytes())
}

fn fill_parameters(vm: &mut Vm, info: *mut Table, subject: Subject) -> Result<(), Box<LuaError>> {
    let (upvalues, params, vararg) = match function_of(subject.function) {
        Some(function) => {
            let proto = &function.proto;
            (proto.captures.len() as i64, i64::from(proto.params), proto.vararg)
        }
        None => (0, 0, true),
    };
    vm.raw_set_name(info, "nups", Value::int(upvalues))?;
    vm.raw_set_name(info, "nparams", Value::int(params))?;
    vm.raw_set_name(info, "isvararg", Value::bool(vararg))
}

fn fill_tail_call(vm: &mut Vm, info: *mut Table, subject: Subject) -> Result<(), Box<LuaError>> {
    let tail_called = subject.level.is_some_and(|level| level.tail_called);
    vm.raw_set_name(info, "istailcall", Value::bool(tail_called))
}

fn fill_active_lines(vm: &mut Vm, info: *mut Table, subject: Subject) -> Result<(), Box<LuaError>> {
    let Some(function) = function_of(subject.function) else { return Ok(()) };
    let lines = vm.new_table(0, 0);
    vm.raw_set_name(info, "activelines", Value::table(lines))?;
    // The instruction that arranges extra arguments stands for no source line.
    for line in function.proto.lines.iter().skip(usize::from(function.is_vararg())) {
        vm.raw_set_int(lines, i64::from(*line), Value::TRUE)?;
    }
    Ok(())
}

fn fill_function(vm: &mut Vm, info: *mut Table, subject: Subject) -> Result<(), Box<LuaError>> {
    vm.raw_set_name(info, "func", subject.function)
}

// ---- local variables

/// The level that argument `i` names, counted from 0 in the coroutine.
fn check_level(vm: &mut Vm, args: Args, i: u32, thread: *mut Thread) -> Result<Level, Box<LuaError>> {
    let level = args.check_int(vm, i)?;
    let level = usize::try_from(level).ok().and_then(|level| vm.levels_of(thread).get(level).copied());
    level.ok_or_else(|| vm.argument_error(i, "level out of range"))
}

fn getlocal(vm: &mut Vm, args: Args) -> NativeResult {
    let (thread, skip) = subject(vm, args);
    let n = args.check_int(vm, skip + 1)?;
    let value = args.get(vm, skip);
    if value.is_function() {
        let index = n.checked_sub(1).and_then(|index| usize::try_from(index).ok());
        let name = function_of(value)
            .zip(index)
            .filter(|(function, index)| *index < function.params as usize)
            .and_then(|(function, index)| function.proto.locals.get(index));
        return match name {
            Some(local) => answer_text(vm, &local.name),
            None => vm.answer(Value::NIL),
        };
    }
    let level = check_level(vm, args, skip, thread)?;
    let Some((name, value)) = vm.local(thread, level, n).map(|(name, value)| (name.to_owned(), value)) else {
        return vm.answer(Value::NIL);
    };
    let name = vm.string(name.as_bytes())?;
    vm.push_all(&[name, value])?;
    Ok(Flow::Return(2))
}

fn setlocal(vm: &mut Vm, args: Args) -> NativeResult {
    let (thread, skip) = subject(vm, args);
    let level = check_level(vm, args, skip, thread)?;
    let n = args.check_int(vm, skip + 1)?;
    let value = args.check_any(vm, skip + 2)?;
    match vm.set_local(thread, level, n, value).map(str::to_owned) {
        Ok(name) => answer_text(vm, &name),
        Err(LocalError::Missing) => vm.answer(Value::NIL),
        Err(LocalError::Internal) => Err(vm.error("cannot set a value that the machine relies on")),
    }
}

// ---- upvalues

/// Argument `i`, a number from 1, as an index. What is no such number becomes an index that nothing has.
fn check_index(vm: &mut Vm, args: Args, i: u32) -> Result<usize, Box<LuaError>> {
    let number = args.check_int(vm, i)?;
    Ok(number.checked_sub(1).and_then(|index| usize::try_from(index).ok()).unwrap_or(usize::MAX))
}

fn getupvalue(vm: &mut Vm, args: Args) -> NativeResult {
    let index = check_index(vm, args, 1)?;
    let function = args.check_function(vm, 0)?;
    let Some((name, value)) = vm.captured_variable(function, index).map(|found| (found.name.to_owned(), found.value))
    else {
        return Ok(Flow::Return(0));
    };
    let name = vm.string(name.as_bytes())?;
    vm.push_all(&[name, value])?;
    Ok(Flow::Return(2))
}

fn setupvalue(vm: &mut Vm, args: Args) -> NativeResult {
    let value = args.check_any(vm, 2)?;
    let index = check_index(vm, args, 1)?;
    let function = args.check_function(vm, 0)?;
    if !vm.set_captured_variable(function, index, value) {
        return Ok(Flow::Return(0));
    }
    let name = vm.captured_variable(function, index).map_or_else(String::new, |found| found.name.to_owned());
    answer_text(vm, &name)
}

/// A function and the index of one of its upvalues, in arguments `i` and `i + 1`; also what identifies that upvalue.
fn check_upvalue(vm: &mut Vm, args: Args, i: u32) -> Result<(Value, usize, Value), Box<LuaError>> {
    let index = check_index(vm, args, i + 1)?;
    let function = args.check_function(vm, i)?;
    match vm.captured_variable(function, index).map(|found| found.id) {
        Some(id) => Ok((function, index, id)),
        None => Err(vm.argument_error(i + 1, "invalid upvalue index")),
    }
}

fn upvalueid(vm: &mut Vm, args: Args) -> NativeResult {
    let (.., id) = check_upvalue(vm, args, 0)?;
    vm.answer(id)
}

fn upvaluejoin(vm: &mut Vm, args: Args) -> NativeResult {
    let (function, index, _) = check_upvalue(vm, args, 0)?;
    let (other, from, _) = check_upvalue(vm, args, 2)?;
    for (i, function) in [(0, function), (2, other)] {
        if !function.is_closure() {
            return Err(vm.argument_error(i, "Lua function expected"));
        }
    }
    vm.join_captured_variables(function, index, other, from);
    Ok(Flow::Return(0))
}

// ---- metatables, user values, the registry

fn getmetatable(vm: &mut Vm, args: Args) -> NativeResult {
    let value = args.check_any(vm, 0)?;
    let metatable = vm.own_metatable_of(value);
    vm.answer(if metatable.is_null() { Value::NIL } else { Value::table(metatable) })
}

fn setmetatable(vm: &mut Vm, args: Args) -> NativeResult {
    let metatable = match args.try_get(vm, 1) {
        Some(value) if value.is_nil() => std::ptr::null_mut(),
        Some(value) if value.is_table() => value.as_table(),
        _ => return Err(vm.argument_error(1, "nil or table expected")),
    };
    let value = args.get(vm, 0);
    if value.is_table() {
        vm.set_table_metatable(value.as_table(), metatable)?;
    } else if value.is_userdata() {
        vm.set_userdata_metatable(value, metatable);
    } else if value.is_ty() {
        return Err(vm.error("cannot change the metatable of types"));
    } else {
        vm.set_basic_metatable(value, metatable);
    }
    vm.answer(value)
}

fn getuservalue(vm: &mut Vm, args: Args) -> NativeResult {
    let value = args.get(vm, 0);
    let associated = if value.is_userdata() { vm.user_value(value) } else { Value::NIL };
    vm.answer(associated)
}

fn setuservalue(vm: &mut Vm, args: Args) -> NativeResult {
    let userdata = args.get(vm, 0);
    if !userdata.is_userdata() {
        return Err(vm.type_error(0, "userdata", args.try_get(vm, 0)));
    }
    let value = args.check_any(vm, 1)?;
    vm.set_user_value(userdata, value);
    vm.answer(userdata)
}

fn getregistry(vm: &mut Vm, _: Args) -> NativeResult {
    let registry = vm.registry();
    vm.answer(Value::table(registry))
}

// ---- hooks

/// The letters of a mask, in the order in which `gethook` gives them.
const EVENTS: [(u8, u8); 3] = [(b'c', events::CALL), (b'r', events::RETURN), (b'l', events::LINE)];

fn gethook(vm: &mut Vm, args: Args) -> NativeResult {
    let (thread, _) = subject(vm, args);
    let (function, events, count) = vm.hook(thread);
    let mask: Vec<u8> = EVENTS.iter().filter(|(_, event)| events & event != 0).map(|(letter, _)| *letter).collect();
    let mask = vm.string(&mask)?;
    vm.push_all(&[function, mask, Value::int(i64::from(count))])?;
    Ok(Flow::Return(3))
}

fn sethook(vm: &mut Vm, args: Args) -> NativeResult {
    let (thread, skip) = subject(vm, args);
    if args.get(vm, skip).is_nil() {
        vm.set_hook(thread, Value::NIL, 0, 0);
        return Ok(Flow::Return(0));
    }
    let mask = args.check_bytes(vm, skip + 1)?;
    let function = args.check_function(vm, skip)?;
    let count = args.opt_int(vm, skip + 2, 0)?;
    let mut events = EVENTS.iter().filter(|(letter, _)| mask.contains(letter)).fold(0, |set, (_, event)| set | event);
    if count > 0 {
        events |= events::COUNT;
    }
    vm.set_hook(thread, function, events, u32::try_from(count.max(0)).unwrap_or(u32::MAX));
    Ok(Flow::Return(0))
}

// ---- the prompt

/// A command typed at the prompt has run.
static COMMAND_RAN: Continuation = Continuation {
    name: "debug.debug.ran",
    resume: |vm, args, _| debug(vm, args),
    catch: Some(|vm, args, error| {
        tell_error(&error);
        debug(vm, args)
    }),
    yieldable: false,
};

/// `debug.debug()`: runs what the user types until a line `cont`, or the end of the input.
fn debug(vm: &mut Vm, args: Args) -> NativeResult {
    vm.keep_only(Args { len: 0, ..args });
    loop {
        tell(b"lua_debug> ");
        let mut line = Vec::new();
        if !matches!(standard(0).lock().read_line(false, &mut line), Ok(true)) || line == b"cont" {
            return Ok(Flow::Return(0));
        }
        match load_chunk(vm, &line, b"=(debug command)") {
            Ok(command) => {
                vm.push(command)?;
                return Ok(Flow::Call { args: 0, then: &COMMAND_RAN });
            }
            Err(error) => tell_error(&error),
        }
    }
}

/// Writes to the standard error; if nobody listens there, so be it.
fn tell(text: &[u8]) {
    let _ = flush_output();
    let _ = standard(2).lock().write(text);
}

fn tell_error(error: &LuaError) {
    let mut text = Vec::new();
    if !append_text(error.value, &mut text) {
        text.extend_from_slice(b"(error object is not a string)");
    }
    text.push(b'\n');
    tell(&text);
}
