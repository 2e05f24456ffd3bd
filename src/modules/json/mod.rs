//! The `json` module (`modules.md` §1): JSON text from Lua values and back, and validation by JSON Schema.
//!
//! | file | owns |
//! | --- | --- |
//! | `encode` | values to text, without anything in between |
//! | `decode` | text to values, straight into the heap |
//! | `schema` | schemas: compiled once, kept for a while |
//!
//! Everything here answers at once. Work is charged to the budget by the byte, and no process gets past its memory limit:
//! neither tables nor the text grow without the heap being asked.

mod decode;
pub mod encode;
mod schema;

use std::sync::Arc;

use super::succeed;
use crate::runtime::data::Data;
use crate::runtime::errors::{self, ErrorData, INTERNAL, INVALID};
use crate::runtime::module::{Module, ModuleClass, module};
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::image::Library;
use crate::vm::native::{Args, Flow, Native, NativeResult};
use crate::vm::raw::string_bytes;
use crate::vm::value::{Value, tag};

use decode::DecodeError;
use encode::{EmptyTable, EncodeError, Encoder};
use schema::Schemas;

/// Containers that may be nested, in text and in tables.
const MAX_DEPTH: usize = 128;

/// Bytes read or written for a unit of the budget.
const BYTES_PER_FUEL: usize = 32;

/// The module.
#[derive(Default)]
pub struct Json {
    schemas: Schemas,
}

impl Module for Json {
    fn libraries(&self) -> Vec<&'static Library> {
        vec![&LIBRARY]
    }

    fn classes(&self) -> &'static [ModuleClass] {
        &[ModuleClass::Encoding, ModuleClass::Deterministic]
    }

    fn manifest(&self) -> &'static str {
        include_str!("json.d.lua")
    }
}

static LIBRARY: Library = Library {
    name: "json",
    global: false,
    natives: &[
        Native::new("encode", encode),
        Native::new("decode", decode),
        Native::new("validate", validate),
        Native::new("validate_string", validate_string),
    ],
    constants: &[],
};

/// The text of a value, for other modules; or why there is none.
///
/// # Errors
/// The memory limit.
pub fn text_of(vm: &mut Vm, value: Value) -> Result<Result<Vec<u8>, &'static str>, Box<LuaError>> {
    let mut encoder = Encoder::new(vm, EmptyTable::Array);
    match encoder.encode(value) {
        Ok(()) => {
            let text = encoder.finish();
            charge(vm, text.len());
            Ok(Ok(text))
        }
        Err(EncodeError::Raised(error)) => Err(error),
        Err(EncodeError::Refused { why, .. }) => Ok(Err(why)),
    }
}

/// The value of a text, for other modules; or where it is no JSON.
///
/// # Errors
/// The memory limit.
pub fn value_of(vm: &mut Vm, text: &[u8]) -> Result<Result<Value, String>, Box<LuaError>> {
    charge(vm, text.len());
    match decode::decode(vm, text) {
        Ok(value) => Ok(Ok(value)),
        Err(DecodeError::Raised(error)) => Err(error),
        Err(DecodeError::Malformed(mistake)) => Ok(Err(mistake.to_string())),
    }
}

fn encode(vm: &mut Vm, args: Args) -> NativeResult {
    let value = args.get(vm, 0);
    let mut encoder = Encoder::new(vm, EmptyTable::Array);
    match encoder.encode(value) {
        Ok(()) => {
            let text = encoder.finish();
            charge(vm, text.len());
            let text = vm.string(&text)?;
            succeed(vm, text)
        }
        Err(EncodeError::Raised(error)) => Err(error),
        Err(EncodeError::Refused { why, path }) => {
            let details = Data::from([("path", path)]);
            fail(vm, Value::NIL, INTERNAL, &format!("encode failed: {why}"), Some(details))
        }
    }
}

