//! Delivery of what arrives at a process (`runtime.md` §1.7): subscriptions, and what waits for them.
//!
//! A message that a subscription wants waits in that subscription's own list, so that one channel never holds up another;
//! what nobody wants yet is retained. Opening or closing a subscription moves what that concerns.

use std::collections::VecDeque;

use super::channel::{self, Channel, Kind, PLAIN, Waiter, channel_of};
use super::errors::ErrorData;
use super::mail::{ChannelNews, ChannelOutcome, Happening, Mail, Message};
use super::process_state::state;
use super::queue::Envelope;
use super::transfer::Text;
use super::{events, message, select, time};
use crate::vm::Vm;
use crate::vm::cache;
use crate::vm::error::LuaError;
use crate::vm::heap::Marker;
use crate::vm::object::Userdata;
use crate::vm::value::Value;

/// The subscriptions of a process.
#[derive(Default)]
pub struct Mailbox {
    inbox: *mut Userdata,
    events: *mut Userdata,
    listeners: Vec<Listener>,
    retained: VecDeque<Delivery>,
    /// How many deliveries there were.
    arrivals: u64,
}

/// A channel that gets what is sent to a topic: a subscription, or a channel of the program.
struct Listener {
    topic: Text,
    channel: *mut Userdata,
    /// Whether it gets message objects instead of plain values.
    messages: bool,
}

/// Something to be received: a message or an event.
struct Delivery {
    /// Its place in the order of arrival.
    arrival: u64,
    mail: Envelope<Mail>,
}

/// The state of a channel that is fed from the mailbox.
#[derive(Default)]
pub struct Subscription {
    pub(super) closed: bool,
    pending: VecDeque<Delivery>,
    pub(super) receivers: VecDeque<Waiter>,
}

/// Deliveries for which a subscription keeps room when it has none.
const KEPT: usize = 4096;

impl Subscription {
    /// Whether a receive would wait if the mailbox is empty.
    #[inline]
    pub(super) fn has_nothing(&self) -> bool {
        self.pending.is_empty() && !self.closed
    }

    /// The next delivery. The room for a flood of them is given back when it is over.
    #[inline(always)]
    fn next(&mut self) -> Option<Delivery> {
        let next = self.pending.pop_front()?;
        if self.pending.is_empty() && self.pending.capacity() > KEPT {
            self.pending = VecDeque::new();
        }
        Some(next)
    }
}

impl Mailbox {
    /// No subscriptions.
    pub fn new() -> Mailbox {
        Mailbox::default()
    }

    /// Whether any subscription is open.
    pub fn is_open(&self) -> bool {
        !self.inbox.is_null() || !self.events.is_null() || !self.listeners.is_empty()
    }

    /// Whether somebody reads the events.
    pub fn has_events(&self) -> bool {
        !self.events.is_null()
    }

    /// Marks the channels of the subscriptions.
    pub fn trace(&self, marker: &mut Marker) {
        let listeners = self.listeners.iter().map(|listener| listener.channel);
        for channel in [self.inbox, self.events].into_iter().chain(listeners).filter(|channel| !channel.is_null()) {
            marker.mark(Value::userdata(channel));
        }
    }

    fn listener(&self, topic: &Text) -> Option<&Listener> {
        self.listeners.iter().find(|listener| listener.topic == *topic)
    }

    /// The channel that wants a message or an event.
    fn target(&self, mail: &Mail) -> *mut Userdata {
        let Mail::Message(message) = mail else { return self.events };
        match self.listener(&message.topic) {
            Some(listener) => listener.channel,
            None if mail.is_internal() => std::ptr::null_mut(),
            None => self.inbox,
        }
    }

    /// Keeps what the mailbox of an older Lua state of this process has not delivered.
    pub fn inherit(&mut self, old: Mailbox) {
        let channels = [old.inbox, old.events].into_iter().chain(old.listeners.iter().map(|listener| listener.channel));
        let pending = channels.filter_map(|channel| Some(std::mem::take(&mut subscription_of(channel)?.pending)));
        let undelivered: Vec<Delivery> = pending.flatten().collect();
        (self.retained, self.arrivals) = (old.retained, old.arrivals);
        self.retain(undelivered);
    }

