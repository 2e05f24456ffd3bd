//! Which workers search, which sleep, and who wakes whom.
//!
//! # The protocol
//!
//! A worker is *busy* (it has a process, or looks into its own queue), *searching* (it has nothing and goes round the
//! queues of the others), or *asleep*. The word `counts` holds the numbers of the latter two.
//!
//! * **Pusher**: push into a queue that others can reach, then [`Idle::notify`]. It wakes one sleeper, unless somebody
//!   searches already: that one will find the work, or see it in the last look described next.
//! * **Searcher that found something**: [`Idle::stop_searching`]. The last one to stop looks whether there is more work
//!   than what it took, and if so wakes the next: this is how a burst of pushes spreads over the workers although each
//!   pusher wakes at most one.
//! * **Worker that found nothing**: [`Idle::sleep`]. It first counts itself as asleep, *then* looks at all queues once
//!   more, and only then blocks.
//!
//! No wake-up is lost: pusher and sleeper each write first (the queue, the word), then pass a sequentially consistent
//! fence, then read the other's. At least one of them sees the other. The same holds between a pusher that relied on a
//! searcher and that searcher's last look.
//!
//! Whoever wakes a worker counts it as searching on its behalf, so that between the wake-up and the moment the thread
//! really runs other pushers see a searcher and save their system call. A sleeper's token is set exactly if somebody
//! removed it from `sleepers`.

use super::sync::{AtomicBool, AtomicUsize, Mutex, Ordering, Thread, current, fence, park, park_for};
use std::{sync::OnceLock, time::Duration};

/// How long a worker sleeps before it is bored.
const PATIENCE: Duration = Duration::from_millis(50);

/// One searcher in [`Idle::counts`]; sleepers are counted above them.
const SEARCHER: usize = 1;
const SLEEPER: usize = 1 << (usize::BITS / 2);

fn searchers(counts: usize) -> usize {
    counts % SLEEPER
}

fn sleepers(counts: usize) -> usize {
    counts / SLEEPER
}

/// Blocks one thread until its token is set.
struct Parker {
    token: AtomicBool,
    /// Set by the worker before it first sleeps, hence before anybody can wake it.
    thread: OnceLock<Thread>,
}

impl Parker {
    /// Blocks until there is a token. `bored` is called once if it takes long.
    ///
    /// The loop because `park` may return without reason, or by a token that other code on the thread left behind.
    fn park(&self, bored: impl FnOnce()) {
        let woken = || self.token.swap(false, Ordering::Acquire);
        if park_for(PATIENCE, woken) {
            return;
        }
        bored();
        while !woken() {
            park();
        }
    }

    /// An exchange rather than a store, so that the token is ordered after the exchange in `park` that found none.
    fn unpark(&self) {
        self.token.swap(true, Ordering::Release);
        self.thread.get().expect("a worker that sleeps has registered its thread").unpark();
    }
}

/// The idle workers of one scheduler. See the module header.
pub(crate) struct Idle {
    counts: AtomicUsize,
    /// The workers asleep, the most recent (whose caches are warmest) last.
    sleepers: Mutex<Vec<usize>>,
    parkers: Box<[Parker]>,
}

impl Idle {
    /// All `workers` busy.
    pub(crate) fn new(workers: usize) -> Self {
        let parker = |_| Parker { token: AtomicBool::new(false), thread: OnceLock::new() };
        Idle {
            counts: AtomicUsize::new(0),
            sleepers: Mutex::new(Vec::with_capacity(workers)),
            parkers: (0..workers).map(parker).collect(),
        }
    }

    /// The calling thread is worker `index`. Before its first [`sleep`](Self::sleep).
    pub(crate) fn register(&self, index: usize) {
        let first = self.parkers[index].thread.set(current()).is_ok();
        debug_assert!(first, "a worker has one thread");
    }

    /// Work was pushed where other workers can find it: sees to it that one of them will.
    pub(crate) fn notify(&self) {
        fence(Ordering::SeqCst);
        let counts = self.counts.load(Ordering::Relaxed);
        if searchers(counts) == 0 && sleepers(counts) > 0 {
            self.wake_one();
        }
    }

    #[cold]
    fn wake_one(&self) {
        let mut asleep = self.sleepers.lock();
        // Another pusher may have been faster; the worker it woke searches for both.
        if searchers(self.counts.load(Ordering::Relaxed)) > 0 {
            return;
        }
        if let Some(index) = asleep.pop() {
            self.counts.fetch_sub(SLEEPER - SEARCHER, Ordering::SeqCst);
            drop(asleep);
            self.parkers[index].unpark();
        }
    }

    /// Wakes every sleeper, to make it notice that the scheduler stops.
    pub(crate) fn wake_all(&self) {
        let asleep = std::mem::take(&mut *self.sleepers.lock());
        for index in asleep {
            self.counts.fetch_sub(SLEEPER - SEARCHER, Ordering::SeqCst);
            self.parkers[index].unpark();
        }
    }

    /// A worker has nothing of its own left and wants to look at the others'. False if half of the workers do so already:
    /// more would only get into each other's way.
    pub(crate) fn start_searching(&self) -> bool {
        if 2 * searchers(self.counts.load(Ordering::Relaxed)) >= self.parkers.len() {
            return false;
        }
        self.counts.fetch_add(SEARCHER, Ordering::SeqCst);
        true
    }

