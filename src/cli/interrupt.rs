//! SIGINT (Ctrl-C), as the `lua` command takes it: while Lua runs, the main process is
//! [interrupted](crate::runtime::interrupt), and what it leaves behind has some time to end; a second signal before that,
//! or one while no chunk runs, ends the program as if nobody had asked for the signal.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Weak};
use std::thread;

use parking_lot::Mutex;
use signal_hook::consts::SIGINT;
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use crate::runtime::interrupt::interrupt;
use crate::runtime::process::Process;

/// No chunk runs.
const IDLE: u8 = 0;
/// A chunk runs.
const RUNNING: u8 = 1;
/// A chunk runs and has been asked to end.
const ASKED: u8 = 2;

/// Whether an interruption is due to the main process.
#[derive(Default)]
pub(super) struct Interrupt {
    state: AtomicU8,
    process: Mutex<Weak<Process>>,
    /// Whether the present or last chunk was asked to end.
    asked: AtomicBool,
}

impl Interrupt {
    /// Takes over the signal, on a thread that waits for it.
    pub fn install() -> io::Result<Arc<Interrupt>> {
        let this = Arc::new(Interrupt::default());
        let mut signals = Signals::new([SIGINT])?;
        let shared = Arc::clone(&this);
        let wait = move || signals.forever().for_each(|_| shared.arrived());
        thread::Builder::new().name("moonlet-signal".into()).spawn(wait)?;
        Ok(this)
    }

    /// Names the process to be interrupted.
    pub fn aim_at(&self, process: Weak<Process>) {
        *self.process.lock() = process;
    }

    /// A chunk begins.
    pub fn arm(&self) {
        self.asked.store(false, Ordering::Release);
        self.state.store(RUNNING, Ordering::Release);
    }

    /// The chunk has ended.
    pub fn disarm(&self) {
        self.state.store(IDLE, Ordering::Release);
    }

    /// Whether the last chunk was asked to end: then the processes it leaves behind are given time to end as well.
    pub fn was_asked(&self) -> bool {
        self.asked.load(Ordering::Acquire)
    }

    fn arrived(self: &Arc<Interrupt>) {
        let running = self.state.compare_exchange(RUNNING, ASKED, Ordering::AcqRel, Ordering::Acquire).is_ok();
        let process = if running { self.process.lock().upgrade() } else { None };
        match process {
            Some(process) => {
                self.asked.store(true, Ordering::Release);
                let this = Arc::clone(self);
                interrupt(&process, move || this.state.load(Ordering::Acquire) == ASKED);
            }
            // Returns only if the system refuses, and then there is nothing else to try.
            None => drop(emulate_default_handler(SIGINT)),
        }
    }
}
