//! Timers: a hierarchical wheel, and the thread that turns it.
//!
//! # The wheel
//!
//! Time is cut into ticks of 2¹⁸ ns (0.26 ms). Level 0 has one slot for each of the next 64 ticks, level 1 one for each
//! 64 × 64, and so on; eight levels cover every 64-bit nanosecond, so no deadline is out of range. A timer lives at the
//! level of the highest base-64 digit in which its tick differs from the wheel's. When the wheel's time enters a slot of
//! a higher level, the timers in it move down: each moves at most seven times in its life. Insert and cancel are O(1);
//! finding the next slot is one bit scan per level.
//!
//! Timers are nodes of a slab, linked into their slot by index. A key carries the generation of its node, so that the key
//! of a timer that fired or was cancelled never reaches a successor in the same node. When few of many nodes are left in
//! use, the slab gives the free ones at its end back; nodes made later begin with a generation that none of those had.
//!
//! Invariants:
//! * A pending timer's tick is greater than `elapsed`, or it is in the `due` list.
//! * All timers at level L agree with `elapsed` in every digit above L and exceed it in digit L: hence the first occupied
//!   level holds the earliest timer, and its first occupied slot is the next to look at.
//! * `occupied[L]` has bit S set exactly if list (L, S) is not empty.
//!
//! # Precision
//!
//! A deadline is rounded *up* to a tick and the present *down*, so nothing fires early; the price is up to one tick of
//! lateness. Timers that fire in one tick come out by deadline, then in order of insertion.
//!
//! # The thread
//!
//! [`TimerService`] sleeps on a condition variable until the wheel's next slot and runs a callback for each timer that
//! fired, outside its lock. A worker is never delayed by it. Started by the first insert.

use super::driver::{Driver, Moment};
use crate::vm::pool;
use parking_lot::{Condvar, Mutex};
use std::{
    sync::Arc,
    thread::{self, JoinHandle},
};

const TICK_SHIFT: u32 = 18;
const DIGIT_BITS: u32 = 6;
const SLOTS: usize = 1 << DIGIT_BITS;
const LEVELS: usize = 8;
/// The list of timers that were due when they were inserted; the lists of the slots come before it.
const DUE: u16 = (LEVELS * SLOTS) as u16;
/// So many timers the memory is kept for, once it was needed.
const KEPT: usize = 1024;
/// The end of a list, and the mark of a node in no list.
const NIL: u32 = u32::MAX;

/// Names one inserted timer, for [`Wheel::cancel`]. Never names another one later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimerKey {
    node: u32,
    generation: u32,
}

struct Node<E> {
    /// Present exactly while the timer is pending.
    entry: Option<E>,
    deadline: Moment,
    generation: u32,
    /// Which list holds the node: level × 64 + slot, or [`DUE`].
    home: u16,
    previous: u32,
    /// Next in the list, or in the free list.
    next: u32,
}

#[derive(Clone, Copy)]
struct List {
    first: u32,
    last: u32,
}

const EMPTY: List = List { first: NIL, last: NIL };

/// The timer wheel: pure data, driven by the moments its caller passes in. See the module header.
pub struct Wheel<E> {
    /// The tick up to which everything has fired.
    elapsed: u64,
    occupied: [u64; LEVELS],
    lists: Box<[List; DUE as usize + 1]>,
    nodes: Vec<Node<E>>,
    free: u32,
    pending: usize,
    /// With fewer pending timers than this, the slab is worth a look at what it could give back.
    sparse: usize,
    /// The generation of a new node.
    generation: u32,
    /// Reused by [`advance`](Self::advance) to order the timers of one tick.
    firing: Vec<(Moment, u32)>,
}

/// The first tick that does not begin before `deadline`.
fn tick_at_or_after(deadline: Moment) -> u64 {
    deadline.0.div_ceil(1 << TICK_SHIFT)
}

