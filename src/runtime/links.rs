//! What the end of a process concerns: who monitors it, who is linked to it (`runtime.md` §2.5, §2.6), its names, and
//! what a host wants done.
//!
//! A process that nobody watches and that has no name pays two words for it.

use smallvec::SmallVec;

use super::mail::Outcome;
use super::pid::Pid;
use crate::vm::pool::Pooled;

/// What is called with the outcome of a process.
pub type OnExit = Box<dyn FnOnce(Outcome) + Send>;

/// Why a process is told of the end of another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
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

/// The relations of one process; see the module header.
#[derive(Default)]
pub struct Relations {
    /// From then on nobody can begin to watch.
    ended: bool,
    ties: Option<Pooled<Ties>>,
}

/// What has to be done when the process ends.
#[derive(Default)]
pub struct Ties {
    /// Who is told.
    pub watchers: SmallVec<[(Pid, Relation); 1]>,
    /// The names to be released.
    pub names: Vec<Box<[u8]>>,
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
        let watchers = &mut self.ties().watchers;
        if watchers.contains(&(watcher, relation)) {
            return Err(RelationError::Exists);
        }
        watchers.push((watcher, relation));
        Ok(())
    }

    /// Takes a relation back.
    pub fn unwatch(&mut self, watcher: Pid, relation: Relation) {
        if let Some(ties) = &mut self.ties {
            ties.watchers.retain(|other| *other != (watcher, relation));
        }
    }

    /// Notes a name of the process. `false` if it has ended.
    pub fn note_name(&mut self, name: &[u8]) -> bool {
        if !self.ended {
            self.ties().names.push(name.into());
        }
        !self.ended
    }

    /// A name was taken from the process.
    pub fn forget_name(&mut self, name: &[u8]) {
        if let Some(ties) = &mut self.ties {
            ties.names.retain(|other| **other != *name);
        }
    }

    /// Whether anybody wants to know the outcome.
    pub fn outcome_matters(&self) -> bool {
        self.ties.as_ref().is_some_and(|ties| ties.on_exit.is_some() || !ties.watchers.is_empty())
    }

    /// The process ends; what there is to do.
    pub fn end(&mut self) -> Ties {
        self.ended = true;
        self.ties.take().map(Pooled::into_inner).unwrap_or_default()
    }
}
