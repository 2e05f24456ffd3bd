//! The pool of workers: starting it, queueing into it, stopping it.
//!
//! The scheduler is generic over what it runs: anything with a state word and a `run` method. Which queue a process goes
//! to depends on who asks. A worker of the same scheduler keeps it (`wake`: in the `next` slot; `spawn`: at the back of
//! its queue); every other thread pushes into the injector. What the worker does with it is in
//! [`super::worker`], how idle workers learn of it in `parker`.
//!
//! A process is kept alive by whoever holds an `Arc` to it, and a queue holds one while the process is queued. The
//! scheduler has no list of processes: an idle process is known only to those who can wake it.
//!
//! # Shutdown
//!
//! 1. [`Scheduler::shutdown`] sets the stopping flag. From now on nothing is enqueued any more.
//! 2. Every sleeping worker is woken. Each worker finishes the step it is in, then drops its queue and ends.
//! 3. The threads are joined, and what is left in the injector is dropped.
//!
//! Ending processes in an orderly way (cancel, wait, terminate) comes before this and is not the scheduler's business.

use super::{
    driver::Driver,
    parker::Idle,
    state::{RunState, StepOutcome, WakeAction},
    worker::{self, Tally, WorkerContext},
};
use crossbeam_deque::{Injector, Stealer, Worker as Deque};
use parking_lot::Mutex;
use std::{
    any::Any,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

/// What a scheduler runs.
pub trait Runnable: Send + Sync + Sized + 'static {
    /// The state word, by which the scheduler makes sure that one worker at a time calls [`run`](Self::run).
    fn state(&self) -> &RunState;

    /// Begins to fetch into the processor's cache what its next step touches first. Called by the worker that will run it,
    /// while it is queued there and nowhere else.
    fn prefetch(&self) {}

    /// Does one step. Must not block. Called by one thread at a time, which sees everything that earlier steps and the
    /// wakers of this one did.
    fn run(self: &Arc<Self>, worker: &WorkerContext<Self>) -> StepOutcome;

    /// `run` panicked with this payload. The state word says dead already; only the news has to be spread.
    fn on_panic(self: &Arc<Self>, payload: Box<dyn Any + Send>);
}

/// What all workers and handles of one scheduler share.
pub(crate) struct Shared<R: Runnable> {
    pub(crate) injector: Injector<Arc<R>>,
    pub(crate) stealers: Box<[Stealer<Arc<R>>]>,
    pub(crate) idle: Idle,
    pub(crate) tallies: Box<[Tally]>,
    stopping: AtomicBool,
}

impl<R: Runnable> Shared<R> {
    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Whether a searching worker would find something.
    pub(crate) fn has_work(&self) -> bool {
        !self.injector.is_empty() || self.stealers.iter().any(|stealer| !stealer.is_empty())
    }
}

/// What the workers of a scheduler did so far. Each number is exact, but they are not read at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Steps run.
    pub executed: u64,
    /// Processes taken from another worker's queue.
    pub stolen: u64,
    /// Times a worker went to sleep.
    pub parked: u64,
}

/// The right to queue processes into a scheduler. Cheap to clone; does not keep the workers running.
pub struct Handle<R: Runnable> {
    shared: Arc<Shared<R>>,
}

impl<R: Runnable> Clone for Handle<R> {
    fn clone(&self) -> Self {
        Handle { shared: self.shared.clone() }
    }
}

impl<R: Runnable> Handle<R> {
    /// Announces news to a process: it will run a step that begins after this call. From any thread; call it after the
    /// news is visible. The first run of a process can be requested with it too.
    pub fn wake(&self, process: &Arc<R>) {
        if process.state().wake() == WakeAction::Enqueue {
            self.enqueue_next(process.clone());
        }
    }

    /// As [`wake`](Self::wake) for news that are in no hurry: a worker queues the process only when the step that it is in ends,
    /// so that one who takes much from many does not have each of them run for every piece.
    pub fn wake_later(&self, process: &Arc<R>) {
        if process.state().wake() == WakeAction::Enqueue {
            let process = process.clone();
            worker::with_current(
                &self.shared,
                process,
                |worker, process| worker.put_aside(process),
                |p| self.inject(p),
            );
        }
    }

    /// Requests the termination of a process, and wakes it for that.
    pub fn kill(&self, process: &Arc<R>) {
        if process.state().request_kill() == WakeAction::Enqueue {
            self.enqueue_next(process.clone());
        }
    }