    /// Puts deliveries back among those that nobody wants yet, in the order of their arrival. What the runtime sends to
    /// a subscription that is gone is dropped.
    fn retain(&mut self, deliveries: impl IntoIterator<Item = Delivery>) {
        self.retained.extend(deliveries.into_iter().filter(|delivery| !delivery.mail.is_internal()));
        self.retained.make_contiguous().sort_by_key(|delivery| delivery.arrival);
    }
}

impl Mail {
    /// Whether it is a message of the runtime for one of its subscriptions: programs neither send to such topics nor
    /// listen on them.
    fn is_internal(&self) -> bool {
        matches!(self, Mail::Message(message) if message.topic.as_bytes().first() == Some(&b'@'))
    }
}

/// The subscription behind a handle; `None` for null, and for a channel of the program.
fn subscription_of<'a>(handle: *mut Userdata) -> Option<&'a mut Subscription> {
    if handle.is_null() {
        return None;
    }
    // SAFETY: callers pass the handle of a live channel and use the result at once.
    match unsafe { &mut channel_of(handle).kind } {
        Kind::Subscription(subscription) => Some(subscription),
        _ => None,
    }
}

fn subscription<'a>(handle: *mut Userdata) -> &'a mut Subscription {
    subscription_of(handle).expect("only subscriptions are received from through the mailbox")
}

fn new_subscription(vm: &mut Vm) -> *mut Userdata {
    channel::new_channel(vm, Channel::subscription(Subscription::default()))
}

/// Begins to fetch what a process touches first that is given a message and answers it; what leads there is in the cache.
#[inline]
pub fn prefetch(vm: &mut Vm) {
    message::prefetch(vm);
    let state = state(vm);
    cache::prefetch(state.mailbox.inbox, size_of::<Userdata>() + size_of::<Channel>());
    state.last_target.prefetch();
}

/// `process.inbox()`
pub fn inbox(vm: &mut Vm) -> *mut Userdata {
    if state(vm).mailbox.inbox.is_null() {
        let channel = new_subscription(vm);
        state(vm).mailbox.inbox = channel;
        // Nothing is materialised for a channel on which nobody waits.
        let _ = reroute_retained(vm);
    }
    state(vm).mailbox.inbox
}

/// `process.events()`
pub fn events(vm: &mut Vm) -> *mut Userdata {
    if state(vm).mailbox.events.is_null() {
        let channel = new_subscription(vm);
        state(vm).mailbox.events = channel;
        // As for the inbox.
        let _ = reroute_retained(vm);
    }
    state(vm).mailbox.events
}

/// `process.listen(topic)`
pub fn listen(vm: &mut Vm, topic: Text, messages: bool) -> *mut Userdata {
    if let Some(listener) = state(vm).mailbox.listeners.iter_mut().find(|listener| listener.topic == topic) {
        listener.messages |= messages;
        return listener.channel;
    }
    let channel = new_subscription(vm);
    // As for the inbox.
    let _ = attach(vm, Listener { topic, channel, messages });
    channel
}

/// `subscribe(topic, channel)`: a channel of the program becomes the listener of a topic. `false` if another channel is.
///
/// # Errors
/// `not enough memory` past the memory limit.
pub fn subscribe(vm: &mut Vm, topic: Text, channel: *mut Userdata) -> Result<bool, Box<LuaError>> {
    match state(vm).mailbox.listener(&topic) {
        Some(listener) => Ok(listener.channel == channel),
        None => attach(vm, Listener { topic, channel, messages: false }).map(|()| true),
    }
}

fn attach(vm: &mut Vm, listener: Listener) -> Result<(), Box<LuaError>> {
    let mailbox = &mut state(vm).mailbox;
    if let Some(inbox) = subscription_of(mailbox.inbox) {
        // What the inbox has not handed out yet belongs to the listener now.
        let wanted = |delivery: &Delivery| matches!(&*delivery.mail, Mail::Message(m) if m.topic == listener.topic);
        let (wanted, kept): (VecDeque<_>, _) = std::mem::take(&mut inbox.pending).into_iter().partition(wanted);
        inbox.pending = kept;
        mailbox.retain(wanted);
    }
    mailbox.listeners.push(listener);
    reroute_retained(vm)
}

