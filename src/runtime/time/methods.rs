//! The methods of `time.Time` (`runtime.md` §7.1).

use super::duration::{Duration, DurationObject, duration_argument, duration_value};
use super::layout::{self, Shown};
use super::moment::Time;
use super::zone::{Zone, check_location, location_value};
use crate::runtime::process_state::state;
use crate::vm::Vm;
use crate::vm::args::userdata_of;
use crate::vm::error::LuaError;
use crate::vm::native::{Args, Flow, Native, NativeResult};
use crate::vm::object::UserData;
use crate::vm::userdata::Class;
use crate::vm::value::Value;

/// A [`Time`] in a heap.
pub struct TimeObject(pub Time);

impl UserData for TimeObject {
    fn class(&self) -> &'static str {
        "time.Time"
    }
}

/// The class of [`TimeObject`].
pub static TIME: Class = Class {
    name: "time.Time",
    methods: &[
        Native::new("sub", sub),
        Native::new("add", add),
        Native::new("add_date", add_date),
        Native::new("before", |vm, args| compare(vm, args, |a, b| a < b)),
        Native::new("after", |vm, args| compare(vm, args, |a, b| a > b)),
        Native::new("equal", |vm, args| compare(vm, args, |a, b| a == b)),
        Native::new("format", format),
        Native::new("format_rfc3339", |vm, args| write(vm, args, super::RFC3339.as_bytes())),
        Native::new("unix", |vm, args| number(vm, args, |time| time.seconds())),
        Native::new("unix_nano", |vm, args| number(vm, args, |time| time.wall_nanos() as i64)),
        Native::new("date", |vm, args| three(vm, args, |shown| [shown.year, shown.month, shown.day])),
        Native::new("clock", |vm, args| three(vm, args, |shown| [shown.hour, shown.minute, shown.second])),
        Native::new("year", |vm, args| field(vm, args, |shown| shown.year)),
        Native::new("month", |vm, args| field(vm, args, |shown| shown.month)),
        Native::new("day", |vm, args| field(vm, args, |shown| shown.day)),
        Native::new("hour", |vm, args| field(vm, args, |shown| shown.hour)),
        Native::new("minute", |vm, args| field(vm, args, |shown| shown.minute)),
        Native::new("second", |vm, args| field(vm, args, |shown| shown.second)),
        Native::new("nanosecond", |vm, args| field(vm, args, |shown| i64::from(shown.nanos))),
        Native::new("weekday", |vm, args| field(vm, args, Shown::weekday)),
        Native::new("year_day", |vm, args| field(vm, args, Shown::year_day)),
        Native::new("is_zero", is_zero),
        Native::new("utc", |vm, args| shown_in(vm, args, Zone::Utc)),
        Native::new("in_local", |vm, args| shown_in(vm, args, Zone::Local)),
        Native::new("in_location", in_location),
        Native::new("location", location),
        Native::new("round", |vm, args| rounded(vm, args, true)),
        Native::new("truncate", |vm, args| rounded(vm, args, false)),
    ],
    metamethods: &[Native::new("__tostring", |vm, args| write(vm, args, TEXT))],
};

/// The time behind a value that is one.
pub fn time_of(value: Value) -> Option<Time> {
    // SAFETY: a live userdata, read before the next safepoint.
    userdata_of::<TimeObject>(value).map(|time| unsafe { (*time).0.clone() })
}

impl Time {
    /// The text of RFC 3339, with a fraction if there is one.
    pub fn rfc3339(&self) -> Vec<u8> {
        let mut text = Vec::new();
        layout::format(super::RFC3339_NANO.as_bytes(), &self.shown(), &mut text);
        text
    }
}

/// The layout of `tostring`.
const TEXT: &[u8] = b"2006-01-02 15:04:05.999999999 -0700 MST";

