//! The process that was sent to last: most processes send to the same one again and again, and finding it costs more than
//! the rest of a send.
//!
//! It is found again by its PID only, because a name may change its owner. One that has ended is looked up anew, so that
//! the sender is told the same as if it had not been kept.

use std::sync::Arc;

use super::core::RuntimeCore;
use super::errors::ErrorData;
use super::pid::{Pid, PidText};
use super::process::Process;
use crate::vm::pool::Pooled;

/// See the module header.
#[derive(Default)]
pub struct LastTarget(Option<Pooled<Found>>);

struct Found {
    /// The PID it was found by, in text form; empty if it was found by name.
    pid: PidText,
    process: Arc<Process>,
}

impl LastTarget {
    /// The process with this PID or name.
    ///
    /// # Errors
    /// `NotFound`
    pub fn resolve(&mut self, core: &RuntimeCore, destination: &[u8]) -> Result<&Arc<Process>, ErrorData> {
        if self.known(destination).is_none() {
            self.0 = None;
            self.0 = Some(look_up(core, destination)?);
        }
        Ok(&self.0.as_ref().expect("known, or looked up").process)
    }

    /// The process with this PID, if it is the one that was sent to last.
    #[inline]
    pub fn known(&self, destination: &[u8]) -> Option<&Arc<Process>> {
        let found = self.0.as_ref()?;
        let same = !destination.is_empty() && found.pid.as_slice() == destination;
        (same && !found.process.mailbox.is_closed()).then_some(&found.process)
    }
}

fn look_up(core: &RuntimeCore, destination: &[u8]) -> Result<Pooled<Found>, ErrorData> {
    let process = core.resolve(destination)?;
    let pid = if Pid::looks_like(destination) { PidText::from_slice(destination) } else { PidText::new() };
    Ok(Pooled::new(Found { pid, process }))
}
