//! `coroutine.spawn` (`runtime.md` §4.2): the part of the coroutine library that needs the runtime.

use super::process_state::state;
use super::task::Results;
use crate::vm::Vm;
use crate::vm::image::Library;
use crate::vm::native::{Args, Native, NativeResult};
use crate::vm::value::Value;

/// Extends the `coroutine` library.
pub static LIBRARY: Library =
    Library { name: "coroutine", global: true, natives: &[Native { name: "spawn", run: spawn }], constants: &[] };

fn spawn(vm: &mut Vm, args: Args) -> NativeResult {
    let function = args.check_function(vm, 0)?;
    let thread = vm.new_root(function);
    let arguments: Results = (1..args.len).map(|i| args.get(vm, i)).collect();
    super::select::check_can_wait(vm)?;
    state(vm).tasks.spawn(thread, arguments);
    vm.answer(Value::thread(thread))
}
