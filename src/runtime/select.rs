//! `channel.select` (`runtime.md` §3.4): the first case that is ready wins; otherwise the task waits on all of them and
//! exactly one fires.
//!
//! A select that touches shared channels locks all of them, in the order of their addresses, tries its cases, and
//! stands in the queues before it unlocks: so no peer can slip in between. From then on whoever finds it in a queue
//! must win its [`Claim`](super::task::Claim) first.

use std::sync::Arc;

use smallvec::SmallVec;

use super::channel::{self, Kind, Readiness, Sent, Waiter, channel_of};
use super::process_state::state;
use super::shared_channel::{Locked, SharedChannel, unpack_received};
use super::task::{Claim, TaskId, Wait};
use super::transfer::{Parcel, pack};
use crate::vm::Vm;
use crate::vm::args::userdata_of;
use crate::vm::error::LuaError;
use crate::vm::exit::Request;
use crate::vm::heap::Marker;
use crate::vm::native::NativeResult;
use crate::vm::object::{Table, UserData, Userdata};
use crate::vm::value::Value;

/// A case object: one operation on one channel. Immutable, usable in any number of selects.
pub struct Case {
    channel: *mut Userdata,
    /// What to send; `None` in a receive case.
    send: Option<Value>,
}

// SAFETY: the handle and the value belong to the heap that holds the case, and move with it.
unsafe impl Send for Case {}

impl UserData for Case {
    fn class(&self) -> &'static str {
        "channel.case"
    }

    fn trace(&self, marker: &mut Marker) {
        marker.mark(Value::userdata(self.channel));
        if let Some(value) = self.send {
            marker.mark(value);
        }
    }
}

/// A case of a select that waits.
#[derive(Clone, Copy)]
pub struct WaitingCase {
    pub(super) channel: *mut Userdata,
    pub(super) send: Option<Value>,
}

impl WaitingCase {
    pub(super) fn trace(&self, marker: &mut Marker) {
        marker.mark(Value::userdata(self.channel));
        if let Some(value) = self.send {
            marker.mark(value);
        }
    }
}

/// `ch:case_receive()`; made once per channel handle.
pub(super) fn receive_case(vm: &mut Vm, handle: *mut Userdata) -> Value {
    // SAFETY: the handle of a live channel.
    let known = unsafe { channel_of(handle).receive_case };
    if !known.is_null() {
        return Value::userdata(known);
    }
    let case = new_case(vm, Case { channel: handle, send: None });
    // SAFETY: as above; behind the barrier.
    unsafe {
        vm.heap.before_store(handle.cast());
        channel_of(handle).receive_case = case;
    }
    Value::userdata(case)
}

/// `ch:case_send(value)`
pub(super) fn send_case(vm: &mut Vm, handle: *mut Userdata, value: Value) -> Value {
    Value::userdata(new_case(vm, Case { channel: handle, send: Some(value) }))
}

fn new_case(vm: &mut Vm, case: Case) -> *mut Userdata {
    let metatable = state(vm).core().words.case_class;
    vm.heap.new_userdata(case, metatable)
}

type Cases = SmallVec<[WaitingCase; 8]>;

/// The cases of a table's array part; anything else in it is ignored.
fn cases_of(table: *mut Table) -> Cases {
    // SAFETY: a live table that is an argument of the running native function.
    let items = unsafe { Table::len(table) } as i64;
    (1..=items)
        .filter_map(|i| {
            // SAFETY: as above; the case object is alive as an item of the table.
            unsafe {
                let case = userdata_of::<Case>(Table::get_int(table, i))?;
                Some(WaitingCase { channel: (*case).channel, send: (*case).send })
            }
        })
        .collect()
}

/// `channel.select(cases, default)`
pub(super) fn select(vm: &mut Vm, table: *mut Table, default: bool) -> NativeResult {
    let cases = cases_of(table);
    // SAFETY: the handles of live channels.
    let shares = cases.iter().any(|case| matches!(unsafe { &channel_of(case.channel).kind }, Kind::Shared(_)));
    if shares {
        return select_shared(vm, &cases, default);
    }
    let mut closed = 0;
    for case in &cases {
        let won = match case.send {
            None => channel::try_receive(vm, case.channel)?,
            Some(value) => match channel::try_send(vm, case.channel, value)? {
                Sent::Done => Some((value, true)),
                Sent::Full => None,
                Sent::Closed => {
                    closed += 1;
                    None
                }
            },
        };
        if let Some((value, ok)) = won {
            let result = result_table(vm, case.channel, value, ok)?;
            return vm.answer(result);
        }
    }
    if default {
        return answer_default(vm);
    }
    if !cases.is_empty() && closed == cases.len() {
        return Err(vm.error(channel::CLOSED));
    }
    wait(vm, cases, None)
}

fn answer_default(vm: &mut Vm) -> NativeResult {
    let result = vm.heap.new_table(0, 2);
    let words = &state(vm).core().words;
    let (default, ok) = (words.default, words.ok);
    vm.raw_set(result, Value::string(default), Value::TRUE)?;
    vm.raw_set(result, Value::string(ok), Value::TRUE)?;
    vm.answer(Value::table(result))
}