/// A time as a value.
pub fn time_value(vm: &mut Vm, time: Time) -> Value {
    let metatable = state(vm).core().image.class(&TIME);
    Value::userdata(vm.heap.new_userdata(TimeObject(time), metatable))
}

fn this(vm: &mut Vm, args: Args) -> Result<Time, Box<LuaError>> {
    nth(vm, args, 0)
}

fn nth(vm: &mut Vm, args: Args, i: u32) -> Result<Time, Box<LuaError>> {
    args.check_userdata::<TimeObject>(vm, i, "time.Time").map(|time| time.0.clone())
}

fn sub(vm: &mut Vm, args: Args) -> NativeResult {
    let (a, b) = (this(vm, args)?, nth(vm, args, 1)?);
    let value = duration_value(vm, a.since(&b));
    vm.answer(value)
}

fn add(vm: &mut Vm, args: Args) -> NativeResult {
    let time = this(vm, args)?;
    let Some(duration) = duration_argument(vm, args, 1) else {
        return Err(vm.argument_error(1, "invalid duration"));
    };
    let value = time_value(vm, time.plus(duration));
    vm.answer(value)
}

fn add_date(vm: &mut Vm, args: Args) -> NativeResult {
    let time = this(vm, args)?;
    let (years, months, days) = (args.check_int(vm, 1)?, args.check_int(vm, 2)?, args.check_int(vm, 3)?);
    let value = time_value(vm, time.plus_date(years, months, days));
    vm.answer(value)
}

fn compare(vm: &mut Vm, args: Args, holds: fn(i128, i128) -> bool) -> NativeResult {
    let (a, b) = (this(vm, args)?, nth(vm, args, 1)?);
    vm.answer(Value::bool(holds(a.wall_nanos(), b.wall_nanos())))
}

fn number(vm: &mut Vm, args: Args, of: fn(&Time) -> i64) -> NativeResult {
    let time = this(vm, args)?;
    vm.answer(Value::int(of(&time)))
}

fn field(vm: &mut Vm, args: Args, of: fn(&Shown) -> i64) -> NativeResult {
    let time = this(vm, args)?;
    vm.answer(Value::int(of(&time.shown())))
}

fn three(vm: &mut Vm, args: Args, of: fn(&Shown) -> [i64; 3]) -> NativeResult {
    let time = this(vm, args)?;
    vm.push_all(&of(&time.shown()).map(Value::int))?;
    Ok(Flow::Return(3))
}

fn is_zero(vm: &mut Vm, args: Args) -> NativeResult {
    let time = this(vm, args)?;
    vm.answer(Value::bool(time.is_zero()))
}

fn shown_in(vm: &mut Vm, args: Args, zone: Zone) -> NativeResult {
    let time = this(vm, args)?;
    let value = time_value(vm, time.in_zone(zone));
    vm.answer(value)
}

fn in_location(vm: &mut Vm, args: Args) -> NativeResult {
    let zone = check_location(vm, args, 1)?;
    shown_in(vm, args, zone)
}

fn location(vm: &mut Vm, args: Args) -> NativeResult {
    let time = this(vm, args)?;
    let value = location_value(vm, time.zone().clone());
    vm.answer(value)
}

fn rounded(vm: &mut Vm, args: Args, half_up: bool) -> NativeResult {
    let time = this(vm, args)?;
    let Duration(unit) = args.check_userdata::<DurationObject>(vm, 1, "time.Duration")?.0;
    let value = time_value(vm, time.rounded(Duration(unit), half_up));
    vm.answer(value)
}

fn format(vm: &mut Vm, args: Args) -> NativeResult {
    let layout = args.check_bytes(vm, 1)?;
    write(vm, args, layout)
}

fn write(vm: &mut Vm, args: Args, layout: &[u8]) -> NativeResult {
    let time = this(vm, args)?;
    let mut text = vm.take_text();
    layout::format(layout, &time.shown(), &mut text);
    let text = vm.finish_text(text)?;
    vm.answer(text)
}
