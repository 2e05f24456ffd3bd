//! Payloads: values in an envelope that says their format (`runtime.md` §6.4).

use std::sync::Arc;

use super::errors::{self, ErrorData, INTERNAL};
use super::process_state::state;
use crate::vm::Vm;
use crate::vm::args::userdata_of;
use crate::vm::concat::append_text;
use crate::vm::error::LuaError;
use crate::vm::heap::Marker;
use crate::vm::image::{Library, Literal};
use crate::vm::native::{Answer, Args, Flow, Native, NativeResult};
use crate::vm::object::UserData;
use crate::vm::userdata::Class;
use crate::vm::value::{Value, tag};

/// The library.
pub static LIBRARY: Library = Library {
    name: "payload",
    global: true,
    natives: &[Native::new("new", new)],
    constants: &[(
        "format",
        Literal::Table(&[
            ("JSON", Literal::String("json/plain")),
            ("YAML", Literal::String("yaml/plain")),
            ("STRING", Literal::String(Format::Text.name())),
            ("BYTES", Literal::String(Format::Bytes.name())),
            ("MSGPACK", Literal::String("application/msgpack")),
            ("LUA", Literal::String(Format::Lua.name())),
            ("GOLANG", Literal::String("golang/any")),
            ("ERROR", Literal::String(Format::Error.name())),
        ]),
    )],
};

/// The class of [`Payload`].
pub static PAYLOAD: Class = Class {
    name: "payload",
    methods: &[
        Native::new("data", data).quick(quick_data),
        Native::new("unmarshal", data),
        Native::new("get_format", get_format),
        Native::new("transcode", transcode),
    ],
    metamethods: &[Native::new("__tostring", text)],
};

/// What a payload holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// Any value.
    Lua,
    /// An error object.
    Error,
    /// A string of text.
    Text,
    /// A string of bytes.
    Bytes,
}

impl Format {
    /// All of them, in order.
    pub const ALL: [Format; 4] = [Format::Lua, Format::Error, Format::Text, Format::Bytes];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Format::Lua => "lua/any",
            Format::Error => "golang/error",
            Format::Text => "text/plain",
            Format::Bytes => "application/octet-stream",
        }
    }
}

/// A value in its envelope. The value itself is no payload.
pub struct Payload {
    /// What it holds.
    pub value: Value,
    /// How it holds it.
    pub format: Format,
}

// SAFETY: the value belongs to the heap that holds the payload, and moves with it.
unsafe impl Send for Payload {}

impl UserData for Payload {
    fn class(&self) -> &'static str {
        "payload"
    }

    fn trace(&self, marker: &mut Marker) {
        marker.mark(self.value);
    }
}

/// A payload as a value.
pub fn payload_value(vm: &mut Vm, payload: Payload) -> Value {
    let metatable = state(vm).core().words.payload_class;
    Value::userdata(vm.heap.new_userdata(payload, metatable))
}

/// A value in an envelope; a payload as it is.
pub fn new_payload(vm: &mut Vm, value: Value) -> Value {
    if userdata_of::<Payload>(value).is_some() {
        return value;
    }
    let format = if errors::error_of(value).is_some() { Format::Error } else { Format::Lua };
    payload_value(vm, Payload { value, format })
}

fn new(vm: &mut Vm, args: Args) -> NativeResult {
    let value = args.check_any(vm, 0)?;
    let payload = new_payload(vm, value);
    vm.answer(payload)
}

fn this(vm: &mut Vm, args: Args) -> Result<(Value, Format), Box<LuaError>> {
    args.check_userdata::<Payload>(vm, 0, "payload").map(|payload| (payload.value, payload.format))
}

fn data(vm: &mut Vm, args: Args) -> NativeResult {
    let (value, _) = this(vm, args)?;
    vm.answer(value)
}

fn quick_data(_: &mut Vm, args: &[Value]) -> Answer {
    match args.first().and_then(|value| userdata_of::<Payload>(*value)) {
        // SAFETY: alive as an argument.
        Some(payload) => unsafe { (*payload).value.into() },
        None => Answer::NONE,
    }
}

fn get_format(vm: &mut Vm, args: Args) -> NativeResult {
    let (_, format) = this(vm, args)?;
    let text = vm.string(format.name().as_bytes())?;
    vm.answer(text)
}

fn text(vm: &mut Vm, args: Args) -> NativeResult {
    let (_, format) = this(vm, args)?;
    let text = vm.string(format!("payload{{format={}}}", format.name()).as_bytes())?;
    vm.answer(text)
}

/// `p:transcode(format)`
fn transcode(vm: &mut Vm, args: Args) -> NativeResult {
    let (value, from) = this(vm, args)?;
    let name = args.check_bytes(vm, 1)?;
    let to = Format::ALL.into_iter().find(|format| format.name().as_bytes() == name);
    let value = match to {
        Some(to) if to == from => Some(value),
        Some(Format::Text | Format::Bytes) => scalar_text(vm, value)?,
        Some(Format::Lua) => Some(value),
        _ => None,
    };
    let (Some(value), Some(format)) = (value, to) else {
        let message = format!("cannot transcode {} to {}", from.name(), String::from_utf8_lossy(name));
        let error = ErrorData { retryable: Some(false), ..ErrorData::plain(INTERNAL, &message) };
        let error = errors::to_value(vm, Arc::new(error));
        vm.push(Value::NIL)?;
        vm.push(error)?;
        return Ok(Flow::Return(2));
    };
    let payload = payload_value(vm, Payload { value, format });
    vm.push(payload)?;
    vm.push(Value::NIL)?;
    Ok(Flow::Return(2))
}

/// The text of a scalar as a string value; `None` for anything else.
fn scalar_text(vm: &mut Vm, value: Value) -> Result<Option<Value>, Box<LuaError>> {
    let mut text = Vec::new();
    match value.tag() {
        tag::STRING => return Ok(Some(value)),
        tag::NIL => {}
        tag::FALSE => text.extend(b"false"),
        tag::TRUE => text.extend(b"true"),
        tag::FLOAT if value.as_float().is_finite() => text.extend(shortest(value.as_float()).bytes()),
        _ => match errors::error_of(value) {
            Some(error) => text.extend(error.message.bytes()),
            None if append_text(value, &mut text) => {}
            None => return Ok(None),
        },
    }
    vm.string(&text).map(Some)
}

/// The shortest decimal that reads back as the same number.
fn shortest(number: f64) -> String {
    let text = format!("{number:?}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}
