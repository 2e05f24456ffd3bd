//! The name registry (`runtime.md` §2.13): which process has a name.
//!
//! A process notes its names, too, so that its end releases them without a search. Both sides change together, under the
//! lock of the registry: the registry is locked first, a process's relations second.

use hashbrown::{HashMap, HashSet};
use parking_lot::RwLock;

use super::pid::Pid;
use super::process::Process;
use super::process_table::ProcessTable;
use super::sparse::shrink_map;

/// See the module header.
#[derive(Default)]
pub struct Names(RwLock<HashMap<Box<[u8]>, Pid>>);

/// Why a name could not be given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NameError {
    /// Another process has it.
    Taken(Pid),
    /// The process has ended.
    Ended,
}

impl Names {
    /// Who has a name.
    pub fn lookup(&self, name: &[u8]) -> Option<Pid> {
        self.0.read().get(name).copied()
    }

    /// Gives a name to a process; giving it again changes nothing. The name of a process that has ended is free, even
    /// before it is released. Before anybody can find the process under the name, `publish` is called: a new process enters
    /// the process table then.
    ///
    /// # Errors
    /// See [`NameError`].
    pub fn register(&self, name: &[u8], process: &Process, publish: impl FnOnce()) -> Result<(), NameError> {
        let mut names = self.0.write();
        match names.get(name) {
            Some(owner) if *owner == process.pid => return Ok(()),
            Some(owner) if is_alive(&process.core.processes, *owner) => return Err(NameError::Taken(*owner)),
            _ => {}
        }
        if !process.relations().note_name(name) {
            return Err(NameError::Ended);
        }
        publish();
        names.insert(name.into(), process.pid);
        Ok(())
    }

    /// Frees a name. `false` if nobody has it.
    pub fn unregister(&self, name: &[u8], processes: &ProcessTable) -> bool {
        let mut names = self.0.write();
        let Some(owner) = names.remove(name) else { return false };
        shrink_map(&mut names);
        if let Some(process) = processes.get(owner) {
            process.relations().forget_name(name);
        }
        true
    }

    /// Frees the names of a process that has ended.
    pub fn release(&self, pid: Pid, noted: &HashSet<Box<[u8]>>) {
        if noted.is_empty() {
            return;
        }
        let mut names = self.0.write();
        for name in noted {
            if names.get(name) == Some(&pid) {
                names.remove(name);
            }
        }
        shrink_map(&mut names);
    }

    /// The number of names.
    pub fn len(&self) -> usize {
        self.0.read().len()
    }

    /// Whether there is no name.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn is_alive(processes: &ProcessTable, pid: Pid) -> bool {
    processes.get(pid).is_some_and(|process| !process.relations().have_ended())
}
