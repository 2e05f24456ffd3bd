//! Text under construction that a native function keeps in a slot while Lua code runs: the results of `string.gsub` and
//! `string.format` so far.

use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::native::Args;
use crate::vm::object::UserData;
use crate::vm::value::Value;

/// The host object; programs never see one.
struct Buffer(Vec<u8>);

impl UserData for Buffer {
    fn class(&self) -> &'static str {
        "buffer"
    }
}

/// Wraps `text` into a value.
pub(super) fn store(vm: &mut Vm, text: Vec<u8>) -> Value {
    vm.new_hidden_userdata(Buffer(text))
}

/// Takes the text out of the buffer in slot `i`, which stays there empty.
pub(super) fn take(vm: &mut Vm, slots: Args, i: u32) -> Result<Vec<u8>, Box<LuaError>> {
    Ok(std::mem::take(&mut slots.check_userdata::<Buffer>(vm, i, "buffer")?.0))
}

/// Puts text back into the buffer in slot `i`.
pub(super) fn put_back(vm: &mut Vm, slots: Args, i: u32, text: Vec<u8>) -> Result<(), Box<LuaError>> {
    slots.check_userdata::<Buffer>(vm, i, "buffer")?.0 = text;
    Ok(())
}
