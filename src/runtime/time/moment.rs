//! Points in time: wall clock plus, if taken from the clock, monotonic time for differences. Calendar fields are UTC.

use super::duration::{Duration, duration_argument, duration_value};
use crate::runtime::driver::Driver;
use crate::runtime::process_state::state;
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::native::{Args, Flow, Native, NativeResult};
use crate::vm::object::UserData;
use crate::vm::userdata::Class;
use crate::vm::value::Value;

/// A point in time.
#[derive(Clone, Copy, Debug)]
pub struct Time {
    /// Unix time, rounded down.
    seconds: i64,
    /// 0 ..= 999 999 999, counted forwards from `seconds`.
    nanos: u32,
    /// The driver's monotonic time, if it was read from the clock.
    monotonic: Option<u64>,
}

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
        Native::new("before", before),
        Native::new("after", after),
        Native::new("equal", equal),
        Native::new("unix", unix),
        Native::new("unix_nano", unix_nano),
        Native::new("nanosecond", nanosecond),
        Native::new("date", date),
        Native::new("clock", clock),
        Native::new("year", year),
        Native::new("month", month),
        Native::new("day", day),
        Native::new("hour", hour),
        Native::new("minute", minute),
        Native::new("second", second),
        Native::new("weekday", weekday),
        Native::new("format_rfc3339", rfc3339),
        Native::new("utc", utc),
    ],
    metamethods: &[Native::new("__tostring", text)],
};

const NANOS: i64 = super::SECOND;
const DAY: i64 = 86_400;

impl Time {
    /// The present.
    pub fn now(driver: &dyn Driver) -> Time {
        let wall = driver.wall_clock();
        Time { seconds: wall.seconds, nanos: wall.nanos, monotonic: Some(driver.now().0) }
    }

    /// From Unix seconds and any number of nanoseconds.
    pub fn from_unix(seconds: i64, nanos: i64) -> Time {
        Time {
            seconds: seconds.saturating_add(nanos.div_euclid(NANOS)),
            nanos: nanos.rem_euclid(NANOS) as u32,
            monotonic: None,
        }
    }

    fn wall_nanos(self) -> i128 {
        i128::from(self.seconds) * i128::from(NANOS) + i128::from(self.nanos)
    }

    /// How long after `other` it is, limited to what a duration can hold.
    pub fn since(self, other: Time) -> Duration {
        let nanos = match (self.monotonic, other.monotonic) {
            (Some(a), Some(b)) => i128::from(a) - i128::from(b),
            _ => self.wall_nanos() - other.wall_nanos(),
        };
        Duration(nanos.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64)
    }

    fn plus(self, duration: Duration) -> Time {
        let nanos = i64::from(self.nanos) + duration.0 % NANOS;
        let moved = Time::from_unix(self.seconds.saturating_add(duration.0 / NANOS), nanos);
        Time { monotonic: self.monotonic.and_then(|at| at.checked_add_signed(duration.0)), ..moved }
    }

    /// Year, month and day (Howard Hinnant's `civil_from_days`).
    fn civil(self) -> (i64, i64, i64) {
        let days = self.seconds.div_euclid(DAY) + 719_468;
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        (year_of_era + era * 400 + i64::from(month <= 2), month, day)
    }

    fn time_of_day(self) -> (i64, i64, i64) {
        let second = self.seconds.rem_euclid(DAY);
        (second / 3600, second / 60 % 60, second % 60)
    }
}

/// A time as a value.
pub fn time_value(vm: &mut Vm, time: Time) -> Value {
    let metatable = state(vm).core().image.class(&TIME);
    Value::userdata(vm.heap.new_userdata(Box::new(TimeObject(time)), metatable))
}

fn this(vm: &mut Vm, args: Args) -> Result<Time, Box<LuaError>> {
    nth(vm, args, 0)
}

fn nth(vm: &mut Vm, args: Args, i: u32) -> Result<Time, Box<LuaError>> {
    args.check_userdata::<TimeObject>(vm, i, "time.Time").map(|time| time.0)
}

