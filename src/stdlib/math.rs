//! The `math` library (manual §6.7), with the functions of 5.1 that a default build of 5.3 keeps.

use std::f64::consts::PI;

use crate::number::{Number, ceil_to_int, float_to_int, floor_to_int};
use crate::vm::Vm;
use crate::vm::arith::to_integer;
use crate::vm::compare::{Compared, Order};
use crate::vm::image::{Library, Literal};
use crate::vm::native::{Answer, Args, Continuation, Flow, Native, NativeResult};
use crate::vm::random::Random;
use crate::vm::value::Value;

/// The library.
pub static LIBRARY: Library = Library {
    name: "math",
    global: true,
    natives: &NATIVES,
    constants: &[
        ("huge", Literal::Float(f64::INFINITY)),
        ("maxinteger", Literal::Integer(i64::MAX)),
        ("mininteger", Literal::Integer(i64::MIN)),
        ("pi", Literal::Float(PI)),
    ],
};

/// A function of one float.
macro_rules! float_function {
    ($name:literal, $f:expr) => {
        Native::new($name, |vm, args| {
            let x = args.check_float(vm, 0)?;
            vm.answer(Value::float($f(x)))
        })
        .quick(|_, args| match args {
            [x] if x.is_float() => Value::float($f(x.as_float())).into(),
            [x] if x.is_int() => Value::float($f(x.as_int() as f64)).into(),
            _ => Answer::NONE,
        })
    };
}

static NATIVES: [Native; 30] = [
    Native::new("abs", abs).quick(quick_abs),
    float_function!("acos", f64::acos),
    float_function!("asin", f64::asin),
    Native::new("atan", atan),
    Native::new("ceil", ceil).quick(quick_ceil),
    float_function!("cos", f64::cos),
    float_function!("cosh", f64::cosh),
    float_function!("deg", |x| x * (180.0 / PI)),
    float_function!("exp", f64::exp),
    Native::new("floor", floor).quick(quick_floor),
    Native::new("fmod", fmod).quick(quick_fmod),
    Native::new("frexp", frexp),
    Native::new("ldexp", ldexp),
    Native::new("log", log),
    float_function!("log10", f64::log10),
    Native::new("max", max).quick(quick_max),
    Native::new("min", min).quick(quick_min),
    Native::new("modf", modf),
    Native::new("pow", pow),
    float_function!("rad", |x| x * (PI / 180.0)),
    Native::new("random", random).quick(quick_random),
    Native::new("randomseed", randomseed),
    float_function!("sin", f64::sin),
    float_function!("sinh", f64::sinh),
    float_function!("sqrt", f64::sqrt),
    float_function!("tan", f64::tan),
    float_function!("tanh", f64::tanh),
    Native::new("tointeger", tointeger).quick(quick_tointeger),
    Native::new("type", type_of),
    Native::new("ult", ult),
];

fn abs(vm: &mut Vm, args: Args) -> NativeResult {
    let result = match args.check_number(vm, 0)? {
        Number::Int(i) => Value::int(i.wrapping_abs()),
        Number::Float(f) => Value::float(f.abs()),
    };
    vm.answer(result)
}

fn quick_abs(_: &mut Vm, args: &[Value]) -> Answer {
    match args {
        [x] if x.is_int() => Value::int(x.as_int().wrapping_abs()).into(),
        [x] if x.is_float() => Value::float(x.as_float().abs()).into(),
        _ => Answer::NONE,
    }
}

/// `math.atan(y [, x])`
pub(super) fn atan(vm: &mut Vm, args: Args) -> NativeResult {
    let y = args.check_float(vm, 0)?;
    let x = if args.get(vm, 1).is_nil() { 1.0 } else { args.check_float(vm, 1)? };
    vm.answer(Value::float(y.atan2(x)))
}

fn floor(vm: &mut Vm, args: Args) -> NativeResult {
    let result = match args.check_number(vm, 0)? {
        Number::Int(i) => Value::int(i),
        Number::Float(f) => floor_to_int(f).map_or_else(|| Value::float(f.floor()), Value::int),
    };
    vm.answer(result)
}

fn ceil(vm: &mut Vm, args: Args) -> NativeResult {
    let result = match args.check_number(vm, 0)? {
        Number::Int(i) => Value::int(i),
        Number::Float(f) => ceil_to_int(f).map_or_else(|| Value::float(f.ceil()), Value::int),
    };
    vm.answer(result)
}

fn quick_floor(_: &mut Vm, args: &[Value]) -> Answer {
    match args {
        [x] if x.is_float() => floor_to_int(x.as_float()).map_or(Answer::NONE, |floor| Value::int(floor).into()),
        [x] if x.is_int() => (*x).into(),
        _ => Answer::NONE,
    }
}

fn quick_ceil(_: &mut Vm, args: &[Value]) -> Answer {
    match args {
        [x] if x.is_float() => ceil_to_int(x.as_float()).map_or(Answer::NONE, |ceil| Value::int(ceil).into()),
        [x] if x.is_int() => (*x).into(),
        _ => Answer::NONE,
    }
}

