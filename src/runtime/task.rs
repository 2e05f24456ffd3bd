//! Tasks: the scheduled coroutines of a process (`runtime.md` §4), which of them is ready, and what the others wait for.
//!
//! House rules:
//! * At most one task runs, the *current* one. What it waits for is noted by [`TaskSet::begin_wait`] before its native
//!   function suspends; whoever ends the wait calls [`TaskSet::wake`] once.
//! * A wait is named by task and *ticket*, so that news for a wait that is over is recognised.
//! * All values a task will continue with are kept here and traced; a waiting task's operands too, since the arguments of
//!   a suspended native function are not part of its stack.

use std::sync::Arc;

use smallvec::SmallVec;

use super::call::Call;
use super::io::Operation;
use super::select::WaitingCase;
use super::sync::{AtomicBool, Ordering};
use super::timer::TimerKey;
use crate::vm::error::LuaError;
use crate::vm::heap::Marker;
use crate::vm::object::Userdata;
use crate::vm::thread::Thread;
use crate::vm::value::Value;

/// The values with which a task continues.
pub type Results = SmallVec<[Value; 2]>;

/// How a task continues: with values, or raising an error.
pub type Continuation = Result<Results, Box<LuaError>>;

/// One wait of one task.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TaskId {
    /// Which task.
    pub index: u32,
    /// Which of its waits.
    pub ticket: u32,
}

/// Decides who completes a select that waits on shared channels: exactly one caller of [`Claim::take`] is told `true`.
#[derive(Debug)]
pub struct Claim(AtomicBool);

impl Default for Claim {
    fn default() -> Claim {
        Claim(AtomicBool::new(false))
    }
}

impl Claim {
    /// Claims the select.
    pub fn take(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }
}

/// What a task waits for, as far as its end has to be cleaned up after.
#[derive(Default)]
pub enum Wait {
    /// Nothing that needs cleaning up.
    #[default]
    Nothing,
    /// One channel.
    Channel(*mut Userdata),
    /// The cases of a select.
    Select(Box<[WaitingCase]>),
    /// A timer.
    Timer(TimerKey),
    /// An operation off the workers; dropping it aborts it.
    Operation(Operation),
    /// A call of a function; dropping it cancels it.
    Call(Call),
}

