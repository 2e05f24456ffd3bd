//! Durations: signed nanoseconds, and their text form (`runtime.md` §7.3).

use std::fmt;

use super::{HOUR, MICROSECOND, MILLISECOND, MINUTE, SECOND};
use crate::runtime::data::Data;
use crate::runtime::process_state::state;
use crate::vm::Vm;
use crate::vm::args::userdata_of;
use crate::vm::error::LuaError;
use crate::vm::native::{Args, Native, NativeResult};
use crate::vm::object::{Str, UserData};
use crate::vm::userdata::Class;
use crate::vm::value::{Value, tag};

/// A distance in time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Duration(pub i64);

/// A [`Duration`] in a heap.
pub struct DurationObject(pub Duration);

impl UserData for DurationObject {
    fn class(&self) -> &'static str {
        "time.Duration"
    }
}

/// The duration behind a value that is one.
pub fn duration_of(value: Value) -> Option<Duration> {
    // SAFETY: a live userdata, read before the next safepoint.
    userdata_of::<DurationObject>(value).map(|duration| unsafe { (*duration).0 })
}

/// The class of [`DurationObject`].
pub static DURATION: Class = Class {
    name: "time.Duration",
    methods: &[
        Native::new("nanoseconds", nanoseconds),
        Native::new("microseconds", microseconds),
        Native::new("milliseconds", milliseconds),
        Native::new("seconds", seconds),
        Native::new("minutes", minutes),
        Native::new("hours", hours),
    ],
    metamethods: &[Native::new("__tostring", text), Native::new("__eq", equal)],
};

/// A duration as a value.
pub fn duration_value(vm: &mut Vm, duration: Duration) -> Value {
    let metatable = state(vm).core().image.class(&DURATION);
    Value::userdata(vm.heap.new_userdata(DurationObject(duration), metatable))
}

/// Argument `i` as a duration: nanoseconds, text or object.
pub fn duration_argument(vm: &mut Vm, args: Args, i: u32) -> Option<Duration> {
    span_of(args.get(vm, i))
}

/// A value as a duration: nanoseconds, text or object.
pub fn span_of(value: Value) -> Option<Duration> {
    match value.tag() {
        tag::INT => Some(Duration(value.as_int())),
        tag::FLOAT => Some(value.as_float()).filter(|f| f.abs() < 9.3e18).map(|f| Duration(f as i64)),
        // SAFETY: a live string.
        tag::STRING => Duration::parse(unsafe { Str::bytes(value.as_string()) }),
        // SAFETY: a live userdata.
        _ => userdata_of::<DurationObject>(value).map(|duration| unsafe { (*duration).0 }),
    }
}

impl Duration {
    /// What timers are set with; nothing if it is negative.
    pub fn to_std(self) -> std::time::Duration {
        std::time::Duration::from_nanos(u64::try_from(self.0).unwrap_or(0))
    }

    /// That of a definition, which is not negative: text, whole days as `7d` among it, or a number of milliseconds.
    pub fn of_data(data: &Data) -> Option<std::time::Duration> {
        match data {
            Data::Text(text) => {
                let days = std::str::from_utf8(text).ok()?.strip_suffix('d').and_then(|days| days.parse::<u32>().ok());
                match days {
                    Some(days) => Some(std::time::Duration::from_secs(u64::from(days) * 86_400)),
                    None => Duration::parse(text).filter(|duration| duration.0 >= 0).map(Duration::to_std),
                }
            }
            Data::Integer(milliseconds) => u64::try_from(*milliseconds).ok().map(std::time::Duration::from_millis),
            _ => None,
        }
    }

