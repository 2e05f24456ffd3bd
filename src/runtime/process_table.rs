//! The table of living processes.
//!
//! House rule: who lists all processes for a purpose, such as ending them, announces that first; who adds one looks for
//! announcements afterwards. So no process slips through, whichever comes first at its shard.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hashbrown::HashMap;
use parking_lot::Condvar;

use super::pid::Pid;
use super::process::Process;
use super::sparse::shrink_map;
use super::sync::Mutex;

const SHARDS: usize = if cfg!(loom) { 2 } else { 64 };

/// What has a number.
pub trait Numbered {
    /// Its number.
    fn pid(&self) -> Pid;
}

impl Numbered for Process {
    fn pid(&self) -> Pid {
        self.pid
    }
}

/// Some of the processes; a process belongs to the shard that its number leads to.
type Shard<P> = Mutex<HashMap<u64, Arc<P>>>;

/// All living processes by number.
pub struct ProcessTable<P: Numbered = Process> {
    shards: Box<[Shard<P>]>,
    next: AtomicU64,
    alive: AtomicUsize,
    none_left: (parking_lot::Mutex<()>, Condvar),
}

impl<P: Numbered> ProcessTable<P> {
    /// No processes.
    pub fn new() -> ProcessTable<P> {
        ProcessTable {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            next: AtomicU64::new(1),
            alive: AtomicUsize::new(0),
            none_left: Default::default(),
        }
    }

    /// A number that was never used.
    pub fn next_pid(&self, host: u16) -> Pid {
        Pid::new(host, self.next.fetch_add(1, Ordering::Relaxed))
    }

    fn shard(&self, pid: Pid) -> &Shard<P> {
        &self.shards[pid.0 as usize % SHARDS]
    }

    /// Adds a process.
    pub fn insert(&self, process: &Arc<P>) {
        self.alive.fetch_add(1, Ordering::Relaxed);
        self.shard(process.pid()).lock().insert(process.pid().0, Arc::clone(process));
    }

    /// The living process with this number.
    #[inline]
    pub fn get(&self, pid: Pid) -> Option<Arc<P>> {
        self.shard(pid).lock().get(&pid.0).cloned()
    }

    /// Removes a process that ends.
    pub fn remove(&self, pid: Pid) {
        let removed = {
            let mut shard = self.shard(pid).lock();
            let removed = shard.remove(&pid.0);
            shrink_map(&mut shard);
            removed
        };
        // Outside the lock: it may be the last reference.
        drop(removed);
    }

    /// A process has done everything that belongs to its end.
    pub fn ended(&self) {
        if self.alive.fetch_sub(1, Ordering::AcqRel) == 1 {
            let _guard = self.none_left.0.lock();
            self.none_left.1.notify_all();
        }
    }

    /// The number of processes.
    pub fn len(&self) -> usize {
        self.alive.load(Ordering::Acquire)
    }

    /// Whether there is no process.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All processes there are at this moment.
    pub fn all(&self) -> Vec<Arc<P>> {
        self.shards.iter().flat_map(|shard| shard.lock().values().cloned().collect::<Vec<_>>()).collect()
    }

    /// Waits until there is no process, or until the deadline. Says whether there is none.
    pub fn wait_until_empty(&self, deadline: Duration) -> bool {
        let until = Instant::now() + deadline;
        let mut guard = self.none_left.0.lock();
        while !self.is_empty() {
            if self.none_left.1.wait_until(&mut guard, until).timed_out() {
                return self.is_empty();
            }
        }
        true
    }
}

impl<P: Numbered> Default for ProcessTable<P> {
    fn default() -> ProcessTable<P> {
        ProcessTable::new()
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use super::*;
    use crate::runtime::sync::AtomicBool;
    use loom::thread;

    impl Numbered for Pid {
        fn pid(&self) -> Pid {
            *self
        }
    }

    /// A process is added while a shutdown lists them: it is in the list, or learns of the shutdown.
    #[test]
    fn loom_shutdown_against_launch() {
        loom::model(|| {
            let (table, stopping) = (Arc::new(ProcessTable::<Pid>::new()), Arc::new(AtomicBool::new(false)));
            let shutdown = thread::spawn({
                let (table, stopping) = (table.clone(), stopping.clone());
                move || {
                    stopping.store(true, Ordering::Relaxed);
                    table.all().len()
                }
            });
            let mut told = 0;
            for pid in [1, 2] {
                table.insert(&Arc::new(Pid(pid)));
                told += usize::from(stopping.load(Ordering::Relaxed));
            }
            assert!(shutdown.join().unwrap() + told >= 2);
            table.remove(Pid(1));
            table.remove(Pid(2));
        });
    }
}
