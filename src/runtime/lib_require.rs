//! `require` of processes: makes the tables of `package` when it is first called, so that a process that never calls it
//! does not carry them.

use std::sync::Arc;

use super::process_state::state;
use crate::stdlib::package;
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::image::{BASE, Library, Literal};
use crate::vm::native::{Args, Flow, Native, NativeResult};
use crate::vm::raw::string_bytes;
use crate::vm::value::Value;

/// Extends the base library.
pub static LIBRARY: Library =
    Library { name: BASE, global: true, natives: &[Native::new("require", require)], constants: &[] };

/// Gives a process `package` and the `require` that goes with it; not in a sandbox.
///
/// # Errors
/// The memory limit.
pub fn install(vm: &mut Vm) -> Result<(), Box<LuaError>> {
    if vm.image.is_sandbox() {
        return Ok(());
    }
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

/// The global of a name: what an entry lists are globals of its processes (`runtime.md` §8.4). Where entries list nothing,
/// it is the built-in module first.
fn built_in(vm: &mut Vm, args: Args) -> NativeResult {
    let name = args.check_string(vm, 0)?;
    let text = String::from_utf8_lossy(string_bytes(name)).into_owned();
    let known = vm.image.module(&text);
    let listed = state(vm).core().entries.lists_modules();
    let module = match known {
        Some(module) if !listed => vm.own(module),
        _ => {
            let globals = vm.globals();
            vm.raw_get(globals, name)
        }
    };
    if !module.is_nil() {
        return vm.answer(module);
    }
    let entry = Arc::clone(&state(vm).entry);
    let why = match known {
        Some(_) => format!("it is not listed under 'modules' of entry {entry}"),
        None if listed => format!("there is no such module, and no such import of entry {entry}"),
        None => "there is no such module".to_owned(),
    };
    Err(vm.error(&format!("module '{text}' not found\n\t{why}")))
}

/// `package` of a sandbox: nothing can be found or loaded through it.
pub static PACKAGE: Library = Library {
    name: "package",
    global: true,
    natives: &[Native::new("loadlib", loadlib), Native::new("seeall", seeall)],
    constants: &[("path", Literal::String("")), ("cpath", Literal::String(""))],
};

fn loadlib(vm: &mut Vm, args: Args) -> NativeResult {
    args.check_string(vm, 0)?;
    let (message, place) = (vm.string(b"libraries cannot be loaded in a sandbox")?, vm.string(b"absent")?);
    vm.push_all(&[Value::NIL, message, place])?;
    Ok(Flow::Return(3))
}

/// `package.seeall(module)`, as in Lua 5.1: the module inherits from the globals.
fn seeall(vm: &mut Vm, args: Args) -> NativeResult {
    let module = args.check_table(vm, 0)?;
    let metatable = vm.new_table(0, 1);
    let globals = Value::table(vm.globals());
    vm.raw_set_name(metatable, "__index", globals)?;
    vm.set_table_metatable(module, metatable)?;
    Ok(Flow::Return(0))
}
