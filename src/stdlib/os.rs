//! The `os` library (manual §6.9).

use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use super::date::{Date, DateError, Fields, Zone, check_field, format_date, timestamp};
use super::io::temporary_file;
use super::output::flush_output;
use super::stream::flush_all;
use super::system::{exit_results, failure, lua_text, os_text, outcome, shell};
use crate::vm::Vm;
use crate::vm::arith::to_integer;
use crate::vm::error::LuaError;
use crate::vm::finalize;
use crate::vm::image::Library;
use crate::vm::index::Indexed;
use crate::vm::native::{Args, Continuation, Flow, Native, NativeResult};
use crate::vm::object::Table;
use crate::vm::value::Value;

/// The library.
pub static LIBRARY: Library = Library { name: "os", global: true, natives: &NATIVES, constants: &[] };

static NATIVES: [Native; 11] = [
    Native::new("clock", clock),
    Native::new("date", date),
    Native::new("difftime", difftime),
    Native::new("execute", execute),
    Native::new("exit", exit),
    Native::new("getenv", getenv),
    Native::new("remove", remove),
    Native::new("rename", rename),
    Native::new("setlocale", setlocale),
    Native::new("time", time),
    Native::new("tmpname", tmpname),
];

// ---- time

/// `os.clock()`: the processor time of the program.
fn clock(vm: &mut Vm, _: Args) -> NativeResult {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    vm.answer(Value::float(time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9))
}

fn now() -> i64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => since.as_secs() as i64,
        Err(before) => -(before.duration().as_secs() as i64),
    }
}

/// `os.difftime(t2, t1)`
fn difftime(vm: &mut Vm, args: Args) -> NativeResult {
    let (later, earlier) = (args.check_int(vm, 0)?, args.check_int(vm, 1)?);
    vm.answer(Value::float(later as f64 - earlier as f64))
}

/// `os.date([format [, time]])`
fn date(vm: &mut Vm, args: Args) -> NativeResult {
    let format = if args.get(vm, 0).is_nil() { b"%c" } else { args.check_bytes(vm, 0)? };
    let moment = if args.get(vm, 1).is_nil() { now() } else { args.check_int(vm, 1)? };
    let (zone, format) = match format {
        [b'!', rest @ ..] => (Zone::Utc, rest),
        _ => (Zone::Local, format),
    };
    let date = Date::at(moment, zone).map_err(|error| vm.error(&error.to_string()))?;
    if format.starts_with(b"*t") {
        let table = vm.new_table(0, 9);
        set_fields(vm, table, &date)?;
        return vm.answer(Value::table(table));
    }
    let mut text = vm.take_text();
    format_date(format, &date, &mut text).map_err(|error| vm.argument_error(0, &error.to_string()))?;
    let text = vm.finish_text(text)?;
    vm.answer(text)
}

/// Sets the fields of a date in a table, as `os.date("*t")` has them.
pub fn set_fields(vm: &mut Vm, table: *mut Table, date: &Date) -> Result<(), Box<LuaError>> {
    let numbers = [
        ("year", date.year),
        ("month", date.month),
        ("day", date.day),
        ("hour", date.hour),
        ("min", date.minute),
        ("sec", date.second),
        ("wday", date.weekday + 1),
        ("yday", date.yearday),
    ];
    for (name, number) in numbers {
        vm.raw_set_name(table, name, Value::int(number))?;
    }
    vm.raw_set_name(table, "isdst", Value::bool(date.is_dst))
}

/// `os.time([table])`
fn time(vm: &mut Vm, args: Args) -> NativeResult {
    if args.get(vm, 0).is_nil() {
        return vm.answer(Value::int(now()));
    }
    let table = args.check_table(vm, 0)?;
    let fields = Fields {
        // In the order in which the reference implementation complains.
        second: field(vm, table, "sec", Some(0))?,
        minute: field(vm, table, "min", Some(0))?,
        hour: field(vm, table, "hour", Some(12))?,
        day: field(vm, table, "day", None)?,
        month: field(vm, table, "month", None)?,
        year: field(vm, table, "year", None)?,
        is_dst: match field_value(vm, table, "isdst")? {
            value if value.is_nil() => None,
            value => Some(value.is_true()),
        },
    };
    let moment = timestamp(&fields);
    let date = moment.clone().and_then(|moment| Date::at(moment, Zone::Local));
    match (moment, date) {
        (Ok(moment), Ok(date)) => {
            // The fields come back in their ranges, and those that were missing are filled in.
            set_fields(vm, table, &date)?;
            vm.answer(Value::int(moment))
        }
        (Err(error), _) | (_, Err(error)) => Err(vm.error(&error.to_string())),
    }
}

/// A field of the table, inherited ones included. A field that only an `__index` function knows counts as missing.
fn field_value(vm: &mut Vm, table: *mut Table, name: &str) -> Result<Value, Box<LuaError>> {
    let key = vm.string(name.as_bytes())?;
    match vm.index(Value::table(table), key)? {
        Indexed::Done(value) => Ok(value),
        Indexed::Ask { .. } => Ok(Value::NIL),
    }
}

