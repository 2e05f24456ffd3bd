//! Operations off the workers, for host modules: the calling task waits, the rest of the process goes on.
//!
//! A module gives the work, which runs elsewhere, and a `finish` that turns its result into Lua values, which runs in the
//! process. When the process ends first, the work is dropped as far as that is possible, and `finish` is not called: a
//! future where it waits, a function where it looks at its [`Interest`].

use std::future::{Future, pending};
use std::io;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::spawn_blocking;

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

/// Whether somebody waits for what a function works on.
#[derive(Clone, Default)]
pub struct Interest(Arc<AtomicBool>);

impl Interest {
    /// That of nobody.
    #[cfg(test)]
    pub fn none() -> Interest {
        Interest(Arc::new(AtomicBool::new(true)))
    }

    /// Nobody does any more: the result may be anything.
    #[inline]
    pub fn is_lost(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Takes the interest away when dropped.
struct Interested(Interest);

impl Drop for Interested {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

/// Runs a function that computes for long and looks now and then whether anybody is interested in the result.
///
/// # Errors
/// As for [`run_blocking`].
pub fn run_long<T: Send + 'static>(
    vm: &mut Vm,
    reason: &'static str,
    work: impl FnOnce(&Interest) -> T + Send + 'static,
    finish: impl FnOnce(&mut Vm, T) -> Continuation + Send + 'static,
) -> NativeResult {
    let interest = Interest::default();
    let interested = Interested(interest.clone());
    let result = async move {
        let _interested = interested;
        match spawn_blocking(move || work(&interest)).await {
            Ok(result) => result,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                // The runtime shuts down.
                Err(_) => pending().await,
            },
        }
    };
    run_future(vm, reason, result, finish)
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
