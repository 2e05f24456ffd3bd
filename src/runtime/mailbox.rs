//! Delivery of what arrives at a process (`runtime.md` §1.7): subscriptions, and what waits for them.
//!
//! A message that a subscription wants waits in that subscription's own list, so that one channel never holds up another;
//! what nobody wants yet is retained. Opening or closing a subscription moves what that concerns.

use std::collections::VecDeque;

use smallvec::smallvec;

use super::channel::{self, Channel, Kind, PLAIN, Waiter, channel_of};
use super::errors::ErrorData;
use super::mail::{ChannelNews, ChannelOutcome, Happening, Mail, Message, ProcessEvent};
use super::process_state::state;
use super::task::{Results, Wait};
use super::transfer::Text;
use super::{events, message, select, time};
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::heap::Marker;
use crate::vm::object::Userdata;
use crate::vm::value::Value;

/// The subscriptions of a process.
pub struct Mailbox {
    inbox: *mut Userdata,
    events: *mut Userdata,
    topics: Vec<(Text, *mut Userdata)>,
    retained: VecDeque<Delivery>,
}

/// Something to be received.
pub enum Delivery {
    /// A message.
    Message(Message),
    /// An event.
    Event(Box<ProcessEvent>),
}

/// The state of a channel that is fed from the mailbox.
pub struct Subscription {
    source: Source,
    /// Whether a topic's listener gets message objects instead of plain values.
    messages: bool,
    pub(super) closed: bool,
    pending: VecDeque<Delivery>,
    pub(super) receivers: VecDeque<Waiter>,
}

enum Source {
    Inbox,
    Events,
    Topic,
}

impl Subscription {
    fn new(source: Source, messages: bool) -> Subscription {
        Subscription { source, messages, closed: false, pending: VecDeque::new(), receivers: VecDeque::new() }
    }
}

impl Mailbox {
    /// No subscriptions.
    pub fn new() -> Mailbox {
        Mailbox {
            inbox: std::ptr::null_mut(),
            events: std::ptr::null_mut(),
            topics: Vec::new(),
            retained: VecDeque::new(),
        }
    }

    /// Whether any subscription is open.
    pub fn is_open(&self) -> bool {
        !self.inbox.is_null() || !self.events.is_null() || !self.topics.is_empty()
    }

    /// Marks the channels of the subscriptions.
    pub fn trace(&self, marker: &mut Marker) {
        let topics = self.topics.iter().map(|(_, channel)| *channel);
        for channel in [self.inbox, self.events].into_iter().chain(topics).filter(|channel| !channel.is_null()) {
            marker.mark(Value::userdata(channel));
        }
    }

    fn listener(&self, topic: &Text) -> Option<*mut Userdata> {
        self.topics.iter().find(|(other, _)| other == topic).map(|(_, channel)| *channel)
    }

    /// The channel that wants a delivery.
    fn target(&self, delivery: &Delivery) -> *mut Userdata {
        match delivery {
            Delivery::Event(_) => self.events,
            Delivery::Message(message) => match self.topics.is_empty() {
                true => self.inbox,
                false => self.listener(&message.topic).unwrap_or(self.inbox),
            },
        }
    }
}

impl Default for Mailbox {
    fn default() -> Mailbox {
        Mailbox::new()
    }
}

fn subscription<'a>(handle: *mut Userdata) -> &'a mut Subscription {
    // SAFETY: callers pass the handle of a live subscription and use the result at once.
    match unsafe { &mut channel_of(handle).kind } {
        Kind::Subscription(subscription) => subscription,
        _ => unreachable!("the mailbox feeds subscriptions only"),
    }
}

/// `process.inbox()`
pub fn inbox(vm: &mut Vm) -> *mut Userdata {
    if state(vm).mailbox.inbox.is_null() {
        let channel = channel::new_channel(vm, Channel::subscription(Subscription::new(Source::Inbox, true)));
        state(vm).mailbox.inbox = channel;
        reroute_retained(vm);
    }
    state(vm).mailbox.inbox
}

/// `process.events()`
pub fn events(vm: &mut Vm) -> *mut Userdata {
    if state(vm).mailbox.events.is_null() {
        let channel = channel::new_channel(vm, Channel::subscription(Subscription::new(Source::Events, false)));
        state(vm).mailbox.events = channel;
        reroute_retained(vm);
    }
    state(vm).mailbox.events
}