fn field(vm: &mut Vm, table: *mut Table, name: &'static str, default: Option<i64>) -> Result<i64, Box<LuaError>> {
    let value = field_value(vm, table, name)?;
    let Some(integer) = to_integer(value) else {
        return match default {
            _ if !value.is_nil() => Err(vm.error(&format!("field '{name}' is not an integer"))),
            Some(default) => Ok(default),
            None => Err(vm.error(&format!("field '{name}' missing in date table"))),
        };
    };
    check_field(name, integer).map_err(|error: DateError| vm.error(&error.to_string()))?;
    Ok(integer)
}

// ---- the program and its surroundings

/// `os.execute([command])`
fn execute(vm: &mut Vm, args: Args) -> NativeResult {
    if args.get(vm, 0).is_nil() {
        return vm.answer(Value::TRUE);
    }
    let command = args.check_bytes(vm, 0)?;
    // What was printed before must appear before what the command prints.
    match flush_output().and_then(|()| shell(command).status()) {
        Ok(status) => exit_results(vm, status),
        Err(error) => failure(vm, &error, None),
    }
}

/// The slot: the exit status.
static CLOSED: Continuation = Continuation {
    name: "os.exit.closed",
    resume: |vm, args, _| {
        let code = args.get(vm, 0).as_int();
        end_program(code as i32)
    },
    catch: None,
    yieldable: false,
};

/// `os.exit([code [, close]])`
fn exit(vm: &mut Vm, args: Args) -> NativeResult {
    let code = match args.get(vm, 0) {
        code if code.is_nil() || code.same(Value::TRUE) => 0,
        code if code.same(Value::FALSE) => 1,
        _ => args.check_int(vm, 0)? as i32,
    };
    if args.get(vm, 1).is_true() {
        vm.keep_only(Args { len: 0, ..args });
        vm.push_all(&[Value::int(i64::from(code)), Value::native(&finalize::CLOSE)])?;
        return Ok(Flow::Call { args: 0, then: &CLOSED });
    }
    end_program(code)
}

/// What the host has to put right before the program ends, wherever it does.
static BEFORE_EXIT: OnceLock<fn()> = OnceLock::new();

/// Lets `os.exit` call `action` first. Only the first call counts.
pub fn before_exit(action: fn()) {
    // Whoever was first has its way.
    let _ = BEFORE_EXIT.set(action);
}

/// Ends the whole program, with what is to be written.
pub fn end_program(code: i32) -> ! {
    flush_all();
    if let Some(action) = BEFORE_EXIT.get() {
        action();
    }
    std::process::exit(code)
}

/// `os.getenv(varname)`
fn getenv(vm: &mut Vm, args: Args) -> NativeResult {
    let name = args.check_bytes(vm, 0)?;
    // The standard library panics for names that the system cannot have.
    let valid = !name.is_empty() && !name.iter().any(|byte| matches!(byte, b'=' | 0));
    let value = match valid.then(|| std::env::var_os(os_text(name))).flatten() {
        Some(value) => lua_text(vm, value)?,
        None => Value::NIL,
    };
    vm.answer(value)
}

/// `os.remove(filename)`: a file or an empty directory.
fn remove(vm: &mut Vm, args: Args) -> NativeResult {
    let name = args.check_bytes(vm, 0)?;
    let path = os_text(name);
    let is_directory = std::fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_dir());
    let removed = if is_directory { std::fs::remove_dir(path) } else { std::fs::remove_file(path) };
    outcome(vm, removed, Some(name))
}

/// `os.rename(oldname, newname)`
fn rename(vm: &mut Vm, args: Args) -> NativeResult {
    let (old, new) = (os_text(args.check_bytes(vm, 0)?), os_text(args.check_bytes(vm, 1)?));
    outcome(vm, std::fs::rename(old, new), None)
}

/// `os.setlocale([locale [, category]])`: there is only the locale `C`.
fn setlocale(vm: &mut Vm, args: Args) -> NativeResult {
    let wanted = if args.get(vm, 0).is_nil() { b"C" } else { args.check_bytes(vm, 0)? };
    args.check_option(vm, 1, Some(0), &["all", "collate", "ctype", "monetary", "numeric", "time"])?;
    let answer = if matches!(wanted, b"" | b"C" | b"POSIX") { vm.string(b"C")? } else { Value::NIL };
    vm.answer(answer)
}

/// `os.tmpname()`
fn tmpname(vm: &mut Vm, _: Args) -> NativeResult {
    match temporary_file() {
        Ok((path, _)) => {
            let name = lua_text(vm, path.into_os_string())?;
            vm.answer(name)
        }
        Err(_) => Err(vm.error("unable to generate a unique filename")),
    }
}