/// `unsubscribe(channel)`: the channel stays open. `false` if it listens to nothing.
pub fn unsubscribe(vm: &mut Vm, channel: *mut Userdata) -> bool {
    let listeners = &mut state(vm).mailbox.listeners;
    let before = listeners.len();
    listeners.retain(|listener| listener.channel != channel || subscription_of(channel).is_some());
    listeners.len() < before
}

/// Ends a subscription: `process.unlisten`, or the delivery after its channel was closed. `false` if it is none.
///
/// # Errors
/// `not enough memory` past the memory limit.
pub fn unlisten(vm: &mut Vm, handle: *mut Userdata) -> Result<bool, Box<LuaError>> {
    let mailbox = &mut state(vm).mailbox;
    if !mailbox.forget(handle) {
        return Ok(false);
    }
    if let Some(subscription) = subscription_of(handle).filter(|subscription| !subscription.closed) {
        mailbox.retain(std::mem::take(&mut subscription.pending));
    }
    channel::close(vm, handle)?;
    reroute_retained(vm)?;
    Ok(true)
}

impl Mailbox {
    /// Feeds a channel no longer. `false` if it was not fed.
    fn forget(&mut self, handle: *mut Userdata) -> bool {
        if handle == self.inbox {
            self.inbox = std::ptr::null_mut();
        } else if handle == self.events {
            self.events = std::ptr::null_mut();
        } else if let Some(at) = self.listeners.iter().position(|listener| listener.channel == handle) {
            self.listeners.remove(at);
        } else {
            return false;
        }
        true
    }
}

/// Hands what was retained to the subscriptions there are now.
fn reroute_retained(vm: &mut Vm) -> Result<(), Box<LuaError>> {
    for delivery in std::mem::take(&mut state(vm).mailbox.retained) {
        route(vm, delivery)?;
    }
    if let Some(inbox) = subscription_of(state(vm).mailbox.inbox) {
        // What another channel has left over may be older than what the inbox has.
        inbox.pending.make_contiguous().sort_by_key(|delivery| delivery.arrival);
    }
    Ok(())
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
    match subscription(handle).next() {
        Some(delivery) => Ok(Some((materialise(vm, handle, delivery.mail)?, true))),
        None => Ok(subscription(handle).closed.then_some((Value::NIL, false))),
    }
}

/// The next message, if `handle` is the inbox and the message is there already.
pub(super) fn receive_message(vm: &mut Vm, handle: *mut Userdata) -> Option<Value> {
    if handle != state(vm).mailbox.inbox {
        return None;
    }
    let Delivery { arrival, mail } = subscription(handle).next()?;
    match mail.into_message() {
        Ok(message) => Some(message::message_value(vm, message)),
        Err(mail) => {
            subscription(handle).pending.push_front(Delivery { arrival, mail });
            None
        }
    }
}

/// Takes what has arrived and delivers it.
///
/// # Errors
/// `not enough memory` past the memory limit.
#[inline(always)]
pub fn drain(vm: &mut Vm) -> Result<(), Box<LuaError>> {
    if state(vm).process().mailbox.is_empty() { Ok(()) } else { deliver_all(vm) }
}

#[inline(never)]
fn deliver_all(vm: &mut Vm) -> Result<(), Box<LuaError>> {
    let mut outcome = Ok(());
    for mail in state(vm).process().mailbox.take_all() {
        // What does not fit into memory must not take along what comes after it.
        let delivered = deliver_mail(vm, mail);
        outcome = outcome.and(delivered);
    }
    outcome
}

fn deliver_mail(vm: &mut Vm, mail: Envelope<Mail>) -> Result<(), Box<LuaError>> {
    match &*mail {
        Mail::Event(event) if matches!(event.what, Happening::LinkDown(_)) && !state(vm).trap_links => {
            state(vm).rare().doom = Some(ErrorData::internal("linked process failed"));
            Ok(())
        }
        Mail::Message(_) | Mail::Event(_) => {
            let mailbox = &mut state(vm).mailbox;
            mailbox.arrivals += 1;
            let arrival = mailbox.arrivals;
            route(vm, Delivery { arrival, mail })
        }
        _ => act_on(vm, mail.into_inner()),
    }
}

