//! `coroutine.spawn` and `coroutine.running` (`runtime.md` §4): the part of the coroutine library that knows of tasks.

use smallvec::smallvec;

use super::process_state::state;
use super::select::check_can_wait;
use super::task::{MAIN, Results};
use crate::vm::Vm;
use crate::vm::exit::Request;
use crate::vm::image::Library;
use crate::vm::native::{Args, Flow, Native, NativeResult};
use crate::vm::value::Value;

/// Extends the `coroutine` library.
pub static LIBRARY: Library = Library {
    name: "coroutine",
    global: true,
    natives: &[Native::new("spawn", spawn), Native::new("running", running)],
    constants: &[],
};

fn spawn(vm: &mut Vm, args: Args) -> NativeResult {
    let function = args.check_function(vm, 0)?;
    check_can_wait(vm)?;
    let thread = vm.new_root(function);
    let arguments: Results = (1..args.len).map(|i| args.get(vm, i)).collect();
    let tasks = &mut state(vm).tasks;
    tasks.spawn(thread, arguments);
    tasks.let_main_take_turns();
    // The new task runs up to its first blocking point before this call returns.
    tasks.give_way(smallvec![Value::thread(thread)]);
    vm.suspend(Request::Event("coroutine.spawn"))
}

/// As in the coroutine library, but of all scheduled coroutines only the process's first is the main one.
fn running(vm: &mut Vm, _: Args) -> NativeResult {
    let main = vm.runs_main_coroutine() && matches!(state(vm).tasks.current(), None | Some(MAIN));
    let thread = vm.current_thread();
    vm.push(Value::thread(thread))?;
    vm.push(Value::bool(main))?;
    Ok(Flow::Return(2))
}
