//! One worker thread: its queue, its `next` slot, and its search for work.
//!
//! A worker looks for its next process in this order:
//!
//! 1. the **`next` slot**: the process that the one just run has woken last. It finds its message in the cache, and the
//!    hand-over costs neither a push nor a system call, because the slot is invisible to other workers. A chain of more
//!    than [`STREAK`] such hand-overs gives way to the queues, so two processes that play ping-pong starve nobody;
//! 2. what is **near**: a few processes that were put aside, see below, when nobody else waited here. They touch what is in
//!    the cache of this processor and mostly run for a moment only, so other workers are neither woken for them nor can take
//!    them, until a step uses up its slice, which is a short one meanwhile. (Erlang has a threshold for waking schedulers for
//!    the same reason.)
//! 3. its **own queue**, first in first out;
//! 4. the **injector**, where everybody who is not a worker of this scheduler pushes. It is looked at *first* every
//!    [`INJECTOR_INTERVAL`] steps and after every step that used up its slice, so that long steps do not delay it;
//! 5. the **queues of others**, of which it takes half, beginning with a random one;
//! 6. sleep ([`parker`](super::parker)).
//!
//! A worker that is not wanted, see [`Handle::want`](super::scheduler::Handle::want), stands by between two steps.
//!
//! Processes that are woken by something that is in no hurry are put aside until the step ends, see
//! [`Handle::wake_later`](super::scheduler::Handle::wake_later).
//!
//! Everything here belongs to its thread alone (cells, no locks), except the stealers, which the scheduler shares, and the
//! counters, which only the thread writes.

use super::{
    scheduler::{Runnable, Shared},
    state::{NextAction, StepOutcome},
};
use crate::vm::pool;
use crossbeam_deque::{Steal, Worker as Deque};
use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    hint,
    panic::{AssertUnwindSafe, catch_unwind},
    ptr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

/// How many processes in a row may come out of the `next` slot, or of those that are near, while others wait.
const STREAK: u32 = 4;
/// How many processes may be near.
const NEAR: usize = 8;
/// Every how many steps the injector comes first. A prime, so as not to fall into step with a pattern of the load.
const INJECTOR_INTERVAL: u32 = 61;
/// How many fruitless rounds a searcher makes with the processor's pause hint, and how many yielding to the operating
/// system, before it sleeps.
const SPIN_ROUNDS: u32 = 4;
const YIELD_ROUNDS: u32 = 2;
/// How many steps may give way within each other on one worker.
const MAX_SUSPENDED: u32 = 16;

/// What a worker did so far. Written by the worker only.
#[derive(Default)]
#[repr(align(128))]
pub(crate) struct Tally {
    pub(crate) executed: AtomicU64,
    pub(crate) stolen: AtomicU64,
    pub(crate) parked: AtomicU64,
}

/// Adds without a locked instruction, as there is only one writer.
fn add(counter: &AtomicU64, amount: u64) {
    counter.store(counter.load(Ordering::Relaxed) + amount, Ordering::Relaxed);
}

/// The worker as the process sees it that it runs.
pub struct WorkerContext<R: Runnable> {
    pub(crate) shared: Arc<Shared<R>>,
    index: usize,
    local: Deque<Arc<R>>,
    next: Cell<Option<Arc<R>>>,
    /// See the module header.
    near: RefCell<VecDeque<Arc<R>>>,
    /// Woken, but to be queued only when the step ends.
    later: RefCell<Vec<Arc<R>>>,
    /// Consecutive uses of `next` and `near`.
    streak: Cell<u32>,
    steps: Cell<u32>,
    /// The last step used up its slice.
    look_outside: Cell<bool>,
    /// Steps that gave way to others and go on afterwards.
    suspended: Cell<u32>,
    random: Cell<u64>,
}

/// The worker that runs on a thread: its address and that of the scheduler's shared part, which tells its type.
#[derive(Clone, Copy)]
struct Current {
    shared: *const (),
    worker: *const (),
}

thread_local! {
    static CURRENT: Cell<Current> = const { Cell::new(Current { shared: ptr::null(), worker: ptr::null() }) };
}

/// Calls `then` with the worker of the scheduler `shared` that runs on this thread, or `otherwise` with the argument back.
pub(crate) fn with_current<R: Runnable, A, T>(
    shared: &Arc<Shared<R>>,
    argument: A,
    then: impl FnOnce(&WorkerContext<R>, A) -> T,
    otherwise: impl FnOnce(A) -> T,
) -> T {
    let current = CURRENT.get();
    if !ptr::eq(current.shared, Arc::as_ptr(shared).cast()) {
        return otherwise(argument);
    }
    // SAFETY: `enter` set both addresses together, and they are unset before the worker goes away. The worker holds an
    // `Arc` to its shared part, so as long as it lives no other object has that address, in particular none of another
    // type: equality of the addresses means the worker is a `WorkerContext<R>`. It is only used through shared
    // references, on the thread it belongs to.
    then(unsafe { &*current.worker.cast::<WorkerContext<R>>() }, argument)
}

