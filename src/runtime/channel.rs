//! Channels as Lua values (`runtime.md` §3): a handle in a process's heap over one of three kinds.
//!
//! * A *local* channel is known to one process only; its operations take no lock.
//! * A *shared* channel has been sent to another process; see [`shared_channel`](super::shared_channel).
//! * A *subscription* is fed from the process's mailbox; see [`mailbox`](super::mailbox).
//!
//! House rules:
//! * A waiter stands in the queue of every channel it waits on and leaves all of them when it is woken.
//! * While a receiver waits, buffer and sender queue are empty; while a sender waits, the buffer is full.
//! * A value is stored into a channel behind the write barrier of its handle.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;

use super::channel_cycles::{self, Reference};
use super::mailbox::Subscription;
use super::process_state::state;
use super::select;
use super::shared_channel::SharedChannel;
use super::task::{TaskId, Wait};
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::heap::Marker;
use crate::vm::object::{UserData, Userdata};
use crate::vm::value::Value;

/// A channel.
pub struct Channel {
    pub(super) kind: Kind,
    /// The case object of `case_receive`, once made; it is the same every time.
    pub(super) receive_case: *mut Userdata,
}

// SAFETY: the handles and values it holds belong to the heap that holds the channel, and move with it.
unsafe impl Send for Channel {}

/// A channel of a process that another host object of its heap holds, which must mark it.
pub struct HeldChannel(*mut Userdata);

// SAFETY: the channel belongs to the heap that holds the holder, and moves with it.
unsafe impl Send for HeldChannel {}

impl HeldChannel {
    /// A new channel that stays in this process.
    pub fn new(vm: &mut Vm, capacity: usize) -> HeldChannel {
        HeldChannel(new_channel(vm, Channel::local(capacity, false)))
    }

    /// The channel as a value.
    pub fn value(&self) -> Value {
        Value::userdata(self.0)
    }
}

/// Where a channel's values come from and go to.
pub(super) enum Kind {
    Local(Local),
    Shared(Reference),
    Subscription(Subscription),
}

/// A channel known to one process.
pub(super) struct Local {
    pub(super) capacity: usize,
    pub(super) closed: bool,
    /// Made by `channel.new`, hence transferable.
    pub(super) by_program: bool,
    pub(super) buffer: VecDeque<Value>,
    pub(super) senders: VecDeque<Waiter>,
    pub(super) receivers: VecDeque<Waiter>,
}

/// A task in the queue of a channel.
#[derive(Clone, Copy)]
pub(super) struct Waiter {
    pub(super) task: u32,
    /// Index of the case of a select, or [`PLAIN`].
    pub(super) case: u32,
    /// What a sender sends.
    pub(super) value: Value,
}

impl Waiter {
    /// Whether it is a value from the mailbox.
    pub(super) fn is_mail(&self) -> bool {
        self.case == MAIL
    }
}

/// [`Waiter::case`] of a plain `send` or `receive`.
pub(super) const PLAIN: u32 = u32::MAX;
/// [`Waiter::case`] of a value from the mailbox that the buffer has no room for: nobody waits.
const MAIL: u32 = u32::MAX - 1;
/// [`Waiter::task`] that goes with it.
const NO_TASK: u32 = u32::MAX;

/// The outcome of an attempt to send.
pub(super) enum Sent {
    /// A receiver or the buffer took it.
    Done,
    /// It would have to wait.
    Full,
    /// The channel is closed.
    Closed,
}

/// Whether an operation on a local channel would complete.
pub(super) enum Readiness {
    Ready,
    NotReady,
    /// A send to a closed channel.
    Closed,
}

impl Channel {
    /// A channel of this process.
    pub(super) fn local(capacity: usize, by_program: bool) -> Channel {
        let local = Local {
            capacity,
            closed: false,
            by_program,
            buffer: VecDeque::new(),
            senders: VecDeque::new(),
            receivers: VecDeque::new(),
        };
        Channel { kind: Kind::Local(local), receive_case: std::ptr::null_mut() }
    }

    /// A handle of a shared channel.
    pub(super) fn shared(shared: Arc<SharedChannel>) -> Channel {
        Channel { kind: Kind::Shared(Reference::new(shared)), receive_case: std::ptr::null_mut() }
    }

    /// A channel fed from the mailbox.
    pub(super) fn subscription(subscription: Subscription) -> Channel {
        Channel { kind: Kind::Subscription(subscription), receive_case: std::ptr::null_mut() }
    }

    /// Whether it keeps being a channel in another process.
    pub fn is_transferable(&self) -> bool {
        match &self.kind {
            Kind::Local(local) => local.by_program,
            Kind::Shared(_) => true,
            Kind::Subscription(_) => false,
        }
    }
}

