//! `collectgarbage`.

use crate::vm::Vm;
use crate::vm::native::{Args, NativeResult};
use crate::vm::value::Value;

const OPTIONS: &[&str] = &["collect", "stop", "restart", "count", "step", "setpause", "setstepmul", "isrunning"];

/// `collectgarbage([option [, argument]])`
pub(super) fn collectgarbage(vm: &mut Vm, args: Args) -> NativeResult {
    let option = args.check_option(vm, 0, Some(0), OPTIONS)?;
    let argument = args.opt_int(vm, 1, 0)?;
    let percent = usize::try_from(argument).unwrap_or(0);
    let answer = match OPTIONS[option] {
        "collect" => {
            vm.collect();
            vm.fuel -= vm.heap.count_bytes() as i64 / 64;
            return vm.finalize_and_answer(args, Value::int(0));
        }
        "step" => {
            let done = vm.collect_step(percent);
            return vm.finalize_and_answer(args, Value::bool(done));
        }
        "stop" => {
            vm.heap.stop();
            Value::int(0)
        }
        "restart" => {
            vm.heap.restart();
            Value::int(0)
        }
        "count" => Value::float(vm.heap.count_bytes() as f64 / 1024.0),
        "setpause" => Value::int(vm.heap.set_pause(percent) as i64),
        "setstepmul" => Value::int(vm.heap.set_step_multiplier(percent) as i64),
        _ => Value::bool(vm.heap.is_running()),
    };
    vm.answer(answer)
}