impl<E> Wheel<E> {
    /// An empty wheel whose time begins at `now`.
    pub fn new(now: Moment) -> Self {
        Wheel {
            elapsed: now.0 >> TICK_SHIFT,
            occupied: [0; LEVELS],
            lists: Box::new([EMPTY; DUE as usize + 1]),
            nodes: Vec::new(),
            free: NIL,
            pending: 0,
            sparse: 0,
            generation: 0,
            firing: Vec::new(),
        }
    }

    /// The number of timers that have neither fired nor been cancelled.
    pub fn len(&self) -> usize {
        self.pending
    }

    /// Whether no timer is pending.
    pub fn is_empty(&self) -> bool {
        self.pending == 0
    }

    /// Sets a timer: `entry` comes out of the first [`advance`](Self::advance) to `deadline` or later. A deadline in the
    /// past means the next `advance`.
    pub fn insert(&mut self, deadline: Moment, entry: E) -> TimerKey {
        let index = self.free;
        let node = if index == NIL {
            let generation = self.generation;
            let node = Node { entry: Some(entry), deadline, generation, home: DUE, previous: NIL, next: NIL };
            self.nodes.push(node);
            if self.nodes.len() > KEPT {
                self.sparse = self.nodes.len() / 4;
            }
            u32::try_from(self.nodes.len() - 1).expect("four billion timers do not fit into memory")
        } else {
            let node = &mut self.nodes[index as usize];
            self.free = node.next;
            (node.entry, node.deadline) = (Some(entry), deadline);
            index
        };
        self.pending += 1;
        self.place(node);
        TimerKey { node, generation: self.nodes[node as usize].generation }
    }

    /// Takes a timer back. `None` if it has fired or was cancelled before.
    pub fn cancel(&mut self, key: TimerKey) -> Option<E> {
        let node = self.nodes.get(key.node as usize)?;
        if node.generation != key.generation || node.entry.is_none() {
            return None;
        }
        self.unlink(key.node);
        Some(self.release(key.node))
    }

    /// The moment of the next call to [`advance`](Self::advance) that has something to do: the earliest deadline
    /// (rounded up to a tick) if it is near, else the moment when timers that are far off have to be sorted more finely.
    pub fn next_deadline(&self) -> Option<Moment> {
        if self.lists[DUE as usize].first != NIL {
            return Some(Moment(self.elapsed << TICK_SHIFT));
        }
        self.next_slot().map(|(tick, _)| Moment(tick.saturating_mul(1 << TICK_SHIFT)))
    }

    /// Moves time forward to `now` and appends the entries of all timers with a deadline up to then to `fired`, in
    /// order. Time does not go back: an earlier `now` only fires what was due at its insertion.
    pub fn advance(&mut self, now: Moment, fired: &mut Vec<E>) {
        self.fire(DUE, fired);
        // At the very end of time the last tick is never complete; count it as reached.
        let now = if now.0 == u64::MAX { tick_at_or_after(now) } else { now.0 >> TICK_SHIFT };
        while let Some((tick, home)) = self.next_slot().filter(|(tick, _)| *tick <= now) {
            self.elapsed = tick;
            if home < SLOTS as u16 {
                self.fire(home, fired);
            } else {
                self.cascade(home);
                // What was due exactly at the beginning of the slot.
                self.fire(DUE, fired);
            }
        }
        self.elapsed = self.elapsed.max(now);
    }

    /// The first tick of the next occupied slot, and the slot's list.
    fn next_slot(&self) -> Option<(u64, u16)> {
        let level = self.occupied.iter().position(|slots| *slots != 0)?;
        let slot = self.occupied[level].trailing_zeros();
        let shift = level as u32 * DIGIT_BITS;
        let above = self.elapsed >> (shift + DIGIT_BITS) << (shift + DIGIT_BITS);
        Some((above + (u64::from(slot) << shift), (level * SLOTS) as u16 + slot as u16))
    }

