//! `os` of the sandbox (`runtime.md` §7.5): the clock and the calendar, and nothing else.

use super::process_state::state;
use crate::stdlib::date::{Date, DateError, Fields, Zone, format_date, timestamp};
use crate::stdlib::os::set_fields;
use crate::vm::Vm;
use crate::vm::arith::to_number;
use crate::vm::error::LuaError;
use crate::vm::image::{Library, Literal};
use crate::vm::native::{Args, Native, NativeResult};
use crate::vm::object::Table;
use crate::vm::value::Value;

/// The library.
pub static LIBRARY: Library = Library {
    name: "os",
    global: true,
    natives: &[
        Native::new("time", time),
        Native::new("date", date),
        Native::new("clock", clock),
        Native::new("difftime", difftime),
    ],
    constants: &[("platform", Literal::String("moonlet"))],
};

fn now(vm: &mut Vm) -> i64 {
    state(vm).core().driver.wall_clock().seconds
}

/// `os.clock()`: seconds since the runtime started.
fn clock(vm: &mut Vm, _: Args) -> NativeResult {
    let nanos = state(vm).core().driver.now().0;
    vm.answer(Value::float(nanos as f64 / 1e9))
}

/// `os.difftime(t2, t1)`
fn difftime(vm: &mut Vm, args: Args) -> NativeResult {
    let (later, earlier) = (args.check_float(vm, 0)?, args.check_float(vm, 1)?);
    vm.answer(Value::float(later - earlier))
}

/// `os.time([fields])`
fn time(vm: &mut Vm, args: Args) -> NativeResult {
    let now = now(vm);
    if args.get(vm, 0).is_nil() {
        return vm.answer(Value::int(now));
    }
    let table = args.check_table(vm, 0)?;
    let moment = Date::at(now, Zone::Local).and_then(|today| {
        timestamp(&Fields {
            year: field(vm, table, "year", today.year),
            month: field(vm, table, "month", today.month),
            day: field(vm, table, "day", today.day),
            hour: field(vm, table, "hour", 0),
            minute: field(vm, table, "min", 0),
            second: field(vm, table, "sec", 0),
            is_dst: None,
        })
    });
    match moment {
        Ok(moment) => vm.answer(Value::int(moment)),
        Err(error) => Err(vm.error(&error.to_string())),
    }
}

/// A field that is a number, without its fraction; any other is left out.
fn field(vm: &mut Vm, table: *mut Table, name: &str, default: i64) -> i64 {
    let key = Value::string(vm.image.strings.intern(name.as_bytes()));
    let value = vm.raw_get(table, key);
    match to_number(value).filter(|_| value.is_number()) {
        Some(number) => number.to_float() as i64,
        None => default,
    }
}

/// `os.date([format [, time]])`
fn date(vm: &mut Vm, args: Args) -> NativeResult {
    let format = if args.get(vm, 0).is_nil() { b"%c" } else { args.check_bytes(vm, 0)? };
    let moment = if args.get(vm, 1).is_nil() { now(vm) } else { args.check_int(vm, 1)? };
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
    let text = leniently(vm, format, &date)?;
    let text = vm.string(&text)?;
    vm.answer(text)
}

/// As `os.date` of Lua, but specifiers that do not exist stand for themselves.
fn leniently(vm: &mut Vm, format: &[u8], date: &Date) -> Result<Vec<u8>, Box<LuaError>> {
    let mut text = Vec::new();
    let mut rest = format;
    while let Some((first, after)) = rest.split_first() {
        if *first != b'%' || after.is_empty() {
            text.push(*first);
            rest = after;
            continue;
        }
        let modified = matches!(after[0], b'E' | b'O') && after.len() > 1;
        let (specifier, after) = rest.split_at(if modified { 3 } else { 2 });
        match format_date(specifier, date, &mut text) {
            Ok(()) => {}
            Err(DateError::InvalidSpecifier(_)) => text.extend_from_slice(specifier),
            Err(error) => return Err(vm.error(&error.to_string())),
        }
        rest = after;
    }
    Ok(text)
}
