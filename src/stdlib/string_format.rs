//! `string.format` (manual §6.4).
//!
//! A `__tostring` handler is called with this function waiting: above its arguments lie the text so far, the offset of
//! the directive, and the index of its argument. The handler's answer takes the place of that argument, and formatting
//! goes on at the directive.

use super::buffer;
use super::format::{Conversion, Directive, FormatError, Radix, parse_directive, write_quoted, write_quoted_number};
use super::string::charge;
use super::text::{append_plain, handler_text};
use crate::number::{Layout, Number, write_integer};
use crate::vm::Vm;
use crate::vm::concat::append_text;
use crate::vm::error::LuaError;
use crate::vm::event::Event;
use crate::vm::native::{Args, Continuation, Flow, NativeResult};
use crate::vm::raw::string_bytes;
use crate::vm::value::{Value, tag};

/// Slots above the arguments while a handler runs.
const STATE_LEN: u32 = 3;

static CONVERTED: Continuation =
    Continuation { name: "string.format.converted", resume: converted, catch: None, yieldable: false };

/// `string.format(formatstring, …)`
pub(super) fn format(vm: &mut Vm, args: Args) -> NativeResult {
    args.check_bytes(vm, 0)?;
    let text = vm.take_text();
    go_on(vm, args, 0, 0, text)
}

fn converted(vm: &mut Vm, slots: Args, results: Args) -> NativeResult {
    let args = Args { len: slots.len - STATE_LEN, ..slots };
    let argument = slots.get(vm, args.len + 2).as_int() as u32;
    let at = slots.get(vm, args.len + 1).as_int() as usize;
    let text = buffer::take(vm, slots, args.len)?;
    let answer = results.get(vm, 0);
    let answer = handler_text(vm, answer)?;
    args.set(vm, argument, answer);
    vm.keep_only(args);
    go_on(vm, args, at, argument - 1, text)
}

/// Formats from offset `at` of the format string on; `argument` is the last argument used.
fn go_on(vm: &mut Vm, args: Args, mut at: usize, mut argument: u32, mut text: Vec<u8>) -> NativeResult {
    let format = args.check_bytes(vm, 0)?;
    while let Some(offset) = memchr::memchr(b'%', &format[at..]) {
        text.extend_from_slice(&format[at..at + offset]);
        at += offset + 1;
        if format.get(at) == Some(&b'%') {
            text.push(b'%');
            at += 1;
            continue;
        }
        argument += 1;
        if argument >= args.len {
            return Err(vm.argument_error(argument, "no value"));
        }
        let value = args.get(vm, argument);
        // The two directives that nearly all formats consist of need no parsing.
        match format.get(at) {
            Some(b'd') if value.is_int() => {
                write_integer(value.as_int(), &mut text);
                at += 1;
                continue;
            }
            Some(b's') if append_text(value, &mut text) => {
                at += 1;
                continue;
            }
            _ => {}
        }
        let (directive, length) = parse_directive(&format[at..]).map_err(|error| vm.error(&error.to_string()))?;
        if directive.conversion == Conversion::String {
            let handler = if value.is_object() { vm.handler(value, Event::ToString) } else { Value::NIL };
            if !handler.is_nil() {
                let text = buffer::store(vm, text);
                let state = [text, Value::int(at as i64 - 1), Value::int(i64::from(argument))];
                vm.push_all(&state)?;
                vm.push_all(&[handler, value])?;
                return Ok(Flow::Call { args: 1, then: &CONVERTED });
            }
        }
        write_argument(vm, args, argument, &directive, &mut text)?;
        at += length;
    }
    text.extend_from_slice(&format[at..]);
    charge(vm, text.len());
    let text = vm.finish_text(text)?;
    vm.answer(text)
}

fn write_argument(
    vm: &mut Vm,
    args: Args,
    i: u32,
    directive: &Directive,
    text: &mut Vec<u8>,
) -> Result<(), Box<LuaError>> {
    match directive.conversion {
        Conversion::Character => directive.write_character(args.check_int(vm, i)?, text),
        Conversion::Integer(radix) => write_integer_argument(vm, args, i, directive, radix, text)?,
        Conversion::Float { style, uppercase } => {
            let float = args.check_float(vm, i)?;
            directive.write_float(style, uppercase, float, text);
        }
        Conversion::Quoted => write_literal(vm, args, i, text)?,
        Conversion::String => {
            let value = args.get(vm, i);
            let written = if value.is_string() {
                directive.write_bytes(string_bytes(value), text)
            } else {
                let mut plain = Vec::new();
                append_plain(vm, value, &mut plain);
                directive.write_bytes(&plain, text)
            };
            written.map_err(|error: FormatError| vm.argument_error(i, &error.to_string()))?;
        }
    }
    Ok(())
}

fn write_integer_argument(
    vm: &mut Vm,
    args: Args,
    i: u32,
    directive: &Directive,
    radix: Radix,
    text: &mut Vec<u8>,
) -> Result<(), Box<LuaError>> {
    let integer = args.check_int(vm, i)?;
    if radix == Radix::Signed && directive.layout == Layout::default() {
        write_integer(integer, text);
    } else {
        directive.write_int(radix, integer, text);
    }
    Ok(())
}

/// `%q`
fn write_literal(vm: &mut Vm, args: Args, i: u32, text: &mut Vec<u8>) -> Result<(), Box<LuaError>> {
    let value = args.get(vm, i);
    match value.tag() {
        tag::STRING => write_quoted(string_bytes(value), text),
        tag::INT => write_quoted_number(Number::Int(value.as_int()), text),
        tag::FLOAT => write_quoted_number(Number::Float(value.as_float()), text),
        tag::NIL | tag::FALSE | tag::TRUE => append_plain(vm, value, text),
        _ => return Err(vm.argument_error(i, "value has no literal form")),
    }
    Ok(())
}