/// Does what news is about that nobody receives.
fn act_on(vm: &mut Vm, mail: Mail) -> Result<(), Box<LuaError>> {
    match mail {
        Mail::Message(_) | Mail::Event(_) => unreachable!("these are delivered"),
        Mail::Wake(id) => {
            if state(vm).tasks.is_waiting(id) {
                state(vm).tasks.wake(id.index, &[]);
            }
            Ok(())
        }
        Mail::Timer(number) => time::fire(vm, number),
        Mail::Channel(news) => deliver_news(vm, news),
        Mail::Completion(completion) => {
            if !state(vm).tasks.is_waiting(completion.id) {
                return Ok(());
            }
            let index = completion.id.index;
            match (completion.finish)(vm) {
                Ok(results) => state(vm).tasks.wake(index, &results),
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
fn route(vm: &mut Vm, delivery: Delivery) -> Result<(), Box<LuaError>> {
    let mailbox = &mut state(vm).mailbox;
    let handle = mailbox.target(&delivery.mail);
    let Some(subscription) = subscription_of(handle) else {
        if handle.is_null() {
            if !delivery.mail.is_internal() {
                mailbox.retained.push_back(delivery);
            }
            return Ok(());
        }
        let value = materialise(vm, handle, delivery.mail)?;
        if !channel::put(vm, handle, value)? {
            state(vm).mailbox.forget(handle);
        }
        return Ok(());
    };
    if subscription.closed {
        return unlisten(vm, handle).map(drop);
    }
    while let Some(receiver) = subscription.receivers.pop_front() {
        if receiver.case != PLAIN && !state(vm).tasks.take_claim(receiver.task) {
            continue;
        }
        let value = materialise(vm, handle, delivery.mail)?;
        if receiver.case == PLAIN {
            state(vm).tasks.wake(receiver.task, &[value, Value::TRUE]);
            return Ok(());
        }
        return select::finish(vm, receiver.task, handle, value, true);
    }
    subscription.pending.push_back(delivery);
    Ok(())
}

/// The value that a channel gets for a message or an event.
#[inline(always)]
fn materialise(vm: &mut Vm, handle: *mut Userdata, mail: Envelope<Mail>) -> Result<Value, Box<LuaError>> {
    match mail.into_message() {
        Ok(message) if handle == state(vm).mailbox.inbox => Ok(message::message_value(vm, message)),
        Ok(message) => heard(vm, handle, message),
        Err(mail) => match mail.into_inner() {
            Mail::Event(event) => events::event_table(vm, &event),
            _ => unreachable!("nothing else is delivered"),
        },
    }
}

/// What a listener gets for a message.
fn heard(vm: &mut Vm, handle: *mut Userdata, message: Message) -> Result<Value, Box<LuaError>> {
    let listeners = &state(vm).mailbox.listeners;
    let raw = listeners.iter().any(|listener| listener.channel == handle && !listener.messages);
    if raw { message::raw_value(vm, &message) } else { Ok(message::message_value(vm, message)) }
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
            state(vm).tasks.wake(id.index, &[value, Value::TRUE]);
            Ok(())
        }
        (ChannelOutcome::Received(parcel), Some(case)) => {
            let value = parcel.unpack_one(vm)?;
            select::finish(vm, id.index, case.channel, value, true)
        }
        (ChannelOutcome::Sent, None) => {
            state(vm).tasks.wake(id.index, &[Value::TRUE]);
            Ok(())
        }
        (ChannelOutcome::Sent, Some(case)) => {
            select::finish(vm, id.index, case.channel, case.send.unwrap_or(Value::NIL), true)
        }
        (ChannelOutcome::ClosedForReceiver, None) => {
            state(vm).tasks.wake(id.index, &[Value::NIL, Value::FALSE]);
            Ok(())
        }
        (ChannelOutcome::ClosedForReceiver, Some(case)) => {
            select::finish(vm, id.index, case.channel, Value::NIL, false)
        }
    }
}
