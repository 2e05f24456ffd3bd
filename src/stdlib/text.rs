//! Values as text (manual §6.1 `tostring`).

use crate::vm::Vm;
use crate::vm::args::userdata_text;
use crate::vm::concat::append_text;
use crate::vm::error::LuaError;
use crate::vm::event::{Event, type_name};
use crate::vm::raw::string_bytes;
use crate::vm::types::TypeRef;
use crate::vm::value::{Value, tag};

/// Appends the text of a value as it is without `__tostring`: for objects the type, or `__name` of the metatable, and an
/// address.
pub fn append_plain(vm: &Vm, value: Value, out: &mut Vec<u8>) {
    match value.tag() {
        tag::NIL => out.extend_from_slice(b"nil"),
        tag::FALSE => out.extend_from_slice(b"false"),
        tag::TRUE => out.extend_from_slice(b"true"),
        _ if append_text(value, out) => {}
        _ => {
            if let Some(ty) = TypeRef::of(value) {
                return out.extend_from_slice(&ty.text());
            }
            if let Some(text) = userdata_text(value) {
                return out.extend_from_slice(text.as_bytes());
            }
            let name = vm.handler(value, Event::Name);
            if name.is_string() {
                out.extend_from_slice(string_bytes(name));
            } else {
                out.extend_from_slice(vm.class_of(value).unwrap_or(type_name(value)).as_bytes());
            }
            out.extend_from_slice(format!(": {:#x}", value.payload()).as_bytes());
        }
    }
}

/// The text of a value without `__tostring`, as a string value.
///
/// # Errors
/// `not enough memory`
pub fn plain_text(vm: &mut Vm, value: Value) -> Result<Value, Box<LuaError>> {
    if value.is_string() {
        return Ok(value);
    }
    let mut text = Vec::new();
    append_plain(vm, value, &mut text);
    vm.string(&text)
}

/// What a `__tostring` handler answered, as a string value; a number is converted.
///
/// # Errors
/// `'__tostring' must return a string`
pub fn handler_text(vm: &mut Vm, answer: Value) -> Result<Value, Box<LuaError>> {
    if answer.is_string() || answer.is_number() {
        return plain_text(vm, answer);
    }
    Err(vm.error("'__tostring' must return a string"))
}