impl UserData for Channel {
    fn class(&self) -> &'static str {
        "channel"
    }

    fn trace(&self, marker: &mut Marker) {
        if !self.receive_case.is_null() {
            marker.mark(Value::userdata(self.receive_case));
        }
        if let Kind::Local(local) = &self.kind {
            local.buffer.iter().for_each(|value| marker.mark(*value));
            local.senders.iter().for_each(|waiter| marker.mark(waiter.value));
        }
    }
}

/// The channel behind a handle.
///
/// # Safety
/// `handle` is a live userdata that holds a [`Channel`]; no other reference to that channel is in use.
#[inline(always)]
pub(super) unsafe fn channel_of<'a>(handle: *mut Userdata) -> &'a mut Channel {
    // SAFETY: by contract the data pointer leads to a channel.
    unsafe { &mut *(*handle).data.cast::<Channel>() }
}

/// Whether a channel is fed from the mailbox alone.
pub(super) fn is_subscription(handle: *mut Userdata) -> bool {
    // SAFETY: callers pass the handle of a live channel; the reference ends here.
    matches!(unsafe { &channel_of(handle).kind }, Kind::Subscription(_))
}

/// A new channel as a value.
pub fn new_channel(vm: &mut Vm, channel: Channel) -> *mut Userdata {
    let metatable = state(vm).core().words.channel_class;
    vm.heap.new_userdata(channel, metatable)
}

/// Looks whether an operation on a channel that is not shared would complete, without doing it.
pub(super) fn readiness(vm: &mut Vm, handle: *mut Userdata, send: bool) -> Readiness {
    // SAFETY: the handle of a live channel; the reference ends here.
    let ready = match unsafe { &mut channel_of(handle).kind } {
        Kind::Local(local) if send => {
            if local.closed {
                return Readiness::Closed;
            }
            !local.receivers.is_empty() || local.buffer.len() < local.capacity
        }
        Kind::Local(local) => !local.buffer.is_empty() || !local.senders.is_empty() || local.closed,
        Kind::Subscription(subscription) if send && subscription.closed => return Readiness::Closed,
        Kind::Subscription(_) if !send => super::mailbox::has_pending(vm, handle),
        _ => false,
    };
    if ready { Readiness::Ready } else { Readiness::NotReady }
}

/// Tries to receive without waiting: the value and `true`, or nil and `false` from a channel that is closed and empty.
///
/// # Errors
/// `not enough memory` past the memory limit.
pub(super) fn try_receive(vm: &mut Vm, handle: *mut Userdata) -> Result<Option<(Value, bool)>, Box<LuaError>> {
    // SAFETY: callers pass the handle of a channel; the reference ends before anything else looks at the channel.
    let local = match unsafe { &mut channel_of(handle).kind } {
        Kind::Local(local) => local,
        Kind::Shared(shared) => {
            let received = Arc::clone(shared).try_receive();
            return received.map(|received| super::shared_channel::unpack_received(vm, &received)).transpose();
        }
        Kind::Subscription(_) => return super::mailbox::try_receive(vm, handle),
    };
    if let Some(value) = local.buffer.pop_front() {
        refill(vm, handle);
        return Ok(Some((value, true)));
    }
    if local.senders.is_empty() {
        return Ok(local.closed.then_some((Value::NIL, false)));
    }
    Ok(take_from_sender(vm, handle).map(|value| (value, true)))
}

/// Takes the value of the first waiting sender and wakes it.
fn take_from_sender(vm: &mut Vm, handle: *mut Userdata) -> Option<Value> {
    loop {
        // SAFETY: the handle of a local channel; the reference ends within the loop.
        let Kind::Local(local) = (unsafe { &mut channel_of(handle).kind }) else { return None };
        let sender = local.senders.pop_front()?;
        if finish_send(vm, handle, sender) {
            return Some(sender.value);
        }
    }
}

/// After a value was taken out of a buffer: moves the value of the first waiting sender into it.
#[inline]
fn refill(vm: &mut Vm, handle: *mut Userdata) {
    // SAFETY: the handle of a local channel; the reference ends before `take_from_sender` makes its own.
    let Kind::Local(local) = (unsafe { &mut channel_of(handle).kind }) else { return };
    if local.senders.is_empty() {
        return;
    }
    if let Some(value) = take_from_sender(vm, handle) {
        store(vm, handle, value);
    }
}