/// `math.fmod(x, y)`: the remainder of the division rounded towards zero.
pub(super) fn fmod(vm: &mut Vm, args: Args) -> NativeResult {
    let (x, y) = (args.get(vm, 0), args.get(vm, 1));
    if x.is_int() && y.is_int() {
        return match y.as_int() {
            0 => Err(vm.argument_error(1, "zero")),
            divisor => vm.answer(Value::int(x.as_int().wrapping_rem(divisor))),
        };
    }
    let (x, y) = (args.check_float(vm, 0)?, args.check_float(vm, 1)?);
    vm.answer(Value::float(x % y))
}

fn quick_fmod(_: &mut Vm, args: &[Value]) -> Answer {
    match args {
        [x, y] if x.is_float() && y.is_float() => Value::float(x.as_float() % y.as_float()).into(),
        _ => Answer::NONE,
    }
}

/// `math.log(x [, base])`
fn log(vm: &mut Vm, args: Args) -> NativeResult {
    let x = args.check_float(vm, 0)?;
    if args.get(vm, 1).is_nil() {
        return vm.answer(Value::float(x.ln()));
    }
    let base = args.check_float(vm, 1)?;
    // Powers of the usual bases have exact logarithms.
    let result = match base {
        2.0 => x.log2(),
        10.0 => x.log10(),
        _ => x.ln() / base.ln(),
    };
    vm.answer(Value::float(result))
}

fn pow(vm: &mut Vm, args: Args) -> NativeResult {
    let (x, y) = (args.check_float(vm, 0)?, args.check_float(vm, 1)?);
    vm.answer(Value::float(x.powf(y)))
}

/// `math.frexp(x)`: `m` and `e` with `x = m · 2^e` and `0.5 <= |m| < 1`.
fn frexp(vm: &mut Vm, args: Args) -> NativeResult {
    let x = args.check_float(vm, 0)?;
    let (fraction, exponent) = if x == 0.0 || !x.is_finite() {
        (x, 0)
    } else {
        // A subnormal number is scaled into the normal range, where the exponent bits say everything.
        let (scaled, shift) = if x.abs() < f64::MIN_POSITIVE { (x * 2f64.powi(54), 54) } else { (x, 0) };
        let bits = scaled.to_bits();
        let exponent = (bits >> 52 & 0x7ff) as i64 - 1022;
        (f64::from_bits(bits & !(0x7ff << 52) | 1022 << 52), exponent - shift)
    };
    vm.push(Value::float(fraction))?;
    vm.push(Value::int(exponent))?;
    Ok(Flow::Return(2))
}

/// `math.ldexp(m, e)`: `m · 2^e`.
fn ldexp(vm: &mut Vm, args: Args) -> NativeResult {
    let mut x = args.check_float(vm, 0)?;
    let mut exponent = args.check_int(vm, 1)?.clamp(-2200, 2200) as i32;
    // A power of two beyond the range of floats is applied in steps that stay inside, so that only the last one rounds.
    while exponent.abs() > 1000 {
        let step = exponent.signum() * 1000;
        x *= 2f64.powi(step);
        exponent -= step;
    }
    vm.answer(Value::float(x * 2f64.powi(exponent)))
}

/// `math.max` or `math.min`: they use the operator `<`, as the manual says, and so take strings and objects too.
struct Extreme {
    is_max: bool,
    /// Goes on after a call of `__lt`.
    then: Continuation,
}

static MAX: Extreme = Extreme {
    is_max: true,
    then: Continuation {
        name: "math.max.compared",
        resume: |vm, args, results| extreme_compared(vm, args, results, &MAX),
        catch: None,
        yieldable: false,
    },
};

static MIN: Extreme = Extreme {
    is_max: false,
    then: Continuation {
        name: "math.min.compared",
        resume: |vm, args, results| extreme_compared(vm, args, results, &MIN),
        catch: None,
        yieldable: false,
    },
};

fn extreme(vm: &mut Vm, args: Args, which: &'static Extreme) -> NativeResult {
    args.check_any(vm, 0)?;
    extreme_from(vm, args, 1, which)
}

/// The best so far is in the first slot.
fn extreme_from(vm: &mut Vm, args: Args, first: u32, which: &'static Extreme) -> NativeResult {
    let mut best = args.get(vm, 0);
    for i in first..args.len {
        let candidate = args.get(vm, i);
        let (x, y) = if which.is_max { (best, candidate) } else { (candidate, best) };
        match vm.order(Order::Lt, x, y)? {
            Compared::Known(true) => best = candidate,
            Compared::Known(false) => {}
            Compared::Ask { handler, .. } => {
                args.set(vm, 0, best);
                vm.push_all(&[Value::int(i64::from(i)), handler, x, y])?;
                return Ok(Flow::Call { args: 2, then: &which.then });
            }
        }
    }
    vm.answer(best)
}

