//! Tests of an application: entries with `meta.type: test`, functions or processes. Each runs once, in the order of the
//! ids, after the services have started; it fails if it ends with an error, or returns false, or takes too long.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use super::catalog::Catalog;
use super::definition::Definition;
use super::kinds::{FUNCTION, PROCESS};
use super::link::default_host;
use crate::runtime::core::RuntimeCore;
use crate::runtime::data::Data;
use crate::runtime::errors::ErrorData;
use crate::runtime::system::spawn_entry;
use crate::runtime::time;
use crate::runtime::transfer::Parcel;

/// How long a test may take unless its `meta.timeout` says otherwise.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A test.
pub struct Test(Arc<Definition>);

/// Why a test has failed.
pub struct Failure {
    /// In a line.
    pub message: String,
    /// Where, a line per frame; may be empty.
    pub stack: String,
}

impl Test {
    /// Its id.
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// Runs it in an application whose services run.
    ///
    /// # Errors
    /// Why it has failed.
    pub fn run(&self, core: &Arc<RuntimeCore>) -> Result<(), Failure> {
        let host = match default_host(&self.0) {
            Some(host) => core.hosts.for_spawn(host).map_err(|error| failure(&error))?,
            None => core.hosts.for_function(self.id()),
        };
        let (sender, outcome) = mpsc::channel();
        // The receiver is gone if the test has taken too long.
        let on_exit = Box::new(move |outcome| drop(sender.send(outcome)));
        let process =
            spawn_entry(core, &host, self.id(), &Parcel::Empty, None, on_exit).map_err(|error| failure(&error))?;
        let limit = self.0.meta.get("timeout").and_then(time::Duration::of_data).unwrap_or(TIMEOUT);
        match outcome.recv_timeout(limit) {
            Ok(Ok(Parcel::Boolean(false))) => {
                Err(Failure { message: "it returned false".to_owned(), stack: String::new() })
            }
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(failure(&error)),
            Err(RecvTimeoutError::Timeout) => {
                core.scheduler.kill(&process);
                let message = format!("it has not ended after {} s", limit.as_secs_f64());
                Err(Failure { message, stack: String::new() })
            }
            Err(RecvTimeoutError::Disconnected) => {
                Err(Failure { message: "it was not run to its end".to_owned(), stack: String::new() })
            }
        }
    }
}

fn failure(error: &ErrorData) -> Failure {
    Failure { message: error.full_text(), stack: error.stack.clone() }
}

/// The tests of an application whose ids contain `filter`.
pub fn tests(catalog: &Catalog, filter: &str) -> Vec<Test> {
    let version = catalog.current();
    let is_test = |definition: &&Arc<Definition>| {
        definition.meta.get("type").and_then(Data::as_str) == Some("test") && definition.id.contains(filter)
    };
    version
        .linked
        .of_kinds(&[FUNCTION, PROCESS])
        .filter(is_test)
        .map(|definition| Test(Arc::clone(definition)))
        .collect()
}
