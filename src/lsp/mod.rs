//! The language server: what editors are told about programs while these are written, over the Language Server Protocol.
//!
//! | file | room |
//! | --- | --- |
//! | `server` | the conversation: messages in and out, from the first to the last |
//! | `transport` | messages on streams |
//! | `inbox` | messages that wait for an answer, and those that need none any more |
//! | `workspace` | open documents, the checker run that knows them, what was found |
//! | `features` | the answers, one function for each kind of question |
//! | `rename` | new names for variables and types |
//! | `text` | documents and places in them, as the protocol counts |
//! | `uri` | files as the protocol names them |
//!
//! House rules:
//! * One thread answers one message after another, in order. What is asked is answered exactly once.
//! * All knowledge of the language comes from [`crate::types`]; here it is translated.
//! * The protocol counts UTF-16 units in lines, the checker bytes in the text. `text` alone converts.
//! * A text is checked as it is on the screen. Its first line with `#`, if it has one, is blanked and not removed, so that
//!   all places keep their numbers.

mod features;
mod inbox;
mod rename;
mod server;
mod text;
mod transport;
mod uri;
mod workspace;

use std::path::PathBuf;

use hashbrown::HashSet;

pub use server::serve;
pub use transport::connect;

use crate::types::{Manifest, Sources};

/// What the server needs to know of the world around the checker.
#[derive(Clone, Copy)]
pub struct Setup {
    /// Who knows which files, given the folders that are open. The last one is for all files that no other has.
    pub realms: fn(&[PathBuf]) -> Vec<Realm>,
    /// Whether a realm may be another one when this file has changed.
    pub defines: fn(&std::path::Path) -> bool,
}

/// Files that are checked together: those of an application, for example.
pub struct Realm {
    /// The libraries of its programs.
    pub manifests: Vec<Manifest>,
    /// Where modules are found.
    pub sources: Box<dyn Sources>,
    /// Its files, by absolute paths.
    pub files: HashSet<PathBuf>,
}
