//! What the supervisor tells of the entries that it looks after, for those who want to know.

use std::collections::BTreeMap;

use parking_lot::Mutex;

use super::driver::Driver;

/// The state of a supervised entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServiceState {
    /// Where it is in its life, in a word.
    pub status: &'static str,
    /// Where it is to be.
    pub desired: &'static str,
    /// Starts in the present unstable time but the first.
    pub retries: u32,
    /// What it failed with last.
    pub details: Box<str>,
}

/// A state with the times that go with it, in Unix seconds.
#[derive(Clone, Debug)]
pub struct Noted {
    /// The state.
    pub state: ServiceState,
    /// Since when it is like that.
    pub last_update: i64,
    /// Since when it runs, if it does.
    pub started_at: Option<i64>,
}

/// The states of all supervised entries.
#[derive(Default)]
pub struct Services(Mutex<BTreeMap<Box<str>, Noted>>);

/// The status of what runs.
pub const RUNNING: &str = "running";

impl Services {
    /// Notes the state of an entry.
    pub fn note(&self, id: &str, state: ServiceState, driver: &dyn Driver) {
        let mut all = self.0.lock();
        let known = all.get(id);
        if known.is_some_and(|known| known.state == state) {
            return;
        }
        let now = driver.wall_clock().seconds;
        let since = known.filter(|known| known.state.status == RUNNING).and_then(|known| known.started_at);
        let started_at = (state.status == RUNNING).then(|| since.unwrap_or(now));
        all.insert(id.into(), Noted { state, last_update: now, started_at });
    }

    /// An entry is looked after no more.
    pub fn forget(&self, id: &str) {
        self.0.lock().remove(id);
    }

    /// What is known of an entry.
    pub fn get(&self, id: &str) -> Option<Noted> {
        self.0.lock().get(id).cloned()
    }

    /// What is known of all, in the order of their ids.
    pub fn all(&self) -> Vec<(Box<str>, Noted)> {
        self.0.lock().iter().map(|(id, noted)| (id.clone(), noted.clone())).collect()
    }
}
