//! Executions of functions (`runtime.md` §6.1): a call makes a process that runs the function, and hands its outcome over.
//!
//! A [`Pool`] limits how many executions of one function there are at a time; further calls wait in line. A [`Call`] is the
//! caller's side: dropping it takes the call out of the line or asks its process to end.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use smallvec::smallvec;

use super::context::Inheritance;
use super::core::{Alarm, RuntimeCore};
use super::errors::{self, CANCELED, ErrorData, TIMEOUT};
use super::hosts::{Host, HostKind};
use super::links::OnExit;
use super::mail::{Completion, Happening, Mail, Outcome, ProcessEvent, Visit};
use super::pid::{NOBODY, Pid};
use super::process::Process;
use super::process_state::state;
use super::spawn::{self, Entry, Launch, Start};
use super::timer::TimerKey;
use super::transfer::{Parcel, Text};
use crate::vm::Vm;
use crate::vm::pool::Pooled;
use crate::vm::value::Value;

/// Why a callee is asked to end.
const REASON: &str = "caller context canceled";

/// What can be called.
pub struct Callable {
    /// Its code.
    pub entry: Entry,
    /// Where its executions run.
    pub host: Arc<Host>,
    /// What limits them.
    pub pool: Option<Arc<Pool>>,
}

/// Limits the executions of a function.
pub struct Pool {
    limit: usize,
    line: Mutex<Line>,
}

#[derive(Default)]
struct Line {
    running: usize,
    waiting: VecDeque<Work>,
}

impl Pool {
    /// A pool for so many executions at a time.
    pub fn new(limit: usize) -> Arc<Pool> {
        Arc::new(Pool { limit: limit.max(1), line: Mutex::default() })
    }

    /// How many executions there may be at a time.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// An execution has ended: the next that can be begun takes its place.
    fn advance(&self) {
        loop {
            let next = {
                let mut line = self.line.lock();
                let next = line.waiting.pop_front();
                if next.is_none() {
                    line.running -= 1;
                }
                next
            };
            let Some(work) = next else { return };
            if work.begin(None) {
                return;
            }
        }
    }
}

/// A call under way; dropping it cancels it.
pub struct Call {
    progress: Arc<Mutex<Progress>>,
    /// The timer that ends the wait for it.
    timeout: Option<(Arc<RuntimeCore>, TimerKey)>,
}

/// How far a call has come.
#[derive(Default)]
enum Progress {
    #[default]
    Waiting,
    Running(Weak<Process>),
    Canceled,
}

impl Drop for Call {
    fn drop(&mut self) {
        if let Some((core, timer)) = self.timeout.take() {
            drop(core.timers.cancel(timer));
        }
        let progress = std::mem::replace(&mut *self.progress.lock(), Progress::Canceled);
        if let Progress::Running(process) = progress
            && let Some(process) = process.upgrade()
        {
            ask_to_end(&process);
        }
    }
}

/// A call that has not begun.
struct Work {
    core: Arc<RuntimeCore>,
    callable: Callable,
    arguments: Parcel,
    inherited: Inheritance,
    progress: Arc<Mutex<Progress>>,
    prepare: Option<Prepare>,
    then: OnExit,
}

/// Called with the PID of an execution before it runs.
pub type Prepare = Box<dyn FnOnce(Pid) + Send>;

/// Calls a function: `then` gets the outcome. `caller` is the process that waits while the function is loaded.
pub fn start(caller: &Process, callable: Callable, arguments: Parcel, inherited: Inheritance, then: OnExit) -> Call {
    let progress = Arc::default();
    let core = Arc::clone(&caller.core);
    Work { core, callable, arguments, inherited, progress: Arc::clone(&progress), prepare: None, then }
        .enter(Some(caller));
    Call { progress, timeout: None }
}

/// Calls a function on behalf of the host. Nobody cancels the call.
pub fn start_for_host(
    core: &Arc<RuntimeCore>,
    callable: Callable,
    arguments: Parcel,
    inherited: Inheritance,
    prepare: Prepare,
    then: OnExit,
) {
    let (core, progress) = (Arc::clone(core), Arc::default());
    Work { core, callable, arguments, inherited, progress, prepare: Some(prepare), then }.enter(None);
}

