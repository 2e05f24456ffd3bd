//! Queues in memory: letters wait in order until somebody takes them, and come back if they are not settled well.
//!
//! A letter that was taken is a [`Delivery`]. It is settled once, by whoever is first: its handler, what becomes of that, or, if
//! neither does, its being dropped, which brings the letter back. Until then it keeps its place among those that its consumer
//! has taken.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit};

use crate::runtime::data::Data;
use crate::runtime::errors::{ErrorData, INVALID, UNAVAILABLE};

/// How long somebody who publishes waits for room.
const PATIENCE: Duration = Duration::from_secs(5);

/// Something to be delivered.
#[derive(Clone, Debug)]
pub struct Letter {
    /// What tells it from all others.
    pub id: String,
    /// Scalars under names.
    pub headers: Vec<(String, Data)>,
    /// What it says.
    pub body: Data,
    /// How often it has come back.
    returns: u32,
}

impl Letter {
    /// A letter that was not delivered yet.
    pub fn new(id: String, headers: Vec<(String, Data)>, body: Data) -> Letter {
        Letter { id, headers, body, returns: 0 }
    }
}

/// Where letters go that come back too often.
pub struct DeadEnd {
    /// The queue.
    pub queue: Arc<Queue>,
    /// How often a letter is delivered before.
    pub attempts: u32,
}

/// A queue.
pub struct Queue {
    max_length: usize,
    dead_end: Option<DeadEnd>,
    ready: Mutex<VecDeque<Letter>>,
    /// Letters that were taken and not settled.
    unsettled: AtomicUsize,
    /// Consumers that take them.
    consumers: AtomicUsize,
    /// Told when a letter comes.
    arrived: Notify,
    /// Told when a letter is taken.
    taken: Notify,
}

impl Queue {
    /// An empty queue.
    pub fn new(max_length: usize, dead_end: Option<DeadEnd>) -> Arc<Queue> {
        Arc::new(Queue {
            max_length,
            dead_end,
            ready: Mutex::default(),
            unsettled: AtomicUsize::new(0),
            consumers: AtomicUsize::new(0),
            arrived: Notify::new(),
            taken: Notify::new(),
        })
    }

    /// Puts a letter at the end, when there is room.
    ///
    /// # Errors
    /// `Unavailable` if there is none for too long.
    pub async fn publish(self: Arc<Queue>, letter: Letter) -> Result<(), ErrorData> {
        let full = |_| ErrorData::judged(UNAVAILABLE, "the queue is full", true);
        tokio::time::timeout(PATIENCE, self.push(letter)).await.map_err(full)
    }

    async fn push(&self, letter: Letter) {
        loop {
            // Asked for before looking, so that what is taken in between is not missed.
            let taken = self.taken.notified();
            {
                let mut ready = self.ready.lock();
                if ready.len() < self.max_length {
                    ready.push_back(letter);
                    self.arrived.notify_one();
                    return;
                }
            }
            taken.await;
        }
    }

    /// Takes the first letter, when there is one, for somebody who has a place for it.
    pub async fn take(self: &Arc<Queue>, place: Option<OwnedSemaphorePermit>) -> Arc<Delivery> {
        loop {
            let arrived = self.arrived.notified();
            let (letter, is_more) = {
                let mut ready = self.ready.lock();
                let letter = ready.pop_front();
                if letter.is_some() {
                    self.unsettled.fetch_add(1, Ordering::Relaxed);
                }
                (letter, !ready.is_empty())
            };
            if let Some(letter) = letter {
                self.taken.notify_one();
                if is_more {
                    // One notice may stand for several letters.
                    self.arrived.notify_one();
                }
                let state = Mutex::new(State::Open { _place: place });
                return Arc::new(Delivery { queue: Arc::clone(self), letter, state });
            }
            arrived.await;
        }
    }

    /// A letter comes back: it goes to the end of the queue, whose length does not matter then, or to where it ends.
    fn give_back(&self, mut letter: Letter) {
        letter.returns += 1;
        let queue = match &self.dead_end {
            Some(end) if letter.returns >= end.attempts => {
                letter.returns = 0;
                &end.queue
            }
            _ => self,
        };
        queue.ready.lock().push_back(letter);
        queue.arrived.notify_one();
    }

    /// A letter comes back that nobody has looked at: it is the first again.
    fn put_back(&self, letter: Letter) {
        self.ready.lock().push_front(letter);
        self.arrived.notify_one();
    }

    /// A consumer has come.
    pub fn enter(&self) {
        self.consumers.fetch_add(1, Ordering::Relaxed);
    }

    /// A consumer has gone.
    pub fn leave(&self) {
        self.consumers.fetch_sub(1, Ordering::Relaxed);
    }

