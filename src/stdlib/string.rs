//! The `string` library (manual §6.4), except what has rooms of its own: `search`, `string_format`, `string_pack`.
//!
//! House rule: these functions are called once per byte of a text by some programs. Integer arguments and short results
//! take the shortest way, and nothing is allocated but the result.

use super::{search, string_format, string_pack};
use crate::bytecode::binary;
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::image::Library;
use crate::vm::inspect::function_of;
use crate::vm::native::{Answer, Args, Flow, Native, NativeResult};
use crate::vm::object::MAX_SHORT;
use crate::vm::raw::string_bytes;
use crate::vm::value::Value;

/// The library, without `dump`; also what the metatable of strings leads to.
pub static LIBRARY: Library = Library { name: "string", global: true, natives: &NATIVES, constants: &[] };

static NATIVES: [Native; 16] = [
    Native::new("byte", byte).quick_first(quick_byte),
    Native::new("char", char).quick(quick_char),
    Native::new("find", search::find),
    Native::new("format", string_format::format),
    Native::new("gmatch", search::gmatch),
    Native::new("gsub", super::gsub::gsub),
    Native::new("len", len).quick(quick_len),
    Native::new("lower", lower).quick(|vm, args| quick_map(vm, args, <[u8]>::make_ascii_lowercase)),
    Native::new("match", search::match_),
    Native::new("pack", string_pack::pack),
    Native::new("packsize", string_pack::packsize),
    Native::new("rep", rep),
    Native::new("reverse", reverse).quick(|vm, args| quick_map(vm, args, <[u8]>::reverse)),
    Native::new("sub", sub).quick(quick_sub),
    Native::new("unpack", string_pack::unpack),
    Native::new("upper", upper).quick(|vm, args| quick_map(vm, args, <[u8]>::make_ascii_uppercase)),
];

/// `string.dump`
pub static DUMP: Library =
    Library { name: "string", global: true, natives: &[Native::new("dump", dump)], constants: &[] };

/// Bytes whose processing costs as much as a call.
pub(super) const BYTES_PER_FUEL: usize = 64;

/// The longest result of `string.rep`, as in the reference implementation.
const MAX_REPEATED: usize = i32::MAX as usize;

/// Charges the processing of `bytes` bytes to the budget.
#[inline]
pub(super) fn charge(vm: &mut Vm, bytes: usize) {
    vm.fuel -= (bytes / BYTES_PER_FUEL) as i64;
}

/// A position counted from 1, where negative ones count from the end of `len` bytes: made positive, or 0 if it lies
/// before the beginning.
#[inline]
pub(super) fn absolute(position: i64, len: usize) -> i64 {
    if position >= 0 { position } else { (position + len as i64 + 1).max(0) }
}

/// The offsets of the bytes from position `first` to `last`; both may lie outside.
#[inline]
fn range(first: i64, last: i64, len: usize) -> (usize, usize) {
    let start = (absolute(first, len).max(1) - 1).min(len as i64) as usize;
    let end = absolute(last, len).min(len as i64) as usize;
    (start, end.max(start))
}

/// `string.byte(s [, i [, j]])`
fn byte(vm: &mut Vm, args: Args) -> NativeResult {
    let text = args.check_bytes(vm, 0)?;
    let first = args.opt_int(vm, 1, 1)?;
    if args.len <= 2 && first > 0 {
        return match text.get(first as usize - 1) {
            Some(byte) => vm.answer(Value::int(i64::from(*byte))),
            None => Ok(Flow::Return(0)),
        };
    }
    // Only the given position counts from the end: it is its own default as the last one.
    let first = absolute(first, text.len());
    let last = args.opt_int(vm, 2, first)?;
    let (start, end) = range(first, last, text.len());
    let count = (end - start) as u32;
    vm.reserve(count).map_err(|_| vm.error("string slice too long"))?;
    for byte in &text[start..end] {
        vm.push(Value::int(i64::from(*byte)))?;
    }
    Ok(Flow::Return(count))
}

fn quick_byte(_: &mut Vm, args: &[Value]) -> Answer {
    let (text, position) = match args {
        [text, position] if position.is_int() => (text, position.as_int()),
        [text] => (text, 1),
        _ => return Answer::NONE,
    };
    if !text.is_string() || position == 0 {
        return Answer::NONE;
    }
    let bytes = string_bytes(*text);
    let index = absolute(position, bytes.len()) as usize;
    bytes.get(index.wrapping_sub(1)).map_or(Value::NIL, |byte| Value::int(i64::from(*byte))).into()
}

/// `string.char(…)`
fn char(vm: &mut Vm, args: Args) -> NativeResult {
    let mut text = vm.take_text();
    for i in 0..args.len {
        text.push(check_byte(vm, args, i)?);
    }
    let text = vm.finish_text(text)?;
    vm.answer(text)
}

fn quick_char(vm: &mut Vm, args: &[Value]) -> Answer {
    match args {
        [code] if code.is_int() => u8::try_from(code.as_int()).map_or(Answer::NONE, |byte| vm.byte_string(byte).into()),
        _ => Answer::NONE,
    }
}

fn check_byte(vm: &mut Vm, args: Args, i: u32) -> Result<u8, Box<LuaError>> {
    let code = args.check_int(vm, i)?;
    u8::try_from(code).map_err(|_| vm.argument_error(i, "value out of range"))
}