impl<R: Runnable> WorkerContext<R> {
    pub(crate) fn new(shared: Arc<Shared<R>>, index: usize, local: Deque<Arc<R>>, seed: u64) -> Self {
        WorkerContext {
            shared,
            index,
            local,
            next: Cell::new(None),
            near: RefCell::default(),
            later: RefCell::default(),
            streak: Cell::new(0),
            steps: Cell::new(0),
            look_outside: Cell::new(false),
            suspended: Cell::new(0),
            random: Cell::new(seed | 1),
        }
    }

    /// The number of this worker, from 0.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Whether the scheduler is shutting down: a long step may use it to end early.
    pub fn is_stopping(&self) -> bool {
        self.shared.is_stopping()
    }

    /// The life of the worker's thread.
    pub(crate) fn work(self) {
        self.shared.idle.register(self.index);
        CURRENT.set(Current { shared: Arc::as_ptr(&self.shared).cast(), worker: ptr::from_ref(&self).cast() });
        // A panic that gets this far came out of a destructor or a panic report. The process is lost, the worker is not.
        while catch_unwind(AssertUnwindSafe(|| self.run_until_stopped())).is_err() {}
        CURRENT.set(Current { shared: ptr::null(), worker: ptr::null() });
    }

    fn run_until_stopped(&self) {
        self.suspended.set(0);
        while let Some(process) = self.find_process() {
            self.step(process);
        }
    }

    fn step(&self, process: Arc<R>) {
        let state = process.state();
        state.start_running();
        let (outcome, panic) = match catch_unwind(AssertUnwindSafe(|| process.run(self))) {
            Ok(outcome) => (outcome, None),
            Err(panic) => (StepOutcome::Finished, Some(panic)),
        };
        add(&self.shared.tallies[self.index].executed, 1);
        let used_up = outcome == StepOutcome::Yielded;
        self.look_outside.set(used_up);
        self.queue_later();
        if used_up {
            self.share();
        }
        match state.finish_step(outcome) {
            NextAction::Requeue => self.requeue(process),
            NextAction::Idle => {}
            NextAction::Dead => {
                if let Some(panic) = panic {
                    process.on_panic(panic);
                }
            }
        }
    }

    /// Gives those that wait a turn within a step that takes long; see [`Handle::give_way`](super::scheduler::Handle).
    ///
    /// A turn may be such a step itself. Past [`MAX_SUSPENDED`] of them within each other, the processes are only put where
    /// other workers find them.
    pub(crate) fn run_others(&self) {
        self.queue_later();
        self.share();
        if self.suspended.get() < MAX_SUSPENDED {
            self.suspended.set(self.suspended.get() + 1);
            for _ in 0..=self.local.len() {
                match self.own_process().filter(|_| !self.shared.is_stopping()) {
                    Some(process) => self.step(process),
                    None => break,
                }
            }
            self.suspended.set(self.suspended.get() - 1);
        }
        if let Some(next) = self.next.take() {
            self.push(next);
        }
    }

    /// Puts a process that was just woken where it runs next. What was there makes way, and other workers may have it.
    pub(crate) fn run_next(&self, process: Arc<R>) {
        process.prefetch();
        if let Some(displaced) = self.next.replace(Some(process)) {
            self.push(displaced);
        }
    }

    /// Whether processes wait that other workers cannot take before a step uses up its slice.
    pub fn keeps_some_near(&self) -> bool {
        !self.near.borrow().is_empty()
    }

    /// Lets other workers have what is near.
    fn share(&self) {
        let mut near = self.near.borrow_mut();
        if !near.is_empty() {
            near.drain(..).for_each(|process| self.local.push(process));
            self.shared.idle.notify();
        }
    }

    /// Puts a process aside until the step ends.
    pub(crate) fn put_aside(&self, process: Arc<R>) {
        self.later.borrow_mut().push(process);
    }

    /// Queues what was put aside; the first takes the `next` slot if that is free.
    fn queue_later(&self) {
        let mut later = self.later.borrow_mut();
        if later.is_empty() {
            return;
        }
        for process in later.drain(..) {
            match self.next.take() {
                None => self.next.set(Some(process)),
                next => {
                    self.next.set(next);
                    let mut near = self.near.borrow_mut();
                    if near.len() < NEAR && self.local.is_empty() {
                        near.push_back(process);
                    } else {
                        self.push(process);
                    }
                }
            }
        }
    }

    /// Puts a process at the back of the queue, where other workers may take it.
    pub(crate) fn push(&self, process: Arc<R>) {
        self.local.push(process);
        self.shared.idle.notify();
    }

    /// Puts the process that was just run at the back. If there is nothing it would have to wait for, it stays out of
    /// reach of the others: waking one of them to take over this worker's only process would be a waste.
    fn requeue(&self, process: Arc<R>) {
        match self.next.take() {
            None if self.local.is_empty() && self.near.borrow().is_empty() => self.next.set(Some(process)),
            next => {
                self.next.set(next);
                self.push(process);
            }
        }
    }