    /// What `queue.info` tells.
    pub fn info(&self) -> Data {
        let ready = self.ready.lock().len();
        let count = |n: usize| Data::Integer(n as i64);
        Data::from([
            ("message_count", count(ready + self.unsettled.load(Ordering::Relaxed))),
            ("ready", count(ready)),
            ("consumer_count", count(self.consumers.load(Ordering::Relaxed))),
        ])
    }
}

/// How far a delivery has come.
enum State {
    /// It keeps its place.
    Open {
        _place: Option<OwnedSemaphorePermit>,
    },
    Settled,
    /// Its handler has ended.
    Over,
}

/// A letter that was taken.
pub struct Delivery {
    queue: Arc<Queue>,
    /// The letter.
    pub letter: Letter,
    state: Mutex<State>,
}

impl Delivery {
    /// Settles it on behalf of its handler.
    ///
    /// # Errors
    /// `Invalid` if it is settled, or its handler has ended.
    pub fn settle(&self, well: bool) -> Result<(), ErrorData> {
        let mut state = self.state.lock();
        match *state {
            State::Open { .. } => {
                let place = std::mem::replace(&mut *state, State::Settled);
                drop(state);
                self.finish(well);
                drop(place);
                Ok(())
            }
            State::Settled => Err(ErrorData::judged(INVALID, "the message is settled already", false)),
            State::Over => Err(ErrorData::judged(INVALID, "the handler of the message has ended", false)),
        }
    }

    /// Its handler has ended, well or not.
    pub fn end(&self, well: bool) {
        let before = std::mem::replace(&mut *self.state.lock(), State::Over);
        if matches!(before, State::Open { .. }) {
            self.finish(well);
        }
    }

    /// Nobody will handle it, and nobody has begun to.
    pub fn decline(&self) {
        let before = std::mem::replace(&mut *self.state.lock(), State::Over);
        if matches!(before, State::Open { .. }) {
            self.queue.unsettled.fetch_sub(1, Ordering::Relaxed);
            self.queue.put_back(self.letter.clone());
        }
    }

    fn finish(&self, well: bool) {
        self.queue.unsettled.fetch_sub(1, Ordering::Relaxed);
        if !well {
            self.queue.give_back(self.letter.clone());
        }
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        self.end(false);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn letter(id: &str) -> Letter {
        Letter::new(id.into(), Vec::new(), Data::Nil)
    }

    fn on_runtime<T>(work: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime").block_on(work)
    }

    #[test]
    fn what_is_not_settled_well_comes_back_and_ends_elsewhere() {
        on_runtime(async {
            let dead = Queue::new(1, None);
            let queue = Queue::new(10, Some(DeadEnd { queue: Arc::clone(&dead), attempts: 3 }));
            for id in ["a", "b"] {
                Arc::clone(&queue).publish(letter(id)).await.expect("there is room");
            }
            let first = queue.take(None).await;
            assert_eq!(first.letter.id, "a");
            first.settle(false).expect("it is open");
            assert!(first.settle(true).is_err());
            let second = queue.take(None).await;
            second.end(true);
            assert!(second.settle(true).is_err(), "its handler has ended");
            let again = queue.take(None).await;
            assert_eq!(again.letter.id, "a", "b was settled well");
            drop(again);
            queue.take(None).await.end(false);
            assert_eq!(dead.take(None).await.letter.id, "a");
            assert_eq!(queue.info().get("message_count"), Some(&Data::Integer(0)));
        });
    }

    #[test]
    fn what_nobody_has_looked_at_is_the_first_again_and_settling_makes_place() {
        on_runtime(async {
            let queue = Queue::new(10, Some(DeadEnd { queue: Queue::new(1, None), attempts: 1 }));
            for id in ["a", "b"] {
                Arc::clone(&queue).publish(letter(id)).await.expect("there is room");
            }
            let places = Arc::new(tokio::sync::Semaphore::new(2));
            let place = || Some(Arc::clone(&places).try_acquire_owned().expect("there is a place"));
            let (first, second) = (queue.take(place()).await, queue.take(place()).await);
            assert_eq!(places.available_permits(), 0);
            second.decline();
            first.decline();
            assert_eq!(places.available_permits(), 2);
            let first = queue.take(place()).await;
            assert_eq!(first.letter.id, "a");
            first.settle(true).expect("it is open");
            assert_eq!(places.available_permits(), 2, "though the delivery lives");
            first.decline();
            assert_eq!(queue.take(None).await.letter.id, "b");
            assert_eq!(queue.info().get("message_count"), Some(&Data::Integer(0)));
        });
    }

    #[test]
    fn who_publishes_waits_for_room() {
        on_runtime(async {
            let queue = Queue::new(1, None);
            Arc::clone(&queue).publish(letter("a")).await.expect("there is room");
            let second = tokio::spawn(Arc::clone(&queue).publish(letter("b")));
            tokio::task::yield_now().await;
            assert!(!second.is_finished());
            queue.take(None).await.end(true);
            second.await.expect("no panic").expect("there is room now");
            assert_eq!(queue.take(None).await.letter.id, "b");
        });
    }
}
