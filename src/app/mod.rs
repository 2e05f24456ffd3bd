//! Applications: where entry ids lead, and what makes the entries of an application run.
//!
//! | file | room |
//! | --- | --- |
//! | [`script`] | a script and the modules in its folder, without entry definitions |
//! | [`definition`], [`problem`] | definitions in files; what is wrong with them |
//! | [`kinds`], [`policy`] | the kinds of entries and their fields; what `lifecycle` means |
//! | [`link`] | definitions fit together: compiled code, references, imports |
//! | [`checking`] | what the checker finds in their code |
//! | [`catalog`], [`registry`], `filter` | the entries of a running application, and their changes; the module that shows them; what it looks for |
//! | [`supervisor`] | hosts, services and servers: start, restart, stop |
//! | `web` | from the entries of an HTTP server to what is started |
//! | [`application`] | all of that together |
//! | [`tester`], [`template`] | tests of applications; the first application |
//!
//! The way of a definition: file → [`definition::Definition`] → [`link::Linked`] → [`catalog::Catalog`]. Up to the last step nothing
//! runs, and whatever is wrong is reported together.

#[cfg(feature = "app")]
pub mod application;
#[cfg(feature = "app")]
pub mod catalog;
#[cfg(feature = "app")]
pub mod checking;
#[cfg(feature = "app")]
pub mod definition;
#[cfg(feature = "app")]
mod filter;
#[cfg(feature = "app")]
pub mod kinds;
#[cfg(feature = "app")]
pub mod link;
#[cfg(feature = "app")]
pub mod policy;
#[cfg(feature = "app")]
pub mod problem;
#[cfg(feature = "app")]
pub mod registry;
pub mod script;
#[cfg(feature = "app")]
pub mod supervisor;
#[cfg(feature = "app")]
pub mod template;
#[cfg(feature = "app")]
pub mod tester;
#[cfg(feature = "http")]
mod web;
