//! Hosts: the places where processes run, as PIDs name them.
//!
//! All hosts share the workers of the runtime. A host counts its processes, may limit them, and can be closed. Host 0 is
//! the default one: where hosts need not be declared, every id means it, and nobody counts its processes. An execution of
//! a function runs on a host of its own kind, which is named after the function and that nothing can be spawned on.

use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use hashbrown::HashMap;
use parking_lot::RwLock;

use super::errors::{ErrorData, NOT_FOUND, UNAVAILABLE};
use super::mail::Outcome;
use super::pid::{Pid, PidText};

/// What a host is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HostKind {
    /// Any number of processes.
    Processes,
    /// One process, which has the terminal.
    Terminal,
    /// Executions of one function.
    Function,
}

/// Whether a host takes processes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum HostState {
    /// Not yet, or not any more.
    Stopped,
    /// Yes.
    Running,
    /// No more: those that are there are coming to their end.
    Stopping,
}

/// Called with the outcome of every process of a host.
pub type OnEnd = Box<dyn Fn(&Outcome) + Send + Sync>;

/// A host.
pub struct Host {
    /// Its id.
    pub id: Box<str>,
    /// What it is for.
    pub kind: HostKind,
    index: u16,
    /// Processes it takes at a time.
    limit: usize,
    state: AtomicU8,
    alive: AtomicUsize,
    on_end: Option<OnEnd>,
    /// What the command line says to the process that has the terminal.
    pub arguments: OnceLock<Vec<Vec<u8>>>,
}

impl Host {
    /// Opens or closes it.
    pub fn set_state(&self, state: HostState) {
        self.state.store(state as u8, Ordering::Release);
    }

    /// Whether it takes processes.
    pub fn state(&self) -> HostState {
        match self.state.load(Ordering::Acquire) {
            0 => HostState::Stopped,
            1 => HostState::Running,
            _ => HostState::Stopping,
        }
    }

    /// The part of PIDs that names it.
    pub fn index(&self) -> u16 {
        self.index
    }

    /// How many processes it takes at a time.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// How many processes it has. The default host has no count.
    pub fn process_count(&self) -> usize {
        self.alive.load(Ordering::Acquire)
    }

    /// A process begins.
    ///
    /// # Errors
    /// `Unavailable` if the host is closed, `LimitExceeded` if it is full.
    pub fn enter(&self) -> Result<(), ErrorData> {
        if self.index == 0 {
            return Ok(());
        }
        match self.state() {
            HostState::Running => {}
            HostState::Stopped => return Err(ErrorData::plain(UNAVAILABLE, "host is not running")),
            HostState::Stopping => return Err(ErrorData::plain(UNAVAILABLE, "host is shutting down")),
        }
        if self.alive.fetch_add(1, Ordering::AcqRel) >= self.limit {
            self.leave();
            return Err(ErrorData::plain("LimitExceeded", "max processes limit exceeded"));
        }
        Ok(())
    }

