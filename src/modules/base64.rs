//! The `base64` module (`modules.md` §4.8): the standard alphabet, with padding.

use base64::engine::general_purpose::STANDARD;
use base64::{DecodeError, Engine};

use super::{not_text, succeed_with_text};
use crate::runtime::errors::{self, INVALID};
use crate::runtime::module::{Module, ModuleClass};
use crate::vm::Vm;
use crate::vm::image::Library;
use crate::vm::native::{Args, Native, NativeResult};
use crate::vm::raw::string_bytes;

/// The module.
pub struct Base64;

impl Module for Base64 {
    fn libraries(&self) -> Vec<&'static Library> {
        vec![&LIBRARY]
    }

    fn classes(&self) -> &'static [ModuleClass] {
        &[ModuleClass::Encoding, ModuleClass::Deterministic]
    }

    fn manifest(&self) -> &'static str {
        include_str!("base64.d.lua")
    }
}

/// The library.
static LIBRARY: Library = Library {
    name: "base64",
    global: false,
    natives: &[Native::new("encode", encode), Native::new("decode", decode)],
    constants: &[],
};

fn encode(vm: &mut Vm, args: Args) -> NativeResult {
    let value = args.get(vm, 0);
    if !value.is_string() {
        return not_text(vm, value);
    }
    let text = STANDARD.encode(string_bytes(value));
    vm.fuel -= text.len() as i64 / 64;
    succeed_with_text(vm, text.as_bytes())
}

fn decode(vm: &mut Vm, args: Args) -> NativeResult {
    let value = args.get(vm, 0);
    if !value.is_string() {
        return not_text(vm, value);
    }
    let text = string_bytes(value);
    vm.fuel -= text.len() as i64 / 64;
    match STANDARD.decode(text) {
        Ok(bytes) => succeed_with_text(vm, &bytes),
        Err(error) => {
            let at = match error {
                DecodeError::InvalidByte(at, _) | DecodeError::InvalidLastSymbol { offset: at, .. } => at,
                _ => text.len(),
            };
            errors::fail(vm, INVALID, &format!("illegal base64 data at input byte {at}"))
        }
    }
}