/// `process.listen(topic)`
pub fn listen(vm: &mut Vm, topic: Text, messages: bool) -> *mut Userdata {
    if let Some(channel) = state(vm).mailbox.listener(&topic) {
        subscription(channel).messages |= messages;
        return channel;
    }
    let channel = channel::new_channel(vm, Channel::subscription(Subscription::new(Source::Topic, messages)));
    let mailbox = &mut state(vm).mailbox;
    mailbox.topics.push((topic.clone(), channel));
    if !mailbox.inbox.is_null() {
        // What the inbox has not handed out yet belongs to the listener now.
        let wanted = |delivery: &Delivery| matches!(delivery, Delivery::Message(message) if message.topic == topic);
        let pending = std::mem::take(&mut subscription(mailbox.inbox).pending);
        let (moved, kept) = pending.into_iter().partition(wanted);
        subscription(mailbox.inbox).pending = kept;
        subscription(channel).pending = moved;
    }
    reroute_retained(vm);
    channel
}

/// Ends a subscription: `process.unlisten`, or the delivery after its channel was closed. `false` if it is none.
pub fn unlisten(vm: &mut Vm, handle: *mut Userdata) -> Result<bool, Box<LuaError>> {
    let mailbox = &mut state(vm).mailbox;
    if handle == mailbox.inbox {
        mailbox.inbox = std::ptr::null_mut();
    } else if handle == mailbox.events {
        mailbox.events = std::ptr::null_mut();
    } else if let Some(at) = mailbox.topics.iter().position(|(_, channel)| *channel == handle) {
        mailbox.topics.remove(at);
    } else {
        return Ok(false);
    }
    let pending = std::mem::take(&mut subscription(handle).pending);
    state(vm).mailbox.retained.extend(pending);
    channel::close(vm, handle)?;
    reroute_retained(vm);
    Ok(true)
}

/// Hands what was retained to the subscriptions there are now.
fn reroute_retained(vm: &mut Vm) {
    let mailbox = &mut state(vm).mailbox;
    for delivery in std::mem::take(&mut mailbox.retained) {
        match mailbox.target(&delivery) {
            channel if channel.is_null() => mailbox.retained.push_back(delivery),
            channel => subscription(channel).pending.push_back(delivery),
        }
    }
}

/// Whether a receive on a subscription would complete.
pub(super) fn has_pending(vm: &mut Vm, handle: *mut Userdata) -> bool {
    if subscription(handle).pending.is_empty() {
        // Running out of memory shows when the value is really received.
        let _ = drain(vm);
    }
    !subscription(handle).pending.is_empty() || subscription(handle).closed
}

/// Receives from a subscription without waiting.
pub(super) fn try_receive(vm: &mut Vm, handle: *mut Userdata) -> Result<Option<(Value, bool)>, Box<LuaError>> {
    if subscription(handle).pending.is_empty() {
        drain(vm)?;
    }
    match subscription(handle).pending.pop_front() {
        Some(delivery) => Ok(Some((materialise(vm, handle, delivery)?, true))),
        None => Ok(subscription(handle).closed.then_some((Value::NIL, false))),
    }
}

/// Takes what has arrived and delivers it.
///
/// # Errors
/// `not enough memory` past the memory limit.
#[inline]
pub fn drain(vm: &mut Vm) -> Result<(), Box<LuaError>> {
    let queue = &state(vm).process().mailbox;
    if queue.is_empty() {
        return Ok(());
    }
    for mail in queue.take_all() {
        deliver_mail(vm, mail)?;
    }
    Ok(())
}

