//! A process: what others may touch of it, its step, and its end.
//!
//! # A step
//!
//! 1. Look for a termination request.
//! 2. Take what has arrived in the mailbox and deliver it; that may make tasks ready.
//! 3. Run ready tasks, first in first out, each until it waits, yields, ends, or the slice is used up. Before each, go
//!    back to 1.
//! 4. If none is ready: wait for news. If the slice is used up: go to the back of the queue.
//!
//! # The end
//!
//! The heap is freed, tasks and all. From the moment the relations are marked as ended, nobody can begin to watch the
//! process. Names are released before those who watch it are told.
//!
//! House rules: the machine is touched only by the worker that runs the step, and by the creator before the first step.

use std::any::Any;
use std::cell::UnsafeCell;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::{Mutex, MutexGuard};

use super::channel;
use super::channel_cycles;
use super::core::{RuntimeCore, SHUTDOWN};
use super::errors::{self, CANCELED, ErrorData};
use super::hosts::HostKind;
use super::links::{OnExit, Relation, RelationError, Relations};
use super::mail::{Happening, Mail, Outcome, ProcessEvent};
use super::mailbox;
use super::pid::{NOBODY, Pid};
use super::process_state::state;
use super::queue::Queue;
use super::scheduler::Runnable;
use super::state::{RunState, StepOutcome};
use super::task::{MAIN, Wait};
use super::transfer::{Parcel, Text, pack};
use super::upgrade::Upgrade;
use super::worker::WorkerContext;
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::event::Event;
use crate::vm::exit::{Exit, Request};
use crate::vm::pool::Pooled;
use crate::vm::value::Value;

/// The slice where others wait that only this worker can run: a small part of the usual one.
const SHORT_SLICE: i64 = 2_000;

/// A process.
pub struct Process {
    run_state: RunState,
    /// What others have sent.
    pub mailbox: Queue<Mail>,
    /// Its number.
    pub pid: Pid,
    /// What all processes of the runtime share.
    pub core: Arc<RuntimeCore>,
    /// Its Lua state; `None` once it has ended.
    machine: UnsafeCell<Option<Pooled<Vm>>>,
    /// Where that is, or was.
    machine_address: AtomicPtr<Vm>,
    relations: Mutex<Relations>,
    /// Somebody waits for its end, as for that of a script or of the execution of a function: a deadlock ends it.
    must_end: bool,
}

// SAFETY: `machine` is accessed only by the worker that the run state lets run the process (and by its creator before it
// is queued); everything else is shareable by itself.
unsafe impl Sync for Process {}
// SAFETY: a machine may move between threads.
unsafe impl Send for Process {}

/// How a step ended.
enum Step {
    /// As the scheduler sees it.
    Pause(StepOutcome),
    /// The Lua state is to be replaced.
    Upgrade(Upgrade),
    /// The process has come to its end.
    End(Outcome),
}

impl Process {
    /// A process without a Lua state; see [`Process::set_machine`].
    pub fn new(core: Arc<RuntimeCore>, pid: Pid, must_end: bool) -> Arc<Process> {
        Arc::new(Process {
            run_state: RunState::new(),
            mailbox: Queue::new(),
            pid,
            core,
            machine: UnsafeCell::new(None),
            machine_address: AtomicPtr::default(),
            relations: Mutex::default(),
            must_end,
        })
    }

    /// Gives the process its Lua state, in place of the one it has.
    ///
    /// # Safety
    /// The process has not been queued yet, or the caller is the worker that runs it. The old state is not referred to any
    /// more.
    pub unsafe fn set_machine(&self, vm: Pooled<Vm>) {
        self.machine_address.store((&raw const *vm).cast_mut(), Ordering::Relaxed);
        // SAFETY: by contract nobody else looks at it.
        unsafe { *self.machine.get() = Some(vm) };
    }

    /// Where its Lua state is, or was: to be fetched into the cache, not to be looked at.
    pub fn machine_address(&self) -> *const Vm {
        self.machine_address.load(Ordering::Relaxed)
    }

    /// A reference that does not keep it alive.
    pub fn weak(&self) -> Weak<Process> {
        // SAFETY: `new` is the only way to a process, so it lies in an `Arc`, whose count this does not change.
        Arc::downgrade(&ManuallyDrop::new(unsafe { Arc::from_raw(self) }))
    }

