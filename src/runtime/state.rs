//! The state word of a process: one atomic integer that decides who may run it and who must enqueue it.
//!
//! # The word
//!
//! Three bits make the phases, a fourth rides along:
//!
//! ```text
//!            RUNNING NOTIFIED DEAD
//! idle          0       0      0     waits for news; in no queue
//! queued        0       1      0     in exactly one queue, or on its way there
//! running       1       0      0     a worker steps it
//! running+      1       1      0     a worker steps it, and news arrived meanwhile
//! dead          *       *      1     final
//! KILL: termination was requested; set by anyone, read by the worker that runs the process
//! ```
//!
//! # The protocol
//!
//! * `wake` sets NOTIFIED. Whoever turns idle into queued is told to enqueue; for everybody else the bit is either
//!   already set (a step is certain to follow) or set now while running (the end of the step will see it).
//! * `start_running` moves queued to running, and thereby *consumes* the notification. News published before that
//!   moment is visible to the step; news published later sets NOTIFIED again.
//! * `finish_step` clears RUNNING. If NOTIFIED is set, the word thereby reads *queued*, and the worker, which is now the
//!   one that must enqueue, is told so.
//!
//! Every transition is a read-modify-write, also those that change nothing. That is what makes the visibility argument
//! short: the word's modifications form one chain, each releases and the next acquires, so the step that follows a
//! `wake` sees everything that happened before it. (A waker that merely *loaded* a word it finds already notified could
//! miss a concurrent `start_running` that in turn misses the waker's news.)

use super::sync::{AtomicU32, Ordering};

const RUNNING: u32 = 1;
const NOTIFIED: u32 = 1 << 1;
const DEAD: u32 = 1 << 2;
const KILL: u32 = 1 << 3;

/// What the caller of [`RunState::wake`] has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a process whose wake-up is not enqueued never runs again"]
pub enum WakeAction {
    /// The process was idle: put it into a queue. Exactly one waker of each sleep is told this.
    Enqueue,
    /// A step that will see the news is already certain, or the process is dead.
    Nothing,
}

/// How a step of a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepOutcome {
    /// More to do, but the slice is used up: goes to the back of the queue.
    Yielded,
    /// Nothing to do until the next wake-up.
    Waiting,
    /// The process has ended; it is never run again.
    Finished,
}

/// What the worker has to do after [`RunState::finish_step`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a process that is not requeued never runs again"]
pub enum NextAction {
    /// Let go of the process; a later wake-up will enqueue it.
    Idle,
    /// Put it into a queue again.
    Requeue,
    /// It is dead; let go of it for good.
    Dead,
}

/// A glimpse of the word for introspection; outdated as soon as it is returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Waiting for news.
    Idle,
    /// In a queue.
    Queued,
    /// Stepped by a worker.
    Running,
    /// Ended.
    Dead,
}

/// The state word. See the module header for the protocol.
pub struct RunState(AtomicU32);

impl RunState {
    /// The word of a process that has not been enqueued yet: idle. Its first run is requested with [`wake`](Self::wake),
    /// as every other.
    pub fn new() -> Self {
        RunState(AtomicU32::new(0))
    }

    /// Announces news. Call it *after* the news is visible (pushed, stored).
    pub fn wake(&self) -> WakeAction {
        self.notify(NOTIFIED)
    }

    /// Requests termination: the running worker sees it at its next look at [`kill_requested`](Self::kill_requested), a
    /// waiting process is woken for it.
    pub fn request_kill(&self) -> WakeAction {
        self.notify(NOTIFIED | KILL)
    }

    fn notify(&self, bits: u32) -> WakeAction {
        let before = self.0.fetch_or(bits, Ordering::AcqRel);
        if before & (RUNNING | NOTIFIED | DEAD) == 0 { WakeAction::Enqueue } else { WakeAction::Nothing }
    }

    /// Takes the process for a step. Only for the worker that took it out of a queue.
    pub fn start_running(&self) {
        let before = self.0.fetch_xor(RUNNING | NOTIFIED, Ordering::AcqRel);
        debug_assert_eq!(before & (RUNNING | NOTIFIED | DEAD), NOTIFIED, "only a queued process can be started");
    }

    /// Ends the step begun by [`start_running`](Self::start_running). Only for the worker that runs the process, which
    /// must have put the process's data in order: another worker may own it as soon as the word changes.
    pub fn finish_step(&self, outcome: StepOutcome) -> NextAction {
        match outcome {
            StepOutcome::Waiting => {}
            // Set while RUNNING is still on, so that no waker can believe it has to enqueue.
            StepOutcome::Yielded => _ = self.0.fetch_or(NOTIFIED, Ordering::AcqRel),
            StepOutcome::Finished => {
                self.0.fetch_or(DEAD, Ordering::AcqRel);
                return NextAction::Dead;
            }
        }
        let before = self.0.fetch_and(!RUNNING, Ordering::AcqRel);
        debug_assert_eq!(before & (RUNNING | DEAD), RUNNING, "only a running process can finish a step");
        if before & NOTIFIED != 0 { NextAction::Requeue } else { NextAction::Idle }
    }

