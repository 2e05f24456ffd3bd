//! Channels between processes (`runtime.md` §3.6): the core that the handles of several processes share.
//!
//! Everything is behind one lock; values are packed. A waiter is a task of some process; it is woken by news in that
//! process's mailbox, which carry the value. The lock is held while news are pushed (a push neither blocks nor takes
//! another lock), so that a value is never taken from a channel on behalf of a process that has ended.
//!
//! House rules: at most one channel is locked at a time, except by [`Locked`], which locks in the order of addresses.
//!
//! What waits is a [`Party`]: a process, or what stands for one in the model checks.

use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use smallvec::SmallVec;

use super::channel::{Local, PLAIN, Sent, Waiter};
use super::channel_cycles::Reference;
use super::mail::{ChannelNews, ChannelOutcome, Mail};
use super::process::Process;
use super::process_state::state;
use super::sync::{AtomicU32, Mutex, MutexGuard, Ordering, lock_in_turns};
use super::task::{Claim, TaskId};
use super::transfer::{Parcel, pack};
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::value::Value;

/// Who can wait on a shared channel.
pub trait Party: Sized {
    /// A reference that keeps it alive.
    fn counted(&self) -> Arc<Self>;

    /// Puts news into its mailbox and wakes it; gives them back if it has ended.
    fn tell(self: &Arc<Self>, news: ChannelNews) -> Result<(), ChannelNews>;
}

impl Party for Process {
    fn counted(&self) -> Arc<Process> {
        Process::counted(self)
    }

    fn tell(self: &Arc<Process>, news: ChannelNews) -> Result<(), ChannelNews> {
        // A sender's value is on its way; whoever empties the channel need not stop for it.
        let posted = match news.outcome {
            ChannelOutcome::Sent => self.post_later(Mail::Channel(news)),
            _ => self.post(Mail::Channel(news)),
        };
        match posted {
            Err(Mail::Channel(news)) => Err(news),
            _ => Ok(()),
        }
    }
}

/// The core of a channel that several processes may know. What every operation writes lies in one cache line: it moves from
/// processor to processor with each of them.
#[repr(C, align(64))]
pub struct SharedChannel<P: Party = Process> {
    /// What was possible when the lock was last released: [`CAN_RECEIVE`], [`CAN_SEND`]. Whoever could not do more than try
    /// need not take the lock to learn that there is nothing to be had. Also whether there may be channels in it:
    /// [`HOLDS_CHANNELS`].
    hint: AtomicU32,
    core: Mutex<Core<P>>,
}

const CAN_RECEIVE: u32 = 1;
const CAN_SEND: u32 = 2;
const HOLDS_CHANNELS: u32 = 4;

/// What a receive got: a value, or the news that the channel is closed and empty.
#[derive(Clone, Debug)]
pub(super) enum Received {
    Value(Parcel),
    Closed,
}

/// The state of a shared channel.
#[repr(C)]
pub(super) struct Core<P: Party> {
    buffer: VecDeque<Parcel>,
    capacity: usize,
    closed: bool,
    /// Channels were put into it since it was last emptied.
    holds_channels: bool,
    senders: VecDeque<SharedWaiter<P>>,
    receivers: VecDeque<SharedWaiter<P>>,
}

/// A task in the queue of a shared channel. A process that ends leaves all queues, so it is not kept by them.
struct SharedWaiter<P> {
    process: Arc<P>,
    id: TaskId,
    /// As in a local waiter.
    case: u32,
    /// In a select: to be won before it is completed.
    claim: Option<Arc<Claim>>,
    /// What a sender sends.
    parcel: Parcel,
}

impl<P: Party> SharedWaiter<P> {
    /// Tells the waiter the outcome. `false`: its select was completed elsewhere, or its process has ended.
    fn finish(self, outcome: ChannelOutcome) -> Result<(), ChannelOutcome> {
        if self.claim.as_ref().is_some_and(|claim| !claim.take()) {
            return Err(outcome);
        }
        self.process.tell(ChannelNews { id: self.id, case: self.case, outcome }).map_err(|news| news.outcome)
    }
}