    /// A reference that keeps it alive.
    pub fn counted(&self) -> Arc<Process> {
        // SAFETY: `new` is the only way to a process, so it lies in an `Arc`, which the caller's reference keeps alive.
        unsafe {
            Arc::increment_strong_count(self);
            Arc::from_raw(self)
        }
    }

    /// Puts something into the mailbox and wakes the process; gives it back if the process has ended.
    pub fn post(self: &Arc<Process>, mail: Mail) -> Result<(), Mail> {
        self.mailbox.push(mail).map_err(|closed| closed.0)?;
        self.core.scheduler.wake(self);
        Ok(())
    }

    /// As [`Process::post`], for what is in no hurry.
    pub fn post_later(self: &Arc<Process>, mail: Mail) -> Result<(), Mail> {
        self.mailbox.push(mail).map_err(|closed| closed.0)?;
        self.core.scheduler.wake_later(self);
        Ok(())
    }

    /// Whether somebody waits for its end, as for that of a script, so that a deadlock ends it.
    pub fn must_end(&self) -> bool {
        self.must_end
    }

    /// Whether it has the terminal: as the process of a terminal host, or as the program that a command runs.
    pub fn has_terminal(&self) -> bool {
        match self.pid.host() {
            0 => self.must_end,
            _ => self.core.hosts.of(self.pid).kind == HostKind::Terminal,
        }
    }

