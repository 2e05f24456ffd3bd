//! `print` of the sandbox (`runtime.md` §9): a record that says which process writes it, and where.
//!
//! What the process at the terminal prints is meant for whoever sits there, and goes out as it is.

use super::process_state::state;
use crate::stdlib::base;
use crate::vm::Vm;
use crate::vm::image::{BASE, Library};
use crate::vm::native::{Args, Native, NativeResult};

/// The library.
pub static LIBRARY: Library =
    Library { name: BASE, global: true, natives: &[Native::new("print", print)], constants: &[] };

/// `print(...)`: what comes in front is one more argument, the first.
fn print(vm: &mut Vm, args: Args) -> NativeResult {
    let process = state(vm).process();
    if process.has_terminal() {
        return base::print(vm, args);
    }
    let (pid, place) = (process.core.hosts.shown(process.pid), vm.position(1));
    let origin = format!("{pid} {}", place.trim_end());
    let origin = vm.string(origin.trim_end().as_bytes())?;
    vm.push(origin)?;
    let all = Args { len: args.len + 1, ..args };
    for i in (0..args.len).rev() {
        let value = all.get(vm, i);
        all.set(vm, i + 1, value);
    }
    all.set(vm, 0, origin);
    base::print(vm, all)
}
