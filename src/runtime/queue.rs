//! Mailboxes: an unbounded queue that any thread pushes to and one owner empties.
//!
//! The queue is a single word, the head of a singly linked list of what has arrived and was not yet fetched, newest
//! first. A push links a node in front of it; the owner takes the whole list with one exchange and turns it round. The
//! exchange makes the list private, so neither side ever looks into a node that the other may free, and because nodes
//! are only ever added in front or taken all at once there is no ABA problem.
//!
//! Invariants:
//! * The word is null (empty), the address of a [`Node`] that this queue owns, or [`closed()`].
//! * Closed is final.
//! * Pushes are totally ordered by their exchange on the word, hence in order per sender; a [`Batch`] yields that order.
//!
//! An empty queue is one word and no allocation: an idle process pays eight bytes for its mailbox.

use super::sync::{AtomicPtr, Ordering};
use crate::vm::pool::Pooled;
use std::{fmt, ops::Deref, ptr};

struct Node<T> {
    value: T,
    next: *mut Node<T>,
}

/// The word of a closed queue: an address no node can have.
fn closed<T>() -> *mut Node<T> {
    ptr::without_provenance_mut(usize::MAX)
}

/// The queue was closed; the value comes back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Closed<T>(pub T);

impl<T> fmt::Debug for Closed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Closed")
    }
}

/// A multi-producer queue emptied in batches. See the module header.
pub struct Queue<T> {
    head: AtomicPtr<Node<T>>,
}

// SAFETY: the queue owns the values in its nodes and hands each to one thread; it never gives out references to them.
unsafe impl<T: Send> Send for Queue<T> {}
// SAFETY: as above: through `&Queue` values are only moved in and out.
unsafe impl<T: Send> Sync for Queue<T> {}

impl<T> Queue<T> {
    /// An empty, open queue. Allocates nothing.
    pub fn new() -> Self {
        Queue { head: AtomicPtr::new(ptr::null_mut()) }
    }

    /// Appends `value`, or gives it back if the queue is closed.
    #[inline]
    pub fn push(&self, value: T) -> Result<(), Closed<T>> {
        let mut head = self.head.load(Ordering::Relaxed);
        if head == closed() {
            return Err(Closed(value));
        }
        let node = Pooled::new(Node { value, next: head }).into_raw();
        loop {
            match self.head.compare_exchange_weak(head, node, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return Ok(()),
                Err(now) if now == closed() => {
                    // SAFETY: the node was made above and not published.
                    return Err(Closed(unsafe { Pooled::from_raw(node) }.into_inner().value));
                }
                Err(now) => {
                    head = now;
                    // SAFETY: as above, the node is still ours alone.
                    unsafe { (*node).next = head };
                }
            }
        }
    }

    /// Takes everything that has arrived, oldest first. Meant for the owner: a second taker would get a share of the
    /// values, and with it a share of the order.
    pub fn take_all(&self) -> Batch<T> {
        let mut head = self.head.load(Ordering::Relaxed);
        // An exchange with an empty queue would only cost; with a closed one it would reopen it. Failing the exchange
        // below means a push or the close came in between.
        while !head.is_null() && head != closed() {
            match self.head.compare_exchange_weak(head, ptr::null_mut(), Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return Batch::from_newest_first(head),
                Err(now) => head = now,
            }
        }
        Batch { first: ptr::null_mut() }
    }

    /// Closes the queue for good and drops what it holds. Pushes from now on fail.
    pub fn close(&self) {
        let head = self.head.swap(closed(), Ordering::AcqRel);
        if head != closed() {
            drop(Batch::from_newest_first(head));
        }
    }

    /// Whether [`close`](Self::close) was called.
    pub fn is_closed(&self) -> bool {
        self.head.load(Ordering::Acquire) == closed()
    }

    /// Whether there is nothing to take at this moment.
    pub fn is_empty(&self) -> bool {
        let head = self.head.load(Ordering::Acquire);
        head.is_null() || head == closed()
    }
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Queue::new()
    }
}

impl<T> Drop for Queue<T> {
    fn drop(&mut self) {
        self.close();
    }
}

/// A value that was taken out of a [`Queue`], still where the sender has put it.
pub struct Envelope<T>(Pooled<Node<T>>);

impl<T> Envelope<T> {
    /// Moves the value out.
    #[inline]
    pub fn into_inner(self) -> T {
        self.0.into_inner().value
    }

    /// Moves a part of the value out, and forgets the rest of it.
    ///
    /// # Safety
    /// `part` gives the address of a part of the value, of which nothing else has to be dropped.
    #[inline]
    pub unsafe fn into_part<U>(self, part: impl FnOnce(&T) -> *const U) -> U {
        let node = self.0.into_uninit();
        // SAFETY: the node was not dropped; by contract.
        unsafe { part(&node.assume_init_ref().value).read() }
    }
}

impl<T> Deref for Envelope<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0.value
    }
}

/// Values taken out of a [`Queue`], in the order of their arrival. What is not iterated over is dropped with it.
pub struct Batch<T> {
    /// Oldest node; the list is ours alone.
    first: *mut Node<T>,
}

// SAFETY: a batch owns its nodes.
unsafe impl<T: Send> Send for Batch<T> {}

impl<T> Batch<T> {
    /// Turns a private newest-first list round.
    fn from_newest_first(mut newest: *mut Node<T>) -> Self {
        let mut first = ptr::null_mut();
        while !newest.is_null() {
            // SAFETY: the caller made the list private; its nodes are live and linked by `next`.
            let node = unsafe { &mut *newest };
            (newest, node.next, first) = (node.next, first, newest);
        }
        Batch { first }
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.first.is_null()
    }
}

