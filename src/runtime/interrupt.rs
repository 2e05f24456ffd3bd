//! Interrupting the main process from outside, as Ctrl-C does.
//!
//! A script that has opened its events takes part in an orderly shutdown: all processes get CANCEL, and the script is
//! ended if it has not done so itself by the deadline. In any other program the main task raises an error wherever it is.

use std::sync::Arc;
use std::time::Duration;

use super::channel;
use super::core::{Alarm, SHUTDOWN};
use super::errors::{CANCELED, ErrorData};
use super::mail::Mail;
use super::process::Process;
use super::process_state::state;
use super::task::{MAIN, TaskId, Wait};
use crate::vm::Vm;
use crate::vm::error::LuaError;

/// What an interrupted program raises.
const MESSAGE: &[u8] = b"interrupted!";

/// How long processes have for an orderly shutdown.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// Interrupts a process; see the module header. The main task raises `interrupted!` at its next turn: in a loop when its
/// slice is used up, in a wait at once. A native function that runs for long is not interrupted. When the turn has come, `wanted` is asked whether
/// what was to be interrupted is still going on.
pub fn interrupt(process: &Arc<Process>, wanted: impl Fn() -> bool + Send + 'static) {
    // A process that ends at the same time does not care any more.
    let _ = process.post(Mail::Visit(Box::new(move |vm| interrupt_main(vm, wanted))));
}

fn interrupt_main(vm: &mut Vm, wanted: impl Fn() -> bool + Send + 'static) {
    if !wanted() {
        return;
    }
    let process = state(vm).process();
    if process.must_end() && state(vm).mailbox.has_events() {
        process.core.begin_shutdown();
        let doom = Mail::Visit(Box::new(|vm| {
            state(vm).rare().doom = Some(Arc::new(ErrorData::plain(CANCELED, SHUTDOWN)));
        }));
        let deadline = process.core.driver.now().after(DEADLINE);
        process.core.timers.insert(deadline, Alarm { process: process.weak(), mail: doom });
        return;
    }
    let tasks = &mut state(vm).tasks;
    let id = TaskId { index: MAIN, ticket: tasks.ticket(MAIN) };
    if tasks.is_waiting(id) && !tasks.take_claim(MAIN) {
        // The result of its select is under way and ends the wait; the error comes after it.
        if let Some(process) = state(vm).process().weak().upgrade() {
            interrupt(&process, wanted);
        }
        return;
    }
    let error = match vm.string(MESSAGE) {
        Ok(message) => LuaError::new(message),
        Err(error) => error,
    };
    match state(vm).tasks.interrupt(MAIN, error) {
        Wait::Channel(handle) => channel::dequeue(vm, handle, id),
        wait @ Wait::Select(_) => channel::leave_queues(vm, id, wait),
        Wait::Timer(key) => drop(state(vm).core().timers.cancel(key)),
        Wait::Nothing | Wait::Operation(_) | Wait::Call(_) => {}
    }
}