    /// A searcher found work. If it was the last one, `more_work` is asked, and one more worker woken if there is.
    pub(crate) fn stop_searching(&self, more_work: impl FnOnce() -> bool) {
        let before = self.counts.fetch_sub(SEARCHER, Ordering::SeqCst);
        if searchers(before) == 1 {
            fence(Ordering::SeqCst);
            if more_work() {
                self.notify();
            }
        }
    }

    /// Worker `index` found nothing. Returns when there may be something, and at once if `has_work` says so; the worker is
    /// a searcher then, whether it was one before (`searching`) or not. When there is nothing for long, `bored` is called.
    /// Returns whether the thread really slept.
    pub(crate) fn sleep(
        &self,
        index: usize,
        searching: bool,
        has_work: impl FnOnce() -> bool,
        bored: impl FnOnce(),
    ) -> bool {
        {
            let mut asleep = self.sleepers.lock();
            asleep.push(index);
            self.counts.fetch_add(if searching { SLEEPER - SEARCHER } else { SLEEPER }, Ordering::SeqCst);
        }
        fence(Ordering::SeqCst);
        if has_work() {
            let mut asleep = self.sleepers.lock();
            if let Some(at) = asleep.iter().position(|sleeper| *sleeper == index) {
                asleep.swap_remove(at);
                self.counts.fetch_sub(SLEEPER - SEARCHER, Ordering::SeqCst);
                return false;
            }
            // Woken meanwhile: the token is set, or will be in a moment, and must be consumed.
        }
        self.parkers[index].park(bored);
        true
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use super::*;
    use loom::{
        sync::{Arc, atomic::AtomicUsize},
        thread,
    };

    /// Workers that take tickets from one queue, modelled as a counter with no ordering of its own.
    struct Model {
        idle: Idle,
        queue: AtomicUsize,
        stopping: AtomicBool,
        done: AtomicUsize,
    }

    impl Model {
        fn new(workers: usize) -> Arc<Self> {
            Arc::new(Model {
                idle: Idle::new(workers),
                queue: AtomicUsize::new(0),
                stopping: AtomicBool::new(false),
                done: AtomicUsize::new(0),
            })
        }

        fn push(&self) {
            self.queue.fetch_add(1, Ordering::Release);
            self.idle.notify();
        }

        fn take(&self) -> bool {
            let mut length = self.queue.load(Ordering::Relaxed);
            while length > 0 {
                match self.queue.compare_exchange(length, length - 1, Ordering::Acquire, Ordering::Relaxed) {
                    Ok(_) => return true,
                    Err(now) => length = now,
                }
            }
            false
        }

        fn has_work(&self) -> bool {
            self.queue.load(Ordering::Relaxed) > 0
        }

        /// Takes `goal` tickets and returns. If a wake-up is lost, the model deadlocks, which loom reports.
        fn work(&self, index: usize, goal: usize) {
            self.idle.register(index);
            for _ in 0..goal {
                if self.take() {
                    continue;
                }
                let mut searching = self.idle.start_searching();
                while !(searching && self.take()) {
                    self.idle.sleep(index, searching, || self.has_work(), || ());
                    searching = true;
                }
                self.idle.stop_searching(|| self.has_work());
            }
        }

        /// Works until told to stop.
        fn work_until_stopped(&self, index: usize) {
            self.idle.register(index);
            loop {
                let mut searching = self.idle.start_searching();
                loop {
                    if self.stopping.load(Ordering::Relaxed) {
                        return;
                    }
                    if searching && self.take() {
                        break;
                    }
                    self.idle.sleep(
                        index,
                        searching,
                        || self.stopping.load(Ordering::Relaxed) || self.has_work(),
                        || (),
                    );
                    searching = true;
                }
                self.done.fetch_add(1, Ordering::Relaxed);
                self.idle.stop_searching(|| self.has_work());
            }
        }
    }

    fn bounded(preemptions: usize) -> loom::model::Builder {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(preemptions);
        builder
    }

    #[test]
    fn loom_push_against_sleep() {
        loom::model(|| {
            let model = Model::new(1);
            let worker = thread::spawn({
                let model = model.clone();
                move || model.work(0, 1)
            });
            model.push();
            worker.join().unwrap();
        });
    }

    #[test]
    fn loom_two_pushers_one_worker() {
        bounded(3).check(|| {
            let model = Model::new(1);
            let worker = thread::spawn({
                let model = model.clone();
                move || model.work(0, 2)
            });
            let pusher = thread::spawn({
                let model = model.clone();
                move || model.push()
            });
            model.push();
            pusher.join().unwrap();
            worker.join().unwrap();
        });
    }

    /// Each worker takes exactly one of two tickets: the second is only reached if the wake-up is passed on.
    #[test]
    fn loom_two_pushes_reach_two_workers() {
        bounded(3).check(|| {
            let model = Model::new(2);
            let workers = [0, 1].map(|index| {
                let model = model.clone();
                thread::spawn(move || model.work(index, 1))
            });
            model.push();
            model.push();
            for worker in workers {
                worker.join().unwrap();
            }
        });
    }

    #[test]
    fn loom_stop_reaches_every_worker() {
        bounded(3).check(|| {
            let model = Model::new(2);
            let workers = [0, 1].map(|index| {
                let model = model.clone();
                thread::spawn(move || model.work_until_stopped(index))
            });
            model.push();
            model.stopping.store(true, Ordering::SeqCst);
            model.idle.wake_all();
            for worker in workers {
                worker.join().unwrap();
            }
            assert!(model.done.load(Ordering::Relaxed) <= 1);
        });
    }
}
