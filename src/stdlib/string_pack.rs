//! `string.pack`, `string.packsize` and `string.unpack` (manual §6.4.2).

use super::pack::{Items, Kind, PackError, Unpacked, pack_size};
use super::string::{absolute, charge};
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::native::{Args, Flow, NativeResult};
use crate::vm::value::Value;

/// A refusal as a Lua error; `blamed` is the argument with the value or the data.
#[cold]
fn pack_error(vm: &mut Vm, blamed: u32, error: PackError) -> Box<LuaError> {
    let message = error.to_string();
    if error.blames_nothing() {
        vm.error(&message)
    } else {
        vm.argument_error(if error.blames_format() { 0 } else { blamed }, &message)
    }
}

/// `string.pack(fmt, v1, v2, …)`
pub(super) fn pack(vm: &mut Vm, args: Args) -> NativeResult {
    let mut items = Items::new(args.check_bytes(vm, 0)?);
    let mut packed = vm.take_text();
    let mut i = 0;
    while let Some(item) = items.next(packed.len()).map_err(|error| pack_error(vm, i, error))? {
        item.pack_padding(&mut packed);
        if item.kind == Kind::Padding {
            continue;
        }
        i += 1;
        let done = match item.kind {
            Kind::Int { .. } => item.pack_int(args.check_int(vm, i)?, &mut packed),
            Kind::Float => {
                item.pack_float(args.check_float(vm, i)?, &mut packed);
                Ok(())
            }
            _ => item.pack_bytes(args.check_bytes(vm, i)?, &mut packed),
        };
        done.map_err(|error| pack_error(vm, i, error))?;
    }
    charge(vm, packed.len());
    let packed = vm.finish_text(packed)?;
    vm.answer(packed)
}

/// `string.packsize(fmt)`
pub(super) fn packsize(vm: &mut Vm, args: Args) -> NativeResult {
    let format = args.check_bytes(vm, 0)?;
    let size = pack_size(format).map_err(|error| pack_error(vm, 0, error))?;
    vm.answer(Value::int(size as i64))
}

/// `string.unpack(fmt, s [, pos])`
pub(super) fn unpack(vm: &mut Vm, args: Args) -> NativeResult {
    let mut items = Items::new(args.check_bytes(vm, 0)?);
    let data = args.check_bytes(vm, 1)?;
    let position = absolute(args.opt_int(vm, 2, 1)?, data.len());
    let mut position = match usize::try_from(position - 1) {
        Ok(position) if position <= data.len() => position,
        _ => return Err(vm.argument_error(2, "initial position out of string")),
    };
    let mut count = 0;
    while let Some(item) = items.next(position).map_err(|error| pack_error(vm, 1, error))? {
        let value = match item.unpack(data, &mut position).map_err(|error| pack_error(vm, 1, error))? {
            Unpacked::Int(i) => Value::int(i),
            Unpacked::Float(f) => Value::float(f),
            Unpacked::Bytes(bytes) => vm.string(bytes)?,
            Unpacked::Nothing => continue,
        };
        vm.push(value)?;
        count += 1;
    }
    vm.push(Value::int(position as i64 + 1))?;
    Ok(Flow::Return(count + 1))
}
