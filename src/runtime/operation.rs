//! Operations off the workers, for host modules: the calling task waits, the rest of the process goes on.
//!
//! A module gives the work, which runs elsewhere, and a `finish` that turns its result into Lua values, which runs in the
//! process. When the process ends first, the work is dropped as far as that is possible, and `finish` is not called.

use std::future::Future;
use std::io;

use super::io::{Completion as IoResult, Operation};
use super::mail::{Completion, Mail};
use super::process_state::state;
use super::select::check_can_wait;
use super::task::{Continuation, Wait};
use crate::vm::Vm;
use crate::vm::exit::Request;
use crate::vm::native::NativeResult;

/// Runs a function that may block; `reason` says what the task waits for.
///
/// # Errors
/// Where waiting is impossible, and if the operating system refuses threads.
pub fn run_blocking<T: Send + 'static>(
    vm: &mut Vm,
    reason: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
    finish: impl FnOnce(&mut Vm, T) -> Continuation + Send + 'static,
) -> NativeResult {
    check_can_wait(vm)?;
    let complete = completion(vm, finish);
    let started = state(vm).core().io.spawn_blocking(work, complete);
    wait(vm, reason, started)
}

/// Runs a future; `reason` says what the task waits for.
///
/// # Errors
/// As for [`run_blocking`].
pub fn run_future<F>(
    vm: &mut Vm,
    reason: &'static str,
    future: F,
    finish: impl FnOnce(&mut Vm, F::Output) -> Continuation + Send + 'static,
) -> NativeResult
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    check_can_wait(vm)?;
    let complete = completion(vm, finish);
    let started = state(vm).core().io.spawn_io(future, complete);
    wait(vm, reason, started)
}

/// What hands a result over to the running task.
fn completion<T: Send + 'static>(
    vm: &mut Vm,
    finish: impl FnOnce(&mut Vm, T) -> Continuation + Send + 'static,
) -> impl FnOnce(IoResult<T>) + Send + 'static {
    let process = state(vm).process().weak();
    let id = state(vm).tasks.next_wait();
    move |result| {
        let Some(process) = process.upgrade() else { return };
        let finish = Box::new(move |vm: &mut Vm| match result {
            Ok(value) => finish(vm, value),
            Err(_) => Err(vm.error("a host operation panicked")),
        });
        // A process that ends at the same time does not care any more.
        let _ = process.post(Mail::Completion(Box::new(Completion { id, finish })));
    }
}

fn wait(vm: &mut Vm, reason: &'static str, started: io::Result<Operation>) -> NativeResult {
    match started {
        Ok(operation) => {
            state(vm).tasks.begin_wait(reason, Wait::Operation(operation), true);
            vm.suspend(Request::Event(reason))
        }
        Err(error) => Err(vm.error(&format!("cannot start a thread: {error}"))),
    }
}
