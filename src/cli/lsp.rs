//! `moonlet lsp`: the language server on the standard streams.

use std::io::{self, BufReader};
use std::path::{PathBuf, absolute};
use std::process::ExitCode;

use hashbrown::HashSet;

use super::check::{Folders, with_stack};
use super::fail;
use crate::app::checking::{self, load_applications};
use crate::app::definition::is_definition;
use crate::lsp::{Realm, Setup, connect, serve};
use crate::modules::all_manifests;

pub(super) fn lsp() -> ExitCode {
    with_stack(|| {
        let connected = connect(BufReader::new(io::stdin()), io::stdout());
        let (connection, threads) = match connected {
            Ok(connected) => connected,
            Err(error) => return fail(&format!("cannot start a thread: {error}")),
        };
        let served = serve(&connection, Setup { realms, defines: is_definition });
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

/// The applications in the folders, as far as their definitions can be read, and all other files.
fn realms(roots: &[PathBuf]) -> Vec<Realm> {
    let applications = roots.iter().filter_map(|root| load_applications(root).ok()).flatten();
    let applications = applications.filter(|application| !application.definitions.is_empty()).map(|application| {
        let (files, sources) = checking::sources(&application.definitions);
        let files: HashSet<PathBuf> = files.iter().filter_map(|file| absolute(file).ok()).collect();
        Realm { manifests: checking::manifests(), sources, files }
    });
    let others = Realm { manifests: all_manifests(), sources: Box::new(Folders::new(roots)), files: HashSet::new() };
    applications.chain([others]).collect()
}