    /// Who is to be told of the end. Held for a moment only, and no other lock is taken meanwhile but that of another
    /// process's relations, see [`links`](super::links).
    pub fn relations(&self) -> MutexGuard<'_, Relations> {
        self.relations.lock()
    }

    /// Asks it to end because the runtime shuts down; asking again does nothing.
    pub fn ask_to_end(self: &Arc<Process>) {
        if !self.relations().note_asked() {
            return;
        }
        let what = Happening::Cancel(Text::from_bytes(SHUTDOWN.as_bytes()));
        let at = self.core.driver.wall_clock().seconds;
        // A process that ends at the same time does not care any more.
        let _ = self.post(Mail::Event(Pooled::new(ProcessEvent { from: NOBODY, at, what })));
    }

    /// Whether its termination was requested.
    pub fn is_doomed(&self) -> bool {
        self.run_state.kill_requested()
    }

    /// Calls `then` with the outcome when the process ends. To be set before it can run.
    pub fn on_exit(&self, then: OnExit) {
        self.relations().set_on_exit(then);
    }

    /// Lets `watcher` be told of the end.
    ///
    /// # Errors
    /// If the process has ended, or the relation exists already.
    pub fn watch(&self, watcher: Pid, relation: Relation) -> Result<(), RelationError> {
        self.relations().watch(watcher, relation)
    }

    /// Takes a relation back.
    pub fn unwatch(&self, watcher: Pid, relation: Relation) {
        self.relations().unwatch(watcher, relation);
    }

    /// One step of so many calls and backward jumps at most; see the module header.
    fn step(&self, vm: &mut Vm, slice: i64) -> Step {
        vm.fuel = slice;
        mailbox::prefetch(vm);
        loop {
            if self.run_state.kill_requested() {
                return Step::End(Err(self.killed()));
            }
            if let Err(mut error) = mailbox::drain(vm) {
                return Step::End(self.failure(vm, &mut error));
            }
            if let Some(rare) = &mut state(vm).rare {
                if let Some(doom) = rare.doom.take() {
                    return Step::End(Err(doom));
                }
                if let Some(upgrade) = rare.upgrade.take() {
                    return Step::Upgrade(upgrade);
                }
            }
            if vm.fuel <= 0 && state(vm).tasks.has_ready() {
                return Step::Pause(StepOutcome::Yielded);
            }
            let tasks = &mut state(vm).tasks;
            let Some((thread, error)) = tasks.start_next() else {
                return self.wait(vm);
            };
            let exit = match error {
                None => {
                    let values = tasks.take_results();
                    vm.run(thread, &values)
                }
                Some(error) => vm.run_with_error(thread, error),
            };
            let innermost = vm.current_thread();
            let tasks = &mut state(vm).tasks;
            match exit {
                Exit::Suspended(Request::Event(_)) => tasks.suspended(innermost),
                Exit::Suspended(Request::Turn) => tasks.yielded(innermost),
                Exit::OutOfBudget => {
                    tasks.preempted(innermost);
                    return Step::Pause(StepOutcome::Yielded);
                }
                Exit::Finished(values) => {
                    if tasks.current() == Some(MAIN) {
                        // It may have come when the process last looked into its mailbox.
                        let doom = state(vm).take_doom();
                        return Step::End(doom.map_or_else(|| self.result(vm, &values), Err));
                    }
                    tasks.finished();
                }
                Exit::Failed(mut error) => return Step::End(self.failure(vm, &mut error)),
                Exit::Suspended(Request::Host(_)) => {
                    return Step::End(Err(ErrorData::internal("unknown request to the runtime")));
                }
            }
        }
    }

    /// What a terminated process has failed with.
    fn killed(&self) -> Arc<ErrorData> {
        if self.core.out_of_time.load(Ordering::Relaxed) {
            return Arc::new(ErrorData::plain(CANCELED, SHUTDOWN));
        }
        ErrorData::internal("process terminated")
    }

    /// No task is ready: waits for news, unless there can be none.
    fn wait(&self, vm: &mut Vm) -> Step {
        let host = state(vm);
        let hopeless = host.tasks.waits_for_itself() && !host.mailbox.is_open() && !host.expects_news();
        if hopeless {
            let text = format!("deadlock: all coroutines blocked ({})", host.tasks.reasons().count());
            if self.must_end {
                let reasons: Vec<&str> = host.tasks.reasons().collect();
                let error = ErrorData {
                    stack: format!("waiting for: {}", reasons.join(", ")),
                    ..ErrorData::plain("Internal", &text)
                };
                return Step::End(Err(Arc::new(error)));
            }
            if !std::mem::replace(&mut host.warned, true) {
                eprintln!("warning: {} ({}): {text}", host.entry, self.core.hosts.shown(self.pid));
            }
        }
        Step::Pause(StepOutcome::Waiting)
    }

    /// The outcome of a main function that returned (`runtime.md` §1.5).
    fn result(&self, vm: &mut Vm, values: &[Value]) -> Outcome {
        let second = values.get(1).copied().unwrap_or(Value::NIL);
        if let Some(error) = errors::error_of(second) {
            return Err(error.across_boundary());
        }
        if second.is_string() {
            // SAFETY: a live string.
            let text = String::from_utf8_lossy(unsafe { (*second.as_string()).as_bytes() }).into_owned();
            let error = ErrorData { retryable: Some(false), ..ErrorData::plain("Internal", &text) };
            return Err(Arc::new(error));
        }
        let needed = self.relations().outcome_matters();
        Ok(match values.first() {
            Some(value) if needed => pack(vm, *value),
            _ => Parcel::Nil,
        })
    }

    /// The outcome of a task that raised an error.
    fn failure(&self, vm: &mut Vm, error: &mut LuaError) -> Outcome {
        let data = match errors::error_of(error.value) {
            Some(data) => data.across_boundary(),
            None => {
                let text = self.thrown_text(vm, error.value);
                Arc::new(ErrorData {
                    stack: error.traceback.take().unwrap_or_default(),
                    ..ErrorData::plain("Internal", &text)
                })
            }
        };
        Err(data)
    }

    /// The text of a thrown value, as `tostring` gives it.
    fn thrown_text(&self, vm: &mut Vm, value: Value) -> String {
        let handler = vm.handler(value, Event::ToString);
        if handler.is_function() {
            let thread = vm.new_root(handler);
            vm.fuel = self.core.settings.slice;
            // A handler that fails, waits or takes too long does not count.
            if let Exit::Finished(values) = vm.run(thread, &[value])
                && let Some(text) = values.first().filter(|text| text.is_string())
            {
                return errors::value_text(vm, *text);
            }
        }
        errors::value_text(vm, value)
    }

    /// Ends a process that was queued so late that no worker came to it.
    ///
    /// # Safety
    /// No worker runs it, or will.
    pub unsafe fn end_without_worker(self: &Arc<Process>) {
        self.end(Err(self.killed()));
    }

    /// Frees the Lua state and tells whoever wants to know.
    fn end(self: &Arc<Process>, outcome: Outcome) {
        // SAFETY: the worker that ends the process runs it.
        let machine = unsafe { (*self.machine.get()).take() };
        // A destructor that panics was reported; it must not keep the end from those who wait for it.
        let _ = catch_unwind(AssertUnwindSafe(|| machine.map(|mut vm| self.leave(&mut vm))));
        let ties = self.relations().end();
        self.mailbox.close();
        channel_cycles::clear();
        self.core.processes.remove(self.pid);
        self.core.hosts.ended(self.pid, &outcome);
        self.core.names.release(self.pid, &ties.names);
        if !ties.watchers.is_empty() {
            let at = self.core.driver.wall_clock().seconds;
            ties.watchers.for_each(|pid, relation| self.tell(pid, relation, at, &outcome));
        }
        if let Some(on_exit) = ties.on_exit {
            // As for destructors.
            let _ = catch_unwind(AssertUnwindSafe(|| on_exit(outcome)));
        }
        self.core.processes.ended();
    }

    /// Tells a watcher of the end.
    fn tell(&self, watcher: Pid, relation: Relation, at: i64, outcome: &Outcome) {
        let Some(watcher) = self.core.processes.get(watcher) else { return };
        let what = match relation {
            Relation::Monitor => Happening::Exit(outcome.clone()),
            Relation::Link => {
                watcher.unwatch(self.pid, Relation::Link);
                if outcome.is_ok() {
                    return;
                }
                Happening::LinkDown(outcome.clone())
            }
        };
        // A watcher that ends at the same time does not care any more.
        let _ = watcher.post(Mail::Event(Pooled::new(ProcessEvent { from: self.pid, at, what })));
    }

    /// Ends what the Lua state has going on elsewhere: its places in the queues of shared channels, timers, subscriptions.
    pub(super) fn leave(&self, vm: &mut Vm) {
        let waits: Vec<_> = state(vm).tasks.take_waits().collect();
        for (id, wait) in waits {
            match wait {
                Wait::Channel(handle) => channel::leave_shared(self, handle, id),
                Wait::Select(cases) => cases.iter().for_each(|case| channel::leave_shared(self, case.channel, id)),
                Wait::Timer(key) => drop(self.core.timers.cancel(key)),
                Wait::Nothing | Wait::Operation(_) | Wait::Call(_) => {}
            }
        }
        if let Some(mut rare) = state(vm).rare.take() {
            rare.held.release();
            rare.alarms.keys().for_each(|key| drop(self.core.timers.cancel(key)));
            self.core.bus.unsubscribe(&rare.subscriptions);
            self.core.groups.unsubscribe(&rare.subscriptions);
            self.core.groups.forget(&self.core, self.pid, &rare.memberships);
        }
    }
}

