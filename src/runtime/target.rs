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
use crate::vm::cache;
use crate::vm::pool::Pooled;

/// See the module header.
#[derive(Default)]
pub struct LastTarget {
    process: Option<Arc<Process>>,
    /// The PID it was found by, in text form; none if it was found by name.
    pid: Option<Pooled<PidText>>,
}

impl LastTarget {
    /// The process with this PID or name.
    ///
    /// # Errors
    /// `NotFound`
    pub fn resolve(&mut self, core: &RuntimeCore, destination: &[u8]) -> Result<&Arc<Process>, ErrorData> {
        if self.known(destination).is_none() {
            *self = LastTarget::default();
            let process = core.resolve(destination)?;
            self.pid = Pid::looks_like(destination).then(|| Pooled::new(PidText::from_slice(destination)));
            self.process = Some(process);
        }
        Ok(self.process.as_ref().expect("known, or looked up"))
    }

    /// The process with this PID, if it is the one that was sent to last.
    #[inline]
    pub fn known(&self, destination: &[u8]) -> Option<&Arc<Process>> {
        let same = self.pid.as_ref()?.as_slice() == destination;
        self.process.as_ref().filter(|process| same && !process.mailbox.is_closed())
    }

    /// The process that was sent to last.
    #[inline]
    pub fn process(&self) -> Option<&Arc<Process>> {
        self.process.as_ref()
    }

    /// Begins to fetch what a send to it touches first, see [`cache`].
    #[inline]
    pub fn prefetch(&self) {
        if let (Some(process), Some(pid)) = (&self.process, &self.pid) {
            cache::prefetch(&**process, size_of::<Process>());
            cache::prefetch(&**pid, size_of::<PidText>());
        }
    }
}
