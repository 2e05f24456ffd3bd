//! What the end of a process concerns: who monitors it, who is linked to it (`runtime.md` §2.5, §2.6), its names, and
//! what a host wants done.
//!
//! A process that nobody watches and that has no name pays two words for it; one that is linked to a million others finds
//! each of them at once.
//!
//! House rule: where the relations of two processes are locked at a time, those of the lower number come first.

use std::cmp::Ordering;

use hashbrown::HashSet;
use parking_lot::MutexGuard;
use smallvec::SmallVec;

use super::mail::Outcome;
use super::pid::Pid;
use super::process::Process;
use super::sparse::shrink_set;
use crate::vm::pool::Pooled;

/// What is called with the outcome of a process.
pub type OnExit = Box<dyn FnOnce(Outcome) + Send>;

/// Why a process is told of the end of another.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Relation {
    /// It gets an EXIT event.
    Monitor,
    /// It gets a LINK_DOWN event, or fails, if the other one failed.
    Link,
}

/// Why a relation could not be set up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RelationError {
    /// The process has ended.
    Ended,
    /// There is one already.
    Exists,
}

/// Those who are told of an end.
pub enum Watchers {
    /// Searched from end to end.
    Few(SmallVec<[(Pid, Relation); 1]>),
    /// Searched by hash.
    Many(HashSet<(Pid, Relation)>),
}

/// More watchers than this are [`Watchers::Many`].
const FEW: usize = 8;

impl Default for Watchers {
    fn default() -> Watchers {
        Watchers::Few(SmallVec::new())
    }
}

impl Watchers {
    /// Whether there is nobody.
    pub fn is_empty(&self) -> bool {
        match self {
            Watchers::Few(list) => list.is_empty(),
            Watchers::Many(set) => set.is_empty(),
        }
    }

    /// Calls `f` with each.
    pub fn for_each(&self, mut f: impl FnMut(Pid, Relation)) {
        match self {
            Watchers::Few(list) => list.iter().for_each(|(pid, relation)| f(*pid, *relation)),
            Watchers::Many(set) => set.iter().for_each(|(pid, relation)| f(*pid, *relation)),
        }
    }

    /// `false` if it is there already.
    fn insert(&mut self, watcher: (Pid, Relation)) -> bool {
        match self {
            Watchers::Few(list) if list.contains(&watcher) => false,
            Watchers::Few(list) if list.len() < FEW => {
                list.push(watcher);
                true
            }
            Watchers::Few(list) => {
                *self = Watchers::Many(list.drain(..).chain([watcher]).collect());
                true
            }
            Watchers::Many(set) => set.insert(watcher),
        }
    }

    fn remove(&mut self, watcher: (Pid, Relation)) {
        match self {
            Watchers::Few(list) => list.retain(|other| *other != watcher),
            Watchers::Many(set) => {
                set.remove(&watcher);
                shrink_set(set);
            }
        }
    }
}

/// The relations of one process; see the module header.
#[derive(Default)]
pub struct Relations {
    /// From then on nobody can begin to watch.
    ended: bool,
    /// It knows that the runtime shuts down.
    asked: bool,
    ties: Option<Pooled<Ties>>,
}

/// What has to be done when the process ends.
#[derive(Default)]
pub struct Ties {
    /// Who is told.
    pub watchers: Watchers,
    /// The names to be released.
    pub names: HashSet<Box<[u8]>>,
    /// Called last.
    pub on_exit: Option<OnExit>,
}

impl Relations {
    fn ties(&mut self) -> &mut Ties {
        self.ties.get_or_insert_with(|| Pooled::new(Ties::default()))
    }

    /// Calls `then` with the outcome when the process ends. To be set before it can run.
    pub fn set_on_exit(&mut self, then: OnExit) {
        self.ties().on_exit = Some(then);
    }

    /// Lets `watcher` be told of the end.
    ///
    /// # Errors
    /// If the process has ended, or the relation exists already.
    pub fn watch(&mut self, watcher: Pid, relation: Relation) -> Result<(), RelationError> {
        if self.ended {
            return Err(RelationError::Ended);
        }
        if self.ties().watchers.insert((watcher, relation)) { Ok(()) } else { Err(RelationError::Exists) }
    }

