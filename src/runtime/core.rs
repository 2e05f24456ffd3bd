//! What all processes of a runtime share: image, scheduler, clock, the table of processes, their names.

use std::sync::Arc;

use hashbrown::HashMap;
use parking_lot::{Condvar, Mutex, RwLock};

use super::driver::Driver;
use super::events;
use super::io::IoDriver;
use super::mail::Mail;
use super::message;
use super::pid::Pid;
use super::process::Process;
use super::scheduler::Handle;
use super::spawn::Entries;
use super::timer::TimerService;
use super::{errors, lib_channel};
use crate::vm::image::Image;
use crate::vm::object::{Str, Table};

use std::sync::Weak;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Settings of a runtime.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Calls and backward jumps of one slice.
    pub slice: i64,
    /// Bytes a process may use.
    pub memory_limit: usize,
}

/// See the module header.
pub struct RuntimeCore {
    /// Libraries and code.
    pub image: Arc<Image>,
    /// Time and randomness.
    pub driver: Arc<dyn Driver>,
    /// The workers.
    pub scheduler: Handle<Process>,
    /// The timer wheel.
    pub timers: TimerService<Alarm>,
    /// Operations off the workers.
    pub io: IoDriver,
    /// All processes.
    pub processes: ProcessTable,
    /// Their names.
    pub names: Names,
    /// What can be spawned.
    pub entries: Box<dyn Entries>,
    /// Strings and classes used again and again.
    pub words: Words,
    /// The id of the one host.
    pub host: Box<str>,
    /// Where `require` looks for files.
    pub module_path: Box<str>,
    /// Settings.
    pub settings: Settings,
    /// Set by shutdown: no more processes.
    pub stopping: AtomicBool,
}

/// What a timer that fires puts into the mailbox of a process.
pub struct Alarm {
    /// Whose mailbox.
    pub process: Weak<Process>,
    /// What.
    pub mail: Mail,
}

impl Alarm {
    /// The callback of the timer service.
    pub fn ring(self) {
        if let Some(process) = self.process.upgrade() {
            // A process that ends at the same time does not care any more.
            let _ = process.post(self.mail);
        }
    }
}

const SHARDS: usize = 64;

/// All living processes by number.
pub struct ProcessTable {
    shards: Box<[Mutex<HashMap<u64, Arc<Process>>>]>,
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
    pub fn next_pid(&self) -> Pid {
        Pid(self.next.fetch_add(1, Ordering::Relaxed))
    }

    fn shard(&self, pid: Pid) -> &Mutex<HashMap<u64, Arc<Process>>> {
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

/// The name registry (`runtime.md` §2.13).
#[derive(Default)]
pub struct Names(RwLock<HashMap<Box<[u8]>, Pid>>);

impl Names {
    /// Who has a name.
    pub fn lookup(&self, name: &[u8]) -> Option<Pid> {
        self.0.read().get(name).copied()
    }

    /// Gives a name to a process. `false` if another has it.
    pub fn register(&self, name: &[u8], process: &Process) -> bool {
        let mut names = self.0.write();
        if names.get(name).is_some_and(|owner| *owner != process.pid) {
            return false;
        }
        names.insert(name.into(), process.pid);
        if !process.note_named() {
            names.remove(name);
            return false;
        }
        true
    }

    /// Frees a name. `false` if nobody has it.
    pub fn unregister(&self, name: &[u8]) -> bool {
        self.0.write().remove(name).is_some()
    }

    /// Frees all names of a process.
    pub fn release(&self, pid: Pid) {
        self.0.write().retain(|_, owner| *owner != pid);
    }
}

/// Strings of the image and metatables of the runtime's classes, looked up once.
pub struct Words {
    pub(super) channel: *mut Str,
    pub(super) value: *mut Str,
    pub(super) ok: *mut Str,
    pub(super) default: *mut Str,
    pub(super) kind: *mut Str,
    pub(super) from: *mut Str,
    pub(super) at: *mut Str,
    pub(super) result: *mut Str,
    pub(super) error: *mut Str,
    pub(super) reason: *mut Str,
    pub(super) mode: *mut Str,
    pub(super) weak_values: *mut Str,
    pub(super) exit: *mut Str,
    pub(super) link_down: *mut Str,
    pub(super) cancel: *mut Str,
    pub(super) channel_class: *mut Table,
    pub(super) case_class: *mut Table,
    pub(super) message_class: *mut Table,
    pub(super) payload_class: *mut Table,
    pub(super) error_class: *mut Table,
}

// SAFETY: all are static objects of the image, which are immutable; the runtime holds both.
unsafe impl Send for Words {}
// SAFETY: as above.
unsafe impl Sync for Words {}

impl Words {
    /// Looks them up in an image.
    pub fn new(image: &Image) -> Words {
        let word = |text: &str| image.strings.intern(text.as_bytes());
        Words {
            channel: word("channel"),
            value: word("value"),
            ok: word("ok"),
            default: word("default"),
            kind: word("kind"),
            from: word("from"),
            at: word("at"),
            result: word("result"),
            error: word("error"),
            reason: word("reason"),
            mode: word("__mode"),
            weak_values: word("v"),
            exit: word(events::EXIT),
            link_down: word(events::LINK_DOWN),
            cancel: word(events::CANCEL),
            channel_class: image.class(&lib_channel::CHANNEL),
            case_class: image.class(&lib_channel::CASE),
            message_class: image.class(&message::MESSAGE),
            payload_class: image.class(&message::PAYLOAD),
            error_class: image.class(&errors::ERROR),
        }
    }
}
