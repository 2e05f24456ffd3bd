//! What all processes of a runtime share.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use super::access::Guard;
use super::bus::Bus;
use super::driver::Driver;
use super::errors::{ErrorData, NOT_FOUND};
use super::groups::Groups;
use super::hosts::Hosts;
use super::io::IoDriver;
use super::mail::Mail;
use super::module::Modules;
use super::names::Names;
use super::pid::Pid;
use super::process::Process;
use super::process_table::ProcessTable;
use super::scheduler::Handle;
use super::services::Services;
use super::spawn::Entries;
use super::timer::TimerService;
use super::words::Words;
use crate::vm::image::Image;

/// Settings of a runtime.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Calls and backward jumps of one slice.
    pub slice: i64,
    /// Whether processes without a scope may do nothing that is guarded.
    pub strict_security: bool,
}

/// Why processes are asked to end, and what those have failed with that did not.
pub const SHUTDOWN: &str = "scheduler shutdown";

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
    /// The event bus.
    pub bus: Bus,
    /// Process groups.
    pub groups: Groups,
    /// What processes may do at most.
    pub guard: Option<Arc<dyn Guard>>,
    /// Host modules.
    pub modules: Modules,
    /// What can be spawned.
    pub entries: Box<dyn Entries>,
    /// Strings and classes used again and again.
    pub words: Words,
    /// Where processes run.
    pub hosts: Hosts,
    /// What the supervisor tells of services.
    pub services: Services,
    /// Bytes that processes which start may use.
    pub memory_limit: AtomicUsize,
    /// Where `require` looks for files.
    pub module_path: Box<[u8]>,
    /// Settings.
    pub settings: Settings,
    /// Set by shutdown: no more processes.
    pub stopping: AtomicBool,
    /// Set when the deadline of a shutdown has passed: what is terminated from now on has been cancelled.
    pub out_of_time: AtomicBool,
}

impl RuntimeCore {
    /// Begins to shut down (`runtime.md` §10.6): nothing is spawned any more, and every process is asked to end. Asking
    /// again does nothing.
    pub fn begin_shutdown(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        self.processes.all().iter().for_each(Process::ask_to_end);
    }

    /// Terminates all processes there are, and those that are launched from now on.
    pub fn terminate_all(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        self.out_of_time.store(true, Ordering::Relaxed);
        self.processes.all().iter().for_each(|process| self.scheduler.kill(process));
    }

    /// Adds a process that is about to be queued. It may have been created before a shutdown began that has listed the
    /// processes meanwhile; the lock of the table makes sure that either the list has it, or the shutdown shows here.
    pub fn publish(&self, process: &Arc<Process>) {
        self.processes.insert(process);
        if self.out_of_time.load(Ordering::Relaxed) {
            self.scheduler.kill(process);
        } else if self.stopping.load(Ordering::Relaxed) {
            process.ask_to_end();
        }
    }

    /// The process with this PID or name.
    ///
    /// # Errors
    /// `NotFound`
    pub fn resolve(&self, destination: &[u8]) -> Result<Arc<Process>, ErrorData> {
        let unknown = || ErrorData::plain(NOT_FOUND, "process not found");
        if let Some(pid) = self.hosts.parse(destination) {
            return self.processes.get(pid).ok_or_else(unknown);
        }
        if Pid::looks_like(destination) {
            return Err(unknown());
        }
        self.names.lookup(destination).and_then(|pid| self.processes.get(pid)).ok_or_else(|| {
            let name = String::from_utf8_lossy(destination);
            ErrorData::plain(NOT_FOUND, &format!("could not resolve '{name}' as PID or registered name"))
        })
    }
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
