//! Shared channels that hold each other: counting references never frees those that only values in channels refer to, such as
//! a channel that was sent through itself.
//!
//! Whoever drops a reference to a channel with channels in it makes it a *suspect*. Suspects are looked into later, where
//! no channel is locked: those that nobody but channels refers to, all of which are such themselves, are emptied, which
//! frees them. The search is bounded: what hangs together with very much else stays.

use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::shared_channel::{Locked, SharedChannel};

/// Channels, and values in them, that one search looks at.
const MAX_CHANNELS: usize = 64;
const MAX_VALUES: usize = 4096;

/// A reference to a shared channel, from a handle or a value on its way.
#[derive(Clone, Debug)]
pub struct Reference(Arc<SharedChannel>);

impl Reference {
    /// Counts one more reference.
    pub fn new(channel: Arc<SharedChannel>) -> Reference {
        Reference(channel)
    }

    /// The channel, of which the caller knows what is in it.
    pub fn into_channel(self) -> Arc<SharedChannel> {
        let this = ManuallyDrop::new(self);
        // SAFETY: it is not dropped, so the reference is moved out once.
        unsafe { ptr::read(&this.0) }
    }
}

impl Deref for Reference {
    type Target = Arc<SharedChannel>;

    fn deref(&self) -> &Arc<SharedChannel> {
        &self.0
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        if self.0.may_hold_channels() {
            // Looked into when this reference is gone.
            SUSPECTS.lock().push(Arc::downgrade(&self.0));
            SUSPICION.store(true, Ordering::Relaxed);
        }
    }
}

static SUSPECTS: Mutex<Vec<Weak<SharedChannel>>> = Mutex::new(Vec::new());

/// Whether there are any.
static SUSPICION: AtomicBool = AtomicBool::new(false);

/// Held while suspects are looked into: the references of one search would look to another like somebody's.
static SEARCH: Mutex<()> = Mutex::new(());

/// Looks into the suspects, unless another thread is at it. The caller has no channel locked.
pub fn clear() {
    if SUSPICION.load(Ordering::Relaxed)
        && let Some(_search) = SEARCH.try_lock()
    {
        SUSPICION.store(false, Ordering::Relaxed);
        let suspects = std::mem::take(&mut *SUSPECTS.lock());
        suspects.iter().filter_map(Weak::upgrade).for_each(look_into);
    }
}

/// Empties the channels that hang together with `suspect` and that nothing else leads to.
fn look_into(suspect: Arc<SharedChannel>) {
    let Some(members) = reachable(suspect) else { return };
    // While all are locked, no reference gets into one of them, or out of it.
    let mut locked = Locked::lock(members.iter());
    let mut inner = vec![0; members.len()];
    let mut leads_to = vec![Vec::new(); members.len()];
    for (member, leads_to) in members.iter().zip(&mut leads_to) {
        for channel in locked.get(member).channels() {
            if let Some(target) = members.iter().position(|other| Arc::ptr_eq(other, channel)) {
                inner[target] += 1;
                leads_to.push(target);
            }
        }
    }
    // One reference is that in `members`.
    let is_known_elsewhere = |at: usize| Arc::strong_count(&members[at]) > inner[at] + 1;
    let mut open: Vec<usize> = (0..members.len()).filter(|at| is_known_elsewhere(*at)).collect();
    let mut alive = vec![false; members.len()];
    while let Some(at) = open.pop() {
        if !std::mem::replace(&mut alive[at], true) {
            open.extend(&leads_to[at]);
        }
    }
    let lost = members.iter().zip(&alive).filter(|(_, alive)| !**alive);
    let contents: Vec<_> = lost.map(|(member, _)| locked.get(member).take_parcels()).collect();
    drop(locked);
    drop(contents);
}

/// The channels that values in channels lead to, from `first` on; `None` if they are too many.
fn reachable(first: Arc<SharedChannel>) -> Option<Vec<Arc<SharedChannel>>> {
    let (mut members, mut next, mut values) = (vec![first], 0, 0);
    while next < members.len() {
        let member = Arc::clone(&members[next]);
        let mut locked = Locked::lock(std::iter::once(&member));
        let core = locked.get(&member);
        values += core.parcel_count();
        if values > MAX_VALUES {
            return None;
        }
        for channel in core.channels() {
            if !members.iter().any(|other| Arc::ptr_eq(other, channel)) {
                if members.len() == MAX_CHANNELS {
                    return None;
                }
                members.push(Arc::clone(channel));
            }
        }
        next += 1;
    }
    Some(members)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::thread;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::runtime::transfer::Parcel;

    fn channel() -> Reference {
        let channel = Reference::new(Arc::new(SharedChannel::placeholder()));
        channel.set_capacity(10);
        channel
    }

    fn put(channel: &Reference, value: &Reference) {
        channel.put(Parcel::of_channel(value.clone()));
    }

    /// Other tests have workers, which look into suspects too: one of them may be at it.
    fn clear_until(is_done: impl Fn() -> bool) {
        let end = Instant::now() + Duration::from_secs(20);
        while !is_done() && Instant::now() < end {
            clear();
            thread::yield_now();
        }
        assert!(is_done());
    }

    #[test]
    fn what_only_channels_refer_to_is_freed() {
        let (alone, one, two) = (channel(), channel(), channel());
        let weak = [Arc::downgrade(&alone), Arc::downgrade(&one), Arc::downgrade(&two)];
        put(&alone, &alone);
        put(&one, &two);
        put(&two, &one);
        put(&two, &alone);
        let freed = || weak.each_ref().map(|channel| channel.upgrade().is_none());
        drop(alone);
        drop(one);
        clear();
        assert_eq!(freed(), [false; 3], "two is still known");
        drop(two);
        clear_until(|| freed() == [true; 3]);
    }

    #[test]
    fn what_is_known_keeps_what_is_in_it() {
        let (outer, inner) = (channel(), channel());
        let weak = Arc::downgrade(&inner);
        put(&outer, &inner);
        put(&inner, &inner);
        drop(inner);
        clear();
        assert!(weak.upgrade().is_some());
        drop(outer);
        clear_until(|| weak.upgrade().is_none());
    }
}
