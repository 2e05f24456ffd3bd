//! Model checks of selects on shared channels: of all who could complete one, exactly one does, and no value is lost.

use super::*;
use crate::runtime::queue::{Envelope, Queue};
use loom::thread;
use std::sync::Weak;

/// What stands for a process: a mailbox.
struct Model {
    this: Weak<Model>,
    mailbox: Queue<ChannelNews>,
}

impl Party for Model {
    fn counted(&self) -> Arc<Model> {
        self.this.upgrade().expect("who waits is alive")
    }

    fn tell(self: &Arc<Model>, news: ChannelNews) -> Result<(), ChannelNews> {
        self.mailbox.push(news).map_err(|closed| closed.0)
    }
}

type Shared = Arc<SharedChannel<Model>>;

fn process() -> Arc<Model> {
    Arc::new_cyclic(|this| Model { this: this.clone(), mailbox: Queue::new() })
}

fn channel() -> Shared {
    Arc::new(SharedChannel::placeholder())
}

const ID: TaskId = TaskId { index: 0, ticket: 0 };

/// How a case was won: a value sent, or received.
#[derive(Debug, PartialEq, Eq)]
enum Won {
    Sent(u32),
    Received(u32, i64),
    Closed(u32),
}

/// A case: a channel, and what to send if that is it.
type Case<'a> = (&'a Shared, Option<i64>);

/// As `channel.select` does it: tries all cases, and waits on all of them if none is ready.
fn select(process: &Model, cases: &[Case]) -> Option<Won> {
    let mut locked = Locked::lock(cases.iter().map(|(channel, _)| *channel));
    for (index, (channel, value)) in cases.iter().enumerate() {
        let core = locked.get(channel);
        let won = match value {
            None => core.try_receive().map(|received| match received {
                Received::Value(Parcel::Integer(value)) => Won::Received(index as u32, value),
                _ => Won::Closed(index as u32),
            }),
            Some(value) => match core.try_send(Parcel::Integer(*value)) {
                Sent::Done => Some(Won::Sent(index as u32)),
                _ => None,
            },
        };
        if won.is_some() {
            return won;
        }
    }
    let claim = Arc::new(Claim::default());
    for (index, (channel, value)) in cases.iter().enumerate() {
        let claim = Some(Arc::clone(&claim));
        locked.get(channel).enqueue(process, ID, index as u32, claim, value.map(Parcel::Integer));
    }
    None
}

/// What has arrived at a process that waits.
fn news(process: &Model) -> Vec<Won> {
    let won = |news: Envelope<ChannelNews>| match news.outcome {
        ChannelOutcome::Received(Parcel::Integer(value)) => Won::Received(news.case, value),
        ChannelOutcome::Sent => Won::Sent(news.case),
        _ => Won::Closed(news.case),
    };
    process.mailbox.take_all().map(won).collect()
}

#[test]
fn loom_two_senders_and_one_select() {
    loom::model(|| {
        let (a, b, receiver) = (channel(), channel(), process());
        assert_eq!(select(&receiver, &[(&a, None), (&b, None)]), None);
        let other = thread::spawn({
            let a = a.clone();
            move || matches!(a.try_send(Parcel::Integer(1)), Sent::Done)
        });
        let second = matches!(b.try_send(Parcel::Integer(2)), Sent::Done);
        let first = other.join().unwrap();
        assert!(first != second, "one of them is taken");
        assert_eq!(news(&receiver), [if first { Won::Received(0, 1) } else { Won::Received(1, 2) }]);
    });
}

#[test]
fn loom_select_against_select() {
    loom::model(|| {
        let (a, b, one, two) = (channel(), channel(), process(), process());
        let other = thread::spawn({
            let (a, b, two) = (a.clone(), b.clone(), two.clone());
            move || select(&two, &[(&b, Some(20)), (&a, None)])
        });
        let first = select(&one, &[(&a, Some(10)), (&b, None)]);
        let second = other.join().unwrap();
        let mut outcomes: Vec<Won> = first.into_iter().chain(news(&one)).collect();
        assert_eq!(outcomes.len(), 1, "each is completed once");
        outcomes.extend(second.into_iter().chain(news(&two)));
        assert!(
            outcomes == [Won::Sent(0), Won::Received(1, 10)] || outcomes == [Won::Received(1, 20), Won::Sent(0)],
            "they meet on one channel: {outcomes:?}"
        );
    });
}

#[test]
fn loom_close_against_send() {
    loom::model(|| {
        let (a, b, receiver) = (channel(), channel(), process());
        assert_eq!(select(&receiver, &[(&a, None), (&b, None)]), None);
        let closer = thread::spawn({
            let a = a.clone();
            move || a.close()
        });
        let sent = matches!(b.try_send(Parcel::Integer(2)), Sent::Done);
        closer.join().unwrap();
        assert_eq!(news(&receiver), [if sent { Won::Received(1, 2) } else { Won::Closed(0) }]);
    });
}

/// A process that waits ends: a value goes to it only while it still lives.
#[test]
fn loom_end_against_send() {
    loom::model(|| {
        let (a, receiver, next) = (channel(), process(), process());
        assert_eq!(select(&receiver, &[(&a, None)]), None);
        assert_eq!(select(&next, &[(&a, None)]), None);
        let end = thread::spawn({
            let (a, receiver) = (a.clone(), receiver.clone());
            move || {
                a.remove_waiter(&receiver, ID);
                let taken = news(&receiver);
                receiver.mailbox.close();
                taken
            }
        });
        assert!(matches!(a.try_send(Parcel::Integer(1)), Sent::Done), "somebody waits");
        let taken: Vec<Won> = end.join().unwrap().into_iter().chain(news(&next)).collect();
        assert_eq!(taken, [Won::Received(0, 1)], "it reached one of them, in time");
    });
}