fn sub(vm: &mut Vm, args: Args) -> NativeResult {
    let (a, b) = (this(vm, args)?, nth(vm, args, 1)?);
    let value = duration_value(vm, a.since(b));
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

fn compare(vm: &mut Vm, args: Args, holds: fn(i128, i128) -> bool) -> NativeResult {
    let (a, b) = (this(vm, args)?, nth(vm, args, 1)?);
    vm.answer(Value::bool(holds(a.wall_nanos(), b.wall_nanos())))
}

fn before(vm: &mut Vm, args: Args) -> NativeResult {
    compare(vm, args, |a, b| a < b)
}

fn after(vm: &mut Vm, args: Args) -> NativeResult {
    compare(vm, args, |a, b| a > b)
}

fn equal(vm: &mut Vm, args: Args) -> NativeResult {
    compare(vm, args, |a, b| a == b)
}

fn number(vm: &mut Vm, args: Args, field: fn(Time) -> i64) -> NativeResult {
    let time = this(vm, args)?;
    vm.answer(Value::int(field(time)))
}

fn unix(vm: &mut Vm, args: Args) -> NativeResult {
    number(vm, args, |time| time.seconds)
}

fn unix_nano(vm: &mut Vm, args: Args) -> NativeResult {
    number(vm, args, |time| time.wall_nanos() as i64)
}

fn nanosecond(vm: &mut Vm, args: Args) -> NativeResult {
    number(vm, args, |time| i64::from(time.nanos))
}

fn year(vm: &mut Vm, args: Args) -> NativeResult {
    number(vm, args, |time| time.civil().0)
}

fn month(vm: &mut Vm, args: Args) -> NativeResult {
    number(vm, args, |time| time.civil().1)
}

fn day(vm: &mut Vm, args: Args) -> NativeResult {
    number(vm, args, |time| time.civil().2)
}

fn hour(vm: &mut Vm, args: Args) -> NativeResult {
    number(vm, args, |time| time.time_of_day().0)
}

fn minute(vm: &mut Vm, args: Args) -> NativeResult {
    number(vm, args, |time| time.time_of_day().1)
}

fn second(vm: &mut Vm, args: Args) -> NativeResult {
    number(vm, args, |time| time.time_of_day().2)
}

fn weekday(vm: &mut Vm, args: Args) -> NativeResult {
    number(vm, args, |time| (time.seconds.div_euclid(DAY) + 4).rem_euclid(7))
}

fn three(vm: &mut Vm, fields: (i64, i64, i64)) -> NativeResult {
    for field in [fields.0, fields.1, fields.2] {
        vm.push(Value::int(field))?;
    }
    Ok(Flow::Return(3))
}

fn date(vm: &mut Vm, args: Args) -> NativeResult {
    let time = this(vm, args)?;
    three(vm, time.civil())
}

fn clock(vm: &mut Vm, args: Args) -> NativeResult {
    let time = this(vm, args)?;
    three(vm, time.time_of_day())
}

fn utc(vm: &mut Vm, args: Args) -> NativeResult {
    let time = this(vm, args)?;
    let value = time_value(vm, time);
    vm.answer(value)
}

fn rfc3339(vm: &mut Vm, args: Args) -> NativeResult {
    let time = this(vm, args)?;
    let ((year, month, day), (hour, minute, second)) = (time.civil(), time.time_of_day());
    let text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z");
    let text = vm.string(text.as_bytes())?;
    vm.answer(text)
}

fn text(vm: &mut Vm, args: Args) -> NativeResult {
    let time = this(vm, args)?;
    let ((year, month, day), (hour, minute, second)) = (time.civil(), time.time_of_day());
    let fraction = match time.nanos {
        0 => String::new(),
        nanos => format!(".{}", format!("{nanos:09}").trim_end_matches('0')),
    };
    let text = format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}{fraction} +0000 UTC");
    let text = vm.string(text.as_bytes())?;
    vm.answer(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn civil_dates() {
        for (seconds, date) in
            [(0, (1970, 1, 1)), (951_782_400, (2000, 2, 29)), (-1, (1969, 12, 31)), (1_718_409_600, (2024, 6, 15))]
        {
            assert_eq!(Time::from_unix(seconds, 0).civil(), date);
        }
        let late = Time::from_unix(10, -1);
        assert_eq!((late.seconds, late.nanos), (9, 999_999_999));
        assert_eq!(late.plus(Duration(1)).since(Time::from_unix(0, 0)), Duration(10 * NANOS));
    }
}
