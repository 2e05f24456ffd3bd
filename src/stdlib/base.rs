//! Basic functions (manual §6.1), except those in `protected`, `gc` and `load`.

use super::text::{append_plain, handler_text, plain_text};
use super::{gc, load, output, protected};
use crate::number::{Number, parse_integer_in_base, parse_number};
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::event::Event;
use crate::vm::image::{BASE, Library, Literal};
use crate::vm::index::Indexed;
use crate::vm::native::{Answer, Args, Continuation, Flow, Native, NativeResult};
use crate::vm::raw::string_bytes;
use crate::vm::value::{Value, tag};

/// The base library, without what loads code or controls the collector.
pub static LIBRARY: Library =
    Library { name: BASE, global: true, natives: &NATIVES, constants: &[("_VERSION", Literal::String("Lua 5.3"))] };

/// Places in [`NATIVES`] of functions that others hand out or compare with.
const NEXT: usize = 0;
const TOSTRING: usize = 1;

static NATIVES: [Native; 18] = [
    Native::new("next", next).step(next_step),
    Native::new("tostring", tostring),
    Native::new("assert", protected::assert),
    Native::new("error", protected::error),
    Native::new("getmetatable", getmetatable).quick(quick_getmetatable),
    Native::new("ipairs", ipairs),
    Native::new("pairs", pairs),
    Native::new("pcall", protected::pcall),
    Native::new("print", print),
    Native::new("rawequal", rawequal).quick(quick_rawequal),
    Native::new("rawget", rawget).quick(quick_rawget),
    Native::new("rawlen", rawlen).quick(quick_rawlen),
    Native::new("rawset", rawset),
    Native::new("select", select).quick_first(quick_select).pick(pick),
    Native::new("setmetatable", setmetatable).quick(quick_setmetatable),
    Native::new("tonumber", tonumber).quick(quick_tonumber),
    Native::new("type", type_of).quick(quick_type),
    Native::new("xpcall", protected::xpcall),
];

/// The rest of the base library.
pub static LOADING: Library = Library {
    name: BASE,
    global: true,
    natives: &[
        Native::new("collectgarbage", gc::collectgarbage),
        Native::new("dofile", load::dofile),
        Native::new("load", load::load),
        Native::new("loadfile", load::loadfile),
    ],
    constants: &[],
};

// ---- types and metatables

fn type_of(vm: &mut Vm, args: Args) -> NativeResult {
    let value = args.check_any(vm, 0)?;
    vm.answer(vm.type_string(value))
}

fn quick_type(vm: &mut Vm, args: &[Value]) -> Answer {
    args.first().map_or(Answer::NONE, |value| vm.type_string(*value).into())
}

fn getmetatable(vm: &mut Vm, args: Args) -> NativeResult {
    let value = args.check_any(vm, 0)?;
    let metatable = vm.own_metatable_of(value);
    if metatable.is_null() {
        return vm.answer(Value::NIL);
    }
    let shown = vm.handler_in(metatable, Event::Metatable);
    vm.answer(if shown.is_nil() { Value::table(metatable) } else { shown })
}

fn setmetatable(vm: &mut Vm, args: Args) -> NativeResult {
    let table = args.check_table(vm, 0)?;
    let metatable = match args.try_get(vm, 1) {
        Some(value) if value.is_nil() => std::ptr::null_mut(),
        Some(value) if value.is_table() => value.as_table(),
        _ => return Err(vm.argument_error(1, "nil or table expected")),
    };
    if !vm.handler(Value::table(table), Event::Metatable).is_nil() {
        return Err(vm.error("cannot change a protected metatable"));
    }
    vm.set_table_metatable(table, metatable)?;
    vm.answer(Value::table(table))
}

fn quick_getmetatable(vm: &mut Vm, args: &[Value]) -> Answer {
    match args {
        [value] if value.is_table() => {
            let metatable = vm.metatable_of(*value);
            if metatable.is_null() {
                return Value::NIL.into();
            }
            match vm.handler_in(metatable, Event::Metatable) {
                shown if shown.is_nil() => Value::table(metatable).into(),
                shown => shown.into(),
            }
        }
        _ => Answer::NONE,
    }
}

