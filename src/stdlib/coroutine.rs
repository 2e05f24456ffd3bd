//! Coroutines (manual §6.2).

use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::image::Library;
use crate::vm::native::{Args, Flow, Native, NativeResult};
use crate::vm::thread::Thread;
use crate::vm::value::Value;

/// `coroutine`
pub static LIBRARY: Library = Library {
    name: "coroutine",
    global: true,
    natives: &[
        Native::new("create", create),
        Native::new("isyieldable", isyieldable),
        Native::new("resume", resume),
        Native::new("running", running),
        Native::new("status", status),
        Native::new("wrap", wrap),
        Native::new("yield", yield_values),
    ],
    constants: &[],
};

/// What `coroutine.wrap` returns; it captures the coroutine.
static WRAPPED: Native = Native::new("wrap", resume_wrapped);

fn check_coroutine(vm: &mut Vm, args: Args) -> Result<*mut Thread, Box<LuaError>> {
    let value = args.get(vm, 0);
    if value.is_thread() { Ok(value.as_thread()) } else { Err(vm.argument_error(0, "thread expected")) }
}

fn create(vm: &mut Vm, args: Args) -> NativeResult {
    let function = args.check_function(vm, 0)?;
    let thread = vm.new_thread(function);
    vm.answer(Value::thread(thread))
}

fn isyieldable(vm: &mut Vm, _: Args) -> NativeResult {
    let yieldable = vm.is_yieldable();
    vm.answer(Value::bool(yieldable))
}

fn resume(vm: &mut Vm, args: Args) -> NativeResult {
    check_coroutine(vm, args)?;
    Ok(Flow::Resume { values: args.len - 1, wrap: false })
}

fn running(vm: &mut Vm, _: Args) -> NativeResult {
    let main = vm.runs_main_coroutine();
    let thread = vm.current_thread();
    vm.push_all(&[Value::thread(thread), Value::bool(main)])?;
    Ok(Flow::Return(2))
}

fn status(vm: &mut Vm, args: Args) -> NativeResult {
    let thread = check_coroutine(vm, args)?;
    let status = vm.coroutine_status(thread);
    let status = vm.string(status.as_bytes())?;
    vm.answer(status)
}

fn wrap(vm: &mut Vm, args: Args) -> NativeResult {
    let function = args.check_function(vm, 0)?;
    let thread = vm.new_thread(function);
    let wrapped = vm.new_native_closure(&WRAPPED, &[Value::thread(thread)]);
    vm.answer(wrapped)
}

fn resume_wrapped(vm: &mut Vm, args: Args) -> NativeResult {
    let thread = vm.captured(0);
    vm.push(thread)?;
    for i in 0..args.len {
        vm.push(args.get(vm, i))?;
    }
    Ok(Flow::Resume { values: args.len, wrap: true })
}

fn yield_values(_: &mut Vm, args: Args) -> NativeResult {
    Ok(Flow::Yield(args.len))
}