    /// Takes a relation back.
    pub fn unwatch(&mut self, watcher: Pid, relation: Relation) {
        if let Some(ties) = &mut self.ties {
            ties.watchers.remove((watcher, relation));
        }
    }

    /// Notes a name of the process. `false` if it has ended.
    pub fn note_name(&mut self, name: &[u8]) -> bool {
        if !self.ended {
            self.ties().names.insert(name.into());
        }
        !self.ended
    }

    /// A name was taken from the process.
    pub fn forget_name(&mut self, name: &[u8]) {
        if let Some(ties) = &mut self.ties {
            ties.names.remove(name);
            shrink_set(&mut ties.names);
        }
    }

    /// Whether anybody wants to know the outcome.
    pub fn outcome_matters(&self) -> bool {
        self.ties.as_ref().is_some_and(|ties| ties.on_exit.is_some() || !ties.watchers.is_empty())
    }

    /// Whether the process has ended.
    pub fn have_ended(&self) -> bool {
        self.ended
    }

    /// Notes that the process is asked to end. `false` if it was before.
    pub fn note_asked(&mut self) -> bool {
        !std::mem::replace(&mut self.asked, true)
    }

    /// The process ends; what there is to do.
    pub fn end(&mut self) -> Ties {
        self.ended = true;
        self.ties.take().map(Pooled::into_inner).unwrap_or_default()
    }
}

/// Links two processes, or does nothing if they are linked, or one and the same. Both ends change together, so that a link
/// never points one way only.
///
/// # Errors
/// If one of them has ended.
pub fn link(one: &Process, other: &Process) -> Result<(), RelationError> {
    let Some((mut low, mut high)) = in_order(one, other) else { return Ok(()) };
    if low.1.have_ended() || high.1.have_ended() {
        return Err(RelationError::Ended);
    }
    for (mine, theirs) in [(&mut low.1, high.0), (&mut high.1, low.0)] {
        match mine.watch(theirs, Relation::Link) {
            Ok(()) | Err(RelationError::Exists) => {}
            Err(ended) => return Err(ended),
        }
    }
    Ok(())
}

/// Takes a link back, if there is one.
pub fn unlink(one: &Process, other: &Process) {
    if let Some((mut low, mut high)) = in_order(one, other) {
        low.1.unwatch(high.0, Relation::Link);
        high.1.unwatch(low.0, Relation::Link);
    }
}

/// A process and its relations, locked.
type End<'a> = (Pid, MutexGuard<'a, Relations>);

/// Two processes, the one with the lower number first; `None` if they are one.
fn in_order<'a>(one: &'a Process, other: &'a Process) -> Option<(End<'a>, End<'a>)> {
    let (low, high) = match one.pid.cmp(&other.pid) {
        Ordering::Less => (one, other),
        Ordering::Greater => (other, one),
        Ordering::Equal => return None,
    };
    Some(((low.pid, low.relations()), (high.pid, high.relations())))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn many_watchers_are_told_once_each() {
        let mut relations = Relations::default();
        for round in 0..2 {
            for i in 0..100 {
                let expected = if round == 0 { Ok(()) } else { Err(RelationError::Exists) };
                assert_eq!(relations.watch(Pid(i), Relation::Link), expected);
                assert_eq!(relations.watch(Pid(i), Relation::Monitor), expected);
            }
        }
        (0..50).for_each(|i| relations.unwatch(Pid(i), Relation::Link));
        let ties = relations.end();
        let mut told = Vec::new();
        ties.watchers.for_each(|pid, relation| told.push((pid.0, relation == Relation::Link)));
        told.sort_unstable();
        let expected: Vec<_> = (0..100).flat_map(|i| [(i, false), (i, true)]).filter(|(i, l)| *i >= 50 || !l).collect();
        assert_eq!(told, expected);
        assert!(relations.end().watchers.is_empty());
        assert_eq!(relations.watch(Pid(1), Relation::Link), Err(RelationError::Ended));
    }
}
