//! The `time` module (`runtime.md` §7).
//!
//! | file | owns |
//! | --- | --- |
//! | `moment`, `methods` | points in time, and what programs do with them |
//! | `zone` | time zones |
//! | `layout` | times as text and back; pure |
//! | `duration` | distances in time |
//! | `alarms` | sleeping, timers, tickers |

mod alarms;
mod duration;
mod layout;
mod methods;
mod moment;
mod zone;

pub use alarms::{Alarms, fire};
pub use duration::{DURATION, Duration, DurationObject, duration_argument, duration_of, duration_value, span_of};
pub use methods::{TIME, TimeObject, time_of, time_value};
pub use moment::Time;
pub use zone::{LocationObject, Zone, location_value};

use crate::vm::Vm;
use crate::vm::image::{Library, Literal};
use crate::vm::native::{Args, Flow, Native, NativeResult};
use crate::vm::raw::string_bytes;
use crate::vm::value::Value;

use self::moment::Fields;
use super::errors;
use super::process_state::state;

const MICROSECOND: i64 = 1_000;
const MILLISECOND: i64 = 1_000_000;
const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

const RFC3339: &str = "2006-01-02T15:04:05Z07:00";
const RFC3339_NANO: &str = "2006-01-02T15:04:05.999999999Z07:00";

/// The library.
pub static LIBRARY: Library = Library {
    name: "time",
    global: false,
    natives: &[
        Native::new("now", now),
        Native::new("date", date),
        Native::new("unix", unix),
        Native::new("parse", parse),
        Native::new("parse_duration", parse_duration),
        Native::new("load_location", zone::load_location),
        Native::new("fixed_zone", zone::fixed_zone),
        Native::new("sleep", alarms::sleep),
        Native::new("after", alarms::after),
        Native::new("timer", alarms::timer),
        Native::new("ticker", alarms::ticker),
        Native::new("__index", location_field),
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
        ("RFC3339", Literal::String(RFC3339)),
        ("RFC3339NANO", Literal::String(RFC3339_NANO)),
        ("RFC822", Literal::String("02 Jan 06 15:04 MST")),
        ("RFC822Z", Literal::String("02 Jan 06 15:04 -0700")),
        ("RFC850", Literal::String("Monday, 02-Jan-06 15:04:05 MST")),
        ("RFC1123", Literal::String("Mon, 02 Jan 2006 15:04:05 MST")),
        ("RFC1123Z", Literal::String("Mon, 02 Jan 2006 15:04:05 -0700")),
        ("KITCHEN", Literal::String("3:04PM")),
        ("STAMP", Literal::String("Jan _2 15:04:05")),
        ("STAMP_MILLI", Literal::String("Jan _2 15:04:05.000")),
        ("STAMP_MICRO", Literal::String("Jan _2 15:04:05.000000")),
        ("STAMP_NANO", Literal::String("Jan _2 15:04:05.000000000")),
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

/// `time.date(y, mo, d, h, mi, s, ns [, loc])`
fn date(vm: &mut Vm, args: Args) -> NativeResult {
    let mut values = [0; 7];
    for (i, value) in values.iter_mut().enumerate() {
        *value = args.check_int(vm, i as u32)?;
    }
    let zone = zone::opt_location(vm, args, 7)?;
    let value = time_value(vm, Time::from_fields(&Fields { values }, zone));
    vm.answer(value)
}

/// `time.parse(layout, text [, loc])`
fn parse(vm: &mut Vm, args: Args) -> NativeResult {
    let (layout, text) = (args.check_bytes(vm, 0)?, args.check_bytes(vm, 1)?);
    let zone = zone::opt_location(vm, args, 2)?;
    let Some(parsed) = layout::parse(layout, text) else {
        let (layout, text) = (String::from_utf8_lossy(layout), String::from_utf8_lossy(text));
        return errors::fail(vm, errors::INVALID, &format!("cannot parse \"{text}\" as \"{layout}\""));
    };
    let value = time_value(vm, Time::from_parsed(parsed, zone));
    vm.push(value)?;
    vm.push(Value::NIL)?;
    Ok(Flow::Return(2))
}

/// `time.utc` and `time.localtz`, which only a heap can hold.
fn location_field(vm: &mut Vm, args: Args) -> NativeResult {
    let key = args.get(vm, 1);
    let zone = match key.is_string().then(|| string_bytes(key)) {
        Some(b"utc") => Zone::Utc,
        Some(b"localtz") => Zone::Local,
        _ => return vm.answer(Value::NIL),
    };
    let value = location_value(vm, zone);
    let library = args.check_table(vm, 0)?;
    if !vm.is_frozen(library) {
        vm.raw_set(library, key, value)?;
    }
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
