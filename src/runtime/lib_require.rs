//! `require` of processes: makes the tables of `package` when it is first called, so that a process that never calls it
//! does not carry them.

use super::process_state::state;
use crate::stdlib::package;
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::image::{BASE, Library};
use crate::vm::native::{Args, Flow, Native, NativeResult};
use crate::vm::raw::string_bytes;

/// Extends the base library.
pub static LIBRARY: Library =
    Library { name: BASE, global: true, natives: &[Native::new("require", require)], constants: &[] };

/// Gives a process `package` and the `require` that goes with it.
///
/// # Errors
/// The memory limit.
pub fn install(vm: &mut Vm) -> Result<(), Box<LuaError>> {
    let path = &state(vm).core().module_path;
    package::install(vm, path)
}

/// Replaces itself by the real one, and calls that. In a sandbox there is none: it gives what is built in, and no files.
fn require(vm: &mut Vm, args: Args) -> NativeResult {
    if vm.image.is_sandbox() {
        return built_in(vm, args);
    }
    let globals = vm.globals();
    install(vm)?;
    let real = vm.raw_get_name(globals, "require")?;
    vm.push(real)?;
    for i in 0..args.len {
        let argument = args.get(vm, i);
        vm.push(argument)?;
    }
    Ok(Flow::TailCall(args.len))
}

/// The built-in module, or else the global, of a name.
fn built_in(vm: &mut Vm, args: Args) -> NativeResult {
    let name = args.check_string(vm, 0)?;
    let text = String::from_utf8_lossy(string_bytes(name)).into_owned();
    let module = match vm.image.module(&text) {
        Some(module) => vm.own(module),
        None => {
            let globals = vm.globals();
            vm.raw_get(globals, name)
        }
    };
    if module.is_nil() {
        return Err(vm.error(&format!("module '{text}' not found")));
    }
    vm.answer(module)
}