fn decode(vm: &mut Vm, args: Args) -> NativeResult {
    let value = args.get(vm, 0);
    if !value.is_string() {
        let message = format!("string expected, got {}", vm.type_name_of(value));
        return fail(vm, Value::NIL, INVALID, &message, None);
    }
    let text = string_bytes(value);
    if text.is_empty() {
        return fail(vm, Value::NIL, INVALID, "empty string is not JSON", None);
    }
    charge(vm, text.len());
    match decode::decode(vm, text) {
        Ok(value) => succeed(vm, value),
        Err(DecodeError::Raised(error)) => Err(error),
        Err(DecodeError::Malformed(mistake)) => {
            let details = Data::from([
                ("line", mistake.line as i64),
                ("column", mistake.column as i64),
                ("offset", mistake.offset as i64),
            ]);
            fail(vm, Value::NIL, INTERNAL, &format!("decode failed: {mistake}"), Some(details))
        }
    }
}

/// `json.validate(schema, value)`
fn validate(vm: &mut Vm, args: Args) -> NativeResult {
    let Some(schema) = schema_text(vm, args)? else { return refuse_schema(vm, args) };
    let value = args.get(vm, 1);
    if value.is_nil() {
        return fail(vm, Value::FALSE, INVALID, "data is required", None);
    }
    let mut encoder = Encoder::new(vm, EmptyTable::Object);
    let text = match encoder.encode(value) {
        Ok(()) => encoder.finish(),
        Err(EncodeError::Raised(error)) => return Err(error),
        Err(EncodeError::Refused { why, .. }) => {
            return fail(vm, Value::FALSE, INVALID, &format!("data is not JSON: {why}"), None);
        }
    };
    check(vm, &schema, &text)
}

/// `json.validate_string(schema, text)`
fn validate_string(vm: &mut Vm, args: Args) -> NativeResult {
    let Some(schema) = schema_text(vm, args)? else { return refuse_schema(vm, args) };
    let value = args.get(vm, 1);
    if !value.is_string() {
        return fail(vm, Value::FALSE, INVALID, "data must be a string of JSON text", None);
    }
    check(vm, &schema, string_bytes(value))
}

/// The text of the schema in argument 0; `None` if it is neither a string nor a table that has one.
fn schema_text(vm: &mut Vm, args: Args) -> Result<Option<Vec<u8>>, Box<crate::vm::error::LuaError>> {
    let schema = args.get(vm, 0);
    match schema.tag() {
        tag::STRING => Ok(Some(string_bytes(schema).to_vec())),
        tag::TABLE => {
            let mut encoder = Encoder::new(vm, EmptyTable::Object);
            match encoder.encode(schema) {
                Ok(()) => Ok(Some(encoder.finish())),
                Err(EncodeError::Raised(error)) => Err(error),
                Err(EncodeError::Refused { .. }) => Ok(None),
            }
        }
        _ => Ok(None),
    }
}

fn refuse_schema(vm: &mut Vm, args: Args) -> NativeResult {
    let schema = args.get(vm, 0);
    let message = match schema.tag() {
        tag::NIL => "schema is required",
        tag::TABLE => "invalid schema: the table has no JSON form",
        _ => "schema must be a table or a string of JSON text",
    };
    fail(vm, Value::FALSE, INVALID, message, None)
}

fn check(vm: &mut Vm, schema: &[u8], text: &[u8]) -> NativeResult {
    charge(vm, schema.len() + 4 * text.len());
    let module = module::<Json>(vm);
    match module.schemas.check(schema, text) {
        Ok(()) => succeed(vm, Value::TRUE),
        Err(failure) => fail(vm, Value::FALSE, INVALID, &failure.message, failure.details),
    }
}

fn charge(vm: &mut Vm, bytes: usize) {
    vm.fuel -= (bytes / BYTES_PER_FUEL) as i64;
}

fn fail(vm: &mut Vm, first: Value, kind: &str, message: &str, details: Option<Data>) -> NativeResult {
    let error = ErrorData { details, retryable: Some(false), ..ErrorData::plain(kind, message) };
    let error = errors::to_value(vm, Arc::new(error));
    vm.push(first)?;
    vm.push(error)?;
    Ok(Flow::Return(2))
}