/// The last slot is the index of the candidate that was compared.
fn extreme_compared(vm: &mut Vm, args: Args, results: Args, which: &'static Extreme) -> NativeResult {
    let better = results.get(vm, 0).is_true();
    let values = Args { len: args.len - 1, ..args };
    let index = args.get(vm, values.len).as_int() as u32;
    vm.keep_only(values);
    if better {
        values.set(vm, 0, values.get(vm, index));
    }
    extreme_from(vm, values, index + 1, which)
}

fn max(vm: &mut Vm, args: Args) -> NativeResult {
    extreme(vm, args, &MAX)
}

fn min(vm: &mut Vm, args: Args) -> NativeResult {
    extreme(vm, args, &MIN)
}

/// Two numbers of one kind.
fn quick_max(_: &mut Vm, args: &[Value]) -> Answer {
    match args {
        [x, y] if x.is_int() && y.is_int() => Value::int(x.as_int().max(y.as_int())).into(),
        [x, y] if x.is_float() && y.is_float() => if x.as_float() < y.as_float() { *y } else { *x }.into(),
        _ => Answer::NONE,
    }
}

fn quick_min(_: &mut Vm, args: &[Value]) -> Answer {
    match args {
        [x, y] if x.is_int() && y.is_int() => Value::int(x.as_int().min(y.as_int())).into(),
        [x, y] if x.is_float() && y.is_float() => if y.as_float() < x.as_float() { *y } else { *x }.into(),
        _ => Answer::NONE,
    }
}

/// `math.modf(x)`: the integral part as 5.3 gives it, an integer where it fits, and the fractional part.
fn modf(vm: &mut Vm, args: Args) -> NativeResult {
    let (whole, fraction) = match args.check_number(vm, 0)? {
        Number::Int(i) => (Value::int(i), 0.0),
        Number::Float(f) => {
            let whole = f.trunc();
            let fraction = if f.is_infinite() { 0.0 } else { f - whole };
            (float_to_int(whole).map_or(Value::float(whole), Value::int), fraction)
        }
    };
    vm.push(whole)?;
    vm.push(Value::float(fraction))?;
    Ok(Flow::Return(2))
}

fn tointeger(vm: &mut Vm, args: Args) -> NativeResult {
    let value = args.check_any(vm, 0)?;
    vm.answer(to_integer(value).map_or(Value::NIL, Value::int))
}

fn quick_tointeger(_: &mut Vm, args: &[Value]) -> Answer {
    match args {
        [x] if x.is_int() => (*x).into(),
        [x] if x.is_float() => float_to_int(x.as_float()).map_or(Value::NIL, Value::int).into(),
        _ => Answer::NONE,
    }
}

fn type_of(vm: &mut Vm, args: Args) -> NativeResult {
    let value = args.check_any(vm, 0)?;
    let name = match (value.is_int(), value.is_float()) {
        (true, _) => vm.string(b"integer")?,
        (_, true) => vm.string(b"float")?,
        _ => Value::NIL,
    };
    vm.answer(name)
}

/// `math.ult(m, n)`: compares as unsigned integers.
fn ult(vm: &mut Vm, args: Args) -> NativeResult {
    let (a, b) = (args.check_int(vm, 0)?, args.check_int(vm, 1)?);
    vm.answer(Value::bool((a as u64) < b as u64))
}

fn generator(vm: &mut Vm) -> &mut Random {
    vm.random.get_or_insert_with(|| Box::new(Random::from_entropy()))
}

/// `math.random([m [, n]])`
fn random(vm: &mut Vm, args: Args) -> NativeResult {
    let (low, high) = match args.len {
        0 => {
            let float = generator(vm).float();
            return vm.answer(Value::float(float));
        }
        1 => (1, args.check_int(vm, 0)?),
        2 => (args.check_int(vm, 0)?, args.check_int(vm, 1)?),
        _ => return Err(vm.error("wrong number of arguments")),
    };
    if low > high {
        return Err(vm.argument_error(0, "interval is empty"));
    }
    match random_between(vm, low, high) {
        Some(value) => vm.answer(value),
        None => Err(vm.argument_error(0, "interval too large")),
    }
}

/// Like the reference implementation only if the width of the interval is itself an integer, and not negative.
fn random_between(vm: &mut Vm, low: i64, high: i64) -> Option<Value> {
    let width = u64::try_from(high.checked_sub(low)?).ok()?;
    Some(Value::int(low.wrapping_add(generator(vm).up_to(width) as i64)))
}

fn quick_random(vm: &mut Vm, args: &[Value]) -> Answer {
    let (low, high) = match args {
        [] => return Value::float(generator(vm).float()).into(),
        [high] if high.is_int() => (1, high.as_int()),
        [low, high] if low.is_int() && high.is_int() => (low.as_int(), high.as_int()),
        _ => return Answer::NONE,
    };
    random_between(vm, low, high).map_or(Answer::NONE, Answer::from)
}

/// `math.randomseed(x)`
fn randomseed(vm: &mut Vm, args: Args) -> NativeResult {
    let number = args.check_number(vm, 0)?;
    let seed = match number.to_int() {
        Some(integer) => integer as u64,
        None => number.to_float().to_bits(),
    };
    vm.random = Some(Box::new(Random::from_seed(seed)));
    Ok(Flow::Return(0))
}
