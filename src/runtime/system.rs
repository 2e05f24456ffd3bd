//! A system of processes: built, given a script or entries, shut down.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use super::access::Guard;
use super::bus::Bus;
use super::context::Inheritance;
use super::core::{Alarm, RuntimeCore, Settings};
use super::driver::{Driver, SystemDriver};
use super::errors::{ErrorData, NOT_FOUND};
use super::groups::Groups;
use super::hosts::{Host, Hosts};
use super::identity::Identity;
use super::io::IoDriver;
use super::links::OnExit;
use super::mail::{Mail, Message, Outcome};
use super::module::Modules;
use super::names::Names;
use super::pid::NOBODY;
use super::process::Process;
use super::process_table::ProcessTable;
use super::scheduler::Scheduler;
use super::services::Services;
use super::spawn::{self, Begin, Entries, Launch, Start};
use super::timer::TimerService;
use super::transfer::{Parcel, Text};
use super::words::Words;
use crate::stdlib::output::flush_output;
use crate::stdlib::package;
use crate::vm::Vm;
use crate::vm::image::{Image, Library, OnDemand};

/// The libraries that need the runtime.
pub static LIBRARIES: &[&Library] = &[
    &super::lib_process::LIBRARY,
    &super::lib_spawn::LIBRARY,
    &super::lib_registry::LIBRARY,
    &super::lib_subscribe::LIBRARY,
    &super::lib_channel::LIBRARY,
    &super::lib_coroutine::LIBRARY,
    &super::lib_require::LIBRARY,
    &super::errors::LIBRARY,
    &super::payload::LIBRARY,
];

/// What only `require` gives.
pub fn on_demand() -> Vec<OnDemand> {
    vec![
        Box::new(|| vec![&super::context::LIBRARY]),
        Box::new(|| vec![&super::time::LIBRARY]),
        Box::new(|| vec![&super::lib_events::LIBRARY]),
        Box::new(|| vec![&super::lib_funcs::LIBRARY]),
        Box::new(|| vec![&super::lib_pg::LIBRARY]),
    ]
}

/// What the sandbox has instead of the libraries of the same name.
pub static SANDBOX: &[&Library] = &[&super::lib_os::LIBRARY, &super::lib_print::LIBRARY, &super::lib_require::PACKAGE];

/// Sets up a [`System`].
pub struct Builder {
    workers: usize,
    host: Box<str>,
    module_path: Box<[u8]>,
    settings: Settings,
    memory_limit: usize,
    modules: Modules,
    driver: Arc<dyn Driver>,
    guard: Option<Arc<dyn Guard>>,
}

impl Default for Builder {
    fn default() -> Builder {
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        Builder {
            workers,
            host: "app:processes".into(),
            module_path: package::DEFAULT_PATH.as_bytes().into(),
            settings: Settings { slice: 100_000, strict_security: false },
            memory_limit: usize::MAX,
            modules: Modules::default(),
            driver: Arc::new(SystemDriver::new()),
            guard: None,
        }
    }
}

impl Builder {
    /// The number of worker threads; by default that of the processors.
    pub fn workers(mut self, workers: usize) -> Builder {
        self.workers = workers;
        self
    }

    /// Calls and backward jumps after which a process gives way to others.
    pub fn slice(mut self, fuel: i64) -> Builder {
        self.settings.slice = fuel;
        self
    }

    /// Bytes a process may use.
    pub fn memory_limit(mut self, bytes: usize) -> Builder {
        self.memory_limit = bytes;
        self
    }

    /// Where `require` looks for files; see `package.path`.
    pub fn module_path(mut self, path: impl AsRef<[u8]>) -> Builder {
        self.module_path = path.as_ref().into();
        self
    }

    /// The host modules: those whose libraries the image has.
    pub fn modules(mut self, modules: Modules) -> Builder {
        self.modules = modules;
        self
    }

    /// The source of time and randomness.
    pub fn driver(mut self, driver: Arc<dyn Driver>) -> Builder {
        self.driver = driver;
        self
    }

    /// What processes may do; by default everything.
    pub fn guard(mut self, guard: Arc<dyn Guard>) -> Builder {
        self.guard = Some(guard);
        self
    }

    /// Whether processes without a scope may do nothing that is guarded; by default they may do everything.
    pub fn strict_security(mut self, strict: bool) -> Builder {
        self.settings.strict_security = strict;
        self
    }