impl Wait {
    /// Drops it. Most own nothing, and a call for that would be a waste.
    #[inline(always)]
    fn let_go(self) {
        match self {
            Wait::Nothing | Wait::Channel(_) | Wait::Timer(_) => std::mem::forget(self),
            Wait::Select(_) | Wait::Operation(_) | Wait::Call(_) => drop(self),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Free,
    Ready,
    Running,
    Waiting,
}

struct Task {
    /// The coroutine the task began with.
    root: *mut Thread,
    /// The one that left the machine: `root`, or a plain coroutine that it resumed.
    innermost: *mut Thread,
    /// What it continues with once it is ready.
    results: Results,
    /// It continues by raising this instead.
    error: Option<Box<LuaError>>,
    wait: Wait,
    /// Present while a select waits on shared channels too.
    claim: Option<Arc<Claim>>,
    /// What it waits for, in words.
    reason: &'static str,
    ticket: u32,
    phase: Phase,
    /// Whether something outside the process will end the wait.
    external: bool,
    /// The next of the ready or free tasks, whichever it is one of; [`NONE`] ends the list.
    next: u32,
}

/// No task.
const NONE: u32 = u32::MAX;

/// The tasks of a process. Task 0 is main.
pub struct TaskSet {
    /// Most processes have one.
    tasks: SmallVec<[Task; 1]>,
    current: Option<u32>,
    /// The ready tasks, linked in their order.
    first_ready: u32,
    last_ready: u32,
    /// The free places, linked.
    first_free: u32,
    /// Waiting tasks whose wait ends from outside.
    external: u32,
    /// The first ticket of each task.
    first_ticket: u32,
}

// SAFETY: the coroutines and values belong to the heap of the machine that owns this set, and move with it.
unsafe impl Send for TaskSet {}

/// The task that runs the main function.
pub const MAIN: u32 = 0;

impl TaskSet {
    /// No tasks.
    pub fn new() -> TaskSet {
        TaskSet {
            tasks: SmallVec::new(),
            current: None,
            first_ready: NONE,
            last_ready: NONE,
            first_free: NONE,
            external: 0,
            first_ticket: 0,
        }
    }

    /// From now on the main coroutine of a program gives the others a turn when it yields.
    pub fn let_main_take_turns(&mut self) {
        // SAFETY: the main coroutine lives as long as the process.
        unsafe { (*self.tasks[MAIN as usize].root).takes_turns = true };
    }

    /// Makes these tasks the successors of others: news for those is recognised as being for waits that are over.
    pub fn continue_tickets(&mut self, old: &TaskSet) {
        let newest = old.tasks.iter().map(|task| task.ticket).chain([old.first_ticket]).max().unwrap_or(0);
        self.first_ticket = newest.wrapping_add(1);
        self.tasks.iter_mut().for_each(|task| task.ticket = self.first_ticket);
    }

    /// Adds a task for a fresh coroutine, ready to run with these arguments.
    pub fn spawn(&mut self, root: *mut Thread, arguments: Results) -> u32 {
        let task = Task {
            root,
            innermost: root,
            results: arguments,
            error: None,
            wait: Wait::Nothing,
            claim: None,
            reason: "",
            ticket: self.first_ticket,
            phase: Phase::Ready,
            external: false,
            next: NONE,
        };
        let index = match self.first_free {
            index if index != NONE => {
                let place = &mut self.tasks[index as usize];
                self.first_free = place.next;
                // The ticket goes on counting, for the sake of news that is still under way.
                *place = Task { ticket: place.ticket, ..task };
                index
            }
            _ => {
                self.tasks.push(task);
                self.tasks.len() as u32 - 1
            }
        };
        self.push_ready(index);
        index
    }

    /// Puts a task at the end of the ready ones.
    #[inline]
    fn push_ready(&mut self, index: u32) {
        self.tasks[index as usize].next = NONE;
        match self.last_ready {
            NONE => self.first_ready = index,
            last => self.tasks[last as usize].next = index,
        }
        self.last_ready = index;
    }

    /// The task that runs, if one does.
    pub fn current(&self) -> Option<u32> {
        self.current
    }

    /// Takes the next ready task: its coroutine, and what it continues with, if that is an error. If not, it is what
    /// [`TaskSet::take_results`] answers.
    #[inline]
    pub fn start_next(&mut self) -> Option<(*mut Thread, Option<Box<LuaError>>)> {
        let index = self.first_ready;
        let task = self.tasks.get_mut(index as usize)?;
        self.first_ready = task.next;
        if self.first_ready == NONE {
            self.last_ready = NONE;
        }
        task.phase = Phase::Running;
        self.current = Some(index);
        Some((task.innermost, task.error.take()))
    }

    /// The values with which the current task continues.
    #[inline]
    pub fn take_results(&mut self) -> Results {
        self.current.map_or_else(Results::new, |index| std::mem::take(&mut self.tasks[index as usize].results))
    }

    /// Whether a task is ready.
    #[inline]
    pub fn has_ready(&self) -> bool {
        self.first_ready != NONE
    }

    /// The current task will wait for `reason`. `external` tells that the wait ends from outside the process.
    pub fn begin_wait(&mut self, reason: &'static str, wait: Wait, external: bool) -> TaskId {
        let index = self.current.expect("only a running task can wait");
        let task = &mut self.tasks[index as usize];
        task.phase = Phase::Waiting;
        task.reason = reason;
        std::mem::replace(&mut task.wait, wait).let_go();
        task.external = external;
        self.external += u32::from(external);
        TaskId { index, ticket: task.ticket }
    }

    /// The wait that the current task would begin.
    pub fn next_wait(&self) -> TaskId {
        let index = self.current.expect("only a running task can wait");
        TaskId { index, ticket: self.tasks[index as usize].ticket }
    }

    /// The current task has left the machine, in coroutine `innermost`, to wait.
    #[inline]
    pub fn suspended(&mut self, innermost: *mut Thread) {
        if let Some(index) = self.current.take() {
            self.tasks[index as usize].innermost = innermost;
        }
    }

    /// The current task gives up its turn.
    pub fn yielded(&mut self, innermost: *mut Thread) {
        if let Some(index) = self.current.take() {
            let task = &mut self.tasks[index as usize];
            task.innermost = innermost;
            task.phase = Phase::Ready;
            self.push_ready(index);
        }
    }

    /// The current task will suspend only to let the others go first, and then continue with `results`.
    pub fn give_way(&mut self, results: Results) {
        if let Some(index) = self.current {
            let task = &mut self.tasks[index as usize];
            task.phase = Phase::Ready;
            task.results = results;
            self.push_ready(index);
        }
    }

    /// The slice of the current task is used up: it goes on before all others.
    pub fn preempted(&mut self, innermost: *mut Thread) {
        if let Some(index) = self.current.take() {
            let task = &mut self.tasks[index as usize];
            task.innermost = innermost;
            task.phase = Phase::Ready;
            task.next = self.first_ready;
            self.first_ready = index;
            if self.last_ready == NONE {
                self.last_ready = index;
            }
        }
    }

    /// The current task has ended.
    pub fn finished(&mut self) {
        if let Some(index) = self.current.take() {
            self.release(index);
        }
    }

    fn release(&mut self, index: u32) {
        let task = &mut self.tasks[index as usize];
        task.phase = Phase::Free;
        task.root = std::ptr::null_mut();
        task.innermost = std::ptr::null_mut();
        task.ticket = task.ticket.wrapping_add(1);
        task.next = self.first_free;
        self.first_free = index;
    }

    /// The ticket of a task's present wait.
    pub fn ticket(&self, index: u32) -> u32 {
        self.tasks[index as usize].ticket
    }

    /// Whether a wait is still going on.
    pub fn is_waiting(&self, id: TaskId) -> bool {
        self.tasks.get(id.index as usize).is_some_and(|task| task.phase == Phase::Waiting && task.ticket == id.ticket)
    }

    /// Ends the wait of a task, which continues with `results`.
    #[inline]
    pub fn wake(&mut self, index: u32, results: &[Value]) {
        self.end_wait(index, results).let_go();
    }

    /// As [`TaskSet::wake`]; what it waited for is handed back for cleaning up.
    #[inline(always)]
    pub fn end_wait(&mut self, index: u32, results: &[Value]) -> Wait {
        let task = &mut self.tasks[index as usize];
        debug_assert_eq!(task.phase, Phase::Waiting);
        task.phase = Phase::Ready;
        // Value by value: what was just written in parts is slow to be copied as a whole.
        task.results = match *results {
            [] => Results::new(),
            [one] => Results::from_buf_and_len([one, Value::NIL], 1),
            [one, two] => Results::from_buf([one, two]),
            _ => Results::from_slice(results),
        };
        task.ticket = task.ticket.wrapping_add(1);
        task.claim = None;
        self.external -= u32::from(task.external);
        task.external = false;
        let wait = std::mem::take(&mut task.wait);
        self.push_ready(index);
        wait
    }

    /// As [`TaskSet::wake`], but the task continues by raising `error`.
    pub fn wake_with_error(&mut self, index: u32, error: Box<LuaError>) -> Wait {
        self.tasks[index as usize].error = Some(error);
        self.end_wait(index, &[])
    }

    /// Makes a task that has begun raise `error`, where it waits or when it has its next turn. A wait that ends thereby is
    /// handed back for cleaning up.
    pub fn interrupt(&mut self, index: u32, error: Box<LuaError>) -> Wait {
        match self.tasks.get_mut(index as usize) {
            Some(task) if task.phase == Phase::Waiting => self.wake_with_error(index, error),
            Some(task) if task.phase != Phase::Free => {
                task.error = Some(error);
                Wait::Nothing
            }
            _ => Wait::Nothing,
        }
    }

    /// What a task waits for.
    pub fn wait_of(&self, index: u32) -> &Wait {
        &self.tasks[index as usize].wait
    }

    /// The cases of a select that waits.
    pub fn cases(&self, index: u32) -> &[WaitingCase] {
        match &self.tasks[index as usize].wait {
            Wait::Select(cases) => cases,
            _ => &[],
        }
    }

    /// Lets others than this process complete the select of a waiting task.
    pub fn share_claim(&mut self, index: u32) -> Arc<Claim> {
        let task = &mut self.tasks[index as usize];
        if !task.external {
            task.external = true;
            self.external += 1;
        }
        Arc::clone(task.claim.get_or_insert_default())
    }

    /// The wait of a task on one channel will now end from outside.
    pub fn make_external(&mut self, index: u32) -> TaskId {
        let task = &mut self.tasks[index as usize];
        if !task.external {
            task.external = true;
            self.external += 1;
        }
        TaskId { index, ticket: task.ticket }
    }

    /// Sets the claim of the current task's select.
    pub fn set_claim(&mut self, index: u32, claim: Arc<Claim>) {
        self.tasks[index as usize].claim = Some(claim);
    }

    /// Claims the select of a waiting task for this process.
    pub fn take_claim(&self, index: u32) -> bool {
        self.tasks[index as usize].claim.as_ref().is_none_or(|claim| claim.take())
    }

    /// Whether only this process could end the waits of its tasks.
    pub fn waits_for_itself(&self) -> bool {
        self.external == 0
    }

    /// What the waiting tasks wait for.
    pub fn reasons(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.tasks.iter().filter(|task| task.phase == Phase::Waiting).map(|task| task.reason)
    }

    /// Takes what all waiting tasks wait for: the process ends.
    pub fn take_waits(&mut self) -> impl Iterator<Item = (TaskId, Wait)> + '_ {
        self.tasks
            .iter_mut()
            .enumerate()
            .filter(|(_, task)| task.phase == Phase::Waiting)
            .map(|(index, task)| (TaskId { index: index as u32, ticket: task.ticket }, std::mem::take(&mut task.wait)))
    }

    /// Marks every value the tasks hold.
    pub fn trace(&self, marker: &mut Marker) {
        for task in self.tasks.iter().filter(|task| task.phase != Phase::Free) {
            marker.mark(Value::thread(task.root));
            marker.mark(Value::thread(task.innermost));
            task.results.iter().for_each(|value| marker.mark(*value));
            if let Some(error) = &task.error {
                marker.mark(error.value);
            }
            match &task.wait {
                Wait::Channel(channel) => marker.mark(Value::userdata(*channel)),
                Wait::Select(cases) => cases.iter().for_each(|case| case.trace(marker)),
                _ => {}
            }
        }
    }
}

impl Default for TaskSet {
    fn default() -> TaskSet {
        TaskSet::new()
    }
}
