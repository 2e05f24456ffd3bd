//! The `utf8` library (manual §6.5).

use super::string::{absolute, charge};
use super::utf8_codec::{self, CHARACTER_PATTERN, MAX_CODE_POINT, decode, encode, is_continuation};
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::image::{Library, Literal};
use crate::vm::native::{Args, Flow, Native, NativeResult};
use crate::vm::value::Value;

/// The library.
pub static LIBRARY: Library = Library {
    name: "utf8",
    global: true,
    natives: &NATIVES,
    constants: &[("charpattern", Literal::Bytes(CHARACTER_PATTERN))],
};

static NATIVES: [Native; 5] = [
    Native::new("char", char),
    Native::new("codepoint", codepoint),
    Native::new("codes", codes),
    Native::new("len", len),
    Native::new("offset", offset),
];

/// `utf8.char(…)`
fn char(vm: &mut Vm, args: Args) -> NativeResult {
    let mut text = vm.take_text();
    for i in 0..args.len {
        match u32::try_from(args.check_int(vm, i)?) {
            Ok(code) if code <= MAX_CODE_POINT => encode(code, &mut text),
            _ => return Err(vm.argument_error(i, "value out of range")),
        }
    }
    let text = vm.finish_text(text)?;
    vm.answer(text)
}

#[cold]
fn invalid_code(vm: &mut Vm) -> Box<LuaError> {
    vm.error("invalid UTF-8 code")
}

/// `utf8.codepoint(s [, i [, j]])`
fn codepoint(vm: &mut Vm, args: Args) -> NativeResult {
    let text = args.check_bytes(vm, 0)?;
    let first = absolute(args.opt_int(vm, 1, 1)?, text.len());
    let last = absolute(args.opt_int(vm, 2, first)?, text.len());
    if first < 1 {
        return Err(vm.argument_error(1, "out of range"));
    }
    if last > text.len() as i64 {
        return Err(vm.argument_error(2, "out of range"));
    }
    let mut at = first as usize - 1;
    let mut count = 0;
    while (at as i64) < last {
        let Some((code, length)) = decode(&text[at..]) else { return Err(invalid_code(vm)) };
        vm.push(Value::int(i64::from(code)))?;
        at += length;
        count += 1;
    }
    Ok(Flow::Return(count))
}

/// `utf8.len(s [, i [, j]])`
fn len(vm: &mut Vm, args: Args) -> NativeResult {
    let text = args.check_bytes(vm, 0)?;
    let first = absolute(args.opt_int(vm, 1, 1)?, text.len());
    let last = absolute(args.opt_int(vm, 2, -1)?, text.len());
    if first < 1 || first > text.len() as i64 + 1 {
        return Err(vm.argument_error(1, "initial position out of string"));
    }
    if last > text.len() as i64 {
        return Err(vm.argument_error(2, "final position out of string"));
    }
    charge(vm, text.len());
    match utf8_codec::count(text, first as usize - 1, last as usize) {
        Ok(count) => vm.answer(Value::int(count as i64)),
        Err(at) => {
            vm.push(Value::NIL)?;
            vm.push(Value::int(at as i64 + 1))?;
            Ok(Flow::Return(2))
        }
    }
}

/// `utf8.offset(s, n [, i])`
fn offset(vm: &mut Vm, args: Args) -> NativeResult {
    let text = args.check_bytes(vm, 0)?;
    let n = args.check_int(vm, 1)?;
    let default = if n >= 0 { 1 } else { text.len() as i64 + 1 };
    let from = absolute(args.opt_int(vm, 2, default)?, text.len());
    if from < 1 || from > text.len() as i64 + 1 {
        return Err(vm.argument_error(2, "position out of range"));
    }
    match utf8_codec::offset(text, n, from as usize - 1) {
        Ok(Some(at)) => vm.answer(Value::int(at as i64 + 1)),
        Ok(None) => vm.answer(Value::NIL),
        Err(utf8_codec::InsideCharacter) => Err(vm.error("initial position is a continuation byte")),
    }
}

/// What `utf8.codes` iterates with; its control variable is the position of the last character.
static NEXT_CODE: Native = Native::new("codes", next_code);

/// `utf8.codes(s)`
fn codes(vm: &mut Vm, args: Args) -> NativeResult {
    let text = args.check_string(vm, 0)?;
    vm.push_all(&[Value::native(&NEXT_CODE), text, Value::int(0)])?;
    Ok(Flow::Return(3))
}

fn next_code(vm: &mut Vm, args: Args) -> NativeResult {
    let text = args.check_bytes(vm, 0)?;
    let mut at = args.check_int(vm, 1)?.max(0) as usize;
    // From the character before, which begins at `at - 1`, on to the next.
    while text.get(at).is_some_and(|&byte| at > 0 && is_continuation(byte)) {
        at += 1;
    }
    if at >= text.len() {
        return Ok(Flow::Return(0));
    }
    match decode(&text[at..]) {
        Some((code, length)) if !text.get(at + length).is_some_and(|&byte| is_continuation(byte)) => {
            vm.push(Value::int(at as i64 + 1))?;
            vm.push(Value::int(i64::from(code)))?;
            Ok(Flow::Return(2))
        }
        _ => Err(invalid_code(vm)),
    }
}
