//! Process groups (`runtime.md` §6.6): processes under the name of a group, within a scope, and who watches them come and
//! go.
//!
//! Everything is behind one lock. Those who watch are told while it is held, so that what they learn agrees with the
//! snapshot they began with.

use std::sync::Arc;

use hashbrown::HashMap;
use parking_lot::Mutex;

use super::bus::{Subscriber, SubscriptionId};
use super::core::RuntimeCore;
use super::data::Data;
use super::pid::Pid;
use super::transfer::Parcel;

/// What an event says of itself.
const SYSTEM: &str = "pg";
const JOINED: &str = "member.joined";
const LEFT: &str = "member.left";

/// A group that a process has joined.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Membership {
    /// The id of the scope.
    pub scope: Arc<str>,
    /// The name.
    pub group: Box<[u8]>,
}

#[derive(Default)]
struct Scope {
    groups: HashMap<Box<[u8]>, Group>,
    watchers: Vec<Subscriber>,
}

#[derive(Default)]
struct Group {
    /// With the number of times each has joined; in order of joining.
    members: Vec<(Pid, usize)>,
    watchers: Vec<Subscriber>,
}

/// See the module header.
#[derive(Default)]
pub struct Groups(Mutex<HashMap<Arc<str>, Scope>>);

impl Scope {
    fn tell(&self, core: &Arc<RuntimeCore>, group: &[u8], kind: &str, pid: Pid) {
        let watchers = self.groups.get(group).map_or(&[][..], |group| &group.watchers);
        if watchers.is_empty() && self.watchers.is_empty() {
            return;
        }
        let event = event(core, group, kind, pid);
        watchers.iter().chain(&self.watchers).for_each(|watcher| watcher.tell(&event));
    }

    /// Takes `times` joinings of a process back; how many there were.
    fn leave(&mut self, core: &Arc<RuntimeCore>, group: &[u8], pid: Pid, times: usize) -> usize {
        let Some(known) = self.groups.get_mut(group) else { return 0 };
        let Some(at) = known.members.iter().position(|(member, _)| *member == pid) else { return 0 };
        let left = known.members[at].1.min(times);
        known.members[at].1 -= left;
        if known.members[at].1 == 0 {
            known.members.remove(at);
        }
        (0..left).for_each(|_| self.tell(core, group, LEFT, pid));
        self.groups.retain(|_, group| !group.members.is_empty() || !group.watchers.is_empty());
        left
    }
}

fn event(core: &Arc<RuntimeCore>, group: &[u8], kind: &str, pid: Pid) -> Parcel {
    let pids = Data::from(vec![core.hosts.show(pid)]);
    let data = Data::from([("Group", Data::from(group)), ("PIDs", pids)]);
    let fields = [("system", SYSTEM.into()), ("kind", kind.into()), ("path", group.into()), ("data", data)];
    // A process whose memory is limited to less than this event takes cannot have asked for it.
    Data::pack(core, &[Data::from(fields)]).unwrap_or_default()
}

impl Groups {
    /// Adds a process to a group.
    pub fn join(&self, core: &Arc<RuntimeCore>, place: &Membership, pid: Pid) {
        let mut scopes = self.0.lock();
        let scope = scopes.entry(Arc::clone(&place.scope)).or_default();
        let group = scope.groups.entry(place.group.clone()).or_default();
        match group.members.iter_mut().find(|(member, _)| *member == pid) {
            Some((_, times)) => *times += 1,
            None => group.members.push((pid, 1)),
        }
        scope.tell(core, &place.group, JOINED, pid);
    }

    /// Takes one joining back. `false` if the process is not in the group.
    pub fn leave(&self, core: &Arc<RuntimeCore>, place: &Membership, pid: Pid) -> bool {
        let mut scopes = self.0.lock();
        scopes.get_mut(&place.scope).is_some_and(|scope| scope.leave(core, &place.group, pid, 1) > 0)
    }

    /// A process has ended: it leaves its groups.
    pub fn forget(&self, core: &Arc<RuntimeCore>, pid: Pid, memberships: &[Membership]) {
        if memberships.is_empty() {
            return;
        }
        let mut scopes = self.0.lock();
        for place in memberships {
            if let Some(scope) = scopes.get_mut(&place.scope) {
                scope.leave(core, &place.group, pid, usize::MAX);
            }
        }
    }

    /// The members of a group, each once.
    pub fn members(&self, scope: &str, group: &[u8]) -> Vec<Pid> {
        self.0.lock().get(scope).map_or(Vec::new(), |scope| scope.members(group))
    }

    /// The names of the groups that have members, in order.
    pub fn names(&self, scope: &str) -> Vec<Box<[u8]>> {
        let scopes = self.0.lock();
        let groups = scopes.get(scope).into_iter().flat_map(|scope| &scope.groups);
        let mut names: Vec<_> =
            groups.filter(|(_, group)| !group.members.is_empty()).map(|(name, _)| name.clone()).collect();
        names.sort_unstable();
        names
    }

    /// Watches one group; its members at this moment.
    pub fn watch(&self, place: &Membership, watcher: Subscriber) -> Vec<Pid> {
        let mut scopes = self.0.lock();
        let scope = scopes.entry(Arc::clone(&place.scope)).or_default();
        scope.groups.entry(place.group.clone()).or_default().watchers.push(watcher);
        scope.members(&place.group)
    }

    /// Watches all groups of a scope; their members at this moment.
    pub fn watch_all(&self, scope: &Arc<str>, watcher: Subscriber) -> Vec<(Box<[u8]>, Vec<Pid>)> {
        let mut scopes = self.0.lock();
        let scope = scopes.entry(Arc::clone(scope)).or_default();
        scope.watchers.push(watcher);
        let groups = scope.groups.iter().filter(|(_, group)| !group.members.is_empty());
        groups.map(|(name, _)| (name.clone(), scope.members(name))).collect()
    }

    /// Ends subscriptions.
    pub fn unsubscribe(&self, ids: &[SubscriptionId]) {
        if ids.is_empty() {
            return;
        }
        for scope in self.0.lock().values_mut() {
            scope.watchers.retain(|watcher| !ids.contains(&watcher.id));
            scope.groups.values_mut().for_each(|group| group.watchers.retain(|watcher| !ids.contains(&watcher.id)));
            scope.groups.retain(|_, group| !group.members.is_empty() || !group.watchers.is_empty());
        }
    }
}

impl Scope {
    fn members(&self, group: &[u8]) -> Vec<Pid> {
        self.groups.get(group).map_or(Vec::new(), |group| group.members.iter().map(|(member, _)| *member).collect())
    }
}