fn deliver_mail(vm: &mut Vm, mail: Mail) -> Result<(), Box<LuaError>> {
    match mail {
        Mail::Message(message) => deliver(vm, Delivery::Message(message)),
        Mail::Event(event) => match &event.what {
            Happening::LinkDown(_) if !state(vm).trap_links => {
                state(vm).doom = Some(ErrorData::internal("linked process failed"));
                Ok(())
            }
            _ => deliver(vm, Delivery::Event(event)),
        },
        Mail::Wake(id) => {
            if state(vm).tasks.is_waiting(id) {
                drop(state(vm).tasks.wake(id.index, Results::new()));
            }
            Ok(())
        }
        Mail::Timer(number) => time::fire(vm, number),
        Mail::Channel(news) => deliver_news(vm, *news),
        Mail::Completion(completion) => {
            if !state(vm).tasks.is_waiting(completion.id) {
                return Ok(());
            }
            let index = completion.id.index;
            match (completion.finish)(vm) {
                Ok(results) => drop(state(vm).tasks.wake(index, results)),
                Err(error) => drop(state(vm).tasks.wake_with_error(index, error)),
            }
            Ok(())
        }
        Mail::Visit(visit) if state(vm).tasks.current().is_none() => {
            visit(vm);
            Ok(())
        }
        Mail::Visit(_) => {
            // A task looks into its mailbox; the visitor comes again when that task has left the machine.
            if let Some(process) = state(vm).process().weak().upgrade() {
                // A process that ends at the same time does not care any more.
                let _ = process.post(mail);
            }
            Ok(())
        }
    }
}

/// Hands a delivery to whoever waits for it, or puts it where it is looked for.
fn deliver(vm: &mut Vm, delivery: Delivery) -> Result<(), Box<LuaError>> {
    let mailbox = &mut state(vm).mailbox;
    let handle = mailbox.target(&delivery);
    if handle.is_null() {
        mailbox.retained.push_back(delivery);
        return Ok(());
    }
    if subscription(handle).closed {
        return unlisten(vm, handle).map(drop);
    }
    while let Some(receiver) = subscription(handle).receivers.pop_front() {
        if receiver.case != PLAIN && !state(vm).tasks.take_claim(receiver.task) {
            continue;
        }
        let value = materialise(vm, handle, delivery)?;
        if receiver.case == PLAIN {
            drop(state(vm).tasks.wake(receiver.task, smallvec![value, Value::TRUE]));
            return Ok(());
        }
        return select::finish(vm, receiver.task, handle, value, true);
    }
    subscription(handle).pending.push_back(delivery);
    Ok(())
}

/// The value that a receiver on a subscription gets for a delivery.
fn materialise(vm: &mut Vm, handle: *mut Userdata, delivery: Delivery) -> Result<Value, Box<LuaError>> {
    let subscription = subscription(handle);
    match (delivery, &subscription.source) {
        (Delivery::Event(event), _) => events::event_table(vm, &event),
        (Delivery::Message(message), Source::Topic) if !subscription.messages => message::raw_value(vm, &message),
        (Delivery::Message(message), _) => Ok(message::message_value(vm, message)),
    }
}

/// Ends a wait on a shared channel.
fn deliver_news(vm: &mut Vm, news: ChannelNews) -> Result<(), Box<LuaError>> {
    let id = news.id;
    if !state(vm).tasks.is_waiting(id) {
        return Ok(());
    }
    let case = state(vm).tasks.cases(id.index).get(news.case as usize).copied();
    match (news.outcome, case) {
        (ChannelOutcome::ClosedForSender, _) => {
            channel::wake_closed_sender(vm, id.index);
            Ok(())
        }
        (ChannelOutcome::Received(parcel), None) => {
            let value = parcel.unpack_one(vm)?;
            wake_plain(vm, id.index, smallvec![value, Value::TRUE]);
            Ok(())
        }
        (ChannelOutcome::Received(parcel), Some(case)) => {
            let value = parcel.unpack_one(vm)?;
            select::finish(vm, id.index, case.channel, value, true)
        }
        (ChannelOutcome::Sent, None) => {
            wake_plain(vm, id.index, smallvec![Value::TRUE]);
            Ok(())
        }
        (ChannelOutcome::Sent, Some(case)) => {
            select::finish(vm, id.index, case.channel, case.send.unwrap_or(Value::NIL), true)
        }
        (ChannelOutcome::ClosedForReceiver, None) => {
            wake_plain(vm, id.index, smallvec![Value::NIL, Value::FALSE]);
            Ok(())
        }
        (ChannelOutcome::ClosedForReceiver, Some(case)) => {
            select::finish(vm, id.index, case.channel, Value::NIL, false)
        }
    }
}

fn wake_plain(vm: &mut Vm, task: u32, results: Results) {
    let wait = state(vm).tasks.wake(task, results);
    debug_assert!(matches!(wait, Wait::Channel(_)));
}