impl Drop for Process {
    /// One that was never launched may have begun things elsewhere while its code was loaded.
    fn drop(&mut self) {
        if let Some(mut vm) = self.machine.get_mut().take() {
            self.leave(&mut vm);
        }
    }
}

impl Runnable for Process {
    fn state(&self) -> &RunState {
        &self.run_state
    }

    fn prefetch(&self) {
        // SAFETY: by contract no other worker can run the process, and this one does not yet.
        if let Some(vm) = unsafe { (*self.machine.get()).as_deref() } {
            vm.prefetch();
        }
    }

    fn run(self: &Arc<Self>, worker: &WorkerContext<Self>) -> StepOutcome {
        let slice = self.core.settings.slice;
        let slice = if worker.keeps_some_near() { slice.min(SHORT_SLICE) } else { slice };
        let outcome = loop {
            // SAFETY: the scheduler lets one worker at a time run a process, and the creator has let go of it. The
            // reference is used up before the next round makes another.
            let Some(vm) = (unsafe { (*self.machine.get()).as_deref_mut() }) else { return StepOutcome::Finished };
            match self.step(vm, slice) {
                Step::Pause(outcome) => return outcome,
                Step::End(outcome) => break outcome,
                Step::Upgrade(upgrade) => match upgrade.carry_out(self, vm) {
                    // SAFETY: as above; the old machine is not referred to any more.
                    Ok(machine) => unsafe { self.set_machine(machine) },
                    Err(_) if self.is_doomed() => break Err(self.killed()),
                    Err(error) => break Err(Arc::new(error)),
                },
            }
        };
        self.end(outcome);
        StepOutcome::Finished
    }

    fn on_panic(self: &Arc<Self>, payload: Box<dyn Any + Send>) {
        self.end(Err(Arc::new(ErrorData::panic(&*payload))));
    }
}