    /// Links a node into the list its deadline calls for.
    fn place(&mut self, index: u32) {
        let tick = tick_at_or_after(self.nodes[index as usize].deadline);
        let home = if tick <= self.elapsed {
            DUE
        } else {
            let level = (tick ^ self.elapsed).ilog2() / DIGIT_BITS;
            let slot = (tick >> (level * DIGIT_BITS)) % SLOTS as u64;
            self.occupied[level as usize] |= 1 << slot;
            (u64::from(level) * SLOTS as u64 + slot) as u16
        };
        let list = &mut self.lists[home as usize];
        let previous = std::mem::replace(&mut list.last, index);
        match previous {
            NIL => list.first = index,
            _ => self.nodes[previous as usize].next = index,
        }
        let node = &mut self.nodes[index as usize];
        (node.home, node.previous, node.next) = (home, previous, NIL);
    }

    fn unlink(&mut self, index: u32) {
        let Node { home, previous, next, .. } = self.nodes[index as usize];
        let list = &mut self.lists[home as usize];
        match previous {
            NIL => list.first = next,
            _ => self.nodes[previous as usize].next = next,
        }
        match next {
            NIL => list.last = previous,
            _ => self.nodes[next as usize].previous = previous,
        }
        if self.lists[home as usize].first == NIL {
            self.mark_empty(home);
        }
    }

    fn mark_empty(&mut self, home: u16) {
        if home != DUE {
            self.occupied[home as usize / SLOTS] &= !(1 << (home as usize % SLOTS));
        }
    }

    /// Empties a list; returns its first node.
    fn take_list(&mut self, home: u16) -> u32 {
        self.mark_empty(home);
        std::mem::replace(&mut self.lists[home as usize], EMPTY).first
    }

    /// Ends the life of a node that is in no list.
    fn release(&mut self, index: u32) -> E {
        let node = &mut self.nodes[index as usize];
        node.generation = node.generation.wrapping_add(1);
        node.next = std::mem::replace(&mut self.free, index);
        self.pending -= 1;
        let entry = node.entry.take().expect("a node in a list has an entry");
        if self.pending < self.sparse {
            self.give_back();
        }
        entry
    }

    /// Gives the free nodes at the end of the slab back. A node in use there keeps all before it; then the next look is
    /// taken when half as many are left, so that looking stays cheap.
    fn give_back(&mut self) {
        let used = self.nodes.iter().rposition(|node| node.entry.is_some()).map_or(0, |last| last + 1);
        let newest = self.nodes.drain(used..).map(|node| node.generation).max();
        self.generation = self.generation.max(newest.unwrap_or(0));
        self.nodes.shrink_to(2 * used);
        self.free = NIL;
        for (index, node) in self.nodes.iter_mut().enumerate().rev().filter(|(_, node)| node.entry.is_none()) {
            node.next = std::mem::replace(&mut self.free, index as u32);
        }
        self.sparse = if used > KEPT { (self.pending / 2).max(1) } else { 0 };
    }

    fn fire(&mut self, home: u16, fired: &mut Vec<E>) {
        let mut next = self.take_list(home);
        let mut firing = std::mem::take(&mut self.firing);
        while next != NIL {
            let node = &self.nodes[next as usize];
            firing.push((node.deadline, next));
            next = node.next;
        }
        firing.sort_by_key(|(deadline, _)| *deadline);
        fired.extend(firing.drain(..).map(|(_, node)| self.release(node)));
        firing.shrink_to(KEPT);
        self.firing = firing;
    }

    /// Sorts the timers of a slot that time has just entered into finer ones.
    fn cascade(&mut self, home: u16) {
        let mut next = self.take_list(home);
        while next != NIL {
            let node = next;
            next = self.nodes[node as usize].next;
            self.place(node);
        }
    }
}

/// A wheel that turns by itself. See the module header.
///
/// Dropping the service stops its thread; pending timers are dropped without firing.
pub struct TimerService<E: Send + 'static> {
    shared: Arc<Shared<E>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared<E> {
    driver: Arc<dyn Driver>,
    turning: Mutex<Turning<E>>,
    earlier_deadline: Condvar,
}

