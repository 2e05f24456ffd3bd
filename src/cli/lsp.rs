//! `moonlet lsp`: the language server on the standard streams.

use std::io::{self, BufReader};
use std::process::ExitCode;

use super::check::{Folders, with_stack};
use super::fail;
use crate::lsp::{Setup, connect, serve};
use crate::modules::all_manifests;

pub(super) fn lsp() -> ExitCode {
    with_stack(|| {
        let connected = connect(BufReader::new(io::stdin()), io::stdout());
        let (connection, threads) = match connected {
            Ok(connected) => connected,
            Err(error) => return fail(&format!("cannot start a thread: {error}")),
        };
        let setup = Setup { manifests: all_manifests(), sources: |roots| Box::new(Folders::new(roots)) };
        let served = serve(&connection, setup);
        drop(connection);
        let in_order = match served {
            Ok(in_order) => in_order,
            // Whoever speaks like that may go on speaking.
            Err(message) => return fail(&message),
        };
        match threads.join() {
            Ok(()) if in_order => ExitCode::SUCCESS,
            Ok(()) => ExitCode::FAILURE,
            Err(error) => fail(&format!("cannot read or write messages: {error}")),
        }
    })
}
