//! What a process holds of the outside world. At its end it is given back, what was acquired last first.
//!
//! The record holds weak references: an object that the collector has freed has given back what it held when it was
//! dropped, and is forgotten here when the record has doubled.

use std::sync::{Arc, Weak};

/// Something acquired that has to be given back.
pub trait Release: Send + Sync {
    /// Gives it back. Must not wait; may be called again, and then does nothing.
    fn release(&self);
}

/// The record of a process.
#[derive(Default)]
pub struct Held {
    list: Vec<Weak<dyn Release>>,
    /// From this length on it is looked through for what is gone.
    limit: usize,
}

/// The record is never looked through below this length.
const SMALL: usize = 16;

impl Held {
    /// Notes something acquired just now.
    pub fn add<T: Release + 'static>(&mut self, what: &Arc<T>) {
        if self.list.len() >= self.limit {
            self.list.retain(|held| held.strong_count() > 0);
            self.limit = (2 * self.list.len()).max(SMALL);
        }
        let weak = Arc::downgrade(what);
        self.list.push(weak);
    }

    /// Gives everything back.
    pub fn release(&mut self) {
        while let Some(held) = self.list.pop() {
            if let Some(held) = held.upgrade() {
                held.release();
            }
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use parking_lot::Mutex;

    struct Noted(usize, Arc<Mutex<Vec<usize>>>);

    impl Release for Noted {
        fn release(&self) {
            self.1.lock().push(self.0);
        }
    }

    #[test]
    fn what_came_last_goes_first_and_what_is_gone_is_forgotten() {
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut held = Held::default();
        let noted: Vec<_> = (0..100).map(|i| Arc::new(Noted(i, Arc::clone(&order)))).collect();
        for (i, what) in noted.iter().enumerate() {
            held.add(what);
            held.add(&Arc::new(Noted(1000 + i, Arc::clone(&order))));
        }
        assert!(held.list.len() < 200, "dropped objects are forgotten");
        held.release();
        assert_eq!(*order.lock(), (0..100).rev().collect::<Vec<_>>());
        held.release();
        assert_eq!(order.lock().len(), 100);
    }
}