/// Puts a value into the buffer of a local channel.
#[inline]
fn store(vm: &mut Vm, handle: *mut Userdata, value: Value) {
    // SAFETY: the handle of a live local channel.
    unsafe {
        vm.heap.before_store(handle.cast());
        if let Kind::Local(local) = &mut channel_of(handle).kind {
            local.buffer.push_back(value);
        }
    }
}

/// Tries to send without waiting.
///
/// # Errors
/// `not enough memory` past the memory limit.
pub(super) fn try_send(vm: &mut Vm, handle: *mut Userdata, value: Value) -> Result<Sent, Box<LuaError>> {
    loop {
        // SAFETY: as in `try_receive`.
        let local = match unsafe { &mut channel_of(handle).kind } {
            Kind::Local(local) => local,
            Kind::Shared(shared) => {
                let shared = Arc::clone(shared);
                let parcel = super::transfer::pack(vm, value);
                return Ok(shared.try_send(parcel));
            }
            Kind::Subscription(subscription) => {
                return if subscription.closed { Ok(Sent::Closed) } else { Ok(Sent::Full) };
            }
        };
        if local.closed {
            return Ok(Sent::Closed);
        }
        let Some(receiver) = local.receivers.pop_front() else {
            if local.buffer.len() >= local.capacity {
                return Ok(Sent::Full);
            }
            store(vm, handle, value);
            return Ok(Sent::Done);
        };
        if finish_receive(vm, handle, receiver, value, true)? {
            return Ok(Sent::Done);
        }
    }
}

/// Sends if a plain receiver or the buffer takes the value at once, without a way to fail.
pub(super) fn send_at_once(vm: &mut Vm, handle: *mut Userdata, value: Value) -> bool {
    // SAFETY: as in `try_receive`.
    let local = match unsafe { &mut channel_of(handle).kind } {
        Kind::Local(local) => local,
        Kind::Shared(shared) if !value.is_object() => {
            return shared.can_send() && matches!(shared.try_send(super::transfer::pack(vm, value)), Sent::Done);
        }
        _ => return false,
    };
    if local.closed {
        return false;
    }
    match local.receivers.front() {
        Some(receiver) if receiver.case == PLAIN => {
            let task = receiver.task;
            local.receivers.pop_front();
            state(vm).tasks.wake(task, &[value, Value::TRUE]);
            true
        }
        None if local.buffer.len() < local.capacity => {
            store(vm, handle, value);
            true
        }
        _ => false,
    }
}

/// Receives what is there already, without a way to fail: from a local channel, a scalar from a shared one, or a message
/// from the inbox.
pub(super) fn receive_at_once(vm: &mut Vm, handle: *mut Userdata) -> Option<Value> {
    // SAFETY: as in `try_receive`.
    match unsafe { &mut channel_of(handle).kind } {
        Kind::Local(local) => match local.buffer.pop_front() {
            Some(value) => {
                refill(vm, handle);
                Some(value)
            }
            None => take_from_sender(vm, handle),
        },
        Kind::Subscription(_) => super::mailbox::receive_message(vm, handle),
        Kind::Shared(shared) => shared.try_receive_scalar()?.scalar(),
    }
}

/// Whether a receive that [`receive_at_once`] could not do would wait, without a doubt.
pub(super) fn would_wait(vm: &mut Vm, handle: *mut Userdata) -> bool {
    // SAFETY: as in `try_receive`.
    match unsafe { &channel_of(handle).kind } {
        // Its buffer and its senders have been looked at.
        Kind::Local(local) => !local.closed,
        Kind::Subscription(subscription) => subscription.has_nothing() && state(vm).process().mailbox.is_empty(),
        Kind::Shared(_) => false,
    }
}

/// Sends a value from the mailbox through a channel of the program; where there is no room for it, it stands in the queue
/// of senders. `false` if the channel is closed.
///
/// # Errors
/// `not enough memory` past the memory limit.
pub(super) fn put(vm: &mut Vm, handle: *mut Userdata, value: Value) -> Result<bool, Box<LuaError>> {
    match try_send(vm, handle, value)? {
        Sent::Done => return Ok(true),
        Sent::Closed => return Ok(false),
        Sent::Full => {}
    }
    // SAFETY: the handle of a live channel; the reference ends here.
    if let Kind::Shared(shared) = unsafe { &channel_of(handle).kind } {
        let shared = Arc::clone(shared);
        let parcel = super::transfer::pack(vm, value);
        shared.put(parcel);
    } else {
        enqueue(vm, handle, Waiter { task: NO_TASK, case: MAIL, value }, true);
    }
    Ok(true)
}