impl<P: Party> Core<P> {
    /// See [`SharedChannel::hint`].
    fn hint(&self) -> u32 {
        let can_receive = self.closed || !self.buffer.is_empty() || !self.senders.is_empty();
        let can_send = self.closed || self.buffer.len() < self.capacity || !self.receivers.is_empty();
        let holds_channels = self.holds_channels && (!self.buffer.is_empty() || !self.senders.is_empty());
        u32::from(can_receive) * CAN_RECEIVE
            + u32::from(can_send) * CAN_SEND
            + u32::from(holds_channels) * HOLDS_CHANNELS
    }

    /// How many values are buffered or wait.
    pub(super) fn parcel_count(&self) -> usize {
        self.buffer.len() + self.senders.len()
    }

    /// Puts a value into the buffer.
    fn keep(&mut self, parcel: Parcel) {
        self.holds_channels |= parcel.channels().next().is_some();
        self.buffer.push_back(parcel);
    }

    /// Takes out everything that is buffered or waits.
    pub(super) fn take_parcels(&mut self) -> Vec<Parcel> {
        self.holds_channels = false;
        let waiting = self.senders.drain(..).map(|sender| sender.parcel);
        self.buffer.drain(..).chain(waiting).collect()
    }

    /// Receives if that is possible without waiting.
    pub(super) fn try_receive(&mut self) -> Option<Received> {
        if let Some(parcel) = self.buffer.pop_front() {
            if self.buffer.len() < self.capacity
                && let Some(next) = self.take_from_sender()
            {
                self.keep(next);
            }
            return Some(Received::Value(parcel));
        }
        match self.take_from_sender() {
            Some(parcel) => Some(Received::Value(parcel)),
            None => self.closed.then_some(Received::Closed),
        }
    }

    fn take_from_sender(&mut self) -> Option<Parcel> {
        while let Some(mut sender) = self.senders.pop_front() {
            let parcel = std::mem::take(&mut sender.parcel);
            if sender.finish(ChannelOutcome::Sent).is_ok() {
                return Some(parcel);
            }
        }
        None
    }

    /// Sends if that is possible without waiting; gives the parcel back if the channel is full.
    fn offer(&mut self, mut parcel: Parcel) -> Result<Sent, Parcel> {
        if self.closed {
            return Ok(Sent::Closed);
        }
        while let Some(receiver) = self.receivers.pop_front() {
            match receiver.finish(ChannelOutcome::Received(parcel)) {
                Err(ChannelOutcome::Received(back)) => parcel = back,
                _ => return Ok(Sent::Done),
            }
        }
        if self.buffer.len() >= self.capacity {
            return Err(parcel);
        }
        self.keep(parcel);
        Ok(Sent::Done)
    }

    /// Sends if that is possible without waiting.
    pub(super) fn try_send(&mut self, parcel: Parcel) -> Sent {
        self.offer(parcel).unwrap_or(Sent::Full)
    }

    /// Puts a task into a queue: that of the senders if there is a `parcel` to send, else that of the receivers.
    pub(super) fn enqueue(
        &mut self,
        process: &P,
        id: TaskId,
        case: u32,
        claim: Option<Arc<Claim>>,
        parcel: Option<Parcel>,
    ) {
        let process = process.counted();
        match parcel {
            Some(parcel) => {
                self.holds_channels |= parcel.channels().next().is_some();
                self.senders.push_back(SharedWaiter { process, id, case, claim, parcel });
            }
            None => self.receivers.push_back(SharedWaiter { process, id, case, claim, parcel: Parcel::Empty }),
        }
    }
}

impl Core<Process> {
    /// The channels among the values that are buffered or wait, each as often as it occurs.
    pub(super) fn channels(&self) -> impl Iterator<Item = &Reference> {
        let waiting = self.senders.iter().map(|sender| &sender.parcel);
        self.buffer.iter().chain(waiting).filter(|_| self.holds_channels).flat_map(Parcel::channels)
    }
}

