//! Payloads: values in an envelope that says their format (`runtime.md` §6.4).
//!
//! What is JSON or YAML is held as text. The modules of these names read and write it, in a runtime that has them.

use std::sync::Arc;

use super::errors::{self, ErrorData, INTERNAL};
use super::process_state::state;
use crate::vm::Vm;
use crate::vm::args::userdata_of;
use crate::vm::concat::append_text;
use crate::vm::error::LuaError;
use crate::vm::heap::Marker;
use crate::vm::image::{Library, Literal};
use crate::vm::native::{Answer, Args, Continuation, Flow, Native, NativeResult};
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
            ("JSON", Literal::String(Format::Json.name())),
            ("YAML", Literal::String(Format::Yaml.name())),
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
    /// A string of JSON text.
    Json,
    /// A string of YAML text.
    Yaml,
}

impl Format {
    /// All of them, in order.
    pub const ALL: [Format; 6] = [Format::Lua, Format::Error, Format::Text, Format::Bytes, Format::Json, Format::Yaml];

    /// The format of this name.
    fn named(name: &[u8]) -> Option<Format> {
        Format::ALL.into_iter().find(|format| format.name().as_bytes() == name)
    }

    /// The module that reads and writes it.
    fn module(self) -> Option<&'static str> {
        match self {
            Format::Json => Some("json"),
            Format::Yaml => Some("yaml"),
            _ => None,
        }
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Format::Lua => "lua/any",
            Format::Error => "golang/error",
            Format::Text => "text/plain",
            Format::Bytes => "application/octet-stream",
            Format::Json => "json/plain",
            Format::Yaml => "yaml/plain",
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
    let (value, format) = this(vm, args)?;
    if format.module().is_none() {
        return vm.answer(value);
    }
    match codec(vm, format, "decode")? {
        Some(decode) => call(vm, decode, value, &DECODED),
        None => refuse(vm, format, Format::Lua.name()),
    }
}

static DECODED: Continuation = Continuation {
    name: "payload.data",
    resume: |vm, _, results| match results.get(vm, 1) {
        error if error.is_nil() => {
            let value = results.get(vm, 0);
            vm.answer(value)
        }
        error => pair(vm, Value::NIL, error),
    },
    catch: None,
    yieldable: false,
};

fn quick_data(_: &mut Vm, args: &[Value]) -> Answer {
    match args.first().and_then(|value| userdata_of::<Payload>(*value)) {
        // SAFETY: alive as an argument.
        Some(payload) => unsafe {
            if (*payload).format.module().is_none() { (*payload).value.into() } else { Answer::NONE }
        },
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
    let Some(to) = Format::named(name) else { return refuse(vm, from, &String::from_utf8_lossy(name)) };
    let holds_text = from.module().is_some();
    let value = match to {
        _ if to == from => Some(value),
        Format::Text | Format::Bytes if holds_text => Some(value),
        _ if holds_text => {
            return match codec(vm, from, "decode")? {
                Some(decode) => call(vm, decode, value, &READ),
                None => refuse(vm, from, to.name()),
            };
        }
        Format::Text | Format::Bytes => scalar_text(vm, value)?,
        Format::Json | Format::Yaml => return encode(vm, value, from, to),
        Format::Lua => Some(value),
        Format::Error => None,
    };
    match value {
        Some(value) => answer_payload(vm, value, to),
        None => refuse(vm, from, to.name()),
    }
}

/// What a payload of text was decoded for.
static READ: Continuation = Continuation {
    name: "payload.transcode.decode",
    resume: |vm, args, results| {
        let (value, error) = (results.get(vm, 0), results.get(vm, 1));
        if !error.is_nil() {
            return pair(vm, Value::NIL, error);
        }
        let (_, from) = this(vm, args)?;
        match Format::named(args.check_bytes(vm, 1)?) {
            Some(to @ (Format::Json | Format::Yaml)) => encode(vm, value, from, to),
            Some(Format::Error) => refuse(vm, from, Format::Error.name()),
            _ => answer_payload(vm, value, Format::Lua),
        }
    },
    catch: None,
    yieldable: false,
};

/// Goes on with `value` as text of the format `to`.
fn encode(vm: &mut Vm, value: Value, from: Format, to: Format) -> NativeResult {
    match codec(vm, to, "encode")? {
        Some(encode) => call(vm, encode, value, &WRITTEN),
        None => refuse(vm, from, to.name()),
    }
}

static WRITTEN: Continuation = Continuation {
    name: "payload.transcode.encode",
    resume: |vm, args, results| {
        let (text, error) = (results.get(vm, 0), results.get(vm, 1));
        if !error.is_nil() {
            return pair(vm, Value::NIL, error);
        }
        let to = Format::named(args.check_bytes(vm, 1)?).unwrap_or(Format::Text);
        answer_payload(vm, text, to)
    },
    catch: None,
    yieldable: false,
};

/// A function of the module that knows a format, if the runtime has it.
fn codec(vm: &mut Vm, format: Format, name: &str) -> Result<Option<Value>, Box<LuaError>> {
    let Some(module) = format.module().and_then(|name| vm.image.module(name)) else { return Ok(None) };
    vm.raw_get_name(module.as_table(), name).map(Some)
}

fn call(vm: &mut Vm, function: Value, value: Value, then: &'static Continuation) -> NativeResult {
    vm.push_all(&[function, value])?;
    Ok(Flow::Call { args: 1, then })
}

fn answer_payload(vm: &mut Vm, value: Value, format: Format) -> NativeResult {
    let payload = payload_value(vm, Payload { value, format });
    pair(vm, payload, Value::NIL)
}

fn pair(vm: &mut Vm, first: Value, second: Value) -> NativeResult {
    vm.push_all(&[first, second])?;
    Ok(Flow::Return(2))
}

fn refuse(vm: &mut Vm, from: Format, to: &str) -> NativeResult {
    let message = format!("cannot transcode {} to {to}", from.name());
    let error = ErrorData { retryable: Some(false), ..ErrorData::plain(INTERNAL, &message) };
    let error = errors::to_value(vm, Arc::new(error));
    pair(vm, Value::NIL, error)
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