    /// Queues a new process. Unlike [`wake`](Self::wake) it goes to the back: its creator goes on first, and idle workers
    /// may take it.
    pub fn spawn(&self, process: Arc<R>) {
        if process.state().wake() == WakeAction::Enqueue {
            worker::with_current(&self.shared, process, |worker, process| worker.push(process), |p| self.inject(p));
        }
    }

    /// To be called now and then within a step that takes long: the processes that wait for this worker have a turn.
    pub fn give_way(&self) {
        worker::with_current(&self.shared, (), |worker, ()| worker.run_others(), |()| ());
    }

    /// Whether [`Scheduler::shutdown`] was called: processes queued from now on will not run.
    pub fn is_stopping(&self) -> bool {
        self.shared.is_stopping()
    }

    /// The sums over all workers.
    pub fn counters(&self) -> Counters {
        self.shared.tallies.iter().fold(Counters::default(), |sum, tally| Counters {
            executed: sum.executed + tally.executed.load(Ordering::Relaxed),
            stolen: sum.stolen + tally.stolen.load(Ordering::Relaxed),
            parked: sum.parked + tally.parked.load(Ordering::Relaxed),
        })
    }

    /// How many processes wait in the queues, not counting the workers' `next` slots.
    pub fn queue_depth(&self) -> usize {
        self.shared.injector.len() + self.shared.stealers.iter().map(Stealer::len).sum::<usize>()
    }

    /// The number of workers.
    pub fn workers(&self) -> usize {
        self.shared.stealers.len()
    }

    fn enqueue_next(&self, process: Arc<R>) {
        worker::with_current(&self.shared, process, |worker, process| worker.run_next(process), |p| self.inject(p));
    }

    fn inject(&self, process: Arc<R>) {
        if !self.shared.is_stopping() {
            self.shared.injector.push(process);
            self.shared.idle.notify();
        }
    }
}

/// A running pool of workers. Dropping it shuts it down.
pub struct Scheduler<R: Runnable> {
    handle: Handle<R>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl<R: Runnable> Scheduler<R> {
    /// Starts `workers` threads (at least one), named `name` and a number. The driver seeds the choice of victims.
    ///
    /// # Errors
    ///
    /// If the operating system refuses a thread; those already started are stopped.
    pub fn new(workers: usize, name: &str, driver: &dyn Driver) -> io::Result<Self> {
        let deques: Vec<Deque<Arc<R>>> = (0..workers.max(1)).map(|_| Deque::new_fifo()).collect();
        let shared = Arc::new(Shared {
            injector: Injector::new(),
            stealers: deques.iter().map(Deque::stealer).collect(),
            idle: Idle::new(deques.len()),
            tallies: deques.iter().map(|_| Tally::default()).collect(),
            stopping: AtomicBool::new(false),
        });
        let scheduler = Scheduler { handle: Handle { shared: shared.clone() }, threads: Mutex::default() };
        for (index, local) in deques.into_iter().enumerate() {
            let worker = WorkerContext::new(shared.clone(), index, local, driver.random_u64());
            let thread = thread::Builder::new().name(format!("{name}-{index}")).spawn(move || worker.work())?;
            scheduler.threads.lock().push(thread);
        }
        Ok(scheduler)
    }

    /// A handle for those who queue processes.
    pub fn handle(&self) -> &Handle<R> {
        &self.handle
    }

    /// Stops the workers after the step each is in, and waits for them (for all but itself if a worker calls it).
    /// Processes still queued are dropped without running. Calling it again does nothing.
    pub fn shutdown(&self) {
        let shared = &self.handle.shared;
        shared.stopping.store(true, Ordering::SeqCst);
        shared.idle.wake_all();
        let threads = std::mem::take(&mut *self.threads.lock());
        for thread in threads.into_iter().filter(|t| t.thread().id() != thread::current().id()) {
            // A worker contains every panic of what it runs; one of its own was reported by the panic hook.
            drop(thread.join());
        }
        while !shared.injector.is_empty() {
            drop(shared.injector.steal());
        }
    }
}

impl<R: Runnable> Drop for Scheduler<R> {
    fn drop(&mut self) {
        self.shutdown();
    }
}

#[cfg(all(test, not(loom)))]
#[path = "scheduler_tests.rs"]
mod tests;
