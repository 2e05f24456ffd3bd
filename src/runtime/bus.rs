//! The event bus (`runtime.md` §6.5): events go to all processes that have subscribed to their system and kind.
//!
//! A subscription has a number, and a topic made from it on which its process listens. Publishing posts the event to that
//! topic of each subscriber; nothing is kept for later ones.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use hashbrown::HashMap;
use parking_lot::RwLock;

use super::mail::{Mail, Message};
use super::pid::NOBODY;
use super::process::Process;
use super::sparse::shrink_map;
use super::transfer::{Parcel, Text};

/// Names a subscription; never used twice by one runtime.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SubscriptionId(u64);

impl SubscriptionId {
    /// A number that was never used.
    pub fn next() -> SubscriptionId {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        SubscriptionId(NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// The topic on which its process listens.
    pub fn topic(self) -> Text {
        Text::from_bytes(format!("@sub/{:x}", self.0).as_bytes())
    }
}

/// Somebody to be told.
pub struct Subscriber {
    /// Of its subscription.
    pub id: SubscriptionId,
    /// Which process.
    pub process: Weak<Process>,
}

impl Subscriber {
    /// Posts an event.
    pub fn tell(&self, event: &Parcel) {
        if let Some(process) = self.process.upgrade() {
            let message = Message { from: NOBODY, topic: self.id.topic(), payload: event.clone() };
            // A process that ends at the same time does not care any more.
            let _ = process.post(Mail::Message(message));
        }
    }
}

/// Which names are wanted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Pattern {
    /// This one.
    Exactly(Box<[u8]>),
    /// All that begin so.
    Prefix(Box<[u8]>),
}

impl Pattern {
    /// Reads a pattern: a name, or the beginning of names with a `*` behind it.
    pub fn parse(text: &[u8]) -> Pattern {
        match text.strip_suffix(b"*") {
            Some(prefix) => Pattern::Prefix(prefix.into()),
            None => Pattern::Exactly(text.into()),
        }
    }

    fn accepts(&self, name: &[u8]) -> bool {
        match self {
            Pattern::Exactly(wanted) => **wanted == *name,
            Pattern::Prefix(prefix) => name.starts_with(prefix),
        }
    }
}

struct Subscription {
    process: Weak<Process>,
    system: Pattern,
    kind: Pattern,
}

/// See the module header.
#[derive(Default)]
pub struct Bus(RwLock<HashMap<SubscriptionId, Subscription>>);

impl Bus {
    /// Adds a subscription.
    pub fn subscribe(&self, subscriber: Subscriber, system: Pattern, kind: Pattern) {
        let Subscriber { id, process } = subscriber;
        self.0.write().insert(id, Subscription { process, system, kind });
    }

    /// Ends subscriptions.
    pub fn unsubscribe(&self, ids: &[SubscriptionId]) {
        if ids.is_empty() {
            return;
        }
        let mut subscriptions = self.0.write();
        ids.iter().for_each(|id| drop(subscriptions.remove(id)));
        shrink_map(&mut subscriptions);
    }

    /// Tells all who want to know; `event` is made only if somebody does.
    pub fn publish(&self, system: &[u8], kind: &[u8], event: impl FnOnce() -> Parcel) {
        let wanted: Vec<Subscriber> = {
            let subscriptions = self.0.read();
            let wanted = subscriptions.iter().filter(|(_, one)| one.system.accepts(system) && one.kind.accepts(kind));
            wanted.map(|(id, one)| Subscriber { id: *id, process: one.process.clone() }).collect()
        };
        if wanted.is_empty() {
            return;
        }
        let event = event();
        wanted.iter().for_each(|subscriber| subscriber.tell(&event));
    }

    /// The number of subscriptions.
    pub fn len(&self) -> usize {
        self.0.read().len()
    }

    /// Whether there is no subscription.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Whoever holds a process and wants it told.
impl From<(SubscriptionId, &Arc<Process>)> for Subscriber {
    fn from((id, process): (SubscriptionId, &Arc<Process>)) -> Subscriber {
        Subscriber { id, process: Arc::downgrade(process) }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, name, accepted) in [
            ("orders", "orders", true),
            ("orders", "orders.new", false),
            ("orders.*", "orders.new", true),
            ("orders.*", "orders", false),
            ("*", "", true),
            ("*", "anything", true),
        ] {
            assert_eq!(Pattern::parse(pattern.as_bytes()).accepts(name.as_bytes()), accepted, "{pattern} {name}");
        }
    }
}
