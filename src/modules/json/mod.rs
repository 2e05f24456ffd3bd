//! The `json` module (`modules.md` §1): Lua values as JSON text and back, and validation by JSON Schema.
//!
//! | file | what |
//! | --- | --- |
//! | `encode` | values → text, by walking them |
//! | `decode` | text → values, built by a visitor of serde while it reads |
//! | `schema` | validation; compiled schemas are kept |

pub mod decode;
pub mod encode;
mod schema;

use std::sync::Arc;

use crate::runtime::data::Data;
use crate::runtime::errors::{self, ErrorData, INTERNAL, INVALID};
use crate::vm::Vm;
use crate::vm::image::Library;
use crate::vm::native::{Args, Flow, Native, NativeResult};
use crate::vm::raw::string_bytes;
use crate::vm::value::Value;

/// The library.
pub static LIBRARY: Library = Library {
    name: "json",
    global: false,
    natives: &[
        Native::new("encode", encode_value),
        Native::new("decode", decode_text),
        Native::new("validate", schema::validate),
        Native::new("validate_string", schema::validate_string),
    ],
    constants: &[],
};

/// Bytes of text that cost as much as a function call.
const BYTES_PER_CALL: usize = 64;

/// `json.encode(value)`
fn encode_value(vm: &mut Vm, args: Args) -> NativeResult {
    let mut text = vm.take_text();
    let encoded = encode::encode(vm, args.get(vm, 0), encode::EmptyTable::AsItWas, &mut text);
    vm.fuel -= (text.len() / BYTES_PER_CALL) as i64;
    match encoded {
        Ok(()) => {
            let text = vm.finish_text(text)?;
            vm.push_all(&[text, Value::NIL])?;
            Ok(Flow::Return(2))
        }
        Err(error) => {
            vm.give_back_text(text);
            let details = Some(Data::from([("path", error.path())]));
            let message = format!("encode failed: {error}");
            refuse(vm, ErrorData { details, ..ErrorData::plain(INTERNAL, &message) })
        }
    }
}

/// `json.decode(text)`
fn decode_text(vm: &mut Vm, args: Args) -> NativeResult {
    let text = args.get(vm, 0);
    if !text.is_string() {
        return errors::fail(vm, INVALID, "the text to decode must be a string");
    }
    let bytes = string_bytes(text);
    if bytes.is_empty() {
        return errors::fail(vm, INVALID, "the text to decode is empty");
    }
    vm.fuel -= (bytes.len() / BYTES_PER_CALL) as i64;
    match decode::decode(vm, bytes)? {
        Ok(value) => {
            vm.push_all(&[value, Value::NIL])?;
            Ok(Flow::Return(2))
        }
        Err(error) => {
            let details = Data::from([
                ("line", error.line as i64),
                ("column", error.column as i64),
                ("offset", error.offset as i64),
            ]);
            let message = format!("decode failed: {error}");
            refuse(vm, ErrorData { details: Some(details), ..ErrorData::plain(INTERNAL, &message) })
        }
    }
}

/// `nil, error`
fn refuse(vm: &mut Vm, error: ErrorData) -> NativeResult {
    let error = errors::to_value(vm, Arc::new(error));
    vm.push_all(&[Value::NIL, error])?;
    Ok(Flow::Return(2))
}