    /// The next process; blocks until there is one. `None` when the scheduler stops.
    fn find_process(&self) -> Option<Arc<R>> {
        loop {
            if self.shared.is_stopping() {
                return None;
            }
            if self.shared.is_surplus(self.index) {
                self.stand_by();
                continue;
            }
            if let Some(process) = self.own_process().or_else(|| self.wait_for_process()) {
                return Some(process);
            }
        }
    }

    /// The next process from anywhere, once the own queue is empty. `None` when the scheduler stops or this worker is
    /// surplus.
    fn wait_for_process(&self) -> Option<Arc<R>> {
        let idle = &self.shared.idle;
        let mut searching = idle.start_searching();
        loop {
            if searching && let Some(process) = self.search() {
                idle.stop_searching(|| self.shared.has_work());
                return Some(process);
            }
            // Whoever has nothing to do needs no memory.
            if idle.sleep(self.index, searching, || self.shared.is_stopping() || self.shared.has_work(), pool::trim) {
                add(&self.shared.tallies[self.index].parked, 1);
            }
            searching = true;
            if self.shared.is_stopping() {
                return None;
            }
            if self.shared.is_surplus(self.index) {
                // Whoever has woken it relies on its search; the look at the end of one passes that on.
                idle.stop_searching(|| self.shared.has_work());
                return None;
            }
        }
    }

    /// Gives away what is queued, and blocks until this worker is wanted again.
    #[cold]
    fn stand_by(&self) {
        self.share();
        while let Some(process) = self.next.take().or_else(|| self.local.pop()) {
            self.shared.injector.push(process);
            self.shared.idle.notify();
        }
        pool::trim();
        self.shared.stand_by(self.index);
    }

    /// The next process from the slot, from those that are near, the own queue or the injector.
    fn own_process(&self) -> Option<Arc<R>> {
        let steps = self.steps.get().wrapping_add(1);
        self.steps.set(steps);
        if (self.look_outside.replace(false) || steps.is_multiple_of(INJECTOR_INTERVAL))
            && let Some(process) = self.take_injected()
        {
            return Some(process);
        }
        let at_hand = || self.next.take().or_else(|| self.near.borrow_mut().pop_front());
        let streak = self.streak.replace(0);
        if streak < STREAK
            && let Some(process) = at_hand()
        {
            self.streak.set(streak + 1);
            return Some(process);
        }
        if let Some(process) = self.local.pop() {
            // What is at hand goes behind those that wait. Whoever should know of the queue was told when these were pushed.
            self.share();
            if let Some(next) = self.next.take() {
                self.local.push(next);
            }
            return Some(process);
        }
        self.take_injected().or_else(at_hand)
    }

    fn take_injected(&self) -> Option<Arc<R>> {
        let injector = &self.shared.injector;
        loop {
            if injector.is_empty() {
                return None;
            }
            match injector.steal_batch_and_pop(&self.local) {
                Steal::Success(process) => return Some(process),
                Steal::Empty => return None,
                Steal::Retry => hint::spin_loop(),
            }
        }
    }

    /// Goes round the injector and the other workers' queues a few times.
    fn search(&self) -> Option<Arc<R>> {
        for round in 0..SPIN_ROUNDS + YIELD_ROUNDS {
            if let Some(process) = self.take_injected().or_else(|| self.steal()) {
                return Some(process);
            }
            if self.shared.is_stopping() {
                return None;
            }
            if round < SPIN_ROUNDS {
                (0..8 << round).for_each(|_| hint::spin_loop());
            } else {
                thread::yield_now();
            }
        }
        None
    }

    /// Takes half of the first non-empty queue of another worker.
    fn steal(&self) -> Option<Arc<R>> {
        let stealers = &self.shared.stealers;
        let first = self.random_below(stealers.len());
        for victim in (first..stealers.len()).chain(0..first).filter(|victim| *victim != self.index) {
            loop {
                match stealers[victim].steal_batch_and_pop(&self.local) {
                    Steal::Success(process) => {
                        add(&self.shared.tallies[self.index].stolen, 1 + self.local.len() as u64);
                        return Some(process);
                    }
                    Steal::Empty => break,
                    Steal::Retry => hint::spin_loop(),
                }
            }
        }
        None
    }

    /// Marsaglia's xorshift64: seeded by the driver, good enough to choose a victim.
    fn random_below(&self, bound: usize) -> usize {
        let mut word = self.random.get();
        word ^= word << 13;
        word ^= word >> 7;
        word ^= word << 17;
        self.random.set(word);
        (((word >> 32) * bound as u64) >> 32) as usize
    }
}

impl<R: Runnable> Drop for WorkerContext<R> {
    /// Lets go of what is still queued.
    fn drop(&mut self) {
        drop(self.next.take());
        while let Some(process) = self.local.pop() {
            drop(process);
        }
    }
}