fn quick_setmetatable(vm: &mut Vm, args: &[Value]) -> Answer {
    match args {
        [table, metatable]
            if table.is_table()
                && metatable.is_table()
                && vm.try_set_metatable(table.as_table(), metatable.as_table()) =>
        {
            (*table).into()
        }
        _ => Answer::NONE,
    }
}

// ---- raw access

fn rawequal(vm: &mut Vm, args: Args) -> NativeResult {
    let (x, y) = (args.check_any(vm, 0)?, args.check_any(vm, 1)?);
    vm.answer(Value::bool(x.raw_equals(y)))
}

fn quick_rawequal(_: &mut Vm, args: &[Value]) -> Answer {
    match args {
        [x, y] => Value::bool(x.raw_equals(*y)).into(),
        _ => Answer::NONE,
    }
}

fn rawlen(vm: &mut Vm, args: Args) -> NativeResult {
    let value = args.get(vm, 0);
    let len = match value.tag() {
        tag::TABLE => vm.raw_len(value.as_table()),
        tag::STRING => string_bytes(value).len() as i64,
        _ => return Err(vm.argument_error(0, "table or string expected")),
    };
    vm.answer(Value::int(len))
}

fn quick_rawlen(vm: &mut Vm, args: &[Value]) -> Answer {
    match args {
        [value] if value.is_table() => Value::int(vm.raw_len(value.as_table())).into(),
        _ => Answer::NONE,
    }
}

fn rawget(vm: &mut Vm, args: Args) -> NativeResult {
    let table = args.check_table(vm, 0)?;
    let key = args.check_any(vm, 1)?;
    let value = vm.raw_get(table, key);
    vm.answer(value)
}

fn quick_rawget(vm: &mut Vm, args: &[Value]) -> Answer {
    match args {
        [table, key] if table.is_table() => vm.raw_get(table.as_table(), *key).into(),
        _ => Answer::NONE,
    }
}

fn rawset(vm: &mut Vm, args: Args) -> NativeResult {
    let table = args.check_table(vm, 0)?;
    let (key, value) = (args.check_any(vm, 1)?, args.check_any(vm, 2)?);
    vm.raw_set(table, key, value)?;
    vm.answer(Value::table(table))
}

// ---- traversal

fn next(vm: &mut Vm, args: Args) -> NativeResult {
    let table = args.check_table(vm, 0)?;
    let key = args.get(vm, 1);
    match vm.raw_next(table, key)? {
        Some((key, value)) => {
            vm.push_all(&[key, value])?;
            Ok(Flow::Return(2))
        }
        None => vm.answer(Value::NIL),
    }
}

fn next_step(vm: &mut Vm, table: Value, key: Value, entry: &mut [Value; 2]) -> bool {
    table.is_table() && vm.try_next(table.as_table(), key, entry)
}

/// `__pairs` gives three values, no more and no fewer.
static PAIRS: Continuation = Continuation {
    name: "base.pairs.answered",
    resume: |vm, _, results| {
        let three = [0, 1, 2].map(|i| results.get(vm, i));
        vm.push_all(&three)?;
        Ok(Flow::Return(3))
    },
    catch: None,
    yieldable: false,
};

fn pairs(vm: &mut Vm, args: Args) -> NativeResult {
    let value = args.check_any(vm, 0)?;
    let handler = vm.handler(value, Event::Pairs);
    if !handler.is_nil() {
        vm.push_all(&[handler, value])?;
        return Ok(Flow::Call { args: 1, then: &PAIRS });
    }
    vm.push_all(&[Value::native(&NATIVES[NEXT]), value, Value::NIL])?;
    Ok(Flow::Return(3))
}

static IPAIRS_STEP: Native = Native::new("ipairs", ipairs_step).step(ipairs_quick_step);

