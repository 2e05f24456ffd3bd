//! The table of living processes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hashbrown::HashMap;
use parking_lot::{Condvar, Mutex};

use super::pid::Pid;
use super::process::Process;

const SHARDS: usize = 64;

/// Some of the processes; a process belongs to the shard that its number leads to.
type Shard = Mutex<HashMap<u64, Arc<Process>>>;

/// All living processes by number.
pub struct ProcessTable {
    shards: Box<[Shard]>,
    next: AtomicU64,
    alive: AtomicUsize,
    none_left: (Mutex<()>, Condvar),
}

impl ProcessTable {
    /// No processes.
    pub fn new() -> ProcessTable {
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

    fn shard(&self, pid: Pid) -> &Shard {
        &self.shards[pid.0 as usize % SHARDS]
    }

    /// Adds a process.
    pub fn insert(&self, process: &Arc<Process>) {
        self.alive.fetch_add(1, Ordering::Relaxed);
        self.shard(process.pid).lock().insert(process.pid.0, Arc::clone(process));
    }

    /// The living process with this number.
    #[inline]
    pub fn get(&self, pid: Pid) -> Option<Arc<Process>> {
        self.shard(pid).lock().get(&pid.0).cloned()
    }

    /// Removes a process that ends.
    pub fn remove(&self, pid: Pid) {
        let removed = self.shard(pid).lock().remove(&pid.0);
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
    pub fn all(&self) -> Vec<Arc<Process>> {
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

impl Default for ProcessTable {
    fn default() -> ProcessTable {
        ProcessTable::new()
    }
}
