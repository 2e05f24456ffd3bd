//! Errors on their way up the stack of a coroutine.

use super::value::Value;

/// A raised Lua error. It is boxed wherever it is returned.
#[derive(Debug)]
pub struct LuaError {
    /// The error value (manual §2.3); any Lua value.
    pub value: Value,
    /// What kind of error it is; programs see only `value`.
    pub kind: ErrorKind,
    /// The stack at the place where it was raised; filled in when nothing catches it.
    pub traceback: Option<String>,
}

/// Errors the machine itself must tell apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ErrorKind {
    /// An ordinary error.
    Runtime,
    /// The memory limit was passed.
    Memory,
    /// The stack reached its limit.
    StackOverflow,
    /// Came out of a message handler: no further handler runs.
    Handled,
}

impl LuaError {
    /// An ordinary error with an error value.
    pub fn new(value: Value) -> Box<LuaError> {
        Box::new(LuaError { value, kind: ErrorKind::Runtime, traceback: None })
    }

    /// An error of another kind.
    pub fn with_kind(value: Value, kind: ErrorKind) -> Box<LuaError> {
        Box::new(LuaError { value, kind, traceback: None })
    }
}
