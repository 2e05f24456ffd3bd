//! Modules of the host: the trait, and what their functions are made of.
//!
//! [`Module`] says what a module is and shows a small one. Its functions are [`function`]s that answer at once, or
//! [`async_function`]s, which may wait. Objects that programs hold are values of a type with [`Object`]; what they hold of the outside
//! world is given back in reverse order when their process ends. Given to
//! [`RuntimeBuilder::module`](super::RuntimeBuilder::module), a module is there for every process. `examples/module.rs` has one
//! with state, objects and functions that wait.

pub use crate::runtime::errors::{
    ALREADY_EXISTS, CANCELED, CONFLICT, ErrorData, INTERNAL, INVALID, NOT_FOUND, PERMISSION_DENIED, RATE_LIMITED,
    TIMEOUT, UNAVAILABLE,
};
pub use crate::runtime::module::convert::{Bytes, FromArgument, FromArguments, IntoResult, IntoResults, Result};
pub use crate::runtime::module::function::{async_function, async_method, function, method};
pub use crate::runtime::module::object::{New, Object};
pub use crate::runtime::module::{Module, ModuleClass};
pub use crate::vm::image::{Library, Literal};
pub use crate::vm::native::Native;
pub use crate::vm::userdata::Class;