/// Wakes a receiver with what it receives. `false`: its select was completed elsewhere, the value is still free.
pub(super) fn finish_receive(
    vm: &mut Vm,
    handle: *mut Userdata,
    receiver: Waiter,
    value: Value,
    ok: bool,
) -> Result<bool, Box<LuaError>> {
    if receiver.case == PLAIN {
        state(vm).tasks.wake(receiver.task, &[value, Value::bool(ok)]);
        return Ok(true);
    }
    select::complete(vm, receiver.task, handle, value, ok)
}

/// Wakes a sender whose value was taken. `false`: its select was completed elsewhere.
fn finish_send(vm: &mut Vm, handle: *mut Userdata, sender: Waiter) -> bool {
    if sender.case == PLAIN {
        state(vm).tasks.wake(sender.task, &[Value::TRUE]);
        return true;
    }
    if sender.is_mail() {
        return true;
    }
    // A result table that does not fit into memory ends the select without result; the process ends soon after.
    select::complete(vm, sender.task, handle, sender.value, true).unwrap_or(true)
}

/// Puts the current task into the queue of a local channel or a subscription.
pub(super) fn enqueue(vm: &mut Vm, handle: *mut Userdata, waiter: Waiter, sends: bool) {
    // SAFETY: the handle of a live channel.
    unsafe {
        vm.heap.before_store(handle.cast());
        match &mut channel_of(handle).kind {
            Kind::Local(local) if sends => local.senders.push_back(waiter),
            Kind::Local(local) => local.receivers.push_back(waiter),
            Kind::Subscription(subscription) if !sends => {
                if subscription.receivers.is_empty() {
                    // There is one task that waits, as a rule, and there may be a million processes.
                    subscription.receivers.reserve_exact(1);
                }
                subscription.receivers.push_back(waiter);
            }
            _ => {}
        }
    }
}

/// Takes a task out of the queues of a channel.
pub(super) fn dequeue(vm: &mut Vm, handle: *mut Userdata, id: TaskId) {
    fn remove(queue: &mut VecDeque<Waiter>, task: u32) {
        // A select that loops stands at the end most of the time.
        while queue.back().is_some_and(|waiter| waiter.task == task) {
            queue.pop_back();
        }
        if queue.iter().any(|waiter| waiter.task == task) {
            queue.retain(|waiter| waiter.task != task);
        }
    }
    // SAFETY: the handle of a live channel; the reference ends here.
    match unsafe { &mut channel_of(handle).kind } {
        Kind::Local(local) => {
            remove(&mut local.senders, id.index);
            remove(&mut local.receivers, id.index);
        }
        Kind::Subscription(subscription) => remove(&mut subscription.receivers, id.index),
        Kind::Shared(shared) => {
            let shared = Arc::clone(shared);
            shared.remove_waiter(state(vm).process(), id);
        }
    }
}

/// Closes a channel: everybody who waits is told.
///
/// # Errors
/// `not enough memory` past the memory limit.
pub(super) fn close(vm: &mut Vm, handle: *mut Userdata) -> Result<(), Box<LuaError>> {
    // SAFETY: the handle of a live channel; the reference ends before anybody is woken.
    let (senders, receivers) = match unsafe { &mut channel_of(handle).kind } {
        Kind::Local(local) => {
            if std::mem::replace(&mut local.closed, true) {
                return Ok(());
            }
            (std::mem::take(&mut local.senders), std::mem::take(&mut local.receivers))
        }
        Kind::Subscription(subscription) => {
            subscription.closed = true;
            (VecDeque::new(), std::mem::take(&mut subscription.receivers))
        }
        Kind::Shared(shared) => {
            Arc::clone(shared).close();
            return Ok(());
        }
    };
    for receiver in receivers {
        finish_receive(vm, handle, receiver, Value::NIL, false)?;
    }
    for sender in senders.into_iter().filter(|sender| !sender.is_mail()) {
        if sender.case == PLAIN || state(vm).tasks.take_claim(sender.task) {
            wake_closed_sender(vm, sender.task);
        }
    }
    Ok(())
}

/// A blocked send, or the select it belongs to, ends with `nil, error` because the channel was closed.
pub(super) fn wake_closed_sender(vm: &mut Vm, task: u32) {
    let error = super::errors::new_error(vm, "", CLOSED);
    let tasks = &mut state(vm).tasks;
    let id = TaskId { index: task, ticket: tasks.ticket(task) };
    let wait = tasks.end_wait(task, &[Value::NIL, error]);
    leave_queues(vm, id, wait);
}

/// After a task was woken: takes it out of the queues of the channels it waited on.
pub(super) fn leave_queues(vm: &mut Vm, id: TaskId, wait: Wait) {
    if let Wait::Select(cases) = wait {
        for case in &cases {
            dequeue(vm, case.channel, id);
        }
    }
}

