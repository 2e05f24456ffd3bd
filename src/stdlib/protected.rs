//! Errors: `assert`, `error`, `pcall`, `xpcall`.

use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::native::{Args, Flow, NativeResult};
use crate::vm::raw::string_bytes;
use crate::vm::unwind::{PCALL, XPCALL};
use crate::vm::value::Value;

/// `assert(v [, message])`
pub(super) fn assert(vm: &mut Vm, args: Args) -> NativeResult {
    if args.check_any(vm, 0)?.is_true() {
        return Ok(Flow::Return(args.len));
    }
    let message = match args.try_get(vm, 1) {
        Some(message) => message,
        None => vm.string(b"assertion failed!")?,
    };
    Err(LuaError::new(with_position(vm, message, 1)?))
}

/// `error([message [, level]])`
pub(super) fn error(vm: &mut Vm, args: Args) -> NativeResult {
    let level = args.opt_int(vm, 1, 1)?;
    let value = args.get(vm, 0);
    Err(LuaError::new(with_position(vm, value, level)?))
}

/// A message with the position of the function at `level` before it.
fn with_position(vm: &mut Vm, value: Value, level: i64) -> Result<Value, Box<LuaError>> {
    if !value.is_string() || level <= 0 {
        return Ok(value);
    }
    let position = usize::try_from(level).map_or_else(|_| String::new(), |level| vm.position(level));
    if position.is_empty() {
        return Ok(value);
    }
    vm.string(&[position.as_bytes(), string_bytes(value)].concat())
}

/// `pcall(f, …)`
pub(super) fn pcall(vm: &mut Vm, args: Args) -> NativeResult {
    args.check_any(vm, 0)?;
    Ok(Flow::Call { args: args.len - 1, then: &PCALL })
}

/// `xpcall(f, handler, …)`: the handler becomes the first slot, where the machine looks for it.
pub(super) fn xpcall(vm: &mut Vm, args: Args) -> NativeResult {
    let handler = args.check_function(vm, 1)?;
    let function = args.get(vm, 0);
    args.set(vm, 0, handler);
    args.set(vm, 1, function);
    Ok(Flow::Call { args: args.len - 2, then: &XPCALL })
}