    /// A process that has [entered](Host::enter) is gone.
    pub fn leave(&self) {
        if self.index != 0 {
            self.alive.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

#[derive(Default)]
struct Known {
    list: Vec<Arc<Host>>,
    by_id: HashMap<Box<str>, u16>,
}

/// The hosts of a runtime.
pub struct Hosts {
    known: RwLock<Known>,
    default: Arc<Host>,
    /// Whether an id that no host has means the default host.
    open: bool,
}

impl Hosts {
    /// The default host. If `open`, it answers to every id.
    pub fn new(default: &str, open: bool) -> Hosts {
        let hosts = Hosts { known: RwLock::default(), default: Arc::new(Host::new(default, 0)), open };
        let default = Arc::clone(&hosts.default);
        let mut known = hosts.known.write();
        known.by_id.insert(default.id.clone(), 0);
        known.list.push(default);
        drop(known);
        hosts
    }

    /// The default host.
    pub fn default_host(&self) -> &Arc<Host> {
        &self.default
    }

    /// Declares a host, which is stopped; a host of that id that is known already is replaced for what comes. `None` if
    /// there are too many.
    pub fn add(&self, id: &str, kind: HostKind, limit: usize, on_end: Option<OnEnd>) -> Option<Arc<Host>> {
        let mut known = self.known.write();
        let index = u16::try_from(known.list.len()).ok()?;
        let host = Arc::new(Host { kind, limit, on_end, ..Host::new(id, index) });
        known.by_id.insert(id.into(), index);
        known.list.push(Arc::clone(&host));
        Some(host)
    }

    /// The host on which something is to be spawned.
    ///
    /// # Errors
    /// `NotFound`
    pub fn for_spawn(&self, id: &str) -> Result<Arc<Host>, ErrorData> {
        if self.open {
            return Ok(Arc::clone(&self.default));
        }
        let host = self.find(id).filter(|host| host.index != 0 && host.kind != HostKind::Function);
        host.ok_or_else(|| ErrorData::plain(NOT_FOUND, "host not found"))
    }

    /// The host for the executions of a function. (The default host, if there are too many hosts.)
    pub fn for_function(&self, id: &str) -> Arc<Host> {
        if let Some(host) = self.find(id).filter(|host| host.kind == HostKind::Function) {
            return host;
        }
        let host = self.add(id, HostKind::Function, usize::MAX, None).unwrap_or_else(|| Arc::clone(&self.default));
        host.set_state(HostState::Running);
        host
    }

    /// The host with this id.
    pub fn find(&self, id: &str) -> Option<Arc<Host>> {
        let known = self.known.read();
        known.by_id.get(id).map(|index| Arc::clone(&known.list[usize::from(*index)]))
    }

    /// All hosts, the default host first.
    pub fn all(&self) -> Vec<Arc<Host>> {
        self.known.read().list.clone()
    }

    /// The host of a process.
    pub fn of(&self, pid: Pid) -> Arc<Host> {
        match pid.host() {
            0 => Arc::clone(&self.default),
            index => Arc::clone(&self.known.read().list[usize::from(index)]),
        }
    }

    /// The text form of a PID.
    pub fn show(&self, pid: Pid) -> PidText {
        match pid.host() {
            0 => pid.display(&self.default.id).text(),
            _ => pid.display(&self.of(pid).id).text(),
        }
    }

    /// The same as a string.
    pub fn shown(&self, pid: Pid) -> String {
        pid.display(&self.of(pid).id).to_string()
    }

    /// Reads the text form of a PID. `None` if it is no PID of this runtime at all.
    pub fn parse(&self, text: &[u8]) -> Option<Pid> {
        let (host, number) = Pid::parse(text)?;
        if host == self.default.id.as_bytes() {
            return Some(Pid::new(0, number));
        }
        let index = *self.known.read().by_id.get(std::str::from_utf8(host).ok()?)?;
        Some(Pid::new(index, number))
    }

    /// A process has ended.
    pub fn ended(&self, pid: Pid, outcome: &Outcome) {
        if pid.host() != 0 {
            let host = self.of(pid);
            host.leave();
            if let Some(on_end) = &host.on_end {
                on_end(outcome);
            }
        }
    }
}

impl Host {
    fn new(id: &str, index: u16) -> Host {
        Host {
            id: id.into(),
            kind: HostKind::Processes,
            index,
            limit: usize::MAX,
            state: AtomicU8::new(HostState::Stopped as u8),
            alive: AtomicUsize::new(0),
            on_end: None,
            arguments: OnceLock::new(),
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn pids_name_their_host() {
        let hosts = Hosts::new("app:processes", false);
        let other = hosts.add("app:other", HostKind::Processes, 1, None).expect("there is room");
        for (pid, text) in [(Pid::new(0, 0x2a), "{app:processes|0x0002a}"), (Pid::new(1, 0x2a), "{app:other|0x0002a}")]
        {
            assert_eq!(hosts.show(pid).as_slice(), text.as_bytes());
            assert_eq!(hosts.parse(text.as_bytes()), Some(pid));
        }
        assert_eq!(hosts.parse(b"{app:third|0x1}"), None);
        assert_eq!(hosts.of(Pid::new(1, 7)).id, other.id);
    }

    #[test]
    fn hosts_count_and_refuse() {
        let hosts = Hosts::new("d", false);
        let host = hosts.add("h", HostKind::Processes, 1, None).expect("there is room");
        assert_eq!(&*host.enter().expect_err("it is stopped").message, "host is not running");
        host.set_state(HostState::Running);
        host.enter().expect("there is room for one");
        assert_eq!(&*host.enter().expect_err("it is full").kind, "LimitExceeded");
        host.leave();
        host.enter().expect("one has left");
        host.set_state(HostState::Stopping);
        assert_eq!(&*host.enter().expect_err("it is closing").message, "host is shutting down");
        assert!(hosts.for_spawn("h").is_ok() && hosts.for_spawn("d").is_err() && hosts.for_spawn("x").is_err());
        assert!(Hosts::new("d", true).for_spawn("anything").is_ok());
    }
}
