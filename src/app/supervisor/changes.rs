//! What changes of the registry mean for what runs: entries that are new are looked after like the others, those that are gone
//! come to their end, and those that are different do so and start anew.

use std::sync::Arc;

use super::{Running, State, Supervisor, is_supervised, report};
use crate::app::definition::Definition;
use crate::runtime::errors::ErrorData;
use crate::runtime::io::Completion;

/// What becomes of an entry when it has stopped.
pub(super) enum Fate {
    /// It is forgotten.
    Gone,
    /// It is this one from then on.
    Replaced(Arc<Definition>),
}

impl Supervisor {
    /// Compares what runs with the current entries.
    pub(super) fn follow(&mut self) {
        let version = self.catalog.current();
        let definitions = &version.linked.definitions;
        for id in self.ids(|_| true) {
            let definition = definitions.get(&*id).filter(|definition| is_supervised(&definition.kind));
            let Some(unit) = self.units.get_mut(&id) else { continue };
            let is_same = definition.is_some_and(|definition| Arc::ptr_eq(definition, &unit.definition));
            if is_same && unit.fate.is_none() {
                self.refresh(&id);
                continue;
            }
            unit.fate = Some(definition.map_or(Fate::Gone, |definition| Fate::Replaced(Arc::clone(definition))));
            self.retire(&id);
        }
        let is_new = |definition: &&Arc<Definition>| {
            is_supervised(&definition.kind) && !self.units.contains_key(&*definition.id)
        };
        let new: Vec<&Arc<Definition>> = definitions.values().filter(is_new).collect();
        new.iter().for_each(|definition| self.add(definition, 0));
        // What one requires may be another new one.
        for definition in new {
            if self.units[&*definition.id].lifecycle.auto_start {
                self.want(&definition.id);
            }
        }
    }

    /// Has an entry that runs look at the others, if it is made of them.
    fn refresh(&mut self, id: &str) {
        let Some(unit) = self.units.get_mut(id) else { return };
        let Some(Running::Resource(resource)) = unit.running.as_ref().filter(|_| unit.state == State::Running) else {
            return;
        };
        let Some(work) = Arc::clone(resource).refresh() else { return };
        let id = Arc::clone(&unit.definition.id);
        let refreshed = move |result: Completion<Result<(), ErrorData>>| {
            if let Ok(Err(error)) = result {
                report(&id, &format!("{}; it goes on as before", error.full_text()));
            }
        };
        unit.operation = self.core.io.spawn_io(work, refreshed).ok();
    }

    /// Has an entry come to its end, whatever it does.
    fn retire(&mut self, id: &str) {
        let Some(unit) = self.units.get_mut(id) else { return };
        match unit.state {
            State::Running => _ = self.stop_unit(id),
            State::Starting | State::Failed => {
                // What comes of a start is not wanted any more. One on a thread of its own goes on, and tells of it.
                unit.run += 1;
                unit.due = None;
                unit.state = State::Stopped;
                if unit.operation.take().is_some() {
                    unit.loading = false;
                }
            }
            _ => {}
        }
    }

    /// Does what was to be done with entries when they have stopped.
    pub(super) fn settle(&mut self) {
        let is_over = |state| !matches!(state, State::Starting | State::Running | State::Stopping);
        for id in self.ids(|unit| unit.fate.is_some() && is_over(unit.state) && !unit.loading) {
            let Some(unit) = self.units.remove(&id) else { continue };
            match unit.fate {
                Some(Fate::Replaced(definition)) => {
                    // News of the old one is not meant for the new one.
                    self.add(&definition, unit.run + 1);
                    if unit.state != State::Unknown || self.units[&id].lifecycle.auto_start {
                        self.want(&id);
                    }
                }
                _ => self.core.services.forget(&id),
            }
        }
    }
}
