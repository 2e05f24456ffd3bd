//! The gradual type system: what annotations mean, and where a program contradicts them.
//!
//! | file | owns |
//! | --- | --- |
//! | `ty` | the arena of types; a type is an id |
//! | `algebra` | unions, intersections, widening: normal forms |
//! | `relate` | which types fit where |
//! | `generics` | type parameters |
//! | `shape` | tables whose types are inferred |
//! | `display` | types as text |
//! | `lower` | from annotations to types |
//! | `validator`, `host` | `@min(0)` and the like; those of the host |
//! | `scope` | which variable a name means, and what happens to each |
//! | `facts` | what is known at a point of the program |
//! | `check/` | statements and expressions |
//! | `annotations` | what must have types, where that is required |
//! | `library` | interfaces of modules, and manifests that declare them |
//! | `project` | chunks that require each other |
//! | `query/` | what editors ask about a checked chunk |
//! | `declared` | names in manifests, for tests |
//! | `mode`, `codes`, `diagnostic`, `names` | how strictly; what is reported, as data |
//!
//! Nothing here runs a program or knows values. The checker is total: it ends for every tree, in time about linear in its
//! size, and what it says never changes what the program does.

mod algebra;
mod annotations;
mod check;
mod codes;
#[cfg(test)]
pub mod declared;
mod diagnostic;
mod display;
mod facts;
mod generics;
mod host;
mod library;
mod lower;
mod mode;
mod names;
mod project;
mod query;
mod relate;
mod scope;
mod shape;
#[cfg(test)]
mod tests;
mod ty;
mod validator;

pub use codes::{Code, CodeInfo, Severity};
pub use diagnostic::{Diagnostic, Note};
pub use host::{Kinds, NameError, Scalar, Validator};
pub use library::{GLOBALS, Manifest};
pub use mode::Mode;
pub use project::{Checked, Options, Project, Sources, has_errors};
pub use query::{Completion, CompletionKind, Hover, Location, Query, Reference, Signature, Symbol, SymbolKind};
pub use validator::compile_pattern;