struct Turning<E> {
    wheel: Wheel<E>,
    /// The moment until which the thread sleeps, `None` while it works or sleeps without end.
    sleeping_until: Option<Moment>,
    callback: Option<Box<dyn FnMut(E) + Send>>,
    stopping: bool,
}

impl<E: Send + 'static> TimerService<E> {
    /// A service that calls `callback` for each timer that fires, one at a time and on its own thread. The callback may
    /// insert and cancel timers; it should only wake somebody, since all timers wait for it.
    pub fn new(driver: Arc<dyn Driver>, callback: impl FnMut(E) + Send + 'static) -> Self {
        let turning = Turning {
            wheel: Wheel::new(driver.now()),
            sleeping_until: None,
            callback: Some(Box::new(callback)),
            stopping: false,
        };
        let shared = Arc::new(Shared { driver, turning: Mutex::new(turning), earlier_deadline: Condvar::new() });
        TimerService { shared, thread: Mutex::new(None) }
    }

    /// Sets a timer. From any thread.
    ///
    /// # Panics
    ///
    /// If the operating system refuses the thread that the first timer starts.
    pub fn insert(&self, deadline: Moment, entry: E) -> TimerKey {
        let mut turning = self.shared.turning.lock();
        if let Some(callback) = turning.callback.take() {
            *self.thread.lock() = Some(self.start(callback));
        }
        let key = turning.wheel.insert(deadline, entry);
        if turning.sleeping_until.is_some_and(|until| deadline < until) {
            // One earlier timer wakes the thread; those that follow before it runs need not.
            turning.sleeping_until = None;
            self.shared.earlier_deadline.notify_one();
        }
        key
    }

    /// Takes a timer back. `None` if it fired (its callback may be running still) or was cancelled before; otherwise the
    /// callback is not called for it.
    pub fn cancel(&self, key: TimerKey) -> Option<E> {
        self.shared.turning.lock().wheel.cancel(key)
    }

    /// The number of pending timers.
    pub fn len(&self) -> usize {
        self.shared.turning.lock().wheel.len()
    }

    /// Whether no timer is pending.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn start(&self, callback: Box<dyn FnMut(E) + Send>) -> JoinHandle<()> {
        let shared = self.shared.clone();
        thread::Builder::new()
            .name("moonlet-timer".into())
            .spawn(move || shared.turn(callback))
            .expect("the operating system refused the timer thread")
    }
}

impl<E: Send + 'static> Drop for TimerService<E> {
    fn drop(&mut self) {
        self.shared.turning.lock().stopping = true;
        self.shared.earlier_deadline.notify_one();
        // The last owner may be dropped by a callback, on the thread itself.
        if let Some(thread) = self.thread.lock().take().filter(|t| t.thread().id() != thread::current().id()) {
            // A callback that panicked has ended the thread and was reported by the panic hook; nothing to add here.
            drop(thread.join());
        }
    }
}

impl<E> Shared<E> {
    /// The timer thread.
    fn turn(&self, mut callback: Box<dyn FnMut(E) + Send>) {
        let mut fired = Vec::new();
        let mut turning = self.turning.lock();
        while !turning.stopping {
            turning.wheel.advance(self.driver.now(), &mut fired);
            if !fired.is_empty() {
                turning.sleeping_until = None;
                drop(turning);
                fired.drain(..).for_each(&mut callback);
                fired.shrink_to(KEPT);
                pool::release();
                turning = self.turning.lock();
                continue;
            }
            match turning.wheel.next_deadline() {
                Some(next) => {
                    turning.sleeping_until = Some(next);
                    let delay = next.since(self.driver.now());
                    self.earlier_deadline.wait_for(&mut turning, delay);
                }
                None => {
                    turning.sleeping_until = Some(Moment(u64::MAX));
                    self.earlier_deadline.wait(&mut turning);
                }
            }
        }
    }
}

#[cfg(all(test, not(loom)))]
#[path = "timer_tests.rs"]
mod tests;
