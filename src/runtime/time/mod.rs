//! The `time` module (`runtime.md` §7): moments, durations, sleeping, timers.

mod alarms;
mod duration;
mod moment;

pub use alarms::{Alarms, fire};
pub use duration::{DURATION, Duration, DurationObject, duration_argument, duration_value};
pub use moment::{TIME, Time, TimeObject, time_value};

use crate::vm::Vm;
use crate::vm::image::{Library, Literal};
use crate::vm::native::{Args, Flow, Native, NativeResult};
use crate::vm::value::Value;

use super::errors;
use super::process_state::state;

const MICROSECOND: i64 = 1_000;
const MILLISECOND: i64 = 1_000_000;
const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// The library.
pub static LIBRARY: Library = Library {
    name: "time",
    global: false,
    natives: &[
        Native::new("now", now),
        Native::new("unix", unix),
        Native::new("parse_duration", parse_duration),
        Native::new("sleep", alarms::sleep),
        Native::new("after", alarms::after),
        Native::new("timer", alarms::timer),
        Native::new("ticker", alarms::ticker),
    ],
    constants: &[
        ("NANOSECOND", Literal::Integer(1)),
        ("MICROSECOND", Literal::Integer(MICROSECOND)),
        ("MILLISECOND", Literal::Integer(MILLISECOND)),
        ("SECOND", Literal::Integer(SECOND)),
        ("MINUTE", Literal::Integer(MINUTE)),
        ("HOUR", Literal::Integer(HOUR)),
        ("JANUARY", Literal::Integer(1)),
        ("FEBRUARY", Literal::Integer(2)),
        ("MARCH", Literal::Integer(3)),
        ("APRIL", Literal::Integer(4)),
        ("MAY", Literal::Integer(5)),
        ("JUNE", Literal::Integer(6)),
        ("JULY", Literal::Integer(7)),
        ("AUGUST", Literal::Integer(8)),
        ("SEPTEMBER", Literal::Integer(9)),
        ("OCTOBER", Literal::Integer(10)),
        ("NOVEMBER", Literal::Integer(11)),
        ("DECEMBER", Literal::Integer(12)),
        ("SUNDAY", Literal::Integer(0)),
        ("MONDAY", Literal::Integer(1)),
        ("TUESDAY", Literal::Integer(2)),
        ("WEDNESDAY", Literal::Integer(3)),
        ("THURSDAY", Literal::Integer(4)),
        ("FRIDAY", Literal::Integer(5)),
        ("SATURDAY", Literal::Integer(6)),
        ("RFC3339", Literal::String("2006-01-02T15:04:05Z07:00")),
        ("RFC3339NANO", Literal::String("2006-01-02T15:04:05.999999999Z07:00")),
        ("DATE_TIME", Literal::String("2006-01-02 15:04:05")),
        ("DATE_ONLY", Literal::String("2006-01-02")),
        ("TIME_ONLY", Literal::String("15:04:05")),
    ],
};

fn now(vm: &mut Vm, _: Args) -> NativeResult {
    let time = Time::now(&*state(vm).core().driver);
    let value = time_value(vm, time);
    vm.answer(value)
}

fn unix(vm: &mut Vm, args: Args) -> NativeResult {
    let seconds = args.check_int(vm, 0)?;
    let nanos = args.check_int(vm, 1)?;
    let value = time_value(vm, Time::from_unix(seconds, nanos));
    vm.answer(value)
}

fn parse_duration(vm: &mut Vm, args: Args) -> NativeResult {
    let Some(duration) = duration_argument(vm, args, 0) else {
        return errors::fail(vm, errors::INVALID, "invalid duration");
    };
    let value = duration_value(vm, duration);
    vm.push(value)?;
    vm.push(Value::NIL)?;
    Ok(Flow::Return(2))
}