/// Waits on all cases. With shared channels among them the claim, and the entries for their queues, exist already.
fn wait(vm: &mut Vm, cases: Cases, claim: Option<Arc<Claim>>) -> NativeResult {
    check_can_wait(vm)?;
    for (index, case) in cases.iter().enumerate() {
        let waiter = Waiter {
            task: state(vm).tasks.next_wait().index,
            case: index as u32,
            value: case.send.unwrap_or(Value::NIL),
        };
        channel::enqueue(vm, case.channel, waiter, case.send.is_some());
    }
    let external = claim.is_some();
    let id = state(vm).tasks.begin_wait("channel select", Wait::Select(cases.into_vec().into_boxed_slice()), external);
    if let Some(claim) = claim {
        state(vm).tasks.set_claim(id.index, claim);
    }
    vm.suspend(Request::Event("channel select"))
}

/// The shared channel of a case, if it is one, and what it sends.
type SharedCase = Option<(Arc<SharedChannel>, Parcel)>;

/// A select with shared channels among its cases.
fn select_shared(vm: &mut Vm, cases: &Cases, default: bool) -> NativeResult {
    if !default {
        check_can_wait(vm)?;
    }
    // What is sent to a shared channel is copied when the select executes.
    let mut shared: SmallVec<[SharedCase; 8]> = SmallVec::new();
    for case in cases {
        let parcel = case.send.map_or(Parcel::Empty, |value| pack(vm, value));
        // Packing may have made further channels shared.
        // SAFETY: the handle of a live channel; the reference ends here.
        shared.push(match unsafe { &channel_of(case.channel).kind } {
            Kind::Shared(channel) => Some((Arc::clone(channel), parcel)),
            _ => None,
        });
    }
    let mut locked = loop {
        let mut locked = Locked::lock(shared.iter().flatten().map(|(channel, _)| channel));
        let mut closed = 0;
        let mut local = None;
        for (case, shared) in cases.iter().zip(&shared) {
            let Some((channel, parcel)) = shared else {
                match channel::readiness(vm, case.channel, case.send.is_some()) {
                    Readiness::Ready => {
                        local = Some(case);
                        break;
                    }
                    Readiness::Closed => closed += 1,
                    Readiness::NotReady => {}
                }
                continue;
            };
            let won = match case.send {
                None => locked.get(channel).try_receive().map(Ok),
                Some(value) => match locked.get(channel).try_send(parcel.clone()) {
                    Sent::Done => Some(Err(value)),
                    Sent::Full => None,
                    Sent::Closed => {
                        closed += 1;
                        None
                    }
                },
            };
            if let Some(won) = won {
                drop(locked);
                let (value, ok) = match won {
                    Ok(received) => unpack_received(vm, &received)?,
                    Err(sent) => (sent, true),
                };
                let result = result_table(vm, case.channel, value, ok)?;
                return vm.answer(result);
            }
        }
        let Some(case) = local else {
            if default {
                drop(locked);
                return answer_default(vm);
            }
            if closed == cases.len() {
                drop(locked);
                return Err(vm.error(channel::CLOSED));
            }
            break locked;
        };
        // Waking a local peer may lead to the queues of shared channels it waits on as well.
        drop(locked);
        let won = match case.send {
            None => channel::try_receive(vm, case.channel)?,
            Some(value) => matches!(channel::try_send(vm, case.channel, value)?, Sent::Done).then_some((value, true)),
        };
        if let Some((value, ok)) = won {
            let result = result_table(vm, case.channel, value, ok)?;
            return vm.answer(result);
        }
        // The peer was taken by another process meanwhile, and left the queue.
    };
    let claim = Arc::new(Claim::default());
    let id = state(vm).tasks.next_wait();
    for (index, (case, shared)) in cases.iter().zip(shared.iter().cloned()).enumerate() {
        if let Some((channel, parcel)) = shared {
            let process = state(vm).process();
            let value = case.send.map(|_| parcel);
            locked.get(&channel).enqueue(process, id, index as u32, Some(Arc::clone(&claim)), value);
        }
    }
    // The queues of local channels are this process's own: nobody looks at them before it suspends.
    drop(locked);
    wait(vm, cases.clone(), Some(claim))
}

/// Refuses to wait where there is no task to come back to.
///
/// # Errors
/// While the top-level chunk of an entry runs.
pub(super) fn check_can_wait(vm: &mut Vm) -> Result<(), Box<LuaError>> {
    if state(vm).tasks.current().is_some() { Ok(()) } else { Err(vm.error(super::process_state::CANNOT_WAIT)) }
}

/// Completes the select of a waiting task with a case on `handle`. `false` if it was completed elsewhere.
///
/// # Errors
/// `not enough memory` past the memory limit.
pub(super) fn complete(
    vm: &mut Vm,
    task: u32,
    handle: *mut Userdata,
    value: Value,
    ok: bool,
) -> Result<bool, Box<LuaError>> {
    if !state(vm).tasks.take_claim(task) {
        return Ok(false);
    }
    finish(vm, task, handle, value, ok)?;
    Ok(true)
}

/// Wakes a task whose select is claimed.
///
/// # Errors
/// `not enough memory` past the memory limit.
pub(super) fn finish(
    vm: &mut Vm,
    task: u32,
    handle: *mut Userdata,
    value: Value,
    ok: bool,
) -> Result<(), Box<LuaError>> {
    let result = result_table(vm, handle, value, ok)?;
    let tasks = &mut state(vm).tasks;
    let id = TaskId { index: task, ticket: tasks.ticket(task) };
    let wait = tasks.end_wait(task, &[result]);
    channel::leave_queues(vm, id, wait);
    Ok(())
}

/// `{channel, value, ok}`
fn result_table(vm: &mut Vm, handle: *mut Userdata, value: Value, ok: bool) -> Result<Value, Box<LuaError>> {
    let shape = &state(vm).core().words.select_result;
    shape.make(vm, [Value::userdata(handle), value, Value::bool(ok)])
}
