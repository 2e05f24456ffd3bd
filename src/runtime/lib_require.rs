//! `require` of processes: makes the tables of `package` when it is first called, so that a process that never calls it
//! does not carry them.

use super::process_state::state;
use crate::stdlib::package;
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::image::{BASE, Library};
use crate::vm::native::{Args, Flow, Native, NativeResult};

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

/// Replaces itself by the real one, and calls that.
fn require(vm: &mut Vm, args: Args) -> NativeResult {
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
