//! What lies in the mailbox of a process: messages, and news for what it waits for.

use std::hint::unreachable_unchecked;
use std::sync::Arc;

use super::errors::ErrorData;
use super::pid::Pid;
use super::queue::Envelope;
use super::task::{Continuation, TaskId};
use super::transfer::{Parcel, Text};
use crate::vm::Vm;
use crate::vm::pool::Pooled;

/// One item of a mailbox.
pub enum Mail {
    /// From another process.
    Message(Message),
    /// For `process.events()`.
    Event(Pooled<ProcessEvent>),
    /// The wait of a task is over; it continues without values.
    Wake(TaskId),
    /// The timer behind the channel of this number fired.
    Timer(u64),
    /// A wait on a shared channel is over.
    Channel(ChannelNews),
    /// An operation off the workers has completed.
    Completion(Box<Completion>),
    /// A host has something to do in the Lua state while no task runs.
    Visit(Visit),
}

/// See [`Mail::Visit`].
pub type Visit = Box<dyn FnOnce(&mut Vm) + Send>;

/// A message (`runtime.md` §2.2).
pub struct Message {
    /// The sender; [`NOBODY`](super::pid::NOBODY) for the runtime.
    pub from: Pid,
    /// The topic.
    pub topic: Text,
    /// The values.
    pub payload: Parcel,
}

/// An event (`runtime.md` §2.8).
pub struct ProcessEvent {
    /// Who it is about, or who asks.
    pub from: Pid,
    /// When, in Unix seconds.
    pub at: i64,
    /// What happened.
    pub what: Happening,
}

/// What an event tells.
pub enum Happening {
    /// A watched process has ended.
    Exit(Outcome),
    /// A linked process has failed.
    LinkDown(Outcome),
    /// Somebody asks this process to end.
    Cancel(Text),
}

/// How a process ended (`runtime.md` §1.5).
pub type Outcome = Result<Parcel, Arc<ErrorData>>;

/// The end of a wait on a shared channel.
pub struct ChannelNews {
    /// Whose wait.
    pub id: TaskId,
    /// Which case of a select, if it is one.
    pub case: u32,
    /// What happened.
    pub outcome: ChannelOutcome,
}

/// What happened on a shared channel.
pub enum ChannelOutcome {
    /// A value for a receiver.
    Received(Parcel),
    /// A sender's value was taken.
    Sent,
    /// The channel was closed, and with it the wait of a receiver.
    ClosedForReceiver,
    /// The channel was closed, and with it the wait of a sender.
    ClosedForSender,
}

/// The end of an operation off the workers.
pub struct Completion {
    /// Whose wait.
    pub id: TaskId,
    /// Makes the values with which the task continues.
    pub finish: Box<dyn FnOnce(&mut Vm) -> Continuation + Send>,
}

const _: () = assert!(size_of::<Mail>() <= 72);

impl Envelope<Mail> {
    /// The message in it, if it is one.
    #[inline]
    pub fn into_message(self) -> Result<Message, Envelope<Mail>> {
        if !matches!(*self, Mail::Message(_)) {
            return Err(self);
        }
        // SAFETY: a message is all there is to it. (To move the whole of it and take that apart would be slow: its tag is
        // part of the message.)
        Ok(unsafe {
            self.into_part(|mail| match mail {
                Mail::Message(message) => message,
                _ => unreachable_unchecked(),
            })
        })
    }
}