impl Call {
    /// Lets `then` look after the caller's wait when so much time has passed and the call is not over.
    pub fn with_timeout(mut self, caller: &Process, after: Duration, then: Visit) -> Call {
        let deadline = caller.core.driver.now().after(after);
        let alarm = Alarm { process: caller.weak(), mail: Mail::Visit(then) };
        self.timeout = Some((Arc::clone(&caller.core), caller.core.timers.insert(deadline, alarm)));
        self
    }
}

/// The error of a call that has taken too long.
pub(super) fn too_late() -> ErrorData {
    ErrorData { retryable: Some(true), ..ErrorData::plain(TIMEOUT, "the call has taken too long") }
}

impl Work {
    /// Begins, or gets in line.
    fn enter(self, caller: Option<&Process>) {
        match self.callable.pool.clone() {
            None => _ = self.begin(caller),
            Some(pool) => {
                let mut line = pool.line.lock();
                if line.running >= pool.limit {
                    line.waiting.push_back(self);
                } else {
                    line.running += 1;
                    drop(line);
                    if !self.begin(caller) {
                        pool.advance();
                    }
                }
            }
        }
    }

    /// Makes the process. `false` if there is none: the call was cancelled, or has failed at once.
    fn begin(self, caller: Option<&Process>) -> bool {
        if matches!(*self.progress.lock(), Progress::Canceled) {
            return false;
        }
        let Work { core, callable: Callable { entry, host, pool }, arguments, inherited, progress, prepare, then } =
            self;
        let process = match spawn::create(&core, &host, &Start::Entry(&entry), &arguments, inherited, caller) {
            Ok(process) => process,
            Err(error) => {
                then(Err(Arc::new(error)));
                return false;
            }
        };
        {
            let mut progress = progress.lock();
            if matches!(*progress, Progress::Canceled) {
                host.leave();
                return false;
            }
            *progress = Progress::Running(process.weak());
        }
        if let Some(prepare) = prepare {
            prepare(process.pid);
        }
        process.on_exit(Box::new(move |outcome| {
            then(outcome);
            if let Some(pool) = pool {
                pool.advance();
            }
        }));
        spawn::launch(process, Launch::default()).unwrap_or_else(|_| unreachable!("only a name can be taken"));
        true
    }
}

/// Asks a callee to end whose result nobody wants any more. An execution of a function that does not listen to its events
/// is ended.
fn ask_to_end(process: &Arc<Process>) {
    let at = process.core.driver.wall_clock().seconds;
    let what = Happening::Cancel(Text::from_bytes(REASON.as_bytes()));
    let cancel = Mail::Event(Pooled::new(ProcessEvent { from: NOBODY, at, what }));
    let mail = if process.core.hosts.of(process.pid).kind != HostKind::Function {
        cancel
    } else {
        let callee = process.weak();
        Mail::Visit(Box::new(move |vm| {
            if !state(vm).mailbox.has_events() {
                state(vm).rare().doom = Some(Arc::new(ErrorData::plain(CANCELED, REASON)));
            } else if let Some(callee) = callee.upgrade() {
                // It is being visited, so it has not ended.
                let _ = callee.post(cancel);
            }
        }))
    };
    // A callee that ends at the same time does not care any more.
    let _ = process.post(mail);
}

/// Ends the next wait of the running task with the outcome of another process: `value, nil` or `nil, error`.
pub(super) fn answer_caller(vm: &mut Vm) -> OnExit {
    let caller = state(vm).process().weak();
    let id = state(vm).tasks.next_wait();
    Box::new(move |outcome: Outcome| {
        let Some(caller) = caller.upgrade() else { return };
        let finish = Box::new(move |vm: &mut Vm| {
            Ok(match outcome {
                Ok(value) => smallvec![value.unpack_one(vm)?, Value::NIL],
                Err(error) => smallvec![Value::NIL, errors::to_value(vm, error)],
            })
        });
        // A caller that ends at the same time does not care any more.
        let _ = caller.post(Mail::Completion(Box::new(Completion { id, finish })));
    })
}
