//! The `yaml` module (`modules.md` §4.10). Its tree of nodes also serves entry files.
//!
//! | file | what |
//! | --- | --- |
//! | [`tree`] | text → nodes |
//! | `write` | data → text |

pub mod tree;
mod write;

use std::sync::Arc;

use self::write::{Options, write};
use super::succeed;
use crate::runtime::data::Data;
use crate::runtime::errors::{self, ErrorData, INTERNAL, INVALID};
use crate::runtime::module::{Module, ModuleClass};
use crate::vm::Vm;
use crate::vm::image::Library;
use crate::vm::native::{Args, Flow, Native, NativeResult};
use crate::vm::raw::string_bytes;
use crate::vm::value::Value;

/// The module.
pub struct Yaml;

impl Module for Yaml {
    fn libraries(&self) -> Vec<&'static Library> {
        vec![&LIBRARY]
    }

    fn classes(&self) -> &'static [ModuleClass] {
        &[ModuleClass::Encoding, ModuleClass::Deterministic]
    }

    fn manifest(&self) -> &'static str {
        include_str!("yaml.d.lua")
    }
}

/// The library.
static LIBRARY: Library = Library {
    name: "yaml",
    global: false,
    natives: &[Native::new("encode", encode), Native::new("decode", decode)],
    constants: &[],
};

/// `yaml.encode(table, options?)`
fn encode(vm: &mut Vm, args: Args) -> NativeResult {
    let table = args.get(vm, 0);
    if !table.is_table() {
        return errors::fail(vm, INVALID, "the value to encode must be a table");
    }
    let options = match args.get(vm, 1) {
        options if options.is_nil() => Options::default(),
        _ => {
            let options = args.check_table(vm, 1)?;
            let options = Data::of(vm, Value::table(options));
            match Options::of(&options) {
                Ok(options) => options,
                Err(message) => return errors::fail(vm, INVALID, &message),
            }
        }
    };
    let mut text = vm.take_text();
    match write(vm, table, &options, &mut text) {
        Ok(()) => {
            vm.fuel -= text.len() as i64 / 64;
            let text = vm.finish_text(text)?;
            succeed(vm, text)
        }
        Err(message) => {
            vm.give_back_text(text);
            errors::fail(vm, INTERNAL, &format!("encode failed: {message}"))
        }
    }
}

/// `yaml.decode(text)`
fn decode(vm: &mut Vm, args: Args) -> NativeResult {
    let text = args.get(vm, 0);
    if !text.is_string() {
        return errors::fail(vm, INVALID, "the text to decode must be a string");
    }
    let bytes = string_bytes(text);
    if bytes.is_empty() {
        return errors::fail(vm, INVALID, "the text to decode is empty");
    }
    vm.fuel -= bytes.len() as i64 / 16;
    match tree::as_text(bytes).and_then(|text| tree::parse(&text)) {
        Ok((root, _)) => {
            let value = root.to_data().to_value(vm)?;
            succeed(vm, value)
        }
        Err(error) => {
            let details = Data::from([("line", i64::from(error.line)), ("column", i64::from(error.column))]);
            let message = format!("decode failed: {} at line {}, column {}", error.message, error.line, error.column);
            let error = ErrorData { details: Some(details), ..ErrorData::plain(INTERNAL, &message) };
            let error = errors::to_value(vm, Arc::new(error));
            vm.push_all(&[Value::NIL, error])?;
            Ok(Flow::Return(2))
        }
    }
}