/// `string.dump(function [, strip])`
fn dump(vm: &mut Vm, args: Args) -> NativeResult {
    let function = args.check_function(vm, 0)?;
    let strip = args.get(vm, 1).is_true();
    let Some(function) = function_of(function) else { return Err(vm.error("unable to dump given function")) };
    let chunk = binary::dump(&function.proto, strip);
    charge(vm, chunk.len());
    let chunk = vm.string(&chunk)?;
    vm.answer(chunk)
}

/// `string.len(s)`
fn len(vm: &mut Vm, args: Args) -> NativeResult {
    let len = args.check_bytes(vm, 0)?.len();
    vm.answer(Value::int(len as i64))
}

fn quick_len(_: &mut Vm, args: &[Value]) -> Answer {
    match args {
        [text] if text.is_string() => Value::int(string_bytes(*text).len() as i64).into(),
        _ => Answer::NONE,
    }
}

/// `string.lower(s)`
fn lower(vm: &mut Vm, args: Args) -> NativeResult {
    map_bytes(vm, args, <[u8]>::make_ascii_lowercase)
}

/// `string.upper(s)`
fn upper(vm: &mut Vm, args: Args) -> NativeResult {
    map_bytes(vm, args, <[u8]>::make_ascii_uppercase)
}

/// `string.reverse(s)`
fn reverse(vm: &mut Vm, args: Args) -> NativeResult {
    map_bytes(vm, args, <[u8]>::reverse)
}

#[inline]
fn map_bytes(vm: &mut Vm, args: Args, change: fn(&mut [u8])) -> NativeResult {
    let text = args.check_bytes(vm, 0)?;
    charge(vm, text.len());
    let changed = vm.string_with(text.len(), |bytes| {
        bytes.copy_from_slice(text);
        change(bytes);
    })?;
    vm.answer(changed)
}

/// Short strings.
#[inline]
fn quick_map(vm: &mut Vm, args: &[Value], change: fn(&mut [u8])) -> Answer {
    match args {
        [text] if text.is_string() && string_bytes(*text).len() <= MAX_SHORT => {
            let text = string_bytes(*text);
            let mut bytes = [0; MAX_SHORT];
            bytes[..text.len()].copy_from_slice(text);
            change(&mut bytes[..text.len()]);
            Value::string(vm.heap.intern(&bytes[..text.len()])).into()
        }
        _ => Answer::NONE,
    }
}

/// `string.rep(s, n [, sep])`
fn rep(vm: &mut Vm, args: Args) -> NativeResult {
    let text = args.check_bytes(vm, 0)?;
    let count = args.check_int(vm, 1)?;
    let separator = if args.get(vm, 2).is_nil() { &[] } else { args.check_bytes(vm, 2)? };
    let Ok(count) = usize::try_from(count) else {
        let empty = vm.string(b"")?;
        return vm.answer(empty);
    };
    let unit = text.len() + separator.len();
    let total = match unit.checked_mul(count) {
        Some(total) if total <= MAX_REPEATED => total.saturating_sub(separator.len()),
        _ => return Err(vm.error("resulting string too large")),
    };
    charge(vm, total);
    let repeated = vm.string_with(total, |bytes| repeat(text, separator, bytes))?;
    vm.answer(repeated)
}

/// Fills `bytes` with `text`, `separator`, `text`, … by doubling what is there.
fn repeat(text: &[u8], separator: &[u8], bytes: &mut [u8]) {
    if bytes.len() <= text.len() {
        return bytes.copy_from_slice(&text[..bytes.len()]);
    }
    bytes[..text.len()].copy_from_slice(text);
    let mut filled = text.len() + separator.len();
    bytes[text.len()..filled].copy_from_slice(separator);
    while filled < bytes.len() {
        let more = filled.min(bytes.len() - filled);
        bytes.copy_within(..more, filled);
        filled += more;
    }
}

/// `string.sub(s, i [, j])`
fn sub(vm: &mut Vm, args: Args) -> NativeResult {
    let whole = args.check_string(vm, 0)?;
    let text = string_bytes(whole);
    let first = args.check_int(vm, 1)?;
    let last = args.opt_int(vm, 2, -1)?;
    let (start, end) = range(first, last, text.len());
    if end - start == text.len() {
        return vm.answer(whole);
    }
    let part = vm.string(&text[start..end])?;
    vm.answer(part)
}

/// Parts that are short strings.
fn quick_sub(vm: &mut Vm, args: &[Value]) -> Answer {
    let (text, first, last) = match args {
        [text, first, last] if first.is_int() && last.is_int() => (text, first.as_int(), last.as_int()),
        [text, first] if first.is_int() => (text, first.as_int(), -1),
        _ => return Answer::NONE,
    };
    if !text.is_string() {
        return Answer::NONE;
    }
    let bytes = string_bytes(*text);
    let (start, end) = range(first, last, bytes.len());
    match &bytes[start..end] {
        part if part.len() == bytes.len() => (*text).into(),
        [byte] => vm.byte_string(*byte).into(),
        part if part.len() <= MAX_SHORT => Value::string(vm.heap.intern(part)).into(),
        _ => Answer::NONE,
    }
}