/// An `__index` handler has answered with the value of the index in the first slot above the arguments.
static IPAIRS: Continuation = Continuation {
    name: "base.ipairs.indexed",
    resume: |vm, args, results| {
        let (index, value) = (args.get(vm, args.len - 1), results.get(vm, 0));
        ipairs_answer(vm, index, value)
    },
    catch: None,
    yieldable: false,
};

fn ipairs(vm: &mut Vm, args: Args) -> NativeResult {
    let value = args.check_any(vm, 0)?;
    vm.push_all(&[Value::native(&IPAIRS_STEP), value, Value::int(0)])?;
    Ok(Flow::Return(3))
}

fn ipairs_step(vm: &mut Vm, args: Args) -> NativeResult {
    let index = Value::int(args.check_int(vm, 1)?.wrapping_add(1));
    match vm.index(args.get(vm, 0), index)? {
        Indexed::Done(value) => ipairs_answer(vm, index, value),
        Indexed::Ask { handler, object } => {
            vm.push_all(&[index, handler, object, index])?;
            Ok(Flow::Call { args: 2, then: &IPAIRS })
        }
    }
}

/// Items that are there.
fn ipairs_quick_step(vm: &mut Vm, list: Value, index: Value, entry: &mut [Value; 2]) -> bool {
    if !list.is_table() || !index.is_int() {
        return false;
    }
    let next = index.as_int().wrapping_add(1);
    let item = vm.raw_get_int(list.as_table(), next);
    *entry = [Value::int(next), item];
    !item.is_nil()
}

fn ipairs_answer(vm: &mut Vm, index: Value, value: Value) -> NativeResult {
    if value.is_nil() {
        return vm.answer(Value::NIL);
    }
    vm.push_all(&[index, value])?;
    Ok(Flow::Return(2))
}

// ---- arguments and numbers

fn select(vm: &mut Vm, args: Args) -> NativeResult {
    let selector = args.get(vm, 0);
    if selector.is_string() && string_bytes(selector).first() == Some(&b'#') {
        return vm.answer(Value::int(i64::from(args.len) - 1));
    }
    let values = i64::from(args.len) - 1;
    let n = match args.check_int(vm, 0)? {
        n if n < 0 => n.checked_neg(),
        n if n > 0 => Some((values - n + 1).max(0)),
        _ => None,
    };
    match n {
        Some(n) if n <= values => Ok(Flow::Return(n as u32)),
        _ => Err(vm.argument_error(0, "index out of range")),
    }
}

fn quick_select(_: &mut Vm, args: &[Value]) -> Answer {
    args.split_first().map_or(Answer::NONE, |(selector, values)| pick(*selector, values))
}

fn pick(selector: Value, values: &[Value]) -> Answer {
    if selector.is_int() && selector.as_int() > 0 {
        let index = selector.as_int() as usize - 1;
        return values.get(index).map_or(Value::NIL, |value| *value).into();
    }
    if selector.is_int() {
        let from_end = values.len().checked_add_signed(selector.as_int() as isize);
        return from_end.and_then(|index| values.get(index)).map_or(Answer::NONE, |value| (*value).into());
    }
    if selector.is_string() && string_bytes(selector).first() == Some(&b'#') {
        return Value::int(values.len() as i64).into();
    }
    Answer::NONE
}

fn tonumber(vm: &mut Vm, args: Args) -> NativeResult {
    if args.get(vm, 1).is_nil() {
        let value = args.check_any(vm, 0)?;
        let number =
            if value.is_string() { parse_number(string_bytes(value)).map_or(Value::NIL, Value::from) } else { value };
        return vm.answer(if number.is_number() { number } else { Value::NIL });
    }
    let base = args.check_int(vm, 1)?;
    let text = args.get(vm, 0);
    if !text.is_string() {
        return Err(vm.type_error(0, "string", args.try_get(vm, 0)));
    }
    let Some(base) = u32::try_from(base).ok().filter(|base| (2..=36).contains(base)) else {
        return Err(vm.argument_error(1, "base out of range"));
    };
    let number = parse_integer_in_base(string_bytes(text), base).map(Number::Int);
    vm.answer(number.map_or(Value::NIL, Value::from))
}

