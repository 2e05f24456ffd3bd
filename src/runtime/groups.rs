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
use super::sparse::shrink_map;
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
    watchers: HashMap<SubscriptionId, Subscriber>,
}

#[derive(Default)]
struct Group {
    members: HashMap<Pid, Member>,
    watchers: HashMap<SubscriptionId, Subscriber>,
    /// How many members there ever were.
    joined: u64,
}

struct Member {
    /// How many there were before it.
    rank: u64,
    /// How often it has joined.
    times: usize,
}

impl Group {
    /// In order of joining.
    fn members(&self) -> Vec<Pid> {
        let mut members: Vec<_> = self.members.iter().map(|(pid, member)| (member.rank, *pid)).collect();
        members.sort_unstable();
        members.into_iter().map(|(_, pid)| pid).collect()
    }
}

/// What a subscription is to: a group of a scope, or all of it.
type Watched = (Arc<str>, Option<Box<[u8]>>);

#[derive(Default)]
struct Everything {
    scopes: HashMap<Arc<str>, Scope>,
    watched: HashMap<SubscriptionId, Watched>,
}

/// See the module header.
#[derive(Default)]
pub struct Groups(Mutex<Everything>);

impl Scope {
    fn tell(&self, core: &Arc<RuntimeCore>, group: &[u8], kind: &str, pid: Pid) {
        let watchers = self.groups.get(group).map(|group| group.watchers.values()).into_iter().flatten();
        let mut watchers = watchers.chain(self.watchers.values()).peekable();
        if watchers.peek().is_none() {
            return;
        }
        let event = event(core, group, kind, pid);
        watchers.for_each(|watcher| watcher.tell(&event));
    }

    /// Takes `times` joinings of a process back; how many there were.
    fn leave(&mut self, core: &Arc<RuntimeCore>, group: &[u8], pid: Pid, times: usize) -> usize {
        let Some(known) = self.groups.get_mut(group) else { return 0 };
        let Some(member) = known.members.get_mut(&pid) else { return 0 };
        let left = member.times.min(times);
        member.times -= left;
        if member.times == 0 {
            known.members.remove(&pid);
            shrink_map(&mut known.members);
        }
        (0..left).for_each(|_| self.tell(core, group, LEFT, pid));
        self.forget_unused(group);
        left
    }

    /// Forgets a group without members that nobody watches.
    fn forget_unused(&mut self, group: &[u8]) {
        if self.groups.get(group).is_some_and(|group| group.members.is_empty() && group.watchers.is_empty()) {
            self.groups.remove(group);
            shrink_map(&mut self.groups);
        }
    }
}

fn event(core: &Arc<RuntimeCore>, group: &[u8], kind: &str, pid: Pid) -> Parcel {
    let pids = Data::from(vec![core.hosts.shown(pid)]);
    let data = Data::from([("Group", Data::from(group)), ("PIDs", pids)]);
    let fields = [("system", SYSTEM.into()), ("kind", kind.into()), ("path", group.into()), ("data", data)];
    // A process whose memory is limited to less than this event takes cannot have asked for it.
    Data::pack(core, &[Data::from(fields)]).unwrap_or_default()
}

impl Groups {
    /// Adds a process to a group.
    pub fn join(&self, core: &Arc<RuntimeCore>, place: &Membership, pid: Pid) {
        let scopes = &mut self.0.lock().scopes;
        let scope = scopes.entry(Arc::clone(&place.scope)).or_default();
        let group = scope.groups.entry(place.group.clone()).or_default();
        let rank = group.joined;
        group.members.entry(pid).or_insert(Member { rank, times: 0 }).times += 1;
        group.joined += 1;
        scope.tell(core, &place.group, JOINED, pid);
    }

    /// Takes one joining back. `false` if the process is not in the group.
    pub fn leave(&self, core: &Arc<RuntimeCore>, place: &Membership, pid: Pid) -> bool {
        let scopes = &mut self.0.lock().scopes;
        scopes.get_mut(&place.scope).is_some_and(|scope| scope.leave(core, &place.group, pid, 1) > 0)
    }

    /// A process has ended: it leaves its groups.
    pub fn forget(&self, core: &Arc<RuntimeCore>, pid: Pid, memberships: &[Membership]) {
        if memberships.is_empty() {
            return;
        }
        let scopes = &mut self.0.lock().scopes;
        for place in memberships {
            if let Some(scope) = scopes.get_mut(&place.scope) {
                scope.leave(core, &place.group, pid, usize::MAX);
            }
        }
    }

    /// The members of a group, each once.
    pub fn members(&self, scope: &str, group: &[u8]) -> Vec<Pid> {
        self.0.lock().scopes.get(scope).map_or(Vec::new(), |scope| scope.members(group))
    }

    /// The names of the groups that have members, in order.
    pub fn names(&self, scope: &str) -> Vec<Box<[u8]>> {
        let scopes = &self.0.lock().scopes;
        let groups = scopes.get(scope).into_iter().flat_map(|scope| &scope.groups);
        let mut names: Vec<_> =
            groups.filter(|(_, group)| !group.members.is_empty()).map(|(name, _)| name.clone()).collect();
        names.sort_unstable();
        names
    }

    /// Watches one group; its members at this moment.
    pub fn watch(&self, place: &Membership, watcher: Subscriber) -> Vec<Pid> {
        let Everything { scopes, watched } = &mut *self.0.lock();
        watched.insert(watcher.id, (Arc::clone(&place.scope), Some(place.group.clone())));
        let scope = scopes.entry(Arc::clone(&place.scope)).or_default();
        scope.groups.entry(place.group.clone()).or_default().watchers.insert(watcher.id, watcher);
        scope.members(&place.group)
    }

    /// Watches all groups of a scope; their members at this moment.
    pub fn watch_all(&self, scope: &Arc<str>, watcher: Subscriber) -> Vec<(Box<[u8]>, Vec<Pid>)> {
        let Everything { scopes, watched } = &mut *self.0.lock();
        watched.insert(watcher.id, (Arc::clone(scope), None));
        let scope = scopes.entry(Arc::clone(scope)).or_default();
        scope.watchers.insert(watcher.id, watcher);
        let groups = scope.groups.iter().filter(|(_, group)| !group.members.is_empty());
        groups.map(|(name, group)| (name.clone(), group.members())).collect()
    }

    /// Ends subscriptions; those to something else are none of its business.
    pub fn unsubscribe(&self, ids: &[SubscriptionId]) {
        if ids.is_empty() {
            return;
        }
        let Everything { scopes, watched } = &mut *self.0.lock();
        for id in ids {
            let Some((scope, group)) = watched.remove(id) else { continue };
            let Some(scope) = scopes.get_mut(&scope) else { continue };
            match group {
                None => drop(scope.watchers.remove(id)),
                Some(name) => {
                    if let Some(group) = scope.groups.get_mut(&name) {
                        group.watchers.remove(id);
                        scope.forget_unused(&name);
                    }
                }
            }
        }
        shrink_map(watched);
    }

    /// The numbers of groups, of subscriptions to them, and of memberships.
    pub fn counts(&self) -> [usize; 3] {
        let Everything { scopes, watched } = &*self.0.lock();
        let groups = || scopes.values().flat_map(|scope| scope.groups.values());
        [groups().count(), watched.len(), groups().map(|group| group.members.len()).sum()]
    }
}

impl Scope {
    fn members(&self, group: &[u8]) -> Vec<Pid> {
        self.groups.get(group).map_or(Vec::new(), Group::members)
    }
}