    /// Reads the text form.
    pub fn parse(text: &[u8]) -> Option<Duration> {
        let (negative, mut rest) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            rest => (false, rest),
        };
        if rest == b"0" {
            return Some(Duration(0));
        }
        if rest.is_empty() {
            return None;
        }
        let mut total: i128 = 0;
        while !rest.is_empty() {
            let digits = |bytes: &[u8]| bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let whole = digits(rest);
            let (whole, after) = rest.split_at(whole);
            let (fraction, after) = match after {
                [b'.', after @ ..] => after.split_at(digits(after)),
                after => (&after[..0], after),
            };
            if whole.is_empty() && fraction.is_empty() || whole.len() > 19 {
                return None;
            }
            let unit_len = after.iter().take_while(|byte| !byte.is_ascii_digit() && **byte != b'.').count();
            let (unit, after) = after.split_at(unit_len);
            let unit = match unit {
                b"ns" => 1,
                b"us" => MICROSECOND,
                _ if unit == "µs".as_bytes() || unit == "μs".as_bytes() => MICROSECOND,
                b"ms" => MILLISECOND,
                b"s" => SECOND,
                b"m" => MINUTE,
                b"h" => HOUR,
                _ => return None,
            };
            let number = |digits: &[u8]| digits.iter().fold(0i128, |n, digit| n * 10 + i128::from(digit - b'0'));
            // No duration has more.
            if total > i128::from(u64::MAX) {
                return None;
            }
            total += number(whole) * i128::from(unit);
            let fraction = &fraction[..fraction.len().min(18)];
            total += number(fraction) * i128::from(unit) / 10i128.pow(fraction.len() as u32);
            rest = after;
        }
        i64::try_from(if negative { -total } else { total }).ok().map(Duration)
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// A number of `unit`s with up to `places` decimals, without trailing zeros.
        fn decimal(f: &mut fmt::Formatter<'_>, nanos: u64, unit: u64, places: usize, name: &str) -> fmt::Result {
            let fraction = format!("{:0places$}", nanos % unit);
            let fraction = fraction.trim_end_matches('0');
            let point = if fraction.is_empty() || unit == 1 { "" } else { "." };
            let fraction = if unit == 1 { "" } else { fraction };
            write!(f, "{}{point}{fraction}{name}", nanos / unit)
        }
        let nanos = self.0.unsigned_abs();
        if self.0 < 0 {
            f.write_str("-")?;
        }
        match nanos {
            0 => f.write_str("0s"),
            1..1_000 => decimal(f, nanos, 1, 0, "ns"),
            1_000..1_000_000 => decimal(f, nanos, MICROSECOND as u64, 3, "µs"),
            1_000_000..1_000_000_000 => decimal(f, nanos, MILLISECOND as u64, 6, "ms"),
            _ => {
                let (hours, rest) = (nanos / HOUR as u64, nanos % HOUR as u64);
                let (minutes, rest) = (rest / MINUTE as u64, rest % MINUTE as u64);
                if hours > 0 {
                    write!(f, "{hours}h")?;
                }
                if hours > 0 || minutes > 0 {
                    write!(f, "{minutes}m")?;
                }
                decimal(f, rest, SECOND as u64, 9, "s")
            }
        }
    }
}

fn this(vm: &mut Vm, args: Args) -> Result<i64, Box<LuaError>> {
    args.check_userdata::<DurationObject>(vm, 0, "time.Duration").map(|duration| duration.0.0)
}

fn nanoseconds(vm: &mut Vm, args: Args) -> NativeResult {
    let nanos = this(vm, args)?;
    vm.answer(Value::int(nanos))
}

fn microseconds(vm: &mut Vm, args: Args) -> NativeResult {
    let nanos = this(vm, args)?;
    vm.answer(Value::int(nanos / MICROSECOND))
}

fn milliseconds(vm: &mut Vm, args: Args) -> NativeResult {
    let nanos = this(vm, args)?;
    vm.answer(Value::int(nanos / MILLISECOND))
}

fn in_units(vm: &mut Vm, args: Args, unit: i64) -> NativeResult {
    let nanos = this(vm, args)?;
    vm.answer(Value::float((nanos / unit) as f64 + (nanos % unit) as f64 / unit as f64))
}

fn seconds(vm: &mut Vm, args: Args) -> NativeResult {
    in_units(vm, args, SECOND)
}

fn minutes(vm: &mut Vm, args: Args) -> NativeResult {
    in_units(vm, args, MINUTE)
}

fn hours(vm: &mut Vm, args: Args) -> NativeResult {
    in_units(vm, args, HOUR)
}

fn text(vm: &mut Vm, args: Args) -> NativeResult {
    let text = Duration(this(vm, args)?).to_string();
    let text = vm.string(text.as_bytes())?;
    vm.answer(text)
}

fn equal(vm: &mut Vm, args: Args) -> NativeResult {
    let same = this(vm, args)?;
    let other = args.get(vm, 1);
    // SAFETY: a live userdata.
    let equal = userdata_of::<DurationObject>(other).is_some_and(|other| unsafe { (*other).0.0 } == same);
    vm.answer(Value::bool(equal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_both_ways() {
        for (text, nanos) in [
            ("1h30m45.5s", 5_445_500_000_000),
            ("1h0m0s", HOUR),
            ("2m0s", 2 * MINUTE),
            ("1.5ms", 1_500_000),
            ("250µs", 250_000),
            ("10ns", 10),
            ("0s", 0),
            ("-3s", -3 * SECOND),
        ] {
            assert_eq!(Duration::parse(text.as_bytes()), Some(Duration(nanos)), "{text}");
            assert_eq!(Duration(nanos).to_string(), text);
        }
        assert_eq!(Duration::parse(b".5s"), Some(Duration(SECOND / 2)));
        assert_eq!(Duration::parse(b"0"), Some(Duration(0)));
        for wrong in ["", "5", "s", "1x", "1.s.", "-", "1h 2m"] {
            assert_eq!(Duration::parse(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
