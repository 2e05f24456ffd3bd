//! Requests that are answered by processes of an entry.

use std::sync::Arc;

use super::service::Handler;
use crate::runtime::core::RuntimeCore;
use crate::runtime::errors::ErrorData;
use crate::runtime::links::OnExit;
use crate::runtime::pid::Pid;
use crate::runtime::process::Process;
use crate::runtime::spawn::{self, Launch, Start};
use crate::runtime::transfer::Parcel;

/// Starts a process of an entry for each request.
pub struct EntryHandler(pub Box<str>);

impl Handler for EntryHandler {
    fn start(&self, core: &Arc<RuntimeCore>, prepare: &dyn Fn(Pid), then: OnExit) {
        match self.create(core) {
            Ok(process) => {
                prepare(process.pid);
                process.on_exit(then);
                spawn::launch(process, Launch::default()).unwrap_or_else(|_| unreachable!("only a name can be taken"));
            }
            Err(error) => then(Err(Arc::new(error))),
        }
    }
}

impl EntryHandler {
    fn create(&self, core: &Arc<RuntimeCore>) -> Result<Arc<Process>, ErrorData> {
        let entry = core.entries.resolve(&core.image, &self.0)?;
        spawn::create(core, &Start::Entry(&entry), &Parcel::Empty, None, None)
    }
}