fn quick_tonumber(_: &mut Vm, args: &[Value]) -> Answer {
    match args {
        [value] if value.is_number() => (*value).into(),
        [value] if value.is_string() => parse_number(string_bytes(*value)).map_or(Value::NIL, Value::from).into(),
        _ => Answer::NONE,
    }
}

// ---- text

static TOSTRING_ANSWERED: Continuation = Continuation {
    name: "base.tostring.answered",
    resume: |vm, _, results| {
        let answer = results.get(vm, 0);
        let text = handler_text(vm, answer)?;
        vm.answer(text)
    },
    catch: None,
    yieldable: false,
};

fn tostring(vm: &mut Vm, args: Args) -> NativeResult {
    let value = args.check_any(vm, 0)?;
    let handler = vm.handler(value, Event::ToString);
    if handler.is_nil() {
        let text = plain_text(vm, value)?;
        return vm.answer(text);
    }
    vm.push_all(&[handler, value])?;
    Ok(Flow::Call { args: 1, then: &TOSTRING_ANSWERED })
}

/// The last slot is the index of the argument whose text was asked for; arguments before it are strings already.
static PRINT_HANDLER: Continuation = Continuation {
    name: "base.print.tostring",
    resume: |vm, args, results| {
        let answer = results.get(vm, 0);
        let text = handler_text(vm, answer)?;
        print_on(vm, args, text)
    },
    catch: None,
    yieldable: false,
};

/// The same where the program has replaced the global `tostring`.
static PRINT_GLOBAL: Continuation = Continuation {
    name: "base.print.global_tostring",
    resume: |vm, args, results| {
        let answer = results.get(vm, 0);
        if !answer.is_string() && !answer.is_number() {
            return Err(vm.error("'tostring' must return a string to 'print'"));
        }
        let text = plain_text(vm, answer)?;
        print_on(vm, args, text)
    },
    catch: None,
    yieldable: false,
};

fn print_on(vm: &mut Vm, args: Args, text: Value) -> NativeResult {
    let values = Args { len: args.len - 1, ..args };
    let index = args.get(vm, values.len).as_int() as u32;
    vm.keep_only(values);
    values.set(vm, index, text);
    print_from(vm, values, index + 1)
}

/// `print(...)`
pub fn print(vm: &mut Vm, args: Args) -> NativeResult {
    print_from(vm, args, 0)
}

/// Replaces the arguments from `first` on by strings where a call is needed for it, then writes them all.
fn print_from(vm: &mut Vm, args: Args, first: u32) -> NativeResult {
    let globals = vm.globals();
    let convert = vm.raw_get_name(globals, "tostring")?;
    let replaced = !convert.same(Value::native(&NATIVES[TOSTRING]));
    for i in first..args.len {
        let value = args.get(vm, i);
        let handler = if replaced { convert } else { vm.handler(value, Event::ToString) };
        if replaced || !handler.is_nil() {
            let then = if replaced { &PRINT_GLOBAL } else { &PRINT_HANDLER };
            vm.push_all(&[Value::int(i64::from(i)), handler, value])?;
            return Ok(Flow::Call { args: 1, then });
        }
    }
    let mut line = Vec::new();
    for i in 0..args.len {
        if i > 0 {
            line.push(if vm.image.is_sandbox() { b' ' } else { b'\t' });
        }
        append_plain(vm, args.get(vm, i), &mut line);
    }
    line.push(b'\n');
    vm.fuel -= line.len() as i64 / 64;
    write_line(vm, &line)?;
    Ok(Flow::Return(0))
}

fn write_line(vm: &mut Vm, line: &[u8]) -> Result<(), Box<LuaError>> {
    output::write_output(line).map_err(|error| vm.error(&format!("cannot write to the standard output: {error}")))
}