    /// Starts the workers.
    ///
    /// # Errors
    /// If the operating system refuses a thread.
    pub fn build(self, image: Arc<Image>, entries: Box<dyn Entries>) -> io::Result<System> {
        let scheduler = Scheduler::new(self.workers, "moonlet-worker", &*self.driver)?;
        let hosts = Hosts::new(&self.host, !entries.declares_hosts());
        let core = RuntimeCore {
            words: Words::new(&image),
            image,
            timers: TimerService::new(Arc::clone(&self.driver), Alarm::ring),
            driver: self.driver,
            scheduler: scheduler.handle().clone(),
            io: IoDriver::new(),
            processes: ProcessTable::new(),
            names: Names::default(),
            bus: Bus::default(),
            groups: Groups::default(),
            guard: self.guard,
            modules: self.modules,
            entries,
            hosts,
            services: Services::default(),
            memory_limit: AtomicUsize::new(self.memory_limit),
            module_path: self.module_path,
            settings: self.settings,
            stopping: AtomicBool::new(false),
            out_of_time: AtomicBool::new(false),
        };
        Ok(System { core: Arc::new(core), scheduler })
    }
}

/// A running system of processes.
pub struct System {
    core: Arc<RuntimeCore>,
    scheduler: Scheduler<Process>,
}

impl System {
    /// A builder with the default settings.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Runs a host's program as a process of its own, with this entry id, and waits for its end. `begin` is called with
    /// the process's Lua state and gives the function to run and its arguments; `package` is installed before. A deadlock
    /// ends the program unless it is `interruptible`, see [`interrupt`](super::interrupt::interrupt).
    ///
    /// # Errors
    /// What the program failed with.
    pub fn run_program(&self, id: &Arc<str>, begin: &Begin<'_>, interruptible: bool) -> Outcome {
        let (sender, receiver) = mpsc::channel();
        let begin = |vm: &mut Vm| {
            super::lib_require::install(vm)?;
            begin(vm)
        };
        let start = Start::Program { id, begin: &begin, interruptible };
        let process = spawn::create(
            &self.core,
            self.core.hosts.default_host(),
            &start,
            &Parcel::Empty,
            Inheritance::default(),
            None,
        )
        .map_err(Arc::new)?;
        // The receiver is gone only if this function has returned.
        process.on_exit(Box::new(move |outcome| drop(sender.send(outcome))));
        launch(process);
        let outcome = receiver.recv().unwrap_or_else(|_| Err(ErrorData::internal("the runtime was shut down")));
        // What cannot be written any more has nobody to be reported to.
        let _ = flush_output();
        outcome
    }

    /// Starts a process for an entry. `on_exit` is called with its outcome, by the worker that ended it.
    ///
    /// # Errors
    /// As `process.spawn`.
    pub fn spawn(&self, id: &str, arguments: &Parcel, on_exit: OnExit) -> Result<Arc<Process>, ErrorData> {
        spawn_entry(&self.core, self.core.hosts.default_host(), id, arguments, None, on_exit)
    }

    /// Sends a message from outside.
    ///
    /// # Errors
    /// `NotFound` if the process has ended.
    pub fn send(to: &Arc<Process>, topic: &str, payload: Parcel) -> Result<(), ErrorData> {
        let topic = Text::from_bytes(topic.as_bytes());
        let message = Mail::Message(Message { from: NOBODY, topic, payload });
        to.post(message).map_err(|_| ErrorData::plain(NOT_FOUND, "process not found"))
    }

    /// What all processes share.
    pub fn core(&self) -> &Arc<RuntimeCore> {
        &self.core
    }

    /// Ends all processes: asks them to, and after `deadline` terminates those that are left. Then stops the workers.
    pub fn shutdown(&self, deadline: Duration) {
        if !deadline.is_zero() {
            self.core.begin_shutdown();
            self.core.processes.wait_until_empty(deadline);
        }
        self.core.terminate_all();
        self.core.processes.wait_until_empty(KILL_DEADLINE);
        self.scheduler.shutdown();
        // SAFETY: the workers have stopped. (If one of them is here, it is ending a process that is not in the table.)
        self.core.processes.all().iter().for_each(|late| unsafe { late.end_without_worker() });
    }
}

/// Starts a process for an entry on a host, on behalf of `identity`. `on_exit` is called with its outcome, by the worker that ended it.
///
/// # Errors
/// As `process.spawn`.
pub fn spawn_entry(
    core: &Arc<RuntimeCore>,
    host: &Arc<Host>,
    id: &str,
    arguments: &Parcel,
    identity: Option<Arc<Identity>>,
    on_exit: OnExit,
) -> Result<Arc<Process>, ErrorData> {
    let entry = core.entries.resolve(&core.image, id)?;
    let process =
        spawn::create(core, host, &Start::Entry(&entry), arguments, Inheritance { context: None, identity }, None)?;
    process.on_exit(on_exit);
    Ok(launch(process))
}

/// Queues a process without a name.
fn launch(process: Arc<Process>) -> Arc<Process> {
    spawn::launch(process, Launch::default()).unwrap_or_else(|_| unreachable!("only a name can be taken"))
}

/// How long a terminated process may take to notice.
const KILL_DEADLINE: Duration = Duration::from_secs(5);

impl Drop for System {
    fn drop(&mut self) {
        self.shutdown(Duration::ZERO);
    }
}