impl SharedChannel {
    #[cfg(all(test, not(loom)))]
    pub(super) fn set_capacity(&self, capacity: usize) {
        self.lock().capacity = capacity;
    }

    /// Fills in what a local channel of this process held. Nobody else knows the core yet.
    pub(super) fn take_over(this: &Arc<SharedChannel>, vm: &mut Vm, local: Local) {
        {
            let mut core = this.lock();
            core.capacity = local.capacity;
            core.closed = local.closed;
        }
        for value in local.buffer {
            let parcel = pack(vm, value);
            this.lock().keep(parcel);
        }
        let (mail, senders): (Vec<_>, Vec<_>) = local.senders.into_iter().partition(Waiter::is_mail);
        for waiter in mail {
            let parcel = pack(vm, waiter.value);
            this.put(parcel);
        }
        for (waiter, sends) in
            senders.iter().map(|waiter| (waiter, true)).chain(local.receivers.iter().map(|waiter| (waiter, false)))
        {
            let parcel = sends.then(|| pack(vm, waiter.value));
            let tasks = &mut state(vm).tasks;
            let claim = (waiter.case != PLAIN).then(|| tasks.share_claim(waiter.task));
            let id = tasks.make_external(waiter.task);
            let process = state(vm).process();
            this.lock().enqueue(process, id, waiter.case, claim, parcel);
        }
    }
}

impl<P: Party> SharedChannel<P> {
    /// A core that [`SharedChannel::take_over`] will fill in.
    pub(super) fn placeholder() -> SharedChannel<P> {
        let core = Core {
            capacity: 0,
            closed: false,
            holds_channels: false,
            buffer: VecDeque::new(),
            senders: VecDeque::new(),
            receivers: VecDeque::new(),
        };
        SharedChannel { hint: AtomicU32::new(0), core: Mutex::new(core) }
    }

    fn lock(&self) -> Guard<'_, P> {
        Guard { core: lock_in_turns(&self.core), hint: &self.hint }
    }

    /// Whether there may be channels among the values in it.
    pub(super) fn may_hold_channels(&self) -> bool {
        self.hint.load(Ordering::Relaxed) & HOLDS_CHANNELS != 0
    }

    /// Whether something could be received a moment ago.
    fn can_receive(&self) -> bool {
        self.hint.load(Ordering::Relaxed) & CAN_RECEIVE != 0
    }

    /// Whether something could be sent a moment ago.
    pub(super) fn can_send(&self) -> bool {
        self.hint.load(Ordering::Relaxed) & CAN_SEND != 0
    }

    /// Receives if that is possible without waiting.
    pub(super) fn try_receive(&self) -> Option<Received> {
        self.lock().try_receive()
    }

    /// Receives what is first in the buffer if it is a scalar.
    pub(super) fn try_receive_scalar(&self) -> Option<Parcel> {
        if !self.can_receive() {
            return None;
        }
        let mut core = self.lock();
        core.buffer.front()?.scalar()?;
        match core.try_receive()? {
            Received::Value(parcel) => Some(parcel),
            Received::Closed => None,
        }
    }

    /// Sends if that is possible without waiting.
    pub(super) fn try_send(&self, parcel: Parcel) -> Sent {
        self.lock().try_send(parcel)
    }

    /// Sends a value from a mailbox, for which there is always room.
    pub(super) fn put(&self, parcel: Parcel) {
        let mut core = self.lock();
        if let Err(parcel) = core.offer(parcel) {
            core.keep(parcel);
        }
    }

    /// Receives, or puts the task into the queue.
    pub(super) fn receive_or_wait(&self, process: &P, id: TaskId) -> Option<Received> {
        let mut core = self.lock();
        let received = core.try_receive();
        if received.is_none() {
            core.enqueue(process, id, PLAIN, None, None);
        }
        received
    }

    /// Sends, or puts the task into the queue.
    pub(super) fn send_or_wait(&self, parcel: Parcel, process: &P, id: TaskId) -> Sent {
        let mut core = self.lock();
        core.offer(parcel).unwrap_or_else(|parcel| {
            core.enqueue(process, id, PLAIN, None, Some(parcel));
            Sent::Full
        })
    }

    /// Closes the channel: all who wait are told.
    pub(super) fn close(&self) {
        let mut core = self.lock();
        if std::mem::replace(&mut core.closed, true) {
            return;
        }
        // One that is gone needs no news.
        for sender in std::mem::take(&mut core.senders) {
            let _ = sender.finish(ChannelOutcome::ClosedForSender);
        }
        for receiver in std::mem::take(&mut core.receivers) {
            let _ = receiver.finish(ChannelOutcome::ClosedForReceiver);
        }
    }

    /// Takes a task of a process out of the queues.
    pub(super) fn remove_waiter(&self, process: &P, id: TaskId) {
        let mut core = self.lock();
        let other = |waiter: &SharedWaiter<P>| !std::ptr::eq(&*waiter.process, process) || waiter.id != id;
        core.senders.retain(other);
        core.receivers.retain(other);
    }
}