impl<T> Iterator for Batch<T> {
    type Item = Envelope<T>;

    #[inline]
    fn next(&mut self) -> Option<Envelope<T>> {
        if self.first.is_null() {
            return None;
        }
        // SAFETY: non-null means a live node that this batch owns; it is unlinked before it can be reached again.
        let node = unsafe { Pooled::from_raw(self.first) };
        self.first = node.next;
        Some(Envelope(node))
    }
}

impl<T> Drop for Batch<T> {
    fn drop(&mut self) {
        self.for_each(drop);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    #[test]
    fn keeps_order_and_is_one_word() {
        let queue = Queue::new();
        assert_eq!(size_of_val(&queue), size_of::<usize>());
        assert!(queue.is_empty());
        for i in 0..5 {
            queue.push(i).unwrap();
        }
        assert!(!queue.is_empty());
        assert_eq!(queue.take_all().map(Envelope::into_inner).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
        assert!(queue.take_all().is_empty());
    }

    #[test]
    fn close_drops_contents_and_refuses() {
        let witness = Arc::new(());
        let queue = Queue::new();
        queue.push(witness.clone()).unwrap();
        queue.close();
        assert_eq!(Arc::strong_count(&witness), 1);
        assert!(queue.push(witness.clone()).is_err());
        assert!(queue.is_closed() && queue.is_empty());
        assert!(queue.take_all().is_empty());
        assert!(queue.is_closed(), "taking does not reopen");
        queue.close();
        assert_eq!(Arc::strong_count(&witness), 1);
    }

    #[test]
    fn dropping_half_a_batch_frees_the_rest() {
        let witness = Arc::new(());
        let queue = Queue::new();
        for _ in 0..3 {
            queue.push(witness.clone()).unwrap();
        }
        let mut batch = queue.take_all();
        drop(batch.next());
        queue.push(witness.clone()).unwrap();
        drop(batch);
        assert_eq!(Arc::strong_count(&witness), 2);
        drop(queue);
        assert_eq!(Arc::strong_count(&witness), 1);
    }

    #[test]
    fn stress_many_senders_each_in_order() {
        const SENDERS: usize = 4;
        const EACH: usize = 20_000;
        let queue = Queue::new();
        std::thread::scope(|scope| {
            for sender in 0..SENDERS {
                let queue = &queue;
                scope.spawn(move || (0..EACH).for_each(|i| queue.push((sender, i)).unwrap()));
            }
            let mut next = [0; SENDERS];
            while next.iter().sum::<usize>() < SENDERS * EACH {
                for (sender, i) in queue.take_all().map(Envelope::into_inner) {
                    assert_eq!(i, next[sender]);
                    next[sender] += 1;
                }
                std::thread::yield_now();
            }
        });
        assert!(queue.is_empty());
    }

    #[test]
    fn stress_close_against_push() {
        for _ in 0..200 {
            let (queue, refused, witness) = (Queue::new(), AtomicUsize::new(0), Arc::new(()));
            std::thread::scope(|scope| {
                for _ in 0..2 {
                    scope.spawn(|| {
                        for _ in 0..50 {
                            if queue.push(witness.clone()).is_err() {
                                refused.fetch_add(1, Ordering::Relaxed);
                            }
                        }
                    });
                }
                scope.spawn(|| queue.close());
            });
            assert!(queue.is_closed() && refused.load(Ordering::Relaxed) <= 100);
            assert_eq!(Arc::strong_count(&witness), 1, "nothing stays in a closed queue");
        }
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use super::*;
    use loom::{cell::UnsafeCell, sync::Arc, thread};

    /// A value whose reads and writes loom orders: a push that does not publish its contents is reported as a race.
    fn watched(number: usize) -> UnsafeCell<usize> {
        let cell = UnsafeCell::new(0);
        // SAFETY: the cell is local.
        cell.with_mut(|value| unsafe { *value = number });
        cell
    }

    fn read(cell: Envelope<UnsafeCell<usize>>) -> usize {
        // SAFETY: the cell was taken; loom checks that its write happened before.
        cell.into_inner().with(|value| unsafe { *value })
    }

    #[test]
    fn loom_two_senders_and_the_owner() {
        loom::model(|| {
            let queue = Arc::new(Queue::new());
            let senders = [10, 20].map(|base| {
                let queue = queue.clone();
                thread::spawn(move || {
                    queue.push(watched(base)).unwrap();
                    queue.push(watched(base + 1)).unwrap();
                })
            });
            let mut got: Vec<usize> = queue.take_all().map(read).collect();
            for sender in senders {
                sender.join().unwrap();
            }
            got.extend(queue.take_all().map(read));
            let of = |base| got.iter().copied().filter(|v| v / 10 * 10 == base).collect::<Vec<_>>();
            assert_eq!((of(10), of(20)), (vec![10, 11], vec![20, 21]));
        });
    }

    #[test]
    fn loom_close_against_push() {
        loom::model(|| {
            let (queue, witness) = (Arc::new(Queue::new()), Arc::new(()));
            let sender = thread::spawn({
                let (queue, witness) = (queue.clone(), witness.clone());
                move || queue.push(witness).is_ok()
            });
            queue.close();
            sender.join().unwrap();
            assert_eq!(Arc::strong_count(&witness), 1);
            assert!(queue.push(witness).is_err());
        });
    }
}