    /// Whether termination was requested. A relaxed load: cheap enough for every end of a budget slice. The request
    /// also notifies, so a process that misses it here runs once more and sees it then.
    #[inline]
    pub fn kill_requested(&self) -> bool {
        self.0.load(Ordering::Relaxed) & KILL != 0
    }

    /// Whether news arrived since the step began: a step may use it to continue instead of going round the queue.
    #[inline]
    pub fn is_notified(&self) -> bool {
        self.0.load(Ordering::Relaxed) & NOTIFIED != 0
    }

    /// Whether the process has ended. Once true, always true.
    pub fn is_dead(&self) -> bool {
        self.0.load(Ordering::Acquire) & DEAD != 0
    }

    /// The present phase, for introspection.
    pub fn phase(&self) -> Phase {
        let word = self.0.load(Ordering::Acquire);
        match (word & DEAD != 0, word & RUNNING != 0, word & NOTIFIED != 0) {
            (true, ..) => Phase::Dead,
            (false, true, _) => Phase::Running,
            (false, false, true) => Phase::Queued,
            (false, false, false) => Phase::Idle,
        }
    }
}

impl Default for RunState {
    fn default() -> Self {
        RunState::new()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    #[test]
    fn one_waker_enqueues_per_sleep() {
        let state = RunState::new();
        assert_eq!(state.phase(), Phase::Idle);
        assert_eq!(state.wake(), WakeAction::Enqueue);
        assert_eq!(state.wake(), WakeAction::Nothing);
        assert_eq!(state.phase(), Phase::Queued);
        state.start_running();
        assert_eq!(state.phase(), Phase::Running);
        assert_eq!(state.finish_step(StepOutcome::Waiting), NextAction::Idle);
        assert_eq!(state.wake(), WakeAction::Enqueue);
    }

    #[test]
    fn news_during_a_step_requeues() {
        let state = RunState::new();
        assert_eq!(state.wake(), WakeAction::Enqueue);
        state.start_running();
        assert!(!state.is_notified());
        assert_eq!(state.wake(), WakeAction::Nothing);
        assert!(state.is_notified());
        assert_eq!(state.finish_step(StepOutcome::Waiting), NextAction::Requeue);
        assert_eq!(state.phase(), Phase::Queued);
        assert_eq!(state.wake(), WakeAction::Nothing);
        state.start_running();
        assert_eq!(state.finish_step(StepOutcome::Yielded), NextAction::Requeue);
    }

    #[test]
    fn kill_wakes_and_stays_visible() {
        let state = RunState::new();
        assert_eq!(state.request_kill(), WakeAction::Enqueue);
        state.start_running();
        assert!(state.kill_requested());
        assert_eq!(state.finish_step(StepOutcome::Finished), NextAction::Dead);
        assert!(state.is_dead());
        assert_eq!(state.wake(), WakeAction::Nothing);
        assert_eq!(state.request_kill(), WakeAction::Nothing);
        assert_eq!(state.phase(), Phase::Dead);
    }

    /// Many wakers, several workers that compete for one "queue" (a counter of enqueued tickets): the process is never
    /// in two places, and the last news is always seen.
    #[test]
    fn stress_no_wake_up_is_lost_or_doubled() {
        const WAKERS: usize = 4;
        const NEWS: usize = 20_000;
        let (state, news, tickets, seen) =
            (RunState::new(), AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..WAKERS {
                scope.spawn(|| {
                    for _ in 0..NEWS {
                        news.fetch_add(1, Ordering::Relaxed);
                        if state.wake() == WakeAction::Enqueue {
                            assert_eq!(tickets.fetch_add(1, Ordering::Release), 0, "enqueued twice");
                        }
                    }
                });
            }
            for _ in 0..2 {
                scope.spawn(|| {
                    while seen.load(Ordering::Acquire) < WAKERS * NEWS {
                        if tickets.compare_exchange(1, 0, Ordering::Acquire, Ordering::Relaxed).is_err() {
                            std::thread::yield_now();
                            continue;
                        }
                        state.start_running();
                        seen.store(news.load(Ordering::Relaxed), Ordering::Release);
                        if state.finish_step(StepOutcome::Waiting) == NextAction::Requeue {
                            assert_eq!(tickets.fetch_add(1, Ordering::Release), 0, "enqueued twice");
                        }
                    }
                });
            }
        });
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use super::*;
    use loom::{
        cell::UnsafeCell,
        sync::{Arc, atomic::AtomicUsize},
        thread,
    };

    /// A process whose mailbox is a relaxed counter and whose heap is a cell that loom watches for races.
    struct Model {
        state: RunState,
        news: AtomicUsize,
        tickets: AtomicUsize,
        heap: UnsafeCell<usize>,
    }

    impl Model {
        fn new() -> Arc<Self> {
            Arc::new(Model {
                state: RunState::new(),
                news: AtomicUsize::new(0),
                tickets: AtomicUsize::new(0),
                heap: UnsafeCell::new(0),
            })
        }

        fn enqueue(&self) {
            assert_eq!(self.tickets.fetch_add(1, Ordering::Release), 0, "in two queues at once");
        }

        fn send(&self) {
            self.news.fetch_add(1, Ordering::Relaxed);
            if self.state.wake() == WakeAction::Enqueue {
                self.enqueue();
            }
        }

        /// Runs steps as long as there is a ticket.
        fn work(&self, outcome: StepOutcome) {
            while self.tickets.compare_exchange(1, 0, Ordering::Acquire, Ordering::Relaxed).is_ok() {
                self.state.start_running();
                // SAFETY: between start_running and finish_step this thread is the only one here; loom checks it.
                self.heap.with_mut(|seen| unsafe { *seen = self.news.load(Ordering::Relaxed) });
                if self.state.finish_step(outcome) == NextAction::Requeue {
                    self.enqueue();
                }
            }
        }

        /// The final step has seen everything.
        fn check(&self, expected: usize) {
            self.work(StepOutcome::Waiting);
            // SAFETY: all other threads are joined.
            assert_eq!(self.heap.with(|seen| unsafe { *seen }), expected);
        }
    }

    #[test]
    fn loom_wake_against_end_of_step() {
        loom::model(|| {
            let model = Model::new();
            model.send();
            let waker = thread::spawn({
                let model = model.clone();
                move || model.send()
            });
            model.work(StepOutcome::Waiting);
            waker.join().unwrap();
            model.check(2);
        });
    }

    #[test]
    fn loom_two_wakers_and_a_worker() {
        loom::model(|| {
            let model = Model::new();
            let wakers = [0, 1].map(|_| {
                let model = model.clone();
                thread::spawn(move || model.send())
            });
            model.work(StepOutcome::Waiting);
            for waker in wakers {
                waker.join().unwrap();
            }
            model.check(2);
        });
    }

    #[test]
    fn loom_two_workers_never_share_a_process() {
        loom::model(|| {
            let model = Model::new();
            model.send();
            let worker = thread::spawn({
                let model = model.clone();
                move || model.work(StepOutcome::Waiting)
            });
            model.send();
            model.work(StepOutcome::Waiting);
            worker.join().unwrap();
            model.check(2);
        });
    }

    #[test]
    fn loom_wake_against_yield() {
        loom::model(|| {
            let model = Model::new();
            model.send();
            let waker = thread::spawn({
                let model = model.clone();
                move || model.send()
            });
            assert!(model.tickets.compare_exchange(1, 0, Ordering::Acquire, Ordering::Relaxed).is_ok());
            model.state.start_running();
            assert_eq!(model.state.finish_step(StepOutcome::Yielded), NextAction::Requeue);
            model.enqueue();
            waker.join().unwrap();
            model.check(2);
        });
    }

    #[test]
    fn loom_wake_against_death() {
        loom::model(|| {
            let model = Model::new();
            model.send();
            let waker = thread::spawn({
                let model = model.clone();
                move || model.send()
            });
            model.work(StepOutcome::Finished);
            waker.join().unwrap();
            assert!(model.state.is_dead());
            assert_eq!(model.tickets.load(Ordering::Acquire), 0, "a dead process is in no queue");
        });
    }

    #[test]
    fn loom_kill_reaches_a_waiting_process() {
        loom::model(|| {
            let model = Model::new();
            model.send();
            let killer = thread::spawn({
                let model = model.clone();
                move || {
                    if model.state.request_kill() == WakeAction::Enqueue {
                        model.enqueue();
                    }
                }
            });
            model.work(StepOutcome::Waiting);
            killer.join().unwrap();
            while model.tickets.compare_exchange(1, 0, Ordering::Acquire, Ordering::Relaxed).is_ok() {
                model.state.start_running();
                assert!(model.state.kill_requested());
                assert_eq!(model.state.finish_step(StepOutcome::Waiting), NextAction::Idle);
            }
            assert!(model.state.kill_requested());
        });
    }
}