impl<P: Party> Drop for SharedChannel<P> {
    /// Channels may lie in channels, however deep: they are taken apart one after the other.
    fn drop(&mut self) {
        let mut parcels = self.core.get_mut().take_parcels();
        while let Some(parcel) = parcels.pop() {
            for channel in parcel.into_channels() {
                match Arc::try_unwrap(channel.into_channel()) {
                    Ok(mut last) => parcels.append(&mut last.core.get_mut().take_parcels()),
                    // Others refer to it, which may be channels only.
                    Err(shared) => drop(Reference::new(shared)),
                }
            }
        }
    }
}

impl std::fmt::Debug for SharedChannel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SharedChannel")
    }
}

/// What a receive got, as values of this process.
///
/// # Errors
/// `not enough memory` past the memory limit.
pub(super) fn unpack_received(vm: &mut Vm, received: &Received) -> Result<(Value, bool), Box<LuaError>> {
    match received {
        Received::Value(parcel) => Ok((parcel.unpack_one(vm)?, true)),
        Received::Closed => Ok((Value::NIL, false)),
    }
}

/// A locked channel.
struct Guard<'a, P: Party> {
    core: MutexGuard<'a, Core<P>>,
    hint: &'a AtomicU32,
}

impl<P: Party> Deref for Guard<'_, P> {
    type Target = Core<P>;

    fn deref(&self) -> &Core<P> {
        &self.core
    }
}

impl<P: Party> DerefMut for Guard<'_, P> {
    fn deref_mut(&mut self) -> &mut Core<P> {
        &mut self.core
    }
}

impl<P: Party> Drop for Guard<'_, P> {
    fn drop(&mut self) {
        let hint = self.core.hint();
        if self.hint.load(Ordering::Relaxed) != hint {
            self.hint.store(hint, Ordering::Relaxed);
        }
    }
}

/// A locked channel and its address.
type Held<'a, P> = (*const SharedChannel<P>, Guard<'a, P>);

/// Several shared channels, locked in the order of their addresses.
pub(super) struct Locked<'a, P: Party = Process>(SmallVec<[Held<'a, P>; 4]>);

impl<'a, P: Party> Locked<'a, P> {
    /// Locks each channel once.
    pub(super) fn lock(channels: impl Iterator<Item = &'a Arc<SharedChannel<P>>>) -> Locked<'a, P> {
        let mut channels: SmallVec<[&Arc<SharedChannel<P>>; 8]> = channels.collect();
        channels.sort_unstable_by_key(|channel| Arc::as_ptr(channel));
        channels.dedup_by_key(|channel| Arc::as_ptr(channel));
        Locked(channels.into_iter().map(|channel| (Arc::as_ptr(channel), channel.lock())).collect())
    }

    /// The state of one of them.
    pub(super) fn get(&mut self, channel: &Arc<SharedChannel<P>>) -> &mut Core<P> {
        let address = Arc::as_ptr(channel);
        let entry = self.0.iter_mut().find(|(other, _)| *other == address);
        &mut entry.expect("all channels of the select are locked").1
    }
}

#[cfg(all(test, loom))]
#[path = "shared_channel_loom.rs"]
mod loom_tests;