/// The message of an operation on a closed channel.
pub(super) const CLOSED: &str = "send on closed channel";

/// Makes the channel behind `value` a shared one, if it is not yet, and returns its core. `None` for a channel that does
/// not travel. What is buffered or waits is converted in place.
pub fn share(vm: &mut Vm, value: Value) -> Option<Arc<SharedChannel>> {
    channel_cycles::clear();
    let handle = value.as_userdata();
    // SAFETY: the caller found a channel behind the value; the reference ends before values are packed, which may come
    // back to this very channel (it may have been sent through itself).
    let local = unsafe {
        let channel = channel_of(handle);
        match &mut channel.kind {
            Kind::Shared(shared) => return Some(Arc::clone(shared)),
            Kind::Subscription(_) => return None,
            Kind::Local(local) if !local.by_program => return None,
            Kind::Local(_) => {}
        }
        match std::mem::replace(&mut channel.kind, Kind::Shared(Reference::new(Arc::new(SharedChannel::placeholder()))))
        {
            Kind::Local(local) => local,
            _ => return None,
        }
    };
    // SAFETY: as above.
    let Kind::Shared(shared) = (unsafe { &channel_of(handle).kind }) else { return None };
    let shared = Arc::clone(shared);
    register_handle(vm, &shared, handle);
    convert(vm, Arc::clone(&shared), local);
    Some(shared)
}

/// A channel that has become shared, and what it held before.
type Unconverted = (Arc<SharedChannel>, Local);

thread_local! {
    /// Those that still have to take over what they held; present while that goes on.
    static UNCONVERTED: RefCell<Option<Vec<Unconverted>>> = const { RefCell::new(None) };
}

/// Moves what a local channel held into its shared core. Packing that may make further channels shared; they wait for their
/// turn, so that channels within channels take no native stack, however deep.
fn convert(vm: &mut Vm, shared: Arc<SharedChannel>, local: Local) {
    let waits = UNCONVERTED.with_borrow_mut(|unconverted| {
        let waits = unconverted.is_some();
        unconverted.get_or_insert_default().push((shared, local));
        waits
    });
    if waits {
        return;
    }
    /// Ends the conversion, also if it panics.
    struct Finish;
    impl Drop for Finish {
        fn drop(&mut self) {
            UNCONVERTED.set(None);
        }
    }
    let _finish = Finish;
    while let Some((shared, local)) = UNCONVERTED.with_borrow_mut(|unconverted| unconverted.as_mut()?.pop()) {
        SharedChannel::take_over(&shared, vm, local);
    }
}

/// The handle of a shared channel in this process; the same value every time while it is reachable.
///
/// # Errors
/// `not enough memory` past the memory limit.
pub fn adopt(vm: &mut Vm, shared: &Arc<SharedChannel>) -> Result<Value, Box<LuaError>> {
    let key = Value::light(Arc::as_ptr(shared) as u64);
    let handles = state(vm).handles;
    if !handles.is_null() {
        let known = vm.raw_get(handles, key);
        if !known.is_nil() {
            return Ok(known);
        }
    }
    let handle = new_channel(vm, Channel::shared(Arc::clone(shared)));
    register_handle(vm, shared, handle);
    Ok(Value::userdata(handle))
}

/// Notes a handle in the weak table of this process's handles.
fn register_handle(vm: &mut Vm, shared: &Arc<SharedChannel>, handle: *mut Userdata) {
    if state(vm).handles.is_null() {
        let metatable = vm.heap.new_table(0, 1);
        let handles = vm.heap.new_table(0, 1);
        let words = &state(vm).core().words;
        let (mode, values) = (Value::string(words.mode), Value::string(words.weak_values));
        // Without memory for it the table stays strong: handles live as long as the process.
        if vm.raw_set(metatable, mode, values).is_ok() {
            // SAFETY: both were just made.
            unsafe { vm.heap.set_metatable(handles, metatable) };
        }
        state(vm).handles = handles;
    }
    let handles = state(vm).handles;
    // Without memory the next arrival of the channel makes another handle.
    let _ = vm.raw_set(handles, Value::light(Arc::as_ptr(shared) as u64), Value::userdata(handle));
}

/// Takes a task of a process that ends out of the queues of a channel others may know.
pub(super) fn leave_shared(process: &super::process::Process, handle: *mut Userdata, id: TaskId) {
    // SAFETY: the handle of a channel a task of this process waits on; its heap is still there.
    if let Kind::Shared(shared) = unsafe { &channel_of(handle).kind } {
        shared.remove_waiter(process, id);
    }
}
